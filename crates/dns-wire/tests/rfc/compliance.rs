//! RFC 8906 section 8, and the list of ISC's EDNS compliance questions, which has some more; one test for each: "Is the server
//! configured for the zone" is the first of them, and every other changes one thing.

use crate::support::{Ask, Reply, ask::raw, catalog};
use dns_wire::Transport;
use zone_model::Catalog;

const SOA: u16 = 6;
const AD: u16 = 0x0020;
const CD: u16 = 0x0010;
const Z: u16 = 0x0040;
const RD: u16 = 0x0100;
const DO: u16 = 0x8000;

/// What is asked of `example.`; nothing of it is usual.
#[derive(Clone, Copy)]
struct Asked {
    flags: u16,
    rtype: u16,
    /// Version, flags, options.
    edns: Option<(u8, u16, &'static [u8])>,
    payload: u16,
    transport: Transport,
}

const PLAIN: Asked = Asked { flags: 0, rtype: SOA, edns: None, payload: 4096, transport: Transport::Udp };

/// An option that nobody has defined, and, in a row, NSID, a client cookie, EXPIRE and a client subnet of nobody.
const UNKNOWN: &[u8] = b"\x00\x64\x00\x00";
const SEVERAL: &[u8] =
    b"\x00\x03\x00\x00\x00\x0a\x00\x08abcdefgh\x00\x09\x00\x00\x00\x08\x00\x04\x00\x01\x00\x00";

fn zone() -> Catalog {
    let texts: String = (0..20).map(|at| format!("example. TXT {at}{}\n", "x".repeat(100))).collect();
    catalog(&format!(
        "example. SOA ns.example. admin.example. 1 7200 3600 1209600 60\nexample. NS ns.example.\n{texts}"
    ))
}

// === impl Asked ===

impl Asked {
    fn reply(self) -> Reply {
        let mut octets = vec![0x12, 0x34];
        octets.extend(self.flags.to_be_bytes());
        octets.extend([0, 1, 0, 0, 0, 0, 0, u8::from(self.edns.is_some())]);
        octets.extend(b"\x07example\x00");
        octets.extend(self.rtype.to_be_bytes());
        octets.extend([0, 1]);
        if let Some((version, flags, options)) = self.edns {
            octets.extend([0, 0, 41]);
            octets.extend(self.payload.to_be_bytes());
            octets.extend([0, version]);
            octets.extend(flags.to_be_bytes());
            octets.extend([0, options.len() as u8]);
            octets.extend(options);
        }
        let mut client = Ask::new("x. A").client;
        if self.transport == Transport::Tcp {
            client = Ask::new("x. A").tcp().client;
        }
        Reply::read(&raw(&zone(), &octets, &client).expect("an answer"))
    }

    /// "expect: the SOA record to be present in the answer section; AA; RCODE NOERROR", and an OPT of version 0
    /// without unknown flags or options where there was one in the query.
    #[track_caller]
    fn is_answered(self) -> Reply {
        let reply = self.reply();
        assert_eq!((reply.rcode(), reply.flag('a'), reply.flag('t')), (0, true, false), "{reply}");
        assert_eq!(reply.answers(), ["example. 300 SOA ns.example. admin.example. 1 7200 3600 1209600 60"]);
        self.has_opt(&reply);
        reply
    }

    /// "expect: the SOA record to NOT be present in the answer section; RCODE BADVERS; EDNS version 0."
    #[track_caller]
    fn is_bad_version(self) {
        let reply = self.reply();
        assert_eq!((reply.rcode(), reply.answers().len(), reply.flag('a')), (16, 0, false), "{reply}");
        self.has_opt(&reply);
    }

    #[track_caller]
    fn has_opt(self, reply: &Reply) {
        let asked = self.edns.map(|(_, flags, _)| (0, flags & DO, 0));
        assert_eq!(reply.opt().map(|opt| (opt.version, opt.flags, opt.rdlength)), asked, "{reply}");
    }
}

/// Section 8.1.1.
#[test]
fn the_server_is_configured_for_the_zone() {
    let reply = PLAIN.is_answered();
    assert_eq!(reply.parsed.flags, 0x8400);
}

/// Section 8.1.2.
#[test]
fn an_unknown_type() {
    let reply = Asked { rtype: 1000, ..PLAIN }.reply();
    assert_eq!((reply.rcode(), reply.flag('a'), reply.answers().len()), (0, true, 0));
    assert_eq!((reply.authority().len(), reply.opt()), (1, None));
}

/// Section 8.1.3.1.
#[test]
fn cd_is_set() {
    Asked { flags: CD, ..PLAIN }.is_answered();
}

/// Section 8.1.3.2: AD is "clear unless the server supports DNSSEC and has validated", which this one has not.
#[test]
fn ad_is_set() {
    assert_eq!(Asked { flags: AD, ..PLAIN }.is_answered().parsed.flags & AD, 0);
}

/// Section 8.1.3.3: "expect: MBZ to NOT be in the response".
#[test]
fn the_reserved_bit_is_set() {
    assert_eq!(Asked { flags: Z, ..PLAIN }.is_answered().parsed.flags & Z, 0);
}

/// Section 8.1.3.4: RD is repeated; RA says that nobody is served recursively.
#[test]
fn recursion_is_desired() {
    assert_eq!(Asked { flags: RD, ..PLAIN }.is_answered().parsed.flags, 0x8400 | RD);
}

/// Section 8.1.4: a header alone, opcode 15: "expect: RCODE NOTIMP; SOA NOT present; AA NOT present".
#[test]
fn an_unknown_opcode() {
    let octets = [0x12, 0x34, 15 << 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let reply = Reply::read(&raw(&zone(), &octets, &Ask::new("x. A").client).expect("an answer"));
    assert_eq!((reply.rcode(), reply.flag('a'), reply.octets.len()), (4, false, 12));
    assert_eq!(reply.parsed.flags, 0x8004 | 15 << 11);
}

/// Section 8.1.5.
#[test]
fn over_tcp() {
    Asked { transport: Transport::Tcp, ..PLAIN }.is_answered();
}

/// Section 8.2.1.
#[test]
fn minimal_edns() {
    Asked { edns: Some((0, 0, &[])), ..PLAIN }.is_answered();
}

/// Section 8.2.2.
#[test]
fn another_edns_version() {
    Asked { edns: Some((1, 0, &[])), ..PLAIN }.is_bad_version();
}

/// Section 8.2.3.
#[test]
fn an_unknown_edns_option() {
    Asked { edns: Some((0, 0, UNKNOWN)), ..PLAIN }.is_answered();
}

/// Section 8.2.4: "expect: Z bits to be clear in response".
#[test]
fn an_unknown_edns_flag() {
    Asked { edns: Some((0, 0x40, &[])), ..PLAIN }.is_answered();
}

/// Section 8.2.5.
#[test]
fn another_edns_version_with_an_unknown_flag() {
    Asked { edns: Some((1, 0x40, &[])), ..PLAIN }.is_bad_version();
}

/// Section 8.2.6.
#[test]
fn another_edns_version_with_an_unknown_option() {
    Asked { edns: Some((1, 0, UNKNOWN)), ..PLAIN }.is_bad_version();
}

/// Section 8.2.7: an answer that was cut has its OPT: "expect: OPT record to be present", DO as it was.
#[test]
fn a_truncated_answer() {
    let asked = Asked { rtype: 16, edns: Some((0, DO, &[])), payload: 512, ..PLAIN };
    let reply = asked.reply();
    assert!(reply.flag('t') && reply.octets.len() <= 512, "{reply}");
    asked.has_opt(&reply);
}

/// Section 8.2.8: "expect: DO=1 to be present if an RRSIG is in the response"; it is repeated in any case (RFC 3225
/// section 3).
#[test]
fn do_is_set() {
    Asked { edns: Some((0, DO, &[])), ..PLAIN }.is_answered();
}

/// Section 8.2.9.
#[test]
fn another_edns_version_with_do() {
    Asked { edns: Some((1, DO, &[])), ..PLAIN }.is_bad_version();
}

/// Section 8.2.10: NSID, DNS COOKIE, EXPIRE and EDNS Client Subnet at once, none of which must be answered.
#[test]
fn several_edns_options() {
    Asked { edns: Some((0, 0, SEVERAL)), ..PLAIN }.is_answered();
    Asked { edns: Some((0, DO, SEVERAL)), transport: Transport::Tcp, ..PLAIN }.is_answered();
}

/// ISC's `docookie`: a client cookie beside DO; this server makes none, and an option that it does not know is ignored.
#[test]
fn a_cookie_with_do() {
    Asked { edns: Some((0, DO, b"\x00\x0a\x00\x08abcdefgh")), ..PLAIN }.is_answered();
}

/// ISC's `edns512tcp`: the payload is about UDP alone; over TCP the answer is whole.
#[test]
fn a_small_payload_over_tcp() {
    let asked =
        Asked { rtype: 16, edns: Some((0, DO, &[])), payload: 512, transport: Transport::Tcp, ..PLAIN };
    let reply = asked.reply();
    assert!(!reply.flag('t') && reply.answers().len() == 20 && reply.octets.len() > 512, "{reply}");
    asked.has_opt(&reply);
}

/// ISC's `opcodeflg`: the unknown opcode with every other flag set: none of them comes back but RD.
#[test]
fn an_unknown_opcode_with_flags() {
    let octets = [0x12, 0x34, 15 << 3 | 0x07, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0];
    let reply = Reply::read(&raw(&zone(), &octets, &Ask::new("x. A").client).expect("an answer"));
    assert_eq!((reply.parsed.flags, reply.octets.len()), (0x8004 | 15 << 11 | RD, 12));
}

/// ISC's `bind11` and `dig11`: what these programs of that age send.
#[test]
fn what_bind_and_dig_send() {
    for options in [&b"\x00\x0a\x00\x08abcdefgh"[..], b"\x00\x03\x00\x00\x00\x0a\x00\x08abcdefgh"] {
        for flags in [0, RD | AD, RD | CD] {
            let reply = Asked { flags, edns: Some((0, DO, options)), ..PLAIN }.is_answered();
            assert_eq!(reply.parsed.flags & (AD | CD), 0);
        }
    }
}

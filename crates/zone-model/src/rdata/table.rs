//! The one table: which fields the RDATA of each type has.
//!
//! A new type is one entry here and its vectors in `tests/rdata_vectors.rs`. A type without an entry is opaque
//! (RFC 3597).

use crate::rtype::RecordType;
use Kind::*;

/// The fields of a type's RDATA, in their order.
pub(super) struct Layout {
    pub(super) rtype: RecordType,
    pub(super) fields: &'static [Field],
}

/// One field.
pub(super) struct Field {
    /// What error messages call it.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What a field is, in text and on the wire.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A domain name.
    Name(NameRules),
    /// Domain names to the end, maybe none.
    Names(NameRules),
    /// A number of one, two or four octets.
    U8,
    U16,
    U32,
    /// A number that may be written as a mnemonic of this list; it is printed as a number.
    Code8(&'static [(&'static str, u8)]),
    Code16(&'static [(&'static str, u16)]),
    /// Seconds in four octets, which may be written with BIND's units (`1h30m`).
    Time,
    /// A moment in four octets, written YYYYMMDDHHmmSS (RFC 4034 section 3.2).
    Date,
    /// A record type in two octets.
    Type,
    /// An IPv4 or IPv6 address.
    Ipv4,
    Ipv6,
    /// A character-string (RFC 1035 section 3.3).
    Text,
    /// One that may be missing at the end.
    OptionalText,
    /// Character-strings to the end, at least one. A longer text is split.
    Texts,
    /// Octets to the end, at least so many, written as a text (CAA, URI).
    TextToEnd(usize),
    /// A character-string of 1 to 255 letters and digits (RFC 8659 section 4.1).
    Tag,
    /// Octets to the end, at least so many, in hexadecimal.
    Hex(usize),
    /// Octets to the end, at least so many, in base64.
    Base64(usize),
    /// Up to 255 octets with a length, in hexadecimal, `-` for none (RFC 5155 section 3.3).
    SizedHex,
    /// 1 to 255 octets with a length, in base32hex without padding (RFC 5155 section 3.3).
    SizedBase32,
    /// The types that a name has (RFC 4034 section 4.1.2), to the end.
    Bitmap,
    /// An address or a name, as the octet so far back, of which these bits count, says (RFC 4025 section 2.5).
    Gateway(usize, u8),
    /// The discovery bit and the type of a relay, two tokens in one octet (RFC 8777 section 4).
    Relay,
    /// Algorithm, HIT and public key of a host (RFC 8005 section 5).
    HostIdentity,
    /// Parameters of a service (RFC 9460 section 2), to the end.
    SvcParams,
    /// A place on Earth (RFC 1876).
    Location,
    /// Address prefixes (RFC 3123), to the end.
    Prefixes,
    /// So many octets in hexadecimal with hyphens (RFC 7043).
    Eui(usize),
    /// Octets to the end, written `0x` and hexadecimal, dots allowed (RFC 1706).
    Nsap,
    /// 64 bits in four groups of hexadecimal (RFC 6742 section 2.1).
    Locator64,
}

/// How a name in RDATA is treated.
#[derive(Clone, Copy)]
pub(super) struct NameRules {
    /// It may be compressed: the types of RFC 1035 alone (RFC 3597 section 4).
    pub(super) compressible: bool,
    /// It is in lower case in canonical form (RFC 4034 section 6.2, RFC 6840 section 5.1). A message that
    /// compresses it is understood: the list is that of RFC 3597 section 4 and those that took its place.
    pub(super) lowercase: bool,
    /// Addresses of it belong in the additional section.
    pub(super) additional: bool,
}

/// A name of RFC 1035.
const NAME: Kind = Name(NameRules { compressible: true, lowercase: true, additional: false });
/// A host of RFC 1035, whose addresses are additional data.
const HOST: Kind = Name(NameRules { compressible: true, lowercase: true, additional: true });
/// A name of the types that RFC 4034 section 6.2 lists beyond RFC 1035.
const LATER_NAME: Kind = Name(NameRules { compressible: false, lowercase: true, additional: false });
/// A host of those types.
const LATER_HOST: Kind = Name(NameRules { compressible: false, lowercase: true, additional: true });
/// A name of all types since: as written, to the octet.
const EXACT_NAME: Kind = Name(EXACT);
/// A host of those types.
const EXACT_HOST: Kind = Name(NameRules { compressible: false, lowercase: false, additional: true });
const EXACT: NameRules = NameRules { compressible: false, lowercase: false, additional: false };

/// RFC 4034 appendix A.1, and the registry since.
const ALGORITHM: Kind = Code8(&[
    ("DELETE", 0),
    ("RSAMD5", 1),
    ("DH", 2),
    ("DSA", 3),
    ("ECC", 4),
    ("RSASHA1", 5),
    ("DSA-NSEC3-SHA1", 6),
    ("NSEC3DSA", 6),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("NSEC3RSASHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECC-GOST", 12),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
    ("INDIRECT", 252),
    ("PRIVATEDNS", 253),
    ("PRIVATEOID", 254),
]);

/// RFC 4398 section 2.1.
const CERTIFICATE: Kind = Code16(&[
    ("PKIX", 1),
    ("SPKI", 2),
    ("PGP", 3),
    ("IPKIX", 4),
    ("ISPKI", 5),
    ("IPGP", 6),
    ("ACPKIX", 7),
    ("IACPKIX", 8),
    ("URI", 253),
    ("OID", 254),
]);

/// RFC 9859 section 6.2.
const SCHEME: Kind = Code8(&[("NOTIFY", 1)]);

macro_rules! table {
    ($($rtype:ident { $($name:literal: $kind:expr),+ $(,)? })*) => {
        pub(super) static TABLE: &[Layout] = &[
            $(Layout { rtype: RecordType::$rtype, fields: &[$(Field { name: $name, kind: $kind }),+] }),*
        ];
    };
}

table! {
    // RFC 1035
    A { "address": Ipv4 }
    NS { "name server": HOST }
    MD { "mail destination": HOST }
    MF { "mail forwarder": HOST }
    CNAME { "canonical name": NAME }
    SOA {
        "primary server": NAME, "mailbox": NAME, "serial": U32,
        "refresh": Time, "retry": Time, "expire": Time, "minimum": Time,
    }
    MB { "mailbox host": HOST }
    MG { "group member": NAME }
    MR { "new mailbox": NAME }
    PTR { "name": NAME }
    HINFO { "cpu": Text, "operating system": Text }
    MINFO { "responsible mailbox": NAME, "error mailbox": NAME }
    MX { "preference": U16, "exchange": HOST }
    TXT { "text": Texts }
    // RFC 1183
    RP { "mailbox": LATER_NAME, "text owner": LATER_NAME }
    AFSDB { "subtype": U16, "host": LATER_HOST }
    X25 { "address": Text }
    ISDN { "address": Text, "subaddress": OptionalText }
    RT { "preference": U16, "host": LATER_HOST }
    // RFC 1706
    NSAP { "address": Nsap }
    NSAP_PTR { "name": EXACT_NAME }
    // RFC 2535, RFC 2931
    SIG {
        "type covered": Type, "algorithm": ALGORITHM, "labels": U8, "original TTL": Time, "expiration": Date,
        "inception": Date, "key tag": U16, "signer": LATER_NAME, "signature": Base64(1),
    }
    KEY { "flags": U16, "protocol": U8, "algorithm": ALGORITHM, "key": Base64(0) }
    // RFC 2163
    PX { "preference": U16, "RFC 822 domain": LATER_NAME, "X.400 domain": LATER_NAME }
    // RFC 1712
    GPOS { "longitude": Text, "latitude": Text, "altitude": Text }
    // RFC 3596
    AAAA { "address": Ipv6 }
    // RFC 1876
    LOC { "location": Location }
    // RFC 2782
    SRV { "priority": U16, "weight": U16, "port": U16, "target": LATER_HOST }
    // RFC 3403
    NAPTR {
        "order": U16, "preference": U16, "flags": Text, "services": Text, "regexp": Text,
        "replacement": LATER_NAME,
    }
    // RFC 2230
    KX { "preference": U16, "exchanger": LATER_HOST }
    // RFC 4398
    CERT { "certificate type": CERTIFICATE, "key tag": U16, "algorithm": ALGORITHM, "certificate": Base64(1) }
    // RFC 6672
    DNAME { "target": LATER_NAME }
    // RFC 3123
    APL { "prefixes": Prefixes }
    // RFC 4034
    DS { "key tag": U16, "algorithm": ALGORITHM, "digest type": U8, "digest": Hex(1) }
    // RFC 4255
    SSHFP { "algorithm": U8, "fingerprint type": U8, "fingerprint": Hex(1) }
    // RFC 4025
    IPSECKEY {
        "precedence": U8, "gateway type": U8, "algorithm": U8, "gateway": Gateway(2, 0xff), "public key": Base64(0),
    }
    // RFC 4034
    RRSIG {
        "type covered": Type, "algorithm": ALGORITHM, "labels": U8, "original TTL": Time, "expiration": Date,
        "inception": Date, "key tag": U16, "signer": LATER_NAME, "signature": Base64(1),
    }
    NSEC { "next name": EXACT_NAME, "types": Bitmap }
    DNSKEY { "flags": U16, "protocol": U8, "algorithm": ALGORITHM, "public key": Base64(1) }
    // RFC 4701
    DHCID { "digest": Base64(1) }
    // RFC 5155
    NSEC3 {
        "hash algorithm": U8, "flags": U8, "iterations": U16, "salt": SizedHex, "next hash": SizedBase32,
        "types": Bitmap,
    }
    NSEC3PARAM { "hash algorithm": U8, "flags": U8, "iterations": U16, "salt": SizedHex }
    // RFC 6698
    TLSA { "usage": U8, "selector": U8, "matching type": U8, "certificate data": Hex(1) }
    // RFC 8162
    SMIMEA { "usage": U8, "selector": U8, "matching type": U8, "certificate data": Hex(1) }
    // RFC 8005
    HIP { "host identity": HostIdentity, "rendezvous servers": Names(EXACT) }
    // the registry's templates
    NINFO { "text": Texts }
    TALINK { "previous": EXACT_NAME, "next": EXACT_NAME }
    // RFC 7344
    CDS { "key tag": U16, "algorithm": ALGORITHM, "digest type": U8, "digest": Hex(1) }
    CDNSKEY { "flags": U16, "protocol": U8, "algorithm": ALGORITHM, "public key": Base64(1) }
    // RFC 7929
    OPENPGPKEY { "public key": Base64(1) }
    // RFC 7477
    CSYNC { "serial": U32, "flags": U16, "types": Bitmap }
    // RFC 8976: a digest has at least 12 octets
    ZONEMD { "serial": U32, "scheme": U8, "hash algorithm": U8, "digest": Hex(12) }
    // RFC 9460
    SVCB { "priority": U16, "target": EXACT_HOST, "parameters": SvcParams }
    HTTPS { "priority": U16, "target": EXACT_HOST, "parameters": SvcParams }
    // RFC 9859
    DSYNC { "type": Type, "scheme": SCHEME, "port": U16, "target": EXACT_NAME }
    // RFC 7208
    SPF { "text": Texts }
    // RFC 6742
    NID { "preference": U16, "node identifier": Locator64 }
    L32 { "preference": U16, "locator": Ipv4 }
    L64 { "preference": U16, "locator": Locator64 }
    LP { "preference": U16, "name": EXACT_NAME }
    // RFC 7043
    EUI48 { "address": Eui(6) }
    EUI64 { "address": Eui(8) }
    // RFC 7553
    URI { "priority": U16, "weight": U16, "target": TextToEnd(1) }
    // RFC 8659
    CAA { "flags": U8, "tag": Tag, "value": TextToEnd(0) }
    // the registry's templates
    AVC { "text": Texts }
    // RFC 8777
    AMTRELAY { "precedence": U8, "relay type": Relay, "relay": Gateway(1, 0x7f) }
    // RFC 9606
    RESINFO { "text": Texts }
    // the registry's templates
    WALLET { "text": Texts }
    TA { "key tag": U16, "algorithm": ALGORITHM, "digest type": U8, "digest": Hex(1) }
    // RFC 4431
    DLV { "key tag": U16, "algorithm": ALGORITHM, "digest type": U8, "digest": Hex(1) }
}

/// The entry of a type; `None` for an opaque one.
pub(super) fn layout(rtype: RecordType) -> Option<&'static Layout> {
    let at = match INDEX.get(usize::from(rtype.0)) {
        Some(&at) => usize::from(at),
        None => TABLE.iter().position(|layout| layout.rtype == rtype)?,
    };
    TABLE.get(at)
}

/// The types that have an entry, in the table's order.
pub(super) fn types() -> impl Iterator<Item = RecordType> {
    TABLE.iter().map(|layout| layout.rtype)
}

/// Where in the table each type below 264 stands: all but two, so that a lookup is one load.
static INDEX: [u8; 264] = {
    let mut index = [u8::MAX; 264];
    let mut at = 0;
    while at < TABLE.len() {
        let rtype = TABLE[at].rtype.0 as usize;
        if rtype < index.len() {
            index[rtype] = at as u8;
        }
        at += 1;
    }
    index
};

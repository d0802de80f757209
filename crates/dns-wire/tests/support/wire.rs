//! A parser of messages that forgives nothing: pointers lead backwards, RDATA is what its type says, nothing
//! is left over. It shares no code with what it reads.

use zone_model::{MAX_NAME, Name, RecordType, rdata};

/// A message taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    pub(crate) question: Option<(Name, RecordType, u16)>,
    /// Answer, authority, additional; OPT is not among them.
    pub(crate) sections: [Vec<Rr>; 3],
    pub(crate) opt: Option<Opt>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rr {
    /// In the case of the message.
    pub(crate) owner: Name,
    pub(crate) rtype: RecordType,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    /// Without compression.
    pub(crate) rdata: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opt {
    pub(crate) payload: u16,
    pub(crate) rcode_high: u8,
    pub(crate) version: u8,
    pub(crate) flags: u16,
    pub(crate) rdlength: u16,
}

pub(crate) fn parse(octets: &[u8]) -> Parsed {
    let mut at = 12;
    let word = |at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
    let question = match word(4) {
        0 => None,
        1 => {
            let name = name(octets, &mut at);
            at += 4;
            Some((name, RecordType(word(at - 4)), word(at - 2)))
        }
        more => panic!("{more} questions"),
    };
    let mut sections = [Vec::new(), Vec::new(), Vec::new()];
    let mut opt = None;
    for (index, section) in sections.iter_mut().enumerate() {
        for _ in 0..word(6 + index * 2) {
            let owner = name(octets, &mut at);
            let (rtype, class) = (RecordType(word(at)), word(at + 2));
            let ttl = u32::from(word(at + 4)) << 16 | u32::from(word(at + 6));
            let (start, length) = (at + 10, usize::from(word(at + 8)));
            at = start + length;
            assert!(at <= octets.len(), "RDATA ends behind the message");
            if rtype == RecordType::OPT {
                assert!(owner.is_root() && index == 2 && opt.is_none(), "an OPT where none may stand");
                let [rcode_high, version, ..] = ttl.to_be_bytes();
                let (flags, rdlength) = (ttl as u16, length as u16);
                opt = Some(Opt { payload: class, rcode_high, version, flags, rdlength });
                continue;
            }
            let rdata = rdata::expand(rtype, octets, start, length).unwrap_or_else(|error| panic!("{error}"));
            section.push(Rr { owner, rtype, class, ttl, rdata: rdata.into() });
        }
    }
    assert_eq!(at, octets.len(), "octets behind the message");
    Parsed { id: word(0), flags: word(2), question, sections, opt }
}

fn name(octets: &[u8], at: &mut usize) -> Name {
    let mut wire = Vec::new();
    let (mut from, mut end) = (*at, None);
    loop {
        match octets[from] {
            0 => {
                wire.push(0);
                *at = end.unwrap_or(from + 1);
                break;
            }
            length @ 1..=63 => {
                wire.extend_from_slice(&octets[from..=from + usize::from(length)]);
                from += usize::from(length) + 1;
            }
            high => {
                assert_eq!(high & 0xc0, 0xc0, "a reserved label type");
                let to = usize::from(u16::from_be_bytes([high & 0x3f, octets[from + 1]]));
                assert!(to < from && to >= 12, "a pointer that does not lead backwards");
                end = end.or(Some(from + 2));
                from = to;
            }
        }
        assert!(wire.len() <= MAX_NAME);
    }
    Name::from_wire(&wire).unwrap_or_else(|error| panic!("{error}"))
}

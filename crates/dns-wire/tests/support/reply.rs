//! An answer as a person reads it.

use super::line;
use super::wire::{self, Opt, Rr};
use hickory_proto::op::Message;
use hickory_proto::rr::Name;
use hickory_proto::serialize::binary::BinDecodable;
use std::fmt;

/// An answer, read twice: strictly by the tests' own parser, and by hickory-proto.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) octets: Vec<u8>,
    pub(crate) parsed: wire::Parsed,
    /// As hickory-proto reads it.
    pub(crate) typed: Message,
}

const RCODES: [&str; 17] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "7", "8", "9", "10", "11",
    "12", "13", "14", "15", "BADVERS",
];

impl Reply {
    /// Reads an answer; both parsers must see the same.
    pub(crate) fn read(octets: &[u8]) -> Self {
        let typed = Message::from_vec(octets).unwrap_or_else(|error| panic!("hickory-proto: {error}"));
        let own = Self { octets: octets.to_vec(), parsed: wire::parse(octets), typed };
        let typed = &own.typed;
        assert_eq!(typed.metadata.id, own.parsed.id);
        assert_eq!(u16::from(typed.metadata.response_code), own.rcode());
        assert_eq!(typed.metadata.truncation, own.flag('t'));
        assert_eq!(typed.metadata.authoritative, own.flag('a'));
        assert_eq!(typed.edns.is_some(), own.parsed.opt.is_some());
        for (typed, own) in
            [&typed.answers, &typed.authorities, &typed.additionals].iter().zip(&own.parsed.sections)
        {
            assert_eq!(typed.len(), own.len());
            for (typed, own) in typed.iter().zip(own) {
                assert_eq!(u16::from(typed.record_type()), own.rtype.0);
                assert_eq!(typed.ttl, own.ttl);
                assert_eq!(Ok(typed.name.clone()), Name::from_bytes(own.owner.as_wire()).map_err(drop));
            }
        }
        own
    }

    pub(crate) fn rcode(&self) -> u16 {
        let high = self.parsed.opt.map_or(0, |opt| opt.rcode_high);
        u16::from(high) << 4 | self.parsed.flags & 0xf
    }

    /// A header flag: `a`uthoritative, `t`runcated, `r`ecursion available, recursion `d`esired, `c`hecking
    /// disabled.
    pub(crate) fn flag(&self, which: char) -> bool {
        let bit = match which {
            'a' => 0x0400,
            't' => 0x0200,
            'd' => 0x0100,
            'r' => 0x0080,
            'c' => 0x0010,
            _ => panic!("no flag `{which}`"),
        };
        self.parsed.flags & bit != 0
    }

    pub(crate) fn opt(&self) -> Option<Opt> {
        self.parsed.opt
    }

    pub(crate) fn answers(&self) -> Vec<String> {
        lines(&self.parsed.sections[0])
    }

    pub(crate) fn authority(&self) -> Vec<String> {
        lines(&self.parsed.sections[1])
    }

    pub(crate) fn additional(&self) -> Vec<String> {
        lines(&self.parsed.sections[2])
    }
}

/// RCODE and flags, then a line for each record behind its section's name, in order.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(RCODES[usize::from(self.rcode())])?;
        for (flag, text) in [('a', "aa"), ('t', "tc"), ('r', "ra")] {
            if self.flag(flag) {
                write!(f, " {text}")?;
            }
        }
        let sections = ["answer", "authority", "additional"];
        for (section, records) in sections.iter().zip(&self.parsed.sections) {
            for record in lines(records) {
                write!(f, "\n{section} {record}")?;
            }
        }
        Ok(())
    }
}

pub(crate) fn lines(records: &[Rr]) -> Vec<String> {
    records
        .iter()
        .map(|record| {
            assert_eq!(record.class, 1, "another class than IN");
            line(&record.owner, record.ttl, record.rtype, &record.rdata)
        })
        .collect()
}

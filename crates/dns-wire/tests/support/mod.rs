//! What the tests of this crate share: zones written as text, questions, and answers read strictly.
#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]

pub(crate) mod ask;
pub(crate) mod reply;
pub(crate) mod wire;
pub(crate) mod zones;

pub(crate) use ask::{Ask, check};
pub(crate) use reply::Reply;
pub(crate) use zones::{Owners, catalog, owners};

use zone_model::{Name, Record, RecordType, rdata};

/// The seed of every catalogue in the tests.
pub(crate) const SEED: u64 = 0x5eed;

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

/// A record as a line: `owner ttl type rdata`.
pub(crate) fn record(line: &str) -> Record {
    let (key, set) = match zone_model::decode::local_records(line) {
        Ok(mut all) if all.len() == 1 => all.remove(0),
        other => panic!("`{line}` is not one record: {other:?}"),
    };
    let owner = name(line.split_whitespace().next().expect("an owner"));
    Record { owner, rtype: key.rtype, ttl: set.ttl.unwrap_or(300), rdata: set.rdatas()[0].clone() }
}

/// The line of a record.
pub(crate) fn line(owner: &Name, ttl: u32, rtype: RecordType, data: &[u8]) -> String {
    format!("{owner} {ttl} {rtype} {}", rdata::print_text(rtype, data))
}

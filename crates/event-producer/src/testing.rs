//! Events for the tests of this crate.

use crate::state::{Keep, LogState};
use messages::Edit;
use zone_model::{
    Event, Name, Partition, Position, RawEvent, RecordType, RrSet, SourceId, Timestamp, decode, rdata,
};

/// A position that counts.
pub(crate) fn position(at: u64) -> Position {
    let mut bytes = vec![9];
    bytes.extend_from_slice(&at.to_be_bytes());
    Position::new(&bytes).unwrap()
}

/// An event with these records, whatever they are worth.
pub(crate) fn event(partition: u32, at: u64, timestamp: i64, key: &str, contents: &[&str]) -> Event {
    let mut parts = key.split('|');
    let (owner, rtype) = (parts.next().unwrap(), parts.next().unwrap());
    let owner = format!("{}.", owner.trim_end_matches('.'));
    let records: Vec<_> = contents
        .iter()
        .map(|content| serde_json::json!({"name": owner, "type": rtype, "content": content, "ttl": 300}))
        .collect();
    raw(partition, at, timestamp, key, Some(serde_json::to_vec(&records).unwrap()))
}

/// What these events lead to.
pub(crate) fn fold(events: &[Event]) -> LogState {
    let mut state = LogState::new(SourceId::new("test"), Keep::Everything);
    events.iter().for_each(|event| state.apply(event));
    state
}

/// A null.
pub(crate) fn null(partition: u32, at: u64, timestamp: i64, key: &str) -> Event {
    raw(partition, at, timestamp, key, None)
}

fn raw(partition: u32, at: u64, timestamp: i64, key: &str, value: Option<Vec<u8>>) -> Event {
    decode::decode(RawEvent {
        partition: Partition(partition),
        position: position(at),
        timestamp: Timestamp(timestamp),
        key: key.into(),
        value,
        headers: Vec::new(),
    })
}

/// The edit that gives a zone an SOA of this serial.
pub(crate) fn soa_edit(apex: &str, serial: u32) -> Edit {
    set(apex, RecordType::SOA, &[&format!("ns.{apex} host.{apex} {serial} 3600 600 86400 300")])
}

/// The edit that sets these records, with a TTL of 300.
pub(crate) fn set(owner: &str, rtype: RecordType, contents: &[&str]) -> Edit {
    let rdatas = contents.iter().map(|content| rdata::parse_text(rtype, content).unwrap());
    Edit::Set { owner: Name::parse(owner).unwrap(), rtype, rrset: RrSet::new(Some(300), rdatas) }
}

/// The edit that removes.
pub(crate) fn remove(owner: &str, rtype: RecordType) -> Edit {
    Edit::Remove { owner: Name::parse(owner).unwrap(), rtype }
}

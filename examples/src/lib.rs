//! What several of the examples share: events of a journal's lines, and how a person reads them.

use anyhow::{Context, Result};
use zone_model::{Event, EventBody, Name, Partition, Position, RawEvent, RecordType, RrSet, Timestamp};
use zone_model::{decode, journal, rdata};

/// A small zone, `examples/zones/sample.jsonl`: one event a line.
pub const SAMPLE: &str = include_str!("../zones/sample.jsonl");

/// Reads a journal's line as the event at position `number` of partition 0.
///
/// A source makes its positions as it likes, as long as they rise; here they are the number's octets.
///
/// # Errors
/// For a line that is no event. One whose key or value cannot be used is an event, and says so itself.
pub fn event(number: u64, line: &str) -> Result<Event> {
    let line = journal::parse(line.as_bytes()).with_context(|| format!("line {number}"))?;
    Ok(decode::decode(RawEvent {
        partition: Partition(0),
        position: Position::new(&number.to_be_bytes())?,
        timestamp: line.timestamp.unwrap_or(Timestamp(0)),
        key: line.key,
        value: line.value,
        headers: line.headers,
    }))
}

/// An event in a line of text: its key, and what it says.
pub fn describe(event: &Event) -> String {
    let key = String::from_utf8_lossy(&event.key);
    match &event.body {
        EventBody::Set(set) if set.rrset.is_empty() => format!("{key} is empty"),
        EventBody::Set(set) => format!("{key} is {}", contents(set.key.rtype, &set.rrset).join(", ")),
        EventBody::Null(_) => format!("{key} is null"),
        EventBody::Unusable(unusable) => format!("{key} cannot be used: {}", unusable.reason),
    }
}

/// An RRset as lines of a zone file.
pub fn records(owner: &Name, rtype: RecordType, rrset: &RrSet) -> Vec<String> {
    let ttl = rrset.ttl.map(|seconds| format!("{seconds} ")).unwrap_or_default();
    let line = |content| format!("{owner} {ttl}{rtype} {content}");
    contents(rtype, rrset).into_iter().map(line).collect()
}

fn contents(rtype: RecordType, rrset: &RrSet) -> Vec<String> {
    rrset.rdatas().iter().map(|octets| rdata::print_text(rtype, octets)).collect()
}

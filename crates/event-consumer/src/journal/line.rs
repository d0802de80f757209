//! What a line of a journal says.

use super::lines::{KEPT, LONGEST, Line};
use crate::source::Output;
use zone_model::journal::JournalLine;
use zone_model::{
    Event, EventBody, Headers, JournalHeader, JournalPosition, Partition, RawEvent, Timestamp, Unusable,
};

/// A journal has this one partition.
pub(crate) const PARTITION: Partition = Partition(0);

/// A line, understood.
pub(crate) enum Understood {
    /// An event, or nothing.
    Output(Output),
    /// The first line of a compacted journal.
    Header(JournalHeader),
    /// No event, and why.
    Malformed {
        /// What the line holds, or its beginning.
        bytes: Vec<u8>,
        reason: String,
    },
}

/// Understands a line; `at` stands behind it already, and takes its timestamp.
pub(crate) fn understand(line: &Line<'_>, is_first: bool, at: &mut JournalPosition) -> Understood {
    if line.too_long {
        let reason =
            format!("it has {} bytes, of which {KEPT} are kept here; a line may have {LONGEST}", line.length);
        return Understood::Malformed { bytes: line.bytes.to_vec(), reason };
    }
    if line.bytes.iter().all(u8::is_ascii_whitespace) {
        return Understood::Output(Output::Passed(PARTITION, at.encode()));
    }
    if is_first && let Some(header) = JournalHeader::parse(line.bytes) {
        return Understood::Header(header);
    }
    match zone_model::journal::parse(line.bytes) {
        Ok(JournalLine { key, value, timestamp, headers }) => {
            // A missing timestamp is that of the nearest line before that gave one.
            at.last_timestamp = timestamp.unwrap_or(at.last_timestamp);
            let (position, timestamp) = (at.encode(), at.last_timestamp);
            Understood::Output(Output::Event(RawEvent {
                partition: PARTITION,
                position,
                timestamp,
                key,
                value,
                headers,
            }))
        }
        Err(error) => Understood::Malformed { bytes: line.bytes.to_vec(), reason: error.to_string() },
    }
}

/// The quarantined event that a malformed line becomes.
///
/// Its key is `line:<number>`: a slot of its own, and the same on every node.
pub(crate) fn quarantined(number: u64, at: &JournalPosition, bytes: Vec<u8>, reason: &str) -> Output {
    Output::Unusable(Event {
        partition: PARTITION,
        position: at.encode(),
        timestamp: Timestamp(at.last_timestamp.0),
        key: format!("line:{number}").into_bytes(),
        headers: Headers::new(),
        body: EventBody::Unusable(Unusable {
            key: None,
            value: Some(bytes),
            reason: format!("line {number} of the journal is not an event: {reason}"),
        }),
    })
}

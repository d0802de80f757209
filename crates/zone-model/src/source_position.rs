//! The two sources' own encodings of positions: shared by the reader and the writer of a source, and by
//! nobody else.
//!
//! To everybody else a [`Position`] stays opaque. The encodings stand here only because who reads a log and
//! who writes it live in crates that do not know each other, and a writer says where its events stand in the
//! words in which the reader will have said it.
//!
//! ```text
//! journal   version 1 │ generation 4 │ offset 8 │ inode 8 │ last timestamp 8     29 bytes
//! Kafka     version 1 │ offset 8 │ leader epoch 4 │ topic id 16                  29 bytes
//! ```
//!
//! Numbers are big-endian, signed ones with their sign bit turned over, so that bytes compare as the numbers
//! do. What decides the order within a partition stands first.

use crate::position::{Position, Timestamp};

/// The id of a journal whose file has no header line that names one.
pub const DEFAULT_JOURNAL_ID: &str = "journal";

const JOURNAL_VERSION: u8 = 1;
const KAFKA_VERSION: u8 = 1;

/// Where an event of a journal file stands.
///
/// The first line of a file of generation 0 ends at an offset above 0, so 0 is in front of all events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalPosition {
    /// The journal's generation: 0 for a file without a header line, one more with each compaction.
    pub generation: u32,
    /// Where the event's line ends, its `\n` included, in bytes from the file's start: where reading goes on.
    pub offset: u64,
    /// The file's inode: what a file of generation 0 is known by.
    pub inode: u64,
    /// The timestamp of the nearest line, up to and with this one, that gave one; 0 where none did. A line
    /// without a timestamp takes it.
    pub last_timestamp: Timestamp,
}

/// The first line of a compacted journal: not an event, and known by its field `journal`.
///
/// ```text
/// {"journal":"<id>","generation":1,"replaced":123456,"compacted":4567}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct JournalHeader {
    /// The journal's id, which stays the same over its generations: the source's id.
    #[serde(rename = "journal")]
    pub id: String,
    /// The generation of this file, from 1.
    pub generation: u32,
    /// How long the file was that this one replaced, in bytes.
    pub replaced: u64,
    /// How long the compacted part of this file is, in bytes, this line included. A reader that had read the
    /// replaced file to its end goes on there.
    pub compacted: u64,
}

/// Where an event of a Kafka partition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KafkaPosition {
    /// The event's own offset; reading goes on at the one behind it.
    pub offset: i64,
    /// The leader epoch under which the event was written; −1 where it is not known.
    pub leader_epoch: i32,
    /// The topic's id; zeros where it is not known.
    pub topic_id: [u8; 16],
}

/// The bytes of a position are not what the source writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the position {position} is none of a {source_kind}: its version or its length is another")]
pub struct ForeignPosition {
    /// The position.
    pub position: Position,
    /// What it was read as: `journal` or `kafka topic`.
    pub source_kind: &'static str,
}

// === impl JournalPosition ===

impl JournalPosition {
    /// The position as it is handed on and stored.
    pub fn encode(&self) -> Position {
        let mut bytes = [0; 29];
        bytes[0] = JOURNAL_VERSION;
        bytes[1..5].copy_from_slice(&self.generation.to_be_bytes());
        bytes[5..13].copy_from_slice(&self.offset.to_be_bytes());
        bytes[13..21].copy_from_slice(&self.inode.to_be_bytes());
        bytes[21..].copy_from_slice(&ordered(self.last_timestamp.0));
        of_29(&bytes)
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// [`ForeignPosition`] for another encoding.
    pub fn decode(position: &Position) -> Result<Self, ForeignPosition> {
        let [JOURNAL_VERSION, rest @ ..] = position.as_bytes() else {
            return Err(ForeignPosition { position: *position, source_kind: "journal" });
        };
        let decoded = (|| {
            let (generation, rest) = rest.split_first_chunk()?;
            let (offset, rest) = rest.split_first_chunk()?;
            let (inode, rest) = rest.split_first_chunk()?;
            let last_timestamp = rest.try_into().ok()?;
            Some(Self {
                generation: u32::from_be_bytes(*generation),
                offset: u64::from_be_bytes(*offset),
                inode: u64::from_be_bytes(*inode),
                last_timestamp: Timestamp(signed(last_timestamp)),
            })
        })();
        decoded.ok_or(ForeignPosition { position: *position, source_kind: "journal" })
    }
}

// === impl JournalHeader ===

impl JournalHeader {
    /// Reads a file's first line; `None` where it is no header, but an event or something unusable.
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

// === impl KafkaPosition ===

impl KafkaPosition {
    /// The position as it is handed on and stored.
    pub fn encode(&self) -> Position {
        let mut bytes = [0; 29];
        bytes[0] = KAFKA_VERSION;
        bytes[1..9].copy_from_slice(&ordered(self.offset));
        bytes[9..13].copy_from_slice(&((self.leader_epoch as u32) ^ (1 << 31)).to_be_bytes());
        bytes[13..].copy_from_slice(&self.topic_id);
        of_29(&bytes)
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// [`ForeignPosition`] for another encoding.
    pub fn decode(position: &Position) -> Result<Self, ForeignPosition> {
        let [KAFKA_VERSION, rest @ ..] = position.as_bytes() else {
            return Err(ForeignPosition { position: *position, source_kind: "kafka topic" });
        };
        let decoded = (|| {
            let (offset, rest) = rest.split_first_chunk()?;
            let (leader_epoch, rest) = rest.split_first_chunk()?;
            let topic_id = rest.try_into().ok()?;
            Some(Self {
                offset: signed(*offset),
                leader_epoch: (u32::from_be_bytes(*leader_epoch) ^ (1 << 31)) as i32,
                topic_id,
            })
        })();
        decoded.ok_or(ForeignPosition { position: *position, source_kind: "kafka topic" })
    }
}

fn of_29(bytes: &[u8; 29]) -> Position {
    match Position::new(bytes) {
        Ok(position) => position,
        Err(_) => unreachable!("29 bytes are within a position's 1 to 32"),
    }
}

fn ordered(number: i64) -> [u8; 8] {
    ((number as u64) ^ (1 << 63)).to_be_bytes()
}

fn signed(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ (1 << 63)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_journal_position_comes_back_and_keeps_its_order(
            a in any::<(u32, u64, u64, i64)>(), b in any::<(u32, u64, u64, i64)>(),
        ) {
            let make = |(generation, offset, inode, last): (u32, u64, u64, i64)| JournalPosition {
                generation, offset, inode, last_timestamp: Timestamp(last),
            };
            prop_assert_eq!(JournalPosition::decode(&make(a).encode()), Ok(make(a)));
            prop_assert_eq!(a.cmp(&b), make(a).encode().cmp(&make(b).encode()));
        }

        #[test]
        fn a_kafka_position_comes_back_and_keeps_its_order(
            a in any::<(i64, i32, [u8; 16])>(), b in any::<(i64, i32, [u8; 16])>(),
        ) {
            let make = |(offset, leader_epoch, topic_id)| KafkaPosition { offset, leader_epoch, topic_id };
            prop_assert_eq!(KafkaPosition::decode(&make(a).encode()), Ok(make(a)));
            prop_assert_eq!(a.cmp(&b), make(a).encode().cmp(&make(b).encode()));
        }
    }

    #[test]
    fn a_header_line_is_told_from_an_event() {
        let line = br#"{"journal":"dns","generation":3,"replaced":100,"compacted":60}"#;
        let header = JournalHeader { id: "dns".into(), generation: 3, replaced: 100, compacted: 60 };
        assert_eq!(JournalHeader::parse(line), Some(header));
        assert_eq!(JournalHeader::parse(br#"{"key":"a.|A","value":[]}"#), None);
        assert_eq!(JournalHeader::parse(b"torn"), None);
    }

    #[test]
    fn another_encoding_is_said_to_be_one() {
        for bytes in [&[1u8][..], &[2; 29], &[1; 28], &[1; 30]] {
            let position = Position::new(bytes).unwrap();
            assert!(JournalPosition::decode(&position).unwrap_err().to_string().contains("journal"));
            assert!(KafkaPosition::decode(&position).is_err());
        }
    }
}

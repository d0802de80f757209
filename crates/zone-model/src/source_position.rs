//! The two sources' own encodings of positions: shared by the reader and the writer of a source, and by
//! nobody else.
//!
//! To everybody else a [`Position`] stays opaque. The encodings stand here only because who reads a log and
//! who writes it live in crates that do not know each other, and a writer says where its events stand in the
//! words in which the reader will have said it.
//!
//! ```text
//! journal   version 2 │ generation 4 │ offset 8 │ inode 8 │ last timestamp 8 │ mark 3   32 bytes, 29 without mark
//! Kafka     version 1 │ offset 8 │ leader epoch 4 │ topic id 16                         29 bytes
//! ```
//!
//! Numbers are big-endian, signed ones with their sign bit turned over, so that bytes compare as the numbers
//! do. What decides the order within a partition stands first. A position of a journal without a mark stands directly
//! before the same with one. In version 1 of it a mark was another hash: it is not known.

use crate::position::{Position, Timestamp};

/// The id of a journal whose file has no header line that names one.
pub const DEFAULT_JOURNAL_ID: &str = "journal";

const JOURNAL_VERSION: u8 = 2;
/// Marks were another hash, or missing.
const JOURNAL_OTHER_MARKS: u8 = 1;
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
    /// What the event's line is known by, so that a file which was cut short and has grown again is not taken for
    /// the one that was read; `None` where that is not known.
    pub mark: Option<LineMark>,
}

/// What a line of a journal is known by: 24 bits of a hash (rapidhash v3) of its end. A line that stands in the place of
/// another one by accident has another mark, but for one case in 16 million. It protects from nobody: who may write
/// a journal may write anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineMark([u8; 3]);

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

// === impl LineMark ===

impl LineMark {
    /// How many bytes of a line count, from its end.
    pub const BYTES: usize = 256;

    /// The mark of a line without its `\n`, of which the last [`Self::BYTES`] are enough.
    pub fn of(line: &[u8]) -> Self {
        let end = &line[line.len().saturating_sub(Self::BYTES)..];
        let [.., a, b, c] = rapidhash::v3::rapidhash_v3(end).to_be_bytes();
        Self([a, b, c])
    }
}

// === impl JournalPosition ===

impl JournalPosition {
    /// The position as it is handed on and stored.
    pub fn encode(&self) -> Position {
        let mut bytes = [0; 32];
        bytes[0] = JOURNAL_VERSION;
        bytes[1..5].copy_from_slice(&self.generation.to_be_bytes());
        bytes[5..13].copy_from_slice(&self.offset.to_be_bytes());
        bytes[13..21].copy_from_slice(&self.inode.to_be_bytes());
        bytes[21..29].copy_from_slice(&ordered(self.last_timestamp.0));
        if let Some(LineMark(mark)) = self.mark {
            bytes[29..].copy_from_slice(&mark);
        }
        position(if self.mark.is_some() { &bytes } else { &bytes[..29] })
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// [`ForeignPosition`] for another encoding.
    pub fn decode(position: &Position) -> Result<Self, ForeignPosition> {
        let [version @ (JOURNAL_VERSION | JOURNAL_OTHER_MARKS), rest @ ..] = position.as_bytes() else {
            return Err(ForeignPosition { position: *position, source_kind: "journal" });
        };
        let decoded = (|| {
            let (generation, rest) = rest.split_first_chunk()?;
            let (offset, rest) = rest.split_first_chunk()?;
            let (inode, rest) = rest.split_first_chunk()?;
            let (last_timestamp, rest) = rest.split_first_chunk()?;
            let mark = if rest.is_empty() { None } else { Some(LineMark(rest.try_into().ok()?)) };
            Some(Self {
                generation: u32::from_be_bytes(*generation),
                offset: u64::from_be_bytes(*offset),
                inode: u64::from_be_bytes(*inode),
                last_timestamp: Timestamp(signed(*last_timestamp)),
                mark: mark.filter(|_| *version == JOURNAL_VERSION),
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
        position(&bytes)
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

fn position(bytes: &[u8]) -> Position {
    match Position::new(bytes) {
        Ok(position) => position,
        Err(_) => unreachable!("29 and 32 bytes are within a position's 1 to 32"),
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
            a in any::<(u32, u64, u64, i64, Option<[u8; 3]>)>(), b in any::<(u32, u64, u64, i64, Option<[u8; 3]>)>(),
            same in any::<bool>(),
        ) {
            let b = if same { (a.0, a.1, a.2, a.3, b.4) } else { b };
            let make = |(generation, offset, inode, last, mark): (u32, u64, u64, i64, Option<_>)| JournalPosition {
                generation, offset, inode, last_timestamp: Timestamp(last), mark: mark.map(LineMark),
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

    /// It is stored: a mark is the same for ever.
    #[test]
    fn a_mark_is_of_the_end_of_a_line() {
        assert_eq!(LineMark::of(b""), LineMark([0xce, 0xcd, 0xae]));
        let line = br#"{"key":"www.example.com.|A","value":null}"#;
        assert_eq!(LineMark::of(line), LineMark([0x75, 0x7f, 0x7c]));
        let long = [&[b'x'; 1_000][..], &[b'y'; LineMark::BYTES]].concat();
        assert_eq!(LineMark::of(&long), LineMark::of(&long[1_000..]));
        assert_ne!(LineMark::of(&long), LineMark::of(&long[1_001..]));
        let marks: std::collections::BTreeSet<_> =
            (0..1_000).map(|n| LineMark::of(format!("{{\"key\":\"n{n}.example.|A\"}}").as_bytes())).collect();
        assert_eq!(marks.len(), 1_000);
    }

    #[test]
    fn a_position_that_an_older_version_wrote_has_no_mark() {
        let at = JournalPosition { generation: 1, offset: 2, inode: 3, ..JournalPosition::default() };
        assert_eq!(at.encode().as_bytes().len(), 29);
        assert_eq!(JournalPosition::decode(&at.encode()), Ok(at));
        let marked = JournalPosition { mark: Some(LineMark([0; 3])), ..at };
        assert!(at.encode() < marked.encode());
        for written in [at, marked] {
            let older = [&[1], &written.encode().as_bytes()[1..]].concat();
            let older = Position::new(&older).unwrap();
            assert!(older < at.encode());
            assert_eq!(JournalPosition::decode(&older), Ok(at));
        }
    }

    #[test]
    fn another_encoding_is_said_to_be_one() {
        for bytes in [&[1u8][..], &[3; 29], &[1; 28], &[1; 30], &[2; 31], &[3; 32]] {
            let position = Position::new(bytes).unwrap();
            assert!(JournalPosition::decode(&position).unwrap_err().to_string().contains("journal"));
            assert!(KafkaPosition::decode(&position).is_err());
        }
    }
}

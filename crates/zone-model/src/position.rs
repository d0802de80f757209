//! Where in a log something stands, without knowing whose log it is.

use std::fmt;
use std::sync::Arc;

/// A moment in milliseconds since 1970-01-01T00:00:00Z; what an event's timestamp is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Names a log wherever it is read: the topic's name, or a journal's id. Nothing that a node chooses, for
/// it decides between slots of equal timestamps on every node alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(Arc<str>);

/// A partition of a source; a journal has the one partition 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u32);

/// The place of one event in its partition: at most 32 bytes that mean something to its source alone.
///
/// The first byte is the version of the encoding, chosen by the source. Positions of one partition compare
/// as bytes in the order of the log; nobody outside the source does arithmetic on them. (Kafka's holds the
/// topic's id, offset and leader epoch; a journal's its generation and byte offset.)
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    length: u8,
    bytes: [u8; Self::MAX],
}

/// A position is longer than 32 bytes or empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a position has 1 to 32 bytes, not {0}")]
pub struct BadPosition(pub usize);

// === impl SourceId ===

impl SourceId {
    /// The source of this name.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceId({})", self.0)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Position ===

impl Position {
    /// The most bytes that a position may have.
    pub const MAX: usize = 32;

    /// A position of these bytes, the first of which is the encoding's version.
    ///
    /// # Errors
    /// [`BadPosition`] for none or more than [`Self::MAX`].
    pub fn new(bytes: &[u8]) -> Result<Self, BadPosition> {
        if bytes.is_empty() || bytes.len() > Self::MAX {
            return Err(BadPosition(bytes.len()));
        }
        let mut own = [0; Self::MAX];
        own[..bytes.len()].copy_from_slice(bytes);
        Ok(Self { length: bytes.len() as u8, bytes: own })
    }

    /// The bytes, version first.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Ord for Position {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Hexadecimal, for logs and error messages: only the source can say more.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({self})")
    }
}

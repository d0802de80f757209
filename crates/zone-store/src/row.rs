//! Values of the store: a slot's RRset with all that its event said, and a quarantined event.
//!
//! ```text
//! row         timestamp (i64) │ flags │ position │ [ttl (u32)] │ rdatas │ [headers] │ [extra]
//! quarantine  timestamp (i64) │ flags │ position │ reason │ [headers] │ [value]
//! ```
//! Fixed numbers are little-endian; lists and byte strings begin with their length (LEB128), except that the
//! last field ends where the value does.

use crate::error::Corrupt;
use zone_model::{Event, Headers, Merged, Position, RrSet, SetRrSet, Timestamp};

const HAS_TTL: u8 = 1;
const HAS_HEADERS: u8 = 1 << 1;
const HAS_LAST: u8 = 1 << 2;
const MERGED_TTLS: u8 = 1 << 3;
const MERGED_DUPLICATES: u8 = 1 << 4;

/// A row's value, in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    bytes: &'a [u8],
    pub(crate) timestamp: Timestamp,
    position: &'a [u8],
    pub(crate) ttl: Option<u32>,
    count: usize,
    flags: u8,
    /// The RDATA of each record, and what stands behind them.
    rest: &'a [u8],
}

/// What a row keeps of its event beside the RRset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Remainder {
    pub(crate) headers: Headers,
    pub(crate) extra: Option<Box<str>>,
}

/// A quarantined event's value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QuarantineRow {
    pub(crate) timestamp: Timestamp,
    pub(crate) position: Position,
    pub(crate) reason: String,
    pub(crate) headers: Headers,
    pub(crate) value: Option<Vec<u8>>,
}

// === impl Row ===

impl<'a> Row<'a> {
    /// Appends the value of an event's row.
    pub(crate) fn append(event: &Event, set: &SetRrSet, bytes: &mut Vec<u8>) {
        let last = set.extra.as_ref().map(|extra| extra.as_bytes());
        let ttl = if set.rrset.ttl.is_some() { HAS_TTL } else { 0 };
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let merged = flag(set.merged.ttls, MERGED_TTLS) | flag(set.merged.duplicates, MERGED_DUPLICATES);
        put_head(bytes, event, ttl | merged, last.is_some());
        if let Some(ttl) = set.rrset.ttl {
            bytes.extend_from_slice(&ttl.to_le_bytes());
        }
        put_length(bytes, set.rrset.len());
        for rdata in set.rrset.rdatas() {
            put_bytes(bytes, rdata);
        }
        put_headers(bytes, &event.headers);
        bytes.extend_from_slice(last.unwrap_or_default());
    }

    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader(bytes);
        let (timestamp, flags, position) = reader.head()?;
        let ttl = if flags & HAS_TTL != 0 { Some(u32::from_le_bytes(*reader.array()?)) } else { None };
        let count = reader.length()?;
        Ok(Self { bytes, timestamp, position, ttl, count, flags, rest: reader.0 })
    }

    /// The whole value.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether it holds `[]`.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What of the event's records the RRset does not show.
    pub(crate) fn merged(&self) -> Merged {
        Merged { ttls: self.flags & MERGED_TTLS != 0, duplicates: self.flags & MERGED_DUPLICATES != 0 }
    }

    /// The position, whose bytes compare in the log's order.
    pub(crate) fn position_bytes(&self) -> &'a [u8] {
        self.position
    }

    pub(crate) fn position(&self) -> Result<Position, Corrupt> {
        Position::new(self.position).map_err(|_| Corrupt("a row has no position"))
    }

    pub(crate) fn rdatas(&self) -> Result<Vec<&'a [u8]>, Corrupt> {
        let mut reader = Reader(self.rest);
        // The count comes from disk: it must not decide how much is allocated.
        let mut rdatas = Vec::with_capacity(self.count.min(64));
        for _ in 0..self.count {
            rdatas.push(reader.bytes()?);
        }
        Ok(rdatas)
    }

    pub(crate) fn rrset(&self) -> Result<RrSet, Corrupt> {
        Ok(RrSet::new(self.ttl, self.rdatas()?.into_iter().map(Box::from)))
    }

    pub(crate) fn remainder(&self) -> Result<Remainder, Corrupt> {
        let mut reader = Reader(self.rest);
        for _ in 0..self.count {
            reader.bytes()?;
        }
        let headers = reader.headers(self.flags)?;
        let extra = match self.flags & HAS_LAST {
            0 => None,
            _ => Some(
                std::str::from_utf8(reader.0)
                    .map_err(|_| Corrupt("a row's extra fields are no text"))?
                    .into(),
            ),
        };
        Ok(Remainder { headers, extra })
    }
}

// === impl QuarantineRow ===

impl QuarantineRow {
    pub(crate) fn encode(event: &Event, reason: &str, value: Option<&[u8]>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + reason.len() + value.map_or(0, <[u8]>::len));
        put_head(&mut bytes, event, 0, value.is_some());
        put_bytes(&mut bytes, reason.as_bytes());
        put_headers(&mut bytes, &event.headers);
        bytes.extend_from_slice(value.unwrap_or_default());
        bytes
    }

    /// The position alone of a row.
    pub(crate) fn position(bytes: &[u8]) -> Result<Position, Corrupt> {
        let (_, _, position) = Reader(bytes).head()?;
        Position::new(position).map_err(|_| Corrupt("a quarantined event has no position"))
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Corrupt> {
        let position = Self::position(bytes)?;
        let mut reader = Reader(bytes);
        let (timestamp, flags, _) = reader.head()?;
        let reason = String::from_utf8_lossy(reader.bytes()?).into_owned();
        let headers = reader.headers(flags)?;
        let value = (flags & HAS_LAST != 0).then(|| reader.0.to_vec());
        Ok(Self { timestamp, position, reason, headers, value })
    }
}

// === bytes ===

fn put_head(bytes: &mut Vec<u8>, event: &Event, flags: u8, has_last: bool) {
    let headers = if event.headers.is_empty() { 0 } else { HAS_HEADERS };
    let last = if has_last { HAS_LAST } else { 0 };
    bytes.extend_from_slice(&event.timestamp.0.to_le_bytes());
    bytes.push(flags | headers | last);
    put_bytes(bytes, event.position.as_bytes());
}

fn put_headers(bytes: &mut Vec<u8>, headers: &Headers) {
    if headers.is_empty() {
        return;
    }
    put_length(bytes, headers.len());
    for (name, value) in headers {
        put_bytes(bytes, name.as_bytes());
        put_bytes(bytes, value);
    }
}

pub(crate) fn put_bytes(bytes: &mut Vec<u8>, own: &[u8]) {
    put_length(bytes, own.len());
    bytes.extend_from_slice(own);
}

pub(crate) fn put_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

/// What is left of a value that is being read.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Corrupt> {
        let (own, rest) = self.0.split_first_chunk().ok_or(Corrupt("a value is too short"))?;
        self.0 = rest;
        Ok(own)
    }

    pub(crate) fn length(&mut self) -> Result<usize, Corrupt> {
        let mut length = 0usize;
        for shift in (0..usize::BITS).step_by(7) {
            let [octet] = *self.array()?;
            length |= usize::from(octet & 0x7f) << shift;
            if octet & 0x80 == 0 {
                return Ok(length);
            }
        }
        Err(Corrupt("a length does not end"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Corrupt> {
        let length = self.length()?;
        self.take(length)
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Corrupt> {
        let (own, rest) = self.0.split_at_checked(length).ok_or(Corrupt("a value is too short"))?;
        self.0 = rest;
        Ok(own)
    }

    fn head(&mut self) -> Result<(Timestamp, u8, &'a [u8]), Corrupt> {
        let timestamp = Timestamp(i64::from_le_bytes(*self.array()?));
        let [flags] = *self.array()?;
        Ok((timestamp, flags, self.bytes()?))
    }

    fn headers(&mut self, flags: u8) -> Result<Headers, Corrupt> {
        let mut headers = Headers::new();
        if flags & HAS_HEADERS != 0 {
            for _ in 0..self.length()? {
                let name = String::from_utf8_lossy(self.bytes()?).into_owned();
                headers.push((name, self.bytes()?.to_vec()));
            }
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use zone_model::{EventBody, EventKey, Name, Partition, RecordType};

    fn event(timestamp: i64, position: &[u8], headers: Headers) -> Event {
        Event {
            partition: Partition(3),
            position: Position::new(position).unwrap(),
            timestamp: Timestamp(timestamp),
            key: b"a.example.|A".to_vec(),
            headers,
            body: EventBody::Null(None),
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            timestamp: i64, position in vec(any::<u8>(), 1..33), ttl in proptest::option::of(0u32..=zone_model::MAX_TTL),
            rdatas in vec(vec(any::<u8>(), 0..200), 0..5), headers in vec(("[a-z]{0,9}", vec(any::<u8>(), 0..200)), 0..4),
            extra in proptest::option::of(".{0,40}"), value in proptest::option::of(vec(any::<u8>(), 0..300)),
            cut in any::<prop::sample::Index>(), ttls: bool, duplicates: bool,
        ) {
            let event = event(timestamp, &position, headers.clone());
            let rrset = RrSet::new(ttl, rdatas.into_iter().map(Vec::into_boxed_slice));
            let key = EventKey { owner: Name::root(), rtype: RecordType::A, apex: None };
            let set = SetRrSet { key, rrset: rrset.clone(), extra: extra.map(String::into_boxed_str), merged: Merged { ttls, duplicates } };
            let mut bytes = Vec::new();
            Row::append(&event, &set, &mut bytes);
            let row = Row::parse(&bytes).unwrap();
            prop_assert_eq!(row.timestamp, event.timestamp);
            prop_assert_eq!(row.position().unwrap(), event.position);
            prop_assert_eq!(row.is_empty(), rrset.is_empty());
            prop_assert_eq!(row.merged(), set.merged);
            prop_assert_eq!(row.rrset().unwrap(), rrset);
            prop_assert_eq!(row.remainder().unwrap(), Remainder { headers: headers.clone(), extra: set.extra });

            let bytes = QuarantineRow::encode(&event, "because", value.as_deref());
            let own = QuarantineRow::parse(&bytes).unwrap();
            let wanted = QuarantineRow {
                timestamp: event.timestamp, position: event.position, reason: "because".into(), headers, value,
            };
            prop_assert_eq!(own, wanted);
            // Damaged values are an error or another value, never a panic.
            let cut = &bytes[..cut.index(bytes.len())];
            let _ = QuarantineRow::parse(cut);
            let _ = Row::parse(cut).and_then(|row| row.remainder().and(row.rdatas().map(drop)));
        }
    }
}

//! Reads a journal file from where it was left, line by line.

use crate::state::{Keep, LogState};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use zone_model::decode::decode;
use zone_model::{
    DEFAULT_JOURNAL_ID, Event, EventBody, Headers, JournalHeader, JournalPosition, Limits, LineMark,
    Partition, RawEvent, SourceId, Timestamp, Unusable, journal,
};

/// The longest line that can be an event, in bytes and without its end: as readers have it.
const LONGEST: u64 = 16 << 20;

/// What was read of a file, and where reading goes on.
#[derive(Debug)]
pub(super) struct JournalReader {
    pub(super) state: LogState,
    /// Behind the last complete line that was read.
    pub(super) at: JournalPosition,
    /// Lines in front of that.
    lines: u64,
}

// === impl JournalReader ===

impl JournalReader {
    /// In front of a file's first line.
    pub(super) fn new(inode: u64, keep: Keep, limits: Limits) -> Self {
        let at = JournalPosition { inode, ..JournalPosition::default() };
        let state = LogState::new(SourceId::new(DEFAULT_JOURNAL_ID), keep).limited(limits);
        Self { state, at, lines: 0 }
    }

    /// Reads all complete lines up to the file's end and shows each event, with its position, to `seen`.
    /// Returns whether an unfinished line follows.
    pub(super) fn read(
        &mut self,
        file: &File,
        mut seen: impl FnMut(&JournalPosition, &Event),
    ) -> io::Result<bool> {
        let mut lines = BufReader::with_capacity(1 << 16, file);
        lines.seek(SeekFrom::Start(self.at.offset))?;
        let mut line = Vec::new();
        loop {
            let length = read_line(&mut lines, &mut line)?;
            if line.last() != Some(&b'\n') {
                return Ok(length > 0);
            }
            let first = self.at.offset == 0;
            self.at.offset += length;
            // Of a line that is too long its end is not kept here, nor where it is served.
            let content = line.strip_suffix(b"\n").filter(|_| length == line.len() as u64);
            self.at.mark = content.map(LineMark::of);
            self.lines += 1;
            if let (true, Some(header)) = (first, JournalHeader::parse(&line)) {
                self.at.generation = header.generation;
                self.state = self.state.anew(SourceId::new(header.id));
                continue;
            }
            // A malformed line names no owner: who serves quarantines it, and it decides nothing here.
            let parsed = match journal::parse(&line) {
                Ok(parsed) => parsed,
                Err(error) => {
                    if !line.iter().all(u8::is_ascii_whitespace) {
                        self.state.apply(&malformed(self.lines, &self.at, &error));
                    }
                    continue;
                }
            };
            self.at.last_timestamp = parsed.timestamp.unwrap_or(self.at.last_timestamp);
            let event = decode(RawEvent {
                partition: Partition(0),
                position: self.at.encode(),
                timestamp: self.at.last_timestamp,
                key: parsed.key,
                value: parsed.value,
                headers: parsed.headers,
            });
            seen(&self.at, &event);
            self.state.apply(&event);
        }
    }

    /// Where a line stands that ends at `offset` and says `timestamp`, the last one of these.
    pub(super) fn position_of(&self, offset: u64, timestamp: Timestamp, lines: &[u8]) -> JournalPosition {
        let last = lines.strip_suffix(b"\n").unwrap_or(lines).rsplit(|byte| *byte == b'\n').next();
        JournalPosition { offset, last_timestamp: timestamp, mark: last.map(LineMark::of), ..self.at }
    }
}

/// The file's header line, where it has one.
pub(super) fn header(file: &File) -> io::Result<Option<JournalHeader>> {
    let mut lines = BufReader::new(file);
    lines.rewind()?;
    let mut line = Vec::new();
    read_line(&mut lines, &mut line)?;
    Ok(if line.last() == Some(&b'\n') { JournalHeader::parse(&line) } else { None })
}

/// A line that is no event, under the key that its quarantine has with who serves.
fn malformed(number: u64, at: &JournalPosition, error: &journal::JournalLineError) -> Event {
    Event {
        partition: Partition(0),
        position: at.encode(),
        timestamp: at.last_timestamp,
        key: format!("line:{number}").into_bytes(),
        headers: Headers::new(),
        body: EventBody::Unusable(Unusable {
            key: None,
            value: None,
            reason: format!("line {number} of the journal is not an event: {error}"),
        }),
    }
}

/// Reads up to and with the next line end and returns how many bytes that were. Of a line that is too long only
/// its end is kept, which is no event.
pub(super) fn read_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    let mut length = 0;
    loop {
        line.clear();
        let read = lines.take(LONGEST + 1).read_until(b'\n', line)?;
        length += read as u64;
        if read as u64 <= LONGEST || line.last() == Some(&b'\n') {
            break;
        }
    }
    if length > LONGEST + 1 && line.last() == Some(&b'\n') {
        *line = vec![b'\n'];
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_counted_and_is_no_event() {
        let long = vec![b'x'; LONGEST as usize];
        let text = [&long[..], b"\nab\n", &long, b"xx\n", &long, &long, b"cd"].concat();
        let (mut text, mut line) = (&text[..], Vec::new());
        let mut next = |want: &[u8]| {
            let length = read_line(&mut text, &mut line).unwrap();
            assert!(line.ends_with(want));
            (length, line.len() as u64)
        };
        assert_eq!(next(b"x\n"), (LONGEST + 1, LONGEST + 1));
        assert_eq!(next(b"ab\n"), (3, 3));
        assert_eq!(next(b"\n"), (LONGEST + 3, 1));
        assert_eq!(next(b"").0, 2 * LONGEST + 2);
    }
}

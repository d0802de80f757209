//! From blocks of bytes to whole lines.

use std::io::Read;

/// Cuts what is read from a file into lines. A last line without its end is waited for.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    start: usize,
    /// Up to where the buffer holds no end of a line behind `start`.
    scanned: usize,
    /// Bytes of the present line that were thrown away because it is too long.
    dropped: u64,
}

/// A line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Its bytes; the first [`KEPT`] of a line that is too long.
    pub(crate) bytes: &'a [u8],
    /// Its length in the file, the end included.
    pub(crate) length: u64,
    /// Whether it is longer than a line may be.
    pub(crate) too_long: bool,
}

/// How much is read at a time.
pub(crate) const BLOCK: usize = 1 << 20;
/// The longest line, in bytes.
pub(crate) const LONGEST: usize = 16 << 20;
/// What is kept of a line that is too long, in bytes.
pub(crate) const KEPT: usize = 4 << 10;

// === impl Lines ===

impl Lines {
    /// Reads a block. Returns how many bytes came; 0 at the end of the file.
    pub(crate) fn read_from(&mut self, file: &mut impl Read) -> std::io::Result<usize> {
        self.make_room();
        let before = self.buffer.len();
        file.take(BLOCK as u64).read_to_end(&mut self.buffer)?;
        Ok(self.buffer.len() - before)
    }

    /// The next whole line.
    pub(crate) fn next_line(&mut self) -> Option<Line<'_>> {
        let Some(end) = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') else {
            self.scanned = self.buffer.len();
            return None;
        };
        let (start, end) = (self.start, self.scanned + end);
        let dropped = std::mem::take(&mut self.dropped);
        (self.start, self.scanned) = (end + 1, end + 1);
        let length = dropped + (end + 1 - start) as u64;
        let too_long = length > LONGEST as u64 + 1;
        let bytes = &self.buffer[start..end];
        Some(Line { bytes: if too_long { &bytes[..bytes.len().min(KEPT)] } else { bytes }, length, too_long })
    }

    /// How many bytes wait for the end of their line.
    pub(crate) fn waiting(&self) -> u64 {
        self.dropped + (self.buffer.len() - self.start) as u64
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        // Of a line that is too long only the beginning is kept while its end is looked for.
        if self.buffer.len() > LONGEST {
            self.dropped += (self.buffer.len() - KEPT) as u64;
            self.buffer.truncate(KEPT);
            self.scanned = KEPT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a few bytes at a time.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let n = self.1.min(self.0.len()).min(into.len());
            into[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_text(text in "([a-c]{0,5}\n){0,20}[a-c]{0,5}", cut in 0_usize..100) {
            let cut = cut.min(text.len());
            let mut lines = Lines::default();
            let (mut found, mut length) = (Vec::new(), 0);
            for part in [&text.as_bytes()[..cut], &text.as_bytes()[cut..]] {
                lines.read_from(&mut Dribble(part, 3)).expect("reads");
                while let Some(line) = lines.next_line() {
                    found.push(String::from_utf8_lossy(line.bytes).into_owned());
                    length += line.length;
                }
            }
            let (whole, torn) = text.rsplit_once('\n').map_or(("", text.as_str()), |(whole, torn)| (whole, torn));
            let expected: Vec<_> = if text.contains('\n') { whole.split('\n').collect() } else { vec![] };
            prop_assert_eq!(found, expected);
            prop_assert_eq!(lines.waiting(), torn.len() as u64);
            prop_assert_eq!(length + lines.waiting(), text.len() as u64);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_counted_and_not_kept() {
        let mut text = vec![b'x'; LONGEST + 3 * BLOCK];
        text.extend(b"\nnext\n");
        let mut rest = text.as_slice();
        let mut lines = Lines::default();
        let mut found = Vec::new();
        while lines.read_from(&mut rest).expect("reads") > 0 {
            while let Some(line) = lines.next_line() {
                found.push((line.bytes.len(), line.length, line.too_long));
            }
            assert!(lines.buffer.len() <= LONGEST + 2 * BLOCK);
        }
        assert_eq!(found, [(KEPT, (LONGEST + 3 * BLOCK + 1) as u64, true), (4, 5, false)]);
    }
}

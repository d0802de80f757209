//! What was written and could not be synced.
//!
//! When Linux cannot write a page it says so once, and takes the page for a clean one from then on: a second sync has
//! nothing to do and goes well, and the bytes are on no disk. They must be written once more, in their place, before a
//! sync says anything. Until that has gone well nothing is written behind them: what would be acknowledged then might
//! stand, after a power cut, behind a hole without the end of a line.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// Makes what was written to a file last; `File::sync_data`, but for tests.
pub(super) type Sync = fn(&File) -> io::Result<()>;

/// A change whose sync failed.
#[derive(Debug)]
pub(super) struct Unsynced {
    /// Where it begins in the file.
    pub(super) at: u64,
    pub(super) lines: Vec<u8>,
}

// === impl Unsynced ===

impl Unsynced {
    /// Writes it once more in its place, in the file that is open at this path under its lock, and syncs.
    pub(super) fn write_again(&self, path: &Path, file: &File, sync: Sync) -> io::Result<()> {
        // Not through the file that is open: that one appends, wherever it is told to write.
        let own = OpenOptions::new().write(true).open(path)?;
        let (is, was) = (own.metadata()?, file.metadata()?);
        if (is.dev(), is.ino()) != (was.dev(), was.ino()) || is.len() < self.at + self.lines.len() as u64 {
            return Err(io::Error::other("the file was replaced or cut short"));
        }
        own.write_all_at(&self.lines, self.at)?;
        sync(&own)
    }
}

//! From a journal file to what stands at its path now.

use super::Open;
use super::reader::header;
use crate::seen::Seen;
use std::io;
use std::os::unix::fs::MetadataExt;

/// Goes on from a file to the one at its path: the same, the one that a compaction has put in its place, or another, of
/// which nothing that was seen says anything.
pub(super) fn follow(mut old: Open, new: &mut Open, seen: &mut Seen) -> io::Result<()> {
    let (was, is) = (old.file.metadata()?, new.file.metadata()?);
    let same = (was.dev(), was.ino()) == (is.dev(), is.ino());
    if same && is.len() >= old.reader.at.offset {
        new.reader = old.reader;
        return Ok(());
    }
    if !matches!(seen, Seen::But(_)) {
        return Ok(());
    }
    // It is open still, so what was written to it before it was replaced can be read.
    old.reader.read(&old.file, |_, event| seen.note(event))?;
    let before = &old.reader;
    let next = header(&new.file)?.filter(|header| {
        !same
            && header.id == before.state.source().as_str()
            && before.at.generation.checked_add(1) == Some(header.generation)
            && header.replaced == before.at.offset
    });
    let Some(header) = next else {
        seen.lose("the journal is not the file any more that was read");
        return Ok(());
    };
    // What the compaction kept has been seen; what stands behind that has not.
    new.reader.read(&new.file, |at, event| {
        if at.offset > header.compacted {
            seen.note(event);
        }
    })?;
    Ok(())
}

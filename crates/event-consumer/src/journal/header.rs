//! The first line of a file, which may say which journal it is.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use zone_model::{DEFAULT_JOURNAL_ID, JournalHeader, SourceId};

/// The longest first line that is looked at; a header is far shorter.
const MAX: u64 = 64 << 10;

/// The header at the beginning of a file, if it has one.
pub(crate) fn read_header(path: &Path) -> std::io::Result<Option<JournalHeader>> {
    let mut line = Vec::new();
    BufReader::new(File::open(path)?).take(MAX).read_until(b'\n', &mut line)?;
    Ok(if line.ends_with(b"\n") { JournalHeader::parse(&line) } else { None })
}

/// The id of the journal at this path: what its first line says, or the same for all that say nothing.
pub(crate) fn source_id(path: &Path) -> SourceId {
    SourceId::new(id_of(read_header(path).ok().flatten().as_ref()))
}

/// The id that a header gives to its journal.
pub(crate) fn id_of(header: Option<&JournalHeader>) -> &str {
    header.map_or(DEFAULT_JOURNAL_ID, |header| header.id.as_str())
}

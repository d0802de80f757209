//! Why a journal must not be read on, or what was read of it not handed on, in words that say what to do.

use std::path::Path;
use zone_model::{ForeignPosition, SourceId};

pub(crate) fn replaced(path: &Path) -> String {
    format!(
        "{} is not the file that was read before: it was replaced, or written anew. What was served stays served, \
         and nothing more is read from it. Put the old file back and start again; or, if the new one is meant, \
         `stream-dns rebuild --accept-loss`",
        path.display()
    )
}

pub(crate) fn shrank(path: &Path, length: u64, read: u64) -> String {
    format!(
        "{} shrank: it has {length} bytes and {read} were read. What was served stays served, and nothing more is \
         read from it. Put the old file back and start again; or, if the shorter one is meant, \
         `stream-dns rebuild --accept-loss`",
        path.display()
    )
}

pub(crate) fn rewritten(path: &Path, read: u64) -> String {
    format!(
        "{} is not as it was read: another line ends at byte {read}, or none. It was cut short and has grown again, or was \
         written anew. What was served stays served, and nothing more is read from it. Put the old file back and start \
         again; or, if it is meant as it is, `stream-dns rebuild --accept-loss`",
        path.display()
    )
}

pub(crate) fn unsynced(path: &Path, why: &str) -> String {
    format!(
        "{}: {why}. A power cut might take what was read, so it is not served before it lasts; that is tried again by \
         itself, and what was served stays served; starting again makes nothing good. Look at the disk; `stream-dns log compact` writes the whole journal \
         to a new file",
        path.display()
    )
}

pub(crate) fn another_id(path: &Path, found: &str, expected: &SourceId) -> String {
    format!(
        "{} is the journal `{found}`, and `{expected}` was read before. What was served stays served; start again to \
         read the other one",
        path.display()
    )
}

pub(crate) fn foreign(path: &Path, error: &ForeignPosition) -> String {
    format!(
        "the stored position of {} cannot be read: {error}. Was another log read under the same id? What was served \
         stays served. Start with the version of the program that wrote it, or `stream-dns rebuild --accept-loss`",
        path.display()
    )
}

//! A log in a file: one JSON object a line, to which anybody may append.
//!
//! The kernel tells when the file grows (inotify), so a line is served milliseconds after it was written and
//! nothing is polled in a hurry. A last line without its end is waited for. A line that is not an event is
//! quarantined under the key `line:<number>`, which no event has, and stays quarantined until the journal is
//! compacted. A file that shrank, was written anew or was replaced is an alarm, unless its first line says that it is a
//! compacted form of the same journal: of the file that was read to its end it is read on behind that, else it is
//! to be read from its beginning.

mod alarm;
mod header;
mod line;
mod lines;
mod opened;
mod proof;
mod source;
#[cfg(all(test, unix))]
mod tests;
mod watch;

pub(crate) use header::source_id;
pub(crate) use proof::Doubt;
pub(crate) use source::JournalSource;

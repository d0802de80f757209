//! What of a journal somebody has seen who is about to change it: for conditions ("only if nothing changed since").

use super::Open;
use super::reader::header;
use crate::log::refuse_changed;
use crate::state::LogState;
use messages::PublishError;
use std::io;
use std::os::unix::fs::MetadataExt;
use zone_model::{Event, EventKey, Name};

/// What of a journal has been seen.
#[derive(Debug, Default)]
pub(super) enum Seen {
    /// Nothing: a condition means nothing yet.
    #[default]
    Nothing,
    /// Everything but the events of these keys, which others wrote since.
    But(Vec<EventKey>),
    /// What was there then; what came since cannot be known, for this reason.
    Lost(String),
}

// === impl Seen ===

impl Seen {
    /// Everything that has been read so far.
    pub(super) const ALL: Self = Self::But(Vec::new());

    /// Others wrote an event.
    pub(super) fn note(&mut self, event: &Event) {
        if let Self::But(others) = self {
            others.extend(event.event_key().cloned());
        }
    }

    /// Refuses a change that was made for a zone as it was seen, where that may be another by now.
    pub(super) fn refuse_changed(
        &self,
        state: &LogState,
        apex: &Name,
        zones: &[Name],
    ) -> Result<(), PublishError> {
        match self {
            Self::Nothing => Ok(()),
            Self::But(others) => refuse_changed(state, others, apex, zones),
            Self::Lost(why) => Err(PublishError::Conflict(format!("{why}; look again, and try again"))),
        }
    }

    /// Goes on from a file to what stands at its path now: the same file, the one that a compaction has put in its
    /// place, or another, of which nothing that was seen says anything.
    pub(super) fn follow(&mut self, mut old: Open, new: &mut Open) -> io::Result<()> {
        let (was, is) = (old.file.metadata()?, new.file.metadata()?);
        let same = (was.dev(), was.ino()) == (is.dev(), is.ino());
        if same && is.len() >= old.reader.at.offset {
            new.reader = old.reader;
            return Ok(());
        }
        let Self::But(others) = self else { return Ok(()) };
        let mut note = |event: &Event| others.extend(event.event_key().cloned());
        // It is open still, so what was written to it before it was replaced can be read.
        old.reader.read(&old.file, |_, event| note(event))?;
        let before = &old.reader;
        let next = header(&new.file)?.filter(|header| {
            !same
                && header.id == before.state.source().as_str()
                && before.at.generation.checked_add(1) == Some(header.generation)
                && header.replaced == before.at.offset
        });
        let Some(header) = next else {
            *self = Self::Lost("the journal is not the file any more that was read".to_owned());
            return Ok(());
        };
        // What the compaction kept has been seen; what stands behind that has not.
        let behind = |offset: u64| offset > header.compacted;
        new.reader.read(&new.file, |at, event| {
            if behind(at.offset) {
                note(event)
            }
        })?;
        Ok(())
    }
}

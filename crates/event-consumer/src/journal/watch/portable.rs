//! What other systems have for it, by a library that knows them.

use super::Places;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// The system's notes on some places.
pub(super) struct Notes {
    // Dropping it ends the watching.
    _watcher: RecommendedWatcher,
    told: Receiver<()>,
}

// === impl Notes ===

impl Notes {
    pub(super) fn on(places: Places) -> std::io::Result<Self> {
        // One note is enough: who is told looks at the file as it is then.
        let (tell, told) = sync_channel(1);
        let watched = places.paths.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.as_ref().map_or(true, |event| concerns(event, &places)) {
                // Full says that the note is there already; closed, that nobody reads it.
                let _ = tell.try_send(());
            }
        })
        .map_err(std::io::Error::other)?;
        for path in &watched {
            watcher.watch(path, RecursiveMode::NonRecursive).map_err(std::io::Error::other)?;
        }
        Ok(Self { _watcher: watcher, told })
    }

    /// Waits for a note, at most so long; whether there was one.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let told = self.told.recv_timeout(timeout);
        if told == Err(RecvTimeoutError::Disconnected) {
            // Nobody watches any more. The file is looked at in the caller's own rhythm.
            std::thread::sleep(timeout);
        }
        told.is_ok()
    }

    /// Takes the notes that are there; whether one was of concern.
    pub(super) fn take(&self) -> bool {
        self.told.try_recv().is_ok()
    }
}

fn concerns(event: &Event, places: &Places) -> bool {
    // Opening and reading the file are our own doing.
    if matches!(event.kind, EventKind::Access(_)) {
        return false;
    }
    let Some(names) = &places.names else { return true };
    // The directory itself may have been moved away.
    let is_ours = |path: &Path| {
        names.iter().any(|name| path.file_name() == Some(name))
            || places.paths.iter().any(|place| place == path)
    };
    // No path: the system's queue ran over, and anything may have happened.
    event.paths.is_empty() || event.paths.iter().any(|path| is_ours(path))
}

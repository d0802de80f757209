//! Being told by the kernel when a file grows, or comes to be.

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// Watches a file's directory, so that the file need not be there yet and may be replaced.
pub(crate) struct Watch {
    // Dropping it ends the watching.
    _watcher: RecommendedWatcher,
    told: Receiver<()>,
}

// === impl Watch ===

impl Watch {
    /// Watches the file at this path; where the path is a link, also the file that it leads to.
    pub(crate) fn new(path: &Path) -> notify::Result<Self> {
        let real = path.canonicalize().ok();
        let files: Vec<&Path> = [Some(path), real.as_deref()].into_iter().flatten().collect();
        let names: Vec<OsString> =
            files.iter().filter_map(|file| file.file_name().map(OsString::from)).collect();
        let mut directories: Vec<PathBuf> = files.iter().map(|file| directory(file)).collect();
        directories.dedup();
        let watched = directories.clone();
        // One note is enough: who is told looks at the file as it is then.
        let (tell, told) = sync_channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let concerns = match &event {
                // Opening and reading the file are our own doing.
                Ok(event) if matches!(event.kind, EventKind::Access(_)) => false,
                // No path: the kernel's queue ran over, and anything may have happened. The directory itself may
                // have been moved away.
                Ok(event) => {
                    let ours = |path: &PathBuf| {
                        names.iter().any(|name| path.file_name() == Some(name)) || watched.contains(path)
                    };
                    event.paths.is_empty() || event.paths.iter().any(ours)
                }
                Err(_) => true,
            };
            if concerns {
                // Full says that the note is there already; closed, that nobody reads it.
                let _ = tell.try_send(());
            }
        })?;
        for directory in &directories {
            watcher.watch(directory, RecursiveMode::NonRecursive)?;
        }
        Ok(Self { _watcher: watcher, told })
    }

    /// Waits until something happened to the file, at most so long.
    pub(crate) fn wait(&self, timeout: Duration) {
        // Neither outcome matters: the file is looked at either way.
        let _ = self.told.recv_timeout(timeout);
    }
}

fn directory(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    parent.canonicalize().unwrap_or_else(|_| parent.to_path_buf())
}

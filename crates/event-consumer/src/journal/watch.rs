//! Being told by the kernel when a file grows, or comes to be.

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// Watches a file, or the directory in which one is to appear.
///
/// A file that is there is watched by itself: a store beside it is written thousands of times a second, and the kernel
/// would say so each time. That another file was put in its place is heard all the same, since the file lost its name
/// then. What is not heard is a change further up: a link that leads elsewhere, a directory that was moved.
pub(crate) struct Watch {
    // Dropping it ends the watching.
    _watcher: RecommendedWatcher,
    told: Receiver<()>,
    watches: Watched,
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// The file that is there.
    File,
    /// The directory of a file that is not; where the path is a link, also that of the file which it leads to.
    Directory,
}

// === impl Watch ===

impl Watch {
    /// Watches the file at this path, or where it is to appear.
    pub(crate) fn new(path: &Path, watches: Watched) -> notify::Result<Self> {
        // One note is enough: who is told looks at the file as it is then.
        let (tell, told) = sync_channel(1);
        let places = match watches {
            Watched::File => vec![path.to_path_buf()],
            Watched::Directory => directories(path),
        };
        let ours = matches!(watches, Watched::Directory).then(|| (names(path), places.clone()));
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let concerns = match (&event, &ours) {
                // Opening and reading the file are our own doing.
                (Ok(event), _) if matches!(event.kind, EventKind::Access(_)) => false,
                // No path: the kernel's queue ran over, and anything may have happened. The directory itself may
                // have been moved away.
                (Ok(event), Some((names, directories))) => {
                    let is_ours = |path: &PathBuf| {
                        names.iter().any(|name| path.file_name() == Some(name)) || directories.contains(path)
                    };
                    event.paths.is_empty() || event.paths.iter().any(is_ours)
                }
                (Ok(_), None) | (Err(_), _) => true,
            };
            if concerns {
                // Full says that the note is there already; closed, that nobody reads it.
                let _ = tell.try_send(());
            }
        })?;
        for place in &places {
            watcher.watch(place, RecursiveMode::NonRecursive)?;
        }
        Ok(Self { _watcher: watcher, told, watches })
    }

    /// What it watches.
    pub(crate) fn watches(&self) -> Watched {
        self.watches
    }

    /// Waits until something happened to the file, at most so long; whether it did.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let told = self.told.recv_timeout(timeout);
        if told == Err(RecvTimeoutError::Disconnected) {
            // Nobody watches any more. The file is looked at in the caller's own rhythm.
            std::thread::sleep(timeout);
        }
        told.is_ok()
    }
}

/// The path, and where it is a link to a file, that file's.
fn files(path: &Path) -> impl Iterator<Item = PathBuf> {
    [Some(path.to_path_buf()), path.canonicalize().ok()].into_iter().flatten()
}

fn names(path: &Path) -> Vec<OsString> {
    files(path).filter_map(|file| file.file_name().map(OsString::from)).collect()
}

fn directories(path: &Path) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = files(path).map(|file| directory(&file)).collect();
    directories.dedup();
    directories
}

fn directory(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    parent.canonicalize().unwrap_or_else(|_| parent.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::io::Write;

    const SOON: Duration = Duration::from_secs(10);
    const A_MOMENT: Duration = Duration::from_millis(50);

    fn append(path: &Path) {
        let mut file = File::options().append(true).create(true).open(path).expect("a file");
        file.write_all(b"line\n").expect("a write");
    }

    /// Takes the notes that are there, of which one write may have led to several.
    fn settle(watch: &Watch) {
        while watch.wait(A_MOMENT) {}
    }

    #[test]
    fn a_file_that_is_there_is_watched_and_not_what_stands_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (own, other) = (folder.path().join("journal"), folder.path().join("store"));
        append(&own);
        let watch = Watch::new(&own, Watched::File).expect("a watch");
        settle(&watch);
        append(&other);
        assert!(!watch.wait(A_MOMENT), "what is beside it is of no concern");
        append(&own);
        assert!(watch.wait(SOON), "it grew");
        settle(&watch);
        fs::rename(&other, &own).expect("a rename");
        assert!(watch.wait(SOON), "another file stands in its place");
    }

    #[test]
    fn a_file_that_is_not_there_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("journal");
        assert!(Watch::new(&own, Watched::File).is_err(), "there is nothing to watch");
        let watch = Watch::new(&own, Watched::Directory).expect("a watch");
        append(&folder.path().join("other"));
        assert!(!watch.wait(A_MOMENT), "another file is of no concern");
        append(&own);
        assert!(watch.wait(SOON), "it came to be");
    }
}

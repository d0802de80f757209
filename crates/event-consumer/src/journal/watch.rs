//! Being told by the kernel when a file grows, or comes to be.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
use linux::Notes;
#[cfg(not(target_os = "linux"))]
use portable::Notes;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Watches a file, or the directory in which one is to appear.
///
/// A file that is there is watched by itself: a store beside it is written thousands of times a second, and the kernel
/// would say so each time. That another file was put in its place is heard all the same, since the file lost its name
/// then. What is not heard is a change further up: a link that leads elsewhere, a directory that was moved.
pub(crate) struct Watch {
    notes: Notes,
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

/// Where the kernel watches.
struct Places {
    paths: Vec<PathBuf>,
    /// Where the paths are directories, what in them is of concern.
    names: Option<Vec<OsString>>,
}

// === impl Watch ===

impl Watch {
    /// Watches the file at this path, or where it is to appear.
    pub(crate) fn new(path: &Path, watches: Watched) -> std::io::Result<Self> {
        let notes = Notes::on(match watches {
            Watched::File => Places { paths: vec![path.to_path_buf()], names: None },
            Watched::Directory => Places { paths: directories(path), names: Some(names(path)) },
        })?;
        Ok(Self { notes, watches })
    }

    /// What it watches.
    pub(crate) fn watches(&self) -> Watched {
        self.watches
    }

    /// Waits until something happened to the file, at most so long; whether it did.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        self.notes.wait(timeout)
    }

    /// Forgets what has happened so far: for whoever is about to look at the file in any case. Whether anything had.
    pub(crate) fn forget(&self) -> bool {
        self.notes.take()
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
    use std::time::Instant;

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
        assert!(!watch.forget());
        append(&own);
        let until = Instant::now() + SOON;
        while !watch.forget() {
            assert!(Instant::now() < until, "it grew");
        }
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

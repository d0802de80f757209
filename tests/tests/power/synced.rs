//! How much of a file has been synced, by whoever did it.
//!
//! The program's own `fdatasync` and `fsync` stand in front of the C library's: they note how long the file was, and
//! leave the disk alone. So what is on the disk for certain is what the code under test has really synced.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// The inode of the file that is watched, and how long it was when it was synced last.
static WATCHED: AtomicU64 = AtomicU64::new(0);
static LENGTH: AtomicU64 = AtomicU64::new(0);

/// From now on it is this file, of which nothing is synced yet.
pub(crate) fn watch(path: &Path) {
    LENGTH.store(0, Ordering::SeqCst);
    WATCHED.store(std::fs::metadata(path).unwrap().ino(), Ordering::SeqCst);
}

/// How many of its octets are on the disk for certain.
pub(crate) fn length() -> usize {
    LENGTH.load(Ordering::SeqCst) as usize
}

fn note(descriptor: i32) -> i32 {
    // SAFETY: who syncs has it open, and it is not closed here.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) });
    if let Ok(metadata) = file.metadata()
        && metadata.ino() == WATCHED.load(Ordering::SeqCst)
    {
        LENGTH.store(metadata.len(), Ordering::SeqCst);
    }
    0
}

// SAFETY: of the C library's name and type, in whose place it is called.
#[unsafe(no_mangle)]
extern "C" fn fdatasync(descriptor: i32) -> i32 {
    note(descriptor)
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn fsync(descriptor: i32) -> i32 {
    note(descriptor)
}

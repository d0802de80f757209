//! inotify(7), asked by the thread that wants to know: a file that grows a thousand times a second wakes nobody else for
//! that, and nobody at all while its reader is busy.

use super::Places;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{CreateFlags, Event, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

/// The kernel's notes on some places.
pub(super) struct Notes {
    inotify: OwnedFd,
    places: Places,
}

/// What happens to a file that is there; that it lost its name is a change of its attributes.
const FILE: WatchFlags =
    WatchFlags::MODIFY.union(WatchFlags::ATTRIB).union(WatchFlags::MOVE_SELF).union(WatchFlags::DELETE_SELF);
/// What happens in a directory, beside the same.
const DIRECTORY: WatchFlags = FILE
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO);
/// Octets that are taken from the kernel at a time; a note has 272 at most.
const AT_A_TIME: usize = 4096;

// === impl Notes ===

impl Notes {
    pub(super) fn on(places: Places) -> std::io::Result<Self> {
        let inotify = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let flags = if places.names.is_some() { DIRECTORY } else { FILE };
        for path in &places.paths {
            add_watch(&inotify, path, flags)?;
        }
        Ok(Self { inotify, places })
    }

    /// Waits for a note, at most so long; whether there was one. A failure is passed over: it is that of a wait.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let limit = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&self.inotify, PollFlags::IN)], limit.as_ref()) {
                Ok(0) => return false,
                Ok(_) if self.take() => return true,
                Ok(_) | Err(Errno::INTR) => {}
                // The file is looked at in the caller's own rhythm.
                Err(_) => {
                    std::thread::sleep(left);
                    return false;
                }
            }
        }
    }

    /// Takes the notes that are there; whether one was of concern.
    pub(super) fn take(&self) -> bool {
        let mut room = [MaybeUninit::uninit(); AT_A_TIME];
        let mut reader = Reader::new(&self.inotify, &mut room);
        let mut concerns = false;
        while let Ok(event) = reader.next() {
            concerns |= self.concerns(&event);
        }
        concerns
    }

    /// A note without a name is on what is watched itself, or says that notes were lost: anything may have happened.
    fn concerns(&self, event: &Event<'_>) -> bool {
        let named = self.places.names.as_ref().zip(event.file_name());
        named.is_none_or(|(names, own)| names.iter().any(|name| name == OsStr::from_bytes(own.to_bytes())))
    }
}

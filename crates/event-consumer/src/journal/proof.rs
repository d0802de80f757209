//! Whether what was read of a file would still be there after a power cut.
//!
//! A sync that goes well is the proof, as long as none failed before it. When Linux cannot write a page it says so
//! once to everybody who has the file open, and takes the page for a clean one from then on: the next sync has
//! nothing to write and goes well, and what the disk holds is something else. A sync is no proof after that, nor is
//! what can be read: it comes from those pages as long as they are kept (ext4, XFS), and then no more (btrfs). Only
//! who writes the log could write those bytes again, and a reader writes to no log. So from a failure on that counts
//! as lasting which a sync that went well *and* a look past the page cache show: byte for byte what was read. That is
//! remembered as long as the process lives, also where the file is opened again; a process that is started anew knows
//! nothing of it.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

/// What lies under a file. Tests have one that fails.
pub(crate) trait Disk {
    /// Has everything written that was written to the file.
    fn sync(&mut self, file: &File) -> io::Result<()>;

    /// Shows what stands from one offset up to another, or to the file's end, on the disk and not in memory.
    fn read(&mut self, file: &File, from: u64, to: u64, show: &mut dyn FnMut(&[u8])) -> io::Result<()>;
}

/// The disk that the system has.
#[derive(Debug)]
pub(crate) struct SystemDisk;

/// What was read and is not proven to last: kept as a hash, and where it stands.
#[derive(Debug)]
pub(crate) struct Unproven {
    from: u64,
    to: u64,
    read: DefaultHasher,
    /// Whether anything is to be proven.
    is_some: bool,
    /// A sync failed when this much had been read, so that one that goes well says nothing of what stands before.
    doubt_to: u64,
}

/// Of which file a sync failed, and up to where it is in doubt since: for whoever opens it again.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    inode: AtomicU64,
    to: AtomicU64,
}

/// Reads from a file and enters what comes.
pub(crate) struct Tap<'a> {
    file: &'a mut File,
    unproven: &'a mut Unproven,
}

/// What is read at a time past the page cache, and what its place must be a multiple of.
#[cfg(target_os = "linux")]
const DIRECT: (usize, usize) = (1 << 20, 4096);

// === impl Unproven ===

impl Unproven {
    /// Nothing was read since this offset. What stands before it may have been written by somebody who did not sync.
    /// Up to `doubt_to` a sync that goes well is no proof.
    pub(crate) fn since(offset: u64, doubt_to: u64) -> Self {
        Self { from: offset, to: offset, read: DefaultHasher::new(), is_some: true, doubt_to }
    }

    /// Up to where a sync is no proof; 0 where it is.
    pub(crate) fn doubt_to(&self) -> u64 {
        self.doubt_to
    }

    /// The file, for whoever reads on behind what was read last.
    pub(crate) fn tap<'a>(&'a mut self, file: &'a mut File) -> Tap<'a> {
        Tap { file, unproven: self }
    }

    /// Makes sure that no power cut takes what was read; why that is not so where it is not.
    pub(crate) fn prove(&mut self, disk: &mut dyn Disk, file: &File) -> Result<(), String> {
        if !self.is_some {
            return Ok(());
        }
        if let Err(error) = disk.sync(file) {
            self.doubt_to = self.doubt_to.max(self.to);
            return Err(format!("it cannot be synced: {error}"));
        }
        if self.from < self.doubt_to {
            let (mut length, mut hash) = (0, DefaultHasher::new());
            let mut show = |bytes: &[u8]| {
                length += bytes.len() as u64;
                hash.write(bytes);
            };
            disk.read(file, self.from, self.to, &mut show).map_err(|error| {
                format!(
                    "a sync failed before, and whether the disk holds what was read cannot be seen: {error}"
                )
            })?;
            if (length, hash.finish()) != (self.to - self.from, self.read.finish()) {
                return Err("a sync failed before, and the disk does not hold what was read".to_owned());
            }
        }
        let doubt_to = if self.to < self.doubt_to { self.doubt_to } else { 0 };
        *self = Self { is_some: false, ..Self::since(self.to, doubt_to) };
        Ok(())
    }
}

// === impl Doubt ===

impl Doubt {
    /// Up to where this file is in doubt.
    pub(crate) fn of(&self, inode: u64) -> u64 {
        if self.inode.load(Ordering::Relaxed) == inode { self.to.load(Ordering::Relaxed) } else { 0 }
    }

    /// Keeps what is known of this file.
    pub(crate) fn keep(&self, inode: u64, to: u64) {
        self.inode.store(inode, Ordering::Relaxed);
        self.to.store(to, Ordering::Relaxed);
    }
}

impl Read for Tap<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        if count > 0 {
            self.unproven.read.write(&into[..count]);
            self.unproven.to += count as u64;
            self.unproven.is_some = true;
        }
        Ok(count)
    }
}

// === impl SystemDisk ===

impl Disk for SystemDisk {
    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    #[cfg(target_os = "linux")]
    fn read(&mut self, file: &File, from: u64, to: u64, show: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        use std::os::fd::AsRawFd;
        use std::os::unix::fs::{FileExt, OpenOptionsExt};
        // The same file, whatever stands at its path by now.
        let own = format!("/proc/self/fd/{}", file.as_raw_fd());
        let direct = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(own)?;
        let (block, unit) = DIRECT;
        let mut room = vec![0; block + unit];
        let start = room.as_ptr().align_offset(unit);
        let room = room.get_mut(start..).and_then(|room| room.get_mut(..block));
        let room = room.ok_or_else(|| io::Error::other("no memory can be had at such a place"))?;
        let mut at = from - from % unit as u64;
        while at < to {
            let count = direct.read_at(room, at)?;
            let end = at + count as u64;
            let [first, last] = [from.max(at), to.min(end)].map(|place| (place.saturating_sub(at)) as usize);
            show(&room[first.min(last)..last]);
            // Only the last block of a file is not whole.
            if count % unit != 0 || count == 0 {
                break;
            }
            at = end;
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn read(&mut self, _: &File, _: u64, _: u64, _: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A disk of which each sync does what it is told, and which holds what it is told.
    struct Told {
        syncs: Vec<io::Result<()>>,
        holds: io::Result<Vec<u8>>,
    }

    impl Disk for Told {
        fn sync(&mut self, _: &File) -> io::Result<()> {
            if self.syncs.is_empty() { Ok(()) } else { self.syncs.remove(0) }
        }

        fn read(&mut self, _: &File, from: u64, to: u64, show: &mut dyn FnMut(&[u8])) -> io::Result<()> {
            let bytes = self.holds.as_ref().map_err(|error| io::Error::from(error.kind()))?;
            let [from, to] = [from, to].map(|place| bytes.len().min(place as usize));
            bytes[from..to].chunks(3).for_each(show);
            Ok(())
        }
    }

    fn failure() -> io::Result<()> {
        Err(io::Error::other("EIO"))
    }

    fn read(unproven: &mut Unproven, file: &mut File, upto: u64) {
        let length = upto - unproven.to;
        assert_eq!(unproven.tap(file).take(length).read_to_end(&mut Vec::new()).unwrap() as u64, length);
    }

    #[test]
    fn a_sync_that_goes_well_is_the_proof_and_none_is_made_twice() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut file = reopened(&file);
        let mut unproven = Unproven::since(0, 0);
        read(&mut unproven, &mut file, 4);
        // What it holds is not looked at.
        let mut disk = Told { syncs: vec![Ok(()), failure()], holds: Err(io::ErrorKind::Unsupported.into()) };
        assert_eq!(unproven.prove(&mut disk, &file), Ok(()));
        assert_eq!(unproven.prove(&mut disk, &file), Ok(()));
        assert_eq!(disk.syncs.len(), 1, "nothing was read since");
        read(&mut unproven, &mut file, 5);
        assert!(unproven.prove(&mut disk, &file).is_err());
    }

    #[test]
    fn after_a_failure_a_sync_proves_nothing_that_the_disk_does_not_hold() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut file = reopened(&file);
        let mut unproven = Unproven::since(0, 0);
        read(&mut unproven, &mut file, 4);
        let mut disk = Told { syncs: Vec::new(), holds: Ok(b"0123".to_vec()) };
        unproven.prove(&mut disk, &file).unwrap();
        read(&mut unproven, &mut file, 8);
        disk.syncs.push(failure());
        let why = unproven.prove(&mut disk, &file).unwrap_err();
        assert!(why.contains("cannot be synced: EIO"), "{why}");
        // The next sync has nothing to do, and the disk has nothing, zeros, a part, or something else.
        for holds in [&b"0123"[..], b"0123\0\0\0\0", b"012345", b"01234x67"] {
            disk.holds = Ok(holds.to_vec());
            let why = unproven.prove(&mut disk, &file).unwrap_err();
            assert!(why.contains("does not hold"), "{why}");
        }
        disk.holds = Err(io::ErrorKind::Unsupported.into());
        assert!(unproven.prove(&mut disk, &file).unwrap_err().contains("cannot be seen"));
        // What was read meanwhile is in doubt too.
        read(&mut unproven, &mut file, 10);
        disk.holds = Ok(b"01234567\0\0".to_vec());
        assert!(unproven.prove(&mut disk, &file).is_err());
        disk.holds = Ok(b"0123456789 and more".to_vec());
        assert_eq!(unproven.prove(&mut disk, &file), Ok(()));
        assert_eq!(unproven.doubt_to(), 0);
    }

    /// Opened again, it is in doubt up to where it was: each part of that is looked at.
    #[test]
    fn what_is_in_doubt_stays_so_until_all_of_it_was_seen() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut file = reopened(&file);
        let mut unproven = Unproven::since(0, 8);
        let mut disk = Told { syncs: Vec::new(), holds: Ok(b"012345\0\0".to_vec()) };
        read(&mut unproven, &mut file, 5);
        assert_eq!((unproven.prove(&mut disk, &file), unproven.doubt_to()), (Ok(()), 8));
        read(&mut unproven, &mut file, 9);
        assert!(unproven.prove(&mut disk, &file).is_err());
        disk.holds = Ok(b"0123456789".to_vec());
        assert_eq!((unproven.prove(&mut disk, &file), unproven.doubt_to()), (Ok(()), 0));
        let doubt = Doubt::default();
        doubt.keep(7, 8);
        assert_eq!((doubt.of(7), doubt.of(6)), (8, 0));
    }

    /// The real one, at places that are no multiples of anything.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_disk_itself_is_read() {
        let mut file = tempfile::tempfile().unwrap();
        let text: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        file.write_all(&text).unwrap();
        SystemDisk.sync(&file).unwrap();
        for (from, to) in [(0, 10), (4_095, 4_097), (1_048_000, 2_500_001), (2_999_999, 3_000_000), (5, 5)] {
            let mut shown = Vec::new();
            let read = SystemDisk.read(&file, from, to, &mut |bytes| shown.extend_from_slice(bytes));
            // Not every file system can.
            let Ok(()) = read else { return };
            assert!(shown == text[from as usize..to as usize], "{from} to {to}");
        }
        let mut shown = 0;
        SystemDisk.read(&file, 2_999_990, 4_000_000, &mut |bytes| shown += bytes.len()).unwrap();
        assert_eq!(shown, 10, "up to the file's end");
    }

    /// The same file, read from its beginning.
    fn reopened(file: &File) -> File {
        let mut file = file.try_clone().unwrap();
        io::Seek::rewind(&mut file).unwrap();
        file
    }
}

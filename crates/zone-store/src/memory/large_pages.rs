//! Has what is in memory for good lie in the system's large pages.
//!
//! An answer from a large catalogue reads a handful of places that lie anywhere. Before the processor can read one it
//! must know where in the machine's memory the place is, and what says so for some hundred megabytes of small pages is
//! itself more than fits beside the rest in a cache that the kernel uses between any two batches; in a virtual machine it
//! is looked up twice. A large page of Linux (2 MiB on most machines) needs a five-hundredth of it.
//!
//! The allocator grows its heaps page by page, so the system has no occasion to give it large ones by itself.

#[cfg(target_os = "linux")]
use std::time::Instant;

/// Of a large page's small ones so many quarters must be in memory: what is missing is taken from the system when they
/// become one, and is the allocator's to fill.
pub(super) type Quarters = usize;

/// As much again is taken from the system at most.
pub(super) const HALF: Quarters = 2;
/// A third of it is.
pub(super) const MOST: Quarters = 3;

/// Makes large pages of small ones, where so many of them are in memory. A system that cannot do so, or was told not
/// to, leaves everything as it is.
#[cfg(target_os = "linux")]
pub(super) fn gather(least: Quarters) {
    let settings = "/sys/kernel/mm/transparent_hugepage";
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let size = read(&format!("{settings}/hpage_pmd_size")).trim().parse::<usize>();
    let Some(size) = size.ok().filter(|size| size.is_power_of_two()) else { return };
    // MADV_COLLAPSE would not mind.
    if read(&format!("{settings}/enabled")).contains("[never]") {
        return;
    }
    // SAFETY: it reads a number of the system's.
    let small = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(size);
    let mut room = vec![0; size.div_ceil(small.max(1))];
    let (began, mut gathered) = (Instant::now(), 0);
    for (start, end) in read("/proc/self/maps").lines().filter_map(anonymous) {
        let mut at = start.next_multiple_of(size);
        while end.saturating_sub(at) >= size {
            gathered += u32::from(is_resident(at, size, least, &mut room) && collapse(at, size));
            at += size;
        }
    }
    tracing::debug!(gathered, took = ?began.elapsed(), "large pages of memory");
}

/// Other systems do so by themselves, or not at all.
#[cfg(not(target_os = "linux"))]
pub(super) fn gather(_: Quarters) {}

#[cfg(target_os = "linux")]
fn collapse(at: usize, size: usize) -> bool {
    // SAFETY: it changes which pages hold the octets, and none of the octets (madvise(2)). Where nothing, or something
    // else, lies there by now it fails, or does the same to that.
    unsafe { libc::madvise(at as *mut libc::c_void, size, libc::MADV_COLLAPSE) == 0 }
}

#[cfg(target_os = "linux")]
fn is_resident(at: usize, size: usize, least: Quarters, room: &mut [u8]) -> bool {
    // SAFETY: the room has an octet for each page of the range, and nothing else is written (mincore(2)). A range that is
    // there no longer is an error.
    let status = unsafe { libc::mincore(at as *mut libc::c_void, size, room.as_mut_ptr()) };
    let pages = room.iter().filter(|page| *page & 1 == 1).count();
    status == 0 && pages * 4 >= room.len() * least
}

/// The range of a line of `/proc/self/maps` (proc_pid_maps(5)) that is private memory of no file.
#[cfg(target_os = "linux")]
fn anonymous(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (range, mode) = (fields.next()?, fields.next()?);
    let (_offset, _device, inode) = (fields.next()?, fields.next()?, fields.next()?);
    let is_heap = fields.next().is_none_or(|name| name == "[heap]");
    let (start, end) = range.split_once('-')?;
    let range = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    (mode == "rw-p" && inode == "0" && is_heap).then_some(range)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// proc_pid_maps(5).
    #[test]
    fn heaps_are_found_and_files_are_not() {
        for (line, expected) in [
            ("7f0000000000-7f0000200000 rw-p 00000000 00:00 0 ", Some((0x7f00_0000_0000, 0x7f00_0020_0000))),
            ("0010a000-0012b000 rw-p 00000000 00:00 0          [heap]", Some((0x10_a000, 0x12_b000))),
            ("7ffc0000-7ffe0000 rw-p 00000000 00:00 0          [stack]", None),
            ("00100000-0010a000 rw-p 00000000 fe:01 71         /usr/bin/program", None),
            ("7f0000000000-7f0000200000 ---p 00000000 00:00 0 ", None),
            ("7f0000000000-7f0000200000 rw-s 00000000 00:00 0 ", None),
            ("a line-of something else", None),
            ("", None),
        ] {
            assert_eq!(anonymous(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_gathered_stays_what_it_is() {
        let numbers: Vec<u64> = (0..1 << 20).collect();
        gather(HALF);
        assert!(numbers.iter().zip(0..).all(|(number, expected)| *number == expected));
    }

    /// What the kernel says of a range of which so many of its pages were written.
    fn with_resident(pages: usize, ask: impl FnOnce(usize, usize, &mut [u8])) {
        // SAFETY: it reads a number of the system's.
        let small = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).expect("a size");
        let size = 64 * small;
        let (mode, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: new memory of its own, unmapped below.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), size, mode, kind, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED);
        // SAFETY: it is the same; a kernel that makes larger pages by itself would make others resident as well.
        unsafe { libc::madvise(start, size, libc::MADV_NOHUGEPAGE) };
        for page in 0..pages {
            // SAFETY: it lies within what was mapped.
            unsafe { start.cast::<u8>().add(page * small).write(1) };
        }
        ask(start as usize, size, &mut [0; 64]);
        // SAFETY: nobody uses it any more.
        unsafe { libc::munmap(start, size) };
    }

    #[test]
    fn what_is_there_for_the_most_part_is_worth_it() {
        for (pages, half, most) in
            [(31, false, false), (32, true, false), (47, true, false), (48, true, true)]
        {
            with_resident(pages, |at, size, room| {
                let found = (is_resident(at, size, HALF, room), is_resident(at, size, MOST, room));
                assert_eq!(found, (half, most), "{pages} of 64");
            });
        }
    }
}

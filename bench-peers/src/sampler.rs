//! What share of a process's time is spent outside of the kernel.
//!
//! The kernel divides the time in `/proc/PID/stat` by what it finds at each tick, 100 to 1,000 times a second. This
//! asks it to look more often (`perf_event_open`, the software event `cpu-clock`, on one core), and counts whether
//! it found the process in user space or in the kernel. It needs root or `kernel.perf_event_paranoid` below 1.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// Nanoseconds between two looks: no multiple or divisor of the kernel's own tick.
const PERIOD: u64 = 197_003;
/// Pages of the ring, a power of two: at 16 octets a look, enough for 12 seconds.
const PAGES: usize = 256;

/// Looks at one core.
pub struct Sampler {
    event: OwnedFd,
    ring: *mut u8,
    page: usize,
}

/// What the looks found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// The processes, outside of the kernel.
    pub user: u64,
    /// The processes, in the kernel.
    pub kernel: u64,
    /// Another process.
    pub others: u64,
    /// Nobody.
    pub idle: u64,
}

/// The first version of `struct perf_event_attr`.
#[repr(C)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup: u32,
    breakpoint: u32,
    address: u64,
}

const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_COUNT_SW_CPU_CLOCK: u64 = 0;
const PERF_SAMPLE_TID: u64 = 1 << 1;
const PERF_RECORD_SAMPLE: u32 = 9;
const PERF_RECORD_MISC_CPUMODE_MASK: u16 = 7;
const PERF_RECORD_MISC_USER: u16 = 2;
/// Where the metadata page of the ring keeps `data_head`, and behind it `data_tail` (linux/perf_event.h).
const DATA_HEAD: usize = 1024;

// === impl Looks ===

impl Looks {
    /// The share of the processes' time that was outside of the kernel; `None` where nothing was seen.
    pub fn user_share(self) -> Option<f64> {
        let all = self.user + self.kernel;
        (all > 0).then(|| self.user as f64 / all as f64)
    }

    /// The share of all looks that found another process.
    pub fn others_share(self) -> f64 {
        let all = self.user + self.kernel + self.others + self.idle;
        self.others as f64 / all.max(1) as f64
    }

    /// The processes' share of what was found, other processes left out; `None` where nothing was seen.
    pub fn busy(self) -> Option<f64> {
        let own = self.user + self.kernel;
        (own > 0).then(|| own as f64 / (own + self.idle) as f64)
    }

    fn count(&mut self, record: &[u8], processes: &[u32]) {
        let word = |at: usize| {
            record
                .get(at..at + 4)
                .map(|octets| u32::from_ne_bytes([octets[0], octets[1], octets[2], octets[3]]))
        };
        let (Some(PERF_RECORD_SAMPLE), Some(process)) = (word(0), word(8)) else { return };
        let mode = u16::from_ne_bytes([record[4], record[5]]) & PERF_RECORD_MISC_CPUMODE_MASK;
        match (processes.contains(&process), mode) {
            (true, PERF_RECORD_MISC_USER) => self.user += 1,
            (true, _) => self.kernel += 1,
            (false, _) if process == 0 => self.idle += 1,
            (false, _) => self.others += 1,
        }
    }
}

// === impl Sampler ===

impl Sampler {
    /// Begins to look at this core.
    pub fn new(core: usize) -> io::Result<Self> {
        let attributes = Attributes {
            kind: PERF_TYPE_SOFTWARE,
            size: size_of::<Attributes>() as u32,
            config: PERF_COUNT_SW_CPU_CLOCK,
            period: PERIOD,
            sample_type: PERF_SAMPLE_TID,
            read_format: 0,
            flags: 0,
            wakeup: u32::MAX,
            breakpoint: 0,
            address: 0,
        };
        let (everybody, no_group, no_flags) = (-1, -1, 0_u64);
        // SAFETY: the attributes live during the call and state their own size.
        let event = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                everybody,
                core as libc::c_int,
                no_group,
                no_flags,
            )
        };
        let event = i32::try_from(event).unwrap_or(-1);
        if event < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just opened it for us.
        let event = unsafe { OwnedFd::from_raw_fd(event) };
        // SAFETY: asks for a number.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
        // SAFETY: a new mapping of the event's own pages.
        let ring = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                (PAGES + 1) * page,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                event.as_raw_fd(),
                0,
            )
        };
        if ring == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { event, ring: ring.cast(), page })
    }

    fn counter(&self, at: usize) -> &AtomicU64 {
        // SAFETY: the metadata page is mapped as long as this value lives, and has an aligned 64-bit integer there,
        // which the kernel writes, too.
        unsafe { &*self.ring.add(at).cast::<AtomicU64>() }
    }

    /// What was found since the last time; looks for which the ring had no room are missing.
    pub fn take(&mut self, processes: &[u32]) -> Looks {
        let (mut looks, size) = (Looks::default(), PAGES * self.page);
        let head = self.counter(DATA_HEAD).load(Ordering::Acquire);
        let mut tail = self.counter(DATA_HEAD + 8).load(Ordering::Relaxed);
        let mut record = [0; 64];
        while tail < head {
            for (offset, octet) in record.iter_mut().enumerate() {
                let at = self.page + (tail as usize + offset) % size;
                // SAFETY: within the mapping; up to `head` the kernel has written and does not write again before
                // `data_tail` passes it. What is read behind `head` is not looked at.
                *octet = unsafe { self.ring.add(at).read_volatile() };
            }
            looks.count(&record, processes);
            tail += u64::from(u16::from_ne_bytes([record[6], record[7]])).max(8);
        }
        self.counter(DATA_HEAD + 8).store(tail, Ordering::Release);
        looks
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new` and nothing refers to it any more. The event outlives it.
        unsafe { libc::munmap(self.ring.cast(), (PAGES + 1) * self.page) };
        let _ = &self.event;
    }
}

#[cfg(test)]
mod tests {
    use super::{Looks, PERF_RECORD_SAMPLE};

    fn record(mode: u16, process: u32) -> Vec<u8> {
        let mut octets = PERF_RECORD_SAMPLE.to_ne_bytes().to_vec();
        octets.extend(mode.to_ne_bytes());
        octets.extend(16_u16.to_ne_bytes());
        octets.extend(process.to_ne_bytes());
        octets.extend(process.to_ne_bytes());
        octets
    }

    #[test]
    fn records_are_told_apart() {
        let mut looks = Looks::default();
        for (mode, process) in [(2, 7), (1, 7), (1, 8), (2, 9), (1, 0), (2, 7), (1, 7)] {
            looks.count(&record(mode, process), &[7, 8]);
        }
        looks.count(&[2, 0, 0, 0, 0, 0, 8, 0], &[7, 8]);
        assert_eq!(looks, Looks { user: 2, kernel: 3, others: 1, idle: 1 });
        assert_eq!((looks.user_share(), looks.busy()), (Some(0.4), Some(5.0 / 6.0)));
        assert!((looks.others_share() - 1.0 / 7.0).abs() < 1e-9);
        assert_eq!(Looks::default().user_share(), None);
    }
}

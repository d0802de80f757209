//! Processor time of processes, and on which core they run.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::Duration;

/// The calling thread, to the calls that take a thread.
const CALLING: u32 = 0;

/// Lets the calling thread, and what it starts from now on, run on these cores alone.
pub fn pin(cores: &[usize]) -> io::Result<()> {
    pin_thread(CALLING, cores)
}

/// Lets a thread run on these cores alone.
pub fn pin_thread(thread: u32, cores: &[usize]) -> io::Result<()> {
    // SAFETY: a plain set of bits, for which zeroes are valid.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for &core in cores {
        // SAFETY: the function checks the number against the size of the set.
        unsafe { libc::CPU_SET(core, &mut set) };
    }
    // SAFETY: the set lives during the call, and its size is its own.
    done(unsafe {
        libc::sched_setaffinity(thread.cast_signed(), size_of::<libc::cpu_set_t>(), &raw const set)
    })
}

/// The cores that the calling thread may run on.
pub fn allowed() -> io::Result<Vec<usize>> {
    allowed_to(CALLING)
}

/// The cores that a thread may run on.
pub fn allowed_to(thread: u32) -> io::Result<Vec<usize>> {
    // SAFETY: a plain set of bits, for which zeroes are valid.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set lives during the call, and its size is its own.
    done(unsafe {
        libc::sched_getaffinity(thread.cast_signed(), size_of::<libc::cpu_set_t>(), &raw mut set)
    })?;
    // SAFETY: numbers below the size of the set.
    Ok((0..libc::CPU_SETSIZE as usize).filter(|&core| unsafe { libc::CPU_ISSET(core, &set) }).collect())
}

/// Lets the calling thread run only where nobody else wants to (`SCHED_IDLE`, sched(7)).
pub fn yield_to_all() -> io::Result<()> {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: the structure lives during the call, which reads it alone.
    done(unsafe { libc::sched_setscheduler(CALLING.cast_signed(), libc::SCHED_IDLE, &raw const none) })
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// All processes, the kernel's own threads among them.
pub fn processes() -> io::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?.collect::<io::Result<Vec<_>>>()?;
    Ok(entries.iter().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// A process and all its descendants.
pub fn family(process: u32) -> Vec<u32> {
    let mut all = vec![process];
    let mut next = 0;
    while let Some(&member) = all.get(next) {
        next += 1;
        let Ok(threads) = fs::read_dir(format!("/proc/{member}/task")) else { continue };
        for thread in threads.flatten() {
            if let Ok(children) = fs::read_to_string(thread.path().join("children")) {
                all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
            }
        }
    }
    all
}

/// The processor time that these processes have used, all threads, user and kernel: the scheduler's own sum, in
/// nanoseconds. A process that is gone counts nothing.
pub fn used(processes: &[u32]) -> Duration {
    processes.iter().filter_map(|&process| used_by(process)).sum()
}

fn used_by(process: u32) -> Option<Duration> {
    let (mut clock, process) = (0, i32::try_from(process).ok()?);
    // SAFETY: the two structures live during the calls, which write to them alone.
    let (found, time) = unsafe {
        let found = libc::clock_getcpuclockid(process, &raw mut clock);
        let mut time: libc::timespec = std::mem::zeroed();
        let read = if found == 0 { libc::clock_gettime(clock, &raw mut time) } else { -1 };
        (read == 0, time)
    };
    found.then(|| Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32))
}

/// The share of all cores' time that was not idle between two texts of `/proc/stat` (proc_stat(5)).
pub fn occupied(before: &str, after: &str) -> Option<f64> {
    let times = |text: &str| -> Option<(u64, u64)> {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let fields: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
        // Idle, and waiting for a disk.
        Some((fields.iter().take(8).sum(), fields.get(3)? + fields.get(4)?))
    };
    let ((all, idle), (all_then, idle_then)) = (times(after)?, times(before)?);
    let (all, idle) = (all.checked_sub(all_then)?, idle.saturating_sub(idle_then));
    (all > 0).then(|| 1.0 - idle as f64 / all as f64)
}

/// The share of all cores' time that somebody takes within a second.
pub fn occupied_now() -> Option<f64> {
    let before = fs::read_to_string("/proc/stat").ok()?;
    std::thread::sleep(Duration::from_secs(1));
    occupied(&before, &fs::read_to_string("/proc/stat").ok()?)
}

/// The processor time of each thread of these processes, in nanoseconds.
pub fn threads(processes: &[u32]) -> BTreeMap<u32, u64> {
    let mut all = BTreeMap::new();
    for process in processes {
        let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { continue };
        for thread in threads.flatten() {
            let number = thread.file_name().to_string_lossy().parse();
            let time = fs::read_to_string(thread.path().join("schedstat"));
            let time = time.ok().and_then(|text| text.split_whitespace().next()?.parse().ok());
            if let (Ok(number), Some(time)) = (number, time) {
                all.insert(number, time);
            }
        }
    }
    all
}

/// User and system time in clock ticks, from the text of `/proc/PID/stat` (proc_pid_stat(5), fields 14 and 15).
pub fn ticks(stat: &str) -> Option<(u64, u64)> {
    // The name in parentheses may hold anything, also spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// User and system time of these processes in clock ticks. The kernel divides the exact sum by what it found
/// running at each tick.
pub fn used_ticks(processes: &[u32]) -> (u64, u64) {
    let read = |process: &u32| ticks(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?);
    processes
        .iter()
        .filter_map(read)
        .fold((0, 0), |(user, system), (more, other)| (user + more, system + other))
}

/// The proportional set size in KiB, from the text of `/proc/PID/smaps_rollup`.
pub fn pss(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The proportional set size of these processes in KiB.
pub fn resident(processes: &[u32]) -> u64 {
    let read = |process: &u32| pss(&fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?);
    processes.iter().filter_map(read).sum()
}

#[cfg(test)]
mod tests {
    use super::{family, occupied, pss, resident, ticks, used, used_ticks};
    use std::time::Duration;

    #[test]
    fn the_name_of_a_process_may_hold_anything() {
        let stat = "417 (a) b (c)) S 1 417 417 0 -1 4194560 1 0 0 0 123 456 7 8 20 0 1 0 99 1000 100";
        assert_eq!(ticks(stat), Some((123, 456)));
        assert_eq!(ticks("417 (cut"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn the_proportional_size_is_read() {
        assert_eq!(
            pss("0-1 ---p 0 00:00 0 [rollup]\nRss:     900 kB\nPss:     812 kB\nPss_Dirty: 3 kB\n"),
            Some(812)
        );
        assert_eq!(pss("Rss: 900 kB\n"), None);
    }

    #[test]
    fn the_share_of_idle_time_is_taken_away() {
        let before = "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3 4 5\n";
        let after = "cpu  120 0 60 860 60 0 0 0 0 0\n";
        assert!(occupied(before, after).is_some_and(|share| (share - 0.3).abs() < 1e-9));
        assert_eq!(occupied(before, before), None);
        assert_eq!(occupied("", after), None);
    }

    #[test]
    fn our_own_process_has_time_and_memory() {
        let own = family(std::process::id());
        let before = used(&own);
        let mut sum = 0_u64;
        while used(&own) < before + Duration::from_millis(30) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(used_ticks(&own).0 + used_ticks(&own).1 > 0);
        assert!(resident(&own) > 100);
    }
}

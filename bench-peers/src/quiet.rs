//! A core that a server has to itself, for figures that a single pause of the machine would decide.
//!
//! Others on the core, the kernel's own threads among them, hold a server up for milliseconds, and so does a virtual
//! machine whose idle core the host has given to somebody else. As long as a [`Quiet`] lives, whatever may run on
//! another core does, and this one is never idle: a thread runs on it that yields to everybody (`SCHED_IDLE`). It takes
//! root. What others start meanwhile stays on the other cores, and where this process is killed before its time so does
//! everything that it moved.

use crate::cpu;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

/// Moved threads, and the one that keeps the core awake.
pub struct Quiet {
    /// Each with the cores that it was allowed.
    moved: Vec<(u32, Vec<usize>)>,
    ends: Arc<AtomicBool>,
    awake: Option<JoinHandle<()>>,
}

/// The parent of the kernel's threads, which inherit from it where they may run: it stays where it is.
const KTHREADD: u32 = 2;

// === impl Quiet ===

impl Quiet {
    /// Leaves this core to these processes.
    ///
    /// # Errors
    /// The system refuses to move a thread that is not bound to the core, or to have one wait there.
    pub fn new(core: usize, servers: &[u32]) -> io::Result<Self> {
        let mut quiet = Self { moved: Vec::new(), ends: Arc::default(), awake: None };
        let stays =
            |process: &u32| servers.contains(process) || [KTHREADD, std::process::id()].contains(process);
        let others: Vec<u32> = cpu::processes()?.into_iter().filter(|process| !stays(process)).collect();
        for thread in cpu::threads(&others).into_keys() {
            quiet.move_away(thread, core)?;
        }
        quiet.keep_awake(core)?;
        Ok(quiet)
    }

    fn keep_awake(&mut self, core: usize) -> io::Result<()> {
        let (ends, (says, said)) = (Arc::clone(&self.ends), mpsc::channel());
        self.awake = Some(thread::spawn(move || {
            let ready = cpu::pin(&[core]).and_then(|()| cpu::yield_to_all());
            let spins = ready.is_ok();
            // Who began this waits for it.
            let _ = says.send(ready);
            while spins && !ends.load(Ordering::Relaxed) {
                // A thread of this kind, too, has its share of a core that is full, and would keep it for milliseconds.
                thread::yield_now();
            }
        }));
        said.recv().map_err(io::Error::other)?
    }

    fn move_away(&mut self, thread: u32, core: usize) -> io::Result<()> {
        // A thread that is gone is not in the way.
        let Ok(allowed) = cpu::allowed_to(thread) else { return Ok(()) };
        let others: Vec<usize> = allowed.iter().copied().filter(|&other| other != core).collect();
        if others.len() == allowed.len() || others.is_empty() {
            return Ok(());
        }
        match cpu::pin_thread(thread, &others) {
            Ok(()) => self.moved.push((thread, allowed)),
            // A thread of the kernel's that is bound for good (EINVAL), or one that is gone (ESRCH).
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ESRCH)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(awake) = self.awake.take() {
            let _ = awake.join();
        }
        for (thread, allowed) in &self.moved {
            // It may be gone by now.
            let _ = cpu::pin_thread(*thread, allowed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Quiet;
    use crate::cpu;
    use std::process::Command;
    use std::sync::Arc;

    #[test]
    fn a_thread_is_moved_away_and_brought_back() {
        let cores = cpu::allowed().unwrap();
        let Some(&core) = cores.first().filter(|_| cores.len() > 1) else { return };
        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        let mut quiet = Quiet { moved: Vec::new(), ends: Arc::default(), awake: None };
        quiet.move_away(other.id(), core).unwrap();
        assert_eq!(cpu::allowed_to(other.id()).unwrap(), cores[1..]);
        drop(quiet);
        assert_eq!(cpu::allowed_to(other.id()).unwrap(), cores);
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn what_keeps_a_core_awake_ends() {
        let core = cpu::allowed().unwrap()[0];
        let mut quiet = Quiet { moved: Vec::new(), ends: Arc::default(), awake: None };
        quiet.keep_awake(core).unwrap();
        assert!(quiet.awake.as_ref().is_some_and(|awake| !awake.is_finished()));
        drop(quiet);
    }
}

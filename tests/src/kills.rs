//! A node that is killed again and again while its log is written to, whatever kind of log that is: what it serves
//! after each start, and what it holds, is what the log says.

use crate::churn::{Churn, Dice, Said};
use crate::{Server, ServerBuilder};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// Events a second that are written meanwhile.
const RATE: u64 = 2_000;

/// A log that is written to, and read as its events stand in it.
pub trait WrittenLog {
    /// A node of this folder that follows it.
    fn node(&self, folder: &Path) -> ServerBuilder;

    /// Somebody who writes so many events a second to it, until that is dropped.
    fn churn(&self, dice: Dice, rate: u64) -> Result<Churn>;

    /// Writes events to wait for behind everything that stands in it now. Returns their owners.
    fn mark(&mut self) -> Result<Vec<String>>;

    /// Takes in what was written since the last time.
    fn read(&mut self) -> Result<()>;

    /// What was taken in.
    fn said(&self) -> &Said;

    /// Waits until a server has read everything, and compares it with what the log says.
    fn compare(&mut self, server: &Server) -> Result<()> {
        let marks = self.mark()?;
        self.read()?;
        self.said().compare(server, &marks)
    }

    /// Compares a server with one that reads the log from its beginning.
    fn compare_with_fresh(&self, server: &Server) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let fresh = self.node(folder.path()).ready()?;
        // It is ready when it has what the log had when it started, which is all there is.
        let (ours, theirs) = (zones(server)?, zones(&fresh)?);
        ensure!(ours == theirs, "{ours}\n{theirs}");
        Ok(())
    }
}

/// Kills a node of this folder at random moments while its log is written to, also while it starts and catches up.
/// After each start it is what the log says; at the end also what a node is that never crashed.
///
/// # Errors
/// Where it is not.
pub fn kill_again_and_again(log: &mut impl WrittenLog, folder: &Path, mut dice: Dice) -> Result<()> {
    let begun = Instant::now();
    let mut churn = log.churn(Dice(dice.draw()), RATE)?;
    let (kills, mut at_start) = (kills(), 0);
    let mut server = log.node(folder).ready()?;
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(dice.below(500)));
        server.kill()?;
        // Some are killed once more before they are up.
        while dice.below(3) == 0 {
            log.node(folder).crash_after(Duration::from_millis(dice.below(400)))?;
            at_start += 1;
        }
        server = log.node(folder).ready()?;
        churn.rest()?;
        log.compare(&server)?;
        churn.go_on();
    }
    let written = churn.rest()?;
    log.compare(&server)?;
    log.compare_with_fresh(&server)?;
    let status = server.json("/v1/status")?;
    ensure!(status["set_aside"].is_null(), "nothing was damaged: {status}");
    // It stands behind everything, and reads nothing again.
    ensure!(server.stop()?.status.success());
    let server = log.node(folder).ready()?;
    let marks = log.mark()?;
    server.read_exactly(marks.len())?;
    log.read()?;
    log.said().compare(&server, &marks)?;
    println!(
        "{kills} kills and {at_start} more at the start under {RATE} events a second: {written} events written in \
         {:.1?}, {} of them unusable, and what is served is what they say",
        begun.elapsed(),
        log.said().unusable
    );
    Ok(())
}

/// How many kills: 30, or what the environment says (STREAM_DNS_KILLS).
pub fn kills() -> u64 {
    let named = std::env::var("STREAM_DNS_KILLS").ok();
    named.map_or(30, |text| text.parse().expect("STREAM_DNS_KILLS is a number"))
}

/// Zones with serials and digests: what two nodes that hold the same say alike.
pub(crate) fn zones(server: &Server) -> Result<Value> {
    let zones = server.json("/v1/zones")?;
    ensure!(zones[0]["digest"].as_str().is_some_and(|digest| digest.len() == 64), "{zones}");
    Ok(zones)
}

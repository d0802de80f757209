//! A node that is killed again and again while its log is written to, whatever kind of log that is: what it serves
//! after each start, and what it holds, is what the log says.

use crate::churn::{Churn, Dice, Said};
use crate::{Server, ServerBuilder};
use anyhow::{Context, Result, ensure};
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
        let compared = self.said().compare(server, &marks);
        compared.with_context(|| format!("the node says of itself: {:?}", server.json("/v1/status")))
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
        server = kill(log, folder, server, &mut churn, (&mut dice, &mut at_start))?;
    }
    let written = churn.rest()?;
    end(log, folder, server)?;
    println!(
        "{kills} kills and {at_start} more at the start under {RATE} events a second: {written} events written in \
         {:.1?}, {} of them unusable, and what is served is what they say",
        begun.elapsed(),
        log.said().unusable
    );
    Ok(())
}

/// The same while the node reads its log again beside what it serves. There are a third as many kills.
///
/// # Errors
/// Where it is not what the log says, or none of the kills fell within a rebuild.
pub fn kill_within_rebuilds(log: &mut impl WrittenLog, folder: &Path, mut dice: Dice) -> Result<()> {
    let mut churn = log.churn(Dice(dice.draw()), 2 * RATE)?;
    let (mut kills, mut within, mut at_start) = (0, 0, 0);
    // So much that reading it again takes a moment.
    std::thread::sleep(Duration::from_secs(3));
    let mut server = log.node(folder).ready()?;
    let rebuild = |server: &Server, arguments: &[&str]| {
        let done = server.client(folder, &[&["rebuild"], arguments].concat())?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    };
    // The log grows, and with it the time that a rebuild takes.
    while kills < self::kills() / 3 || (within == 0 && kills < self::kills()) {
        kills += 1;
        rebuild(&server, &["--no-wait"])?;
        let longest = [40, 500][dice.below(2) as usize];
        std::thread::sleep(Duration::from_millis(dice.below(longest)));
        // Where it is at the swap it does not say.
        let status = server.json("/v1/status").unwrap_or_default();
        within += u64::from(status["sources"][0]["rebuilding"].is_string());
        server = kill(log, folder, server, &mut churn, (&mut dice, &mut at_start))?;
    }
    let written = churn.rest()?;
    rebuild(&server, &[])?;
    end(log, folder, server)?;
    println!(
        "{kills} kills, {within} of them within a rebuild, and {at_start} more at the start: {written} events written, \
         and what is served is what they say"
    );
    ensure!(within > 0, "no kill fell within a rebuild");
    Ok(())
}

/// Kills a node, sometimes again while it starts, and gives the one that is up at last; while nobody writes it is what
/// the log says. How often it was killed at its start is added up.
fn kill(
    log: &mut impl WrittenLog,
    folder: &Path,
    server: Server,
    churn: &mut Churn,
    (dice, at_start): (&mut Dice, &mut u64),
) -> Result<Server> {
    server.kill()?;
    *at_start += crash_at_start(log, folder, dice)?;
    let server = log.node(folder).ready()?;
    churn.rest()?;
    log.compare(&server)?;
    churn.go_on();
    Ok(server)
}

/// Sometimes a node is killed once more before it is up, and again. Returns how often.
fn crash_at_start(log: &impl WrittenLog, folder: &Path, dice: &mut Dice) -> Result<u64> {
    let mut crashes = 0;
    while dice.below(3) == 0 {
        log.node(folder).crash_after(Duration::from_millis(dice.below(400)))?;
        crashes += 1;
    }
    Ok(crashes)
}

/// Nobody writes any more: the node is what one is that never crashed, it stands behind everything, and reads nothing
/// again.
fn end(log: &mut impl WrittenLog, folder: &Path, server: Server) -> Result<()> {
    log.compare(&server)?;
    log.compare_with_fresh(&server)?;
    let status = server.json("/v1/status")?;
    ensure!(status["set_aside"].is_null(), "nothing was damaged: {status}");
    ensure!(status["sources"][0]["alarm"].is_null(), "nothing was lost: {status}");
    ensure!(server.stop()?.status.success());
    let server = log.node(folder).ready()?;
    let marks = log.mark()?;
    server.read_exactly(marks.len())?;
    log.read()?;
    log.said().compare(&server, &marks)
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

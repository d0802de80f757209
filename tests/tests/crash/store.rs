//! The store's file cut and bits of it flipped while the node is down, and one that a newer program wrote.

use crate::journal::{Journal, line};
use crate::store_in;
use anyhow::{Context, Result, ensure};
use redb::{Database, TableDefinition};
use std::fs;
use std::io::Write;
use std::time::Duration;
use stream_dns_tests::churn::{Churn, Dice, Draft};
use stream_dns_tests::kills::{WrittenLog, kills};

/// Octets at the start of a redb file (its docs/design.md): redb writes them anew before it gives a file up.
const HEADER: usize = 320;

/// How many times a store is damaged.
fn rounds() -> u64 {
    // Of a larger run, that many more.
    kills() / 3
}

/// "A corrupt or unreadable store is set aside (kept, named in the log) and rebuilt from the log, not a reason to stay
/// down": cut anywhere, and with bits flipped anywhere.
#[test]
fn a_store_that_was_cut_or_turned_over_is_no_reason_to_stay_down() -> Result<()> {
    let mut dice = Dice::seeded("damage to a store");
    let folder = tempfile::tempdir()?;
    let mut journal = Journal::new(folder.path())?;
    let mut churn: Churn = journal.churn(Dice(dice.draw()), 4_000)?;
    let mut server = journal.node(folder.path()).ready()?;
    std::thread::sleep(Duration::from_millis(1_500));
    churn.rest()?;
    let (mut cut, mut flipped) = ((0, 0), (0, 0));
    for round in 0..rounds() {
        journal.compare(&server)?;
        server.kill()?;
        let path = store_in(folder.path())?;
        let mut bytes = fs::read(&path)?;
        let counts = if round % 2 == 0 {
            bytes.truncate(dice.below(bytes.len() as u64) as usize);
            &mut cut
        } else {
            for _ in 0..1 + dice.below(40) {
                let at = dice.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << dice.below(8);
            }
            &mut flipped
        };
        fs::write(&path, &bytes)?;
        // Some more comes while it is down.
        let more = Draft::mark(1_000_000 + round).1;
        journal.appending()?.write_all(line(&more).as_bytes())?;
        server = journal.node(folder.path()).ready()?;
        journal.compare(&server)?;
        journal.compare_with_fresh(&server)?;
        let status = server.json("/v1/status")?;
        counts.0 += 1;
        if let Some(aside) = status["set_aside"].as_str() {
            counts.1 += 1;
            let kept = aside.split(": ").next().context("a path")?;
            let kept = fs::read(folder.path().join(kept))?;
            let is_kept = kept.len() == bytes.len() && kept.iter().skip(HEADER).eq(bytes.iter().skip(HEADER));
            ensure!(is_kept, "{aside}");
        }
    }
    println!(
        "{} stores cut short, {} of them set aside; {} with up to 40 bits flipped, {} of them set aside; what is \
         served is what the log says, every time",
        cut.0, cut.1, flipped.0, flipped.1
    );
    ensure!(cut.1 + flipped.1 > 0, "none of it was noticed");
    Ok(())
}

/// "One of a newer format is refused": with EX_CONFIG, and left where it is.
#[test]
fn a_store_of_a_newer_program_is_refused_with_78() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let journal = Journal::new(folder.path())?;
    journal.node(folder.path()).ready()?.stop()?;
    let path = store_in(folder.path())?;
    let database = Database::open(&path)?;
    let transaction = database.begin_write()?;
    transaction.open_table(TableDefinition::<&str, u64>::new("meta"))?.insert("format", 99)?;
    transaction.commit()?;
    drop(database);
    // A restart mends nothing, and takes nothing.
    for _ in 0..2 {
        let refused = journal.node(folder.path()).run()?;
        let said = String::from_utf8_lossy(&refused.stderr);
        ensure!(refused.status.code() == Some(78), "{:?}: {said}", refused.status);
        ensure!(said.contains("has format 99") && said.contains("use the newer program"), "{said}");
        ensure!(fs::read_dir(folder.path())?.count() == 2, "nothing was set aside");
    }
    Ok(())
}

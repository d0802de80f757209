//! "Exactly once" on the real binary (DESIGN): killed at random moments under load, its store cut and bits of it
//! flipped, its disk full. What is served afterwards is what the log says.
//!
//! `STREAM_DNS_KILLS` says how many kills, `STREAM_DNS_SEED` repeats a run.

mod failing;
mod journal;
mod room;
mod store;
mod watch;

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The store in a folder.
fn store_in(folder: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let is_store = |path: &PathBuf| path.extension().is_some_and(|end| end == "redb");
    entries.into_iter().map(|entry| entry.path()).find(is_store).context("a store")
}

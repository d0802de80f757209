//! `log tail`.

use super::{TailArgs, render};
use crate::Console;
use crate::settings::ClientSettings;
use anyhow::{bail, ensure};
use event_consumer::{BatchConfig, Follower, JournalConfig, SourceConfig, SourceSpec};
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;
use zone_model::SourceId;

/// How long it is waited for events before somebody looks whether a log has ended.
const PATIENCE: Duration = Duration::from_millis(200);

pub(super) fn tail(
    args: &TailArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let sources = match &args.journal {
        Some(path) => vec![SourceConfig::Journal(JournalConfig { sync: false, ..JournalConfig::new(path) })],
        None => settings.sources.clone(),
    };
    ensure!(
        !sources.is_empty(),
        "no log is configured; give --journal FILE, or name a journal or a topic in the configuration"
    );
    // An event is printed when it comes, not with the rest of its change.
    let batch = BatchConfig { group_max_events: 1, ..BatchConfig::default() };
    let open = if args.from_start { SourceSpec::configured } else { SourceSpec::at_end };
    let specs: Vec<SourceSpec> =
        sources.iter().map(|source| open(source, batch.in_step_every())).collect::<Result<_, _>>()?;
    let mut awaited: BTreeSet<SourceId> = specs.iter().map(|spec| spec.id().clone()).collect();
    let mut follower = Follower::of(specs, &batch, &[])?;
    let done = follow(args, &mut follower, &mut awaited, console);
    follower.close();
    done
}

fn follow(
    args: &TailArgs,
    follower: &mut Follower,
    awaited: &mut BTreeSet<SourceId>,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let mut said = BTreeSet::new();
    loop {
        let batch = follower.next_batch(PATIENCE);
        for (id, status) in follower.status() {
            if let Some(error) = status.last_error.filter(|error| said.insert((id.clone(), error.clone()))) {
                console.note(&format!("{id}: {error}"));
            }
        }
        let Some(batch) = batch else {
            if follower.is_over() {
                let alarms = follower.status().into_iter();
                let why: Vec<_> = alarms
                    .map(|(id, status)| format!("{id}: {}", status.alarm.unwrap_or_default()))
                    .collect();
                bail!("nothing more can be read: {}", why.join("; "));
            }
            continue;
        };
        for event in &batch.events {
            if args.json {
                console.print(&render::json(&batch.source, event).to_string())?;
            } else {
                console.print(&render::line(&batch.source, event))?;
            }
        }
        if batch.in_step.is_some() {
            awaited.remove(&batch.source);
        }
        if args.no_follow && awaited.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

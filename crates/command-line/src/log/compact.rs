//! `log compact`.

use super::CompactArgs;
use crate::Console;
use crate::settings::{ClientSettings, LogTarget};
use anyhow::{Context, bail};
use event_producer::{JournalLog, Keep};
use serde_json::json;
use std::process::ExitCode;

pub(super) fn compact(
    args: &CompactArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let path = match (&args.journal, &settings.log) {
        (Some(path), _) | (None, Some(LogTarget::Journal(path))) => path.clone(),
        (None, Some(topic @ LogTarget::Kafka { .. })) => {
            bail!(
                "{topic} is compacted by its brokers (cleanup.policy=compact); --journal FILE names a journal"
            )
        }
        (None, None) => bail!("no journal is configured; give --journal FILE"),
    };
    let done = JournalLog::new(&path, Keep::Slots).compact(args.timeout);
    let done = done.context("the journal stays as it was")?;
    if args.json {
        console.print_json(&json!({
            "journal": done.source.as_str(),
            "generation": done.generation,
            "bytes_before": done.replaced,
            "bytes_after": done.compacted,
            "events_before": done.events,
            "events_after": done.kept,
            "malformed": done.malformed,
        }))?;
    } else {
        console.print(&format!(
            "{}: generation {} of the journal {} has {} of {} events, {} of {} bytes",
            path.display(),
            done.generation,
            done.source,
            done.kept,
            done.events,
            done.compacted,
            done.replaced
        ))?;
        if done.malformed > 0 {
            console.note(&format!("{} lines that were no events are gone", done.malformed));
        }
    }
    Ok(ExitCode::SUCCESS)
}

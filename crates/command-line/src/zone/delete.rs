//! `zone delete`.

use super::{DeleteZoneArgs, OpenLog, parts};
use crate::Console;
use crate::publish::{Waiter, report_published};
use crate::settings::ClientSettings;
use anyhow::{anyhow, bail};
use messages::Edit;
use serde_json::json;
use std::process::ExitCode;
use zone_model::RecordType;

pub(super) fn delete(
    args: &DeleteZoneArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let waiter = Waiter::of(&args.publish, settings)?;
    let mut open = OpenLog::open(&args.publish.log, settings)?;
    let apex = args.origin.to_lowercase();
    let zone = open.zone(&apex)?.ok_or_else(|| anyhow!("{} has no zone {apex}", open.target))?;
    if !args.yes {
        console.confirm(&format!("The zone {apex} with {} RRsets will be deleted. Go on?", zone.len()))?;
    }
    // From the names deepest down to the apex, its SOA last: until then it is a zone.
    let remove =
        |set: &zone_model::zone::ZoneRrSet| Edit::Remove { owner: set.owner.clone(), rtype: set.rtype };
    let is_soa = |edit: &Edit| parts::is_soa(edit, &apex);
    let mut edits: Vec<Edit> = zone.rrsets().iter().rev().map(remove).filter(|edit| !is_soa(edit)).collect();
    edits.push(Edit::Remove { owner: apex.clone(), rtype: RecordType::SOA });
    let parts = parts::cut(&open, edits);
    let removed = zone.len();
    drop(zone);
    open.log.keep_slots();
    let published = parts::publish(&mut open, &apex, parts, &args.publish.producer, console)?;
    let Some(published) = published else { bail!("there is nothing to delete") };
    let counts = json!({"removed": removed, "parts": published.parts});
    report_published(&published.outcome, &open.target, &args.publish, &waiter, counts, console)
}

//! `zone import`.

use super::{ImportArgs, file, parts, show};
use crate::Console;
use crate::log::OpenLog;
use crate::publish::{Waiter, report_published};
use crate::settings::ClientSettings;
use anyhow::{anyhow, bail};
use messages::Edit;
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::process::ExitCode;
use zone_model::master::ReadZone;
use zone_model::validate::validate;
use zone_model::zone::{Difference, Zone};
use zone_model::{Name, RecordType, serial};

/// What `--unsigned` leaves out.
const DNSSEC: [RecordType; 7] = [
    RecordType::DNSKEY,
    RecordType::RRSIG,
    RecordType::NSEC,
    RecordType::NSEC3,
    RecordType::NSEC3PARAM,
    RecordType::CDS,
    RecordType::CDNSKEY,
];

pub(super) fn import(
    args: &ImportArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let waiter = Waiter::of(&args.publish, settings)?;
    let new = wanted(args, console)?;
    let mut open = OpenLog::open(&args.publish.log, settings)?;
    let apex = new.apex().clone();
    let present = open.zone_to_change(&apex)?;
    if present.is_none() && new.serial().is_none() && !open.config.zones.contains(&apex) {
        bail!("{} has no zone {apex}, and the file has no SOA to begin it with", open.target);
    }
    let old = present.unwrap_or_else(|| Zone::of(apex.clone(), []));
    let new = with_serial(new, &old);
    let differences = differences(args, &old, &new, console);
    if !args.quiet && !args.publish.json {
        for difference in &differences {
            show::print_difference(difference, settings.default_ttl, console)?;
        }
    }
    let removed = count(&differences, |difference| matches!(difference, Difference::Removed(_)));
    let changed = count(&differences, |difference| matches!(difference, Difference::Changed { .. }));
    let added = differences.len() - removed - changed;
    console.note(&format!("{apex}: {added} RRsets added, {changed} changed, {removed} removed"));
    let refusal = if args.force { None } else { refusal(&old, &differences, removed) };
    if args.dry_run {
        if let Some(refusal) = refusal {
            console.note(&format!("without --dry-run it would be refused: {refusal}"));
        }
        if args.publish.json {
            let all: Vec<Value> = differences.iter().map(show::difference_json).collect();
            console.print_json(&json!({"zone": apex.to_string(), "dry_run": true, "differences": all}))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(refusal) = refusal {
        bail!("{refusal}; nothing was published. --force does it all the same");
    }
    if removed > 0 && !args.yes {
        let question = format!("{removed} of {} RRsets of {apex} will be removed. Go on?", old.len());
        console.confirm(&question)?;
    }
    let edits = edits(&differences, &apex);
    let parts = parts::cut(&open, edits);
    // All that is said again from here on is in the parts.
    drop(differences);
    drop((old, new));
    open.log.keep_slots();
    let published = parts::publish(&mut open, &apex, parts, &args.publish.producer, console)?;
    let Some(published) = published else {
        let text = format!("{} says so already", open.target);
        return match args.publish.json {
            true => console.print_json(&json!({"zone": apex.to_string(), "events": 0})),
            false => console.print(&text),
        }
        .map(|()| ExitCode::SUCCESS)
        .map_err(Into::into);
    };
    let counts = json!({"added": added, "changed": changed, "removed": removed, "parts": published.parts});
    report_published(&published.outcome, &open.target, &args.publish, &waiter, counts, console)
}

/// The zone of the file, as far as it is to be on the log.
fn wanted(args: &ImportArgs, console: &mut Console<'_>) -> anyhow::Result<Zone> {
    let read = file::read(&args.file, false)?;
    let ReadZone { zone, mut reports, .. } =
        read.map_err(|errors| anyhow!("{}; `zone check --keep-going` lists what else is wrong", errors[0]))?;
    let signed = !zone.is_empty() && zone.get(zone.apex(), RecordType::DNSKEY).is_some();
    if signed && !args.unsigned {
        bail!(
            "the zone {} is signed (it has a DNSKEY), and signed answers are not there yet; --unsigned leaves its DNSSEC \
             records out",
            zone.apex()
        );
    }
    let zone = if args.unsigned { zone.filtered(|set| !DNSSEC.contains(&set.rtype)) } else { zone };
    reports.extend(validate(&zone));
    show::note_reports(&mut reports, console);
    if !zone.outside().is_empty() {
        console.note(&format!("{} RRsets outside the zone are left out", zone.outside().len()));
    }
    // No event of this zone could hold them: an SOA belongs to the zone that it begins.
    let apex = zone.apex().clone();
    Ok(zone.filtered(|set| set.rtype != RecordType::SOA || set.owner == apex))
}

/// The serial that is served, unless the file's is greater: each change moves it by itself, and a serial alone that
/// would go back is no change.
fn with_serial(mut new: Zone, old: &Zone) -> Zone {
    if let (Some(own), Some(served)) = (new.serial(), old.serial())
        && serial::compare(own, served) != Some(Ordering::Greater)
    {
        new.set_serial(served);
    }
    new
}

/// What is to change. The zone's SOA stays, by force too: without one it would be no zone.
fn differences<'z>(
    args: &ImportArgs,
    old: &'z Zone,
    new: &'z Zone,
    console: &mut Console<'_>,
) -> Vec<Difference<'z>> {
    let mut all = old.difference(new);
    all.retain(|difference| args.replace || !matches!(difference, Difference::Removed(_)));
    let is_soa = |difference: &Difference<'_>| matches!(difference, Difference::Removed(set) if set.rtype == RecordType::SOA);
    if args.force && all.iter().any(is_soa) {
        all.retain(|difference| !is_soa(difference));
        console.note(&format!("the SOA of {} stays; `zone delete` ends a zone", old.apex()));
    }
    all
}

/// Why so much is not removed without `--force`.
fn refusal(old: &Zone, differences: &[Difference<'_>], removed: usize) -> Option<String> {
    let apex = old.apex();
    for difference in differences {
        if let Difference::Removed(set) = difference
            && set.owner == *apex
            && matches!(set.rtype, RecordType::NS | RecordType::SOA)
        {
            return Some(format!("the {} of {apex} would go", set.rtype));
        }
    }
    let all = old.len();
    (removed * 10 > all * 3).then(|| format!("{removed} of {all} RRsets of {apex} would go, more than 30 %"))
}

/// The SOA first, then owner by owner.
fn edits(differences: &[Difference<'_>], apex: &Name) -> Vec<Edit> {
    let edit = |difference: &Difference<'_>| {
        let set = difference.after().or(difference.before())?;
        let (owner, rtype) = (set.owner.clone(), set.rtype);
        Some(match difference.after() {
            Some(set) => Edit::Set { owner, rtype, rrset: set.rrset.clone() },
            None => Edit::Remove { owner, rtype },
        })
    };
    let mut all: Vec<Edit> = differences.iter().filter_map(edit).collect();
    if let Some(at) = all.iter().position(|edit| parts::is_soa(edit, apex)) {
        let soa = all.remove(at);
        all.insert(0, soa);
    }
    all
}

fn count(differences: &[Difference<'_>], of: impl Fn(&Difference<'_>) -> bool) -> usize {
    differences.iter().filter(|difference| of(difference)).count()
}

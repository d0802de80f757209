//! `log check`.

use super::{LogCheckArgs, OpenLog, mend, render};
use crate::Console;
use crate::settings::ClientSettings;
use crate::view;
use crate::zone::report_json;
use event_producer::{LogState, OddRrSet, Partitioning, Slot, winner};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use zone_model::validate::{Report, Severity, validate};
use zone_model::{Name, Partition, RecordType, rdata};

/// What a log shows when it is read whole.
#[derive(Default)]
pub(super) struct Findings {
    /// RRsets in several slots, for people and for programs.
    several: Vec<(String, Value)>,
    /// Events that cannot be used.
    unusable: Vec<(String, Value)>,
    unknown_types: Vec<(Name, RecordType)>,
    outside: usize,
    /// Zones that the log may not write, with how many slots it has of each.
    forbidden: BTreeMap<Name, usize>,
    /// Zones in several partitions of a topic that is to keep each in one.
    scattered: BTreeMap<Name, BTreeSet<Partition>>,
    zones: Vec<(Name, Vec<Report>)>,
}

pub(super) fn check(
    args: &LogCheckArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let mut open = OpenLog::open(&args.log, settings)?;
    let configured = open.config.zones.clone();
    let mut mended = None;
    if args.mend {
        mended = Some(mend::mend(&mut open, &args.producer, console)?);
    }
    let mut findings = Findings::of(open.log.read()?, &configured);
    if open.config.partitioning == Partitioning::Key {
        findings.scattered.clear();
    }
    if args.json {
        let mut json = findings.json();
        if let (Value::Object(json), Some(events)) = (&mut json, mended) {
            json.insert("published".into(), events.into());
        }
        console.print_json(&json)?;
    } else {
        findings.print(console)?;
        if let Some(events) = mended {
            console.note(&format!("{events} events were published to {}", open.target));
        }
        console.note(&format!("{}: {}", open.target, findings.summary()));
    }
    Ok(if findings.is_wrong() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

// === impl Findings ===

impl Findings {
    fn of(state: &LogState, configured: &[Name]) -> Self {
        let mut findings = Self::default();
        for odd in state.odd(configured) {
            if odd.slots.len() > 1 {
                findings.several.push(several(&odd));
            }
            let bad = odd.slots.iter().filter(|slot| slot.unusable.is_some());
            findings.unusable.extend(bad.map(|slot| {
                let reason = slot.reason.as_deref().unwrap_or("it cannot be used");
                unusable(slot.partition.0, &slot.key, reason, slot.held.is_some())
            }));
        }
        let nameless = state.nameless().map(|own| unusable(own.partition.0, own.key, own.reason, false));
        findings.unusable.extend(nameless);
        findings.unknown_types = state.unknown_types(rdata::described_types());
        findings.outside = state.outside(configured);
        findings.forbidden = state.forbidden(configured);
        findings.scattered = state.scattered(configured);
        for zone in state.zones(configured) {
            let Some(whole) = state.zone(&zone.apex, configured) else { continue };
            let mut reports = validate(&whole);
            reports.sort_by_key(|report| std::cmp::Reverse(report.severity()));
            findings.zones.push((zone.apex, reports));
        }
        findings
    }

    fn is_wrong(&self) -> bool {
        let mut reports = self.zones.iter().flat_map(|(_, reports)| reports);
        !self.several.is_empty()
            || !self.forbidden.is_empty()
            || !self.unusable.is_empty()
            || reports.any(|report| report.severity() == Severity::Error)
    }

    fn print(&self, console: &mut Console<'_>) -> std::io::Result<()> {
        for (text, _) in self.several.iter().chain(&self.unusable) {
            console.print(text)?;
        }
        for (owner, rtype) in &self.unknown_types {
            console.print(&format!("unknown type: {owner} {rtype} is served as it is, unread"))?;
        }
        for (apex, slots) in &self.forbidden {
            let what = "of a zone that this log may not write, kept and not served";
            console.print(&format!("forbidden: {apex}: {slots} slots {what}"))?;
        }
        for (apex, partitions) in &self.scattered {
            let numbers: Vec<_> = partitions.iter().map(ToString::to_string).collect();
            let what = "of a topic that is to keep a zone in one: its changes do not become visible at once";
            console.print(&format!("several partitions: {apex} stands in {} {what}", numbers.join(", ")))?;
        }
        for (apex, reports) in &self.zones {
            reports.iter().try_for_each(|report| console.print(&format!("{apex}: {report}")))?;
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let reports: usize = self.zones.iter().map(|(_, reports)| reports.len()).sum();
        format!(
            "{} zones, {} RRsets in several slots, {} unusable events, {} of unknown types, {} outside every zone, \
             {} of zones that this log may not write, {reports} reports",
            self.zones.len(),
            self.several.len(),
            self.unusable.len(),
            self.unknown_types.len(),
            self.outside,
            self.forbidden.values().sum::<usize>()
        )
    }

    fn json(&self) -> Value {
        let all = |list: &[(String, Value)]| list.iter().map(|(_, json)| json.clone()).collect::<Vec<_>>();
        let zone = |(apex, reports): &(Name, Vec<Report>)| {
            json!({
                "zone": apex.to_string(),
                "reports": reports.iter().map(report_json).collect::<Vec<_>>(),
            })
        };
        let of_type = |(owner, rtype): &(Name, RecordType)| json!({"name": owner.to_string(), "type": rtype.to_string()});
        let scattered = |(apex, partitions): (&Name, &BTreeSet<Partition>)| {
            let numbers: Vec<u32> = partitions.iter().map(|own| own.0).collect();
            json!({"zone": apex.to_string(), "partitions": numbers})
        };
        let forbidden = |(apex, slots): (&Name, &usize)| json!({"zone": apex.to_string(), "slots": slots});
        json!({
            "several_slots": all(&self.several),
            "unusable": all(&self.unusable),
            "unknown_types": self.unknown_types.iter().map(of_type).collect::<Vec<_>>(),
            "outside": self.outside,
            "several_partitions": self.scattered.iter().map(scattered).collect::<Vec<_>>(),
            "forbidden": self.forbidden.iter().map(forbidden).collect::<Vec<_>>(),
            "zones": self.zones.iter().map(zone).collect::<Vec<_>>(),
        })
    }
}

fn several(odd: &OddRrSet<'_>) -> (String, Value) {
    let serving = winner(odd.slots.iter().copied());
    let says = |slot: &Slot| match &slot.held {
        None => "nothing usable".to_owned(),
        Some(held) if held.empty => format!("[] since {}", render::time(held.timestamp)),
        Some(held) => format!("records since {}", render::time(held.timestamp)),
    };
    let zone = odd.apex.as_ref().map_or_else(|| "no zone".to_owned(), ToString::to_string);
    let slots: Vec<String> = odd
        .slots
        .iter()
        .map(|slot| {
            let serves = if serving == Some(*slot) { ", which serves" } else { "" };
            format!("{}/{} {}{serves}", slot.partition, slot.key.escape_ascii(), says(slot))
        })
        .collect();
    let text = format!("several slots: {} {} of {zone}: {}", odd.owner, odd.rtype, slots.join("; "));
    let slots: Vec<Value> = odd
        .slots
        .iter()
        .map(|slot| {
            json!({
                "partition": slot.partition.0,
                "key": view::text_or_base64(&slot.key),
                "timestamp": slot.held.as_ref().map(|held| held.timestamp.0),
                "empty": slot.held.as_ref().map(|held| held.empty),
                "serves": serving == Some(*slot),
            })
        })
        .collect();
    let json = json!({
        "zone": odd.apex.as_ref().map(ToString::to_string),
        "name": odd.owner.to_string(),
        "type": odd.rtype.to_string(),
        "slots": slots,
    });
    (text, json)
}

fn unusable(partition: u32, key: &[u8], reason: &str, serves: bool) -> (String, Value) {
    let stays = if serves { " (what the slot held before stays served)" } else { "" };
    let text = format!("unusable: {partition}/{}: {reason}{stays}", key.escape_ascii());
    let json = json!({
        "partition": partition,
        "key": view::text_or_base64(key),
        "reason": reason,
        "still_serves": serves,
    });
    (text, json)
}

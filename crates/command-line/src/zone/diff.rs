//! `zone diff`.

use super::side::Side;
use super::{DiffArgs, file, show};
use crate::Console;
use crate::settings::ClientSettings;
use anyhow::bail;
use serde_json::json;
use std::process::ExitCode;
use zone_model::master::Settings;
use zone_model::zone::Zone;
use zone_model::{Name, RecordType};

pub(super) fn diff(
    args: &DiffArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let sides = [Side::parse(&args.left), Side::parse(&args.right)];
    if sides.iter().all(|side| *side == Side::File("-".into())) {
        bail!("standard input cannot be both sides; write one of them into a file");
    }
    let apex = match &args.origin {
        Some(apex) => apex.clone(),
        None => apex_of(&sides)?,
    };
    let mut zones = Vec::with_capacity(2);
    for side in &sides {
        let (place, zone) = side.zone(&apex, &args.log, settings, console)?;
        if zone.is_none() {
            console.note(&format!("{place} has no zone {}", apex.to_lowercase()));
        }
        zones.push(zone.unwrap_or_else(|| Zone::of(apex.clone(), [])));
    }
    let differences = zones[0].difference(&zones[1]);
    if args.json {
        let all: Vec<_> = differences.iter().map(show::difference_json).collect();
        console.print_json(&json!({"zone": apex.to_lowercase().to_string(), "differences": all}))?;
    } else {
        for difference in &differences {
            show::print_difference(difference, settings.default_ttl, console)?;
        }
    }
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The apex that a file's SOA names.
fn apex_of(sides: &[Side]) -> anyhow::Result<Name> {
    for side in sides {
        let Side::File(path) = side else { continue };
        let settings = Settings { keep_going: true, ..Settings::new(Name::root()) };
        let Ok(read) = file::read_path(path, None, &settings)? else { continue };
        let mut soas = read.zone.rrsets().iter().filter(|set| set.rtype == RecordType::SOA);
        if let (Some(soa), None) = (soas.next(), soas.next())
            && !soa.owner.is_root()
        {
            return Ok(soa.owner.clone());
        }
    }
    bail!("which zone? No file says it by the SOA of an absolute name; give --origin NAME")
}

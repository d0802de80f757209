//! `zone export`, and `zone list --from-log`.

use super::side::Side;
use super::{ExportArgs, ListArgs, OpenLog, show};
use crate::Console;
use crate::settings::ClientSettings;
use anyhow::anyhow;
use serde_json::{Value, json};
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use zone_model::master::{PrintSettings, write};

pub(super) fn export(
    args: &ExportArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let side = Side::parse(&args.from);
    let (place, zone) = side.zone(&args.origin, &args.log, settings, console)?;
    let zone = zone.ok_or_else(|| anyhow!("{place} has no zone {}", args.origin.to_lowercase()))?;
    if args.json {
        let rrsets: Vec<Value> = zone.rrsets().iter().map(show::rrset_json).collect();
        let (apex, serial) = (zone.apex().to_string(), zone.serial());
        console.print_json(&json!({"zone": apex, "serial": serial, "rrsets": rrsets}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let print = PrintSettings { relative: args.relative, default_ttl: settings.default_ttl };
    let mut out = BufWriter::new(&mut *console.out);
    write(&mut out, &zone, &print)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn list(
    args: &ListArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let mut open = OpenLog::open(&args.log, settings)?;
    let zones = open.log.read()?.zones(&open.config.zones);
    if args.json {
        // The names of a node's `/v1/zones`.
        let zones = zones.iter().map(|zone| {
            json!({
                "name": zone.apex.to_string(),
                "serial": zone.serial,
                "rrsets": zone.rrsets,
                "synthesised": zone.synthesised,
                "newest": zone.newest.0,
            })
        });
        console.print_json(&Value::Array(zones.collect()))?;
    } else {
        for zone in &zones {
            let remark = if zone.synthesised { " (no SOA on the log)" } else { "" };
            let (apex, serial, rrsets) = (&zone.apex, zone.serial, zone.rrsets);
            console.print(&format!("{apex} serial {serial} rrsets {rrsets}{remark}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

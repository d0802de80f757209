//! `zone digest`: whether two places hold the same of a zone.

use super::side::Side;
use super::{DigestArgs, OpenLog};
use crate::Console;
use crate::args::NodeArgs;
use crate::overview::{all_zones, node};
use crate::settings::ClientSettings;
use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use std::process::ExitCode;
use zone_model::Name;

pub(super) fn digest(
    args: &DigestArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    if args.zonemd {
        return zonemd(args, settings, console);
    }
    let mut zones = if args.from_log { of_log(args, settings)? } else { of_node(args, settings)? };
    if let Some(origin) = &args.origin {
        let origin = origin.to_lowercase().to_string();
        zones.retain(|zone| zone["name"] == origin.as_str());
        if zones.is_empty() {
            return Err(anyhow!("there is no zone {origin}"));
        }
    }
    if args.json {
        console.print_json(&Value::Array(zones))?;
    } else {
        for zone in &zones {
            let text = |name: &str| zone[name].as_str().unwrap_or("?");
            console.print(&format!("{} {} serial {}", text("digest"), text("name"), zone["serial"]))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn of_node(args: &DigestArgs, settings: &ClientSettings) -> anyhow::Result<Vec<Value>> {
    let args = NodeArgs { node: args.node.clone(), json: args.json };
    let zones = all_zones(&node(&args, settings)?)?;
    let kept =
        |zone: Value| json!({"name": zone["name"], "serial": zone["serial"], "digest": zone["digest"]});
    Ok(zones.into_iter().map(kept).collect())
}

fn of_log(args: &DigestArgs, settings: &ClientSettings) -> anyhow::Result<Vec<Value>> {
    let mut open = OpenLog::open(&args.log, settings)?;
    let zones = open.log.read()?.zones(&open.config.zones);
    let shown = zones.into_iter().map(|zone| {
        let digest = zone.digest.map(|digest| digest.to_string());
        json!({"name": zone.apex.to_string(), "serial": zone.serial, "digest": digest})
    });
    Ok(shown.collect())
}

/// The record that the zone would hold, with the TTL of its SOA.
fn zonemd(
    args: &DigestArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let origin: &Name = args.origin.as_ref().context("name the zone")?;
    let (place, zone) = Side::parse(&args.from).zone(origin, &args.log, settings, console)?;
    let zone = zone.ok_or_else(|| anyhow!("{place} has no zone {}", origin.to_lowercase()))?;
    let zonemd = zone.zonemd(settings.default_ttl).ok_or_else(|| {
        anyhow!("{place} has no SOA of {}: a ZONEMD names the serial (RFC 8976 section 2.2.1)", zone.apex())
    })?;
    let soa = zone.get(zone.apex(), zone_model::RecordType::SOA).and_then(|soa| soa.ttl);
    let ttl = soa.unwrap_or(settings.default_ttl);
    if args.json {
        let (content, apex) = (zonemd.to_string(), zone.apex().to_string());
        let digest = content.rsplit(' ').next();
        console.print_json(&json!({
            "name": apex, "serial": zonemd.serial, "ttl": ttl, "scheme": 1, "algorithm": 1, "digest": digest,
        }))?;
    } else {
        console.print(&format!("{} {ttl} IN ZONEMD {zonemd}", zone.apex()))?;
    }
    Ok(ExitCode::SUCCESS)
}

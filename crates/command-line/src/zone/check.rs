//! `zone check`.

use super::side::{self, Side};
use super::{CheckArgs, file, show};
use crate::Console;
use crate::node::Node;
use crate::settings::ClientSettings;
use anyhow::anyhow;
use serde_json::{Value, json};
use std::process::ExitCode;
use zone_model::validate::{Report, Severity, validate};
use zone_model::zone::Zone;

pub(super) fn check(
    args: &CheckArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    match Side::parse(&args.file.file.to_string_lossy()) {
        Side::File(_) => check_file(args, console),
        Side::Node(address) => check_node(&side::node(address.as_deref(), settings)?, args, console),
        side => {
            let (place, zone) = side.zone(&args.file.origin, &args.log, settings, console)?;
            let zone =
                zone.ok_or_else(|| anyhow!("{place} has no zone {}", args.file.origin.to_lowercase()))?;
            show_reports(&zone, &validate(&zone), args, console)
        }
    }
}

/// Asks a node for its own reports: what a million names show need not be sent to be looked through.
fn check_node(node: &Node, args: &CheckArgs, console: &mut Console<'_>) -> anyhow::Result<ExitCode> {
    let found = node.reports(&args.file.origin)?;
    let number = |name: &str| found.get(name).and_then(Value::as_u64).unwrap_or(0);
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
    if args.json {
        console.print_json(&found)?;
    } else {
        let reports = found.get("reports").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for report in reports {
            let rtype =
                report.get("type").and_then(Value::as_str).map_or_else(String::new, |own| format!(" {own}"));
            let (severity, name, message) =
                (text(report, "severity"), text(report, "name"), text(report, "message"));
            console.print(&format!("{severity}: {name}{rtype}: {message}"))?;
        }
        let counts =
            ["errors", "warnings", "notices"].map(|name| usize::try_from(number(name)).unwrap_or(usize::MAX));
        let left_out = counts.iter().sum::<usize>().saturating_sub(reports.len());
        if left_out > 0 {
            console.note(&format!("and {left_out} more, none of them worse"));
        }
        let (zone, summary) = (text(&found, "zone"), show::counts(counts));
        let (serial, rrsets, records) = (number("serial"), number("rrsets"), number("records"));
        console.note(&format!("{zone} serial {serial} rrsets {rrsets} records {records}: {summary}"));
    }
    Ok(if number("errors") > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn check_file(args: &CheckArgs, console: &mut Console<'_>) -> anyhow::Result<ExitCode> {
    let read = match file::read(&args.file, args.keep_going)? {
        Ok(read) => read,
        Err(errors) => {
            if args.json {
                let errors: Vec<_> = errors.iter().map(show::error_json).collect();
                let zone = args.file.origin.to_lowercase().to_string();
                console.print_json(&json!({"zone": zone, "errors": errors, "reports": []}))?;
            } else {
                errors.iter().try_for_each(|error| console.print(&error.to_string()))?;
                let hint = if args.keep_going { "" } else { "; --keep-going looks for more" };
                console.note(&format!("{} cannot be read{hint}", args.file.file.display()));
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut reports = read.reports;
    reports.extend(validate(&read.zone));
    show_reports(&read.zone, &reports, args, console)
}

fn show_reports(
    zone: &Zone,
    reports: &[Report],
    args: &CheckArgs,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let wrong = reports.iter().any(|report| report.severity() == Severity::Error);
    if args.json {
        let reports: Vec<_> = reports.iter().map(show::report_json).collect();
        console.print_json(&json!({
            "zone": zone.apex().to_string(),
            "serial": zone.serial(),
            "rrsets": zone.len(),
            "records": zone.record_count(),
            "errors": [],
            "reports": reports,
        }))?;
    } else {
        reports.iter().try_for_each(|report| console.print(&report.to_string()))?;
        let serial = zone.serial().map_or_else(String::new, |serial| format!(" serial {serial}"));
        let (rrsets, records) = (zone.len(), zone.record_count());
        let summary = show::summary(reports);
        console.note(&format!("{}{serial} rrsets {rrsets} records {records}: {summary}", zone.apex()));
    }
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

//! `zone check`.

use super::{CheckArgs, file, show};
use crate::Console;
use serde_json::json;
use std::process::ExitCode;
use zone_model::validate::{Severity, validate};

pub(super) fn check(args: &CheckArgs, console: &mut Console<'_>) -> anyhow::Result<ExitCode> {
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
    let (zone, wrong) = (&read.zone, reports.iter().any(|report| report.severity() == Severity::Error));
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
        let summary = show::summary(&reports);
        console.note(&format!("{}{serial} rrsets {rrsets} records {records}: {summary}", zone.apex()));
    }
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

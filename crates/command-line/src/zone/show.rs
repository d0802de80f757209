//! Errors, reports and differences, for people and programs.

use crate::Console;
use serde_json::{Value, json};
use std::io;
use zone_model::master::{MasterError, print_rrset};
use zone_model::rdata;
use zone_model::validate::{Report, Severity};
use zone_model::zone::{Difference, ZoneRrSet};

/// So many reports an import prints.
const MOST_REPORTS: usize = 50;

pub(super) fn error_json(error: &MasterError) -> Value {
    json!({
        "file": &*error.file,
        "line": error.line,
        "column": error.column,
        "token": error.token(),
        "expected": error.expected(),
        "message": error.problem.to_string(),
    })
}

pub(crate) fn report_json(report: &Report) -> Value {
    json!({
        "severity": report.severity().to_string(),
        "code": report.finding.code(),
        "name": report.owner.to_string(),
        "type": report.rtype.map(|rtype| rtype.to_string()),
        "message": report.finding.to_string(),
        "file": report.place.as_ref().map(|place| place.file.to_string()),
        "line": report.place.as_ref().map(|place| place.line),
    })
}

/// Remarks of what is odd, the worst first; not all of a great many.
pub(super) fn note_reports(reports: &mut [Report], console: &mut Console<'_>) {
    reports.sort_by_key(|report| std::cmp::Reverse(report.severity()));
    for report in reports.iter().take(MOST_REPORTS) {
        console.note(&report.to_string());
    }
    if reports.len() > MOST_REPORTS {
        console.note(&format!("and {} more; `zone check` lists them all", reports.len() - MOST_REPORTS));
    }
}

/// `2 errors, 1 warning`; what there is none of is left out.
pub(super) fn summary(reports: &[Report]) -> String {
    let all = [Severity::Error, Severity::Warning, Severity::Notice];
    counts(all.map(|severity| reports.iter().filter(|report| report.severity() == severity).count()))
}

/// The same for so many errors, warnings and notices.
pub(super) fn counts(counts: [usize; 3]) -> String {
    let named = counts.into_iter().zip(["error", "warning", "notice"]).filter(|(count, _)| *count > 0);
    let parts: Vec<String> =
        named.map(|(count, one)| format!("{count} {one}{}", if count == 1 { "" } else { "s" })).collect();
    if parts.is_empty() { "nothing remarkable".to_owned() } else { parts.join(", ") }
}

/// Prints a difference: what goes with `-`, what comes with `+`, what stays not at all.
pub(super) fn print_difference(
    difference: &Difference<'_>,
    default_ttl: u32,
    console: &mut Console<'_>,
) -> io::Result<()> {
    let lines = |set: Option<&ZoneRrSet>| set.map_or_else(Vec::new, |set| print_rrset(set, default_ttl));
    let (old, new) = (lines(difference.before()), lines(difference.after()));
    for line in old.iter().filter(|line| !new.contains(line)) {
        console.print(&format!("- {line}"))?;
    }
    for line in new.iter().filter(|line| !old.contains(line)) {
        console.print(&format!("+ {line}"))?;
    }
    Ok(())
}

pub(super) fn rrset_json(set: &ZoneRrSet) -> Value {
    let contents = set.rrset.rdatas().iter().map(|octets| rdata::print_text(set.rtype, octets));
    json!({
        "name": set.owner.to_string(),
        "type": set.rtype.to_string(),
        "ttl": set.rrset.ttl,
        "contents": contents.collect::<Vec<_>>(),
    })
}

pub(super) fn difference_json(difference: &Difference<'_>) -> Value {
    let side = |set: Option<&ZoneRrSet>| {
        set.map(|set| {
            let contents = set.rrset.rdatas().iter().map(|octets| rdata::print_text(set.rtype, octets));
            json!({"ttl": set.rrset.ttl, "contents": contents.collect::<Vec<_>>()})
        })
    };
    let set = difference.after().or(difference.before());
    json!({
        "name": set.map(|set| set.owner.to_string()),
        "type": set.map(|set| set.rtype.to_string()),
        "old": side(difference.before()),
        "new": side(difference.after()),
    })
}

//! `METRICS` names what the actors report, no more and no less, and `docs/operations.md` holds the same table.

use metric_agent::Kind;
use metric_agent::inventory::METRICS;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const BEGIN: &str = "<!-- metrics: begin -->\n";
const END: &str = "<!-- metrics: end -->";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The metrics' names that stand as literals in a directory's sources.
fn names_in(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            names_in(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("inventory.rs") {
            let text = std::fs::read_to_string(&path).expect("a source");
            let literals = text.split('"').filter(|literal| literal.starts_with("dns_"));
            let is_name = |name: &&str| name.bytes().all(|octet| matches!(octet, b'a'..=b'z' | b'_'));
            found.extend(literals.filter(is_name).map(str::to_owned));
        }
    }
}

#[test]
fn every_metric_that_is_reported_is_in_the_inventory_and_no_other() {
    let mut reported = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("crates")).expect("the crates") {
        names_in(&entry.expect("a crate").path().join("src"), &mut reported);
    }
    let listed: BTreeSet<String> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(reported, listed);
}

/// With `UPDATE_DOCS=1` the page is written anew.
#[test]
fn the_manual_lists_every_metric() {
    let page = root().join("docs/operations.md");
    let text = std::fs::read_to_string(&page).expect("docs/operations.md");
    let (before, rest) = text.split_once(BEGIN).expect("the begin mark");
    let (listed, after) = rest.split_once(END).expect("the end mark");
    let mut table = String::from("| Name | Kind | Labels | What it says |\n|---|---|---|---|\n");
    for metric in METRICS {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = labels.join(", ");
        table.push_str(&format!("| `{}` | {kind} | {labels} | {} |\n", metric.name, metric.help));
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, format!("{before}{BEGIN}{table}{END}{after}")).expect("written");
        return;
    }
    assert!(
        listed == table,
        "docs/operations.md is behind; run `UPDATE_DOCS=1 cargo test -p metric-agent --test inventory`"
    );
}

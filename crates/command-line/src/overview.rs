//! `zone list`, `status` and `quarantine`: pages of a node's admin interface.

use crate::Console;
use crate::args::{NodeArgs, QuarantineShowArgs};
use crate::node::{Node, NodeError, percent_encoded};
use crate::settings::ClientSettings;
use anyhow::Context;
use serde_json::Value;
use std::process::ExitCode;

/// Zones and quarantined events asked for at a time.
const PAGE: usize = 1_000;

pub(crate) fn zones(
    args: &NodeArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let all = all_zones(&node(args, settings)?)?;
    if args.json {
        console.print_json(&Value::Array(all))?;
    } else {
        for zone in &all {
            let number = |name: &str| zone.get(name).map_or_else(|| "?".to_owned(), scalar);
            let synthesised = zone.get("synthesised").and_then(Value::as_bool).unwrap_or(false);
            let remark = if synthesised { " (no SOA on the log)" } else { "" };
            let line =
                format!("{} serial {} rrsets {}{remark}", apex(zone), number("serial"), number("rrsets"));
            console.print(&line)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// All zones of a node, page by page.
pub(crate) fn all_zones(node: &Node) -> anyhow::Result<Vec<Value>> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let after = all.last().map_or_else(String::new, |zone| format!("&after={}", apex(zone)));
        let page = node.list(&format!("/v1/zones?limit={PAGE}{after}"));
        let page = page.map_err(|error| match error {
            NodeError::Away(error) => error.context("nobody to ask; --from-log lists the zones of the log"),
            other => other.into(),
        })?;
        let full = page.len() == PAGE;
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}

pub(crate) fn status(
    args: &NodeArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let status = node(args, settings)?.get("/v1/status")?;
    if args.json {
        console.print_json(&status)?;
    } else {
        let mut lines = Vec::new();
        flatten("", &status, &mut lines);
        lines.iter().try_for_each(|line| console.print(line))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn quarantine(
    args: &NodeArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let mut all: Vec<Value> = Vec::new();
    each_quarantined(&node(args, settings)?, |event| {
        if args.json {
            all.push(event);
            return Ok(true);
        }
        console.print(&format!("{} {}: {}", place(&event), field(&event, "key"), field(&event, "reason")))?;
        Ok(true)
    })?;
    if args.json {
        console.print_json(&Value::Array(all))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows quarantined events whole: the one of a place, or those of a key.
pub(crate) fn quarantined(
    args: &QuarantineShowArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let mut found: Vec<Value> = Vec::new();
    each_quarantined(&node(&args.node, settings)?, |event| {
        let at_place = place(&event) == args.event;
        if at_place || field(&event, "key") == args.event {
            found.push(event);
        }
        // There is one event at a place, and there may be one of a key in each partition.
        Ok(!at_place)
    })?;
    if args.node.json {
        console.print_json(&Value::Array(found.clone()))?;
    } else {
        for (index, event) in found.iter().enumerate() {
            if index > 0 {
                console.print("")?;
            }
            let mut lines = vec![format!("place: {}", place(event))];
            flatten("", event, &mut lines);
            lines.iter().try_for_each(|line| console.print(line))?;
        }
    }
    if found.is_empty() {
        console.note(&format!("no event of the key or place `{}` is in quarantine", args.event));
    }
    Ok(if found.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Shows each quarantined event, page by page, until there is enough. A page may end early where its events are large.
pub(crate) fn each_quarantined(
    node: &Node,
    mut each: impl FnMut(Value) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut after = String::new();
    loop {
        let page = node.list(&format!("/v1/quarantine?limit={PAGE}{after}"))?;
        let Some(last) = page.last() else { return Ok(()) };
        after = format!("&after={}", percent_encoded(&place(last)));
        for event in page {
            if !each(event)? {
                return Ok(());
            }
        }
    }
}

/// Where a quarantined event stands, as the interface takes it: source, partition, position.
fn place(event: &Value) -> String {
    ["source", "partition", "position"].map(|name| field(event, name)).join("/")
}

fn field(value: &Value, name: &str) -> String {
    value.get(name).map_or_else(|| "?".to_owned(), scalar)
}

pub(crate) fn node(args: &NodeArgs, settings: &ClientSettings) -> anyhow::Result<Node> {
    let node = Node::of(args.node.as_deref(), settings);
    node.context("no node is configured; give --node HOST:PORT, the node's admin address")
}

fn apex(zone: &Value) -> String {
    let apex = zone.get("name").or_else(|| zone.get("zone"));
    apex.map_or_else(|| "?".to_owned(), scalar)
}

/// One line for each value, named by the path to it.
fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let dot = if path.is_empty() { "" } else { "." };
            map.iter().for_each(|(name, value)| flatten(&format!("{path}{dot}{name}"), value, lines));
        }
        Value::Array(list) if !list.is_empty() => {
            list.iter()
                .enumerate()
                .for_each(|(index, value)| flatten(&format!("{path}[{index}]"), value, lines));
        }
        Value::Array(_) => lines.push(format!("{path}: none")),
        scalar_value => lines.push(format!("{path}: {}", scalar(scalar_value))),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_line_for_each_value() {
        let status = serde_json::json!({"in_service": true, "sources": [{"source": "dns", "alarm": null}], "none": []});
        let mut lines = Vec::new();
        flatten("", &status, &mut lines);
        assert_eq!(
            lines,
            ["in_service: true", "sources[0].source: dns", "sources[0].alarm: -", "none: none"]
        );
    }
}

//! `zone list`, `status` and `quarantine list`: pages of a node's admin interface.

use crate::Console;
use crate::args::NodeArgs;
use crate::node::{Node, NodeError};
use crate::settings::ClientSettings;
use anyhow::Context;
use serde_json::Value;
use std::process::ExitCode;

/// Zones asked for at a time.
const PAGE: usize = 1_000;

pub(crate) fn zones(
    args: &NodeArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let node = node(args, settings)?;
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
            break;
        }
    }
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
    let events = node(args, settings)?.list("/v1/quarantine")?;
    if args.json {
        console.print_json(&Value::Array(events))?;
    } else {
        for event in &events {
            let field = |name: &str| event.get(name).map_or_else(|| "?".to_owned(), scalar);
            console.print(&format!(
                "{}/{} {}: {}",
                field("source"),
                field("partition"),
                field("key"),
                field("reason")
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn node(args: &NodeArgs, settings: &ClientSettings) -> anyhow::Result<Node> {
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

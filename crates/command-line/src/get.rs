//! `record get`.

use crate::Console;
use crate::args::GetArgs;
use crate::log;
use crate::node::{Node, NodeError};
use crate::settings::ClientSettings;
use crate::view::{record_count, record_json, write_records};
use anyhow::{Context, anyhow};
use event_producer::Keep;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

/// RRsets, and who gave them.
struct Found {
    from: String,
    sets: Vec<Value>,
}

pub(crate) fn get(
    args: &GetArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let found = if args.from_log {
        from_log(args, settings)?
    } else if args.from_store {
        from_store(args, settings)?
    } else {
        from_node_or_store(args, settings, console)?
    };
    let nothing = found.sets.iter().all(|set| record_count(set) == 0);
    if args.json {
        console.print_json(&json!({"from": found.from, "records": found.sets}))?;
    } else {
        console.note(&format!("from {}", found.from));
        for set in &found.sets {
            write_records(console.out, set, settings.default_ttl)?;
        }
        if nothing {
            let rtype =
                args.rtype.map_or_else(|| "no records".to_owned(), |rtype| format!("no {rtype} records"));
            console.note(&format!("{} has {rtype}", args.name));
        }
    }
    Ok(if nothing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn from_log(args: &GetArgs, settings: &ClientSettings) -> anyhow::Result<Found> {
    let target = log::target(&args.log, settings)?;
    let config = log::producer_config(&args.log, settings);
    let mut log = log::open(&target, Keep::Owner(args.name.to_lowercase()), &config)?;
    let sets = log.read()?.records(&args.name, args.rtype, &config.zones);
    Ok(Found { from: target.to_string(), sets: sets.iter().map(record_json).collect() })
}

fn from_store(args: &GetArgs, settings: &ClientSettings) -> anyhow::Result<Found> {
    let path = args.store.as_deref().or(settings.store.as_deref());
    let path = path.context("no store is configured; give --store FILE, or --from-log")?;
    read_store(args, path, settings)
}

fn read_store(args: &GetArgs, path: &Path, settings: &ClientSettings) -> anyhow::Result<Found> {
    // Opening would say so less plainly.
    if !path.try_exists().unwrap_or(true) {
        return Err(anyhow!("there is no store {}; --from-log reads the log itself", path.display()));
    }
    let sets = zone_store::read_records(path, &args.name, args.rtype, &settings.producer.limits)?;
    Ok(Found { from: format!("the store {}", path.display()), sets: sets.iter().map(record_json).collect() })
}

/// A running node knows best; where none runs, what it left in its store.
fn from_node_or_store(
    args: &GetArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<Found> {
    let store = args.store.as_deref().or(settings.store.as_deref());
    let Some(node) = Node::of(args.node.as_deref(), settings) else {
        let store = store.context("nobody to ask: give --node HOST:PORT, --store FILE or --from-log")?;
        return read_store(args, store, settings);
    };
    match node.records(&args.name, args.rtype) {
        Ok(sets) => Ok(Found { from: format!("the node {node}"), sets }),
        // A node that was named is the one that is meant.
        Err(NodeError::Away(error)) if args.node.is_none() => match store {
            Some(store) => {
                console.note(&format!("no node runs at {node}"));
                read_store(args, store, settings)
            }
            None => Err(error),
        },
        Err(error) => Err(error.into()),
    }
}

//! `record set` and `record delete`, and what all that is published ends with.

use crate::Console;
use crate::args::{DeleteArgs, PublishArgs, SetArgs};
use crate::log;
use crate::node::Node;
use crate::settings::{ClientSettings, LogTarget};
use anyhow::Context;
use event_producer::{Change, Keep, Outcome};
use messages::{Edit, PublishError};
use serde_json::{Value, json};
use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;
use std::time::SystemTime;
use zone_model::{RrSet, Timestamp, rdata};

/// EX_TEMPFAIL of sysexits: the change stands, but the node was not seen to serve it.
const TIMED_OUT: u8 = 75;

pub(crate) fn set(
    args: &SetArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let records = args.contents.iter().map(|content| {
        let parsed = rdata::parse_text(args.rtype, content);
        parsed.with_context(|| format!("{} {} `{content}`", args.name, args.rtype))
    });
    let records: Vec<_> = records.collect::<anyhow::Result<_>>()?;
    let edit =
        Edit::Set { owner: args.name.clone(), rtype: args.rtype, rrset: RrSet::new(args.ttl, records) };
    publish(edit, &args.publish, settings, console)
}

pub(crate) fn delete(
    args: &DeleteArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    publish(Edit::Remove { owner: args.name.clone(), rtype: args.rtype }, &args.publish, settings, console)
}

fn publish(
    edit: Edit,
    args: &PublishArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let target = log::target(&args.log, settings)?;
    let config = log::producer_config(&args.log, settings);
    let waiter = Waiter::of(args, settings)?;
    let change =
        Change { zone: None, edits: vec![edit], producer: args.producer.clone(), if_unchanged: false };
    log::note_partitioning(&target, &config, console);
    let mut log = log::open(&target, Keep::Slots, &config)?;
    let outcome = log.publish(&change, now(), &change_id(), &config).map_err(|error| match error {
        PublishError::Refused(_) => anyhow::Error::from(error),
        other => anyhow::Error::from(other).context(format!("{target} was not changed for certain")),
    })?;
    report_published(&outcome, &target, args, &waiter, Value::Null, console)
}

/// The node that `--wait` waits for.
pub(crate) struct Waiter(Option<Node>);

// === impl Waiter ===

impl Waiter {
    /// To be called before anything is published: to fail afterwards would be the wrong order.
    pub(crate) fn of(args: &PublishArgs, settings: &ClientSettings) -> anyhow::Result<Self> {
        match &args.wait {
            Some(flag) => {
                let node = Node::of(Some(flag), settings);
                let node = node
                    .context("--wait needs a node: give --wait=HOST:PORT, or configure its admin address")?;
                Ok(Self(Some(node)))
            }
            None => Ok(Self(None)),
        }
    }
}

/// Waits for the node where that is wanted, and prints what became of a change. `more` is an object whose fields
/// the JSON gets too, or null.
pub(crate) fn report_published(
    outcome: &Outcome,
    target: &LogTarget,
    args: &PublishArgs,
    Waiter(node): &Waiter,
    more: Value,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let applied =
        match node {
            Some(node) => {
                let applied = node.wait(&outcome.published, args.timeout);
                Some(applied.map_err(|error| {
                    anyhow::Error::from(error).context("the change stands on the log, but")
                })?)
            }
            None => None,
        };
    if args.json {
        let mut json = json(outcome, node.as_ref(), applied);
        if let (Value::Object(json), Value::Object(more)) = (&mut json, more) {
            json.extend(more);
        }
        console.print_json(&json)?;
    } else {
        console.print(&text(outcome, target, node.as_ref(), applied))?;
    }
    match (applied, node) {
        (Some(false), Some(node)) => {
            let seconds = args.timeout.as_secs_f64();
            console.note(&format!("the node {node} did not serve the change within {seconds} s"));
            Ok(ExitCode::from(TIMED_OUT))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn text(outcome: &Outcome, target: &LogTarget, node: Option<&Node>, applied: Option<bool>) -> String {
    let mut text = match outcome.published.events {
        0 => format!("{target} says so already"),
        1 => format!("1 event published to {target}"),
        events => format!("{events} events published to {target}"),
    };
    if let Some(serial) = outcome.serial {
        text.push_str(&format!("; {} has serial {serial}", outcome.apex));
    }
    if let (Some(node), Some(true)) = (node, applied) {
        text.push_str(&format!("; served by {node}"));
    }
    text
}

fn json(outcome: &Outcome, node: Option<&Node>, applied: Option<bool>) -> Value {
    let positions = outcome.published.positions.iter();
    let positions: Vec<Value> = positions
        .map(|(partition, position)| json!({"partition": partition.0, "position": position.to_string()}))
        .collect();
    json!({
        "zone": outcome.apex.to_string(),
        "serial": outcome.serial,
        "events": outcome.published.events,
        "timestamp": outcome.timestamp.0,
        "source": outcome.published.source.as_str(),
        "positions": positions,
        "node": node.map(ToString::to_string),
        "applied": applied,
    })
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// 64 bits that no other process has, behind the moment.
pub(crate) fn change_id() -> String {
    format!("{:x}-{:016x}", now().0, RandomState::new().hash_one(0))
}

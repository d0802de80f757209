//! `rebuild`: a node reads its logs again, and what became of it.

use crate::Console;
use crate::args::RebuildArgs;
use crate::node::NodeError;
use crate::overview::node;
use crate::settings::ClientSettings;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// EX_TEMPFAIL of sysexits.h.
const NOT_IN_TIME: u8 = 75;
/// How often the node is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What has become of a source's rebuild.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    UnderWay,
    /// What was read beside is served.
    Done,
    /// What was served stays, and why.
    Alarm(String),
}

pub(crate) fn rebuild(
    args: &RebuildArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let node = node(&args.node, settings)?;
    let before = node.get("/v1/status")?;
    let wanted = json!({ "source": args.source, "accept_loss": args.accept_loss });
    let begun = node.post("/v1/rebuild", &wanted)?;
    let sources: Vec<&str> =
        begun["rebuilding"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if args.no_wait {
        for source in &sources {
            console.print(&format!("{source}: the node reads it again"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let deadline = Instant::now() + args.timeout;
    let mut left = sources.clone();
    let mut alarmed = false;
    while !left.is_empty() {
        sleep(LOOK_EVERY);
        let now = match node.get("/v1/status") {
            // At the end of a rebuild of large zones a store answers nobody for some seconds.
            Err(NodeError::Busy(_)) => Value::Null,
            answer => answer?,
        };
        let mut still = Vec::new();
        for source in left {
            match outcome(of(&before, source), of(&now, source)) {
                Outcome::UnderWay => still.push(source),
                Outcome::Done => console.print(&format!("{source}: read again, and served"))?,
                Outcome::Alarm(alarm) => {
                    alarmed = true;
                    console.print(&format!("{source}: {alarm}"))?;
                }
            }
        }
        left = still;
        if !left.is_empty() && Instant::now() >= deadline {
            console.note(&format!("still under way: {}; `stream-dns status` shows it", left.join(", ")));
            return Ok(ExitCode::from(NOT_IN_TIME));
        }
    }
    Ok(if alarmed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A source in a status.
fn of<'a>(status: &'a Value, source: &str) -> Option<&'a Value> {
    status["sources"].as_array()?.iter().find(|own| own["source"] == source)
}

/// What became of it since `before`. Rebuilds are counted, so that one that was over in no time is not missed.
fn outcome(before: Option<&Value>, now: Option<&Value>) -> Outcome {
    let count = |status: Option<&Value>, name: &str| status.and_then(|own| own[name].as_u64()).unwrap_or(0);
    let has_begun = count(now, "rebuilds_begun") > count(before, "rebuilds_begun");
    let (Some(now), true) = (now, has_begun) else { return Outcome::UnderWay };
    match now["alarm"].as_str() {
        Some(alarm) => Outcome::Alarm(alarm.to_owned()),
        None if now["rebuilding"].is_null() => Outcome::Done,
        None => Outcome::UnderWay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebuild_is_over_when_the_node_says_so() {
        let status = |begun: u64, rebuilding: Option<&str>, alarm: Option<&str>| json!({"sources": [{"source": "dns", "rebuilds_begun": begun, "rebuilding": rebuilding, "alarm": alarm}]});
        let before = status(2, None, Some("the old alarm"));
        for (now, want) in [
            (before.clone(), Outcome::UnderWay),
            (status(3, Some("it was asked for"), None), Outcome::UnderWay),
            (status(3, None, None), Outcome::Done),
            (status(3, Some("it was asked for"), Some("too much")), Outcome::Alarm("too much".to_owned())),
            (json!({"sources": null}), Outcome::UnderWay),
        ] {
            assert_eq!(outcome(of(&before, "dns"), of(&now, "dns")), want);
        }
    }
}

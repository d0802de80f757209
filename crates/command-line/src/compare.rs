//! `compare`: whether nodes hold the same at the same place of the log.

use crate::Console;
use crate::args::CompareArgs;
use crate::node::Node;
use crate::overview::each_quarantined;
use crate::settings::ClientSettings;
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;
use zone_model::master::{Settings, no_includes, read_zone};
use zone_model::zone::Zone;
use zone_model::{Name, RecordType};

/// EX_TEMPFAIL of sysexits.h.
const NOT_IN_TIME: u8 = 75;
/// How often the nodes are brought together before it is given up: a node may have been told to stand still by
/// somebody else, or the time may have been over.
const TRIES: usize = 3;
/// RRsets of which it is looked up why they differ, at most.
const EXPLAINED: usize = 1_000;

/// Where a partition stands.
type Place = ((String, u64), String);

/// A node's zones, each with its serial and digest.
type Zones = BTreeMap<String, (u64, String)>;

/// A zone that is not alike on all nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unequal {
    apex: String,
    /// For each node its serial and digest; `None` where it has no such zone.
    nodes: Vec<Option<(u64, String)>>,
}

/// Why an RRset differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// Nothing excuses it.
    Unknown,
    Unusable,
    Slots,
}

pub(crate) fn compare(
    args: &CompareArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let nodes: Option<Vec<Node>> =
        args.nodes.iter().map(|address| Node::of(Some(address.as_str()), settings)).collect();
    let nodes = nodes.context("an address is empty")?;
    let Some(all) = at_one_place(&nodes, args.timeout, console)? else {
        return Ok(ExitCode::from(NOT_IN_TIME));
    };
    let zones: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    let unequal = unequal(&all);
    let mut differing = Vec::new();
    for zone in &unequal {
        for (owner, rtype) in rrsets_that_differ(&nodes, &zone.apex)? {
            let why = match differing.len() {
                0..EXPLAINED => why(&nodes, &owner, rtype)?,
                _ => Why::Unknown,
            };
            differing.push((owner, rtype, why));
        }
    }
    if args.json {
        print_json(args, zones.len(), &unequal, &differing, console)?;
    } else {
        print(args, zones.len(), &unequal, &differing, console)?;
    }
    Ok(if unequal.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each node's zones, with serials and digests, where all of them stand at the same positions; `None` where they
/// could not be brought there.
fn at_one_place(
    nodes: &[Node],
    limit: Duration,
    console: &mut Console<'_>,
) -> anyhow::Result<Option<Vec<Zones>>> {
    let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    let mut last = None;
    for _ in 0..TRIES {
        // Everybody is told before anybody is waited for: what they are told to go to must not move on.
        let held: Vec<_> = in_parallel(nodes, |node| node.post("/v1/hold", &json!({ "limit_ms": limit_ms })));
        let mut stands = Vec::new();
        for (node, held) in nodes.iter().zip(held) {
            match held {
                Ok(held) => stands.push(places(&held)?),
                Err(error) => last = Some(format!("{node}: {:#}", anyhow::Error::from(error))),
            }
        }
        let target = if stands.len() == nodes.len() { farthest(&stands) } else { BTreeMap::new() };
        let positions: Vec<Value> = target
            .iter()
            .map(|((source, partition), position)| json!({"source": source, "partition": partition, "position": position}))
            .collect();
        // Also where somebody could not be told: it ends the hold of the others.
        let body = json!({ "positions": positions, "limit_ms": limit_ms });
        let answers = in_parallel(nodes, |node| node.post("/v1/digests", &body));
        if stands.len() < nodes.len() {
            continue;
        }
        let mut all = Vec::new();
        for (node, answer) in nodes.iter().zip(answers) {
            match answer {
                Ok(zones) => all.push(digests(&zones)),
                Err(error) => last = Some(format!("{node}: {:#}", anyhow::Error::from(error))),
            }
        }
        if all.len() == nodes.len() {
            return Ok(Some(all));
        }
    }
    let why = last.unwrap_or_else(|| "they did not answer".to_owned());
    console.note(&format!("the nodes could not be brought to one place: {why}"));
    Ok(None)
}

/// Asks all nodes at once.
fn in_parallel<T: Send>(nodes: &[Node], ask: impl Fn(&Node) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = nodes.iter().map(|node| scope.spawn(|| ask(node))).collect();
        // A thread that panicked has no answer, and then the lists have different lengths.
        asked.into_iter().filter_map(|asked| asked.join().ok()).collect()
    })
}

fn places(held: &Value) -> anyhow::Result<Vec<Place>> {
    let place = |own: &Value| {
        let source = own["source"].as_str()?.to_owned();
        Some(((source, own["partition"].as_u64()?), own["position"].as_str()?.to_owned()))
    };
    let places: Option<Vec<Place>> = held["positions"]
        .as_array()
        .map(|list| list.iter().map(place).collect::<Option<_>>())
        .unwrap_or_default();
    places.context("a node does not say where it stands; is it of another version?")
}

/// Of each partition the farthest place. Positions compare as octets, and so do their hexadecimal digits where
/// none is a prefix of another.
fn farthest(stands: &[Vec<Place>]) -> BTreeMap<(String, u64), String> {
    let mut target: BTreeMap<(String, u64), String> = BTreeMap::new();
    for (partition, position) in stands.iter().flatten() {
        let own = target.entry(partition.clone()).or_default();
        if *position > *own {
            own.clone_from(position);
        }
    }
    target
}

fn digests(zones: &Value) -> Zones {
    let zone = |zone: &Value| {
        let digest = zone["digest"].as_str()?.to_owned();
        Some((zone["name"].as_str()?.to_owned(), (zone["serial"].as_u64()?, digest)))
    };
    zones.as_array().into_iter().flatten().filter_map(zone).collect()
}

fn unequal(all: &[Zones]) -> Vec<Unequal> {
    let apexes: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    let of = |apex: &String| all.iter().map(|zones| zones.get(apex).cloned()).collect::<Vec<_>>();
    let zones = apexes.into_iter().map(|apex| Unequal { apex: apex.clone(), nodes: of(apex) });
    zones.filter(|zone| zone.nodes.windows(2).any(|pair| pair[0] != pair[1])).collect()
}

/// The RRsets of a zone that the nodes do not have alike, as they are now.
fn rrsets_that_differ(nodes: &[Node], apex: &str) -> anyhow::Result<BTreeSet<(Name, RecordType)>> {
    let apex = Name::parse(apex)?;
    let mut zones: Vec<Zone> = Vec::new();
    for node in nodes {
        zones.push(match node.zone(&apex)? {
            Some(text) => {
                let read = read_zone("node", text.as_bytes(), &Settings::new(apex.clone()), &mut no_includes);
                match read {
                    Ok(read) => read.zone,
                    Err(errors) => bail!("{node}: what it gave is no zone file: {}", errors[0]),
                }
            }
            None => Zone::of(apex.clone(), []),
        });
    }
    let mut differing = BTreeSet::new();
    for zone in &zones[1..] {
        for difference in zones[0].difference(zone) {
            let set = difference.before().or(difference.after());
            differing.extend(set.map(|set| (set.owner.clone(), set.rtype)));
        }
    }
    Ok(differing)
}

/// DESIGN names two things that no rule can mend.
fn why(nodes: &[Node], owner: &Name, rtype: RecordType) -> anyhow::Result<Why> {
    let name = |key: &str| Name::parse(key.split('|').next()?.trim_end_matches('.')).ok();
    let mut slots = 0;
    for node in nodes {
        let mut unusable = false;
        each_quarantined(node, |event| {
            let key = event["key"].as_str().unwrap_or_default();
            let is_type =
                key.split('|').nth(1).is_some_and(|own| own.eq_ignore_ascii_case(&rtype.to_string()));
            unusable = is_type && name(key).is_some_and(|own| own == *owner);
            Ok(!unusable)
        })?;
        if unusable {
            return Ok(Why::Unusable);
        }
        let records = node.records(owner, Some(rtype))?;
        slots = slots.max(records.iter().filter_map(|own| own["slots"].as_u64()).max().unwrap_or(0));
    }
    Ok(if slots > 1 { Why::Slots } else { Why::Unknown })
}

// === printing ===

impl Why {
    fn text(self) -> &'static str {
        match self {
            Self::Unknown => "differs",
            Self::Unusable => {
                "its newest event cannot be used: what stood before it is there where it was read, and gone where the log was compacted. Set the RRset again"
            }
            Self::Slots => {
                "it stands in several slots, and a null may have been read here and compacted there. Set the RRset again, which empties the others"
            }
        }
    }
}

fn print(
    args: &CompareArgs,
    count: usize,
    unequal: &[Unequal],
    differing: &[(Name, RecordType, Why)],
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let nodes = args.nodes.len();
    if unequal.is_empty() {
        return Ok(console.print(&format!("{count} zones are equal on {nodes} nodes"))?);
    }
    console.print(&format!("{} of {count} zones are not equal on {nodes} nodes", unequal.len()))?;
    for zone in unequal {
        console.print(&zone.apex)?;
        for (node, own) in args.nodes.iter().zip(&zone.nodes) {
            let own = own
                .as_ref()
                .map_or("no such zone".to_owned(), |(serial, digest)| format!("{digest} serial {serial}"));
            console.print(&format!("  {node}: {own}"))?;
        }
    }
    for (title, excused) in [("RRsets that differ:", false), ("RRsets that no rule can make equal:", true)] {
        let mut own = differing.iter().filter(|(_, _, why)| (*why != Why::Unknown) == excused).peekable();
        if own.peek().is_some() {
            console.print(title)?;
        }
        for (owner, rtype, why) in own {
            console.print(&format!("  {owner} {rtype}: {}", why.text()))?;
        }
    }
    Ok(())
}

fn print_json(
    args: &CompareArgs,
    count: usize,
    unequal: &[Unequal],
    differing: &[(Name, RecordType, Why)],
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let zone = |zone: &Unequal| {
        let own = args.nodes.iter().zip(&zone.nodes).map(|(node, own)| {
            let (serial, digest) = (own.as_ref().map(|own| own.0), own.as_ref().map(|own| &own.1));
            json!({"node": node, "serial": serial, "digest": digest})
        });
        json!({"name": zone.apex, "nodes": own.collect::<Vec<_>>()})
    };
    let set = |(owner, rtype, why): &(Name, RecordType, Why)| {
        let reason = (*why != Why::Unknown).then(|| why.text());
        json!({"name": owner.to_string(), "type": rtype.to_string(), "cannot_be_equal": reason})
    };
    let (unequal, differing): (Vec<_>, Vec<_>) =
        (unequal.iter().map(zone).collect(), differing.iter().map(set).collect());
    Ok(console.print_json(&json!({"zones": count, "unequal": unequal, "rrsets": differing}))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_farthest_of_each_partition() {
        let place = |partition: u64, position: &str| (("dns".to_owned(), partition), position.to_owned());
        let stands = [vec![place(0, "01aa"), place(1, "0105")], vec![place(0, "01ab"), place(2, "01")]];
        let target: Vec<Place> = farthest(&stands).into_iter().collect();
        assert_eq!(target, [place(0, "01ab"), place(1, "0105"), place(2, "01")]);
    }

    #[test]
    fn a_zone_is_equal_where_serial_and_digest_are() {
        let zones = |list: &[(&str, u64, &str)]| -> Zones {
            list.iter()
                .map(|(apex, serial, digest)| ((*apex).to_owned(), (*serial, (*digest).to_owned())))
                .collect()
        };
        let first = zones(&[("a.", 1, "x"), ("b.", 1, "x"), ("c.", 1, "x")]);
        let second = zones(&[("a.", 1, "x"), ("b.", 2, "x"), ("d.", 1, "x")]);
        let apexes =
            |all: &[Zones]| -> Vec<String> { unequal(all).into_iter().map(|zone| zone.apex).collect() };
        assert_eq!(apexes(&[first.clone(), first.clone(), first.clone()]), [""; 0]);
        assert_eq!(apexes(&[first.clone(), first.clone(), second]), ["b.", "c.", "d."]);
        assert_eq!(apexes(&[first, BTreeMap::new()]), ["a.", "b.", "c."]);
    }
}

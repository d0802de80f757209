//! Where a zone comes from: a file, a log, a running node, or the store of one that does not run.

use super::{OpenLog, file};
use crate::Console;
use crate::args::LogArgs;
use crate::node::Node;
use crate::settings::ClientSettings;
use anyhow::{Context, anyhow, bail};
use std::path::{Path, PathBuf};
use zone_model::Name;
use zone_model::master::{Settings, no_includes, read_zone};
use zone_model::zone::Zone;

/// One of them. What is not named is that of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Side {
    File(PathBuf),
    /// A log: of the configuration, or a journal.
    Log(Option<PathBuf>),
    /// A node, by its admin address.
    Node(Option<String>),
    /// A store.
    Store(Option<PathBuf>),
}

// === impl Side ===

impl Side {
    /// `FILE`, `log:`, `log:FILE`, `node:`, `node:HOST:PORT`, `store:` or `store:FILE`.
    pub(super) fn parse(text: &str) -> Self {
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        match text.split_once(':') {
            Some(("log", path)) => Self::Log(named(path).map(Into::into)),
            Some(("node", address)) => Self::Node(named(address)),
            Some(("store", path)) => Self::Store(named(path).map(Into::into)),
            _ => Self::File(text.into()),
        }
    }

    /// The zone as it stands there, and what to call the place; `None` where it has no such zone.
    pub(super) fn zone(
        &self,
        apex: &Name,
        log: &LogArgs,
        settings: &ClientSettings,
        console: &mut Console<'_>,
    ) -> anyhow::Result<(String, Option<Zone>)> {
        match self {
            Self::File(path) => Ok((path.display().to_string(), Some(of_file(path, apex, console)?))),
            Self::Log(path) => {
                let log = match path {
                    Some(path) => LogArgs { journal: Some(path.clone()), ..log.clone() },
                    None => log.clone(),
                };
                let mut open = OpenLog::open(&log, settings)?;
                let zone = open.zone(apex)?;
                Ok((open.target.to_string(), zone))
            }
            Self::Node(address) => of_node(&node(address.as_deref(), settings)?, apex),
            Self::Store(path) => of_store(path.as_deref(), apex, settings),
        }
    }
}

/// The node of an address, else of the configuration.
pub(super) fn node(address: Option<&str>, settings: &ClientSettings) -> anyhow::Result<Node> {
    let node = Node::of(address, settings);
    node.context("no node is configured; name its admin address: HOST:PORT")
}

fn of_file(path: &Path, apex: &Name, console: &mut Console<'_>) -> anyhow::Result<Zone> {
    let read = file::read_path(path, None, &Settings::new(apex.clone()))?;
    let zone = read.map_err(|errors| anyhow!("{}", errors[0]))?.zone;
    let outside = zone.outside().len();
    if outside > 0 {
        console.note(&format!("{}: {outside} RRsets are not of the zone {}", path.display(), zone.apex()));
    }
    Ok(zone)
}

fn of_node(node: &Node, apex: &Name) -> anyhow::Result<(String, Option<Zone>)> {
    let place = format!("the node {node}");
    let Some(text) = node.zone(apex)? else { return Ok((place, None)) };
    let read = read_zone(&place, text.as_bytes(), &Settings::new(apex.clone()), &mut no_includes);
    let read =
        read.map_err(|errors| anyhow!("{}", errors[0]).context("what the node gave is no zone file"))?;
    Ok((place, Some(read.zone)))
}

fn of_store(
    path: Option<&Path>,
    apex: &Name,
    settings: &ClientSettings,
) -> anyhow::Result<(String, Option<Zone>)> {
    let path = path.or(settings.store.as_deref()).context("no store is configured; name its file")?;
    // Opening would say so less plainly.
    if !path.try_exists().unwrap_or(true) {
        bail!("there is no store {}", path.display());
    }
    let place = format!("the store {}", path.display());
    let walk = zone_store::open_zone(path, apex, &settings.producer.limits)?;
    let Some(head) = walk.head()? else { return Ok((place, None)) };
    let mut rrsets = Vec::new();
    walk.read(&head, &mut |set| {
        rrsets.push(set);
        true
    })?;
    Ok((place, Some(Zone::of_sets(apex.clone(), rrsets))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_a_file_unless_it_says_otherwise() {
        for (text, want) in [
            ("zone", Side::File("zone".into())),
            ("a:b", Side::File("a:b".into())),
            ("log:", Side::Log(None)),
            ("log:a:b", Side::Log(Some("a:b".into()))),
            ("node:", Side::Node(None)),
            ("node:[::1]:5380", Side::Node(Some("[::1]:5380".into()))),
            ("store:x.redb", Side::Store(Some("x.redb".into()))),
        ] {
            assert_eq!(Side::parse(text), want, "{text}");
        }
    }
}

//! `zone diff`.

use super::{DiffArgs, OpenLog, file, show};
use crate::Console;
use crate::args::LogArgs;
use crate::settings::ClientSettings;
use anyhow::{anyhow, bail};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zone_model::master::Settings;
use zone_model::zone::Zone;
use zone_model::{Name, RecordType};

/// What is compared.
enum Side {
    File(PathBuf),
    /// A log: of the configuration, or a journal.
    Log(Option<PathBuf>),
}

pub(super) fn diff(
    args: &DiffArgs,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let sides = [Side::of(&args.left)?, Side::of(&args.right)?];
    let apex = match &args.origin {
        Some(apex) => apex.clone(),
        None => apex_of(&sides)?,
    };
    let mut zones = Vec::with_capacity(2);
    for side in &sides {
        zones.push(side.zone(&apex, args, settings, console)?);
    }
    let differences = zones[0].difference(&zones[1]);
    if args.json {
        let all: Vec<_> = differences.iter().map(show::difference_json).collect();
        console.print_json(&json!({"zone": apex.to_lowercase().to_string(), "differences": all}))?;
    } else {
        for difference in &differences {
            show::print_difference(difference, settings.default_ttl, console)?;
        }
    }
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The apex that a file's SOA names.
fn apex_of(sides: &[Side]) -> anyhow::Result<Name> {
    for side in sides {
        let Side::File(path) = side else { continue };
        let settings = Settings { keep_going: true, ..Settings::new(Name::root()) };
        let Ok(read) = file::read_path(path, None, &settings)? else { continue };
        let mut soas = read.zone.rrsets().iter().filter(|set| set.rtype == RecordType::SOA);
        if let (Some(soa), None) = (soas.next(), soas.next())
            && !soa.owner.is_root()
        {
            return Ok(soa.owner.clone());
        }
    }
    bail!("which zone? No file says it by the SOA of an absolute name; give --origin NAME")
}

// === impl Side ===

impl Side {
    fn of(text: &str) -> anyhow::Result<Self> {
        if let Some(path) = text.strip_prefix("log:") {
            return Ok(Self::Log((!path.is_empty()).then(|| path.into())));
        }
        if text.starts_with("node:") {
            bail!(
                "{text}: a node cannot be asked for a whole zone yet; compare with the log that it follows"
            );
        }
        if text == "-" {
            bail!("standard input cannot be compared; write it into a file");
        }
        Ok(Self::File(text.into()))
    }

    fn zone(
        &self,
        apex: &Name,
        args: &DiffArgs,
        settings: &ClientSettings,
        console: &mut Console<'_>,
    ) -> anyhow::Result<Zone> {
        match self {
            Self::File(path) => of_file(path, apex, console),
            Self::Log(path) => {
                let log = match path {
                    Some(path) => LogArgs { journal: Some(path.clone()), ..args.log.clone() },
                    None => args.log.clone(),
                };
                let mut open = OpenLog::open(&log, settings)?;
                let zone = open.zone(apex)?;
                if zone.is_none() {
                    console.note(&format!("{} has no zone {}", open.target, apex.to_lowercase()));
                }
                Ok(zone.unwrap_or_else(|| Zone::of(apex.clone(), [])))
            }
        }
    }
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

//! `zone …`: whole zones in and out.

mod args;
mod check;
mod delete;
mod diff;
mod export;
mod file;
mod import;
mod parts;
mod show;
mod side;

pub use args::{
    CheckArgs, DeleteZoneArgs, DiffArgs, ExportArgs, FileArgs, ImportArgs, ListArgs, ZoneCommand,
};

use crate::args::{LogArgs, NodeArgs};
use crate::settings::{ClientSettings, LogTarget};
use crate::{Console, log, overview};
use event_producer::{Keep, Log, ProducerConfig};
use std::process::ExitCode;
use zone_model::Name;
use zone_model::zone::Zone;

pub(crate) fn run(
    command: &ZoneCommand,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    match command {
        ZoneCommand::List(args) if args.from_log => export::list(args, settings, console),
        ZoneCommand::List(args) => {
            let node = NodeArgs { node: args.node.clone(), json: args.json };
            overview::zones(&node, settings, console)
        }
        ZoneCommand::Check(args) => check::check(args, settings, console),
        ZoneCommand::Import(args) => import::import(args, settings, console),
        ZoneCommand::Export(args) => export::export(args, settings, console),
        ZoneCommand::Diff(args) => diff::diff(args, settings, console),
        ZoneCommand::Delete(args) => delete::delete(args, settings, console),
    }
}

/// A log with everything that it says.
struct OpenLog {
    target: LogTarget,
    config: ProducerConfig,
    log: Box<dyn Log>,
}

// === impl OpenLog ===

impl OpenLog {
    fn open(args: &LogArgs, settings: &ClientSettings) -> anyhow::Result<Self> {
        let target = log::target(args, settings)?;
        let config = log::producer_config(args, settings);
        let log = log::open(&target, Keep::Everything, &config)?;
        Ok(Self { target, config, log })
    }

    /// A zone as the log says; `None` where it has no such zone.
    fn zone(&mut self, apex: &Name) -> anyhow::Result<Option<Zone>> {
        Ok(self.log.read()?.zone(apex, &self.config.zones))
    }

    /// Whether this is a journal that is not there yet: the first change makes it.
    fn is_to_be_made(&self) -> bool {
        match &self.target {
            LogTarget::Journal(path) => !path.try_exists().unwrap_or(true),
            LogTarget::Kafka { .. } => false,
        }
    }
}

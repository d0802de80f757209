//! `zone …`: whole zones in and out.

mod args;
mod check;
mod delete;
mod diff;
mod digest;
mod export;
mod file;
mod import;
mod parts;
mod show;
mod side;

pub use args::{
    CheckArgs, DeleteZoneArgs, DiffArgs, DigestArgs, ExportArgs, FileArgs, ImportArgs, ListArgs, ZoneCommand,
};

use crate::args::NodeArgs;
use crate::log::OpenLog;
use crate::settings::ClientSettings;
use crate::{Console, overview};
use std::process::ExitCode;

pub(crate) use parts::cut;
pub(crate) use show::report_json;

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
        ZoneCommand::Digest(args) => digest::digest(args, settings, console),
        ZoneCommand::Diff(args) => diff::diff(args, settings, console),
        ZoneCommand::Delete(args) => delete::delete(args, settings, console),
    }
}

//! The subcommands of `stream-dns` that look at and change a log, a store and a running node.
//!
//! An operator wants to change a record where no server runs, and to see what the log, a store or a node says,
//! without learning three protocols. These commands are clients of the same public interfaces that an embedder
//! has: event-producer for the log, zone-store's file, a node's admin address.
//!
//! # Vocabulary
//! - *settings* are what the binary read from its configuration: where the log, the store and the node are.
//!   Flags of a command override them.
//! - A *node* is a running server, known by its admin address.
//!
//! ```text
//! arguments ─▶ Cli ─┬─ Serve, Check, Config ─▶ the binary
//!                   └─ Client ─▶ run ─┬─ record set, record delete ─▶ the log (─▶ a node, with --wait)
//!                                     ├─ zone import, zone delete ─▶ the log (─▶ a node, with --wait)
//!                                     ├─ log check --mend, log compact ─▶ the log; log tail, log check ─▶ nobody
//!                      settings ──────┼─ record get ─▶ a node, else the store; or the log
//!                                     ├─ zone export, zone diff ─▶ the log; zone check ─▶ nobody
//!                                     └─ zone list, status, rebuild, quarantine ─▶ a node; compare ─▶ several
//! ```
//!
//! # Exit status
//! 0 done; 1 failed, or nothing found; 2 the command line is wrong; 75 (EX_TEMPFAIL) `--wait` ran out of time.
//!
//! # Example
//! ```
//! use command_line::{Cli, ClientSettings, Command, Console, run_on};
//!
//! # fn main() -> anyhow::Result<()> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("journal.jsonl");
//! # let path = path.to_str().unwrap();
//! let soa = "ns.example. host.example. 1 3600 600 86400 300";
//! let cli = Cli::try_parse_from(["stream-dns", "record", "set", "example", "SOA", soa, "--journal", path])?;
//! let Command::Client(command) = cli.command else { unreachable!() };
//! let (mut out, mut err) = (Vec::new(), Vec::new());
//! let mut console = Console { out: &mut out, err: &mut err, input: None, live: false };
//! run_on(&command, &ClientSettings::default(), &mut console)?;
//! assert!(String::from_utf8(out)?.ends_with("; example. has serial 1\n"));
//! # Ok(())
//! # }
//! ```

mod args;
mod compare;
mod console;
mod get;
mod log;
mod node;
mod overview;
mod publish;
mod rebuild;
mod settings;
mod view;
mod zone;

pub use args::{
    Cli, ClientCommand, Command, CompareArgs, ConfigArgs, DeleteArgs, GetArgs, LogArgs, NodeArgs,
    PublishArgs, QuarantineCommand, QuarantineShowArgs, RebuildArgs, RecordCommand, ServeArgs, SetArgs,
};
pub use console::Console;
pub use log::{CompactArgs, LogCheckArgs, LogCommand, TailArgs};
pub use settings::{ClientSettings, Credentials, LogTarget};
pub use zone::{
    CheckArgs, DeleteZoneArgs, DiffArgs, DigestArgs, ExportArgs, FileArgs, ImportArgs, ListArgs, ZoneCommand,
};

use std::io::{self, BufRead, BufReader, ErrorKind, IsTerminal};
use std::process::ExitCode;

/// Carries out a command of the client kind, on standard output and standard error.
///
/// # Errors
/// What went wrong, for a person; the exit status is then 1.
pub fn run(command: ClientCommand, settings: &ClientSettings) -> anyhow::Result<ExitCode> {
    let (mut out, mut err, mut stdin) = (io::stdout().lock(), io::stderr(), BufReader::new(io::stdin()));
    let live = err.is_terminal();
    // Locked only while it is asked: a zone file may come from there too.
    let ask = live && io::stdin().is_terminal();
    let input = ask.then_some(&mut stdin as &mut dyn BufRead);
    run_on(&command, settings, &mut Console { out: &mut out, err: &mut err, input, live })
}

/// Like [`run`], with other places to print to.
///
/// # Errors
/// What went wrong, for a person.
pub fn run_on(
    command: &ClientCommand,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let done = match command {
        ClientCommand::Record(RecordCommand::Set(args)) => publish::set(args, settings, console),
        ClientCommand::Record(RecordCommand::Delete(args)) => publish::delete(args, settings, console),
        ClientCommand::Record(RecordCommand::Get(args)) => get::get(args, settings, console),
        ClientCommand::Zone(command) => zone::run(command, settings, console),
        ClientCommand::Log(command) => log::run(command, settings, console),
        ClientCommand::Compare(args) => compare::compare(args, settings, console),
        ClientCommand::Rebuild(args) => rebuild::rebuild(args, settings, console),
        ClientCommand::Status(args) => overview::status(args, settings, console),
        ClientCommand::Quarantine(QuarantineCommand::List(args)) => {
            overview::quarantine(args, settings, console)
        }
        ClientCommand::Quarantine(QuarantineCommand::Show(args)) => {
            overview::quarantined(args, settings, console)
        }
    };
    match done {
        // `| head` has seen enough.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        done => done,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

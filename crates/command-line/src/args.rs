//! What may stand behind the program's name, and what `--help` says of it.

use crate::log::LogCommand;
use crate::zone::ZoneCommand;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use zone_model::{Name, NameError, RecordType, UnknownType, rdata};

/// A command, read from the arguments.
#[derive(Clone, Debug)]
pub struct Cli {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// What to do.
    pub command: Command,
}

/// The arguments as clap sees them: `serve` may be left out, so its flags stand here too.
#[derive(Debug, Parser)]
#[command(
    name = "stream-dns",
    version,
    about = "An authoritative DNS server whose zones are a log",
    long_about = "An authoritative DNS server whose zones are a log: every change is an event on a Kafka topic or in a \
                  journal file, and every node serves what the log says.\n\n\
                  Without a command it serves.",
    after_long_help = "Try it, in two terminals:\n\n  \
        stream-dns serve --journal journal.jsonl --listen 127.0.0.1:5300\n\n  \
        stream-dns record set example.com SOA --journal journal.jsonl \\\n      \
        'ns.example.com. host.example.com. 1 3600 600 86400 300'\n  \
        stream-dns record set www.example.com A 192.0.2.1 --ttl 300 --journal journal.jsonl\n  \
        dig @127.0.0.1 -p 5300 www.example.com\n\n\
        Settings come from built-in defaults, then the file given with --config, then environment variables \
        (DNS_…), then flags.\n\n\
        Exit status: 0 done; 1 failed; 2 the command line is wrong; 75 --wait ran out of time; 78 the \
        configuration is wrong."
)]
struct Arguments {
    /// The configuration file (TOML)
    ///
    /// What it says is overridden by environment variables (DNS_…) and by flags. `stream-dns config` prints what
    /// comes of it all, `stream-dns check` looks whether it can be used.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    serve: ServeArgs,

    #[command(subcommand)]
    command: Option<Command>,
}

/// What the program is to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serve: follow the log and answer queries (the default)
    ///
    /// Reads the log behind what its store has applied, and answers. Ends with SIGTERM or SIGINT, once what has
    /// arrived is answered.
    ///
    ///   stream-dns serve --journal journal.jsonl --listen 127.0.0.1:5300
    #[command(verbatim_doc_comment)]
    Serve(ServeArgs),

    /// Look whether the configuration can be used, without starting
    ///
    /// Exit status 78 where it cannot, with the key, its value, and what is allowed.
    ///
    ///   stream-dns check --config stream-dns.toml
    #[command(verbatim_doc_comment)]
    Check(ConfigArgs),

    /// Print the effective configuration, secrets masked
    ///
    ///   stream-dns config --config stream-dns.toml --listen 127.0.0.1:5300
    #[command(verbatim_doc_comment)]
    Config(ConfigArgs),

    /// A client of a log, a store, a node.
    #[command(flatten)]
    Client(ClientCommand),
}

/// The commands that [`run`](crate::run) carries out.
#[derive(Clone, Debug, Subcommand)]
pub enum ClientCommand {
    /// Set, delete or look at records
    ///
    ///   stream-dns record set www.example.com A 192.0.2.1 --journal journal.jsonl
    ///   stream-dns record get www.example.com --from-log --journal journal.jsonl
    #[command(subcommand, verbatim_doc_comment)]
    Record(RecordCommand),

    /// Whole zones: list, check, import, export, compare and delete them
    ///
    ///   stream-dns zone list --node 127.0.0.1:5380
    ///   stream-dns zone import example.com example.com.zone --dry-run
    ///   stream-dns zone diff log: example.com.zone --origin example.com
    #[command(subcommand, verbatim_doc_comment)]
    Zone(ZoneCommand),

    /// Look at a log event by event, look for what is wrong in it, compact a journal
    ///
    ///   stream-dns log tail --journal journal.jsonl
    ///   stream-dns log check --journal journal.jsonl
    #[command(subcommand, verbatim_doc_comment)]
    Log(LogCommand),

    /// Show how a node is: its store, its logs, how far it has read
    ///
    ///   stream-dns status --node 127.0.0.1:5380
    #[command(verbatim_doc_comment)]
    Status(NodeArgs),

    /// Compare what nodes serve of the log, zone by zone, at equal positions
    ///
    /// The nodes stand still for a moment; of where they stand the farthest is taken, and each goes on exactly up
    /// to there. Then every zone must have the same digest and serial on all of them. Where one has not, its RRsets
    /// are compared, and those are listed apart that no rule can make equal: a key whose newest event cannot be
    /// used, and an RRset that stands in several slots of which another producer removed one. Exit status 0 where
    /// all is equal, 1 where something is not, 75 where the nodes could not be brought to one place in time.
    ///
    ///   stream-dns compare ns1:5380 ns2:5380 ns3:5380
    #[command(verbatim_doc_comment)]
    Compare(CompareArgs),

    /// Have a node read its logs again from their beginning, beside what it serves
    ///
    /// What was served stays served until the reading is in step. It takes the place of it unless a zone would be
    /// lost that the log does not say to be deleted, or more than a tenth of the RRsets: then the node keeps what
    /// it has and raises an alarm. --accept-loss says that the loss is meant: after a topic was created anew,
    /// after retention took events, or to go on after that alarm. Waits for the end; with --no-wait it does not.
    /// Exit status 1 where an alarm is the end of it, 75 where it did not get there in time.
    ///
    ///   stream-dns rebuild --node 127.0.0.1:5380
    ///   stream-dns rebuild --source dns --accept-loss
    #[command(verbatim_doc_comment)]
    Rebuild(RebuildArgs),

    /// Look at the events that cannot be used
    ///
    ///   stream-dns quarantine list --node 127.0.0.1:5380
    #[command(subcommand, verbatim_doc_comment)]
    Quarantine(QuarantineCommand),
}

/// `record …`
#[derive(Clone, Debug, Subcommand)]
pub enum RecordCommand {
    /// Publish an RRset: NAME has exactly these records of TYPE from now on
    ///
    /// Each CONTENT is one record, as a zone file has it behind the type; names in it are absolute. Needs the log
    /// alone, no running node. The zone's serial goes one up; a zone begins with its SOA:
    ///
    ///   stream-dns record set example.com SOA 'ns.example.com. host.example.com. 1 3600 600 86400 300'
    ///   stream-dns record set example.com MX '10 mx1.example.com.' '20 mx2.example.com.' --ttl 1h
    ///   stream-dns record set www.example.com A 192.0.2.1 192.0.2.2 --wait
    #[command(verbatim_doc_comment)]
    Set(SetArgs),

    /// Publish that NAME has no records of TYPE any more
    ///
    /// Needs the log alone, no running node. Deleting the SOA of a zone ends the zone.
    ///
    ///   stream-dns record delete www.example.com A
    #[command(verbatim_doc_comment)]
    Delete(DeleteArgs),

    /// Print the records of NAME as a zone file has them
    ///
    /// Asks the node that the configuration or --node names; where none runs, its store; with --from-log, the log
    /// itself. Says on standard error whom it asked. Exit status 1 where there is nothing.
    ///
    ///   stream-dns record get www.example.com
    ///   stream-dns record get example.com MX --from-log --json
    #[command(verbatim_doc_comment)]
    Get(GetArgs),
}

/// `quarantine …`
#[derive(Clone, Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List the events that cannot be used, where they stand, and why
    ///
    /// A line has the event's place (log, partition, position), its key and the reason.
    ///
    ///   stream-dns quarantine list --json
    #[command(verbatim_doc_comment)]
    List(NodeArgs),

    /// Show an event that cannot be used whole: its value, headers and time, and what is wrong with it
    ///
    /// Exit status 1 where there is none of that key or place.
    ///
    ///   stream-dns quarantine show 'www.example.com.|A'
    ///   stream-dns quarantine show dns/2/018000000000000029800000000000000000000000000000000000000000
    #[command(verbatim_doc_comment)]
    Show(QuarantineShowArgs),
}

/// `compare …`
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// The nodes' admin addresses
    #[arg(required = true, num_args = 2.., value_name = "HOST:PORT")]
    pub nodes: Vec<String>,

    /// How long the nodes may stand still, up to a minute: 2, 500ms
    #[arg(long, value_name = "TIME", default_value = "10", value_parser = parse_duration)]
    pub timeout: Duration,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `rebuild …`
#[derive(Args, Clone, Debug)]
pub struct RebuildArgs {
    /// Which log, by its topic's name or its journal's id [default: all]
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<String>,

    /// What the log leads to may lack what is served now
    #[arg(long)]
    pub accept_loss: bool,

    /// Return as soon as the node was told
    #[arg(long, conflicts_with = "timeout")]
    pub no_wait: bool,

    /// How long to wait: 90, 10m
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    pub timeout: Duration,

    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// The flags of `serve`: what one sets most often. The rest is in the configuration.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct ServeArgs {
    /// Answer on this address, UDP and TCP; may be given several times
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Vec<SocketAddr>,

    /// Follow this journal file, instead of the logs that the configuration names
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    /// Keep the state in this file
    #[arg(long, value_name = "FILE")]
    pub store: Option<PathBuf>,

    /// Serve this zone; may be given several times
    ///
    /// With it no other zones of the log are served but those below; a zone given here is served even where the
    /// log has no SOA for it.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub zone: Vec<Name>,

    /// Threads that answer, each with sockets of its own [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub listeners: Option<u16>,
}

/// The flags of `check` and `config`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigArgs {
    /// The flags that would be given to `serve`.
    #[command(flatten)]
    pub serve: ServeArgs,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Where the log is, if not where the configuration says.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct LogArgs {
    /// Use this journal file, instead of the log that the configuration names
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    /// A zone that nodes serve although the log has no SOA for it; may be given several times
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub zone: Vec<Name>,
}

/// How a change is published.
#[derive(Args, Clone, Debug)]
pub struct PublishArgs {
    /// Where it is published.
    #[command(flatten)]
    pub log: LogArgs,

    /// Who makes the change; stands with its events
    #[arg(long, value_name = "TEXT", default_value = "command-line")]
    pub producer: String,

    /// Return when a node serves the change: the configuration's, or --wait=HOST:PORT
    ///
    /// HOST:PORT is the node's admin address. Exit status 75 where it did not get there in time; the change stands
    /// on the log all the same.
    #[arg(
        long,
        value_name = "HOST:PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub wait: Option<String>,

    /// How long --wait waits: 10, 500ms, 1m
    #[arg(long, value_name = "TIME", default_value = "10", value_parser = parse_duration)]
    pub timeout: Duration,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `record set …`
#[derive(Args, Clone, Debug)]
pub struct SetArgs {
    /// The owner, absolute with or without the final dot
    #[arg(value_parser = parse_name)]
    pub name: Name,

    /// The type: A, MX, TYPE65400
    #[arg(value_name = "TYPE", value_parser = parse_type)]
    pub rtype: RecordType,

    /// The records, each as one argument
    #[arg(required = true, value_name = "CONTENT")]
    pub contents: Vec<String>,

    /// Their TTL: 300, 1h, 1d12h [default: none, so that each node's default serves]
    #[arg(long, value_parser = parse_ttl)]
    pub ttl: Option<u32>,

    /// How it is published.
    #[command(flatten)]
    pub publish: PublishArgs,
}

/// `record delete …`
#[derive(Args, Clone, Debug)]
pub struct DeleteArgs {
    /// The owner, absolute with or without the final dot
    #[arg(value_parser = parse_name)]
    pub name: Name,

    /// The type: A, MX, TYPE65400
    #[arg(value_name = "TYPE", value_parser = parse_type)]
    pub rtype: RecordType,

    /// How it is published.
    #[command(flatten)]
    pub publish: PublishArgs,
}

/// `record get …`
#[derive(Args, Clone, Debug)]
pub struct GetArgs {
    /// The owner, absolute with or without the final dot
    #[arg(value_parser = parse_name)]
    pub name: Name,

    /// The type; all types without it
    #[arg(value_name = "TYPE", value_parser = parse_type)]
    pub rtype: Option<RecordType>,

    /// Read the log from its beginning
    #[arg(long, group = "from")]
    pub from_log: bool,

    /// Read the store of a node that does not run
    #[arg(long, group = "from")]
    pub from_store: bool,

    /// Ask the node with this admin address
    #[arg(long, value_name = "HOST:PORT", group = "from")]
    pub node: Option<String>,

    /// The store's file, instead of the one that the configuration names
    #[arg(long, value_name = "FILE")]
    pub store: Option<PathBuf>,

    /// Which log is read.
    #[command(flatten)]
    pub log: LogArgs,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A question to a running node.
#[derive(Args, Clone, Debug, Default)]
pub struct NodeArgs {
    /// The node's admin address, instead of the one that the configuration names
    #[arg(long, value_name = "HOST:PORT")]
    pub node: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `quarantine show …`
#[derive(Args, Clone, Debug)]
pub struct QuarantineShowArgs {
    /// The event's key, or its place as `quarantine list` prints it
    #[arg(value_name = "KEY|PLACE")]
    pub event: String,

    /// Who is asked.
    #[command(flatten)]
    pub node: NodeArgs,
}

// === impl Cli ===

impl Cli {
    /// Reads the arguments of this process. Prints and ends it where they ask for help or are wrong (exit
    /// status 2).
    pub fn parse() -> Self {
        Self::try_parse_from(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// Reads these arguments, the program's name first.
    ///
    /// # Errors
    /// What clap prints: help that was asked for, or what is wrong.
    pub fn try_parse_from<T: Into<OsString> + Clone>(
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Self, clap::Error> {
        let mut clap = Arguments::command();
        let matches = clap.try_get_matches_from_mut(arguments)?;
        let Arguments { config, serve, command } = Arguments::from_arg_matches(&matches)?;
        let command = match command {
            None => Command::Serve(serve),
            Some(command) if serve == ServeArgs::default() => command,
            // Silently ignored they would mislead: `--journal x record set …` is not about x.
            Some(_) => {
                let what = "flags of `serve` stand before another command; write them behind it";
                return Err(clap.error(clap::error::ErrorKind::ArgumentConflict, what));
            }
        };
        Ok(Self { config, command })
    }
}

pub(crate) fn parse_name(text: &str) -> Result<Name, NameError> {
    Name::parse(text)
}

fn parse_type(text: &str) -> Result<RecordType, UnknownType> {
    RecordType::from_str(text)
}

fn parse_ttl(text: &str) -> Result<u32, String> {
    match rdata::parse_ttl(text) {
        Some(ttl) if ttl <= zone_model::MAX_TTL => Ok(ttl),
        _ => Err("a TTL is 0 to 2147483647 seconds, or a number with s, m, h, d or w".to_owned()),
    }
}

pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let milliseconds = text.strip_suffix("ms").and_then(|number| number.parse().ok());
    let seconds = || rdata::parse_ttl(text).map(|seconds| u64::from(seconds) * 1_000);
    let milliseconds = milliseconds.or_else(seconds).map(Duration::from_millis);
    milliseconds.ok_or_else(|| "a time is a number of seconds, or a number with ms, s, m or h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("stream-dns").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_and_its_flags_work_without_the_word() {
        let line = "--config c.toml --listen 127.0.0.1:53 --listen [::1]:53 --journal j --zone a.example --listeners 2";
        for line in [line.to_owned(), format!("serve {line}")] {
            let cli = parse(&line).unwrap();
            let Command::Serve(serve) = cli.command else { panic!("{line}") };
            assert_eq!(cli.config, Some("c.toml".into()));
            assert_eq!((serve.listen.len(), serve.listeners), (2, Some(2)));
            assert_eq!(
                (serve.journal, serve.zone[0].to_string()),
                (Some("j".into()), "a.example.".to_owned())
            );
        }
        assert!(matches!(parse("").unwrap().command, Command::Serve(serve) if serve == ServeArgs::default()));
        let error = parse("--journal x record get a").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("before another command"), "{error}");
    }

    #[test]
    fn a_record_is_named_typed_and_timed() {
        let line =
            "record set www.Example.com mx 10\u{a0}m. --ttl 1h --wait=[::1]:80 --timeout 500ms --config c";
        let cli = parse(line).unwrap();
        assert_eq!(cli.config, Some("c".into()));
        let Command::Client(ClientCommand::Record(RecordCommand::Set(set))) = cli.command else { panic!() };
        assert_eq!((set.name.to_string().as_str(), set.rtype), ("www.Example.com.", RecordType::MX));
        assert_eq!((set.ttl, set.publish.wait.as_deref()), (Some(3_600), Some("[::1]:80")));
        assert_eq!(set.publish.timeout, Duration::from_millis(500));
        let cli = parse("record delete www A --wait").unwrap();
        let Command::Client(ClientCommand::Record(RecordCommand::Delete(delete))) = cli.command else {
            panic!()
        };
        assert_eq!((delete.publish.wait.as_deref(), delete.publish.timeout.as_secs()), (Some(""), 10));
    }

    #[test]
    fn what_is_wrong_ends_with_status_2_and_a_reason() {
        let cases = [
            ("record set a..b A 192.0.2.1", "empty label"),
            ("record set a.b NONE x", "no record type"),
            ("record set a.b A", "CONTENT"),
            ("record set a.b A 192.0.2.1 --ttl soon", "a TTL is"),
            ("record delete a.b A --timeout soon", "a time is"),
            ("record get a.b --from-log --node h:1", "cannot be used with"),
            ("--listeners 0", "1..=1024"),
            ("--listen localhost", "invalid socket address"),
        ];
        for (line, want) in cases {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(want), "{line}: {error}");
        }
    }

    /// Every command has a long help with an example; the examples parse.
    #[test]
    fn the_examples_in_the_help_are_commands() {
        let mut examples = 0;
        let mut commands = vec![Arguments::command()];
        while let Some(mut command) = commands.pop() {
            let help = command.render_long_help().to_string();
            let lines: Vec<_> =
                help.lines().map(str::trim).filter(|line| line.starts_with("stream-dns ")).collect();
            assert!(!lines.is_empty(), "`{}` has no example", command.get_name());
            for line in lines.iter().filter(|line| !line.ends_with('\\')) {
                // Enough of a shell for these: quotes keep words together, `>` says where the output goes.
                let words = line.split(" > ").next().unwrap_or(line).split('\'').enumerate().flat_map(
                    |(index, part)| match index % 2 {
                        0 => part.split_whitespace().map(str::to_owned).collect(),
                        _ => vec![part.to_owned()],
                    },
                );
                let parsed = Cli::try_parse_from(words);
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                examples += 1;
            }
            commands.extend(command.get_subcommands().filter(|sub| sub.get_name() != "help").cloned());
        }
        assert!(examples > 15, "{examples}");
    }
}

//! What may stand behind `log`, and what `--help` says of it.

use crate::args::{LogArgs, parse_duration};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// `log …`
#[derive(Clone, Debug, Subcommand)]
pub enum LogCommand {
    /// Print events as they come, one line each
    ///
    /// Follows all logs that the configuration names, or the journal of --journal, from now on, until it is stopped.
    /// A line has the event's time, its log, partition and place there, its key, and what it says: the records, `[]`
    /// for the empty RRset, `null`, or why it cannot be used.
    ///
    ///   stream-dns log tail --journal journal.jsonl
    ///   stream-dns log tail --from-start --no-follow --json
    #[command(verbatim_doc_comment)]
    Tail(TailArgs),

    /// Read a whole log and say what is wrong with it
    ///
    /// RRsets that stand in several slots, events and keys that cannot be used, types that this version does not
    /// know, records outside every zone or of a zone that the log may not write, zones in several partitions of a topic
    /// that is to keep each in one (kafka.partitioning), and for each zone what `zone check` reports. Exit status 1
    /// where an RRset stands in several slots, an event cannot be used, the log may not write a zone that it speaks
    /// of, or a report is an error.
    ///
    /// With --mend it publishes what puts the first two right: each RRset as it is served now, in the slot that
    /// serves it, and nulls for its other slots; nulls for keys that cannot be used. Then it reads back: what
    /// somebody else said of such an RRset meanwhile is published again. Lines of a journal that are no events go
    /// with `log compact`.
    ///
    ///   stream-dns log check --journal journal.jsonl
    ///   stream-dns log check --mend
    #[command(verbatim_doc_comment)]
    Check(LogCheckArgs),

    /// Replace a journal by one that holds the last event of every key
    ///
    /// Needs no running node and stops none: nodes that have read the journal to its end go on behind the compacted
    /// part. The journal's lock is taken meanwhile, so `stream-dns` itself may go on writing; whoever else appends
    /// must be stopped, unless it takes the lock too (flock).
    ///
    ///   stream-dns log compact --journal journal.jsonl
    #[command(verbatim_doc_comment)]
    Compact(CompactArgs),
}

/// `log tail …`
#[derive(Args, Clone, Debug)]
pub struct TailArgs {
    /// Follow this journal file, instead of the logs that the configuration names
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    /// Begin with what is there already
    #[arg(long)]
    pub from_start: bool,

    /// End when everything that is there was printed
    #[arg(long, requires = "from_start")]
    pub no_follow: bool,

    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `log check …`
#[derive(Args, Clone, Debug)]
pub struct LogCheckArgs {
    /// Which log is read.
    #[command(flatten)]
    pub log: LogArgs,

    /// Publish what puts right RRsets in several slots, and events that cannot be used
    #[arg(long)]
    pub mend: bool,

    /// Who makes the change; stands with its events
    #[arg(long, value_name = "TEXT", default_value = "log-check")]
    pub producer: String,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `log compact …`
#[derive(Args, Clone, Debug)]
pub struct CompactArgs {
    /// The journal, instead of the one that the configuration names
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    /// How long to wait for the journal's lock: 10, 500ms, 1m
    #[arg(long, value_name = "TIME", default_value = "10", value_parser = parse_duration)]
    pub timeout: Duration,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

//! What may stand behind `zone`.

use crate::args::{LogArgs, PublishArgs, parse_name};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use zone_model::Name;

/// `zone …`
#[derive(Clone, Debug, Subcommand)]
pub enum ZoneCommand {
    /// List zones with their serials: those that a node serves, or with --from-log those of the log
    ///
    ///   stream-dns zone list --json
    ///   stream-dns zone list --from-log --journal journal.jsonl
    #[command(verbatim_doc_comment)]
    List(ListArgs),

    /// Look whether a zone file can be read, and what is odd about a zone
    ///
    /// Prints errors with file, line, column, token and what was expected, and then what is remarkable between the
    /// records: missing glue, a CNAME beside other data, and so on. Instead of a file it may be `node:` for the zone
    /// that a node serves, `log:` for what the log says, or `store:` for what a node that does not run has stored.
    /// Exit status 1 where there is an error.
    ///
    ///   stream-dns zone check example.com example.com.zone
    ///   stream-dns zone check example.com example.com.zone --keep-going --json
    ///   stream-dns zone check example.com node:127.0.0.1:5380
    #[command(verbatim_doc_comment)]
    Check(CheckArgs),

    /// Publish what a zone file says: its RRsets are those of the zone from now on
    ///
    /// Prints the difference to what the log says, and publishes it. RRsets that the file does not have stay, with
    /// --replace they are removed. Needs the log alone, no running node. A file that changes more than 10,000
    /// RRsets is published in parts, and is not served all at once.
    ///
    ///   stream-dns zone import example.com example.com.zone --dry-run
    ///   stream-dns zone import example.com example.com.zone --replace --yes --wait
    #[command(verbatim_doc_comment)]
    Import(ImportArgs),

    /// Print a zone as a zone file: as the log says, or as a node serves it
    ///
    /// One record a line, in canonical order (RFC 4034 section 6), with the serial that is served; the same zone
    /// gives the same text. Imported again it is the identical zone. Records that belong to a node alone are left
    /// out.
    ///
    ///   stream-dns zone export example.com
    ///   stream-dns zone export example.com node:127.0.0.1:5380
    ///   stream-dns zone export example.com --relative --journal journal.jsonl
    #[command(verbatim_doc_comment)]
    Export(ExportArgs),

    /// Print what differs between two of: a zone file, what a log says, what a node serves
    ///
    /// Each side is a FILE; `log:` for the log of the configuration, or `log:FILE` for a journal; `node:` for the node
    /// of the configuration, or `node:HOST:PORT`; or `store:` for the store of a node that does not run, or
    /// `store:FILE`. Lines that only A has begin with `-`, those that only B has with `+`. Exit status 1 where they
    /// differ.
    ///
    ///   stream-dns zone diff log: example.com.zone --origin example.com
    ///   stream-dns zone diff node:ns1:5380 node:ns2:5380 --origin example.com
    ///   stream-dns zone diff log:old.jsonl log:new.jsonl --origin example.com
    #[command(verbatim_doc_comment)]
    Diff(DiffArgs),

    /// Print the digests of zones: equal where two nodes, or a node and the log, hold the same
    ///
    /// One line a zone: 256 bits over the RRsets that the log gives it, its apex, and the serial that is served.
    /// With --from-log the log is read instead of a node. --zonemd computes what other servers and tools
    /// compute too, the zone's ZONEMD (RFC 8976: scheme SIMPLE, SHA-384), of one commit, and prints it as a record;
    /// FROM then says of what.
    ///
    ///   stream-dns zone digest
    ///   stream-dns zone digest example.com --from-log --journal journal.jsonl
    ///   stream-dns zone digest example.com --zonemd
    ///   stream-dns zone digest example.com example.com.zone --zonemd
    #[command(verbatim_doc_comment)]
    Digest(DigestArgs),

    /// Publish that a zone is no more
    ///
    /// Removes all its RRsets. Its last serial stays on the log, so that a zone that comes back goes on from there.
    /// Asks before it deletes; with --yes it does not.
    ///
    ///   stream-dns zone delete example.com --yes
    #[command(verbatim_doc_comment)]
    Delete(DeleteZoneArgs),
}

/// `zone list …`
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// The node's admin address, instead of the one that the configuration names
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "from_log")]
    pub node: Option<String>,

    /// Read the log from its beginning, instead of asking a node
    #[arg(long)]
    pub from_log: bool,

    /// Which log is read.
    #[command(flatten)]
    pub log: LogArgs,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Which zone, in which file.
#[derive(Args, Clone, Debug)]
pub struct FileArgs {
    /// The zone's apex, and the origin of the file's names
    #[arg(value_name = "ORIGIN", value_parser = parse_name)]
    pub origin: Name,

    /// The zone file; - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// What the file includes must lie below this directory [default: the file's own]
    #[arg(long, value_name = "DIR")]
    pub include_dir: Option<PathBuf>,
}

/// `zone check …`
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// What is looked at.
    #[command(flatten)]
    pub file: FileArgs,

    /// Go on behind an error and print all of them, up to a thousand
    #[arg(long)]
    pub keep_going: bool,

    /// Which log `log:` is.
    #[command(flatten)]
    pub log: LogArgs,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `zone import …`
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// What is imported.
    #[command(flatten)]
    pub file: FileArgs,

    /// Remove the zone's RRsets that the file does not have
    #[arg(long)]
    pub replace: bool,

    /// Print the difference and publish nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Remove RRsets without asking
    #[arg(long)]
    pub yes: bool,

    /// Also where more than 30 % of the zone's RRsets would go, or its NS or SOA
    #[arg(long)]
    pub force: bool,

    /// Leave the DNSSEC records of a signed zone out
    ///
    /// DNSKEY, RRSIG, NSEC, NSEC3, NSEC3PARAM, CDS and CDNSKEY. A signed zone is refused otherwise, for signed answers
    /// are not there yet.
    #[arg(long)]
    pub unsigned: bool,

    /// Do not print the difference, only how large it is
    #[arg(long)]
    pub quiet: bool,

    /// How it is published.
    #[command(flatten)]
    pub publish: PublishArgs,
}

/// `zone export …`
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// The zone's apex
    #[arg(value_name = "ORIGIN", value_parser = parse_name)]
    pub origin: Name,

    /// Where the zone is: `log:`, `log:FILE`, `node:`, `node:HOST:PORT`, `store:`, `store:FILE`, or a zone file
    #[arg(value_name = "FROM", default_value = "log:")]
    pub from: String,

    /// Write names below the apex relative to it
    #[arg(long)]
    pub relative: bool,

    /// Which log `log:` is.
    #[command(flatten)]
    pub log: LogArgs,

    /// Print JSON
    #[arg(long, conflicts_with = "relative")]
    pub json: bool,
}

/// `zone digest …`
#[derive(Args, Clone, Debug)]
pub struct DigestArgs {
    /// The zone's apex [default: all zones]
    #[arg(value_name = "ORIGIN", value_parser = parse_name, required_if_eq("zonemd", "true"))]
    pub origin: Option<Name>,

    /// With --zonemd: `node:`, `node:HOST:PORT`, `log:`, `log:FILE`, `store:`, `store:FILE`, or a zone file
    #[arg(value_name = "FROM", requires = "zonemd", default_value = "node:")]
    pub from: String,

    /// Compute the ZONEMD of the zone
    #[arg(long)]
    pub zonemd: bool,

    /// The node's admin address, instead of the one that the configuration names
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["from_log", "zonemd"])]
    pub node: Option<String>,

    /// Read the log from its beginning, instead of asking a node
    #[arg(long, conflicts_with = "zonemd")]
    pub from_log: bool,

    /// Which log is read.
    #[command(flatten)]
    pub log: LogArgs,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `zone diff …`
#[derive(Args, Clone, Debug)]
pub struct DiffArgs {
    /// A zone file, `log:`, `log:FILE`, `node:`, `node:HOST:PORT`, `store:` or `store:FILE`
    #[arg(value_name = "A")]
    pub left: String,

    /// What it is compared with
    #[arg(value_name = "B")]
    pub right: String,

    /// The zone's apex [default: the owner of the SOA of a file whose names are absolute]
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub origin: Option<Name>,

    /// Which log `log:` is.
    #[command(flatten)]
    pub log: LogArgs,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `zone delete …`
#[derive(Args, Clone, Debug)]
pub struct DeleteZoneArgs {
    /// The zone's apex
    #[arg(value_name = "ORIGIN", value_parser = parse_name)]
    pub origin: Name,

    /// Delete without asking
    #[arg(long)]
    pub yes: bool,

    /// How it is published.
    #[command(flatten)]
    pub publish: PublishArgs,
}

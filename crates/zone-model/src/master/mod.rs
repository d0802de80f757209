//! Master files: zones as text (RFC 1035 section 5, RFC 2308 section 4).
//!
//! # What is read
//! Records and the directives `$ORIGIN`, `$TTL`, `$INCLUDE` and BIND's `$GENERATE`; parentheses, comments,
//! quoted and unquoted texts; a record without an owner has that of the record before it; TTL and class stand
//! in either order or are missing; `@` is the origin; BIND's TTL units; line ends with or without `\r`, the last
//! one may be missing. Every type of [`rdata`](crate::rdata), and every other as RFC 3597 says. Octets that are
//! no UTF-8 are read as if they were written `\DDD`.
//!
//! A record without a TTL has that of `$TTL`, else of the record before it; a first SOA its own minimum, as in
//! BIND. Where none of these is there the RRset has no TTL, as an event may have none.
//!
//! # What is not
//! Classes other than IN. A quoted text that goes on in the next line: mostly somebody forgot a quote, and
//! what follows would be misread without a word.
//!
//! # How
//! ```text
//! octets ─▶ Tokens ─▶ owner, TTL, class, type ─▶ RDATA by the one table ─▶ the sink, record by record
//! ```
//! [`read`] hands each record to a closure and keeps nothing, [`read_zone`] makes a [`Zone`] of them. Nothing
//! is opened here: who calls brings what an `$INCLUDE` names.
//!
//! ```
//! use zone_model::{Name, RecordType, master};
//!
//! let text = "$TTL 1h\n@ SOA ns host 1 2h 1h 2w 5m\n  NS ns\nns A 192.0.2.1 ; the server\n";
//! let settings = master::Settings::new("example.com.".parse()?);
//! let read = master::read_zone("example.zone", text.as_bytes(), &settings, &mut master::no_includes)
//!     .map_err(|errors| errors[0].clone())?;
//! assert_eq!(read.zone.len(), 3);
//! let printed = master::print(&read.zone, &master::PrintSettings::default());
//! assert!(printed.ends_with("ns.example.com. 3600 IN A 192.0.2.1\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod generate;
mod parser;
mod print;
mod record;
#[cfg(test)]
mod tests;

pub use error::{MasterError, Problem};
pub use parser::{Include, Record, no_includes, read};
pub use print::{PrintSettings, print, print_head, print_rrset, write};

use crate::name::Name;
use crate::validate::Report;
use crate::zone::{Zone, ZoneBuilder};

/// What a master file is read with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The zone's apex, and the origin until `$ORIGIN` says otherwise.
    pub origin: Name,
    /// Seconds for records before which neither `$TTL` nor a TTL stood; `None` leaves them without.
    pub default_ttl: Option<u32>,
    /// Whether to go on behind an error, to find the others too.
    pub keep_going: bool,
    /// The most errors that are collected.
    pub most_errors: usize,
    /// The most records that all `$GENERATE` of a file make together.
    pub most_generated: u64,
    /// The most files that all `$INCLUDE` bring in.
    pub most_includes: usize,
}

/// A zone as it was read, and what was remarkable on the way.
#[derive(Clone, Debug)]
pub struct ReadZone {
    /// The zone.
    pub zone: Zone,
    /// What only the file showed: TTLs that differ within an RRset, records that stand there twice.
    pub reports: Vec<Report>,
    /// How many records stood there.
    pub records: usize,
}

/// How deep files may include each other.
pub const MOST_DEPTH: usize = 10;

// === impl Settings ===

impl Settings {
    /// The settings for a zone: the first error ends, a million generated records, a thousand files.
    pub fn new(origin: Name) -> Self {
        Self {
            origin,
            default_ttl: None,
            keep_going: false,
            most_errors: 1_000,
            most_generated: 1_000_000,
            most_includes: 1_000,
        }
    }
}

/// Reads a whole zone. `name` is what errors call the file.
///
/// # Errors
/// The first [`MasterError`], or with [`Settings::keep_going`] all of them, in the order of the files.
pub fn read_zone(
    name: &str,
    octets: &[u8],
    settings: &Settings,
    include: &mut Include<'_>,
) -> Result<ReadZone, Vec<MasterError>> {
    let mut builder = ZoneBuilder::new(settings.origin.clone());
    let mut records = 0;
    let read = read(name, octets, settings, include, &mut |record| {
        records += 1;
        builder.push(record.owner, record.rtype, record.ttl, record.rdata, record.file, record.line);
    });
    let mut errors = read.err().unwrap_or_default();
    if !errors.is_empty() && !settings.keep_going {
        return Err(errors);
    }
    match builder.finish() {
        Ok((zone, reports)) if errors.is_empty() => Ok(ReadZone { zone, reports, records }),
        Ok(_) => Err(errors),
        Err(refused) => {
            errors.extend(refused.into_iter().map(MasterError::from));
            errors.truncate(if settings.keep_going { settings.most_errors } else { 1 });
            Err(errors)
        }
    }
}

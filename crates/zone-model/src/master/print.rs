//! A zone as a master file.

use crate::name::Name;
use crate::rdata::{self, NameStyle};
use crate::zone::{Zone, ZoneRrSet};
use std::io;

/// The comment that marks a record of an RRset without a TTL: [`read`](super::read) leaves it without, every
/// other reader takes the TTL that stands there.
pub(super) const NO_TTL: &str = "; no TTL set";

const ABSOLUTE: NameStyle<'_> = NameStyle { origin: None, cautious: true };

/// How a zone is printed.
#[derive(Clone, Copy, Debug)]
pub struct PrintSettings {
    /// Names below the apex are written relative to it, behind an `$ORIGIN`.
    pub relative: bool,
    /// Seconds that stand with records that have no TTL.
    pub default_ttl: u32,
}

impl Default for PrintSettings {
    fn default() -> Self {
        Self { relative: false, default_ttl: 300 }
    }
}

/// Prints a zone as a master file: the SOA first, then owners in the order of RFC 4034 section 6.1, at each the
/// types by number, the records in the order of section 6.3; one record a line, each with owner, TTL, class and
/// type. Two zones that are alike give the same octets.
pub fn print(zone: &Zone, settings: &PrintSettings) -> String {
    let mut out = Vec::with_capacity(64 * zone.record_count());
    // Into memory.
    let _ = write(&mut out, zone, settings);
    // Everything but printable ASCII was escaped.
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes what [`print`](print()) returns.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn io::Write, zone: &Zone, settings: &PrintSettings) -> io::Result<()> {
    let names = NameStyle { origin: settings.relative.then(|| zone.apex()), cautious: true };
    let mut line = String::with_capacity(256);
    if let Some(origin) = names.origin {
        writeln!(out, "$ORIGIN {}", print_name(origin, ABSOLUTE))?;
    }
    let is_soa = |set: &&ZoneRrSet| set.rtype == crate::RecordType::SOA && set.owner == *zone.apex();
    let soa = zone.rrsets().iter().filter(is_soa);
    for set in soa.chain(zone.rrsets().iter().filter(|set| !is_soa(set))) {
        let owner = print_name(&set.owner, names);
        for octets in set.rrset.rdatas() {
            line.clear();
            push_record(&mut line, set, &owner, octets, names, settings.default_ttl);
            line.push('\n');
            out.write_all(line.as_bytes())?;
        }
    }
    Ok(())
}

/// A comment that stands before a zone's records: which zone it is, its serial, how many RRsets follow.
pub fn print_head(apex: &Name, serial: u32, rrsets: u64) -> String {
    format!("; zone {} serial {serial} rrsets {rrsets}\n", print_name(apex, ABSOLUTE))
}

/// The lines of one RRset, with absolute names, as [`print`](print()) has them and without line ends.
pub fn print_rrset(set: &ZoneRrSet, default_ttl: u32) -> Vec<String> {
    let owner = print_name(&set.owner, ABSOLUTE);
    let line = |octets: &[u8]| {
        let mut line = String::with_capacity(128);
        push_record(&mut line, set, &owner, octets, ABSOLUTE, default_ttl);
        line
    };
    set.rrset.rdatas().iter().map(|octets| line(octets)).collect()
}

fn push_record(
    line: &mut String,
    set: &ZoneRrSet,
    owner: &str,
    octets: &[u8],
    names: NameStyle<'_>,
    default_ttl: u32,
) {
    use std::fmt::Write;
    let ttl = set.rrset.ttl.unwrap_or(default_ttl);
    // Into memory.
    let _ = write!(line, "{owner} {ttl} IN {} ", set.rtype);
    rdata::append_text(set.rtype, octets, names, line);
    if set.rrset.ttl.is_none() {
        line.push(' ');
        line.push_str(NO_TTL);
    }
}

fn print_name(name: &Name, names: NameStyle<'_>) -> String {
    let mut text = String::new();
    names.push(name, &mut text);
    text
}

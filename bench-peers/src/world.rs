//! The zones that all servers are given, from numbers alone: a zone of any size, or many small zones.

use crate::random::label;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// What is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// One zone with this many names: an A each, but every tenth a CNAME; half of them an AAAA, a tenth an MX,
    /// a tenth a TXT; and a hundredth as many wildcards.
    Zone(u64),
    /// One zone with this many names with one A each and nothing more.
    Plain(u64),
    /// This many zones of ten RRsets.
    Zones(u64),
}

/// The apex of [`World::Zone`] and [`World::Plain`].
pub const APEX: &str = "bench.example.";
const SOA: &str = "ns1.bench.example. hostmaster.bench.example. 1 7200 3600 1209600 300";
/// The time of every event, in milliseconds since 1970.
const TIMESTAMP: u64 = 1_700_000_000_000;

// === impl World ===

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zone(names) => write!(f, "names-{names}"),
            Self::Plain(names) => write!(f, "plain-{names}"),
            Self::Zones(zones) => write!(f, "zones-{zones}"),
        }
    }
}

impl World {
    /// A name of the one zone.
    pub fn owner(number: u64) -> String {
        format!("{}.{APEX}", label(number))
    }

    /// The apex of one of the many zones.
    pub fn apex(number: u64) -> String {
        format!("{}.test.", label(number))
    }

    /// How many names of the one zone have a wildcard below them.
    pub fn wildcards(names: u64) -> u64 {
        (names / 100).max(1)
    }

    /// How many zones there are.
    pub fn zones(self) -> u64 {
        match self {
            Self::Zone(_) | Self::Plain(_) => 1,
            Self::Zones(zones) => zones,
        }
    }

    /// The apex of a zone, by its number.
    pub fn apex_of(self, zone: u64) -> String {
        match self {
            Self::Zone(_) | Self::Plain(_) => APEX.to_owned(),
            Self::Zones(_) => Self::apex(zone),
        }
    }

    /// Hands out the RRsets of a zone: owner, type, contents.
    pub fn each_rrset<E>(
        self,
        zone: u64,
        mut take: impl FnMut(&str, &str, &[&str]) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Zone(names) => large(names, true, &mut take),
            Self::Plain(names) => large(names, false, &mut take),
            Self::Zones(_) => small(&Self::apex(zone), &mut take),
        }
    }

    /// Writes a zone file for each zone into this folder; gives each apex and its file.
    pub fn write_zone_files(self, folder: &Path) -> io::Result<Vec<(String, String)>> {
        fs::create_dir_all(folder)?;
        let mut written = Vec::new();
        for zone in 0..self.zones() {
            let apex = self.apex_of(zone);
            let path = folder.join(format!("{apex}zone"));
            let mut file = BufWriter::new(File::create(&path)?);
            self.each_rrset(zone, |owner, kind, contents| {
                contents.iter().try_for_each(|content| writeln!(file, "{owner} 300 IN {kind} {content}"))
            })?;
            file.flush()?;
            written.push((apex, path.to_string_lossy().into_owned()));
        }
        Ok(written)
    }

    /// Writes a journal that leads to the same zones.
    pub fn write_journal(self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        for zone in 0..self.zones() {
            self.each_rrset(zone, |owner, kind, contents| {
                writeln!(file, "{}", event(owner, kind, contents, TIMESTAMP))
            })?;
        }
        file.flush()
    }
}

/// One line of a journal.
pub fn event(owner: &str, kind: &str, contents: &[&str], timestamp: u64) -> String {
    format!(r#"{{"key":"{owner}|{kind}","value":{},"timestamp":{timestamp}}}"#, value(owner, kind, contents))
}

/// The value of an event.
pub fn value(owner: &str, kind: &str, contents: &[&str]) -> String {
    let record = |content: &&str| {
        let content = content.replace('"', "\\\"");
        format!(r#"{{"name":"{owner}","type":"{kind}","content":"{content}","ttl":300}}"#)
    };
    format!("[{}]", contents.iter().map(record).collect::<Vec<_>>().join(","))
}

fn large<E>(
    names: u64,
    mixed: bool,
    take: &mut impl FnMut(&str, &str, &[&str]) -> Result<(), E>,
) -> Result<(), E> {
    let name_server = format!("ns1.{APEX}");
    take(APEX, "SOA", &[SOA])?;
    take(APEX, "NS", &[&name_server])?;
    take(&name_server, "A", &["192.0.2.53"])?;
    for number in 0..names {
        let owner = World::owner(number);
        if mixed && number % 10 == 9 {
            take(&owner, "CNAME", &[&World::owner(number - 9)])?;
            continue;
        }
        take(&owner, "A", &[&address(number)])?;
        if mixed && number % 2 == 0 {
            take(&owner, "AAAA", &[&format!("2001:db8::{:x}:{:x}", number >> 16, number & 0xffff)])?;
        }
        if mixed && number % 10 == 1 {
            take(&owner, "MX", &[&format!("10 {}", World::owner(number - 1))])?;
        }
        if mixed && number % 10 == 2 {
            take(&owner, "TXT", &[&format!("\"v=spf1 ip4:{} -all\"", address(number))])?;
        }
    }
    for number in 0..if mixed { World::wildcards(names) } else { 0 } {
        take(&format!("*.wild.{}", World::owner(number * 100)), "A", &[&address(number)])?;
    }
    Ok(())
}

fn small<E>(apex: &str, take: &mut impl FnMut(&str, &str, &[&str]) -> Result<(), E>) -> Result<(), E> {
    let below = |prefix: &str| format!("{prefix}.{apex}");
    take(apex, "SOA", &[SOA])?;
    take(apex, "NS", &[&below("ns1")])?;
    take(apex, "MX", &[&format!("10 {}", below("mail"))])?;
    take(apex, "TXT", &["\"v=spf1 mx -all\""])?;
    take(&below("ns1"), "A", &["192.0.2.53"])?;
    take(&below("mail"), "A", &["192.0.2.25"])?;
    take(&below("www"), "A", &["192.0.2.80"])?;
    take(&below("www"), "AAAA", &["2001:db8::80"])?;
    take(&below("ftp"), "CNAME", &[&below("www")])?;
    take(&below("*.wild"), "A", &["192.0.2.81"])
}

/// An address for a name.
pub fn address(number: u64) -> String {
    let [_, high, middle, low] = (number as u32).to_be_bytes();
    format!("10.{high}.{middle}.{low}")
}

#[cfg(test)]
mod tests {
    use super::World;
    use std::convert::Infallible;

    fn count(world: World) -> usize {
        let mut rrsets = 0;
        for zone in 0..world.zones() {
            let counted: Result<(), Infallible> = world.each_rrset(zone, |_, _, _| {
                rrsets += 1;
                Ok(())
            });
            counted.unwrap_or_else(|never| match never {});
        }
        rrsets
    }

    #[test]
    fn worlds_have_the_size_that_they_say() {
        assert_eq!(count(World::Plain(1000)), 1003);
        assert_eq!(count(World::Zones(7)), 70);
        // A or CNAME each, half an AAAA, a tenth an MX, a tenth a TXT, a hundredth a wildcard.
        assert_eq!(count(World::Zone(1000)), 3 + 1000 + 500 + 100 + 100 + 10);
    }

    #[test]
    fn files_and_journal_hold_the_same_rrsets() {
        let folder = tempfile::tempdir().expect("a folder");
        let world = World::Zones(3);
        let files = world.write_zone_files(folder.path()).expect("zone files");
        let journal = folder.path().join("journal");
        world.write_journal(&journal).expect("a journal");
        let lines = |path: &std::path::Path| std::fs::read_to_string(path).expect("a file").lines().count();
        assert_eq!(files.len(), 3);
        assert_eq!(files.iter().map(|(_, path)| lines(path.as_ref())).sum::<usize>(), 30);
        assert_eq!(lines(&journal), 30);
    }
}

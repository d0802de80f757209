//! One zone file, read by four implementations that share no code: BIND's `named-compilezone`, `ldns-read-zone`,
//! Knot's `kzonecheck` and `knotd` (by `kdig`), and this project's reader. The file has every type at least
//! seventy times, hostile escapes, and every way to write a line. What each made of it is compared octet for
//! octet; a difference is explained, in `explained.rs` and in `docs/zone-files.md`, or fails.

mod explained;
mod generate;
mod tools;

use anyhow::{Context, Result, bail, ensure};
use explained::{Tool, explanation};
use generate::{Generated, Line};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use stream_dns_tests::real_parts;
use zone_model::master::{PrintSettings, Settings, no_includes, print, read_zone};
use zone_model::{RecordType, rdata};

/// What a tool made of a record: TTL and RDATA on the wire.
pub(crate) type Wire = (u32, Vec<u8>);

/// By the number in the record's owner, and the type.
pub(crate) type Records = BTreeMap<(usize, u16), Vec<(Vec<u8>, Wire)>>;

/// What came of reading a file.
pub(crate) struct Reading {
    /// What was read.
    pub(crate) records: Records,
    /// Numbers of records that were refused, and the words for it.
    pub(crate) refused: BTreeMap<usize, String>,
}

#[test]
fn four_readers_make_the_same_of_a_zone_file() -> Result<()> {
    if !real_parts("zonefiles: the same records as BIND, ldns and Knot") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let zone = Generated::new(
        std::env::var("STREAM_DNS_ZONEFILES_SEED").map_or(1, |seed| seed.parse().unwrap_or(1)),
    );
    let ours = ours(&zone)?;
    ensure!(ours.refused.is_empty(), "refused by us: {:?}", ours.refused);
    let mut unexplained = String::new();
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    for tool in [Tool::Bind, Tool::Ldns, Tool::Knot] {
        // What a tool has no word for it gets in the form of RFC 3597.
        let theirs = tools::read(tool, &zone, &ours, folder.path())?;
        let mut same = 0;
        for line in &zone.lines {
            match compare(tool, line, &ours, &theirs)? {
                Compared::Same => same += 1,
                Compared::Explained(why) => *used.entry(why).or_default() += 1,
                Compared::Unexplained(difference) => {
                    writeln!(unexplained, "{tool:?}: {}\n    {difference}", line.text)?
                }
            }
        }
        println!("{tool:?}: {same} of {} records are the same", zone.lines.len());
        ensure!(same * 4 > zone.lines.len() * 3, "{tool:?} agrees on {same} records alone");
    }
    used.iter().for_each(|(why, count)| println!("{count:>5} {why}"));
    if !unexplained.is_empty() {
        let count = unexplained.lines().count() / 2;
        bail!("{count} differences that nobody explains:\n{unexplained}");
    }
    Ok(())
}

/// No type of the table is left out, nor one of those that have no text form of their own; a zone has one SOA.
#[test]
fn every_type_is_there_seventy_times() -> Result<()> {
    let zone = Generated::new(1);
    let mut counts: BTreeMap<RecordType, usize> = BTreeMap::new();
    zone.lines.iter().for_each(|line| *counts.entry(line.rtype).or_default() += 1);
    let others = [RecordType::NULL, RecordType(731), RecordType(65_400)];
    for rtype in rdata::described_types().chain(others).filter(|rtype| *rtype != RecordType::SOA) {
        let count = counts.get(&rtype).copied().unwrap_or_default();
        ensure!(count >= 70, "{rtype}: {count}");
    }
    ensure!(zone.lines.len() >= 5_000, "{} records", zone.lines.len());
    Ok(())
}

/// What is exported is read by all as what it was.
#[test]
fn what_is_exported_others_read_the_same() -> Result<()> {
    if !real_parts("zonefiles: exports are read by BIND, ldns and Knot") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let zone = Generated::new(2);
    let read = read_zone("generated", zone.text().as_bytes(), &settings()?, &mut no_includes);
    let read = read.map_err(|errors| anyhow::anyhow!("{}", errors[0]))?;
    let ours = ours(&zone)?;
    for relative in [false, true] {
        let text = print(&read.zone, &PrintSettings { relative, ..PrintSettings::default() });
        for tool in [Tool::Bind, Tool::Ldns, Tool::Knot] {
            let exported = zone.exported(&text, |rtype| explained::has_word(tool, rtype))?;
            let theirs = tools::read(tool, &exported, &ours, folder.path())?;
            let mut unexplained = String::new();
            for line in &exported.lines {
                if let Compared::Unexplained(difference) = compare(tool, line, &ours, &theirs)? {
                    writeln!(unexplained, "{tool:?}: {}\n    {difference}", line.text)?;
                }
            }
            ensure!(unexplained.is_empty(), "relative {relative}:\n{unexplained}");
        }
    }
    Ok(())
}

/// BIND alone knows `$GENERATE`.
#[test]
fn bind_generates_the_same() -> Result<()> {
    if !real_parts("zonefiles: $GENERATE as in BIND") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let text = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n\
        $GENERATE 1-20 r$.plain A 192.0.2.$\n$GENERATE 2-40/3 r$.step 300 IN CNAME r${1}.plain\n\
        $GENERATE 5-9 r$.quoted IN MX \"${-5,2} mail${0,4,x}.$\"\n$GENERATE 10-12 r$.hex TXT ${0,3,o}.${0,3,X}.${240,0,d}\n\
        $GENERATE 250-260 r$.nibble PTR ${0,7,n}.${0,4,N}ip6.arpa.\n$GENERATE 1-3 r$.literal TXT a\\$b$\n";
    fs_write(folder.path(), "zone", text)?;
    let theirs = tools::bind(folder.path(), "zone")?;
    let read = read_zone("zone", text.as_bytes(), &settings()?, &mut no_includes);
    let read = read.map_err(|errors| anyhow::anyhow!("{}", errors[0]))?;
    let mut ours: Vec<_> = read
        .zone
        .rrsets()
        .iter()
        .flat_map(|set| set.rrset.rdatas().iter().map(move |rdata| (set, rdata)))
        .map(|(set, rdata)| {
            (set.owner.as_wire().to_vec(), set.rtype.0, set.rrset.ttl.unwrap_or(0), rdata.to_vec())
        })
        .collect();
    let mut theirs = theirs.records;
    ours.sort();
    theirs.sort();
    ensure!(ours == theirs, "ours {ours:02x?}\n\nBIND's {theirs:02x?}");
    ensure!(ours.len() > 50, "{} records", ours.len());
    Ok(())
}

enum Compared {
    Same,
    Explained(&'static str),
    Unexplained(String),
}

fn compare(tool: Tool, line: &Line, ours: &Reading, theirs: &Reading) -> Result<Compared> {
    let key = (line.number, line.rtype.0);
    let own = ours.records.get(&key).with_context(|| format!("{} was not read", line.text))?;
    let other = theirs.records.get(&key).map(Vec::as_slice).unwrap_or_default();
    let refused = theirs.refused.get(&line.number).map(String::as_str);
    if refused.is_none() && other == own {
        return Ok(Compared::Same);
    }
    if let Some(why) = explanation(tool, line, refused, own, other) {
        return Ok(Compared::Explained(why));
    }
    Ok(Compared::Unexplained(match refused {
        Some(words) => format!("refused: {words}"),
        None => format!("read as {}, here {}", shown(line, other), shown(line, own)),
    }))
}

fn settings() -> Result<Settings> {
    Ok(Settings { keep_going: true, most_errors: usize::MAX, ..Settings::new(generate::APEX.parse()?) })
}

fn fs_write(folder: &std::path::Path, name: &str, text: &str) -> Result<()> {
    std::fs::write(folder.join(name), text).with_context(|| format!("{name} cannot be written"))
}

fn ours(zone: &Generated) -> Result<Reading> {
    let (mut records, mut refused) = (Records::new(), BTreeMap::new());
    let text = zone.text();
    let read = zone_model::master::read(
        "generated",
        text.as_bytes(),
        &settings()?,
        &mut no_includes,
        &mut |record| {
            if let Some(number) = generate::number_of(record.owner.as_wire()) {
                let wire = (record.ttl.unwrap_or(u32::MAX), record.rdata.to_vec());
                let key = (number, record.rtype.0);
                records.entry(key).or_default().push((record.owner.as_wire().to_vec(), wire));
            }
        },
    );
    for error in read.err().unwrap_or_default() {
        let number = zone.number_at(error.line).context("an error outside of the records")?;
        refused.insert(number, error.to_string());
    }
    Ok(Reading { records, refused })
}

fn shown(line: &Line, records: &[(Vec<u8>, Wire)]) -> String {
    let one = |(owner, (ttl, octets)): &(Vec<u8>, Wire)| {
        let text = rdata::print_text(line.rtype, octets);
        let generic = octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        let owner = zone_model::Name::from_wire(owner)
            .map_or_else(|_| format!("{owner:02x?}"), |name| name.to_string());
        format!("{owner} {ttl} {text} [{generic}]")
    };
    records.iter().map(one).collect::<Vec<_>>().join(" + ")
}

/// The generic form of a record for a tool that does not know its type.
pub(crate) fn generic(rtype: RecordType, octets: &[u8]) -> String {
    let hex: String = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    format!("TYPE{} \\# {} {hex}", rtype.0, octets.len())
}

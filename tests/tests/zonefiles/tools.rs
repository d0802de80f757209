//! The other readers, and what they print of what they read.

use super::explained::{Tool, has_word};
use super::generate::{APEX, Generated, number_of};
use super::{Reading, Records, fs_write};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use stream_dns_tests::{eventually, free_port};
use zone_model::Name;

/// Owner, type, TTL, RDATA.
type Record = (Vec<u8>, u16, u32, Vec<u8>);

/// What a tool printed.
pub(crate) struct Ran {
    pub(crate) records: Vec<Record>,
    /// Lines that it complains about, and its words.
    complaints: Vec<(usize, String)>,
}

/// Reads the file with a tool, again and again without the records that it refuses.
pub(crate) fn read(tool: Tool, zone: &Generated, ours: &Reading, folder: &Path) -> Result<Reading> {
    let mut refused: BTreeMap<usize, String> = BTreeMap::new();
    loop {
        let left = zone.with(|line| {
            if refused.contains_key(&line.number) {
                return None;
            }
            let octets = ours.records.get(&(line.number, line.rtype.0)).and_then(|all| all.first());
            match octets {
                Some((_, (_, octets))) if !has_word(tool, line.rtype) => Some(line.generic(octets)),
                // ldns wants the TTL before the class, which RFC 1035 section 5.1 leaves open.
                _ if tool == Tool::Ldns => Some(line.ttl_first()),
                _ => Some(line.text.clone()),
            }
        });
        fs_write(folder, "zone", &left.text())?;
        let ran = match tool {
            Tool::Bind => bind(folder, "zone")?,
            Tool::Ldns => ldns(folder, "zone")?,
            Tool::Knot => knot(folder, "zone")?,
        };
        if ran.complaints.is_empty() {
            return Ok(Reading { records: records(ran.records), refused });
        }
        let before = refused.len();
        for (line, words) in ran.complaints {
            // What is said of the file's end follows from an error before it.
            let Some(number) = left.number_at(line) else { continue };
            refused.entry(number).or_insert(words);
        }
        ensure!(refused.len() > before, "{tool:?} refuses the file, and no record of it");
        ensure!(
            refused.len() < zone.lines.len() * 9 / 10,
            "{tool:?} refuses {} records: {refused:?}",
            refused.len()
        );
    }
}

fn records(all: Vec<Record>) -> Records {
    let mut records = Records::new();
    for (mut owner, rtype, ttl, rdata) in all {
        owner.make_ascii_lowercase();
        if let Some(number) = number_of(&owner) {
            records.entry((number, rtype)).or_default().push((owner, (ttl, rdata)));
        }
    }
    records
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<Output> {
    // Debian keeps some of them where not everybody's PATH goes.
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.env("PATH", format!("{path}:/usr/sbin")).current_dir(folder).args(arguments).stdin(Stdio::null());
    command.output().with_context(|| format!("{program} does not start"))
}

/// `zone:LINE: words` in what a tool printed.
fn complaints(text: &str, before: &str, after: &str) -> Vec<(usize, String)> {
    text.lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once(before)?;
            let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            let number = rest[..end].parse().ok()?;
            rest[end..].starts_with(after).then(|| (number, line.to_owned()))
        })
        .collect()
}

// === BIND ===

/// What `named-compilezone` makes of a file, from its raw format.
pub(crate) fn bind(folder: &Path, file: &str) -> Result<Ran> {
    let mut arguments = vec!["-i", "none", "-F", "raw", "-o", "raw"];
    for check in ["-k", "-m", "-n", "-M", "-S", "-r", "-W"] {
        arguments.extend([check, "ignore"]);
    }
    arguments.extend([APEX, file]);
    let output = run(folder, "named-compilezone", &arguments)?;
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let mut complaints = complaints(&text, &format!("{file}:"), ":");
        let remarks = ["signature has expired", "old style DNSSEC", "signature is not yet valid"];
        complaints.retain(|(_, words)| !remarks.iter().any(|remark| words.contains(remark)));
        ensure!(!complaints.is_empty(), "named-compilezone: {text}");
        return Ok(Ran { records: Vec::new(), complaints });
    }
    let raw = fs::read(folder.join("raw"))?;
    Ok(Ran { records: raw_records(&raw).context("the raw format ends early")?, complaints: Vec::new() })
}

/// BIND's raw format, version 1: a header of six numbers, then RRset by RRset its length, class, type, type covered,
/// TTL, how many records, the owner, and the RDATA, the last two each with its length in front.
fn raw_records(mut raw: &[u8]) -> Option<Vec<Record>> {
    fn take<'a>(raw: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = raw.split_at_checked(count)?;
        *raw = rest;
        Some(taken)
    }
    fn number(raw: &mut &[u8], octets: usize) -> Option<usize> {
        Some(take(raw, octets)?.iter().fold(0, |value, octet| value << 8 | usize::from(*octet)))
    }
    take(&mut raw, 24)?;
    let mut records = Vec::new();
    while !raw.is_empty() {
        number(&mut raw, 4)?;
        let (_class, rtype, _covers) = (number(&mut raw, 2)?, number(&mut raw, 2)?, number(&mut raw, 2)?);
        let (ttl, count, length) = (number(&mut raw, 4)?, number(&mut raw, 4)?, number(&mut raw, 2)?);
        let owner = take(&mut raw, length)?.to_vec();
        for _ in 0..count {
            let length = number(&mut raw, 2)?;
            let rdata = take(&mut raw, length)?.to_vec();
            records.push((owner.clone(), rtype as u16, ttl as u32, rdata));
        }
    }
    Some(records)
}

// === ldns ===

/// What `ldns-read-zone` makes of a file: it prints all types but one in the generic form.
fn ldns(folder: &Path, file: &str) -> Result<Ran> {
    let output = run(folder, "ldns-read-zone", &["-U", "NULL", file])?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        // The line on which the record ends.
        let complaints = complaints(&stderr, "at line ", "");
        ensure!(!complaints.is_empty(), "ldns-read-zone: {stderr}");
        return Ok(Ran { records: Vec::new(), complaints });
    }
    Ok(Ran { records: generic_records(&String::from_utf8_lossy(&output.stdout))?, complaints: Vec::new() })
}

/// Lines `owner ttl class TYPEnnn \# length hex`.
fn generic_records(text: &str) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(';')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [owner, ttl, _class, rtype, "\\#", length, hex @ ..] = &words[..] else {
            bail!("`{line}` is not generic")
        };
        let hex = hex.concat();
        let octets: Option<Vec<u8>> =
            (0..hex.len() / 2).map(|at| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()).collect();
        let octets =
            octets.filter(|octets| Some(octets.len()) == length.parse().ok()).context("hexadecimal")?;
        let rtype: zone_model::RecordType = rtype.parse()?;
        records.push((Name::parse(owner)?.as_wire().to_vec(), rtype.0, ttl.parse()?, octets));
    }
    Ok(records)
}

// === Knot ===

/// A `knotd` that is killed when it is dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What Knot makes of a file: `kzonecheck` says what it refuses, `knotd` hands the zone out to `kdig`.
fn knot(folder: &Path, file: &str) -> Result<Ran> {
    let output = run(folder, "kzonecheck", &["-v", "-o", APEX, file])?;
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let mut complaints = complaints(&text, &format!("file '{file}', line "), " ");
    // What it stops at, for lost parentheses, follows from an error before.
    if complaints.iter().any(|(_, words)| !words.contains("fatal error")) {
        complaints.retain(|(_, words)| !words.contains("fatal error"));
    }
    if !complaints.is_empty() {
        return Ok(Ran { records: Vec::new(), complaints });
    }
    let port = free_port()?;
    let path = folder.display();
    let config = format!(
        "server:\n  rundir: \"{path}\"\n  listen: 127.0.0.1@{port}\n  tcp-max-clients: 10\nlog:\n  - target: stderr\n    \
         any: warning\ndatabase:\n  storage: \"{path}\"\nacl:\n  - id: all\n    action: transfer\nzone:\n  - domain: \
         {APEX}\n    storage: \"{path}\"\n    file: {file}\n    acl: all\n    zonefile-sync: -1\n    journal-content: none\n    \
         semantic-checks: off\n"
    );
    fs_write(folder, "knot.conf", &config)?;
    let search = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("knotd");
    command.env("PATH", format!("{search}:/usr/sbin")).args(["-c", "knot.conf"]).current_dir(folder);
    let log = fs::File::create(folder.join("knot.log"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let _daemon = Daemon(command.spawn().context("knotd does not start")?);
    eventually("knotd listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    let port = port.to_string();
    let text = eventually("knotd hands the zone out", || {
        let output =
            run(folder, "kdig", &["@127.0.0.1", "-p", &port, APEX, "AXFR", "+generic", "+noidn"]).ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.contains("TYPE6").then_some(text)
    });
    Ok(Ran { records: generic_records(&text)?, complaints: Vec::new() })
}

//! What was measured, part by part, and the page that holds all of it.

use crate::parts::PARTS;
use crate::table::Table;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a part found.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// Text and tables, in Markdown.
    pub body: String,
    /// What was to be reached, and whether it was.
    pub targets: Vec<Target>,
}

/// A figure and its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    what: String,
    limit: String,
    measured: String,
    met: bool,
}

/// The machine, as the page names it.
#[derive(Clone, Debug)]
pub struct Machine {
    lines: Vec<String>,
}

// === impl Target ===

impl Target {
    /// At most this, in this unit.
    pub fn at_most(what: impl Into<String>, limit: f64, measured: f64, unit: &str) -> Self {
        let met = measured <= limit;
        Self {
            what: what.into(),
            limit: format!("≤ {}", figure(limit, unit)),
            measured: figure(measured, unit),
            met,
        }
    }

    /// At least this, in this unit.
    pub fn at_least(what: impl Into<String>, limit: f64, measured: f64, unit: &str) -> Self {
        let met = measured >= limit;
        Self {
            what: what.into(),
            limit: format!("≥ {}", figure(limit, unit)),
            measured: figure(measured, unit),
            met,
        }
    }

    /// Whether it was reached.
    pub fn is_met(&self) -> bool {
        self.met
    }

    fn cells(&self) -> [String; 4] {
        let met = if self.met { "met" } else { "**missed**" };
        [self.what.clone(), self.limit.clone(), self.measured.clone(), met.to_owned()]
    }
}

/// A number with as many places as it needs, and its unit.
fn figure(value: f64, unit: &str) -> String {
    let text = match value.abs() {
        large if large >= 1000.0 => thousands(value),
        some if some >= 20.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    };
    match unit {
        "" => text,
        "×" | "%" => format!("{text} {unit}"),
        _ => format!("{text} {unit}"),
    }
}

/// A whole number with its thousands set apart.
pub fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

// === impl Section ===

impl Section {
    /// With a heading.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Adds a paragraph.
    pub fn text(&mut self, text: impl AsRef<str>) {
        self.body.push_str(text.as_ref());
        self.body.push_str("\n\n");
    }

    /// Adds a table.
    pub fn table(&mut self, table: &Table) {
        let _ = writeln!(self.body, "{table}");
    }

    /// As the page has it: targets first.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("## {}\n\n", self.title);
        if !self.targets.is_empty() {
            let mut table = Table::new(&["what", "limit", "measured", ""]);
            self.targets.iter().for_each(|target| table.row(target.cells()));
            let _ = writeln!(text, "{table}");
        }
        text.push_str(&self.body);
        text
    }
}

// === the page ===

/// Keeps what a part found where [`page`] finds it.
pub fn keep(folder: &Path, part: &str, section: &Section) -> Result<()> {
    fs::create_dir_all(folder)?;
    Ok(fs::write(folder.join(format!("{part}.md")), section.to_markdown())?)
}

/// Puts what was kept together to a page.
pub fn page(folder: &Path, machine: &Machine) -> Result<String> {
    let (mut sections, mut missing) = (String::new(), Vec::new());
    for part in PARTS {
        match fs::read_to_string(folder.join(format!("{part}.md"))) {
            Ok(text) => sections.extend([text.trim_end(), "\n\n"]),
            Err(_) => missing.push(format!("`{part}`")),
        }
    }
    anyhow::ensure!(!sections.is_empty(), "nothing was measured yet: {} is empty", folder.display());
    let rows = |mark: &str| sections.lines().filter(|line| line.trim_end().ends_with(mark)).count();
    let (met, missed) = (rows("met |"), rows("**missed** |"));
    let mut page = String::from(HEAD);
    let _ = writeln!(
        page,
        "Of {} limits {met} are met and {missed} are missed; each stands with its figure below.\n",
        met + missed
    );
    for line in &machine.lines {
        let _ = writeln!(page, "- {line}");
    }
    if !missing.is_empty() {
        let _ = writeln!(page, "\nNot measured: {}.", missing.join(", "));
    }
    let _ = write!(page, "\n{HOW}\n{sections}");
    Ok(page.trim_end().to_owned() + "\n")
}

const HEAD: &str = "\
# What an answer costs

Written by `just bench-peers`, which measures everything on this page anew; do not edit it. \
`bench-peers/README.md` says how to run a part alone.

";

const HOW: &str = "\
The servers are pinned to one core and the generator to the other. Over UDP and TCP the figure is the CPU time of the \
whole process, in the kernel and outside, per answered query, while a generator keeps the server busy from 16 source \
ports with 192 questions under way (over TCP as the part says); servers take turns, and the median of the rounds \
counts. *× echo* is by the figure of a server that only sets QR and sends back (`recvmmsg`, `sendmmsg`), in the same \
round; it leaves its socket as the system makes it, where ours has no answer fragmented (RFC 9715), for which the kernel \
does a little less. *µs outside* is what of it is spent outside of the kernel, from a look at the core every 197 µs. \
*busy* is the server's share of its core; with a star the core was not saturated, and the generator was the limit. *others* is what \
other programs took of that core. *lost* questions were never answered, *strange* datagrams answer nothing that was \
asked, *unexpected* answers have another RCODE or number of records than the question must have, which is how all \
servers are held to the same answers.
";

// === impl Machine ===

impl Machine {
    /// This one, with the versions of what runs on it.
    pub fn this() -> Result<Self> {
        let first = |program: &str, arguments: &[&str]| first_line(program, arguments);
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo")?;
        let field = |name: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
            line.split_once(':').map(|(_, value)| value.trim().to_owned())
        };
        let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib: u64 = memory.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
        let model = field("model name").unwrap_or_else(|| "unknown".to_owned());
        let kernel = first("uname", &["-sr"]);
        Ok(Self {
            lines: vec![
                format!("Date: {}", first("date", &["-u", "+%Y-%m-%d"])),
                format!("Machine: {cores} cores ({model}), {} GiB, {kernel}", kib >> 20),
                format!("Stream-DNS: commit {}", first("git", &["rev-parse", "--short", "HEAD"])),
                format!("Built with {}", first("rustc", &["--version"])),
                format!("NSD: {}", first("nsd", &["-v"])),
                format!("Knot: {}", first("knotd", &["-V"])),
                format!("BIND: {}", first("named", &["-v"])),
                format!("PowerDNS: {}", first("pdns_server", &["--version"])),
            ],
        })
    }
}

/// The first line that a program prints, wherever it prints it.
fn first_line(program: &str, arguments: &[&str]) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(program).env("PATH", format!("{path}:/usr/sbin")).args(arguments).output();
    let Ok(output) = output else { return "not installed".to_owned() };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().next().unwrap_or("").trim();
    // PowerDNS puts a time before it.
    line.find("PowerDNS").map_or(line, |at| &line[at..]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Machine, Section, Target, keep, page, thousands};

    #[test]
    fn a_limit_is_met_or_missed() {
        assert!(Target::at_most("a", 1.10, 1.10, "×").is_met());
        assert!(!Target::at_most("a", 1.10, 1.11, "×").is_met());
        assert!(Target::at_least("a", 300_000.0, 300_001.0, "/s").is_met());
        assert!(!Target::at_least("a", 300_000.0, 1.0, "/s").is_met());
    }

    #[test]
    fn the_page_counts_what_is_met_and_missed() {
        let folder = tempfile::tempdir().expect("a folder");
        let machine = Machine { lines: vec!["one".to_owned()] };
        assert!(page(folder.path(), &machine).is_err(), "nothing was measured");
        let mut section = Section::new("UDP");
        section.targets.push(Target::at_most("cost", 1.0, 0.5, "µs"));
        section.targets.push(Target::at_most("ratio", 1.0, 1.5, "×"));
        section.targets.push(Target::at_most("other", 1.0, 2.5, "×"));
        section.text("A paragraph.");
        keep(folder.path(), "udp", &section).expect("kept");
        let page = page(folder.path(), &machine).expect("a page");
        assert!(page.contains("Of 3 limits 1 are met and 2 are missed"), "{page}");
        assert!(page.contains("Not measured: `size`, `largest`"), "{page}");
        assert!(page.contains("## UDP") && page.contains("A paragraph."), "{page}");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [999.0, 1000.0, 1_234_567.4, -1000.0].map(thousands),
            ["999", "1,000", "1,234,567", "-1,000"]
        );
    }
}

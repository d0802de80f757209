//! The same questions asked by somebody else's generator: dnsperf, by DNS-OARC.

use crate::cpu;
use crate::mix::Questions;
use crate::servers::Server;
use crate::table::Table;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Seconds for each server.
const SECONDS: &str = "2";
const RUNS: usize = 3;

/// CPU time per answer when dnsperf asks; `None` where it is not installed.
pub(super) fn table(servers: &[Server], questions: &Questions, folder: &Path) -> Result<Option<Table>> {
    let file = folder.join("dnsperf");
    fs::write(&file, lines(questions))?;
    let mut table = Table::new(&["server", "µs/answer", "k/s"]);
    for server in servers {
        let (mut costs, mut rates) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let before = cpu::used(&server.processes);
            let port = server.address.port().to_string();
            let mut command = Command::new("dnsperf");
            command
                .args(["-s", "127.0.0.1", "-p", &port, "-l", SECONDS, "-c", "16", "-q", "192", "-d"])
                .arg(&file);
            let Ok(output) = command.output() else { return Ok(None) };
            let used = cpu::used(&server.processes).saturating_sub(before);
            let text = String::from_utf8_lossy(&output.stdout);
            let completed =
                figure(&text, "Queries completed:").with_context(|| format!("dnsperf said {text}"))?;
            costs.push(used.as_secs_f64() * 1e6 / completed);
            rates.push(figure(&text, "Queries per second:").unwrap_or(0.0) / 1000.0);
        }
        let middle = |values| format!("{:.2}", crate::measure::median(values));
        table.row([server.kind.to_string(), middle(costs), middle(rates)]);
    }
    Ok(Some(table))
}

/// A number that dnsperf prints behind a name.
fn figure(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The questions as dnsperf reads them: a name and a type a line.
fn lines(questions: &Questions) -> String {
    let mut text = String::new();
    for index in 0..questions.len() {
        let mut rest = &questions.octets(index)[12..];
        while let Some((&length, tail)) = rest.split_first().filter(|(length, _)| **length > 0) {
            let (label, behind) = tail.split_at(usize::from(length).min(tail.len()));
            text.push_str(&String::from_utf8_lossy(label));
            text.push('.');
            rest = behind;
        }
        let kind = rest.get(1..3).map_or(0, |kind| u16::from_be_bytes([kind[0], kind[1]]));
        let _ = writeln!(text, " TYPE{kind}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{figure, lines};
    use crate::mix::Questions;

    #[test]
    fn questions_become_lines() {
        let mut questions = Questions::default();
        questions.push("www.example.", 28, true, 0, 1);
        questions.push("example.", 1, false, 0, 1);
        assert_eq!(lines(&questions), "www.example. TYPE28\nexample. TYPE1\n");
    }

    #[test]
    fn figures_are_found() {
        let text = "Statistics:\n\n  Queries sent:         10\n  Queries completed:    9 (90.00%)\n  Queries per second:   123.5\n";
        assert_eq!(figure(text, "Queries completed:"), Some(9.0));
        assert_eq!(figure(text, "Queries per second:"), Some(123.5));
        assert_eq!(figure(text, "Queries lost:"), None);
    }
}

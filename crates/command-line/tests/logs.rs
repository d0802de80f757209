//! `log tail`, `log check` and `log compact`, on journals in temporary directories.

use command_line::{Cli, ClientSettings, Command, Console, LogTarget, run_on};
use event_consumer::{JournalConfig, SourceConfig};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

const SOA: &str = "ns.example. host.example. 1 3600 600 86400 300";

/// What a command printed, and how it ended.
struct Done {
    code: Option<ExitCode>,
    out: String,
    err: String,
    error: String,
}

fn run_to(settings: &ClientSettings, words: &[&str], out: &mut dyn Write) -> Done {
    let cli = Cli::try_parse_from(std::iter::once("stream-dns").chain(words.iter().copied())).unwrap();
    let Command::Client(command) = cli.command else { panic!("{words:?} is the binary's") };
    let mut err = Vec::new();
    let mut console = Console { out, err: &mut err, input: None, live: false };
    let done = run_on(&command, settings, &mut console);
    Done {
        error: done.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default(),
        code: done.ok(),
        out: String::new(),
        err: String::from_utf8(err).unwrap(),
    }
}

fn run(settings: &ClientSettings, words: &[&str]) -> Done {
    let mut out = Vec::new();
    let done = run_to(settings, words, &mut out);
    Done { out: String::from_utf8(out).unwrap(), ..done }
}

struct Journal {
    path: PathBuf,
    settings: ClientSettings,
    _directory: tempfile::TempDir,
}

impl Journal {
    fn new(lines: &[String]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.jsonl");
        fs::write(&path, lines.concat()).unwrap();
        let settings = ClientSettings {
            log: Some(LogTarget::Journal(path.clone())),
            sources: vec![SourceConfig::Journal(JournalConfig::new(&path))],
            ..ClientSettings::default()
        };
        Self { path, settings, _directory: directory }
    }

    fn append(&self, line: &str) {
        OpenOptions::new().append(true).open(&self.path).unwrap().write_all(line.as_bytes()).unwrap();
    }
}

fn line(key: &str, content: &str, timestamp: i64) -> String {
    let mut parts = key.split('|');
    let (owner, rtype) = (parts.next().unwrap(), parts.next().unwrap());
    let owner = owner.trim_end_matches('.');
    format!(
        "{{\"key\":\"{key}\",\"value\":[{{\"name\":\"{owner}.\",\"type\":\"{rtype}\",\"content\":\"{content}\",\
         \"ttl\":300}}],\"timestamp\":{timestamp}}}\n"
    )
}

fn odd_journal() -> Journal {
    Journal::new(&[
        line("example.|SOA", SOA, 1_000),
        line("example.|NS", "ns.example.", 1_000),
        line("ns.example.|A", "192.0.2.53", 1_000),
        line("www.example.|A", "192.0.2.1", 1_000),
        line("www.example|A", "192.0.2.2", 2_000),
        line("bad.example.|A", "192.0.2.3", 1_000),
        line("bad.example.|A", "nonsense", 2_000),
        line("only-bad.example.|A", "nonsense", 2_000),
        line("x.example.|TYPE65400", "\\\\# 1 ff", 1_000),
        line("elsewhere.|A", "192.0.2.9", 1_000),
        "{\"key\":\"a|b|c|d\",\"value\":[],\"timestamp\":1000}\n".to_owned(),
        "nonsense\n".to_owned(),
    ])
}

#[test]
fn a_log_is_printed_event_by_event() {
    let journal = odd_journal();
    let done = run(&journal.settings, &["log", "tail", "--from-start", "--no-follow"]);
    assert_eq!(done.code, Some(ExitCode::SUCCESS), "{}", done.error);
    let lines: Vec<&str> = done.out.lines().collect();
    assert_eq!(lines.len(), 12, "{}", done.out);
    assert!(lines[3].starts_with("1970-01-01T00:00:01.000Z journal/0@"), "{}", lines[3]);
    assert!(lines[3].ends_with("www.example.|A 300 192.0.2.1"), "{}", lines[3]);
    assert!(lines[6].contains("UNUSABLE") && lines[11].contains("line:12 UNUSABLE"), "{}", done.out);

    let path = journal.path.to_str().unwrap();
    let words = ["log", "tail", "--from-start", "--no-follow", "--json", "--journal", path];
    let done = run(&ClientSettings::default(), &words);
    let events: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 12);
    assert_eq!((&events[3]["kind"], &events[3]["contents"][0]), (&"set".into(), &"192.0.2.1".into()));
    assert_eq!((&events[11]["kind"], &events[11]["value"]), (&"unusable".into(), &"nonsense".into()));
    assert!(run(&ClientSettings::default(), &["log", "tail"]).error.contains("--journal"));
}

/// DESIGN, "Zones are events too": what a log may not write is reported; and it is not published.
#[test]
fn what_a_log_may_not_write_is_reported_and_refused() {
    let mut journal = Journal::new(&[
        line("example.|SOA", SOA, 1_000),
        line("example.|NS", "ns.example.", 1_000),
        line("ns.example.|A", "192.0.2.53", 1_000),
        line("other.|SOA", SOA, 1_000),
        line("www.other.|A", "192.0.2.1", 1_000),
    ]);
    let producer = &mut journal.settings.producer;
    producer.limits.limit(zone_model::SourceId::new("journal"), ["example".parse().unwrap()]);
    let done = run(&journal.settings, &["log", "check"]);
    assert_eq!(done.code, Some(ExitCode::FAILURE));
    assert!(
        done.out.contains("forbidden: other.: 1 slots of a zone that this log may not write"),
        "{}",
        done.out
    );
    assert!(done.err.contains("1 zones, ") && done.err.contains("1 outside every zone"), "{}", done.err);
    let done = run(&journal.settings, &["log", "check", "--json"]);
    let json: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(json["forbidden"], serde_json::json!([{"zone": "other.", "slots": 1}]));
    let soa = ["record", "set", "other", "SOA", SOA];
    let done = run(&journal.settings, &soa);
    assert!(
        done.error.contains("may not write the zone other.") && done.error.contains("limited to example.")
    );
    // Another file than the one that is followed is another log.
    let other = journal.path.with_file_name("other.jsonl");
    let words = [&soa[..], &["--journal", other.to_str().unwrap()]].concat();
    assert_eq!(run(&journal.settings, &words).code, Some(ExitCode::SUCCESS));
}

/// Hands on each line, and breaks like a pipe of which nobody reads once the one it waits for came.
struct Pipe(Sender<String>, &'static str);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let last = text.contains(self.1);
        self.0.send(text).unwrap();
        if last { Err(std::io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_comes_is_printed_when_it_comes_and_nothing_from_before() {
    let journal = odd_journal();
    let (sender, printed) = channel();
    std::thread::scope(|scope| {
        let tail =
            scope.spawn(|| run_to(&journal.settings, &["log", "tail"], &mut Pipe(sender, "last.example.")));
        // It begins at the end that it finds: until its first line came nobody knows where that is.
        let mut n = 0;
        while printed.recv_timeout(Duration::from_millis(50)).is_err() {
            journal.append(&line(&format!("new{n}.example.|A"), "192.0.2.4", 3_000));
            n += 1;
            assert!(n < 400, "nothing was printed");
        }
        journal.append(&line("last.example.|A", "192.0.2.5", 3_000));
        assert_eq!(tail.join().unwrap().code, Some(ExitCode::SUCCESS), "a broken pipe has seen enough");
    });
    let all: String = printed.try_iter().collect();
    assert!(!all.contains("www.example.") && !all.contains("nonsense"), "{all}");
}

fn findings(journal: &Journal, words: &[&str]) -> (bool, Value) {
    let done = run(&journal.settings, &[&["log", "check", "--json"], words].concat());
    let json = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{} {}", done.error, done.err));
    (done.code == Some(ExitCode::SUCCESS), json)
}

#[test]
fn what_is_wrong_with_a_log_is_found_and_put_right() {
    let journal = odd_journal();
    let (fine, found) = findings(&journal, &[]);
    assert!(!fine);
    let count = |found: &Value, what: &str| found[what].as_array().map(Vec::len);
    assert_eq!((count(&found, "several_slots"), count(&found, "unusable")), (Some(1), Some(4)), "{found:#}");
    assert_eq!((&found["unknown_types"][0]["type"], &found["outside"]), (&"TYPE65400".into(), &1.into()));
    assert_eq!(found["several_slots"][0]["slots"].as_array().map(Vec::len), Some(2));
    assert!(found["zones"][0]["reports"].is_array());
    let text = run(&journal.settings, &["log", "check"]);
    assert_eq!(text.code, Some(ExitCode::FAILURE));
    assert!(text.out.contains("several slots: www.example. A of example."), "{}", text.out);
    assert!(text.out.contains("what the slot held before stays served"), "{}", text.out);
    let before = fs::read(&journal.path).unwrap();
    assert_eq!(fs::read(&journal.path).unwrap(), before, "a check publishes nothing");

    // What serves is what served; a line that is no event has no key to be emptied.
    let (_, mended) = findings(&journal, &["--mend"]);
    assert!(mended["published"].as_u64() > Some(0));
    assert_eq!(
        (count(&mended, "several_slots"), count(&mended, "unusable")),
        (Some(0), Some(1)),
        "{mended:#}"
    );
    assert_eq!(mended["unusable"][0]["key"], "line:12");
    for (name, want) in [("www.example", "192.0.2.2"), ("bad.example", "192.0.2.3")] {
        let got = run(&journal.settings, &["record", "get", name, "A", "--from-log"]);
        assert!(got.out.contains(want), "{name}: {}", got.out);
    }
    assert!(!run(&journal.settings, &["record", "get", "only-bad.example", "--from-log"]).out.contains("A"));
    // A second time there is nothing to do.
    assert_eq!(findings(&journal, &["--mend"]).1["published"], 0);

    let compacted = run(&journal.settings, &["log", "compact", "--json"]);
    let json: Value = serde_json::from_str(&compacted.out).unwrap();
    assert_eq!((&json["generation"], &json["malformed"]), (&1.into(), &1.into()), "{json:#}");
    let (fine, after) = findings(&journal, &[]);
    assert_eq!(
        (fine, count(&after, "unusable"), &after["zones"]),
        (true, Some(0), &mended["zones"]),
        "{after:#}"
    );
}

#[test]
fn only_a_journal_is_compacted_here() {
    let topic = LogTarget::Kafka { topic: "dns".into(), properties: Vec::new() };
    let settings = ClientSettings { log: Some(topic), ..ClientSettings::default() };
    assert!(run(&settings, &["log", "compact"]).error.contains("cleanup.policy=compact"));
    let missing = Path::new("/no/such/journal").to_str().unwrap();
    let done = run(&ClientSettings::default(), &["log", "compact", "--journal", missing]);
    assert!(done.error.contains("stays as it was"), "{}", done.error);
}

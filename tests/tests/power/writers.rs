//! Who writes to the journal.

use crate::support::Dice;
use event_producer::{Change, JournalLog, Keep, Log, ProducerConfig};
use messages::Edit;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use zone_model::{RecordType, RrSet, Timestamp, rdata};

/// Changes that the producer said to be published: each set an address of an owner of its own.
pub(crate) type Acknowledged = Vec<u16>;

pub(crate) struct Writers {
    path: PathBuf,
    log: JournalLog,
    changes: u16,
    pub(crate) acknowledged: Acknowledged,
    /// The second half of a line that somebody has begun.
    begun: Option<String>,
    appended: usize,
}

/// The octets of the address that a change sets, behind the first two.
pub(crate) fn number(change: u16) -> [u8; 2] {
    change.to_be_bytes()
}

/// The owner that a change gives an address.
pub(crate) fn owner(change: u16) -> String {
    format!("p{change}.example.")
}

fn set(owner: &str, rtype: RecordType, content: &str) -> Edit {
    let rdata = rdata::parse_text(rtype, content).unwrap();
    Edit::Set { owner: owner.parse().unwrap(), rtype, rrset: RrSet::new(Some(60), [rdata]) }
}

// === impl Writers ===

impl Writers {
    fn new(path: &Path, acknowledged: Acknowledged) -> Self {
        let log = JournalLog::new(path, Keep::Slots);
        let changes = acknowledged.last().map_or(0, |last| last + 1);
        Self { path: path.into(), log, changes, acknowledged, begun: None, appended: 0 }
    }

    /// A new journal with a zone.
    pub(crate) fn begin(path: &Path) -> Self {
        let mut writers = Self::new(path, Vec::new());
        let soa = set("example.", RecordType::SOA, "ns.example. host.example. 1 3600 600 86400 300");
        writers.change(vec![soa], 1_000);
        writers
    }

    /// Behind a power cut: what was not acknowledged is published once more.
    pub(crate) fn go_on(path: &Path, acknowledged: &Acknowledged) -> Self {
        Self::new(path, acknowledged.clone())
    }

    fn change(&mut self, edits: Vec<Edit>, now: i64) {
        let change = Change { zone: None, edits, producer: "test".into(), if_unchanged: false };
        let config = ProducerConfig::default();
        self.log.publish(&change, Timestamp(now), &format!("c{now}"), &config).unwrap();
    }

    /// Our own writer.
    pub(crate) fn publish(&mut self) {
        self.end_begun();
        let [a, b] = number(self.changes);
        let own = set(&owner(self.changes), RecordType::A, &format!("192.0.{a}.{b}"));
        let same = set("same.example.", RecordType::A, &format!("198.51.{a}.{b}"));
        self.change(vec![own, same], 2_000 + i64::from(self.changes) * 1_000);
        self.acknowledged.push(self.changes);
        self.changes += 1;
    }

    /// Somebody who takes no lock and syncs nothing.
    pub(crate) fn append(&mut self, dice: &mut Dice) -> &'static str {
        if self.begun.is_some() {
            self.end_begun();
            return "the end of a line";
        }
        self.appended += 1;
        let key = format!("f{}.example.", self.appended % 9);
        let line = match dice.below(8) {
            0 => format!("{{\"key\":\"{key}|A\",\"value\":null}}\n"),
            1 => "nonsense\n".to_owned(),
            2 => format!("{{\"key\":\"{key}|A\",\"value\":[{{\"content\":1}}]}}\n"),
            n => format!(
                "{{\"key\":\"{key}|A\",\"value\":[{{\"name\":\"{key}\",\"type\":\"A\",\"content\":\"203.0.113.{n}\",\
                 \"ttl\":60}}],\"timestamp\":{}}}\n",
                self.appended * 500
            ),
        };
        let at = if dice.below(3) == 0 { dice.below(line.len() as u64) as usize } else { line.len() };
        self.write(&line[..at]);
        self.begun = (at < line.len()).then(|| line[at..].to_owned());
        "an append"
    }

    fn end_begun(&mut self) {
        if let Some(rest) = self.begun.take() {
            self.write(&rest);
        }
    }

    fn write(&self, text: &str) {
        OpenOptions::new().append(true).open(&self.path).unwrap().write_all(text.as_bytes()).unwrap();
    }
}

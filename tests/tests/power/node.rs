//! A node without its actors: the journal's source, what puts events together, and the store.

use crate::support::model::{Model, look};
use crate::support::{self, Memory, served};
use crate::writers::{Acknowledged, number, owner};
use event_consumer::{Assembler, BatchConfig, JournalConfig, Output, Source, SourceConfig, SourceSpec};
use messages::ZoneSummary;
use redb::StorageBackend;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zone_model::decode::decode;
use zone_model::{
    Event, EventBody, JournalPosition, LineMark, Name, Partition, Position, RawEvent, RecordType, SourceId,
    Unusable,
};
use zone_store::{Batch, Store, StoreConfig};

pub(crate) struct Node {
    path: PathBuf,
    config: StoreConfig,
    memory: Memory,
    store: Store,
    source: Box<dyn Source>,
    assembler: Assembler,
    /// The last position that was read.
    read_to: Option<Position>,
    now: Instant,
}

fn journal() -> SourceId {
    SourceId::new("journal")
}

// === impl Node ===

impl Node {
    /// A node with this store, or with none.
    pub(crate) fn start(path: &Path, image: &[u8]) -> Self {
        let config = StoreConfig { seed: 1, ..StoreConfig::default() };
        let memory = Memory::default();
        memory.set_len(image.len() as u64).unwrap();
        memory.write(0, image).unwrap();
        let mut store = Store::open_backend(config.clone(), memory.clone()).unwrap();
        assert_eq!(store.digests_wrong(), 0);
        let positions = store.open_source(&journal()).unwrap().positions;
        let spec =
            SourceSpec::configured(&SourceConfig::Journal(JournalConfig::new(path)), Duration::from_secs(1));
        let source = spec.unwrap().open(&positions).unwrap();
        let read_to = positions.first().map(|(_, position)| *position);
        let assembler = Assembler::new(journal(), BatchConfig::default());
        Self { path: path.into(), config, memory, store, source, assembler, read_to, now: Instant::now() }
    }

    /// What is on its disk.
    pub(crate) fn image(&self) -> Vec<u8> {
        let mut image = vec![0; self.memory.len().unwrap() as usize];
        self.memory.read(0, &mut image).unwrap();
        image
    }

    /// Reads what is there.
    pub(crate) fn read(&mut self) {
        let mut outputs = Vec::new();
        while self.source.poll(Duration::ZERO, &mut outputs) {}
        for output in outputs {
            match output {
                Output::Event(raw) => self.take(decode(raw)),
                Output::Unusable(event) => self.take(event),
                Output::Passed(partition, position) => self.assembler.passed(partition, position),
                Output::Live(partition) => self.assembler.live(partition),
                Output::AtEnd(partition) => self.assembler.at_end(partition),
                Output::InStep(moment) => self.assembler.in_step(moment),
                Output::Connected | Output::Log(..) | Output::Partition(_) => {}
                other => panic!("{other:?}"),
            }
        }
        // What was cut short is waited for, and not for ever.
        self.now += Duration::from_secs(1);
        self.assembler.tick(self.now);
    }

    fn take(&mut self, event: Event) {
        assert!(self.read_to < Some(event.position), "it is read twice");
        self.read_to = Some(event.position);
        self.assembler.event(event, 100, self.now);
    }

    /// Hands on what was read, as the source's thread does.
    pub(crate) fn apply(&mut self) {
        self.source.settle().unwrap();
        let event_consumer::Batch { source, events, positions, in_step, .. } = self.assembler.take();
        let applied =
            self.store.apply(&Batch { source, events: events.clone(), positions, in_step }).unwrap();
        assert_eq!(applied.events, events.len(), "each event is applied once");
    }

    /// Commits what was applied.
    pub(crate) fn commit(&mut self) {
        self.store.commit().unwrap();
    }

    /// Up to which octet of the file it serves.
    pub(crate) fn applied_to(&self) -> u64 {
        let position = self.store.applied(&journal(), Partition(0));
        position.map_or(0, |position| JournalPosition::decode(&position).unwrap().offset)
    }

    pub(crate) fn zones(&self) -> Vec<ZoneSummary> {
        self.store.zones(None, 0).unwrap()
    }

    /// That it serves what the file says, all that was acknowledged among it.
    pub(crate) fn check(&self, acknowledged: &Acknowledged, cut: &str) {
        let events = events(&self.path);
        let mut model = Model::new(&self.config);
        events.iter().for_each(|event| model.apply(&journal(), event));
        let owners: BTreeSet<Name> =
            events.iter().filter_map(|event| Some(event.event_key()?.owner.clone())).collect();
        let universe: Vec<Name> = owners.into_iter().collect();
        let (wanted, found) = (model.catalog(&self.config, &universe), look(self.store.catalog(), &universe));
        for (name, wanted) in &wanted {
            assert_eq!(&found[name], wanted, "{name}: {cut}");
        }
        assert_eq!(self.store.status(0).slots, model.slots(), "{cut}");
        let zones = model.zones(&self.config).into_iter();
        let wanted: Vec<_> =
            zones.map(|(apex, zone)| (apex, zone.serial, zone.newest, zone.rows, zone.digest)).collect();
        let zones = self.zones().into_iter();
        let found: Vec<_> = zones
            .map(|zone| (zone.apex, zone.serial, zone.newest, zone.rrsets, zone.digest.unwrap().bytes()))
            .collect();
        assert_eq!(found, wanted, "{cut}");
        let quarantined = self.store.quarantined(0).unwrap().into_iter();
        let found: BTreeSet<_> =
            quarantined.map(|own| ((own.source, own.partition.0, own.key), own.position)).collect();
        assert_eq!(found, model.quarantined(), "{cut}");
        for change in acknowledged {
            let owner = support::name(&owner(*change));
            let address = served(self.store.catalog(), &owner, RecordType::A);
            let [a, b] = number(*change);
            assert_eq!(address, Some((60, vec![vec![192, 0, a, b]])), "{owner}: {cut}");
        }
    }
}

/// What stands in a journal, read line by line.
fn events(path: &Path) -> Vec<Event> {
    let inode = fs::metadata(path).unwrap().ino();
    let text = fs::read(path).unwrap();
    let mut at = JournalPosition { inode, ..JournalPosition::default() };
    let mut events = Vec::new();
    for (number, line) in text.split_inclusive(|octet| *octet == b'\n').enumerate() {
        let Some(content) = line.strip_suffix(b"\n") else { break };
        at.offset += line.len() as u64;
        at.mark = Some(LineMark::of(content));
        if content.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let parsed = zone_model::journal::parse(content);
        if let Ok(line) = &parsed {
            at.last_timestamp = line.timestamp.unwrap_or(at.last_timestamp);
        }
        let (partition, position, timestamp) = (Partition(0), at.encode(), at.last_timestamp);
        events.push(match parsed {
            Ok(line) => decode(RawEvent {
                partition,
                position,
                timestamp,
                key: line.key,
                value: line.value,
                headers: line.headers,
            }),
            Err(error) => Event {
                partition,
                position,
                timestamp,
                key: format!("line:{}", number + 1).into_bytes(),
                headers: Vec::new(),
                body: EventBody::Unusable(Unusable { key: None, value: None, reason: error.to_string() }),
            },
        });
    }
    events
}

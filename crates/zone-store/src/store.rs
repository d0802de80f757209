//! The store: what is applied, what of it is on disk, and the catalogue that follows from it.

use crate::commit::{CommitJob, Committed};
use crate::config::StoreConfig;
use crate::disk::{Disk, Reader, Table};
use crate::error::StoreError;
use crate::keys::SlotKey;
use crate::layers::{Layer, View};
use crate::load::load;
use crate::recent::{Plan, Recent};
use crate::settings::Settings;
use crate::sources::Sources;
use crate::touched::Room;
use crate::zones::{ByApex, Zone};
use messages::SourceState;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use zone_model::{Catalog, Event, Partition, Position, RrSetChange, SourceId, Timestamp, ZoneDigest};

/// How far a source's moment may move on before it is written although nothing else is, in milliseconds.
const IN_STEP_EVERY: i64 = 60_000;

/// Events of one source to be applied together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The source.
    pub source: SourceId,
    /// The events, those of one partition in the order of the log.
    pub events: Vec<Event>,
    /// Where each partition stands behind the batch.
    pub positions: Vec<(Partition, Position)>,
    /// The moment with which the batch brings the node in step, if it does.
    pub in_step: Option<Timestamp>,
}

/// What a batch did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppliedBatch {
    /// The served RRsets that are others now, SOAs whose serial moved among them. What a CNAME hides is not
    /// served, what a zone cut hides is. Empty unless
    /// [`StoreConfig::collect_changes`] is set. When a zone comes or goes it has all of the zone's RRsets.
    pub changes: Vec<RrSetChange>,
    /// How many served RRsets are others now.
    pub changed: usize,
    /// How many events were applied; those at positions that had been applied before were not.
    pub events: usize,
    /// How many of them were quarantined.
    pub quarantined: usize,
    /// Whether a source that was read beside, for the first time or again, took the place of what was served of
    /// it. Then anything may be another, and `changes` does not say what: a subscriber compares anew.
    pub rebuilt: bool,
}

/// What waits for the next commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Whether there is anything to commit that is not on its way, or redb failed and is to be opened again.
    pub waiting: bool,
    /// Whether a commit is under way, or failed and is to be made again.
    pub committing: bool,
    /// Rows that wait, those on their way counted.
    pub rows: usize,
    /// Roughly how much memory all that waits takes, what is on its way counted.
    pub bytes: usize,
}

/// The state that a log leads to, and the only writer of the catalogue.
///
/// - *Getters*: [`catalog`](Self::catalog), [`in_service`](Self::in_service), [`status`](Self::status), …
/// - *Inputs*: [`open_source`](Self::open_source), then [`apply`](Self::apply).
/// - *Commits*: [`commit`](Self::commit), or [`begin_commit`](Self::begin_commit), [`CommitJob::run`] on
///   another thread, and [`end_commit`](Self::end_commit).
///
/// What is applied is served at once and on disk with the next commit, together with the positions: a crash
/// in between only means that the log is read again from there.
pub struct Store {
    pub(crate) config: StoreConfig,
    pub(crate) settings: Settings,
    pub(crate) disk: Disk,
    /// `None` between a failure and the next opening.
    reader: Option<Reader>,
    pub(crate) active: Layer,
    /// Where the next batch is taken apart.
    pub(crate) room: Room,
    committing: Option<(Arc<Layer>, Arc<Plan>)>,
    recent: Recent,
    /// Whether others wanted the processor during the last commit.
    crowded: bool,
    /// Whether a job was handed out whose outcome is not known.
    running: bool,
    /// Whether redb failed and must be opened again.
    broken: bool,
    /// Whether zones and catalogue must be made again from the rows.
    pub(crate) stale: bool,
    pub(crate) sources: Sources,
    pub(crate) positions: BTreeMap<(u16, Partition), Position>,
    in_step: BTreeMap<u16, InStep>,
    /// The copies that batches go to.
    pub(crate) opened: BTreeSet<u16>,
    /// Whether an event of a building copy may be quarantined.
    pub(crate) quarantined_beside: bool,
    /// Where the removal of a copy's rows goes on.
    pub(crate) swept: Option<Vec<u8>>,
    /// Zones whose stored digest was not that of their rows when the store was opened.
    digests_wrong: u64,
    pub(crate) zones: ByApex<Zone>,
    pub(crate) catalog: Catalog,
    pub(crate) slots: u64,
    pub(crate) quarantined: u64,
    pub(crate) events_applied: u64,
}

/// With which moments a node was in step with a source.
#[derive(Clone, Copy, Debug)]
struct InStep {
    latest: Timestamp,
    /// The one that is stored, or on its way to be.
    stored: Option<Timestamp>,
}

// === impl Store ===

impl Store {
    /// Opens the store of this configuration and builds the catalogue from it. A file that cannot be read, or
    /// of which a page is damaged, is set aside under another name, and an empty one takes its place; one of an
    /// older format is brought to the present one.
    ///
    /// # Errors
    /// [`StoreError`] where the file is in use, newer than this program, or the disk fails.
    pub fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let mut disk = Disk::open(config.path.as_deref(), config.cache_bytes)?;
        // Damage inside of the file shows when it is read; redb may panic over it.
        let loaded = catch_unwind(AssertUnwindSafe(|| Self::loaded(&config, &disk)));
        let why = match loaded {
            Ok(Ok(parts)) => return Ok(Self::new(config, disk, parts)),
            Ok(Err(error)) if error.is_damage() => error.to_string(),
            Ok(Err(error)) => return Err(error),
            Err(_) => "reading it panicked".to_owned(),
        };
        disk.begin_anew(&why)?;
        let parts = Self::loaded(&config, &disk)?;
        Ok(Self::new(config, disk, parts))
    }

    /// Opens the store on a storage backend of redb's instead of a file; `config.path` is not looked at. A
    /// clone of the backend is the same storage: it is opened again after a failure.
    ///
    /// # Errors
    /// [`StoreError`] where the backend fails or holds something else.
    pub fn open_backend(
        config: StoreConfig,
        backend: impl redb::StorageBackend + Clone,
    ) -> Result<Self, StoreError> {
        let disk = Disk::open_backend(backend, config.cache_bytes)?;
        let parts = Self::loaded(&config, &disk)?;
        Ok(Self::new(config, disk, parts))
    }

    fn loaded(config: &StoreConfig, disk: &Disk) -> Result<Parts, StoreError> {
        let (ledger, reader) = (disk.ledger()?, disk.reader()?);
        let settings = Settings::new(config);
        let sources = Sources::of(ledger.copies, &settings.limits)?;
        let mut active = Layer::default();
        let recent = reader.recent()?;
        let hidden = sources.hidden();
        let view = View { active: &active, committing: None, recent: &recent, reader: &reader, hidden };
        let loaded = load(view, &settings, &sources, config.seed)?;
        let quarantined = match sources.hidden().is_empty() {
            true => ledger.quarantined,
            false => count_quarantined(view)?,
        };
        let stored = ledger.digests.into_iter().collect();
        let (changed, wrong) =
            (changed_digests(&stored, &loaded.zones), ledger.zones == settings.fingerprint);
        let digests_wrong = if wrong { changed.len() as u64 } else { 0 };
        if digests_wrong > 0 {
            tracing::error!(
                zones = digests_wrong,
                "stored digests were not those of the stored RRsets, and are now: report this defect"
            );
        }
        active.digests = changed;
        Ok(Parts {
            settings,
            reader,
            active,
            recent,
            digests_wrong,
            sources,
            positions: ledger.positions.into_iter().map(|(source, own, at)| ((source, own), at)).collect(),
            in_step: ledger.in_step,
            quarantined,
            zones: loaded.zones,
            catalog: loaded.catalog,
            slots: loaded.slots,
        })
    }

    fn new(config: StoreConfig, disk: Disk, parts: Parts) -> Self {
        let quarantined_beside = !parts.sources.hidden().is_empty();
        let in_step = |(source, moment)| (source, InStep { latest: moment, stored: Some(moment) });
        Self {
            config,
            settings: parts.settings,
            disk,
            reader: Some(parts.reader),
            active: parts.active,
            room: Room::new(),
            committing: None,
            recent: parts.recent,
            crowded: false,
            running: false,
            broken: false,
            stale: false,
            sources: parts.sources,
            positions: parts.positions,
            in_step: parts.in_step.into_iter().map(in_step).collect(),
            opened: BTreeSet::new(),
            quarantined_beside,
            swept: None,
            digests_wrong: parts.digests_wrong,
            zones: parts.zones,
            catalog: parts.catalog,
            slots: parts.slots,
            quarantined: parts.quarantined,
            events_applied: 0,
        }
    }

    /// Says where reading a source goes on. Without it no batch of the source is applied, so that whoever
    /// reads the log learns of it when the store lost what was not committed.
    ///
    /// # Errors
    /// [`StoreError::TooManySources`] where the store cannot take one more.
    pub fn open_source(&mut self, source: &SourceId) -> Result<SourceState, StoreError> {
        self.open_source_at(source, Timestamp(0), None)
    }

    /// Where the file is kept that could not be used when this store was opened, and why.
    pub fn set_aside(&self) -> Option<&str> {
        self.disk.set_aside.as_deref()
    }

    /// Zones whose stored digest was not that of their rows when the store was opened: a defect, if it is not 0.
    pub fn digests_wrong(&self) -> u64 {
        self.digests_wrong
    }

    pub(crate) fn in_step_of(&self, copy: u16) -> Option<Timestamp> {
        self.in_step.get(&copy).map(|in_step| in_step.latest)
    }

    pub(crate) fn forget_in_step(&mut self, copy: u16) {
        self.in_step.remove(&copy);
        self.active.in_step.insert(copy, None);
    }

    pub(crate) fn came_in_step(&mut self, source: u16, moment: Timestamp) {
        let own = self.in_step.entry(source).or_insert(InStep { latest: moment, stored: None });
        own.latest = own.latest.max(moment);
    }

    /// The catalogue that shows everything applied.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Whether the node may answer: each source of the configuration has been in step with this store once.
    pub fn in_service(&self) -> bool {
        let was =
            |source| self.sources.number(source).is_some_and(|number| self.in_step.contains_key(&number));
        self.config.sources.iter().all(was)
    }

    /// The position up to which a partition is applied.
    pub fn applied(&self, source: &SourceId, partition: Partition) -> Option<Position> {
        self.positions.get(&(self.sources.number(source)?, partition)).copied()
    }

    /// What waits for the disk.
    pub fn pending(&self) -> Pending {
        let committing = self.committing();
        Pending {
            waiting: self.stale
                || self.has_failed()
                || !self.active.is_empty()
                || self.in_step.values().any(InStep::is_due),
            committing: committing.is_some(),
            rows: self.active.rows.len() + committing.map_or(0, |layer| layer.rows.len()),
            bytes: self.active.bytes + committing.map_or(0, |layer| layer.bytes),
        }
    }

    /// Begins a commit of everything that is applied, or the one that failed again. `None` where there is
    /// nothing to commit, or a commit is under way.
    ///
    /// # Errors
    /// [`StoreError`] where redb failed before and cannot be opened again yet. Nothing is lost; try later.
    pub fn begin_commit(&mut self) -> Result<Option<CommitJob>, StoreError> {
        if self.running {
            return Ok(None);
        }
        self.mend()?;
        if self.committing.is_none() {
            if !self.pending().waiting {
                return Ok(None);
            }
            let mut layer = std::mem::take(&mut self.active);
            layer.zones = self.settings.fingerprint;
            for (source, own) in self.in_step.iter_mut().filter(|(_, own)| own.stored != Some(own.latest)) {
                own.stored = Some(own.latest);
                layer.in_step.insert(*source, Some(own.latest));
            }
            let plan = self.recent.plan(&layer, self.config.recent_rows, self.crowded);
            self.committing = Some((Arc::new(layer), Arc::new(plan)));
        }
        let Some((layer, plan)) = &self.committing else { return Ok(None) };
        let job = self.disk.job(Arc::clone(layer), Arc::clone(plan))?;
        self.running = true;
        Ok(Some(job))
    }

    /// Takes note of what came of a commit.
    ///
    /// # Errors
    /// [`StoreError`] where it failed. Nothing is lost: the next [`begin_commit`](Self::begin_commit) opens
    /// the file again and makes the same commit.
    pub fn end_commit(&mut self, committed: Committed) -> Result<(), StoreError> {
        (self.running, self.crowded) = (false, committed.crowded);
        match committed.result.and_then(|()| self.disk.reader()) {
            Ok(reader) => {
                self.reader = Some(reader);
                if let Some((layer, plan)) = self.committing.take() {
                    self.recent.done(&plan, Arc::unwrap_or_clone(layer));
                }
                Ok(())
            }
            Err(error) => {
                self.broken = true;
                Err(error)
            }
        }
    }

    /// Commits everything that is applied and waits for the disk.
    ///
    /// # Errors
    /// [`StoreError`] where that fails; nothing is lost.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        while let Some(job) = self.begin_commit()? {
            self.end_commit(job.run())?;
        }
        Ok(())
    }

    /// Whether redb failed, be it in writing or in reading: it refuses everything from then on.
    fn has_failed(&self) -> bool {
        self.broken || self.disk.has_failed() || self.reader.as_ref().is_none_or(Reader::has_failed)
    }

    /// Opens redb again if it failed, and makes good what was left half done. Nothing is lost: what the file
    /// does not hold for certain is still here, in front of it.
    pub(crate) fn mend(&mut self) -> Result<(), StoreError> {
        // A commit that is under way holds the file. It fails, too, and behind it the file is opened again.
        if self.has_failed() && !self.running {
            self.reopen()?;
        }
        if self.stale { self.reload() } else { Ok(()) }
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        (self.reader, self.broken) = (None, true);
        self.disk.reopen()?;
        self.reader = Some(self.disk.reader()?);
        self.broken = false;
        Ok(())
    }

    /// Rows and quarantine as they are applied.
    pub(crate) fn view(&self) -> Result<View<'_>, StoreError> {
        let reader = self.reader.as_ref().ok_or_else(|| self.disk.closed())?;
        let (active, committing, recent) = (&self.active, self.committing(), &self.recent);
        Ok(View { active, committing, recent, reader, hidden: self.sources.hidden() })
    }

    /// The layer that is on its way to the disk.
    fn committing(&self) -> Option<&Layer> {
        self.committing.as_ref().map(|(layer, _)| &**layer)
    }

    /// Says no while zones and catalogue wait for the disk to be made again.
    pub(crate) fn settled(&self) -> Result<(), StoreError> {
        if self.stale { Err(self.disk.closed()) } else { Ok(()) }
    }

    /// Makes zones and catalogue again from the rows, after a failure left them half changed.
    pub(crate) fn reload(&mut self) -> Result<(), StoreError> {
        let loaded = load(self.view()?, &self.settings, &self.sources, self.config.seed)?;
        let quarantined = count_quarantined(self.view()?)?;
        let before = std::mem::take(&mut self.zones);
        let before = before.into_iter().map(|(apex, zone)| (apex, zone.digest)).collect();
        self.active.digests.extend(changed_digests(&before, &loaded.zones));
        (self.zones, self.catalog, self.slots) = (loaded.zones, loaded.catalog, loaded.slots);
        self.quarantined = quarantined;
        self.stale = false;
        Ok(())
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.config.path)
            .field("zones", &self.zones.len())
            .field("slots", &self.slots)
            .field("pending", &self.pending())
            .finish_non_exhaustive()
    }
}

fn count_quarantined(view: View<'_>) -> Result<u64, StoreError> {
    let mut count = 0;
    view.scan(Table::Quarantine, &[], None, |key, _| {
        count += u64::from(!view.hidden.contains(&SlotKey::parse(key)?.source));
        Ok(())
    })?;
    Ok(count)
}

/// The digests of these zones that are not stored, and those stored of zones that are gone.
fn changed_digests(stored: &ByApex<ZoneDigest>, zones: &ByApex<Zone>) -> ByApex<Option<ZoneDigest>> {
    let gone = stored.keys().filter(|apex| !zones.contains_key(*apex)).map(|apex| (apex.clone(), None));
    let changed = zones.iter().filter(|(apex, zone)| stored.get(*apex) != Some(&zone.digest));
    gone.chain(changed.map(|(apex, zone)| (apex.clone(), Some(zone.digest)))).collect()
}

/// What is read at start.
struct Parts {
    settings: Settings,
    reader: Reader,
    active: Layer,
    recent: Recent,
    digests_wrong: u64,
    sources: Sources,
    positions: BTreeMap<(u16, Partition), Position>,
    in_step: Vec<(u16, Timestamp)>,
    quarantined: u64,
    zones: ByApex<Zone>,
    catalog: Catalog,
    slots: u64,
}

// === impl InStep ===

impl InStep {
    /// Whether it is worth a commit of its own: the first moment is, later ones once a minute.
    fn is_due(&self) -> bool {
        self.stored.is_none_or(|stored| self.latest.0.saturating_sub(stored.0) >= IN_STEP_EVERY)
    }
}

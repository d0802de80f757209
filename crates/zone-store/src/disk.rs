//! redb: opening a store's file, setting an unusable one aside, and reading.

use crate::commit::CommitJob;
use crate::error::StoreError;
use crate::layers::Layer;
use crate::portions::InPortions;
use crate::recent::{Plan, Recent};
use crate::sources::{Copied, Role};
use redb::{
    AccessGuard, Builder, Database, DatabaseError, ReadOnlyTable, ReadTransaction, ReadableDatabase,
    ReadableTable, ReadableTableMetadata, StorageBackend, StorageError, TableDefinition, TableError,
};
use std::cell::Cell;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use zone_model::{Partition, Position, SourceId, Timestamp, ZoneDigest};

/// The format of tables, keys and values. A store of format 1 or 2 is brought to this one when it is opened;
/// one of a still older format is set aside and rebuilt from the log.
///
/// - 1: rows, quarantine, positions, sources, in-step, meta.
/// - 2: several copies of a source (`copies`), and the digests of zones (`digests`).
/// - 3: rows may be appended (`recent`) before they are put among the others.
pub(crate) const FORMAT: u32 = 3;
/// The oldest format that can be brought to [`FORMAT`].
const MIGRATED: u64 = 1;

type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;

pub(crate) const ROWS: Bytes = TableDefinition::new("rows");
/// Records of rows that are not in their places, by their numbers; see [`Recent`].
pub(crate) const RECENT: TableDefinition<'static, u64, &'static [u8]> = TableDefinition::new("recent");
pub(crate) const QUARANTINE: Bytes = TableDefinition::new("quarantine");
pub(crate) const POSITIONS: TableDefinition<'static, (u16, u32), &'static [u8]> =
    TableDefinition::new("positions");
pub(crate) const SOURCES: TableDefinition<'static, u16, &'static str> = TableDefinition::new("sources");
pub(crate) const IN_STEP: TableDefinition<'static, u16, i64> = TableDefinition::new("in-step");
/// Of each copy: its role, the decoder that fills it, when its reading began, and whether a loss is accepted.
pub(crate) const COPIES: TableDefinition<'static, u16, (u8, u32, i64, bool)> = TableDefinition::new("copies");
pub(crate) const DIGESTS: TableDefinition<'static, &'static [u8], &'static [u8; 32]> =
    TableDefinition::new("digests");
pub(crate) const META: TableDefinition<'static, &'static str, u64> = TableDefinition::new("meta");

/// How many files of one kind are kept aside; the last is replaced by those that follow.
const KEPT_ASIDE: u32 = 9;

/// A table of byte strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Rows,
    Quarantine,
}

/// An open store.
pub(crate) struct Disk {
    place: Place,
    cache_bytes: usize,
    /// `None` between a failure and the next opening.
    database: Option<Arc<Database>>,
    /// Whether redb could not even begin to read.
    failed: Cell<bool>,
    /// Where a file is kept that could not be used, and why.
    pub(crate) set_aside: Option<String>,
}

enum Place {
    File(PathBuf),
    /// A backend that was handed in.
    Backend(Box<OpenBackend>),
    /// Memory, which never fails and cannot be opened again.
    Memory,
}

type OpenBackend = dyn Fn(&Builder) -> Result<Database, DatabaseError> + Send;

/// What a store is called that is no file.
const NO_FILE: &str = "(not a file)";

/// The store as of a commit. What it can see stays on disk until it is dropped.
pub(crate) struct Reader {
    rows: ReadOnlyTable<&'static [u8], &'static [u8]>,
    quarantine: ReadOnlyTable<&'static [u8], &'static [u8]>,
    recent: ReadOnlyTable<u64, &'static [u8]>,
    path: PathBuf,
    /// Whether anything could not be read: redb refuses everything from then on.
    failed: AtomicBool,
}

/// A range of a table, in the order of keys.
pub(crate) struct Range<'a> {
    entries: redb::Range<'static, &'static [u8], &'static [u8]>,
    reader: &'a Reader,
}

/// An entry of a table.
pub(crate) struct Entry {
    key: AccessGuard<'static, &'static [u8]>,
    value: AccessGuard<'static, &'static [u8]>,
}

/// The small tables, read whole at start.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) copies: Vec<Copied>,
    pub(crate) positions: Vec<(u16, Partition, Position)>,
    pub(crate) in_step: Vec<(u16, Timestamp)>,
    pub(crate) digests: Vec<(Box<[u8]>, ZoneDigest)>,
    /// What the configuration said of zones when the digests were written; 0 where it is not known.
    pub(crate) zones: u64,
    pub(crate) quarantined: u64,
}

/// Why a file cannot be used as it is, though nothing is wrong with disk or rights.
enum Unusable {
    Newer(u64),
    /// It can be brought to the present format.
    Older(u64),
    Other(&'static str, String),
    Failed(StoreError),
}

// === impl Disk ===

impl Disk {
    /// Opens the file, or memory for `None`. A file of another version, and one that cannot be read, is
    /// renamed and a new one begun in its place.
    pub(crate) fn open(path: Option<&Path>, cache_bytes: usize) -> Result<Self, StoreError> {
        let Some(path) = path else {
            let database = builder(cache_bytes).create_with_backend(redb::backends::InMemoryBackend::new());
            return Self::prepared(Place::Memory, cache_bytes, database);
        };
        let mut aside = None;
        let database = match open_file(path, cache_bytes, true) {
            Ok(database) => database,
            Err(Unusable::Other(kind, why)) => {
                aside = Some(set_aside(path, kind, &why)?);
                open_file(path, cache_bytes, false).map_err(|again| again.into_error(path))?
            }
            Err(refused) => return Err(refused.into_error(path)),
        };
        let database = Some(Arc::new(database));
        Ok(Self {
            place: Place::File(path.into()),
            cache_bytes,
            database,
            failed: Cell::new(false),
            set_aside: aside,
        })
    }

    /// Opens a store on a backend of the caller's.
    pub(crate) fn open_backend(
        backend: impl StorageBackend + Clone,
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        let open = move |builder: &Builder| builder.create_with_backend(backend.clone());
        let database = open(&builder(cache_bytes));
        Self::prepared(Place::Backend(Box::new(open)), cache_bytes, database)
    }

    fn prepared(
        place: Place,
        cache_bytes: usize,
        database: Result<Database, DatabaseError>,
    ) -> Result<Self, StoreError> {
        let path = Path::new(NO_FILE);
        let database = database.map_err(|error| storage(path, error))?;
        prepare(&database, path).map_err(|unusable| unusable.into_error(path))?;
        Ok(Self {
            place,
            cache_bytes,
            database: Some(Arc::new(database)),
            failed: Cell::new(false),
            set_aside: None,
        })
    }

    /// Sets the file aside because its content turned out to be damaged, and begins a new one.
    pub(crate) fn begin_anew(&mut self, why: &str) -> Result<(), StoreError> {
        let Place::File(path) = &self.place else {
            return Err(StoreError::Corrupt(why.to_owned()));
        };
        let path = path.clone();
        self.database = None;
        let aside = set_aside(&path, "damaged", why)?;
        *self = Self::open(Some(&path), self.cache_bytes)?;
        self.set_aside = Some(aside);
        Ok(())
    }

    /// Opens the file again after a failure: redb refuses everything after one.
    pub(crate) fn reopen(&mut self) -> Result<(), StoreError> {
        let path = self.path().to_owned();
        // The file is locked until the last handle is gone.
        let reopened = match &self.place {
            Place::Memory => return Ok(()),
            Place::File(_) => {
                self.database = None;
                open_file(&path, self.cache_bytes, false).map_err(|unusable| match unusable {
                    // What is damaged now is set aside when the whole store is opened anew.
                    Unusable::Other(_, why) => StoreError::Corrupt(why),
                    unusable => unusable.into_error(&path),
                })?
            }
            Place::Backend(open) => {
                self.database = None;
                open(&builder(self.cache_bytes)).map_err(|error| storage(&path, error))?
            }
        };
        self.database = Some(Arc::new(reopened));
        self.failed.set(false);
        Ok(())
    }

    fn path(&self) -> &Path {
        match &self.place {
            Place::File(path) => path,
            Place::Backend(_) | Place::Memory => Path::new(NO_FILE),
        }
    }

    /// What to say while the file is not open.
    pub(crate) fn closed(&self) -> StoreError {
        storage(self.path(), StorageError::DatabaseClosed)
    }

    fn database(&self) -> Result<&Arc<Database>, StoreError> {
        self.database.as_ref().ok_or_else(|| self.closed())
    }

    /// Whether the file must be opened again before anything more can be read or written.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.get() || self.database.is_none()
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction, &Path) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self.database()?.begin_read().map_err(|error| storage(self.path(), error));
        let answer = transaction.and_then(|transaction| read(&transaction, self.path()));
        self.failed.set(self.failed.get() || answer.is_err());
        answer
    }

    /// The store as of the last commit.
    pub(crate) fn reader(&self) -> Result<Reader, StoreError> {
        self.read(Reader::new)
    }

    pub(crate) fn ledger(&self) -> Result<Ledger, StoreError> {
        self.read(ledger)
    }

    /// Rows and small tables as of one commit.
    pub(crate) fn snapshot(&self) -> Result<(Reader, Ledger), StoreError> {
        self.read(|transaction, path| Ok((Reader::new(transaction, path)?, ledger(transaction, path)?)))
    }

    /// A commit of this layer, as it was planned.
    pub(crate) fn job(&self, layer: Arc<Layer>, plan: Arc<Plan>) -> Result<CommitJob, StoreError> {
        Ok(CommitJob { database: Arc::clone(self.database()?), layer, plan, path: self.path().into() })
    }
}

/// Opens a file to look at it and nothing else. Nothing is set aside.
pub(crate) fn open_to_read(path: &Path) -> Result<(Reader, Ledger), StoreError> {
    let read = |transaction: Result<ReadTransaction, redb::TransactionError>| {
        let transaction = transaction.map_err(|error| storage(path, error))?;
        if let Some(unusable) = version(&transaction, path).err() {
            return Err(unusable.into_error(path));
        }
        Ok((Reader::new(&transaction, path)?, ledger(&transaction, path)?))
    };
    match builder(1 << 20).open_read_only(path) {
        Ok(database) => read(database.begin_read()),
        // Whoever wrote it was killed: redb mends it when it is opened to be written.
        Err(DatabaseError::RepairAborted) => {
            let database =
                builder(1 << 20).open(path).map_err(|error| opening(path, error).into_error(path))?;
            read(database.begin_read())
        }
        Err(error) => Err(opening(path, error).into_error(path)),
    }
}

// === impl Reader ===

impl Reader {
    fn new(transaction: &ReadTransaction, path: &Path) -> Result<Self, StoreError> {
        let open = |table| transaction.open_table(table).map_err(|error| storage(path, error));
        Ok(Self {
            rows: open(ROWS)?,
            quarantine: open(QUARANTINE)?,
            recent: transaction.open_table(RECENT).map_err(|error| storage(path, error))?,
            path: path.into(),
            failed: AtomicBool::new(false),
        })
    }

    /// The rows that are not in their places.
    pub(crate) fn recent(&self) -> Result<Recent, StoreError> {
        let mut recent = Recent::default();
        for record in self.recent.iter().map_err(|error| self.fail(error))? {
            let (number, record) = record.map_err(|error| self.fail(error))?;
            recent.read(number.value(), record.value())?;
        }
        Ok(recent)
    }

    fn table(&self, table: Table) -> &ReadOnlyTable<&'static [u8], &'static [u8]> {
        match table {
            Table::Rows => &self.rows,
            Table::Quarantine => &self.quarantine,
        }
    }

    fn fail(&self, error: StorageError) -> StoreError {
        self.failed.store(true, Ordering::Relaxed);
        storage(&self.path, error)
    }

    /// Whether the store must be opened again before anything more can be read.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    pub(crate) fn has(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        let value = self.table(table).get(key).map_err(|error| self.fail(error))?;
        Ok(value.is_some())
    }

    pub(crate) fn range(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<Range<'_>, StoreError> {
        let bounds = (Bound::Included(from), to.map_or(Bound::Unbounded, Bound::Excluded));
        let entries = self.table(table).range::<&[u8]>(bounds).map_err(|error| self.fail(error))?;
        Ok(Range { entries, reader: self })
    }
}

impl Range<'_> {
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, StoreError> {
        match self.entries.next() {
            None => Ok(None),
            Some(Ok((key, value))) => Ok(Some(Entry { key, value })),
            Some(Err(error)) => Err(self.reader.fail(error)),
        }
    }
}

impl Entry {
    pub(crate) fn key(&self) -> &[u8] {
        self.key.value()
    }

    pub(crate) fn value(&self) -> &[u8] {
        self.value.value()
    }
}

// === impl Unusable ===

impl Unusable {
    fn into_error(self, path: &Path) -> StoreError {
        match self {
            Self::Newer(found) => StoreError::NewerFormat { path: path.into(), found, known: FORMAT.into() },
            Self::Older(found) => {
                StoreError::OtherVersion { path: path.into(), found: format!("format {found}") }
            }
            Self::Other(_, found) => StoreError::OtherVersion { path: path.into(), found },
            Self::Failed(error) => error,
        }
    }
}

// === opening ===

fn builder(cache_bytes: usize) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(cache_bytes);
    builder
}

pub(crate) fn storage(path: &Path, error: impl Into<redb::Error>) -> StoreError {
    StoreError::Storage { path: path.into(), error: Box::new(error.into()) }
}

/// `checked` is for the start: every page is read and its checksum compared, so that no bit that turned over
/// while the node was down is ever served.
fn open_file(path: &Path, cache_bytes: usize, checked: bool) -> Result<Database, Unusable> {
    // redb may panic over a file that somebody else wrote to; that is a damaged file like another.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let mut builder = builder(cache_bytes);
        builder.set_check_integrity_on_open(checked);
        let database = InPortions::open(path).and_then(|file| builder.create_with_backend(file));
        let database = database.map_err(|error| opening(path, error))?;
        prepare(&database, path)?;
        Ok(database)
    }));
    opened.unwrap_or_else(|_| Err(Unusable::Other("damaged", "redb panicked over it".to_owned())))
}

/// Tells files that are damaged from disks that fail and rights that are missing.
fn opening(path: &Path, error: DatabaseError) -> Unusable {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            Unusable::Failed(StoreError::Locked { path: path.into() })
        }
        DatabaseError::UpgradeRequired(version) => {
            Unusable::Other("old-format", format!("redb format {version}"))
        }
        DatabaseError::Storage(StorageError::Corrupted(why)) => Unusable::Other("damaged", why),
        DatabaseError::Storage(StorageError::Io(error))
            if matches!(
                error.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
            ) =>
        {
            Unusable::Other("damaged", error.to_string())
        }
        error => Unusable::Failed(storage(path, error)),
    }
}

/// Begins a new file, or looks at what version one is of.
fn prepare(database: &Database, path: &Path) -> Result<(), Unusable> {
    let failed = |error: redb::Error| match error {
        redb::Error::Corrupted(why) => Unusable::Other("damaged", why),
        error => Unusable::Failed(storage(path, error)),
    };
    let transaction = database.begin_read().map_err(|error| failed(error.into()))?;
    let tables = transaction.list_tables().map_err(|error| failed(error.into()))?.count();
    if tables > 0 {
        return match version(&transaction, path) {
            Err(Unusable::Older(found)) => {
                drop(transaction);
                tracing::info!(store = %path.display(), found, format = FORMAT, "the store is brought to this format");
                migrate(database, found).map_err(failed)
            }
            looked => looked,
        };
    }
    drop(transaction);
    begin(database).map_err(failed)
}

fn begin(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert("format", u64::from(FORMAT))?;
    transaction.open_table(ROWS)?;
    transaction.open_table(QUARANTINE)?;
    transaction.open_table(POSITIONS)?;
    transaction.open_table(SOURCES)?;
    transaction.open_table(IN_STEP)?;
    transaction.open_table(COPIES)?;
    transaction.open_table(DIGESTS)?;
    transaction.open_table(RECENT)?;
    transaction.commit()?;
    Ok(())
}

/// From an older format, in one transaction.
///
/// - From 1: each source has one copy, which the decoder of the whole store filled. The digests follow from the
///   rows when they are read.
/// - From 2: all rows are in their places.
fn migrate(database: &Database, from: u64) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    let mut meta = transaction.open_table(META)?;
    let decoder = meta.remove("decoder")?.map_or(0, |decoder| decoder.value() as u32);
    meta.insert("format", u64::from(FORMAT))?;
    drop(meta);
    if from == 1 {
        let mut copies = transaction.open_table(COPIES)?;
        for entry in transaction.open_table(SOURCES)?.iter()? {
            copies.insert(entry?.0.value(), (Role::Serving.number(), decoder, 0, false))?;
        }
        drop(copies);
        transaction.open_table(DIGESTS)?;
    }
    transaction.open_table(RECENT)?;
    transaction.commit()?;
    Ok(())
}

fn version(transaction: &ReadTransaction, path: &Path) -> Result<(), Unusable> {
    let failed = |error: StorageError| match error {
        StorageError::Corrupted(why) => Unusable::Other("damaged", why),
        error => Unusable::Failed(storage(path, error)),
    };
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::Storage(error)) => return Err(failed(error)),
        Err(error) => return Err(Unusable::Other("damaged", error.to_string())),
    };
    let format = meta.get("format").map_err(failed)?.map_or(0, |value| value.value());
    match format {
        _ if format > u64::from(FORMAT) => Err(Unusable::Newer(format)),
        _ if format == u64::from(FORMAT) => Ok(()),
        _ if format >= MIGRATED => Err(Unusable::Older(format)),
        _ => Err(Unusable::Other("old-format", format!("format {format}, and this program writes {FORMAT}"))),
    }
}

/// Renames a file that cannot be used. Returns what became of it, for whoever looks at the node.
fn set_aside(path: &Path, kind: &str, why: &str) -> Result<String, StoreError> {
    let name = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{kind}-{number}"));
        PathBuf::from(name)
    };
    let free = (1..KEPT_ASIDE).map(name).find(|name| matches!(name.try_exists(), Ok(false)));
    let aside = free.unwrap_or_else(|| name(KEPT_ASIDE));
    std::fs::rename(path, &aside).map_err(|error| storage(path, StorageError::Io(error)))?;
    tracing::error!(
        store = %path.display(), aside = %aside.display(), why,
        "the store cannot be used and was set aside; it is rebuilt from the log"
    );
    Ok(format!("{}: {why}", aside.display()))
}

fn ledger(transaction: &ReadTransaction, path: &Path) -> Result<Ledger, StoreError> {
    read_ledger(transaction).map_err(|error| storage(path, error))
}

fn read_ledger(transaction: &ReadTransaction) -> Result<Ledger, redb::Error> {
    let mut ledger = Ledger::default();
    let corrupted = |what: &str| redb::Error::Corrupted(what.to_owned());
    let copies = transaction.open_table(COPIES)?;
    for (number, entry) in transaction.open_table(SOURCES)?.iter()?.enumerate() {
        let (key, value) = entry?;
        if usize::from(key.value()) != number {
            return Err(corrupted("the numbers of the sources have a gap"));
        }
        let copy = copies.get(key.value())?.ok_or_else(|| corrupted("a source has no copy"))?;
        let (role, decoder, began, accept_loss) = copy.value();
        ledger.copies.push(Copied {
            source: SourceId::new(value.value()),
            role: Role::of_number(role).ok_or_else(|| corrupted("a copy has no role"))?,
            decoder,
            began: Timestamp(began),
            accept_loss,
        });
    }
    for entry in transaction.open_table(POSITIONS)?.iter()? {
        let (key, value) = entry?;
        let (source, partition) = key.value();
        let position = Position::new(value.value());
        let position =
            position.map_err(|error| redb::Error::Corrupted(format!("a stored position: {error}")))?;
        ledger.positions.push((source, Partition(partition), position));
    }
    for entry in transaction.open_table(IN_STEP)?.iter()? {
        let (key, value) = entry?;
        ledger.in_step.push((key.value(), Timestamp(value.value())));
    }
    for entry in transaction.open_table(DIGESTS)?.iter()? {
        let (apex, digest) = entry?;
        ledger.digests.push((apex.value().into(), ZoneDigest::of_bytes(digest.value())));
    }
    let meta = transaction.open_table(META)?;
    ledger.zones = meta.get("zones")?.map_or(0, |value| value.value());
    ledger.quarantined = transaction.open_table(QUARANTINE)?.len()?;
    Ok(ledger)
}

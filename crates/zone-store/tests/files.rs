//! Stores in files: what is set aside, what is refused, what a command line may read.

mod support;

use redb::{Database, TableDefinition};
use std::path::{Path, PathBuf};
use support::{event, name, rrset, set, soa, topic};
use zone_model::{Limits, Partition, RecordType, SourceId, Timestamp};
use zone_store::{Batch, Store, StoreConfig, StoreError, read_records};

const META: TableDefinition<'static, &'static str, u64> = TableDefinition::new("meta");

fn config(path: &Path) -> StoreConfig {
    StoreConfig { path: Some(path.to_owned()), ..Default::default() }
}

/// A file with the zone `t.` and `a.t.|A`.
fn filled(path: &Path) {
    let mut store = Store::open(config(path)).unwrap();
    store.open_source(&topic()).unwrap();
    let events = vec![
        event(0, 1, 1, "t.|SOA", set("t.|SOA", rrset(None, &[&soa(1)]))),
        event(0, 2, 1, "a.t.|A", set("a.t.|A", rrset(None, &[b"1111"]))),
    ];
    store.apply(&Batch { source: topic(), events, positions: vec![], in_step: None }).unwrap();
    store.commit().unwrap();
}

fn beside(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    (directory, path)
}

fn set_meta(path: &Path, key: &str, value: u64) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert(key, value).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn a_store_is_what_it_was() {
    let (_directory, path) = directory();
    filled(&path);
    let store = Store::open(config(&path)).unwrap();
    assert_eq!((store.status(0).zones, store.status(0).slots), (1, 2));
    assert_eq!(beside(&path), ["store.redb"]);
}

/// "A corrupt or unreadable store is set aside (kept, named in the log) and rebuilt from the log."
#[test]
fn a_damaged_file_is_set_aside() {
    let (_directory, path) = directory();
    for number in 1..=11 {
        std::fs::write(&path, format!("no store at all, number {number}")).unwrap();
        let store = Store::open(config(&path)).unwrap();
        assert_eq!(store.status(0).slots, 0);
        drop(store);
        let aside = format!("store.redb.damaged-{}", number.min(9));
        let kept = std::fs::read_to_string(path.with_file_name(aside)).unwrap();
        assert_eq!(kept, format!("no store at all, number {number}"));
    }
    assert_eq!(beside(&path).len(), 10, "a bounded number is kept");
}

/// Damage inside of the file: wherever it is, the store opens, exactly as it was or empty.
#[test]
fn flipped_bytes_keep_nobody_down() {
    let (_directory, path) = directory();
    filled(&path);
    let good = std::fs::read(&path).unwrap();
    let wanted = Store::open(config(&path)).unwrap().zones(None, 0).unwrap();
    let mut set_aside = 0;
    let mut look = |bad: &[u8]| {
        std::fs::write(&path, bad).unwrap();
        let store = Store::open(config(&path)).unwrap();
        let is_empty = store.status(0).slots == 0;
        assert_eq!(store.set_aside().is_some(), is_empty);
        assert_eq!(store.zones(None, 0).unwrap(), if is_empty { vec![] } else { wanted.clone() });
        assert!(is_empty || store.status(0).positions == [(topic(), Partition(0), support::position(2))]);
        set_aside += usize::from(is_empty);
    };
    for at in (0..good.len()).step_by(good.len() / 60) {
        let mut bad = good.clone();
        bad[at..].iter_mut().take(700).for_each(|byte| *byte ^= 0x55);
        look(&bad);
    }
    // A single bit, where the rows are.
    let row = good.windows(4).position(|window| window == b"1111").unwrap();
    for bit in 0..40 {
        let mut bad = good.clone();
        bad[row - 16 + bit / 2] ^= 1 << (bit % 8);
        look(&bad);
    }
    for part in 1..8 {
        look(&good[..good.len() * part / 8]);
    }
    assert!(set_aside > 40, "damage is found: {set_aside}");
}

/// "A newer format is refused", and left where it is; one that is too old is set aside.
#[test]
fn versions() {
    let (_directory, path) = directory();
    filled(&path);
    set_meta(&path, "format", 0);
    assert!(matches!(
        read_records(&path, &name("a.t."), None, &Limits::default()),
        Err(StoreError::OtherVersion { .. })
    ));
    let store = Store::open(config(&path)).unwrap();
    assert_eq!(store.status(0).slots, 0);
    assert!(store.set_aside().unwrap().contains("store.redb.old-format-1: format 0"));
    drop(store);
    assert_eq!(beside(&path), ["store.redb", "store.redb.old-format-1"]);
    set_meta(&path, "format", 99);
    let refused = Store::open(config(&path)).unwrap_err();
    assert!(matches!(refused, StoreError::NewerFormat { found: 99, .. }), "{refused}");
    assert_eq!(beside(&path).len(), 2);
}

/// "A new version of the decoder rebuilds beside the serving state": what the other one filled serves until
/// then.
#[test]
fn another_decoder_reads_again_beside() {
    let (_directory, path) = directory();
    filled(&path);
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    let copies = TableDefinition::<u16, (u8, u32, i64, bool)>::new("copies");
    transaction.open_table(copies).unwrap().insert(0, (0, 0, 0, false)).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let mut store = Store::open(config(&path)).unwrap();
    assert_eq!(store.status(0).slots, 2, "it serves");
    let state = store.open_source(&topic()).unwrap();
    assert!(state.rebuilding && state.positions.is_empty(), "and is read from the beginning");
    // A restart goes on with it.
    let raw = "b.t.|A";
    let events = vec![
        event(0, 1, 1, "t.|SOA", set("t.|SOA", rrset(None, &[&soa(1)]))),
        event(0, 2, 1, "a.t.|A", set("a.t.|A", rrset(None, &[b"1111"]))),
    ];
    store.apply(&Batch { source: topic(), events, positions: vec![], in_step: None }).unwrap();
    store.commit().unwrap();
    drop(store);
    let mut store = Store::open(config(&path)).unwrap();
    let state = store.open_source(&topic()).unwrap();
    assert!(state.rebuilding && state.positions.len() == 1);
    let events = vec![event(0, 3, 1, raw, set(raw, rrset(None, &[b"2222"])))];
    let last = Batch { source: topic(), events, positions: vec![], in_step: Some(Timestamp(7)) };
    assert!(store.apply(&last).unwrap().rebuilt);
    assert_eq!(store.status(0).slots, 3);
    while store.sweep(1).unwrap() {}
    store.commit().unwrap();
    drop(store);
    let mut store = Store::open(config(&path)).unwrap();
    let state = store.open_source(&topic()).unwrap();
    assert_eq!((state.rebuilding, state.in_step), (false, Some(Timestamp(7))));
    assert_eq!(store.status(0).slots, 3);
}

/// CI keeps a small store of each format: they are brought to the present one, and lead to the same.
#[test]
fn stores_of_all_formats() {
    // In that of format 3 half of the rows are recent, and one that is in its place was removed since.
    for file in ["format-1.redb", "format-2.redb", "format-3.redb"] {
        let (_directory, path) = directory();
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores").join(file);
        std::fs::copy(kept, &path).unwrap();
        let mut store = Store::open(config(&path)).unwrap();
        assert_eq!(store.set_aside(), None, "{file}");
        let status = store.status(0);
        assert_eq!((status.zones, status.slots, status.quarantined), (1, 4, 1), "{file}");
        let zones = store.zones(None, 0).unwrap();
        assert_eq!((zones[0].serial, zones[0].rrsets), (6, 4), "{file}");
        let digest = "6c05c0e3a2037191c998fb22163186d49404c92f56ed2eae9902f961b41defce";
        assert_eq!(zones[0].digest.unwrap().to_string(), digest, "{file}");
        let other = SourceId::new("other");
        let found = store.records(&name("a.t."), Some(RecordType::A)).unwrap();
        assert_eq!(
            (found[0].source.clone(), found[0].rrset.rdatas()[0].to_vec()),
            (Some(other.clone()), b"3333".to_vec())
        );
        assert_eq!(store.quarantined(0).unwrap()[0].reason, "made up");
        let state = store.open_source(&topic()).unwrap();
        assert_eq!(state.positions, [(Partition(0), support::position(4))], "{file}");
        assert_eq!((state.in_step, state.rebuilding), (Some(Timestamp(9_000)), false), "{file}");
        assert_eq!(store.open_source(&other).unwrap().positions, [(Partition(3), support::position(9))]);
        store.commit().unwrap();
        drop(store);
        let store = Store::open(config(&path)).unwrap();
        assert_eq!((store.status(0).slots, store.digests_wrong()), (4, 0), "{file}");
    }
}

#[test]
fn a_file_in_use_is_refused_with_advice() {
    let (_directory, path) = directory();
    filled(&path);
    let store = Store::open(config(&path)).unwrap();
    let again = Store::open(config(&path)).unwrap_err();
    assert!(matches!(again, StoreError::Locked { .. }), "{again}");
    let read = read_records(&path, &name("a.t."), None, &Limits::default()).unwrap_err();
    assert!(read.to_string().contains("in use by a running node; ask it with --node"), "{read}");
    drop(store);
    let found = read_records(&path, &name("A.t."), Some(RecordType::A), &Limits::default()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].apex.clone(), found[0].source.clone()), (Some(name("t.")), Some(topic())));
    assert_eq!(found[0].extra.as_deref(), Some("[{\"x\":1}]"));
    assert_eq!(found[0].headers.len(), 1);
    assert_eq!(read_records(&path, &name("a.t."), Some(RecordType::MX), &Limits::default()).unwrap(), []);
}

/// Wrong rights or a missing directory are the operator's to mend: nothing is moved.
#[test]
fn a_path_that_cannot_be_opened_is_an_error() {
    let (directory, path) = directory();
    let missing = path.join("below").join("store.redb");
    assert!(matches!(Store::open(config(&missing)), Err(StoreError::Storage { .. })));
    assert!(matches!(Store::open(config(directory.path())), Err(StoreError::Storage { .. })));
    assert!(matches!(
        read_records(&path, &name("t."), None, &Limits::default()),
        Err(StoreError::Storage { .. })
    ));
}

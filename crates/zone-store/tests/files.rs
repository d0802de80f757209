//! Stores in files: what is set aside, what is refused, what a command line may read.

mod support;

use redb::{Database, TableDefinition};
use std::path::{Path, PathBuf};
use support::{event, name, rrset, set, soa, topic};
use zone_model::RecordType;
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

/// Damage inside of the file: wherever it is, the store opens, as it was or empty.
#[test]
fn flipped_bytes_keep_nobody_down() {
    let (_directory, path) = directory();
    filled(&path);
    let good = std::fs::read(&path).unwrap();
    let mut set_aside = 0;
    for at in (0..good.len()).step_by(good.len() / 60) {
        let mut bad = good.clone();
        bad[at..].iter_mut().take(700).for_each(|byte| *byte ^= 0x55);
        std::fs::write(&path, bad).unwrap();
        let store = Store::open(config(&path)).unwrap();
        set_aside += usize::from(store.status(0).slots == 0);
    }
    assert!(set_aside > 0, "some damage is found");
    std::fs::write(&path, &good[..good.len() / 2]).unwrap();
    Store::open(config(&path)).unwrap();
}

/// "A store that an older decoder filled is rebuilt; a newer format is refused."
#[test]
fn versions() {
    let (_directory, path) = directory();
    filled(&path);
    set_meta(&path, "decoder", 0);
    assert!(matches!(read_records(&path, &name("a.t."), None), Err(StoreError::OtherVersion { .. })));
    assert_eq!(Store::open(config(&path)).unwrap().status(0).slots, 0);
    filled(&path);
    set_meta(&path, "format", 0);
    assert_eq!(Store::open(config(&path)).unwrap().status(0).slots, 0);
    assert_eq!(beside(&path), ["store.redb", "store.redb.old-format-1", "store.redb.other-decoder-1"]);
    set_meta(&path, "format", 99);
    let refused = Store::open(config(&path)).unwrap_err();
    assert!(matches!(refused, StoreError::NewerFormat { found: 99, .. }), "{refused}");
    assert_eq!(beside(&path).len(), 3, "and left where it is");
}

#[test]
fn a_file_in_use_is_refused_with_advice() {
    let (_directory, path) = directory();
    filled(&path);
    let store = Store::open(config(&path)).unwrap();
    let again = Store::open(config(&path)).unwrap_err();
    assert!(matches!(again, StoreError::Locked { .. }), "{again}");
    let read = read_records(&path, &name("a.t."), None).unwrap_err();
    assert!(read.to_string().contains("in use by a running node; ask it with --node"), "{read}");
    drop(store);
    let found = read_records(&path, &name("A.t."), Some(RecordType::A)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].apex.clone(), found[0].source.clone()), (Some(name("t.")), Some(topic())));
    assert_eq!(found[0].extra.as_deref(), Some("[{\"x\":1}]"));
    assert_eq!(found[0].headers.len(), 1);
    assert_eq!(read_records(&path, &name("a.t."), Some(RecordType::MX)).unwrap(), []);
}

/// Wrong rights or a missing directory are the operator's to mend: nothing is moved.
#[test]
fn a_path_that_cannot_be_opened_is_an_error() {
    let (directory, path) = directory();
    let missing = path.join("below").join("store.redb");
    assert!(matches!(Store::open(config(&missing)), Err(StoreError::Storage { .. })));
    assert!(matches!(Store::open(config(directory.path())), Err(StoreError::Storage { .. })));
    assert!(matches!(read_records(&path, &name("t."), None), Err(StoreError::Storage { .. })));
}

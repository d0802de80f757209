//! The actor: messages in, catalogues out.

mod support;

use actix::prelude::*;
use messages::{
    ApplyChanges, ApplyError, AwaitApplied, CatalogPublished, ListZones, Measured, OpenSource, OpenZone,
    Permits, ReadQuarantine, ReadRecords, ReadStoreStatus, Shutdown, Value,
};
use std::sync::Arc;
use std::time::Duration;
use support::{Memory, event, name, position, rrset, served, set, soa, topic, unusable};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zone_model::zone::ZoneRrSet;
use zone_model::{Event, Partition, RecordType, Timestamp};
use zone_store::{Store, StoreConfig, StorePeers, ZoneStore, spawn_standalone};

/// Hands every message it gets to a channel.
struct Recorder<M>(UnboundedSender<M>);

impl<M: 'static> Actor for Recorder<M> {
    type Context = Context<Self>;
}

impl<M: Message<Result = ()> + Send + 'static> Handler<M> for Recorder<M> {
    type Result = ();

    fn handle(&mut self, message: M, _: &mut Self::Context) {
        let _ = self.0.send(message);
    }
}

fn recorder<M: Message<Result = ()> + Send + 'static>() -> (Recipient<M>, UnboundedReceiver<M>) {
    let (tell, told) = unbounded_channel();
    (Recorder(tell).start().recipient(), told)
}

fn open_topic() -> OpenSource {
    OpenSource { source: topic(), now: Timestamp(0), rebuild: None }
}

fn changes(number: u64, events: Vec<Event>) -> ApplyChanges {
    let positions = vec![(Partition(0), position(number))];
    let Some(permit) = Permits::new(1).try_take() else { unreachable!() };
    ApplyChanges { source: topic(), events, positions, in_step: None, permit }
}

fn zone_event(number: u64) -> Event {
    event(0, number, 1_000, "t.|SOA", set("t.|SOA", rrset(None, &[&soa(1)])))
}

fn a_event(number: u64, rdata: &[u8]) -> Event {
    event(0, number, 1_000, "a.t.|A", set("a.t.|A", rrset(None, &[rdata])))
}

fn a_of(published: &CatalogPublished) -> Option<Vec<Vec<u8>>> {
    served(&published.snapshot, &name("a.t."), RecordType::A).map(|(_, rdatas)| rdatas)
}

async fn next<M>(told: &mut UnboundedReceiver<M>) -> M {
    tokio::time::timeout(Duration::from_secs(5), told.recv()).await.unwrap().unwrap()
}

/// From the batch to the listener, the question, the disk, and the next start.
#[actix::test]
async fn a_batch_becomes_a_catalogue() {
    let directory = tempfile::tempdir().unwrap();
    let path = Some(directory.path().join("store.redb"));
    let config = StoreConfig { path, sources: vec![topic()], ..Default::default() };
    let (listener, mut published) = recorder::<CatalogPublished>();
    let (metrics, mut measured) = recorder::<Measured>();
    let peers = StorePeers { listeners: vec![listener.clone()], metrics: Some(metrics) };
    let running = ZoneStore::start_on_arbiter(config.clone(), peers).await.unwrap();
    let store = running.address.clone();
    let first = next(&mut published).await;
    assert!(!first.snapshot.in_service());
    assert_eq!(store.send(open_topic()).await.unwrap().unwrap(), Default::default());

    let batch = changes(3, vec![zone_event(1), a_event(2, b"1111"), event(0, 3, 1, "?", unusable("why"))]);
    let batch = ApplyChanges { in_step: Some(Timestamp(9)), ..batch };
    let applied = store.send(batch).await.unwrap().unwrap();
    assert_eq!((applied.changed, applied.quarantined), (2, 1));
    let second = next(&mut published).await;
    assert_eq!(second.number, applied.catalog);
    assert!(second.number > first.number && second.snapshot.in_service());
    assert_eq!(a_of(&second), Some(vec![b"1111".to_vec()]));
    assert_eq!(a_of(&first), None, "a snapshot stays what it is");

    let records = store.send(ReadRecords { owner: name("a.t."), rtype: None }).await.unwrap().unwrap();
    assert_eq!(records[0].position, Some(position(2)));
    assert_eq!(store.send(ListZones::default()).await.unwrap().unwrap()[0].serial, 1);
    assert_eq!(store.send(ReadQuarantine::default()).await.unwrap().unwrap()[0].reason, "why");
    let status = store.send(ReadStoreStatus).await.unwrap();
    assert_eq!((status.zones, status.slots, status.quarantined, status.events_applied), (1, 2, 1, 3));
    assert_eq!(status.positions, [(topic(), Partition(0), position(3))]);
    let mut names = Vec::new();
    while !names.contains(&"dns_store_commit_seconds") {
        names.extend(next(&mut measured).await.samples.into_iter().map(|sample| {
            let adds_up = sample.name != "dns_events_applied_total" || sample.value == Value::Count(3);
            assert!(adds_up, "{sample:?}");
            sample.name
        }));
    }
    assert!(names.contains(&"dns_propagation_seconds") && names.contains(&"dns_events_applied_total"));
    running.stop().await;

    // The next start answers at once, and reading goes on behind what was committed.
    let running =
        ZoneStore::start_on_arbiter(config, StorePeers { listeners: vec![listener], metrics: None });
    let running = running.await.unwrap();
    let again = next(&mut published).await;
    assert!(again.snapshot.in_service());
    assert_eq!(a_of(&again), Some(vec![b"1111".to_vec()]));
    let state = running.address.send(open_topic()).await.unwrap().unwrap();
    assert_eq!(state.positions, [(Partition(0), position(3))]);
    running.stop().await;
}

/// Waiting ends with the publication, or in time.
/// DESIGN, "The catalogue": who walks a zone sees a commit, and the one that holds what was applied before. A node that
/// has not been in step yet may have half a zone.
#[actix::test]
async fn a_zone_is_opened_behind_the_commit_of_what_was_applied() {
    let config = StoreConfig { sources: vec![topic()], ..Default::default() };
    let running = ZoneStore::start_on_arbiter(config, StorePeers::default()).await.unwrap();
    let store = running.address.clone();
    store.send(open_topic()).await.unwrap().unwrap();
    store.send(changes(1, vec![zone_event(1)])).await.unwrap().unwrap();
    let half = store.send(OpenZone { apex: name("t.") }).await.unwrap();
    assert!(half.unwrap_err().to_string().contains("has not been in step"));
    let in_step = ApplyChanges { in_step: Some(Timestamp(9)), ..changes(1, Vec::new()) };
    store.send(in_step).await.unwrap().unwrap();
    for number in 2..20 {
        store.send(changes(number, vec![a_event(number, &[number as u8; 4])])).await.unwrap().unwrap();
        let zone = store.send(OpenZone { apex: name("T.") }).await.unwrap().unwrap().0;
        let head = zone.head().unwrap().unwrap();
        assert_eq!(head.positions, [(topic(), Partition(0), position(number))]);
        let mut last = None;
        let mut visit = |set: ZoneRrSet| {
            last = Some(set);
            true
        };
        zone.read(&head, &mut visit).unwrap();
        assert_eq!(&*last.unwrap().rrset.rdatas()[0], &[number as u8; 4]);
    }
    running.stop().await;
}

#[actix::test]
async fn waiting_for_positions() {
    let config = StoreConfig::default();
    let store = ZoneStore::new(config.clone(), Store::open(config).unwrap(), StorePeers::default()).start();
    store.send(open_topic()).await.unwrap().unwrap();
    let wait = |number, timeout| {
        let positions = vec![(Partition(0), position(number))];
        store.send(AwaitApplied { source: topic(), positions, timeout: Duration::from_millis(timeout) })
    };
    let (early, late) = (wait(1, 5_000), wait(2, 50));
    let batch = store.send(changes(1, vec![zone_event(1)]));
    let (early, late, batch) = tokio::join!(early, late, batch);
    assert!(early.unwrap());
    assert!(!late.unwrap());
    batch.unwrap().unwrap();
    assert!(wait(1, 0).await.unwrap(), "behind already");
    store.send(Shutdown).await.unwrap();
    assert!(!store.connected());
}

/// A listener whose mailbox is full gets the newest catalogue when it has room, and nothing piles up.
#[actix::test]
async fn a_full_listener_gets_the_newest() {
    struct Slow(UnboundedSender<CatalogPublished>);
    impl Actor for Slow {
        type Context = Context<Self>;

        fn started(&mut self, ctx: &mut Self::Context) {
            ctx.set_mailbox_capacity(1);
        }
    }
    impl Handler<CatalogPublished> for Slow {
        type Result = AtomicResponse<Self, ()>;

        fn handle(&mut self, message: CatalogPublished, _: &mut Self::Context) -> Self::Result {
            let _ = self.0.send(message);
            let rest = fut::wrap_future(tokio::time::sleep(Duration::from_millis(40)));
            AtomicResponse::new(Box::pin(rest))
        }
    }
    let (tell, mut published) = unbounded_channel();
    let listener = Slow(tell).start().recipient();
    let config = StoreConfig { publish_every: Duration::ZERO, ..Default::default() };
    let peers = StorePeers { listeners: vec![listener], metrics: None };
    let store = ZoneStore::new(config.clone(), Store::open(config).unwrap(), peers).start();
    store.send(open_topic()).await.unwrap().unwrap();
    store.send(changes(1, vec![zone_event(1)])).await.unwrap().unwrap();
    let mut last = 0;
    for number in 2..50u64 {
        last = store
            .send(changes(number, vec![a_event(number, &number.to_be_bytes())]))
            .await
            .unwrap()
            .unwrap()
            .catalog;
    }
    let mut seen = 0;
    loop {
        let catalog = next(&mut published).await;
        seen += 1;
        if catalog.number == last {
            assert_eq!(a_of(&catalog), Some(vec![49u64.to_be_bytes().to_vec()]));
            break;
        }
    }
    assert!(seen < 20, "{seen} of {last} were handed out");
    store.send(Shutdown).await.unwrap();
}

/// A node is in service when its listeners answer, and they do when they have taken up what they were given.
#[actix::test]
async fn a_node_is_in_service_when_its_listener_is() {
    struct Busy(UnboundedSender<CatalogPublished>, Arc<Semaphore>);
    impl Actor for Busy {
        type Context = Context<Self>;
    }
    impl Handler<CatalogPublished> for Busy {
        type Result = AtomicResponse<Self, ()>;

        fn handle(&mut self, message: CatalogPublished, _: &mut Self::Context) -> Self::Result {
            let _ = self.0.send(message);
            let gate = Arc::clone(&self.1);
            let rest = async move { gate.acquire().await.unwrap().forget() };
            AtomicResponse::new(Box::pin(fut::wrap_future(rest)))
        }
    }
    let (tell, mut published) = unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let listener = Busy(tell, Arc::clone(&gate)).start().recipient();
    let config = StoreConfig { publish_every: Duration::ZERO, ..Default::default() };
    let peers = StorePeers { listeners: vec![listener], metrics: None };
    let store = ZoneStore::new(config.clone(), Store::open(config).unwrap(), peers).start();
    store.send(open_topic()).await.unwrap().unwrap();
    assert!(next(&mut published).await.snapshot.in_service());
    let mut last = 0;
    for (number, event) in [(1, zone_event(1)), (2, a_event(2, b"1111"))] {
        last = store.send(changes(number, vec![event])).await.unwrap().unwrap().catalog;
        assert!(!store.send(ReadStoreStatus).await.unwrap().in_service, "it is busy with the first");
    }
    gate.add_permits(1);
    while !store.send(ReadStoreStatus).await.unwrap().in_service {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let newest = next(&mut published).await;
    assert_eq!((newest.number, a_of(&newest)), (last, Some(vec![b"1111".to_vec()])));
    gate.add_permits(1);
    store.send(Shutdown).await.unwrap();
}

/// A backend that panics when it is told to, or only fails.
#[derive(Clone, Debug, Default)]
struct Mine(Memory, Arc<std::sync::atomic::AtomicU8>);

const WORKS: u8 = 0;
const PANICS: u8 = 1;
const FAILS: u8 = 2;

impl redb::StorageBackend for Mine {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        match self.1.load(std::sync::atomic::Ordering::Relaxed) {
            PANICS => panic!("a panic, as told"),
            FAILS => Err(std::io::Error::other("a failure, as told")),
            _ => self.0.read(offset, out),
        }
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.0.write(offset, data)
    }
}

/// A store of which every row is read from its file: it keeps none in memory.
fn read_from_disk() -> StoreConfig {
    StoreConfig { cache_bytes: 0, recent_rows: 0, ..Default::default() }
}

/// A panic is an error to the sender, the address stays, and a batch that might leave a gap is not applied.
#[actix::test]
async fn a_panic_is_answered_and_the_store_opened_again() {
    use std::sync::atomic::Ordering::Relaxed;
    let config = StoreConfig { commit_after: Duration::from_millis(1), ..read_from_disk() };
    let mine = Mine::default();
    let (own, again) = (mine.clone(), config.clone());
    let open = move || Store::open_backend(again.clone(), own.clone());
    let (listener, mut published) = recorder::<CatalogPublished>();
    let peers = StorePeers { listeners: vec![listener], metrics: None };
    let store = ZoneStore::with_factory(config, open().unwrap(), peers, Box::new(open)).start();
    store.send(open_topic()).await.unwrap().unwrap();
    store.send(changes(2, vec![zone_event(1), a_event(2, b"1111")])).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    mine.1.store(PANICS, Relaxed);
    let crashed = store.send(changes(3, vec![a_event(3, b"2222")])).await.unwrap();
    assert_eq!(crashed, Err(ApplyError::Crashed));
    mine.1.store(WORKS, Relaxed);
    assert!(store.send(ReadRecords { owner: name("a.t."), rtype: None }).await.unwrap().is_err());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let unopened = store.send(changes(4, vec![a_event(4, b"3333")])).await.unwrap();
    assert_eq!(unopened, Err(ApplyError::Crashed), "3 would be missing");
    let state = store.send(open_topic()).await.unwrap().unwrap();
    assert_eq!(state.positions, [(Partition(0), position(2))]);
    let both = changes(4, vec![a_event(3, b"2222"), a_event(4, b"3333")]);
    let number = store.send(both).await.unwrap().unwrap().catalog;
    loop {
        let catalog = next(&mut published).await;
        if catalog.number == number {
            assert_eq!(a_of(&catalog), Some(vec![b"3333".to_vec()]));
            break;
        }
    }
    store.send(Shutdown).await.unwrap();
}

/// Reads on where the store says, as who reads the log does after a failure, until all of this is applied.
async fn read_on(store: &Addr<ZoneStore>, log: &[Event]) {
    let mut tries = 0;
    loop {
        tries += 1;
        assert!(tries < 400, "it stays down");
        tokio::time::sleep(Duration::from_millis(25)).await;
        let Ok(Ok(state)) = store.send(open_topic()).await else { continue };
        let at = state.positions.first().map(|(_, position)| *position);
        let rest = log.iter().filter(|event| at.is_none_or(|at| event.position > at)).cloned().collect();
        let batch = ApplyChanges { in_step: Some(Timestamp(9)), ..changes(log.len() as u64, rest) };
        if store.send(batch).await.unwrap().is_ok() {
            return;
        }
    }
}

/// What every catalogue that was published says of `a.t.`, in their order; each once.
fn shown(published: &mut UnboundedReceiver<CatalogPublished>) -> Vec<Option<Vec<Vec<u8>>>> {
    let mut shown: Vec<_> = std::iter::from_fn(|| published.try_recv().ok()).map(|own| a_of(&own)).collect();
    shown.dedup();
    shown
}

/// DESIGN, "Publishing a snapshot does not wait for the disk": what was served and not committed when the store was
/// lost comes again from the log, and is not taken back meanwhile.
#[actix::test]
async fn a_store_that_was_lost_takes_nothing_back_that_was_served() {
    use std::sync::atomic::Ordering::Relaxed;
    let config =
        StoreConfig { commit_after: Duration::from_secs(3600), sources: vec![topic()], ..read_from_disk() };
    let mine = Mine::default();
    let (own, again) = (mine.clone(), config.clone());
    let open = move || Store::open_backend(again.clone(), own.clone());
    let log = [zone_event(1), a_event(2, b"1111"), a_event(3, b"2222"), a_event(4, b"3333")];
    let mut store = open().unwrap();
    store.open_source(&topic()).unwrap();
    let events = log[..2].to_vec();
    let first = zone_store::Batch { source: topic(), events, positions: vec![], in_step: Some(Timestamp(1)) };
    store.apply(&first).unwrap();
    store.commit().unwrap();
    let (listener, mut published) = recorder::<CatalogPublished>();
    let peers = StorePeers { listeners: vec![listener], metrics: None };
    let store = ZoneStore::with_factory(config, store, peers, Box::new(open)).start();
    store.send(open_topic()).await.unwrap().unwrap();
    store.send(changes(3, vec![log[2].clone()])).await.unwrap().unwrap();
    // The timer of the publication runs, and that of the commit does not.
    let a = |octets: &[u8]| Some(vec![octets.to_vec()]);
    let mut before = shown(&mut published);
    while before.last() != Some(&a(b"2222")) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        before.extend(shown(&mut published));
    }
    mine.1.store(PANICS, Relaxed);
    assert!(store.send(ReadRecords { owner: name("a.t."), rtype: None }).await.unwrap().is_err());
    mine.1.store(WORKS, Relaxed);
    let mut tries = 0;
    // It stands where the last commit was made, and says so to who asks for that.
    while store.send(ReadStoreStatus).await.unwrap().positions != [(topic(), Partition(0), position(2))] {
        tries += 1;
        assert!(tries < 400, "it stays down");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    // Long enough for a publication, were there one.
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(shown(&mut published), [], "1111 must not come again");
    read_on(&store, &log[..3]).await;
    read_on(&store, &log).await;
    store.send(Shutdown).await.unwrap();
    let after = shown(&mut published);
    assert!(after == [a(b"2222"), a(b"3333")] || after == [a(b"3333")], "{after:?}");
}

/// "Damage that is met while running sets the file aside, as at the start": what is served stays served while the log
/// is read again, and is then what the log says.
#[actix::test]
async fn damage_that_is_met_while_running_sets_the_file_aside_and_takes_nothing_back() {
    use std::os::unix::fs::FileExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let config = StoreConfig {
        path: Some(path.clone()),
        commit_after: Duration::from_millis(1),
        sources: vec![topic()],
        ..read_from_disk()
    };
    let (listener, mut published) = recorder::<CatalogPublished>();
    let store = Store::open(config.clone()).unwrap();
    let peers = StorePeers { listeners: vec![listener], metrics: None };
    let store = ZoneStore::new(config, store, peers).start();
    let log = [zone_event(1), a_event(2, b"1111"), a_event(3, b"2222")];
    read_on(&store, &log[..2]).await;
    // Once the walk is there, everything is committed.
    drop(store.send(OpenZone { apex: name("t.") }).await.unwrap().unwrap());
    let damaged = std::fs::read(&path).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    // All but the header: what says where everything is.
    file.write_all_at(&vec![0x55; damaged.len() - 4096], 4096).unwrap();
    read_on(&store, &log).await;
    let status = store.send(ReadStoreStatus).await.unwrap();
    assert!(status.set_aside.is_some_and(|aside| aside.contains("damaged-1")));
    assert!(path.with_file_name("store.redb.damaged-1").exists());
    assert_eq!((status.in_service, status.zones, status.slots), (true, 1, 2));
    store.send(Shutdown).await.unwrap();
    let shown = shown(&mut published);
    let a = |octets: &[u8]| Some(vec![octets.to_vec()]);
    assert_eq!(shown, [None, a(b"1111"), a(b"2222")], "no catalogue without it in between");
}

/// A disk that could not be read for a moment: redb refuses everything from then on, so it is opened again, also
/// where nothing is to be written and no batch comes.
#[actix::test]
async fn a_read_that_failed_is_mended_by_itself() {
    use std::sync::atomic::Ordering::Relaxed;
    let config = StoreConfig { commit_after: Duration::from_millis(1), ..read_from_disk() };
    let mine = Mine::default();
    let store = Store::open_backend(config.clone(), mine.clone()).unwrap();
    let store = ZoneStore::new(config, store, StorePeers::default()).start();
    store.send(open_topic()).await.unwrap().unwrap();
    let batch = changes(2, vec![zone_event(1), a_event(2, b"1111")]);
    store.send(ApplyChanges { in_step: Some(Timestamp(9)), ..batch }).await.unwrap().unwrap();
    // Once the walk is there, everything is committed.
    store.send(OpenZone { apex: name("t.") }).await.unwrap().unwrap();
    let read = || store.send(ReadRecords { owner: name("a.t."), rtype: None });
    mine.1.store(FAILS, Relaxed);
    assert!(read().await.unwrap().is_err());
    mine.1.store(WORKS, Relaxed);
    let mut tries = 0;
    while read().await.unwrap().is_err() {
        tries += 1;
        assert!(tries < 200, "it stays down");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    mine.1.store(FAILS, Relaxed);
    let refused = store.send(changes(3, vec![a_event(3, b"2222")])).await.unwrap();
    assert!(matches!(refused, Err(ApplyError::Store(_))), "{refused:?}");
    mine.1.store(WORKS, Relaxed);
    // The same store: it need not be opened by whoever reads the log.
    assert_eq!(store.send(changes(3, vec![a_event(3, b"2222")])).await.unwrap().unwrap().changed, 1);
    store.send(OpenZone { apex: name("t.") }).await.unwrap().unwrap();
    mine.1.store(FAILS, Relaxed);
    assert!(read().await.unwrap().is_err());
    // With nothing to commit and a disk that stays as it is, stopping is no wait without end.
    tokio::time::timeout(Duration::from_secs(20), store.send(Shutdown)).await.unwrap().unwrap();
}

/// Everything sent before a shutdown is handled and on disk when it is answered.
#[actix::test]
async fn shutdown_commits_what_came_before() {
    let memory = Memory::default();
    // So little may wait that batches queue behind commits.
    let config =
        StoreConfig { overlay_bytes: 2_000, commit_after: Duration::from_secs(3600), ..Default::default() };
    let store = Store::open_backend(config.clone(), memory.clone()).unwrap();
    let store = ZoneStore::new(config.clone(), store, StorePeers::default()).start();
    store.send(open_topic()).await.unwrap().unwrap();
    let batches: Vec<_> = (1..=60)
        .map(|number| {
            let raw = format!("n{number}.t.|A");
            let event = event(0, number, 1, &raw, set(&raw, rrset(None, &[b"1111"])));
            store.send(changes(number, vec![event]))
        })
        .collect();
    let (applied, stopped) = futures_join(batches, store.send(Shutdown)).await;
    stopped.unwrap();
    assert!(applied.iter().all(|applied| matches!(applied, Ok(Ok(_)))), "{applied:?}");
    let store = Store::open_backend(config, memory).unwrap();
    assert_eq!(store.status(0).slots, 60);
}

/// Awaits all of these at once: a message is sent when its future is first polled.
async fn futures_join<A: Future, B: Future>(all: Vec<A>, last: B) -> (Vec<A::Output>, B::Output) {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<A::Output>> = all.iter().map(|_| None).collect();
    let batches = std::future::poll_fn(move |cx| {
        for (own, done) in all.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = own.as_mut().poll(cx)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) {
            return std::task::Poll::Ready(done.iter_mut().filter_map(Option::take).collect());
        }
        std::task::Poll::Pending
    });
    tokio::join!(batches, last)
}

/// A program without actix: a handle, and addresses that work from anywhere.
#[test]
fn standing_alone() {
    let handle = spawn_standalone(StoreConfig::default(), StorePeers::default()).unwrap();
    let store = handle.address().clone();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let zones = runtime.block_on(async move {
        store.send(open_topic()).await.unwrap().unwrap();
        store.send(changes(1, vec![zone_event(1)])).await.unwrap().unwrap();
        store.send(ListZones::default()).await.unwrap().unwrap()
    });
    assert_eq!(zones.len(), 1);
    handle.stop();
    let config = StoreConfig { path: Some("/nowhere/at/all.redb".into()), ..Default::default() };
    assert!(spawn_standalone(config, StorePeers::default()).is_err());
}

/// The host is a program of its own kind, tokio's most likely: the store's actor starts within its runtime.
#[test]
fn it_runs_beside_a_runtime_of_tokio_s() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let handle = runtime.block_on(async { spawn_standalone(StoreConfig::default(), StorePeers::default()) });
    let handle = handle.unwrap();
    let status = runtime.block_on(handle.address().send(ReadStoreStatus)).unwrap();
    assert!(status.in_service, "no source is configured");
    handle.stop();
}

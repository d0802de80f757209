//! An interface, with a small actor in the place of its peers.

use actix::{Actor, Addr, Arbiter, Context, Handler, System};
use admin_api::{AdminApi, Config, Credentials, Peers, bind};
use messages::{
    AwaitApplied, Edit, HoldApplied, ListZones, LogFacts, Measured, OpenZone, OpenedZone, Publish,
    PublishError, Published, Quarantined, ReadDigests, ReadMetrics, ReadQuarantine, ReadRecords, ReadSources,
    ReadStoreStatus, ReadZone, RebuildError, RebuildSources, RecordSet, Shutdown, SourceStatus, StoreStatus,
    StoreUnavailable, ZoneHead, ZoneSummary,
};
use serde_json::Value as Json;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use zone_model::zone::ZoneRrSet;
use zone_model::{Name, Partition, Position, RecordType, RrSet, SourceId, Timestamp, rdata};

// === the peers ===

/// Stands for every peer at once; says what it was asked to change and what was counted.
struct Peer {
    in_service: bool,
    seen: Sender<Publish>,
    counted: Sender<Measured>,
}

impl Actor for Peer {
    type Context = Context<Self>;
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) fn position(bytes: &[u8]) -> Position {
    Position::new(bytes).unwrap()
}

impl Handler<ReadRecords> for Peer {
    type Result = Result<Vec<RecordSet>, StoreUnavailable>;

    fn handle(&mut self, message: ReadRecords, _: &mut Self::Context) -> Self::Result {
        if message.owner == name("down.example.") {
            return Err(StoreUnavailable("the disk is gone".into()));
        }
        if message.owner == name("slow.example.") {
            std::thread::sleep(Duration::from_millis(300));
        }
        if message.owner == name("panic.example.") {
            panic!("a peer that panics");
        }
        let rtype = message.rtype.unwrap_or(RecordType::A);
        let content = if rtype == RecordType::A { "192.0.2.1" } else { "text" };
        Ok(vec![RecordSet {
            apex: Some(name("example.")),
            owner: message.owner,
            rtype,
            slots: 1,
            rrset: RrSet::new(Some(60), [rdata::parse_text(rtype, content).unwrap()]),
            source: Some(SourceId::new("dns")),
            partition: Partition(3),
            key: b"a.example.|A".to_vec(),
            position: Some(position(&[1, 0xab])),
            timestamp: Timestamp(1_700_000_000_000),
            headers: vec![("producer".into(), b"tests".to_vec())],
            extra: Some(r#"[{"metadatas":{"producer":"tests"}}]"#.into()),
        }])
    }
}

impl Handler<ListZones> for Peer {
    type Result = Result<Vec<ZoneSummary>, StoreUnavailable>;

    fn handle(&mut self, message: ListZones, _: &mut Self::Context) -> Self::Result {
        let zone = |apex: &str| ZoneSummary {
            apex: name(apex),
            serial: 7,
            rrsets: 2,
            synthesised: false,
            newest: Timestamp(5),
            digest: Some(zone_model::ZoneDigest::of_bytes(&[0xab; 32])),
        };
        let all = [zone("a.example."), zone("b.example.")];
        let behind = |zone: &ZoneSummary| message.after.as_ref().is_none_or(|after| zone.apex > *after);
        let limit = if message.limit == 0 { 1_000 } else { message.limit };
        Ok(all.into_iter().filter(behind).take(limit).collect())
    }
}

/// A zone whose store breaks off behind its first RRset where it is named `broken`.
struct FakeZone(Name);

impl ReadZone for FakeZone {
    fn head(&self) -> Result<Option<ZoneHead>, StoreUnavailable> {
        let head = ZoneHead {
            apex: self.0.clone(),
            serial: 7,
            synthesised: false,
            rrsets: 2,
            default_ttl: 90,
            positions: vec![(SourceId::new("dns"), Partition(0), position(&[1, 2]))],
        };
        Ok(Some(head).filter(|head| head.apex != name("missing.")))
    }

    fn read(
        &self,
        head: &ZoneHead,
        visit: &mut dyn FnMut(ZoneRrSet) -> bool,
    ) -> Result<(), StoreUnavailable> {
        let soa = rdata::parse_text(RecordType::SOA, "ns. host. 7 2 3 4 5").unwrap();
        visit(ZoneRrSet::new(&head.apex, RecordType::SOA, &RrSet::new(Some(60), [soa])));
        if head.apex == name("broken.") {
            return Err(StoreUnavailable("the disk is gone".into()));
        }
        let many = if head.apex == name("large.") { 5_000 } else { 1 };
        for number in 0..many {
            let owner = head.apex.child(format!("a{number}").as_bytes()).unwrap();
            let target = RrSet::new(None, [rdata::parse_text(RecordType::CNAME, "b.example.").unwrap()]);
            visit(ZoneRrSet::new(&owner, RecordType::CNAME, &target));
        }
        Ok(())
    }
}

impl Handler<OpenZone> for Peer {
    type Result = Result<OpenedZone, StoreUnavailable>;

    fn handle(&mut self, message: OpenZone, _: &mut Self::Context) -> Self::Result {
        Ok(OpenedZone(Box::new(FakeZone(message.apex))))
    }
}

impl Handler<ReadStoreStatus> for Peer {
    type Result = actix::MessageResult<ReadStoreStatus>;

    fn handle(&mut self, _: ReadStoreStatus, _: &mut Self::Context) -> Self::Result {
        let positions = vec![(SourceId::new("dns"), Partition(0), position(&[1, 2]))];
        actix::MessageResult(StoreStatus {
            in_service: self.in_service,
            zones: 2,
            positions,
            ..StoreStatus::default()
        })
    }
}

impl Handler<AwaitApplied> for Peer {
    type Result = bool;

    fn handle(&mut self, message: AwaitApplied, _: &mut Self::Context) -> bool {
        message.source == SourceId::new("dns") && message.positions == [(Partition(0), position(&[1, 2]))]
    }
}

impl Handler<ReadQuarantine> for Peer {
    type Result = Result<Vec<Quarantined>, StoreUnavailable>;

    fn handle(&mut self, message: ReadQuarantine, _: &mut Self::Context) -> Self::Result {
        if message.after == Some((SourceId::new("a/b"), Partition(7), position(&[1, 0xab]))) {
            return Ok(Vec::new());
        }
        Ok(vec![Quarantined {
            source: SourceId::new("dns"),
            partition: Partition(0),
            position: position(&[1, 9]),
            timestamp: Timestamp(5),
            key: vec![0xff],
            value: Some(b"nonsense".to_vec()),
            headers: Vec::new(),
            reason: "the value is no JSON".into(),
        }])
    }
}

impl Handler<HoldApplied> for Peer {
    type Result = Result<Vec<(SourceId, Partition, Position)>, StoreUnavailable>;

    fn handle(&mut self, _: HoldApplied, _: &mut Self::Context) -> Self::Result {
        Ok(vec![(SourceId::new("dns"), Partition(0), position(&[1, 2]))])
    }
}

impl Handler<ReadDigests> for Peer {
    type Result = Result<Vec<ZoneSummary>, StoreUnavailable>;

    fn handle(&mut self, message: ReadDigests, _: &mut Self::Context) -> Self::Result {
        match &message.positions[..] {
            [(_, Partition(0), at)] if *at == position(&[1, 2]) => Ok(Vec::new()),
            _ => Err(StoreUnavailable("it has gone past these positions".to_owned())),
        }
    }
}

impl Handler<RebuildSources> for Peer {
    type Result = Result<Vec<SourceId>, RebuildError>;

    fn handle(&mut self, message: RebuildSources, _: &mut Self::Context) -> Self::Result {
        match message.source {
            Some(source) if source.as_str() != "dns" => Err(RebuildError::Unknown(source)),
            _ if message.accept_loss => Err(RebuildError::Busy(SourceId::new("dns"))),
            _ => Ok(vec![SourceId::new("dns")]),
        }
    }
}

impl Handler<ReadSources> for Peer {
    type Result = Vec<SourceStatus>;

    fn handle(&mut self, _: ReadSources, _: &mut Self::Context) -> Vec<SourceStatus> {
        let source = |id, alarm| SourceStatus {
            source: SourceId::new(id),
            kind: "journal",
            connected: true,
            in_step: Some(Timestamp(9)),
            alarm,
            rebuilding: None,
            rebuilds_begun: 0,
            last_error: None,
            events_read: 4,
            log: LogFacts::default(),
            warnings: vec!["it is not compacted".into()],
            partitions: Vec::new(),
        };
        vec![source("dns", None), source("shrunk", Some("it shrank".to_owned()))]
    }
}

impl Handler<ReadMetrics> for Peer {
    type Result = String;

    fn handle(&mut self, _: ReadMetrics, _: &mut Self::Context) -> String {
        "dns_queries_total 3\n".into()
    }
}

impl Handler<Publish> for Peer {
    type Result = Result<Published, PublishError>;

    fn handle(&mut self, message: Publish, _: &mut Self::Context) -> Self::Result {
        let owner = match &message.edits[0] {
            Edit::Set { owner, .. } | Edit::Remove { owner, .. } => owner.to_string(),
        };
        self.seen.send(message).unwrap();
        match owner.as_str() {
            "refused.example." => Err(PublishError::Refused("no zone".into())),
            "conflict.example." => Err(PublishError::Conflict("serial 8".into())),
            "away.example." => Err(PublishError::Unavailable("no broker".into())),
            "unknown.example." => Err(PublishError::Unknown("timed out".into())),
            _ => Ok(Published {
                source: SourceId::new("dns"),
                positions: vec![(Partition(0), position(&[1, 2]))],
                events: 2,
            }),
        }
    }
}

impl Handler<Measured> for Peer {
    type Result = ();

    fn handle(&mut self, message: Measured, _: &mut Self::Context) {
        // The test may be over.
        drop(self.counted.send(message));
    }
}

// === the node ===

/// An interface with its peer, on a thread with an actor system.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Receiver<Publish>,
    pub(crate) counted: Receiver<Measured>,
    pub(crate) admin: Addr<AdminApi>,
    pub(crate) system: System,
    pub(crate) thread: JoinHandle<()>,
}

pub(crate) struct Setup {
    pub(crate) credentials: Option<Credentials>,
    pub(crate) in_service: bool,
    pub(crate) peers: bool,
    pub(crate) max_in_flight: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self { credentials: None, in_service: true, peers: true, max_in_flight: 64 }
    }
}

pub(crate) fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", address));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let response = agent.run(request.body(body.to_owned()).unwrap());
    let mut response = response.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

impl Node {
    pub(crate) fn start(setup: Setup) -> Self {
        let config = Config {
            addresses: vec!["127.0.0.1:0".parse().unwrap()],
            credentials: setup.credentials,
            instance_id: Some("node-1".into()),
            read_timeout_ms: 100,
            max_in_flight: setup.max_in_flight,
            max_body: 2_000,
            ..Config::default()
        };
        let bound = bind(config).unwrap();
        let address = bound.addresses()[0];
        let ((seen_by, seen), (counted_by, counted), (ready_by, ready)) = (channel(), channel(), channel());
        let thread = std::thread::spawn(move || {
            let system = System::new();
            system.block_on(async {
                let peers = if setup.peers {
                    let arbiter = Arbiter::new();
                    let peer = Peer::start_in_arbiter(&arbiter.handle(), move |_| Peer {
                        in_service: setup.in_service,
                        seen: seen_by,
                        counted: counted_by,
                    });
                    Peers {
                        sources: Some(peer.clone().recipient()),
                        rebuild: Some(peer.clone().recipient()),
                        publish: Some(peer.clone().recipient()),
                        metrics: Some(peer.clone().recipient()),
                        measured: Some(peer.clone().recipient()),
                        ..Peers::of_store(&peer)
                    }
                } else {
                    Peers::default()
                };
                let arbiter = Arbiter::new();
                let admin = AdminApi::start_in_arbiter(&arbiter.handle(), move |_| bound.into_actor(peers));
                ready_by.send((admin, System::current())).unwrap();
            });
            system.run().unwrap();
        });
        let (admin, system) = ready.recv().unwrap();
        Self { address, seen, counted, admin, system, thread }
    }

    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        call(self.address, method, path, fields, body)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Json) {
        let (status, body) = self.call("GET", path, &[], "");
        (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{path}: {body}")))
    }

    /// Stops the interface and says how long that took.
    pub(crate) fn stop(self) -> Duration {
        let began = Instant::now();
        let (done_by, done) = channel();
        let admin = self.admin.clone();
        std::thread::spawn(move || {
            System::new().block_on(async {
                done_by.send(admin.send(Shutdown).await.is_ok()).unwrap();
            });
        });
        assert!(done.recv().unwrap(), "the reply says that it stopped");
        let took = began.elapsed();
        assert!(std::net::TcpStream::connect(self.address).is_err(), "nothing is accepted any more");
        self.system.stop();
        self.thread.join().unwrap();
        took
    }
}

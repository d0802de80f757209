//! The interface over HTTP, with small actors in the place of its peers.

use actix::{Actor, Addr, Arbiter, Context, Handler, System};
use admin_api::{AdminApi, Config, Credentials, Peers, bind};
use messages::{
    AwaitApplied, Draining, Edit, HoldApplied, ListZones, LogFacts, Measured, OpenZone, OpenedZone, Publish,
    PublishError, Published, Quarantined, ReadDigests, ReadMetrics, ReadQuarantine, ReadRecords, ReadSources,
    ReadStoreStatus, ReadZone, RebuildError, RebuildSources, RecordSet, Shutdown, SourceStatus, StoreStatus,
    StoreUnavailable, Value, ZoneHead, ZoneSummary,
};
use serde_json::{Value as Json, json};
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

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn position(bytes: &[u8]) -> Position {
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
struct Node {
    address: SocketAddr,
    seen: Receiver<Publish>,
    counted: Receiver<Measured>,
    admin: Addr<AdminApi>,
    system: System,
    thread: JoinHandle<()>,
}

struct Setup {
    credentials: Option<Credentials>,
    in_service: bool,
    peers: bool,
    max_in_flight: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self { credentials: None, in_service: true, peers: true, max_in_flight: 64 }
    }
}

fn call(address: SocketAddr, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> (u16, String) {
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
    fn start(setup: Setup) -> Self {
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

    fn call(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> (u16, String) {
        call(self.address, method, path, fields, body)
    }

    fn get(&self, path: &str) -> (u16, Json) {
        let (status, body) = self.call("GET", path, &[], "");
        (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{path}: {body}")))
    }

    /// Stops the interface and says how long that took.
    fn stop(self) -> Duration {
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

// === tests ===

#[actix::test]
async fn it_runs_on_a_thread_of_its_own_without_an_actix_host() {
    let config = Config { addresses: vec!["127.0.0.1:0".parse().unwrap()], ..Config::default() };
    let handle = admin_api::spawn_standalone(config, Peers::default()).unwrap();
    let address = handle.addresses[0];
    assert_eq!(call(address, "GET", "/healthz", &[], "").0, 200);
    handle.shutdown().await;
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn both_families_can_have_one_port() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return; // this machine has no IPv6
    }
    let credentials = Some(Credentials { username: "u".into(), password: "p".into(), jwt_secret: None });
    let config = |address: String| Config {
        addresses: vec![address.parse().unwrap()],
        credentials: credentials.clone(),
        ..Config::default()
    };
    let four = bind(config("0.0.0.0:0".into())).unwrap();
    let port = four.addresses()[0].port();
    let six = bind(config(format!("[::]:{port}")));
    assert!(six.is_ok(), "{six:?}");
    let again = bind(config(format!("0.0.0.0:{port}"))).unwrap_err().to_string();
    assert!(again.contains(&port.to_string()), "{again}");
}

#[test]
fn health_and_readiness() {
    let node = Node::start(Setup::default());
    assert_eq!(node.get("/healthz").0, 200);
    assert_eq!(node.get("/readyz"), (200, json!({"ready": true})));
    assert_eq!(node.call("HEAD", "/readyz", &[], ""), (200, String::new()));
    node.admin.do_send(Draining);
    let limit = Instant::now() + Duration::from_secs(5);
    while node.get("/readyz").0 == 200 && Instant::now() < limit {}
    let (status, body) = node.get("/readyz");
    assert_eq!((status, &body["ready"]), (503, &json!(false)));
    assert!(body["reason"].as_str().unwrap().contains("about to stop"));
    assert_eq!(node.get("/healthz").0, 200, "a node that drains lives");
    assert!(node.stop() < Duration::from_secs(3));

    // DESIGN, "Start and health": freshness is a separate question with its own path. One of the logs has an alarm,
    // the other was in step in 1970; the node is ready all the same.
    let node = Node::start(Setup::default());
    let (status, body) = node.get("/freshz");
    assert_eq!((status, &body["fresh"]), (503, &json!(false)));
    let reasons: Vec<&str> = body["reasons"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
    assert!(reasons[0].contains("dns") && reasons[1].contains("it shrank"), "{reasons:?}");
    assert_eq!(node.get("/readyz").0, 200);
    node.stop();

    let node = Node::start(Setup { in_service: false, ..Setup::default() });
    let (status, body) = node.get("/readyz");
    assert!(status == 503 && body["reason"].as_str().unwrap().contains("in step"), "{body}");
    node.stop();

    // A store that is busy for longer than is waited for takes no node out of service that was in it.
    let node = Node::start(Setup::default());
    assert_eq!(node.get("/readyz").0, 200);
    assert_eq!(node.get("/v1/records?name=slow.example.").0, 503);
    assert_eq!(node.get("/readyz").0, 200);
    node.stop();

    let node = Node::start(Setup { peers: false, ..Setup::default() });
    assert_eq!((node.get("/healthz").0, node.get("/readyz").0), (200, 503));
    assert!(node.get("/freshz").1["reasons"][0].as_str().unwrap().contains("does not answer"));
    node.stop();
}

#[test]
fn what_the_node_knows_is_shown() {
    let node = Node::start(Setup::default());
    let (status, body) = node.get("/v1/records?name=a.example&type=a");
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!([{
            "zone": "example.", "name": "a.example.", "type": "A", "ttl": 60, "contents": ["192.0.2.1"],
            "slots": 1, "source": "dns", "partition": 3, "position": "01ab", "timestamp": 1_700_000_000_000_i64,
            "key": "a.example.|A", "headers": {"producer": "tests"},
            "metadatas": [{"metadatas": {"producer": "tests"}}],
        }])
    );
    assert_eq!(node.get("/v1/records?name=a.example&type=TXT").1[0]["contents"], json!(["\"text\""]));
    let (_, zones) = node.get("/v1/zones");
    assert_eq!(
        zones[0],
        json!({
            "name": "a.example.", "serial": 7, "rrsets": 2, "synthesised": false, "newest": 5,
            "digest": "ab".repeat(32),
        })
    );
    assert_eq!(node.get("/v1/zones?limit=1").1.as_array().unwrap().len(), 1);
    assert_eq!(node.get("/v1/zones?after=a.example").1[0]["name"], "b.example.");
    let (_, status) = node.get("/v1/status");
    assert_eq!(
        (&status["in_service"], &status["instance"], &status["draining"]),
        (&json!(true), &json!("node-1"), &json!(false))
    );
    assert_eq!(status["positions"], json!([{"source": "dns", "partition": 0, "position": "0102"}]));
    assert_eq!(status["sources"][0]["kind"], "journal");
    assert_eq!(node.get("/v1/quarantine?after=a/b/7/01ab"), (200, json!([])), "a page behind a place");
    for wrong in ["7/01ab", "a/x/01ab", "a/7/", "a/7/zz"] {
        assert_eq!(node.get(&format!("/v1/quarantine?after={wrong}")).0, 400, "{wrong}");
    }
    let (_, quarantine) = node.get("/v1/quarantine");
    assert_eq!(
        (&quarantine[0]["key"], &quarantine[0]["value"]),
        (&json!({"base64": "/w=="}), &json!("nonsense"))
    );
    let (status, text) = node.call("GET", "/metrics", &[], "");
    assert_eq!((status, text.as_str()), (200, "dns_queries_total 3\n"));
    node.stop();
}

#[test]
fn a_change_goes_to_the_producer_and_can_be_waited_for() {
    let node = Node::start(Setup::default());
    let wanted = r#"{"name":"a.example","type":"A","ttl":60,"contents":["192.0.2.1"]}"#;
    let (status, body) = node.call("PUT", "/v1/records?producer=me", &[], wanted);
    assert_eq!(status, 200, "{body}");
    let published: Json = serde_json::from_str(&body).unwrap();
    assert_eq!(
        published,
        json!({"source": "dns", "positions": [{"partition": 0, "position": "0102"}], "events": 2})
    );
    let seen = node.seen.recv().unwrap();
    assert_eq!(seen.producer, "me");
    assert!(
        matches!(&seen.edits[..], [Edit::Set { rrset, .. }] if rrset.ttl == Some(60) && rrset.len() == 1)
    );

    let wait = json!({"source": "dns", "positions": published["positions"], "timeout_ms": 50}).to_string();
    assert_eq!(node.call("POST", "/v1/await", &[], &wait), (200, "{\"applied\":true}\n".into()));

    // Positions in a log with an alarm say nothing: it may be another file than the one that was read.
    let wait = json!({"source": "shrunk", "positions": published["positions"], "timeout_ms": 50}).to_string();
    let (status, body) = node.call("POST", "/v1/await", &[], &wait);
    assert!(status == 503 && body.contains("it shrank"), "{status} {body}");

    assert_eq!(node.call("DELETE", "/v1/records?name=a.example&type=A", &[], "").0, 200);
    let seen = node.seen.recv().unwrap();
    assert_eq!(seen.edits, [Edit::Remove { owner: name("a.example."), rtype: RecordType::A }]);
    assert_eq!(seen.producer, "admin-api");

    for (owner, status) in [("refused", 422), ("conflict", 409), ("away", 503), ("unknown", 504)] {
        let (got, body) = node.call("DELETE", &format!("/v1/records?name={owner}.example&type=A"), &[], "");
        assert_eq!(got, status, "{body}");
        assert!(serde_json::from_str::<Json>(&body).unwrap()["error"].is_string());
    }
    node.stop();
}

#[test]
fn what_is_wrong_is_refused_with_a_reason_in_json() {
    let node = Node::start(Setup::default());
    let large = "x".repeat(2_001);
    for (method, path, body, status) in [
        ("GET", "/", "", 404),
        ("GET", "/v1/nothing", "", 404),
        ("POST", "/v1/zones", "", 405),
        ("GET", "/v1/await", "", 405),
        ("GET", "/v1/records", "", 400),
        ("GET", "/v1/records?name=a..b", "", 400),
        ("GET", "/v1/records?name=a.example&type=NONSENSE", "", 400),
        ("GET", "/v1/records?name=a.example&colour=red", "", 400),
        ("GET", "/v1/zones?limit=0", "", 400),
        ("GET", "/v1/records?name=down.example", "", 503),
        ("PUT", "/v1/records", "nonsense", 400),
        ("PUT", "/v1/records", large.as_str(), 413),
        ("DELETE", "/v1/records?name=a.example", "", 400),
        ("POST", "/v1/await", "{}", 400),
        ("POST", "/signin", r#"{"username":"u","password":"p"}"#, 404),
    ] {
        let (got, body) = node.call(method, path, &[], body);
        assert_eq!(got, status, "{method} {path}: {body}");
        let error: Json = serde_json::from_str(&body).unwrap();
        assert!(error["error"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    }
    node.stop();
}

#[test]
fn a_peer_that_is_slow_or_gone_costs_its_own_request_alone() {
    let node = Node::start(Setup::default());
    let (status, body) = node.get("/v1/records?name=slow.example");
    assert!(status == 503 && body["error"].as_str().unwrap().contains("100 ms"), "{body}");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(node.get("/v1/records?name=a.example").0, 200);
    assert_eq!(node.get("/v1/records?name=panic.example").0, 503);
    assert_eq!(node.get("/healthz").0, 200);
    node.stop();
}

#[test]
fn no_more_than_the_bound_are_under_way() {
    let node = Node::start(Setup { max_in_flight: 1, ..Setup::default() });
    let address = node.address;
    std::thread::scope(|scope| {
        let slow = scope.spawn(move || call(address, "GET", "/v1/records?name=slow.example", &[], "").0);
        std::thread::sleep(Duration::from_millis(40));
        let (status, body) = node.get("/v1/records?name=a.example");
        assert!(status == 503 && body["error"].as_str().unwrap().contains("too many"), "{body}");
        assert_eq!(node.get("/healthz").0, 200, "health is not counted");
        assert_eq!(slow.join().unwrap(), 503);
    });
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(node.get("/v1/records?name=a.example").0, 200, "the place was given back");
    node.stop();
}

#[test]
fn credentials_guard_everything_but_health_and_metrics() {
    let credentials = Credentials {
        username: "ops".into(),
        password: "s3cret".into(),
        jwt_secret: Some("a secret of some length".into()),
    };
    let node = Node::start(Setup { credentials: Some(credentials), ..Setup::default() });
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/freshz", 503), ("/metrics", 200)] {
        assert_eq!(node.call("GET", path, &[], "").0, status, "{path}");
    }
    for path in
        ["/v1/status", "/v1/zones", "/v1/records?name=a.", "/v1/quarantine", "/search?pattern=a.", "/nothing"]
    {
        assert_eq!(node.call("GET", path, &[], "").0, 401, "{path}");
        assert_eq!(node.call("GET", path, &[("authorization", "Basic b3BzOndyb25n")], "").0, 401, "{path}");
    }
    // ops:s3cret
    let basic = [("authorization", "Basic b3BzOnMzY3JldA=="), ("host", "dns.example")];
    assert_eq!(node.call("GET", "/v1/status", &basic, "").0, 200);
    assert_eq!(node.call("DELETE", "/v1/records?name=a.&type=A", &basic, "").0, 200);

    // The older server's way: curl -d sends a form's content type.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let (status, body) = node.call("POST", "/signin", &form, r#"{"username":"ops","password":"s3cret"}"#);
    assert_eq!(status, 200, "{body}");
    let token: Json = serde_json::from_str(&body).unwrap();
    let cookie = format!("token={}", token["token"].as_str().unwrap());
    let (status, body) = node.call("GET", "/search?pattern=a.example.", &[("cookie", &cookie)], "");
    assert_eq!(status, 200);
    let found: Json = serde_json::from_str(&body).unwrap();
    assert_eq!(
        found,
        json!([[{"Name": "a.example.", "Type": "A", "Content": "192.0.2.1", "Ttl": 60, "Priority": 0}]])
    );
    assert_eq!(node.call("POST", "/signin", &form, r#"{"username":"ops","password":"wrong"}"#).0, 401);
    node.stop();
}

#[test]
fn without_credentials_no_foreign_host_name_changes_anything() {
    let node = Node::start(Setup::default());
    let foreign = [("host", "evil.example")];
    assert_eq!(node.call("DELETE", "/v1/records?name=a.&type=A", &foreign, "").0, 403);
    assert!(node.seen.try_recv().is_err());
    assert_eq!(node.call("GET", "/v1/zones", &foreign, "").0, 200);
    node.stop();
}

#[test]
fn requests_are_counted_by_route_and_status() {
    let node = Node::start(Setup::default());
    node.get("/v1/zones");
    node.get("/v1/records?name=a..b");
    node.get("/a/path/that/a/client/chose");
    let mut counted = Vec::new();
    while counted.len() < 3 {
        counted.extend(node.counted.recv_timeout(Duration::from_secs(5)).unwrap().samples);
    }
    let mut labels: Vec<String> = counted
        .iter()
        .map(|sample| {
            assert_eq!((sample.name, &sample.value), ("dns_admin_requests_total", &Value::Count(1)));
            sample.labels.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(" ")
        })
        .collect();
    labels.sort();
    assert_eq!(labels, ["/v1/records 400", "/v1/zones 200", "other 404"]);
    node.stop();
}

/// A zone goes out whole as a master file, and one that breaks off is no answer.
#[test]
fn a_zone_is_a_master_file() {
    let node = Node::start(Setup::default());
    let (status, body) = call(node.address, "GET", "/v1/zone?name=Example", &[], "");
    let want = "; zone example. serial 7 rrsets 2\nexample. 60 IN SOA ns. host. 7 2 3 4 5\n\
                a0.example. 90 IN CNAME b.example. ; no TTL set\n";
    assert_eq!((status, body.to_lowercase().as_str()), (200, want.to_lowercase().as_str()));
    let (_, body) = call(node.address, "GET", "/v1/zone?name=large.", &[], "");
    assert_eq!(body.lines().count(), 5_002, "a zone of several pieces");
    let (status, body) = call(node.address, "GET", "/v1/zone?name=missing.", &[], "");
    assert_eq!((status, body.as_str()), (404, "{\"error\":\"this node has no zone missing.\"}\n"));
    assert_eq!(call(node.address, "GET", "/v1/zone", &[], "").0, 400);
    assert_eq!(call(node.address, "GET", "/v1/zone?name=a..b", &[], "").0, 400);

    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    // It breaks off behind its first piece or, where that was not sent yet, in front of it.
    let broken = agent.get(format!("http://{}/v1/zone?name=broken.", node.address)).call();
    let whole = broken.is_ok_and(|mut broken| broken.body_mut().read_to_string().is_ok());
    assert!(!whole, "half a zone does not end like a whole one");
    node.stop();
}

#[test]
fn what_is_remarkable_in_a_zone_is_shown() {
    let node = Node::start(Setup::default());
    let (status, body) = call(node.address, "GET", "/v1/zone/reports?name=example.", &[], "");
    let report: Json = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &report["errors"], &report["records"]), (200, &json!(1), &json!(2)));
    assert_eq!(report["reports"][0]["code"], "no-ns");
    assert_eq!(report["reports"][0]["severity"], "error");
    assert_eq!(report["positions"][0]["position"], "0102");
    assert_eq!(call(node.address, "GET", "/v1/zone/reports?name=missing.", &[], "").0, 404);
    assert_eq!(call(node.address, "GET", "/v1/zone/reports?name=broken.", &[], "").0, 503);
    assert_eq!(call(node.address, "GET", "/v1/zone/reports?name=example.&limit=0", &[], "").0, 400);
    node.stop();
}

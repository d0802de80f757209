//! The interface over HTTP, with small actors in the place of its peers.

mod node;

use admin_api::{Config, Credentials, Peers, bind};
use messages::{Draining, Edit, Value};
use node::*;
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};
use zone_model::RecordType;

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

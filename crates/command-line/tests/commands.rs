//! The commands as they are typed, on journals in temporary directories and on a node that is made up.

use command_line::{Cli, ClientSettings, Command, Console, Credentials, LogTarget, run_on};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};

const SOA: &str = "ns.example. host.example. 1 3600 600 86400 300";

/// What a command did: exit status, standard output, standard error, and the error that ended it.
struct Done {
    code: Option<ExitCode>,
    out: String,
    err: String,
    error: String,
}

/// Runs a command; words with blanks stand in single quotes.
fn run(settings: &ClientSettings, line: &str) -> Done {
    let words = line.split('\'').enumerate().flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    let cli = Cli::try_parse_from(std::iter::once("stream-dns".to_owned()).chain(words)).unwrap();
    let Command::Client(command) = cli.command else { panic!("`{line}` is the binary's") };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console { out: &mut out, err: &mut err, input: None, live: false };
    let done = run_on(&command, settings, &mut console);
    Done {
        error: done.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default(),
        code: done.ok(),
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
    }
}

fn journal() -> (tempfile::TempDir, ClientSettings) {
    let directory = tempfile::tempdir().unwrap();
    let log = Some(LogTarget::Journal(directory.path().join("journal.jsonl")));
    (directory, ClientSettings { log, ..ClientSettings::default() })
}

fn succeeded(done: &Done) -> bool {
    done.code == Some(ExitCode::SUCCESS)
}

/// A node: answers each request with the next reply, and tells what it was asked.
fn node(replies: Vec<(u16, &'static str)>) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, asked) = channel();
    std::thread::spawn(move || {
        for (status, body) in replies {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                let end = line.trim().is_empty();
                request.push_str(&line);
                if end {
                    break;
                }
            }
            let mut content = vec![0; length];
            reader.read_exact(&mut content).unwrap();
            request.push_str(&String::from_utf8(content).unwrap());
            write!(
                stream,
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
            sender.send(request).unwrap();
        }
    });
    (address, asked)
}

#[test]
fn records_are_set_shown_and_deleted_on_the_log_alone() {
    let (_directory, settings) = journal();
    let done = run(&settings, &format!("record set Example SOA '{SOA}' --producer me"));
    assert!(succeeded(&done), "{}", done.error);
    assert!(done.out.starts_with("1 event published to the journal "), "{}", done.out);
    assert!(done.out.ends_with("; example. has serial 1\n"), "{}", done.out);
    let done = run(&settings, "record set www.example A 192.0.2.1 192.0.2.2 --ttl 1h");
    assert!(succeeded(&done) && done.out.starts_with("2 events published"), "{}{}", done.out, done.error);
    let done = run(&settings, "record set www.example TXT 'v=spf1 -all'");
    assert!(succeeded(&done), "{}", done.error);
    let done = run(&settings, "record get WWW.example. --from-log");
    assert!(done.err.starts_with("from the journal "), "{}", done.err);
    // A record without a TTL is shown with the one that serves.
    let want = concat!(
        "www.example. 3600 IN A 192.0.2.1\n",
        "www.example. 3600 IN A 192.0.2.2\n",
        "www.example. 300 IN TXT \"v=spf1\" \"-all\"\n",
    );
    assert_eq!(done.out, want);
    let done = run(&settings, "record get www.example A --from-log --json");
    let json: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    let set = &json["records"][0];
    assert_eq!(
        (&set["zone"], &set["ttl"], &set["contents"][1]),
        (&"example.".into(), &3600.into(), &"192.0.2.2".into())
    );
    assert_eq!((&set["key"], &set["source"]), (&"www.example.|A|example.".into(), &"journal".into()));
    assert_eq!(set["metadatas"][0]["metadatas"]["producer"], "command-line");
    let done = run(&settings, "record delete www.example A");
    assert!(succeeded(&done) && done.out.starts_with("2 events"), "{}{}", done.out, done.error);
    let done = run(&settings, "record get www.example A --from-log");
    assert_eq!((done.code, done.out.as_str()), (Some(ExitCode::FAILURE), ""));
    assert!(done.err.ends_with("www.example. has no A records\n"), "{}", done.err);
    let done = run(&settings, "record delete www.example A");
    assert!(succeeded(&done) && done.out.ends_with("says so already\n"), "{}", done.out);
}

#[test]
fn the_flag_names_another_log_and_a_configured_zone() {
    let (directory, mut settings) = journal();
    settings.log = None;
    let done = run(&settings, "record set a.example A 192.0.2.1");
    assert!(done.error.contains("give --journal FILE"), "{}", done.error);
    let journal = directory.path().join("other.jsonl");
    let line = format!("record set a.example A 192.0.2.1 --json --journal {}", journal.display());
    let done = run(&settings, &line);
    assert!(done.error.contains("no zone on the log holds a.example. A"), "{}", done.error);
    let done = run(&settings, &format!("{line} --zone example"));
    let json: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(
        (&json["zone"], &json["serial"], &json["events"]),
        (&"example.".into(), &serde_json::Value::Null, &1.into())
    );
    let text = std::fs::read_to_string(journal).unwrap();
    // Version 2 of a journal's positions.
    assert!(json["positions"][0]["position"].as_str().unwrap().starts_with("02"));
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn content_that_is_no_record_is_refused_with_its_place() {
    let (_directory, settings) = journal();
    run(&settings, &format!("record set example SOA '{SOA}'"));
    let done = run(&settings, "record set www.example A 192.0.2.1 192.0.2");
    assert!(done.error.contains("www.example. A `192.0.2`"), "{}", done.error);
    let done = run(&settings, "record set example CNAME www.example.");
    assert!(done.error.contains("apex of a zone"), "{}", done.error);
}

#[test]
fn wait_returns_when_the_node_serves_the_change() {
    let (_directory, mut settings) = journal();
    let (address, asked) = node(vec![(200, r#"{"applied":true}"#)]);
    settings.node = Some(address.to_string());
    settings.credentials = Some(Credentials { user: "a".into(), password: "b".into() });
    let done = run(&settings, &format!("record set example SOA '{SOA}' --wait"));
    assert!(
        succeeded(&done) && done.out.ends_with(&format!("; served by {address}\n")),
        "{}{}",
        done.out,
        done.error
    );
    let request = asked.recv().unwrap();
    assert!(request.starts_with("POST /v1/await "), "{request}");
    assert!(request.to_ascii_lowercase().contains("authorization: basic ytpi\r\n"), "{request}");
    let body: serde_json::Value = serde_json::from_str(request.lines().last().unwrap()).unwrap();
    assert_eq!((&body["source"], &body["timeout_ms"]), (&"journal".into(), &5000.into()));
    assert_eq!(body["positions"][0]["partition"], 0);
}

/// 75 is EX_TEMPFAIL.
#[test]
fn wait_that_runs_out_of_time_ends_with_75() {
    let (_directory, settings) = journal();
    let (address, _asked) = node(vec![(200, r#"{"applied":false}"#)]);
    let done =
        run(&settings, &format!("record set example SOA '{SOA}' --wait={address} --timeout 20ms --json"));
    assert_eq!(done.code, Some(ExitCode::from(75)));
    let json: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&json["applied"], &json["events"]), (&false.into(), &1.into()));
    assert!(done.err.contains("within 0.02 s"), "{}", done.err);
    let done = run(&settings, "record delete example SOA --wait");
    assert!(done.error.contains("--wait needs a node"), "{}", done.error);
}

#[test]
fn a_running_node_is_asked_first() {
    let reply = r#"[{"zone":null,"name":"a\\(.example.","type":"A","ttl":null,"contents":["192.0.2.1"]}]"#;
    let (address, asked) = node(vec![(200, reply)]);
    let settings =
        ClientSettings { node: Some(address.to_string()), default_ttl: 60, ..ClientSettings::default() };
    let done = run(&settings, r"record get a\(.example A");
    assert_eq!(done.out, "a\\(.example. 60 IN A 192.0.2.1 ; in no zone: not served\n");
    assert_eq!(done.err, format!("from the node {address}\n"));
    let request = asked.recv().unwrap();
    assert!(request.starts_with("GET /v1/records?name=a%5C%28.example.&type=A HTTP/1.1"), "{request}");
}

#[test]
fn where_no_node_runs_its_store_is_read() {
    let directory = tempfile::tempdir().unwrap();
    // A port that nobody listens on: it was free a moment ago.
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let store = directory.path().join("store.redb");
    let settings =
        ClientSettings { node: Some(away.clone()), store: Some(store.clone()), ..ClientSettings::default() };
    let done = run(&settings, "record get a.example");
    assert_eq!(done.err, format!("no node runs at {away}\n"));
    assert!(done.error.contains("there is no store"), "{}", done.error);
    // A node that was named is the one that is meant.
    let done = run(&settings, &format!("record get a.example --node {away}"));
    assert!(done.error.contains("cannot be asked"), "{}", done.error);
    write_store(store);
    let done = run(&settings, "record get a.example");
    assert_eq!(done.out, "a.example. 300 IN A 192.0.2.1\n", "{}", done.error);
    assert!(done.err.ends_with("store.redb\n"), "{}", done.err);
    let done = run(&settings, "record get a.example AAAA --from-store");
    assert_eq!(done.code, Some(ExitCode::FAILURE));
}

/// What a node leaves behind that has read two events.
fn write_store(path: PathBuf) {
    use zone_model::{Partition, Position, RawEvent, SourceId, Timestamp, decode::decode, encode};
    let config = zone_store::StoreConfig { path: Some(path), ..Default::default() };
    let mut store = zone_store::Store::open(config).unwrap();
    let source = SourceId::new("test");
    store.open_source(&source).unwrap();
    let event = |at: u8, owner: &str, rtype: &str, content: &str| {
        let (owner, rtype) = (owner.parse().unwrap(), rtype.parse().unwrap());
        let rdata = zone_model::rdata::parse_text(rtype, content).unwrap();
        let rrset = zone_model::RrSet::new(Some(300), [rdata]);
        decode(RawEvent {
            partition: Partition(0),
            position: Position::new(&[1, at]).unwrap(),
            timestamp: Timestamp(1_000),
            key: encode::key(&owner, rtype, None),
            value: Some(encode::value(&owner, rtype, &rrset, Timestamp(1_000), "test", None)),
            headers: Vec::new(),
        })
    };
    let events = vec![event(1, "example.", "SOA", SOA), event(2, "a.example.", "A", "192.0.2.1")];
    let batch = zone_store::Batch {
        source,
        events,
        positions: vec![(Partition(0), Position::new(&[1, 2]).unwrap())],
        in_step: Some(Timestamp(1_000)),
    };
    store.apply(&batch).unwrap();
    store.commit().unwrap();
}

#[test]
fn a_node_that_refuses_says_why() {
    let (address, _asked) = node(vec![(401, r#"{"error":"sign in"}"#), (200, "<html>"), (200, "{}")]);
    let settings = ClientSettings { node: Some(address.to_string()), ..ClientSettings::default() };
    let done = run(&settings, "record get a.example");
    assert!(done.error.contains("401") && done.error.contains("sign in; see the config"), "{}", done.error);
    let done = run(&settings, "status");
    assert!(done.error.contains("is it an admin address?"), "{}", done.error);
    let done = run(&settings, "zone list");
    assert!(done.error.contains("/v1/zones?limit=1000 is no list"), "{}", done.error);
}

#[test]
fn zones_status_and_quarantine_are_the_nodes_own() {
    let zones = r#"[{"name":"example.","serial":7,"rrsets":3,"synthesised":false},
        {"name":"other.","serial":0,"rrsets":0,"synthesised":true}]"#;
    let event =
        r#"[{"source":"dns","partition":2,"position":"01ab","key":"a.|A","value":"x","reason":"no JSON"}]"#;
    // Each is read to its end, but where the one place was found.
    let replies = [event, "[]", event, "[]", event, "[]", event, event, "[]"].map(|events| (200, events));
    let (address, asked) = node([&[(200, zones), (200, r#"{"zones":2}"#)][..], &replies[..]].concat());
    let settings = ClientSettings { node: Some(address.to_string()), ..ClientSettings::default() };
    let want = "example. serial 7 rrsets 3\nother. serial 0 rrsets 0 (no SOA on the log)\n";
    assert_eq!(run(&settings, "zone list").out, want);
    assert_eq!(run(&settings, "status").out, "zones: 2\n");
    assert_eq!(run(&settings, "quarantine list").out, "dns/2/01ab a.|A: no JSON\n");
    let json: serde_json::Value =
        serde_json::from_str(&run(&settings, "quarantine list --json").out).unwrap();
    assert_eq!(json[0]["reason"], "no JSON");
    for of in ["a.|A", "dns/2/01ab"] {
        let done = run(&settings, &format!("quarantine show '{of}'"));
        assert_eq!(done.code, Some(ExitCode::SUCCESS));
        let mut lines: Vec<&str> = done.out.lines().collect();
        assert_eq!(lines.remove(0), "place: dns/2/01ab");
        lines.sort_unstable();
        let want =
            ["key: a.|A", "partition: 2", "position: 01ab", "reason: no JSON", "source: dns", "value: x"];
        assert_eq!(lines, want);
    }
    let done = run(&settings, "quarantine show 'b.|A'");
    assert_eq!((done.out.as_str(), done.code), ("", Some(ExitCode::FAILURE)));
    let paths: Vec<_> =
        asked.iter().map(|request| request.split_whitespace().nth(1).unwrap().to_owned()).collect();
    assert_eq!(paths[..2], ["/v1/zones?limit=1000", "/v1/status"]);
    let (first, behind) = ("/v1/quarantine?limit=1000", "/v1/quarantine?limit=1000&after=dns%2F2%2F01ab");
    assert_eq!(paths[2..], [first, behind, first, behind, first, behind, first, first, behind]);
}

/// A list that ended at a thousand looked whole. A page may be shorter, where its events are large.
#[test]
fn the_quarantine_is_read_to_its_end() {
    let event = |n: usize| {
        format!(r#"{{"source":"d/ns","partition":0,"position":"{n:04x}","key":"k{n}","reason":"why"}}"#)
    };
    let page = |range: std::ops::Range<usize>| {
        let events: Vec<String> = range.map(event).collect();
        &*Box::leak(format!("[{}]", events.join(",")).into_boxed_str())
    };
    let (address, asked) =
        node([0..1_000, 1_000..1_009, 1_009..1_234, 0..0].map(|range| (200, page(range))).to_vec());
    let settings = ClientSettings { node: Some(address.to_string()), ..ClientSettings::default() };
    let done = run(&settings, "quarantine list");
    assert_eq!(done.out.lines().count(), 1_234, "{}", done.error);
    let second = asked.iter().nth(1).unwrap();
    assert!(second.starts_with("GET /v1/quarantine?limit=1000&after=d%2Fns%2F0%2F03e7 "), "{second}");
}

//! The program as a process: its exit status, what it prints, how it stops.

use serde_json::Value;
use settings::{EX_CONFIG, Inputs, SETTINGS, load};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The program in a directory of its own, with an environment of its own.
fn program(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stream-dns"));
    command.current_dir(directory).args(arguments).env_clear().envs(variables.iter().copied());
    command
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("node.toml"), "[dns]\nlissten = 1\n").unwrap();
    program(directory.path(), arguments, variables).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

// === a node ===

struct Node {
    process: Child,
    lines: BufReader<ChildStderr>,
    udp: Option<SocketAddr>,
    http: Option<SocketAddr>,
}

impl Node {
    /// Starts a node on free ports and reads its log until it is in service.
    fn start(directory: &Path, variables: &[(&str, &str)]) -> Self {
        std::fs::write(directory.join("journal.jsonl"), "").unwrap();
        let arguments = ["--listen", "127.0.0.1:0", "--listeners", "1"];
        let mut command =
            program(directory, &arguments, &[("DNS_ADMIN_ADDRESS", "127.0.0.1:0"), ("LOG_FORMAT", "json")]);
        let mut process = command.envs(variables.iter().copied()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap());
        let mut node = Self { process, lines, udp: None, http: None };
        while node.line()["message"] != "in service" {}
        node
    }

    /// The next line of the log; what it says of addresses is kept.
    fn line(&mut self) -> Value {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).unwrap() > 0, "the log ended");
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        if line["message"] == "listening" {
            let address = Some(line["address"].as_str().unwrap().parse().unwrap());
            match line["transport"].as_str().unwrap() {
                "udp" => self.udp = address,
                "http" => self.http = address,
                _ => {}
            }
        }
        line
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// The rest of the log, and the exit status.
    fn end(mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        (rest, self.process.wait().unwrap().code())
    }

    fn status_of(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.http.unwrap()).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_whitespace().nth(1).unwrap().to_owned()
    }
}

/// A node that a test left behind is ended.
impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

// === settings ===

#[test]
fn a_wrong_configuration_ends_with_78_before_anything_starts() {
    for arguments in [&["check"][..], &["serve"], &[], &["config"], &["record", "get", "a.example"]] {
        let output = run(arguments, &[("DNS_UDP", "perhaps")]);
        assert_eq!(output.status.code(), Some(i32::from(EX_CONFIG)), "{arguments:?}");
        assert_eq!(text(&output.stderr), "dns.udp = \"perhaps\" (from DNS_UDP): allowed is true or false\n");
        assert!(output.stdout.is_empty());
    }
    let output = run(&["check", "--config", "node.toml"], &[]);
    assert_eq!(output.status.code(), Some(i32::from(EX_CONFIG)));
    for part in ["dns.lissten", "1", "node.toml", "listen, udp, tcp"] {
        assert!(text(&output.stderr).contains(part), "{part} is missing in {}", text(&output.stderr));
    }
    let output = run(&["check", "--config", "nowhere.toml"], &[]);
    assert!(
        output.status.code() == Some(i32::from(EX_CONFIG)) && text(&output.stderr).contains("nowhere.toml")
    );
}

#[test]
fn a_property_that_would_break_a_promise_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = "[kafka]\nbrokers = [\"a:1\"]\ntopics = [\"t\"]\n[kafka.properties]\n\"isolation.level\" = \"read_uncommitted\"\n";
    std::fs::write(directory.path().join("node.toml"), file).unwrap();
    let output = program(directory.path(), &["check"], &[("DNS_CONFIG", "node.toml")]).output().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(EX_CONFIG)));
    assert!(text(&output.stderr).contains("isolation.level"), "{}", text(&output.stderr));
}

#[test]
fn check_says_what_is_odd() {
    let output = run(&["check"], &[("DNS_TCPP", "1")]);
    assert!(output.status.success());
    assert!(text(&output.stdout).contains("warning: DNS_TCPP"), "{}", text(&output.stdout));
    let json: Value = serde_json::from_slice(&run(&["check", "--json"], &[]).stdout).unwrap();
    assert_eq!(json, serde_json::json!({"usable": true, "warnings": []}));
}

#[test]
fn every_flag_of_the_table_sets_its_setting() {
    for (flag, key) in SETTINGS.iter().filter_map(|setting| Some((setting.flag?, setting.key))) {
        let value = match key {
            "dns.listeners" => "3",
            "dns.listen" => "127.0.0.1:5399",
            _ => "name.example.",
        };
        let output = run(&["config", "--json", flag, value], &[]);
        let json: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        assert_eq!(json["from"][key], flag);
        let pointer = format!("/settings/{}", key.replace('.', "/"));
        assert!(json.pointer(&pointer).unwrap().to_string().contains(value), "{key}");
    }
    // A journal stands in the place of the logs that are configured.
    let kafka = [("DNS_KAFKA_ADDRESS", "a:1"), ("DNS_KAFKA_TOPIC", "t")];
    let json: Value =
        serde_json::from_slice(&run(&["config", "--json", "--journal", "j"], &kafka).stdout).unwrap();
    assert_eq!(
        (&json["settings"]["kafka"]["brokers"], &json["settings"]["producer"]["target"]),
        (&serde_json::json!([]), &"journal".into())
    );
}

#[test]
fn what_config_prints_is_a_configuration() {
    let secret = [("DNS_ADMIN_USERNAME", "ops"), ("DNS_ADMIN_PASSWORD", "hunter2")];
    let printed = text(&run(&["config"], &secret).stdout);
    assert!(
        !printed.contains("hunter2") && printed.contains("password = \"***\"  # DNS_ADMIN_PASSWORD"),
        "{printed}"
    );
    let again = load(&Inputs { file: Some(("printed", &printed)), ..Inputs::default() }).unwrap();
    assert_eq!(again.settings.admin.username.as_deref(), Some("ops"));
}

// === serving ===

#[test]
fn a_node_answers_and_stops_with_0() {
    for signal in ["-TERM", "-INT"] {
        let directory = tempfile::tempdir().unwrap();
        let mut node =
            Node::start(directory.path(), &[("DNS_ZONES", "example.com"), ("DNS_SHUTDOWN_DELAY_MS", "2000")]);
        // example.com. SOA IN, RD 0
        let query = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x06\0\x01";
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut answer = [0; 512];
        let until = Instant::now() + Duration::from_secs(10);
        while node.status_of("/readyz") != "200" && Instant::now() < until {}
        assert_eq!(node.status_of("/readyz"), "200");
        client.send_to(query, node.udp.unwrap()).unwrap();
        let (length, _) = client.recv_from(&mut answer).unwrap();
        assert!(length > query.len() && answer[..2] == query[..2], "{:?}", &answer[..length]);
        // QR, AA; NOERROR; one record, the synthesised SOA.
        assert_eq!((answer[2] & 0x84, answer[3] & 0x0f, answer[7]), (0x84, 0, 1));

        node.signal(signal);
        let asked = Instant::now();
        let stopping = node.line();
        assert_eq!((&stopping["message"], &stopping["within_ms"]), (&"stopping".into(), &12_000.into()));
        // The signal is logged, then admin-api is told; the delay is long beside that.
        while node.status_of("/readyz") != "503" {}
        client.send_to(query, node.udp.unwrap()).unwrap();
        client.recv_from(&mut answer).expect("it answers while the delay passes");
        let (log, status) = node.end();
        assert_eq!(status, Some(0), "{log}");
        assert!(log.contains("\"stopped\"") && asked.elapsed() < Duration::from_secs(12), "{log}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::start(directory.path(), &[("DNS_SHUTDOWN_DELAY_MS", "60000")]);
    node.signal("-TERM");
    while node.line()["message"] != "stopping" {}
    std::thread::sleep(Duration::from_millis(1_200));
    let began = Instant::now();
    node.signal("-INT");
    let (log, status) = node.end();
    assert!(status != Some(0) && log.contains("second signal"), "{log}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// Who stops a service may send the signal to the process and to its group: that is one request.
#[test]
fn a_signal_that_comes_twice_is_one_request() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::start(directory.path(), &[("DNS_SHUTDOWN_DELAY_MS", "300")]);
    node.signal("-TERM");
    while node.line()["message"] != "stopping" {}
    node.signal("-TERM");
    let (log, status) = node.end();
    assert!(status == Some(0) && !log.contains("second signal"), "{log}");
}

#[test]
fn an_address_that_is_taken_is_said_and_ends_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for variables in [
        [("DNS_ADDRESS", address.as_str()), ("DNS_ADMIN_ADDRESS", "127.0.0.1:0")],
        [("DNS_ADDRESS", "127.0.0.1:0"), ("DNS_ADMIN_ADDRESS", &address)],
    ] {
        let output = run(&[], &variables);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(&address), "{}", text(&output.stderr));
    }
}

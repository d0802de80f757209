//! The whole server on a real Apache Kafka.
//!
//! The tests share a broker, which some of them stop: they run one at a time, and each begins by starting it.

mod authorizer;
mod bounded;
mod cut_short;
mod kills;
mod load;
mod losses;
mod outage;
mod produce;
mod security;
mod topics;
mod transactions;
mod volume;

use anyhow::{Context, Result, ensure};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use stream_dns_tests::{Answer, Asker, Broker, Server, ServerBuilder, client, eventually, older};

/// Writes the settings of a node that follows this topic, `node.toml`, into its folder.
fn settings(folder: &Path, broker: &Broker, topic: &str) -> Result<()> {
    let text = format!("[kafka]\nbrokers = [\"{}\"]\ntopics = [\"{topic}\"]\n", broker.address());
    Ok(fs::write(folder.join("node.toml"), text)?)
}

/// The node of this folder.
fn node(folder: &Path) -> ServerBuilder {
    ServerBuilder::new(folder).argument("--config").argument("node.toml")
}

/// Runs a subcommand with the settings of this folder. Returns what it printed.
fn command(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = client(folder, &[arguments, &["--config", "node.toml"]].concat())?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?} ended with {}: {stderr}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// The same, and waits until this server serves what was written.
fn command_and_wait(folder: &Path, server: &Server, arguments: &[&str]) -> Result<String> {
    command(folder, &[arguments, &[&format!("--wait={}", server.admin)]].concat())
}

/// The events that make a small zone, in the older server's format.
fn zone(apex: &str) -> Vec<(String, String)> {
    let dot = older::Spelling::Dot;
    let soa = format!("ns.{apex} hostmaster.{apex} 7 3600 600 86400 300");
    vec![
        older::event(dot, apex, "SOA", &[&soa]),
        older::event(dot, apex, "NS", &[&format!("ns.{apex}")]),
        older::event(dot, &format!("ns.{apex}"), "A", &["192.0.2.53"]),
    ]
}

/// The event that gives a name one address, in the older server's format.
fn address(owner: &str, address: &str) -> (String, String) {
    older::event(older::Spelling::Dot, owner, "A", &[address])
}

/// Asks until the name has exactly these addresses.
fn served(asker: &mut Asker, name: &str, addresses: &[&str]) -> Answer {
    eventually(&format!("{name} has {addresses:?}"), || {
        asker.ask(name, RecordType::A).ok().filter(|answer| answer.data() == addresses)
    })
}

/// Asks until the name is not there.
fn gone(asker: &mut Asker, name: &str) {
    eventually(&format!("{name} is gone"), || {
        asker.ask(name, RecordType::A).ok().filter(|answer| answer.rcode() == ResponseCode::NXDomain)
    });
}

/// What the only source of a server says in its status.
fn source(server: &Server) -> Result<serde_json::Value> {
    let status = server.json("/v1/status")?;
    status["sources"].get(0).cloned().with_context(|| format!("no source in {status}"))
}

/// Waits until a server has passed everything that the log holds now.
fn in_step_with_now(server: &Server) -> Result<()> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    eventually("the node has passed what the log holds", || {
        let source = source(server).ok()?;
        (source["connected"] == true && source["in_step"].as_i64()? > now).then_some(())
    });
    Ok(())
}

/// Waits until the log of a server is in alarm. Returns why.
fn alarm(server: &Server) -> String {
    eventually("the alarm is raised", || source(server).ok()?["alarm"].as_str().map(str::to_owned))
}

/// `www.foo.example.` stays served as it was, and the node ready.
fn stays_served(server: &Server) -> Result<()> {
    let mut asker = server.asker()?;
    for _ in 0..10 {
        let answer = asker.ask("www.foo.example.", RecordType::A)?;
        ensure!(answer.data() == ["192.0.2.1"], "{:?}", answer.data());
        ensure!(server.get("/readyz")?.0 == 200);
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// All zones of these nodes are equal at equal positions.
fn compare(folder: &Path, nodes: &[&Server]) -> Result<()> {
    let addresses: Vec<String> = nodes.iter().map(|node| node.admin.to_string()).collect();
    let mut arguments = vec!["compare"];
    arguments.extend(addresses.iter().map(String::as_str));
    let output = client(folder, &arguments)?;
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{}", said.trim_end());
    ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

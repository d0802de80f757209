//! A log that is limited to the zones that it may write, on the whole server (DESIGN, "Zones are events too").

use anyhow::{Context, Result, ensure};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use stream_dns_tests::{Server, ServerBuilder, eventually, repository};

fn line(owner: &str, rtype: &str, content: &str) -> String {
    format!(
        "{{\"key\":\"{owner}|{rtype}\",\"value\":[{{\"name\":\"{owner}\",\"type\":\"{rtype}\",\"content\":\"{content}\"}}],\"timestamp\":1790000000000}}\n"
    )
}

fn answer(server: &Server, name: &str) -> Result<(ResponseCode, Vec<String>)> {
    let answer = server.asker()?.ask(name, RecordType::A)?;
    Ok((answer.rcode(), answer.data()))
}

fn run(server: &Server, folder: &Path, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let output = server.client(folder, arguments)?;
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Ok((output.status.code(), text))
}

#[test]
fn what_a_log_may_not_say_is_kept_and_not_served() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let journal = folder.path().join("journal.jsonl");
    fs::copy(repository().join("examples/zones/sample.jsonl"), &journal)?;
    let mut file = OpenOptions::new().append(true).open(&journal)?;
    let soa = "ns.example.net. host.example.net. 1 3600 600 86400 300";
    let more = [
        line("example.net.", "SOA", soa),
        line("www.example.net.", "A", "192.0.2.1"),
        // Below a zone that it may write another zone would begin.
        line("shop.example.com.", "SOA", soa),
        line("www.shop.example.com.", "A", "192.0.2.2"),
    ];
    file.write_all(more.concat().as_bytes())?;

    let limited = ServerBuilder::new(folder.path()).variable("DNS_JOURNAL_APEXES", "Example.com").ready()?;
    ensure!(answer(&limited, "www.example.com.")?.1 == ["192.0.2.80"]);
    ensure!(answer(&limited, "www.example.net.")?.0 == ResponseCode::Refused);
    // The SOA does not count, so there is no other zone, and the record below it is the zone's own.
    ensure!(answer(&limited, "www.shop.example.com.")?.1 == ["192.0.2.2"]);
    let shown = run(&limited, folder.path(), &["record", "get", "www.example.net"])?;
    ensure!(shown.0 == Some(0) && shown.1.contains("in no zone: not served"), "{shown:?}");
    eventually("the metric", || {
        let metrics = limited.get("/metrics").ok()?.1;
        metrics.lines().any(|line| line == "dns_store_slots_outside 3").then_some(())
    });
    drop(limited);

    // Another list, from what the node has kept: nothing of the journal is read again.
    let free = ServerBuilder::new(folder.path()).ready()?;
    ensure!(answer(&free, "www.example.net.")?.1 == ["192.0.2.1"]);
    ensure!(answer(&free, "www.example.com.")?.1 == ["192.0.2.80"]);
    let zones = free.json("/v1/zones")?;
    let apexes: Vec<_> =
        zones.as_array().context("zones")?.iter().filter_map(|zone| zone["name"].as_str()).collect();
    ensure!(apexes.contains(&"shop.example.com.") && apexes.contains(&"example.net."), "{zones}");
    Ok(())
}

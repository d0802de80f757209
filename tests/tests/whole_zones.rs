//! Whole zones on the whole server: a file goes in, comes out of a node as it was, is compared, looked through and
//! deleted, as an operator would.

use anyhow::{Context, Result, ensure};
use hickory_proto::rr::RecordType;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Output;
use std::time::Duration;
use stream_dns_tests::{Server, ServerBuilder, client, within};

const ZONE: &str = "$TTL 1h\n@ SOA ns host 2026010100 2h 1h 2w 5m\n@ NS ns\nns A 192.0.2.1\nWWW A 192.0.2.3\n A 192.0.2.2\n\
    www TXT \"a \\\"text\\\"\" \\200\\; x\nalias CNAME Www\n@ MX 10 alias\n\\000\\.odd TYPE65400 \\# 3 01FF00\n\
    sub NS ns.sub\nsub DS 1 8 2 00\n_s._tcp SRV 0 0 443 www\n@ HTTPS 1 . alpn=h2,h3\n";

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn done(output: Output) -> Result<String> {
    ensure!(output.status.success(), "{}{}", text(&output), String::from_utf8_lossy(&output.stderr));
    Ok(text(&output))
}

/// A node with the zone, and the folder's journal.
fn imported(folder: &Path) -> Result<Server> {
    fs::write(folder.join("zone"), ZONE)?;
    fs::write(folder.join("journal.jsonl"), "")?;
    let server = ServerBuilder::new(folder).ready()?;
    done(server.client(folder, &["zone", "import", "example.com", "zone", "--wait"])?)?;
    Ok(server)
}

#[test]
fn a_node_gives_out_what_went_in() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let server = imported(folder)?;

    let exported = done(server.client(folder, &["zone", "export", "example.com", "node:"])?)?;
    ensure!(exported == done(server.client(folder, &["zone", "export", "example.com"])?)?, "{exported}");
    fs::write(folder.join("exported"), &exported)?;
    for sides in [["node:", "log:"], ["node:", "exported"], ["zone", "node:"]] {
        let all = [&["zone", "diff"][..], &sides, &["--origin", "example.com"]].concat();
        let shown = done(server.client(folder, &all)?).with_context(|| sides.join(" "))?;
        ensure!(shown.is_empty(), "{shown}");
    }
    // What curl gets is a zone file too.
    let (status, file) = server.get("/v1/zone?name=example.com")?;
    ensure!(status == 200 && file.lines().skip(1).eq(exported.lines()), "{file}");

    // A change is seen as soon as it is waited for.
    let change = ["record", "set", "new.example.com", "A", "192.0.2.9", "--ttl", "60", "--wait"];
    done(server.client(folder, &change)?)?;
    let differing =
        server.client(folder, &["zone", "diff", "exported", "node:", "--origin", "example.com"])?;
    ensure!(differing.status.code() == Some(1), "{}", text(&differing));
    ensure!(text(&differing).contains("+ new.example.com. 60 IN A 192.0.2.9\n"), "{}", text(&differing));

    let listed = done(server.client(folder, &["zone", "list"])?)?;
    ensure!(listed.starts_with("example.com. serial 2026010101 "), "{listed}");
    let asked = server.client(folder, &["zone", "export", "example.net", "node:"])?;
    ensure!(String::from_utf8_lossy(&asked.stderr).contains("has no zone example.net."));
    server.stop()?;

    // Its store says so still, when it does not run.
    let stored = done(client(folder, &["zone", "export", "example.com", "store:stream-dns.redb"])?)?;
    ensure!(stored == done(client(folder, &["zone", "export", "example.com", "log:journal.jsonl"])?)?);
    Ok(())
}

#[test]
fn a_node_reports_what_is_odd() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let server = imported(folder)?;
    let checked = server.client(folder, &["zone", "check", "example.com", "node:"])?;
    ensure!(checked.status.code() == Some(1), "{}", text(&checked));
    let want = "error: example.com. MX: alias.example.com. is an alias (CNAME), where a host must stand (RFC 2181 section \
                10.3)\nerror: sub.example.com. NS: the name server ns.sub.example.com. lies in the delegated zone and has no \
                address here: glue is missing\n";
    ensure!(text(&checked) == want, "{}", text(&checked));
    // The same as of the file, and of the log.
    for from in ["zone", "log:"] {
        let other = server.client(folder, &["zone", "check", "example.com", from])?;
        ensure!(text(&other) == want, "{from}: {}", text(&other));
    }
    let json = server.client(folder, &["zone", "check", "example.com", "node:", "--json"])?;
    let json: serde_json::Value = serde_json::from_slice(&json.stdout)?;
    ensure!(json["errors"] == 2 && json["reports"][1]["code"] == "missing-glue", "{json}");
    server.stop()?;
    Ok(())
}

/// RFC 2181 sections 5 and 5.2: what an event gave and its RRset does not show is reported wherever the zone is looked
/// through, and serves all the same.
#[test]
fn what_the_records_of_an_event_had_is_reported() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let server = imported(folder)?;
    let record = |address: &str, ttl: u32| json!({"name": "odd.example.com.", "type": "A", "content": address, "ttl": ttl});
    let value = [record("192.0.2.1", 60), record("192.0.2.2", 30), record("192.0.2.1", 60)];
    let mut journal = fs::OpenOptions::new().append(true).open(folder.join("journal.jsonl"))?;
    writeln!(journal, "{}", json!({"key": "odd.example.com.|A", "value": value}))?;
    let mut asker = server.asker()?;
    within(Duration::from_secs(20), "the new RRset", || {
        asker.ask("odd.example.com.", RecordType::A).ok().filter(|answer| answer.data().len() == 2)
    })?;
    let want = "warning: odd.example.com. A: the TTLs of its records differ; 30 s serves for all (RFC 2181 section 5.2)\n\
                notice: odd.example.com. A: the record stands there already and counts once (RFC 2181 section 5)\n";
    let check = |from: &str| server.client(folder, &["zone", "check", "example.com", from]);
    for from in ["node:", "log:"] {
        let shown = text(&check(from)?);
        ensure!(want.lines().all(|line| shown.lines().any(|own| own == line)), "{from}: {shown}");
    }
    server.stop()?;
    let stored = client(folder, &["zone", "check", "example.com", "store:stream-dns.redb"])?;
    ensure!(want.lines().all(|line| text(&stored).lines().any(|own| own == line)), "{}", text(&stored));
    Ok(())
}

/// Its last serial is not forgotten, and what is left of it is not served.
#[test]
fn a_deleted_zone_is_gone_and_goes_on_from_its_serial() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let server = imported(folder)?;
    done(server.client(folder, &["zone", "delete", "example.com", "--yes", "--wait"])?)?;
    ensure!(done(server.client(folder, &["zone", "list", "--json"])?)?.trim() == "[]");
    ensure!(server.get("/v1/zone?name=example.com")?.0 == 404);
    done(server.client(folder, &["zone", "import", "example.com", "zone", "--wait"])?)?;
    let listed = done(server.client(folder, &["zone", "list"])?)?;
    let serial: u32 = listed.split(' ').nth(2).context("a serial")?.parse()?;
    ensure!(serial > 2_026_010_100, "{listed}");
    Ok(())
}

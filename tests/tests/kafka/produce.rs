//! Who may write to the topic, and what is answered then.

use crate::{command, command_and_wait, gone, node, served, settings, zone};
use anyhow::{Result, ensure};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::process::Command;
use stream_dns_tests::{Broker, Server, ServerBuilder, eventually, older, real_parts, run};

/// Asks with dig, over UDP or TCP. Returns the records in short.
fn dig(server: &Server, tcp: bool, name: &str, rtype: &str) -> Result<Vec<String>> {
    let address = if tcp { server.tcp } else { server.udp };
    let mut command = Command::new("dig");
    command.args([&format!("@{}", address.ip()), "-p", &address.port().to_string()]);
    command.args([if tcp { "+tcp" } else { "+notcp" }, "+short", "+norecurse", "+time=5", "+tries=1"]);
    command.args([name, rtype]);
    Ok(run(command)?.lines().map(str::to_owned).collect())
}

/// A zone made with the project's own command line alone, asked with dig; every change moves the serial.
#[test]
fn the_command_line_writes_and_dig_reads() -> Result<()> {
    if !real_parts("kafka: the command line") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("command-line", 3, &[])?;
    settings(folder.path(), &broker, &topic)?;
    let server = node(folder.path()).ready()?;
    let soa = "ns.shop.example. hostmaster.shop.example. 1 3600 600 86400 300";
    let mut serials = Vec::new();
    for arguments in [
        &["record", "set", "shop.example", "SOA", soa][..],
        &["record", "set", "shop.example", "NS", "ns.shop.example."],
        &["record", "set", "ns.shop.example", "A", "192.0.2.53", "--ttl", "1h"],
        &["record", "set", "www.shop.example", "A", "192.0.2.1", "192.0.2.2"],
        &["record", "set", "shop.example", "MX", "10 mail.shop.example.", "20 mail.example.net."],
        &["record", "set", "www.shop.example", "A", "192.0.2.3", "--producer", "the-shop"],
    ] {
        let said = command_and_wait(folder.path(), &server, arguments)?;
        ensure!(said.contains("served by"), "{said}");
        // Served when the command returns, not some time later.
        serials.push(server.asker()?.ask("shop.example.", RecordType::SOA)?.serial()?);
    }
    ensure!(serials.is_sorted_by(|before, after| before < after), "the serial moves with each: {serials:?}");
    for tcp in [false, true] {
        ensure!(dig(&server, tcp, "www.shop.example", "A")? == ["192.0.2.3"]);
        let mut exchanges = dig(&server, tcp, "shop.example", "MX")?;
        exchanges.sort();
        ensure!(exchanges == ["10 mail.shop.example.", "20 mail.example.net."], "{exchanges:?}");
    }

    // What the event says of itself is kept, and each way to read has the record.
    let records = server.json("/v1/records?name=www.shop.example.&type=A")?;
    ensure!(records[0]["headers"]["producer"] == "the-shop", "{records}");
    for from in [&["--node", &server.admin.to_string()][..], &["--from-log"]] {
        let said = command(folder.path(), &[&["record", "get", "www.shop.example"], from].concat())?;
        ensure!(said.contains("192.0.2.3") && !said.contains("192.0.2.1"), "{from:?}: {said}");
    }

    command_and_wait(folder.path(), &server, &["record", "delete", "www.shop.example", "A"])?;
    let answer = server.asker()?.ask("www.shop.example.", RecordType::A)?;
    ensure!(answer.rcode() == ResponseCode::NXDomain && answer.authority() == [RecordType::SOA]);
    let last = serials.last().copied().unwrap_or_default();
    ensure!(answer.serial()? > last, "a deletion moves the serial too: {last}, {}", answer.serial()?);
    Ok(())
}

/// The older server's format, its three spellings of a key, and its priorities, written with kcat; what is
/// emptied by `[]` or a null is gone; what cannot be used stops nothing.
#[test]
fn kcat_writes_what_the_older_server_read() -> Result<()> {
    if !real_parts("kafka: kcat and the older server's events") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("older", 3, &[])?;
    settings(folder.path(), &broker, &topic)?;
    // By the older server's variables; the command line goes by the file.
    let server = ServerBuilder::new(folder.path())
        .variable("DNS_KAFKA_ADDRESS", broker.address())
        .variable("DNS_KAFKA_TOPIC", &topic)
        .ready()?;
    let mut asker = server.asker()?;

    let mut events = zone("foo.example.");
    // Byte for byte as an older producer wrote it.
    events.push((
        "www.foo.example.|A".to_owned(),
        r#"[{"Name":"www.foo.example.","Type":"A","Content":"192.0.2.1","Ttl":60,"Priority":0,"Metadatas":{"CreatedAt":1700000000,"Producer":"shop"}}]"#.to_owned(),
    ));
    events.push((
        "mail.foo.example..|MX".to_owned(),
        r#"[{"Name":"mail.foo.example..","Type":"MX","Content":"mx.foo.example.","Ttl":60,"Priority":10}]"#
            .to_owned(),
    ));
    for (number, spelling) in older::SPELLINGS.into_iter().enumerate() {
        let owner = format!("host-{number}.foo.example.");
        events.push(older::event(spelling, &owner, "A", &[&format!("192.0.2.{}", number + 10)]));
    }
    broker.publish(&topic, &events)?;
    let before = served(&mut asker, "host-2.foo.example.", &["192.0.2.12"]);
    ensure!(before.message.answers[0].ttl == 300 && before.message.metadata.authoritative);
    served(&mut asker, "host-0.foo.example.", &["192.0.2.10"]);
    served(&mut asker, "host-1.foo.example.", &["192.0.2.11"]);
    let www = served(&mut asker, "www.foo.example.", &["192.0.2.1"]);
    ensure!(www.message.answers[0].ttl == 60);
    eventually("the MX is served", || {
        let answer = asker.ask("mail.foo.example.", RecordType::MX).ok()?;
        (answer.data() == ["10 mx.foo.example."]).then_some(())
    });
    ensure!(dig(&server, false, "www.foo.example", "A")? == ["192.0.2.1"]);
    ensure!(dig(&server, true, "mail.foo.example", "MX")? == ["10 mx.foo.example."]);
    let serial = asker.ask("foo.example.", RecordType::SOA)?.serial()?;

    // The RRset's newest slot serves, whichever spelling it has.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    broker
        .publish(&topic, &[older::event(older::Spelling::NoDot, "www.foo.example.", "A", &["192.0.2.2"])])?;
    served(&mut asker, "www.foo.example.", &["192.0.2.2"]);
    let later = asker.ask("foo.example.", RecordType::SOA)?.serial()?;
    ensure!(later > serial, "an event moves the serial, who ever wrote it: {serial}, {later}");

    // A null empties its own slot, and the other spelling's serves again; `[]` empties the RRset.
    broker.empty(&topic, &["www.foo.example|A", "host-1.foo.example..|A"])?;
    served(&mut asker, "www.foo.example.", &["192.0.2.1"]);
    gone(&mut asker, "host-1.foo.example.");
    broker.publish(&topic, &[("host-2.foo.example|A", "[]")])?;
    gone(&mut asker, "host-2.foo.example.");

    let bad = [("www.foo.example.|A", r#"[{"name":"www.foo.example.","type":"A","content":"192.0.2.256"}]"#)];
    broker.publish(&topic, &bad)?;
    broker
        .publish(&topic, &[older::event(older::Spelling::Dot, "after.foo.example.", "A", &["192.0.2.9"])])?;
    served(&mut asker, "after.foo.example.", &["192.0.2.9"]);
    served(&mut asker, "www.foo.example.", &["192.0.2.1"]);
    eventually("it is set aside, whole and with the reason", || {
        let list = server.json("/v1/quarantine").ok()?.to_string();
        (list.contains("192.0.2.256") && list.contains("www.foo.example.|A")).then_some(())
    });

    // The command line goes on in a zone that others began.
    command_and_wait(folder.path(), &server, &["record", "set", "www.foo.example", "A", "192.0.2.3"])?;
    ensure!(asker.ask("www.foo.example.", RecordType::A)?.data() == ["192.0.2.3"]);
    ensure!(asker.ask("foo.example.", RecordType::SOA)?.serial()? > later);
    let quarantine = server.json("/v1/quarantine")?;
    ensure!(quarantine.as_array().is_some_and(Vec::is_empty), "a later usable event clears it: {quarantine}");
    Ok(())
}

//! Logs that are not what they were, and stores that are damaged, on the whole server: what was served stays
//! served until somebody says that the loss is meant (DESIGN, "A rebuild never loses a zone by itself").

use anyhow::{Context, Result, ensure};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use stream_dns_tests::{Server, ServerBuilder, eventually, repository};

fn sample(folder: &Path) -> Result<PathBuf> {
    let journal = folder.join("journal.jsonl");
    fs::copy(repository().join("examples/zones/sample.jsonl"), &journal)?;
    Ok(journal)
}

fn line(owner: &str, rtype: &str, content: &str) -> String {
    format!(
        "{{\"key\":\"{owner}|{rtype}\",\"value\":[{{\"name\":\"{owner}\",\"type\":\"{rtype}\",\"content\":\"{content}\"}}],\"timestamp\":1790000000000}}\n"
    )
}

/// A zone of three RRsets.
fn other_zone() -> String {
    [
        line("example.net.", "SOA", "ns.example.net. host.example.net. 1 3600 600 86400 300"),
        line("example.net.", "NS", "ns.example.net."),
        line("ns.example.net.", "A", "192.0.2.53"),
    ]
    .concat()
}

fn answers(server: &Server, name: &str, data: &[&str]) -> Result<bool> {
    Ok(server.asker()?.ask(name, RecordType::A)?.data() == data)
}

fn alarm(server: &Server) -> Result<Option<String>> {
    let status = server.json("/v1/status")?;
    Ok(status["sources"][0]["alarm"].as_str().map(str::to_owned))
}

/// Waits until it is so.
fn until(what: &str, mut is_so: impl FnMut() -> Result<bool>) {
    eventually(what, || is_so().ok().filter(|so| *so));
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_replaced_journal_waits_for_the_word() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let journal = sample(folder.path())?;
    let server = ServerBuilder::new(folder.path()).ready()?;
    let new = folder.path().join("new.jsonl");
    fs::write(&new, other_zone())?;
    fs::rename(&new, &journal)?;
    until("an alarm", || Ok(alarm(&server)?.is_some()));
    let text = alarm(&server)?.context("an alarm")?;
    ensure!(text.contains("stream-dns rebuild --accept-loss"), "it says what to do: {text}");
    ensure!(answers(&server, "www.example.com.", &["192.0.2.80"])?, "what was served stays served");

    // Read from its beginning the new journal lacks a zone: nothing changes.
    let refused = server.client(folder.path(), &["rebuild"])?;
    ensure!(refused.status.code() == Some(1), "{}", said(&refused));
    ensure!(said(&refused).contains("lacks the zones example.com."), "{}", said(&refused));
    ensure!(answers(&server, "www.example.com.", &["192.0.2.80"])?);
    until("the metric", || Ok(server.metric("dns_source_alarm", "journal")? == 1.0));

    let accepted = server.client(folder.path(), &["rebuild", "--accept-loss"])?;
    ensure!(accepted.status.code() == Some(0), "{}", said(&accepted));
    ensure!(answers(&server, "ns.example.net.", &["192.0.2.53"])?);
    let gone = server.asker()?.ask("www.example.com.", RecordType::A)?;
    ensure!(gone.rcode() == ResponseCode::Refused, "the loss was meant");
    ensure!(alarm(&server)?.is_none(), "the alarm is over");

    // It is followed on, and a restart remembers.
    let mut file = OpenOptions::new().append(true).open(&journal)?;
    file.write_all(line("www.example.net.", "A", "192.0.2.99").as_bytes())?;
    until("the new journal is followed", || answers(&server, "www.example.net.", &["192.0.2.99"]));
    server.stop()?;
    let server = ServerBuilder::new(folder.path()).ready()?;
    ensure!(answers(&server, "www.example.net.", &["192.0.2.99"])?);
    ensure!(alarm(&server)?.is_none());
    Ok(())
}

/// A journal that was cut short and written on while the node was down, so that a line begins again where the node had
/// read to, is not the one that was read.
#[test]
fn a_journal_that_shrank_and_grew_while_the_node_was_down_waits_for_the_word() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let journal = sample(folder.path())?;
    let append = |text: &str| -> Result<()> {
        Ok(OpenOptions::new().append(true).open(&journal)?.write_all(text.as_bytes())?)
    };
    let before = fs::metadata(&journal)?.len();
    append(&line("last.example.com.", "A", "192.0.2.7"))?;
    let server = ServerBuilder::new(folder.path()).ready()?;
    ensure!(answers(&server, "last.example.com.", &["192.0.2.7"])?);
    server.stop()?;
    OpenOptions::new().write(true).open(&journal)?.set_len(before)?;
    append(&line("next.example.com.", "A", "192.0.2.8"))?;
    append(&line("more.example.com.", "A", "192.0.2.9"))?;
    let server = ServerBuilder::new(folder.path()).ready()?;
    until("an alarm", || Ok(alarm(&server)?.is_some()));
    let text = alarm(&server)?.context("an alarm")?;
    ensure!(text.contains("grown again") && text.contains("stream-dns rebuild --accept-loss"), "{text}");
    ensure!(answers(&server, "last.example.com.", &["192.0.2.7"])?, "what was served stays served");
    ensure!(answers(&server, "more.example.com.", &[])?, "and nothing more is applied");
    let accepted = server.client(folder.path(), &["rebuild", "--accept-loss"])?;
    ensure!(accepted.status.code() == Some(0), "{}", said(&accepted));
    ensure!(answers(&server, "last.example.com.", &[])?);
    ensure!(answers(&server, "next.example.com.", &["192.0.2.8"])?);
    ensure!(answers(&server, "more.example.com.", &["192.0.2.9"])?);
    Ok(())
}

/// DESIGN, "In a journal file": a node that was stopped before it had read the old file to its end reads the compacted
/// one from its beginning, beside what it serves, without a word from anybody.
#[test]
fn a_journal_compacted_while_a_node_was_behind_is_read_again_beside() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let journal = sample(folder.path())?;
    let append = |text: &str| -> Result<()> {
        Ok(OpenOptions::new().append(true).open(&journal)?.write_all(text.as_bytes())?)
    };
    let server = ServerBuilder::new(folder.path()).ready()?;
    server.stop()?;
    append(&line("new.example.com.", "A", "192.0.2.7"))?;
    let path = journal.to_string_lossy().into_owned();
    let compacted =
        ServerBuilder::new(folder.path()).argument("log").argument("compact").argument("--journal");
    let compacted = compacted.argument(path).run()?;
    ensure!(compacted.status.code() == Some(0), "{}", said(&compacted));
    let server = ServerBuilder::new(folder.path()).ready()?;
    until("what it had not read", || answers(&server, "new.example.com.", &["192.0.2.7"]));
    ensure!(answers(&server, "www.example.com.", &["192.0.2.80"])?);
    ensure!(alarm(&server)?.is_none());
    append(&line("newer.example.com.", "A", "192.0.2.8"))?;
    until("what came behind", || answers(&server, "newer.example.com.", &["192.0.2.8"]));
    Ok(())
}

#[test]
fn a_rebuild_by_hand_leads_to_the_same_and_loses_no_change() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let journal = sample(folder.path())?;
    let server = ServerBuilder::new(folder.path()).ready()?;
    let before = server.json("/v1/zones")?;
    ensure!(before[0]["digest"].as_str().is_some_and(|digest| digest.len() == 64));
    let done = server.client(folder.path(), &["rebuild", "--source", "journal"])?;
    ensure!(done.status.code() == Some(0), "{}", said(&done));
    ensure!(server.json("/v1/zones")? == before, "the same zones, serials and digests");
    let mut file = OpenOptions::new().append(true).open(&journal)?;
    file.write_all(line("new.example.com.", "A", "192.0.2.7").as_bytes())?;
    until("the journal is followed", || answers(&server, "new.example.com.", &["192.0.2.7"]));
    let unknown = server.client(folder.path(), &["rebuild", "--source", "nothing"])?;
    ensure!(unknown.status.code() == Some(1) && said(&unknown).contains("does not read the source"));
    Ok(())
}

/// A bit that turned over while the node was down is not served: the store is set aside, and the log read again.
#[test]
fn a_damaged_store_is_rebuilt_from_the_log() -> Result<()> {
    let folder = tempfile::tempdir()?;
    sample(folder.path())?;
    let builder = || ServerBuilder::new(folder.path());
    let server = builder().ready()?;
    let wanted = server.json("/v1/zones")?;
    ensure!(server.metric("dns_store_set_aside", "")? == 0.0);
    server.stop()?;
    let entries = fs::read_dir(folder.path())?.collect::<Result<Vec<_>, _>>()?;
    let is_store = |path: &PathBuf| path.extension().is_some_and(|end| end == "redb");
    let store = entries.into_iter().map(|entry| entry.path()).find(is_store).context("a store")?;
    let mut bytes = fs::read(&store)?;
    let at = bytes.windows(4).position(|own| own == [192, 0, 2, 80]).context("a row")?;
    bytes[at + 3] ^= 1;
    fs::write(&store, bytes)?;
    let server = builder().ready()?;
    ensure!(answers(&server, "www.example.com.", &["192.0.2.80"])?, "not 192.0.2.81");
    ensure!(server.json("/v1/zones")? == wanted);
    let status = server.json("/v1/status")?;
    ensure!(status["set_aside"].as_str().is_some_and(|aside| aside.contains(".damaged-1")), "{status}");
    until("the metric", || Ok(server.metric("dns_store_set_aside", "")? == 1.0));
    Ok(())
}

//! `compare` and `zone digest` on running nodes: all zones at equal positions, while the log is written to.

use anyhow::{Context, Result, ensure};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use stream_dns_tests::{Server, ServerBuilder, client, repository};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn node(folder: &Path, name: &str, journal: &Path) -> Result<Server> {
    let folder = folder.join(name);
    fs::create_dir_all(&folder)?;
    let journal = journal.to_str().context("a path")?;
    ServerBuilder::new(&folder).argument("serve").argument("--journal").argument(journal).ready()
}

fn compare(folder: &Path, nodes: &[&Server]) -> Result<Output> {
    let addresses: Vec<String> = nodes.iter().map(|node| node.admin.to_string()).collect();
    let mut arguments = vec!["compare"];
    arguments.extend(addresses.iter().map(String::as_str));
    client(folder, &arguments)
}

fn line(owner: &str, content: &str) -> String {
    format!(
        "{{\"key\":\"{owner}|A\",\"value\":[{{\"name\":\"{owner}\",\"type\":\"A\",\"content\":\"{content}\"}}],\"timestamp\":1790000000000}}\n"
    )
}

#[test]
fn nodes_are_equal_at_one_place_while_the_log_grows() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let journal = folder.path().join("journal.jsonl");
    fs::copy(repository().join("examples/zones/sample.jsonl"), &journal)?;
    let nodes = [node(folder.path(), "a", &journal)?, node(folder.path(), "b", &journal)?];
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| -> Result<()> {
        let writer = scope.spawn(|| -> Result<u32> {
            let mut file = OpenOptions::new().append(true).open(&journal)?;
            let mut n = 0;
            while !stop.load(Relaxed) {
                file.write_all(
                    line(&format!("n{}.example.com.", n % 50), &format!("192.0.2.{}", n % 200)).as_bytes(),
                )?;
                n += 1;
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            Ok(n)
        });
        let looked = (0..3).try_for_each(|_| -> Result<()> {
            let equal = compare(folder.path(), &[&nodes[0], &nodes[1]])?;
            ensure!(equal.status.code() == Some(0), "{}", said(&equal));
            ensure!(said(&equal).contains("are equal on 2 nodes"), "{}", said(&equal));
            Ok(())
        });
        stop.store(true, Relaxed);
        let written = writer.join().ok().context("the writer")??;
        looked?;
        ensure!(written > 10, "the log grew meanwhile: {written}");
        Ok(())
    })?;
    // What was held back meanwhile is applied: both come to the end, which the log itself says the same of.
    let journal = journal.to_str().context("a path")?;
    let of_log =
        client(folder.path(), &["zone", "digest", "example.com", "--from-log", "--journal", journal])?;
    ensure!(of_log.status.success(), "{}", said(&of_log));
    for own in &nodes {
        stream_dns_tests::eventually("the digest of the log", || {
            let admin = own.admin.to_string();
            let shown = client(folder.path(), &["zone", "digest", "example.com", "--node", &admin]).ok()?;
            (said(&shown) == said(&of_log)).then_some(())
        });
    }
    let zonemd = |from: &str| client(folder.path(), &["zone", "digest", "example.com", from, "--zonemd"]);
    let (of_node, of_log) =
        (zonemd(&format!("node:{}", nodes[0].admin))?, zonemd(&format!("log:{journal}"))?);
    ensure!(said(&of_node).contains(" IN ZONEMD ") && said(&of_node) == said(&of_log), "{}", said(&of_node));
    Ok(())
}

/// Two nodes that read a journal which somebody wrote over between: same place, other content. What differs is
/// named, and what no rule can make equal apart.
#[test]
fn what_differs_is_named_and_why_it_may() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let journal = folder.path().join("journal.jsonl");
    let mut text = fs::read_to_string(repository().join("examples/zones/sample.jsonl"))?;
    let at = |text: &str| text.len() as u64;
    let (plain_at, plain) = (at(&text), line("plain.example.com.", "192.0.2.7"));
    text += &plain;
    let (spoilt_at, spoilt) = (at(&text), line("spoilt.example.com.", "192.0.2.7"));
    text += &spoilt;
    text += "{\"key\":\"spoilt.example.com.|A\",\"value\":[{\"content\":\"no address\"}],\"timestamp\":1790000000001}\n";
    fs::write(&journal, &text)?;
    let first = node(folder.path(), "a", &journal)?;
    let file: File = OpenOptions::new().write(true).open(&journal)?;
    file.write_all_at(plain.replace("192.0.2.7", "192.0.2.8").as_bytes(), plain_at)?;
    // As after compaction: what stood before the bad event is gone.
    let null = "{\"key\":\"spoilt.example.com.|A\",\"value\":null,\"timestamp\":1790000000000}";
    let null = format!("{null:width$}\n", width = spoilt.len() - 1);
    file.write_all_at(null.as_bytes(), spoilt_at)?;
    let second = node(folder.path(), "b", &journal)?;
    let differs = compare(folder.path(), &[&first, &second])?;
    let text = said(&differs);
    ensure!(differs.status.code() == Some(1), "{text}");
    ensure!(text.contains("zones are not equal on 2 nodes") && text.contains("example.com."), "{text}");
    let (unexcused, excused) =
        text.split_once("RRsets that no rule can make equal:").context(text.clone())?;
    ensure!(unexcused.contains("plain.example.com. A: differs") && !unexcused.contains("spoilt."), "{text}");
    ensure!(excused.contains("spoilt.example.com. A: its newest event cannot be used"), "{text}");
    let alone = client(folder.path(), &["compare", &first.admin.to_string(), "127.0.0.1:1"])?;
    ensure!(alone.status.code() == Some(75), "{}", said(&alone));
    Ok(())
}

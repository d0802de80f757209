//! A journal on a disk that fails for real: ext4 on a loop device whose own storage is full, so that what programs
//! wrote, and can read, cannot be written out (DESIGN: a journal is synced before its position is committed).

use crate::journal::line;
use crate::room::{Ballast, Mount};
use anyhow::{Context, Result, ensure};
use hickory_proto::rr::RecordType;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use stream_dns_tests::churn::Draft;
use stream_dns_tests::{Server, ServerBuilder, eventually};

/// A file system of its own on a device of its own, in this file.
struct Loop {
    device: String,
    at: PathBuf,
}

impl Loop {
    fn new(image: &Path, at: PathBuf) -> Result<Self> {
        fs::File::create(image)?.set_len(64 << 20)?;
        // Without a journal of its own it goes on when a write fails; and nobody clears inodes later, which gives the
        // image's room back.
        let options = ["-q", "-O", "^has_journal", "-E", "nodiscard,lazy_itable_init=0"];
        run("mkfs.ext4", &[&options[..], &[&*image.to_string_lossy()]].concat())?;
        let device = run("losetup", &["--find", "--show", &image.to_string_lossy()])?.trim().to_owned();
        fs::create_dir_all(&at)?;
        let own = Self { device, at };
        run("mount", &["-o", "errors=continue", &own.device, &own.at.to_string_lossy()])?;
        Ok(own)
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // Where one of them was never made there is nothing to be undone.
        drop(run("umount", &["--lazy", &self.at.to_string_lossy()]));
        drop(run("losetup", &["--detach", &self.device]));
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| program.to_owned())?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn last_error(server: &Server) -> Option<String> {
    let status = server.json("/v1/status").ok()?;
    status["sources"][0]["last_error"].as_str().map(str::to_owned)
}

fn is_served(server: &Server, owner: &str) -> Result<bool> {
    Ok(server.asker()?.ask(owner, RecordType::A)?.data() == ["192.0.2.1"])
}

#[test]
fn a_journal_whose_disk_loses_what_was_written_is_held_back_until_it_is_written_anew() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let small = Mount::new(folder.path().join("small"), 24 << 20);
    let made = small.and_then(|small| {
        let device = Loop::new(&small.0.join("image"), folder.path().join("disk"))?;
        Ok((small, device))
    });
    // In the order in which they are taken apart.
    let (small, device) = match made {
        Ok(made) => made,
        Err(error) => {
            println!("skipped: a journal on a disk that fails: there can be none here ({error:#})");
            return Ok(());
        }
    };
    let journal = device.at.join("journal.jsonl");
    let append = |drafts: &[Draft]| -> Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&journal)?;
        Ok(file.write_all(drafts.iter().map(line).collect::<String>().as_bytes())?)
    };
    append(&Draft::zone())?;
    let (first, draft) = Draft::mark(1);
    append(&[draft])?;
    OpenOptions::new().append(true).open(&journal)?.sync_all()?;
    let node = || {
        let journal = journal.to_string_lossy().into_owned();
        ServerBuilder::new(folder.path()).argument("serve").argument("--journal").argument(journal)
    };
    let server = node().ready()?;
    ensure!(is_served(&server, &first)?);

    // Empty lines, many more than the pages that the image has already.
    let ballast = Ballast::all_but(&small.0, 0)?;
    let empty = format!("{}\n", " ".repeat(1023)).repeat(4 << 10);
    OpenOptions::new().append(true).open(&journal)?.write_all(empty.as_bytes())?;
    append(&(2..500).map(|number| Draft::mark(number).1).collect::<Vec<_>>())?;
    let last = Draft::mark(499).0;
    eventually("it cannot be synced", || {
        server.metric("dns_source_unsynced_total", "").ok().filter(|count| *count > 0.0)
    });
    eventually("it is said", || last_error(&server).filter(|error| error.contains("sync")));
    ensure!(server.metric("dns_source_connected", "")? == 0.0);
    ensure!(server.get("/readyz")?.0 == 200 && is_served(&server, &first)?, "what was served stays served");
    ensure!(!is_served(&server, &last)?, "what may be lost is not served");
    // There is room again, and a sync goes well: it has nothing to write.
    drop(ballast);
    eventually("the disk is looked at", || {
        last_error(&server).filter(|error| error.contains("does not hold what was read"))
    });
    OpenOptions::new().append(true).open(&journal)?.sync_all()?;
    ensure!(!is_served(&server, &last)?, "it is on no disk");
    ensure!(last_error(&server).is_some_and(|error| error.contains("log compact")), "it says what to do");

    let path = journal.to_string_lossy();
    let compacted = server.client(folder.path(), &["log", "compact", "--journal", &path])?;
    ensure!(compacted.status.success(), "{}", String::from_utf8_lossy(&compacted.stderr));
    eventually("it is served", || is_served(&server, &last).ok().filter(|served| *served));
    eventually("it is well again", || last_error(&server).is_none().then_some(()));
    server.kill()?;
    let server = node().ready()?;
    eventually("it is served after a crash", || is_served(&server, &last).ok().filter(|served| *served));
    ensure!(server.json("/v1/status")?["sources"][0]["alarm"].is_null());
    server.kill()?;
    drop((device, small));
    Ok(())
}

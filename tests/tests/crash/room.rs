//! A disk that is full under the store: the node goes on serving what comes, says so, and is whole when there is room.
//! Nothing that it served is taken back meanwhile.

use crate::journal::Journal;
use crate::watch::Watch;
use anyhow::{Context, Result, ensure};
use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use stream_dns_tests::churn::Dice;
use stream_dns_tests::kills::WrittenLog;
use stream_dns_tests::{Server, ServerBuilder, eventually};

/// A file system of its own, in memory, with this much room.
pub(crate) struct Mount(pub(crate) PathBuf);

impl Mount {
    pub(crate) fn new(at: PathBuf, bytes: u64) -> Result<Self> {
        fs::create_dir_all(&at)?;
        let path = CString::new(at.as_os_str().as_bytes())?;
        let options = CString::new(format!("size={bytes}"))?;
        // SAFETY: all pointers are to strings that end with a zero and outlive the call.
        let mounted = unsafe {
            libc::mount(c"tmpfs".as_ptr(), path.as_ptr(), c"tmpfs".as_ptr(), 0, options.as_ptr().cast())
        };
        ensure!(mounted == 0, "{}", std::io::Error::last_os_error());
        Ok(Self(at))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Ok(path) = CString::new(self.0.as_os_str().as_bytes()) {
            // SAFETY: the pointer is to a string that ends with a zero and outlives the call.
            unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
        }
    }
}

/// What the store may take, and more.
const ROOM: u64 = 3 << 20;

/// Takes what room there is left but this, and gives it back when it is dropped.
pub(crate) struct Ballast(PathBuf);

impl Ballast {
    pub(crate) fn all_but(folder: &Path, left: u64) -> Result<Self> {
        let path = folder.join("ballast");
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        let mut length = 0;
        while file.write_all(&[0; 4096]).is_ok() {
            length += 4096;
        }
        file.set_len(u64::saturating_sub(length, left))?;
        Ok(Self(path))
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Fills the disk under a running node and makes room again. `fill` and `free` say how.
fn fill_and_free<T>(
    journal: &mut Journal,
    node: impl Fn(&Journal) -> ServerBuilder,
    fill: impl Fn(&Server) -> Result<T>,
    free: impl Fn(&Server, T) -> Result<()>,
) -> Result<()> {
    let mut dice = Dice::seeded("a full disk");
    let server = node(journal).ready()?;
    let watch = Watch::start(&server)?;
    let compare = |journal: &mut Journal, server: &Server, watch: &Watch| {
        journal.compare(server)?;
        watch.served(journal.newest_mark());
        Ok::<_, anyhow::Error>(())
    };
    compare(journal, &server, &watch)?;
    let filled = fill(&server)?;
    let failures = |server: &Server| server.metric("dns_store_commit_failures_total", "").ok();
    let mut churn = journal.churn(Dice(dice.draw()), 2_000)?;
    eventually("a commit fails", || failures(&server).filter(|failures| *failures > 3.0));
    // It keeps serving what comes, from memory.
    for _ in 0..5 {
        churn.rest()?;
        compare(journal, &server, &watch)?;
        churn.go_on();
    }
    ensure!(server.get("/readyz")?.0 == 200, "it stays in service");
    ensure!(server.metric("dns_store_pending_bytes", "")? > 0.0, "what waits is shown");
    let failed = failures(&server).context("a metric")?;
    let mut asked = watch.end()?;
    // Also where it crashes meanwhile: what was not committed is read again.
    server.kill()?;
    let server = node(journal).ready()?;
    let watch = Watch::start(&server)?;
    churn.rest()?;
    compare(journal, &server, &watch)?;
    churn.go_on();
    free(&server, filled)?;
    churn.rest()?;
    eventually("everything is on the disk", || {
        server.metric("dns_store_pending_bytes", "").ok().filter(|bytes| *bytes == 0.0)
    });
    compare(journal, &server, &watch)?;
    asked += watch.end()?;
    let events = journal.said().events;
    println!(
        "{failed} commits failed, {events} events were read; what was served was asked for {asked} times"
    );
    // What it wrote then is whole.
    server.kill()?;
    let server = node(journal).ready()?;
    journal.compare(&server)?;
    let status = server.json("/v1/status")?;
    ensure!(status["set_aside"].is_null(), "{status}");
    journal.compare_with_fresh(&server)
}

#[test]
fn a_full_disk_is_an_alarm_and_no_outage() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut journal = Journal::new(folder.path())?;
    let mount = match Mount::new(folder.path().join("small"), ROOM) {
        Ok(mount) => mount,
        Err(error) => {
            println!(
                "skipped: a full disk for real: nothing can be mounted here ({error}); a limit to the size of files is tried"
            );
            return Ok(());
        }
    };
    let small = mount.0.clone();
    let store = small.join("stream-dns.redb");
    let node =
        |journal: &Journal| journal.node(folder.path()).variable("DNS_PATHDB", store.to_string_lossy());
    let free = |_: &Server, ballast| {
        drop(ballast);
        Ok(())
    };
    fill_and_free(&mut journal, node, |_| Ballast::all_but(&small, 8192), free)
}

/// The same where no file may grow beyond a limit, which needs no rights.
#[test]
fn a_file_that_may_not_grow_is_an_alarm_and_no_outage() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut journal = Journal::new(folder.path())?;
    let node = |journal: &Journal| journal.node(folder.path()).shell("trap '' XFSZ; exec \"$0\" \"$@\"");
    let limit = |server: &Server, bytes: u64| server.limit_files(bytes);
    // Less than the file has already: any write behind that fails, be it to grow or not.
    fill_and_free(&mut journal, node, |server| limit(server, 32 << 10), |server, ()| limit(server, u64::MAX))
}

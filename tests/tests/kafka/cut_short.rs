//! A log that lost its tail and grew again, as an unclean election leaves it (DESIGN, "A rebuild never loses a zone
//! by itself"): its offsets are those of other events now.

use crate::{address, alarm, compare, gone, node, served, settings, source, stays_served, zone};
use anyhow::{Result, ensure};
use std::path::Path;
use stream_dns_tests::{Broker, Server, real_parts};

/// A broker comes back without what it had written last, as a replica does that becomes the leader without having
/// been in sync. When it has written more than it lost, every position is there again, of another event. Nodes
/// that had read what was lost notice by the leader's epoch, whether they run or start; they serve what they
/// served, until the loss is accepted.
#[test]
fn a_log_that_was_cut_short_and_grew_again_is_not_read_on() -> Result<()> {
    if !real_parts("kafka: a log that was cut short") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let (first, second) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let topic = broker.topic("cut-short", 1, &[])?;
    let named = |name: &str, count: usize| -> Vec<_> {
        (0..count).map(|n| address(&format!("{name}-{n}.foo.example."), "192.0.2.7")).collect()
    };
    broker.publish(&topic, &zone("foo.example."))?;
    broker.publish(&topic, &[address("www.foo.example.", "192.0.2.1")])?;
    broker.publish(&topic, &named("kept", 10))?;
    broker.down()?;
    let kept = broker.keep(&topic)?;
    broker.up()?;
    broker.publish(&topic, &named("lost", 5))?;
    let start = |folder: &Path| -> Result<Server> {
        settings(folder, &broker, &topic)?;
        let server = node(folder).ready()?;
        served(&mut server.asker()?, "lost-4.foo.example.", &["192.0.2.7"]);
        Ok(server)
    };
    let (running, stopped) = (start(first.path())?, start(second.path())?);
    ensure!(stopped.stop()?.status.success());

    // It reads nothing of what is between, so what it finds has grown already.
    running.signal(libc::SIGSTOP)?;
    broker.kill()?;
    broker.restore(&kept)?;
    broker.up()?;
    broker.publish(&topic, &named("other", 20))?;
    running.signal(libc::SIGCONT)?;

    let restarted = node(second.path()).ready()?;
    for (folder, server) in [(first.path(), &running), (second.path(), &restarted)] {
        let alarm = alarm(server);
        println!("{alarm}");
        ensure!(alarm.contains("cut short") && alarm.contains("rebuild --accept-loss"), "{alarm}");
        stays_served(server)?;
        let mut asker = server.asker()?;
        served(&mut asker, "lost-4.foo.example.", &["192.0.2.7"]);
        gone(&mut asker, "other-0.foo.example.");

        // Read again it is whole, and lacks more than a tenth of the RRsets.
        let refused = server.client(folder, &["rebuild"])?;
        ensure!(refused.status.code() == Some(1), "{}", String::from_utf8_lossy(&refused.stdout));
        served(&mut asker, "lost-4.foo.example.", &["192.0.2.7"]);
        let accepted = server.client(folder, &["rebuild", "--accept-loss"])?;
        ensure!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stdout));
        served(&mut asker, "other-19.foo.example.", &["192.0.2.7"]);
        served(&mut asker, "kept-9.foo.example.", &["192.0.2.7"]);
        gone(&mut asker, "lost-4.foo.example.");
        ensure!(source(server)?["alarm"].is_null());
    }
    compare(first.path(), &[&running, &restarted])?;
    broker.publish(&topic, &named("after", 1))?;
    for server in [&running, &restarted] {
        served(&mut server.asker()?, "after-0.foo.example.", &["192.0.2.7"]);
    }
    Ok(())
}

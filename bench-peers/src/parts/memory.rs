//! Resident size for a zone of 1,000,000 names with one A each, after load and after as many changes.

use super::{KNOT, NSD, Setting, start_all};
use crate::report::{Section, Target, thousands};
use crate::servers::{Kind, PATIENCE, Server};
use crate::table::Table;
use crate::world::World;
use crate::{cpu, feed};
use anyhow::Result;
use std::time::Duration;
use stream_dns_tests::within;

/// Ours by Knot's, at most.
const SHARE: f64 = 2.0 / 3.0;
/// Some tidy up when nothing has come for a while.
const AFTERWARDS: Duration = Duration::from_secs(3);

pub(super) fn run(setting: &Setting) -> Result<Section> {
    let names = setting.sized(1_000_000);
    let place = setting.place(World::Plain(names), true)?;
    let servers = start_all(&[Kind::StreamDns, KNOT, NSD], &place, &setting.pinned())?;
    let mut section = Section::new("Memory");
    section.text(format!(
        "Proportional set size (`smaps_rollup`) of all processes of a server, at rest, for a zone of {} names with one \
         A record each; then every name gets another address, ours by lines appended to its journal, Knot by dynamic \
         updates (RFC 2136). NSD takes no updates. The store's cache is part of ours.",
        thousands(names as f64)
    ));
    let loaded: Vec<f64> = servers.iter().map(mebibytes).collect();
    feed::append_all(&place.journal, names, 1)?;
    let (ours, knot) = (&servers[0], &servers[1]);
    feed::update(knot.address, names, 1)?;
    // The RRsets of the start, and a change of each A.
    let expected = (2 * names + 3) as f64;
    within(PATIENCE, "our server has applied all changes", || {
        (ours.metric("dns_events_applied_total").ok()? >= expected).then_some(())
    })?;
    servers.iter().try_for_each(Server::rest)?;
    std::thread::sleep(AFTERWARDS);
    let changed: Vec<f64> = servers.iter().map(mebibytes).collect();
    let mut table = Table::new(&["server", "after load, MiB", "after the changes, MiB"]);
    for (index, server) in servers.iter().enumerate() {
        let after = if server.kind == NSD { "-".to_owned() } else { format!("{:.0}", changed[index]) };
        table.row([server.kind.to_string(), format!("{:.0}", loaded[index]), after]);
    }
    section.table(&table);
    section.targets.push(Target::at_most("after load, by Knot", SHARE, loaded[0] / loaded[1], "×"));
    section.targets.push(Target::at_most("after the changes, by Knot", SHARE, changed[0] / changed[1], "×"));
    Ok(section)
}

fn mebibytes(server: &Server) -> f64 {
    cpu::resident(&cpu::family(server.processes[0])) as f64 / 1024.0
}

//! Events a second from a log into an empty store: to the moment they are served, and to the moment they are durable.

use super::{Setting, first_answer, seconds};
use crate::mix::{Mix, Questions};
use crate::report::{Section, Target, thousands};
use crate::servers::{Kind, PATIENCE, Place, Server, Start};
use crate::table::Table;
use crate::world::{World, value};
use anyhow::Result;
use std::convert::Infallible;
use std::fs;
use std::time::{Duration, Instant};
use stream_dns_tests::{Broker, within};

const STARTS: usize = 3;
/// How long a figure of the metrics may lag behind.
const STALE: Duration = Duration::from_millis(250);

pub(super) fn run(setting: &Setting) -> Result<Section> {
    let place = setting.place(World::Plain(setting.sized(1_000_000)), false)?;
    let events = setting.sized(1_000_000) + 3;
    let mut section = Section::new("Replay");
    section.text(format!(
        "{} events, one A record each, into an empty store, the whole machine at the server's (and the broker's) \
         disposal. *served*: from the start of the process to the first answer, which is not SERVFAIL once the end of \
         the log is reached; *durable*: until nothing waits for the disk any more. The median of {STARTS} runs.",
        thousands(events as f64)
    ));
    let mut table = Table::new(&["log", "served", "events/s", "durable", "events/s"]);
    let mut measure = |name: &str, how: &Start, wanted: f64, section: &mut Section| -> Result<()> {
        let (served, durable) = median_replay(setting, &place, how)?;
        let rate = |time: Duration| events as f64 / time.as_secs_f64();
        let cells = [seconds(served), thousands(rate(served)), seconds(durable), thousands(rate(durable))];
        table.row([name.to_owned()].into_iter().chain(cells));
        section.targets.push(Target::at_least(format!("{name}: served"), wanted, rate(served), "events/s"));
        section.targets.push(Target::at_least(
            format!("{name}: durable"),
            100_000.0,
            rate(durable),
            "events/s",
        ));
        Ok(())
    };
    let free = setting.free(1)?;
    measure("a warm journal", &free, 300_000.0, &mut section)?;
    if setting.kafka {
        let broker = Broker::shared()?;
        let topic = broker.topic("replay", 3, &[])?;
        broker.publish(&topic, &keyed(place.world))?;
        let how = Start { topic: Some((broker.address(), topic)), ..free };
        measure("Kafka on this machine", &how, 150_000.0, &mut section)?;
    }
    section.table(&table);
    Ok(section)
}

/// Keys and values of a world's events.
fn keyed(world: World) -> Vec<(String, String)> {
    let mut events = Vec::new();
    for zone in 0..world.zones() {
        let collected: Result<(), Infallible> = world.each_rrset(zone, |owner, kind, contents| {
            events.push((format!("{owner}|{kind}"), value(owner, kind, contents)));
            Ok(())
        });
        collected.unwrap_or_else(|never| match never {});
    }
    events
}

fn median_replay(setting: &Setting, place: &Place, how: &Start) -> Result<(Duration, Duration)> {
    let mut runs = Vec::new();
    for _ in 0..STARTS {
        if place.store().exists() {
            fs::remove_file(place.store())?;
        }
        runs.push(replay(setting, place, how)?);
    }
    runs.sort();
    Ok(runs[STARTS / 2])
}

fn replay(setting: &Setting, place: &Place, how: &Start) -> Result<(Duration, Duration)> {
    let mut questions = Questions::new(place.world, Mix::Hot, false, 1, setting.seed);
    let begun = Instant::now();
    let server = Server::begin(Kind::StreamDns, place, how)?;
    let served = first_answer(&server, &mut questions, begun)?;
    let mut since = None;
    let durable = within(PATIENCE, "nothing waits for the disk", || {
        let waiting = server.metric("dns_store_pending_bytes").unwrap_or(f64::MAX);
        std::thread::sleep(Duration::from_millis(20));
        if waiting > 0.0 {
            since = None;
            return None;
        }
        // The figure comes every tenth of a second: an old nought does not count.
        let moment = *since.get_or_insert_with(|| begun.elapsed());
        (begun.elapsed() - moment > STALE).then_some(moment)
    })?;
    Ok((served, durable.max(served)))
}

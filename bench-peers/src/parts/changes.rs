//! Queries while a zone of 1,000,000 names changes 1,000 times a second.

use super::{Setting, late, late_alone};
use crate::cpu;
use crate::feed::Changes;
use crate::load::{self, Meter, Outcome, Over, Pace, Unmeasured};
use crate::measure::median;
use crate::mix::{Mix, Questions};
use crate::report::{Section, Target, thousands};
use crate::servers::{Kind, Place, Server};
use crate::table::Table;
use crate::world::World;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Events a second.
const EVENTS: u64 = 1000;
const TIME: Duration = Duration::from_secs(2);
/// Events before the first turn, and how many of them a second: by then the store holds as many rows that are not in their
/// places as it ever does where nobody wants the processor.
const BEFORE: (u64, u64) = (400_000, 20_000);

/// One turn: with changes or without.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    /// Answers a second.
    rate: f64,
    /// The listener's thread alone, in µs for an answer.
    path: f64,
    /// The whole process, in µs for an answer.
    total: f64,
    /// p99.9 at half of that rate, in milliseconds.
    latency: f64,
}

/// Takes the time of every thread.
struct ThreadMeter<'a> {
    processes: &'a [u32],
    begun: BTreeMap<u32, u64>,
    used: Vec<u64>,
}

// === impl ThreadMeter ===

impl Meter for ThreadMeter<'_> {
    fn begin(&mut self) {
        self.begun = cpu::threads(self.processes);
    }

    fn end(&mut self) {
        let before = |thread| self.begun.get(thread).copied().unwrap_or(0);
        let now = cpu::threads(self.processes);
        self.used = now.iter().map(|(thread, time)| time.saturating_sub(before(thread))).collect();
    }
}

pub(super) fn run(setting: &Setting) -> Result<Section> {
    let names = setting.sized(1_000_000);
    let place = setting.place(World::Zone(names), false)?;
    let server = Server::start(Kind::StreamDns, &place, &setting.pinned())?;
    let mut questions = Questions::new(place.world, Mix::Mixed, true, 1_000_000, setting.seed);
    let mut section = Section::new("Changes under load");
    section.text(format!(
        "A zone of 1,000,000 names, *mixed*, all of the server on one core; turns of {} s without changes and with \
         {EVENTS} events a second, each a line appended to the journal, behind {} of them. *The query's path* is the \
         CPU time of the listener's thread. The latency is that at half of the rate without changes, as root on a \
         quiet core (see *Overload*).",
        TIME.as_secs(),
        thousands(BEFORE.0 as f64),
    ));
    let mut changes = Changes::new(names);
    changes.append(&place.journal, BEFORE.1, BEFORE.0, &AtomicBool::new(false))?;
    server.rest()?;
    let mut pairs = Vec::new();
    for _ in 0..setting.rounds {
        let still = turn(setting, &server, &place, &mut questions, None)?;
        let moving = turn(setting, &server, &place, &mut questions, Some((&mut changes, still.rate)))?;
        pairs.push((still, moving));
    }
    let of = |value: &dyn Fn(&(Turn, Turn)) -> f64| median(pairs.iter().map(value).collect());
    let mut table =
        Table::new(&["", "k/s", "path, µs/answer", "process, µs/answer", "p99.9 at half the rate, ms"]);
    for (name, pick) in [("without changes", 0), ("with changes", 1)] {
        let side = move |pair: &(Turn, Turn)| if pick == 0 { pair.0 } else { pair.1 };
        table.row([
            name.to_owned(),
            format!("{:.0}", of(&|pair| side(pair).rate / 1000.0)),
            format!("{:.3}", of(&|pair| side(pair).path)),
            format!("{:.3}", of(&|pair| side(pair).total)),
            format!("{:.3}", of(&|pair| side(pair).latency)),
        ]);
    }
    section.table(&table);
    let path = of(&|(still, moving)| (1.0 - still.path / moving.path) * 100.0);
    let all = of(&|(still, moving)| (1.0 - moving.rate / still.rate) * 100.0);
    let later = of(&|(still, moving)| moving.latency - still.latency);
    section.targets.push(Target::at_most("loss of the query's path", 5.0, path, "%"));
    section.targets.push(Target::at_most(
        "loss of throughput, store and journal on the same core",
        5.0,
        all,
        "%",
    ));
    section.targets.push(Target::at_most("later at p99.9, at half of the rate", 1.0, later, "ms"));
    drop(server);
    super::next::measure(setting, &mut section)?;
    Ok(section)
}

/// Loads the server, while the zone changes where that and the rate without changes are given.
fn turn(
    setting: &Setting,
    server: &Server,
    place: &Place,
    questions: &mut Questions,
    changing: Option<(&mut Changes, f64)>,
) -> Result<Turn> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let peak = changing.as_ref().map(|(_, rate)| *rate);
        let writer = changing.map(|(changes, _)| {
            let (journal, stop) = (&place.journal, &stop);
            scope.spawn(move || changes.append(journal, EVENTS, u64::MAX, stop))
        });
        let measured = both(setting, server, questions, peak);
        stop.store(true, Ordering::Relaxed);
        if let Some(writer) = writer {
            writer.join().ok().context("the writer panicked")??;
        }
        server.rest()?;
        measured
    })
}

fn both(setting: &Setting, server: &Server, questions: &mut Questions, peak: Option<f64>) -> Result<Turn> {
    cpu::pin(&[setting.generator])?;
    let mut meter = ThreadMeter { processes: &server.processes, begun: BTreeMap::new(), used: Vec::new() };
    let rounds = setting.rounds(Over::Udp);
    let mut load = setting.load(server.address, rounds.pace, TIME);
    let full: Outcome = load::run(&load, questions, &mut meter)?;
    let per_answer = |time: u64| time as f64 / 1000.0 / full.answered.max(1) as f64;
    load.pace = Pace::Open(peak.unwrap_or(full.rate()) / 2.0);
    let latency = match late_alone(setting, server, &load, questions)? {
        Some(alone) => alone,
        None => late(&load::run(&load, questions, &mut Unmeasured)?),
    };
    Ok(Turn {
        rate: full.rate(),
        path: per_answer(meter.used.iter().copied().max().unwrap_or(0)),
        total: per_answer(meter.used.iter().sum()),
        latency,
    })
}

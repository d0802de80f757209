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

/// A turn at full rate, with changes or without.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    /// Answers a second.
    rate: f64,
    /// The listener's thread alone, in µs for an answer.
    path: f64,
    /// The whole process, in µs for an answer.
    total: f64,
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
    let (mut pairs, mut late) = (Vec::<[Turn; 2]>::new(), Vec::<[f64; 2]>::new());
    for _ in 0..setting.rounds {
        // In both orders: the machine may be getting faster or slower.
        for order in [[false, true], [true, false], [false, true]] {
            let mut pair = [Turn::default(); 2];
            for changing in order {
                let changes = changing.then_some(&mut changes);
                pair[usize::from(changing)] =
                    beside(&server, &place, changes, || turn(setting, &server, &mut questions))?;
            }
            pairs.push(pair);
        }
        let rate = median(pairs.iter().map(|[still, _]| still.rate).collect());
        let mut delays = [0.0; 2];
        for changing in [false, true] {
            let changes = changing.then_some(&mut changes);
            delays[usize::from(changing)] =
                beside(&server, &place, changes, || lateness(setting, &server, &mut questions, rate / 2.0))?;
        }
        late.push(delays);
    }
    let of = |value: &dyn Fn(&[Turn; 2]) -> f64| median(pairs.iter().map(value).collect());
    let mut table =
        Table::new(&["", "k/s", "path, µs/answer", "process, µs/answer", "p99.9 at half the rate, ms"]);
    for (name, side) in [("without changes", 0), ("with changes", 1)] {
        table.row([
            name.to_owned(),
            format!("{:.0}", of(&|pair| pair[side].rate / 1000.0)),
            format!("{:.3}", of(&|pair| pair[side].path)),
            format!("{:.3}", of(&|pair| pair[side].total)),
            format!("{:.3}", median(late.iter().map(|delays| delays[side]).collect())),
        ]);
    }
    section.table(&table);
    let path = of(&|[still, moving]| (1.0 - still.path / moving.path) * 100.0);
    let all = of(&|[still, moving]| (1.0 - moving.rate / still.rate) * 100.0);
    let later = median(late.iter().map(|[still, moving]| moving - still).collect());
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

/// Measures something, where changes are given while the zone changes.
fn beside<T>(
    server: &Server,
    place: &Place,
    changes: Option<&mut Changes>,
    measure: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = changes.map(|changes| {
            let (journal, stop) = (&place.journal, &stop);
            scope.spawn(move || changes.append(journal, EVENTS, u64::MAX, stop))
        });
        let measured = measure();
        stop.store(true, Ordering::Relaxed);
        if let Some(writer) = writer {
            writer.join().ok().context("the writer panicked")??;
        }
        server.rest()?;
        measured
    })
}

fn turn(setting: &Setting, server: &Server, questions: &mut Questions) -> Result<Turn> {
    cpu::pin(&[setting.generator])?;
    let mut meter = ThreadMeter { processes: &server.processes, begun: BTreeMap::new(), used: Vec::new() };
    let load = setting.load(server.address, setting.rounds(Over::Udp).pace, TIME);
    let full: Outcome = load::run(&load, questions, &mut meter)?;
    let per_answer = |time: u64| time as f64 / 1000.0 / full.answered.max(1) as f64;
    Ok(Turn {
        rate: full.rate(),
        path: per_answer(meter.used.iter().copied().max().unwrap_or(0)),
        total: per_answer(meter.used.iter().sum()),
    })
}

/// p99.9 at a rate, in milliseconds.
fn lateness(setting: &Setting, server: &Server, questions: &mut Questions, rate: f64) -> Result<f64> {
    cpu::pin(&[setting.generator])?;
    let load = setting.load(server.address, Pace::Open(rate), TIME);
    Ok(match late_alone(setting, server, &load, questions)? {
        Some(alone) => alone,
        None => late(&load::run(&load, questions, &mut Unmeasured)?),
    })
}

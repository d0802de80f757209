//! More questions than can be answered, and half as many.

use super::{KNOT, NSD, Setting, late, late_alone, start_all};
use crate::cpu;
use crate::load::{self, Load, Over, Pace, Unmeasured};
use crate::measure::{self, median};
use crate::mix::{Mix, Questions};
use crate::report::{Section, Target};
use crate::servers::{Kind, Server};
use crate::table::Table;
use crate::world::World;
use anyhow::Result;
use std::time::Duration;

const TIME: Duration = Duration::from_secs(1);

/// What one round found.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    peak: f64,
    /// p99.9 at half of the peak in milliseconds, as the generator sees it.
    half: f64,
    /// The server's share of its core then.
    share: f64,
    /// p99.9 again, on a quiet core, timed by the kernel. `None` where the core cannot be had.
    quiet: Option<f64>,
    /// Sent and answered by the peak, at two and five times of it.
    above: [(f64, f64); 2],
}

pub(super) fn run(setting: &Setting) -> Result<Section> {
    let world = World::Zone(setting.sized(10_000));
    let place = setting.place(world, true)?;
    let servers = start_all(&[Kind::Echo, Kind::StreamDns, NSD, KNOT], &place, &setting.pinned())?;
    let mut questions = Questions::new(world, Mix::Hot, true, 100_000, setting.seed);
    cpu::pin(&[setting.generator])?;
    let mut section = Section::new("Overload");
    section.text(format!(
        "10,000 names, *hot*, EDNS. The peak is what is answered with 192 questions under way; then questions come at a \
         fixed rate, {} s each. To send several times what a server answers from one core, the generator hands the \
         kernel many questions at once (`UDP_SEGMENT`); *sent* says what it reached, by the peak. What the echo server \
         has is the machine's: what it loses, and how late its answers are, nobody who receives like it can better. \
         At half of the peak p99.9 is taken twice. *As seen* is from the moment at which a question was due until the \
         generator had its answer: what else runs on the two cores decides it, a pause of 1 ms in a second. *Quiet* is \
         the server's own: everything else is moved off its core, which is kept awake, and the kernel says when \
         it had an answer, so that a generator that is held up itself adds nothing.",
        TIME.as_secs()
    ));
    let headings = [
        "server",
        "peak, k/s",
        "at half: of the core",
        "p99.9, ms: as seen",
        "quiet",
        "2 ×: sent",
        "answered",
        "5 ×: sent",
        "answered",
    ];
    let mut table = Table::new(&headings);
    for server in &servers {
        let rounds = (0..setting.rounds).map(|_| round(setting, server, &mut questions));
        let rounds = rounds.collect::<Result<Vec<_>>>()?;
        let of = |value: &dyn Fn(&Round) -> f64| median(rounds.iter().map(value).collect());
        let quiet = rounds.iter().map(|round| round.quiet).collect::<Option<Vec<_>>>().map(median);
        let mut cells = vec![
            server.kind.to_string(),
            format!("{:.0}", of(&|round| round.peak / 1000.0)),
            format!("{:.2}", of(&|round| round.share)),
            format!("{:.3}", of(&|round| round.half)),
            quiet.map_or_else(|| "-".to_owned(), |quiet| format!("{quiet:.3}")),
        ];
        for step in 0..2 {
            cells.push(format!("{:.2}", of(&|round| round.above[step].0)));
            cells.push(format!("{:.2}", of(&|round| round.above[step].1)));
        }
        table.row(cells);
        if server.kind == Kind::StreamDns {
            if quiet.is_none() {
                section.text("The core could not be made quiet, which takes root.");
            }
            let half = quiet.unwrap_or_else(|| of(&|round| round.half));
            section.targets.push(Target::at_most("p99.9 at half of the peak", 1.0, half, "ms"));
            for (step, times) in ["two", "five"].iter().enumerate() {
                let answered = of(&|round| round.above[step].1);
                let what = format!("answered at {times} times the peak, by the peak");
                section.targets.push(Target::at_least(what, 0.95, answered, "×"));
                let sent = of(&|round| round.above[step].0);
                let wanted = [2.0, 5.0][step];
                if sent < wanted * 0.95 {
                    section
                        .text(format!("The generator reached {sent:.2} times the peak only, not {wanted}."));
                }
            }
        }
    }
    section.table(&table);
    Ok(section)
}

fn round(setting: &Setting, server: &Server, questions: &mut Questions) -> Result<Round> {
    let mut load: Load = setting.load(server.address, setting.rounds(Over::Udp).pace, TIME);
    let peak = load::run(&load, questions, &mut Unmeasured)?.rate();
    load.pace = Pace::Open(peak / 2.0);
    let seen = measure::sample(server, &load, questions, None)?;
    let quiet = late_alone(setting, server, &load, questions)?;
    load.over = Over::UdpSegments;
    let mut above = [(0.0, 0.0); 2];
    for (times, step) in [2.0, 5.0].into_iter().zip(&mut above) {
        load.pace = Pace::Open(peak * times);
        let outcome = load::run(&load, questions, &mut Unmeasured)?;
        *step = (outcome.sent as f64 / outcome.elapsed.as_secs_f64() / peak, outcome.rate() / peak);
    }
    Ok(Round { peak, half: late(&seen.outcome), share: seen.busy(), quiet, above })
}

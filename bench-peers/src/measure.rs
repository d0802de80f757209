//! Rounds: each server in turn is kept busy, and its CPU time and the generator's findings are taken together.

use crate::cpu;
use crate::load::{self, Load, Meter, Outcome, Over, Pace};
use crate::mix::Questions;
use crate::sampler::{Looks, Sampler};
use crate::servers::{Kind, Server};
use anyhow::Result;
use std::time::Duration;

/// How the rounds are run.
#[derive(Clone, Debug)]
pub struct Rounds {
    /// How many.
    pub count: usize,
    /// The measured time of each, for each server.
    pub time: Duration,
    /// How questions follow each other.
    pub pace: Pace,
    /// Source ports, or connections.
    pub ports: usize,
    /// How questions travel.
    pub over: Over,
    /// The generator's core.
    pub core: usize,
}

/// One server in one round.
#[derive(Clone, Default)]
pub struct Sample {
    /// The server's CPU time, in the kernel and outside.
    pub cpu: Duration,
    /// Of that, the share outside of the kernel; `None` where it could not be seen.
    pub user: Option<f64>,
    /// What the looks at its core found.
    pub looks: Looks,
    /// What the generator found.
    pub outcome: Outcome,
}

/// The medians of a server's rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Which server.
    pub kind: Kind,
    /// CPU time per answer, in microseconds.
    pub total: f64,
    /// Of that, outside of the kernel, in microseconds.
    pub user: Option<f64>,
    /// The total by the echo server's in the same round.
    pub by_echo: Option<f64>,
    /// Thousands of answers a second.
    pub rate: f64,
    /// The server's share of its core, other processes left out. Well below 1 the generator was the limit.
    pub busy: f64,
    /// The share of its core that other processes took: the machine was not quiet.
    pub others: f64,
    /// Latency at p50 and p99, in microseconds.
    pub latency: (f64, f64),
    /// Sums over the rounds: lost, strange and unexpected.
    pub faults: (u64, u64, u64),
}

/// Takes a server's CPU time at both ends of the measured time.
struct ServerMeter<'a> {
    processes: &'a [u32],
    sampler: Option<&'a mut Sampler>,
    begun: (Duration, (u64, u64)),
    cpu: Duration,
    ticks: (u64, u64),
    looks: Looks,
}

/// Below this share of a core the server waited for the generator.
const SATURATED: f64 = 0.9;

// === impl ServerMeter ===

impl Meter for ServerMeter<'_> {
    fn begin(&mut self) {
        if let Some(sampler) = &mut self.sampler {
            sampler.take(self.processes);
        }
        self.begun = (cpu::used(self.processes), cpu::used_ticks(self.processes));
    }

    fn end(&mut self) {
        self.cpu = cpu::used(self.processes).saturating_sub(self.begun.0);
        let ticks = cpu::used_ticks(self.processes);
        self.ticks = (ticks.0.saturating_sub(self.begun.1.0), ticks.1.saturating_sub(self.begun.1.1));
        if let Some(sampler) = &mut self.sampler {
            self.looks = sampler.take(self.processes);
        }
    }
}

/// Loads a server once, from the core of the calling thread.
pub fn sample(
    server: &Server,
    load: &Load,
    questions: &mut Questions,
    sampler: Option<&mut Sampler>,
) -> Result<Sample> {
    let mut meter = ServerMeter {
        processes: &server.processes,
        sampler,
        begun: Default::default(),
        cpu: Duration::ZERO,
        ticks: (0, 0),
        looks: Looks::default(),
    };
    let outcome = load::run(load, questions, &mut meter)?;
    let (user, system) = meter.ticks;
    let by_ticks = || (user + system > 0).then(|| user as f64 / (user + system) as f64);
    Ok(Sample {
        cpu: meter.cpu,
        user: meter.looks.user_share().or_else(by_ticks),
        looks: meter.looks,
        outcome,
    })
}

/// Runs the rounds of one mix against all servers in turn; gives the figures of each.
pub fn rounds(
    servers: &[Server],
    how: &Rounds,
    questions: &mut Questions,
    sampler: Option<&mut Sampler>,
) -> Result<Vec<Figures>> {
    let samples = turns(servers, how, questions, sampler)?;
    let echo = servers.iter().position(|server| server.kind == Kind::Echo);
    let echo = echo.map(|index| samples[index].as_slice());
    Ok(servers.iter().zip(&samples).map(|(server, own)| Figures::of(server.kind, own, echo)).collect())
}

/// Runs the rounds of one mix against all servers in turn; gives the samples of each.
pub fn turns(
    servers: &[Server],
    how: &Rounds,
    questions: &mut Questions,
    mut sampler: Option<&mut Sampler>,
) -> Result<Vec<Vec<Sample>>> {
    cpu::pin(&[how.core])?;
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); servers.len()];
    for _ in 0..how.count {
        for (server, own) in servers.iter().zip(&mut samples) {
            let load = Load {
                target: server.address,
                over: how.over,
                ports: how.ports,
                pace: how.pace,
                warm_up: (how.time / 10).max(Duration::from_millis(30)),
                time: how.time,
            };
            own.push(sample(server, &load, questions, sampler.as_deref_mut())?);
        }
    }
    Ok(samples)
}

/// The one in the middle; of an even number the mean of two. 0 for none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

// === impl Sample ===

impl Sample {
    /// CPU time per answer, in microseconds.
    pub fn total(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.outcome.answered.max(1) as f64
    }

    /// The server's share of its core, other processes left out where they can be seen.
    pub fn busy(&self) -> f64 {
        self.looks.busy().unwrap_or(self.cpu.as_secs_f64() / self.outcome.elapsed.as_secs_f64())
    }
}

// === impl Figures ===

impl Figures {
    /// The medians of these rounds, beside the echo server's.
    pub fn of(kind: Kind, samples: &[Sample], echo: Option<&[Sample]>) -> Self {
        let middle = |value: &dyn Fn(&Sample) -> f64| median(samples.iter().map(value).collect());
        let sum = |value: &dyn Fn(&Outcome) -> u64| samples.iter().map(|sample| value(&sample.outcome)).sum();
        let ratios = |echo: &[Sample]| {
            samples.iter().zip(echo).map(|(own, floor)| own.total() / floor.total()).collect()
        };
        let quantile = |share: f64| middle(&|sample| sample.outcome.latency.quantile(share) as f64 / 1000.0);
        Self {
            kind,
            total: middle(&Sample::total),
            user: samples
                .iter()
                .map(|sample| Some(sample.total() * sample.user?))
                .collect::<Option<_>>()
                .map(median),
            by_echo: echo.map(|echo| median(ratios(echo))),
            rate: middle(&|sample| sample.outcome.rate() / 1000.0),
            busy: middle(&Sample::busy),
            others: middle(&|sample| sample.looks.others_share()),
            latency: (quantile(0.5), quantile(0.99)),
            faults: (
                sum(&|outcome| outcome.lost),
                sum(&|outcome| outcome.strange),
                // The echo server answers nothing.
                if kind == Kind::Echo { 0 } else { sum(&|outcome| outcome.unexpected) },
            ),
        }
    }

    /// Whether the generator was the limit and not the server.
    pub fn generator_was_the_limit(&self) -> bool {
        self.busy < SATURATED
    }
}

#[cfg(test)]
mod tests {
    use super::{Figures, Sample, median};
    use crate::load::Outcome;
    use crate::servers::Kind;
    use std::time::Duration;

    fn sample(microseconds: u64, user: f64) -> Sample {
        let outcome = Outcome { answered: 1000, elapsed: Duration::from_millis(10), ..Outcome::default() };
        Sample {
            cpu: Duration::from_micros(microseconds * 1000),
            user: Some(user),
            outcome,
            ..Sample::default()
        }
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(Vec::new()), 0.0);
    }

    #[test]
    fn figures_are_per_answer_and_by_the_echo_server_of_the_same_round() {
        let (own, echo) = (
            [sample(8, 0.25), sample(9, 0.25), sample(10, 0.25)],
            [sample(4, 0.0), sample(3, 0.0), sample(5, 0.0)],
        );
        let figures = Figures::of(Kind::StreamDns, &own, Some(&echo));
        assert_eq!((figures.total, figures.user), (9.0, Some(2.25)));
        assert_eq!(figures.by_echo, Some(2.0));
        assert!((figures.rate - 100.0).abs() < 1e-9);
        assert!((figures.busy - 0.9).abs() < 1e-9 && figures.generator_was_the_limit());
    }
}

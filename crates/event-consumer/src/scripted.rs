//! A source that says what it was told to say, for tests and examples. Its positions are odd on purpose: they
//! prove that nobody else looks into one.

use crate::source::{Output, Progress, Source, SourceSpec};
use std::collections::BTreeMap;
use std::time::Duration;
use zone_model::{BadPosition, Headers, Partition, Position, RawEvent, SourceId, Timestamp};

/// A log that was written down beforehand.
#[derive(Clone, Debug)]
pub struct Scripted {
    steps: Vec<Output>,
    next: usize,
    at_a_time: usize,
    behind: BTreeMap<Partition, Position>,
    at: BTreeMap<Partition, u64>,
}

/// The position of the `n`th entry: neither of Kafka's shape nor of a journal's, and growing in length.
///
/// # Errors
/// None below 2^64; the type is [`Position::new`]'s.
pub fn odd_position(n: u64) -> Result<Position, BadPosition> {
    // A version, how many bytes the number has, the number, and a tail that means nothing.
    let digits = n.to_be_bytes();
    let leading = digits.iter().take_while(|byte| **byte == 0).count().min(7);
    let mut bytes = vec![0xee, (8 - leading) as u8];
    bytes.extend_from_slice(&digits[leading..]);
    bytes.extend((0..n % 5).map(|i| i as u8));
    Position::new(&bytes)
}

/// The `n`th entry of a partition as an event.
///
/// # Errors
/// As [`odd_position`].
pub fn event(
    partition: u32,
    n: u64,
    key: &str,
    value: Option<&str>,
    headers: Headers,
) -> Result<Output, BadPosition> {
    Ok(Output::Event(RawEvent {
        partition: Partition(partition),
        position: odd_position(n)?,
        timestamp: Timestamp(n as i64),
        key: key.as_bytes().to_vec(),
        value: value.map(|text| text.as_bytes().to_vec()),
        headers,
    }))
}

// === impl Scripted ===

impl Scripted {
    /// Says `steps` in their order, `at_a_time` with each poll (at least 1), and nothing more after them.
    pub fn new(steps: Vec<Output>, at_a_time: usize) -> Self {
        Self { steps, next: 0, at_a_time: at_a_time.max(1), behind: BTreeMap::new(), at: BTreeMap::new() }
    }

    /// This script as a source that can be opened behind any position: events up to it are left out.
    pub fn spec(self, id: &str) -> SourceSpec {
        SourceSpec::new(SourceId::new(id), "scripted", move |positions| {
            let behind = positions.iter().copied().collect();
            Ok(Box::new(Self { behind, ..self.clone() }))
        })
    }

    fn was_applied(&self, step: &Output) -> bool {
        let place = match step {
            Output::Event(event) => (event.partition, event.position),
            Output::Unusable(event) => (event.partition, event.position),
            Output::Passed(partition, position) => (*partition, *position),
            _ => return false,
        };
        self.behind.get(&place.0).is_some_and(|applied| place.1 <= *applied)
    }
}

impl Source for Scripted {
    fn poll(&mut self, timeout: Duration, out: &mut Vec<Output>) -> bool {
        let mut said = 0;
        while said < self.at_a_time {
            let Some(step) = self.steps.get(self.next) else { break };
            self.next += 1;
            if self.was_applied(step) {
                continue;
            }
            if let Output::Event(event) = step {
                *self.at.entry(event.partition).or_default() += 1;
            }
            out.push(step.clone());
            said += 1;
        }
        if said == 0 {
            std::thread::sleep(timeout);
        }
        said > 0 && self.next < self.steps.len()
    }

    fn progress(&self) -> Vec<Progress> {
        let line = |(partition, n): (&Partition, &u64)| Progress {
            partition: *partition,
            at: format!("step {n}"),
            lag: 0,
        };
        self.at.iter().map(line).collect()
    }
}

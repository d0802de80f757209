//! Counts what came of changes until metric-agent takes it.

use messages::{Measured, PublishError, Sample};

/// The values of the label `outcome` of `dns_changes_published_total`, in the order of the counts.
const OUTCOMES: [&str; 7] =
    ["published", "refused", "conflict", "unavailable", "unknown", "overflow", "crashed"];

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Published,
    Refused,
    Conflict,
    Unavailable,
    Unknown,
    /// Too many waited; it was not tried.
    Overflow,
    /// The producer panicked over it.
    Crashed,
}

/// Counts that metric-agent does not have yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    changes: [u64; OUTCOMES.len()],
    events: u64,
}

// === impl Tally ===

impl Tally {
    pub(crate) fn count(&mut self, outcome: Counted, events: usize) {
        self.changes[outcome as usize] += 1;
        self.events += events as u64;
    }

    /// Offers the counts to `report`, which says whether it took them; they are kept where it did not.
    pub(crate) fn offer(&mut self, report: impl FnOnce(Measured) -> bool) {
        let mut samples: Vec<_> = OUTCOMES
            .iter()
            .zip(self.changes)
            .filter(|(_, count)| *count > 0)
            .map(|(outcome, count)| {
                Sample::count("dns_changes_published_total", vec![("outcome", (*outcome).into())], count)
            })
            .collect();
        if self.events > 0 {
            samples.push(Sample::count("dns_events_published_total", Vec::new(), self.events));
        }
        let panics = self.changes[Counted::Crashed as usize];
        if panics > 0 {
            let labels = vec![("actor", "event-producer".into())];
            samples.push(Sample::count("dns_actor_panics_total", labels, panics));
        }
        if !samples.is_empty() && report(Measured { samples }) {
            *self = Self::default();
        }
    }
}

impl From<&PublishError> for Counted {
    fn from(error: &PublishError) -> Self {
        match error {
            PublishError::Refused(_) => Self::Refused,
            PublishError::Conflict(_) => Self::Conflict,
            PublishError::Unknown(_) => Self::Unknown,
            _ => Self::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_metric_agent_did_not_take_is_offered_again() {
        let mut tally = Tally::default();
        tally.offer(|_| panic!("there is nothing to report"));
        tally.count(Counted::Published, 3);
        tally.count(Counted::Refused, 0);
        let before = tally.clone();
        tally.offer(|_| false);
        assert_eq!(tally, before);
        let mut taken = Vec::new();
        tally.offer(|measured| {
            taken = measured.samples;
            true
        });
        let labels = |outcome: &'static str| vec![("outcome", outcome.into())];
        let want = [
            Sample::count("dns_changes_published_total", labels("published"), 1),
            Sample::count("dns_changes_published_total", labels("refused"), 1),
            Sample::count("dns_events_published_total", Vec::new(), 3),
        ];
        assert_eq!(taken, want);
        assert_eq!(tally, Tally::default());
    }
}

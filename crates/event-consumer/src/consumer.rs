//! The consumer's books: how its sources are, and what is to be measured. No actor, no clock, no I/O.

use crate::known::Known;
use crate::link::Step;
use crate::measure::Meter;
use crate::source::SourceSpec;
use messages::{Measured, Sample, SourceStatus, Value};

/// How the sources of a consumer are.
#[derive(Debug)]
pub(crate) struct Books {
    sources: Vec<Known>,
    meter: Meter,
    /// What metric-agent had no room for.
    unsent: Vec<Sample>,
}

// === impl Books ===

impl Books {
    pub(crate) fn new(specs: &[SourceSpec]) -> Self {
        Self { sources: specs.iter().map(Known::new).collect(), meter: Meter::default(), unsent: Vec::new() }
    }

    /// Enters what came of a step of the source at `index`.
    pub(crate) fn note(&mut self, index: usize, step: Step) {
        if let Some(known) = self.sources.get_mut(index) {
            known.note(step);
        }
    }

    pub(crate) fn status(&self) -> Vec<SourceStatus> {
        self.sources.iter().map(Known::status).collect()
    }

    /// What changed since the last time; `None` where nothing did.
    pub(crate) fn measure(&mut self) -> Option<Measured> {
        let mut samples = std::mem::take(&mut self.unsent);
        for known in &self.sources {
            self.meter.measure(known, &mut samples);
        }
        (!samples.is_empty()).then_some(Measured { samples })
    }

    /// Keeps counts that could not be sent for the next time; gauges are measured afresh then.
    pub(crate) fn not_sent(&mut self, measured: Measured) {
        self.meter.forget_gauges();
        for sample in measured.samples {
            let Value::Count(added) = sample.value else { continue };
            let same = |own: &&mut Sample| own.name == sample.name && own.labels == sample.labels;
            match self.unsent.iter_mut().find(same) {
                Some(Sample { value: Value::Count(sum), .. }) => *sum += added,
                _ => self.unsent.push(sample),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Scripted;

    fn failures(measured: &Measured) -> Vec<&Value> {
        let failures = |sample: &&Sample| sample.name == "dns_source_failures_total";
        measured.samples.iter().filter(failures).map(|sample| &sample.value).collect()
    }

    #[test]
    fn what_could_not_be_sent_is_counted_the_next_time_and_nothing_twice() {
        let mut books = Books::new(&[Scripted::new(vec![], 1).spec("log")]);
        books.note(0, Step::Failed("disk full".into()));
        let first = books.measure().expect("gauges, and a failure");
        assert_eq!(failures(&first), [&Value::Count(1)]);
        books.not_sent(first);
        books.note(0, Step::Failed("disk full".into()));
        books.note(0, Step::Failed("disk full".into()));
        let second = books.measure().expect("both");
        assert_eq!(failures(&second), [&Value::Count(1), &Value::Count(2)]);
        assert!(
            second.samples.iter().any(|sample| sample.name == "dns_source_connected"),
            "gauges are told again"
        );
        assert!(books.measure().is_none(), "nothing changed");
        assert_eq!(books.status()[0].last_error.as_deref(), Some("disk full"));
    }
}

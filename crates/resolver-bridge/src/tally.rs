//! What the resolver counts, as plain integers, between two reports.

use messages::{Question, Resolution, ResolveError, Sample, Value};
use std::collections::BTreeMap;
use std::time::Duration;
use zone_model::RecordType;

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The RRset that was asked for.
    Answered,
    /// The name does not exist.
    NxDomain,
    /// The name has no records of the type.
    NoData,
    /// Nobody answered in time.
    Timeout,
    /// The servers failed, or the resolver did.
    Failed,
    /// Too many questions were under way.
    Overloaded,
}

/// The counts since the last report, and how many questions are under way.
#[derive(Debug, Default)]
pub struct Tally {
    outcomes: [u64; Outcome::ALL.len()],
    /// Microseconds, rounded to two digits so that there are few of them, and how often each was seen.
    durations: BTreeMap<u64, u64>,
    in_flight: usize,
    reported_in_flight: Option<usize>,
    panics: u64,
    deferred: u64,
}

// === impl Outcome ===

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Answered, Self::NxDomain, Self::NoData, Self::Timeout, Self::Failed, Self::Overloaded];

    /// What came of the question, by its result.
    pub fn of(question: &Question, result: &Result<Resolution, ResolveError>) -> Self {
        match result {
            Ok(found) if found.rcode != 0 => Self::NxDomain,
            Ok(found) => {
                let any = question.rtype == RecordType::ANY;
                let asked_for = |rtype| any || rtype == question.rtype;
                let answered = found.answers.iter().any(|record| asked_for(record.rtype));
                if answered { Self::Answered } else { Self::NoData }
            }
            Err(ResolveError::Timeout) => Self::Timeout,
            Err(ResolveError::Overloaded) => Self::Overloaded,
            Err(_) => Self::Failed,
        }
    }

    /// The label's value.
    pub fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NxDomain => "nxdomain",
            Self::NoData => "nodata",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
            Self::Overloaded => "overloaded",
        }
    }
}

// === impl Tally ===

impl Tally {
    /// How many questions are under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// A question is taken on.
    pub fn begin(&mut self) {
        self.in_flight += 1;
    }

    /// A question is done with, answered or given up.
    pub fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Counts what came of a question that was taken on, and how long that took.
    pub fn record(&mut self, outcome: Outcome, took: Duration) {
        self.outcomes[outcome as usize] += 1;
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        *self.durations.entry(two_digits(micros)).or_default() += 1;
    }

    /// Counts a question that was not taken on because too many are under way.
    pub fn refuse(&mut self) {
        self.outcomes[Outcome::Overloaded as usize] += 1;
    }

    /// Counts a panic.
    pub fn panic(&mut self) {
        self.panics += 1;
    }

    /// Counts a report that could not be handed over; what it said stays here.
    pub fn defer(&mut self) {
        self.deferred += 1;
    }

    /// What there is to report; empty where nothing changed. Stays until [`Self::clear`].
    pub fn samples(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        for outcome in Outcome::ALL {
            let count = self.outcomes[outcome as usize];
            if count > 0 {
                let labels = vec![("outcome", outcome.label().into())];
                samples.push(Sample::count("dns_resolver_queries_total", labels, count));
            }
        }
        if !self.durations.is_empty() {
            let seconds = |(micros, count): (&u64, &u64)| (*micros as f64 / 1e6, *count);
            let value = Value::Observed(self.durations.iter().map(seconds).collect());
            samples.push(Sample { name: "dns_resolver_seconds", labels: Vec::new(), value });
        }
        if self.reported_in_flight != Some(self.in_flight) {
            samples.push(Sample::gauge("dns_resolver_in_flight", Vec::new(), self.in_flight as f64));
        }
        let actor = || vec![("actor", "resolver-bridge".into())];
        if self.panics > 0 {
            samples.push(Sample::count("dns_actor_panics_total", actor(), self.panics));
        }
        if self.deferred > 0 {
            samples.push(Sample::count("dns_metrics_deferred_total", actor(), self.deferred));
        }
        samples
    }

    /// The samples have been handed over.
    pub fn clear(&mut self) {
        *self =
            Self { in_flight: self.in_flight, reported_in_flight: Some(self.in_flight), ..Self::default() };
    }
}

/// The number with its first two digits, the rest zero: 1,234 is 1,200.
fn two_digits(number: u64) -> u64 {
    let unit = 10u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(1));
    number / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use zone_model::{Name, Record};

    #[test]
    fn the_outcome_is_that_of_the_question_and_not_of_the_alias() {
        let question = Question { name: Name::parse("a.example.").unwrap(), rtype: RecordType::A };
        let record = |rtype| Record { owner: question.name.clone(), rtype, ttl: 1, rdata: Box::default() };
        let found = |rcode, rtypes: &[RecordType]| {
            Ok(Resolution {
                rcode,
                answers: rtypes.iter().copied().map(record).collect(),
                authority: Vec::new(),
            })
        };
        for (result, outcome) in [
            (found(0, &[RecordType::CNAME, RecordType::A]), Outcome::Answered),
            (found(0, &[RecordType::CNAME]), Outcome::NoData),
            (found(0, &[]), Outcome::NoData),
            (found(3, &[RecordType::CNAME]), Outcome::NxDomain),
            (Err(ResolveError::Timeout), Outcome::Timeout),
            (Err(ResolveError::Failed(String::new())), Outcome::Failed),
            (Err(ResolveError::Overloaded), Outcome::Overloaded),
        ] {
            assert_eq!(Outcome::of(&question, &result), outcome, "{result:?}");
        }
    }

    #[test]
    fn a_report_says_what_came_since_the_last_and_nothing_twice() {
        let mut tally = Tally::default();
        tally.begin();
        tally.record(Outcome::Answered, Duration::from_micros(1_234));
        tally.record(Outcome::Answered, Duration::from_micros(1_278));
        tally.refuse();
        let samples = tally.samples();
        assert_eq!(samples, tally.samples(), "a report that was not handed over stays");
        let count = |outcome: &'static str, count| {
            Sample::count("dns_resolver_queries_total", vec![("outcome", outcome.into())], count)
        };
        assert_eq!(samples[..2], [count("answered", 2), count("overloaded", 1)]);
        assert_eq!(samples[2].value, Value::Observed(vec![(0.001_2, 2)]));
        assert_eq!(samples[3].value, Value::Gauge(1.0));
        tally.clear();
        assert!(tally.samples().is_empty());
        tally.end();
        assert_eq!(tally.samples(), [Sample::gauge("dns_resolver_in_flight", Vec::new(), 0.0)]);
    }

    #[test]
    fn durations_are_few_whatever_they_are() {
        for (number, expected) in [
            (0, 0),
            (7, 7),
            (99, 99),
            (100, 100),
            (101, 100),
            (129, 120),
            (1_999, 1_900),
            (5_000_001, 5_000_000),
        ] {
            assert_eq!(two_digits(number), expected);
        }
        two_digits(u64::MAX);
    }
}

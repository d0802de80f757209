//! Adding up: the plain core of the actor, without a clock or a socket of its own.

use crate::config::Config;
use crate::error::ConfigError;
use crate::histogram::{Histogram, bounds_of};
use crate::output::{Output, Supervised};
use crate::prometheus::{Facade, Prometheus};
use crate::series::{Kind, Series, Total};
use messages::{Labels, Sample, Value};
use std::collections::HashMap;
use std::time::Instant;

/// Samples that were not added up, by the reason.
const DROPPED: &str = "dns_metrics_dropped_total";

/// Flushes that an output did not take, by the output.
const FLUSH_FAILURES: &str = "dns_metrics_flush_failures_total";

/// Adds samples up and hands the sums to the outputs.
///
/// A sample counts at once: [`render`](Self::render) shows everything that was added. The flushes govern
/// only what is pushed, to statsd and to standard output.
pub struct Aggregator {
    series: Vec<Series>,
    facades: Vec<Facade>,
    index: HashMap<(&'static str, Labels), usize>,
    kinds: HashMap<&'static str, Kind>,
    max_series: usize,
    prometheus: Prometheus,
    outputs: Vec<Supervised>,
}

/// Why a sample was dropped.
#[derive(Clone, Copy, Debug)]
enum Drop {
    /// There is no room for another series.
    Series,
    /// The name is that of a metric of another kind.
    Kind,
    /// A histogram's value is not a number.
    Value,
}

// === impl Aggregator ===

impl Aggregator {
    /// An aggregator with the outputs that the settings name.
    ///
    /// # Errors
    /// [`ConfigError`] for a setting that cannot be used.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self::with_outputs(config, config.outputs()?))
    }

    /// An aggregator with these outputs, whatever the settings name.
    pub fn with_outputs(config: &Config, outputs: Vec<Box<dyn Output>>) -> Self {
        let interval = config.flush_interval();
        Self {
            series: Vec::new(),
            facades: Vec::new(),
            index: HashMap::new(),
            kinds: HashMap::new(),
            max_series: config.max_series,
            prometheus: Prometheus::new(),
            outputs: outputs.into_iter().map(|output| Supervised::new(output, interval)).collect(),
        }
    }

    /// Adds a sample. One that cannot be added is counted in `dns_metrics_dropped_total`.
    pub fn add(&mut self, sample: Sample) {
        let Sample { name, labels, value } = sample;
        let kind = match value {
            Value::Count(_) => Kind::Counter,
            Value::Gauge(_) => Kind::Gauge,
            Value::Observed(_) => Kind::Histogram,
        };
        match self.find_or_make(name, labels, kind, self.max_series) {
            Ok(at) => self.enter(at, value),
            Err(reason) => self.count_drop(reason),
        }
    }

    /// Everything that was added up, in Prometheus' text format, in the order of the names.
    pub fn render(&self) -> String {
        self.prometheus.render(&self.series)
    }

    /// The sums. A series keeps its place for as long as the aggregator lives.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// Hands the sums to every output whose turn it is at `now`. One that fails keeps what it did not take
    /// for its next turn, which comes later each time.
    pub fn flush(&mut self, now: Instant) {
        self.flush_outputs(now, false);
    }

    /// Hands the sums to every output, for the last time, whether it is its turn or not.
    pub fn finish(&mut self, now: Instant) {
        self.flush_outputs(now, true);
    }

    fn flush_outputs(&mut self, now: Instant, last: bool) {
        for at in 0..self.outputs.len() {
            let output = &mut self.outputs[at];
            if (last || output.is_due(now)) && !output.flush(&self.series, now) {
                let name = output.name();
                self.count_own(FLUSH_FAILURES, vec![("output", name.into())]);
            }
        }
    }

    fn find_or_make(
        &mut self,
        name: &'static str,
        mut labels: Labels,
        kind: Kind,
        most: usize,
    ) -> Result<usize, Drop> {
        labels.sort_unstable_by_key(|(label, _)| *label);
        if *self.kinds.entry(name).or_insert(kind) != kind {
            return Err(Drop::Kind);
        }
        let key = (name, labels);
        if let Some(&at) = self.index.get(&key) {
            return Ok(at);
        }
        if self.series.len() >= most {
            return Err(Drop::Series);
        }
        let at = self.series.len();
        let (name, labels) = key.clone();
        self.facades.push(self.prometheus.register(name, &labels, kind));
        let total = match kind {
            Kind::Counter => Total::Counter(0),
            Kind::Gauge => Total::Gauge(0.0),
            Kind::Histogram => Total::Histogram(Histogram::new(bounds_of(name))),
        };
        self.series.push(Series { name, labels, total });
        self.index.insert(key, at);
        Ok(at)
    }

    fn enter(&mut self, at: usize, value: Value) {
        match (&mut self.series[at].total, value) {
            (Total::Counter(sum), Value::Count(added)) => {
                *sum = sum.saturating_add(added);
                self.facades[at].set_counter(*sum);
            }
            (Total::Gauge(present), Value::Gauge(value)) => {
                *present = value;
                self.facades[at].set_gauge(value);
            }
            (Total::Histogram(histogram), Value::Observed(values)) => {
                let (good, bad): (Vec<_>, Vec<_>) =
                    values.into_iter().partition(|(value, _)| value.is_finite());
                good.into_iter().for_each(|(value, times)| histogram.add(value, times));
                bad.into_iter().for_each(|_| self.count_drop(Drop::Value));
            }
            _ => self.count_drop(Drop::Kind),
        }
    }

    fn count_drop(&mut self, reason: Drop) {
        let reason = match reason {
            Drop::Series => "too_many_series",
            Drop::Kind => "other_kind",
            Drop::Value => "not_a_number",
        };
        self.count_own(DROPPED, vec![("reason", reason.into())]);
    }

    /// Counts something of our own, for which there is always room.
    fn count_own(&mut self, name: &'static str, labels: Labels) {
        if let Ok(at) = self.find_or_make(name, labels, Kind::Counter, usize::MAX)
            && let Total::Counter(sum) = &mut self.series[at].total
        {
            *sum += 1;
            self.facades[at].set_counter(*sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aggregator(max_series: usize) -> Aggregator {
        Aggregator::new(&Config { max_series, ..Config::default() }).unwrap()
    }

    fn labels(pairs: &[(&'static str, &'static str)]) -> Labels {
        pairs.iter().map(|(name, value)| (*name, (*value).into())).collect()
    }

    fn total(aggregator: &Aggregator, name: &str) -> u64 {
        let sums = aggregator.series().iter().filter(|series| series.name == name);
        sums.map(|series| if let Total::Counter(sum) = series.total { sum } else { panic!("{series:?}") })
            .sum()
    }

    #[test]
    fn counts_add_up_whatever_the_order_of_the_labels() {
        let mut aggregator = aggregator(10);
        aggregator.add(Sample::count("q_total", labels(&[("a", "1"), ("b", "2")]), 3));
        aggregator.add(Sample::count("q_total", labels(&[("b", "2"), ("a", "1")]), 4));
        assert_eq!(aggregator.series().len(), 1);
        assert!(aggregator.render().contains("q_total{a=\"1\",b=\"2\"} 7\n"), "{}", aggregator.render());
    }

    #[test]
    fn what_is_added_shows_at_once_without_a_flush() {
        let mut aggregator = aggregator(10);
        for expected in 1..=3 {
            aggregator.add(Sample::count("q_total", Vec::new(), 1));
            assert!(aggregator.render().contains(&format!("q_total {expected}\n")));
        }
    }

    #[test]
    fn a_series_too_many_is_dropped_and_counted_while_the_others_go_on() {
        let mut aggregator = aggregator(2);
        for value in ["a", "b", "c", "d", "a"] {
            aggregator.add(Sample::count("q_total", labels(&[("v", value)]), 1));
        }
        assert_eq!(total(&aggregator, "q_total"), 3);
        assert_eq!(total(&aggregator, DROPPED), 2);
        assert!(aggregator.render().contains("dns_metrics_dropped_total{reason=\"too_many_series\"} 2\n"));
    }

    #[test]
    fn a_name_has_one_kind() {
        let mut aggregator = aggregator(10);
        aggregator.add(Sample::count("x", Vec::new(), 5));
        aggregator.add(Sample::gauge("x", Vec::new(), 9.0));
        assert_eq!(total(&aggregator, "x"), 5);
        assert!(aggregator.render().contains("dns_metrics_dropped_total{reason=\"other_kind\"} 1\n"));
    }

    #[test]
    fn a_value_that_is_no_number_does_not_spoil_a_sum() {
        let mut aggregator = aggregator(10);
        let values = vec![(f64::NAN, 1), (f64::INFINITY, 1), (0.5, 2)];
        aggregator.add(Sample { name: "d_seconds", labels: Vec::new(), value: Value::Observed(values) });
        let text = aggregator.render();
        assert!(text.contains("d_seconds_sum 1\n") && text.contains("d_seconds_count 2\n"), "{text}");
        assert_eq!(total(&aggregator, DROPPED), 2);
    }
}

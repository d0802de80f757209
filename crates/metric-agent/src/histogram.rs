//! How values are distributed: a count and a sum for each bucket.

/// Upper bounds of buckets for durations in seconds, 100 µs to 10 s.
pub const SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Upper bounds of buckets for durations in seconds from a timestamp in whole milliseconds: each millisecond up to 20,
/// then up to a minute.
pub const SINCE_TIMESTAMP: &[f64] = &[
    0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.009, 0.01, 0.011, 0.012, 0.013, 0.014, 0.015,
    0.016, 0.017, 0.018, 0.019, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    60.0,
];

/// Upper bounds of buckets for sizes of DNS messages in bytes: 512 is RFC 1035's limit, 1,232 the usual one.
pub const BYTES: &[f64] = &[32.0, 64.0, 128.0, 256.0, 512.0, 1_232.0, 4_096.0, 16_384.0, 65_535.0];

/// Upper bounds of buckets for numbers of things, such as events in a batch.
pub const COUNTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, 5_000.0, 10_000.0, 100_000.0];

/// The bounds for a histogram of this name, by the unit at its end. Propagation has its own: it is counted from
/// timestamps in milliseconds, and told apart by single ones.
pub fn bounds_of(name: &str) -> &'static [f64] {
    match name.rsplit('_').next() {
        Some("seconds") if name.ends_with("propagation_seconds") => SINCE_TIMESTAMP,
        Some("seconds") => SECONDS,
        Some("bytes") => BYTES,
        _ => COUNTS,
    }
}

/// A histogram. A value belongs to the first bucket whose upper bound is not below it, else to a last one
/// without a bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    buckets: Vec<Bucket>,
}

/// The values between two bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    /// How many there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

// === impl Histogram ===

impl Histogram {
    /// An empty histogram with these upper bounds, ascending.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, buckets: vec![Bucket::default(); bounds.len() + 1] }
    }

    /// Enters a value that was seen so many times.
    pub fn add(&mut self, value: f64, times: u64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        let bucket = &mut self.buckets[at];
        bucket.count = bucket.count.saturating_add(times);
        bucket.sum += value * times as f64;
    }

    /// What was entered since it was `before`, which has the same bounds.
    pub fn since(&self, before: &Self) -> Self {
        let pairs = self.buckets.iter().zip(&before.buckets);
        let buckets = pairs.map(|(now, then)| Bucket {
            count: now.count.saturating_sub(then.count),
            sum: if now.count > then.count { now.sum - then.sum } else { 0.0 },
        });
        Self { bounds: self.bounds, buckets: buckets.collect() }
    }

    /// How many values were entered.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, bucket| sum.saturating_add(bucket.count))
    }

    /// The sum of all values.
    pub fn sum(&self) -> f64 {
        self.buckets.iter().map(|bucket| bucket.sum).sum()
    }

    /// The buckets in ascending order, each with its upper bound; the last has none.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<f64>, Bucket)> + '_ {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.buckets.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Prometheus' text format: a bucket `le` counts the values that are less than or equal to its bound.
    #[test]
    fn a_value_on_a_bound_belongs_below_it() {
        let mut histogram = Histogram::new(SECONDS);
        histogram.add(0.0001, 1);
        histogram.add(0.000_100_1, 2);
        histogram.add(11.0, 4);
        let counts: Vec<u64> = histogram.buckets().map(|(_, bucket)| bucket.count).collect();
        assert_eq!((counts[0], counts[1], counts[16]), (1, 2, 4));
        assert_eq!(histogram.count(), 7);
        assert!((histogram.sum() - 44.000_300_2).abs() < 1e-9);
    }

    #[test]
    fn the_unit_in_the_name_says_which_buckets() {
        for (name, bounds) in [
            ("a_seconds", SECONDS),
            ("a_bytes", BYTES),
            ("a_batch_events", COUNTS),
            ("a", COUNTS),
            ("dns_propagation_seconds", SINCE_TIMESTAMP),
        ] {
            assert_eq!(bounds_of(name), bounds, "{name}");
            assert!(bounds.is_sorted());
        }
    }

    #[test]
    fn a_delay_in_milliseconds_is_its_own_buckets_bound() {
        let mut histogram = Histogram::new(SINCE_TIMESTAMP);
        (1..=20_u32).for_each(|ms| histogram.add(f64::from(ms) / 1000.0, u64::from(ms)));
        let counts: Vec<u64> = histogram.buckets().map(|(_, bucket)| bucket.count).take(20).collect();
        assert_eq!(counts, (1..=20).collect::<Vec<u64>>());
    }

    #[test]
    fn the_difference_of_two_moments_is_what_came_between() {
        let mut histogram = Histogram::new(COUNTS);
        histogram.add(3.0, 5);
        let before = histogram.clone();
        histogram.add(7.0, 2);
        let added = histogram.since(&before);
        assert_eq!((added.count(), added.sum()), (2, 14.0));
    }
}

//! Latencies in buckets whose width grows with the value, so that each percentile is right to within 1.6 %.

/// Sub-buckets for each power of two.
const FINE: u32 = 6;
const BUCKETS: usize = (64 - FINE as usize + 1) << FINE;

/// How often each latency was seen, in nanoseconds.
#[derive(Clone)]
pub struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    greatest: u64,
}

fn bucket(value: u64) -> usize {
    if value < 1 << FINE {
        return value as usize;
    }
    let exponent = 63 - value.leading_zeros();
    let shift = exponent - FINE;
    (((shift + 1) << FINE) as usize) + ((value >> shift) as usize - (1 << FINE))
}

/// The greatest value of a bucket.
fn highest(bucket: usize) -> u64 {
    let (row, column) = ((bucket >> FINE) as u32, (bucket & ((1 << FINE) - 1)) as u64);
    match row {
        0 => column,
        _ => (((1 << FINE) + column + 1) << (row - 1)).wrapping_sub(1),
    }
}

// === impl Histogram ===

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS].into(), total: 0, greatest: 0 }
    }
}

impl Histogram {
    /// Takes values in nanoseconds, all the same.
    pub fn record(&mut self, nanoseconds: u64) {
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
        self.greatest = self.greatest.max(nanoseconds);
    }

    /// Adds another's values.
    pub fn add(&mut self, other: &Self) {
        for (own, more) in self.counts.iter_mut().zip(&other.counts) {
            *own += more;
        }
        self.total += other.total;
        self.greatest = self.greatest.max(other.greatest);
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The value that this share of all (0 to 1) does not exceed, in nanoseconds; 0 where there are none.
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return highest(index).min(self.greatest);
            }
        }
        self.greatest
    }
}

#[cfg(test)]
mod tests {
    use super::{Histogram, bucket, highest};

    #[test]
    fn buckets_join_without_a_gap() {
        for value in (0..200_000u64).chain((20..63).map(|bits| 1 << bits)).chain([u64::MAX]) {
            let own = bucket(value);
            assert!(value <= highest(own), "{value}");
            assert!(own == 0 || value > highest(own - 1), "{value}");
        }
    }

    #[test]
    fn a_bucket_is_narrow() {
        for value in [100u64, 5_000, 1_000_000, 77_000_000_000] {
            let width = highest(bucket(value)) - value;
            assert!(width as f64 <= value as f64 / 64.0, "{value}: {width}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        for value in 1..=100_000u64 {
            histogram.record(value * 10);
        }
        for (share, expected) in [(0.5, 500_000.0), (0.99, 990_000.0), (0.999, 999_000.0), (1.0, 1_000_000.0)]
        {
            let found = histogram.quantile(share) as f64;
            assert!((found / expected - 1.0).abs() < 0.016, "{share}: {found}");
        }
        assert_eq!(Histogram::default().quantile(0.5), 0);
    }

    #[test]
    fn adding_is_recording_all() {
        let (mut left, mut right) = (Histogram::default(), Histogram::default());
        left.record(10);
        right.record(1_000_000);
        left.add(&right);
        assert_eq!((left.count(), left.quantile(0.5), left.quantile(1.0)), (2, 10, 1_000_000));
    }
}

//! What the store measures.
//!
//! | Metric | |
//! |---|---|
//! | `dns_store_zones`, `dns_store_slots`, `dns_quarantined` | what there is |
//! | `dns_catalog_number` | the catalogue published last |
//! | `dns_events_applied_total` | events applied |
//! | `dns_propagation_seconds` | from an event's timestamp to its publication |
//! | `dns_store_commits_total`, `dns_store_commit_failures_total`, `dns_store_commit_seconds` | commits |
//! | `dns_store_pending_bytes` | what waits for the disk |
//! | `dns_store_slots_outside` | slots that count for no zone |
//! | `dns_store_digest` | the digests of all zones as one number |
//! | `dns_store_set_aside`, `dns_store_digests_wrong` | what was wrong with the file at the start |
//! | `dns_store_crashes_total` | panics that were caught, and damage that was met |
//! | `dns_catalog_listener_full_total` | a listener's mailbox was full |
//! | `dns_store_waiters_refused_total` | too many waited for positions |

use crate::store::Store;
use messages::{Measured, Sample, StoreStatus, Value};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use zone_model::Timestamp;

/// Timestamps that are remembered for the next publication; those of a larger backlog are not observed.
const MOST_TIMESTAMPS: usize = 65_536;

/// Adds up what was measured until it is sent.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Events that are applied and not published.
    unpublished: Vec<Timestamp>,
    /// Delays in milliseconds, rounded where they are long, and how often each was seen.
    delays: BTreeMap<u64, u64>,
    commits: Vec<(f64, u64)>,
    commit_failures: u64,
    crashes: u64,
    events: u64,
    gauges: Vec<(&'static str, u64)>,
    /// Of which catalogue the digest was summed up last, and when.
    digest: Option<(u64, Instant)>,
}

/// How often the digests of all zones are summed up, at most.
const DIGEST_EVERY: Duration = Duration::from_secs(1);
/// How much of the sum is shown: what a gauge, which is a 64-bit floating-point number, holds exactly.
const DIGEST_BITS: u64 = (1 << 48) - 1;

// === impl Meter ===

impl Meter {
    pub(crate) fn applied(&mut self, timestamps: impl Iterator<Item = Timestamp>, events: usize) {
        self.events += events as u64;
        let room = MOST_TIMESTAMPS - self.unpublished.len();
        self.unpublished.extend(timestamps.take(room));
    }

    /// Everything applied is published now.
    pub(crate) fn published(&mut self, now: Timestamp) {
        for timestamp in self.unpublished.drain(..) {
            *self.delays.entry(rounded(now.0.saturating_sub(timestamp.0))).or_insert(0) += 1;
        }
    }

    pub(crate) fn committed(&mut self, took: Duration, is_ok: bool) {
        if is_ok {
            self.commits.push((took.as_secs_f64(), 1));
        } else {
            self.commit_failures += 1;
        }
    }

    pub(crate) fn crashed(&mut self) {
        self.crashes += 1;
    }

    /// Sums the digests up, if there is another catalogue and some time has passed.
    pub(crate) fn digest(&mut self, catalog: u64, now: Instant, store: &Store) -> Option<u64> {
        let due =
            self.digest.is_none_or(|(shown, at)| shown != catalog && now.duration_since(at) >= DIGEST_EVERY);
        due.then(|| {
            self.digest = Some((catalog, now));
            let [.., a, b, c, d, e, f, g, h] = store.digest().bytes();
            u64::from_be_bytes([a, b, c, d, e, f, g, h]) & DIGEST_BITS
        })
    }

    /// What is to be sent: counters that moved and gauges that changed.
    pub(crate) fn take(
        &mut self,
        status: Option<&StoreStatus>,
        pending_bytes: usize,
        listener_full: u64,
        waiters_refused: u64,
    ) -> Measured {
        let mut samples = Vec::new();
        let counts = [
            ("dns_events_applied_total", std::mem::take(&mut self.events)),
            ("dns_store_commits_total", self.commits.len() as u64),
            ("dns_store_commit_failures_total", std::mem::take(&mut self.commit_failures)),
            ("dns_store_crashes_total", std::mem::take(&mut self.crashes)),
            ("dns_catalog_listener_full_total", listener_full),
            ("dns_store_waiters_refused_total", waiters_refused),
        ];
        samples.extend(
            counts
                .iter()
                .filter(|(_, added)| *added > 0)
                .map(|(name, added)| Sample::count(name, Vec::new(), *added)),
        );
        let delays =
            std::mem::take(&mut self.delays).into_iter().map(|(ms, seen)| (ms as f64 / 1000.0, seen));
        let observed = [
            ("dns_store_commit_seconds", std::mem::take(&mut self.commits)),
            ("dns_propagation_seconds", delays.collect()),
        ];
        for (name, values) in observed.into_iter().filter(|(_, values)| !values.is_empty()) {
            samples.push(Sample { name, labels: Vec::new(), value: Value::Observed(values) });
        }
        if let Some(status) = status {
            let gauges = vec![
                ("dns_store_zones", status.zones),
                ("dns_store_slots", status.slots),
                ("dns_quarantined", status.quarantined),
                ("dns_catalog_number", status.catalog),
                ("dns_store_pending_bytes", pending_bytes as u64),
                ("dns_store_set_aside", u64::from(status.set_aside.is_some())),
            ];
            let changed = gauges.iter().filter(|gauge| !self.gauges.contains(gauge));
            samples.extend(changed.map(|(name, value)| Sample::gauge(name, Vec::new(), *value as f64)));
            self.gauges = gauges;
        }
        Measured { samples }
    }
}

/// A delay in milliseconds with fewer digits the longer it is, so that few values stand for all.
fn rounded(delay: i64) -> u64 {
    let delay = delay.max(0) as u64;
    let step = match delay {
        0..1_000 => 1,
        1_000..60_000 => 100,
        60_000..3_600_000 => 10_000,
        _ => 3_600_000,
    };
    (delay - delay % step).min(86_400_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_few_values() {
        assert_eq!(
            [-5, 0, 7, 1_234, 61_234, 4_000_000, i64::MAX].map(rounded),
            [0, 0, 7, 1_200, 60_000, 3_600_000, 86_400_000]
        );
        let mut meter = Meter::default();
        meter.applied([Timestamp(1), Timestamp(1), Timestamp(9)].into_iter(), 3);
        assert!(meter.take(None, 0, 0, 0).samples.iter().all(|own| own.name != "dns_propagation_seconds"));
        meter.published(Timestamp(10));
        let sent = meter.take(Some(&StoreStatus::default()), 0, 1, 0).samples;
        let delays = sent.iter().find(|own| own.name == "dns_propagation_seconds").unwrap();
        assert_eq!(delays.value, Value::Observed(vec![(0.001, 1), (0.009, 2)]));
        assert!(
            sent.iter()
                .any(|own| own.value == Value::Count(1) && own.name == "dns_catalog_listener_full_total")
        );
        // What did not change is not sent again.
        assert_eq!(meter.take(Some(&StoreStatus::default()), 0, 0, 0).samples, []);
    }
}

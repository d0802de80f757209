//! What is measured of the sources, and told to metric-agent.

use crate::known::{Counters, Known};
use messages::{Labels, Sample};
use std::borrow::Cow;
use std::collections::BTreeMap;
use zone_model::{Partition, SourceId};

/// Makes samples of what changed since the last time.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    counted: BTreeMap<SourceId, (Counters, u64)>,
    gauges: BTreeMap<(&'static str, SourceId, Option<Partition>), f64>,
}

// === impl Meter ===

impl Meter {
    /// Adds what changed of this source.
    pub(crate) fn measure(&mut self, known: &Known, samples: &mut Vec<Sample>) {
        let now = (known.counters(), known.quarantined);
        let then = self.counted.insert(known.id.clone(), now).unwrap_or_default();
        let counts = [
            ("dns_events_read_total", now.0.events, then.0.events),
            ("dns_event_bytes_read_total", now.0.bytes, then.0.bytes),
            ("dns_events_unusable_total", now.0.unusable, then.0.unusable),
            ("dns_events_quarantined_total", now.1, then.1),
            ("dns_changes_closed_early_total", now.0.closed_early, then.0.closed_early),
            ("dns_events_ahead_total", now.0.ahead, then.0.ahead),
            ("dns_source_unsynced_total", now.0.unsettled, then.0.unsettled),
            ("dns_source_failures_total", now.0.failures, then.0.failures),
        ];
        for (name, now, then) in counts {
            if now > then {
                samples.push(Sample::count(name, labels(&known.id, None), now - then));
            }
        }
        let status = known.status();
        self.gauge("dns_source_connected", &known.id, None, f64::from(u8::from(status.connected)), samples);
        let rebuilding = f64::from(u8::from(status.rebuilding.is_some()));
        self.gauge("dns_source_rebuilding", &known.id, None, rebuilding, samples);
        self.gauge("dns_source_alarm", &known.id, None, f64::from(u8::from(status.alarm.is_some())), samples);
        self.gauge("dns_source_warnings", &known.id, None, status.warnings.len() as f64, samples);
        for own in status.partitions {
            self.gauge("dns_source_lag", &known.id, Some(own.partition), own.lag as f64, samples);
            let lag_seconds = own.lag_time.as_secs_f64();
            self.gauge("dns_source_lag_seconds", &known.id, Some(own.partition), lag_seconds, samples);
        }
    }

    /// Has every gauge told again the next time.
    pub(crate) fn forget_gauges(&mut self) {
        self.gauges.clear();
    }

    fn gauge(
        &mut self,
        name: &'static str,
        source: &SourceId,
        partition: Option<Partition>,
        value: f64,
        samples: &mut Vec<Sample>,
    ) {
        if self.gauges.insert((name, source.clone(), partition), value) != Some(value) {
            samples.push(Sample::gauge(name, labels(source, partition), value));
        }
    }
}

fn labels(source: &SourceId, partition: Option<Partition>) -> Labels {
    let mut labels: Labels = vec![("source", Cow::Owned(source.to_string()))];
    labels.extend(partition.map(|partition| ("partition", Cow::Owned(partition.to_string()))));
    labels
}

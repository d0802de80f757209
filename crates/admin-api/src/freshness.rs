//! Whether what the node answers is recent.

use crate::config::Freshness as Limits;
use messages::SourceStatus;
use std::time::Duration;
use zone_model::Timestamp;

/// What keeps the node from being fresh, log by log; nothing where it is.
///
/// A separate question from readiness: a broker that stops makes the whole fleet stale at once, and a fleet that
/// turned unready at once would be gone.
pub(crate) fn stale(sources: &[SourceStatus], limits: &Limits, now: Timestamp) -> Vec<String> {
    sources.iter().filter_map(|source| reason(source, limits, now)).collect()
}

fn reason(source: &SourceStatus, limits: &Limits, now: Timestamp) -> Option<String> {
    let id = &source.source;
    if let Some(alarm) = &source.alarm {
        return Some(format!("nothing more is applied from {id}: {alarm}"));
    }
    let Some(in_step) = source.in_step else {
        return Some(format!("the node has not been in step with {id} yet"));
    };
    let age = Duration::from_millis(u64::try_from(now.0.saturating_sub(in_step.0)).unwrap_or(0));
    if age > limits.in_step() {
        let why = source.last_error.as_ref().map_or_else(String::new, |error| format!(" ({error})"));
        return Some(format!(
            "the node was in step with {id} {} s ago; allowed is {} s{why}",
            age.as_secs(),
            limits.in_step().as_secs()
        ));
    }
    let late = source.partitions.iter().find(|partition| partition.lag_time > limits.lag())?;
    Some(format!(
        "partition {} of {id} is read with a lag of {} s; allowed is {} s",
        late.partition,
        late.lag_time.as_secs(),
        limits.lag().as_secs()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::{LogFacts, PartitionStatus};
    use zone_model::{Partition, SourceId};

    const NOW: Timestamp = Timestamp(1_000_000);

    fn source(in_step: Option<i64>, lag: u64) -> SourceStatus {
        SourceStatus {
            source: SourceId::new("dns"),
            kind: "kafka",
            connected: true,
            in_step: in_step.map(Timestamp),
            alarm: None,
            rebuilding: None,
            rebuilds_begun: 0,
            last_error: None,
            events_read: 0,
            log: LogFacts::default(),
            warnings: Vec::new(),
            partitions: vec![PartitionStatus {
                partition: Partition(2),
                at: "offset 7".into(),
                position: None,
                lag: 1,
                lag_time: Duration::from_secs(lag),
            }],
        }
    }

    #[test]
    fn fresh_is_in_step_lately_and_not_far_behind() {
        let limits = Limits { in_step_ms: 60_000, lag_ms: 10_000 };
        let alarmed = SourceStatus { alarm: Some("it shrank".into()), ..source(Some(NOW.0), 0) };
        let away = SourceStatus { last_error: Some("no broker".into()), ..source(Some(NOW.0 - 61_000), 0) };
        for (source, says) in [
            (source(Some(NOW.0 - 60_000), 10), None),
            // A clock that was set back is no age.
            (source(Some(NOW.0 + 5_000), 0), None),
            (source(None, 0), Some("not been in step with dns yet")),
            (away, Some("61 s ago; allowed is 60 s (no broker)")),
            (source(Some(NOW.0), 11), Some("partition 2 of dns is read with a lag of 11 s; allowed is 10 s")),
            (alarmed, Some("it shrank")),
        ] {
            let stale = stale(&[source], &limits, NOW);
            match says {
                None => assert!(stale.is_empty(), "{stale:?}"),
                Some(says) => assert!(stale.len() == 1 && stale[0].contains(says), "{stale:?}"),
            }
        }
        assert!(stale(&[], &limits, NOW).is_empty(), "who follows no log is behind none");
    }
}

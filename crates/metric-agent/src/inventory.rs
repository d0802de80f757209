//! The metrics of Stream-DNS by name: what `# HELP` says, and what the documentation is checked against.
//!
//! A name that is not here works all the same, without a help text. Counters end in `_total`; the unit of
//! anything else stands at its name's end, and a histogram has its buckets by that.

use crate::series::Kind;

/// A metric that some actor reports.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The names of its labels, in alphabetical order.
    pub labels: &'static [&'static str],
    /// What is measured, one sentence.
    pub help: &'static str,
}

/// The metric of this name.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, help }
}

/// All metrics, in the order of the actors along the data's way.
pub const METRICS: &[Metric] = &[
    // event-consumer
    counter("dns_events_read_total", &["source"], "Events read from a log."),
    counter("dns_event_bytes_read_total", &["source"], "Bytes of events read from a log."),
    counter(
        "dns_events_unusable_total",
        &["source"],
        "Events read that cannot be used, for a reason in themselves.",
    ),
    counter(
        "dns_events_quarantined_total",
        &["source"],
        "Events that the store set aside because they cannot be used.",
    ),
    counter(
        "dns_changes_closed_early_total",
        &["source"],
        "Changes of several events shown before all of them came.",
    ),
    counter(
        "dns_events_ahead_total",
        &["source"],
        "Events read whose timestamp is more than five minutes ahead of this node's clock.",
    ),
    counter("dns_source_failures_total", &["source"], "Times that a log could not be read."),
    counter(
        "dns_source_unsynced_total",
        &["source"],
        "Times that what was read of a journal could not be synced, so that it is held back.",
    ),
    gauge(
        "dns_source_connected",
        &["source"],
        "Whether a log can be read at present, and what was read is not held back, 1 or 0.",
    ),
    gauge(
        "dns_source_alarm",
        &["source"],
        "Whether nothing more is applied from a log until somebody acts, 1 or 0.",
    ),
    gauge(
        "dns_source_rebuilding",
        &["source"],
        "Whether a log is read again from its beginning, beside what is served, 1 or 0.",
    ),
    gauge(
        "dns_source_lag",
        &["partition", "source"],
        "What is left to read: events for Kafka, bytes for a journal.",
    ),
    gauge(
        "dns_source_lag_seconds",
        &["partition", "source"],
        "For how long reading has been behind; 0 where nothing is left to read.",
    ),
    gauge(
        "dns_source_warnings",
        &["source"],
        "What about a log keeps a promise from holding; the status says what.",
    ),
    // event-producer
    counter(
        "dns_changes_published_total",
        &["outcome"],
        "Changes that were to be published, by what came of them.",
    ),
    counter("dns_events_published_total", &[], "Events written to a log."),
    // zone-store
    counter("dns_events_applied_total", &[], "Events applied to the store."),
    gauge("dns_catalog_number", &[], "The number of the catalogue that is answered from."),
    gauge("dns_store_zones", &[], "Zones served."),
    gauge("dns_store_slots", &[], "Slots that hold an RRset, the empty one included."),
    gauge(
        "dns_store_slots_outside",
        &[],
        "Slots that count for no zone served: outside every zone, or of a zone that their log may not write.",
    ),
    gauge("dns_quarantined", &[], "Events in quarantine at present."),
    gauge(
        "dns_store_digest",
        &[],
        "Of the digests of all zones, added up, the last 48 bits: nodes that hold the same have the same.",
    ),
    gauge(
        "dns_store_digests_wrong",
        &[],
        "Zones whose stored digest was not that of their RRsets at the start: a defect.",
    ),
    gauge(
        "dns_store_set_aside",
        &[],
        "Whether the store could not be used at the start and was set aside, 1 or 0.",
    ),
    gauge("dns_store_pending_bytes", &[], "Bytes applied that wait for the disk."),
    counter("dns_store_commits_total", &[], "Commits to the disk."),
    counter(
        "dns_store_commit_failures_total",
        &[],
        "Commits to the disk that failed; what they held waits for the next.",
    ),
    histogram("dns_store_commit_seconds", &[], "The duration of a commit to the disk."),
    histogram(
        "dns_propagation_seconds",
        &[],
        "From an event's timestamp to the catalogue that shows it, a day at most.",
    ),
    counter(
        "dns_catalog_listener_full_total",
        &[],
        "Times that a listener was too busy to be told of a new catalogue at once.",
    ),
    counter(
        "dns_store_waiters_refused_total",
        &[],
        "Requests to wait for a position refused because too many waited.",
    ),
    counter(
        "dns_store_crashes_total",
        &[],
        "Times that the store was opened anew while running, after a defect or because of damage.",
    ),
    // dns-wire
    counter("dns_queries_total", &["family", "transport"], "Queries received."),
    counter("dns_responses_total", &["rcode"], "Responses sent."),
    counter("dns_truncated_total", &[], "Responses sent with TC because not everything fitted."),
    counter("dns_recursed_total", &[], "Queries that needed the resolver."),
    counter("dns_lost_total", &["reason"], "Messages that got no response, by the reason."),
    // resolver-bridge
    counter("dns_resolver_queries_total", &["outcome"], "Questions to the resolver, by what came of them."),
    gauge("dns_resolver_in_flight", &[], "Questions that the resolver is busy with at present."),
    histogram("dns_resolver_seconds", &[], "From a question to what came of it."),
    // admin-api
    counter("dns_admin_requests_total", &["path", "status"], "Requests to the administrative interface."),
    // metric-agent
    counter(
        "dns_metrics_deferred_total",
        &["actor"],
        "Reports that waited because metric-agent was overwhelmed.",
    ),
    counter("dns_metrics_dropped_total", &["reason"], "Samples that were not added up."),
    counter("dns_metrics_flush_failures_total", &["output"], "Flushes that an output did not take."),
    // event-producer, resolver-bridge, metric-agent, admin-api
    counter("dns_actor_panics_total", &["actor"], "Defects that an actor survived by starting afresh."),
];

#[cfg(test)]
mod tests {
    use super::*;

    // Prometheus' naming: counters end in `_total`, nothing else does; a name says one thing.
    #[test]
    fn names_are_unique_and_follow_the_custom() {
        for (at, metric) in METRICS.iter().enumerate() {
            let name = metric.name;
            assert!(METRICS[..at].iter().all(|other| other.name != name), "{name} stands twice");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert!(name.starts_with("dns_"), "{name}");
            assert!(name.bytes().all(|octet| matches!(octet, b'a'..=b'z' | b'_')), "{name}");
            assert!(metric.labels.is_sorted(), "labels of {name}");
            assert!(metric.help.ends_with('.') && !metric.help.contains('\n'), "help of {name}");
        }
    }
}

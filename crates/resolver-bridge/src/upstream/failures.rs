//! Questions that failed a moment ago, which are not asked again at once (RFC 9520 section 3.2).

use hickory_proto::op::{Query, ResponseCode};
use hickory_resolver::net::NoRecords;
use hickory_resolver::{ResponseCache, TtlBounds};
use std::time::Instant;

/// For how many seconds a failure is remembered: the least that RFC 9520 allows, for a failure may be ours.
const SECONDS: u32 = 1;

/// How many are remembered.
const MOST_FAILURES: u64 = 4_096;

/// The failures of the last moment.
pub(super) struct Failures(ResponseCache);

// === impl Failures ===

impl Failures {
    pub(super) fn new() -> Self {
        Self(ResponseCache::new(MOST_FAILURES, TtlBounds::default().into()))
    }

    /// Whether the question failed a moment ago.
    pub(super) fn has(&self, query: &Query, now: Instant) -> bool {
        self.0.get(query, now).is_some()
    }

    /// Notes that a question failed.
    pub(super) fn note(&self, query: Query, now: Instant) {
        let mut failure = NoRecords::new(query.clone(), ResponseCode::ServFail);
        failure.negative_ttl = Some(SECONDS);
        self.0.insert(query, Err(failure.into()), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::{Name, RecordType};
    use std::time::Duration;

    // RFC 9520 section 3.2: for at least a second; and then the servers get another chance.
    #[test]
    fn a_failure_is_remembered_for_a_second() {
        let failures = Failures::new();
        let query = |rtype| Query::query(Name::from_ascii("www.test.").unwrap(), rtype);
        let now = Instant::now();
        failures.note(query(RecordType::A), now);
        assert!(failures.has(&query(RecordType::A), now + Duration::from_millis(900)));
        assert!(!failures.has(&query(RecordType::A), now + Duration::from_millis(1_100)));
        assert!(!failures.has(&query(RecordType::AAAA), now));
    }
}

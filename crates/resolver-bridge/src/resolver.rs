//! The core: questions to answers, inside any tokio runtime.

use crate::chain::{Chain, Progress};
use crate::config::Config;
use crate::error::ConfigError;
use crate::upstream::{Reply, Upstream};
use messages::{Question, Resolution, ResolveError};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zone_model::{Name, Record, RecordType};

/// NOERROR and NXDOMAIN (RFC 1035 section 4.1.1).
const NO_ERROR: u8 = 0;
const NX_DOMAIN: u8 = 3;

/// Answers questions about other people's names, with a cache and sockets of its own.
///
/// Needs no actor: `resolve` runs inside any tokio runtime with timers and I/O, and is to be used within one
/// alone. A clone is the same resolver.
#[derive(Clone)]
pub struct Resolver {
    upstream: Arc<Upstream>,
    timeout: Duration,
}

// === impl Resolver ===

impl Resolver {
    /// A resolver by these settings. Opens no socket before the first question.
    ///
    /// # Errors
    /// [`ConfigError`] for settings that cannot be used.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self { upstream: Arc::new(Upstream::new(config)?), timeout: config.timeout() })
    }

    /// A resolver that panics over every question.
    #[cfg(test)]
    pub(crate) fn defect() -> Self {
        Self { upstream: Arc::new(Upstream::defect()), timeout: Duration::from_secs(1) }
    }

    /// Answers a question. That a name does not exist, or has no records of the type, is an answer: it has
    /// the SOA that says so, and the aliases on the way.
    ///
    /// With `dnssec_ok` the signatures and proofs of the servers forwarded to are part of the answer, as they
    /// came; they are not validated. Iterating does not ask for them.
    ///
    /// # Errors
    /// [`ResolveError::Timeout`] when the time for a question is over; [`ResolveError::Failed`] where the
    /// servers answered with an error, or with aliases that form a loop or are more than 16. The servers are
    /// asked again after a second at the earliest (RFC 9520).
    pub async fn resolve(&self, question: &Question, dnssec_ok: bool) -> Result<Resolution, ResolveError> {
        let until = Instant::now() + self.timeout;
        let mut chain = Chain::new(question.name.clone(), question.rtype);
        loop {
            let reply = self.upstream.ask(chain.end(), question.rtype, dnssec_ok, until).await?;
            match chain.extend(&reply.answers) {
                Progress::Complete => {
                    return Ok(Resolution {
                        rcode: NO_ERROR,
                        answers: chain.into_records(),
                        authority: Vec::new(),
                    });
                }
                Progress::Loop => {
                    let name = &question.name;
                    return Err(ResolveError::Failed(format!(
                        "the aliases of {name} form a loop or are too many"
                    )));
                }
                // The server followed its alias itself, and says what it found there.
                Progress::Alias if reply.name_error || has_soa(&reply, chain.end()) => {
                    return Ok(negative(chain, &reply, dnssec_ok));
                }
                Progress::Alias => {}
                Progress::None => return Ok(negative(chain, &reply, dnssec_ok)),
            }
        }
    }
}

// === negative answers ===

/// RFC 2308 section 2: the RCODE is that of the last name of the chain (RFC 6604), the SOA says for how long.
fn negative(chain: Chain, reply: &Reply, dnssec_ok: bool) -> Resolution {
    let end = chain.end().clone();
    let authority = reply.authority.iter().filter(|record| match record.rtype {
        RecordType::SOA => end.is_at_or_below(&record.owner),
        RecordType::RRSIG | RecordType::NSEC | RecordType::NSEC3 => dnssec_ok,
        _ => false,
    });
    Resolution {
        rcode: if reply.name_error { NX_DOMAIN } else { NO_ERROR },
        authority: authority.map(bounded).collect(),
        answers: chain.into_records(),
    }
}

fn has_soa(reply: &Reply, end: &Name) -> bool {
    reply.authority.iter().any(|record| record.rtype == RecordType::SOA && end.is_at_or_below(&record.owner))
}

/// RFC 2308 section 3: the TTL of the SOA of a negative answer is at most its MINIMUM field.
fn bounded(record: &Record) -> Record {
    let mut record = record.clone();
    if let (RecordType::SOA, Some(minimum)) = (record.rtype, record.rdata.last_chunk::<4>()) {
        record.ttl = record.ttl.min(u32::from_be_bytes(*minimum));
    }
    record
}

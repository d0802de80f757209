//! Iterating: from the roots downwards, by hickory's recursor, with its cache.

use super::provider::{Ports, Provider};
use super::{Reply, error_reply, message_reply, negative_reply};
use crate::config::Config;
use crate::error::ConfigError;
use hickory_proto::ROOTS;
use hickory_proto::op::Query;
use hickory_proto::rr::RecordType;
use hickory_resolver::net::NetError;
use hickory_resolver::recursor::{AuthorityData, Recursor, RecursorError, RecursorOptions};
use messages::ResolveError;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// How many zones' name servers are remembered.
const MOST_ZONES: usize = 16_384;

/// The recursor.
pub(crate) struct Iterator {
    recursor: Recursor<Provider>,
}

// === impl Iterator ===

impl Iterator {
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        let roots: Vec<IpAddr> = match config.roots.as_slice() {
            [] => ROOTS.to_vec(),
            given => given.iter().map(|root| root.ip).collect(),
        };
        let given: HashMap<IpAddr, u16> =
            config.roots.iter().filter_map(|root| root.port.map(|port| (root.ip, port))).collect();
        let ports = Ports { usual: config.port, given: Arc::new(given) };
        let mut options = RecursorOptions {
            ns_cache_size: MOST_ZONES,
            response_cache_size: config.cache_entries,
            ..RecursorOptions::default()
        };
        if config.allow_private_servers {
            options.deny_server.clear();
        }
        let provider = Provider::new(config.attempt_timeout(), Some(ports));
        let recursor = Recursor::with_options(&roots, options, provider);
        Ok(Self { recursor: recursor.map_err(|error| ConfigError::Build(error.to_string()))? })
    }

    pub(super) async fn ask(&self, query: Query, dnssec: bool) -> Result<Reply, ResolveError> {
        match self.recursor.resolve(query.clone(), Instant::now(), dnssec).await {
            Ok(message) => message_reply(&message),
            Err(RecursorError::Negative(data)) if is_about_an_alias(&query, &data) => {
                // The recursor followed an alias to a name that has no answer, and told of that name alone.
                // The alias is in its cache or a question away.
                let alias = Query::query(query.name().clone(), RecordType::CNAME);
                match self.recursor.resolve(alias, Instant::now(), dnssec).await {
                    Ok(message) => message_reply(&message),
                    Err(error) => Err(failure(error)),
                }
            }
            Err(RecursorError::Negative(data)) => {
                Ok(negative_reply(data.is_nx_domain(), data.authorities.as_deref(), data.soa.as_deref()))
            }
            Err(RecursorError::Net(error)) => error_reply(&error),
            Err(error) => Err(failure(error)),
        }
    }
}

/// Whether a negative answer is about the end of a chain of aliases. One about a name above the one that was
/// asked for is not: what is below a name that does not exist does not exist (RFC 8020).
fn is_about_an_alias(query: &Query, data: &AuthorityData) -> bool {
    let (asked, about) = (query.name(), data.query.name());
    let above = data.is_nx_domain() && about.zone_of(asked);
    query.query_type() != RecordType::CNAME && about != asked && !above
}

/// That time ran out is told in two ways: as such, and at the end of a text about whose servers it was.
fn failure(error: RecursorError) -> ResolveError {
    let text = error.to_string();
    if matches!(error, RecursorError::Timeout) || text.ends_with(&NetError::Timeout.to_string()) {
        return ResolveError::Timeout;
    }
    ResolveError::Failed(text)
}

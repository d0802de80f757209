//! Forwarding: given servers recurse, and their answers are cached here.

use super::provider::{MOST_ON_A_CONNECTION, Provider};
use super::{Reply, error_reply, message_reply};
use crate::config::Config;
use crate::error::ConfigError;
use futures_util::StreamExt;
use hickory_proto::op::{DnsRequestOptions, Message, Query, ResponseCode};
use hickory_proto::rr::{RData, RecordType};
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::xfer::{DnsHandle, RetryDnsHandle};
use hickory_resolver::{NameServerPool, PoolContext, ResponseCache, TlsConfig, TtlConfig};
use messages::ResolveError;
use std::sync::Arc;
use std::time::Instant;

/// The servers and the caches.
pub(crate) struct Forwarder {
    servers: RetryDnsHandle<NameServerPool<Provider>>,
    plain: ResponseCache,
    /// Answers to questions with the DO bit, which hold more records.
    dnssec: ResponseCache,
}

// === impl Forwarder ===

impl Forwarder {
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        let mut options = ResolverOpts::default();
        options.timeout = config.attempt_timeout();
        options.max_active_requests = MOST_ON_A_CONNECTION;
        let ttls = TtlConfig::from_opts(&options);
        let tls = TlsConfig::new().map_err(|error| ConfigError::Build(error.to_string()))?;
        let context = Arc::new(PoolContext::new(options, tls));
        let servers = config.servers.iter().map(|server| {
            let address = server.socket_addr();
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = address.port();
                connection
            });
            NameServerConfig::new(address.ip(), true, connections.into())
        });
        let pool =
            NameServerPool::from_config(servers, context, Provider::new(config.attempt_timeout(), None));
        let retries = config.attempts.saturating_sub(1) as usize;
        Ok(Self {
            servers: RetryDnsHandle::new(pool, retries),
            plain: ResponseCache::new(config.cache_entries, ttls.clone()),
            dnssec: ResponseCache::new(config.cache_entries, ttls),
        })
    }

    pub(super) async fn ask(&self, query: Query, dnssec: bool) -> Result<Reply, ResolveError> {
        let cache = if dnssec { &self.dnssec } else { &self.plain };
        let now = Instant::now();
        let result = match cache.get(&query, now) {
            Some(result) => result,
            None => {
                let result = self.ask_servers(query.clone(), dnssec).await;
                cache.insert(query, result.clone(), now);
                result
            }
        };
        match result {
            Ok(message) => message_reply(&message),
            Err(error) => error_reply(&error),
        }
    }

    async fn ask_servers(&self, query: Query, dnssec: bool) -> Result<Message, NetError> {
        let mut options = DnsRequestOptions::default();
        options.recursion_desired = true;
        options.use_edns = true;
        options.edns_set_dnssec_ok = dnssec;
        let response = self.servers.lookup(query, options).next().await;
        let response = response.unwrap_or(Err(NetError::NoConnections))?;
        let negative = response.negative_ttl();
        let mut message = response.into_message();
        shorten(&mut message, negative);
        Ok(message)
    }
}

/// Lowers the TTLs of aliases that lead to nothing to that of the nothing: the two are cached as one, and
/// RFC 2308 section 5 bounds how long.
fn shorten(message: &mut Message, negative_ttl: Option<u32>) {
    let only_aliases = message
        .answers
        .iter()
        .all(|record| matches!(record.data, RData::CNAME(_)) || record.record_type() == RecordType::RRSIG);
    let nothing = message.response_code == ResponseCode::NXDomain || negative_ttl.is_some();
    if only_aliases && nothing {
        // Without an SOA a negative answer is not to be cached (RFC 2308 section 5).
        let most = negative_ttl.unwrap_or(0);
        message.answers.iter_mut().for_each(|record| record.ttl = record.ttl.min(most));
    }
}

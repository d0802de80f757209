//! Whom the resolver asks: given servers, or name servers from the roots downwards.

mod failures;
mod forward;
mod iterate;
mod provider;

use crate::config::Config;
use crate::convert;
use crate::error::ConfigError;
use failures::Failures;
use forward::Forwarder;
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use iterate::Iterator;
use messages::ResolveError;
use std::time::Instant;
use zone_model::{Name, Record, RecordType};

/// Whom the resolver asks.
pub(crate) struct Upstream {
    way: Way,
    failures: Failures,
}

/// One of the two ways.
enum Way {
    Forward(Box<Forwarder>),
    Iterate(Box<Iterator>),
    /// Panics when it is asked.
    #[cfg(test)]
    Defect,
}

/// What was heard about one name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    /// Whether the name does not exist; where the answers hold aliases, the name at their end.
    pub(crate) name_error: bool,
    /// The answer section, unfiltered.
    pub(crate) answers: Vec<Record>,
    /// The authority section, unfiltered.
    pub(crate) authority: Vec<Record>,
}

// === impl Upstream ===

impl Upstream {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let way = if config.servers.is_empty() {
            Way::Iterate(Box::new(Iterator::new(config)?))
        } else {
            Way::Forward(Box::new(Forwarder::new(config)?))
        };
        Ok(Self { way, failures: Failures::new() })
    }

    /// One that panics when it is asked.
    #[cfg(test)]
    pub(crate) fn defect() -> Self {
        Self { way: Way::Defect, failures: Failures::new() }
    }

    /// Asks about one name within a time limit. The answers may be an alias that leads elsewhere.
    pub(crate) async fn ask(
        &self,
        name: &Name,
        rtype: RecordType,
        dnssec: bool,
        until: Instant,
    ) -> Result<Reply, ResolveError> {
        if !rtype.is_data() && rtype != RecordType::ANY {
            return Err(ResolveError::Failed(format!("{rtype} is no type to ask others about")));
        }
        let Some(name) = convert::to_hickory(name) else {
            return Err(ResolveError::Failed("the name cannot be asked about".to_owned()));
        };
        let query = Query::query(name, rr::RecordType::from(rtype.0));
        if self.failures.has(&query, Instant::now()) {
            return Err(ResolveError::Failed("the same question failed a moment ago".to_owned()));
        }
        let asked = tokio::time::timeout_at(until.into(), self.way.ask(query.clone(), dnssec)).await;
        let result = asked.unwrap_or(Err(ResolveError::Timeout));
        if result.is_err() {
            self.failures.note(query, Instant::now());
        }
        result
    }
}

impl Way {
    async fn ask(&self, query: Query, dnssec: bool) -> Result<Reply, ResolveError> {
        match self {
            Self::Forward(forwarder) => forwarder.ask(query, dnssec).await,
            Self::Iterate(iterator) => iterator.ask(query, dnssec).await,
            #[cfg(test)]
            Self::Defect => panic!("asked about {query}"),
        }
    }
}

// === from hickory's answers and errors ===

/// A message as a reply.
fn message_reply(message: &Message) -> Result<Reply, ResolveError> {
    let name_error = match message.response_code {
        ResponseCode::NoError => false,
        ResponseCode::NXDomain => true,
        other => return Err(refused(other)),
    };
    Ok(Reply { name_error, answers: records(&message.answers), authority: records(&message.authorities) })
}

/// A negative answer, which hickory calls an error, as a reply; and what else it calls an error.
fn error_reply(error: &NetError) -> Result<Reply, ResolveError> {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => no_records_reply(none),
        NetError::Dns(DnsError::ResponseCode(code)) => Err(refused(*code)),
        NetError::Timeout => Err(ResolveError::Timeout),
        other => Err(ResolveError::Failed(other.to_string())),
    }
}

fn no_records_reply(none: &NoRecords) -> Result<Reply, ResolveError> {
    let name_error = match none.response_code {
        ResponseCode::NoError => false,
        ResponseCode::NXDomain => true,
        other => return Err(refused(other)),
    };
    // RFC 2308 section 2.2: NS records without an SOA are a referral and not NODATA.
    if !name_error && none.ns.is_some() && none.soa.is_none() {
        return Err(ResolveError::Failed("the server refers to others and does not recurse".to_owned()));
    }
    Ok(negative_reply(name_error, none.authorities.as_deref(), none.soa.as_deref()))
}

fn negative_reply(
    name_error: bool,
    authorities: Option<&[rr::Record]>,
    soa: Option<&rr::Record<rr::rdata::SOA>>,
) -> Reply {
    let mut authority = records(authorities.unwrap_or_default());
    if let Some(soa) = soa
        && !authority.iter().any(|record| record.rtype == RecordType::SOA)
    {
        let soa = rr::Record::from_rdata(soa.name.clone(), soa.ttl, rr::RData::SOA(soa.data.clone()));
        authority.extend(convert::record(&soa));
    }
    Reply { name_error, answers: Vec::new(), authority }
}

fn records(records: &[rr::Record]) -> Vec<Record> {
    records.iter().filter_map(convert::record).collect()
}

fn refused(code: ResponseCode) -> ResolveError {
    ResolveError::Failed(format!("the answer was {code}"))
}

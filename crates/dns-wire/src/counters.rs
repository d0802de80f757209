//! What a listener counts: plain integers of its own, handed out every 100 ms.

use crate::answer::Summary;
use crate::client::Transport;
use messages::{Labels, Sample};
use std::borrow::Cow;

const RCODES: [&str; 24] = [
    "noerror", "formerr", "servfail", "nxdomain", "notimp", "refused", "yxdomain", "yxrrset", "nxrrset",
    "notauth", "notzone", "11", "12", "13", "14", "15", "badvers", "17", "18", "19", "20", "21", "22", "23",
];

/// Why a query got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The octets were no query.
    NoQuery,
    /// The kernel did not take the answer.
    Unsent,
    /// The kernel dropped the query before it was read, nearly always because its buffer for the socket was full.
    Unread,
    /// A connection was turned away: too many are open.
    Connection,
    /// Too many questions to the resolver are under way; the client got SERVFAIL.
    Resolver,
    /// Answering panicked; the client got SERVFAIL.
    Panicked,
}

/// As labels, in the order of [`Lost`].
const LOST: [&str; 6] = ["no-query", "unsent", "unread", "connection", "resolver", "panic"];

/// A listener's counters since they were handed out last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    queries: [[u64; 2]; 2],
    rcodes: [u64; RCODES.len()],
    truncated: u64,
    recursed: u64,
    lost: [u64; LOST.len()],
}

// === impl Counters ===

impl Counters {
    /// A query came.
    pub fn query(&mut self, transport: Transport, ipv6: bool) {
        self.queries[transport as usize][usize::from(ipv6)] += 1;
    }

    /// A query was answered.
    pub fn answered(&mut self, summary: Summary) {
        self.rcodes[usize::from(summary.rcode()).min(RCODES.len() - 1)] += 1;
        self.truncated += u64::from(summary.truncated());
    }

    /// The resolver was asked.
    pub fn recursed(&mut self) {
        self.recursed += 1;
    }

    /// Something was lost.
    pub fn lost(&mut self, what: Lost) {
        self.lost_many(what, 1);
    }

    /// So many were lost.
    pub fn lost_many(&mut self, what: Lost, count: u64) {
        self.lost[what as usize] += count;
    }

    /// What was counted since the last time, as samples; the counters begin anew.
    pub fn take(&mut self) -> Vec<Sample> {
        let own = std::mem::take(self);
        let mut samples = Vec::new();
        let mut add = |name, labels: Labels, value: u64| {
            if value > 0 {
                samples.push(Sample::count(name, labels, value));
            }
        };
        for (transport, families) in ["udp", "tcp"].iter().zip(own.queries) {
            for (family, value) in ["ipv4", "ipv6"].iter().zip(families) {
                let labels =
                    vec![("transport", Cow::Borrowed(*transport)), ("family", Cow::Borrowed(*family))];
                add("dns_queries_total", labels, value);
            }
        }
        for (rcode, value) in RCODES.iter().zip(own.rcodes) {
            add("dns_responses_total", vec![("rcode", Cow::Borrowed(*rcode))], value);
        }
        add("dns_truncated_total", Vec::new(), own.truncated);
        add("dns_recursed_total", Vec::new(), own.recursed);
        for (reason, value) in LOST.iter().zip(own.lost) {
            add("dns_lost_total", vec![("reason", Cow::Borrowed(*reason))], value);
        }
        samples
    }
}

//! What actors measured.

use actix::Message;
use std::borrow::Cow;

/// Hands what was measured since the last time to metric-agent. May be lost when metric-agent is
/// overwhelmed; nobody waits for it.
#[derive(Clone, Debug, Default, Message)]
#[rtype(result = "()")]
pub struct Measured {
    /// The samples.
    pub samples: Vec<Sample>,
}

/// One measured value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric, in Prometheus' manner: `dns_queries_total`. Units stand at the name's end.
    pub name: &'static str,
    /// The labels.
    pub labels: Labels,
    /// The value.
    pub value: Value,
}

/// Labels of a metric: few values each, never something that a client chooses.
pub type Labels = Vec<(&'static str, Cow<'static, str>)>;

/// A measured value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// To be added to a counter.
    Count(u64),
    /// The present value of a gauge.
    Gauge(f64),
    /// Values to be entered in a histogram, each with how often it was seen.
    Observed(Vec<(f64, u64)>),
}

/// Asks metric-agent for everything that it has added up, in Prometheus' text format.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "String")]
pub struct ReadMetrics;

// === impl Sample ===

impl Sample {
    /// An addition to a counter.
    pub fn count(name: &'static str, labels: Labels, added: u64) -> Self {
        Self { name, labels, value: Value::Count(added) }
    }

    /// The present value of a gauge.
    pub fn gauge(name: &'static str, labels: Labels, value: f64) -> Self {
        Self { name, labels, value: Value::Gauge(value) }
    }
}

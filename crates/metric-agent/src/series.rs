//! One metric with one set of label values, and what it has come to.

use crate::histogram::Histogram;
use messages::Labels;

/// A series: what was added up under one name and one set of label values.
#[derive(Clone, Debug)]
pub struct Series {
    /// The metric.
    pub name: &'static str,
    /// The labels, in the order of their names.
    pub labels: Labels,
    /// What it has come to since the start.
    pub total: Total,
}

/// What a series has come to.
#[derive(Clone, Debug, PartialEq)]
pub enum Total {
    /// The sum of a counter.
    Counter(u64),
    /// The last value of a gauge.
    Gauge(f64),
    /// The values of a histogram.
    Histogram(Histogram),
}

/// The kinds of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How values are distributed.
    Histogram,
}

// === impl Total ===

impl Total {
    /// Of which kind the series is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Histogram(_) => Kind::Histogram,
        }
    }

    /// What came to it since it was `before`; `None` where nothing did. A gauge is its own news, always.
    pub fn since(&self, before: Option<&Self>) -> Option<Self> {
        match (self, before) {
            (Self::Counter(now), Some(Self::Counter(before))) => {
                let added = now.saturating_sub(*before);
                (added > 0).then_some(Self::Counter(added))
            }
            (Self::Counter(0), None) => None,
            (Self::Histogram(now), Some(Self::Histogram(before))) => {
                let added = now.since(before);
                (added.count() > 0).then_some(Self::Histogram(added))
            }
            (Self::Histogram(now), None) if now.count() == 0 => None,
            (now, _) => Some(now.clone()),
        }
    }
}

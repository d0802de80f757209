//! Adds up what the actors measured and hands it to Prometheus, statsd and standard output.
//!
//! Nothing that answers a query may wait for a number to be counted. So every actor counts in plain integers
//! of its own and sends what it counted every 100 ms or so; this actor alone adds up, and it alone calls the
//! `metrics` facade.
//!
//! # Vocabulary
//! - A *sample* is one measured value: so many more of something, how much there is of something now, or
//!   values that were observed.
//! - A *series* is a metric's name with one set of label values; samples add up to it.
//! - An *output* takes the sums at every *flush*. It remembers what it passed on, so what it could not pass
//!   on is part of the next flush. Prometheus is no output: it asks, and gets what has been added up so far.
//!
//! ```text
//! Measured ──▶ ┌──────────────┐ ◀── ReadMetrics ── whoever shows them to Prometheus
//!  (at once)   │  Aggregator  │
//!              └──────────────┘
//!                     │ flush, every second
//!          ┌──────────┴──────────┐
//!          ▼                     ▼
//!    StatsdOutput          StreamOutput          an Output of one's own
//! ```
//!
//! # What is promised
//! The sums of a counter are equal at all outputs one flush after the last sample. An output that is down
//! gets what it missed, with attempts that become rarer, once a minute at least. Over UDP that is best
//! effort: a server that goes away in the midst of a flush may get a part of it twice. Distinct series are
//! bounded; those too many are counted in `dns_metrics_dropped_total`. Messages that wait are bounded; a
//! sender whose message does not fit keeps its sums.
//!
//! # Example
//! ```
//! use messages::Sample;
//! use metric_agent::{Aggregator, Config};
//!
//! let mut aggregator = Aggregator::new(&Config::default())?;
//! aggregator.add(Sample::count("dns_queries_total", vec![("transport", "udp".into())], 3));
//! aggregator.add(Sample::count("dns_queries_total", vec![("transport", "udp".into())], 4));
//! assert!(aggregator.render().ends_with("dns_queries_total{transport=\"udp\"} 7\n"));
//! # Ok::<(), metric_agent::ConfigError>(())
//! ```

mod actor;
mod aggregator;
mod config;
mod error;
mod histogram;
pub mod inventory;
mod output;
mod prometheus;
mod series;

pub use actor::{Handle, MetricAgent, spawn_standalone};
pub use aggregator::Aggregator;
pub use config::{Config, StatsdConfig};
pub use error::{ConfigError, OutputError, SpawnError};
pub use histogram::{BYTES, Bucket, COUNTS, Histogram, SECONDS, SINCE_TIMESTAMP, bounds_of};
pub use output::{Output, StatsdOutput, StreamOutput};
pub use series::{Kind, Series, Total};

//! `cargo run -p examples --bin metric-agent` adds up what it is sent and prints it at each flush, then all of
//! it as Prometheus reads it:
//!
//! ```text
//! metrics dns_queries_total{transport="tcp"}=3(+3) dns_queries_total{transport="udp"}=12(+12) dns_store_zones=1
//! metrics dns_queries_total{transport="udp"}=42(+30)
//!
//! # HELP dns_queries_total Queries received.
//! # TYPE dns_queries_total counter
//! dns_queries_total{transport="tcp"} 3
//! dns_queries_total{transport="udp"} 42
//! # HELP dns_store_zones Zones served.
//! # TYPE dns_store_zones gauge
//! dns_store_zones 1
//! ```

use anyhow::Result;
use messages::{Measured, ReadMetrics, Sample};
use metric_agent::{Config, spawn_standalone};
use std::time::Duration;

// Any runtime will do: the agent has a thread and an actor system of its own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let config = Config { flush_interval_ms: 100, stdout: true, ..Config::default() };
    let agent = spawn_standalone(config)?;

    // What a listener would send. A sample says what came to a counter since the last one, so a sender counts
    // in plain integers of its own and begins anew with each message.
    for (udp, tcp) in [(12, 3), (30, 0)] {
        let queries = |transport: &'static str, added| {
            Sample::count("dns_queries_total", vec![("transport", transport.into())], added)
        };
        let samples =
            vec![queries("udp", udp), queries("tcp", tcp), Sample::gauge("dns_store_zones", vec![], 1.0)];
        // Where the agent has no room a sender keeps its counts for the next time; nobody waits for a metric.
        agent.measured.try_send(Measured { samples })?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    println!("\n{}", agent.metrics.send(ReadMetrics).await?.trim_end());
    agent.shutdown().await;
    Ok(())
}

//! `cargo run -p examples --bin event-producer -- target/journal.jsonl api.example.com A 192.0.2.7` writes one
//! change to a journal, here after `cp examples/zones/sample.jsonl target/journal.jsonl`, and shows it:
//!
//! ```text
//! 2 events, which a node applies together:
//! example.com.|SOA is ns1.example.com. hostmaster.example.com. 28194928 7200 3600 1209600 300
//! api.example.com.|A|example.com. is 192.0.2.7
//! ```
//!
//! The SOA comes with each change, one serial further than what the zone would have had without it.

use anyhow::{Result, bail};
use event_producer::{Producer, ProducerConfig, spawn_standalone};
use examples::{describe, event};
use messages::{Edit, Publish};
use zone_model::{Name, RecordType, RrSet, rdata};

// Any runtime will do: the actor has a thread and an actor system of its own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, owner, rtype, contents @ ..] = &arguments[..] else {
        bail!("which change? e.g. target/journal.jsonl api.example.com A 192.0.2.7")
    };
    let rtype: RecordType = rtype.parse()?;
    let rdatas = contents.iter().map(|content| rdata::parse_text(rtype, content));
    let rrset = RrSet::new(Some(300), rdatas.collect::<Result<Vec<_>, _>>()?);
    let edit = Edit::Set { owner: Name::parse(owner)?, rtype, rrset };

    let journal = path.clone();
    let build = move |config| Producer::journal(&journal, config);
    let mut producer = spawn_standalone(ProducerConfig::default(), None, build)?;
    let change = Publish { edits: vec![edit], producer: "example".to_owned() };
    let published = producer.publish.send(change).await??;
    producer.shutdown().await;

    println!("{} events, which a node applies together:", published.events);
    let text = std::fs::read_to_string(path)?;
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines[lines.len().saturating_sub(published.events)..] {
        println!("{}", describe(&event(0, line)?));
    }
    Ok(())
}

//! `cargo run -p examples --bin event-consumer -- examples/zones/sample.jsonl` prints the events of a journal,
//! and each that is appended while it runs:
//!
//! ```text
//! journal from its beginning:
//! example.com.|SOA is ns1.example.com. hostmaster.example.com. 1 7200 3600 1209600 300
//! example.com.|NS is ns1.example.com., ns2.example.com.
//! …
//! ns.sub.example.com.|A is 203.0.113.53
//! in step with the journal; what is appended follows, and Ctrl-C ends it
//! ```
//!
//! The file need not be there yet: it is waited for.

use actix::prelude::*;
use anyhow::Context as _;
use event_consumer::{ConsumerConfig, EventConsumer, JournalConfig, Peers, SourceConfig};
use examples::describe;
use messages::{Applied, ApplyChanges, ApplyError, OpenSource, Shutdown, SourceState};

/// Stands where zone-store stands in a node. The consumer knows it by two `Recipient`s, and nothing else of it.
#[derive(Default)]
struct Printer {
    in_step: bool,
}

impl Actor for Printer {
    type Context = Context<Self>;
}

impl Handler<OpenSource> for Printer {
    type Result = Result<SourceState, ApplyError>;

    fn handle(&mut self, message: OpenSource, _: &mut Context<Self>) -> Self::Result {
        // Whoever keeps positions gives them back here, and reading goes on behind them.
        println!("{} from its beginning:", message.source);
        Ok(SourceState::default())
    }
}

impl Handler<ApplyChanges> for Printer {
    type Result = Result<Applied, ApplyError>;

    fn handle(&mut self, message: ApplyChanges, _: &mut Context<Self>) -> Self::Result {
        for event in &message.events {
            println!("{}", describe(event));
        }
        // A node says every second that it is still in step. Here the first time is enough.
        if message.in_step.is_some() && !std::mem::replace(&mut self.in_step, true) {
            println!("in step with the journal; what is appended follows, and Ctrl-C ends it");
        }
        // The next batch comes when this one is replied to: a slow reader slows the reading down.
        Ok(Applied { changed: message.events.len(), ..Applied::default() })
    }
}

#[actix::main]
async fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).context("which journal? e.g. examples/zones/sample.jsonl")?;
    let printer = Printer::default().start();
    let peers = Peers { open: printer.clone().recipient(), apply: printer.recipient(), measured: None };
    let sources = vec![SourceConfig::Journal(JournalConfig::new(path))];
    let config = ConsumerConfig { sources, ..ConsumerConfig::default() };
    let consumer = EventConsumer::new(&config, peers)?.start();

    tokio::signal::ctrl_c().await?;
    // The reply says that the batches under way are applied and the sources closed.
    consumer.send(Shutdown).await?;
    Ok(())
}

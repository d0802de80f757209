//! Somebody who asks again and again for what was served, of every listener: nothing is taken back unnoticed.

use anyhow::{Context, Result, ensure};
use hickory_proto::rr::RecordType;
use std::sync::mpsc::{Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use stream_dns_tests::{Asker, Server};

/// Sockets, each of which always speaks to the same listener.
const SOCKETS: usize = 8;
/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks until it is ended.
pub(crate) struct Watch {
    served: Sender<String>,
    thread: JoinHandle<Result<u64>>,
}

// === impl Watch ===

impl Watch {
    /// Watches a server of which nothing is known to be served yet.
    pub(crate) fn start(server: &Server) -> Result<Self> {
        let (served, told) = channel::<String>();
        let mut askers = Vec::new();
        for _ in 0..SOCKETS {
            askers.push((server.asker()?, None::<String>));
        }
        let thread = std::thread::spawn(move || {
            let (mut newest, mut answers) = (None::<String>, 0);
            loop {
                match told.try_recv() {
                    Ok(name) => newest = Some(name),
                    Err(TryRecvError::Empty) => std::thread::sleep(PAUSE),
                    Err(TryRecvError::Disconnected) => return Ok(answers),
                }
                for (asker, seen) in &mut askers {
                    if let Some(name) = seen.as_deref() {
                        answers += 1;
                        ensure!(is_served(asker, name)?, "{name} was served and is not any more");
                    }
                    if *seen != newest
                        && let Some(name) = &newest
                        && is_served(asker, name)?
                    {
                        seen.clone_from(&newest);
                    }
                }
            }
        });
        Ok(Self { served, thread })
    }

    /// A listener has shown this name.
    pub(crate) fn served(&self, name: String) {
        // Who ends it learns why it is not there any more.
        let _ = self.served.send(name);
    }

    /// Returns how often it asked for what it had seen and got it.
    pub(crate) fn end(self) -> Result<u64> {
        drop(self.served);
        self.thread.join().ok().context("the watch panicked")?
    }
}

fn is_served(asker: &mut Asker, name: &str) -> Result<bool> {
    Ok(asker.ask(name, RecordType::A)?.data() == ["192.0.2.1"])
}

//! The actix shell around [`Aggregator`]: it forwards, keeps time, and starts afresh after a panic.

use crate::aggregator::Aggregator;
use crate::config::Config;
use crate::error::{ConfigError, SpawnError};
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, System};
use messages::{Measured, ReadMetrics, Recipient, Sample, Shutdown};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Panics within a minute after which the agent gives up: the defect is not one that a fresh start mends.
const MOST_PANICS: usize = 5;

/// The actor. Handles [`Measured`], [`ReadMetrics`] and [`Shutdown`].
///
/// Its mailbox holds `mailbox` messages; one that does not fit stays with its sender, who counts that in
/// `dns_metrics_deferred_total` and sends the sums with the next.
pub struct MetricAgent {
    core: Aggregator,
    build: Box<dyn Fn() -> Result<Aggregator, ConfigError>>,
    interval: Duration,
    mailbox: usize,
    panics: Vec<Instant>,
}

/// A metric-agent on a thread of its own, for a host without actix.
pub struct Handle {
    /// Takes samples.
    pub measured: Recipient<Measured>,
    /// Gives the Prometheus text.
    pub metrics: Recipient<ReadMetrics>,
    stop: Recipient<Shutdown>,
    system: System,
    thread: Option<JoinHandle<()>>,
}

// === impl MetricAgent ===

impl MetricAgent {
    /// An agent with the outputs that the settings name.
    ///
    /// # Errors
    /// [`ConfigError`] for a setting that cannot be used.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let settings = config.clone();
        Self::with_core(&config, Box::new(move || Aggregator::new(&settings)))
    }

    /// An agent around the aggregator that `build` makes, now and after a panic: for outputs of one's own.
    ///
    /// # Errors
    /// [`ConfigError`] for a setting that cannot be used, and what `build` fails with.
    pub fn with_core(
        config: &Config,
        build: Box<dyn Fn() -> Result<Aggregator, ConfigError>>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let core = build()?;
        Ok(Self {
            core,
            build,
            interval: config.flush_interval(),
            mailbox: config.mailbox,
            panics: Vec::new(),
        })
    }

    /// Lets the core do something. After a panic a new one stands in its place: the sums begin at zero, as
    /// after a restart, which Prometheus and statsd both understand.
    fn with_guard<R: Default>(
        &mut self,
        ctx: &mut Context<Self>,
        act: impl FnOnce(&mut Aggregator) -> R,
    ) -> R {
        let core = &mut self.core;
        if let Ok(reply) = catch_unwind(AssertUnwindSafe(|| act(core))) {
            return reply;
        }
        let now = Instant::now();
        self.panics.retain(|at| now.saturating_duration_since(*at) < Duration::from_secs(60));
        self.panics.push(now);
        match (self.build)() {
            Ok(core) if self.panics.len() <= MOST_PANICS => {
                tracing::error!("metric-agent panicked and starts afresh with sums of zero");
                self.core = core;
                let labels = vec![("actor", "metric-agent".into())];
                self.core.add(Sample::count("dns_actor_panics_total", labels, 1));
            }
            _ => {
                tracing::error!(
                    "metric-agent panicked again and again and gives up; metrics are no longer kept"
                );
                ctx.stop();
            }
        }
        R::default()
    }
}

impl Actor for MetricAgent {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.mailbox);
        ctx.run_interval(self.interval, |agent, ctx| {
            agent.with_guard(ctx, |core| core.flush(Instant::now()));
        });
    }
}

impl Handler<Measured> for MetricAgent {
    type Result = ();

    fn handle(&mut self, message: Measured, ctx: &mut Self::Context) {
        self.with_guard(ctx, |core| message.samples.into_iter().for_each(|sample| core.add(sample)));
    }
}

impl Handler<ReadMetrics> for MetricAgent {
    type Result = String;

    fn handle(&mut self, _: ReadMetrics, ctx: &mut Self::Context) -> String {
        self.with_guard(ctx, |core| core.render())
    }
}

impl Handler<Shutdown> for MetricAgent {
    type Result = ();

    fn handle(&mut self, _: Shutdown, ctx: &mut Self::Context) {
        self.with_guard(ctx, |core| core.finish(Instant::now()));
        ctx.stop();
    }
}

// === impl Handle ===

/// Starts an agent on a thread of its own, named `metric-agent`. Returns when it stands, which takes no
/// longer than making a thread.
///
/// # Errors
/// [`SpawnError`] for settings that cannot be used, and where there is no thread to be had.
pub fn spawn_standalone(config: Config) -> Result<Handle, SpawnError> {
    let (sender, started) = channel();
    let thread = std::thread::Builder::new().name("metric-agent".into()).spawn(move || {
        let system = System::new();
        let started = system.block_on(async {
            let agent = MetricAgent::new(config)?.start();
            let recipients = (agent.clone().recipient(), agent.clone().recipient(), agent.recipient());
            Ok::<_, ConfigError>((recipients, System::current()))
        });
        let stands = started.is_ok();
        if sender.send(started).is_ok()
            && stands
            && let Err(error) = system.run()
        {
            tracing::error!(%error, "the thread of metric-agent ended badly");
        }
    })?;
    let ((measured, metrics, stop), system) = started.recv().map_err(|_| SpawnError::Ended)??;
    Ok(Handle { measured, metrics, stop, system, thread: Some(thread) })
}

impl Handle {
    /// Flushes a last time, stops the agent and ends its thread. Everything sent before is in that flush.
    pub async fn shutdown(mut self) {
        // An agent that gave up has nothing left to flush.
        let _ = self.stop.send(Shutdown).await;
        self.system.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of metric-agent panicked");
        }
    }
}

/// Without [`shutdown`](Handle::shutdown) the thread ends too, without the last flush.
impl Drop for Handle {
    fn drop(&mut self) {
        self.system.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;
    use crate::error::OutputError;
    use crate::output::Output;
    use crate::series::Series;

    /// Panics at so many flushes, and counts them.
    struct Defect {
        panics: Arc<AtomicU32>,
        most: u32,
    }

    impl Output for Defect {
        fn name(&self) -> &'static str {
            "defect"
        }

        fn flush(&mut self, _: &[Series], _: Instant) -> Result<(), OutputError> {
            if self.panics.load(Relaxed) < self.most {
                self.panics.fetch_add(1, Relaxed);
                panic!("a defect")
            }
            Ok(())
        }
    }

    /// An agent with the defect, and how often it has panicked.
    fn agent(most: u32) -> (actix::Addr<MetricAgent>, Arc<AtomicU32>) {
        let config = Config { flush_interval_ms: 10, ..Config::default() };
        let panics = Arc::new(AtomicU32::new(0));
        let (settings, counted) = (config.clone(), panics.clone());
        let build = Box::new(move || {
            let defect = Defect { panics: counted.clone(), most };
            Ok(Aggregator::with_outputs(&settings, vec![Box::new(defect)]))
        });
        (MetricAgent::with_core(&config, build).unwrap().start(), panics)
    }

    fn one_query() -> Measured {
        Measured { samples: vec![Sample::count("dns_queries_total", Vec::new(), 1)] }
    }

    /// However long a panic takes: with a backtrace it can be longer than some intervals.
    async fn until(what: impl Fn() -> bool) {
        let start = Instant::now();
        while !what() {
            assert!(start.elapsed() < Duration::from_secs(60), "it did not come to it");
            actix::clock::sleep(Duration::from_millis(1)).await;
        }
    }

    #[actix::test]
    async fn a_panic_costs_the_sums_and_not_the_agent() {
        let (agent, panics) = agent(1);
        agent.send(one_query()).await.unwrap();
        until(|| panics.load(Relaxed) == 1).await;
        agent.send(one_query()).await.unwrap();
        let text = agent.send(ReadMetrics).await.unwrap();
        assert!(text.contains("dns_actor_panics_total{actor=\"metric-agent\"} 1\n"), "{text}");
        assert!(text.contains("dns_queries_total 1\n"), "{text}");
        agent.send(Shutdown).await.unwrap();
    }

    #[actix::test]
    async fn an_agent_that_panics_again_and_again_gives_up() {
        let (agent, _) = agent(u32::MAX);
        until(|| !agent.connected()).await;
        assert!(agent.send(ReadMetrics).await.is_err());
    }
}

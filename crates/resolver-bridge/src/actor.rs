//! The actix shell around [`Resolver`]: it forwards, counts, and starts afresh after a panic.

use crate::config::Config;
use crate::error::{ConfigError, SpawnError};
use crate::resolver::Resolver;
use crate::tally::{Outcome, Tally};
use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture, ResponseFuture,
    System, WrapFuture,
};
use futures_util::FutureExt;
use messages::{Measured, Recipient, Resolution, Resolve, ResolveError, Shutdown};
use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How often what was counted is reported.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// The least time between two fresh starts. One costs the cache, and a name server that knows how to make us
/// panic shall not have the cache emptied at will; in between, a panic costs its question alone.
const RESTART_INTERVAL: Duration = Duration::from_secs(60);

/// The actor. Handles [`Resolve`] and [`Shutdown`].
///
/// Questions are bounded twice: by the permit that each carries, and by `max_in_flight` here, for senders
/// whose permits are more. One too many is refused with [`ResolveError::Overloaded`] and counted as
/// `overloaded`. A question that was taken on is worked on to its end, whether its sender still waits or
/// not: its answer is cached.
pub struct ResolverBridge {
    resolver: Resolver,
    build: Box<dyn Fn() -> Result<Resolver, ConfigError>>,
    max_in_flight: usize,
    metrics: Option<Recipient<Measured>>,
    account: Rc<Account>,
    restarted_at: Option<Instant>,
    stopping: bool,
}

/// What the actor and its questions under way both write; all on one thread.
#[derive(Default)]
struct Account {
    tally: RefCell<Tally>,
    /// A panic was caught since the last look.
    panicked: Cell<bool>,
    /// The last question under way is done with.
    idle: Notify,
}

/// A question under way; settles the account when it is dropped, however it ended.
struct UnderWay(Rc<Account>);

/// A resolver-bridge on a thread of its own, for a host without actix.
pub struct Handle {
    /// Takes questions.
    pub resolve: Recipient<Resolve>,
    stop: Recipient<Shutdown>,
    system: System,
    thread: Option<JoinHandle<()>>,
}

// === impl ResolverBridge ===

impl ResolverBridge {
    /// A resolver by these settings that reports what it counts to `metrics`.
    ///
    /// # Errors
    /// [`ConfigError`] for settings that cannot be used.
    pub fn new(config: Config, metrics: Option<Recipient<Measured>>) -> Result<Self, ConfigError> {
        let max_in_flight = config.max_in_flight;
        let build = Box::new(move || Resolver::new(&config));
        Ok(Self {
            resolver: build()?,
            build,
            max_in_flight,
            metrics,
            account: Rc::default(),
            restarted_at: None,
            stopping: false,
        })
    }

    /// Hands over what was counted. What cannot be handed over stays for the next time.
    fn report(&mut self) {
        let Some(metrics) = &self.metrics else { return };
        let mut tally = self.account.tally.borrow_mut();
        let samples = tally.samples();
        if samples.is_empty() {
            return;
        }
        match metrics.try_send(Measured { samples }) {
            Ok(()) => tally.clear(),
            Err(_) => tally.defer(),
        }
    }

    /// After a panic a new resolver takes the place of the old one, with an empty cache.
    fn restart_after_panic(&mut self) {
        let recently = self.restarted_at.is_some_and(|at| at.elapsed() < RESTART_INTERVAL);
        if recently || !self.account.panicked.replace(false) {
            return;
        }
        match (self.build)() {
            Ok(resolver) => self.resolver = resolver,
            Err(error) => tracing::error!(%error, "the resolver goes on with its old cache after a panic"),
        }
        self.restarted_at = Some(Instant::now());
    }
}

impl Actor for ResolverBridge {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // A message is handled by making a future of it, so the mailbox is empty but for moments.
        ctx.set_mailbox_capacity(self.max_in_flight);
        ctx.run_interval(REPORT_INTERVAL, |bridge, _| {
            bridge.restart_after_panic();
            bridge.report();
        });
    }
}

impl Handler<Resolve> for ResolverBridge {
    type Result = ResponseFuture<Result<Resolution, ResolveError>>;

    fn handle(&mut self, message: Resolve, _: &mut Self::Context) -> Self::Result {
        if self.stopping {
            return Box::pin(async { Err(ResolveError::Stopping) });
        }
        if self.account.tally.borrow().in_flight() >= self.max_in_flight {
            self.account.tally.borrow_mut().refuse();
            return Box::pin(async { Err(ResolveError::Overloaded) });
        }
        let under_way = UnderWay::begin(&self.account);
        let resolver = self.resolver.clone();
        Box::pin(async move {
            let Resolve { question, dnssec_ok, permit } = message;
            let began = Instant::now();
            let answer = AssertUnwindSafe(resolver.resolve(&question, dnssec_ok)).catch_unwind().await;
            let result = answer.unwrap_or_else(|_| {
                tracing::error!(name = %question.name, rtype = %question.rtype, "the resolver panicked over a question");
                under_way.0.tally.borrow_mut().panic();
                under_way.0.panicked.set(true);
                Err(ResolveError::Failed("the resolver panicked; its log has the place".to_owned()))
            });
            let outcome = Outcome::of(&question, &result);
            under_way.0.tally.borrow_mut().record(outcome, began.elapsed());
            drop(permit);
            result
        })
    }
}

impl Handler<Shutdown> for ResolverBridge {
    type Result = ResponseActFuture<Self, ()>;

    /// Takes no further question, waits for those under way (each has its time limit), reports and stops.
    fn handle(&mut self, _: Shutdown, _: &mut Self::Context) -> Self::Result {
        self.stopping = true;
        let account = Rc::clone(&self.account);
        let drained = async move {
            while account.tally.borrow().in_flight() > 0 {
                account.idle.notified().await;
            }
        };
        Box::pin(drained.into_actor(self).map(|(), bridge, ctx| {
            bridge.report();
            ctx.stop();
        }))
    }
}

// === impl UnderWay ===

impl UnderWay {
    fn begin(account: &Rc<Account>) -> Self {
        account.tally.borrow_mut().begin();
        Self(Rc::clone(account))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut tally = self.0.tally.borrow_mut();
        tally.end();
        if tally.in_flight() == 0 {
            self.0.idle.notify_one();
        }
    }
}

// === impl Handle ===

/// Starts a resolver on a thread of its own, named `resolver-bridge`. Returns when it stands, which takes no
/// longer than making a thread.
///
/// # Errors
/// [`SpawnError`] for settings that cannot be used, and where there is no thread to be had.
pub fn spawn_standalone(config: Config, metrics: Option<Recipient<Measured>>) -> Result<Handle, SpawnError> {
    let (sender, started) = channel();
    let thread = std::thread::Builder::new().name("resolver-bridge".into()).spawn(move || {
        let system = System::new();
        let started = system.block_on(async {
            let bridge = ResolverBridge::new(config, metrics)?.start();
            Ok::<_, ConfigError>(((bridge.clone().recipient(), bridge.recipient()), System::current()))
        });
        let stands = started.is_ok();
        if sender.send(started).is_ok()
            && stands
            && let Err(error) = system.run()
        {
            tracing::error!(%error, "the thread of resolver-bridge ended badly");
        }
    })?;
    let ((resolve, stop), system) = started.recv().map_err(|_| SpawnError::Ended)??;
    Ok(Handle { resolve, stop, system, thread: Some(thread) })
}

impl Handle {
    /// Waits for the questions under way, stops the actor and ends its thread. Takes no longer than a
    /// question may.
    pub async fn shutdown(mut self) {
        // An actor that has ended already has nothing under way.
        let _ = self.stop.send(Shutdown).await;
        self.system.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of resolver-bridge panicked");
        }
    }
}

/// Without [`shutdown`](Handle::shutdown) the thread ends too, and questions under way stay unanswered.
impl Drop for Handle {
    fn drop(&mut self) {
        self.system.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::{Permits, Question, Sample, Value};
    use std::net::UdpSocket;
    use zone_model::{Name, RecordType};

    /// Keeps what it is sent.
    #[derive(Default)]
    struct Recorder(Vec<Sample>);

    /// Asks a [`Recorder`] for what it kept.
    struct Recorded;

    impl messages::Message for Recorded {
        type Result = Vec<Sample>;
    }

    impl Actor for Recorder {
        type Context = Context<Self>;
    }

    impl Handler<Measured> for Recorder {
        type Result = ();

        fn handle(&mut self, message: Measured, _: &mut Self::Context) {
            self.0.extend(message.samples);
        }
    }

    impl Handler<Recorded> for Recorder {
        type Result = Vec<Sample>;

        fn handle(&mut self, _: Recorded, _: &mut Self::Context) -> Vec<Sample> {
            self.0.clone()
        }
    }

    /// A server that never answers, and the settings that forward to it.
    fn silent(timeout_ms: u64, max_in_flight: usize) -> (UdpSocket, Config) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = socket.local_addr().unwrap();
        (socket, Config { timeout_ms, attempts: 1, max_in_flight, ..Config::forward_to(server) })
    }

    fn resolve(permits: &Permits) -> Resolve {
        let question = Question { name: Name::parse("www.example.").unwrap(), rtype: RecordType::A };
        Resolve { question, dnssec_ok: false, permit: permits.try_take().unwrap() }
    }

    fn counted(samples: &[Sample], wanted: &str, label: &str) -> u64 {
        let found = samples
            .iter()
            .filter(|one| one.name == wanted && one.labels.iter().any(|(_, value)| value == label));
        found.map(|one| if let Value::Count(count) = one.value { count } else { panic!("{one:?}") }).sum()
    }

    #[actix::test]
    async fn a_question_too_many_is_refused_and_every_permit_comes_back() {
        let (_server, config) = silent(300, 2);
        let recorder = Recorder::default().start();
        let bridge = ResolverBridge::new(config, Some(recorder.clone().recipient())).unwrap().start();
        let permits = Permits::new(3);
        let answers =
            [resolve(&permits), resolve(&permits), resolve(&permits)].map(|question| bridge.send(question));
        let mut answers = futures_util::future::join_all(answers).await.into_iter().map(Result::unwrap);
        assert_eq!(answers.next(), Some(Err(ResolveError::Timeout)));
        assert_eq!(answers.next(), Some(Err(ResolveError::Timeout)));
        assert_eq!(answers.next(), Some(Err(ResolveError::Overloaded)));
        assert_eq!(permits.free(), 3);
        bridge.send(Shutdown).await.unwrap();
        let samples = recorder.send(Recorded).await.unwrap();
        assert_eq!(counted(&samples, "dns_resolver_queries_total", "timeout"), 2);
        assert_eq!(counted(&samples, "dns_resolver_queries_total", "overloaded"), 1);
        let gauges =
            samples.iter().filter(|one| one.name == "dns_resolver_in_flight").map(|one| one.value.clone());
        let gauges: Vec<Value> = gauges.collect();
        assert!(gauges.contains(&Value::Gauge(2.0)), "reported while under way: {gauges:?}");
        assert_eq!(gauges.last(), Some(&Value::Gauge(0.0)));
        let observed = samples.iter().filter_map(|one| match &one.value {
            Value::Observed(values) => Some(values.iter().map(|(_, times)| times).sum::<u64>()),
            _ => None,
        });
        assert_eq!(observed.sum::<u64>(), 2);
    }

    #[actix::test]
    async fn shutdown_waits_for_what_is_under_way_and_takes_nothing_more() {
        let (_server, config) = silent(400, 10);
        let bridge = ResolverBridge::new(config, None).unwrap().start();
        let permits = Permits::new(10);
        let began = Instant::now();
        let under_way = bridge.send(resolve(&permits));
        let stop = bridge.send(Shutdown);
        let late = bridge.send(resolve(&permits));
        let (under_way, late) = futures_util::future::join(under_way, async {
            let (stop, late) = futures_util::future::join(stop, late).await;
            stop.unwrap();
            assert!(
                began.elapsed() >= Duration::from_millis(390),
                "stopped before the question was done with"
            );
            late
        })
        .await;
        assert_eq!(under_way.unwrap(), Err(ResolveError::Timeout));
        assert_eq!(late.unwrap(), Err(ResolveError::Stopping));
        let until = Instant::now() + Duration::from_secs(10);
        while bridge.connected() {
            assert!(Instant::now() < until, "the actor lives on");
            actix::clock::sleep(Duration::from_millis(1)).await;
        }
    }

    #[actix::test]
    async fn a_panic_costs_its_question_and_then_the_cache_but_never_the_actor() {
        let (_server, config) = silent(100, 10);
        let recorder = Recorder::default().start();
        let mut bridge = ResolverBridge::new(config, Some(recorder.clone().recipient())).unwrap();
        bridge.resolver = Resolver::defect();
        let bridge = bridge.start();
        let permits = Permits::new(1);
        for _ in 0..2 {
            let Err(ResolveError::Failed(reason)) = bridge.send(resolve(&permits)).await.unwrap() else {
                panic!("no panic was reported")
            };
            assert!(reason.contains("panicked"), "{reason}");
            assert_eq!(permits.free(), 1);
        }
        actix::clock::sleep(REPORT_INTERVAL * 2).await;
        assert_eq!(bridge.send(resolve(&permits)).await.unwrap(), Err(ResolveError::Timeout));
        bridge.send(Shutdown).await.unwrap();
        let samples = recorder.send(Recorded).await.unwrap();
        assert_eq!(counted(&samples, "dns_actor_panics_total", "resolver-bridge"), 2);
    }
}

//! `log …`: what a log says, event by event and as a whole; and the log as a client command opens it.

mod args;
mod check;
#[cfg(feature = "journal")]
mod compact;
mod mend;
mod render;
mod tail;

pub use args::{CompactArgs, LogCheckArgs, LogCommand, TailArgs};

use crate::Console;
use crate::args::LogArgs;
use crate::settings::{ClientSettings, LogTarget};
use anyhow::Context;
use event_consumer::SourceConfig;
use event_producer::{Keep, Log, Partitioning, ProducerConfig};
use std::path::PathBuf;
use std::process::ExitCode;
use zone_model::zone::Zone;
use zone_model::{Limits, Name};

pub(crate) fn run(
    command: &LogCommand,
    settings: &ClientSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    match command {
        LogCommand::Tail(args) => tail::tail(args, settings, console),
        LogCommand::Check(args) => check::check(args, settings, console),
        #[cfg(feature = "journal")]
        LogCommand::Compact(args) => compact::compact(args, settings, console),
        #[cfg(not(feature = "journal"))]
        LogCommand::Compact(_) => anyhow::bail!("this program was built without journals"),
    }
}

/// The log of the flags, else of the settings.
pub(crate) fn target(args: &LogArgs, settings: &ClientSettings) -> anyhow::Result<LogTarget> {
    match &args.journal {
        Some(path) => Ok(LogTarget::Journal(path.clone())),
        None => settings.log.clone().context(
            "no log is configured; give --journal FILE, or name a journal or a topic in the configuration",
        ),
    }
}

/// How changes are published with these flags.
pub(crate) fn producer_config(args: &LogArgs, settings: &ClientSettings) -> ProducerConfig {
    let zones = settings.zones.iter().chain(&args.zone).cloned().collect();
    let config = ProducerConfig { zones, ..settings.producer.clone() };
    let is_followed = |path: &PathBuf| {
        let is_it = |own: &SourceConfig| matches!(own, SourceConfig::Journal(own) if own.path == *path);
        settings.sources.iter().any(is_it)
    };
    match &args.journal {
        // What is said of the logs that are followed is not said of another.
        Some(path) if !is_followed(path) => {
            ProducerConfig { limits: Limits::default(), sources: Vec::new(), ..config }
        }
        _ => config,
    }
}

/// Says, before a change of several events is published, where it will not be seen whole at once.
pub(crate) fn note_partitioning(target: &LogTarget, config: &ProducerConfig, console: &mut Console<'_>) {
    if let (LogTarget::Kafka { topic, .. }, Partitioning::Key) = (target, config.partitioning) {
        console.note(&format!(
            "the topic {topic} is partitioned by key: a change becomes visible partition by partition, and is not atomic"
        ));
    }
}

/// Opens a log; nothing is read yet.
pub(crate) fn open(target: &LogTarget, keep: Keep, config: &ProducerConfig) -> anyhow::Result<Box<dyn Log>> {
    config.validate()?;
    match target {
        #[cfg(feature = "journal")]
        LogTarget::Journal(path) => {
            let log = event_producer::JournalLog::new(path, keep);
            Ok(Box::new(log.limited(config.limits.clone())))
        }
        #[cfg(feature = "kafka")]
        LogTarget::Kafka { topic, properties } => {
            let target = event_producer::KafkaTarget { topic: topic.clone(), properties: properties.clone() };
            let log = event_producer::KafkaLog::new(target, config.timeout(), keep);
            Ok(Box::new(log.limited(config.limits.clone())))
        }
        #[cfg(not(all(feature = "journal", feature = "kafka")))]
        other => {
            let _ = keep;
            anyhow::bail!("this program was built without the feature that reads {other}")
        }
    }
}

/// A log with all RRsets that it has.
pub(crate) struct OpenLog {
    pub(crate) target: LogTarget,
    pub(crate) config: ProducerConfig,
    pub(crate) log: Box<dyn Log>,
}

// === impl OpenLog ===

impl OpenLog {
    pub(crate) fn open(args: &LogArgs, settings: &ClientSettings) -> anyhow::Result<Self> {
        let target = target(args, settings)?;
        let config = producer_config(args, settings);
        let log = open(&target, Keep::RrSets, &config)?;
        Ok(Self { target, config, log })
    }

    /// A zone as the log says; `None` where it has no such zone.
    pub(crate) fn zone(&mut self, apex: &Name) -> anyhow::Result<Option<Zone>> {
        Ok(self.log.read()?.zone(apex, &self.config.zones))
    }

    /// The same for who is about to change it: a journal that is not there yet, which the first change makes, has no
    /// zone.
    pub(crate) fn zone_to_change(&mut self, apex: &Name) -> anyhow::Result<Option<Zone>> {
        if let Err(error) = self.log.read() {
            return if self.is_to_be_made() { Ok(None) } else { Err(error.into()) };
        }
        Ok(self.log.state().and_then(|state| state.zone(apex, &self.config.zones)))
    }

    /// Whether this is a journal that is not there yet.
    fn is_to_be_made(&self) -> bool {
        match &self.target {
            LogTarget::Journal(path) => !path.try_exists().unwrap_or(true),
            LogTarget::Kafka { .. } => false,
        }
    }
}

//! The log as a client command opens it.

use crate::args::LogArgs;
use crate::settings::{ClientSettings, LogTarget};
use anyhow::Context;
use event_producer::{Keep, Log, ProducerConfig};

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
    ProducerConfig { zones, ..settings.producer.clone() }
}

/// Opens a log; nothing is read yet.
pub(crate) fn open(target: &LogTarget, keep: Keep, config: &ProducerConfig) -> anyhow::Result<Box<dyn Log>> {
    config.validate()?;
    match target {
        #[cfg(feature = "journal")]
        LogTarget::Journal(path) => Ok(Box::new(event_producer::JournalLog::new(path, keep))),
        #[cfg(feature = "kafka")]
        LogTarget::Kafka { topic, properties } => {
            let target = event_producer::KafkaTarget { topic: topic.clone(), properties: properties.clone() };
            Ok(Box::new(event_producer::KafkaLog::new(target, config.timeout(), keep)))
        }
        #[cfg(not(all(feature = "journal", feature = "kafka")))]
        other => {
            let _ = keep;
            anyhow::bail!("this program was built without the feature that reads {other}")
        }
    }
}

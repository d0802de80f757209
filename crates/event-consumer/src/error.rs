//! What can be wrong with a source before it is read.

use std::path::PathBuf;

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value is missing or out of range.
    #[error("{key}: {value:?} cannot be used; allowed is {allowed}")]
    Value {
        /// The setting.
        key: String,
        /// What it was set to.
        value: String,
        /// What it may be set to.
        allowed: String,
    },
    /// A librdkafka property that would break a promise of this server.
    #[error("kafka.properties.{key} may not be set: {reason}")]
    Refused {
        /// The property.
        key: String,
        /// Which promise, and what to use instead where there is something.
        reason: &'static str,
    },
    /// Two settings contradict each other.
    #[error("{0}")]
    Contradiction(String),
}

/// A source that cannot be opened as it is configured. It is tried again: a file may appear.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// This build cannot read the source.
    #[error("this build cannot read {kind} sources: build it with the feature `{kind}`")]
    Feature {
        /// The source's kind, which is also the feature's name.
        kind: &'static str,
    },
    /// A file or directory cannot be used.
    #[error("{path}: {error}", path = path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The client library refused its configuration, or could not start.
    #[error("the client could not be made: {0}")]
    Client(String),
}

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
    #[error("kafka.properties.{key} = {value:?} may not be set: {reason}")]
    Refused {
        /// The property.
        key: String,
        /// What it was set to, a secret masked.
        value: String,
        /// Which promise, and what to use instead where there is something.
        reason: &'static str,
    },
    /// Two settings contradict each other.
    #[error("{0}")]
    Contradiction(String),
    /// Several properties of librdkafka are wrong; each is said, in a line of its own.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<Self>),
}

// === impl ConfigError ===

impl ConfigError {
    /// All of it as one error, if there is any.
    pub(crate) fn of(mut all: Vec<Self>) -> Result<(), Self> {
        match all.len() {
            0 => Ok(()),
            1 => Err(all.remove(0)),
            _ => Err(Self::Several(all)),
        }
    }
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

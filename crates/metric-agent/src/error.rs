//! What can be wrong with settings, outputs and threads.

use std::io;

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number is too small or too large.
    #[error("{key} is {value}; it must be from {least} to {most}")]
    Range {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The least that is allowed.
        least: u64,
        /// The most that is allowed.
        most: u64,
    },
    /// The address of statsd is no `host:port`.
    #[error("statsd.address is `{0}`; write a host and a port from 1 to 65535, such as 127.0.0.1:8125")]
    StatsdAddress(String),
}

/// Why an output could not take what it was handed; it gets the same again later.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The address has no number yet: looking the name up failed.
    #[error("looking up {name} failed: {cause}")]
    Lookup {
        /// The name.
        name: String,
        /// What went wrong.
        cause: io::Error,
    },
    /// Nothing could be sent or written.
    #[error("{to} cannot be written to: {cause}")]
    Write {
        /// To whom or to what.
        to: String,
        /// What went wrong.
        cause: io::Error,
    },
}

/// Why an agent on a thread of its own did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The thread.
    #[error("no thread for metric-agent: {0}")]
    Thread(#[from] io::Error),
    /// The thread ended before it said that it stands.
    #[error("the thread of metric-agent ended at once; the log has the reason")]
    Ended,
}

//! What can be wrong with settings and threads. Why a question has no answer is `messages::ResolveError`.

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
    /// A server's address cannot be read.
    #[error("`{0}` is no server; write an IP address, with a port from 1 to 65535 where it is not 53")]
    Server(String),
    /// A setting for iterating stands beside servers to forward to.
    #[error("{key} is for iterating from the roots, but `servers` says to forward; remove one of the two")]
    Contradiction {
        /// The setting.
        key: &'static str,
    },
    /// The resolver refused the settings.
    #[error("the resolver cannot be built: {0}")]
    Build(String),
}

/// Why a resolver on a thread of its own did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The thread.
    #[error("no thread for resolver-bridge: {0}")]
    Thread(#[from] io::Error),
    /// The thread ended before it said that it stands.
    #[error("the thread of resolver-bridge ended at once; the log has the reason")]
    Ended,
}

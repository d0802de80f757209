//! What can go wrong with a store.

use std::path::PathBuf;
use zone_model::SourceId;

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the file open.
    #[error("the store {path} is in use by a running node; ask it with --node, or stop it first")]
    Locked {
        /// The store's file.
        path: PathBuf,
    },
    /// A newer program wrote the file.
    #[error(
        "the store {path} has format {found} and this program knows formats up to {known}; use the newer \
         program, or move the file away to rebuild it from the log"
    )]
    NewerFormat {
        /// The store's file.
        path: PathBuf,
        /// The format it has.
        found: u64,
        /// The newest format that is known here.
        known: u64,
    },
    /// The file was written by another format or decoder than this program's, and was only to be read.
    #[error(
        "the store {path} is of another version ({found}); start the node once to rebuild it from the log"
    )]
    OtherVersion {
        /// The store's file.
        path: PathBuf,
        /// What it says of itself.
        found: String,
    },
    /// The bytes in the store are not what this program writes.
    #[error("the store is damaged: {0}; restart the node to set it aside and rebuild it from the log")]
    Corrupt(String),
    /// The file system or redb failed.
    #[error("the store {path} cannot be used: {error}")]
    Storage {
        /// The store's file, or what it is called where there is none.
        path: PathBuf,
        /// What redb says.
        error: Box<redb::Error>,
    },
    /// More is waiting for the disk than memory is set aside for.
    #[error("{bytes} bytes wait to be written to the store, more than the {limit} allowed; see to its disk")]
    Full {
        /// Bytes waiting.
        bytes: usize,
        /// Bytes allowed; see [`StoreConfig::overlay_bytes`](crate::StoreConfig::overlay_bytes).
        limit: usize,
    },
    /// A batch of a source that did not ask where to go on.
    #[error("the source {0} was not opened since the store was; open it and read on from where it says")]
    NotOpened(SourceId),
    /// What was read of a source beside what is served lacks too much of that, and nobody accepted the loss.
    #[error(
        "what the log of {source_id} leads to, read from its beginning, lacks {what} that are served: they stay \
         served, and nothing more is applied from it. Look whether the log is the right one and complete; if the \
         loss is meant, `stream-dns rebuild --accept-loss`"
    )]
    Loss {
        /// The source.
        source_id: SourceId,
        /// What would be lost.
        what: String,
    },
    /// The system has no thread for reading the store.
    #[error("no thread could be started to read the store: {0}; see to the limits of processes and memory")]
    NoThread(std::io::Error),
    /// More sources than a store can tell apart.
    #[error("the store knows 65,536 sources already and cannot take {0}; rebuild it from the log")]
    TooManySources(SourceId),
}

// === impl StoreError ===

impl StoreError {
    /// Whether what is stored is at fault, and not the disk, the rights or the caller.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Corrupt(_) => true,
            Self::Storage { error, .. } => matches!(
                **error,
                redb::Error::Corrupted(_)
                    | redb::Error::TableDoesNotExist(_)
                    | redb::Error::TableTypeMismatch { .. }
                    | redb::Error::TypeDefinitionChanged { .. }
            ),
            _ => false,
        }
    }
}

/// Bytes of the store that nobody here wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt(pub(crate) &'static str);

impl From<Corrupt> for StoreError {
    fn from(Corrupt(what): Corrupt) -> Self {
        Self::Corrupt(what.to_owned())
    }
}

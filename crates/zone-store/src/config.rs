//! Settings of a store.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;
use zone_model::{EventKey, Limits, Name, RrSet, SourceId};

/// Settings of a store. The binary makes it of its own configuration; an embedder fills what it needs:
///
/// ```
/// let config = zone_store::StoreConfig { default_ttl: 60, ..Default::default() };
/// assert_eq!(config.path, None);
/// ```
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The redb file; `None` keeps the state in memory, so that every start reads the whole log. Default:
    /// `None`.
    pub path: Option<PathBuf>,
    /// Memory for redb's cache, in bytes. Default: 32 MiB.
    pub cache_bytes: usize,
    /// Zones to serve. Where it is not empty, a zone of the log is served only if it is one of these or
    /// below one, and each of these is served with a made-up SOA while no slot holds its SOA. Default: none.
    pub zones: Vec<Name>,
    /// The TTL that is served where an event gave none, in seconds. Default: 300.
    pub default_ttl: u32,
    /// Records of this node alone: never stored, never published. Several entries of one owner and type are
    /// one RRset. Default: none.
    pub local: Vec<(EventKey, RrSet)>,
    /// The sources that must each have been in step once before the node answers. Where it is empty the node
    /// answers at once. What is read of one of these for the first time is seen when it is in step, and not before.
    /// Default: none.
    pub sources: Vec<SourceId>,
    /// The zones that sources may write. What a source says of another zone is kept and not served, and does not count
    /// for the zone's serial or digest either. Default: all may write all.
    pub limits: Limits,
    /// How many bytes may wait in memory for the disk. Above it batches wait for a commit, and are refused
    /// while commits fail. Default: 256 MiB.
    pub overlay_bytes: usize,
    /// How long a change waits for others to be committed with it. Where more than 10,000 rows wait it is a second at
    /// least, and none where 300,000 do, or 64 MiB. Default: 50 ms.
    pub commit_after: Duration,
    /// How many rows may wait in the file, in the order in which they came, to be put in their places: a commit appends
    /// its rows, and where more wait than this, or than 256 bytes for each of these, it puts some more of them in their
    /// places than it brings, in the order of their keys; where nobody else wants the processor it does so beyond a
    /// quarter of this already. A row that waits takes some 250 bytes of memory, and a start reads up to five times as
    /// many rows. With 0 every row is put in its place at once, for which a page of 4 KiB is read and one written.
    /// Default: 65,536.
    pub recent_rows: usize,
    /// The least time between two publications of a catalogue. Default: 1 ms.
    pub publish_every: Duration,
    /// The seed that names are hashed with; random by default. See `zone_model::Catalog::new`.
    pub seed: u64,
    /// Whether [`AppliedBatch::changes`](crate::AppliedBatch::changes) is filled. Without it changes are only
    /// counted, which spares copying them. Default: true.
    pub collect_changes: bool,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            path: None,
            cache_bytes: 32 << 20,
            zones: Vec::new(),
            default_ttl: 300,
            local: Vec::new(),
            sources: Vec::new(),
            limits: Limits::default(),
            overlay_bytes: 256 << 20,
            commit_after: Duration::from_millis(50),
            recent_rows: 65_536,
            publish_every: Duration::from_millis(1),
            seed: RandomState::new().hash_one(0),
            collect_changes: true,
        }
    }
}

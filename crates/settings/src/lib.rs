//! The settings of a Stream-DNS node.
//!
//! # The problem
//! An operator sets a server up in a file, a container through the environment, a newcomer with a flag, and
//! the environment of the older server has to go on working. All of them want the same three things of a
//! mistake: that it stops the start, that the message says what to do, and that nothing was started by then.
//!
//! # Vocabulary
//! - A *setting* is one row of [`SETTINGS`]: its key, its variables, its flag, its kind, its default, what it
//!   means. The table is the only list there is: the layers, the printed configuration and
//!   `docs/configuration.md` read it.
//! - A *kind* says which values a setting takes, and reads them from text and from TOML alike.
//! - A *layer* is one place that values come from. A higher layer replaces a value of a lower one whole.
//! - A *rule* looks at two settings at once: what contradicts what, and what follows from what.
//!
//! ```text
//!  flags        --listen 127.0.0.1:5353       ▲ wins
//!  environment  DNS_ADDRESS=127.0.0.1:5301    │
//!  file         [dns] listen = ["…"]          │
//!  built-in     SETTINGS[..].default          │
//!       └── each value read by its kind ──▶ merged ──▶ rules ──▶ Settings, origins, warnings
//! ```
//!
//! # Example
//! ```
//! use settings::{Inputs, load};
//! use std::collections::BTreeMap;
//!
//! let environment = BTreeMap::from([("DNS_ADDRESS".to_owned(), "127.0.0.1:5301".to_owned())]);
//! let loaded = load(&Inputs { environment: &environment, ..Inputs::default() }).unwrap();
//! assert_eq!(loaded.settings.dns.listen, ["127.0.0.1:5301".parse().unwrap()]);
//! assert_eq!(loaded.origin("dns.listen"), "DNS_ADDRESS");
//!
//! let environment = BTreeMap::from([("DNS_UDP".to_owned(), "perhaps".to_owned())]);
//! let error = load(&Inputs { environment: &environment, ..Inputs::default() }).unwrap_err();
//! assert_eq!(error.to_string(), "dns.udp = \"perhaps\" (from DNS_UDP): allowed is true or false");
//! ```
//!
//! [`load`] reads no file, no environment and no clock: they are arguments. [`load_here`] fetches them.

#![forbid(unsafe_code)]

mod error;
mod kind;
mod layer;
mod load;
mod machine;
mod model;
mod rules;
mod show;
mod table;

pub use error::{Invalid, Problem};
pub use kind::Kind;
pub use layer::Flag;
pub use load::{CONFIG_VARIABLE, Inputs, Loaded, load};
pub use machine::{load_here, on_this_machine};
pub use model::{
    Admin, Any, Dns, Journal, Kafka, Log, LogFormat, LogLevel, Metrics, Partitioning, Producer, Recursion,
    Resolver, Sasl, Secret, Settings, Shutdown, Statsd, Store, Target, Tls,
};
pub use show::{as_json, as_toml, checked, effective, table_as_markdown};
pub use table::{SETTINGS, Setting};

/// The exit status that says that the configuration is wrong (`EX_CONFIG` of BSD's sysexits).
pub const EX_CONFIG: u8 = 78;

/// What is shown in place of a secret.
pub const MASK: &str = "***";

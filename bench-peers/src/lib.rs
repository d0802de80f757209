//! Stream-DNS measured beside other name servers, and beside a server that only echoes: what an answer costs.
//!
//! The figure is the whole process's CPU time per answered query, taken while a generator on another core keeps the
//! server busy: the generator's own speed does not blur it. Servers take turns, so that what changes on the machine
//! meets all of them; the median of the rounds counts, and its ratio to the echo server's in the same run.
//!
//! ```text
//!   World ──▶ zone files, journal ──▶ Servers (pinned to one core)
//!     └─────▶ Questions ──▶ Load (the generator, on the other core) ──▶ Outcome
//!                                       └ Meter: CPU time and Sampler, at the ends of the measured time
//! ```

#![cfg(target_os = "linux")]

pub mod cpu;
pub mod echo;
pub mod feed;
pub mod histogram;
pub mod load;
pub mod measure;
pub mod mix;
pub mod mmsg;
pub mod parts;
pub mod produce;
pub mod quiet;
pub mod random;
pub mod report;
pub mod sampler;
pub mod servers;
pub mod table;
pub mod world;

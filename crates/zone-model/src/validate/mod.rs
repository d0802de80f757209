//! What is remarkable between the RRsets of a zone.
//!
//! What one RRset shows by itself makes an event unusable and never gets here. What stands here refuses
//! nothing: a zone is changed RRset by RRset, and may be odd in between. [`validate`] is a function of a
//! [`Zone`]. TTLs that differ within an RRset and records that stand there twice it knows from
//! [`Merged`](crate::Merged); who reads a file reports them himself, as the same [`Report`], with the line.
//!
//! ```
//! use zone_model::validate::{Finding, Severity, validate};
//! use zone_model::zone::Zone;
//!
//! let reports = validate(&Zone::of("example.".parse()?, []));
//! assert!(matches!(reports[0].finding, Finding::NoSoa));
//! assert!(reports[0].to_string().starts_with("error: example.: the zone has no SOA record: "));
//! assert_eq!(reports[0].severity(), Severity::Error);
//! # Ok::<(), zone_model::NameError>(())
//! ```

mod report;
mod rules;
#[cfg(test)]
mod tests;

pub use report::{Finding, Place, Report, Severity};
pub use rules::validate;

#[cfg(doc)]
use crate::zone::Zone;

//! RDATA in text and on the wire, by one table.
//!
//! `table.rs` lists the fields of each type: what they are, and of each name whether it may be compressed, is
//! in lower case in canonical form, and draws additional data. The text parser, the printer, the wire
//! validator, the canonical form and the places of names all read that list. A type without an entry is
//! opaque, in text `\# 3 010203` (RFC 3597), a form that every type accepts.
//!
//! ```
//! use zone_model::{RecordType, rdata};
//!
//! let wire = rdata::parse_text(RecordType::MX, "10 mail.example.com.").unwrap();
//! assert_eq!(&wire[..3], b"\x00\x0a\x04");
//! assert_eq!(rdata::print_text(RecordType::MX, &wire), "10 mail.example.com.");
//! assert!(rdata::parse_text(RecordType::MX, "mail.example.com.").is_err());
//! ```

mod address;
mod bitmap;
mod error;
mod gateway;
mod ip;
mod location;
mod names;
mod print;
#[cfg(test)]
pub(crate) mod properties;
mod svcparams;
mod table;
mod text;
mod time;
pub(crate) mod token;
mod wire;

pub use error::RdataError;
pub use names::{
    CompressibleNames, NameField, NameFields, canonical, compressible_names, draws_additional,
    known_name_fields, name_fields,
};
pub(crate) use print::{NameStyle, append_text};
pub use print::{print_text, print_text_below};
pub(crate) use text::parse_record;
pub use text::{count_tokens, parse_text, parse_text_below};
pub use time::parse_ttl;
pub use wire::{check_wire, expand};

use crate::rtype::RecordType;

/// The most octets that RDATA can have: RDLENGTH has 16 bits (RFC 1035 section 3.2.1).
pub const MAX_RDATA: usize = u16::MAX as usize;

/// The types whose RDATA has a text form of its own; all others are opaque.
pub fn described_types() -> impl Iterator<Item = RecordType> {
    table::types()
}

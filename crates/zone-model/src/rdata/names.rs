//! The names inside RDATA: where they stand, and the canonical form.

use super::table::{Field, Kind, NameRules, layout};
use super::wire::{check_wire, extent};
use crate::name::wire_length;
use crate::rtype::RecordType;

/// A name inside RDATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameField {
    /// Where in the RDATA it begins.
    pub start: usize,
    /// How many octets it has, its zero octet counted.
    pub length: usize,
    /// It may be compressed in a message: in types of RFC 1035 alone (RFC 3597 section 4).
    pub compressible: bool,
    /// It is in lower case in canonical form (RFC 4034 section 6.2, RFC 6840 section 5.1).
    pub lowercase: bool,
    /// Its addresses belong in the additional section. A target of `.` in SVCB or HTTPS stands for the owner
    /// (RFC 9460 section 2.5), in MX and SRV for nothing (RFC 7505, RFC 2782).
    pub additional: bool,
}

/// The names inside RDATA, from [`name_fields`].
#[derive(Clone)]
pub struct NameFields<'a> {
    rdata: &'a [u8],
    at: usize,
    fields: std::slice::Iter<'static, Field>,
    /// Within a field of many names.
    repeating: Option<NameRules>,
}

/// The names inside RDATA in uncompressed wire form. None for types without names, and none for octets that
/// are no RDATA of the type. It allocates nothing.
pub fn name_fields(rtype: RecordType, rdata: &[u8]) -> NameFields<'_> {
    let fields = layout(rtype).map_or(&[][..], |layout| layout.fields);
    let is_name = |field: &Field| matches!(field.kind, Kind::Name(_) | Kind::Names(_));
    // Only what stands before the last name needs to be walked; but first of all it must be valid.
    let until = fields.iter().rposition(is_name).map_or(0, |last| last + 1);
    let fields = if until > 0 && check_wire(rtype, rdata).is_ok() { &fields[..until] } else { &[] };
    NameFields { rdata, at: 0, fields: fields.iter(), repeating: None }
}

/// RDATA in canonical form (RFC 4034 section 6.2): the names that the RFC lists in lower case, all else as it
/// is.
pub fn canonical(rtype: RecordType, rdata: &[u8]) -> Box<[u8]> {
    let mut out: Box<[u8]> = rdata.into();
    for name in name_fields(rtype, rdata).filter(|name| name.lowercase) {
        // Length octets are at most 63 and so below `A`.
        out[name.start..name.start + name.length].make_ascii_lowercase();
    }
    out
}

// === impl NameFields ===

impl NameFields<'_> {
    fn take(&mut self, rules: NameRules) -> Option<NameField> {
        let NameRules { compressible, lowercase, additional } = rules;
        let (start, length) = (self.at, wire_length(self.rdata.get(self.at..)?).ok()?);
        self.at += length;
        Some(NameField { start, length, compressible, lowercase, additional })
    }
}

impl Iterator for NameFields<'_> {
    type Item = NameField;

    fn next(&mut self) -> Option<NameField> {
        loop {
            if let Some(rules) = self.repeating {
                if self.at < self.rdata.len() {
                    return self.take(rules);
                }
                self.repeating = None;
            }
            match self.fields.next()?.kind {
                Kind::Name(rules) => return self.take(rules),
                Kind::Names(rules) => self.repeating = Some(rules),
                other => self.at = extent(other, self.rdata, self.at).ok()?,
            }
        }
    }
}

impl std::fmt::Debug for NameFields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

//! The names inside RDATA: where they stand, and the canonical form.

use super::table::{Field, Kind, Layout, NameRules, TABLE, layout};
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

/// The names inside RDATA that is known to be of its type: without the look through all of it that
/// [`name_fields`] begins with. Of octets that are no RDATA of the type some names or none are found, and each
/// lies within them.
#[inline]
pub fn known_name_fields(rtype: RecordType, rdata: &[u8]) -> NameFields<'_> {
    let fields = layout(rtype).map_or(&[][..], |layout| layout.fields);
    NameFields { rdata, at: 0, fields: fields.iter(), repeating: None }
}

/// Where the names stand that may be compressed in a message: types of RFC 1035 alone have them (RFC 3597 section
/// 4), one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompressibleNames {
    /// Where in the RDATA the first begins.
    pub start: usize,
    /// How many there are.
    pub count: usize,
}

/// The names in RDATA of a type that may be compressed; `None` where it has none.
#[inline]
pub fn compressible_names(rtype: RecordType) -> Option<CompressibleNames> {
    *COMPRESSIBLE.get(usize::from(rtype.0))?
}

/// Read off the table for the types of RFC 1035.
static COMPRESSIBLE: [Option<CompressibleNames>; 17] = {
    let mut found = [None; 17];
    let mut at = 0;
    while at < TABLE.len() {
        let Layout { rtype, fields } = &TABLE[at];
        if (rtype.0 as usize) < found.len() {
            found[rtype.0 as usize] = compressible_of(fields);
        }
        at += 1;
    }
    found
};

/// Numbers may stand before the names, and anything behind them.
const fn compressible_of(fields: &[Field]) -> Option<CompressibleNames> {
    let (mut start, mut count, mut at) = (0, 0, 0);
    while at < fields.len() {
        match fields[at].kind {
            Kind::Name(NameRules { compressible: true, .. }) => count += 1,
            Kind::U16 if count == 0 => start += 2,
            _ => break,
        }
        at += 1;
    }
    if count == 0 { None } else { Some(CompressibleNames { start, count }) }
}

/// Whether RDATA of the type may have names whose addresses belong in the additional section.
#[inline]
pub fn draws_additional(rtype: RecordType) -> bool {
    layout(rtype).is_some_and(|layout| {
        layout
            .fields
            .iter()
            .any(|field| matches!(field.kind, Kind::Name(rules) | Kind::Names(rules) if rules.additional))
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdata::described_types;

    /// What is read off the table in advance is what the table says, for every type of it.
    #[test]
    fn compressible_names_are_those_of_the_table() {
        for rtype in described_types() {
            let fields = layout(rtype).expect("an entry").fields;
            let kinds = fields.iter().map(|field| field.kind);
            let count = kinds.filter(|kind| matches!(kind, Kind::Name(rules) if rules.compressible)).count();
            let names = compressible_names(rtype);
            assert_eq!(names.map_or(0, |names| names.count), count, "{rtype}");
            let start = if rtype == RecordType::MX { 2 } else { 0 };
            assert_eq!(names.map_or(start, |names| names.start), start, "{rtype}");
        }
    }
}

//! Values of events: a JSON array of records.

use super::Value;
use super::json::{Field, JsonRecord, JsonRecords, Others};
use super::key::without_second_dot;
use crate::event::EventKey;
use crate::journal::{byte_offset, plain_message, push_string};
use crate::name::Name;
use crate::rdata::{self, RdataError};
use crate::rrset::{MAX_TTL, Merged, RrSet, clamp_ttl};
use crate::rtype::RecordType;
use std::borrow::Cow;
use std::collections::HashSet;

/// The most octets that the records of an RRset may have in a message, each as 12 octets (a compressed owner,
/// type, class, TTL, RDLENGTH) and its RDATA: 65,535 without header, the longest question and an OPT record.
pub const MAX_RRSET: usize = 65_535 - 12 - (255 + 4) - 11;

/// Why a value is no RRset of its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The value is not UTF-8.
    #[error("the value is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    /// The value is not JSON, or not an array of objects.
    #[error("the value at byte {at}: {problem}")]
    Json {
        /// Where in the value, counted from 0.
        at: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The JSON value `null`, which is not a null.
    #[error("the value is the JSON text `null`; to empty the key publish a message without value, or `[]`")]
    JsonNull,
    /// A field that a record must have is not there.
    #[error("record {record}: the field `{field}` is missing")]
    Missing {
        /// Which record, counted from 1.
        record: usize,
        /// Which field.
        field: &'static str,
    },
    /// A field that a record must have only once is there again.
    #[error("record {record}: the field `{field}` stands there twice")]
    Twice {
        /// Which record, counted from 1.
        record: usize,
        /// Which field.
        field: &'static str,
    },
    /// A field has a value of the wrong kind.
    #[error("record {record}: the field `{field}` is {found}, not {expected}")]
    Field {
        /// Which record, counted from 1.
        record: usize,
        /// Which field.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// A record has another owner than the key.
    #[error("record {record}: its name `{name}` is not the key's owner `{owner}`")]
    Owner {
        /// Which record, counted from 1.
        record: usize,
        /// The record's name.
        name: String,
        /// The key's owner.
        owner: Name,
    },
    /// A record has another type than the key.
    #[error("record {record}: its type `{text}` is not the key's type {rtype}")]
    Type {
        /// Which record, counted from 1.
        record: usize,
        /// The record's type.
        text: String,
        /// The key's type.
        rtype: RecordType,
    },
    /// A record has a class other than IN.
    #[error("record {record}: its class is {found}; only IN is served")]
    Class {
        /// Which record, counted from 1.
        record: usize,
        /// The class.
        found: String,
    },
    /// The content is no RDATA of the type.
    #[error("record {record}: content: {error}")]
    Content {
        /// Which record, counted from 1.
        record: usize,
        /// Why not.
        error: RdataError,
    },
    /// A type that allows one record has several.
    #[error("record {record} is a second {rtype} record; a name has at most one")]
    Single {
        /// Which record, counted from 1.
        record: usize,
        /// The type.
        rtype: RecordType,
    },
    /// No message can carry the RRset.
    #[error("with record {record} the RRset is larger than the {MAX_RRSET} octets that a message can carry")]
    TooLarge {
        /// Which record, counted from 1.
        record: usize,
    },
}

/// What a value says.
pub(super) fn read(key: &EventKey, value: &[u8]) -> Result<Value, ValueError> {
    let text = std::str::from_utf8(value).map_err(|error| ValueError::NotUtf8(error.valid_up_to()))?;
    let records = parse(text)?;
    let mut gathered = Gathered::new(key.rtype);
    for (index, record) in records.into_iter().enumerate() {
        let (rdata, ttl) = record.rdata(index + 1, key)?;
        gathered.push(index + 1, rdata, ttl, record.others)?;
    }
    Ok(gathered.finish())
}

/// The records of a value that is JSON, not yet compared with a key.
pub(super) fn parse(text: &str) -> Result<Vec<JsonRecord<'_>>, ValueError> {
    if text.trim_matches([' ', '\t', '\r', '\n']) == "null" {
        return Err(ValueError::JsonNull);
    }
    let records: JsonRecords<'_> = serde_json::from_str(text).map_err(|error| ValueError::Json {
        at: byte_offset(text, &error),
        problem: plain_message(&error),
    })?;
    Ok(records.0)
}

// === the RRset as it grows ===

/// The records of one RRset as they come, each distinct one once.
pub(super) struct Gathered<'a> {
    rtype: RecordType,
    ttl: Option<u32>,
    rdatas: Vec<Box<[u8]>>,
    /// For each record what else stands in it, from the first in which something does; empty where none has any.
    others: Vec<Others<'a>>,
    canonical: HashSet<Box<[u8]>>,
    size: usize,
    merged: Merged,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(rtype: RecordType) -> Self {
        let (rdatas, others) = (Vec::new(), Vec::new());
        Self {
            rtype,
            ttl: None,
            rdatas,
            others,
            canonical: HashSet::new(),
            size: 0,
            merged: Merged::default(),
        }
    }

    /// Adds a record. The lowest TTL given counts; one that differs from another in nothing but the case of
    /// names is that other again (RFC 2181 section 5, RFC 4034 section 6.3), and what else stood in it goes.
    pub(super) fn push(
        &mut self,
        record: usize,
        rdata: Box<[u8]>,
        ttl: Option<u32>,
        others: Others<'a>,
    ) -> Result<(), ValueError> {
        // As long as all were equal, the lowest is what each of them was.
        self.merged.ttls |= !self.rdatas.is_empty() && self.ttl != ttl;
        self.ttl = match (self.ttl, ttl) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        match self.rdatas.first() {
            None => {}
            Some(first) => {
                // The set is filled only when there are two: most RRsets have one record.
                if self.canonical.is_empty() {
                    self.canonical.insert(rdata::canonical(self.rtype, first));
                }
                if !self.canonical.insert(rdata::canonical(self.rtype, &rdata)) {
                    self.merged.duplicates = true;
                    return Ok(());
                }
                if matches!(self.rtype, RecordType::CNAME | RecordType::DNAME | RecordType::SOA) {
                    return Err(ValueError::Single { record, rtype: self.rtype });
                }
            }
        }
        self.size += 12 + rdata.len();
        if self.size > MAX_RRSET {
            return Err(ValueError::TooLarge { record });
        }
        // Hardly any record has some.
        if !others.is_empty() || !self.others.is_empty() {
            self.others.resize_with(self.rdatas.len(), Others::new);
            self.others.push(others);
        }
        self.rdatas.push(rdata);
        Ok(())
    }

    pub(super) fn finish(self) -> Value {
        let extra = (!self.others.is_empty()).then(|| write_others(&self.others));
        Value { rrset: RrSet::of_distinct(self.ttl, self.rdatas), extra, merged: self.merged }
    }
}

/// A JSON array with one object for each record.
fn write_others(records: &[Others<'_>]) -> Box<str> {
    let mut out = Vec::with_capacity(64 * records.len());
    for (index, others) in records.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"[{" } else { b",{" });
        for (index, (name, value)) in others.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push_string(&mut out, name);
            out.push(b':');
            out.extend_from_slice(value.get().as_bytes());
        }
        out.push(b'}');
    }
    out.push(b']');
    // All of it was UTF-8 before: only texts were put together.
    String::from_utf8_lossy(&out).into_owned().into_boxed_str()
}

// === a record as its key wants it ===

impl JsonRecord<'_> {
    /// The record's RDATA and TTL, if it is a record of this key.
    pub(super) fn rdata(
        &self,
        record: usize,
        key: &EventKey,
    ) -> Result<(Box<[u8]>, Option<u32>), ValueError> {
        if let Some(field) = self.twice {
            return Err(ValueError::Twice { record, field });
        }
        let name = self.name.text(record, "name")?;
        if !is_same_name(name, &key.owner) {
            let owner = key.owner.clone();
            return Err(ValueError::Owner { record, name: name.to_owned(), owner });
        }
        let rtype = self.rtype.text(record, "type")?;
        if key.rtype.mnemonic().is_none_or(|own| !own.eq_ignore_ascii_case(rtype))
            && rtype.parse() != Ok(key.rtype)
        {
            return Err(ValueError::Type { record, text: rtype.to_owned(), rtype: key.rtype });
        }
        self.check_class(record)?;
        let content = self.content.text(record, "content")?;
        let ttl = self.ttl.ttl(record)?;
        let content = self.with_priority(record, key.rtype, content)?;
        match rdata::parse_text(key.rtype, &content) {
            Ok(rdata) => Ok((rdata, ttl)),
            Err(error) => Err(ValueError::Content { record, error }),
        }
    }

    fn check_class(&self, record: usize) -> Result<(), ValueError> {
        match &self.class {
            Field::Missing | Field::Null => Ok(()),
            Field::Text(text) if text.eq_ignore_ascii_case("IN") => Ok(()),
            other => Err(ValueError::Class { record, found: other.to_string() }),
        }
    }

    /// MX and SRV content that is one token short is completed by `priority`. Older producers wrote a
    /// `priority` of 0 into every record, so it means nothing where no token is missing.
    fn with_priority<'c>(
        &self,
        record: usize,
        rtype: RecordType,
        content: &'c str,
    ) -> Result<Cow<'c, str>, ValueError> {
        let needed = match rtype {
            RecordType::MX => 2,
            RecordType::SRV => 4,
            _ => return Ok(Cow::Borrowed(content)),
        };
        if rdata::count_tokens(content) != Some(needed - 1) {
            return Ok(Cow::Borrowed(content));
        }
        let (field, expected) = ("priority", "a whole number from 0 to 65535, for the content has none");
        match self.priority {
            Field::Missing | Field::Null => Err(ValueError::Missing { record, field }),
            Field::Unsigned(priority) if priority <= 65_535 => {
                Ok(Cow::Owned(format!("{priority} {content}")))
            }
            ref other => Err(ValueError::Field { record, field, found: other.to_string(), expected }),
        }
    }
}

/// Whether the text, with no, one or two dots at its end, is this name in any case.
fn is_same_name(text: &str, name: &Name) -> bool {
    // As most names stand there: no escapes, so the labels can be compared where they are.
    let mut rest = text.as_bytes();
    for label in name.labels() {
        match rest.get(..label.len()) {
            Some(same)
                if same.eq_ignore_ascii_case(label) && !label.contains(&b'\\') && !label.contains(&b'.') => {}
            _ => return is_same_name_parsed(text, name),
        }
        rest = match &rest[label.len()..] {
            [b'.', rest @ ..] => rest,
            [] => &[],
            _ => return is_same_name_parsed(text, name),
        };
    }
    (rest.is_empty() || rest == b".") && !text.is_empty() || is_same_name_parsed(text, name)
}

fn is_same_name_parsed(text: &str, name: &Name) -> bool {
    Name::parse(without_second_dot(text)).is_ok_and(|parsed| parsed == *name)
}

// === impl Field ===

impl Field<'_> {
    pub(super) fn text(&self, record: usize, field: &'static str) -> Result<&str, ValueError> {
        match self {
            Field::Text(text) => Ok(text),
            Field::Missing | Field::Null => Err(ValueError::Missing { record, field }),
            other => Err(ValueError::Field { record, field, found: other.to_string(), expected: "a text" }),
        }
    }

    fn ttl(&self, record: usize) -> Result<Option<u32>, ValueError> {
        match self {
            Field::Missing | Field::Null => Ok(None),
            Field::Unsigned(seconds) => Ok(Some(u32::try_from(*seconds).map_or(0, clamp_ttl))),
            // JSON numbers beyond 64 bits come as floats, and are above the largest TTL all the same.
            Field::Float(seconds) if *seconds > f64::from(MAX_TTL) && seconds.fract() == 0.0 => Ok(Some(0)),
            other => Err(ValueError::Field {
                record,
                field: "ttl",
                found: other.to_string(),
                expected: "a whole number of seconds from 0 to 2147483647",
            }),
        }
    }
}

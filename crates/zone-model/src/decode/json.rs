//! The JSON of a value: records as they stand there, their fields not yet judged.
//!
//! One pass, and what has no escapes is borrowed from the text.

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Fields of a record that are handed on as they came.
pub(super) type Others<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// One record as it stands in the JSON, its fields not yet judged.
#[derive(Default)]
pub(super) struct JsonRecord<'a> {
    pub(super) name: Field<'a>,
    pub(super) rtype: Field<'a>,
    pub(super) content: Field<'a>,
    pub(super) ttl: Field<'a>,
    pub(super) priority: Field<'a>,
    pub(super) class: Field<'a>,
    /// A known field that stands there twice.
    pub(super) twice: Option<&'static str>,
    /// Fields that we do not know, and `metadatas`, as they came.
    pub(super) others: Others<'a>,
}

/// What stands in a field.
#[derive(Default)]
pub(super) enum Field<'a> {
    #[default]
    Missing,
    Null,
    Bool,
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Array,
    Object,
}

// === impl Field ===

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Missing | Field::Null => f.write_str("null"),
            Field::Bool => f.write_str("true or false"),
            Field::Unsigned(number) => write!(f, "{number}"),
            Field::Negative(number) => write!(f, "{number}"),
            Field::Float(number) => write!(f, "{number}, which is no whole number"),
            Field::Text(text) => write!(f, "the text {:?}", shortened(text)),
            Field::Array => f.write_str("an array"),
            Field::Object => f.write_str("an object"),
        }
    }
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(60).map_or(text, |(at, _)| &text[..at])
}

impl<'de> serde::Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Field<'de>, E> {
        Ok(Field::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Field<'de>, E> {
        Ok(Field::Bool)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field<'de>, E> {
        Ok(Field::Unsigned(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Field<'de>, E> {
        Ok(Field::Negative(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Field<'de>, E> {
        Ok(Field::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Object)
    }
}

// === reading the JSON ===

/// The records of a value.
pub(super) struct JsonRecords<'a>(pub(super) Vec<JsonRecord<'a>>);

impl<'de> serde::Deserialize<'de> for JsonRecords<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RecordsVisitor)
    }
}

struct RecordsVisitor;

impl<'de> Visitor<'de> for RecordsVisitor {
    type Value = JsonRecords<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<JsonRecords<'de>, A::Error> {
        let mut records = Vec::with_capacity(1);
        while let Some(record) = seq.next_element_seed(RecordSeed { number: records.len() + 1 })? {
            records.push(record);
        }
        Ok(JsonRecords(records))
    }

    /// The older server took an object alone for an array of it, so topics may hold such values.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JsonRecords<'de>, A::Error> {
        RecordSeed { number: 1 }.visit_map(map).map(|record| JsonRecords(vec![record]))
    }
}

struct RecordSeed {
    number: usize,
}

impl<'de> DeserializeSeed<'de> for RecordSeed {
    type Value = JsonRecord<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<JsonRecord<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed {
    type Value = JsonRecord<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object as record {}", self.number)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonRecord<'de>, A::Error> {
        let mut record = JsonRecord::default();
        while let Some(name) = map.next_key_seed(crate::journal::Text)? {
            let Some((known, slot)) = record.slot(&name) else {
                record.others.push((name, map.next_value()?));
                continue;
            };
            let again = !matches!(slot, Field::Missing);
            if known == "class" {
                // Judged like a known field, kept like an unknown one: we never write it ourselves.
                let raw: &'de RawValue = map.next_value()?;
                *slot = serde_json::from_str(raw.get()).map_err(A::Error::custom)?;
                record.others.push((name, raw));
            } else {
                *slot = map.next_value()?;
            }
            if again {
                record.twice = Some(known);
            }
        }
        Ok(record)
    }
}

impl<'a> JsonRecord<'a> {
    /// Where a field of this name goes, without regard to case; `None` for one that we do not know.
    fn slot(&mut self, name: &str) -> Option<(&'static str, &mut Field<'a>)> {
        let is = |own: &str| name.eq_ignore_ascii_case(own);
        match name.len() {
            3 if is("ttl") => Some(("ttl", &mut self.ttl)),
            4 if is("name") => Some(("name", &mut self.name)),
            4 if is("type") => Some(("type", &mut self.rtype)),
            5 if is("class") => Some(("class", &mut self.class)),
            7 if is("content") => Some(("content", &mut self.content)),
            8 if is("priority") => Some(("priority", &mut self.priority)),
            _ => None,
        }
    }
}

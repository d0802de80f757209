//! From a wanted RRset to the bytes of an event.

use crate::journal::push_string;
use crate::name::Name;
use crate::position::Timestamp;
use crate::rdata;
use crate::rrset::RrSet;
use crate::rtype::RecordType;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::Write;

/// The fields of a record that [`value`] writes itself, so that none of `extra` takes their place.
const KNOWN: [&str; 5] = ["name", "type", "content", "ttl", "priority"];

/// The key of an RRset: `<owner>|<TYPE>`, or `<owner>|<TYPE>|<apex>` with an apex. Names are in lower case
/// with the final dot, and a `|` in one is escaped as `\124`, so that nobody misreads it.
pub fn key(owner: &Name, rtype: RecordType, apex: Option<&Name>) -> Vec<u8> {
    let mut key = String::with_capacity(64);
    push_name(&mut key, owner);
    key.push('|');
    // Writing into a string cannot fail; so also below.
    let _ = write!(key, "{rtype}");
    if let Some(apex) = apex {
        key.push('|');
        push_name(&mut key, apex);
    }
    key.into_bytes()
}

/// The value that sets an RRset: a JSON array of records, on one line.
///
/// Each record gets `metadatas` of `created_at` and `producer`, and the fields that stand in the object of the
/// same index in `extra` ([`SetRrSet::extra`](crate::SetRrSet)); where these hold `metadatas` already, they
/// stay as they are. An `extra` that is no JSON array of objects counts as none.
pub fn value(
    owner: &Name,
    rtype: RecordType,
    rrset: &RrSet,
    created_at: Timestamp,
    producer: &str,
    extra: Option<&str>,
) -> Vec<u8> {
    let extra = extra.and_then(|text| serde_json::from_str::<Vec<Others<'_>>>(text).ok()).unwrap_or_default();
    let (owner, rtype_text) = (owner.to_lowercase().to_string(), rtype.to_string());
    let mut out = Vec::with_capacity(128 * rrset.len() + 2);
    out.push(b'[');
    for (index, rdata) in rrset.rdatas().iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_field(&mut out, b"{\"name\":", &owner);
        push_field(&mut out, b",\"type\":", &rtype_text);
        push_field(&mut out, b",\"content\":", &rdata::print_text(rtype, rdata));
        if let Some(ttl) = rrset.ttl {
            out.extend_from_slice(format!(",\"ttl\":{ttl}").as_bytes());
        }
        let others = extra.get(index).map_or(&[][..], |others| &others.0);
        for (name, value) in others {
            if !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                out.push(b',');
                push_string(&mut out, name);
                out.push(b':');
                out.extend_from_slice(value.get().as_bytes());
            }
        }
        if !others.iter().any(|(name, _)| name.eq_ignore_ascii_case("metadatas")) {
            out.extend_from_slice(format!(",\"metadatas\":{{\"createdAt\":{}", created_at.0).as_bytes());
            push_field(&mut out, b",\"producer\":", producer);
            out.push(b'}');
        }
        out.push(b'}');
    }
    out.push(b']');
    out
}

fn push_field(out: &mut Vec<u8>, name: &[u8], text: &str) {
    out.extend_from_slice(name);
    push_string(out, text);
}

fn push_name(out: &mut String, name: &Name) {
    let text = name.to_lowercase().to_string();
    out.push_str(&text.replace('|', "\\124"));
}

/// The fields of one object in their order.
struct Others<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Others<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> serde::de::Visitor<'de> for Fields {
            type Value = Others<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Others<'de>, A::Error> {
                let mut others = Vec::new();
                while let Some(name) = map.next_key_seed(crate::journal::Text)? {
                    others.push((name, map.next_value()?));
                }
                Ok(Others(others))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

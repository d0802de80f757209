//! RRsets as they are printed, whoever was asked: the JSON of a node's admin interface, and zone-file lines
//! made of it.

use data_encoding::BASE64;
use messages::RecordSet;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use zone_model::{Headers, SourceId, rdata};

/// An RRset as a node's `/v1/records` shows it.
pub(crate) fn record_json(set: &RecordSet) -> Value {
    let contents = set.rrset.rdatas().iter().map(|octets| rdata::print_text(set.rtype, octets));
    json!({
        "zone": set.apex.as_ref().map(ToString::to_string),
        "name": set.owner.to_string(),
        "type": set.rtype.to_string(),
        "ttl": set.rrset.ttl,
        "contents": contents.collect::<Vec<_>>(),
        "source": set.source.as_ref().map(SourceId::as_str),
        "partition": set.partition.0,
        "position": set.position.map(|position| position.to_string()),
        "timestamp": set.timestamp.0,
        "key": text_or_base64(&set.key),
        "headers": headers(&set.headers),
        "metadatas": set.extra.as_deref().and_then(|extra| serde_json::from_str::<Value>(extra).ok()),
    })
}

/// The lines of an RRset in a zone file; none for `[]`. What no zone holds says so in a comment.
pub(crate) fn write_records(out: &mut dyn Write, set: &Value, default_ttl: u32) -> io::Result<()> {
    let text = |name: &str| set.get(name).and_then(Value::as_str).unwrap_or("?");
    let ttl = set.get("ttl").and_then(Value::as_u64).unwrap_or(u64::from(default_ttl));
    let comment = if set.get("zone").is_some_and(Value::is_null) { " ; in no zone: not served" } else { "" };
    for content in set.get("contents").and_then(Value::as_array).into_iter().flatten() {
        let content = content.as_str().unwrap_or("?");
        writeln!(out, "{} {ttl} IN {} {content}{comment}", text("name"), text("type"))?;
    }
    Ok(())
}

/// How many records an RRset has.
pub(crate) fn record_count(set: &Value) -> usize {
    set.get("contents").and_then(Value::as_array).map_or(0, Vec::len)
}

/// A header that stands several times is a list.
pub(crate) fn headers(headers: &Headers) -> Value {
    let mut map = Map::new();
    for (name, value) in headers {
        let value = text_or_base64(value);
        match map.get_mut(name) {
            None => {
                map.insert(name.clone(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(map)
}

pub(crate) fn text_or_base64(octets: &[u8]) -> Value {
    match std::str::from_utf8(octets) {
        Ok(text) => text.into(),
        Err(_) => json!({"base64": BASE64.encode(octets)}),
    }
}

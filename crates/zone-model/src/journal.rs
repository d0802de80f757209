//! A journal's lines: one event as one JSON object.
//!
//! ```text
//! {"key":"www.example.com.|A","value":[…],"timestamp":1732300000000,"headers":{"producer":"me"}}
//! ```
//!
//! `key` and `value` must stand there; `"value":null` is a null, a missing `value` is an error. `timestamp`
//! (milliseconds) and `headers` (texts) may be missing. A field of another name is an error, so that a
//! misspelt one is not silently lost. The value is taken as it stands, byte for byte: what is wrong inside it
//! is for [`decode`](crate::decode::decode) to say.
//!
//! The first line that a compacted journal begins with has no `key` and is not an event; who reads files
//! looks at it before [`parse`] does.

use crate::event::Headers;
use crate::position::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// One line of a journal, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalLine {
    /// The key, byte for byte.
    pub key: Vec<u8>,
    /// The value as it stands in the line; `None` for a null.
    pub value: Option<Vec<u8>>,
    /// When, where the line says so.
    pub timestamp: Option<Timestamp>,
    /// The headers, in their order.
    pub headers: Headers,
}

/// Why a line is no event, or an event can be no line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalLineError {
    /// The line is not UTF-8.
    #[error("the line is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    /// The line is not one JSON object with the fields of an event.
    #[error("byte {at}: {problem}; a line is {{\"key\":\"<owner>|<TYPE>\",\"value\":[…]}}")]
    Malformed {
        /// Where in the line, counted from 0.
        at: usize,
        /// What stands there.
        problem: String,
    },
    /// A field is missing without which there is no event.
    #[error("the field `{0}` is missing; a line is {{\"key\":\"<owner>|<TYPE>\",\"value\":[…]}}")]
    Missing(&'static str),
    /// The event's key is not UTF-8, which JSON cannot hold.
    #[error("the key is not UTF-8, so it cannot stand in a journal")]
    KeyNotUtf8,
    /// The event's value is not JSON.
    #[error("the value is not JSON, so it cannot stand in a journal: {0}")]
    ValueNotJson(String),
    /// A header's value is not UTF-8.
    #[error("the header `{0}` is not UTF-8, so it cannot stand in a journal")]
    HeaderNotUtf8(String),
}

/// Reads one line, with or without its line end.
///
/// # Errors
/// [`JournalLineError`] for a line that is no event.
pub fn parse(line: &[u8]) -> Result<JournalLine, JournalLineError> {
    let text = std::str::from_utf8(line).map_err(|error| JournalLineError::NotUtf8(error.valid_up_to()))?;
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| malformed(text, &error))?;
    let key = fields.key.ok_or(JournalLineError::Missing("key"))?;
    let value = fields.value.ok_or(JournalLineError::Missing("value"))?;
    Ok(JournalLine {
        key: key.into_owned().into_bytes(),
        value: (value.get() != "null").then(|| value.get().as_bytes().to_vec()),
        timestamp: fields.timestamp.map(Timestamp),
        headers: fields.headers,
    })
}

/// Writes one line, its `\n` included. A line end inside the value, which in JSON is white space, becomes a
/// space; everything else stands there byte for byte.
///
/// # Errors
/// [`JournalLineError`] for a key, a value or a header that JSON cannot hold as it is.
pub fn compose(line: &JournalLine) -> Result<Vec<u8>, JournalLineError> {
    let key = std::str::from_utf8(&line.key).map_err(|_| JournalLineError::KeyNotUtf8)?;
    let mut out = Vec::with_capacity(line.key.len() + line.value.as_ref().map_or(4, Vec::len) + 64);
    out.extend_from_slice(b"{\"key\":");
    push_string(&mut out, key);
    out.extend_from_slice(b",\"value\":");
    match &line.value {
        Some(value) => push_value(&mut out, value)?,
        None => out.extend_from_slice(b"null"),
    }
    if let Some(Timestamp(milliseconds)) = line.timestamp {
        out.extend_from_slice(format!(",\"timestamp\":{milliseconds}").as_bytes());
    }
    for (index, (name, value)) in line.headers.iter().enumerate() {
        let text = std::str::from_utf8(value).map_err(|_| JournalLineError::HeaderNotUtf8(name.clone()))?;
        out.extend_from_slice(if index == 0 { b",\"headers\":{" } else { b"," });
        push_string(&mut out, name);
        out.push(b':');
        push_string(&mut out, text);
    }
    if !line.headers.is_empty() {
        out.push(b'}');
    }
    out.extend_from_slice(b"}\n");
    Ok(out)
}

/// Appends `text` as a JSON string.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    // A string into a vector: neither of the two can fail.
    let _ = serde_json::to_writer(out, text);
}

fn push_value(out: &mut Vec<u8>, value: &[u8]) -> Result<(), JournalLineError> {
    let raw: &RawValue =
        serde_json::from_slice(value).map_err(|error| JournalLineError::ValueNotJson(error.to_string()))?;
    if raw.get() == "null" {
        // A line could not tell it from a null, which empties the slot.
        return Err(JournalLineError::ValueNotJson("the text `null` would read as a null".to_owned()));
    }
    // A string holds no bare line end (RFC 8259 section 7), so these are white space between tokens.
    out.extend(raw.get().bytes().map(|octet| if matches!(octet, b'\n' | b'\r') { b' ' } else { octet }));
    Ok(())
}

fn malformed(text: &str, error: &serde_json::Error) -> JournalLineError {
    JournalLineError::Malformed { at: byte_offset(text, error), problem: plain_message(error) }
}

/// The byte, counted from 0, that a JSON error complains about.
pub(crate) fn byte_offset(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    (before + error.column().saturating_sub(1)).min(text.len())
}

/// What a JSON error says, without the line and column that it ends with.
pub(crate) fn plain_message(error: &serde_json::Error) -> String {
    let mut message = error.to_string();
    if let Some(end) = message.rfind(" at line ") {
        message.truncate(end);
    }
    message
}

// === the fields of a line ===

#[derive(Default)]
struct Fields<'a> {
    key: Option<Cow<'a, str>>,
    value: Option<&'a RawValue>,
    timestamp: Option<i64>,
    headers: Headers,
}

impl<'de> serde::Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        let (mut timestamp, mut headers) = (None, None);
        while let Some(name) = map.next_key_seed(Text)? {
            let again = match &*name {
                "key" => fields.key.replace(map.next_value_seed(Text)?).is_some(),
                "value" => fields.value.replace(map.next_value()?).is_some(),
                "timestamp" => timestamp.replace(map.next_value::<Option<i64>>()?).is_some(),
                "headers" => headers.replace(map.next_value::<Option<HeaderMap>>()?).is_some(),
                other => return Err(A::Error::custom(format_args!("the field `{other}` is not known"))),
            };
            if again {
                return Err(A::Error::custom(format_args!("the field `{name}` stands there twice")));
            }
        }
        fields.timestamp = timestamp.flatten();
        fields.headers = headers.flatten().unwrap_or_default().0;
        Ok(fields)
    }
}

/// The headers in their order; a map would lose it.
#[derive(Default)]
struct HeaderMap(Headers);

impl<'de> serde::Deserialize<'de> for HeaderMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeadersVisitor;

        impl<'de> Visitor<'de> for HeadersVisitor {
            type Value = HeaderMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts as `headers`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderMap, A::Error> {
                let mut headers = Headers::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    headers.push((name, value.into_bytes()));
                }
                Ok(HeaderMap(headers))
            }
        }

        deserializer.deserialize_map(HeadersVisitor)
    }
}

/// A text, borrowed where it has no escapes.
pub(crate) struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(key: &str, value: Option<&str>) -> JournalLine {
        JournalLine { key: key.into(), value: value.map(Into::into), ..JournalLine::default() }
    }

    #[test]
    fn the_least_line_is_a_key_and_a_value() {
        assert_eq!(parse(br#"{"key":"a.|A","value":[ 1 ]}"#), Ok(line("a.|A", Some("[ 1 ]"))));
        assert_eq!(parse(b"{\"value\":null , \"key\":\"a.|A\"}\r\n"), Ok(line("a.|A", None)));
    }

    #[test]
    fn the_value_is_taken_byte_for_byte() {
        let raw = r#"[{"content":"\u0041 \"x\"", "ttl":1e3 ,"ttl":2}]"#;
        let read = parse(format!(r#"{{"key":"a","value":  {raw} }}"#).as_bytes()).unwrap();
        assert_eq!(read.value.as_deref(), Some(raw.as_bytes()));
    }

    #[test]
    fn headers_keep_their_order_and_their_repetitions() {
        let text = br#"{"key":"a","value":[],"timestamp":-5,"headers":{"z":"1","a":"2","z":"3"}}"#;
        let read = parse(text).unwrap();
        assert_eq!(read.timestamp, Some(Timestamp(-5)));
        let headers: Vec<_> =
            read.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        assert_eq!(headers, [("z", &b"1"[..]), ("a", b"2"), ("z", b"3")]);
        assert_eq!(compose(&read).unwrap(), [&text[..], b"\n"].concat());
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let cases: [(&[u8], &str); 10] = [
            (br#"{"value":[]}"#, "`key` is missing"),
            (br#"{"key":"a"}"#, "`value` is missing"),
            (br#"{"key":"a","value":[],"timestmap":1}"#, "`timestmap` is not known"),
            (br#"{"key":"a","value":[],"value":[]}"#, "`value` stands there twice"),
            (br#"{"key":1,"value":[]}"#, "expected a text"),
            (br#"{"key":"a","value":[],"timestamp":1.5}"#, "expected i64"),
            (br#"{"key":"a","value":[],"headers":{"a":1}}"#, "expected a string"),
            (br#"{"key":"a","value":[}"#, "byte 20"),
            (br#"{"key":"a","value":[]} {"#, "trailing characters"),
            (b"{\"key\":\"\xff\"}", "not UTF-8 from byte 8"),
        ];
        for (text, want) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(want), "{} gave {error}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        let not_utf8 = JournalLine { key: vec![0xff], ..JournalLine::default() };
        assert_eq!(compose(&not_utf8), Err(JournalLineError::KeyNotUtf8));
        assert!(matches!(compose(&line("a", Some("nonsense"))), Err(JournalLineError::ValueNotJson(_))));
        assert!(matches!(compose(&line("a", Some("null"))), Err(JournalLineError::ValueNotJson(_))));
        let header = JournalLine { headers: vec![("h".into(), vec![0xff])], ..line("a", None) };
        assert_eq!(compose(&header), Err(JournalLineError::HeaderNotUtf8("h".into())));
    }

    #[test]
    fn a_line_is_one_line() {
        let composed = compose(&line("a\n|A", Some("[\r\n1\n]"))).unwrap();
        assert_eq!(composed, b"{\"key\":\"a\\n|A\",\"value\":[  1 ]}\n");
    }
}

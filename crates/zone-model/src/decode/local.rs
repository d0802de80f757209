//! Local records: what a node's own configuration adds to the log (`DNS_LOCAL_RECORDS`).

use super::key::{decode_key, without_second_dot};
use super::value::{self, Gathered, ValueError};
use crate::event::EventKey;
use crate::name::{Name, NameError};
use crate::rdata::{self, RdataError};
use crate::rrset::{RrSet, clamp_ttl};
use crate::rtype::RecordType;

/// Why a text is no list of local records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocalRecordsError {
    /// A line is no record.
    #[error(
        "local records, line {line}: {problem}; write `www.example.com. 300 IN A 192.0.2.1`, one record a line"
    )]
    Line {
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The text is a JSON value that is no array of records.
    #[error("local records: {0}")]
    Value(#[from] ValueError),
    /// The owner or the type of a JSON record names no RRset.
    #[error("local records: record {record}: {problem}")]
    Record {
        /// Which record, counted from 1.
        record: usize,
        /// What is wrong.
        problem: String,
    },
}

/// Reads local records: one a line as in a master file, `<name> [<ttl>] [IN] <type> <rdata>`, names absolute,
/// which is how the older server had them; or a JSON array of records as in an event, of any owners and types.
///
/// A line may also be ended by the two characters `\n` standing alone, which is what a shell or a service
/// manager leaves of a line end in an environment variable. Empty lines and lines that begin with `;` count
/// for nothing. Records of one owner and type are one RRset, which takes the lowest TTL given.
///
/// # Errors
/// [`LocalRecordsError`] for the first record that is none.
pub fn local_records(text: &str) -> Result<Vec<(EventKey, RrSet)>, LocalRecordsError> {
    if text.trim_start().starts_with(['[', '{']) { from_json(text) } else { from_lines(text) }
}

fn from_json(text: &str) -> Result<Vec<(EventKey, RrSet)>, LocalRecordsError> {
    let mut groups = Groups::default();
    for (index, record) in value::parse(text)?.into_iter().enumerate() {
        let number = index + 1;
        let (name, rtype) = (record.name.text(number, "name")?, record.rtype.text(number, "type")?);
        // A bare `|` of the name would make a key of more parts.
        let key = decode_key(format!("{}|{rtype}", name.replace('|', "\\124")).as_bytes())
            .map_err(|error| LocalRecordsError::Record { record: number, problem: error.to_string() })?;
        let (rdata, ttl) = record.rdata(number, &key)?;
        groups.of(key).push(number, rdata, ttl, Vec::new())?;
    }
    Ok(groups.finish())
}

fn from_lines(text: &str) -> Result<Vec<(EventKey, RrSet)>, LocalRecordsError> {
    let mut groups = Groups::default();
    for (index, line) in text.lines().flat_map(split_at_escaped_ends).enumerate() {
        let number = index + 1;
        if line.trim().is_empty() || line.trim_start().starts_with(';') {
            continue;
        }
        let wrong = |problem: String| LocalRecordsError::Line { line: number, problem };
        let (key, ttl, rdata) = read_line(line).map_err(|problem| wrong(problem.to_string()))?;
        groups.of(key).push(number, rdata, ttl, Vec::new())?;
    }
    Ok(groups.finish())
}

/// Splits where `\n` stands as a word of its own, outside quotes.
fn split_at_escaped_ends(line: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted) = (Vec::new(), 0, false);
    let octets = line.as_bytes();
    let is_space = |at: usize| octets.get(at).is_none_or(|octet| matches!(octet, b' ' | b'\t'));
    let mut at = 0;
    while at < octets.len() {
        match octets[at] {
            b'"' => quoted = !quoted,
            b'\\'
                if octets.get(at + 1) == Some(&b'n')
                    && !quoted
                    && is_space(at + 2)
                    && (at == start || is_space(at - 1)) =>
            {
                parts.push(&line[start..at]);
                start = at + 2;
                at += 1;
            }
            b'\\' => at += 1,
            _ => {}
        }
        at += 1;
    }
    parts.push(&line[start..]);
    parts
}

/// Key, TTL and RDATA of a line.
type LineRecord = (EventKey, Option<u32>, Box<[u8]>);

/// Why a line is no record; its text goes into [`LocalRecordsError::Line`].
#[derive(Debug, thiserror::Error)]
enum BadLine {
    #[error("`{text}` is no name: {error}")]
    Name { text: String, error: NameError },
    #[error("the class {0} is not served, only IN is")]
    Class(String),
    #[error("`{0}` is no record type, no TTL and not the class IN")]
    Type(String),
    #[error("no zone has records of the type {0}")]
    NoData(RecordType),
    #[error("the type is missing")]
    NoType,
    #[error(transparent)]
    Rdata(#[from] RdataError),
}

fn read_line(line: &str) -> Result<LineRecord, BadLine> {
    let (name, mut rest) = word(line);
    let owner = Name::parse(without_second_dot(name))
        .map_err(|error| BadLine::Name { text: name.to_owned(), error })?
        .to_lowercase();
    let (mut ttl, mut class) = (None, false);
    loop {
        let (next, after) = word(rest);
        if next.is_empty() {
            return Err(BadLine::NoType);
        }
        rest = after;
        if !class && next.eq_ignore_ascii_case("IN") {
            class = true;
        } else if !class && ["CH", "HS", "CS"].iter().any(|other| other.eq_ignore_ascii_case(next)) {
            return Err(BadLine::Class(next.to_owned()));
        } else if let (None, Some(seconds)) = (ttl, rdata::parse_ttl(next)) {
            ttl = Some(clamp_ttl(seconds));
        } else {
            let rtype: RecordType = next.parse().map_err(|_| BadLine::Type(next.to_owned()))?;
            if !rtype.is_data() {
                return Err(BadLine::NoData(rtype));
            }
            return Ok((EventKey { owner, rtype, apex: None }, ttl, rdata::parse_text(rtype, rest)?));
        }
    }
}

/// The first word of a text and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_at(text.find([' ', '\t']).unwrap_or(text.len()))
}

// === impl Groups ===

/// RRsets in the order of their first records.
#[derive(Default)]
struct Groups(Vec<(EventKey, Gathered<'static>)>);

impl Groups {
    fn of(&mut self, key: EventKey) -> &mut Gathered<'static> {
        let at = self.0.iter().position(|(own, _)| *own == key).unwrap_or_else(|| {
            let gathered = Gathered::new(key.rtype);
            self.0.push((key, gathered));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    fn finish(self) -> Vec<(EventKey, RrSet)> {
        self.0.into_iter().map(|(key, gathered)| (key, gathered.finish().rrset)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, Option<u32>, Vec<String>)> {
        let all = local_records(text).unwrap_or_else(|error| panic!("{error}"));
        all.into_iter()
            .map(|(key, set)| {
                let rdatas = set.rdatas().iter().map(|rdata| rdata::print_text(key.rtype, rdata)).collect();
                (key.owner.to_string(), key.rtype.to_string(), set.ttl, rdatas)
            })
            .collect()
    }

    #[test]
    fn the_older_server_had_master_file_lines() {
        let want = [
            ("foo.internal.".to_owned(), "A".to_owned(), Some(3600), vec!["1.2.3.4".to_owned()]),
            ("tar.internal.".to_owned(), "A".to_owned(), Some(3600), vec!["1.2.3.5".to_owned()]),
        ];
        // The example in the older server's source, with a line end and with what a shell leaves of it.
        assert_eq!(read("foo.internal. 3600 IN A 1.2.3.4 \n tar.internal. 3600 IN A 1.2.3.5"), want);
        assert_eq!(read(r"foo.internal. 3600 IN A 1.2.3.4 \n tar.internal. 3600 IN A 1.2.3.5"), want);
    }

    #[test]
    fn lines_of_one_owner_and_type_are_one_rrset() {
        let text = "; two addresses\n\nA.example. IN 1h A 192.0.2.1\na.example A 192.0.2.2\na.example. 60 TXT \"x \\n y\"";
        let want = [
            (
                "a.example.".to_owned(),
                "A".to_owned(),
                Some(3600),
                vec!["192.0.2.1".to_owned(), "192.0.2.2".to_owned()],
            ),
            ("a.example.".to_owned(), "TXT".to_owned(), Some(60), vec!["\"x n y\"".to_owned()]),
        ];
        assert_eq!(read(text), want);
    }

    #[test]
    fn json_records_of_any_owner_and_type() {
        let text = r#"[{"name":"a.example.","type":"A","content":"192.0.2.1","ttl":60},
                       {"name":"b|.example.","type":"MX","content":"mail.a.example.","priority":5},
                       {"name":"A.example","type":"a","content":"192.0.2.2"}]"#;
        let want = [
            (
                "a.example.".to_owned(),
                "A".to_owned(),
                Some(60),
                vec!["192.0.2.1".to_owned(), "192.0.2.2".to_owned()],
            ),
            ("b|.example.".to_owned(), "MX".to_owned(), None, vec!["5 mail.a.example.".to_owned()]),
        ];
        assert_eq!(read(text), want);
    }

    #[test]
    fn what_is_no_record_says_where() {
        let cases = [
            ("a.example. 60 CH A 192.0.2.1", "line 1: the class CH"),
            ("a.example. 60 IN A 192.0.2.1\nb.example. 60 IN", "line 2: the type is missing"),
            ("a.example. 60 IN NONSENSE 1", "`NONSENSE` is no record type"),
            ("a.example. ANY 1", "no zone has records of the type ANY"),
            ("a.example. A 192.0.2", "address"),
            ("a..example. A 192.0.2.1", "`a..example.` is no name"),
            ("a. CNAME b.\na. CNAME c.", "second CNAME"),
            (r#"[{"name":"a."}]"#, "record 1: the field `type` is missing"),
            (r#"[{"name":"a.","type":"X"}]"#, "record 1: the key `a.|X`"),
            ("[1]", "byte 1"),
        ];
        for (text, want) in cases {
            let error = local_records(text).unwrap_err().to_string();
            assert!(error.contains(want), "{text} gave {error}");
        }
    }
}

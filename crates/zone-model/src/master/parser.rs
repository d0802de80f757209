//! A master file, line by line: directives and records.

use super::error::{MasterError, Problem, shortened};
use super::{MOST_DEPTH, Settings};
use crate::name::Name;
use crate::rdata::parse_ttl;
use crate::rdata::token::{BadToken, Token, Tokens, unescape};
use crate::rrset::clamp_ttl;
use crate::rtype::RecordType;
use std::borrow::Cow;
use std::sync::Arc;

/// Brings the file that an `$INCLUDE` names: `(path, from)`, the path as it was written and the file that it
/// stands in, named as the reader was told. What it may bring is the caller's to decide; the error says why not.
pub type Include<'a> = dyn FnMut(&str, &str) -> Result<(Arc<str>, Vec<u8>), String> + 'a;

/// One record of a master file.
#[derive(Clone, Copy, Debug)]
pub struct Record<'r> {
    /// The owner, in lower case.
    pub owner: &'r Name,
    /// The type.
    pub rtype: RecordType,
    /// Seconds; `None` where the file gives none.
    pub ttl: Option<u32>,
    /// RDATA in uncompressed wire form.
    pub rdata: &'r [u8],
    /// The file that it stands in.
    pub file: &'r Arc<str>,
    /// The line at which it begins, counted from 1.
    pub line: usize,
}

/// No `$INCLUDE` at all.
///
/// # Errors
/// Always.
pub fn no_includes(_path: &str, _from: &str) -> Result<(Arc<str>, Vec<u8>), String> {
    Err("files are not included here".to_owned())
}

/// Reads a master file and hands each record to `sink`, in the order of the file. Without
/// [`Settings::keep_going`] it ends with the first error; records before it have been handed over.
///
/// # Errors
/// What is wrong with the file.
pub fn read(
    name: &str,
    octets: &[u8],
    settings: &Settings,
    include: &mut Include<'_>,
    sink: &mut dyn FnMut(Record<'_>),
) -> Result<(), Vec<MasterError>> {
    let mut parser = Parser {
        settings,
        include,
        sink,
        errors: Vec::new(),
        default_ttl: None,
        last_ttl: settings.default_ttl,
        generated: 0,
        included: 0,
        wire: Vec::with_capacity(256),
        rdata: Vec::with_capacity(256),
        owner_text: String::new(),
    };
    let file = Arc::from(name);
    // Whether it ended early or not, the errors say it all.
    let _ = parser.read_file(&file, octets, settings.origin.to_lowercase(), None, 0);
    if parser.errors.is_empty() { Ok(()) } else { Err(parser.errors) }
}

/// Nothing more is to be read.
struct Stop;

/// An error and the byte that it is about.
pub(super) type Wrong = (usize, Problem);

/// Why a line was not read to its end.
enum Ended {
    Wrong(Wrong),
    Stop,
}

impl From<Wrong> for Ended {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

pub(super) struct Parser<'p> {
    pub(super) settings: &'p Settings,
    include: &'p mut Include<'p>,
    pub(super) sink: &'p mut dyn FnMut(Record<'_>),
    errors: Vec<MasterError>,
    /// Of `$TTL`.
    pub(super) default_ttl: Option<u32>,
    /// Of the record before.
    pub(super) last_ttl: Option<u32>,
    pub(super) generated: u64,
    included: usize,
    pub(super) wire: Vec<u8>,
    pub(super) rdata: Vec<u8>,
    /// What the owner before was written as, below the present origin; empty where the origin was another.
    pub(super) owner_text: String,
}

/// A file as it is read.
pub(super) struct Open<'a> {
    pub(super) file: &'a Arc<str>,
    pub(super) tokens: Tokens<'a>,
    pub(super) origin: Name,
    /// Of the record before, in lower case.
    pub(super) owner: Option<Name>,
    /// Where the record begins that is read: its byte, and the line ends before it.
    pub(super) begun: (usize, usize),
    depth: usize,
}

// === impl Parser ===

impl Parser<'_> {
    fn read_file(
        &mut self,
        file: &Arc<str>,
        octets: &[u8],
        origin: Name,
        owner: Option<Name>,
        depth: usize,
    ) -> Result<(), Stop> {
        let text = text_of(octets);
        let mut open = Open { file, tokens: Tokens::of_file(&text), origin, owner, begun: (0, 0), depth };
        loop {
            open.tokens.begin_record();
            let start = open.tokens.position();
            let Some(first) = text.as_bytes().get(start) else { return Ok(()) };
            open.begun = (start, open.tokens.lines());
            let inherits = matches!(first, b' ' | b'\t');
            match self.read_entry(&mut open, inherits) {
                Ok(()) => {}
                Err(Ended::Wrong(wrong)) => self.put_down(&mut open, wrong)?,
                Err(Ended::Stop) => return Err(Stop),
            }
        }
    }

    fn read_entry(&mut self, open: &mut Open<'_>, inherits: bool) -> Result<(), Ended> {
        let Some(token) = open.tokens.next().map_err(syntax)? else { return Ok(()) };
        if inherits {
            return Ok(self.read_record(open, token, true)?);
        }
        if !token.text.starts_with('$') || token.quoted {
            return Ok(self.read_record(open, token, false)?);
        }
        let is = |name: &str| token.text.eq_ignore_ascii_case(name);
        if is("$ORIGIN") {
            let name = self.name(open, "the new origin")?;
            open.origin = name.to_lowercase();
            self.owner_text.clear();
        } else if is("$TTL") {
            let token = expect(open, "a TTL")?;
            let ttl = parse_ttl(token.text).filter(|_| !token.quoted);
            let ttl = ttl.ok_or_else(|| wrong(token, "a TTL: seconds, or a time such as 1h30m"))?;
            self.default_ttl = Some(clamp_ttl(ttl));
        } else if is("$INCLUDE") {
            return self.include(open);
        } else if is("$GENERATE") {
            return Ok(self.generate(open)?);
        } else {
            return Err(wrong(token, "a directive; there are $ORIGIN, $TTL, $INCLUDE and $GENERATE").into());
        }
        Ok(end(open)?)
    }

    fn include(&mut self, open: &mut Open<'_>) -> Result<(), Ended> {
        let token = expect(open, "a file")?;
        let path = unescape(token.text).and_then(|octets| String::from_utf8(octets).ok());
        let path = path.filter(|path| !path.is_empty()).ok_or_else(|| wrong(token, "a file's name"))?;
        let origin = match open.tokens.next().map_err(syntax)? {
            Some(token) => self.name_of(open, token)?.to_lowercase(),
            None => open.origin.clone(),
        };
        end(open)?;
        self.included += 1;
        if open.depth >= MOST_DEPTH {
            let (what, most) = ("files include each other too deeply", MOST_DEPTH as u64);
            return Err((token.at, Problem::TooMany { what, most }).into());
        }
        if self.included > self.settings.most_includes {
            let (what, most) = ("too many files are included", self.settings.most_includes as u64);
            return Err((token.at, Problem::TooMany { what, most }).into());
        }
        match (self.include)(&path, open.file) {
            Ok((name, octets)) => {
                let owner = open.owner.clone();
                self.owner_text.clear();
                let read = self.read_file(&name, &octets, origin, owner, open.depth + 1);
                self.owner_text.clear();
                read.map_err(|Stop| Ended::Stop)
            }
            Err(reason) => Err((token.at, Problem::Include { path, reason }).into()),
        }
    }

    /// Takes the error down and goes to the next record, if there is to be a next one.
    fn put_down(&mut self, open: &mut Open<'_>, (at, problem): Wrong) -> Result<(), Stop> {
        let syntax =
            matches!(problem, Problem::Syntax(_) | Problem::Rdata(crate::rdata::RdataError::Syntax { .. }));
        let text = open.tokens.text();
        let before = text.get(open.begun.0..at).unwrap_or_default();
        let line = 1 + open.begun.1 + before.bytes().filter(|&octet| octet == b'\n').count();
        let column = open.tokens.column(at);
        self.errors.push(MasterError { file: Arc::clone(open.file), line, column, problem });
        if !self.settings.keep_going || self.errors.len() >= self.settings.most_errors {
            return Err(Stop);
        }
        let mut at = at;
        if !syntax {
            // To the record's end, if that can be told.
            loop {
                match open.tokens.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => return Ok(()),
                    Err(bad) => {
                        at = bad.at;
                        break;
                    }
                }
            }
        }
        open.tokens.skip_line(open.begun, at);
        Ok(())
    }

    /// The name that must come next.
    fn name(&mut self, open: &mut Open<'_>, expected: &'static str) -> Result<Name, Wrong> {
        let token = expect(open, expected)?;
        self.name_of(open, token)
    }

    fn name_of(&mut self, open: &Open<'_>, token: Token<'_>) -> Result<Name, Wrong> {
        if token.quoted {
            return Err(wrong(token, "a name, which stands without quotes"));
        }
        Name::parse_relative(token.text, Some(&open.origin))
            .map_err(|error| (token.at, Problem::Name { token: shortened(token.text), error }))
    }
}

// === helpers ===

/// The token that must come next.
pub(super) fn expect<'a>(open: &mut Open<'a>, expected: &'static str) -> Result<Token<'a>, Wrong> {
    match open.tokens.next() {
        Ok(Some(token)) => Ok(token),
        Ok(None) => Err((open.tokens.position(), Problem::Missing { expected })),
        Err(bad) => Err(syntax(bad)),
    }
}

/// That nothing follows.
fn end(open: &mut Open<'_>) -> Result<(), Wrong> {
    match open.tokens.next() {
        Ok(None) => Ok(()),
        Ok(Some(token)) => Err(wrong(token, "the end of the line")),
        Err(bad) => Err(syntax(bad)),
    }
}

pub(super) fn wrong(token: Token<'_>, expected: impl Into<Cow<'static, str>>) -> Wrong {
    (token.at, Problem::Token { token: shortened(token.text), expected: expected.into() })
}

pub(super) fn syntax(bad: BadToken) -> Wrong {
    (bad.at, Problem::Syntax(bad.problem))
}

/// The octets as text; what is no UTF-8 as `\DDD`, which is the same octet again.
fn text_of(octets: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(octets) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(octets.len() + 64);
    for chunk in octets.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|octet| text.push_str(&format!("\\{octet:03}")));
    }
    Cow::Owned(text)
}

//! Domain names: wire form, presentation form, and the order of RFC 4034.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// The longest name, in octets of wire form with the root's zero octet (RFC 1035 section 2.3.4).
pub const MAX_NAME: usize = 255;

/// The longest label, in octets (RFC 1035 section 2.3.4).
pub const MAX_LABEL: usize = 63;

/// An absolute domain name in uncompressed wire form.
///
/// The case it was written in is kept; comparison, order and hashing do not look at it (RFC 4343).
/// `Ord` is the canonical order of RFC 4034 section 6.1: by labels from the root downwards, so that a
/// name stands directly before all names below it.
#[derive(Clone)]
pub struct Name {
    wire: Box<[u8]>,
}

/// Why text or octets are not a domain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty.
    #[error("the name is empty (the root is written `.`)")]
    Empty,
    /// Two dots with nothing between them.
    #[error("the name has an empty label (two dots in a row, or one at its start)")]
    EmptyLabel,
    /// More than 63 octets between two dots.
    #[error("a label of the name is longer than 63 octets")]
    LabelTooLong,
    /// More than 255 octets in wire form.
    #[error("the name is longer than 255 octets in wire form")]
    TooLong,
    /// A `\` that is followed neither by a character nor by three digits up to 255.
    #[error("the name has a `\\` that is followed neither by a character nor by three digits up to 255")]
    BadEscape,
    /// Characters outside ASCII: names are octets, and IDNA is never applied silently.
    #[error(
        "the name has a character outside ASCII; write its A-label (xn--…) or escape its octets as \\DDD"
    )]
    NotAscii,
    /// The octets end inside a label.
    #[error("the octets of the name end inside a label")]
    Truncated,
    /// A length octet above 63: a compression pointer or a reserved label type.
    #[error("the name has a compression pointer or a reserved label type where none may stand")]
    BadLabelType,
}

// === impl Name ===

impl Name {
    /// The root, `.`.
    pub fn root() -> Self {
        Self { wire: Box::new([0]) }
    }

    /// Reads an absolute name in presentation form (RFC 1035 section 5.1, RFC 4343 section 2.1). The
    /// final dot may be missing: every name that this project reads is absolute.
    ///
    /// # Errors
    /// [`NameError`] for text that is no name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::parse_relative(text, None)
    }

    /// Reads a name in presentation form; one without a final dot is below `origin`, and `@` is `origin`
    /// itself. Without an origin every name is absolute.
    ///
    /// # Errors
    /// [`NameError`] for text that is no name, or a name that is too long below `origin`.
    pub fn parse_relative(text: &str, origin: Option<&Self>) -> Result<Self, NameError> {
        let mut wire = Vec::with_capacity(text.len() + 2 + origin.map_or(0, |origin| origin.wire.len()));
        Self::append_text(&mut wire, text, origin)?;
        Ok(Self { wire: wire.into_boxed_slice() })
    }

    /// Appends to `wire` the wire form of what [`parse_relative`](Self::parse_relative) reads; nothing where
    /// that is an error.
    pub(crate) fn append_text(
        wire: &mut Vec<u8>,
        text: &str,
        origin: Option<&Self>,
    ) -> Result<(), NameError> {
        let begun = wire.len();
        let appended = append_labels(wire, text, origin);
        if appended.is_err() {
            wire.truncate(begun);
        }
        appended
    }

    /// Takes a name from the start of `octets`, in uncompressed wire form, and says how many it used.
    ///
    /// # Errors
    /// [`NameError`] where the octets are no uncompressed name.
    pub fn read_wire(octets: &[u8]) -> Result<(Self, usize), NameError> {
        let length = wire_length(octets)?;
        Ok((Self { wire: octets[..length].into() }, length))
    }

    /// A name of exactly these octets of uncompressed wire form.
    ///
    /// # Errors
    /// [`NameError`] where the octets are no uncompressed name, or more than one.
    pub fn from_wire(octets: &[u8]) -> Result<Self, NameError> {
        let (name, length) = Self::read_wire(octets)?;
        if length == octets.len() { Ok(name) } else { Err(NameError::TooLong) }
    }

    /// A name of octets that were one before.
    pub(crate) fn from_checked_wire(octets: &[u8]) -> Self {
        debug_assert!(wire_length(octets) == Ok(octets.len()));
        Self { wire: octets.into() }
    }

    /// The uncompressed wire form, with the root's zero octet, as written.
    pub fn as_wire(&self) -> &[u8] {
        &self.wire
    }

    /// The labels from the owner's first to the last below the root; none for the root.
    pub fn labels(&self) -> Labels<'_> {
        Labels { rest: &self.wire }
    }

    /// How many labels the name has, the root's empty one not counted: 0 to 127.
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.wire.len() == 1
    }

    /// Whether the first label is `*` (RFC 4592 section 2.1.1).
    pub fn is_wildcard(&self) -> bool {
        self.wire.starts_with(b"\x01*")
    }

    /// The name without its first label; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let first = usize::from(self.wire[0]);
        (first != 0).then(|| Self { wire: self.wire[first + 1..].into() })
    }

    /// The ancestor of `count` labels; the name itself where it has no more than these.
    pub fn ancestor(&self, count: usize) -> Self {
        let skip = self.label_count().saturating_sub(count);
        let mut rest = &self.wire[..];
        for _ in 0..skip {
            rest = &rest[usize::from(rest[0]) + 1..];
        }
        Self { wire: rest.into() }
    }

    /// The name with `label` put before it.
    ///
    /// # Errors
    /// [`NameError`] where the label is empty or too long, or the name would be.
    pub fn child(&self, label: &[u8]) -> Result<Self, NameError> {
        match label.len() {
            0 => return Err(NameError::EmptyLabel),
            1..=MAX_LABEL => {}
            _ => return Err(NameError::LabelTooLong),
        }
        if self.wire.len() + label.len() + 1 > MAX_NAME {
            return Err(NameError::TooLong);
        }
        let mut wire = Vec::with_capacity(self.wire.len() + label.len() + 1);
        wire.push(label.len() as u8);
        wire.extend_from_slice(label);
        wire.extend_from_slice(&self.wire);
        Ok(Self { wire: wire.into_boxed_slice() })
    }

    /// Whether the name is `other` or below it.
    pub fn is_at_or_below(&self, other: &Self) -> bool {
        let (own, other_wire) = (self.wire.len(), other.wire.len());
        if own < other_wire {
            return false;
        }
        let mut rest = &self.wire[..];
        while rest.len() > other_wire {
            rest = &rest[usize::from(rest[0]) + 1..];
        }
        rest.eq_ignore_ascii_case(&other.wire)
    }

    /// Whether the name is below `other` and not `other` itself.
    pub fn is_below(&self, other: &Self) -> bool {
        self.wire.len() > other.wire.len() && self.is_at_or_below(other)
    }

    /// The name in lower case, which is how owners are stored, digested and exported.
    pub fn to_lowercase(&self) -> Self {
        // Length octets are at most 63 and so below `A`: lowering every octet leaves them alone.
        Self { wire: self.wire.to_ascii_lowercase().into_boxed_slice() }
    }

    /// Whether no label has an upper-case ASCII letter.
    pub fn is_lowercase(&self) -> bool {
        !self.wire.iter().any(u8::is_ascii_uppercase)
    }

    /// The name as a sort key: labels from the root downwards in lower case, each octet below 2 escaped
    /// (`0` as `1 1`, `1` as `1 2`), each label ended by a zero octet. Keys compare as bytes like names do
    /// in canonical order (RFC 4034 section 6.1), and the key of a name is a prefix of the keys of exactly
    /// the names at or below it.
    pub fn sort_key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.wire.len() + 4);
        self.append_sort_key(&mut key);
        key
    }

    /// Appends [`sort_key`](Self::sort_key) to `key`.
    pub fn append_sort_key(&self, key: &mut Vec<u8>) {
        let mut starts = [0u8; 128];
        let count = label_starts(&self.wire, &mut starts);
        for &start in starts[..count].iter().rev() {
            let start = usize::from(start);
            let length = usize::from(self.wire[start]);
            for octet in &self.wire[start + 1..start + 1 + length] {
                match octet.to_ascii_lowercase() {
                    0 => key.extend_from_slice(&[1, 1]),
                    1 => key.extend_from_slice(&[1, 2]),
                    plain => key.push(plain),
                }
            }
            key.push(0);
        }
    }

    /// The name that [`sort_key`](Self::sort_key) made this key of, in lower case.
    ///
    /// # Errors
    /// [`NameError`] for bytes that are no such key.
    pub fn from_sort_key(key: &[u8]) -> Result<Self, NameError> {
        let mut labels: Vec<Vec<u8>> = Vec::new();
        let mut label = Vec::new();
        let mut octets = key.iter();
        while let Some(&octet) = octets.next() {
            match octet {
                0 => labels.push(std::mem::take(&mut label)),
                1 => match octets.next() {
                    Some(1) => label.push(0),
                    Some(2) => label.push(1),
                    _ => return Err(NameError::BadEscape),
                },
                plain => label.push(plain),
            }
        }
        if !label.is_empty() {
            return Err(NameError::Truncated);
        }
        let mut name = Self::root();
        for label in &labels {
            name = name.child(label)?;
        }
        Ok(name)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.wire.eq_ignore_ascii_case(&other.wire)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for octet in &self.wire {
            state.write_u8(octet.to_ascii_lowercase());
        }
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut left, mut right) = ([0u8; 128], [0u8; 128]);
        let left_count = label_starts(&self.wire, &mut left);
        let right_count = label_starts(&other.wire, &mut right);
        for (&a, &b) in left[..left_count].iter().rev().zip(right[..right_count].iter().rev()) {
            let a = label_at(&self.wire, a).iter().map(u8::to_ascii_lowercase);
            let b = label_at(&other.wire, b).iter().map(u8::to_ascii_lowercase);
            match a.cmp(b) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        left_count.cmp(&right_count)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

/// Absolute presentation form, with the final dot; what is not a letter, a digit, `-`, `_`, `*` or another
/// harmless printable character is escaped.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        if self.is_root() {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &octet in label {
                match octet {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                        write!(f, "\\{}", octet as char)?
                    }
                    0x21..=0x7e => f.write_char(octet as char)?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_char('.')?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

// === impl Labels ===

/// The labels of a name, from [`Name::labels`].
#[derive(Clone, Debug)]
pub struct Labels<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.rest.split_first()?;
        if length == 0 {
            return None;
        }
        let (label, rest) = rest.split_at(usize::from(length));
        self.rest = rest;
        Some(label)
    }
}

// === wire and text helpers ===

/// The length of the uncompressed name that `octets` begin with, its zero octet counted.
///
/// # Errors
/// [`NameError`] where they begin with no such name.
pub fn wire_length(octets: &[u8]) -> Result<usize, NameError> {
    let mut at = 0;
    loop {
        let length = *octets.get(at).ok_or(NameError::Truncated)?;
        at += 1;
        match length {
            0 => return if at <= MAX_NAME { Ok(at) } else { Err(NameError::TooLong) },
            1..=63 => at += usize::from(length),
            _ => return Err(NameError::BadLabelType),
        }
        if at >= MAX_NAME {
            return Err(NameError::TooLong);
        }
    }
}

/// How many labels a name in wire form has, the root's not counted.
pub(crate) fn labels(name: &[u8]) -> usize {
    Labels { rest: name }.count()
}

fn append_labels(wire: &mut Vec<u8>, text: &str, origin: Option<&Name>) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text == "." {
        wire.push(0);
        return Ok(());
    }
    if let (Some(origin), "@") = (origin, text) {
        wire.extend_from_slice(&origin.wire);
        return Ok(());
    }
    let begun = wire.len();
    let mut start = begun;
    wire.push(0);
    let mut rest = text.as_bytes();
    let mut absolute = false;
    loop {
        // What stands for itself is copied as a whole.
        let plain =
            rest.iter().position(|octet| matches!(octet, b'.' | b'\\' | 0x80..)).unwrap_or(rest.len());
        wire.extend_from_slice(&rest[..plain]);
        absolute &= plain == 0;
        let Some((special, after)) = rest[plain..].split_first() else { break };
        match special {
            b'.' => {
                close_label(wire, start)?;
                start = wire.len();
                wire.push(0);
                (absolute, rest) = (true, after);
            }
            b'\\' => {
                let mut octets = after.iter();
                wire.push(unescape(&mut octets.by_ref().copied())?);
                (absolute, rest) = (false, octets.as_slice());
            }
            _ => return Err(NameError::NotAscii),
        }
    }
    if !absolute {
        close_label(wire, start)?;
        match origin {
            Some(origin) => wire.extend_from_slice(&origin.wire),
            None => wire.push(0),
        }
    }
    if wire.len() - begun > MAX_NAME { Err(NameError::TooLong) } else { Ok(()) }
}

fn label_starts(wire: &[u8], starts: &mut [u8; 128]) -> usize {
    let (mut at, mut count) = (0, 0);
    while wire[at] != 0 {
        starts[count] = at as u8;
        count += 1;
        at += usize::from(wire[at]) + 1;
    }
    count
}

fn label_at(wire: &[u8], start: u8) -> &[u8] {
    let start = usize::from(start);
    &wire[start + 1..start + 1 + usize::from(wire[start])]
}

fn close_label(wire: &mut [u8], start: usize) -> Result<(), NameError> {
    match wire.len() - start - 1 {
        0 => Err(NameError::EmptyLabel),
        length @ 1..=MAX_LABEL => {
            wire[start] = length as u8;
            Ok(())
        }
        _ => Err(NameError::LabelTooLong),
    }
}

/// What stands behind a `\`: three digits, or the character itself (RFC 1035 section 5.1).
fn unescape(octets: &mut impl Iterator<Item = u8>) -> Result<u8, NameError> {
    match octets.next() {
        Some(hundreds @ b'0'..=b'9') => {
            let (Some(tens @ b'0'..=b'9'), Some(ones @ b'0'..=b'9')) = (octets.next(), octets.next()) else {
                return Err(NameError::BadEscape);
            };
            let value =
                [hundreds, tens, ones].iter().fold(0u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
            u8::try_from(value).map_err(|_| NameError::BadEscape)
        }
        Some(octet @ 0..=0x7f) => Ok(octet),
        Some(_) => Err(NameError::NotAscii),
        None => Err(NameError::BadEscape),
    }
}

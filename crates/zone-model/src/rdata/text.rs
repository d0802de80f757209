//! RDATA out of text: presentation format (RFC 1035 section 5.1, RFC 3597 section 5).

use super::error::RdataError;
use super::table::{Field, Kind, layout};
use super::token::{BadToken, Token, Tokens, unescape};
use super::wire::check_wire;
use super::{MAX_RDATA, address, bitmap, gateway, ip, location, svcparams, time};
use crate::name::Name;
use crate::rtype::RecordType;
use data_encoding::{BASE32HEX_NOPAD, BASE64, HEXUPPER_PERMISSIVE};
use std::borrow::Cow;
use std::cell::Cell;

/// What a generic form begins with (RFC 3597 section 5).
const GENERIC: &str = "\\#";

/// Reads RDATA in presentation format. Names are absolute, their final dot may be missing; numbers are
/// decimal, the timers of an SOA may have BIND's units; texts may be in quotes, and each word outside quotes
/// is one text; parentheses and line ends are white space. A bare `;` is refused: it would silently cut the
/// text off. `\# <length> <hex>` (RFC 3597) is read for every type.
///
/// # Errors
/// [`RdataError`] with the field, the token and what was expected, also for tokens after the last field.
pub fn parse_text(rtype: RecordType, content: &str) -> Result<Box<[u8]>, RdataError> {
    parse(rtype, content, None)
}

/// Like [`parse_text`], but names without a final dot are below `origin`, and `@` is `origin`.
///
/// # Errors
/// As for [`parse_text`].
pub fn parse_text_below(rtype: RecordType, content: &str, origin: &Name) -> Result<Box<[u8]>, RdataError> {
    parse(rtype, content, Some(origin))
}

fn parse(rtype: RecordType, content: &str, origin: Option<&Name>) -> Result<Box<[u8]>, RdataError> {
    let mut reader = Reader {
        rtype,
        tokens: Tokens::new(content),
        origin,
        out: Vec::with_capacity(32),
        blamed: Cell::new(0),
    };
    read_all(&mut reader)?;
    Ok(reader.out.into_boxed_slice())
}

/// Reads the RDATA at which a file's tokens stand, up to the record's end, into `out`, of which nothing is
/// kept. With an error comes the byte that it is about.
pub(crate) fn parse_record(
    rtype: RecordType,
    tokens: &mut Tokens<'_>,
    origin: &Name,
    out: &mut Vec<u8>,
) -> Result<(), (usize, RdataError)> {
    out.clear();
    let here = tokens.position();
    let mut reader = Reader {
        rtype,
        tokens: tokens.clone(),
        origin: Some(origin),
        out: std::mem::take(out),
        blamed: Cell::new(here),
    };
    let read = read_all(&mut reader);
    tokens.go_on_behind(&reader.tokens);
    *out = reader.out;
    read.map_err(|error| {
        let at = match error {
            RdataError::Missing { .. } => tokens.position(),
            _ => reader.blamed.get(),
        };
        (at, error)
    })
}

fn read_all(reader: &mut Reader<'_>) -> Result<(), RdataError> {
    let rtype = reader.rtype;
    let after = match layout(rtype) {
        Some(layout) if !reader.is_generic() => {
            for field in layout.fields {
                reader.read(field)?;
            }
            layout.fields.last().map_or(RDATA.name, |field| field.name)
        }
        _ => {
            reader.read_generic()?;
            RDATA.name
        }
    };
    if let Some(token) = reader.optional()? {
        reader.blamed.set(token.at);
        let (token, column) = (shortened(token.text), reader.tokens.column(token.at));
        return Err(RdataError::Trailing { rtype, token, column, after });
    }
    if reader.out.len() > MAX_RDATA { Err(RdataError::TooLong { rtype }) } else { Ok(()) }
}

/// How many tokens a text has; `None` for one that does not fall into tokens, or is in generic form.
pub fn count_tokens(content: &str) -> Option<usize> {
    let mut tokens = Tokens::new(content);
    let mut count = 0;
    while let Some(token) = tokens.next().ok()? {
        if count == 0 && !token.quoted && token.text == GENERIC {
            return None;
        }
        count += 1;
    }
    Some(count)
}

/// A field that stands for the RDATA as a whole.
static RDATA: Field = Field { name: "RDATA", kind: Kind::Hex(0) };
static LENGTH: Field = Field { name: "RDATA length", kind: Kind::U16 };

// === impl Reader ===

/// Reads the fields of one RDATA, one after the other.
pub(super) struct Reader<'a> {
    rtype: RecordType,
    tokens: Tokens<'a>,
    pub(super) origin: Option<&'a Name>,
    /// The RDATA so far.
    pub(super) out: Vec<u8>,
    /// The byte that the last error is about.
    blamed: Cell<usize>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, field: &'static Field) -> Result<(), RdataError> {
        match field.kind {
            Kind::Name(_) => {
                let token = self.token(field, NAME_EXPECTED)?;
                self.push_name(field, token)
            }
            Kind::Names(_) => {
                while let Some(token) = self.optional()? {
                    self.push_name(field, token)?;
                }
                Ok(())
            }
            Kind::U8 => self
                .number(field, 255, "a whole number from 0 to 255")
                .map(|value| self.out.push(value as u8)),
            Kind::U16 => self.u16(field),
            Kind::U32 => {
                let value = self.number(field, u32::MAX, "a whole number from 0 to 4294967295")?;
                self.push(&value.to_be_bytes());
                Ok(())
            }
            Kind::Code8(codes) => self.code(field, codes, 255).map(|value| self.out.push(value as u8)),
            Kind::Code16(codes) => {
                let value = self.code(field, codes, 65_535)?;
                self.push(&(value as u16).to_be_bytes());
                Ok(())
            }
            Kind::Time => self.parsed(field, "seconds, or a time such as 1h30m", |text| {
                time::parse_ttl(text).map(u32::to_be_bytes)
            }),
            Kind::Date => self.parsed(field, "a date YYYYMMDDHHmmSS from 1970 to 2106", |text| {
                time::parse_date(text).map(u32::to_be_bytes)
            }),
            Kind::Type => self.parsed(field, "a record type", |text| {
                text.parse().ok().map(|RecordType(number)| number.to_be_bytes())
            }),
            Kind::Ipv4 => self.parsed(field, "an IPv4 address", ip::ipv4),
            Kind::Ipv6 => self.parsed(field, "an IPv6 address", ip::ipv6),
            Kind::Text => {
                let token = self.token(field, TEXT_EXPECTED)?;
                self.push_text(field, token)
            }
            Kind::OptionalText => match self.optional()? {
                Some(token) => self.push_text(field, token),
                None => Ok(()),
            },
            Kind::Texts => self.texts(field),
            Kind::TextToEnd(least) => {
                let token = self.token(field, "a text, in quotes where it has spaces")?;
                let octets = unescape(token.text).filter(|octets| octets.len() >= least);
                let octets = octets
                    .ok_or_else(|| self.wrong(field, token, "a text with escapes \\DDD up to \\255"))?;
                self.push(&octets);
                Ok(())
            }
            Kind::Tag => {
                let token = self.token(field, TAG_EXPECTED)?;
                match token.text.len() {
                    1..=255 if token.text.bytes().all(|octet| octet.is_ascii_alphanumeric()) => {}
                    _ => return Err(self.wrong(field, token, TAG_EXPECTED)),
                }
                self.push_text(field, token)
            }
            Kind::Hex(least) => {
                let octets =
                    self.all_tokens(field, least, "hexadecimal digits, an even number of them", hexadecimal)?;
                self.push(&octets);
                Ok(())
            }
            Kind::Base64(least) => {
                let octets =
                    self.all_tokens(field, least, "base64", |text| BASE64.decode(text.as_bytes()).ok())?;
                self.push(&octets);
                Ok(())
            }
            Kind::SizedHex => self.sized(field, 0, "hexadecimal digits, or - for none", |text| match text {
                "-" => Some(Vec::new()),
                digits => hexadecimal(digits).filter(|octets| !octets.is_empty()),
            }),
            Kind::SizedBase32 => self.sized(field, 1, "base32hex without padding", |text| {
                BASE32HEX_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()
            }),
            Kind::Bitmap => bitmap::parse(self, field),
            Kind::Gateway(back, mask) => gateway::parse(self, field, back, mask),
            Kind::Relay => gateway::parse_relay(self, field),
            Kind::HostIdentity => gateway::parse_host_identity(self, field),
            Kind::SvcParams => svcparams::parse(self, field),
            Kind::Location => location::parse(self, field),
            Kind::Prefixes => address::parse_prefixes(self, field),
            Kind::Eui(length) => address::parse_eui(self, field, length),
            Kind::Nsap => address::parse_nsap(self, field),
            Kind::Locator64 => address::parse_locator64(self, field),
        }
    }

    // --- tokens

    /// The next token; an error where there is none.
    pub(super) fn token(
        &mut self,
        field: &'static Field,
        expected: &'static str,
    ) -> Result<Token<'a>, RdataError> {
        let token = self.optional()?;
        let missing =
            RdataError::Missing { rtype: self.rtype, field: field.name, expected: Cow::Borrowed(expected) };
        token.ok_or(missing)
    }

    /// The next token, if there is one.
    pub(super) fn optional(&mut self) -> Result<Option<Token<'a>>, RdataError> {
        let token = self.tokens.next();
        token.map_err(|bad| self.syntax(bad))
    }

    /// The next token with the quotes inside it, if there is one.
    pub(super) fn parameter(&mut self) -> Result<Option<Token<'a>>, RdataError> {
        let token = self.tokens.next_parameter();
        token.map_err(|bad| self.syntax(bad))
    }

    /// Looks at the next token without taking it.
    pub(super) fn peek(&self) -> Option<Token<'a>> {
        self.tokens.clone().next().ok().flatten()
    }

    /// That this token is not what the field needs.
    pub(super) fn wrong(
        &self,
        field: &'static Field,
        token: Token<'_>,
        expected: impl Into<Cow<'static, str>>,
    ) -> RdataError {
        self.blamed.set(token.at);
        RdataError::Token {
            rtype: self.rtype,
            field: field.name,
            token: shortened(token.text),
            column: self.tokens.column(token.at),
            expected: expected.into(),
        }
    }

    fn syntax(&self, bad: BadToken) -> RdataError {
        self.blamed.set(bad.at);
        RdataError::Syntax { rtype: self.rtype, column: self.tokens.column(bad.at), problem: bad.problem }
    }

    // --- values

    pub(super) fn push(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    /// Appends a name in wire form.
    pub(super) fn push_name(&mut self, field: &'static Field, token: Token<'_>) -> Result<(), RdataError> {
        if token.quoted {
            return Err(self.wrong(field, token, "a domain name, which stands without quotes"));
        }
        if token.text == "@" && self.origin.is_none() {
            return Err(self.wrong(field, token, "an absolute domain name; `@` has no origin here"));
        }
        Name::append_text(&mut self.out, token.text, self.origin)
            .map_err(|error| self.wrong(field, token, format!("a domain name: {error}")))
    }

    /// One token that a function reads.
    pub(super) fn parsed<const N: usize>(
        &mut self,
        field: &'static Field,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<[u8; N]>,
    ) -> Result<(), RdataError> {
        let token = self.token(field, expected)?;
        let octets = read(token.text).ok_or_else(|| self.wrong(field, token, expected))?;
        self.push(&octets);
        Ok(())
    }

    /// A decimal number.
    pub(super) fn number(
        &mut self,
        field: &'static Field,
        most: u32,
        expected: &'static str,
    ) -> Result<u32, RdataError> {
        let token = self.token(field, expected)?;
        decimal(token.text, most).ok_or_else(|| self.wrong(field, token, expected))
    }

    fn u16(&mut self, field: &'static Field) -> Result<(), RdataError> {
        let value = self.number(field, 65_535, "a whole number from 0 to 65535")?;
        self.push(&(value as u16).to_be_bytes());
        Ok(())
    }

    fn code<T: Copy + Into<u32>>(
        &mut self,
        field: &'static Field,
        codes: &[(&str, T)],
        most: u32,
    ) -> Result<u32, RdataError> {
        let expected = "a number or its mnemonic";
        let token = self.token(field, expected)?;
        let mnemonic = || codes.iter().find(|(name, _)| name.eq_ignore_ascii_case(token.text));
        decimal(token.text, most)
            .or_else(|| mnemonic().map(|(_, code)| (*code).into()))
            .ok_or_else(|| self.wrong(field, token, expected))
    }

    fn push_text(&mut self, field: &'static Field, token: Token<'_>) -> Result<(), RdataError> {
        match unescape(token.text) {
            Some(octets) if octets.len() <= 255 => {
                self.out.push(octets.len() as u8);
                self.push(&octets);
                Ok(())
            }
            _ => Err(self.wrong(field, token, TEXT_EXPECTED)),
        }
    }

    /// Texts to the end, at least one. One of more than 255 octets is split, as the older server did and as
    /// long keys and policies in TXT are read back (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2).
    fn texts(&mut self, field: &'static Field) -> Result<(), RdataError> {
        let mut token = self.token(field, TEXT_EXPECTED)?;
        loop {
            let octets = unescape(token.text)
                .ok_or_else(|| self.wrong(field, token, "a text with escapes \\DDD up to \\255"))?;
            let parts = octets.chunks(255).map(|part| (part.len() as u8, part));
            let none = octets.is_empty().then_some((0, &[][..]));
            for (length, part) in none.into_iter().chain(parts) {
                self.out.push(length);
                self.out.extend_from_slice(part);
            }
            token = match self.optional()? {
                Some(token) => token,
                None => return Ok(()),
            };
        }
    }

    /// All tokens to the end as one.
    fn all_tokens(
        &mut self,
        field: &'static Field,
        least: usize,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<Vec<u8>>,
    ) -> Result<Vec<u8>, RdataError> {
        let first = match self.optional()? {
            Some(token) => token,
            None if least == 0 => return Ok(Vec::new()),
            None => return self.token(field, expected).map(|_| Vec::new()),
        };
        let mut all = Cow::Borrowed(first.text);
        while let Some(token) = self.optional()? {
            all.to_mut().push_str(token.text);
        }
        match read(&all) {
            Some(octets) if octets.len() >= least => Ok(octets),
            Some(octets) => {
                let expected = format!("at least {least} octets in that form, but {}", octets.len());
                Err(self.wrong(field, first, expected))
            }
            None => Err(self.wrong(field, first, expected)),
        }
    }

    fn sized(
        &mut self,
        field: &'static Field,
        least: usize,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<Vec<u8>>,
    ) -> Result<(), RdataError> {
        let token = self.token(field, expected)?;
        let octets = read(token.text).filter(|octets| (least..=255).contains(&octets.len()));
        let octets = octets.ok_or_else(|| self.wrong(field, token, expected))?;
        self.out.push(octets.len() as u8);
        self.push(&octets);
        Ok(())
    }

    // --- the generic form of RFC 3597

    fn is_generic(&mut self) -> bool {
        self.tokens.begins_with_escape()
            && self.peek().is_some_and(|token| !token.quoted && token.text == GENERIC)
    }

    fn read_generic(&mut self) -> Result<(), RdataError> {
        let expected = "`\\# <length> <hex>`, for the type has no other text form";
        let token = self.token(&RDATA, expected)?;
        if token.quoted || token.text != GENERIC {
            return Err(self.wrong(&RDATA, token, expected));
        }
        let length = self.number(&LENGTH, 65_535, "a whole number from 0 to 65535")? as usize;
        let at = self.peek();
        let expected = "as many octets in hexadecimal as the length says";
        let octets = self.all_tokens(&RDATA, length.min(1), expected, hexadecimal)?;
        if octets.len() != length {
            let (field, expected) =
                (RDATA.name, format!("{length} octets in hexadecimal, as the length says"));
            return Err(match at {
                Some(token) => self.wrong(&RDATA, token, format!("{expected}, but {}", octets.len())),
                None => RdataError::Missing { rtype: self.rtype, field, expected: expected.into() },
            });
        }
        check_wire(self.rtype, &octets)?;
        self.push(&octets);
        Ok(())
    }
}

const NAME_EXPECTED: &str = "a domain name";
const TEXT_EXPECTED: &str = "a text of at most 255 octets";
const TAG_EXPECTED: &str = "a tag of letters and digits";

/// Digits alone, no sign.
pub(super) fn decimal(text: &str, most: u32) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|&value| digits && value <= most)
}

/// Octets in hexadecimal, in either case.
pub(super) fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    HEXUPPER_PERMISSIVE.decode(text.as_bytes()).ok()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

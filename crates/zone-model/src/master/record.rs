//! One record of a master file: owner, TTL, class, type, RDATA.

use super::error::{Problem, shortened};
use super::parser::{Open, Parser, Record, Wrong, expect, syntax, wrong};
use super::print::NO_TTL;
use crate::name::Name;
use crate::rdata::token::Token;
use crate::rdata::{parse_record, parse_ttl};
use crate::rrset::clamp_ttl;
use crate::rtype::RecordType;

/// What stands between owner and RDATA.
pub(super) struct Middle {
    pub(super) ttl: Option<u32>,
    pub(super) rtype: RecordType,
}

// === impl Parser ===

impl Parser<'_> {
    /// Reads the record that begins with this token: its owner, or, where it inherits one, what follows.
    pub(super) fn read_record<'a>(
        &mut self,
        open: &mut Open<'a>,
        first: Token<'a>,
        inherits: bool,
    ) -> Result<(), Wrong> {
        let next = if inherits {
            if open.owner.is_none() {
                return Err((first.at, Problem::NoOwner));
            }
            first
        } else {
            self.take_owner(open, first)?;
            expect(open, TYPE_EXPECTED)?
        };
        let Middle { ttl, rtype } = read_middle(open, next)?;
        parse_record(rtype, &mut open.tokens, &open.origin, &mut self.rdata)
            .map_err(|(at, error)| (at, Problem::Rdata(error)))?;
        let Some(owner) = &open.owner else { return Err((first.at, Problem::NoOwner)) };
        let ttl = match open.tokens.comment() {
            Some(comment) if comment.trim_end() == NO_TTL => None,
            _ => ttl_of(ttl, rtype, &self.rdata, self.default_ttl, &mut self.last_ttl),
        };
        let line = open.begun.1 + 1;
        (self.sink)(Record { owner, rtype, ttl, rdata: &self.rdata, file: open.file, line });
        Ok(())
    }

    /// Makes the token the owner of this record and of those behind it that have none.
    pub(super) fn take_owner(&mut self, open: &mut Open<'_>, token: Token<'_>) -> Result<(), Wrong> {
        if token.quoted {
            return Err(wrong(token, "a name, which stands without quotes"));
        }
        // Most names have several records, one behind the other.
        if self.owner_text == token.text {
            return Ok(());
        }
        self.wire.clear();
        Name::append_text(&mut self.wire, token.text, Some(&open.origin))
            .map_err(|error| (token.at, Problem::Name { token: shortened(token.text), error }))?;
        // Length octets are at most 63 and so below `A`.
        self.wire.make_ascii_lowercase();
        if open.owner.as_ref().is_none_or(|owner| owner.as_wire() != self.wire) {
            open.owner = Some(Name::from_checked_wire(&self.wire));
        }
        self.owner_text.clear();
        self.owner_text.push_str(token.text);
        Ok(())
    }
}

const TYPE_EXPECTED: &str = "a TTL, the class IN or a record type";

/// TTL and class, each at most once and in either order, and the type.
pub(super) fn read_middle<'a>(open: &mut Open<'a>, first: Token<'a>) -> Result<Middle, Wrong> {
    let (mut ttl, mut class, mut token) = (None, false, first);
    loop {
        if token.quoted {
            return Err(wrong(token, TYPE_EXPECTED));
        }
        let text = token.text;
        if let Some(rtype) = common_type(text) {
            return Ok(Middle { ttl, rtype });
        }
        if ttl.is_none() && text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
            let seconds = parse_ttl(text);
            let seconds = seconds.ok_or_else(|| {
                wrong(token, "a TTL (seconds, or a time such as 1h30m), the class IN or a record type")
            })?;
            ttl = Some(clamp_ttl(seconds));
        } else if !class && is_in(text) {
            class = true;
        } else if is_other_class(text) {
            return Err((token.at, Problem::Class(shortened(text))));
        } else {
            return match text.parse::<RecordType>() {
                Ok(rtype) if rtype.is_data() => Ok(Middle { ttl, rtype }),
                Ok(rtype) => Err((token.at, Problem::NoDataType(rtype))),
                Err(_) => Err(wrong(token, TYPE_EXPECTED)),
            };
        }
        token = match open.tokens.next() {
            Ok(Some(token)) => token,
            Ok(None) => {
                return Err((open.tokens.position(), Problem::Missing { expected: TYPE_EXPECTED }));
            }
            Err(bad) => return Err(syntax(bad)),
        };
    }
}

/// The TTL of a record: its own, else that of `$TTL`, else of the record before; a first SOA has its minimum.
pub(super) fn ttl_of(
    own: Option<u32>,
    rtype: RecordType,
    rdata: &[u8],
    default: Option<u32>,
    last: &mut Option<u32>,
) -> Option<u32> {
    let minimum = || match rdata.last_chunk::<4>() {
        Some(minimum) if rtype == RecordType::SOA => Some(clamp_ttl(u32::from_be_bytes(*minimum))),
        _ => None,
    };
    let ttl = own.or(default).or(*last).or_else(minimum);
    *last = ttl;
    ttl
}

/// The types that most records have, found without looking through the list.
fn common_type(text: &str) -> Option<RecordType> {
    match text {
        "A" => Some(RecordType::A),
        "AAAA" => Some(RecordType::AAAA),
        "NS" => Some(RecordType::NS),
        "CNAME" => Some(RecordType::CNAME),
        "MX" => Some(RecordType::MX),
        "TXT" => Some(RecordType::TXT),
        "PTR" => Some(RecordType::PTR),
        _ => None,
    }
}

fn is_in(text: &str) -> bool {
    text == "IN" || text.eq_ignore_ascii_case("IN") || text.eq_ignore_ascii_case("CLASS1")
}

/// Another class, by its mnemonic or as RFC 3597 section 5 writes it.
fn is_other_class(text: &str) -> bool {
    let numbered = text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("CLASS"))
        && text.len() > 5
        && text[5..].bytes().all(|octet| octet.is_ascii_digit());
    numbered && !is_in(text)
        || ["CH", "CHAOS", "HS", "HESIOD", "CS"].iter().any(|class| class.eq_ignore_ascii_case(text))
}

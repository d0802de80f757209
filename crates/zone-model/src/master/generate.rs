//! BIND's `$GENERATE start-stop[/step] owner [ttl] [class] type rdata`.

use super::error::{Problem, shortened};
use super::parser::{Open, Parser, Record, Wrong, expect, syntax, wrong};
use super::record::{read_middle, ttl_of};
use crate::rdata::parse_record;
use crate::rdata::token::{Token, Tokens};
use std::fmt::Write;

const RANGE: &str =
    "a range start-stop or start-stop/step, the start not above the stop, the step at least 1";

// === impl Parser ===

impl Parser<'_> {
    /// Makes the records of a `$GENERATE`, of which the directive itself was read.
    pub(super) fn generate(&mut self, open: &mut Open<'_>) -> Result<(), Wrong> {
        let token = expect(open, RANGE)?;
        let (start, stop, step) =
            range(token.text).filter(|_| !token.quoted).ok_or_else(|| wrong(token, RANGE))?;
        let count = u64::from((stop - start) / step) + 1;
        self.generated += count;
        if self.generated > self.settings.most_generated {
            let (what, most) = ("$GENERATE makes too many records", self.settings.most_generated);
            return Err((token.at, Problem::TooMany { what, most }));
        }
        let left = expect(open, "an owner")?;
        let next = expect(open, "a TTL, the class IN or a record type")?;
        let middle = read_middle(open, next)?;
        let right_at = open.tokens.position();
        let right = open.tokens.rest_of_record().map_err(syntax)?;
        // As in BIND a text in quotes stands for the whole RDATA.
        let right = match right.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) if !inner.contains('"') => inner,
            _ => right,
        };
        let line = open.begun.1 + 1;
        for value in (start..=stop).step_by(step as usize) {
            let at = |problem: Problem| (left.at, Problem::Generated { value, problem: Box::new(problem) });
            let expected = "a text whose ${offset,width,base} can be filled in";
            let filled = |text: &str, place: usize| {
                fill(text, value).ok_or_else(|| {
                    (place, Problem::Token { token: shortened(text), expected: expected.into() })
                })
            };
            let owner = filled(left.text, left.at)?;
            self.take_owner(open, Token { text: &owner, quoted: left.quoted, at: left.at })
                .map_err(|(_, problem)| at(problem))?;
            let content = filled(right, right_at)?;
            let mut tokens = Tokens::of_file(&content);
            parse_record(middle.rtype, &mut tokens, &open.origin, &mut self.rdata)
                .map_err(|(_, error)| at(Problem::Rdata(error)))?;
            let ttl = ttl_of(middle.ttl, middle.rtype, &self.rdata, self.default_ttl, &mut self.last_ttl);
            let Some(owner) = &open.owner else { return Err((left.at, Problem::NoOwner)) };
            (self.sink)(Record {
                owner,
                rtype: middle.rtype,
                ttl,
                rdata: &self.rdata,
                file: open.file,
                line,
            });
        }
        Ok(())
    }
}

fn range(text: &str) -> Option<(u32, u32, u32)> {
    let (text, step) = match text.split_once('/') {
        Some((text, step)) => (text, number(step)?),
        None => (text, 1),
    };
    let (start, stop) = text.split_once('-')?;
    let (start, stop) = (number(start)?, number(stop)?);
    (start <= stop && step > 0).then_some((start, stop, step))
}

/// A whole number up to 2^31 − 1, digits alone.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|&value| digits && value <= i32::MAX as u32)
}

/// Puts the value in for each `$` and `${offset[,width[,base]]}`; `\$` stays as it is, `$$` is a `$`.
fn fill(text: &str, value: u32) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(['$', '\\']) {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if rest.as_bytes()[at] == b'\\' {
            let escaped = after.chars().next().map_or(0, char::len_utf8);
            out.push_str(&rest[at..at + 1 + escaped]);
            rest = &after[escaped..];
        } else if let Some(after) = after.strip_prefix('$') {
            // Escaped, for a name may not begin a line with it.
            out.push_str("\\$");
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let (modifiers, after) = after.split_once('}')?;
            push_modified(&mut out, modifiers, value)?;
            rest = after;
        } else {
            let _ = write!(out, "{value}");
            rest = after;
        }
    }
    out.push_str(rest);
    Some(out)
}

fn push_modified(out: &mut String, modifiers: &str, value: u32) -> Option<()> {
    let mut parts = modifiers.split(',');
    let offset: i64 = match parts.next()? {
        text if text.strip_prefix('-').unwrap_or(text).bytes().all(|octet| octet.is_ascii_digit()) => {
            text.parse().ok()?
        }
        _ => return None,
    };
    let width = match parts.next() {
        Some(text) => number(text).filter(|&width| width <= 255)? as usize,
        None => 0,
    };
    let base = parts.next().unwrap_or("d");
    if parts.next().is_some() {
        return None;
    }
    let value = u32::try_from(i64::from(value) + offset).ok()?;
    // Writing into a string cannot fail.
    let _ = match base {
        "d" => write!(out, "{value:0width$}"),
        "o" => write!(out, "{value:0width$o}"),
        "x" => write!(out, "{value:0width$x}"),
        "X" => write!(out, "{value:0width$X}"),
        "n" | "N" => {
            push_nibbles(out, value, width, base == "N");
            Ok(())
        }
        _ => return None,
    };
    Some(())
}

/// Hexadecimal digits from the last to the first with dots between them, as reverse zones of IPv6 have them;
/// the width counts the dots too.
fn push_nibbles(out: &mut String, mut value: u32, width: usize, upper: bool) {
    let mut width = width;
    loop {
        let digit = char::from_digit(value & 15, 16).unwrap_or('0');
        out.push(if upper { digit.to_ascii_uppercase() } else { digit });
        value >>= 4;
        width = width.saturating_sub(1);
        if width == 0 && value == 0 {
            return;
        }
        out.push('.');
        width = width.saturating_sub(1);
        if width == 0 && value == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn the_value_is_filled_in() {
        let cases = [
            ("a$b", "a10b"),
            ("${0,4}", "0010"),
            ("${-3,2,d}x${5}", "07x15"),
            ("${0,0,x}-${0,3,X}-${0,0,o}", "a-00A-12"),
            ("${0,7,n}", "a.0.0.0"),
            ("${246,0,N}", "0.0.1"),
            (r"\$$\\$", r"\$10\\10"),
            ("$$", r"\$"),
        ];
        for (text, want) in cases {
            assert_eq!(fill(text, 10).as_deref(), Some(want), "{text}");
        }
        for bad in ["${", "${x}", "${1,2,q}", "${-11}", "${1,2,d,4}", "${0,1000}"] {
            assert_eq!(fill(bad, 10), None, "{bad}");
        }
    }

    #[test]
    fn ranges() {
        assert_eq!(range("1-10/2"), Some((1, 10, 2)));
        assert_eq!(range("0-0"), Some((0, 0, 1)));
        for bad in ["1", "2-1", "1-2/0", "-1-2", "1-+2", "1-2147483648", "1-2/"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }
}

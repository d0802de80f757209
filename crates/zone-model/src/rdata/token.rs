//! Tokens of presentation format (RFC 1035 section 5.1): words, quoted texts, escapes, parentheses.

/// One token as it stands in the text, escapes not yet read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// The text, without the quotes of a quoted one.
    pub(crate) text: &'a str,
    /// Whether it stood in quotes.
    pub(crate) quoted: bool,
    /// The byte at which it begins.
    pub(crate) at: usize,
}

/// What a text is that does not fall into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadToken {
    pub(crate) at: usize,
    pub(crate) problem: &'static str,
}

/// The tokens of one record's RDATA, or of a whole master file, record by record.
///
/// In RDATA alone parentheses and line ends between tokens are white space, and a bare `;` is refused. In a
/// file a line end outside parentheses ends the record, `;` begins a comment, and a quoted text ends in its
/// line.
#[derive(Clone, Debug)]
pub(crate) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    open: usize,
    /// Where the outermost open parenthesis stands.
    opened: usize,
    file: bool,
    /// Line ends that were white space or stood behind a record, so far.
    lines: usize,
    /// Where the comment begins that was skipped last.
    comment: Option<usize>,
}

impl<'a> Tokens<'a> {
    /// The tokens of RDATA.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, open: 0, opened: 0, file: false, lines: 0, comment: None }
    }

    /// The tokens of a master file.
    pub(crate) fn of_file(text: &'a str) -> Self {
        Self { file: true, ..Self::new(text) }
    }

    /// All of the text.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// The byte behind what was read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Goes to where another reader of the same text stands.
    pub(crate) fn go_on_behind(&mut self, other: &Tokens<'_>) {
        (self.at, self.open, self.opened) = (other.at, other.open, other.opened);
        (self.lines, self.comment) = (other.lines, other.comment);
    }

    /// Line ends up to here.
    pub(crate) fn lines(&self) -> usize {
        self.lines
    }

    /// The comment of the record that was read, its `;` included.
    pub(crate) fn comment(&self) -> Option<&'a str> {
        let start = self.comment?;
        self.text.get(start..self.at.max(start))
    }

    /// Goes to the next record's line, from a place at which [`next`](Self::next) found the record's end.
    pub(crate) fn begin_record(&mut self) {
        if self.text.as_bytes().get(self.at) == Some(&b'\n') {
            self.at += 1;
            self.lines += 1;
        }
        self.comment = None;
    }

    /// Goes to the line behind the one that has the byte `at`, and forgets parentheses. `from` is a byte in
    /// front of it, with the line ends up to there.
    pub(crate) fn skip_line(&mut self, from: (usize, usize), at: usize) {
        let octets = self.text.as_bytes();
        let at = at.clamp(from.0, octets.len());
        let end = octets[at..].iter().position(|&octet| octet == b'\n').map_or(octets.len(), |end| at + end);
        self.lines = from.1 + octets[from.0..end].iter().filter(|&&octet| octet == b'\n').count();
        (self.at, self.open) = (end, 0);
    }

    /// The text of what is left of a record, from here to its line's end or comment; for a file alone.
    pub(crate) fn rest_of_record(&mut self) -> Result<&'a str, BadToken> {
        self.skip_space()?;
        let (start, mut end) = (self.at, self.at);
        while let Some(token) = self.next()? {
            end = token.at + token.text.len() + if token.quoted { 2 } else { 0 };
        }
        Ok(&self.text[start..end])
    }

    /// Whether the next token begins with a `\`; only then may it be that of the generic form.
    pub(super) fn begins_with_escape(&mut self) -> bool {
        self.skip_space() == Ok(true) && self.text.as_bytes()[self.at] == b'\\'
    }

    /// The next token; `None` at the end of the text, or of the record.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Token<'a>>, BadToken> {
        let octets = self.text.as_bytes();
        // One space and then a word, as most tokens stand.
        if octets.get(self.at) == Some(&b' ')
            && octets.get(self.at + 1).is_some_and(|&octet| !SPECIAL[usize::from(octet)])
        {
            self.at += 1;
        } else if !self.skip_space()? {
            return Ok(None);
        }
        if self.text.as_bytes()[self.at] != b'"' {
            let (at, text) = (self.at, self.word(false)?);
            return Ok(Some(Token { text, quoted: false, at }));
        }
        let at = self.at;
        let end = self.closing_quote(at)?;
        self.at = end + 1;
        Ok(Some(Token { text: &self.text[at + 1..end], quoted: true, at }))
    }

    /// The next token, which may have quotes inside it: `key="a value"` (RFC 9460 section 2.1).
    pub(super) fn next_parameter(&mut self) -> Result<Option<Token<'a>>, BadToken> {
        if !self.skip_space()? {
            return Ok(None);
        }
        let (at, text) = (self.at, self.word(true)?);
        Ok(Some(Token { text, quoted: false, at }))
    }

    /// The column of a byte, counted in characters from 1; in a file within its line.
    pub(crate) fn column(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        let start = if self.file { before.rfind('\n').map_or(0, |end| end + 1) } else { 0 };
        before.get(start..).map_or(at, |before| before.chars().count()) + 1
    }

    /// Goes to the next token; whether there is one.
    fn skip_space(&mut self) -> Result<bool, BadToken> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\r') => {}
                Some(b'\n') if self.file && self.open == 0 => return Ok(false),
                Some(b'\n') => self.lines += 1,
                Some(b'(') => {
                    if self.open == 0 {
                        self.opened = self.at;
                    }
                    self.open += 1;
                }
                Some(b')') if self.open > 0 => self.open -= 1,
                Some(b')') => return Err(self.wrong(self.at, "a `)` without its `(`")),
                Some(b';') if self.file => {
                    self.comment = Some(self.at);
                    let rest = &self.text.as_bytes()[self.at..];
                    self.at += rest.iter().position(|&octet| octet == b'\n').unwrap_or(rest.len());
                    continue;
                }
                Some(b';') => return Err(self.wrong(self.at, SEMICOLON)),
                Some(_) => return Ok(true),
                None if self.open > 0 => {
                    // In a file the end is far away from where it went wrong.
                    let at = if self.file { self.opened } else { self.at };
                    return Err(self.wrong(at, "a `(` is never closed"));
                }
                None => return Ok(false),
            }
            self.at += 1;
        }
    }

    /// From here to the next white space, parenthesis or quote.
    #[inline]
    fn word(&mut self, with_quotes: bool) -> Result<&'a str, BadToken> {
        let (start, octets) = (self.at, self.text.as_bytes());
        while let Some(&octet) = octets.get(self.at) {
            if !SPECIAL[usize::from(octet)] {
                self.at += 1;
                continue;
            }
            match octet {
                b'"' if with_quotes => self.at = self.closing_quote(self.at)?,
                b' ' | b'\t' | b'\r' | b'\n' | b'(' | b')' | b'"' => break,
                b';' if self.file => break,
                b';' => return Err(self.wrong(self.at, SEMICOLON)),
                // An escaped line end is none: the word ends with a `\` that escapes nothing.
                b'\\' if self.file && matches!(octets.get(self.at + 1), Some(b'\n' | b'\r')) => {}
                b'\\' => self.at += 1,
                _ => {}
            }
            self.at += 1;
        }
        if self.text.is_char_boundary(self.at) {
            return Ok(&self.text[start..self.at]);
        }
        // An escape that is cut off, or that escapes a character of several octets, ends at a boundary.
        while !self.text.is_char_boundary(self.at) && self.at < octets.len() {
            self.at += 1;
        }
        self.at = self.at.min(octets.len());
        Ok(&self.text[start..self.at])
    }

    fn closing_quote(&self, opening: usize) -> Result<usize, BadToken> {
        let octets = self.text.as_bytes();
        let mut at = opening + 1;
        loop {
            match octets.get(at) {
                Some(b'"') => return Ok(at),
                Some(b'\n') if self.file => return Err(self.wrong(opening, UNCLOSED)),
                Some(b'\\') if self.file && octets.get(at + 1) == Some(&b'\n') => at += 1,
                Some(b'\\') => at += 2,
                Some(_) => at += 1,
                None => return Err(self.wrong(opening, "a `\"` is never closed")),
            }
        }
    }

    fn wrong(&self, at: usize, problem: &'static str) -> BadToken {
        BadToken { at, problem }
    }
}

/// The octets at which a word may end or that escape the next.
static SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut at = 0;
    while at < OCTETS.len() {
        special[OCTETS[at] as usize] = true;
        at += 1;
    }
    special
};
const OCTETS: &[u8] = b" \t\r\n()\";\\";
const UNCLOSED: &str = "a `\"` is not closed in its line (write a line end inside a text as \\010)";
const SEMICOLON: &str = "a bare `;` begins a comment in a zone file; put the text in quotes, or write `\\;`";

/// Reads the escapes of a token: `\DDD` is an octet, `\` and another character is that character.
/// `None` where a `\` is followed by neither.
pub(crate) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [octet, after @ ..] = rest {
        rest = after;
        if *octet != b'\\' {
            out.push(*octet);
            continue;
        }
        match rest {
            [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', after @ ..] => {
                let value = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
                out.push(u8::try_from(value).ok()?);
                rest = after;
            }
            [b'0'..=b'9', ..] | [] => return None,
            [plain, after @ ..] => {
                out.push(*plain);
                rest = after;
            }
        }
    }
    Some(out)
}

/// Appends octets as a quoted text, escaped so that it reads back the same.
pub(super) fn push_quoted(out: &mut String, octets: &[u8]) {
    out.push('"');
    for &octet in octets {
        match octet {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(octet));
            }
            0x20..=0x7e => out.push(char::from(octet)),
            _ => push_decimal_escape(out, octet),
        }
    }
    out.push('"');
}

/// Appends `\DDD`.
pub(super) fn push_decimal_escape(out: &mut String, octet: u8) {
    out.push('\\');
    for digit in [octet / 100, octet / 10 % 10, octet % 10] {
        out.push(char::from(b'0' + digit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<(&str, bool)>, BadToken> {
        let mut tokens = Tokens::new(text);
        let mut all = Vec::new();
        while let Some(token) = tokens.next()? {
            all.push((token.text, token.quoted));
        }
        Ok(all)
    }

    #[test]
    fn words_quotes_and_parentheses() {
        let want =
            vec![("a", false), ("b c", true), (r"d\ e", false), ("", true), ("f", false), (r"g\", false)];
        assert_eq!(all("a \"b c\"( d\\ e\r\n \"\")f\tg\\"), Ok(want));
        assert_eq!(all(r#"a"b""c\"d""#), Ok(vec![("a", false), ("b", true), (r#"c\"d"#, true)]));
        assert_eq!(all("\\\u{e9}x y"), Ok(vec![("\\\u{e9}x", false), ("y", false)]));
        assert_eq!(all(" ( ) "), Ok(vec![]));
    }

    #[test]
    fn what_does_not_fall_into_tokens() {
        for (text, at) in
            [("a \"b", 2), ("a (b", 4), ("a )", 2), ("v=DKIM1; k=rsa", 7), ("a ; b", 2), ("\"a\\\"", 0)]
        {
            assert_eq!(all(text).map_err(|error| error.at), Err(at), "{text}");
        }
    }

    #[test]
    fn parameters_keep_their_quotes() {
        let mut tokens = Tokens::new(r#" alpn="h2, h3" port=53"#);
        assert_eq!(tokens.next_parameter().unwrap().unwrap().text, r#"alpn="h2, h3""#);
        assert_eq!(tokens.next_parameter().unwrap().unwrap().text, "port=53");
        assert_eq!(tokens.next_parameter().unwrap(), None);
    }

    #[test]
    fn escapes_are_octets_or_characters() {
        assert_eq!(unescape(r"a\.b\000\255\\").as_deref(), Some(&b"a.b\x00\xff\\"[..]));
        for bad in [r"\256", r"\25", r"\2x5", "\\"] {
            assert_eq!(unescape(bad), None, "{bad}");
        }
    }
}

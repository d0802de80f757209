//! The file: each record in a line (or more) of its own, with an owner that tells its number.

use anyhow::{Context, Result};
use std::fmt::Write as _;
use zone_model::{Name, RecordType};

/// The zone.
pub(crate) const APEX: &str = "example.com.";

/// Records of each type.
const EACH: usize = 75;

/// What a record's text is made of: words stand for themselves, those in braces for something random.
const TEMPLATES: &[(&str, &[&str])] = &[
    ("A", &["{ipv4}"]),
    ("NS", &["{name}"]),
    ("MD", &["{name}"]),
    ("MF", &["{name}"]),
    ("CNAME", &["{name}"]),
    ("MB", &["{name}"]),
    ("MG", &["{name}"]),
    ("MR", &["{name}"]),
    ("NULL", &["{generic}"]),
    ("PTR", &["{name}"]),
    ("HINFO", &["{text} {text}"]),
    ("MINFO", &["{name} {name}"]),
    ("MX", &["{16} {name}"]),
    ("TXT", &["{text}", "{text} {text}", "{text} {text} {text}", "{word} {text}", "{long}"]),
    ("RP", &["{name} {name}"]),
    ("AFSDB", &["{16} {name}"]),
    ("X25", &["{digits}"]),
    ("ISDN", &["{digits}", "{digits} {digits}"]),
    ("RT", &["{16} {name}"]),
    ("NSAP", &["0x{nsap}"]),
    ("NSAP-PTR", &["{name}"]),
    ("SIG", &["{type} {8} {labels} {32} {date} {date} {16} {name} {base64}"]),
    ("KEY", &["{keyflags} 3 {8} {base64}"]),
    ("PX", &["{16} {name} {name}"]),
    ("GPOS", &["-32.6882 116.8652 10.0", "\"{8}.5\" \"-{8}.25\" \"{8}\""]),
    ("AAAA", &["{ipv6}"]),
    (
        "LOC",
        &[
            "{lat} {60} {60}.{3} {ns} {lon} {60} {60}.{3} {ew} {16}.{2}m {metres}m {metres}m {metres}m",
            "{lat} {60} {ns} {lon} {ew} -{2}m",
            "{lat} N {lon} W {16}m {metres}m",
        ],
    ),
    ("SRV", &["{16} {16} {16} {name}"]),
    (
        "NAPTR",
        &["{16} {16} \"S\" {text} \"\" {name}", "{16} {16} u E2U+sip \"!^.*$!sip:x\\\\@example.com!i\" ."],
    ),
    ("KX", &["{16} {name}"]),
    ("CERT", &["{16} {16} {8} {base64}", "PKIX {16} RSASHA256 {base64}"]),
    ("DNAME", &["{name}"]),
    ("APL", &["1:{ipv4}/{p32}", "2:{ipv6}/{p128} !1:{ipv4}/{p32}", "!1:10.0.0.0/8 1:192.168.32.0/21"]),
    ("DS", &["{16} {8} 1 {hex20}", "{16} RSASHA256 2 {hex32}", "{16} {8} 250 {hex}"]),
    ("SSHFP", &["{8} 250 {hex}", "1 1 {hex20}", "4 2 {hex32}"]),
    (
        "IPSECKEY",
        &[
            "{8} 0 2 . {base64}",
            "{8} 1 2 {ipv4} {base64}",
            "{8} 2 2 {ipv6} {base64}",
            "{8} 3 2 {name} {base64}",
        ],
    ),
    (
        "RRSIG",
        &[
            "{type} {8} {labels} {32} {date} {date} {16} {name} {base64}",
            "A RSASHA256 127 {32} {32} {32} {16} {name} {base64}",
        ],
    ),
    ("NSEC", &["{name} {types}"]),
    ("DNSKEY", &["{16} 3 {8} {base64}", "257 3 ECDSAP256SHA256 {base64}"]),
    ("DHCID", &["{base64}"]),
    ("NSEC3", &["1 {1} {16} {hex8} {base32} {types}", "1 0 {16} - {base32} {types}", "1 0 0 - {base32}"]),
    ("NSEC3PARAM", &["1 0 {16} {hex8}", "1 0 0 -"]),
    ("TLSA", &["{8} {8} {8} {hex}", "3 1 1 {hex32}"]),
    ("SMIMEA", &["{8} {8} {8} {hex}"]),
    ("HIP", &["2 {hex16} {base64word}", "2 {hex16} {base64word} {name} {name}"]),
    ("NINFO", &["{text} {text}"]),
    ("TALINK", &["{name} {name}"]),
    ("CDS", &["{16} {8} 2 {hex32}", "0 0 0 00"]),
    ("CDNSKEY", &["{16} 3 {8} {base64}"]),
    ("OPENPGPKEY", &["{base64}"]),
    ("CSYNC", &["{32} {16} {types}"]),
    ("ZONEMD", &["{32} 1 1 {hex48}", "{32} {8} 240 {hex20}"]),
    ("SVCB", &["0 {name}", "{prio} {name} {params}", "1 . {params}"]),
    ("HTTPS", &["0 {name}", "{prio} {name} {params}", "1 . {params}"]),
    ("DSYNC", &["CDS NOTIFY {16} {name}", "{type} {8} {16} {name}"]),
    ("SPF", &["{text}", "\"v=spf1 -all\" {text}"]),
    ("NID", &["{16} {locator}"]),
    ("L32", &["{16} {ipv4}"]),
    ("L64", &["{16} {locator}"]),
    ("LP", &["{16} {name}"]),
    ("EUI48", &["{eui48}"]),
    ("EUI64", &["{eui48}-{hex1}-{hex1}"]),
    ("URI", &["{16} {16} {quoted}"]),
    ("CAA", &["{8} issue {quoted}", "128 {tag} {quoted}", "0 iodef \"mailto:a@b.example\""]),
    ("AVC", &["{text} {text}"]),
    ("AMTRELAY", &["{8} {1} 0 .", "{8} {1} 1 {ipv4}", "{8} {1} 2 {ipv6}", "{8} {1} 3 {name}"]),
    ("RESINFO", &["\"qnamemin\" \"exterr=15,16\" {text}"]),
    ("WALLET", &["\"BTC\" {text}"]),
    ("TA", &["{16} {8} 2 {hex32}"]),
    ("DLV", &["{16} {8} 2 {hex32}"]),
    ("TYPE65400", &["{generic}"]),
    ("TYPE731", &["{generic}"]),
];

/// What stands in names without a `\`; Knot wants one before the others that RFC 1035 lets stand.
const PLAIN: &[&str] = &["-", "_", "*", "/"];
pub(crate) const ODD: &[&str] = &["+", "'", "#", "=", ",", "!", "%", "&", "|", "~"];

/// Splitmix64 (Steele, Lea and Flood 2014).
struct Dice(u64);

/// A generated file.
pub(crate) struct Generated {
    pub(crate) lines: Vec<Line>,
    head: String,
}

/// One record.
#[derive(Clone)]
pub(crate) struct Line {
    /// Its number, which its owner has as the label `r<number>`.
    pub(crate) number: usize,
    pub(crate) rtype: RecordType,
    /// The record as it stands in the file; maybe several lines.
    pub(crate) text: String,
    /// Owner, TTL and class alone.
    head: String,
    /// The same with the TTL before the class, where it is the other way round.
    turned: Option<String>,
}

// === impl Dice ===

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    fn hex(&mut self, octets: usize) -> String {
        let upper = self.below(2) == 0;
        (0..octets)
            .map(|_| match self.below(256) {
                octet if upper => format!("{octet:02X}"),
                octet => format!("{octet:02x}"),
            })
            .collect()
    }

    /// Sometimes in several words.
    fn hex_words(&mut self) -> String {
        let mut text = String::new();
        for part in 0..1 + self.below(3) {
            if part > 0 {
                text.push(' ');
            }
            let octets = 1 + self.below(20);
            text.push_str(&self.hex(octets));
        }
        text
    }

    fn base64(&mut self, words: bool) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let octets: Vec<u8> = (0..1 + self.below(60)).map(|_| self.next() as u8).collect();
        let mut text = String::new();
        for (index, three) in octets.chunks(3).enumerate() {
            if words && index > 0 && self.below(8) == 0 {
                text.push(' ');
            }
            let bits =
                three.iter().chain([&0, &0]).take(3).fold(0u32, |bits, octet| bits << 8 | u32::from(*octet));
            for place in 0..4 {
                match place <= three.len() {
                    true => text.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize])),
                    false => text.push('='),
                }
            }
        }
        text
    }

    fn label(&mut self) -> String {
        let mut text = String::new();
        let length = if self.below(40) == 0 { 63 } else { 1 + self.below(8) };
        for _ in 0..length {
            match self.below(16) {
                0 => {
                    text.push_str(self.pick(&[
                        "\\.", "\\\\", "\\\"", "\\;", "\\(", "\\)", "\\@", "\\$", "\\ ", "\\*", "\\x",
                    ]))
                }
                1 => write!(text, "\\{:03}", self.below(256)).expect("into memory"),
                2 if self.below(40) == 0 => text.push_str(self.pick(ODD)),
                2 => text.push_str(self.pick(PLAIN)),
                3..=6 => text.push(char::from(b'A' + self.below(26) as u8)),
                7 => text.push(char::from(b'0' + self.below(10) as u8)),
                _ => text.push(char::from(b'a' + self.below(26) as u8)),
            }
        }
        text
    }

    fn name(&mut self) -> String {
        match self.below(12) {
            0 => return ".".to_owned(),
            1 => return "@".to_owned(),
            _ => {}
        }
        let labels: Vec<String> = (0..1 + self.below(3)).map(|_| self.label()).collect();
        // A name that begins like the generic form, or is `@` alone, is something else; here it is a name.
        let name = labels.join(".");
        match self.below(3) {
            0 => name,
            1 => format!("{name}.{APEX}"),
            _ => format!("{name}.other.test."),
        }
    }

    fn quoted(&mut self, longest: usize) -> String {
        let mut text = String::from("\"");
        for _ in 0..self.below(longest) {
            match self.below(24) {
                0 => text.push_str(
                    self.pick(&["\\\"", "\\\\", "\\;", "\\a", ";", "(", ")", " ", "  ", "@", "$", "'"]),
                ),
                1 => write!(text, "\\{:03}", self.below(256)).expect("into memory"),
                _ => text.push(char::from(b'#' + self.below(57) as u8)),
            }
        }
        text.push('"');
        text
    }

    fn text(&mut self) -> String {
        match self.below(8) {
            0 => "\"\"".to_owned(),
            1 | 2 => self.word(),
            _ => self.quoted(40),
        }
    }

    /// Without quotes.
    fn word(&mut self) -> String {
        let mut text = String::from("w");
        for _ in 0..self.below(20) {
            match self.below(12) {
                0 => text.push_str(self.pick(&["\\\"", "\\\\", "\\;", "\\(", "\\)", "\\ ", "@", "$"])),
                1 => write!(text, "\\{:03}", self.below(256)).expect("into memory"),
                _ => text.push(char::from(b'a' + self.below(26) as u8)),
            }
        }
        text
    }

    fn types(&mut self) -> String {
        let all = [
            "A",
            "NS",
            "SOA",
            "MX",
            "TXT",
            "AAAA",
            "RRSIG",
            "NSEC",
            "DNSKEY",
            "CAA",
            "TYPE1234",
            "TYPE65534",
            "URI",
        ];
        let mut chosen: Vec<&str> = all.into_iter().filter(|_| self.below(3) == 0).collect();
        if chosen.is_empty() {
            chosen.push("A");
        }
        if self.below(2) == 0 {
            chosen.reverse();
        }
        chosen.join(" ")
    }

    fn ipv6(&mut self) -> String {
        match self.below(5) {
            0 => self
                .pick(&[
                    "::",
                    "::1",
                    "1::",
                    "::ffff:192.0.2.1",
                    "64:ff9b::192.0.2.33",
                    "2001:DB8:0:0:1::",
                    "fe80::1:0:0:1",
                ])
                .to_owned(),
            _ => (0..8)
                .map(|_| format!("{:x}", self.below(65_536) >> (4 * self.below(4))))
                .collect::<Vec<_>>()
                .join(":"),
        }
    }

    fn params(&mut self) -> String {
        let port = self.below(65_536);
        let mut all = vec![
            "alpn=h2".to_owned(),
            "alpn=\"h3,h2\" no-default-alpn".to_owned(),
            format!("port={port}"),
            format!("ipv4hint=192.0.2.{},192.0.2.1", self.below(256)),
            "ipv6hint=2001:db8::1,2001:db8::2".to_owned(),
            "mandatory=port port=53".to_owned(),
            "key667=hello".to_owned(),
            "key667=\"hello\\210qoo\"".to_owned(),
            "ech=AEj+DQ==".to_owned(),
            "dohpath=/dns-query{?dns}".to_owned(),
        ];
        if self.below(2) == 0 {
            all = vec![format!("port={port} alpn=h2 ipv4hint=192.0.2.7")];
        }
        all.swap_remove(self.below(all.len()))
    }

    fn fill(&mut self, template: &str) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (what, after) = after.split_once('}').expect("a closed brace");
            out.push_str(before);
            out.push_str(&self.value(what));
            rest = after;
        }
        out + rest
    }

    fn value(&mut self, what: &str) -> String {
        if let Some(octets) = what.strip_prefix("hex").and_then(|digits| digits.parse().ok()) {
            return self.hex(octets);
        }
        match what {
            "1" => self.below(2).to_string(),
            "2" => format!("{:02}", self.below(100)),
            "3" => format!("{:03}", self.below(1_000)),
            "8" => self.below(256).to_string(),
            "16" => self.below(65_536).to_string(),
            "32" => (self.next() as u32).to_string(),
            "60" => self.below(60).to_string(),
            "p32" => self.below(33).to_string(),
            "p128" => self.below(129).to_string(),
            "prio" => (1 + self.below(65_535)).to_string(),
            "lat" => self.below(90).to_string(),
            "lon" => self.below(180).to_string(),
            "ns" => self.pick(&["N", "S"]).to_owned(),
            "ew" => self.pick(&["E", "W"]).to_owned(),
            "metres" => format!("{}", (1 + self.below(9)) * 10usize.pow(self.below(6) as u32)),
            "labels" => (100 + self.below(28)).to_string(),
            "keyflags" => self.pick(&["0", "256", "257", "512"]).to_owned(),
            "ipv4" => {
                format!("{}.{}.{}.{}", self.below(256), self.below(256), self.below(256), self.below(256))
            }
            "ipv6" => self.ipv6(),
            "name" => self.name(),
            "text" => self.text(),
            "word" => self.word(),
            "quoted" => {
                let text = self.quoted(60);
                if text == "\"\"" { "\"x\"".to_owned() } else { text }
            }
            "long" => format!("\"{}\"", "x".repeat(200 + self.below(56))),
            "digits" => format!("\"{}\"", 100_000 + self.below(900_000)),
            "tag" => self.pick(&["issuewild", "iodef", "contactemail", "x1"]).to_owned(),
            "hex" => self.hex_words(),
            "nsap" => {
                let octets = 2 + self.below(18);
                self.hex(octets)
            }
            "base64" => self.base64(true),
            "base64word" => self.base64(false),
            "base32" => {
                (0..32).map(|_| char::from(b"0123456789abcdefghijklmnopqrstuv"[self.below(32)])).collect()
            }
            "type" => self.pick(&["A", "MX", "SOA", "CNAME", "TYPE1234", "DNSKEY"]).to_owned(),
            "types" => self.types(),
            "date" => format!(
                "20{:02}{:02}{:02}{:02}{:02}{:02}",
                self.below(37),
                1 + self.below(12),
                1 + self.below(28),
                self.below(24),
                self.below(60),
                self.below(60)
            ),
            "locator" => (0..4).map(|_| format!("{:04x}", self.below(65_536))).collect::<Vec<_>>().join(":"),
            "eui48" => (0..6).map(|_| self.hex(1)).collect::<Vec<_>>().join("-"),
            "params" => self.params(),
            "generic" => {
                let octets = 1 + self.below(40);
                format!("\\# {octets} {}", self.hex(octets))
            }
            other => unreachable!("{other}"),
        }
    }

    /// Owner, TTL and class, as they may stand before the type; where the class stands before the TTL, also the
    /// other way round.
    fn head(&mut self, number: usize) -> (String, Option<String>) {
        let label = match self.below(4) {
            0 => String::new(),
            _ => format!("{}.", self.label()),
        };
        let owner = match self.below(3) {
            0 => format!("{label}r{number}.{APEX}"),
            1 => format!("{label}R{number}.Example.COM."),
            _ => format!("{label}r{number}"),
        };
        let ttl = match self.below(6) {
            0 => "1h30m".to_owned(),
            1 => "2W3D".to_owned(),
            2 => "0".to_owned(),
            _ => self.below(100_000).to_string(),
        };
        let head = match self.below(6) {
            0 => format!("{owner} {ttl}"),
            1 => format!("{owner}\t{ttl} IN"),
            2 => return (format!("{owner} IN {ttl}"), Some(format!("{owner} {ttl} IN"))),
            3 => format!("{owner} IN"),
            4 => format!("{owner} {ttl} in"),
            _ => owner,
        };
        (head, None)
    }

    /// The record as it stands in the file: on a line, or on several between parentheses, with comments.
    fn line(&mut self, head: &str, rtype: &str, content: &str) -> String {
        match self.below(8) {
            0 => format!("{head} {rtype} ( {content} ) ; a comment"),
            1 => format!("{head} {rtype} (\n\t{content} ; a comment ( \" '\n )"),
            2 => format!("{head}\t{rtype}\t{content}\t"),
            _ => format!("{head} {rtype} {content}"),
        }
    }
}

// === impl Line ===

impl Line {
    /// The record in the generic form.
    pub(crate) fn generic(&self, octets: &[u8]) -> String {
        let head = self.turned.as_ref().unwrap_or(&self.head);
        format!("{head} {}", super::generic(self.rtype, octets))
    }

    /// The record with the TTL before the class.
    pub(crate) fn ttl_first(&self) -> String {
        match &self.turned {
            Some(turned) => format!("{turned}{}", &self.text[self.head.len()..]),
            None => self.text.clone(),
        }
    }
}

// === impl Generated ===

impl Generated {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut lines = Vec::new();
        for index in 0..EACH {
            for (rtype, templates) in TEMPLATES {
                let number = lines.len();
                let content = dice.fill(templates[index % templates.len()]);
                let (head, turned) = dice.head(number);
                let text = dice.line(&head, rtype, &content);
                let rtype = rtype.parse().expect("a type");
                lines.push(Line { number, rtype, text, head, turned });
            }
        }
        let head =
            format!("$ORIGIN {APEX}\n$TTL 1d\n@ IN SOA ns host 1 2h 1h 2w 5m\n@ IN NS ns.other.test.\n");
        Self { lines, head }
    }

    pub(crate) fn text(&self) -> String {
        self.lines.iter().fold(self.head.clone(), |text, line| text + &line.text + "\n")
    }

    /// The record that stands at this line of the text, counted from 1.
    pub(crate) fn number_at(&self, line: usize) -> Option<usize> {
        let mut end = self.head.lines().count();
        self.lines.iter().find_map(|own| {
            end += own.text.lines().count();
            (line <= end).then_some(own.number)
        })
    }

    /// The same file with other text for some records, and without others.
    pub(crate) fn with(&self, mut text: impl FnMut(&Line) -> Option<String>) -> Self {
        let lines = self.lines.iter().filter_map(|line| Some(Line { text: text(line)?, ..line.clone() }));
        Self { lines: lines.collect(), head: self.head.clone() }
    }

    /// The lines of an export of this zone; those of types that a tool has no word for are left out.
    pub(crate) fn exported(&self, text: &str, mut wanted: impl FnMut(RecordType) -> bool) -> Result<Self> {
        let (mut lines, mut head) = (Vec::new(), String::new());
        let mut origin: Option<Name> = None;
        for line in text.lines() {
            let mut words = line.split(' ');
            let owner = words.next().context("an owner")?;
            if owner == "$ORIGIN" {
                origin = Some(words.next().context("an origin")?.parse()?);
                head.push_str(&format!("{line}\n"));
                continue;
            }
            let owner = Name::parse_relative(owner, origin.as_ref())?;
            let rtype: RecordType = words.nth(2).context("a type")?.parse()?;
            match number_of(owner.as_wire()) {
                Some(number) if wanted(rtype) => {
                    lines.push(Line {
                        number,
                        rtype,
                        text: line.to_owned(),
                        head: String::new(),
                        turned: None,
                    });
                }
                Some(_) => {}
                None => head.push_str(&format!("{line}\n")),
            }
        }
        if origin.is_none() {
            head.insert_str(0, &format!("$ORIGIN {APEX}\n"));
        }
        Ok(Self { lines, head })
    }
}

/// The number in an owner's label `r<number>`, which stands before the apex.
pub(crate) fn number_of(wire: &[u8]) -> Option<usize> {
    let name = Name::from_wire(wire).ok()?;
    let labels: Vec<&[u8]> = name.labels().collect();
    let label = labels.get(labels.len().checked_sub(3)?)?;
    let digits = std::str::from_utf8(label).ok()?.strip_prefix(['r', 'R'])?;
    digits.parse().ok()
}

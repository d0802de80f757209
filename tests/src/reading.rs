//! Reads a message into sets of records that can be compared: names spelt out and in lower case, order forgotten.

use std::collections::BTreeSet;
use std::fmt;

/// A message as far as two servers can be compared by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The RCODE, the extended part included.
    pub rcode: u16,
    /// AA.
    pub authoritative: bool,
    /// TC.
    pub truncated: bool,
    /// RD.
    pub recursion_desired: bool,
    /// Answer, authority and additional section, OPT left out.
    pub sections: [BTreeSet<Rr>; 3],
    /// Of the OPT record, if there is one: version and flags.
    pub opt: Option<(u8, u16)>,
    /// Octets of the whole message.
    pub length: usize,
}

/// A record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rr {
    /// The owner in lower case and text.
    pub owner: String,
    /// The type.
    pub rtype: u16,
    /// The class.
    pub class: u16,
    /// The TTL.
    pub ttl: u32,
    /// RDATA with every name whole and in lower case.
    pub rdata: Vec<u8>,
    /// The names of the RDATA in text and lower case.
    pub names: Vec<String>,
}

/// Why octets are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable(&'static str);

// === impl Reading ===

impl Reading {
    /// Reads a response.
    ///
    /// # Errors
    /// Where it ends early, has octets behind its end, or has a record twice in a section.
    pub fn read(octets: &[u8]) -> Result<Self, Unreadable> {
        let header = octets.first_chunk::<12>().ok_or(Unreadable("shorter than a header"))?;
        let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let mut at = 12;
        for _ in 0..count(4) {
            name(octets, &mut at)?;
            at += 4;
        }
        let mut sections = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
        let mut opt = None;
        let mut rcode = u16::from(header[3] & 15);
        for (section, count) in sections.iter_mut().zip([count(6), count(8), count(10)]) {
            for _ in 0..count {
                let rr = record(octets, &mut at)?;
                if rr.rtype == 41 {
                    rcode |= (rr.ttl >> 24 << 4) as u16;
                    opt = Some(((rr.ttl >> 16) as u8, rr.ttl as u16));
                } else if !section.insert(rr) {
                    return Err(Unreadable("a record stands twice in a section"));
                }
            }
        }
        if at != octets.len() {
            return Err(Unreadable("octets behind its end"));
        }
        Ok(Self {
            rcode,
            authoritative: header[2] & 4 != 0,
            truncated: header[2] & 2 != 0,
            recursion_desired: header[2] & 1 != 0,
            sections,
            opt,
            length: octets.len(),
        })
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rcode = match self.rcode {
            0 => "NOERROR".to_owned(),
            1 => "FORMERR".to_owned(),
            2 => "SERVFAIL".to_owned(),
            3 => "NXDOMAIN".to_owned(),
            4 => "NOTIMP".to_owned(),
            5 => "REFUSED".to_owned(),
            6 => "YXDOMAIN".to_owned(),
            other => format!("RCODE {other}"),
        };
        let flag = |set, name| if set { name } else { "" };
        writeln!(
            f,
            "{rcode}{}{} ({} octets, OPT {:?})",
            flag(self.authoritative, " AA"),
            flag(self.truncated, " TC"),
            self.length,
            self.opt
        )?;
        for (section, records) in ["answer", "authority", "additional"].iter().zip(&self.sections) {
            for record in records {
                writeln!(f, "    {section}: {record}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Rr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, rtype, ttl, .. } = self;
        write!(f, "{owner} {ttl} {} ", hickory_proto::rr::RecordType::from(*rtype))?;
        match (rtype, &self.rdata[..]) {
            (1, [a, b, c, d]) => write!(f, "{a}.{b}.{c}.{d}"),
            _ if !self.names.is_empty() => f.write_str(&self.names.join(" ")),
            (_, rdata) if rdata.len() > 24 => write!(f, "({} octets)", rdata.len()),
            (_, rdata) => write!(f, "{rdata:02x?}"),
        }
    }
}

impl fmt::Debug for Rr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

fn record(octets: &[u8], at: &mut usize) -> Result<Rr, Unreadable> {
    let owner = name(octets, at)?.1;
    let head =
        octets.get(*at..).and_then(|rest| rest.first_chunk::<10>()).ok_or(Unreadable("a record ends"))?;
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let (rtype, class, length) = (word(0), word(2), usize::from(word(8)));
    let ttl = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    *at += 10;
    let end = *at + length;
    let mut rdata = Vec::with_capacity(length);
    let mut names = Vec::new();
    // Octets before the names of the types that these tests have, and how many names.
    let (before, count) = match rtype {
        2 | 5 | 12 | 39 => (0, 1),
        6 => (0, 2),
        15 => (2, 1),
        33 => (6, 1),
        64 | 65 => (2, 1),
        _ => (0, 0),
    };
    let fixed = octets.get(*at..*at + before).ok_or(Unreadable("RDATA ends"))?;
    rdata.extend_from_slice(fixed);
    *at += before;
    for _ in 0..count {
        let (wire, text) = name(octets, at)?;
        rdata.extend(wire);
        names.push(text);
    }
    rdata.extend_from_slice(octets.get(*at..end).ok_or(Unreadable("RDATA ends"))?);
    *at = end;
    Ok(Rr { owner, rtype, class, ttl, rdata, names })
}

/// A name in lower case, as wire form and as text.
fn name(octets: &[u8], at: &mut usize) -> Result<(Vec<u8>, String), Unreadable> {
    let (mut wire, mut text) = (Vec::new(), String::new());
    let mut here = *at;
    let mut end = None;
    loop {
        let length = *octets.get(here).ok_or(Unreadable("a name ends"))?;
        match length {
            0 => {
                wire.push(0);
                *at = end.unwrap_or(here + 1);
                if text.is_empty() {
                    text.push('.');
                }
                return Ok((wire, text));
            }
            1..=63 => {
                let label =
                    octets.get(here + 1..=here + usize::from(length)).ok_or(Unreadable("a label ends"))?;
                wire.push(length);
                wire.extend(label.to_ascii_lowercase());
                for octet in label.to_ascii_lowercase() {
                    match octet {
                        b'.' | b'\\' => text.extend(['\\', char::from(octet)]),
                        0x21..=0x7e => text.push(char::from(octet)),
                        _ => text.push_str(&format!("\\{octet:03}")),
                    }
                }
                text.push('.');
                here += usize::from(length) + 1;
            }
            0xc0.. => {
                let low = *octets.get(here + 1).ok_or(Unreadable("a pointer ends"))?;
                let target = usize::from(length & 0x3f) << 8 | usize::from(low);
                end = end.or(Some(here + 2));
                if target >= here {
                    return Err(Unreadable("a pointer that leads forwards"));
                }
                here = target;
            }
            _ => return Err(Unreadable("an unknown kind of label")),
        }
        if wire.len() > 254 {
            return Err(Unreadable("a name of more than 255 octets"));
        }
    }
}

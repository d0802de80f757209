//! Writes a message into a buffer: sections in their order, names compressed, RRsets whole or not at all.

use crate::client::Client;
use crate::identity::Identity;
use crate::octets;
use crate::query::{CLASS_IN, Edns, ExtendedError, HEADER};
use zone_model::RecordType;
use zone_model::catalog::{AnswerRrSet, NegativeSoa};
use zone_model::rdata;

/// The octets of an OPT record without options.
const OPT: usize = 11;

/// The option of RFC 8914.
const EXTENDED_ERROR: u16 = 15;

/// The octets before a record's RDATA where its owner is a pointer.
pub(crate) const RECORD_HEAD: usize = 12;

/// The octets of an option's head.
const OPTION_HEAD: usize = 4;
/// The option of RFC 5001.
const NSID: u16 = 3;

/// Names that can be pointed at; more than a message of ordinary size has.
const TARGETS: usize = 96;
/// Places among them for whole names, when names of very many labels have taken the others with their ends.
const WHOLE: usize = 16;

/// A pointer can say offsets below 2^14 (RFC 1035 section 4.1.4).
const POINTER_LIMIT: usize = 1 << 14;

/// Sections of a message behind the question, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Answer = 0,
    Authority = 1,
    Additional = 2,
}

/// The owner of what is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner<'a> {
    /// The question's name, or the part of it that starts so many octets in.
    Question(usize),
    /// A name in uncompressed wire form.
    Name(&'a [u8]),
}

/// What the OPT record of an answer says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opt<'s> {
    /// The query's.
    edns: Edns,
    /// The UDP payload that the server takes.
    payload: u16,
    /// The server's identifier, which it says to those who ask; empty where it has none.
    nsid: &'s [u8],
}

/// There is no room for an RRset; nothing of it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A message while it is being written.
pub(crate) struct Writer<'b> {
    buffer: &'b mut [u8],
    length: usize,
    limit: usize,
    counts: [u16; 3],
    targets: &'b mut Targets,
}

/// Where names stand in a message. One value serves message after message: only how many there are is reset.
pub(crate) struct Targets {
    entries: [Target; TARGETS],
    length: usize,
    /// The octets of the question's name, until it is among them: it is entered when something is first compressed.
    question: usize,
}

/// A name that stands in the message, as part of a longer one or not.
#[derive(Clone, Copy)]
struct Target {
    /// What [`key`] makes of it.
    key: u64,
    /// Its octets in uncompressed form.
    octets: u8,
    offset: u16,
}

// === impl Writer ===

impl<'b> Writer<'b> {
    /// Begins an answer with the query's ID and question. `limit` is the most octets that the message may
    /// have; room for OPT is kept where the query had one.
    ///
    /// The buffer must hold at least the header, the question and OPT, and `limit` octets.
    pub(crate) fn answer(
        buffer: &'b mut [u8],
        targets: &'b mut Targets,
        query: &[u8],
        question_end: usize,
        edns: bool,
        limit: usize,
    ) -> Self {
        octets::copy(&query[..question_end], &mut buffer[..question_end]);
        buffer[4..HEADER].fill(0);
        buffer[5] = u8::from(question_end > HEADER);
        let limit = limit.min(buffer.len()) - if edns { OPT } else { 0 };
        // Behind the name stand QTYPE and QCLASS.
        targets.clear(question_end.saturating_sub(HEADER + 4));
        Self { buffer, length: question_end, limit, counts: [0; 3], targets }
    }

    /// Goes on with a message that was begun in another buffer and holds answers already. They are not
    /// pointed at.
    pub(crate) fn resume(
        buffer: &'b mut [u8],
        targets: &'b mut Targets,
        begun: &[u8],
        answers: u16,
        edns: bool,
        limit: usize,
    ) -> Self {
        buffer[..begun.len()].copy_from_slice(begun);
        let limit = limit.min(buffer.len()) - if edns { OPT } else { 0 };
        targets.clear(zone_model::wire_length(&begun[HEADER..]).unwrap_or(0));
        Self { buffer, length: begun.len(), limit, counts: [answers, 0, 0], targets }
    }

    pub(crate) fn answers(&self) -> u16 {
        self.counts[0]
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// Writes an RRset whole, or nothing of it. `ttl` replaces its own.
    pub(crate) fn rrset(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        rrset: &AnswerRrSet<'_>,
        ttl: Option<u32>,
    ) -> Result<(), Full> {
        self.whole(|own| {
            match (owner, ttl) {
                // The bytes point at the question's name already.
                (Owner::Question(0), None)
                    if rrset.plain || rdata::compressible_names(rrset.rtype).is_none() =>
                {
                    own.copy(rrset.bytes)?
                }
                _ => {
                    let ttl = ttl.unwrap_or_else(|| rrset.ttl());
                    rrset.rdatas().try_for_each(|rdata| own.write_record(owner, rrset.rtype, ttl, rdata))?;
                }
            }
            own.counts[section as usize] += rrset.count;
            Ok(())
        })
    }

    /// Writes the SOA of a negative answer whole, or nothing of it. The apex starts so many octets into the question's
    /// name. It is not pointed at.
    pub(crate) fn negative_soa(&mut self, soa: &NegativeSoa<'_>, apex: usize) -> Result<(), Full> {
        let start = self.length;
        self.copy(soa.record())?;
        soa.point(&mut self.buffer[start..self.length], start, HEADER + apex);
        self.counts[Section::Authority as usize] += 1;
        Ok(())
    }

    /// Writes the one record of an RRset as it stands directly behind the question, where nothing else stands yet. The
    /// names in it are not pointed at by what is written by other means than [`of_host`](Self::of_host).
    #[inline]
    pub(crate) fn ready(&mut self, rrset: &AnswerRrSet<'_>) -> Result<(), Full> {
        self.copy(rrset.ready)?;
        self.counts[Section::Answer as usize] += 1;
        Ok(())
    }

    /// Writes a plain RRset whole, or nothing of it. Its owner is the name that starts so many octets into the message,
    /// where it may be a pointer.
    #[inline]
    pub(crate) fn of_host(
        &mut self,
        section: Section,
        owner: usize,
        rrset: &AnswerRrSet<'_>,
    ) -> Result<(), Full> {
        let start = self.length;
        let owner = match self.buffer[owner..] {
            [high, low, ..] if high >= 0xc0 => [high, low],
            _ => pointer(owner),
        };
        self.copy(rrset.bytes)?;
        let mut at = start;
        for rdata in rrset.rdatas() {
            self.buffer[at..at + 2].copy_from_slice(&owner);
            at += RECORD_HEAD + rdata.len();
        }
        self.counts[section as usize] += rrset.count;
        Ok(())
    }

    /// Writes one record, or nothing of it.
    pub(crate) fn record(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        rtype: RecordType,
        ttl: u32,
        rdata: &[u8],
    ) -> Result<(), Full> {
        self.whole(|own| {
            own.write_record(owner, rtype, ttl, rdata)?;
            own.counts[section as usize] += 1;
            Ok(())
        })
    }

    /// Writes everything that `write` writes, or nothing of it.
    pub(crate) fn whole(&mut self, write: impl FnOnce(&mut Self) -> Result<(), Full>) -> Result<(), Full> {
        let (length, counts) = (self.length, self.counts);
        let (targets, question) = (self.targets.length, self.targets.question);
        let written = write(self);
        if written.is_err() {
            self.length = length;
            self.targets.length = targets;
            self.targets.question = question;
            self.counts = counts;
        }
        written
    }

    /// Ends the message and says how long it is. An extended error and the server's identifier are told to clients
    /// with EDNS, as far as there is room for them: no record is left out for their sake.
    pub(crate) fn finish(
        &mut self,
        flags: [u8; 2],
        rcode: u16,
        opt: Option<Opt<'_>>,
        error: Option<ExtendedError>,
    ) -> usize {
        let [answers, authority, mut additional] = self.counts;
        if let Some(opt) = opt {
            self.write_opt(opt, rcode, error);
            additional += 1;
        }
        let [[a, b], [c, d], [e, f]] = [answers, authority, additional].map(u16::to_be_bytes);
        let questions = self.buffer[5];
        let low = flags[1] | (rcode & 0xf) as u8;
        self.buffer[2..HEADER].copy_from_slice(&[flags[0], low, 0, questions, a, b, c, d, e, f]);
        self.length
    }

    /// Writes the OPT record, for which room was kept, and what options it has.
    #[inline]
    fn write_opt(&mut self, opt: Opt<'_>, rcode: u16, error: Option<ExtendedError>) {
        let Opt { edns, payload, nsid } = opt;
        // Extended RCODE, version 0, DO as the client had it (RFC 3225 section 3).
        let dnssec_ok = if edns.dnssec_ok { 0x80 } else { 0 };
        let [high, low] = payload.to_be_bytes();
        let opt = [0, 0, RecordType::OPT.0 as u8, high, low, (rcode >> 4) as u8, 0, dnssec_ok, 0, 0, 0];
        self.buffer[self.length..self.length + OPT].copy_from_slice(&opt);
        self.length += OPT;
        let nsid = if edns.nsid { nsid } else { &[] };
        if error.is_none() && nsid.is_empty() {
            return;
        }
        let options = self.length;
        if let Some(error) = error {
            self.option(EXTENDED_ERROR, &[0, error as u8]);
        }
        if !nsid.is_empty() {
            self.option(NSID, nsid);
        }
        let rdlength = (self.length - options) as u16;
        self.buffer[options - 2..options].copy_from_slice(&rdlength.to_be_bytes());
    }

    /// Writes an option, if there is room for it.
    fn option(&mut self, code: u16, data: &[u8]) {
        let (at, end) = (self.length, self.length + OPTION_HEAD + data.len());
        // The limit leaves out the room that was kept for OPT, which stands there now.
        if end <= self.limit + OPT {
            self.buffer[at..at + 2].copy_from_slice(&code.to_be_bytes());
            self.buffer[at + 2..at + OPTION_HEAD].copy_from_slice(&(data.len() as u16).to_be_bytes());
            self.buffer[at + OPTION_HEAD..end].copy_from_slice(data);
            self.length = end;
        }
    }

    fn write_record(
        &mut self,
        owner: Owner<'_>,
        rtype: RecordType,
        ttl: u32,
        rdata: &[u8],
    ) -> Result<(), Full> {
        match owner {
            Owner::Question(start) => self.copy(&pointer(HEADER + start))?,
            Owner::Name(name) => self.name(name)?,
        }
        let mut head = [0; 10];
        head[..2].copy_from_slice(&rtype.0.to_be_bytes());
        head[2..4].copy_from_slice(&CLASS_IN.to_be_bytes());
        head[4..8].copy_from_slice(&ttl.to_be_bytes());
        self.copy(&head)?;
        let start = self.length;
        let mut at = 0;
        if let Some(names) = rdata::compressible_names(rtype) {
            at = names.start;
            self.copy(rdata.get(..at).unwrap_or_default())?;
            for _ in 0..names.count {
                // Should it be no RDATA of its type it stands there as it is.
                let Some(Ok(length)) = rdata.get(at..).map(zone_model::wire_length) else { break };
                self.name(&rdata[at..at + length])?;
                at += length;
            }
        }
        self.copy(rdata.get(at..).unwrap_or_default())?;
        let length = (self.length - start) as u16;
        self.buffer[start - 2..start].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    fn copy(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let end = self.length + bytes.len();
        if end > self.limit {
            return Err(Full);
        }
        octets::copy(bytes, &mut self.buffer[self.length..end]);
        self.length = end;
        Ok(())
    }

    /// Writes a name, its end as a pointer where the message has that already.
    fn name(&mut self, name: &[u8]) -> Result<(), Full> {
        if self.targets.question > 0 {
            self.enter_question(self.targets.question);
        }
        let mut at = 0;
        while name[at] != 0 {
            let suffix = &name[at..];
            let key = key(suffix);
            if let Some(offset) = self.targets.find(key, suffix, self.buffer) {
                self.copy(&name[..at])?;
                return self.copy(&pointer(offset));
            }
            let places = if at == 0 { TARGETS } else { TARGETS - WHOLE };
            self.targets.enter(key, suffix.len(), self.length + at, places);
            at += usize::from(name[at]) + 1;
        }
        self.copy(name)
    }

    fn enter_question(&mut self, length: usize) {
        self.targets.question = 0;
        let name = &self.buffer[HEADER..HEADER + length];
        let mut at = 0;
        // Of a name with more labels than there are places it is the end that other names share.
        for _ in TARGETS - WHOLE..labels(name) {
            at += usize::from(name[at]) + 1;
        }
        while name[at] != 0 {
            self.targets.enter(key(&name[at..]), length - at, HEADER + at, TARGETS);
            at += usize::from(name[at]) + 1;
        }
    }
}

// === impl Opt ===

impl<'s> Opt<'s> {
    /// The answer to what the query said by EDNS, if it did.
    pub(crate) fn of(edns: Option<Edns>, client: &Client, identity: &'s Identity) -> Option<Self> {
        edns.map(|edns| Self { edns, payload: client.payload, nsid: identity.nsid() })
    }
}

// === impl Targets ===

impl Targets {
    pub(crate) fn new() -> Self {
        Self { entries: [Target { key: 0, octets: 0, offset: 0 }; TARGETS], length: 0, question: 0 }
    }

    /// Begins anew, with a question whose name has so many octets.
    fn clear(&mut self, question: usize) {
        self.length = 0;
        self.question = question;
    }

    /// Takes a name where fewer than `places` are taken, at most [`TARGETS`].
    fn enter(&mut self, key: u64, octets: usize, offset: usize, places: usize) {
        if self.length < places && offset < POINTER_LIMIT {
            self.entries[self.length] = Target { key, octets: octets as u8, offset: offset as u16 };
            self.length += 1;
        }
    }

    fn find(&self, key: u64, name: &[u8], message: &[u8]) -> Option<usize> {
        self.entries[..self.length]
            .iter()
            .filter(|target| target.key == key && usize::from(target.octets) == name.len())
            .map(|target| usize::from(target.offset))
            .find(|offset| stands_at(message, *offset, name))
    }
}

impl std::fmt::Debug for Targets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Targets").field("length", &self.length).finish_non_exhaustive()
    }
}

/// The octets at the beginning of a name and at the end of its first label, case set aside: equal for equal names, and most
/// of the time for no others.
#[inline]
fn key(name: &[u8]) -> u64 {
    // What differs between the cases of a letter, and between some other octets, too.
    const CASE: u64 = 0x2020_2020_2020_2020;
    let label = usize::from(name[0]) + 1;
    let (start, end) = match (name.first_chunk(), name.get(..label).and_then(<[u8]>::last_chunk)) {
        (Some(start), Some(end)) => (u64::from_le_bytes(*start), u64::from_le_bytes(*end)),
        (Some(start), None) => (u64::from_le_bytes(*start), 0),
        _ => (name.iter().rev().fold(0, |word, octet| word << 8 | u64::from(*octet)), 0),
    };
    (start | CASE) ^ (end | CASE).rotate_left(29)
}

/// How many labels the name has, the root left out; of one that is too short to have more than there are places nobody
/// needs to know it.
fn labels(name: &[u8]) -> usize {
    let (mut labels, mut at) = (0, 0);
    while name.len() > 2 * (TARGETS - WHOLE) && name[at] != 0 {
        labels += 1;
        at += usize::from(name[at]) + 1;
    }
    labels
}

/// Whether the message has this name at this offset, whatever its case.
fn stands_at(message: &[u8], mut at: usize, mut name: &[u8]) -> bool {
    loop {
        // More often than not what is left stands there whole, and as it is.
        if message.get(at..at + name.len()) == Some(name) {
            return true;
        }
        let length = message[at];
        if length >= 0xc0 {
            at = usize::from(u16::from_be_bytes([length & 0x3f, message[at + 1]]));
            continue;
        }
        let end = usize::from(length) + 1;
        if name.len() < end {
            return false;
        }
        let (here, label) = (&message[at..at + end], &name[..end]);
        if here != label && !here.eq_ignore_ascii_case(label) {
            return false;
        }
        if length == 0 {
            return true;
        }
        at += end;
        name = &name[end..];
    }
}

fn pointer(offset: usize) -> [u8; 2] {
    (0xc000 | offset as u16).to_be_bytes()
}

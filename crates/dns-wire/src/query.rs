//! Reads a query: header, question, EDNS. Everything else in it is stepped over.

use zone_model::RecordType;
use zone_model::catalog::QueryName;

/// The octets of a message's header (RFC 1035 section 4.1.1).
pub(crate) const HEADER: usize = 12;

/// Class IN.
pub(crate) const CLASS_IN: u16 = 1;
/// QCLASS `*`, any class.
const CLASS_ANY: u16 = 255;

/// Where the parts of a [`Query`] begin, and of a [`Reject`], which has an RCODE for a QTYPE.
const VERSION: u32 = 16;
const DNSSEC_OK: u32 = 24;
const NSID: u32 = 25;
const HAS_EDNS: u32 = 26;
const QTYPE: u32 = 32;
const RCODE: u32 = QTYPE;
const QUESTION_END: u32 = 48;
const RD: u32 = 57;
const CD: u32 = 58;
const ANY_CLASS: u32 = 59;

/// A query whose question can be looked up, in one word: many are read before the first is answered, and what was just
/// written in parts and is read as a whole is waited for.
///
/// | bits | |
/// |---|---|
/// | 0 to 31 | what the client said by EDNS |
/// | 32 to 47 | QTYPE |
/// | 48 to 56 | where the question ends: at most 12 + 255 + 4 |
/// | 57, 58, 59 | RD, CD, QCLASS is `*` |
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Query(u64);

/// The OPT record of a query (RFC 6891 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The largest UDP payload that the client takes, in octets, as it said it.
    pub payload: u16,
    /// The version; only 0 is understood.
    pub version: u8,
    /// DNSSEC OK (RFC 3225).
    pub dnssec_ok: bool,
    /// Whether the server's identifier is asked for (RFC 5001).
    pub nsid: bool,
}

/// What is done with octets that are no query to look up, in one word like [`Query`]: nothing is sent, not even a header,
/// or a [`Reply`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reject(u64);

/// An answer without anything looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) rcode: u16,
    /// Where the question ends that is repeated; the header's end where none is.
    pub(crate) question_end: usize,
    pub(crate) edns: Option<Edns>,
}

/// RCODEs (RFC 1035 section 4.1.1, RFC 6891 section 9).
pub(crate) mod rcode {
    pub(crate) const NOERROR: u16 = 0;
    pub(crate) const FORMERR: u16 = 1;
    pub(crate) const SERVFAIL: u16 = 2;
    pub(crate) const NXDOMAIN: u16 = 3;
    pub(crate) const NOTIMP: u16 = 4;
    pub(crate) const REFUSED: u16 = 5;
    pub(crate) const YXDOMAIN: u16 = 6;
    pub(crate) const BADVERS: u16 = 16;
}

/// Why there is no answer, for people who look (RFC 8914 section 4); what goes without saying has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtendedError {
    /// This node has not been in step with its log yet.
    NotReady = 14,
    /// The name is in none of the zones that are served.
    NotAuthoritative = 20,
    /// An opcode, a class or a transfer that is not served.
    Unsupported = 21,
}

// === impl Query ===

impl Query {
    /// QTYPE.
    #[inline]
    pub(crate) fn qtype(self) -> RecordType {
        RecordType((self.0 >> QTYPE) as u16)
    }

    /// Where the question ends, in octets from the message's start.
    #[inline]
    pub(crate) fn question_end(self) -> usize {
        question_end(self.0)
    }

    /// Whether QCLASS is `*`: class IN is answered for, and nobody has authority over all classes (RFC 1035
    /// section 6.2).
    #[inline]
    pub(crate) fn any_class(self) -> bool {
        self.0 >> ANY_CLASS & 1 != 0
    }

    /// What the client said by EDNS.
    #[inline]
    pub(crate) fn edns(self) -> Option<Edns> {
        Edns::unpack(self.0)
    }

    /// Whether recursion is desired.
    pub fn recursion_desired(self) -> bool {
        self.0 >> RD & 1 != 0
    }

    /// The flags octets that an answer begins from: QR, the opcode, which is 0, and RD.
    #[inline]
    pub(crate) fn answer_flags(self) -> [u8; 2] {
        answer_flags(u8::from(self.recursion_desired()))
    }

    /// CD as it came, which stands in the second flags octet of what a resolver found (RFC 4035 section
    /// 3.2.2) and of nothing else (section 3.1.6).
    pub(crate) fn checking_disabled(self) -> u8 {
        u8::from(self.0 >> CD & 1 != 0) << 4
    }

    /// Reads a query. `name` then holds QNAME, ready for an authority of this seed.
    ///
    /// The opcode is looked at first, then the EDNS version, then the number of questions.
    pub(crate) fn read(octets: &[u8], name: &mut QueryName, seed: u64) -> Result<Self, Reject> {
        let Some(header) = octets.first_chunk::<HEADER>() else {
            return Err(Reject::DROP);
        };
        let (flags, flags2) = (header[2], header[3]);
        if flags & 0x80 != 0 {
            return Err(Reject::DROP);
        }
        let count = |at: usize| usize::from(u16::from_be_bytes([header[at], header[at + 1]]));
        let questions = count(4);
        let reply = |rcode, question_end, edns| Reject::reply(Reply { rcode, question_end, edns });

        let first = if questions == 0 { Ok(HEADER) } else { read_question(octets, name, seed) };
        let mut edns = None;
        let rest = first.and_then(|end| {
            let end = (1..questions).try_fold(end, |at, _| Ok(skip_name(octets, at)? + 4))?;
            let (before, additional) = (count(6) + count(8), count(10));
            match (before, additional) {
                (0, 0) if questions == 1 => Ok(()),
                (0, 1) if let Some(plain) = read_plain_opt(octets, end) => {
                    edns = Some(plain);
                    Ok(())
                }
                _ => read_records(octets, end, before, additional, &mut edns),
            }
        });
        let opcode = flags >> 3 & 0xf;
        let question_end = if questions == 1 { first.unwrap_or(HEADER) } else { HEADER };
        if opcode != 0 {
            return Err(reply(rcode::NOTIMP, question_end, edns));
        }
        if rest.is_err() {
            // Where an OPT was seen the answer has one too, also if it is the OPT that is wrong (RFC 6891
            // section 7).
            return Err(reply(rcode::FORMERR, question_end, edns));
        }
        if edns.is_some_and(|edns| edns.version != 0) {
            return Err(reply(rcode::BADVERS, question_end, edns));
        }
        if questions != 1 {
            return Err(reply(rcode::FORMERR, HEADER, edns));
        }
        let word = |at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
        let (qtype, qclass) = (RecordType(word(question_end - 4)), word(question_end - 2));
        match (qtype, qclass) {
            (_, qclass) if qclass != CLASS_IN && qclass != CLASS_ANY => {
                Err(reply(rcode::REFUSED, question_end, edns))
            }
            // Transfers are refused until they are served; OPT, TKEY and TSIG are no types to ask for.
            (RecordType::AXFR | RecordType::IXFR, _) => Err(reply(rcode::REFUSED, question_end, edns)),
            (RecordType::OPT | RecordType::TSIG | RecordType::TKEY, _) => {
                Err(reply(rcode::FORMERR, question_end, edns))
            }
            _ => {
                let (recursion_desired, checking_disabled) = (flags & 1, flags2 >> 4 & 1);
                let any_class = qclass == CLASS_ANY;
                Ok(Self(
                    Edns::pack(edns)
                        | u64::from(qtype.0) << QTYPE
                        | (question_end as u64) << QUESTION_END
                        | u64::from(recursion_desired) << RD
                        | u64::from(checking_disabled) << CD
                        | u64::from(any_class) << ANY_CLASS,
                ))
            }
        }
    }
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query")
            .field("qtype", &self.qtype())
            .field("any_class", &self.any_class())
            .field("recursion_desired", &self.recursion_desired())
            .field("edns", &self.edns())
            .finish_non_exhaustive()
    }
}

// === impl Reject ===

impl Reject {
    /// Nothing is sent.
    pub(crate) const DROP: Self = Self(0);

    fn reply(Reply { rcode, question_end, edns }: Reply) -> Self {
        Self(Edns::pack(edns) | u64::from(rcode) << RCODE | (question_end as u64) << QUESTION_END)
    }

    /// What is sent.
    pub(crate) fn as_reply(self) -> Option<Reply> {
        let reply = || Reply {
            rcode: (self.0 >> RCODE) as u16,
            question_end: question_end(self.0),
            edns: Edns::unpack(self.0),
        };
        (self != Self::DROP).then(reply)
    }
}

impl std::fmt::Debug for Reject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Reject").field(&self.as_reply()).finish()
    }
}

// === impl Edns ===

impl Edns {
    #[inline]
    fn pack(edns: Option<Self>) -> u64 {
        edns.map_or(0, |edns| {
            u64::from(edns.payload)
                | u64::from(edns.version) << VERSION
                | u64::from(edns.dnssec_ok) << DNSSEC_OK
                | u64::from(edns.nsid) << NSID
                | 1 << HAS_EDNS
        })
    }

    #[inline]
    fn unpack(word: u64) -> Option<Self> {
        (word >> HAS_EDNS & 1 != 0).then_some(Self {
            payload: word as u16,
            version: (word >> VERSION) as u8,
            dnssec_ok: word >> DNSSEC_OK & 1 != 0,
            nsid: word >> NSID & 1 != 0,
        })
    }
}

#[inline]
fn question_end(word: u64) -> usize {
    usize::from((word >> QUESTION_END) as u16 & 0x1ff)
}

/// QR set, the opcode and RD as they came; everything else clear.
pub(crate) fn answer_flags(flags: u8) -> [u8; 2] {
    [0x80 | flags & 0x79, 0]
}

/// Where the first question ends.
fn read_question(octets: &[u8], name: &mut QueryName, seed: u64) -> Result<usize, ()> {
    let length = name.read(&octets[HEADER..], seed).map_err(drop)?;
    let end = HEADER + length + 4;
    if end <= octets.len() { Ok(end) } else { Err(()) }
}

/// The OPT record at `at` if it is as most are: without options.
#[inline]
fn read_plain_opt(octets: &[u8], at: usize) -> Option<Edns> {
    let [0, 0, 41, high, low, _, version, flags, _, 0, 0] = octets.get(at..)?.first_chunk::<11>()? else {
        return None;
    };
    let payload = u16::from_be_bytes([*high, *low]);
    Some(Edns { payload, version: *version, dnssec_ok: flags & 0x80 != 0, nsid: false })
}

/// Steps over `before` records and looks through `additional` ones for OPT; the first is handed out even
/// where something is wrong with it or behind it.
fn read_records(
    octets: &[u8],
    start: usize,
    before: usize,
    additional: usize,
    edns: &mut Option<Edns>,
) -> Result<(), ()> {
    let mut at = start;
    if at > octets.len() {
        return Err(());
    }
    for index in 0..before + additional {
        let owner = at;
        at = skip_name(octets, at)?;
        let Some(head) = octets.get(at..).and_then(|rest| rest.first_chunk::<10>()) else {
            return Err(());
        };
        let is_opt = u16::from_be_bytes([head[0], head[1]]) == RecordType::OPT.0;
        let is_first = is_opt && edns.is_none();
        if is_first {
            *edns = Some(Edns {
                payload: u16::from_be_bytes([head[2], head[3]]),
                version: head[5],
                dnssec_ok: head[6] & 0x80 != 0,
                nsid: false,
            });
        }
        let rdlength = usize::from(u16::from_be_bytes([head[8], head[9]]));
        at += 10 + rdlength;
        if at > octets.len() {
            return Err(());
        }
        // RFC 6891 section 6.1.1: at most one, in the additional section, owned by the root.
        let is_good = || is_first && index >= before && octets[owner] == 0;
        if is_opt {
            let nsid = if is_good() { read_options(&octets[at - rdlength..at])? } else { return Err(()) };
            *edns = edns.map(|edns| Edns { nsid, ..edns });
        }
    }
    Ok(())
}

/// Looks whether NSID is among the options in the RDATA of an OPT, whatever it says (RFC 5001 section 2.1); what the
/// others are is of no concern here, but they must be whole.
fn read_options(mut rdata: &[u8]) -> Result<bool, ()> {
    let mut nsid = false;
    while let Some((head, rest)) = rdata.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        rdata = rest.get(length..).ok_or(())?;
        nsid |= head[..2] == [0, 3];
    }
    if rdata.is_empty() { Ok(nsid) } else { Err(()) }
}

/// Where the name at `at` ends, a compression pointer being its end.
fn skip_name(octets: &[u8], mut at: usize) -> Result<usize, ()> {
    loop {
        let length = *octets.get(at).ok_or(())?;
        match length {
            0 => return Ok(at + 1),
            1..=63 => at += usize::from(length) + 1,
            0xc0.. => return if at + 2 <= octets.len() { Ok(at + 2) } else { Err(()) },
            _ => return Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is handed on in registers: two words.
    #[test]
    fn what_was_read_is_small() {
        assert!(size_of::<Result<Query, Reject>>() <= 16, "{}", size_of::<Result<Query, Reject>>());
    }

    /// Each part comes out as it went in, whatever the others are.
    #[test]
    fn the_parts_of_a_word_are_apart() {
        let edns = |payload, version, dnssec_ok, nsid| Some(Edns { payload, version, dnssec_ok, nsid });
        for edns in
            [None, edns(0, 0, false, false), edns(u16::MAX, u8::MAX, true, true), edns(1, 2, true, false)]
        {
            for (rcode, question_end) in [(rcode::NOERROR, 12), (rcode::BADVERS, 271), (rcode::FORMERR, 17)] {
                let reply = Reply { rcode, question_end, edns };
                assert_eq!(Reject::reply(reply).as_reply(), Some(reply));
            }
        }
        assert_eq!(Reject::DROP.as_reply(), None);
        let (none, longest) = (vec![0], [&[63; 64][..], &[63; 64], &[63; 64], &[61; 62], &[0]].concat());
        for qname in [none, longest] {
            for (flags, flags2, qtype, qclass) in
                [(0, 0, 1, 1), (1, 0x10, 0xff00, 255), (1, 0, u16::MAX, 1), (0, 0xff, 28, 255)]
            {
                let head = [0, 0, flags, flags2, 0, 1, 0, 0, 0, 0, 0, 1];
                let question = [&qname[..], &u16::to_be_bytes(qtype), &u16::to_be_bytes(qclass)].concat();
                let octets = [&head[..], &question, &[0, 0, 41, 0xff, 0xfe, 0, 0, 0x80, 0, 0, 0]].concat();
                let query = Query::read(&octets, &mut QueryName::empty(), 7).expect("a query");
                assert_eq!(query.qtype(), RecordType(qtype));
                assert_eq!(query.question_end(), 12 + question.len());
                assert_eq!(query.any_class(), qclass == 255);
                assert_eq!(query.recursion_desired(), flags == 1);
                assert_eq!(query.answer_flags(), [0x80 | flags, 0]);
                assert_eq!(query.checking_disabled(), flags2 & 0x10);
                assert_eq!(query.edns(), edns(0xfffe, 0, true, false));
            }
        }
    }
}

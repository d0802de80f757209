//! An answer that waits for the resolver, and how it goes on.

use super::chain::{Chain, End, Progress, Trail};
use super::classify::{Match, look_up};
use super::{Room, Scratch, Summary, Verdict, size_limit, with_ra};
use crate::client::{Client, Sink};
use crate::query::{HEADER, Query, rcode};
use crate::writer::{Full, Opt, Owner, Section, Writer};
use messages::{Question, Resolution};
use zone_model::catalog::{Authority, QueryName};
use zone_model::{Name, Record, RecordType};

/// An answer that was begun from this node's zones and waits for the resolver.
#[derive(Clone, Debug)]
pub struct Pending {
    question: Question,
    /// The message so far: header, question, and the aliases that led out of the zones.
    begun: Vec<u8>,
    answers: u16,
    query: Query,
    client: Client,
    progress: Progress,
    trail: Trail,
    /// The NS of the zone cut that led to the resolver.
    cut: Vec<Record>,
}

// === impl Pending ===

impl Pending {
    pub(super) fn new<A: Authority>(chain: &Chain<'_, '_, '_, A>, cut: Vec<Record>) -> Option<Self> {
        let octets = if chain.progress.at_question {
            &chain.writer.bytes()[HEADER..chain.query.question_end() - 4]
        } else {
            chain.name.wire()
        };
        let name = Name::from_wire(octets).ok()?;
        Some(Self {
            question: Question { name, rtype: chain.query.qtype() },
            begun: chain.writer.bytes().to_vec(),
            answers: chain.writer.answers(),
            query: chain.query,
            client: *chain.client,
            progress: chain.progress,
            trail: chain.trail.clone(),
            cut,
        })
    }

    /// What the resolver is to be asked.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// Whether the client wants DNSSEC records (RFC 3225).
    pub fn dnssec_ok(&self) -> bool {
        self.query.edns().is_some_and(|edns| edns.dnssec_ok)
    }
}

/// Goes on with an answer when the resolver has spoken; `None` says that it failed, which is SERVFAIL.
///
/// Of what the resolver found only the chain of aliases from its question counts, and of negative answers the
/// SOA and proofs. Where the chain leads to a name that is served here the rest is dropped and it goes on in
/// this node's own zones: nothing from outside is ever an answer for them.
pub fn resume<A: Authority>(
    authority: &A,
    pending: Pending,
    resolution: Option<Resolution>,
    scratch: &mut Scratch,
    sink: &mut impl Sink,
) -> Verdict {
    let Pending { question, begun, answers, query, client, mut progress, trail, cut } = pending;
    let Scratch { name: looked_up, room } = scratch;
    let Room { other, targets, trail: own, message, identity } = room;
    let opt = Opt::of(query.edns(), &client, identity);
    let limit = size_limit(&client, query.edns());
    let [high, low] = with_ra(query.answer_flags(), &client);
    let low = low | query.checking_disabled();
    let Some(resolution) = resolution else {
        let edns = query.edns().is_some();
        let mut writer = Writer::answer(message, targets, &begun, query.question_end(), edns, limit);
        let length = writer.finish([high, low], rcode::SERVFAIL, opt, None);
        sink.message(&message[..length]);
        return Verdict::Answered(Summary::new(rcode::SERVFAIL, false, 0));
    };
    let mut writer = Writer::resume(message, targets, &begun, answers, query.edns().is_some(), limit);
    let dnssec_ok = query.edns().is_some_and(|edns| edns.dnssec_ok);
    let mut walk = Walk { authority, name: &mut *looked_up, qtype: query.qtype(), dnssec_ok };
    let end = walk.write(&mut writer, question.name, &resolution.answers);
    let (rcode, truncated) = match end {
        Reached::Own(name) => {
            if looked_up.read(name.as_wire(), authority.seed()).is_err() {
                unreachable!("a `Name` is valid wire form");
            }
            progress.at_question = false;
            progress.resolved = true;
            *own = trail;
            let mut chain = Chain::new(authority, query, &client, identity, writer, (looked_up, other), own);
            chain.progress = progress;
            return match chain.run() {
                End::Message { length, summary } => {
                    sink.message(&message[..length]);
                    Verdict::Answered(summary)
                }
                End::Resolve(pending) => Verdict::Resolve(pending),
            };
        }
        Reached::Full => (rcode::NOERROR, true),
        Reached::Records => {
            write_optional(&mut writer, &cut);
            (u16::from(resolution.rcode), false)
        }
        Reached::Nothing(name) => {
            let negative = walk.write_negative(&mut writer, &name, &resolution.authority);
            if let Ok(true) = negative {
                // Without an SOA they would make it look like a referral (RFC 2308 section 2.2).
                write_optional(&mut writer, &cut);
            }
            (u16::from(resolution.rcode), negative.is_err())
        }
    };
    let aa = if progress.authoritative { 0x04 } else { 0 };
    let tc = if truncated { 0x02 } else { 0 };
    let answers = writer.answers();
    let length = writer.finish([high | aa | tc, low], rcode, opt, None);
    sink.message(&message[..length]);
    Verdict::Answered(Summary::new(rcode, truncated, answers))
}

fn write(writer: &mut Writer<'_>, section: Section, record: &Record) -> Result<(), Full> {
    writer.record(section, Owner::Name(record.owner.as_wire()), record.rtype, record.ttl, &record.rdata)
}

/// The servers of the delegated zone, whole or not at all: the answer is good without them (RFC 2181 section
/// 9).
fn write_optional(writer: &mut Writer<'_>, servers: &[Record]) {
    let _ = writer
        .whole(|writer| servers.iter().try_for_each(|record| write(writer, Section::Authority, record)));
}

/// The walk along what the resolver found.
struct Walk<'w, A> {
    authority: &'w A,
    name: &'w mut QueryName,
    qtype: RecordType,
    /// Whether signatures and proofs are wanted.
    dnssec_ok: bool,
}

/// Where the chain of what the resolver found ends.
enum Reached {
    /// At the records that were asked for.
    Records,
    /// At this name, of which nothing was found.
    Nothing(Name),
    /// At this name, for which this node answers itself.
    Own(Name),
    /// Where the message was full.
    Full,
}

impl<A: Authority> Walk<'_, A> {
    /// Writes the chain from `name`, each RRset whole with its signatures.
    fn write(&mut self, writer: &mut Writer<'_>, mut name: Name, records: &[Record]) -> Reached {
        let follows = self.qtype != RecordType::CNAME && self.qtype != RecordType::ANY;
        // Each turn uses a record up, so a chain that bites its tail ends.
        for _ in 0..=records.len() {
            let owned = |record: &&Record| record.owner == name;
            let alias = records.iter().filter(owned).find(|record| record.rtype == RecordType::CNAME);
            let Some(alias) = alias.filter(|_| follows) else {
                let mut written = 0;
                let all = writer.whole(|writer| {
                    let wanted = |record: &&Record| self.wants(record, self.qtype);
                    records.iter().filter(owned).filter(wanted).try_for_each(|record| {
                        written +=
                            usize::from(record.rtype != RecordType::RRSIG || self.qtype == RecordType::RRSIG);
                        write(writer, Section::Answer, record)
                    })
                });
                return match all {
                    Err(Full) => Reached::Full,
                    Ok(()) if written > 0 => Reached::Records,
                    Ok(()) => Reached::Nothing(name),
                };
            };
            let Ok(target) = Name::from_wire(&alias.rdata) else { return Reached::Nothing(name) };
            let dname =
                records.iter().find(|record| makes(record, &name, &target) && self.is_foreign(record));
            let all = writer.whole(|writer| {
                if let Some(dname) = dname {
                    let redirect = |record: &&Record| {
                        record.owner == dname.owner
                            && (*record == dname || self.is_signature(record, dname.rtype))
                    };
                    records
                        .iter()
                        .filter(redirect)
                        .try_for_each(|record| write(writer, Section::Answer, record))?;
                }
                let of_alias =
                    |record: &&Record| *record == alias || self.is_signature(record, RecordType::CNAME);
                records
                    .iter()
                    .filter(owned)
                    .filter(of_alias)
                    .try_for_each(|record| write(writer, Section::Answer, record))
            });
            if all.is_err() {
                return Reached::Full;
            }
            if !self.is_others(&target, self.qtype) {
                return Reached::Own(target);
            }
            name = target;
        }
        Reached::Nothing(name)
    }

    /// Writes what says that `name` has no such records; gives whether an SOA was there. None of it may be
    /// about names that this node answers for.
    fn write_negative(
        &mut self,
        writer: &mut Writer<'_>,
        name: &Name,
        records: &[Record],
    ) -> Result<bool, Full> {
        let mut soa = false;
        for record in records {
            let wanted = match record.rtype {
                RecordType::SOA => !soa && name.is_at_or_below(&record.owner),
                RecordType::RRSIG | RecordType::NSEC | RecordType::NSEC3 => self.dnssec_ok,
                _ => false,
            };
            if wanted && self.is_foreign(record) {
                soa |= record.rtype == RecordType::SOA;
                write(writer, Section::Authority, record)?;
            }
        }
        Ok(soa)
    }

    /// Whether the record is part of the RRset of a type: one of its records, or a signature of it.
    fn wants(&self, record: &Record, rtype: RecordType) -> bool {
        record.rtype == rtype || rtype == RecordType::ANY || self.is_signature(record, rtype)
    }

    /// Whether the record is a signature of RRsets of a type (RFC 4034 section 3.1.1), and wanted.
    fn is_signature(&self, record: &Record, rtype: RecordType) -> bool {
        self.dnssec_ok
            && record.rtype == RecordType::RRSIG
            && record.rdata.starts_with(&rtype.0.to_be_bytes())
    }

    fn is_foreign(&mut self, record: &Record) -> bool {
        self.is_others(&record.owner, record.rtype)
    }

    /// Whether others answer for the name: it is in no zone here, or at or below a zone cut.
    fn is_others(&mut self, name: &Name, rtype: RecordType) -> bool {
        self.name.read(name.as_wire(), self.authority.seed()).is_ok()
            && matches!(look_up(self.authority, self.name, rtype), Match::Alien | Match::Cut(..))
    }
}

/// Whether the record is the DNAME that makes of `name` an alias of `target` (RFC 6672 section 2.2).
fn makes(record: &Record, name: &Name, target: &Name) -> bool {
    if record.rtype != RecordType::DNAME || !name.is_below(&record.owner) {
        return false;
    }
    let kept = name.as_wire().len() - record.owner.as_wire().len();
    let (prefix, rest) = target.as_wire().split_at(kept.min(target.as_wire().len()));
    prefix.eq_ignore_ascii_case(&name.as_wire()[..kept]) && rest.eq_ignore_ascii_case(&record.rdata)
}

//! Follows a question through aliases to its end, and writes what is found on the way.

use super::classify::{Match, classify, visible};
use super::pending::Pending;
use super::{Summary, additional, with_ra};
use crate::client::{AnyAnswer, Client};
use crate::identity::Identity;
use crate::query::{ExtendedError, Query, rcode};
use crate::writer::{Full, Opt, Owner, Section, Writer};
use zone_model::catalog::{AnswerRrSet, Authority, Node, QueryName};
use zone_model::{Record, RecordType};

/// Aliases that are followed at most; a longer chain ends with what was collected.
const HOPS: usize = 16;

/// A question on its way.
pub(super) struct Chain<'w, 'b, 'a, A> {
    pub(super) authority: &'a A,
    pub(super) query: Query,
    pub(super) client: &'w Client,
    identity: &'w Identity,
    pub(super) writer: Writer<'b>,
    /// The name that is looked up at present.
    pub(super) name: &'w mut QueryName,
    /// Room for another name.
    pub(super) other: &'w mut QueryName,
    pub(super) progress: Progress,
    pub(super) trail: &'w mut Trail,
    /// What [`Authority::find`] says of the name that is looked up, where it was asked already.
    found: Option<Option<(Node<'a>, usize)>>,
}

/// How far a question has come; what a [`Pending`] takes with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// Whether the name is still the question's.
    pub(super) at_question: bool,
    /// AA, decided by the first name: an alias that leads away does not take it back.
    pub(super) authoritative: bool,
    /// Whether something in the answer came from the resolver.
    pub(super) resolved: bool,
}

/// Where a question has been. One value serves question after question: only the numbers are reset.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    /// The names that were looked up.
    visited: [u64; HOPS],
    hops: usize,
    /// The owners whose DNAME stands in the answer: a chain may pass one often, and each RRset stands there
    /// once.
    dnames: [u64; HOPS],
    redirects: usize,
}

/// How a chain ended.
pub(super) enum End {
    Message { length: usize, summary: Summary },
    Resolve(Box<Pending>),
}

/// What is left to write when the answer section is done.
enum Rest<'a> {
    Nothing,
    /// Addresses of the names that the RRset at the chain's end names, in the zone whose apex has so many labels.
    AddressesOf(AnswerRrSet<'a>, usize),
    /// The SOA of the zone whose apex has so many labels.
    Negative(usize),
    Referral(Node<'a>, usize),
}

// === impl Trail ===

impl Trail {
    pub(super) fn new() -> Self {
        Self { visited: [0; HOPS], hops: 0, dnames: [0; HOPS], redirects: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.hops = 0;
        self.redirects = 0;
    }

    /// Whether the name may be looked up: not twice, and not beyond the limit.
    pub(super) fn visit(&mut self, name: &QueryName) -> bool {
        let fingerprint = name.fingerprint();
        if self.hops == HOPS || self.visited[..self.hops].contains(&fingerprint) {
            return false;
        }
        self.visited[self.hops] = fingerprint;
        self.hops += 1;
        true
    }

    /// Whether the DNAME of this owner does not stand in the answer yet.
    fn is_new_dname(&mut self, owner: u64) -> bool {
        if self.dnames[..self.redirects].contains(&owner) {
            return false;
        }
        // There is a place for each name that may be visited.
        self.dnames[self.redirects] = owner;
        self.redirects += 1;
        true
    }
}

// === impl Chain ===

impl<'w, 'b, 'a, A: Authority> Chain<'w, 'b, 'a, A> {
    #[inline]
    pub(super) fn new(
        authority: &'a A,
        query: Query,
        client: &'w Client,
        identity: &'w Identity,
        writer: Writer<'b>,
        (name, other): (&'w mut QueryName, &'w mut QueryName),
        trail: &'w mut Trail,
    ) -> Self {
        let progress = Progress { at_question: true, authoritative: false, resolved: false };
        Self { authority, query, client, identity, writer, name, other, progress, trail, found: None }
    }

    /// The same with what a lookup of the name found.
    #[inline]
    pub(super) fn with_found(mut self, found: Option<(Node<'a>, usize)>) -> Self {
        self.found = Some(found);
        self
    }

    /// Follows the chain from the name it stands at.
    pub(super) fn run(&mut self) -> End {
        loop {
            if !self.trail.visit(self.name) {
                return self.finish(rcode::NOERROR, Rest::Nothing);
            }
            let found = self.found.unwrap_or_else(|| self.authority.find(self.name));
            let matched = classify(self.authority, self.name, self.query.qtype(), found);
            if self.progress.at_question {
                let ours = !matches!(matched, Match::Cut(..) | Match::Alien);
                self.progress.authoritative = ours && !self.query.any_class();
            }
            let followed = match matched {
                Match::Hit(rrset, apex) => {
                    let written = self.write_hit(&rrset);
                    return match written {
                        Ok(()) => self.finish(rcode::NOERROR, Rest::AddressesOf(rrset, apex)),
                        Err(Full) => self.truncate(),
                    };
                }
                Match::All(node) => return self.finish_all(node),
                Match::NoData(apex) => return self.finish(rcode::NOERROR, Rest::Negative(apex)),
                Match::Miss(apex) => return self.finish(rcode::NXDOMAIN, Rest::Negative(apex)),
                Match::Cut(node, labels) if self.recurses() => {
                    let cut = self.name_servers(node, labels);
                    return self.ask_resolver(cut);
                }
                Match::Cut(node, labels) => return self.finish(rcode::NOERROR, Rest::Referral(node, labels)),
                Match::Alien if self.recurses() => return self.ask_resolver(Vec::new()),
                Match::Alien if self.progress.at_question => {
                    return self.finish(rcode::REFUSED, Rest::Nothing);
                }
                Match::Alien => return self.finish(rcode::NOERROR, Rest::Nothing),
                Match::Alias(rrset) => self.follow(&rrset),
                Match::Redirect(dname, labels) => match self.redirect(&dname, labels) {
                    // The CNAME that was made up is the very thing that was asked for.
                    Ok(true) if self.query.qtype() == RecordType::CNAME => {
                        return self.finish(rcode::NOERROR, Rest::Nothing);
                    }
                    Ok(true) => Ok(()),
                    Ok(false) => return self.finish(rcode::YXDOMAIN, Rest::Nothing),
                    Err(full) => Err(full),
                },
            };
            match followed {
                Ok(()) => {
                    self.progress.at_question = false;
                    self.found = None;
                }
                Err(Full) => return self.truncate(),
            }
        }
    }

    fn recurses(&self) -> bool {
        self.client.recursion && self.query.recursion_desired()
    }

    fn write(&mut self, rrset: &AnswerRrSet<'_>) -> Result<(), Full> {
        let owner = owner_of(&self.progress, self.name, self.name.labels());
        self.writer.rrset(Section::Answer, owner, rrset, None)
    }

    /// Writes what was asked for, unless it is a DNAME that the chain came by.
    fn write_hit(&mut self, rrset: &AnswerRrSet<'_>) -> Result<(), Full> {
        let is_dname = rrset.rtype == RecordType::DNAME;
        if is_dname && !self.trail.is_new_dname(self.name.fingerprint()) {
            return Ok(());
        }
        self.write(rrset)
    }

    /// Writes an alias and goes to its target.
    fn follow(&mut self, rrset: &AnswerRrSet<'a>) -> Result<(), Full> {
        self.write(rrset)?;
        let seed = self.authority.seed();
        if let Some(target) = rrset.rdatas().next() {
            // An event whose RDATA is no name is unusable; should one be here the chain ends at its owner.
            let _ = self.name.read(target, seed);
        }
        Ok(())
    }

    /// Writes a DNAME and the CNAME that it stands for, and goes to its target (RFC 6672 section 3.1); false
    /// where the target would be too long a name.
    fn redirect(&mut self, dname: &AnswerRrSet<'a>, labels: usize) -> Result<bool, Full> {
        if self.trail.is_new_dname(self.name.ancestor_fingerprint(labels)) {
            let owner = owner_of(&self.progress, self.name, labels);
            self.writer.rrset(Section::Answer, owner, dname, Some(dname.ttl()))?;
        }
        let Some(target) = dname.rdatas().next() else { return Ok(false) };
        let kept = self.name.suffix_start(labels);
        let mut name = [0; zone_model::MAX_NAME];
        let Some(room) = name.get_mut(..kept + target.len()) else { return Ok(false) };
        room[..kept].copy_from_slice(&self.prefix()[..kept]);
        room[kept..].copy_from_slice(target);
        let name = &name[..kept + target.len()];
        let owner = owner_of(&self.progress, self.name, self.name.labels());
        self.writer.record(Section::Answer, owner, RecordType::CNAME, dname.ttl(), name)?;
        let seed = self.authority.seed();
        Ok(self.name.read(name, seed).is_ok())
    }

    /// The octets of the name as they were written: the question's with its case.
    fn prefix(&self) -> &[u8] {
        if self.progress.at_question {
            &self.writer.bytes()[crate::query::HEADER..]
        } else {
            self.name.wire()
        }
    }

    /// QTYPE ANY: everything, or one RRset (RFC 8482 section 4.1).
    fn finish_all(&mut self, node: Node<'a>) -> End {
        let most = match self.client.any {
            AnyAnswer::One => 1,
            AnyAnswer::All => usize::MAX,
        };
        for rrset in visible(node).take(most) {
            if self.write_hit(&rrset).is_err() {
                return self.truncate();
            }
        }
        self.finish(rcode::NOERROR, Rest::Nothing)
    }

    fn name_servers(&self, node: Node<'a>, labels: usize) -> Vec<Record> {
        let Ok(owner) = zone_model::Name::from_wire(self.name.suffix(labels)) else { return Vec::new() };
        let records = node.rrset(RecordType::NS).into_iter().flat_map(|rrset| {
            let (owner, ttl) = (owner.clone(), rrset.ttl());
            rrset.rdatas().map(move |rdata| {
                let (owner, rdata) = (owner.clone(), rdata.into());
                Record { owner, rtype: RecordType::NS, ttl, rdata }
            })
        });
        records.collect()
    }

    fn ask_resolver(&self, cut: Vec<Record>) -> End {
        match Pending::new(self, cut) {
            Some(pending) => End::Resolve(Box::new(pending)),
            None => unreachable!("a name that was looked up is a name"),
        }
    }

    fn finish(&mut self, rcode: u16, rest: Rest<'a>) -> End {
        let written = match rest {
            Rest::Nothing => Ok(()),
            Rest::AddressesOf(rrset, apex) => {
                let owner = owner_of(&self.progress, self.name, self.name.labels());
                let name = &*self.name;
                additional::addresses(
                    self.authority,
                    &mut self.writer,
                    self.other,
                    &rrset,
                    name,
                    apex,
                    owner,
                );
                Ok(())
            }
            Rest::Negative(apex) => self.write_soa(apex),
            Rest::Referral(node, labels) => self.write_referral(node, labels),
        };
        match written {
            Ok(()) => self.end(rcode, false),
            Err(Full) => self.end(rcode, true),
        }
    }

    fn truncate(&mut self) -> End {
        self.end(rcode::NOERROR, true)
    }

    fn end(&mut self, rcode: u16, truncated: bool) -> End {
        let answers = self.writer.answers();
        let [mut high, mut low] = with_ra(self.query.answer_flags(), self.client);
        if self.progress.resolved {
            low |= self.query.checking_disabled();
        }
        if self.progress.authoritative {
            high |= 0x04;
        }
        if truncated {
            high |= 0x02;
        }
        let opt = Opt::of(self.query.edns(), self.client, self.identity);
        let error = (rcode == rcode::REFUSED).then_some(ExtendedError::NotAuthoritative);
        let length = self.writer.finish([high, low], rcode, opt, error);
        End::Message { length, summary: Summary::new(rcode, truncated, answers) }
    }

    /// The SOA of a negative answer, with the TTL of RFC 2308 section 5: the lesser of its own and MINIMUM.
    fn write_soa(&mut self, apex: usize) -> Result<(), Full> {
        let authority = self.authority;
        // The closest encloser of a name that does not exist is the apex, more often than not.
        let node = match self.found {
            Some(Some((node, labels))) if labels == apex => Some(node),
            _ => authority.node(self.name, apex),
        };
        let Some(soa) = node.and_then(|node| node.rrset(RecordType::SOA)) else { return Ok(()) };
        let minimum = soa.rdatas().next().and_then(|rdata| rdata.last_chunk::<4>().copied());
        let ttl = minimum.map_or(soa.ttl(), |minimum| soa.ttl().min(u32::from_be_bytes(minimum)));
        let owner = owner_of(&self.progress, self.name, apex);
        self.writer.rrset(Section::Authority, owner, &soa, Some(ttl))
    }

    /// The NS of a zone cut, and glue (RFC 1034 section 4.3.2 step 3b, RFC 9471).
    fn write_referral(&mut self, node: Node<'a>, labels: usize) -> Result<(), Full> {
        let Some(servers) = node.rrset(RecordType::NS) else { return Ok(()) };
        let owner = owner_of(&self.progress, self.name, labels);
        self.writer.rrset(Section::Authority, owner, &servers, None)?;
        let apex = self.name.suffix(node.apex_labels());
        additional::glue(self.authority, &mut self.writer, self.other, &servers, node.owner(), apex)
    }
}

/// The owner of what is found at the name, or at its ancestor of `labels` labels: as the question wrote it
/// where it is part of the question.
fn owner_of<'n>(progress: &Progress, name: &'n QueryName, labels: usize) -> Owner<'n> {
    if progress.at_question {
        Owner::Question(name.suffix_start(labels))
    } else {
        Owner::Name(name.suffix(labels))
    }
}

//! Looks ahead: what the answers to a batch of queries will need is brought nearer for all of them at once.
//!
//! In a large zone nearly all that an answer costs is waiting for memory: an entry of the catalogue's directory,
//! a page, a node, one after the other. Taking each step for all queries of a batch before the next step of any,
//! one waits for all of them together. Nothing is decided here; the answers then find near what they look up.

use super::{Scratch, Verdict, respond};
use crate::client::{Client, Sink};
use crate::query::{Query, Reject};
use zone_model::RecordType;
use zone_model::catalog::{Approach, Authority, Node, Probe, QueryName};
use zone_model::rdata;

/// Queries that are looked ahead for at most.
pub const PLACES: usize = 64;

/// Steps for one query at most: a name that is several labels away from what exists takes longer, and is looked
/// up by its answer.
const STEPS: usize = 16;

/// Room for the queries of a batch.
pub struct Lookahead {
    places: Box<[Place]>,
    /// Rooms for the names that records name.
    others: Box<[QueryName]>,
}

/// A query, read.
struct Place {
    read: Result<Query, Reject>,
    name: QueryName,
}

/// The queries of a batch that were looked ahead for: they can be answered, each once, in any order.
pub struct Looked<'l, 'a, A> {
    authority: Option<&'a A>,
    places: &'l mut [Place],
    found: [Found<'a>; PLACES],
}

/// The node of a name, or of its closest encloser, of so many labels.
type Found<'a> = Option<(Node<'a>, usize)>;

/// The way of one query's lookups.
#[derive(Clone, Copy)]
struct Walker<'a> {
    probe: Probe<'a>,
    goal: Goal,
    labels: usize,
}

/// What a walker looks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    /// The name, or the closest that exists above it.
    Name,
    /// The wildcard that covers it.
    Wildcard,
    /// The apex above it, whose SOA a negative answer needs.
    Apex,
    /// The name that a record of its names: an alias's target, a host.
    Other,
}

// === impl Lookahead ===

impl Lookahead {
    /// Room for a batch.
    pub fn new() -> Self {
        let place = || Place { read: Err(Reject::Drop), name: QueryName::empty() };
        Self {
            places: (0..PLACES).map(|_| place()).collect(),
            others: (0..PLACES).map(|_| QueryName::empty()).collect(),
        }
    }

    /// Reads queries, at most [`PLACES`], and looks ahead for them. The first gets place 0.
    pub fn look<'l, 'a, 'q, A: Authority>(
        &'l mut self,
        authority: Option<&'a A>,
        queries: impl IntoIterator<Item = &'q [u8]>,
    ) -> Looked<'l, 'a, A> {
        let seed = authority.map_or(0, Authority::seed);
        let mut count = 0;
        for (place, octets) in self.places.iter_mut().zip(queries) {
            place.read = Query::read(octets, &mut place.name, seed);
            count += 1;
        }
        let places = &mut self.places[..count];
        let mut found = [None; PLACES];
        if let Some(authority) = authority {
            walk(authority, places, &mut self.others, &mut found);
        }
        Looked { authority, places, found }
    }
}

impl Default for Lookahead {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Lookahead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookahead").finish_non_exhaustive()
    }
}

// === impl Looked ===

impl<A: Authority> Looked<'_, '_, A> {
    /// Answers the query in a place as [`answer`](super::answer()) does. The octets must be those that were read.
    ///
    /// # Panics
    /// If there is no such place.
    #[inline]
    pub fn answer(
        &mut self,
        place: usize,
        octets: &[u8],
        client: &Client,
        scratch: &mut Scratch,
        sink: &mut impl Sink,
    ) -> Verdict {
        let Place { read, name } = &mut self.places[place];
        respond(self.authority, octets, (*read, name, self.found[place]), client, &mut scratch.room, sink)
    }
}

impl<A> std::fmt::Debug for Looked<'_, '_, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Looked").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

/// Walks for all queries at once, each walker a step in turn.
fn walk<'a, A: Authority>(
    authority: &'a A,
    places: &[Place],
    others: &mut [QueryName],
    found: &mut [Found<'a>; PLACES],
) {
    let Some(first) = places.first() else { return };
    let idle = Walker { probe: Probe::new(&first.name, 0), goal: Goal::Name, labels: 0 };
    let mut walkers = [idle; PLACES];
    // The places of those that are under way.
    let mut under_way = [0; PLACES];
    let mut count = 0;
    for (at, place) in places.iter().enumerate().take(PLACES) {
        if place.read.is_ok() {
            let labels = place.name.labels();
            walkers[at] = Walker { probe: Probe::new(&place.name, labels), goal: Goal::Name, labels };
            under_way[count] = at;
            count += 1;
        }
    }
    for _ in 0..STEPS {
        let mut left = 0;
        for turn in 0..count {
            let at = under_way[turn];
            if walkers[at].step(authority, &places[at], &mut others[at], &mut found[at]) {
                under_way[left] = at;
                left += 1;
            }
        }
        count = left;
        if count == 0 {
            return;
        }
    }
}

// === impl Walker ===

impl<'a> Walker<'a> {
    /// Takes a step; false at the end of the way.
    #[inline]
    fn step<A: Authority>(
        &mut self,
        authority: &'a A,
        place: &Place,
        other: &mut QueryName,
        found: &mut Found<'a>,
    ) -> bool {
        let approach = match self.goal {
            Goal::Name | Goal::Apex => authority.approach(&mut self.probe, &place.name, self.labels),
            Goal::Wildcard => authority.approach_wildcard(&mut self.probe, &place.name, self.labels),
            Goal::Other => authority.approach(&mut self.probe, other, self.labels),
        };
        match (approach, self.goal) {
            (Approach::Coming, _) => true,
            (Approach::Absent, Goal::Name) if self.labels > 0 => {
                self.labels -= 1;
                self.probe = Probe::new(&place.name, self.labels);
                true
            }
            (Approach::Here(node), Goal::Name) => {
                *found = Some((node, self.labels));
                self.go_on(authority, node, place, other)
            }
            (Approach::Here(node), Goal::Wildcard) => {
                self.follow(authority, node, place, other).unwrap_or(false)
            }
            _ => false,
        }
    }

    /// From the name, or its closest encloser.
    fn go_on<A: Authority>(
        &mut self,
        authority: &A,
        node: Node<'_>,
        place: &Place,
        other: &mut QueryName,
    ) -> bool {
        if node.barrier().is_some() || node.is_cut() {
            return false;
        }
        let exact = self.labels == place.name.labels();
        if exact && let Some(follows) = self.follow(authority, node, place, other) {
            return follows;
        }
        if !exact && node.has_wildcard_below() {
            self.goal = Goal::Wildcard;
            self.probe = Probe::wildcard(&place.name, self.labels);
            return true;
        }
        if node.is_apex() {
            return false;
        }
        // Nothing there: the SOA is next.
        self.goal = Goal::Apex;
        self.labels = node.apex_labels();
        self.probe = Probe::new(&place.name, self.labels);
        true
    }

    /// To the name that the first record names, where the answer goes on there; `None` where there is no record.
    fn follow<A: Authority>(
        &mut self,
        authority: &A,
        node: Node<'_>,
        place: &Place,
        other: &mut QueryName,
    ) -> Option<bool> {
        let Ok(query) = &place.read else { return Some(false) };
        let alias = || node.rrset(RecordType::CNAME).filter(|_| node.has_cname());
        let rrset = node.rrset(query.qtype).or_else(alias)?;
        let is_alias = rrset.rtype == RecordType::CNAME && query.qtype != RecordType::CNAME;
        if !is_alias && !rdata::draws_additional(rrset.rtype) {
            return Some(false);
        }
        let rdata = rrset.rdatas().next()?;
        let field = rdata::known_name_fields(rrset.rtype, rdata).next()?;
        if other.read(&rdata[field.start..field.start + field.length], authority.seed()).is_err() {
            return Some(false);
        }
        self.goal = Goal::Other;
        self.labels = other.labels();
        self.probe = Probe::new(other, self.labels);
        Some(true)
    }
}

//! Looks ahead: what the answers to a batch of queries will need is brought nearer for all of them at once.
//!
//! In a large zone nearly all that an answer costs is waiting for memory: an entry of the catalogue's directory,
//! a page, a node, one after the other. Taking each step for all queries of a batch before the next step of any,
//! one waits for all of them together. Nothing is decided here; the answers take the nodes that were found, and find near
//! what else they look up.

use super::{Scratch, Verdict, respond};
use crate::client::{Client, Sink};
use crate::query::{Query, Reject};
use zone_model::RecordType;
use zone_model::catalog::{Approach, Authority, Node, Probe, QueryName};
use zone_model::rdata;

/// Queries that are looked ahead for at most.
pub const PLACES: usize = 32;

/// Steps for one query at most: a name that is several labels away from what exists takes longer, and is looked
/// up by its answer.
const STEPS: usize = 16;

/// Room for the queries of a batch.
pub struct Lookahead {
    places: Box<[Place; PLACES]>,
    /// Rooms for the names that records name.
    others: Box<[QueryName; PLACES]>,
}

/// A query, read.
struct Place {
    read: Result<Query, Reject>,
    name: QueryName,
}

/// What was found beside a name.
#[derive(Clone, Copy)]
pub(super) enum Ahead<'n, 'a> {
    /// Nothing, or it was not looked for.
    Nothing,
    /// The node of the wildcard below its closest encloser.
    Wildcard(Node<'a>),
    /// The name that a record of its names, and that one's node.
    Other(&'n QueryName, Node<'a>),
}

/// Room for what is found for the queries of a batch in one catalogue. It serves any number of batches, and stands where
/// the caller has it: it is too large to be handed back.
pub struct Findings<'a> {
    walkers: [Walker<'a>; PLACES],
    found: [Found<'a>; PLACES],
}

/// The queries of a batch that were looked ahead for: they can be answered, each once, in any order.
pub struct Looked<'l, 'a, A> {
    authority: Option<&'a A>,
    places: &'l mut [Place],
    others: &'l [QueryName],
    found: &'l [Found<'a>],
}

/// What was found for a query.
#[derive(Clone, Copy)]
struct Found<'a> {
    /// The node of its name, or of its closest encloser, of so many labels.
    name: Option<(Node<'a>, usize)>,
    beside: Beside<'a>,
}

/// As [`Ahead`]; the other name stands in its room.
#[derive(Clone, Copy)]
enum Beside<'a> {
    Nothing,
    Wildcard(Node<'a>),
    Other(Node<'a>),
}

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
        let place = || Place { read: Err(Reject::DROP), name: QueryName::empty() };
        Self {
            places: Box::new(std::array::from_fn(|_| place())),
            others: Box::new(std::array::from_fn(|_| QueryName::empty())),
        }
    }

    /// Reads queries, at most [`PLACES`], and looks ahead for them. The first gets place 0.
    pub fn look<'l, 'a, 'q, A: Authority>(
        &'l mut self,
        authority: Option<&'a A>,
        queries: impl IntoIterator<Item = &'q [u8]>,
        findings: &'l mut Findings<'a>,
    ) -> Looked<'l, 'a, A> {
        let seed = authority.map_or(0, Authority::seed);
        let (places, others) = (&mut *self.places, &mut *self.others);
        let Findings { walkers, found } = findings;
        // Those that are under way, one behind the other: where all were asked whether they have arrived the processor
        // would guess, and in a mix of questions it guesses wrong.
        let (mut under_way, mut left) = ([0; PLACES], 0);
        let mut count = 0;
        for (((place, walker), found), octets) in
            places.iter_mut().zip(&mut *walkers).zip(&mut *found).zip(queries)
        {
            *found = Found::NOTHING;
            place.read = Query::read(octets, &mut place.name, seed);
            if place.read.is_ok()
                && let Some(authority) = authority
            {
                let labels = place.name.labels();
                walker.look_for(authority, Goal::Name, labels, Probe::new(&place.name, labels));
                under_way[left] = count;
                left += 1;
            }
            count += 1;
        }
        for _ in 0..STEPS {
            let Some(authority) = authority.filter(|_| left > 0) else { break };
            let mut still = 0;
            for at in 0..left {
                let own = under_way[at] % PLACES;
                let goes_on = walkers[own].step(authority, &places[own], &mut others[own], &mut found[own]);
                under_way[still] = own;
                still += usize::from(goes_on);
            }
            left = still;
        }
        Looked { authority, places: &mut places[..count], others: &others[..count], found: &found[..count] }
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

// === impl Findings ===

impl Findings<'_> {
    /// Room for a batch.
    pub fn new() -> Self {
        Self { walkers: [Walker::IDLE; PLACES], found: [Found::NOTHING; PLACES] }
    }
}

impl Default for Findings<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Findings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Findings").finish_non_exhaustive()
    }
}

// === impl Found ===

impl Found<'_> {
    const NOTHING: Self = Self { name: None, beside: Beside::Nothing };
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
        let Found { name: found, beside } = self.found[place];
        let ahead = match beside {
            Beside::Nothing => Ahead::Nothing,
            Beside::Wildcard(node) => Ahead::Wildcard(node),
            Beside::Other(node) => Ahead::Other(&self.others[place], node),
        };
        respond(self.authority, octets, (*read, name, found, ahead), client, &mut scratch.room, sink)
    }
}

impl<A> std::fmt::Debug for Looked<'_, '_, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Looked").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

// === impl Walker ===

impl<'a> Walker<'a> {
    const IDLE: Self = Self { probe: Probe::IDLE, goal: Goal::Name, labels: 0 };

    /// Begins to look for something: the ancestor of a name that has so many labels, or the `*` below it.
    #[inline]
    fn look_for<A: Authority>(&mut self, authority: &'a A, goal: Goal, labels: usize, probe: Probe<'a>) {
        *self = Self { probe, goal, labels };
        authority.begin(&mut self.probe);
    }

    /// Takes a step; false at the end of the way.
    #[inline]
    fn step<A: Authority>(
        &mut self,
        authority: &'a A,
        place: &Place,
        other: &mut QueryName,
        found: &mut Found<'a>,
    ) -> bool {
        let name = match self.goal {
            Goal::Other => &*other,
            Goal::Name | Goal::Wildcard | Goal::Apex => &place.name,
        };
        match (authority.approach(&mut self.probe, name, self.labels), self.goal) {
            (Approach::Coming, _) => true,
            (Approach::Absent, Goal::Name) if self.labels > 0 => {
                let labels = self.labels - 1;
                self.look_for(authority, Goal::Name, labels, Probe::new(&place.name, labels));
                true
            }
            (Approach::Here(node), Goal::Name) => {
                found.name = Some((node, self.labels));
                self.go_on(authority, node, place, other)
            }
            (Approach::Here(node), Goal::Wildcard) => {
                found.beside = Beside::Wildcard(node);
                self.follow(authority, node, place, other).unwrap_or(false)
            }
            (Approach::Here(node), Goal::Other) => {
                // Of what a wildcard's record names the wildcard itself comes first.
                if let Beside::Nothing = found.beside {
                    found.beside = Beside::Other(node);
                }
                false
            }
            _ => false,
        }
    }

    /// From the name, or its closest encloser.
    fn go_on<A: Authority>(
        &mut self,
        authority: &'a A,
        node: Node<'_>,
        place: &Place,
        other: &mut QueryName,
    ) -> bool {
        if !node.is_authoritative() {
            return false;
        }
        let exact = self.labels == place.name.labels();
        if exact && let Some(follows) = self.follow(authority, node, place, other) {
            return follows;
        }
        if !exact && node.has_wildcard_below() {
            let wildcard = Probe::of_wildcard(&place.name, self.labels);
            self.look_for(authority, Goal::Wildcard, self.labels, wildcard);
            return true;
        }
        if node.is_apex() {
            return false;
        }
        // Nothing there: the SOA is next.
        let labels = node.apex_labels();
        self.look_for(authority, Goal::Apex, labels, Probe::new(&place.name, labels));
        true
    }

    /// To the name that the first record names, where the answer goes on there; `None` where there is no record.
    fn follow<A: Authority>(
        &mut self,
        authority: &'a A,
        node: Node<'_>,
        place: &Place,
        other: &mut QueryName,
    ) -> Option<bool> {
        let Ok(query) = &place.read else { return Some(false) };
        let alias = || node.rrset(RecordType::CNAME).filter(|_| node.has_cname());
        let rrset = node.rrset(query.qtype()).or_else(alias)?;
        rrset.approach();
        let is_alias = rrset.rtype == RecordType::CNAME && query.qtype() != RecordType::CNAME;
        if rrset.plain || !is_alias && !rdata::draws_additional(rrset.rtype) {
            return Some(false);
        }
        let rdata = rrset.rdatas().next()?;
        let start = match rdata::compressible_names(rrset.rtype) {
            Some(names) => names.start,
            None => rdata::known_name_fields(rrset.rtype, rdata).next()?.start,
        };
        if other.read(rdata.get(start..)?, authority.seed()).is_err() {
            return Some(false);
        }
        let labels = other.labels();
        self.look_for(authority, Goal::Other, labels, Probe::new(other, labels));
        Some(true)
    }
}

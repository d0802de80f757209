//! What of two answers is compared, and in what they differ.

use crate::question::Question;
use crate::world::{World, is_at_or_below};
use std::collections::BTreeSet;
use stream_dns_tests::reading::{Reading, Rr};

const CNAME: u16 = 5;
const DNAME: u16 = 39;

/// An answer as far as it comes from the zone that the question goes to: not every server follows an alias into
/// another zone, so what is there is asked for and compared by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) authoritative: bool,
    pub(crate) answer: BTreeSet<Rr>,
    pub(crate) end: End,
}

/// How the part ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In the zone.
    Here { rcode: u16, authority: BTreeSet<Rr>, additional: BTreeSet<Rr> },
    /// With an alias of this name in another zone, or in none that is here.
    Elsewhere(String),
    /// Where the message was full.
    Truncated,
}

/// In what two answers differ, in the order of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Aspect {
    Silence,
    Octets,
    Rcode(u16, u16),
    Authoritative,
    Truncated,
    Answer,
    Way,
    Authority,
    Additional,
    Edns,
}

// === impl Part ===

impl Part {
    /// The part of an answer.
    pub(crate) fn of(world: &World, question: &Question, reading: &Reading) -> Self {
        let mut name = plain(&question.name);
        let home = world.zone(&name, question.is_ds()).map(|zone| zone.apex.as_str());
        let mut visited = BTreeSet::new();
        let mut end = None;
        let follows = question.rtype != CNAME;
        while follows && visited.insert(name.clone()) {
            let alias = reading.sections[0].iter().find(|rr| rr.owner == name && rr.rtype == CNAME);
            let Some(target) = alias.and_then(|alias| alias.names.first()) else { break };
            if world.zone(target, question.is_ds()).map(|zone| zone.apex.as_str()) != home {
                end = Some(End::Elsewhere(target.clone()));
                break;
            }
            name.clone_from(target);
        }
        let mut answer = reading.sections[0].clone();
        if end.is_some() {
            let is_home = |rr: &Rr| world.zone(&rr.owner, false).map(|zone| zone.apex.as_str()) == home;
            let is_above = |rr: &Rr| visited.iter().any(|name| is_at_or_below(name, &rr.owner));
            answer
                .retain(|rr| visited.contains(&rr.owner) || rr.rtype == DNAME && is_home(rr) && is_above(rr));
        }
        let [_, authority, additional] = reading.sections.clone();
        let here = || End::Here { rcode: reading.rcode, authority, additional };
        let end = end.unwrap_or_else(|| if reading.truncated { End::Truncated } else { here() });
        Self { authoritative: reading.authoritative, answer, end }
    }

    /// In what another answer differs first.
    pub(crate) fn differs(&self, other: &Self) -> Option<Aspect> {
        if self.authoritative != other.authoritative {
            return Some(Aspect::Authoritative);
        }
        match (&self.end, &other.end) {
            // What a server leaves in a message that is full is its own choice.
            (End::Truncated, End::Truncated) => None,
            (End::Truncated, _) | (_, End::Truncated) => Some(Aspect::Truncated),
            (End::Here { rcode, .. }, End::Here { rcode: others, .. }) if rcode != others => {
                Some(Aspect::Rcode(*rcode, *others))
            }
            _ if self.answer != other.answer => Some(Aspect::Answer),
            (
                End::Here { authority, additional, .. },
                End::Here { authority: other_authority, additional: other_additional, .. },
            ) => {
                if authority != other_authority {
                    Some(Aspect::Authority)
                } else if additional != other_additional {
                    Some(Aspect::Additional)
                } else {
                    None
                }
            }
            (own, others) => (own != others).then_some(Aspect::Way),
        }
    }
}

/// In what two answers to a question differ first.
pub(crate) fn difference(
    world: &World,
    question: &Question,
    ours: Option<&Reading>,
    theirs: Option<&Reading>,
) -> Option<Aspect> {
    match (ours, theirs) {
        (None, None) => None,
        (Some(ours), Some(theirs)) => {
            let (own, other) = (Part::of(world, question, ours), Part::of(world, question, theirs));
            own.differs(&other).or_else(|| (ours.opt != theirs.opt).then_some(Aspect::Edns))
        }
        _ => Some(Aspect::Silence),
    }
}

/// The name in lower case, spelt as readings spell it.
pub(crate) fn plain(name: &str) -> String {
    name.to_ascii_lowercase()
}

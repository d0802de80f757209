//! What was found, by who differs and in what.

use crate::compare::Aspect;
use std::collections::BTreeMap;
use stream_dns_tests::peers::Kind;

/// Examples that are kept of each kind of difference.
const EXAMPLES: usize = 3;

/// Who answers otherwise than we do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// NSD and Knot, with one voice: a defect of ours, or something to write down.
    Both,
    /// NSD and Knot, each in its way: just as much.
    Each,
    /// The one of them that has the zone.
    Only(Kind),
    /// One of them, and the other agrees with us; or one of the others.
    Alone(Kind),
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) questions: usize,
    /// Zones that all servers should have.
    pub(crate) zones: usize,
    /// Zones in which a server is compared, ours first.
    pub(crate) compared: [usize; 5],
    explained: BTreeMap<(Kind, &'static str), usize>,
    found: BTreeMap<(Who, Aspect), (usize, Vec<String>)>,
}

// === impl Who ===

impl Who {
    /// Whether nobody that counts agrees with us.
    fn is_failure(self) -> bool {
        !matches!(self, Self::Alone(_))
    }
}

// === impl Tally ===

impl Tally {
    pub(crate) fn explain(&mut self, kind: Kind, known: &'static str) {
        *self.explained.entry((kind, known)).or_default() += 1;
    }

    pub(crate) fn note(&mut self, who: Who, aspect: Aspect, text: impl FnOnce() -> String) {
        let (count, examples) = self.found.entry((who, aspect)).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(text());
        }
    }

    /// Differences that nobody explains, and in which neither NSD nor Knot is with us.
    pub(crate) fn unexplained(&self) -> usize {
        self.found.iter().filter(|((who, _), _)| who.is_failure()).map(|(_, (count, _))| count).sum()
    }

    /// Everything in figures; with zones, question and answers where nobody explains it, and of the rest where
    /// `all` says so.
    pub(crate) fn print(&self, all: bool) {
        let [ours, nsd, knot, bind, powerdns] = self.compared;
        println!("{} questions to each server", self.questions);
        println!(
            "{} zones; served by us {ours}, NSD {nsd}, Knot {knot}, BIND {bind}, PowerDNS {powerdns}",
            self.zones
        );
        for ((kind, known), count) in &self.explained {
            println!("{count:8} {kind}, known: {known}");
        }
        for ((who, aspect), (count, _)) in &self.found {
            println!("{count:8} {who:?}: {aspect:?}");
        }
        for ((who, aspect), (_, examples)) in &self.found {
            if all || who.is_failure() {
                examples.iter().for_each(|example| println!("\n=== {who:?}: {aspect:?}\n{example}"));
            }
        }
    }
}

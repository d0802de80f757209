//! The differences that are known: each has a heading of its name in `docs/conformance.md`, which says why.

use crate::compare::{Aspect, plain};
use crate::question::Question;
use crate::world::{World, is_at_or_below, labels};
use std::collections::BTreeSet;
use stream_dns_tests::peers::Kind;
use stream_dns_tests::reading::{Reading, Rr};

const NS: u16 = 2;
const CNAME: u16 = 5;
const DNAME: u16 = 39;
/// YXDOMAIN.
const TOO_LONG: u16 = 6;

/// Aliases that this server, and that Knot, follow at most.
const HOPS: usize = 16;
const KNOT_HOPS: usize = 5;
/// Octets of the largest RRset of addresses: what is missing near a limit may have had no room.
const ROOM: usize = 100;

const QCLASS_ANY: &str = "QCLASS ANY is not authoritative";
const QTYPE_ANY: &str = "QTYPE ANY";
const ENDLESS: &str = "Long chains, and chains that do not end";
const MUST_FIT: &str = "In-domain glue that does not fit";
const NEAR_LIMIT: &str = "What is optional near the limit";
const BELOW_CUT: &str = "No glue is made of a wildcard below a cut";
const POSITIVE: &str = "Addresses in positive answers";
const ZONE_HERE: &str = "Glue in a zone that is here";
const ONE_TREE: &str = "NSD: names of the parent's file in the child";
const WILD_DNAME: &str = "Knot: the owner of a DNAME at a wildcard";
const WILD_NS: &str = "Knot: NS at a wildcard";
const YXDOMAIN_SOA: &str = "Knot: an SOA with YXDOMAIN";
const UNDER_DNAME: &str = "Knot: data below a DNAME";

/// All of them.
#[cfg(test)]
const KNOWN: [&str; 13] = [
    QCLASS_ANY,
    QTYPE_ANY,
    ENDLESS,
    MUST_FIT,
    NEAR_LIMIT,
    BELOW_CUT,
    POSITIVE,
    ZONE_HERE,
    ONE_TREE,
    WILD_DNAME,
    WILD_NS,
    UNDER_DNAME,
    YXDOMAIN_SOA,
];

/// A known difference between our answer and another server's, by its name in the document. `theirs` is `None`
/// where theirs cannot be read, because it has a record twice.
pub(crate) fn explain(
    world: &World,
    question: &Question,
    kind: Kind,
    ours: &Reading,
    theirs: Option<&Reading>,
    aspect: Aspect,
) -> Option<&'static str> {
    if is_endless(ours, kind) {
        return Some(ENDLESS);
    }
    let theirs = theirs?;
    let [answer, authority, additional] = &ours.sections;
    let [their_answer, _, their_additional] = &theirs.sections;
    if question.class == 255 {
        return Some(QCLASS_ANY);
    }
    let is_part = answer.is_subset(their_answer) || answer.is_superset(their_answer);
    let of_any = is_part || !question.tcp && !answer.is_empty() && !their_answer.is_empty();
    if question.is_any() && ours.rcode == theirs.rcode && of_any {
        return Some(QTYPE_ANY);
    }
    let is_referral = !authority.is_empty() && authority.iter().all(|rr| rr.rtype == NS);
    let is_near = |reading: &Reading| reading.truncated || reading.length + ROOM > question.limit();
    if aspect == Aspect::Truncated && is_referral {
        return Some(if ours.truncated { MUST_FIT } else { NEAR_LIMIT });
    }
    if aspect == Aspect::Additional {
        let missing: BTreeSet<&Rr> = their_additional.difference(additional).collect();
        let extra: BTreeSet<&Rr> = additional.difference(their_additional).collect();
        if is_near(ours) || is_near(theirs) {
            return Some(NEAR_LIMIT);
        }
        let home = authority.first().or(answer.first()).and_then(|rr| world.zone(&rr.owner, true));
        let is_elsewhere =
            |rr: &&Rr| world.zone(&rr.owner, false).map(|zone| &zone.apex) != home.map(|zone| &zone.apex);
        if missing.iter().chain(&extra).all(is_elsewhere) {
            return Some(ZONE_HERE);
        }
        let is_literal = |rr: &&Rr| exists(world, &rr.owner) && !rr.owner.starts_with("*.");
        if extra.is_empty() && !missing.iter().any(is_literal) {
            return Some(BELOW_CUT);
        }
        if !is_referral && !answer.is_empty() && missing.iter().all(|rr| is_glue(world, &rr.owner)) {
            return Some(POSITIVE);
        }
    }
    if kind == Kind::Nsd && aspect < Aspect::Additional && parent_has_names(world, question, ours) {
        return Some(ONE_TREE);
    }
    let is_wild = |rr: &Rr| rr.rtype == DNAME && rr.owner.starts_with("*.") && !their_answer.contains(rr);
    if kind == Kind::Knot && answer.iter().any(is_wild) {
        return Some(WILD_DNAME);
    }
    let of_wildcard = |rr: &Rr| rr.rtype == NS && rr.owner.starts_with("*.") && !authority.contains(rr);
    if kind == Kind::Knot && theirs.sections[1].iter().any(of_wildcard) {
        return Some(WILD_NS);
    }
    if kind == Kind::Knot && ours.rcode == TOO_LONG && aspect == Aspect::Authority {
        return Some(YXDOMAIN_SOA);
    }
    (kind == Kind::Knot && is_under_dname(world, question, ours)).then_some(UNDER_DNAME)
}

/// Whether a name that was looked up is below a DNAME below which its zone's file has data.
fn is_under_dname(world: &World, question: &Question, ours: &Reading) -> bool {
    let asked = plain(&question.name);
    let targets = ours.sections[0].iter().flat_map(|rr| rr.names.iter());
    targets.chain([&asked]).any(|name| {
        let Some(zone) = world.zone(name, question.is_ds()) else { return false };
        let is_below = |name: &str, owner: &str| name != owner && is_at_or_below(name, owner);
        let owners = zone.owners();
        let dnames = owners.iter().filter(|owner| zone.has(owner, "DNAME") && is_below(name, owner));
        dnames.into_iter().any(|dname| owners.iter().any(|owner| is_below(owner, dname)))
    })
}

/// Whether the answer is a chain of aliases that comes back to where it was, or that one of both gave up.
fn is_endless(ours: &Reading, kind: Kind) -> bool {
    let most = if kind == Kind::Knot { KNOT_HOPS + 1 } else { HOPS };
    let all: Vec<&Rr> = ours.sections[0].iter().filter(|rr| rr.rtype == CNAME).collect();
    let owners: BTreeSet<&str> = all.iter().map(|rr| rr.owner.as_str()).collect();
    let leads_back = |rr: &&Rr| rr.names.first().is_some_and(|name| owners.contains(name.as_str()));
    let grows =
        |rr: &Rr| rr.rtype == DNAME && rr.names.iter().any(|target| is_at_or_below(target, &rr.owner));
    let leads_back = !all.is_empty() && all.iter().all(leads_back);
    leads_back || all.len() >= most || ours.sections[0].iter().any(grows)
}

/// Whether the owner is at or below a zone cut.
fn is_glue(world: &World, owner: &str) -> bool {
    world.zone(owner, false).is_some_and(|zone| {
        let is_cut =
            |above: &&str| *above != zone.apex && zone.has(above, "NS") && is_at_or_below(owner, above);
        zone.owners().iter().any(is_cut)
    })
}

/// Whether a zone's file has the owner.
fn exists(world: &World, owner: &str) -> bool {
    world.zones.iter().any(|zone| zone.owners().contains(&owner))
}

/// Whether, of a name that was looked up, a zone above its own has something below the cut between them.
fn parent_has_names(world: &World, question: &Question, ours: &Reading) -> bool {
    let asked = plain(&question.name);
    let targets = ours.sections[0].iter().flat_map(|rr| rr.names.iter());
    targets.chain([&asked]).any(|name| {
        let Some(own) = world.zone(name, question.is_ds()) else { return false };
        let above = |apex: &str| {
            labels(apex) != labels(&own.apex)
                && (is_at_or_below(&own.apex, apex) || is_at_or_below(apex, &own.apex))
        };
        world.zones.iter().filter(|zone| above(&zone.apex)).any(|zone| {
            zone.owners()
                .iter()
                .any(|owner| is_at_or_below(owner, &own.apex) || labels(&zone.apex) > labels(&own.apex))
        })
    })
}

/// Each known difference is written down.
#[test]
fn what_is_known_is_written_down() -> std::io::Result<()> {
    let document = std::fs::read_to_string(stream_dns_tests::repository().join("docs/conformance.md"))?;
    for known in KNOWN {
        assert!(document.lines().any(|line| line == format!("### {known}")), "no heading: {known}");
    }
    Ok(())
}

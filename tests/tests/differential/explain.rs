//! The differences that are known: each has a heading of its name in `docs/conformance.md`, which says why.

use crate::compare::{Aspect, plain};
use crate::question::{Question, wire};
use crate::world::{World, Zone, is_at_or_below, join, labels, parts};
use std::borrow::Cow;
use std::collections::BTreeSet;
use stream_dns_tests::peers::Kind;
use stream_dns_tests::reading::{Reading, Rr};

const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const DNAME: u16 = 39;
const NXDOMAIN: u16 = 3;
/// YXDOMAIN.
const TOO_LONG: u16 = 6;
/// Octets of the longest name (RFC 1035 section 2.3.4).
const LONGEST: usize = 255;

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
const YXDOMAIN_SOA: &str = "Knot: names that a DNAME makes too long";
const SOA_LEFT_OUT: &str = "Knot: an SOA that does not fit";
const COMPRESSION: &str = "Compression near the limit";
const UNDER_DNAME: &str = "Knot: data below a DNAME";

/// All of them.
#[cfg(test)]
const KNOWN: [&str; 15] = [
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
    SOA_LEFT_OUT,
    COMPRESSION,
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
    if theirs.is_none() && kind == Kind::Knot && question.rtype == DNAME && has_dname(ours) {
        return Some(ENDLESS);
    }
    let theirs = theirs?;
    let [answer, authority, additional] = &ours.sections;
    let [their_answer, their_authority, their_additional] = &theirs.sections;
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
    if aspect == Aspect::Truncated && ours.truncated != theirs.truncated {
        let whole = if ours.truncated { theirs } else { ours };
        let has_no_soa = whole.sections[1].is_empty() && their_answer == answer;
        if kind == Kind::Knot && ours.truncated && has_no_soa {
            return Some(SOA_LEFT_OUT);
        }
        if is_near(whole) {
            return Some(COMPRESSION);
        }
    }
    // It reckons with the SOA's names as they are, not as they are written.
    let is_only_soa = their_authority.is_empty() && authority.iter().all(|rr| rr.rtype == SOA);
    if kind == Kind::Knot && aspect == Aspect::Authority && is_only_soa && is_near(ours) {
        return Some(SOA_LEFT_OUT);
    }
    if aspect == Aspect::Additional {
        if is_near(ours) || is_near(theirs) {
            return Some(NEAR_LIMIT);
        }
        let home = authority.first().or(answer.first()).and_then(|rr| world.zone(&rr.owner, true));
        let is_elsewhere =
            |rr: &Rr| world.zone(&rr.owner, false).map(|zone| &zone.apex) != home.map(|zone| &zone.apex);
        let is_literal = |rr: &Rr| exists(world, &rr.owner) && !rr.owner.starts_with("*.");
        let is_positive = !is_referral && !answer.is_empty();
        // Each record for itself: several reasons may meet in one answer.
        let missing = their_additional.difference(additional).map(|rr| match rr {
            rr if is_elsewhere(rr) => Some(ZONE_HERE),
            rr if !is_literal(rr) => Some(BELOW_CUT),
            rr if is_positive && is_glue(world, &rr.owner) => Some(POSITIVE),
            rr if kind == Kind::Knot && is_hidden(world, &rr.owner) => Some(UNDER_DNAME),
            _ => None,
        });
        let extra = additional.difference(their_additional).map(|rr| match rr {
            rr if is_elsewhere(rr) => Some(ZONE_HERE),
            _ if is_positive => Some(POSITIVE),
            _ => None,
        });
        return missing.chain(extra).collect::<Option<Vec<_>>>().and_then(|reasons| reasons.last().copied());
    }
    // What exists there leads to less, never to more.
    let is_less = their_answer.is_subset(answer) && aspect < Aspect::Additional;
    if kind == Kind::Nsd && is_less && others_have_names(world, question, ours) {
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
    if kind == Kind::Knot && is_too_long(world, question, ours, theirs) {
        return Some(YXDOMAIN_SOA);
    }
    (kind == Kind::Knot && is_under_dname(world, question, ours, theirs)).then_some(UNDER_DNAME)
}

/// The names that were looked up for our answer.
fn looked_up<'a>(question: &Question, ours: &'a Reading) -> impl Iterator<Item = Cow<'a, str>> {
    let aliases = ours.sections[0].iter().filter(|rr| rr.rtype == CNAME);
    let targets = aliases.flat_map(|rr| rr.names.iter()).map(|name| Cow::Borrowed(name.as_str()));
    targets.chain([Cow::Owned(plain(&question.name))])
}

/// How many labels the deepest name has that exists beside these owners and is the name or above it.
fn encloser(name: &str, owners: &[&str]) -> usize {
    let name = parts(name);
    let common = |owner: &&str| {
        let owner = parts(owner);
        owner.iter().rev().zip(name.iter().rev()).take_while(|(own, other)| own == other).count()
    };
    owners.iter().map(common).max().unwrap_or(0)
}

fn has_dname(reading: &Reading) -> bool {
    reading.sections[0].iter().any(|rr| rr.rtype == DNAME)
}

fn is_below(name: &str, owner: &str) -> bool {
    name != owner && is_at_or_below(name, owner)
}

/// Whether the owner is below a DNAME of its zone.
fn is_hidden(world: &World, owner: &str) -> bool {
    world.zone(owner, false).is_some_and(|zone| {
        zone.owners().iter().any(|above| zone.has(above, "DNAME") && is_below(owner, above))
    })
}

/// Whether a name that was looked up is below a DNAME that we follow and that they pass by: the CNAME that it makes is not
/// theirs, and the zone's file has a closer name or a wildcard below it. Where our answer had no room for it the file alone
/// says so.
fn is_under_dname(world: &World, question: &Question, ours: &Reading, theirs: &Reading) -> bool {
    looked_up(question, ours).any(|name| {
        let Some(zone) = world.zone(&name, question.is_ds()) else { return false };
        let owners = zone.owners();
        let is_passed = |dname: &&str| {
            let wildcard = join("*.".to_owned(), dname);
            encloser(&name, &owners) > labels(dname)
                || owners.iter().any(|owner| is_at_or_below(owner, &wildcard))
        };
        let topmost = topmost_dname(zone, &name);
        let alias = ours.sections[0].iter().find(|rr| rr.owner == name && rr.rtype == CNAME);
        topmost.filter(is_passed).is_some() && alias.is_none_or(|alias| !theirs.sections[0].contains(alias))
    })
}

/// Whether we say, or would with more room, that a DNAME makes too long a name; and they say that with something more, or
/// that there is no such name.
fn is_too_long(world: &World, question: &Question, ours: &Reading, theirs: &Reading) -> bool {
    let says = |reading: &Reading| reading.rcode == TOO_LONG;
    if says(ours) && says(theirs) {
        return theirs.sections[0].is_superset(&ours.sections[0]);
    }
    theirs.rcode == NXDOMAIN
        && (says(ours) || ours.truncated)
        && looked_up(question, ours).any(|name| becomes_too_long(world, question, &name))
}

/// Whether the topmost DNAME above the name, in its zone, puts more octets in its owner's place than a name has room for.
fn becomes_too_long(world: &World, question: &Question, name: &str) -> bool {
    let octets = |name: &str| wire(name).map(|wire| wire.len());
    world.zone(name, question.is_ds()).is_some_and(|zone| {
        let owner = topmost_dname(zone, name);
        let sizes = owner
            .and_then(|owner| Some((octets(name)?, octets(owner)?, octets(zone.rdata(owner, "DNAME")?)?)));
        sizes.is_some_and(|(name, owner, target)| name - owner + target > LONGEST)
    })
}

/// The DNAME that a name below it meets first on the way down from the apex.
fn topmost_dname<'a>(zone: &'a Zone, name: &str) -> Option<&'a str> {
    let above = zone.owners().into_iter().filter(|owner| zone.has(owner, "DNAME") && is_below(name, owner));
    above.min_by_key(|owner| labels(owner))
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

/// Whether, of a name that was looked up, more exists where the names of all zones stand in one tree than in its own
/// zone's file.
fn others_have_names(world: &World, question: &Question, ours: &Reading) -> bool {
    let all: Vec<&str> = world.zones.iter().flat_map(|zone| zone.owners()).collect();
    looked_up(question, ours).any(|name| {
        let own = world.zone(&name, question.is_ds());
        own.is_some_and(|own| encloser(&name, &all) > encloser(&name, &own.owners()))
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

//! Answers that are a copy or a few: RRsets as they stand in the catalogue, or the SOA that says that there is none.
//!
//! Most questions are answered here. Whatever takes more is left to the chain, which answers these as well, octet for octet
//! the same.
//!
//! ```text
//! the name ─┬─ has the RRset ──────────────── it
//!           ├─ has it, and it names a host ── it, the host's addresses
//!           ├─ is an alias ────────────────── the alias, the target's RRset
//!           ├─ has no such RRset ─┬────────── the SOA
//!           └─ is not there ──────┤
//!                                 └ a wildcard covers it: the wildcard's RRset
//! ```

use super::additional;
use super::ahead::Ahead;
use crate::query::{Query, rcode};
use crate::writer::{Full, Owner, RECORD_HEAD, Section, Writer};
use zone_model::RecordType;
use zone_model::catalog::{AnswerRrSet, Authority, Node, QueryName};
use zone_model::rdata::{self, CompressibleNames};

/// The most labels of a name that is answered with an SOA here.
const LABELS: usize = 32;

/// Writes the answer to a question about this name, of which [`Authority::find`] found this, and says its RCODE. `None`
/// says that nothing was written: it is none of these, or does not fit. `other` is room for another name.
#[inline]
pub(super) fn write<A: Authority>(
    authority: &A,
    query: &Query,
    (name, other): (&QueryName, &mut QueryName),
    (node, labels): (Node<'_>, usize),
    ahead: Ahead<'_, '_>,
    writer: &mut Writer<'_>,
) -> Option<u16> {
    // ANY is for several RRsets, DS for the zone above.
    let is_special = matches!(query.qtype(), RecordType::ANY | RecordType::DS);
    if is_special || !node.is_authoritative() {
        return None;
    }
    let rcode = if labels == name.labels() {
        match node.rrset(query.qtype()) {
            Some(rrset) if rrset.plain => {
                writer.rrset(Section::Answer, Owner::Question(0), &rrset, None).ok()?;
                return Some(rcode::NOERROR);
            }
            Some(rrset) => {
                return Host { authority, name, other, ahead }.write_named(node, &rrset, writer);
            }
            None if node.has_cname() => {
                return Host { authority, name, other, ahead }.write_target(node, query.qtype(), writer);
            }
            None => rcode::NOERROR,
        }
    } else if node.has_dname() {
        return None;
    } else if node.has_wildcard_below() {
        return write_wildcard(authority, query.qtype(), (name, labels), ahead, writer);
    } else {
        rcode::NXDOMAIN
    };
    // Of a longer name the chain may not have all ends in mind.
    if name.labels() > LABELS {
        return None;
    }
    let apex_labels = node.apex_labels();
    let apex = if labels == apex_labels { node } else { authority.node(name, apex_labels)? };
    let soa = apex.negative_soa()?;
    if apex_labels < name.labels() && soa.has_neighbour(name.label_below(apex_labels)) {
        return None;
    }
    writer.negative_soa(&soa, name.suffix_start(apex_labels)).ok()?;
    Some(rcode)
}

/// The RRset of the wildcard below the closest encloser, which has so many labels (RFC 4592 section 3.3.1).
fn write_wildcard<A: Authority>(
    authority: &A,
    qtype: RecordType,
    (name, labels): (&QueryName, usize),
    ahead: Ahead<'_, '_>,
    writer: &mut Writer<'_>,
) -> Option<u16> {
    let wildcard = match ahead {
        Ahead::Wildcard(node) => node,
        Ahead::Nothing | Ahead::Other(..) => authority.wildcard(name, labels)?,
    };
    let rrset = wildcard.rrset(qtype).filter(|rrset| rrset.plain && !wildcard.is_apex())?;
    writer.rrset(Section::Answer, Owner::Question(0), &rrset, None).ok()?;
    Some(rcode::NOERROR)
}

/// The name that a record at the question's name names.
struct Host<'n, 'a, A> {
    authority: &'a A,
    name: &'n QueryName,
    /// Room for the host's.
    other: &'n mut QueryName,
    ahead: Ahead<'n, 'a>,
}

// === impl Host ===

impl<'n, 'a, A: Authority> Host<'n, 'a, A> {
    /// An alias, and its target's RRset.
    fn write_target(self, node: Node<'_>, qtype: RecordType, writer: &mut Writer<'_>) -> Option<u16> {
        let alias = node.rrset(RecordType::CNAME).filter(|alias| !alias.ready.is_empty())?;
        let at = writer.bytes().len() + RECORD_HEAD;
        let (_, there) = self.look_up(&alias, 0)?;
        let there = there.filter(|there| there.is_authoritative())?;
        // An alias of itself has no such RRset either, and is left to the chain.
        let rrset = there.rrset(qtype).filter(|rrset| rrset.plain)?;
        let write = |writer: &mut Writer<'_>| {
            writer.ready(&alias)?;
            writer.of_host(Section::Answer, at, &rrset)
        };
        writer.whole(write).ok()?;
        Some(rcode::NOERROR)
    }

    /// A record with a name in it and, where that draws them, its addresses in the same zone as far as they fit.
    fn write_named(self, node: Node<'_>, rrset: &AnswerRrSet<'_>, writer: &mut Writer<'_>) -> Option<u16> {
        // Servers have their addresses from elsewhere, too.
        if rrset.ready.is_empty() || rrset.rtype == RecordType::NS {
            return None;
        }
        let mut addresses = None;
        if rdata::draws_additional(rrset.rtype) {
            let CompressibleNames { start, count: 1 } = rdata::compressible_names(rrset.rtype)? else {
                return None;
            };
            let zone = self.name.suffix(node.apex_labels());
            let at = writer.bytes().len() + RECORD_HEAD + start;
            let (host, there) = self.look_up(rrset, start)?;
            let is_here =
                |there: &Node<'_>| there.is_authoritative() && host.suffix(there.apex_labels()) == zone;
            addresses = there.filter(is_here).map(|there| (there, at));
        }
        writer.ready(rrset).ok()?;
        if let Some((there, at)) = addresses {
            let rrsets = additional::ADDRESSES.iter().filter_map(|rtype| there.rrset(*rtype));
            // What does not fit is left out (RFC 2181 section 9).
            let _: Result<(), Full> =
                rrsets.into_iter().try_for_each(|rrset| writer.of_host(Section::Additional, at, &rrset));
        }
        Some(rcode::NOERROR)
    }

    /// The name so far into the record, and its node; no node where no zone here holds the name. `None` where that is
    /// not all there is to say.
    fn look_up(self, rrset: &AnswerRrSet<'_>, start: usize) -> Option<(&'n QueryName, Option<Node<'a>>)> {
        if let Ahead::Other(host, node) = self.ahead {
            return Some((host, Some(node)));
        }
        let Self { authority, other, .. } = self;
        let rdata = rrset.rdatas().next()?;
        other.read(rdata.get(start..)?, authority.seed()).ok()?;
        match authority.find(other) {
            None => Some((other, None)),
            Some((node, labels)) if labels == other.labels() => Some((other, Some(node))),
            // A wildcard may cover it.
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::answer::chain::End;
    use crate::answer::{Ahead, Findings, Lookahead, Room, Scratch, Tools, Verdict, compose};
    use crate::client::{Client, Transport};
    use crate::query::Query;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use zone_model::catalog::{Authority, Catalog, NodeDraft, QueryName};
    use zone_model::{Name, RecordType, Timestamp, rdata};

    const SEED: u64 = 3;
    /// Few labels, so that names meet: equal ones, such as differ in case, and such as begin alike.
    const LABELS: [&str; 6] = ["a", "A", "ns", "longer-label-1", "longer-label-2", "*"];
    /// The first of them are those that names have.
    const TYPES: [RecordType; 10] = [
        RecordType::A,
        RecordType::AAAA,
        RecordType::TXT,
        RecordType::CNAME,
        RecordType::NS,
        RecordType::MX,
        RecordType::PTR,
        RecordType::SOA,
        RecordType::DNAME,
        RecordType::DS,
    ];

    /// Names below the apex, most of them; at it, above it and elsewhere.
    fn a_name() -> impl Strategy<Value = String> {
        let apex = prop_oneof![
            4 => Just("zone.test."),
            1 => select(vec!["Zone.Test.", "test.", "other.", "."]),
        ];
        (vec(select(&LABELS[..]), 0..3), apex).prop_map(|(labels, apex)| {
            let below: String = labels.iter().map(|label| format!("{label}.")).collect();
            if apex == "." && !below.is_empty() { below } else { format!("{below}{apex}") }
        })
    }

    fn records(rtype: RecordType, name: &str) -> Vec<Box<[u8]>> {
        let text = match rtype {
            RecordType::A => "192.0.2.1".to_owned(),
            RecordType::AAAA => "2001:db8::1".to_owned(),
            RecordType::TXT => "\"some text\"".to_owned(),
            RecordType::MX => format!("10 {name}"),
            RecordType::SOA => format!("{name} {name} 1 2 3 4 5"),
            RecordType::DS => {
                "1 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff".to_owned()
            }
            _ => name.to_owned(),
        };
        vec![rdata::parse_text(rtype, &text).expect("RDATA")]
    }

    prop_compose! {
        fn a_zone()(
            apex in select(vec!["zone.test.", "zone.test.", "zone.test.", "."]),
            soa in (a_name(), a_name(), 0..900u32, 0..900u32),
            nodes in vec((vec(select(&LABELS[..]), 1..3), vec((select(&TYPES[..7]), a_name()), 1..4)), 0..12),
            child in any::<bool>(),
        ) -> Catalog {
            let zone = apex;
            let mut editor = Catalog::new(SEED).edit();
            let (mname, rname, ttl, minimum) = soa;
            let mut apex = NodeDraft::new(true);
            let soa = format!("{mname} {rname} 1 2 3 4 {minimum}");
            apex.push(RecordType::SOA, ttl, &[rdata::parse_text(RecordType::SOA, &soa).expect("an SOA")]);
            editor.set(&Name::parse(zone).expect("a name"), &apex);
            if child {
                editor.set(&Name::parse("ns.zone.test.").expect("a name"), &apex);
            }
            for (labels, rrsets) in nodes {
                let mut draft = NodeDraft::new(false);
                for (rtype, name) in rrsets {
                    draft.push(rtype, 300, &records(rtype, &name));
                }
                let owner = format!("{}.{}", labels.join("."), zone.trim_start_matches('.'));
                editor.set(&Name::parse(&owner).expect("a name"), &draft);
            }
            editor.finish()
        }
    }

    fn question(name: &str, rtype: RecordType, edns: bool, class: u8) -> Vec<u8> {
        let mut octets = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
        octets.extend_from_slice(Name::parse(name).expect("a name").as_wire());
        octets.extend_from_slice(&rtype.0.to_be_bytes());
        octets.extend_from_slice(&[0, class]);
        if edns {
            octets.extend_from_slice(&[0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]);
        }
        octets
    }

    fn client(limit: usize) -> Client {
        let mut client =
            Client::new(Transport::Udp, "192.0.2.1:53".parse().expect("an address"), Timestamp(0));
        client.size_limit = limit;
        client
    }

    fn composed<const DIRECT: bool>(catalog: &Catalog, octets: &[u8], client: &Client) -> Vec<u8> {
        let mut scratch = Scratch::new();
        let mut name = QueryName::empty();
        let query = Query::read(octets, &mut name, SEED).expect("a query");
        let found = catalog.find(&name);
        let Room { other, targets, trail, message, identity } = &mut scratch.room;
        let tools = Tools { other, targets, trail, identity };
        let looked_up = (query, &mut name, found, Ahead::Nothing);
        match compose::<DIRECT, _>(catalog, octets, looked_up, client, message, tools) {
            End::Message { length, .. } => message[..length].to_vec(),
            End::Resolve(_) => panic!("nobody may recurse"),
        }
    }

    /// What is answered to a batch of questions that was looked ahead for.
    fn looked_ahead(catalog: &Catalog, octets: &[u8], client: &Client) -> Vec<u8> {
        let mut messages: Vec<Vec<u8>> = Vec::new();
        let (mut lookahead, mut findings) = (Lookahead::new(), Findings::new());
        let mut looked = lookahead.look(Some(catalog), [octets], &mut findings);
        let verdict = looked.answer(0, octets, client, &mut Scratch::new(), &mut messages);
        assert!(matches!(verdict, Verdict::Answered(_)), "nobody may recurse");
        messages.pop().expect("a message")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// RFC 1034 section 4.3.2, RFC 2308: the short way says what the long one says.
        #[test]
        fn it_is_what_the_chain_writes(
            catalog in a_zone(),
            questions in vec((a_name(), select(&TYPES[..]), any::<bool>(), 40..600usize, 0..9u8, 0..9usize), 1..24),
        ) {
            for (name, rtype, edns, limit, class, longer) in questions {
                // A name in nine is one of very many labels, and a class in nine is ANY.
                let name = if longer == 0 { format!("{}{}", "x.".repeat(80), name.trim_start_matches('.')) } else { name };
                let octets = question(&name, rtype, edns, if class == 0 { 255 } else { 1 });
                let client = client(limit.max(octets.len()));
                let long = composed::<false>(&catalog, &octets, &client);
                prop_assert_eq!(&composed::<true>(&catalog, &octets, &client), &long, "{} {}", name, rtype);
                let ahead = looked_ahead(&catalog, &octets, &client);
                prop_assert_eq!(&ahead, &long, "{} {}, looked ahead", name, rtype);
            }
        }
    }
}

//! Answers that are one copy: an RRset as it stands in the catalogue, or the SOA that says that there is none.
//!
//! Most questions are answered here. Whatever takes more than the question's own name is left to the chain, which answers
//! these as well, octet for octet the same.

use crate::query::{Query, rcode};
use crate::writer::{Owner, Section, Writer};
use zone_model::RecordType;
use zone_model::catalog::{Authority, Node, QueryName};

/// Writes the answer to a question about this name, of which [`Authority::find`] found this, and says its RCODE. `None`
/// says that nothing was written: it is none of these, or does not fit.
#[inline]
pub(super) fn write<A: Authority>(
    authority: &A,
    query: &Query,
    name: &QueryName,
    (node, labels): (Node<'_>, usize),
    writer: &mut Writer<'_>,
) -> Option<u16> {
    // ANY is for several RRsets, DS for the zone above.
    let is_special = matches!(query.qtype, RecordType::ANY | RecordType::DS);
    if is_special || node.barrier().is_some() || node.is_cut() {
        return None;
    }
    let rcode = if labels == name.labels() {
        match node.rrset(query.qtype) {
            Some(rrset) if rrset.plain => {
                writer.rrset(Section::Answer, Owner::Question(0), &rrset, None).ok()?;
                return Some(rcode::NOERROR);
            }
            Some(_) => return None,
            None if node.has_cname() => return None,
            None => rcode::NOERROR,
        }
    } else if node.has_dname() || node.has_wildcard_below() {
        return None;
    } else {
        rcode::NXDOMAIN
    };
    let apex_labels = node.apex_labels();
    let apex = if labels == apex_labels { node } else { authority.node(name, apex_labels)? };
    let soa = apex.negative_soa()?;
    if apex_labels < name.labels() && soa.has_neighbour(name.label_below(apex_labels)) {
        return None;
    }
    writer.negative_soa(&soa, name.suffix_start(apex_labels)).ok()?;
    Some(rcode)
}

#[cfg(test)]
mod tests {
    use crate::answer::chain::End;
    use crate::answer::{Room, Scratch, Tools, compose};
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
    const TYPES: [RecordType; 8] = [
        RecordType::A,
        RecordType::TXT,
        RecordType::CNAME,
        RecordType::NS,
        RecordType::MX,
        RecordType::SOA,
        RecordType::DNAME,
        RecordType::DS,
    ];

    /// Names below the apex, at it, above it and elsewhere.
    fn a_name() -> impl Strategy<Value = String> {
        let apex = select(vec!["zone.test.", "Zone.Test.", "test.", "other.", "."]);
        (vec(select(&LABELS[..]), 0..3), apex).prop_map(|(labels, apex)| {
            let below: String = labels.iter().map(|label| format!("{label}.")).collect();
            if apex == "." && !below.is_empty() { below } else { format!("{below}{apex}") }
        })
    }

    fn records(rtype: RecordType, name: &str) -> Vec<Box<[u8]>> {
        let text = match rtype {
            RecordType::A => "192.0.2.1".to_owned(),
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
            apex in select(vec!["zone.test.", "."]),
            soa in (a_name(), a_name(), 0..900u32, 0..900u32),
            nodes in vec((vec(select(&LABELS[..]), 1..4), vec((select(&TYPES[..5]), a_name()), 1..3)), 0..12),
        ) -> Catalog {
            let zone = apex;
            let mut editor = Catalog::new(SEED).edit();
            let (mname, rname, ttl, minimum) = soa;
            let mut apex = NodeDraft::new(true);
            let soa = format!("{mname} {rname} 1 2 3 4 {minimum}");
            apex.push(RecordType::SOA, ttl, &[rdata::parse_text(RecordType::SOA, &soa).expect("an SOA")]);
            editor.set(&Name::parse(zone).expect("a name"), &apex);
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

    fn question(name: &str, rtype: RecordType, edns: bool) -> Vec<u8> {
        let mut octets = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
        octets.extend_from_slice(Name::parse(name).expect("a name").as_wire());
        octets.extend_from_slice(&rtype.0.to_be_bytes());
        octets.extend_from_slice(&[0, 1]);
        if edns {
            octets.extend_from_slice(&[0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]);
        }
        octets
    }

    fn composed<const DIRECT: bool>(catalog: &Catalog, octets: &[u8], limit: usize) -> Vec<u8> {
        let mut client =
            Client::new(Transport::Udp, "192.0.2.1:53".parse().expect("an address"), Timestamp(0));
        client.size_limit = limit;
        let mut scratch = Scratch::new();
        let mut name = QueryName::empty();
        let query = Query::read(octets, &mut name, SEED).expect("a query");
        let found = catalog.find(&name);
        let Room { other, targets, trail, message, identity } = &mut scratch.room;
        let tools = Tools { other, targets, trail, identity };
        let looked_up = (query, &mut name, found);
        match compose::<DIRECT, _>(catalog, octets, looked_up, &client, message, tools) {
            End::Message { length, .. } => message[..length].to_vec(),
            End::Resolve(_) => panic!("nobody may recurse"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// RFC 1034 section 4.3.2, RFC 2308: the short way says what the long one says.
        #[test]
        fn it_is_what_the_chain_writes(
            catalog in a_zone(),
            questions in vec((a_name(), select(&TYPES[..]), any::<bool>(), 40..600usize), 1..24),
        ) {
            for (name, rtype, edns, limit) in questions {
                let octets = question(&name, rtype, edns);
                let limit = limit.max(octets.len());
                let (short, long) =
                    (composed::<true>(&catalog, &octets, limit), composed::<false>(&catalog, &octets, limit));
                prop_assert_eq!(short, long, "{} {}", name, rtype);
            }
        }
    }
}

//! Properties of events: what is encoded is decoded as itself, and no bytes make the decoder panic.

use super::{decode, decode_key, decode_value, local_records};
use crate::event::{EventBody, EventKey, RawEvent};
use crate::name::Name;
use crate::position::{Partition, Position, Timestamp};
use crate::rdata::properties::{Source, described, generate};
use crate::rrset::RrSet;
use crate::rtype::RecordType;
use crate::{encode, journal, rdata};
use proptest::prelude::*;
use std::collections::HashSet;

fn raw(key: Vec<u8>, value: Option<Vec<u8>>) -> RawEvent {
    let position = Position::new(&[1, 2]).expect("a position");
    RawEvent { partition: Partition(3), position, timestamp: Timestamp(4), key, value, headers: Vec::new() }
}

/// Names of any octets, of which the special ones of keys and texts are likely.
fn name() -> impl Strategy<Value = Name> {
    let octet = prop_oneof![prop::sample::select(&b"aZ|.\\\"@$;() *\x00\xff09"[..]), any::<u8>()];
    prop::collection::vec(prop::collection::vec(octet, 1..6), 0..5).prop_map(|labels| {
        labels.iter().fold(Name::root(), |name, label| name.child(label).expect("a short label"))
    })
}

fn rrset(rtype: RecordType) -> impl Strategy<Value = RrSet> {
    let most = if matches!(rtype, RecordType::CNAME | RecordType::DNAME | RecordType::SOA) { 2 } else { 5 };
    let entropy = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..most);
    (prop::option::of(0..=crate::MAX_TTL), entropy).prop_map(move |(ttl, all)| {
        let mut seen = HashSet::new();
        let generated =
            |entropy: Vec<u8>| generate(rtype, &mut Source(entropy.into_iter())).into_boxed_slice();
        let rdatas =
            all.into_iter().map(generated).filter(|rdata| seen.insert(rdata::canonical(rtype, rdata)));
        let set = RrSet::new(ttl, rdatas);
        // `[]` has no record to say a TTL.
        if set.is_empty() { RrSet::default() } else { set }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    /// A key is decoded as what it was encoded from, in lower case.
    #[test]
    fn keys_come_back(owner in name(), apex_labels in prop::option::of(0usize..6), rtype in described()) {
        let apex = apex_labels.map(|count| if rtype == RecordType::SOA { owner.clone() } else { owner.ancestor(count) });
        let key = encode::key(&owner, rtype, apex.as_ref());
        let want = EventKey { owner: owner.to_lowercase(), rtype, apex: apex.map(|apex| apex.to_lowercase()) };
        prop_assert_eq!(decode_key(&key), Ok(want.clone()), "{}", String::from_utf8_lossy(&key));
        prop_assert!(want.owner.is_lowercase());
    }

    /// A value is decoded as the RRset that it was encoded from; encoding what else stood in it with it gives
    /// the same bytes again.
    #[test]
    fn values_come_back(
        owner in name(),
        (rtype, set) in described().prop_flat_map(|rtype| (Just(rtype), rrset(rtype))),
        created in any::<i64>(),
        producer in "\\PC{0,10}",
    ) {
        let key = EventKey { owner: owner.to_lowercase(), rtype, apex: None };
        let value = encode::value(&owner, rtype, &set, Timestamp(created), &producer, None);
        let text = String::from_utf8_lossy(&value).into_owned();
        let super::Value { rrset: read, extra, .. } = decode_value(&key, &value).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
        prop_assert_eq!(&read, &set);
        prop_assert_eq!(extra.is_some(), !set.is_empty());
        let again = encode::value(&owner, rtype, &read, Timestamp(0), "another", extra.as_deref());
        prop_assert_eq!(String::from_utf8_lossy(&again), text);
        // And through a journal.
        let line = journal::JournalLine { key: encode::key(&owner, rtype, None), value: Some(value), ..Default::default() };
        let composed = journal::compose(&line).expect("a line");
        prop_assert_eq!(composed.iter().filter(|&&octet| octet == b'\n').count(), 1);
        prop_assert_eq!(journal::parse(&composed), Ok(line));
    }

    /// Any bytes: nothing panics, and the key, the value and the place of an event are never lost.
    #[test]
    fn any_bytes(key in prop::collection::vec(any::<u8>(), 0..30), value in prop::option::of(prop::collection::vec(any::<u8>(), 0..60))) {
        let event = decode(raw(key.clone(), value.clone()));
        prop_assert_eq!((&event.key, event.partition, event.timestamp), (&key, Partition(3), Timestamp(4)));
        match (event.body, value) {
            (EventBody::Null(read), None) => prop_assert_eq!(read, decode_key(&key).ok()),
            (EventBody::Unusable(unusable), Some(value)) => {
                prop_assert_eq!(unusable.value, Some(value));
                prop_assert!(!unusable.reason.is_empty());
            }
            (EventBody::Set(_), Some(_)) => {}
            (body, value) => prop_assert!(false, "{:?} of {:?}", body, value),
        }
    }

    /// Nearly good values: JSON with something out of place.
    #[test]
    fn any_json(value in r#"\[?(\{("(name|Type|content|ttl|PRIORITY|class|x)":("a.|\\u0041|"|"A"|"192.0.2.1"|null|-?[0-9]{1,20}|1e3|\[\]|\{\}),?){0,7}\},?){0,3}\]?"#) {
        let event = decode(raw(b"a.|A".to_vec(), Some(value.clone().into_bytes())));
        prop_assert!(!matches!(event.body, EventBody::Null(_)));
        let _ = local_records(&value);
    }

    /// Any line, and any text of local records: nothing panics.
    #[test]
    fn any_line(line in prop::collection::vec(any::<u8>(), 0..60), text in "[ -~\n\\\\\"]{0,60}") {
        if let Ok(read) = journal::parse(&line) {
            prop_assert_eq!(journal::parse(&journal::compose(&read).expect("a line")), Ok(read));
        }
        let _ = local_records(&text);
        let _ = rdata::count_tokens(&text);
        let _ = rdata::parse_ttl(&text);
    }
}

//! Any octets as an event, the key up to the first line end and the value behind it; as a line of a journal; and
//! as local records.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zone_model::decode::{decode, decode_value, local_records};
use zone_model::{EventBody, Partition, Position, RawEvent, Timestamp, encode, journal};

fuzz_target!(|octets: &[u8]| {
    let mut parts = octets.splitn(2, |&octet| octet == b'\n');
    let (key, value) = (parts.next().unwrap_or_default(), parts.next());
    let event = decode(RawEvent {
        partition: Partition(0),
        position: Position::new(&[1]).expect("a position"),
        timestamp: Timestamp(0),
        key: key.to_vec(),
        value: value.map(<[u8]>::to_vec),
        headers: Vec::new(),
    });
    match event.body {
        EventBody::Set(set) => {
            let extra = set.extra.as_deref();
            let value = encode::value(&set.key.owner, set.key.rtype, &set.rrset, Timestamp(7), "fuzz", extra);
            let rrset = decode_value(&set.key, &value).expect("what is encoded can be decoded").rrset;
            // `[]` has no record that could say a TTL.
            if !set.rrset.is_empty() {
                assert_eq!(rrset, set.rrset);
            }
            let key = encode::key(&set.key.owner, set.key.rtype, set.key.apex.as_ref());
            assert_eq!(zone_model::decode::decode_key(&key), Ok(set.key));
        }
        EventBody::Null(_) => assert!(value.is_none()),
        EventBody::Unusable(unusable) => {
            assert_eq!(unusable.value.as_deref(), value);
            assert!(!unusable.reason.is_empty() && !unusable.reason.contains('\n'), "{}", unusable.reason);
        }
    }
    if let Ok(line) = journal::parse(octets)
        && let Ok(composed) = journal::compose(&line)
    {
        let again = journal::parse(&composed).expect("what is composed can be parsed");
        assert_eq!((again.key, again.timestamp, again.headers), (line.key, line.timestamp, line.headers));
    }
    if let Ok(text) = std::str::from_utf8(octets) {
        let _ = local_records(text);
    }
});

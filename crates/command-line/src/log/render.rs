//! Events for people and programs.

use crate::view;
use serde_json::{Value, json};
use zone_model::{
    Event, EventBody, HEADER_CHANGE_ID, HEADER_PRODUCER, JournalPosition, KafkaPosition, Position, RrSet,
    SourceId, Timestamp, rdata,
};

/// The longest value of an unusable event that a line shows, in bytes.
const MOST_VALUE: usize = 120;

/// One line: when, where, whose, what.
pub(super) fn line(source: &SourceId, event: &Event) -> String {
    let place = place(&event.position);
    let mut line = format!(
        "{} {source}/{}@{place} {} ",
        time(event.timestamp),
        event.partition,
        event.key.escape_ascii()
    );
    match &event.body {
        EventBody::Set(set) if set.rrset.is_empty() => line.push_str("[]"),
        EventBody::Set(set) => {
            line.push_str(&set.rrset.ttl.map_or_else(|| "-".to_owned(), |ttl| ttl.to_string()));
            line.push(' ');
            line.push_str(&contents(set.key.rtype, &set.rrset).join(", "));
        }
        EventBody::Null(_) => line.push_str("null"),
        EventBody::Unusable(unusable) => {
            line.push_str(&format!("UNUSABLE {}", unusable.reason));
            if let Some(value) = &unusable.value {
                let shown = &value[..value.len().min(MOST_VALUE)];
                let more = if shown.len() < value.len() { "…" } else { "" };
                line.push_str(&format!(": {}{more}", shown.escape_ascii()));
            }
        }
    }
    let headers: Vec<String> = [HEADER_PRODUCER, HEADER_CHANGE_ID]
        .iter()
        .filter_map(|name| Some(format!("{name}={}", event.header(name)?.escape_debug())))
        .collect();
    if !headers.is_empty() {
        line.push_str(&format!(" ({})", headers.join(" ")));
    }
    line
}

/// Everything that the event says.
pub(super) fn json(source: &SourceId, event: &Event) -> Value {
    let (kind, body) = match &event.body {
        EventBody::Set(set) => (
            "set",
            json!({
                "name": set.key.owner.to_string(),
                "type": set.key.rtype.to_string(),
                "zone": set.key.apex.as_ref().map(ToString::to_string),
                "ttl": set.rrset.ttl,
                "contents": contents(set.key.rtype, &set.rrset),
                "metadatas":
                    set.extra.as_deref().and_then(|extra| serde_json::from_str::<Value>(extra).ok()),
            }),
        ),
        EventBody::Null(_) => ("null", json!({})),
        EventBody::Unusable(unusable) => (
            "unusable",
            json!({
                "reason": unusable.reason,
                "value": unusable.value.as_deref().map(view::text_or_base64),
            }),
        ),
    };
    let mut all = json!({
        "kind": kind,
        "source": source.as_str(),
        "partition": event.partition.0,
        "place": place(&event.position),
        "position": event.position.to_string(),
        "timestamp": event.timestamp.0,
        "key": view::text_or_base64(&event.key),
        "headers": view::headers(&event.headers),
    });
    if let (Value::Object(all), Value::Object(body)) = (&mut all, body) {
        all.extend(body);
    }
    all
}

fn contents(rtype: zone_model::RecordType, rrset: &RrSet) -> Vec<String> {
    rrset.rdatas().iter().map(|octets| rdata::print_text(rtype, octets)).collect()
}

/// An offset of a topic, a byte of a journal; else the position as it is.
pub(super) fn place(position: &Position) -> String {
    // The two have their own lengths and versions, but share both: a topic's id or an inode tells nothing apart. A
    // generation, though, is small, and a topic's offset has its sign bit turned over.
    let is_kafka = position.as_bytes().get(1).is_some_and(|byte| byte & 0x80 != 0);
    match (is_kafka, KafkaPosition::decode(position), JournalPosition::decode(position)) {
        (true, Ok(kafka), _) => kafka.offset.to_string(),
        (false, _, Ok(journal)) => journal.offset.to_string(),
        _ => position.to_string(),
    }
}

/// A moment as RFC 3339 has it, to the millisecond.
pub(super) fn time(timestamp: Timestamp) -> String {
    let (days, milliseconds) = (timestamp.0.div_euclid(86_400_000), timestamp.0.rem_euclid(86_400_000));
    // The Gregorian calendar repeats every 400 years of 146,097 days; a year is counted from March on, so that a
    // leap day is its last.
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, rest) = (milliseconds / 1_000, milliseconds % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use zone_model::decode::decode;
    use zone_model::{Partition, RawEvent};

    fn event(key: &str, value: Option<&str>) -> Event {
        let position = KafkaPosition { offset: 41, leader_epoch: 0, topic_id: [0; 16] }.encode();
        decode(RawEvent {
            partition: Partition(3),
            position,
            timestamp: Timestamp(1_732_300_000_007),
            key: key.into(),
            value: value.map(Into::into),
            headers: vec![("producer".into(), b"shop".to_vec())],
        })
    }

    #[test]
    fn an_event_is_one_line_whatever_it_says() {
        let value = r#"[{"name":"a.example.","type":"A","content":"192.0.2.1","ttl":60}]"#;
        let id = SourceId::new("dns");
        for (event, want) in [
            (event("a.example.|A", Some(value)), "a.example.|A 60 192.0.2.1 (producer=shop)"),
            (event("a.example.|A", Some("[]")), "a.example.|A [] (producer=shop)"),
            (event("a.example.|A", None), "a.example.|A null (producer=shop)"),
        ] {
            assert_eq!(line(&id, &event), format!("2024-11-22T18:26:40.007Z dns/3@41 {want}"));
        }
        let bad = line(&id, &event("a\nb|A", Some("x\ny")));
        assert!(bad.contains("a\\nb|A UNUSABLE") && !bad.contains('\n'), "{bad}");
        let json = json(&id, &event("a.example.|A", Some(value)));
        assert_eq!((&json["kind"], &json["place"]), (&"set".into(), &"41".into()));
        assert_eq!(json["contents"][0], "192.0.2.1");
    }

    #[test]
    fn a_place_is_an_offset_or_a_byte() {
        let journal =
            JournalPosition { generation: 2, offset: 99, inode: 7, ..JournalPosition::default() }.encode();
        assert_eq!(place(&journal), "99");
        let other = Position::new(&[9, 1]).unwrap();
        assert_eq!(place(&other), "0901");
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (milliseconds, want) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(time(Timestamp(milliseconds)), want);
        }
    }
}

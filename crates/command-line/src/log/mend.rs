//! `log check --mend`: each RRset in one slot, and nothing left that cannot be used.

use super::OpenLog;
use crate::Console;
use crate::publish::{change_id, now};
use crate::zone::cut;
use anyhow::bail;
use event_producer::{Change, LogState, OddRrSet, Slot};
use messages::{Edit, PublishError};
use std::collections::{BTreeMap, BTreeSet};
use zone_model::{Event, EventBody, Name, Partition, Position, RecordType, RrSet, Timestamp};

/// How often the log is read and put right before it is given up: somebody else goes on writing then.
const ATTEMPTS: usize = 10;

/// The slots of RRsets, as they were before they were put right.
type Before = BTreeMap<(Name, RecordType), Vec<Slot>>;

/// Publishes what puts the log right. Returns how many events that were.
pub(super) fn mend(open: &mut OpenLog, producer: &str, console: &mut Console<'_>) -> anyhow::Result<usize> {
    let configured = open.config.zones.clone();
    let (mut published, mut left) = (0, BTreeSet::new());
    published += clear_nameless(open, producer)?;
    for _ in 0..ATTEMPTS {
        let work = work(open.log.read()?, &configured, &left);
        if work.is_empty() {
            return Ok(published);
        }
        for (apex, before) in work {
            let edits = before.iter();
            let edits = edits.map(|((owner, rtype), slots)| edit(owner, *rtype, after(slots, &[]))).collect();
            let parts = cut(open, edits);
            match mend_zone(open, &apex, &before, parts, producer) {
                Ok(events) => published += events,
                // Read again: what is to be said may be something else now.
                Err(PublishError::Conflict(_)) => {}
                Err(PublishError::Refused(why)) => {
                    console.note(&format!("{apex}: left as it is: {why}"));
                    left.insert(apex);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    bail!(
        "somebody else writes to the log so fast that it cannot be put right; {published} events were published"
    )
}

/// What is to be put right, zone by zone. RRsets of no zone cannot be published, and are nobody's to serve.
fn work(state: &LogState, configured: &[Name], left: &BTreeSet<Name>) -> BTreeMap<Name, Before> {
    let mut work: BTreeMap<Name, Before> = BTreeMap::new();
    for OddRrSet { apex, owner, rtype, slots } in state.odd(configured) {
        let Some(apex) = apex.filter(|apex| !left.contains(apex)) else { continue };
        let ended = rtype == RecordType::SOA
            && after(&slots.iter().copied().cloned().collect::<Vec<_>>(), &[]).is_none();
        if ended {
            // The SOA of a zone that was ended stays as `[]` with its last serial, in whatever slots.
            continue;
        }
        work.entry(apex).or_default().insert((owner, rtype), slots.into_iter().cloned().collect());
    }
    work
}

fn mend_zone(
    open: &mut OpenLog,
    apex: &Name,
    before: &Before,
    parts: Vec<Vec<Edit>>,
    producer: &str,
) -> Result<usize, PublishError> {
    let mut events = 0;
    let mut parts: Vec<(Vec<Edit>, bool)> = parts.into_iter().map(|edits| (edits, true)).collect();
    while let Some((edits, if_unchanged)) = parts.pop() {
        let change = Change { zone: Some(apex.clone()), edits, producer: producer.to_owned(), if_unchanged };
        let outcome = open.log.publish(&change, now(), &change_id(), &open.config)?;
        events += outcome.published.events;
        // What came between is said again, until nothing does.
        let again = said_again(before, &outcome.between);
        if !again.is_empty() {
            parts.push((again, false));
        }
    }
    Ok(events)
}

/// The edits that say once more what others said of the RRsets while they were put right.
fn said_again(before: &Before, between: &[Event]) -> Vec<Edit> {
    let of = |owner: &Name, rtype: RecordType| {
        let own =
            |event: &&Event| event.event_key().is_some_and(|key| key.owner == *owner && key.rtype == rtype);
        between.iter().filter(own).collect::<Vec<_>>()
    };
    before
        .iter()
        .filter_map(|((owner, rtype), slots)| {
            let events = of(owner, *rtype);
            (!events.is_empty()).then(|| edit(owner, *rtype, after(slots, &events)))
        })
        .collect()
}

fn edit(owner: &Name, rtype: RecordType, rrset: Option<RrSet>) -> Edit {
    match rrset {
        Some(rrset) => Edit::Set { owner: owner.clone(), rtype, rrset },
        None => Edit::Remove { owner: owner.clone(), rtype },
    }
}

/// What serves behind these events: the RRset, or none where that is `[]` or nothing.
fn after(slots: &[Slot], events: &[&Event]) -> Option<RrSet> {
    type Held = (Timestamp, Partition, Position);
    let held = |slot: &Slot| {
        let held = slot.held.as_ref()?;
        let rrset = held.kept.as_ref().map(|kept| kept.rrset.clone()).unwrap_or_default();
        Some(((slot.partition, slot.key.to_vec()), ((held.timestamp, slot.partition, held.position), rrset)))
    };
    let mut all: BTreeMap<(Partition, Vec<u8>), (Held, RrSet)> = slots.iter().filter_map(held).collect();
    for event in events {
        let slot = (event.partition, event.key.clone());
        match &event.body {
            EventBody::Set(set) => {
                let rank = (event.timestamp, event.partition, event.position);
                all.insert(slot, (rank, set.rrset.clone()));
            }
            EventBody::Null(_) => drop(all.remove(&slot)),
            EventBody::Unusable(_) => {}
        }
    }
    let (_, rrset) = all.into_values().max_by_key(|(rank, _)| *rank)?;
    (!rrset.is_empty()).then_some(rrset)
}

/// Nulls for keys that name no RRset. A journal's lines that are no events have no key to be nulled.
fn clear_nameless(open: &mut OpenLog, producer: &str) -> anyhow::Result<usize> {
    let slots: Vec<(Partition, Vec<u8>)> = open
        .log
        .read()?
        .nameless()
        .filter(|own| !own.key.starts_with(b"line:"))
        .map(|own| (own.partition, own.key.to_vec()))
        .collect();
    let mut published = 0;
    for part in slots.chunks(event_producer::MAX_EVENTS) {
        published += open.log.clear(part, now(), producer, &open.config)?;
    }
    Ok(published)
}

#[cfg(test)]
mod tests {
    use super::*;
    use event_producer::Keep;
    use zone_model::decode::decode;
    use zone_model::{RawEvent, SourceId};

    fn event(partition: u32, at: u8, timestamp: i64, key: &str, value: Option<String>) -> Event {
        decode(RawEvent {
            partition: Partition(partition),
            position: Position::new(&[1, at]).unwrap(),
            timestamp: Timestamp(timestamp),
            key: key.into(),
            value: value.map(String::into_bytes),
            headers: Vec::new(),
        })
    }

    fn a(address: u8) -> Option<String> {
        Some(format!(r#"[{{"name":"a.example.","type":"A","content":"192.0.2.{address}","ttl":60}}]"#))
    }

    fn slots(events: &[Event]) -> Vec<Slot> {
        let mut state = LogState::new(SourceId::new("test"), Keep::Everything);
        events.iter().for_each(|event| state.apply(event));
        state.slots(&"a.example".parse().unwrap(), RecordType::A).cloned().collect()
    }

    fn last(rrset: Option<RrSet>) -> Option<u8> {
        rrset.map(|rrset| rrset.rdatas()[0][3])
    }

    // DESIGN, "Slots decide": what came between is folded in as a reader without our events would have it.
    #[test]
    fn what_came_between_decides_as_it_would_have_without_us() {
        let slots = slots(&[event(0, 1, 10, "a.example.|A", a(1)), event(1, 2, 20, "a.example|A", a(2))]);
        assert_eq!(last(after(&slots, &[])), Some(2), "the newest serves");
        for (between, want) in [
            (event(0, 3, 30, "a.example.|A", a(3)), Some(3)),
            // Older than what serves: it changes its slot and nothing else.
            (event(0, 3, 15, "a.example.|A", a(3)), Some(2)),
            (event(1, 3, 30, "a.example|A", None), Some(1)),
            (event(0, 3, 30, "a.example.|A", None), Some(2)),
            (event(1, 3, 30, "a.example|A", Some("[]".into())), None),
            (event(1, 3, 30, "a.example|A", Some("x".into())), Some(2)),
            (event(2, 3, 30, "A.example.|A", a(9)), Some(9)),
        ] {
            assert_eq!(last(after(&slots, &[&between])), want, "{between:?}");
            let before = [(("a.example".parse().unwrap(), RecordType::A), slots.clone())].into();
            assert_eq!(said_again(&before, &[between]).len(), 1);
        }
        let before = [(("a.example".parse().unwrap(), RecordType::A), slots)].into();
        assert!(said_again(&before, &[event(0, 3, 30, "b.example.|A", None)]).is_empty());
    }
}

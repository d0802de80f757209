//! A change of any size, published in as many parts as it needs.

use crate::Console;
use crate::log::{OpenLog, note_partitioning};
use crate::publish::{change_id, now};
use event_producer::{Change, MAX_BYTES, MAX_EVENTS, Outcome};
use messages::{Edit, Published};
use zone_model::{Name, RecordType, RrSet};

/// What an edit may become on the log.
#[derive(Clone, Copy, Default)]
struct Size {
    events: usize,
    bytes: usize,
}

/// What came of all parts.
pub(super) struct PublishedParts {
    /// As of one change: the events of all, the last positions, the last serial.
    pub(super) outcome: Outcome,
    pub(super) parts: usize,
}

/// Cuts edits where a change would be larger than readers hold back, between owners where that can be. The SOA,
/// which each part brings with it, and its other slots are counted in. The log is not read on: what came since the
/// edits were decided is a conflict when they are published.
pub(crate) fn cut(open: &OpenLog, edits: Vec<Edit>) -> Vec<Vec<Edit>> {
    let (most_events, most_bytes) = (MAX_EVENTS - 100, MAX_BYTES - (1 << 20));
    let state = open.log.state();
    let size = |edit: &Edit| {
        let (owner, rtype, rrset) = match edit {
            Edit::Set { owner, rtype, rrset } => (owner, *rtype, Some(rrset)),
            Edit::Remove { owner, rtype } => (owner, *rtype, None),
        };
        let slots = state.map_or(0, |state| state.slots(owner, rtype).count());
        let name = 5 * owner.as_wire().len();
        let value = rrset.map_or(0, |rrset| value_size(name, rrset));
        // Keys and headers of the RRset's event and of the nulls for its other slots.
        let events = slots + usize::from(rrset.is_some());
        Size { events, bytes: value + events * (3 * name + 300) }
    };
    let mut parts: Vec<Vec<Edit>> = Vec::new();
    let mut part: Vec<Edit> = Vec::new();
    let mut sum = Size::default();
    let mut group: Vec<Edit> = Vec::new();
    let mut edits = edits.into_iter().peekable();
    while let Some(edit) = edits.next() {
        group.push(edit);
        let same = edits.peek().is_some_and(|next| owner_of(next) == owner_of(&group[0]));
        if same && group.len() < 1_000 {
            continue;
        }
        let added = group.iter().map(size).fold(Size::default(), |sum, size| Size {
            events: sum.events + size.events,
            bytes: sum.bytes + size.bytes,
        });
        if !part.is_empty()
            && (sum.events + added.events > most_events || sum.bytes + added.bytes > most_bytes)
        {
            parts.push(std::mem::take(&mut part));
            sum = Size::default();
        }
        sum = Size { events: sum.events + added.events, bytes: sum.bytes + added.bytes };
        part.append(&mut group);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// At most: each octet may be escaped as `\\DDD` in JSON.
fn value_size(name: usize, rrset: &RrSet) -> usize {
    rrset.rdatas().iter().map(|rdata| name + 5 * rdata.len() + 200).sum()
}

fn owner_of(edit: &Edit) -> &Name {
    match edit {
        Edit::Set { owner, .. } | Edit::Remove { owner, .. } => owner,
    }
}

/// Whether the edit is of the SOA at the apex.
pub(super) fn is_soa(edit: &Edit, apex: &Name) -> bool {
    match edit {
        Edit::Set { owner, rtype, .. } | Edit::Remove { owner, rtype } => {
            *rtype == RecordType::SOA && owner == apex
        }
    }
}

/// Publishes the parts, one after the other. `None` where there are none.
pub(super) fn publish(
    open: &mut OpenLog,
    apex: &Name,
    parts: Vec<Vec<Edit>>,
    producer: &str,
    console: &mut Console<'_>,
) -> anyhow::Result<Option<PublishedParts>> {
    let (count, all) = (parts.len(), parts.iter().map(Vec::len).sum::<usize>());
    if count > 1 {
        console.note(&format!(
            "{all} RRsets change, more than readers hold back until a change is complete: they are published in {count} \
             parts, and the change is not atomic"
        ));
    }
    if all > 0 {
        note_partitioning(&open.target, &open.config, console);
    }
    let mut total: Option<PublishedParts> = None;
    let mut done = 0;
    for (index, edits) in parts.into_iter().enumerate() {
        let edited = edits.len();
        // What is published was decided by what was read; two who do that at once would mix their zones.
        let change =
            Change { zone: Some(apex.clone()), edits, producer: producer.to_owned(), if_unchanged: true };
        let outcome = open.log.publish(&change, now(), &change_id(), &open.config);
        let outcome = outcome.map_err(|error| {
            clear(console);
            let error = anyhow::Error::from(error);
            match index {
                0 => error,
                _ => error
                    .context(format!("part {} of {count} failed, the {index} before it stand", index + 1)),
            }
        })?;
        done += edited;
        if count > 1 {
            progress(console, done, all);
        }
        total = Some(match total {
            None => PublishedParts { outcome, parts: 1 },
            Some(before) => {
                PublishedParts { outcome: joined(before.outcome, outcome), parts: before.parts + 1 }
            }
        });
    }
    clear(console);
    Ok(total)
}

/// Two outcomes of one zone as one.
fn joined(before: Outcome, after: Outcome) -> Outcome {
    let mut positions = before.published.positions;
    for (partition, position) in after.published.positions {
        match positions.iter_mut().find(|(own, _)| *own == partition) {
            Some((_, own)) => *own = position,
            None => positions.push((partition, position)),
        }
    }
    let events = before.published.events + after.published.events;
    let published = Published { source: after.published.source, positions, events };
    Outcome {
        published,
        apex: after.apex,
        serial: after.serial.or(before.serial),
        timestamp: after.timestamp,
        between: [before.between, after.between].concat(),
    }
}

/// A bar on a terminal; nothing elsewhere.
fn progress(console: &mut Console<'_>, done: usize, all: usize) {
    const WIDTH: usize = 40;
    if console.live {
        let filled = WIDTH * done / all.max(1);
        let bar = format!("{}{}", "#".repeat(filled), ".".repeat(WIDTH - filled));
        let _ = write!(console.err, "\r[{bar}] {done}/{all} RRsets");
        let _ = console.err.flush();
    }
}

fn clear(console: &mut Console<'_>) {
    if console.live {
        let _ = write!(console.err, "\r\x1b[K");
    }
}

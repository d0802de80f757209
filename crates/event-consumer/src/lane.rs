//! One partition on its way through the [`Assembler`](crate::Assembler): the changes that are open in it.

use crate::assemble::{ClosedEarly, Early};
use crate::config::BatchConfig;
use std::time::Instant;
use zone_model::{Event, HEADER_CHANGE_ID, HEADER_CHANGE_SIZE, Partition, Position};

/// A partition's events that wait, and why.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    held: Vec<Item>,
    held_events: usize,
    held_bytes: usize,
    open: Vec<Change>,
    /// Changes of which a part was handed on already: the rest of their events stand alone.
    loose: Vec<Change>,
    live: bool,
    at_end: bool,
}

/// Something that waits in a lane.
#[derive(Debug)]
pub(crate) enum Item {
    /// An event and its size.
    Event(Event, usize),
    /// A position that was passed without an event.
    Passed(Position),
}

/// A change and how much of it was seen.
#[derive(Debug)]
struct Change {
    id: Vec<u8>,
    size: Option<usize>,
    seen: usize,
    last: Instant,
}

/// A change that is no longer waited for.
#[derive(Debug)]
pub(crate) struct Closed(Change, Early);

/// Changes that are remembered as handed on in parts; more at once would need as many writers in a partition.
const MAX_LOOSE: usize = 16;

// === impl Lane ===

impl Lane {
    /// Takes the next event. Returns the changes that were given up over it.
    pub(crate) fn event(
        &mut self,
        event: Event,
        bytes: usize,
        now: Instant,
        config: &BatchConfig,
    ) -> Vec<Closed> {
        self.at_end = false;
        self.count(&event, now);
        self.held_events += 1;
        self.held_bytes += bytes;
        self.held.push(Item::Event(event, bytes));
        let too_large =
            self.held_events >= config.group_max_events || self.held_bytes >= config.group_max_bytes;
        if self.is_open() && too_large { self.give_up(Early::TooLarge, |_| true) } else { Vec::new() }
    }

    pub(crate) fn passed(&mut self, position: Position) {
        // Only the last of several counts.
        if let Some(Item::Passed(last)) = self.held.last_mut() {
            *last = position;
        } else {
            self.held.push(Item::Passed(position));
        }
    }

    pub(crate) fn live(&mut self) {
        self.live = true;
    }

    pub(crate) fn at_end(&mut self) {
        self.at_end = true;
    }

    /// Whether a change is open, so that nothing of the partition may be handed on.
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    pub(crate) fn tick(&mut self, now: Instant, config: &BatchConfig) -> Vec<Closed> {
        if !self.at_end {
            return Vec::new();
        }
        let timeout = config.group_timeout();
        self.give_up(Early::TimedOut, |change| now.saturating_duration_since(change.last) >= timeout)
    }

    pub(crate) fn deadline(&self, config: &BatchConfig) -> Option<Instant> {
        let soonest = self.open.iter().map(|change| change.last).min().filter(|_| self.at_end)?;
        soonest.checked_add(config.group_timeout())
    }

    /// Everything that was held back; nothing may be open.
    pub(crate) fn release(&mut self) -> impl Iterator<Item = Item> + '_ {
        self.held_events = 0;
        self.held_bytes = 0;
        self.held.drain(..)
    }

    /// Enters an event into the account of its change.
    fn count(&mut self, event: &Event, now: Instant) {
        let Some((id, size)) = change_of(event) else { return };
        if !self.live {
            // Compaction may have taken members of what stands below the end, so each event stands alone; the
            // last change may reach beyond the end, and the rest of it then stands alone too.
            if self.loose.last().is_none_or(|change| change.id != id) {
                self.loose.clear();
                self.loose.push(Change { id: id.to_vec(), size, seen: 0, last: now });
            }
            if let Some(change) = self.loose.last_mut() {
                change.seen += 1;
            }
            return;
        }
        if let Some(index) = self.loose.iter().position(|change| change.id == id) {
            let change = &mut self.loose[index];
            if change.is_complete() {
                // The id is used again; that is another change.
                self.loose.remove(index);
            } else {
                change.seen += 1;
                return;
            }
        }
        let index = match self.open.iter().position(|change| change.id == id) {
            Some(index) => index,
            None => {
                self.open.push(Change { id: id.to_vec(), size: None, seen: 0, last: now });
                self.open.len() - 1
            }
        };
        let change = &mut self.open[index];
        change.size = change.size.or(size);
        change.seen += 1;
        change.last = now;
        if change.is_complete() {
            self.open.swap_remove(index);
        }
    }

    /// Gives up the open changes that `which` chooses; what comes of them later stands alone.
    fn give_up(&mut self, why: Early, which: impl Fn(&Change) -> bool) -> Vec<Closed> {
        let (given_up, open): (Vec<Change>, Vec<Change>) = self.open.drain(..).partition(which);
        self.open = open;
        for change in &given_up {
            self.loose.push(Change { id: change.id.clone(), ..*change });
        }
        let surplus = self.loose.len().saturating_sub(MAX_LOOSE);
        self.loose.drain(..surplus);
        given_up.into_iter().map(|change| Closed(change, why)).collect()
    }
}

// === impl Change ===

impl Change {
    fn is_complete(&self) -> bool {
        self.size.is_some_and(|size| self.seen >= size)
    }
}

// === impl Closed ===

impl Closed {
    pub(crate) fn report(self, partition: Partition) -> ClosedEarly {
        ClosedEarly {
            partition,
            change: String::from_utf8_lossy(&self.0.id).into_owned(),
            seen: self.0.seen,
            size: self.0.size,
            why: self.1,
        }
    }
}

/// The change that an event belongs to, and how many events it announces; `None` for one that stands alone.
fn change_of(event: &Event) -> Option<(&[u8], Option<usize>)> {
    if event.headers.is_empty() {
        return None;
    }
    let (_, id) = event.headers.iter().find(|(name, _)| name == HEADER_CHANGE_ID)?;
    let size = event.header(HEADER_CHANGE_SIZE).and_then(|text| text.trim().parse::<usize>().ok());
    (size.is_none_or(|size| size > 1)).then_some((id.as_slice(), size))
}

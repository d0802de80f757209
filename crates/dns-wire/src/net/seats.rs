//! Seats for connections, of which all listeners together have so many, and each client address so many.
//!
//! Listeners share nothing but these counts, and nothing waits for them: they are atomic numbers. A client address is
//! counted in one of a few slots that its hash says. A slot is free when its count is 0, whose it was does not matter
//! then.

use messages::{Permit, Permits};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Slots among which a client's is. At most an eighth of all are ever taken, so that all of these are taken less often
/// than once in 10^15 times; the connection is refused then.
const WINDOW: usize = 32;
/// Slots for each seat.
const SLOTS: usize = 8;
/// The bits of a slot that count, as many as the limit on a client's connections may need; above them is whose it is.
const COUNT: u64 = u16::MAX as u64;

/// The seats that all listeners share.
#[derive(Clone)]
pub(crate) struct Seats {
    all: Permits,
    per_client: u64,
    clients: Arc<Clients>,
}

/// A connection's seat, given back when it is dropped.
pub(crate) struct Seat {
    clients: Arc<Clients>,
    slot: usize,
    _place: Permit,
}

struct Clients {
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
}

// === impl Seats ===

impl Seats {
    /// `all` seats, of which one client address may have `per_client`; of either at most 65,535.
    pub(crate) fn new(all: usize, per_client: usize) -> Self {
        let all = all.min(COUNT as usize);
        let slots = (SLOTS * all).next_power_of_two().max(WINDOW);
        let clients =
            Clients { slots: (0..slots).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() };
        Self {
            all: Permits::new(all),
            per_client: (per_client as u64).min(COUNT),
            clients: Arc::new(clients),
        }
    }

    /// A seat for this client, if one is free. Of connections of one client that come to several listeners in the same
    /// moment one too many may get one.
    pub(crate) fn take(&self, client: IpAddr) -> Option<Seat> {
        let place = self.all.try_take()?;
        let slot = self.clients.enter(client, self.per_client)?;
        Some(Seat { clients: Arc::clone(&self.clients), slot, _place: place })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.clients.slots[self.slot].fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Clients ===

impl Clients {
    /// Counts one connection more of this client, if it has fewer than `limit`; says in which slot.
    fn enter(&self, client: IpAddr, limit: u64) -> Option<usize> {
        let hash = self.hasher.hash_one(client);
        let whose = hash & !COUNT;
        loop {
            let mut own = None;
            let mut free = None;
            for step in 0..WINDOW {
                let slot = (hash as usize).wrapping_add(step) & (self.slots.len() - 1);
                let value = self.slots[slot].load(Ordering::Relaxed);
                if value & COUNT == 0 {
                    free = free.or(Some((slot, value)));
                } else if value & !COUNT == whose {
                    own = Some((slot, value));
                    break;
                }
            }
            let (slot, value, next) = match (own, free) {
                (Some((_, value)), _) if value & COUNT >= limit => return None,
                (Some((slot, value)), _) => (slot, value, value + 1),
                (None, Some((slot, value))) => (slot, value, whose | 1),
                (None, None) => return None,
            };
            // Somebody else may have changed it meanwhile: then all is looked at again.
            let order = Ordering::Relaxed;
            if self.slots[slot].compare_exchange(value, next, order, order).is_ok() {
                return Some(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn client(number: u32) -> IpAddr {
        Ipv4Addr::from(number).into()
    }

    #[test]
    fn each_client_has_so_many_and_all_have_so_many() {
        let seats = Seats::new(10, 3);
        let mut taken: Vec<Seat> = (0..3).map(|_| seats.take(client(1)).expect("a seat")).collect();
        assert!(seats.take(client(1)).is_none(), "a fourth");
        taken.extend((2..9).map(|number| seats.take(client(number)).expect("a seat")));
        assert!(seats.take(client(9)).is_none(), "an eleventh");
        // What is given back can be taken, by the same client or another.
        drop(taken.swap_remove(0));
        assert!(seats.take(client(1)).is_some());
        assert!(seats.take(client(9)).is_some());
    }

    /// Whoever comes and goes, a seat is given as long as one is free: none is lost, and none is refused for others'.
    #[test]
    fn no_seat_is_lost() {
        let seats = Seats::new(1000, 1);
        for round in 0..50 {
            let taken: Vec<Option<Seat>> =
                (0..1000).map(|number| seats.take(client(round * 1000 + number))).collect();
            assert!(taken.iter().all(Option::is_some), "in round {round}");
        }
        assert!(seats.clients.slots.iter().all(|slot| slot.load(Ordering::Relaxed) & COUNT == 0));
    }

    #[test]
    fn threads_share_them() {
        let seats = Seats::new(1000, 1000);
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let seats = seats.clone();
                std::thread::spawn(move || {
                    for turn in 0..20_000 {
                        let (one, other) = (seats.take(client(turn % 7)), seats.take(client(thread)));
                        assert!(one.is_some() && other.is_some());
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        assert_eq!(seats.all.free(), 1000);
        assert!(seats.clients.slots.iter().all(|slot| slot.load(Ordering::Relaxed) & COUNT == 0));
    }
}

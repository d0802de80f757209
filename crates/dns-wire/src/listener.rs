//! One listener's state: the catalogue it answers from, its buffers and its counters. No socket.

use crate::answer::{self, Findings, Lookahead, PLACES, Pending, Scratch, Verdict};
use crate::client::{AnyAnswer, Client, Sink, Transport};
use crate::config::WireConfig;
use crate::counters::{Counters, Lost};
use ipnet::IpNet;
use messages::{Resolution, Snapshot};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use zone_model::{Catalog, Timestamp};

/// Bounds of the EDNS payload that is said over UDP: what every client takes, and what a batch has room for.
const PAYLOAD: (u16, u16) = (512, 4096);

/// What a listener answers with; it belongs to one thread.
#[derive(Debug)]
pub struct Listener {
    snapshot: Option<Rc<Snapshot>>,
    scratch: Scratch,
    ahead: Lookahead,
    terms: Terms,
    /// What was counted.
    pub counters: Counters,
}

/// A datagram that came.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'q> {
    /// The query.
    pub octets: &'q [u8],
    /// Where from.
    pub peer: SocketAddr,
    /// The address that was asked, where it is known.
    pub local: Option<IpAddr>,
}

/// What clients are given.
#[derive(Debug)]
struct Terms {
    recursion: Option<Vec<IpNet>>,
    udp_payload: u16,
    any_udp: AnyAnswer,
    any_tcp: AnyAnswer,
}

/// Takes the answers to the datagrams of a batch.
pub trait Answers {
    /// Where the next answer is composed: as many octets as the largest may have.
    fn room(&mut self) -> &mut [u8];

    /// Takes the first octets of the room as the answer to the datagram in a place.
    fn composed(&mut self, place: usize, length: usize);
}

/// Hands an answer on with the place of its datagram.
struct To<'s, A> {
    place: usize,
    answers: &'s mut A,
}

// === impl Listener ===

impl Listener {
    /// A listener without a catalogue: its answers are SERVFAIL until it is given one. `resolver` says
    /// whether there is one to ask for clients that may recurse.
    pub fn new(config: &WireConfig, resolver: bool) -> Self {
        Self {
            snapshot: None,
            scratch: Scratch::of(config.identity.clone()),
            ahead: Lookahead::new(),
            terms: Terms {
                recursion: resolver.then(|| config.recursion.clone()),
                udp_payload: config.udp_payload.clamp(PAYLOAD.0, PAYLOAD.1),
                any_udp: config.any_udp,
                any_tcp: config.any_tcp,
            },
            counters: Counters::default(),
        }
    }

    /// The largest datagram that it says it takes, in octets (RFC 6891 section 6.2.3).
    pub(crate) fn udp_payload(&self) -> u16 {
        self.terms.udp_payload
    }

    /// Answers from this catalogue from now on.
    pub fn publish(&mut self, snapshot: Snapshot) {
        self.snapshot = Some(Rc::new(snapshot));
    }

    /// Answers a query.
    pub fn answer(
        &mut self,
        octets: &[u8],
        transport: Transport,
        peer: SocketAddr,
        local: Option<IpAddr>,
        now: Timestamp,
        sink: &mut impl Sink,
    ) -> Verdict {
        self.counters.query(transport, peer.is_ipv6());
        let client = self.terms.client(transport, peer, local, now);
        let catalog = catalog(self.snapshot.as_deref());
        let answered =
            guarded(&mut self.scratch, |scratch| answer::answer(catalog, octets, &client, scratch, sink));
        settle(&mut self.counters, &mut self.scratch, answered, sink, |scratch, sink| {
            answer::answer::<Catalog>(None, octets, &client, scratch, sink)
        })
    }

    /// Answers the datagrams of a batch: `datagram` gives each of the `count` as often as it is asked, and `None` for one
    /// that cannot be answered. Each answer goes to `answers` with the place of its datagram,
    /// and what must wait for the resolver to `resolve`, with the snapshot that it goes on with.
    pub fn answer_datagrams<'q>(
        &mut self,
        count: usize,
        datagram: impl Fn(usize) -> Option<Datagram<'q>>,
        now: Timestamp,
        answers: &mut impl Answers,
        mut resolve: impl FnMut(&Datagram<'q>, Pending, Rc<Snapshot>),
    ) {
        let Self { snapshot, scratch, ahead, terms, counters } = self;
        let catalog = catalog(snapshot.as_deref());
        let mut findings = Findings::new();
        for first in (0..count).step_by(PLACES) {
            let group = first..count.min(first + PLACES);
            let octets = group.clone().map(|at| datagram(at).map_or(&[][..], |datagram| datagram.octets));
            // A panic is that of one query, which is found when each is answered by itself.
            let mut looked =
                catch_unwind(AssertUnwindSafe(|| ahead.look(catalog, octets, &mut findings))).ok();
            let mut at = first;
            while at < group.end {
                // One guard for as many as go well.
                let whole = catch_unwind(AssertUnwindSafe(|| {
                    while at < group.end {
                        let Some(Datagram { octets, peer, local }) = datagram(at) else {
                            counters.lost(Lost::NoQuery);
                            at += 1;
                            continue;
                        };
                        counters.query(Transport::Udp, peer.is_ipv6());
                        let client = terms.client(Transport::Udp, peer, local, now);
                        let mut sink = To { place: at, answers };
                        let verdict = match &mut looked {
                            Some(looked) => looked.answer(at - first, octets, &client, scratch, &mut sink),
                            None => answer::answer(catalog, octets, &client, scratch, &mut sink),
                        };
                        count_verdict(counters, &verdict);
                        if let (Verdict::Resolve(pending), Some(snapshot)) = (verdict, &*snapshot) {
                            resolve(&Datagram { octets, peer, local }, *pending, Rc::clone(snapshot));
                        }
                        at += 1;
                    }
                }));
                if whole.is_err() {
                    renew(scratch);
                    if let Some(Datagram { octets, peer, local }) = datagram(at) {
                        let client = terms.client(Transport::Udp, peer, local, now);
                        settle(counters, scratch, None, &mut To { place: at, answers }, |scratch, sink| {
                            answer::answer::<Catalog>(None, octets, &client, scratch, sink)
                        });
                    }
                    at += 1;
                }
            }
        }
    }

    /// The snapshot that answers are given from now: what an answer that waits for the resolver keeps.
    pub fn snapshot(&self) -> Option<Rc<Snapshot>> {
        self.snapshot.clone()
    }

    /// Goes on with an answer that waited for the resolver, from the snapshot that it was begun with: a chain
    /// never mixes two states of the catalogue. No resolution is SERVFAIL.
    pub fn resume(
        &mut self,
        pending: Pending,
        snapshot: &Snapshot,
        resolution: Option<Resolution>,
        sink: &mut impl Sink,
    ) -> Verdict {
        let kept = pending.clone();
        let resumed = guarded(&mut self.scratch, |scratch| {
            answer::resume(&**snapshot, pending, resolution, scratch, sink)
        });
        settle(&mut self.counters, &mut self.scratch, resumed, sink, |scratch, sink| {
            answer::resume(&**snapshot, kept, None, scratch, sink)
        })
    }
}

// === impl Terms ===

impl Terms {
    #[inline]
    fn client(
        &self,
        transport: Transport,
        peer: SocketAddr,
        local: Option<IpAddr>,
        now: Timestamp,
    ) -> Client {
        let (size_limit, any) = match transport {
            Transport::Udp => (usize::from(self.udp_payload), self.any_udp),
            Transport::Tcp => (usize::from(u16::MAX), self.any_tcp),
        };
        let recursion = self.may_recurse(peer.ip());
        Client { transport, peer, local, size_limit, payload: self.udp_payload, recursion, any, now }
    }

    #[inline]
    fn may_recurse(&self, peer: IpAddr) -> bool {
        self.recursion.as_ref().is_some_and(|networks| {
            let peer = peer.to_canonical();
            networks.iter().any(|network| network.contains(&peer))
        })
    }
}

// === impl To ===

impl<A: Answers> Sink for To<'_, A> {
    #[inline]
    fn room(&mut self) -> Option<&mut [u8]> {
        Some(self.answers.room())
    }

    #[inline]
    fn composed(&mut self, length: usize) {
        self.answers.composed(self.place, length);
    }

    #[inline]
    fn message(&mut self, octets: &[u8]) {
        if let Some(room) = self.answers.room().get_mut(..octets.len()) {
            room.copy_from_slice(octets);
            self.composed(octets.len());
        }
    }
}

/// Counts what came of a query. Where that was a panic the answer is SERVFAIL, as `failed` gives it.
#[inline]
fn settle<S: Sink>(
    counters: &mut Counters,
    scratch: &mut Scratch,
    verdict: Option<Verdict>,
    sink: &mut S,
    failed: impl FnOnce(&mut Scratch, &mut S) -> Verdict,
) -> Verdict {
    let verdict = verdict.unwrap_or_else(|| {
        counters.lost(Lost::Panicked);
        tracing::error!("answering a query panicked; the client gets SERVFAIL");
        guarded(scratch, |scratch| failed(scratch, sink)).unwrap_or(Verdict::Dropped)
    });
    count_verdict(counters, &verdict);
    verdict
}

#[inline]
fn count_verdict(counters: &mut Counters, verdict: &Verdict) {
    match verdict {
        Verdict::Answered(summary) => counters.answered(*summary),
        Verdict::Dropped => counters.lost(Lost::NoQuery),
        Verdict::Resolve(_) => counters.recursed(),
    }
}

/// Calls what may panic, so that one query cannot take a listener down. `None` says that it did panic; the
/// buffers are new then.
fn guarded(scratch: &mut Scratch, call: impl FnOnce(&mut Scratch) -> Verdict) -> Option<Verdict> {
    let called = catch_unwind(AssertUnwindSafe(|| call(scratch)));
    if called.is_err() {
        renew(scratch);
    }
    called.ok()
}

/// Buffers as new, after a panic.
fn renew(scratch: &mut Scratch) {
    *scratch = Scratch::of(std::mem::take(&mut scratch.room.identity));
}

fn catalog(snapshot: Option<&Snapshot>) -> Option<&Catalog> {
    snapshot.filter(|snapshot| snapshot.in_service()).map(|snapshot| &**snapshot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zone_model::catalog::{Authority, Node, QueryName};

    const QUERY: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01";

    struct Defect;

    impl Authority for Defect {
        fn seed(&self) -> u64 {
            0
        }

        fn node<'a>(&'a self, _: &QueryName, _: usize) -> Option<Node<'a>> {
            panic!("a defect");
        }

        fn wildcard<'a>(&'a self, _: &QueryName, _: usize) -> Option<Node<'a>> {
            None
        }
    }

    /// One query must not take down the thread that all others wait for.
    #[test]
    fn a_panic_is_a_servfail() {
        let mut listener = Listener::new(&WireConfig::default(), false);
        let client = Client::new(Transport::Udp, SocketAddr::from(([192, 0, 2, 1], 4000)), Timestamp(0));
        let mut sink: Vec<Vec<u8>> = Vec::new();
        let verdict = guarded(&mut listener.scratch, |scratch| {
            answer::answer(Some(&Defect), QUERY, &client, scratch, &mut sink)
        });
        assert!(verdict.is_none());
        let Listener { counters, scratch, .. } = &mut listener;
        let verdict = settle(counters, scratch, verdict, &mut sink, |scratch, sink| {
            answer::answer::<Catalog>(None, QUERY, &client, scratch, sink)
        });
        assert!(matches!(verdict, Verdict::Answered(summary) if summary.rcode() == 2));
        assert_eq!(sink.len(), 1);
        let samples = listener.counters.take();
        assert!(samples.iter().any(|sample| sample.labels == [("reason", "panic".into())]), "{samples:?}");
    }
}

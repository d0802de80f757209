//! "No allocation ... on the way of a query": every kind of answer over UDP, counted by the allocator itself.

#[path = "support/mod.rs"]
mod support;

use dns_wire::{Client, Listener, Scratch, Sink, Transport, Verdict, WireConfig, answer};
use messages::Snapshot;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use support::{Ask, catalog};
use zone_model::Timestamp;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting for each thread.
struct Counting;

// SAFETY: every call is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are those that this asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A sink that keeps nothing.
#[derive(Default)]
struct Length(usize);

impl Sink for Length {
    fn message(&mut self, octets: &[u8]) {
        self.0 += octets.len();
    }
}

const ZONES: &str = "
    example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
    example. NS ns.example.
    example. MX 10 mail.other.
    ns.example. A 192.0.2.1
    www.example. CNAME far.other.
    old.example. DNAME other.
    *.wild.example. A 192.0.2.2
    sub.example. NS ns.sub.example.
    ns.sub.example. A 192.0.2.3
    other. SOA ns.other. admin.other. 1 7200 3600 1209600 60
    far.other. AAAA 2001:db8::1
    mail.other. A 192.0.2.4
    sip.other. SRV 0 0 5060 mail.other.
    web.other. HTTPS 1 . alpn=h2
    web.other. A 192.0.2.5";

const QUESTIONS: [&str; 18] = [
    "example. SOA",
    "example. NS",
    "example. MX",
    "www.example. AAAA",
    "www.example. A",
    "x.old.example. A",
    "far.old.example. AAAA",
    "a.wild.example. A",
    "a.wild.example. TXT",
    "nothing.example. A",
    "sub.example. A",
    "x.y.sub.example. ANY",
    "sub.example. DS",
    "nobody.test. A",
    "sip.other. SRV",
    "web.other. HTTPS",
    "example. ANY",
    "example. AXFR",
];

fn allocations(mut call: impl FnMut()) -> usize {
    // What is set up on first use does not count.
    call();
    let before = ALLOCATIONS.with(Cell::get);
    call();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn answering_over_udp_allocates_nothing() {
    let zones = catalog(ZONES);
    let client = Client::new(Transport::Udp, "192.0.2.7:4000".parse().expect("an address"), Timestamp(0));
    let mut listener = Listener::new(&WireConfig::default(), true);
    listener.publish(Snapshot::new(Arc::new(catalog(ZONES)), true, None));
    let mut scratch = Scratch::new();
    for question in QUESTIONS {
        for edns in [false, true] {
            let ask = Ask::new(question);
            let query = if edns { ask.edns(1232) } else { ask }.octets();
            let mut sink = Length::default();
            let count = allocations(|| {
                let verdict = answer(Some(&zones), &query, &client, &mut scratch, &mut sink);
                assert!(matches!(verdict, Verdict::Answered(_)));
            });
            assert_eq!(count, 0, "{question}");
            let count = allocations(|| {
                let verdict =
                    listener.answer(&query, Transport::Udp, client.peer, None, client.now, &mut sink);
                assert!(matches!(verdict, Verdict::Answered(_)));
            });
            assert_eq!(count, 0, "{question}, by a listener");
            assert!(sink.0 > 0);
        }
    }
    // The count counts.
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

//! Any octets as a query, to zones that have something of every kind: over UDP and TCP, from clients that recurse and
//! such that do not.
#![no_main]

mod support;

use dns_wire::{Client, Identity, Scratch, Transport};
use libfuzzer_sys::fuzz_target;
use support::zones::catalog;
use zone_model::{Catalog, Timestamp};

const ZONES: &str = "
    x. SOA ns.x. admin.x. 1 2 3 4 60
    x. NS ns.x.
    ns.x. A 192.0.2.1
    *.x. CNAME a.y.
    y. SOA ns.x. admin.x. 1 2 3 4 60
    y. DNAME z.x.
    a.x. NS ns.a.x.
    ns.a.x. A 192.0.2.2
    . SOA ns.x. admin.x. 1 2 3 4 60
    b. TXT text
    c.b. MX 1 ns.x.
    loop. CNAME loop.";

thread_local! {
    static CATALOG: Catalog = catalog(ZONES);
}

fuzz_target!(|octets: &[u8]| {
    let identity = Identity { nsid: vec![7; 9], version: b"v".to_vec(), hostname: b"h".to_vec() };
    let mut scratch = Scratch::of(identity);
    for (transport, recursion) in [(Transport::Udp, false), (Transport::Tcp, true)] {
        let peer = ([192, 0, 2, 7], 4000).into();
        let mut client = Client::new(transport, peer, Timestamp(0));
        client.recursion = recursion;
        CATALOG.with(|catalog| support::check(catalog, octets, &client, &mut scratch));
    }
});

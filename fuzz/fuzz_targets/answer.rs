//! A catalogue and a query of the input's choice: octets in, octets out; and where the resolver is asked, what it finds.
#![no_main]

mod support;

use dns_wire::{AnyAnswer, Client, Identity, Scratch, Transport, Verdict, resume};
use libfuzzer_sys::fuzz_target;
use messages::Resolution;
use std::collections::BTreeSet;
use support::zones::{build, owners};
use zone_model::{Name, Record, RecordType, Timestamp, rdata};

/// The input, octet by octet; zeroes behind its end.
struct Input<'i>(&'i [u8]);

impl Input<'_> {
    fn next(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[usize::from(self.next()) % all.len()]
    }

    fn name(&mut self) -> String {
        let base = self.pick(&["x.", "x.", "a.x.", "b.a.x.", "y.", ".", "nobody.test."]);
        let mut labels = String::new();
        for _ in 0..self.next() % 4 {
            labels += self.pick(&["a.", "b.", "*.", "c.", "A."]);
        }
        if self.next() % 16 == 0 {
            let label = format!("{}.", "l".repeat(usize::from(self.next()) % 63 + 1));
            labels += &label.repeat(usize::from(self.next()) % 4);
        }
        match (labels.is_empty(), base) {
            (false, ".") => labels,
            _ if labels.len() + base.len() < 255 => labels + base,
            _ => base.to_owned(),
        }
    }

    fn data(&mut self) -> String {
        let name = self.name();
        let number = self.next();
        match self.next() % 16 {
            0 | 1 => format!("A 192.0.2.{number}"),
            2 => format!("AAAA 2001:db8::{number:x}"),
            3 | 4 => format!("CNAME {name}"),
            5 => format!("DNAME {name}"),
            6 | 7 => format!("NS {name}"),
            8 => format!("MX {number} {name}"),
            9 => format!("SRV 0 0 {number} {name}"),
            10 => format!("HTTPS {} {name}", number % 2),
            11 => "DS 1 8 2 01010101".to_owned(),
            12 => format!("TXT {}", "t".repeat(usize::from(number) + 1).get(..255).unwrap_or("t")),
            13 => format!("SOA ns.x. admin.x. 1 2 3 4 {number}"),
            14 => "TYPE65280 \\# 3 010203".to_owned(),
            _ => "RRSIG A 8 2 300 20300101000000 20200101000000 1 x. AQID".to_owned(),
        }
    }

    fn zones(&mut self) -> String {
        let mut text = "x. 300 SOA ns.x. admin.x. 1 2 3 4 60\n".to_owned();
        let mut single = BTreeSet::from([("x.".to_owned(), "SOA".to_owned())]);
        for _ in 0..self.next() % 32 {
            let (owner, ttl, data) = (self.name().to_lowercase(), self.next(), self.data());
            let rtype = data.split(' ').next().unwrap_or_default().to_owned();
            let is_single = ["SOA", "CNAME", "DNAME"].contains(&&*rtype);
            if !is_single || single.insert((owner.clone(), rtype)) {
                text += &format!("{owner} {ttl} {data}\n");
            }
        }
        text
    }

    fn query(&mut self) -> Vec<u8> {
        const TYPES: [u16; 16] = [1, 1, 28, 5, 39, 2, 6, 15, 33, 65, 43, 255, 16, 46, 65280, 252];
        let opt = self.next() % 3 != 0;
        let mut octets = vec![self.next(), 2, self.next() & 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(opt)];
        let name: Name = self.name().parse().expect("a name");
        octets.extend(name.as_wire());
        octets.extend(TYPES[usize::from(self.next()) % TYPES.len()].to_be_bytes());
        octets.extend([0, if self.next() % 8 == 0 { 255 } else { 1 }]);
        if opt {
            let nsid = self.next() % 4 == 0;
            octets.extend([0, 0, 41, self.next() % 8, self.next(), 0, 0, self.next() & 0x80, 0, 0]);
            octets.extend(if nsid { &b"\x04\x00\x03\x00\x00"[..] } else { b"\x00" });
        }
        // And what of it is otherwise.
        for _ in 0..self.next() % 8 / 5 {
            let at = usize::from(self.next()) % octets.len();
            octets[at] = self.next();
        }
        octets
    }

    fn client(&mut self) -> Client {
        let transport = if self.next() % 3 == 0 { Transport::Tcp } else { Transport::Udp };
        let mut client = Client::new(transport, ([192, 0, 2, 7], 4000).into(), Timestamp(0));
        if transport == Transport::Udp {
            client.size_limit = 512 + usize::from(self.next()) * 8;
        }
        client.recursion = self.next() % 4 == 0;
        client.any = if self.next() % 2 == 0 { AnyAnswer::One } else { AnyAnswer::All };
        client
    }

    /// What the resolver may have found: any records at all, of the name that was asked for among them.
    fn resolution(&mut self, asked: &Name) -> Option<Resolution> {
        if self.next() % 8 == 0 {
            return None;
        }
        let mut records = || -> Vec<Record> {
            let count = self.next() % 6;
            let record = |_| {
                let own =
                    if self.next() % 2 == 0 { asked.clone() } else { self.name().parse().expect("a name") };
                let data = self.data();
                let (rtype, text) = data.split_once(' ').expect("a type and RDATA");
                let rtype: RecordType = rtype.parse().expect("a type");
                let rdata = rdata::parse_text(rtype, text).expect("RDATA");
                Record { owner: own, rtype, ttl: u32::from(self.next()), rdata: rdata.into() }
            };
            (0..count).map(record).collect()
        };
        let (answers, authority) = (records(), records());
        Some(Resolution { rcode: self.next() % 4, answers, authority })
    }
}

fuzz_target!(|octets: &[u8]| {
    let mut input = Input(octets);
    let (client, query) = (input.client(), input.query());
    let zones = input.zones();
    let catalog = build(&owners(&zones));
    let mut scratch = Scratch::of(Identity { nsid: vec![7; 20], ..Identity::default() });
    let mut verdict = support::check(&catalog, &query, &client, &mut scratch);
    for _ in 0..4 {
        let Verdict::Resolve(pending) = verdict else { return };
        let resolution = input.resolution(&pending.question().name.clone());
        let mut sink: Vec<Vec<u8>> = Vec::new();
        verdict = resume(&catalog, *pending, resolution, &mut scratch, &mut sink);
        for reply in sink {
            support::check_reply(&reply, &query, &client);
        }
    }
});

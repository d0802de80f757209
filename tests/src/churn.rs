//! A zone that never stands still, and what its log says: events at a steady rate, and the state that they lead to by
//! the rules of DESIGN ("Slots decide, not arrival"), computed from the log itself and sharing no code with the server.

use crate::flood::{Question, Transport, ask_all_behind};
use crate::kills::zones;
use crate::{Server, eventually};
use anyhow::{Context, Result, ensure};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The zone.
pub const ZONE: &str = "churn.example.";
/// Owners whose addresses change.
const OWNERS: u64 = 400;
/// Events of one write.
const AT_ONCE: u64 = 10;

/// Chance that a seed repeats: splitmix64.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

/// An event on its way to the log; no value is a null.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The key.
    pub key: String,
    /// The value, in JSON.
    pub value: Option<String>,
    /// Milliseconds, where whoever writes may say so: mostly forwards.
    pub timestamp: i64,
    /// The change that it belongs to, and how many events that has.
    pub change: Option<(String, u64)>,
}

/// Writes events, until it is dropped.
#[derive(Debug)]
pub struct Churn {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<Result<()>>>,
}

#[derive(Debug)]
enum Order {
    Rest(Sender<u64>),
    GoOn,
}

/// What a log says.
#[derive(Debug, Default)]
pub struct Said {
    slots: BTreeMap<(u32, String), Slot>,
    /// Events that were read.
    pub events: u64,
    /// Those among them that cannot be used.
    pub unusable: u64,
    /// The slots whose newest event is one of those, and its timestamp.
    set_aside: BTreeMap<(u32, String), i64>,
}

#[derive(Debug)]
struct Slot {
    timestamp: i64,
    position: u64,
    /// Of an RRset of addresses.
    addresses: Vec<Ipv4Addr>,
}

// === impl Dice ===

impl Dice {
    /// The seed that the environment names (STREAM_DNS_SEED), else one of the clock's; it is printed.
    pub fn seeded(what: &str) -> Self {
        let named = std::env::var("STREAM_DNS_SEED").ok().and_then(|text| text.parse().ok());
        let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        let seed = named.unwrap_or(now.as_nanos() as u64);
        println!("{what}: STREAM_DNS_SEED={seed}");
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }

    /// Below a limit that is above zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.draw() % limit
    }
}

// === impl Draft ===

impl Draft {
    /// The `number`th event: addresses mostly, in two spellings of the key; sometimes none, a null, or rubbish.
    fn random(dice: &mut Dice, number: u64) -> Self {
        let owner = format!("n{}.{ZONE}", dice.below(OWNERS));
        let spelt = if dice.below(4) == 0 { owner.trim_end_matches('.') } else { &owner };
        let key = format!("{spelt}|A");
        let record = |address: &str| {
            format!(r#"{{"name":"{owner}","type":"A","content":"{address}","ttl":300,"priority":0}}"#)
        };
        let mut address =
            || record(&format!("10.{}.{}.{}", dice.below(256), dice.below(256), dice.below(256)));
        let value = match number % 23 {
            0 => None,
            1 => Some("[]".to_owned()),
            2 => Some(format!("[{}]", record("10.0.0.256"))),
            3..8 => Some(format!("[{},{}]", address(), address())),
            _ => Some(format!("[{}]", address())),
        };
        let timestamp = 1_790_000_000_000 + number as i64 - dice.below(30) as i64;
        Self { key, value, timestamp, change: None }
    }

    /// The events that make the zone.
    pub fn zone() -> Vec<Self> {
        let draft = |rtype: &str, content: &str| Self {
            key: format!("{ZONE}|{rtype}"),
            value: Some(format!(r#"[{{"name":"{ZONE}","type":"{rtype}","content":"{content}","ttl":300}}]"#)),
            timestamp: 1_789_000_000_000,
            change: None,
        };
        vec![
            draft("SOA", "ns.elsewhere.test. host.elsewhere.test. 1 3600 600 86400 300"),
            draft("NS", "ns.elsewhere.test."),
        ]
    }

    /// An event that gives a name of its own an address, to wait for.
    pub fn mark(number: u64) -> (String, Self) {
        let owner = format!("mark-{number}.{ZONE}");
        let value = format!(r#"[{{"name":"{owner}","type":"A","content":"192.0.2.1","ttl":300}}]"#);
        let (key, timestamp) = (format!("{owner}|A"), 1_789_000_000_000);
        let draft = Self { key, value: Some(value), timestamp, change: None };
        (owner, draft)
    }
}

// === impl Churn ===

impl Churn {
    /// Writes so many events a second, with `write`. Some of those that are written at once are one change: they must
    /// come to one partition.
    pub fn start(
        mut dice: Dice,
        rate: u64,
        mut write: impl FnMut(&mut Dice, &[Draft]) -> Result<()> + Send + 'static,
    ) -> Self {
        let (orders, told) = channel();
        let every = Duration::from_micros(1_000_000 * AT_ONCE / rate);
        let thread = std::thread::spawn(move || {
            let (mut number, mut due) = (0, Instant::now());
            loop {
                if due > Instant::now() {
                    std::thread::sleep(due - Instant::now());
                }
                due += every;
                let change = (dice.below(8) == 0).then(|| (format!("change-{number}"), AT_ONCE));
                let draft = |number| Draft { change: change.clone(), ..Draft::random(&mut dice, number) };
                let drafts: Vec<Draft> = (number..number + AT_ONCE).map(draft).collect();
                write(&mut dice, &drafts)?;
                number += AT_ONCE;
                if !Self::heed(&told, number) {
                    return Ok(());
                }
                // What was not written while it rested is not made up for.
                due = due.max(Instant::now().checked_sub(Duration::from_millis(100)).unwrap_or(due));
            }
        });
        Self { orders: Some(orders), thread: Some(thread) }
    }

    /// Rests where it is told to; false at the end.
    fn heed(told: &Receiver<Order>, number: u64) -> bool {
        match told.try_recv() {
            Ok(Order::Rest(reply)) => {
                let _ = reply.send(number);
                told.recv().is_ok()
            }
            Ok(Order::GoOn) | Err(std::sync::mpsc::TryRecvError::Empty) => true,
            Err(std::sync::mpsc::TryRecvError::Disconnected) => false,
        }
    }

    /// Rests until [`go_on`](Self::go_on). Returns how many events were written until now.
    ///
    /// # Errors
    /// Where an event could not be written.
    pub fn rest(&mut self) -> Result<u64> {
        let (reply, answer) = channel();
        let orders = self.orders.as_ref().context("it ended")?;
        if orders.send(Order::Rest(reply)).is_ok()
            && let Ok(number) = answer.recv()
        {
            return Ok(number);
        }
        self.orders = None;
        let thread = self.thread.take().context("it ended")?;
        thread.join().ok().context("the writer panicked")??;
        anyhow::bail!("the writer ended")
    }

    /// Writes on.
    pub fn go_on(&self) {
        if let Some(orders) = &self.orders {
            // Who rests next learns that it ended.
            let _ = orders.send(Order::GoOn);
        }
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A test that fails says why itself.
            let _ = thread.join();
        }
    }
}

// === impl Said ===

impl Said {
    /// Takes an event in, those of a partition in their order. No value is a null.
    pub fn read(&mut self, partition: u32, position: u64, timestamp: i64, key: &str, value: Option<&Value>) {
        self.events += 1;
        let slot = (partition, key.to_owned());
        let Some(value) = value else {
            self.slots.remove(&slot);
            self.set_aside.remove(&slot);
            return;
        };
        let address = |record: &Value| record["content"].as_str()?.parse::<Ipv4Addr>().ok();
        let addresses: Option<Vec<Ipv4Addr>> = match value.as_array() {
            Some(records) if key.ends_with("|A") => records.iter().map(address).collect(),
            // The zone's own records are as they should be.
            records => records.map(|_| Vec::new()),
        };
        match addresses {
            Some(mut addresses) => {
                addresses.sort();
                addresses.dedup();
                self.set_aside.remove(&slot);
                self.slots.insert(slot, Slot { timestamp, position, addresses });
            }
            None => {
                self.unusable += 1;
                self.set_aside.insert(slot, timestamp);
            }
        }
    }

    /// The addresses of every name that the log ever spoke of, and the names that have none.
    fn addresses(&self) -> BTreeMap<String, Vec<Ipv4Addr>> {
        let mut newest: BTreeMap<String, ((i64, u32, u64), &Slot)> = BTreeMap::new();
        for ((partition, key), slot) in self.slots.iter().filter(|((_, key), _)| key.ends_with("|A")) {
            let owner = format!("{}.", key.trim_end_matches("|A").trim_end_matches('.'));
            let rank = (slot.timestamp, *partition, slot.position);
            if newest.get(&owner).is_none_or(|(other, _)| *other < rank) {
                newest.insert(owner, (rank, slot));
            }
        }
        let all = (0..OWNERS).map(|owner| (format!("n{owner}.{ZONE}"), Vec::new()));
        let mut all: BTreeMap<_, _> = all.collect();
        all.extend(newest.into_iter().map(|(owner, (_, slot))| (owner, slot.addresses.clone())));
        all
    }

    /// What a server holds beside its answers: the slots that no null emptied, the newest timestamp of them, and the
    /// events that could not be used.
    fn compare_books(&self, server: &Server) -> Result<()> {
        // While its disk fails the store cannot be read at times; where it can it says what it holds.
        let look = || {
            Some((server.json("/v1/status").ok()?, zones(server).ok()?, server.json("/v1/quarantine").ok()?))
        };
        let (status, zones, list) = eventually("the store can be read", look);
        ensure!(status["slots"] == self.slots.len(), "the log has {} slots: {status}", self.slots.len());
        let newest = self.slots.values().map(|slot| slot.timestamp).max();
        ensure!(zones[0]["newest"].as_i64() == newest, "the newest event is of {newest:?}: {zones}");
        let entry = |event: &Value| {
            let partition = u32::try_from(event["partition"].as_u64()?).ok()?;
            Some(((partition, event["key"].as_str()?.to_owned()), event["timestamp"].as_i64()?))
        };
        let kept: Option<BTreeMap<_, _>> =
            list.as_array().and_then(|events| events.iter().map(entry).collect());
        ensure!(kept.as_ref() == Some(&self.set_aside), "{:?} cannot be used: {list}", self.set_aside);
        Ok(())
    }

    /// Asks every listener of a server for every name, as soon as it shows what was written last (addresses of `marks`),
    /// and looks at the server's books: there is no second try, for what is shown once is not taken back.
    ///
    /// # Errors
    /// Where it says anything else than the log, or does not get so far in [`PATIENCE`](crate::PATIENCE).
    pub fn compare(&self, server: &Server, marks: &[String]) -> Result<()> {
        let (names, wanted): (Vec<_>, Vec<_>) = self.addresses().into_iter().unzip();
        let question = |name: &String| Question { name: name.clone(), rtype: RecordType::A };
        let questions: Vec<_> = names.iter().map(question).collect();
        let check = |index: usize, answer: &Message| {
            let wanted: Vec<String> = wanted[index].iter().map(Ipv4Addr::to_string).collect();
            let rcode = if wanted.is_empty() { ResponseCode::NXDomain } else { ResponseCode::NoError };
            let is = answer.answers.iter().map(|record| record.data.to_string());
            let (mut is, mut wanted) = (is.collect::<Vec<_>>(), wanted);
            is.sort();
            wanted.sort();
            ensure!(
                is == wanted && answer.metadata.response_code == rcode,
                "the log says {wanted:?}, and {is:?} is served"
            );
            Ok(())
        };
        let marks: Vec<_> = marks.iter().map(question).collect();
        for (address, transport) in [(server.udp, Transport::Udp), (server.tcp, Transport::Tcp)] {
            ask_all_behind(address, transport, &marks, &questions, check)
                .with_context(|| format!("{transport:?}"))?;
        }
        self.compare_books(server)
    }
}

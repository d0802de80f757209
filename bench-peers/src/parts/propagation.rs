//! From a write to the first answer that shows it.

use super::Setting;
use crate::feed::{change, moved};
use crate::histogram::Histogram;
use crate::mix::Questions;
use crate::produce::Acknowledging;
use crate::report::{Section, Target};
use crate::servers::{Kind, Place, Server, Start};
use crate::table::Table;
use crate::world::{World, value};
use anyhow::{Result, ensure};
use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use stream_dns_tests::Broker;

/// Events a second, and for how long.
const RATES: [(u64, u64); 3] = [(1, 30), (100, 10), (1000, 10)];

/// Where an event is put.
trait Log {
    /// Puts it there.
    fn put(&mut self, number: u64, generation: u64) -> Result<()>;
    /// Events that are there now: each by the order in which it was put, and when it was there.
    fn there(&mut self) -> Vec<(usize, Instant)>;
}

/// A write to a file is there at once: its time is that before the write.
struct Journal {
    file: File,
    put: usize,
    there: Vec<(usize, Instant)>,
}

/// An event that waits to be seen.
struct Waiting {
    questions: Questions,
    address: Vec<u8>,
    since: Option<Instant>,
}

// === impl Journal ===

impl Log for Journal {
    fn put(&mut self, number: u64, generation: u64) -> Result<()> {
        let line = change(number, generation) + "\n";
        self.there.push((self.put, Instant::now()));
        self.put += 1;
        Ok(self.file.write_all(line.as_bytes())?)
    }

    fn there(&mut self) -> Vec<(usize, Instant)> {
        std::mem::take(&mut self.there)
    }
}

impl Log for Acknowledging {
    fn put(&mut self, number: u64, generation: u64) -> Result<()> {
        let owner = World::owner(number);
        self.produce(&format!("{owner}|A"), &value(&owner, "A", &[&moved(number, generation)]))
    }

    fn there(&mut self) -> Vec<(usize, Instant)> {
        self.acknowledged()
    }
}

pub(super) fn run(setting: &Setting) -> Result<Section> {
    let names = setting.sized(10_000);
    let place = setting.place(World::Plain(names), false)?;
    let mut section = Section::new("Propagation");
    section.text(
        "A zone of 10,000 names; each event gives a name an address that it never had, and the name is asked again and \
         again until the answer shows it. From the write to the journal; from the broker's acknowledgement (acks=all, \
         sent at once). The server may use both cores, which the broker and the one that asks use, too. At one event a \
         second p99 and p99.9 are those of 30 events.",
    );
    let mut table = Table::new(&["log", "events/s", "events", "p50, ms", "p99, ms", "p99.9, ms"]);
    let free = setting.free(1)?;
    {
        let server = Server::start(Kind::StreamDns, &place, &free)?;
        let file = File::options().append(true).open(&place.journal)?;
        let mut log = Journal { file, put: 0, there: Vec::new() };
        all_rates(setting, "journal", &server, &mut log, names, 5.0, &mut table, &mut section)?;
    }
    if setting.kafka {
        let broker = Broker::shared()?;
        let topic = broker.topic("propagation", 1, &[])?;
        let mut log = Acknowledging::new(&broker.address(), &topic)?;
        fill(&mut log, place.world)?;
        let place = Place { folder: place.folder.join("kafka"), journal: place.journal.clone(), ..place };
        std::fs::create_dir_all(&place.folder)?;
        let how = Start { topic: Some((broker.address(), topic)), ..free };
        let server = Server::start(Kind::StreamDns, &place, &how)?;
        all_rates(setting, "Kafka", &server, &mut log, names, 15.0, &mut table, &mut section)?;
    }
    section.table(&table);
    Ok(section)
}

/// Puts all of a world on the topic and waits for the acknowledgements.
fn fill(log: &mut Acknowledging, world: World) -> Result<()> {
    let mut put = 0;
    let collected = world.each_rrset(0, |owner, kind, contents| {
        put += 1;
        log.produce(&format!("{owner}|{kind}"), &value(owner, kind, contents))
    });
    collected?;
    let mut seen = 0;
    while seen < put {
        seen += log.acknowledged().len();
        std::thread::sleep(Duration::from_millis(1));
    }
    log.begin_anew();
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "two places to write to, and where the figures come from")]
fn all_rates(
    setting: &Setting,
    name: &str,
    server: &Server,
    log: &mut dyn Log,
    names: u64,
    limit: f64,
    table: &mut Table,
    section: &mut Section,
) -> Result<()> {
    let mut put = 0;
    for (rate, seconds) in RATES {
        let count = (rate * seconds / setting.divisor).max(5);
        let seen = propagate(server.address, log, names, rate, &mut put, count)?;
        let at = |share: f64| seen.quantile(share) as f64 / 1e6;
        let figures = [0.5, 0.99, 0.999].map(|share| format!("{:.2}", at(share)));
        table.row([name.to_owned(), rate.to_string(), count.to_string()].into_iter().chain(figures));
        let what = format!("{name}, {rate} events/s: p99");
        section.targets.push(Target::at_most(what, limit, at(0.99), "ms"));
    }
    Ok(())
}

/// Puts events at this rate and asks for each until it is seen.
fn propagate(
    server: SocketAddr,
    log: &mut dyn Log,
    names: u64,
    rate: u64,
    put: &mut u64,
    count: u64,
) -> Result<Histogram> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let (begun, first) = (Instant::now(), *put);
    let (mut waiting, mut seen): (Vec<(usize, Waiting)>, _) = (Vec::new(), Histogram::default());
    while seen.count() < count {
        ensure!(begun.elapsed() < Duration::from_secs(120), "{} events were never seen", waiting.len());
        while *put - first < count && begun.elapsed().as_secs_f64() * rate as f64 >= (*put - first) as f64 {
            let (number, generation) = (*put * 7919 % names, 1 + *put / names);
            log.put(number, generation)?;
            waiting.push((*put as usize, Waiting::new(number, generation)));
            *put += 1;
        }
        for (index, since) in log.there() {
            if let Some((_, own)) = waiting.iter_mut().find(|(own, _)| *own == index) {
                own.since = Some(since);
            }
        }
        waiting.retain_mut(|(_, own)| {
            let shown = own.since.is_some_and(|_| own.is_shown(&socket));
            if let (true, Some(since)) = (shown, own.since) {
                seen.record(since.elapsed().as_nanos() as u64);
            }
            !shown
        });
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(seen)
}

// === impl Waiting ===

impl Waiting {
    fn new(number: u64, generation: u64) -> Self {
        let mut questions = Questions::default();
        questions.push(&World::owner(number), 1, false, 0, 1);
        let address = moved(number, generation);
        let address = address.split('.').filter_map(|part| part.parse().ok()).collect();
        Self { questions, address, since: None }
    }

    /// Asks once.
    fn is_shown(&mut self, socket: &UdpSocket) -> bool {
        let mut octets = [0; 1500];
        let (start, length) = self.questions.place(0, 1);
        // What goes wrong here is tried again.
        let _ = socket.send(&self.questions.arena()[start..start + length]);
        let Ok(length) = socket.recv(&mut octets) else { return false };
        self.questions.is_answer(0, &octets[..length]) && octets[..length].ends_with(&self.address)
    }
}

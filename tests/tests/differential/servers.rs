//! All servers with the same zones, and their answers to the same questions.

use crate::question::Question;
use crate::world::{World, top};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use stream_dns_tests::peers::{KINDS, Peer};
use stream_dns_tests::reading::Reading;
use stream_dns_tests::{Server, ServerBuilder, exchange};

const SOA: u16 = 6;

pub(crate) struct Servers {
    ours: Server,
    peers: Vec<Peer>,
}

/// What came from one server for each question.
pub(crate) type Answers = Vec<Option<Vec<u8>>>;

// === impl Servers ===

impl Servers {
    /// Starts all, each with all zones, from files in this folder.
    pub(crate) fn start(world: &World, folder: &Path) -> Result<Self> {
        let mut zones = Vec::new();
        for (number, zone) in world.zones.iter().enumerate() {
            let file = folder.join(format!("{number}.zone"));
            fs::write(&file, zone.file())?;
            zones.push((zone.apex.clone(), file.to_str().context("a path that is text")?.to_owned()));
        }
        fs::write(folder.join("journal.jsonl"), world.journal())?;
        let ours = ServerBuilder::new(folder).variable("DNS_RESOLVER_MODE", "off").ready()?;
        let peers = KINDS.iter().map(|kind| Peer::start(*kind, folder, &zones)).collect::<Result<_>>()?;
        Ok(Self { ours, peers })
    }

    /// The answers of all, ours first, then in the order of [`KINDS`].
    pub(crate) fn ask(&self, questions: &[Question]) -> Result<Vec<Answers>> {
        let own = [(self.ours.udp, self.ours.tcp)].into_iter();
        let addresses: Vec<(SocketAddr, SocketAddr)> =
            own.chain(self.peers.iter().map(|peer| (peer.address, peer.address))).collect();
        std::thread::scope(|scope| {
            let asking: Vec<_> =
                addresses.iter().map(|(udp, tcp)| scope.spawn(move || ask(*udp, *tcp, questions))).collect();
            asking.into_iter().map(|asking| asking.join().expect("an asker panicked")).collect()
        })
    }

    /// For each server the groups, by their topmost name, of which it did not load all zones, and in how many zones
    /// it is compared.
    pub(crate) fn missing(&self, world: &World) -> Result<Vec<(BTreeSet<String>, usize)>> {
        let question = |apex: &str| Question {
            name: apex.to_owned(),
            rtype: SOA,
            class: 1,
            recursion_desired: false,
            edns: None,
            tcp: false,
        };
        let questions: Vec<Question> = world.zones.iter().map(|zone| question(&zone.apex)).collect();
        let mut missing = Vec::new();
        for answers in self.ask(&questions)? {
            let mut absent = BTreeSet::new();
            for (zone, answer) in world.zones.iter().zip(&answers) {
                if !answer.as_deref().is_some_and(|octets| has_soa(octets, &zone.apex)) {
                    absent.insert(top(&zone.apex).to_owned());
                }
            }
            let there = world.zones.iter().filter(|zone| !absent.contains(top(&zone.apex))).count();
            missing.push((absent, there));
        }
        Ok(missing)
    }
}

fn has_soa(octets: &[u8], apex: &str) -> bool {
    Reading::read(octets).is_ok_and(|reading| {
        reading.authoritative && reading.sections[0].iter().any(|rr| rr.rtype == SOA && rr.owner == apex)
    })
}

fn ask(udp: SocketAddr, tcp: SocketAddr, questions: &[Question]) -> Result<Answers> {
    let mut answers = vec![None; questions.len()];
    for over_tcp in [false, true] {
        let (places, octets): (Vec<usize>, Vec<Vec<u8>>) = questions
            .iter()
            .enumerate()
            .filter(|(_, question)| question.tcp == over_tcp)
            .filter_map(|(place, question)| Some((place, question.octets()?)))
            .unzip();
        let got =
            if over_tcp { exchange::over_tcp(tcp, &octets)? } else { exchange::over_udp(udp, &octets)? };
        for (place, answer) in places.into_iter().zip(got) {
            answers[place] = answer;
        }
    }
    Ok(answers)
}

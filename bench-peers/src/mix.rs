//! Questions, made before anything is measured and held in memory in the order in which they are asked.

use crate::random::{Random, label};
use crate::world::{APEX, World};
use std::fmt;
use std::str::FromStr;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Names that exist, A.
    Hot,
    /// 70 % names that exist (A, AAAA, MX, TXT), 10 % a CNAME, 10 % random names that do not exist, 5 % below
    /// a wildcard, 5 % a type that the name does not have.
    Mixed,
    /// Random names, none of which exists.
    Nx,
}

/// All of them.
pub const MIXES: [Mix; 3] = [Mix::Hot, Mix::Mixed, Mix::Nx];

/// Questions in wire form, one behind the other, and what must be answered.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    arena: Vec<u8>,
    all: Vec<Question>,
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    start: u32,
    length: u16,
    /// Octets of the header and the question section.
    asked: u16,
    /// The RCODE that the answer must have.
    pub rcode: u8,
    /// The number of answer records that it must have.
    pub answers: u8,
}

const A: u16 = 1;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const NXDOMAIN: u8 = 3;

// === impl Mix ===

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hot => "hot",
            Self::Mixed => "mixed",
            Self::Nx => "nx",
        })
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        MIXES
            .into_iter()
            .find(|mix| mix.to_string() == text)
            .ok_or_else(|| format!("{text:?} is none of hot, mixed, nx"))
    }
}

// === impl Questions ===

impl Questions {
    /// As many questions of a mix to a world, with or without EDNS, from a seed.
    pub fn new(world: World, mix: Mix, edns: bool, count: usize, seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x0071_6d69_7865_6421);
        let mut own = Self::default();
        for _ in 0..count {
            let (name, kind, rcode, answers) = match world {
                World::Zone(names) => of_zone(names, mix, &mut random),
                World::Plain(names) => of_plain(names, mix, &mut random),
                World::Zones(zones) => of_zones(zones, mix, &mut random),
            };
            own.push(&name, kind, edns, rcode, answers);
        }
        own
    }

    /// Adds a question.
    pub fn push(&mut self, name: &str, kind: u16, edns: bool, rcode: u8, answers: u8) {
        let start = self.arena.len();
        self.arena.extend([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)]);
        for label in name.split('.').filter(|label| !label.is_empty()) {
            self.arena.push(label.len() as u8);
            self.arena.extend(label.as_bytes());
        }
        self.arena.push(0);
        self.arena.extend(kind.to_be_bytes());
        self.arena.extend([0, 1]);
        let asked = (self.arena.len() - start) as u16;
        if edns {
            // OPT (RFC 6891 section 6.1.2): the root, 41, 1232 octets, no flags, no options.
            self.arena.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
        }
        let length = (self.arena.len() - start) as u16;
        self.all.push(Question { start: start as u32, length, asked, rcode, answers });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// One of them.
    pub fn get(&self, index: usize) -> Question {
        self.all[index]
    }

    /// Its octets.
    pub fn octets(&self, index: usize) -> &[u8] {
        let question = self.all[index];
        &self.arena[question.start as usize..][..usize::from(question.length)]
    }

    /// All octets, in which [`Questions::place`] says where each stands.
    pub fn arena(&self) -> &[u8] {
        &self.arena
    }

    /// Gives a question this ID, and says where it stands and how long it is.
    pub fn place(&mut self, index: usize, id: u16) -> (usize, usize) {
        let question = self.all[index];
        let start = question.start as usize;
        self.arena[start..start + 2].copy_from_slice(&id.to_be_bytes());
        (start, question.length.into())
    }

    /// Whether these octets answer that question: QR set, and the same question.
    pub fn is_answer(&self, index: usize, octets: &[u8]) -> bool {
        let question = self.all[index];
        let asked = &self.arena[question.start as usize..][..usize::from(question.asked)];
        octets.len() >= asked.len() && octets[2] & 0x80 != 0 && octets[12..asked.len()] == asked[12..]
    }

    /// Whether RCODE and number of answers are those that the question must have.
    pub fn is_expected(&self, index: usize, octets: &[u8]) -> bool {
        let question = self.all[index];
        octets[3] & 0x0f == question.rcode && octets[6] == 0 && octets[7] == question.answers
    }
}

type Asked = (String, u16, u8, u8);

/// A number below the limit for which this holds.
fn such(random: &mut Random, limit: u64, holds: impl Fn(u64) -> bool) -> u64 {
    loop {
        let number = random.below(limit);
        if holds(number) {
            return number;
        }
    }
}

/// A label that no world has: theirs have eight characters or are words.
fn nobody(random: &mut Random) -> String {
    format!("x{}", label(random.bits()))
}

fn of_zone(names: u64, mix: Mix, random: &mut Random) -> Asked {
    let has_a = |number: u64| number % 10 != 9;
    let share = match mix {
        Mix::Hot => 0,
        Mix::Nx => 85,
        Mix::Mixed => random.below(100),
    };
    let (owner, kind, rcode, answers) = match share {
        // Of the 70: 40 A, 20 AAAA, 5 MX, 5 TXT.
        0..40 => (such(random, names, has_a), A, 0, 1),
        40..60 => (such(random, names, |number| number % 2 == 0), AAAA, 0, 1),
        60..65 => (such(random, names, |number| number % 10 == 1), MX, 0, 1),
        65..70 => (such(random, names, |number| number % 10 == 2), TXT, 0, 1),
        70..80 => (such(random, names, |number| number % 10 == 9), A, 0, 2),
        80..90 => return (format!("{}.{APEX}", nobody(random)), A, NXDOMAIN, 0),
        90..95 => {
            let above = World::owner(random.below(World::wildcards(names)) * 100);
            return (format!("{}.wild.{above}", nobody(random)), A, 0, 1);
        }
        _ => (such(random, names, |number| number % 2 == 1 && has_a(number)), AAAA, 0, 0),
    };
    (World::owner(owner), kind, rcode, answers)
}

fn of_plain(names: u64, mix: Mix, random: &mut Random) -> Asked {
    let missing = match mix {
        Mix::Hot => false,
        Mix::Nx => true,
        Mix::Mixed => random.below(100) < 10,
    };
    match missing {
        true => (format!("{}.{APEX}", nobody(random)), A, NXDOMAIN, 0),
        false => (World::owner(random.below(names)), A, 0, 1),
    }
}

fn of_zones(zones: u64, mix: Mix, random: &mut Random) -> Asked {
    let apex = World::apex(random.below(zones));
    let share = match mix {
        Mix::Hot => 0,
        Mix::Nx => 85,
        Mix::Mixed => random.below(100),
    };
    match share {
        0..40 => (format!("www.{apex}"), A, 0, 1),
        40..60 => (format!("www.{apex}"), AAAA, 0, 1),
        60..65 => (apex, MX, 0, 1),
        65..70 => (apex, TXT, 0, 1),
        70..80 => (format!("ftp.{apex}"), A, 0, 2),
        80..90 => (format!("{}.{apex}", nobody(random)), A, NXDOMAIN, 0),
        90..95 => (format!("{}.wild.{apex}", nobody(random)), A, 0, 1),
        _ => (format!("mail.{apex}"), AAAA, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::{Mix, NXDOMAIN, Questions};
    use crate::world::World;

    #[test]
    fn the_mixed_shares_are_those_of_the_issue() {
        for world in [World::Zone(10_000), World::Zones(100)] {
            let questions = Questions::new(world, Mix::Mixed, true, 100_000, 1);
            let share = |holds: &dyn Fn(u8, u8) -> bool| {
                questions.all.iter().filter(|one| holds(one.rcode, one.answers)).count() as f64 / 1000.0
            };
            assert!((share(&|rcode, _| rcode == NXDOMAIN) - 10.0).abs() < 0.5);
            assert!((share(&|_, answers| answers == 2) - 10.0).abs() < 0.5);
            assert!((share(&|rcode, answers| rcode == 0 && answers == 0) - 5.0).abs() < 0.5);
        }
    }

    #[test]
    fn a_seed_gives_the_same_questions() {
        let ask = |seed| Questions::new(World::Zone(50), Mix::Mixed, false, 1000, seed).arena;
        assert_eq!(ask(1), ask(1));
        assert_ne!(ask(1), ask(2));
    }

    #[test]
    fn an_answer_repeats_the_question() {
        let mut questions = Questions::new(World::Plain(5), Mix::Hot, true, 2, 3);
        let (start, length) = questions.place(1, 0x1234);
        let mut octets = questions.arena()[start..start + length].to_vec();
        assert_eq!(octets[..2], [0x12, 0x34]);
        assert!(!questions.is_answer(1, &octets), "QR is not set");
        octets[2] |= 0x80;
        assert!(questions.is_answer(1, &octets));
        assert!(!questions.is_answer(1, &octets[..20]), "cut short");
        octets[14] ^= 1;
        assert!(!questions.is_answer(1, &octets), "another name");
        assert!(!questions.is_expected(1, &octets), "no answer record");
        octets[7] = 1;
        assert!(questions.is_expected(1, &octets));
    }
}

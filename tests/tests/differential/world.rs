//! Random zones with every shape likely: few labels, so that names meet, and every type that matters to the
//! algorithm. What no zone file may have (a CNAME beside other data) is left out, so that every server loads them.

use crate::dice::Dice;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// A zone as its file says it. A parent and a child that are both here may disagree about the cut.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) apex: String,
    /// Whether it may have what some servers load no zone with: data below a DNAME, NS at a wildcard.
    loose: bool,
    /// By owner and type: TTL and RDATA in text.
    pub(crate) sets: BTreeMap<(String, &'static str), (u32, BTreeSet<String>)>,
}

/// All zones of a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) zones: Vec<Zone>,
}

/// What one group of zones is made of: names that lead from one into the other.
struct Group {
    apexes: Vec<String>,
}

const LABELS: [&str; 12] = ["a", "a", "a", "b", "b", "b", "*", "*", "c", "ns", "Www", "x\\.y"];

// === impl World ===

impl World {
    /// So many groups of zones; with the root zone above them where `root` says so.
    pub(crate) fn new(dice: &mut Dice, groups: usize, root: bool) -> Self {
        let mut world = Self::default();
        for number in 0..groups {
            world.add_group(dice, number);
        }
        if root {
            world.add_root(dice);
        }
        world
    }

    fn add_group(&mut self, dice: &mut Dice, number: usize) {
        let top = format!("p{number}.");
        let mut apexes = vec![top.clone()];
        if dice.percent(50) {
            let child = format!("a.{top}");
            if dice.percent(30) {
                apexes.push(format!("b.{child}"));
            }
            apexes.push(child);
        }
        if dice.percent(20) {
            // A zone with an empty non-terminal, or a cut of the parent's, between it and its parent.
            apexes.push(format!("c.b.{top}"));
        }
        if dice.percent(50) {
            apexes.push(format!("q{number}."));
        }
        let group = Group { apexes };
        for apex in &group.apexes {
            let zone = group.zone(dice, apex);
            self.zones.push(zone);
        }
    }

    fn add_root(&mut self, dice: &mut Dice) {
        let group = Group { apexes: vec![".".to_owned()] };
        let mut root = group.zone(dice, ".");
        let tops: Vec<String> = self
            .zones
            .iter()
            .map(|zone| zone.apex.clone())
            .filter(|apex| apex.matches('.').count() == 1)
            .collect();
        for top in tops {
            let all = Group { apexes: vec![".".to_owned(), top.clone()] };
            all.delegate(dice, &mut root, &top);
        }
        self.zones.push(root);
    }

    /// The zone that a question of this type about this name goes to: the deepest that holds it, for DS at an apex
    /// the one above, if that is here.
    pub(crate) fn zone(&self, name: &str, is_ds: bool) -> Option<&Zone> {
        let holding = || self.zones.iter().filter(|zone| is_at_or_below(name, &zone.apex));
        let deepest = || holding().max_by_key(|zone| labels(&zone.apex));
        match is_ds {
            true => holding()
                .filter(|zone| zone.apex != name)
                .max_by_key(|zone| labels(&zone.apex))
                .or_else(deepest),
            false => deepest(),
        }
    }

    /// Only the zones that have to do with this name: its group's, and the root where it has no other.
    pub(crate) fn around(&self, name: &str) -> Self {
        let own = |zone: &&Zone| zone.apex != "." && is_at_or_below(name, top(&zone.apex));
        let mut zones: Vec<Zone> = self.zones.iter().filter(own).cloned().collect();
        if zones.is_empty() {
            zones.extend(self.zones.iter().filter(|zone| zone.apex == ".").cloned());
        }
        Self { zones }
    }

    /// As lines of a journal, every key with its zone.
    pub(crate) fn journal(&self) -> String {
        let mut text = String::new();
        for zone in &self.zones {
            for ((owner, rtype), (ttl, rdatas)) in &zone.sets {
                let record =
                    |rdata| serde_json::json!({"name": owner, "type": rtype, "content": rdata, "ttl": ttl});
                let value: Vec<_> = rdatas.iter().map(record).collect();
                let key = if *rtype == "SOA" {
                    format!("{owner}|{rtype}")
                } else {
                    format!("{owner}|{rtype}|{}", zone.apex)
                };
                // A `String` takes everything.
                let _ = writeln!(text, "{}", serde_json::json!({"key": key, "value": value}));
            }
        }
        text
    }
}

// === impl Zone ===

impl Zone {
    /// As a zone file.
    pub(crate) fn file(&self) -> String {
        let mut text = String::new();
        let soa = |(owner, rtype): &&(String, &str)| (*rtype != "SOA", labels(owner));
        let mut keys: Vec<_> = self.sets.keys().collect();
        keys.sort_by_key(soa);
        for key in keys {
            let (ttl, rdatas) = &self.sets[key];
            for rdata in rdatas {
                let _ = writeln!(text, "{} {ttl} IN {} {rdata}", key.0, key.1);
            }
        }
        text
    }

    /// Owners, in order.
    pub(crate) fn owners(&self) -> Vec<&str> {
        let mut owners: Vec<&str> = self.sets.keys().map(|(owner, _)| owner.as_str()).collect();
        owners.dedup();
        owners
    }

    /// Whether the owner has this type.
    pub(crate) fn has(&self, owner: &str, rtype: &'static str) -> bool {
        self.sets.contains_key(&(owner.to_owned(), rtype))
    }

    /// The RDATA of the owner's only record of this type.
    pub(crate) fn rdata(&self, owner: &str, rtype: &'static str) -> Option<&str> {
        let (_, rdatas) = self.sets.get(&(owner.to_owned(), rtype))?;
        rdatas.first().map(String::as_str)
    }

    fn add(&mut self, dice: &mut Dice, owner: &str, rtype: &'static str, rdata: String) {
        // The file's case is not what is compared: one owner has one spelling.
        let owner = owner.to_ascii_lowercase();
        let has = |other| self.has(&owner, other);
        let is_apex = owner == self.apex;
        let others = self.sets.keys().any(|(other, _)| *other == owner);
        let allowed = match rtype {
            "CNAME" => !others && !is_apex,
            "DNAME" => !has("CNAME") && !has("DNAME") && (is_apex || !has("NS")),
            "NS" => !has("CNAME") && (is_apex || !has("DNAME")),
            "SOA" => is_apex,
            "DS" => !is_apex && !has("CNAME"),
            _ => !has("CNAME"),
        };
        let is_below_dname = || {
            self.sets.keys().any(|(other, others)| {
                let (above, below) = if rtype == "DNAME" { (&owner, other) } else { (other, &owner) };
                (rtype == "DNAME" || *others == "DNAME") && above != below && is_at_or_below(below, above)
            })
        };
        let is_strict = || !(rtype == "NS" && owner.starts_with("*.") || is_below_dname());
        if allowed && (self.loose || is_strict()) {
            let ttl = dice.below(600) as u32;
            self.sets.entry((owner, rtype)).or_insert((ttl, BTreeSet::new())).1.insert(rdata);
        }
    }
}

// === impl Group ===

impl Group {
    fn name(&self, dice: &mut Dice, apex: &str) -> String {
        let mut name = String::new();
        for _ in 0..[0, 1, 1, 1, 2, 2, 2, 3, 3, 4][dice.below(10)] {
            name += *dice.pick(&LABELS);
            name.push('.');
        }
        if dice.percent(2) {
            let label = "l".repeat(30 + dice.below(34));
            (0..1 + dice.below(3)).for_each(|_| name += &format!("{label}."));
        }
        join(name, apex)
    }

    /// A name that something leads to.
    fn target(&self, dice: &mut Dice, apex: &str) -> String {
        match dice.below(20) {
            0 => "nobody.test.".to_owned(),
            1..=5 => {
                let apex = dice.pick(&self.apexes).clone();
                self.name(dice, &apex)
            }
            _ => self.name(dice, apex),
        }
    }

    fn zone(&self, dice: &mut Dice, apex: &str) -> Zone {
        let mut zone = Zone { apex: apex.to_owned(), loose: dice.percent(15), sets: BTreeMap::new() };
        let server = join("ns.".to_owned(), apex);
        let minimum = dice.below(600);
        zone.add(dice, apex, "SOA", format!("{server} admin.test. 1 7200 3600 1209600 {minimum}"));
        zone.add(dice, apex, "NS", server.clone());
        for _ in 0..dice.below(3) {
            let other = if zone.loose { self.target(dice, apex) } else { "ns.nobody.test.".to_owned() };
            zone.add(dice, apex, "NS", other);
        }
        if !zone.loose || dice.percent(80) {
            zone.add(dice, &server, "A", "192.0.2.53".to_owned());
        }
        let children: Vec<&String> =
            self.apexes.iter().filter(|child| *child != apex && is_at_or_below(child, apex)).collect();
        for child in &children {
            // A parent delegates the zones directly below it.
            if !children.iter().any(|other| other != child && is_at_or_below(child, other)) {
                self.delegate(dice, &mut zone, child);
            }
        }
        let lines = 4 + dice.below(40);
        let few_dnames = dice.percent(80);
        for _ in 0..lines {
            let owner = self.name(dice, apex);
            self.add_line(dice, &mut zone, &owner, few_dnames);
        }
        // A set that is too large for a datagram.
        if dice.percent(15) {
            let owner = self.name(dice, apex);
            for number in 0..8 + dice.below(20) {
                zone.add(dice, &owner, "TXT", format!("\"{number}-{}\"", "t".repeat(80)));
            }
        }
        if dice.percent(15) {
            let cut = self.name(dice, apex);
            if cut != apex {
                for number in 0..4 + dice.below(16) {
                    let side = if dice.percent(70) { cut.clone() } else { apex.to_owned() };
                    let host = join(format!("ns{number}."), &side);
                    zone.add(dice, &cut, "NS", host.clone());
                    zone.add(dice, &host, "A", format!("192.0.2.{number}"));
                    zone.add(dice, &host, "AAAA", format!("2001:db8::{number}"));
                }
            }
        }
        // A chain of aliases.
        if dice.percent(15) {
            let length = 2 + dice.below(5);
            for number in 0..length {
                let next = join(format!("h{}.", number + 1), apex);
                zone.add(dice, &join(format!("h{number}."), apex), "CNAME", next);
            }
            let last = join(format!("h{length}."), apex);
            self.add_line(dice, &mut zone, &last, true);
        }
        zone
    }

    /// The cut above a zone that is here, too; the two sides may agree or not.
    fn delegate(&self, dice: &mut Dice, zone: &mut Zone, child: &str) {
        let own = join("ns.".to_owned(), child);
        for number in 0..1 + dice.below(2) {
            let server = if number == 0 && dice.percent(70) { own.clone() } else { self.target(dice, child) };
            zone.add(dice, child, "NS", server);
        }
        if dice.percent(60) {
            let address = if dice.percent(50) { "192.0.2.53" } else { "198.51.100.53" };
            zone.add(dice, &own, "A", address.to_owned());
        }
        if dice.percent(40) {
            zone.add(
                dice,
                child,
                "DS",
                "1 8 2 0101010101010101010101010101010101010101010101010101010101010101".to_owned(),
            );
        }
        if dice.percent(20) {
            zone.add(dice, child, "TXT", "occluded".to_owned());
        }
    }

    fn add_line(&self, dice: &mut Dice, zone: &mut Zone, owner: &str, few_dnames: bool) {
        let apex = zone.apex.clone();
        let (rtype, rdata) = match dice.below(44) {
            0..=9 => ("A", format!("192.0.2.{}", 1 + dice.below(3))),
            10..=12 => ("AAAA", format!("2001:db8::{}", 1 + dice.below(3))),
            13..=15 => ("TXT", format!("\"{}\"", "t".repeat(1 + dice.below(200)))),
            16..=21 => ("CNAME", self.target(dice, &apex)),
            22 => ("DNAME", self.target(dice, &apex)),
            23 if !few_dnames => ("DNAME", self.target(dice, &apex)),
            24 if !few_dnames => {
                let label = format!("{}.", "d".repeat(40 + dice.below(23)));
                ("DNAME", join(label.repeat(1 + dice.below(4)), &apex))
            }
            25..=31 => ("NS", self.target(dice, &apex)),
            32..=34 => ("MX", format!("{} {}", dice.below(3), self.target(dice, &apex))),
            35..=36 => ("SRV", format!("0 0 {} {}", dice.below(3), self.target(dice, &apex))),
            37..=38 => {
                ("DS", "2 8 2 0202020202020202020202020202020202020202020202020202020202020202".to_owned())
            }
            39 => ("TYPE65280", "\\# 3 010203".to_owned()),
            _ => ("A", "192.0.2.9".to_owned()),
        };
        // Who delegates the apex of another zone by chance delegates a zone that is here.
        zone.add(dice, owner, rtype, rdata);
    }
}

/// The name of the zone at the top of a group.
pub(crate) fn top(name: &str) -> &str {
    let at = name.trim_end_matches('.').rfind('.').map_or(0, |at| at + 1);
    &name[at..]
}

/// Puts labels, each with its dot, before a name.
pub(crate) fn join(labels: String, name: &str) -> String {
    match (labels.is_empty(), name) {
        (true, name) => name.to_owned(),
        (false, ".") => labels,
        (false, name) => labels + name,
    }
}

/// How many labels a name has.
pub(crate) fn labels(name: &str) -> usize {
    parts(name).len()
}

/// The labels of a name.
pub(crate) fn parts(name: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, letter) in name.char_indices() {
        match letter {
            '\\' if !escaped => escaped = true,
            '.' if !escaped => {
                if at > start {
                    parts.push(&name[start..at]);
                }
                start = at + 1;
            }
            _ => escaped = false,
        }
    }
    parts
}

/// Whether a lower-case name is at or below another.
pub(crate) fn is_at_or_below(name: &str, ancestor: &str) -> bool {
    let (name, ancestor) = (parts(name), parts(ancestor));
    name.ends_with(&ancestor)
}

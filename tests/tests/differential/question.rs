//! Random questions about a world's zones.

use crate::dice::Dice;
use crate::world::{World, Zone, join, parts};
use hickory_proto::rr::RecordType;
use std::fmt;
use std::str::FromStr;

/// A question, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The name as it is written in the query.
    pub(crate) name: String,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) recursion_desired: bool,
    /// Payload and DO.
    pub(crate) edns: Option<(u16, bool)>,
    pub(crate) tcp: bool,
}

const TYPES: [&str; 22] = [
    "A", "A", "A", "A", "AAAA", "AAAA", "TXT", "TXT", "NS", "NS", "SOA", "MX", "SRV", "CNAME", "DNAME", "DS",
    "DS", "ANY", "HTTPS", "CAA", "PTR", "NAPTR",
];

// === impl Question ===

impl Question {
    /// A random one, its name near what the zones have.
    pub(crate) fn random(dice: &mut Dice, world: &World) -> Self {
        let zone = dice.pick(&world.zones);
        let name = random_name(dice, zone);
        let name = if dice.percent(20) { mixed_case(dice, &name) } else { name };
        let rtype = match dice.below(40) {
            0 => 65_280,
            1 => 2000,
            _ => number(dice.pick::<&str>(&TYPES)),
        };
        let class = match dice.below(60) {
            0 => 255,
            _ => 1,
        };
        let edns = dice.percent(60).then(|| {
            let payload = *dice.pick(&[0u16, 512, 700, 1232, 1232, 1232, 4096]);
            (payload, dice.percent(40))
        });
        let (recursion_desired, tcp) = (dice.percent(25), dice.percent(20));
        Self { name, rtype, class, recursion_desired, edns, tcp }
    }

    /// The octets of the query.
    pub(crate) fn octets(&self) -> Option<Vec<u8>> {
        let mut octets = vec![
            0,
            0,
            u8::from(self.recursion_desired),
            0,
            0,
            1,
            0,
            0,
            0,
            0,
            0,
            u8::from(self.edns.is_some()),
        ];
        octets.extend(wire(&self.name)?);
        octets.extend(self.rtype.to_be_bytes());
        octets.extend(self.class.to_be_bytes());
        if let Some((payload, dnssec_ok)) = self.edns {
            octets.extend([0, 0, 41]);
            octets.extend(payload.to_be_bytes());
            octets.extend([0, 0, if dnssec_ok { 0x80 } else { 0 }, 0, 0, 0]);
        }
        Some(octets)
    }

    pub(crate) fn is_any(&self) -> bool {
        self.rtype == 255
    }

    pub(crate) fn is_ds(&self) -> bool {
        self.rtype == 43
    }

    /// The most octets of an answer over UDP, the server's own limit being 1,232.
    pub(crate) fn limit(&self) -> usize {
        match self.edns {
            _ if self.tcp => 65_535,
            None => 512,
            Some((payload, _)) => usize::from(payload.clamp(512, 1232)),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, rtype, class, recursion_desired, edns, tcp } = self;
        write!(f, "{name} {}", RecordType::from(*rtype))?;
        write!(f, ", class {class}, {}", if *tcp { "TCP" } else { "UDP" })?;
        if *recursion_desired {
            f.write_str(", RD")?;
        }
        match edns {
            None => f.write_str(", no EDNS"),
            Some((payload, dnssec_ok)) => {
                write!(f, ", EDNS {payload}{}", if *dnssec_ok { ", DO" } else { "" })
            }
        }
    }
}

fn number(rtype: &str) -> u16 {
    RecordType::from_str(rtype).map_or(1, u16::from)
}

/// An owner of the zone, something below one, above one, or beside it.
fn random_name(dice: &mut Dice, zone: &Zone) -> String {
    let owners = zone.owners();
    let owner = (*dice.pick(&owners)).to_owned();
    let label = |dice: &mut Dice| {
        format!("{}.", *dice.pick(&["a", "b", "c", "*", "ns", "zz", "www", "x\\.y", "\\000"]))
    };
    match dice.below(100) {
        0..=44 => owner,
        45..=64 => join(label(dice), &owner),
        65..=72 => join(label(dice) + &label(dice), &owner),
        73..=84 => {
            let all = parts(&owner);
            let kept: Vec<&str> = all[dice.below(all.len() + 1)..].to_vec();
            join(kept.iter().map(|label| format!("{label}.")).collect(), ".")
        }
        85..=93 => {
            let labels: String = (0..1 + dice.below(3)).map(|_| label(dice)).collect();
            join(labels, &zone.apex)
        }
        94..=96 => {
            let long = format!("{}.", "m".repeat(30 + dice.below(34)));
            join(long.repeat(1 + dice.below(4)), &owner)
        }
        97 => {
            // A name of as many labels as there can be.
            let labels = "a.".repeat(127);
            let kept = 254usize.saturating_sub(wire(&owner).map_or(255, |wire| wire.len() - 1)) / 2;
            join(labels[..kept.min(127) * 2].to_owned(), &owner)
        }
        98 => join(label(dice), "nobody.test."),
        _ => ".".to_owned(),
    }
}

fn mixed_case(dice: &mut Dice, name: &str) -> String {
    name.chars().map(|letter| if dice.percent(50) { letter.to_ascii_uppercase() } else { letter }).collect()
}

/// The wire form of a name in text, `None` where it is too long.
pub(crate) fn wire(name: &str) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    for part in parts(name) {
        let mut label = Vec::new();
        let mut rest = part.bytes();
        while let Some(octet) = rest.next() {
            match octet {
                b'\\' => match rest.next()? {
                    digit @ b'0'..=b'9' => {
                        let digits = [digit, rest.next()?, rest.next()?];
                        label.push(std::str::from_utf8(&digits).ok()?.parse().ok()?);
                    }
                    octet => label.push(octet),
                },
                octet => label.push(octet),
            }
        }
        wire.push(u8::try_from(label.len()).ok().filter(|length| *length < 64)?);
        wire.extend(label);
    }
    wire.push(0);
    (wire.len() <= 255).then_some(wire)
}

/// A name that does not become octets is not asked for: none may be lost by that.
#[test]
fn names_become_octets() {
    assert_eq!(wire("x\\.y.\\000.").as_deref(), Some(&b"\x03x.y\x01\x00\x00"[..]));
    assert_eq!(wire("."), Some(vec![0]));
    assert_eq!(parts("x\\.y.a."), ["x\\.y", "a"]);
    assert!(wire(&"a.".repeat(128)).is_none() && wire(&"a.".repeat(127)).is_some());
}

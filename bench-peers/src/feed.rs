//! Changes, given to servers while they run: lines appended to a journal, and dynamic updates over TCP (RFC 2136).

use crate::world::{APEX, World, address, event};
use anyhow::{Result, ensure};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Changes in one message of [`update`], near to the 65,535 octets that one may have: a message costs Knot in
/// proportion to its zone, whatever it holds.
const PER_MESSAGE: u64 = 1300;
/// The time of the first change, later than that of everything a world begins with.
const LATER: u64 = 1_700_000_100_000;

/// Changes of names in no order of memory or disk, none of them twice the same.
#[derive(Debug)]
pub struct Changes {
    names: u64,
    made: u64,
}

// === impl Changes ===

impl Changes {
    /// Of a zone of so many names.
    pub fn new(names: u64) -> Self {
        Self { names, made: 0 }
    }

    /// Appends so many a second, each as soon as it is due, until as many were or it is to stop.
    pub fn append(&mut self, journal: &Path, rate: u64, most: u64, stop: &AtomicBool) -> Result<()> {
        let mut file = File::options().append(true).open(journal)?;
        let begun = Instant::now();
        let mut appended = 0;
        while appended < most && !stop.load(Ordering::Relaxed) {
            let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64;
            while appended < due.min(most) {
                file.write_all((self.next() + "\n").as_bytes())?;
                appended += 1;
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        Ok(())
    }

    fn next(&mut self) -> String {
        // Nine of ten names have an address, those whose number ends in 0 among them.
        let number = (self.made * 7919 % self.names) / 10 * 10;
        // None comes twice in a twentieth of all.
        let generation = 1 + self.made / (self.names / 20).max(1);
        self.made += 1;
        change(number, generation)
    }
}

/// The event that gives a name its address of this generation.
pub fn change(number: u64, generation: u64) -> String {
    event(&World::owner(number), "A", &[&moved(number, generation)], LATER + generation)
}

/// A name's address after so many changes.
pub fn moved(number: u64, generation: u64) -> String {
    address(number ^ (generation << 20) ^ 0x0055_5555)
}

/// Appends a change of each name with an address, as fast as the file takes them.
pub fn append_all(journal: &Path, names: u64, generation: u64) -> Result<()> {
    let mut file = File::options().append(true).open(journal)?;
    let mut lines = String::new();
    for number in 0..names {
        lines.push_str(&change(number, generation));
        lines.push('\n');
        if lines.len() > 1 << 16 || number + 1 == names {
            file.write_all(lines.as_bytes())?;
            lines.clear();
        }
    }
    Ok(())
}

/// Gives each name another address by dynamic updates: removes its A RRset and adds the new one.
pub fn update(server: SocketAddr, names: u64, generation: u64) -> Result<()> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut next = 0;
    while next < names {
        let end = (next + PER_MESSAGE).min(names);
        let message = update_message(next..end, generation);
        stream.write_all(&(message.len() as u16).to_be_bytes())?;
        stream.write_all(&message)?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut answer)?;
        ensure!(answer.get(3).is_some_and(|flags| flags & 0x0f == 0), "an update was refused: {answer:?}");
        next = end;
    }
    Ok(())
}

/// RFC 2136 section 2: the zone, no prerequisite, and for each name a removal (class ANY) and an addition.
fn update_message(names: std::ops::Range<u64>, generation: u64) -> Vec<u8> {
    let changes = (2 * (names.end - names.start)) as u16;
    let mut message = vec![0, 1, 5 << 3, 0, 0, 1, 0, 0];
    message.extend(changes.to_be_bytes());
    message.extend([0, 0]);
    for label in APEX.split('.').filter(|label| !label.is_empty()) {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 6, 0, 1]);
    for number in names {
        let owner = World::owner(number);
        let label = owner.split('.').next().unwrap_or("").as_bytes();
        let name = || [&[label.len() as u8], label, &[0xc0, 12]].concat();
        message.extend(name());
        message.extend([0, 1, 0, 255, 0, 0, 0, 0, 0, 0]);
        message.extend(name());
        message.extend([0, 1, 0, 1, 0, 0, 1, 44, 0, 4]);
        message.extend(moved(number, generation).split('.').filter_map(|part| part.parse::<u8>().ok()));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::{change, moved, update_message};

    #[test]
    fn a_generation_changes_every_address() {
        for number in [0, 1, 999_999] {
            assert_ne!(moved(number, 1), moved(number, 2));
            assert_ne!(moved(number, 1), crate::world::address(number));
            assert!(change(number, 1).contains(&moved(number, 1)));
        }
    }

    #[test]
    fn an_update_has_two_records_for_each_name() {
        let message = update_message(0..3, 1);
        assert_eq!(message[2] >> 3, 5, "opcode UPDATE");
        assert_eq!(message[8..10], [0, 6]);
        // Header, zone, and for each name 11 octets twice, 10 for the removal, 14 for the addition.
        assert_eq!(message.len(), 12 + 19 + 3 * (11 + 10 + 11 + 14));
        assert!(update_message(0..super::PER_MESSAGE, 1).len() < 1 << 16);
    }
}

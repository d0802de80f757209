//! From the start of the process to the first answer.

use super::{KNOT, NSD, Setting, first_answer, seconds};
use crate::measure::median;
use crate::mix::{Mix, Questions};
use crate::report::{Section, Target, thousands};
use crate::servers::{Kind, Place, Server};
use crate::table::Table;
use crate::world::World;
use anyhow::Result;
use std::fs;
use std::time::{Duration, Instant};

/// Seconds for 1,000,000 RRsets.
const LIMIT: f64 = 1.5;
const STARTS: usize = 3;

pub(super) fn run(setting: &Setting) -> Result<Section> {
    let mut section = Section::new("Start");
    section.text(
        "From the start of the process to the first right answer for a random name, the median of three starts, with \
         the files in the system's cache: ours from its store, the others from the zone file. Every name has one A.",
    );
    let mut table = Table::new(&["names", "Stream-DNS", "after a crash", "NSD", "Knot"]);
    for names in [setting.sized(1_000_000), setting.sized(10_000_000)] {
        let peers = names <= 1_000_000;
        let place = setting.place(World::Plain(names), peers)?;
        // Fills the store.
        Server::start(Kind::StreamDns, &place, &setting.free(1)?)?.stop()?;
        let own = starts(setting, &place, Kind::StreamDns, true)?;
        let crashed = starts(setting, &place, Kind::StreamDns, false)?;
        let mut cells = vec![thousands(names as f64), seconds(own), seconds(crashed)];
        for kind in [NSD, KNOT] {
            cells.push(if peers { seconds(starts(setting, &place, kind, true)?) } else { "-".to_owned() });
        }
        table.row(cells);
        let limit = LIMIT * (names as f64 / 1e6).max(1.0 / setting.divisor as f64);
        let what = format!("{} RRsets from the store", thousands(names as f64));
        section.targets.push(Target::at_most(what, limit, own.as_secs_f64(), "s"));
        fs::remove_dir_all(&place.folder)?;
    }
    section.table(&table);
    Ok(section)
}

/// The median of several starts; in between ours is stopped in order, or killed.
fn starts(setting: &Setting, place: &Place, kind: Kind, in_order: bool) -> Result<Duration> {
    let mut questions = Questions::new(place.world, Mix::Hot, false, 1, setting.seed);
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let server = Server::begin(kind, place, &setting.free(1)?)?;
        times.push(first_answer(&server, &mut questions, begun)?.as_secs_f64());
        if in_order {
            server.stop()?;
        }
    }
    Ok(Duration::from_secs_f64(median(times)))
}

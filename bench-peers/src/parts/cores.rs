//! Two listeners beside one: what they share shows in what an answer costs.

use super::Setting;
use crate::load::{Over, Pace};
use crate::measure::{self, Figures};
use crate::mix::{MIXES, Questions};
use crate::report::{Section, Target};
use crate::servers::{Kind, Server};
use crate::table;
use crate::world::World;
use anyhow::Result;

/// Questions under way: so many that each of two listeners has more than a batch, also while the generator has its core.
const OUTSTANDING: usize = 1024;

pub(super) fn run(setting: &Setting) -> Result<Section> {
    let world = World::Zone(setting.sized(10_000));
    let place = setting.place(world, false)?;
    let mut section = Section::new("Two listeners");
    section.text(
        "Both servers may run on both cores; the generator is bound to one of them and takes its share of it, so that \
         a listener is interrupted by it in either case. 1,024 questions are under way.",
    );
    let mut servers = Vec::new();
    for workers in [1, 2] {
        let place = crate::servers::Place {
            folder: place.folder.join(workers.to_string()),
            journal: place.journal.clone(),
            zones: Vec::new(),
            world,
        };
        std::fs::create_dir_all(&place.folder)?;
        servers.push(Server::start(Kind::StreamDns, &place, &setting.free(workers)?)?);
    }
    for mix in MIXES {
        let mut questions = Questions::new(world, mix, true, 100_000, setting.seed);
        let how = measure::Rounds { pace: Pace::Closed(OUTSTANDING), ..setting.rounds(Over::Udp) };
        let samples = measure::turns(&servers, &how, &mut questions, None)?;
        let figures: Vec<Figures> =
            samples.iter().map(|own| Figures::of(Kind::StreamDns, own, Some(&samples[0]))).collect();
        section.text(format!("*{mix}*, one listener and two (*× echo*: by the one):"));
        section.table(&table::of_figures(&figures));
        let ratios = samples[1].iter().zip(&samples[0]).map(|(two, one)| two.total() / one.total()).collect();
        section.targets.push(Target::at_most(
            format!("*{mix}*: two by one"),
            1.1,
            measure::median(ratios),
            "×",
        ));
    }
    Ok(section)
}

//! What an answer costs on a connection that stays.

use super::udp::below_the_best;
use super::{BIND, KNOT, NSD, POWERDNS, Setting, start_all};
use crate::load::{Over, Pace};
use crate::measure;
use crate::mix::{MIXES, Questions};
use crate::report::Section;
use crate::servers::Kind;
use crate::table;
use crate::world::World;
use anyhow::Result;

/// Queries under way on a connection.
const DEPTHS: [usize; 2] = [1, 8];
const CONNECTIONS: usize = 32;

pub(super) fn run(setting: &Setting) -> Result<Section> {
    let world = World::Zone(setting.sized(10_000));
    let place = setting.place(world, true)?;
    let servers = start_all(&[Kind::StreamDns, NSD, KNOT, BIND, POWERDNS], &place, &setting.pinned())?;
    let mut section = Section::new("TCP: persistent connections");
    section.text(format!(
        "{CONNECTIONS} connections, with one query under way on each, and with several (RFC 7766)."
    ));
    let mut sampler = setting.sampler();
    for depth in DEPTHS {
        for mix in MIXES {
            let mut questions = Questions::new(world, mix, true, 100_000, setting.seed);
            let mut how = setting.rounds(Over::Tcp);
            (how.ports, how.pace) = (CONNECTIONS, Pace::Closed(CONNECTIONS * depth));
            let figures = measure::rounds(&servers, &how, &mut questions, sampler.as_mut())?;
            let label = format!("*{mix}*, {depth} on each");
            section.text(format!("{label}:"));
            section.table(&table::of_figures(&figures));
            below_the_best(&figures, &label, &[NSD, KNOT, BIND, POWERDNS], &mut section);
        }
    }
    Ok(section)
}

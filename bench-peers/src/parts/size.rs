//! The same for large zones and for many.

use super::udp::{below_the_best, limits, mixes, of};
use super::{KNOT, NSD, Setting, start_all};
use crate::report::{Section, Target};
use crate::servers::Kind;
use crate::world::World;
use anyhow::Result;
use std::fs;

/// Distinct questions that are asked of a large zone.
const QUESTIONS: usize = 1_000_000;
const RATIO: f64 = 1.15;
const OUTSIDE: f64 = 0.5;

pub(super) fn run(setting: &Setting) -> Result<Section> {
    let mut section = Section::new("UDP: 1,000,000 names, and 100,000 zones");
    section.text("Every name is asked as often as any other. Each of the many zones has ten RRsets.");
    for world in [World::Zone(setting.sized(1_000_000)), World::Zones(setting.sized(100_000))] {
        let place = setting.place(world, true)?;
        let servers = start_all(&[Kind::Echo, Kind::StreamDns, NSD, KNOT], &place, &setting.pinned())?;
        section.text(format!("### {}", heading(world)));
        mixes(setting, world, &servers, QUESTIONS, &mut section, |figures, label, section| {
            let label = format!("{}, {label}", heading(world));
            limits(figures, &label, RATIO, OUTSIDE, section);
            below_the_best(figures, &label, &[NSD, KNOT], section);
        })?;
        drop(servers);
        fs::remove_dir_all(&place.folder)?;
    }
    Ok(section)
}

pub(super) fn run_largest(setting: &Setting) -> Result<Section> {
    let mut section = Section::new("UDP: 10,000,000 names beside 1,000,000");
    section.text("Two of our servers, one with each zone, take turns with the echo server.");
    let worlds = [World::Zone(setting.sized(1_000_000)), World::Zone(setting.sized(10_000_000))];
    let mut by_world = Vec::new();
    for world in worlds {
        let place = setting.place(world, false)?;
        let servers = start_all(&[Kind::Echo, Kind::StreamDns], &place, &setting.pinned())?;
        section.text(format!("### {}", heading(world)));
        let mut own = Vec::new();
        mixes(setting, world, &servers, QUESTIONS, &mut section, |figures, label, _| {
            let by_echo = of(figures, Kind::StreamDns).and_then(|figures| figures.by_echo);
            own.push((label.to_owned(), by_echo.unwrap_or(f64::NAN)));
        })?;
        by_world.push(own);
        drop(servers);
        fs::remove_dir_all(&place.folder)?;
    }
    for ((label, small), (_, large)) in by_world[0].iter().zip(&by_world[1]) {
        let what = format!("{label}: 10,000,000 names by 1,000,000, each by the echo server");
        section.targets.push(Target::at_most(what, 1.1, large / small, "×"));
    }
    Ok(section)
}

fn heading(world: World) -> String {
    let number = |count: u64| crate::report::thousands(count as f64);
    match world {
        World::Zone(names) | World::Plain(names) => format!("{} names", number(names)),
        World::Zones(zones) => format!("{} zones", number(zones)),
    }
}

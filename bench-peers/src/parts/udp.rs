//! What an answer over UDP costs for a zone of 10,000 names.

use super::dnsperf;
use super::{BIND, KNOT, NSD, POWERDNS, Setting, start_all};
use crate::load::Over;
use crate::measure::{self, Figures};
use crate::mix::{MIXES, Mix, Questions};
use crate::report::{Section, Target};
use crate::servers::{Kind, Server};
use crate::table;
use crate::world::World;
use anyhow::Result;

pub(super) fn run(setting: &Setting) -> Result<Section> {
    let world = World::Zone(setting.sized(10_000));
    let place = setting.place(world, true)?;
    let kinds = [Kind::Echo, Kind::StreamDns, NSD, KNOT, BIND, POWERDNS];
    let servers = start_all(&kinds, &place, &setting.pinned())?;
    let mut section = Section::new("UDP: a zone of 10,000 names");
    section.text(
        "PowerDNS has its bind backend and its caches as they are by default: its figures for *hot* are those of a \
         cache of whole answers.",
    );
    mixes(setting, world, &servers, 100_000, &mut section, |figures, label, section| {
        limits(figures, label, 1.10, 0.35, section);
        below_the_best(figures, label, &[NSD, KNOT], section);
    })?;
    let questions = Questions::new(world, Mix::Mixed, false, 100_000, setting.seed);
    if let Some(table) = dnsperf::table(&servers, &questions, &place.folder)? {
        section.text(
            "To hold the generator against another: *mixed*, asked by dnsperf from the same core, which \
             sends each question with a system call of its own.",
        );
        section.table(&table);
    }
    Ok(section)
}

/// Every mix, with and without EDNS: a table each, and what `judge` says of it.
pub(super) fn mixes(
    setting: &Setting,
    world: World,
    servers: &[Server],
    count: usize,
    section: &mut Section,
    mut judge: impl FnMut(&[Figures], &str, &mut Section),
) -> Result<()> {
    let mut sampler = setting.sampler();
    for mix in MIXES {
        for edns in [false, true] {
            let mut questions = Questions::new(world, mix, edns, count, setting.seed);
            let how = setting.rounds(Over::Udp);
            let figures = measure::rounds(servers, &how, &mut questions, sampler.as_mut())?;
            let label = format!("*{mix}*{}", if edns { ", EDNS" } else { "" });
            section.text(format!("{label}:"));
            section.table(&table::of_figures(&figures));
            judge(&figures, &label, section);
        }
    }
    Ok(())
}

/// Ours, by the echo server, and outside of the kernel.
pub(super) fn limits(figures: &[Figures], label: &str, ratio: f64, outside: f64, section: &mut Section) {
    let Some(own) = of(figures, Kind::StreamDns) else { return };
    if let Some(by_echo) = own.by_echo {
        section.targets.push(Target::at_most(format!("{label}: by the echo server"), ratio, by_echo, "×"));
    }
    if let Some(user) = own.user {
        section.targets.push(Target::at_most(format!("{label}: outside of the kernel"), outside, user, "µs"));
    }
}

/// Ours, beside the best of these.
pub(super) fn below_the_best(figures: &[Figures], label: &str, peers: &[Kind], section: &mut Section) {
    let best = peers.iter().filter_map(|&kind| of(figures, kind)).min_by(|a, b| a.total.total_cmp(&b.total));
    if let (Some(own), Some(best)) = (of(figures, Kind::StreamDns), best) {
        let what = format!("{label}: below the best of the others, {}", best.kind);
        section.targets.push(Target::at_most(what, best.total, own.total, "µs"));
    }
}

/// The figures of one server.
pub(super) fn of(figures: &[Figures], kind: Kind) -> Option<&Figures> {
    figures.iter().find(|figures| figures.kind == kind)
}

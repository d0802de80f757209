//! This server beside NSD, Knot, BIND and PowerDNS: the same random zones as files, the same random questions over
//! UDP and TCP, with and without EDNS and DO; RCODE, AA, TC and each section as a set of records are compared.
//!
//! A difference has a heading in `docs/conformance.md` and a rule in `explain.rs`, or NSD or Knot is on our side; any
//! other is printed with the zones and fails the test. Of a chain that leads into another zone what each zone says is
//! compared by itself, since not every server follows it. Answers that only BIND or PowerDNS give otherwise are
//! counted.
//!
//! - `STREAM_DNS_DIFFERENTIAL_QUESTIONS`: how many questions, 200,000 by default.
//! - `STREAM_DNS_DIFFERENTIAL_SEED`: which zones and questions; each figure makes others. It is 1 by default, so that a
//!   failure is about the change that is tested.
//! - `STREAM_DNS_DIFFERENTIAL_ALL`: print examples of what one server alone does otherwise, too.

mod compare;
mod dice;
mod explain;
mod question;
mod round;
mod servers;
mod tally;
mod world;

use anyhow::{Result, ensure};
use stream_dns_tests::real_parts;
use tally::Tally;

/// Questions to the zones of one round.
const ROUND: usize = 10_000;

/// A number from the environment.
fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn we_answer_as_nsd_and_knot_do() -> Result<()> {
    if !real_parts("differential: the same answers as NSD and Knot") {
        return Ok(());
    }
    let questions = number("STREAM_DNS_DIFFERENTIAL_QUESTIONS", 200_000);
    let seed = number("STREAM_DNS_DIFFERENTIAL_SEED", 1);
    println!("seed {seed}");
    let mut seed = (seed as u64).wrapping_mul(1_000_003);
    let mut tally = Tally::default();
    while tally.questions < questions {
        round::play(seed, ROUND.min(questions), &mut tally)?;
        seed = seed.wrapping_add(1);
    }
    tally.print(number("STREAM_DNS_DIFFERENTIAL_ALL", 0) > 0);
    let [ours, nsd, knot, bind, powerdns] = tally.compared;
    ensure!(ours == tally.zones, "this server does not serve all zones");
    // Which of the zones a server takes is its own choice; without most of them there is nothing to compare.
    for (name, compared, least) in
        [("NSD", nsd, 70), ("Knot", knot, 90), ("BIND", bind, 40), ("PowerDNS", powerdns, 90)]
    {
        ensure!(compared * 100 >= tally.zones * least, "{name} serves {compared} of {} zones", tally.zones);
    }
    ensure!(tally.unexplained() == 0, "{} answers are unlike those of NSD and Knot", tally.unexplained());
    Ok(())
}

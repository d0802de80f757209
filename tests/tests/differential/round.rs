//! One round: a world, all servers with its zones, and some thousand questions.

use crate::compare::{Aspect, End, Part, difference, plain};
use crate::dice::Dice;
use crate::explain::explain;
use crate::question::Question;
use crate::servers::Servers;
use crate::tally::{Tally, Who};
use crate::world::{World, top};
use anyhow::Result;
use std::collections::BTreeSet;
use stream_dns_tests::peers::{KINDS, Kind};
use stream_dns_tests::reading::Reading;

/// Groups of zones in a world.
const GROUPS: usize = 40;

/// An answer as it could be read, if there was one.
type Read = Option<Result<Reading, String>>;

/// A question and what all servers said.
struct Case<'a> {
    world: &'a World,
    question: &'a Question,
    /// Ours first, then in the order of [`KINDS`].
    readings: Vec<Read>,
}

/// Plays the round of this seed.
pub(crate) fn play(seed: u64, count: usize, tally: &mut Tally) -> Result<()> {
    let mut dice = Dice::new(seed);
    let root = dice.percent(40);
    let world = World::new(&mut dice, GROUPS, root);
    let folder = tempfile::tempdir()?;
    let servers = Servers::start(&world, folder.path())?;
    tally.zones += world.zones.len();
    let mut missing = Vec::new();
    for ((absent, there), compared) in servers.missing(&world)?.into_iter().zip(&mut tally.compared) {
        *compared += there;
        missing.push(absent);
    }
    let mut questions = Vec::with_capacity(count);
    while questions.len() < count {
        let question = Question::random(&mut dice, &world);
        if question.octets().is_some() {
            questions.push(question);
        }
    }
    // Where an alias leads into another zone that is asked in its turn.
    let mut asked = BTreeSet::new();
    while !questions.is_empty() {
        let answers = servers.ask(&questions)?;
        asked.extend(questions.iter().map(Question::to_string));
        let mut next = Vec::new();
        for (at, question) in questions.iter().enumerate() {
            tally.questions += 1;
            let readings = answers.iter().map(|answers| read(answers[at].as_deref())).collect();
            let case = Case { world: &world, question, readings };
            case.look(&missing, tally);
            next.extend(case.onwards().filter(|onwards| !asked.contains(&onwards.to_string())));
        }
        let mut once = BTreeSet::new();
        next.retain(|question: &Question| once.insert(question.to_string()));
        questions = next;
    }
    Ok(())
}

fn read(octets: Option<&[u8]>) -> Read {
    octets.map(|octets| Reading::read(octets).map_err(|error| format!("{error}: {octets:02x?}")))
}

// === impl Case ===

impl Case<'_> {
    fn ours(&self) -> Option<&Reading> {
        self.readings[0].as_ref().and_then(|reading| reading.as_ref().ok())
    }

    /// The question for what our answer leads to in another zone.
    fn onwards(&self) -> Option<Question> {
        match Part::of(self.world, self.question, self.ours()?).end {
            End::Elsewhere(target) => Some(Question { name: target, ..self.question.clone() }),
            _ => None,
        }
    }

    /// Compares our answer with all others.
    fn look(&self, missing: &[BTreeSet<String>], tally: &mut Tally) {
        let name = plain(&self.question.name);
        // DS at the top of a group, and what is in no group, are the root's.
        let of_root = self.world.zone(&name, self.question.is_ds()).is_some_and(|zone| zone.apex == ".");
        let serves = |number: usize| {
            let is_missing = |apex: &str| missing[number].contains(apex);
            !(is_missing(top(&name)) || of_root && is_missing("."))
        };
        let aspects = [1, 2, 3, 4].map(|number| match serves(number) {
            true => self.unexplained(number, tally),
            false => None,
        });
        let text = || self.text();
        match (aspects[0], aspects[1]) {
            (Some(aspect), Some(_)) if self.agree(1, 2) => tally.note(Who::Both, aspect, text),
            (Some(aspect), Some(_)) => tally.note(Who::Each, aspect, text),
            (Some(aspect), None) if serves(2) => tally.note(Who::Alone(Kind::Nsd), aspect, text),
            (None, Some(aspect)) if serves(1) => tally.note(Who::Alone(Kind::Knot), aspect, text),
            (Some(aspect), None) => tally.note(Who::Only(Kind::Nsd), aspect, text),
            (None, Some(aspect)) => tally.note(Who::Only(Kind::Knot), aspect, text),
            (None, None) => {}
        }
        for number in [3, 4] {
            if let Some(aspect) = aspects[number - 1] {
                tally.note(Who::Alone(KINDS[number - 1]), aspect, text);
            }
        }
    }

    /// In what our answer differs from a server's, unless that is known.
    fn unexplained(&self, number: usize, tally: &mut Tally) -> Option<Aspect> {
        let kind = KINDS[number - 1];
        let theirs = self.readings[number].as_ref();
        let aspect = match theirs {
            Some(Err(_)) => Some(Aspect::Octets),
            theirs => {
                let theirs = theirs.and_then(|theirs| theirs.as_ref().ok());
                difference(self.world, self.question, self.ours(), theirs)
            }
        }?;
        let readable = theirs.and_then(|theirs| theirs.as_ref().ok());
        let explain = |ours| explain(self.world, self.question, kind, ours, readable, aspect);
        match self.ours().filter(|_| theirs.is_some()).and_then(explain) {
            Some(known) => {
                tally.explain(kind, known);
                None
            }
            None => Some(aspect),
        }
    }

    fn agree(&self, one: usize, other: usize) -> bool {
        match (&self.readings[one], &self.readings[other]) {
            (Some(Ok(one)), Some(Ok(other))) => {
                difference(self.world, self.question, Some(one), Some(other)).is_none()
            }
            _ => false,
        }
    }

    /// The question, the answers, and the zones as files.
    fn text(&self) -> String {
        let mut text = format!("{}\n", self.question);
        let names = ["ours".to_owned()].into_iter().chain(KINDS.iter().map(Kind::to_string));
        for (name, reading) in names.zip(&self.readings) {
            match reading {
                Some(Ok(reading)) => text += &format!("  {name}: {reading}"),
                other => text += &format!("  {name}: {other:?}\n"),
            }
        }
        for zone in self.world.around(&plain(&self.question.name)).zones {
            text += &format!("; {}\n{}", zone.apex, zone.file());
        }
        text
    }
}

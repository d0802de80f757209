//! What was served when the store was lost, so that a catalogue which lacks some of it does not take its place.

use std::time::{Duration, Instant};
use zone_model::{Partition, Position, SourceId};

/// For how long nothing may come nearer before what there is counts: a log may not hold what it held, and others'
/// changes must not wait for it for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// How far the store stood, until it stands there again.
#[derive(Debug, Default)]
pub(crate) struct Regain {
    /// Where it stood, and where it stands, as far as it is not there yet.
    lacking: Vec<(SourceId, Partition, Position, Option<Position>)>,
    until: Option<Instant>,
}

// === impl Regain ===

impl Regain {
    /// The store is lost that stood here. Where one before it stood farther, that counts.
    pub(crate) fn lose(&mut self, stood: Vec<(SourceId, Partition, Position)>, now: Instant) {
        for (source, partition, position) in stood {
            let same = |own: &&mut (SourceId, Partition, Position, Option<Position>)| {
                own.0 == source && own.1 == partition
            };
            match self.lacking.iter_mut().find(same) {
                Some(own) => own.2 = own.2.max(position),
                None => self.lacking.push((source, partition, position, None)),
            }
        }
        self.until = Some(now + PATIENCE);
    }

    /// Whether the store that stands here now holds all that the lost one held, or is not waited for any longer.
    pub(crate) fn is_done(
        &mut self,
        now: Instant,
        stands: impl Fn(&SourceId, Partition) -> Option<Position>,
    ) -> bool {
        let Some(until) = self.until else { return true };
        let mut came_nearer = false;
        self.lacking.retain_mut(|(source, partition, stood, last)| {
            let at = stands(source, *partition);
            came_nearer |= at > *last;
            *last = at;
            at.is_none_or(|at| at < *stood)
        });
        if came_nearer {
            self.until = Some(now + PATIENCE);
        } else if now >= until && !self.lacking.is_empty() {
            tracing::warn!(
                "what the log held before the store was lost does not come again; what there is is served"
            );
            self.lacking.clear();
        }
        if self.lacking.is_empty() {
            self.until = None;
        }
        self.lacking.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(number: u8) -> Position {
        Position::new(&[number]).unwrap()
    }

    fn at(source: &str, partition: u32, number: u8) -> (SourceId, Partition, Position) {
        (SourceId::new(source), Partition(partition), position(number))
    }

    /// Looks whether it is done with a store that stands here.
    fn is_done(regain: &mut Regain, now: Instant, stands: &[(SourceId, Partition, Position)]) -> bool {
        regain.is_done(now, |source, partition| {
            let own = stands.iter().find(|own| own.0 == *source && own.1 == partition);
            own.map(|(_, _, position)| *position)
        })
    }

    #[test]
    fn all_that_was_held_has_to_be_there_again() {
        let (mut regain, now) = (Regain::default(), Instant::now());
        assert!(is_done(&mut regain, now, &[]), "nothing was lost");
        regain.lose(vec![at("a", 0, 5), at("a", 1, 2), at("b", 0, 9)], now);
        assert!(!is_done(&mut regain, now, &[at("a", 0, 4), at("a", 1, 2), at("b", 0, 9)]));
        // Lost once more, with less: what was served has not changed.
        regain.lose(vec![at("a", 0, 1), at("a", 1, 3)], now);
        assert!(!is_done(&mut regain, now, &[at("a", 0, 4), at("a", 1, 3), at("b", 0, 9)]));
        assert!(is_done(&mut regain, now, &[at("a", 0, 5), at("a", 1, 3), at("b", 0, 9)]));
        assert!(is_done(&mut regain, now, &[]), "it is over");
    }

    #[test]
    fn what_does_not_come_nearer_for_a_minute_is_not_waited_for() {
        let (mut regain, mut now) = (Regain::default(), Instant::now());
        regain.lose(vec![at("a", 0, 5), at("b", 0, 9)], now);
        for number in 0..5 {
            assert!(!is_done(&mut regain, now, &[at("a", 0, number)]));
            now += PATIENCE - Duration::from_millis(1);
        }
        assert!(!is_done(&mut regain, now, &[at("a", 0, 4)]));
        now += Duration::from_millis(1);
        assert!(is_done(&mut regain, now, &[at("a", 0, 4)]));
        assert!(is_done(&mut regain, now, &[]));
    }
}

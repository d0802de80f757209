//! Standing still at certain positions, so that nodes can be compared.
//!
//! Nodes read on while they are asked, each at its own pace, so two of them are hardly ever at the same place by
//! themselves. So each is told to stand still; of where they stand the farthest is taken, partition by partition;
//! and each goes on up to there, ends its batches there, and holds what lies behind in memory until all
//! partitions have arrived. A limit of time and one of memory end it in any case.

use messages::{ApplyChanges, StoreUnavailable, ZoneSummary};
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::oneshot;
use zone_model::{Event, Partition, Position, SourceId};

/// Events that are held behind the positions, at most.
const MOST_EVENTS: usize = 50_000;

/// Where partitions are to stand.
pub(crate) type Targets = BTreeMap<(SourceId, Partition), Position>;

/// Who is told what is held at the positions.
pub(crate) type Reply = oneshot::Sender<Result<Vec<ZoneSummary>, StoreUnavailable>>;

/// Whether the store stands still, for one comparison at a time.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    current: Option<Hold>,
    /// How many there were.
    begun: u64,
}

/// A store that stands still, or goes on up to some positions.
#[derive(Debug)]
struct Hold {
    /// Tells it from the one after it.
    number: u64,
    /// `None` while nobody has said where to go.
    goal: Option<(Targets, Reply)>,
    /// What lies behind the positions, in the order in which it came.
    behind: VecDeque<ApplyChanges>,
    events: usize,
}

// === impl Holds ===

impl Holds {
    /// Stands still from now on. Returns the number of this hold.
    pub(crate) fn begin(&mut self) -> Result<u64, StoreUnavailable> {
        if self.current.is_some() {
            return Err(StoreUnavailable("it is being compared already; try again".to_owned()));
        }
        self.begun += 1;
        self.current = Some(Hold::new(self.begun));
        Ok(self.begun)
    }

    /// Whether this one has not ended.
    pub(crate) fn holds(&self, number: u64) -> bool {
        self.current.as_ref().is_some_and(|hold| hold.number == number)
    }

    /// Whether nothing at all may be taken up: nobody has said yet where to go.
    pub(crate) fn is_still(&self) -> bool {
        self.current.as_ref().is_some_and(|hold| hold.goal.is_none())
    }

    /// What of a batch may be applied now, the rest is held; and whether that is too much.
    pub(crate) fn take_up(&mut self, batch: ApplyChanges) -> (ApplyChanges, bool) {
        let Some(hold) = &mut self.current else { return (batch, false) };
        match hold.split(batch) {
            Ok(batch) => (batch, false),
            Err(batch) => (batch, true),
        }
    }

    /// Goes on up to these positions, if a store that stands `at` these may; whoever asks is told why not.
    pub(crate) fn go_to(
        &mut self,
        targets: Targets,
        reply: Reply,
        at: impl Fn(&SourceId, Partition) -> Option<Position>,
    ) -> bool {
        let is_past = |(own, target): (&(SourceId, Partition), &Position)| {
            at(&own.0, own.1).is_some_and(|at| at > *target)
        };
        let why = match &mut self.current {
            None => "nobody told it to stand still, or the time for that is over",
            Some(hold) if hold.goal.is_some() => "it is being compared already",
            Some(_) if targets.iter().any(is_past) => "it has gone past these positions",
            Some(hold) => {
                hold.goal = Some((targets, reply));
                return true;
            }
        };
        let _ = reply.send(Err(StoreUnavailable(why.to_owned())));
        false
    }

    /// Whether every partition has arrived where it was to go.
    pub(crate) fn have_arrived(&self, at: impl Fn(&SourceId, Partition) -> Option<Position>) -> bool {
        self.current.as_ref().is_some_and(|hold| hold.has_arrived(at))
    }

    /// Ends what there is: who is to be told, and what was held.
    pub(crate) fn end(&mut self) -> (Option<Reply>, VecDeque<ApplyChanges>) {
        let hold = self.current.take();
        hold.map_or_else(Default::default, |hold| (hold.goal.map(|(_, reply)| reply), hold.behind))
    }
}

// === impl Hold ===

impl Hold {
    fn new(number: u64) -> Self {
        Self { number, goal: None, behind: VecDeque::new(), events: 0 }
    }

    /// Splits a batch: what lies up to the positions is to be applied, the rest is held. An error where that is
    /// too much.
    fn split(&mut self, mut batch: ApplyChanges) -> Result<ApplyChanges, ApplyChanges> {
        let Some((targets, _)) = &self.goal else { return Ok(batch) };
        let target = |partition: Partition| targets.get(&(batch.source.clone(), partition)).copied();
        // What nobody asked about is at its place, wherever that is.
        let is_behind = |partition, position| target(partition).is_none_or(|target| position > target);
        let (behind, own): (Vec<Event>, Vec<Event>) =
            batch.events.drain(..).partition(|event| is_behind(event.partition, event.position));
        let (mut reached, mut rest) = (Vec::new(), Vec::new());
        for (partition, position) in batch.positions.drain(..) {
            if is_behind(partition, position) {
                rest.push((partition, position));
                reached.extend(target(partition).map(|target| (partition, target)));
            } else {
                reached.push((partition, position));
            }
        }
        let in_step = batch.in_step.take();
        if behind.is_empty() && rest.is_empty() && in_step.is_none() && self.behind.is_empty() {
            (batch.events, batch.positions) = (own, reached);
            return Ok(batch);
        }
        // The place in the queue goes with what is applied: the reader has to go on, for the other partitions.
        let (source, permit) = (batch.source.clone(), messages::Permits::new(1).try_take());
        let Some(permit) = permit else { return Ok(batch) };
        self.events += behind.len();
        self.behind.push_back(ApplyChanges { source, events: behind, positions: rest, in_step, permit });
        (batch.events, batch.positions) = (own, reached);
        if self.events > MOST_EVENTS { Err(batch) } else { Ok(batch) }
    }

    fn has_arrived(&self, at: impl Fn(&SourceId, Partition) -> Option<Position>) -> bool {
        let Some((targets, _)) = &self.goal else { return false };
        targets.iter().all(|((source, partition), target)| at(source, *partition) >= Some(*target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::Permits;
    use zone_model::{EventBody, Timestamp};

    fn at(n: u8) -> Position {
        Position::new(&[n]).unwrap()
    }

    fn batch(events: &[(u32, u8)], positions: &[(u32, u8)], in_step: Option<i64>) -> ApplyChanges {
        let event = |(partition, n): &(u32, u8)| Event {
            partition: Partition(*partition),
            position: at(*n),
            timestamp: Timestamp(0),
            key: vec![*n],
            headers: Vec::new(),
            body: EventBody::Null(None),
        };
        ApplyChanges {
            source: SourceId::new("dns"),
            events: events.iter().map(event).collect(),
            positions: positions.iter().map(|(partition, n)| (Partition(*partition), at(*n))).collect(),
            in_step: in_step.map(Timestamp),
            permit: Permits::new(1).try_take().unwrap(),
        }
    }

    /// Events, and positions: a partition and a number each.
    type Shape = (Vec<(u32, u8)>, Vec<(u32, u8)>);

    fn shape(batch: &ApplyChanges) -> Shape {
        let first = |position: &Position| position.as_bytes()[0];
        let events = batch.events.iter().map(|event| (event.partition.0, first(&event.position)));
        (events.collect(), batch.positions.iter().map(|(p, position)| (p.0, first(position))).collect())
    }

    #[test]
    fn batches_end_at_the_positions_and_nothing_of_them_is_lost() {
        let mut holds = Holds::default();
        assert_eq!(holds.begin(), Ok(1));
        assert!(holds.is_still() && holds.begin().is_err(), "one at a time");
        let (reply, _answer) = oneshot::channel();
        let source = SourceId::new("dns");
        let targets = [(0, 5), (1, 3)].map(|(partition, n)| ((source.clone(), Partition(partition)), at(n)));
        assert!(holds.go_to(targets.into_iter().collect(), reply, |_, _| None));
        let (first, too_much) = holds.take_up(batch(&[(0, 4), (0, 6), (1, 1)], &[(0, 6), (1, 1)], None));
        assert!(!too_much && !holds.is_still());
        // Behind the position lay a marker, or nothing: the partition stands at the position all the same.
        assert_eq!(shape(&first), (vec![(0, 4), (1, 1)], vec![(0, 5), (1, 1)]));
        let stands =
            |p0: u8, p1: u8| move |_: &SourceId, p: Partition| Some(at(if p.0 == 0 { p0 } else { p1 }));
        assert!(!holds.have_arrived(stands(5, 1)));
        let (second, _) = holds.take_up(batch(&[(0, 7), (1, 3), (2, 9)], &[(0, 7), (1, 3), (2, 9)], Some(8)));
        assert_eq!(shape(&second), (vec![(1, 3)], vec![(0, 5), (1, 3)]));
        assert_eq!(second.in_step, None, "a moment is reached behind everything");
        assert!(holds.have_arrived(stands(5, 3)));
        let (_, behind) = holds.end();
        assert!(!holds.holds(1));
        let behind: Vec<_> = behind.iter().map(|batch| (shape(batch), batch.in_step)).collect();
        let rest = (vec![(0, 7), (2, 9)], vec![(0, 7), (2, 9)]);
        assert_eq!(behind, [((vec![(0, 6)], vec![(0, 6)]), None), (rest, Some(Timestamp(8)))]);
    }
    /// A store that has gone past where it is told to stand cannot be compared there.
    #[test]
    fn where_it_may_not_go_it_says_so() {
        let target = ((SourceId::new("dns"), Partition(0)), at(5));
        let told = |holds: &mut Holds, stands: u8| {
            let (reply, mut answer) = oneshot::channel();
            let goes = holds.go_to([target.clone()].into(), reply, |_, _| Some(at(stands)));
            (goes, answer.try_recv().ok().and_then(Result::err).map(|why| why.0))
        };
        let mut holds = Holds::default();
        assert!(told(&mut holds, 1).1.is_some_and(|why| why.contains("nobody told it")));
        holds.begin().unwrap();
        assert!(told(&mut holds, 6).1.is_some_and(|why| why.contains("gone past")));
        assert_eq!(told(&mut holds, 5), (true, None));
        assert!(told(&mut holds, 5).1.is_some_and(|why| why.contains("already")));
    }
}

//! Who goes first where there are fewer processors than threads that want one.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How much nicer a thread is that gives way (`nice(2)`): of a processor that somebody else could fill it gets a tenth.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;
/// How long a thread that gives way works at least before it lets others pass.
const PORTION: Duration = Duration::from_micros(100);
/// The same of a thread that takes turns.
const TURN: Duration = Duration::from_micros(200);
/// Where others take as long as this when they pass, they fill the processor.
const FULL: Duration = Duration::from_millis(2);
/// For how long a thread that takes turns lets nobody pass then: each time all find less of theirs in the caches.
const UNDISTURBED: Duration = Duration::from_millis(100);

thread_local! {
    /// Where the thread gives way or takes turns.
    static MANNERS: Cell<Option<Manners>> = const { Cell::new(None) };
}

/// How a thread gives way or takes turns.
#[derive(Clone, Copy)]
struct Manners {
    /// How long it works before it lets others pass.
    portion: Duration,
    /// Whether it takes turns.
    turns: bool,
    /// Since when it has worked, or waited for a disk.
    since: Instant,
    /// How long others took of the present work.
    passed: Duration,
}

/// Has the calling thread give way to those that answer queries: for threads that wait for disks, whose work may come a
/// few milliseconds later. What they start themselves gives way, too. Where every thread has a processor this
/// changes nothing.
///
/// On Linux alone, where each thread has a priority of its own. Nothing happens where the system refuses it.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    MANNERS.set(rustix::process::nice(NICER).ok().map(|_| Manners::new(PORTION)));
}

/// Has the calling thread take turns with those that answer queries, without being any nicer to them: for a thread whose
/// work is wanted at once, but may take longer than they should wait. It [lets them pass](let_pass) before its
/// work, where it did not do so in the last 200 µs, and as often in the midst of it. Where they fill the processor it does
/// so ten times a second at most: each time its work waits for some milliseconds, and all find less in the caches.
pub fn take_turns() {
    MANNERS.set(Some(Manners { turns: true, ..Manners::new(TURN) }));
}

/// How long the calling thread works from now on before it [lets others pass](let_pass), 100 µs at least. Each time it may
/// have to wait for as long as they have something to do, so large work is better done in larger portions.
pub fn work_in_portions(of: Duration) {
    MANNERS.set(MANNERS.get().map(|_| Manners::new(of.max(PORTION))));
}

/// Lets others go first, where the calling thread [gives way](give_way) or [takes turns](take_turns) and has worked for a
/// [portion](work_in_portions) since the last time: to be called between two steps of work, of some microseconds each.
/// However little of a processor a thread is due, the system lets it go on for about a millisecond once it has one.
pub fn let_pass() {
    if MANNERS.get().is_some_and(|manners| manners.since.elapsed() >= manners.portion) {
        step_aside();
    }
}

/// Lets others go first at once, where the calling thread [gives way](give_way) or [takes turns](take_turns). Says how long
/// they took: next to nothing where the processor has nothing else to do.
pub fn step_aside() -> Duration {
    let Some(manners) = MANNERS.get() else { return Duration::ZERO };
    let begun = Instant::now();
    std::thread::yield_now();
    let since = Instant::now();
    let took = since - begun;
    let portion = if manners.turns { turn_beside(took) } else { manners.portion };
    MANNERS.set(Some(Manners { portion, since, passed: manners.passed + took, ..manners }));
    took
}

/// For how long a thread that takes turns lets nobody pass after others took so long.
fn turn_beside(others: Duration) -> Duration {
    if others < FULL { TURN } else { UNDISTURBED }
}

/// How long others took of the work that the calling thread [began](work_in_portions) last, whenever it
/// [let them pass](let_pass).
pub fn passed() -> Duration {
    MANNERS.get().map_or(Duration::ZERO, |manners| manners.passed)
}

impl Manners {
    fn new(portion: Duration) -> Self {
        Self { portion, turns: false, since: Instant::now(), passed: Duration::ZERO }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn since() -> Option<Instant> {
        MANNERS.get().map(|manners| manners.since)
    }

    /// The calling thread's priority: nothing is added to it.
    fn own() -> i32 {
        rustix::process::nice(0).expect("a priority")
    }

    #[test]
    fn a_thread_gives_way_and_no_other() {
        let before = own();
        let given_way = std::thread::spawn(move || {
            give_way();
            (own(), since().is_some())
        });
        assert_eq!(given_way.join().expect("a thread"), ((before + NICER).min(19), true));
        work_in_portions(PORTION);
        assert_eq!((own(), since(), step_aside()), (before, None, Duration::ZERO));
    }

    #[test]
    fn a_thread_that_takes_turns_is_no_nicer() {
        let before = own();
        let taken = std::thread::spawn(move || {
            take_turns();
            let begun = since();
            std::thread::sleep(TURN);
            let_pass();
            (own(), begun.is_some() && begun < since())
        });
        assert_eq!(taken.join().expect("a thread"), (before, true));
    }

    #[test]
    fn turns_are_taken_less_often_where_others_fill_the_processor() {
        let after = |took| turn_beside(Duration::from_micros(took));
        assert_eq!([0, 500, 1_999].map(after), [TURN; 3]);
        assert_eq!([2_000, 1_000_000].map(after), [UNDISTURBED; 2]);
    }

    #[test]
    fn what_others_took_is_counted_for_each_work() {
        let counted = std::thread::spawn(|| {
            give_way();
            let took = [step_aside(), step_aside()];
            assert_eq!(passed(), took[0] + took[1]);
            work_in_portions(PORTION);
            passed()
        });
        assert_eq!(counted.join().expect("a thread"), Duration::ZERO);
        assert_eq!(
            (step_aside(), passed()),
            (Duration::ZERO, Duration::ZERO),
            "no thread that does not give way"
        );
    }

    #[test]
    fn others_pass_between_two_portions() {
        let turns = std::thread::spawn(|| {
            give_way();
            work_in_portions(Duration::from_secs(3600));
            let begun = since();
            std::thread::sleep(PORTION);
            let_pass();
            let in_between = since();
            work_in_portions(Duration::ZERO);
            let anew = since();
            std::thread::sleep(PORTION);
            let_pass();
            [begun, in_between, anew, since()]
        });
        let [begun, in_between, anew, behind] = turns.join().expect("a thread");
        assert!(begun.is_some() && in_between == begun, "the portion is not done");
        assert!(behind > anew, "this one is");
    }
}

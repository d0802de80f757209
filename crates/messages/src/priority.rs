//! Who goes first where there are fewer processors than threads that want one.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How much nicer a thread is that gives way (`nice(2)`): of a processor that somebody else could fill it gets a tenth.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;
/// How long a thread that gives way works at least before it lets others pass.
const PORTION: Duration = Duration::from_micros(100);

thread_local! {
    /// Where the thread gives way.
    static MANNERS: Cell<Option<Manners>> = const { Cell::new(None) };
}

/// How a thread gives way.
#[derive(Clone, Copy)]
struct Manners {
    /// How long it works before it lets others pass.
    portion: Duration,
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

/// How long the calling thread works from now on before it [lets others pass](let_pass), 100 µs at least. Each time it may
/// have to wait for as long as they have something to do, so large work is better done in larger portions.
pub fn work_in_portions(of: Duration) {
    MANNERS.set(MANNERS.get().map(|_| Manners::new(of.max(PORTION))));
}

/// Lets others go first, where the calling thread [gives way](give_way) and has worked for a
/// [portion](work_in_portions) since the last time: to be called between two steps of work, of some microseconds each.
/// However little of a processor a thread is due, the system lets it go on for about a millisecond once it has one.
pub fn let_pass() {
    if MANNERS.get().is_some_and(|manners| manners.since.elapsed() >= manners.portion) {
        step_aside();
    }
}

/// Lets others go first at once, where the calling thread [gives way](give_way). Says how long they took: next to nothing
/// where the processor has nothing else to do.
pub fn step_aside() -> Duration {
    let Some(manners) = MANNERS.get() else { return Duration::ZERO };
    let begun = Instant::now();
    std::thread::yield_now();
    let since = Instant::now();
    let took = since - begun;
    MANNERS.set(Some(Manners { since, passed: manners.passed + took, ..manners }));
    took
}

/// How long others took of the work that the calling thread [began](work_in_portions) last, whenever it
/// [let them pass](let_pass).
pub fn passed() -> Duration {
    MANNERS.get().map_or(Duration::ZERO, |manners| manners.passed)
}

impl Manners {
    fn new(portion: Duration) -> Self {
        Self { portion, since: Instant::now(), passed: Duration::ZERO }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn since() -> Option<Instant> {
        MANNERS.get().map(|manners| manners.since)
    }

    #[test]
    fn a_thread_gives_way_and_no_other() {
        let own = || rustix::process::nice(0).expect("a priority");
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

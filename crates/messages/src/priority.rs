//! Who goes first where there are fewer processors than threads that want one.

use std::cell::Cell;

/// How much nicer a thread is that gives way (`nice(2)`): of a processor that somebody else could fill it gets a tenth.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;

thread_local! {
    static GIVES_WAY: Cell<bool> = const { Cell::new(false) };
}

/// Has the calling thread give way to those that answer queries: for threads that wait for disks, whose work may come a
/// few milliseconds later. What they start themselves gives way, too. Where every thread has a processor this
/// changes nothing.
///
/// On Linux alone, where each thread has a priority of its own. Nothing happens where the system refuses it.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    GIVES_WAY.set(rustix::process::nice(NICER).is_ok());
}

/// Lets others go first, where the calling thread [gives way](give_way): to be called between two portions of work, of
/// some microseconds each. However little of a processor a thread is due, the system lets it go on for about a
/// millisecond once it has one.
pub fn let_pass() {
    if GIVES_WAY.get() {
        std::thread::yield_now();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{GIVES_WAY, NICER, give_way, let_pass};

    #[test]
    fn a_thread_gives_way_and_no_other() {
        let own = || rustix::process::nice(0).expect("a priority");
        let before = own();
        let given_way = std::thread::spawn(move || {
            give_way();
            let_pass();
            (own(), GIVES_WAY.get())
        });
        assert_eq!(given_way.join().expect("a thread"), ((before + NICER).min(19), true));
        assert_eq!((own(), GIVES_WAY.get()), (before, false));
    }
}

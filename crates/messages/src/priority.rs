//! Who goes first where there are fewer processors than threads that want one.

/// How much nicer a thread is that gives way (`nice(2)`): of a processor that somebody else could fill it gets a tenth.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;

/// Has the calling thread give way to those that answer queries: for threads that wait for disks, whose work may come a
/// few milliseconds later. What they start themselves gives way, too. Where every thread has a processor this
/// changes nothing.
///
/// On Linux alone, where each thread has a priority of its own. Nothing happens where the system refuses it.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICER);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{NICER, give_way};

    #[test]
    fn a_thread_gives_way_and_no_other() {
        let own = || rustix::process::nice(0).expect("a priority");
        let before = own();
        let given_way = std::thread::spawn(move || {
            give_way();
            own()
        });
        assert_eq!(given_way.join().expect("a thread"), (before + NICER).min(19));
        assert_eq!(own(), before);
    }
}

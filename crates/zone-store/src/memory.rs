//! Memory that the allocator keeps although nobody uses it.
//!
//! What waits for the disk is freed by the thread that commits, in places between what stays. The allocator of the GNU
//! C library keeps such places for later, and after a million changes has about as much of them as the catalogue takes.

mod large_pages;

/// Bytes that were freed since memory was last given back, above which it is given back again. It costs some
/// milliseconds for each 100 MiB.
const WORTH: usize = 64 << 20;
/// The same at rest.
const WORTH_AT_REST: usize = 4 << 20;
/// So many looks in a row that find nothing under way make rest.
const REST: u32 = 10;

/// Says when it is time to give memory back.
#[derive(Debug, Default)]
pub(crate) struct Freed {
    bytes: usize,
    loaded: bool,
    /// Looks in a row that found nothing under way.
    quiet: u32,
}

/// After what memory is tidied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// All zones were made anew.
    Load,
    /// Many changes.
    Changes,
}

// === impl Freed ===

impl Freed {
    /// So many bytes were freed.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// All zones were made anew, which takes about as much memory beside them.
    pub(crate) fn loaded(&mut self) {
        self.loaded = true;
        self.add(WORTH);
    }

    /// After what it is worth it already, though more may be freed soon. What others free meanwhile is left for the rest.
    pub(crate) fn take(&mut self) -> Option<After> {
        let worth_it = (self.bytes >= WORTH).then(|| self.after());
        if worth_it.is_some() {
            self.bytes = WORTH_AT_REST;
        }
        worth_it
    }

    /// To be called now and then: after what it is worth it, where nothing has been under way for a while.
    pub(crate) fn look(&mut self, is_quiet: bool) -> Option<After> {
        self.quiet = if is_quiet { self.quiet.saturating_add(1) } else { 0 };
        let worth_it = (self.quiet >= REST && self.bytes >= WORTH_AT_REST).then(|| self.after());
        if worth_it.is_some() {
            *self = Self::default();
        }
        worth_it
    }

    fn after(&self) -> After {
        if self.loaded { After::Load } else { After::Changes }
    }
}

/// Gives what nobody uses back to the system, and has what is used lie in large pages. It takes some tenths of a second
/// for a large catalogue, and holds nobody up.
pub(crate) fn tidy(after: After) {
    give_back();
    large_pages::gather(match after {
        // What lies between the zones is for their changes.
        After::Load => large_pages::HALF,
        After::Changes => large_pages::MOST,
    });
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_back() {
    // SAFETY: `malloc_trim` may be called at any time from any thread (malloc_trim(3)); it touches no memory that is in
    // use.
    unsafe { libc::malloc_trim(0) };
}

/// A program with another allocator, and another system's, has nothing to give here.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_now_and_then() {
        let mut freed = Freed::default();
        freed.add(WORTH - 1);
        assert_eq!(freed.take(), None);
        freed.add(1);
        assert_eq!((freed.take(), freed.take()), (Some(After::Changes), None));
        freed.loaded();
        assert_eq!((freed.take(), freed.take()), (Some(After::Load), None));
    }

    #[test]
    fn a_little_is_given_back_at_rest() {
        let mut freed = Freed::default();
        freed.add(WORTH_AT_REST);
        let looks = |freed: &mut Freed, quiet: bool, times: u32| -> Vec<After> {
            (0..times).filter_map(|_| freed.look(quiet)).collect()
        };
        assert_eq!(looks(&mut freed, true, REST - 1), []);
        assert_eq!(looks(&mut freed, false, 1), []);
        assert_eq!(looks(&mut freed, true, REST - 1), []);
        assert_eq!(looks(&mut freed, true, REST), [After::Changes]);
        freed.add(WORTH_AT_REST - 1);
        assert_eq!(looks(&mut freed, true, 3 * REST), []);
    }

    /// When the last of many commits ends, its rows and the catalogues before the last are being freed.
    #[test]
    fn what_is_freed_behind_the_last_commit_is_given_back_at_rest() {
        let mut freed = Freed::default();
        freed.loaded();
        assert_eq!(freed.take(), Some(After::Load));
        assert_eq!((0..3 * REST).filter_map(|_| freed.look(true)).collect::<Vec<_>>(), [After::Load]);
    }
}

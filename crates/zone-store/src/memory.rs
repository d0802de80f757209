//! Memory that the allocator keeps although nobody uses it.
//!
//! What waits for the disk is freed by the thread that commits, in places between what stays. The allocator of the GNU
//! C library keeps such places for later, and after a million changes has about as much of them as the catalogue takes.

mod large_pages;

/// Bytes that were freed since memory was last given back, above which it is given back again. It costs some
/// milliseconds for each 100 MiB.
const WORTH: usize = 64 << 20;

/// Says when it is time to give memory back.
#[derive(Debug, Default)]
pub(crate) struct Freed(usize);

// === impl Freed ===

impl Freed {
    /// So many bytes were freed.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add(bytes);
    }

    /// All zones were made anew, which takes about as much memory beside them.
    pub(crate) fn loaded(&mut self) {
        self.add(WORTH);
    }

    /// Whether it is worth it; counts anew if so.
    pub(crate) fn take(&mut self) -> bool {
        let is_worth_it = self.0 >= WORTH;
        if is_worth_it {
            self.0 = 0;
        }
        is_worth_it
    }
}

/// Gives what nobody uses back to the system, and has what is used lie in large pages. It takes some tenths of a second
/// for a large catalogue, and holds nobody up.
pub(crate) fn tidy() {
    give_back();
    large_pages::gather();
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
        assert!(!freed.take());
        freed.add(1);
        assert!(freed.take() && !freed.take());
        freed.loaded();
        assert!(freed.take() && !freed.take());
    }
}

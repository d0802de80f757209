//! Asks the processor to bring memory nearer without waiting for it.

use std::sync::Arc;

/// The octets that come at once, on the processors of today.
pub(super) const LINE: usize = 64;

/// Begins to bring the first `lines` lines in which `bytes` stand into the cache, or all of them where there are fewer.
/// Where they begin in the midst of a line that is one of them.
#[inline]
pub(super) fn prefetch(bytes: &[u8], lines: usize) {
    let before = bytes.as_ptr().addr() % LINE;
    let first = bytes.as_ptr().wrapping_sub(before);
    for at in (0..lines).map(|line| line * LINE) {
        if at < before + bytes.len() {
            prefetch_at(first.wrapping_add(at).cast());
        }
    }
}

/// Begins to bring a value that is smaller than a line into the cache.
#[inline]
pub(super) fn prefetch_value<T>(value: &T) {
    let first: *const i8 = (&raw const *value).cast();
    prefetch_at(first);
    prefetch_at(first.wrapping_add(size_of::<T>() - 1));
}

/// Begins to bring the counts of those who share `shared` into the cache: they stand in front of it.
#[inline]
pub(super) fn prefetch_counts<T>(shared: &Arc<[T]>) {
    prefetch_at(Arc::as_ptr(shared).cast::<usize>().wrapping_sub(2).cast());
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch_at(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: every x86-64 processor has the instruction (SSE), and it reads nothing: it is a hint about an
    // address, valid or not.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

/// Elsewhere the processor finds out by itself, later.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn prefetch_at(_: *const i8) {}

//! Copying what answers are made of.

/// Copies octets to as many. Mostly they are some dozens, for which a call is the dearest part: they are taken in two
/// pieces, which overlap.
///
/// # Panics
/// If they are not as many.
#[inline]
pub(crate) fn copy(from: &[u8], to: &mut [u8]) {
    #[inline]
    fn in_two<const N: usize>(from: &[u8], to: &mut [u8]) {
        if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
            let end = to.len() - N;
            to[..N].copy_from_slice(first);
            to[end..].copy_from_slice(last);
        }
    }
    assert_eq!(from.len(), to.len());
    match from.len() {
        16..=32 => in_two::<16>(from, to),
        33..=64 => in_two::<32>(from, to),
        _ => to.copy_from_slice(from),
    }
}

#[cfg(test)]
mod tests {
    use super::copy;

    #[test]
    fn all_of_it_is_copied_and_no_more() {
        for length in 0..=u8::MAX {
            let from: Vec<u8> = (1..=length).collect();
            let mut to = vec![0; from.len() + 2];
            let end = to.len() - 1;
            copy(&from, &mut to[1..end]);
            assert_eq!((to[0], &to[1..end], to[end]), (0, &from[..], 0));
        }
    }

    #[test]
    #[should_panic(expected = "left == right")]
    fn there_must_be_as_much_room() {
        copy(&[1; 20], &mut [0; 32]);
    }
}

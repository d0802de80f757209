//! Numbers from a seed: every run asks the same questions of the same zones.

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below this one, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(limit)) >> 64) as u64
    }
}

/// A label of eight letters and digits that stands for this number (below 2^40) alone and looks like none in
/// particular.
pub fn label(number: u64) -> String {
    const MASK: u64 = (1 << 40) - 1;
    // An odd factor and a shift to the right each map the 40-bit numbers onto themselves.
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) & MASK;
    bits ^= bits >> 19;
    bits = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9) & MASK;
    bits ^= bits >> 21;
    let letters = b"abcdefghijklmnopqrstuvwxyz234567";
    (0..8).map(|place| letters[(bits >> (5 * place) & 31) as usize] as char).collect()
}

#[cfg(test)]
mod tests {
    use super::{Random, label};
    use std::collections::HashSet;

    #[test]
    fn labels_are_different() {
        let labels: HashSet<String> = (0..200_000).map(label).collect();
        assert_eq!(labels.len(), 200_000);
        assert!(labels.iter().all(|label| label.len() == 8));
    }

    #[test]
    fn a_seed_gives_its_sequence() {
        let mut one = Random::new(7);
        let mut two = Random::new(7);
        assert!((0..100).all(|_| one.bits() == two.bits()));
        assert!((0..1000).all(|_| one.below(10) < 10));
        assert_eq!((0..1000).map(|_| one.below(10)).collect::<HashSet<_>>().len(), 10);
    }
}

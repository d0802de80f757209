//! In which partition a new slot stands.

use crate::config::Partitioning;
use zone_model::{Name, Partition};

/// The partitions of a log and how they are used. What stands on the log stays where it is; this decides for
/// new slots alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How many partitions there are; at least 1.
    pub partitions: u32,
    /// How they are used.
    pub partitioning: Partitioning,
}

// === impl Layout ===

impl Layout {
    /// One partition, as a journal has.
    pub const SINGLE: Self = Self { partitions: 1, partitioning: Partitioning::Zone };

    /// The partition of a new slot with this key, in a zone whose SOA stands in `zone`.
    pub fn place(&self, apex: &Name, zone: Option<Partition>, key: &[u8]) -> Partition {
        match (self.partitioning, zone) {
            (Partitioning::Zone, Some(zone)) => zone,
            // A new zone: by its apex, in lower case with the final dot.
            (Partitioning::Zone, None) => self.hash(apex.to_lowercase().to_string().as_bytes()),
            (Partitioning::Key, _) => self.hash(key),
        }
    }

    /// Kafka's own default partitioner for keyed records.
    fn hash(&self, key: &[u8]) -> Partition {
        Partition((murmur2(key) & 0x7fff_ffff) % self.partitions.max(1))
    }
}

/// The hash of Kafka's Java client (`org.apache.kafka.common.utils.Utils.murmur2`).
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let word = chunk.iter().rev().fold(0u32, |word, octet| word << 8 | u32::from(*octet)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ (word ^ word >> 24).wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        hash ^= rest.iter().rev().fold(0u32, |word, octet| word << 8 | u32::from(*octet));
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn murmur2_is_that_of_kafkas_java_client() {
        let cases: [(&str, i32); 5] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ];
        for (text, want) in cases {
            assert_eq!(murmur2(text.as_bytes()) as i32, want, "{text}");
        }
    }

    #[test]
    fn a_zone_stands_where_its_soa_does() {
        let apex = Name::parse("Example.org").unwrap();
        let zone = Layout { partitions: 12, partitioning: Partitioning::Zone };
        assert_eq!(zone.place(&apex, Some(Partition(7)), b"k"), Partition(7));
        assert_eq!(zone.place(&apex, None, b"k"), zone.place(&apex.to_lowercase(), None, b"other"));
        let key = Layout { partitions: 12, partitioning: Partitioning::Key };
        assert_eq!(
            key.place(&apex, Some(Partition(7)), b"21"),
            Partition((-973_932_308i32 as u32 & 0x7fff_ffff) % 12)
        );
    }
}

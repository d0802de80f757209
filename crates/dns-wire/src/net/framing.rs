//! Messages on a stream, each behind its length in two octets (RFC 1035 section 4.2.2).

/// The octets of a length.
const LENGTH: usize = 2;
/// Octets that are read at once: some dozens of queries. A longer message makes room for itself.
const CHUNK: usize = 4096;

/// What was read of a stream and is not used up.
#[derive(Debug)]
pub(super) struct Incoming {
    octets: Vec<u8>,
    /// Octets of messages that were taken.
    taken: usize,
}

// === impl Incoming ===

impl Incoming {
    pub(super) fn new() -> Self {
        Self { octets: Vec::new(), taken: 0 }
    }

    /// The next message, if it is whole.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let rest = &self.octets[self.taken..];
        let (length, rest) = rest.split_first_chunk::<LENGTH>()?;
        let message = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
        self.taken += LENGTH + message.len();
        Some(message)
    }

    /// Whether what was read took all the room there was.
    pub(super) fn is_full(&self) -> bool {
        self.octets.len() == self.octets.capacity()
    }

    /// Where more is to be put: behind the beginning of a message there is room for all of it, but none behind messages that
    /// are whole, which must be taken before.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        self.octets.drain(..self.taken);
        self.taken = 0;
        let length = self.octets.first_chunk::<LENGTH>().map_or(0, |length| u16::from_be_bytes(*length));
        let wanted = (LENGTH + usize::from(length)).max(CHUNK);
        // What a long message took is given back behind it.
        if self.octets.capacity() > wanted {
            self.octets.shrink_to(wanted);
        }
        self.octets.reserve_exact(wanted.saturating_sub(self.octets.len()));
        &mut self.octets
    }
}

/// Puts a message behind what is to be written: its length, then its octets. No message is longer than a length can
/// say: that is the limit of what writes them.
pub(super) fn frame(message: &[u8], stream: &mut Vec<u8>) {
    stream.extend_from_slice(&(message.len() as u16).to_be_bytes());
    stream.extend_from_slice(message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        /// RFC 7766 section 8: how a stream is cut into segments says nothing of its messages.
        #[test]
        fn messages_come_out_as_they_went_in(
            messages in vec(prop_oneof![vec(any::<u8>(), 0..60), vec(any::<u8>(), 4000..9000)], 0..12),
            segments in vec(1..6000usize, 1..20),
        ) {
            let mut stream = Vec::new();
            messages.iter().for_each(|message| frame(message, &mut stream));
            let (mut incoming, mut found, mut rest) = (Incoming::new(), Vec::new(), &stream[..]);
            for segment in segments.iter().cycle() {
                let room = incoming.room();
                let free = room.capacity() - room.len();
                prop_assert!(free > 0, "a read into no room looks like the stream's end");
                let (now, later) = rest.split_at((*segment).min(free).min(rest.len()));
                room.extend_from_slice(now);
                rest = later;
                while let Some(message) = incoming.next() {
                    found.push(message.to_vec());
                }
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(found, messages);
        }
    }

    /// A connection keeps no more than a message's worth, and between messages no more than a chunk.
    #[test]
    fn room_is_bounded() {
        let mut incoming = Incoming::new();
        let mut stream = Vec::new();
        frame(&[7; 65_535], &mut stream);
        while !stream.is_empty() {
            let room = incoming.room();
            let free = (room.capacity() - room.len()).min(stream.len());
            room.extend(stream.drain(..free));
            assert!(room.capacity() <= LENGTH + 65_535, "{}", room.capacity());
        }
        assert_eq!(incoming.next().map(<[u8]>::len), Some(65_535));
        assert!(incoming.next().is_none());
        assert!(incoming.room().capacity() <= CHUNK);
    }
}

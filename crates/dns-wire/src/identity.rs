//! What a server says of itself to those who ask: nothing, unless it was told what.

/// The longest text that can be said: a character-string's length (RFC 1035 section 3.3).
const LONGEST: usize = 255;

/// The texts by which one server of many is told apart, and what runs on it. Empty ones are not said. Of what is
/// longer than 255 octets the first 255 count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// To clients that ask for it by EDNS (RFC 5001).
    pub nsid: Vec<u8>,
    /// In class CHAOS, as `version.bind.` and `version.server.`, type TXT.
    pub version: Vec<u8>,
    /// In class CHAOS, as `id.server.` (RFC 4892) and `hostname.bind.`, type TXT.
    pub hostname: Vec<u8>,
}

// === impl Identity ===

impl Identity {
    /// What is said of a name of class CHAOS in wire form; `None` where that is nothing.
    pub(crate) fn text(&self, name: &[u8]) -> Option<&[u8]> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        let text = if is(b"\x07version\x04bind\x00") || is(b"\x07version\x06server\x00") {
            &self.version
        } else if is(b"\x02id\x06server\x00") || is(b"\x08hostname\x04bind\x00") {
            &self.hostname
        } else {
            return None;
        };
        Some(bounded(text)).filter(|text| !text.is_empty())
    }

    /// The identifier of RFC 5001; empty where there is none.
    pub(crate) fn nsid(&self) -> &[u8] {
        bounded(&self.nsid)
    }
}

fn bounded(text: &[u8]) -> &[u8] {
    &text[..text.len().min(LONGEST)]
}

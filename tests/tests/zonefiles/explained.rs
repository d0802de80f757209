//! Why readers differ. `docs/zone-files.md` says the same in its last section.

use super::Wire;
use super::generate::{Line, ODD};
use zone_model::{RecordType, rdata};

/// Another reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Bind,
    Ldns,
    Knot,
}

/// Whether a tool knows the type by name; what it does not know it gets in the form of RFC 3597.
pub(crate) fn has_word(tool: Tool, rtype: RecordType) -> bool {
    use RecordType as T;
    match tool {
        // MD and MF it refuses as obsolete.
        Tool::Bind => !matches!(rtype, T::MD | T::MF | T::DSYNC | T::WALLET | T::RESINFO),
        Tool::Ldns => {
            !matches!(rtype, T::NINFO | T::AVC | T::AMTRELAY | T::RESINFO | T::WALLET | T::TA | T::DSYNC)
        }
        Tool::Knot => !matches!(
            rtype,
            T::MD
                | T::MF
                | T::MB
                | T::MG
                | T::MR
                | T::NULL
                | T::X25
                | T::ISDN
                | T::NSAP
                | T::NSAP_PTR
                | T::SIG
                | T::PX
                | T::GPOS
                | T::HIP
                | T::NINFO
                | T::TALINK
                | T::DSYNC
                | T::AVC
                | T::AMTRELAY
                | T::RESINFO
                | T::WALLET
                | T::TA
                | T::DLV
        ),
    }
}

/// Why a tool differs in a record; `None` where nobody knows. `refused` are its words, if it refused the record;
/// `other` is what it made of it, and `own` what we did.
pub(crate) fn explanation(
    tool: Tool,
    line: &Line,
    refused: Option<&str>,
    own: &[(Vec<u8>, Wire)],
    other: &[(Vec<u8>, Wire)],
) -> Option<&'static str> {
    use RecordType as T;
    let ([(owner, (ttl, octets))], other) = (own, other.first()) else { return None };
    let rtype = line.rtype;
    match (tool, refused, other) {
        (Tool::Bind, Some(_), _) if matches!(rtype, T::MD | T::MF) => {
            Some("BIND refuses MD and MF: obsolete since RFC 973")
        }
        (Tool::Bind, Some(words), _) if owner.starts_with(b"\x01*") && words.contains("owner name") => {
            Some("BIND refuses NS and NSEC3 at a wildcard")
        }
        (Tool::Ldns, Some(_), _) if rtype == T::IPSECKEY => {
            Some("ldns wants the key of an IPSECKEY in one word")
        }
        (Tool::Ldns, None, Some((name, _))) if has_at_label(line) => {
            (name == owner).then_some("ldns takes a name that begins with the label `\\@` for the origin")
        }
        (Tool::Ldns, None, Some((name, (_, rdata)))) if rtype == T::IPSECKEY => (name == owner
            && rdata[..3] == octets[..3])
            .then_some("ldns takes the gateway of an IPSECKEY for absolute, without its final dot too"),
        (Tool::Ldns, None, Some((name, (seconds, rdata)))) if rtype == T::NSAP_PTR => {
            let string = rdata.first().is_some_and(|length| usize::from(*length) + 1 == rdata.len());
            (name == owner && seconds == ttl && string)
                .then_some("ldns takes the name of an NSAP-PTR for a character-string")
        }
        (Tool::Ldns, None, Some((name, (_, rdata)))) if matches!(rtype, T::RRSIG | T::SIG) => (name == owner
            && rdata == octets)
            .then_some("ldns gives an RRSIG or SIG without a TTL its original TTL, not that of $TTL"),
        (Tool::Ldns, None, Some((name, (seconds, rdata)))) if rtype == T::LOC => {
            let latitude = rdata.get(4..8) == octets.get(4..8);
            (name == owner && seconds == ttl && latitude)
                .then_some("ldns gives a longitude without minutes those of the latitude")
        }
        (Tool::Knot, None, Some((name, (seconds, rdata)))) => {
            let same = name == owner && rdata::canonical(rtype, rdata) == rdata::canonical(rtype, octets);
            match rdata.get(4..8) == Some(&seconds.to_be_bytes()) {
                true if same && rtype == T::RRSIG => Some("Knot gives an RRSIG its original TTL"),
                _ if same && seconds == ttl => {
                    Some("Knot keeps names of the types of RFC 4034 section 6.2 in lower case")
                }
                _ => None,
            }
        }
        (Tool::Knot, Some(_), _) if line.text.contains("dohpath=") => {
            Some("Knot 3.2 does not know dohpath by name (RFC 9461)")
        }
        (Tool::Knot, Some(_), _) if has_odd_name(line) => {
            Some("Knot wants a `\\` before characters other than letters, digits and - _ * / in names")
        }
        _ => None,
    }
}

/// Whether a name begins with the label that is an `@`.
fn has_at_label(line: &Line) -> bool {
    let mut words = line.text.split_whitespace();
    words.any(|word| word == "\\@" || word.starts_with("\\@."))
}

/// Whether a character stands outside quotes, without a `\\`, that Knot wants one before.
fn has_odd_name(line: &Line) -> bool {
    let (mut quoted, mut letters) = (false, line.text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            '"' => quoted = !quoted,
            _ if !quoted && ODD.iter().any(|odd| odd.contains(letter)) => return true,
            _ => {}
        }
    }
    false
}

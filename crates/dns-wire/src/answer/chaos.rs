//! Class CHAOS: what the server says of itself (RFC 4892). It has no zones there, and everything else is refused.

use super::{Room, Summary, size_limit, with_ra};
use crate::client::Client;
use crate::query::{self, Edns, HEADER, rcode};
use crate::writer::{Opt, Owner, Section, Writer};
use zone_model::RecordType;
use zone_model::catalog::AnswerRrSet;

/// Class CHAOS (RFC 1035 section 3.2.4).
const CLASS: u16 = 3;

/// Answers a question of class CHAOS that ends at `question_end` and has not been refused yet; `None` where the
/// server says nothing of that name. The message is in `room` then, and so long.
pub(super) fn answer(
    octets: &[u8],
    question_end: usize,
    edns: Option<Edns>,
    client: &Client,
    room: &mut Room,
) -> Option<(usize, Summary)> {
    let question = octets.get(HEADER..question_end)?;
    let (rest, class) = question.split_last_chunk()?;
    let (name, qtype) = rest.split_last_chunk()?;
    let (class, qtype) = (u16::from_be_bytes(*class), RecordType(u16::from_be_bytes(*qtype)));
    let Room { identity, message, targets, .. } = room;
    let text = identity.text(name).filter(|_| class == CLASS && !is_meta(qtype))?;

    let limit = size_limit(client, edns);
    let mut writer = Writer::answer(message, targets, octets, question_end, edns.is_some(), limit);
    let mut truncated = false;
    if matches!(qtype, RecordType::TXT | RecordType::ANY) {
        let bytes = record(text);
        let rrset = AnswerRrSet { rtype: RecordType::TXT, count: 1, bytes: &bytes, ready: &[], plain: true };
        truncated = writer.rrset(Section::Answer, Owner::Question(0), &rrset, None).is_err();
    }
    let [high, low] = with_ra(query::answer_flags(octets[2]), client);
    // It is the only one that can say this: AA.
    let high = high | 0x04 | if truncated { 0x02 } else { 0 };
    let answers = writer.answers();
    let length = writer.finish([high, low], rcode::NOERROR, Opt::of(edns, client, identity), None);
    Some((length, Summary::new(rcode::NOERROR, truncated, answers)))
}

/// Types that are no data but something to be done (RFC 6895 section 3.1), ANY aside, and OPT.
fn is_meta(rtype: RecordType) -> bool {
    matches!(rtype.0, 41 | 128..=254)
}

/// The record: of the question's name, and of no use to anybody who keeps it (TTL 0).
fn record(text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc0, HEADER as u8];
    bytes.extend(RecordType::TXT.0.to_be_bytes());
    bytes.extend(CLASS.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend((text.len() as u16 + 1).to_be_bytes());
    bytes.push(text.len() as u8);
    bytes.extend(text);
    bytes
}

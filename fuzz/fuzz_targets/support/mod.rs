//! What the targets that answer queries share: catalogues, as the tests make them, and what an answer must be.

#[path = "../../../crates/dns-wire/tests/support/zones.rs"]
#[allow(dead_code, reason = "each target uses a part of it")]
pub mod zones;

use dns_wire::{Client, Scratch, Transport, Verdict, answer};
use hickory_proto::op::Message;
use zone_model::Catalog;

/// The seed of every catalogue.
pub(crate) const SEED: u64 = 0x5eed;

/// Answers, and looks at what comes back: the verdict, for whoever goes on with it.
pub fn check(catalog: &Catalog, octets: &[u8], client: &Client, scratch: &mut Scratch) -> Verdict {
    let mut sink: Vec<Vec<u8>> = Vec::new();
    let verdict = answer(Some(catalog), octets, client, scratch, &mut sink);
    match &verdict {
        Verdict::Dropped => assert!(sink.is_empty() && (octets.len() < 12 || octets[2] & 0x80 != 0)),
        Verdict::Resolve(_) => assert!(sink.is_empty() && client.recursion),
        Verdict::Answered(summary) => {
            let [reply] = &sink[..] else { panic!("{} messages", sink.len()) };
            let read = check_reply(reply, octets, client);
            assert_eq!(u16::from(read.metadata.response_code), summary.rcode);
            assert_eq!(read.metadata.truncation, summary.truncated);
            assert_eq!(read.answers.len(), usize::from(summary.answers));
        }
    }
    verdict
}

/// An answer parses, has the query's ID, opcode and question, and fits the limit.
pub fn check_reply(reply: &[u8], octets: &[u8], client: &Client) -> Message {
    let read = Message::from_vec(reply).unwrap_or_else(|error| panic!("{error}: {reply:02x?}"));
    assert_eq!(reply[..2], octets[..2], "the ID");
    assert_eq!(reply[2] & 0xf9, octets[2] & 0x79 | 0x80, "QR, opcode and RD");
    let rcode = u16::from(read.metadata.response_code);
    match read.queries.len() {
        0 => assert!([1, 4, 16].contains(&rcode), "no question, and {rcode}"),
        1 => {
            let end = 12 + octets[12..].iter().take(name_length(&octets[12..])).count() + 4;
            assert_eq!(reply[12..end], octets[12..end], "the question");
        }
        more => panic!("{more} questions"),
    }
    // Where hickory-proto cannot read the query only the server's own limit is known.
    let asked = Message::from_vec(octets).ok().and_then(|query| query.edns);
    let limit = match (client.transport, &read.edns, asked) {
        (Transport::Tcp, ..) => client.size_limit,
        (Transport::Udp, None, _) => 512,
        (Transport::Udp, Some(_), Some(asked)) => client.size_limit.min(asked.max_payload().max(512).into()),
        (Transport::Udp, Some(_), None) => client.size_limit,
    };
    assert!(reply.len() <= limit, "{} octets of {limit}", reply.len());
    read
}

fn name_length(octets: &[u8]) -> usize {
    let mut at = 0;
    while octets[at] != 0 {
        at += usize::from(octets[at]) + 1;
    }
    at + 1
}

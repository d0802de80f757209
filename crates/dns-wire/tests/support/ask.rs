//! Questions, made by hickory-proto, and their answers.

use super::Reply;
use dns_wire::{Client, Pending, Scratch, Transport, Verdict, answer, resume};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use hickory_proto::serialize::binary::BinDecodable;
use messages::Resolution;
use zone_model::Timestamp;
use zone_model::catalog::Authority;

/// A question and who asks it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) message: Message,
    pub(crate) client: Client,
}

impl Ask {
    /// `owner type`, over UDP without EDNS.
    pub(crate) fn new(question: &str) -> Self {
        let (owner, rtype) = question.split_once(' ').expect("an owner and a type");
        Self::of(&super::name(owner), rtype.parse().expect("a type"))
    }

    pub(crate) fn of(owner: &zone_model::Name, rtype: zone_model::RecordType) -> Self {
        let mut message = Message::new(0x1234, MessageType::Query, OpCode::Query);
        let owner = Name::from_bytes(owner.as_wire()).expect("a name");
        message.add_query(Query::query(owner, RecordType::from(rtype.0)));
        let peer = "192.0.2.7:4000".parse().expect("an address");
        Self { message, client: Client::new(Transport::Udp, peer, Timestamp(0)) }
    }

    pub(crate) fn tcp(mut self) -> Self {
        let recursion = self.client.recursion;
        self.client = Client::new(Transport::Tcp, self.client.peer, Timestamp(0));
        self.client.recursion = recursion;
        self
    }

    /// With EDNS, and this payload limit.
    pub(crate) fn edns(mut self, payload: u16) -> Self {
        let mut edns = Edns::new();
        // `set_max_payload` does not take what is below 512.
        edns.set_max_payload(payload).set_version(0);
        self.message.set_edns(edns);
        self
    }

    pub(crate) fn dnssec(mut self) -> Self {
        if self.message.edns.is_none() {
            self = self.edns(1232);
        }
        self.message.edns.as_mut().expect("set above").set_dnssec_ok(true);
        self
    }

    pub(crate) fn class(mut self, class: u16) -> Self {
        self.message.queries[0].set_query_class(DNSClass::from(class));
        self
    }

    /// RD set.
    pub(crate) fn desiring(mut self) -> Self {
        self.message.metadata.recursion_desired = true;
        self
    }

    /// RD set, by a client that may recurse.
    pub(crate) fn recursing(mut self) -> Self {
        self.client.recursion = true;
        self.desiring()
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        self.message.to_vec().expect("a query can be written")
    }

    /// The answer, where it needs no resolver.
    pub(crate) fn reply(&self, authority: &impl Authority) -> Reply {
        match self.begin(authority) {
            Ok(reply) => reply,
            Err(pending) => panic!("the resolver is asked: {:?}", pending.question()),
        }
    }

    /// The answer, or what waits for the resolver.
    pub(crate) fn begin(&self, authority: &impl Authority) -> Result<Reply, Box<Pending>> {
        let mut sink: Vec<Vec<u8>> = Vec::new();
        let octets = self.octets();
        let verdict = answer(Some(authority), &octets, &self.client, &mut Scratch::new(), &mut sink);
        settle(verdict, &sink)
    }
}

/// Goes on with what waited.
pub(crate) fn go_on(
    authority: &impl Authority,
    pending: Box<Pending>,
    resolution: Option<Resolution>,
) -> Result<Reply, Box<Pending>> {
    let mut sink: Vec<Vec<u8>> = Vec::new();
    let verdict = resume(authority, *pending, resolution, &mut Scratch::new(), &mut sink);
    settle(verdict, &sink)
}

fn settle(verdict: Verdict, sink: &[Vec<u8>]) -> Result<Reply, Box<Pending>> {
    match verdict {
        Verdict::Answered(summary) => {
            assert_eq!(sink.len(), 1);
            let reply = Reply::read(&sink[0]);
            assert_eq!(summary.rcode(), reply.rcode());
            assert_eq!(summary.truncated(), reply.flag('t'));
            assert_eq!(usize::from(summary.answers()), reply.parsed.sections[0].len());
            Ok(reply)
        }
        Verdict::Resolve(pending) => {
            assert!(sink.is_empty(), "an answer before the resolver has spoken");
            Err(pending)
        }
        Verdict::Dropped => panic!("the query was dropped"),
    }
}

/// Octets in, octets out; `None` where nothing is sent.
pub(crate) fn raw(authority: &impl Authority, octets: &[u8], client: &Client) -> Option<Vec<u8>> {
    let mut sink: Vec<Vec<u8>> = Vec::new();
    match answer(Some(authority), octets, client, &mut Scratch::new(), &mut sink) {
        Verdict::Answered(_) => sink.pop(),
        Verdict::Dropped => None,
        Verdict::Resolve(pending) => panic!("the resolver is asked: {:?}", pending.question()),
    }
}

/// Asks over UDP with EDNS, and compares with an answer as [`Reply`] shows it; the order of records within a
/// section does not matter, that of lines in `expected` neither.
#[track_caller]
pub(crate) fn check(authority: &impl Authority, question: &str, expected: &str) {
    same(&Ask::new(question).edns(1232).reply(authority), expected, question);
}

#[track_caller]
pub(crate) fn same(reply: &Reply, expected: &str, what: &str) {
    let sorted = |text: &str| {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let head = lines.next().unwrap_or_default().to_owned();
        let mut rest: Vec<String> =
            lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        rest.sort();
        (head, rest)
    };
    let found = reply.to_string();
    assert!(sorted(&found) == sorted(expected), "{what}\n--- found\n{found}\n--- expected\n{expected}");
}

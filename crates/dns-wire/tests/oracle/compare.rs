//! The fast answer against the slow one, message for message.

use super::data::{self, labels, same};
use super::shapes::Shape;
use super::slow::{Expected, Server};
use super::strategy::{Question, ZoneText};
use crate::support::Reply;
use crate::support::ask::raw;
use crate::support::zones::{build, owners};
use dns_wire::{AnyAnswer, Client, Findings, Lookahead, Scratch, Transport};
use hickory_proto::op::Message;
use hickory_proto::rr::Record;
use std::cell::RefCell;
use zone_model::{Catalog, Timestamp};

/// Both sides, with the same zones.
pub(crate) struct Pair {
    catalog: Catalog,
    server: Server,
    ahead: RefCell<(Lookahead, Scratch)>,
}

// === impl Pair ===

impl Pair {
    pub(crate) fn of(zones: &ZoneText) -> Self {
        let catalog = build(&owners(&zones.text()));
        Self {
            catalog,
            server: Server::new(&zones.0),
            ahead: RefCell::new((Lookahead::new(), Scratch::new())),
        }
    }

    /// Compares the two answers to a query. Over TCP they are the same; over UDP whatever of it fits by the rules is
    /// there.
    ///
    /// # Errors
    /// In what they differ, and both.
    pub(crate) fn compare(&self, question: &Question) -> Result<Vec<Shape>, String> {
        let octets = question.octets();
        let query = Message::from_vec(&octets).map_err(|error| error.to_string())?;
        let mut expected = self.server.answer(&query, question.all);
        let reply = self.reply(&octets, question, question.tcp)?;
        let compared = match question.tcp {
            true => whole(&reply, &expected),
            false => self.fits(&reply, &mut expected, &octets, question),
        };
        let explain = |what| format!("{what}\n--- found\n{reply}\n--- expected\n{}", expected.message);
        compared.and_then(|()| questions_case(&reply, question)).map_err(explain)?;
        Ok(expected.shapes)
    }

    fn reply(&self, octets: &[u8], question: &Question, tcp: bool) -> Result<Reply, String> {
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        let peer = "192.0.2.7:4000".parse().expect("an address");
        let mut client = Client::new(transport, peer, Timestamp(0));
        client.any = if question.all { AnyAnswer::All } else { AnyAnswer::One };
        let reply = raw(&self.catalog, octets, &client).ok_or("no answer")?;
        if self.looking_ahead(octets, &client) != [reply.as_slice()] {
            return Err("the answer that was looked ahead for is another".to_owned());
        }
        Ok(Reply::read(&reply))
    }

    /// The answer to the second of two queries that are at hand, the first being no query.
    fn looking_ahead(&self, octets: &[u8], client: &Client) -> Vec<Vec<u8>> {
        let (ahead, scratch) = &mut *self.ahead.borrow_mut();
        let mut findings = Findings::new();
        let mut looked = ahead.look(Some(&self.catalog), [&[][..], octets], &mut findings);
        let mut replies = Vec::new();
        looked.answer(1, octets, client, scratch, &mut replies);
        replies
    }

    /// Over UDP: within the limit; RRsets whole; without TC everything that must be there is, and with it there was no
    /// room; what is optional is left out for want of room alone.
    fn fits(
        &self,
        reply: &Reply,
        expected: &mut Expected,
        octets: &[u8],
        question: &Question,
    ) -> Result<(), &'static str> {
        let limit = question.edns.map_or(512, |edns| usize::from(edns.payload.clamp(512, 1232)));
        let found = &reply.typed;
        if reply.octets.len() > limit {
            return Err("beyond the limit");
        }
        let is_full = || self.reply(octets, question, true).is_ok_and(|full| full.octets.len() > limit);
        if found.metadata.truncation {
            expected.shapes.push(Shape::Truncated);
            let mut cut = found.metadata;
            cut.truncation = false;
            // An RCODE that tells of what is missing would be no help.
            cut.response_code = expected.message.metadata.response_code;
            if cut != expected.message.metadata || found.edns.is_some() != expected.message.edns.is_some() {
                return Err("the header, of what is truncated");
            }
            let chain = chunks(&expected.message.answers);
            let is_prefix =
                chunks(&found.answers).iter().zip(&chain).all(|(own, other)| same_set(own, other));
            if !is_prefix || found.answers.len() > expected.message.answers.len() {
                return Err("what is truncated is no beginning of the answer");
            }
            if !parts_of(&found.authorities, &expected.message.authorities) {
                return Err("the authority section, of what is truncated");
            }
            // Nothing optional took the room of what is missing.
            if !parts_of(&found.additionals, &expected.glue) {
                return Err("the additional section, of what is truncated");
            }
            let is_all = found.answers.len() == expected.message.answers.len()
                && found.authorities.len() == expected.message.authorities.len()
                && found.additionals.len() == expected.glue.len();
            return if !is_all && is_full() { Ok(()) } else { Err("TC") };
        }
        let is_optional = |record: &&Record| expected.optional.iter().any(|own| same(own, record));
        let optional = found.additionals.iter().filter(is_optional).count();
        if optional < expected.optional.len() {
            expected.shapes.push(Shape::LeftOut);
            if !parts_of(&found.additionals, &expected.message.additionals) || !is_full() {
                return Err("what is optional");
            }
            expected.optional.retain(|own| found.additionals.iter().any(|record| same(own, record)));
            expected.message.additionals = [&expected.glue[..], &expected.optional].concat();
        }
        whole(reply, expected)
    }
}

/// The message is the one that was expected: header, question, OPT, and each section; a chain in order, and what has no
/// order in any.
fn whole(reply: &Reply, expected: &Expected) -> Result<(), &'static str> {
    let (found, expected) = (&reply.typed, &expected.message);
    if found.metadata != expected.metadata {
        return Err("the header");
    }
    if found.queries != expected.queries {
        return Err("the question");
    }
    if found.edns != expected.edns {
        return Err("EDNS");
    }
    let (chain, other) = (chunks(&found.answers), chunks(&expected.answers));
    if chain.len() != other.len() || !chain.iter().zip(&other).all(|(own, other)| same_set(own, other)) {
        return Err("the answer section");
    }
    if !same_set(&found.authorities, &expected.authorities) {
        return Err("the authority section");
    }
    if !same_set(&found.additionals, &expected.additionals) {
        return Err("the additional section");
    }
    Ok(())
}

/// RRsets, one behind the other.
fn chunks(records: &[Record]) -> Vec<&[Record]> {
    records.chunk_by(is_same_set).collect()
}

fn is_same_set(left: &Record, right: &Record) -> bool {
    left.name == right.name && left.record_type() == right.record_type()
}

/// Whether both have the same records, each once.
fn same_set(left: &[Record], right: &[Record]) -> bool {
    left.len() == right.len() && contains(left, right) && contains(right, left)
}

fn contains(all: &[Record], some: &[Record]) -> bool {
    some.iter().all(|record| all.iter().any(|own| same(own, record)))
}

/// Whether the records are RRsets of these, each whole and once.
fn parts_of(some: &[Record], all: &[Record]) -> bool {
    contains(all, some)
        && some.iter().all(|record| {
            let count = |records: &[Record]| records.iter().filter(|own| is_same_set(own, record)).count();
            count(some) == count(all)
        })
}

/// The question and the owners that are part of it are written as it was asked (0x20).
fn questions_case(reply: &Reply, question: &Question) -> Result<(), &'static str> {
    let asked = data::name(&question.name);
    let is_echoed = reply.typed.queries.first().is_none_or(|query| query.name.eq_case(&asked));
    let is_own = |first: &Record| first.name.eq_case(&data::suffix(&asked, labels(&first.name)));
    match is_echoed && reply.typed.answers.first().is_none_or(is_own) {
        true => Ok(()),
        false => Err("the case of the question"),
    }
}

//! The answer to a question as a chain: aliases in their order, then the RRset at the end.
//!
//! Only what belongs to the chain from the question is taken out of a server's answer section. The rest is
//! dropped, whatever it claims: it was not asked for (RFC 2181 section 5.4.1, RFC 5452 section 6).

use zone_model::{Name, Record, RecordType, wire_length};

/// The most aliases of a chain.
pub(crate) const MOST_ALIASES: usize = 16;

/// A chain that grows with each server's answer.
#[derive(Debug)]
pub(crate) struct Chain {
    rtype: RecordType,
    end: Name,
    records: Vec<Record>,
    visited: Vec<Name>,
    complete: bool,
}

/// How far a server's answer took a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// To the RRset that was asked for: the chain is complete.
    Complete,
    /// Along an alias, to a name that has still to be asked about.
    Alias,
    /// Nowhere: the answer holds nothing about the chain's end.
    None,
    /// The aliases form a loop, or are too many.
    Loop,
}

// === impl Chain ===

impl Chain {
    /// The chain that begins at the question.
    pub(crate) fn new(name: Name, rtype: RecordType) -> Self {
        Self { rtype, end: name, records: Vec::new(), visited: Vec::new(), complete: false }
    }

    /// The name that has to be asked about next.
    pub(crate) fn end(&self) -> &Name {
        &self.end
    }

    /// Takes the records that go on from the chain's end.
    pub(crate) fn extend(&mut self, answers: &[Record]) -> Progress {
        let mut progress = Progress::None;
        while !self.complete {
            let before = self.records.len();
            for record in answers.iter().filter(|record| record.owner == self.end) {
                if self.is_asked_for(record.rtype) {
                    self.complete = true;
                    self.records.push(self.at_end(record));
                } else if self.is_signature(record) {
                    self.records.push(self.at_end(record));
                }
            }
            if self.complete {
                return Progress::Complete;
            }
            self.records.truncate(before);
            let Some(target) = self.follow(answers) else { return progress };
            if self.visited.len() >= MOST_ALIASES || target == self.end || self.visited.contains(&target) {
                self.records.truncate(before);
                return Progress::Loop;
            }
            self.visited.push(std::mem::replace(&mut self.end, target));
            progress = Progress::Alias;
        }
        Progress::Complete
    }

    /// The records of the chain in their order.
    pub(crate) fn into_records(self) -> Vec<Record> {
        self.records
    }

    /// Takes the CNAME at the end, with the DNAME above it that it was made of, and says where it leads.
    fn follow(&mut self, answers: &[Record]) -> Option<Name> {
        let alias =
            answers.iter().find(|record| record.owner == self.end && record.rtype == RecordType::CNAME)?;
        let target = Name::from_wire(&alias.rdata).ok()?;
        let dname = answers.iter().find(|record| {
            record.rtype == RecordType::DNAME
                && self.end.is_below(&record.owner)
                && is_made_of(&self.end, record, &target)
        });
        if let Some(dname) = dname {
            self.records.push(dname.clone());
            let covers = |record: &&Record| record.owner == dname.owner && covers(record, RecordType::DNAME);
            self.records.extend(answers.iter().filter(covers).cloned());
        }
        self.records.push(self.at_end(alias));
        let covers = |record: &&Record| record.owner == self.end && covers(record, RecordType::CNAME);
        let signatures: Vec<Record> =
            answers.iter().filter(covers).map(|record| self.at_end(record)).collect();
        self.records.extend(signatures);
        Some(target)
    }

    /// The record with its owner in the case in which it was asked for or pointed to.
    fn at_end(&self, record: &Record) -> Record {
        Record { owner: self.end.clone(), ..record.clone() }
    }

    fn is_asked_for(&self, rtype: RecordType) -> bool {
        rtype == self.rtype || self.rtype == RecordType::ANY
    }

    fn is_signature(&self, record: &Record) -> bool {
        covers(record, self.rtype)
    }
}

// === helpers ===

/// Whether the record is a signature over RRsets of that type (RFC 4034 section 3.1.1).
fn covers(record: &Record, rtype: RecordType) -> bool {
    record.rtype == RecordType::RRSIG && record.rdata.starts_with(&rtype.0.to_be_bytes())
}

/// Whether `dname` makes of `name` the alias to `target` (RFC 6672 section 2.3).
fn is_made_of(name: &Name, dname: &Record, target: &Name) -> bool {
    let kept = name.as_wire().len() - dname.owner.as_wire().len();
    let made = [&name.as_wire()[..kept], &dname.rdata].concat();
    wire_length(&made) == Ok(made.len()) && made.eq_ignore_ascii_case(target.as_wire())
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;

//! Random zones and random questions: the fast answer against the slow, obvious one, message for message; and
//! octets of all kinds, which must do no harm.
//!
//! `PROPTEST_CASES` says how many zones are made (256 by default, with 40 questions each); a failure is shrunk
//! to the lines of a zone and one question.

#[path = "../support/mod.rs"]
mod support;

mod compare;
mod hostile;
mod slow;
mod strategy;

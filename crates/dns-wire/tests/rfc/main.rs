//! The answering algorithm, sentence by sentence: a file for each RFC, a test for each sentence.

#[path = "../support/mod.rs"]
mod support;

mod compliance;
mod edns;
mod recursion;
mod rfc1034;
mod rfc1035;
mod rfc2181;
mod rfc2308;
mod rfc4035;
mod rfc4592;
mod rfc4892;
mod rfc5001;
mod rfc6604;
mod rfc6672;
mod rfc8020;
mod rfc8482;
mod rfc8906;
mod rfc8914;
mod rfc9460;
mod rfc9471;

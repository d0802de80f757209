//! A log in a topic of Apache Kafka.
//!
//! Every partition of the topic is assigned, from the position that the store holds; no group is joined and
//! nothing is committed at the broker. Once a second the broker is asked where the partitions end and begin,
//! every few seconds whether there are more of them and whether the topic is still the same, every half minute
//! how it is configured. What the broker no longer has, or has anew, is an alarm; a broker that is away is
//! waited for; a configuration that keeps a promise from holding, or cannot be read, is a warning.

mod client;
mod context;
mod facts;
mod ffi;
mod partition;
mod request;
mod source;

pub(crate) use client::check_properties;
pub(crate) use source::KafkaSource;

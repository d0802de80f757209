//! A log in a topic of Apache Kafka.
//!
//! Every partition of the topic is assigned, from the position that the store holds; no group is joined and
//! nothing is committed at the broker. Once a second the broker is asked where the partitions end, every few
//! seconds whether there are more of them and whether the topic is still the same. What the broker no longer
//! has, or has anew, is an alarm; a broker that is away is waited for.

mod client;
mod context;
mod ffi;
mod partition;
mod source;

pub(crate) use client::check_properties;
pub(crate) use source::KafkaSource;

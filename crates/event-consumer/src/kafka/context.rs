//! What librdkafka calls back. Nothing here may panic: there is a C frame below.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

/// Sends the library's log to this program's.
pub(crate) struct Context;

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level as i32, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, reason);
    }

    fn stats_raw(&self, _: &[u8]) {}
}

impl ConsumerContext for Context {}

/// Enters a line of the library, with a level of syslog's, into this program's log.
pub(crate) fn log(level: i32, facility: &str, message: &str) {
    match level {
        // Errors of the library are states of the connection here: the source says what they mean.
        0..=4 => tracing::warn!(target: "librdkafka", facility, "{message}"),
        5..=6 => tracing::info!(target: "librdkafka", facility, "{message}"),
        _ => tracing::debug!(target: "librdkafka", facility, "{message}"),
    }
}

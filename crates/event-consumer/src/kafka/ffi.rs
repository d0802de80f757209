//! What rdkafka's safe interface does not have: a topic's id, leader epochs, where a partition begins and ends,
//! and requests whose answers come in the consumer's own queue.
//!
//! All unsafe code of this crate stands here. Pointers that the library hands out belong to the event they came
//! with; each is read and copied while the event is held, and none leaves this file.

use super::client::{Description, Edge, Happened, Message};
use super::context::{Context, log};
use super::facts::TopicConfig;
use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::time::Duration;
use zone_model::Headers;

/// The queue in which everything that concerns a consumer arrives.
///
/// Must be dropped before its consumer: keep it in a field above.
pub(crate) struct Queue(NonNull<sys::rd_kafka_queue_t>);

/// An event, given back to the library when dropped.
struct Event(NonNull<sys::rd_kafka_event_t>);

/// How long the broker may take to answer a request.
const REQUEST_TIMEOUT_MS: c_int = 5_000;

// === impl Queue ===

impl Queue {
    pub(crate) fn of(consumer: &BaseConsumer<Context>) -> Option<Self> {
        // SAFETY: the client is alive; the call gives a reference of its own to the queue, or null.
        NonNull::new(unsafe { sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) }).map(Self)
    }

    /// Waits for the next thing that happens.
    pub(crate) fn poll(&self, timeout: Duration) -> Option<Happened> {
        let timeout = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the queue is ours; the event that comes is ours to destroy.
        let event = Event(NonNull::new(unsafe { sys::rd_kafka_queue_poll(self.0.as_ptr(), timeout) })?);
        Some(event.read())
    }

    /// Asks a broker for the topic's id and partitions; the answer is [`Happened::Described`].
    ///
    /// Left to itself the library asks the controller alone, which need not be within reach.
    pub(crate) fn describe(&self, consumer: &BaseConsumer<Context>, topic: &CString, broker: i32) {
        let client = consumer.client().native_ptr();
        let mut names = [topic.as_ptr()];
        // SAFETY: `names` holds one string, which outlives the call that copies it; options and collection are
        // made and destroyed here, and are copied by the request; client and queue are alive; `text` has the length
        // that is said, and is written only for a broker out of range.
        unsafe {
            let options = options(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
            let mut text: [c_char; 128] = [0; 128];
            sys::rd_kafka_AdminOptions_set_broker(options, broker, text.as_mut_ptr(), text.len());
            let topics = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
            sys::rd_kafka_DescribeTopics(client, topics, options, self.0.as_ptr());
            sys::rd_kafka_TopicCollection_destroy(topics);
            sys::rd_kafka_AdminOptions_destroy(options);
        }
    }

    /// Asks a broker for the topic's configuration; the answer is [`Happened::Configured`].
    pub(crate) fn describe_config(&self, consumer: &BaseConsumer<Context>, topic: &CString, broker: i32) {
        let client = consumer.client().native_ptr();
        // SAFETY: the resource is made and destroyed here and copied by the request, as are the options; the name
        // outlives the call that copies it; `text` has the length that is said.
        unsafe {
            let options = options(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
            let mut text: [c_char; 128] = [0; 128];
            sys::rd_kafka_AdminOptions_set_broker(options, broker, text.as_mut_ptr(), text.len());
            let kind = sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
            let mut resources = [sys::rd_kafka_ConfigResource_new(kind, topic.as_ptr())];
            sys::rd_kafka_DescribeConfigs(
                client,
                resources.as_mut_ptr(),
                resources.len(),
                options,
                self.0.as_ptr(),
            );
            sys::rd_kafka_ConfigResource_destroy_array(resources.as_mut_ptr(), resources.len());
            sys::rd_kafka_AdminOptions_destroy(options);
        }
    }

    /// Asks where these partitions begin, or end for a reader of committed events; the answer is
    /// [`Happened::Edges`].
    pub(crate) fn ask_edges(
        &self,
        consumer: &BaseConsumer<Context>,
        topic: &CString,
        partitions: impl Iterator<Item = i32>,
        edge: Edge,
    ) {
        let client = consumer.client().native_ptr();
        let partitions: Vec<i32> = partitions.collect();
        let count = c_int::try_from(partitions.len()).unwrap_or(c_int::MAX);
        let which = match edge {
            Edge::Begin => sys::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_EARLIEST,
            Edge::End => sys::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_LATEST,
        };
        // SAFETY: the list is made, filled and destroyed here, and copied by the request; an element that `add`
        // returns is valid until the next `add`; an error of `set_isolation_level` is ours to destroy; the opaque
        // pointer is a number that nobody follows.
        unsafe {
            let list = sys::rd_kafka_topic_partition_list_new(count);
            for partition in partitions {
                let element = sys::rd_kafka_topic_partition_list_add(list, topic.as_ptr(), partition);
                (*element).offset = which as i64;
            }
            let options = options(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS);
            let committed = sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED;
            let error = sys::rd_kafka_AdminOptions_set_isolation_level(options, committed);
            if !error.is_null() {
                sys::rd_kafka_error_destroy(error);
            }
            sys::rd_kafka_AdminOptions_set_opaque(options, ptr::without_provenance_mut(edge as usize));
            sys::rd_kafka_ListOffsets(client, list, options, self.0.as_ptr());
            sys::rd_kafka_AdminOptions_destroy(options);
            sys::rd_kafka_topic_partition_list_destroy(list);
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the reference was taken in `of` and is given back once.
        unsafe { sys::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// Sets the leader epochs of a list that is about to be assigned, so that the broker is asked whether the log
/// was cut short below it.
pub(crate) fn set_leader_epochs(list: &rdkafka::TopicPartitionList, epoch_of: impl Fn(i32) -> Option<i32>) {
    // SAFETY: the list is alive and holds `cnt` elements; only the epoch of each is written.
    unsafe {
        let list = &*list.ptr();
        for index in 0..usize::try_from(list.cnt).unwrap_or(0) {
            let element = list.elems.add(index);
            if let Some(epoch) = epoch_of((*element).partition) {
                sys::rd_kafka_topic_partition_set_leader_epoch(element, epoch);
            }
        }
    }
}

/// The end of a partition as the last response told it; no request is made. `None` before the first.
pub(crate) fn high_watermark(
    consumer: &BaseConsumer<Context>,
    topic: &CString,
    partition: i32,
) -> Option<i64> {
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client is alive, the string outlives the call, and the two numbers are written before it returns.
    let error = unsafe {
        let client = consumer.client().native_ptr();
        sys::rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &mut low, &mut high)
    };
    (error == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// # Safety
/// The client must be alive. The options are the caller's to destroy.
unsafe fn options(
    client: *mut sys::rd_kafka_t,
    operation: sys::rd_kafka_admin_op_t,
) -> *mut sys::rd_kafka_AdminOptions_t {
    let mut text: [c_char; 128] = [0; 128];
    // SAFETY: by the caller's promise; `text` has the length that is said.
    unsafe {
        let options = sys::rd_kafka_AdminOptions_new(client, operation);
        // Only a value out of range is an error, and then the default stays.
        sys::rd_kafka_AdminOptions_set_request_timeout(
            options,
            REQUEST_TIMEOUT_MS,
            text.as_mut_ptr(),
            text.len(),
        );
        options
    }
}

// === impl Event ===

impl Event {
    fn read(&self) -> Happened {
        let event = self.0.as_ptr();
        // SAFETY: in all of these the event is alive and of the kind that its type says.
        unsafe {
            match sys::rd_kafka_event_type(event) {
                sys::RD_KAFKA_EVENT_FETCH => self.message(),
                sys::RD_KAFKA_EVENT_ERROR => self.error(),
                sys::RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT => Happened::Described(self.described()),
                sys::RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT => Happened::Configured(self.configured()),
                sys::RD_KAFKA_EVENT_LISTOFFSETS_RESULT => {
                    let asked = sys::rd_kafka_event_opaque(event).addr();
                    let edge = if asked == Edge::Begin as usize { Edge::Begin } else { Edge::End };
                    Happened::Edges(edge, self.edges())
                }
                sys::RD_KAFKA_EVENT_LOG => {
                    let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
                    if sys::rd_kafka_event_log(event, &mut facility, &mut line, &mut level) == 0 {
                        log(level, &text(facility), &text(line));
                    }
                    Happened::Nothing
                }
                _ => Happened::Nothing,
            }
        }
    }

    /// # Safety
    /// The event must be one of `RD_KAFKA_EVENT_FETCH`.
    unsafe fn message(&self) -> Happened {
        // SAFETY: a fetch event holds one message, which lives as long as the event.
        unsafe {
            let message = sys::rd_kafka_event_message_next(self.0.as_ptr());
            let Some(read) = message.as_ref() else { return Happened::Nothing };
            if read.err != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                let code = RDKafkaErrorCode::from(read.err);
                return Happened::Failed { code, partition: Some(read.partition), text: code.to_string() };
            }
            let timestamp = sys::rd_kafka_message_timestamp(message, ptr::null_mut());
            Happened::Message(Message {
                partition: read.partition,
                offset: read.offset,
                leader_epoch: sys::rd_kafka_message_leader_epoch(message),
                timestamp: timestamp.max(0),
                key: bytes(read.key, read.key_len).unwrap_or_default(),
                value: bytes(read.payload, read.len),
                headers: headers(message),
            })
        }
    }

    /// # Safety
    /// The event must be one of `RD_KAFKA_EVENT_ERROR`.
    unsafe fn error(&self) -> Happened {
        // SAFETY: by the caller's promise; the partition that is handed out is ours to destroy.
        unsafe {
            let error = sys::rd_kafka_event_error(self.0.as_ptr());
            let of = NonNull::new(sys::rd_kafka_event_topic_partition(self.0.as_ptr()));
            let place = of.map(|of| {
                let place = (of.as_ref().partition, of.as_ref().offset);
                sys::rd_kafka_topic_partition_destroy(of.as_ptr());
                place
            });
            if let (sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF, Some((partition, offset))) =
                (error, place)
            {
                return Happened::End { partition, offset };
            }
            let text = text(sys::rd_kafka_event_error_string(self.0.as_ptr()));
            Happened::Failed { code: error.into(), partition: place.map(|(partition, _)| partition), text }
        }
    }

    /// What is wrong with the whole of an answer.
    ///
    /// # Safety
    /// The event must be an answer to a request.
    unsafe fn refusal(&self) -> Option<(RDKafkaErrorCode, String)> {
        // SAFETY: by the caller's promise.
        unsafe {
            let error = sys::rd_kafka_event_error(self.0.as_ptr());
            (error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR)
                .then(|| (error.into(), text(sys::rd_kafka_event_error_string(self.0.as_ptr()))))
        }
    }

    /// # Safety
    /// The event must be one of `RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT`.
    unsafe fn described(&self) -> Result<Description, (RDKafkaErrorCode, String)> {
        // SAFETY: by the caller's promise; what is reached from the event lives as long as it does, and an array
        // has as many elements as the count beside it says.
        unsafe {
            if let Some(refusal) = self.refusal() {
                return Err(refusal);
            }
            let mut count = 0;
            let result = sys::rd_kafka_event_DescribeTopics_result(self.0.as_ptr());
            let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
            let nobody =
                || (RDKafkaErrorCode::UnknownTopic, "the broker said nothing about the topic".to_owned());
            let topic = *array(topics, count).first().ok_or_else(nobody)?;
            let error = sys::rd_kafka_TopicDescription_error(topic);
            let code = sys::rd_kafka_error_code(error);
            if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err((code.into(), text(sys::rd_kafka_error_string(error))));
            }
            let mut id = [0; 16];
            if let Some(uuid) = sys::rd_kafka_TopicDescription_topic_id(topic).as_ref() {
                id[..8].copy_from_slice(&sys::rd_kafka_Uuid_most_significant_bits(uuid).to_be_bytes());
                id[8..].copy_from_slice(&sys::rd_kafka_Uuid_least_significant_bits(uuid).to_be_bytes());
            }
            let partitions = sys::rd_kafka_TopicDescription_partitions(topic, &mut count);
            let number = |partition: &*const _| sys::rd_kafka_TopicPartitionInfo_partition(*partition);
            Ok(Description { id, partitions: array(partitions, count).iter().map(number).collect() })
        }
    }

    /// # Safety
    /// The event must be one of `RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT`.
    unsafe fn configured(&self) -> Result<TopicConfig, (RDKafkaErrorCode, String)> {
        // SAFETY: as in `described`.
        unsafe {
            if let Some(refusal) = self.refusal() {
                return Err(refusal);
            }
            let mut count = 0;
            let result = sys::rd_kafka_event_DescribeConfigs_result(self.0.as_ptr());
            let resources = sys::rd_kafka_DescribeConfigs_result_resources(result, &mut count);
            let nobody =
                || (RDKafkaErrorCode::UnknownTopic, "the broker said nothing about the topic".to_owned());
            let resource = *array(resources, count).first().ok_or_else(nobody)?;
            let code = sys::rd_kafka_ConfigResource_error(resource);
            if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err((code.into(), text(sys::rd_kafka_ConfigResource_error_string(resource))));
            }
            let entries = sys::rd_kafka_ConfigResource_configs(resource, &mut count);
            let pair = |entry: &*const _| {
                (text(sys::rd_kafka_ConfigEntry_name(*entry)), text(sys::rd_kafka_ConfigEntry_value(*entry)))
            };
            Ok(TopicConfig::of(array(entries, count).iter().map(pair)))
        }
    }

    /// # Safety
    /// The event must be one of `RD_KAFKA_EVENT_LISTOFFSETS_RESULT`.
    unsafe fn edges(&self) -> Result<Vec<(i32, i64)>, (RDKafkaErrorCode, String)> {
        // SAFETY: as in `described`.
        unsafe {
            if let Some(refusal) = self.refusal() {
                return Err(refusal);
            }
            let mut count = 0;
            let result = sys::rd_kafka_event_ListOffsets_result(self.0.as_ptr());
            let infos = sys::rd_kafka_ListOffsets_result_infos(result, &mut count);
            let edge = |info: &*const sys::rd_kafka_ListOffsetsResultInfo_t| {
                let of = &*sys::rd_kafka_ListOffsetsResultInfo_topic_partition(*info);
                if of.err == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                    return Ok((of.partition, of.offset));
                }
                let code = RDKafkaErrorCode::from(of.err);
                Err((
                    code,
                    format!("the beginning or end of partition {} is not known: {code}", of.partition),
                ))
            };
            array(infos, count).iter().map(edge).collect()
        }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the event came from the queue and is destroyed once.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

/// # Safety
/// `first` must point to `count` elements that outlive the use of the slice, or be null.
unsafe fn array<'a, T>(first: *mut T, count: usize) -> &'a [T] {
    if first.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: by the caller's promise.
    unsafe { std::slice::from_raw_parts(first, count) }
}

/// # Safety
/// `text` must be a C string or null.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// # Safety
/// `first` must point to `length` bytes, or be null.
unsafe fn bytes(first: *const c_void, length: usize) -> Option<Vec<u8>> {
    if first.is_null() {
        return None;
    }
    // SAFETY: by the caller's promise; a length of 0 needs no valid pointer behind it but one that is not null.
    Some(unsafe { std::slice::from_raw_parts(first.cast::<u8>(), length) }.to_vec())
}

/// # Safety
/// `message` must be alive.
unsafe fn headers(message: *const sys::rd_kafka_message_t) -> Headers {
    let mut found = Headers::new();
    let mut list = ptr::null_mut();
    // SAFETY: by the caller's promise; the list and what it points to live as long as the message.
    unsafe {
        let none = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        if sys::rd_kafka_message_headers(message, &mut list) != none || list.is_null() {
            return found;
        }
        for index in 0.. {
            let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
            if sys::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut length) != none {
                break;
            }
            found.push((text(name), bytes(value, length).unwrap_or_default()));
        }
    }
    found
}

//! Messages as JSON. Positions are hexadecimal, timestamps milliseconds since 1970.

use data_encoding::BASE64;
use messages::{Published, Quarantined, RecordSet, SourceStatus, StoreStatus, ZoneHead, ZoneSummary};
use serde_json::{Map, Value, json};
use zone_model::validate::{Report, Severity};
use zone_model::{Headers, Partition, Position, SourceId, rdata};

/// RRsets as the store has them.
pub fn record_sets(sets: &[RecordSet]) -> Value {
    sets.iter().map(record_set).collect()
}

fn record_set(set: &RecordSet) -> Value {
    json!({
        "zone": set.apex.as_ref().map(ToString::to_string),
        "name": set.owner.to_string(),
        "type": set.rtype.to_string(),
        "ttl": set.rrset.ttl,
        "contents": contents(set),
        "slots": set.slots,
        "source": set.source.as_ref().map(SourceId::as_str),
        "partition": set.partition.0,
        "position": set.position.map(|position| position.to_string()),
        "timestamp": set.timestamp.0,
        "key": text_or_base64(&set.key),
        "headers": headers(&set.headers),
        // Written by our own decoder; text that is no JSON would be a defect, and is shown as it is.
        "metadatas": set.extra.as_deref().map(others),
    })
}

fn others(extra: &str) -> Value {
    serde_json::from_str(extra).unwrap_or_else(|_| Value::from(extra))
}

fn contents(set: &RecordSet) -> Vec<String> {
    set.rrset.rdatas().iter().map(|octets| rdata::print_text(set.rtype, octets)).collect()
}

/// RRsets as the older server's search gave them: a list of records for each.
pub fn older_records(sets: &[RecordSet]) -> Value {
    let records = |set: &RecordSet| -> Value {
        let record = |content: String| {
            json!({
                "Name": set.owner.to_string(),
                "Type": set.rtype.to_string(),
                "Content": content,
                "Ttl": set.rrset.ttl.unwrap_or(0),
                "Priority": 0,
            })
        };
        contents(set).into_iter().map(record).collect()
    };
    sets.iter().map(records).collect()
}

/// Zones that are served.
pub fn zones(zones: &[ZoneSummary]) -> Value {
    let zone = |zone: &ZoneSummary| {
        json!({
            "name": zone.apex.to_string(),
            "serial": zone.serial,
            "rrsets": zone.rrsets,
            "synthesised": zone.synthesised,
            "newest": zone.newest.0,
            "digest": zone.digest.map(|digest| digest.to_string()),
        })
    };
    zones.iter().map(zone).collect()
}

/// What is remarkable in a zone: how much of each severity, and the first `limit` reports.
pub fn zone_reports(head: &ZoneHead, records: usize, reports: &[Report], limit: usize) -> Value {
    let count = |severity: Severity| reports.iter().filter(|report| report.severity() == severity).count();
    let report = |report: &Report| {
        json!({
            "severity": report.severity().to_string(),
            "code": report.finding.code(),
            "name": report.owner.to_string(),
            "type": report.rtype.map(|rtype| rtype.to_string()),
            "message": report.finding.to_string(),
        })
    };
    json!({
        "zone": head.apex.to_string(),
        "serial": head.serial,
        "synthesised": head.synthesised,
        "rrsets": head.rrsets,
        "records": records,
        "positions": source_positions(&head.positions),
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "notices": count(Severity::Notice),
        "reports": reports.iter().take(limit).map(report).collect::<Vec<_>>(),
    })
}

/// The store's status, to which the caller adds what it knows.
pub fn store_status(status: &StoreStatus) -> Map<String, Value> {
    let mut map = Map::new();
    for (name, value) in [
        ("in_service", json!(status.in_service)),
        ("catalog", json!(status.catalog)),
        ("zones", json!(status.zones)),
        ("slots", json!(status.slots)),
        ("quarantined", json!(status.quarantined)),
        ("events_applied", json!(status.events_applied)),
        ("format", json!(status.format)),
        ("decoder", json!(status.decoder)),
        ("positions", source_positions(&status.positions)),
        ("set_aside", json!(status.set_aside)),
    ] {
        map.insert(name.to_owned(), value);
    }
    map
}

/// Positions with their sources.
pub fn source_positions(positions: &[(SourceId, Partition, Position)]) -> Value {
    let one = |(source, partition, position): &(SourceId, Partition, Position)| json!({"source": source.as_str(), "partition": partition.0, "position": position.to_string()});
    positions.iter().map(one).collect()
}

/// How the sources are.
pub fn sources(sources: &[SourceStatus]) -> Value {
    let source = |source: &SourceStatus| {
        let partitions: Vec<Value> = source
            .partitions
            .iter()
            .map(|partition| {
                json!({
                    "partition": partition.partition.0,
                    "at": partition.at,
                    "position": partition.position.map(|position| position.to_string()),
                    "lag": partition.lag,
                    "lag_seconds": partition.lag_time.as_secs_f64(),
                })
            })
            .collect();
        json!({
            "source": source.source.as_str(),
            "kind": source.kind,
            "connected": source.connected,
            "in_step": source.in_step.map(|moment| moment.0),
            "alarm": source.alarm,
            "rebuilding": source.rebuilding,
            "rebuilds_begun": source.rebuilds_begun,
            "last_error": source.last_error,
            "events_read": source.events_read,
            "log": {
                "identity": source.log.identity.as_deref(),
                "from_start": source.log.from_start,
                "tombstone_retention_seconds": source.log.tombstone_retention.map(|kept| kept.as_secs()),
            },
            "warnings": source.warnings,
            "partitions": partitions,
        })
    };
    sources.iter().map(source).collect()
}

/// Events that could not be used.
pub fn quarantine(events: &[Quarantined]) -> Value {
    let event = |event: &Quarantined| {
        json!({
            "source": event.source.as_str(),
            "partition": event.partition.0,
            "position": event.position.to_string(),
            "timestamp": event.timestamp.0,
            "key": text_or_base64(&event.key),
            "value": event.value.as_deref().map(text_or_base64),
            "headers": headers(&event.headers),
            "reason": event.reason,
        })
    };
    events.iter().map(event).collect()
}

/// A change that stands on the log.
pub fn published(published: &Published) -> Value {
    json!({
        "source": published.source.as_str(),
        "positions": positions(&published.positions),
        "events": published.events,
    })
}

fn positions(positions: &[(Partition, Position)]) -> Value {
    let position = |(partition, position): &(Partition, Position)| json!({"partition": partition.0, "position": position.to_string()});
    positions.iter().map(position).collect()
}

/// A header that stands several times is a list.
fn headers(headers: &Headers) -> Value {
    let mut map = Map::new();
    for (name, value) in headers {
        let value = text_or_base64(value);
        match map.get_mut(name) {
            None => {
                map.insert(name.clone(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(map)
}

/// Octets as text where they are UTF-8, else as `{"base64": …}`.
fn text_or_base64(octets: &[u8]) -> Value {
    match std::str::from_utf8(octets) {
        Ok(text) => text.into(),
        Err(_) => json!({"base64": BASE64.encode(octets)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_that_are_no_text_and_headers_that_repeat_are_kept() {
        let all: Headers = vec![
            ("a".into(), b"1".into()),
            ("b".into(), vec![0xff]),
            ("a".into(), b"2".into()),
            ("a".into(), b"3".into()),
        ];
        assert_eq!(headers(&all), json!({"a": ["1", "2", "3"], "b": {"base64": "/w=="}}));
    }
}

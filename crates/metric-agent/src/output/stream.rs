//! A line at each flush, on standard output or any other stream.
//!
//! Only what changed since the last line stands on it; a flush at which nothing did writes nothing.
//!
//! ```text
//! metrics dns_queries_total{family="ipv4",transport="udp"}=1000(+12) dns_store_zones=3
//! {"metrics":[{"name":"dns_queries_total","labels":{"transport":"udp"},"total":1000,"added":12}]}
//! ```

use super::{Output, Passed};
use crate::error::OutputError;
use crate::prometheus::write_series;
use crate::series::{Series, Total};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io::Write;
use std::time::Instant;

/// Writes the sums to a stream. The stream is written to as it is: one that blocks holds the agent up.
pub struct StreamOutput<W> {
    name: &'static str,
    stream: W,
    json: bool,
    passed: Passed,
}

// === impl StreamOutput ===

impl<W: Write + Send> StreamOutput<W> {
    /// An output to `stream`: readable text, or JSON.
    pub fn new(name: &'static str, stream: W, json: bool) -> Self {
        Self { name, stream, json, passed: Passed::default() }
    }
}

impl<W: Write + Send> Output for StreamOutput<W> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn flush(&mut self, series: &[Series], _now: Instant) -> Result<(), OutputError> {
        let mut news: Vec<(usize, &Series, Total)> = Vec::new();
        for (at, one) in series.iter().enumerate() {
            match self.passed.news(at, &one.total) {
                Some(added) if !self.passed.is_same(at, &one.total) => news.push((at, one, added)),
                _ => {}
            }
        }
        if news.is_empty() {
            return Ok(());
        }
        news.sort_by(|(_, a, _), (_, b, _)| (a.name, &a.labels).cmp(&(b.name, &b.labels)));
        let mut line = if self.json { json_line(&news) } else { text_line(&news) };
        line.push('\n');
        let written = self.stream.write_all(line.as_bytes()).and_then(|()| self.stream.flush());
        written.map_err(|cause| OutputError::Write { to: self.name.to_owned(), cause })?;
        news.iter().for_each(|(at, one, _)| self.passed.note(*at, &one.total));
        Ok(())
    }
}

// === the two forms ===

fn text_line(news: &[(usize, &Series, Total)]) -> String {
    let mut line = "metrics".to_owned();
    for (_, series, added) in news {
        line.push(' ');
        write_series(&mut line, series);
        // Writing to a `String` cannot fail.
        let _ = match (&series.total, added) {
            (Total::Histogram(total), Total::Histogram(added)) => {
                write!(line, "={}(+{}) sum={}", total.count(), added.count(), total.sum())
            }
            (Total::Counter(total), Total::Counter(added)) => write!(line, "={total}(+{added})"),
            (Total::Gauge(value), _) => write!(line, "={value}"),
            _ => Ok(()),
        };
    }
    line
}

fn json_line(news: &[(usize, &Series, Total)]) -> String {
    let metrics = news.iter().map(|(_, series, added)| {
        let labels: Map<String, Value> =
            series.labels.iter().map(|(label, value)| ((*label).to_owned(), json!(value))).collect();
        let mut metric = json!({ "name": series.name, "labels": labels });
        match (&series.total, added) {
            (Total::Histogram(total), Total::Histogram(added)) => {
                metric["count"] = json!(total.count());
                metric["added"] = json!(added.count());
                metric["sum"] = json!(total.sum());
            }
            (Total::Counter(total), Total::Counter(added)) => {
                metric["total"] = json!(total);
                metric["added"] = json!(added);
            }
            (Total::Gauge(value), _) => metric["value"] = json!(value),
            _ => {}
        }
        metric
    });
    json!({ "metrics": metrics.collect::<Vec<_>>() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::{Histogram, SECONDS};

    fn lines(json: bool, flushes: &[&[Series]]) -> Vec<String> {
        let mut output = StreamOutput::new("test", Vec::new(), json);
        flushes.iter().for_each(|series| output.flush(series, Instant::now()).unwrap());
        String::from_utf8(output.stream).unwrap().lines().map(str::to_owned).collect()
    }

    fn some(sum: u64, gauge: f64) -> Vec<Series> {
        let mut histogram = Histogram::new(SECONDS);
        histogram.add(0.25, sum);
        vec![
            Series { name: "q_total", labels: vec![("t", "u\"d".into())], total: Total::Counter(sum) },
            Series { name: "g", labels: Vec::new(), total: Total::Gauge(gauge) },
            Series { name: "d_seconds", labels: Vec::new(), total: Total::Histogram(histogram) },
        ]
    }

    #[test]
    fn a_line_has_the_totals_and_what_came_to_them() {
        assert_eq!(
            lines(false, &[&some(2, 1.5), &some(5, 1.5)]),
            [
                r#"metrics d_seconds=2(+2) sum=0.5 g=1.5 q_total{t="u\"d"}=2(+2)"#,
                r#"metrics d_seconds=5(+3) sum=1.25 q_total{t="u\"d"}=5(+3)"#,
            ]
        );
    }

    #[test]
    fn nothing_new_is_no_line() {
        assert_eq!(lines(false, &[&some(2, 1.0), &some(2, 1.0)]).len(), 1);
        assert_eq!(lines(true, &[&[]]).len(), 0);
    }

    #[test]
    fn a_line_of_json_says_the_same() {
        let lines = lines(true, &[&some(2, 1.5), &some(5, -1.0)]);
        let parsed: Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!(
            parsed,
            json!({ "metrics": [
                { "name": "d_seconds", "labels": {}, "count": 5, "added": 3, "sum": 1.25 },
                { "name": "g", "labels": {}, "value": -1.0 },
                { "name": "q_total", "labels": { "t": "u\"d" }, "total": 5, "added": 3 },
            ] })
        );
    }
}

//! Prometheus' text format, version 0.0.4.
//!
//! Counters and gauges go through the `metrics` facade into a recorder that belongs to this agent alone;
//! nothing is installed for the process, so a host's own recorder is left alone. Histograms do not: the
//! recorder keeps each observed value until it is read, which costs memory and time for each query that was
//! observed, where the sums of the buckets are at hand.

use crate::histogram::Histogram;
use crate::inventory::{self, METRICS};
use crate::series::{Kind, Series, Total};
use messages::Labels;
use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::fmt::Write;

/// The recorder and its text.
pub(crate) struct Prometheus {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

/// A series as the facade knows it.
pub(crate) enum Facade {
    Counter(Counter),
    Gauge(Gauge),
    /// A histogram, which the facade does not know.
    Histogram,
}

// === impl Prometheus ===

impl Prometheus {
    pub(crate) fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        for metric in METRICS {
            match metric.kind {
                Kind::Counter => recorder.describe_counter(metric.name.into(), None, metric.help.into()),
                Kind::Gauge => recorder.describe_gauge(metric.name.into(), None, metric.help.into()),
                Kind::Histogram => {}
            }
        }
        let handle = recorder.handle();
        Self { recorder, handle }
    }

    /// Makes the series known to the facade.
    pub(crate) fn register(&self, name: &'static str, labels: &Labels, kind: Kind) -> Facade {
        let labels: Vec<Label> =
            labels.iter().map(|(name, value)| Label::new(*name, value.clone().into_owned())).collect();
        let key = Key::from_parts(name, labels);
        let metadata = Metadata::new(module_path!(), Level::INFO, None);
        match kind {
            Kind::Counter => Facade::Counter(self.recorder.register_counter(&key, &metadata)),
            Kind::Gauge => Facade::Gauge(self.recorder.register_gauge(&key, &metadata)),
            Kind::Histogram => Facade::Histogram,
        }
    }

    /// Everything: what the recorder has and the histograms, in the order of the names.
    pub(crate) fn render(&self, series: &[Series]) -> String {
        let recorded = self.handle.render();
        let histograms = render_histograms(series);
        // A block is what stands between two empty lines; the recorder leaves their order to chance.
        let mut blocks: Vec<Vec<&str>> = Vec::new();
        for block in recorded.split("\n\n").filter(|block| !block.trim().is_empty()) {
            let mut lines: Vec<&str> = block.lines().filter(|line| !line.is_empty()).collect();
            let comments = lines.iter().take_while(|line| line.starts_with('#')).count();
            lines[comments..].sort_unstable();
            blocks.push(lines);
        }
        for block in histograms.split("\n\n").filter(|block| !block.trim().is_empty()) {
            blocks.push(block.lines().collect());
        }
        blocks.sort_by_key(|block| block_name(block));
        let mut text = String::with_capacity(recorded.len() + histograms.len() + 64);
        for line in blocks.iter().flatten() {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

// === impl Facade ===

impl Facade {
    pub(crate) fn set_counter(&self, sum: u64) {
        if let Self::Counter(counter) = self {
            counter.absolute(sum);
        }
    }

    pub(crate) fn set_gauge(&self, value: f64) {
        if let Self::Gauge(gauge) = self {
            gauge.set(value);
        }
    }
}

// === the text of histograms ===

/// The metric of a block, from its `# TYPE` line.
fn block_name<'a>(block: &[&'a str]) -> &'a str {
    let line = block.iter().find_map(|line| line.strip_prefix("# TYPE ")).unwrap_or_default();
    line.split(' ').next().unwrap_or_default()
}

/// The histograms, a block for each name, an empty line behind each.
fn render_histograms(series: &[Series]) -> String {
    let mut found: Vec<(&Series, &Histogram)> = Vec::new();
    for one in series {
        if let Total::Histogram(histogram) = &one.total {
            found.push((one, histogram));
        }
    }
    found.sort_by(|(a, _), (b, _)| (a.name, &a.labels).cmp(&(b.name, &b.labels)));
    let mut text = String::new();
    for block in found.chunk_by(|(a, _), (b, _)| a.name == b.name) {
        let name = block[0].0.name;
        if let Some(metric) = inventory::find(name) {
            text.push_str(&format!("# HELP {name} {}\n", metric.help));
        }
        text.push_str(&format!("# TYPE {name} histogram\n"));
        for (series, histogram) in block {
            render_histogram(&mut text, series, histogram);
        }
        text.push('\n');
    }
    text
}

fn render_histogram(text: &mut String, series: &Series, histogram: &Histogram) {
    let name = series.name;
    let mut labels = String::new();
    for (label, value) in &series.labels {
        write_label(&mut labels, label, value);
    }
    let mut below = 0u64;
    for (bound, bucket) in histogram.buckets() {
        below = below.saturating_add(bucket.count);
        let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.to_string());
        let separator = if labels.is_empty() { "" } else { "," };
        text.push_str(&format!("{name}_bucket{{{labels}{separator}le=\"{bound}\"}} {below}\n"));
    }
    let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    text.push_str(&format!("{name}_sum{braces} {}\n{name}_count{braces} {below}\n", histogram.sum()));
}

/// Appends `label="value"`, with a comma before it where something stands there already.
pub(crate) fn write_label(text: &mut String, label: &str, value: &str) {
    if !text.is_empty() {
        text.push(',');
    }
    text.push_str(label);
    text.push_str("=\"");
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    text.push('"');
}

/// `name{label="value",…}`, or the name alone where there is no label.
pub(crate) fn write_series(text: &mut String, series: &Series) {
    text.push_str(series.name);
    if !series.labels.is_empty() {
        let mut labels = String::new();
        series.labels.iter().for_each(|(label, value)| write_label(&mut labels, label, value));
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{{{labels}}}");
    }
}

#[cfg(test)]
mod tests {
    use crate::{Aggregator, Config};
    use messages::{Sample, Value};

    fn render(samples: Vec<Sample>) -> String {
        let mut aggregator = Aggregator::new(&Config::default()).unwrap();
        samples.into_iter().for_each(|sample| aggregator.add(sample));
        aggregator.render()
    }

    // Text format 0.0.4: HELP and TYPE before the samples of a name, all lines of a name in one group.
    #[test]
    fn known_names_have_help_and_type_and_the_order_is_that_of_the_names() {
        let text = render(vec![
            Sample::gauge("dns_store_zones", Vec::new(), 3.0),
            Sample::count("dns_queries_total", vec![("transport", "udp".into())], 2),
            Sample::count("dns_queries_total", vec![("transport", "tcp".into())], 1),
            Sample {
                name: "dns_resolver_seconds",
                labels: Vec::new(),
                value: Value::Observed(vec![(0.002, 3)]),
            },
            Sample::count("an_unknown_total", Vec::new(), 1),
        ]);
        let expected_order = [
            "# TYPE an_unknown_total counter",
            "an_unknown_total 1",
            "# HELP dns_queries_total ",
            "# TYPE dns_queries_total counter",
            "dns_queries_total{transport=\"tcp\"} 1",
            "dns_queries_total{transport=\"udp\"} 2",
            "# HELP dns_resolver_seconds ",
            "# TYPE dns_resolver_seconds histogram",
            "dns_resolver_seconds_bucket{le=\"0.001\"} 0",
            "dns_resolver_seconds_bucket{le=\"0.0025\"} 3",
            "dns_resolver_seconds_bucket{le=\"10\"} 3",
            "dns_resolver_seconds_bucket{le=\"+Inf\"} 3",
            "dns_resolver_seconds_sum 0.006",
            "dns_resolver_seconds_count 3",
            "# HELP dns_store_zones ",
            "# TYPE dns_store_zones gauge",
            "dns_store_zones 3",
        ];
        let mut lines = text.lines();
        for expected in expected_order {
            assert!(
                lines.any(|line| line.starts_with(expected)),
                "`{expected}` is missing or misplaced:\n{text}"
            );
        }
    }

    // Text format 0.0.4: in a label's value a backslash, a double quote and a line feed are escaped.
    #[test]
    fn label_values_are_escaped() {
        let odd = "a\"b\\c\nd";
        let text = render(vec![
            Sample::count("c_total", vec![("l", odd.into())], 1),
            Sample {
                name: "h_seconds",
                labels: vec![("l", odd.into())],
                value: Value::Observed(vec![(1.0, 1)]),
            },
        ]);
        assert!(text.contains("c_total{l=\"a\\\"b\\\\c\\nd\"} 1\n"), "{text}");
        assert!(text.contains("h_seconds_count{l=\"a\\\"b\\\\c\\nd\"} 1\n"), "{text}");
    }

    #[test]
    fn nothing_was_measured_is_an_empty_text() {
        assert_eq!(render(Vec::new()), "");
    }
}

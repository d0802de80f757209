//! What the interface counts.

use messages::{Labels, Measured, Sample};
use std::collections::BTreeMap;

/// Requests since the last report, by path and status.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    requests: BTreeMap<(String, u16), u64>,
    panics: u64,
}

// === impl Counts ===

impl Counts {
    /// Counts a request. `path` is that of a route, never one that a client chose.
    pub(crate) fn request(&mut self, path: &str, status: u16) {
        *self.requests.entry((path.to_owned(), status)).or_default() += 1;
    }

    /// Counts a panic that was caught.
    pub(crate) fn panic(&mut self) {
        self.panics += 1;
    }

    /// The report; `None` where nothing was counted.
    pub(crate) fn report(&self) -> Option<Measured> {
        let mut samples: Vec<Sample> = Vec::new();
        for ((path, status), count) in &self.requests {
            let labels: Labels = vec![("path", path.clone().into()), ("status", status.to_string().into())];
            samples.push(Sample::count("dns_admin_requests_total", labels, *count));
        }
        if self.panics > 0 {
            let labels = vec![("actor", "admin-api".into())];
            samples.push(Sample::count("dns_actor_panics_total", labels, self.panics));
        }
        (!samples.is_empty()).then_some(Measured { samples })
    }

    /// Begins anew, after the report was handed over.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

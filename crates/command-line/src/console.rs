//! Where results and remarks go.

use serde_json::Value;
use std::io::{self, Write};

/// Standard output and standard error, or what stands for them in a test.
pub struct Console<'a> {
    /// Takes results.
    pub out: &'a mut dyn Write,
    /// Takes remarks, so that results can be piped on.
    pub err: &'a mut dyn Write,
}

// === impl Console ===

impl Console<'_> {
    /// Prints a line of the result.
    pub(crate) fn print(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    /// Prints the result as JSON, for people and programs.
    pub(crate) fn print_json(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.out, "{value:#}")
    }

    /// Prints a remark.
    pub(crate) fn note(&mut self, text: &str) {
        // Who closed standard error does not want to know.
        let _ = writeln!(self.err, "{text}");
    }
}

impl std::fmt::Debug for Console<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}

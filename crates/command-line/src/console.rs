//! Where results and remarks go.

use anyhow::bail;
use serde_json::Value;
use std::io::{self, BufRead, Write};

/// Standard output and standard error, or what stands for them in a test.
pub struct Console<'a> {
    /// Takes results.
    pub out: &'a mut dyn Write,
    /// Takes remarks, so that results can be piped on.
    pub err: &'a mut dyn Write,
    /// Where the answer to a question is read; `None` where nobody can be asked.
    pub input: Option<&'a mut dyn BufRead>,
    /// Whether remarks go to a terminal, on which a line may be written over.
    pub live: bool,
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

    /// Asks before something is done that cannot be undone.
    ///
    /// # Errors
    /// Where the answer is not yes, and where nobody can be asked.
    pub(crate) fn confirm(&mut self, question: &str) -> anyhow::Result<()> {
        let Some(input) = &mut self.input else {
            bail!("{question} There is nobody to ask; give --yes. Nothing was published");
        };
        write!(self.err, "{question} [y/N] ")?;
        self.err.flush()?;
        let mut answer = String::new();
        input.read_line(&mut answer)?;
        if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
            return Ok(());
        }
        bail!("nothing was published")
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

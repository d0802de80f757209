//! What can be wrong with a configuration.

use std::fmt;

/// Everything that is wrong with a configuration, one problem a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The problems, at least one; the file's first.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong. Values of secrets are masked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    #[error("{file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// The file is not TOML.
    #[error("{file} is not TOML: {reason}")]
    NotToml {
        /// The file.
        file: String,
        /// What is wrong and where.
        reason: String,
    },
    /// The file has a key that is no setting.
    #[error("{key} = {value} (from {file}): there is no such setting; allowed is {allowed}")]
    UnknownKey {
        /// The key, with its sections.
        key: String,
        /// Its value.
        value: String,
        /// The file.
        file: String,
        /// The keys that the section has.
        allowed: String,
    },
    /// A value is not what its setting takes.
    #[error("{key} = {value} (from {origin}): allowed is {allowed}")]
    Value {
        /// The setting's key.
        key: String,
        /// The value as it was written.
        value: String,
        /// Where it stands: the file, the variable or the flag.
        origin: String,
        /// What is allowed.
        allowed: String,
    },
    /// Two settings exclude each other, or one needs the other.
    #[error("{first} contradicts {second}: allowed is {allowed}")]
    Contradiction {
        /// The one, `key = value (from …)`.
        first: String,
        /// The other.
        second: String,
        /// What is allowed.
        allowed: String,
    },
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

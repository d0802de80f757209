//! What is wrong in a master file, and where.

use crate::name::{Name, NameError};
use crate::rdata::RdataError;
use crate::rtype::RecordType;
use crate::zone::RefusedRrSet;
use std::borrow::Cow;
use std::sync::Arc;

/// An error in a master file: where it stands and what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {problem}")]
pub struct MasterError {
    /// The file, as it was named to the reader or in an `$INCLUDE`.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong in a master file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A token is not what must stand there.
    #[error("`{token}` is not {expected}")]
    Token {
        /// The token, cut after 60 characters.
        token: String,
        /// What must stand there.
        expected: Cow<'static, str>,
    },
    /// The line ends where something must stand.
    #[error("the line ends where {expected} is expected")]
    Missing {
        /// What must stand there.
        expected: &'static str,
    },
    /// The text is no sequence of tokens.
    #[error("{0}")]
    Syntax(&'static str),
    /// A name is none.
    #[error("`{token}` is no name: {error}")]
    Name {
        /// The token, cut after 60 characters.
        token: String,
        /// Why not.
        error: NameError,
    },
    /// A class that is not served.
    #[error("the class {0} is not served, only IN is")]
    Class(String),
    /// A query type or a meta-type.
    #[error("no zone has records of the type {0} (RFC 6895 section 3.1)")]
    NoDataType(RecordType),
    /// The first record has no owner.
    #[error("the record has no owner, and there is none before it; begin the line with a name or `@`")]
    NoOwner,
    /// RDATA is none of its type.
    #[error("{}", without_column(.0))]
    Rdata(#[from] RdataError),
    /// A file is not to be had.
    #[error("$INCLUDE `{path}`: {reason}")]
    Include {
        /// The file, as it was written.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A `$GENERATE` makes a record that is none.
    #[error("$GENERATE at {value}: {problem}")]
    Generated {
        /// The value of `$`.
        value: u32,
        /// What is wrong with the record.
        problem: Box<Self>,
    },
    /// More than the settings allow.
    #[error("{what}; at most {most} are allowed")]
    TooMany {
        /// More of what.
        what: &'static str,
        /// How many there may be.
        most: u64,
    },
    /// A name has a second record of a type that allows one.
    #[error("a second {rtype} record of {owner}; a name has at most one")]
    Single {
        /// The owner.
        owner: Name,
        /// The type.
        rtype: RecordType,
    },
    /// No message can carry an RRset.
    #[error("the {rtype} records of {owner} are more than a message can carry")]
    TooLarge {
        /// The owner.
        owner: Name,
        /// The type.
        rtype: RecordType,
    },
}

// === impl MasterError ===

impl MasterError {
    /// The token that is wrong, where one is.
    pub fn token(&self) -> Option<&str> {
        self.problem.token()
    }

    /// What was expected in its place, where that can be said.
    pub fn expected(&self) -> Option<&str> {
        self.problem.expected()
    }
}

impl From<RefusedRrSet> for MasterError {
    fn from(refused: RefusedRrSet) -> Self {
        let RefusedRrSet { owner, rtype, single, file, line } = refused;
        let problem =
            if single { Problem::Single { owner, rtype } } else { Problem::TooLarge { owner, rtype } };
        Self { file: file.unwrap_or_else(|| Arc::from("?")), line, column: 1, problem }
    }
}

// === impl Problem ===

impl Problem {
    fn token(&self) -> Option<&str> {
        match self {
            Self::Token { token, .. } | Self::Name { token, .. } | Self::Class(token) => Some(token),
            Self::Rdata(RdataError::Token { token, .. } | RdataError::Trailing { token, .. }) => Some(token),
            Self::Include { path, .. } => Some(path),
            Self::Generated { problem, .. } => problem.token(),
            _ => None,
        }
    }

    fn expected(&self) -> Option<&str> {
        match self {
            Self::Token { expected, .. } => Some(expected),
            Self::Missing { expected } => Some(expected),
            Self::Name { .. } => Some("a domain name"),
            Self::Class(_) => Some("the class IN"),
            Self::NoOwner => Some("an owner"),
            Self::Rdata(RdataError::Token { expected, .. } | RdataError::Missing { expected, .. }) => {
                Some(expected)
            }
            Self::Rdata(RdataError::Trailing { .. }) => Some("the record's end"),
            Self::Generated { problem, .. } => problem.expected(),
            _ => None,
        }
    }
}

/// What an error of RDATA says, but for the column: a file's line has it in front.
fn without_column(error: &RdataError) -> String {
    match error {
        RdataError::Token { rtype, field, token, expected, .. } => {
            format!("{rtype} {field}: `{token}` is not {expected}")
        }
        RdataError::Trailing { rtype, token, after, .. } => {
            format!("{rtype}: `{token}` stands where the record should end, after {after}")
        }
        RdataError::Syntax { rtype, problem, .. } => format!("{rtype}: {problem}"),
        other => other.to_string(),
    }
}

/// A token as errors show it.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

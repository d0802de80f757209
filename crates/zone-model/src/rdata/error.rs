//! Why text or octets are no RDATA.

use crate::rtype::RecordType;
use std::borrow::Cow;

/// Why text or octets are no RDATA of a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RdataError {
    /// A token is not what its field needs.
    #[error("{rtype} {field}: `{token}` (column {column}) is not {expected}")]
    Token {
        /// The type.
        rtype: RecordType,
        /// Which field of it.
        field: &'static str,
        /// The token, cut after 60 characters.
        token: String,
        /// Where it stands, counted in characters from 1.
        column: usize,
        /// What the field needs.
        expected: Cow<'static, str>,
    },
    /// The text ends where a field needs a token.
    #[error("{rtype} {field} is missing: expected {expected}")]
    Missing {
        /// The type.
        rtype: RecordType,
        /// Which field of it.
        field: &'static str,
        /// What the field needs.
        expected: Cow<'static, str>,
    },
    /// A token follows the last field.
    #[error("{rtype}: `{token}` (column {column}) stands where the record should end, after {after}")]
    Trailing {
        /// The type.
        rtype: RecordType,
        /// The token, cut after 60 characters.
        token: String,
        /// Where it stands, counted in characters from 1.
        column: usize,
        /// The last field.
        after: &'static str,
    },
    /// The text is no sequence of tokens.
    #[error("{rtype}: column {column}: {problem}")]
    Syntax {
        /// The type.
        rtype: RecordType,
        /// Where, counted in characters from 1.
        column: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// The octets are not what a field needs.
    #[error("{rtype} {field}, from octet {at} of the RDATA on: expected {expected}")]
    Wire {
        /// The type.
        rtype: RecordType,
        /// Which field of it.
        field: &'static str,
        /// Where the field begins, counted from 0.
        at: usize,
        /// What the field needs.
        expected: Cow<'static, str>,
    },
    /// Octets follow the last field.
    #[error("{rtype}: {extra} octets too many after {after}")]
    TrailingOctets {
        /// The type.
        rtype: RecordType,
        /// How many.
        extra: usize,
        /// The last field.
        after: &'static str,
    },
    /// More than 65,535 octets.
    #[error("{rtype}: the RDATA has more than 65535 octets")]
    TooLong {
        /// The type.
        rtype: RecordType,
    },
}

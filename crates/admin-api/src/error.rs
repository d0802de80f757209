//! What can go wrong before the interface stands, and what a request can be answered with.

use std::net::SocketAddr;

/// Why the interface cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// A value out of its range.
    #[error("{key} = {value}: allowed is {least} to {most}")]
    Range {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The least allowed.
        least: u64,
        /// The most allowed.
        most: u64,
    },
    /// The user name or the password is empty.
    #[error("the user name and the password of the administrative interface must not be empty")]
    EmptyCredentials,
    /// The user name has a colon.
    #[error(
        "the user name of the administrative interface must not have a colon, which HTTP Basic ends it with"
    )]
    Colon,
    /// An address that others can reach, without credentials.
    #[error(
        "the administrative interface would be open to everybody who reaches {0}: set a user name and a password, or take a loopback address"
    )]
    Open(SocketAddr),
    /// An address cannot be bound.
    #[error("cannot bind the administrative interface to {address}: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
}

/// Why an interface on a thread of its own did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The settings, or an address.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The thread.
    #[error("no thread for admin-api: {0}")]
    Thread(#[from] std::io::Error),
    /// The thread ended before it said that it stands.
    #[error("the thread of admin-api ended at once; the log has the reason")]
    Ended,
}

/// Why a request is not answered with what it asked for. Each becomes a status code in one place,
/// [`Refusal::status`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request itself is wrong.
    #[error("{0}")]
    BadRequest(String),
    /// Nobody said who asks, or not rightly.
    #[error("say who you are: HTTP Basic, or a token of POST /signin")]
    Unauthorized,
    /// A change asked for under a host name, which a web page of anybody's could do.
    #[error(
        "without credentials changes are taken under a loopback address or `localhost` alone, not as `{0}`"
    )]
    ForeignHost(String),
    /// There is no such path, or it is switched off.
    #[error("there is nothing here")]
    NotFound,
    /// There is no such zone.
    #[error("this node has no zone {0}")]
    NoZone(zone_model::Name),
    /// The path does not take the method.
    #[error("this path does not take that method")]
    Method,
    /// The body is too large.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// Another change came between.
    #[error("{0}")]
    Conflict(String),
    /// The change itself is wrong.
    #[error("{0}")]
    Unprocessable(String),
    /// Too many requests are under way.
    #[error("too many requests are under way; try again")]
    Overloaded,
    /// Another actor cannot answer.
    #[error("{0}")]
    Unavailable(String),
    /// It is not known what came of it.
    #[error("{0}")]
    Unknown(String),
    /// A defect.
    #[error("a defect of this server; its log has the place")]
    Defect,
}

// === impl Refusal ===

impl Refusal {
    /// The status code (RFC 9110 section 15).
    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_) => 400,
            Self::Unauthorized => 401,
            Self::ForeignHost(_) => 403,
            Self::NotFound | Self::NoZone(_) => 404,
            Self::Method => 405,
            Self::Conflict(_) => 409,
            Self::TooLarge(_) => 413,
            Self::Unprocessable(_) => 422,
            Self::Defect => 500,
            Self::Overloaded | Self::Unavailable(_) => 503,
            Self::Unknown(_) => 504,
        }
    }
}

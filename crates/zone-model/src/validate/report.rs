//! Reports: what was found, how bad it is, where.

use crate::name::Name;
use crate::rtype::RecordType;
use std::fmt;
use std::sync::Arc;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Probably not meant so.
    Warning,
    /// Something is not served as it stands there, or does not work for who asks.
    Error,
}

/// Something remarkable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The owner that it is about.
    pub owner: Name,
    /// The type that it is about, where it is about one.
    pub rtype: Option<RecordType>,
    /// What it is.
    pub finding: Finding,
    /// Where in a file, if it came from one.
    pub place: Option<Place>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: usize,
}

/// What is remarkable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// The apex has no SOA.
    #[error("the zone has no SOA record: it is served only where a configuration names it, with one made up")]
    NoSoa,
    /// The apex has no NS.
    #[error("the zone has no NS records at its apex (RFC 1034 section 4.2.1)")]
    NoNs,
    /// The owner is not of the zone.
    #[error("the name is not in the zone {apex}, so these records do not belong here")]
    OutOfZone {
        /// The zone.
        apex: Name,
    },
    /// An SOA below the apex.
    #[error("an SOA record below the apex of the zone {apex} begins a zone of its own")]
    SoaBelowApex {
        /// The zone.
        apex: Name,
    },
    /// A CNAME at the apex, where it never serves.
    #[error("a CNAME record at the apex never serves (RFC 1912 section 2.4)")]
    CnameAtApex,
    /// A CNAME beside other types.
    #[error("a CNAME record hides what else stands there: {} (RFC 2181 section 10.1)", list(others))]
    CnameAndOther {
        /// The other types.
        others: Vec<RecordType>,
    },
    /// Data that a DNAME above hides.
    #[error("the DNAME record of {dname} hides everything below it (RFC 6672 section 2.4)")]
    BelowDname {
        /// Where the DNAME stands.
        dname: Name,
    },
    /// A DNAME where a zone is cut off.
    #[error("a DNAME record stands beside the NS records of a zone cut (RFC 6672 section 2.3)")]
    DnameAtCut,
    /// Data below or at a cut that is not served.
    #[error(
        "the zone is cut off at {cut}; what stands there and is not glue is not served (RFC 2181 section 6.1)"
    )]
    BelowCut {
        /// Where the cut is.
        cut: Name,
    },
    /// A name server within the delegated zone without an address.
    #[error("the name server {target} lies in the delegated zone and has no address here: glue is missing")]
    MissingGlue {
        /// The name server.
        target: Name,
    },
    /// A target in this zone that has no address.
    #[error("{target} is in this zone and has no address (A or AAAA)")]
    NoAddress {
        /// The target.
        target: Name,
    },
    /// A target that is an alias.
    #[error("{target} is an alias (CNAME), where a host must stand (RFC 2181 section 10.3)")]
    TargetIsAlias {
        /// The target.
        target: Name,
    },
    /// A target that is an address written as a name.
    #[error("{target} is an address, where the name of a host must stand")]
    TargetIsAddress {
        /// The target.
        target: Name,
    },
    /// TTLs of one RRset differ.
    #[error("the TTLs of its records differ; {} serves for all (RFC 2181 section 5.2)", seconds(*serves))]
    DifferentTtls {
        /// The one that serves.
        serves: Option<u32>,
    },
    /// A record that stands there twice.
    #[error("the record stands there already and counts once (RFC 2181 section 5)")]
    Duplicate,
    /// A signature of what is not there.
    #[error("the RRSIG record covers {covered}, which the name does not have")]
    RrsigWithoutData {
        /// The type that it covers.
        covered: RecordType,
    },
    /// An NSEC at a name that is not there.
    #[error("the NSEC record stands at a name that has nothing else")]
    NsecWithoutData,
    /// A DNSKEY at the apex.
    #[error(
        "the zone is signed; its signatures are served as data only, for signed answers are not there yet"
    )]
    Signed,
}

// === impl Report ===

impl Report {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.finding.severity()
    }
}

/// `[FILE:LINE: ]error: OWNER [TYPE]: what it is`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { file, line }) = &self.place {
            write!(f, "{file}:{line}: ")?;
        }
        write!(f, "{}: {}", self.severity(), self.owner)?;
        if let Some(rtype) = self.rtype {
            write!(f, " {rtype}")?;
        }
        write!(f, ": {}", self.finding)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

// === impl Finding ===

impl Finding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Duplicate | Self::Signed | Self::SoaBelowApex { .. } => Severity::Notice,
            Self::BelowCut { .. }
            | Self::NoAddress { .. }
            | Self::DifferentTtls { .. }
            | Self::RrsigWithoutData { .. }
            | Self::NsecWithoutData => Severity::Warning,
            Self::NoSoa
            | Self::NoNs
            | Self::OutOfZone { .. }
            | Self::CnameAtApex
            | Self::CnameAndOther { .. }
            | Self::BelowDname { .. }
            | Self::DnameAtCut
            | Self::MissingGlue { .. }
            | Self::TargetIsAlias { .. }
            | Self::TargetIsAddress { .. } => Severity::Error,
        }
    }

    /// A word for programs, which does not change: `no-soa`, `missing-glue`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSoa => "no-soa",
            Self::NoNs => "no-ns",
            Self::OutOfZone { .. } => "out-of-zone",
            Self::SoaBelowApex { .. } => "soa-below-apex",
            Self::CnameAtApex => "cname-at-apex",
            Self::CnameAndOther { .. } => "cname-and-other",
            Self::BelowDname { .. } => "below-dname",
            Self::DnameAtCut => "dname-at-cut",
            Self::BelowCut { .. } => "below-cut",
            Self::MissingGlue { .. } => "missing-glue",
            Self::NoAddress { .. } => "no-address",
            Self::TargetIsAlias { .. } => "target-is-alias",
            Self::TargetIsAddress { .. } => "target-is-address",
            Self::DifferentTtls { .. } => "different-ttls",
            Self::Duplicate => "duplicate",
            Self::RrsigWithoutData { .. } => "rrsig-without-data",
            Self::NsecWithoutData => "nsec-without-data",
            Self::Signed => "signed",
        }
    }
}

fn list(types: &[RecordType]) -> String {
    types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn seconds(ttl: Option<u32>) -> String {
    ttl.map_or_else(|| "the default".to_owned(), |ttl| format!("{ttl} s"))
}

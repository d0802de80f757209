//! What may come up on the way to an answer, so that it can be seen that everything does.

/// Something that comes up on the way to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// A CNAME is followed.
    Alias,
    /// A DNAME below the apex.
    Dname,
    DnameAtApex,
    /// A DNAME's target that would have more than 255 octets.
    TooLong,
    /// A chain leads from one zone here into another.
    AcrossZones,
    /// A chain leads to a name of nobody here.
    LeadsOut,
    Loop,
    /// A chain of more names than are followed.
    TooManyNames,
    Wildcard,
    WildcardAlias,
    WildcardNs,
    /// A wildcard whose parent is an empty non-terminal.
    WildcardBelowEmpty,
    /// A `*` that is asked for as it stands.
    LiteralStar,
    /// A `*` in the middle of the name.
    StarInside,
    /// An empty non-terminal, or a wildcard that is one.
    Empty,
    NameError,
    Referral,
    Glue,
    SiblingGlue,
    /// Data at or below a cut, where nobody sees it.
    Occluded,
    DsAtCut,
    AnyOne,
    AnyAll,
    ClassAny,
    RootZone,
    /// A name of more than 250 octets.
    LongName,
    /// Addresses beside a positive answer.
    Addresses,
    /// A name of nobody here.
    Nobody,
    /// A query that is answered with an RCODE alone.
    Refused,
    /// What the limit leaves no room for.
    Truncated,
    /// What is optional and was left out.
    LeftOut,
}

/// All of them.
pub(crate) const ALL: [Shape; 31] = [
    Shape::Alias,
    Shape::Dname,
    Shape::DnameAtApex,
    Shape::TooLong,
    Shape::AcrossZones,
    Shape::LeadsOut,
    Shape::Loop,
    Shape::TooManyNames,
    Shape::Wildcard,
    Shape::WildcardAlias,
    Shape::WildcardNs,
    Shape::WildcardBelowEmpty,
    Shape::LiteralStar,
    Shape::StarInside,
    Shape::Empty,
    Shape::NameError,
    Shape::Referral,
    Shape::Glue,
    Shape::SiblingGlue,
    Shape::Occluded,
    Shape::DsAtCut,
    Shape::AnyOne,
    Shape::AnyAll,
    Shape::ClassAny,
    Shape::RootZone,
    Shape::LongName,
    Shape::Addresses,
    Shape::Nobody,
    Shape::Refused,
    Shape::Truncated,
    Shape::LeftOut,
];

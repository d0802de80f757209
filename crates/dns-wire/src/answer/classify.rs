//! What a zone says of a name and a type: one descent, and no octet written.

use zone_model::RecordType;
use zone_model::catalog::{AnswerRrSet, Authority, Node, QueryName};

/// What is known of a name, one per line of RFC 1034 section 4.3.2.
#[derive(Clone, Copy, Debug)]
pub(super) enum Match<'a> {
    /// The RRset that was asked for, at the name or at the wildcard that covers it; its zone's apex has so many
    /// labels.
    Hit(AnswerRrSet<'a>, usize),
    /// QTYPE is ANY, and the node has RRsets.
    All(Node<'a>),
    /// The name exists and has no such RRset; its zone's apex has so many labels.
    NoData(usize),
    /// The name does not exist; its zone's apex has so many labels.
    Miss(usize),
    /// The name is at or below a zone cut, whose owner has so many labels.
    Cut(Node<'a>, usize),
    /// The name is an alias.
    Alias(AnswerRrSet<'a>),
    /// The name is below a DNAME, whose owner has so many labels.
    Redirect(AnswerRrSet<'a>, usize),
    /// No zone here holds the name.
    Alien,
}

/// Looks a name up, and matches it down the deepest zone that holds it.
pub(super) fn look_up<'a, A: Authority>(authority: &'a A, name: &QueryName, qtype: RecordType) -> Match<'a> {
    classify(authority, name, qtype, authority.find(name))
}

/// Matches a name, of which [`Authority::find`] found this, down the deepest zone that holds it.
pub(super) fn classify<'a, A: Authority>(
    authority: &'a A,
    name: &QueryName,
    qtype: RecordType,
    found: Option<(Node<'a>, usize)>,
) -> Match<'a> {
    let Some((mut node, mut labels)) = found else { return Match::Alien };
    let mut of_parent = false;
    if qtype == RecordType::DS && labels == name.labels() && node.has_parent_zone() {
        // DS stands on the parent's side of the cut (RFC 4035 section 3.1.4.1): match down that zone.
        of_parent = true;
        if let Some(above) = authority.node(name, labels - 1) {
            if !above.is_authoritative() || above.has_dname() {
                node = above;
                labels -= 1;
            } else {
                let apex = above.apex_labels();
                return node.rrset(qtype).map_or(Match::NoData(apex), |rrset| Match::Hit(rrset, apex));
            }
        }
    }
    if let Some(barrier) = node.barrier()
        && let Some(above) = authority.node(name, barrier)
    {
        return match above.rrset(RecordType::DNAME) {
            Some(dname) if !above.is_cut() => Match::Redirect(dname, barrier),
            _ => Match::Cut(above, barrier),
        };
    }
    let exact = labels == name.labels() && !of_parent;
    if node.is_cut() && !(exact && qtype == RecordType::DS) {
        return Match::Cut(node, labels);
    }
    if exact {
        return match_node(node, qtype, node.apex_labels());
    }
    if let Some(dname) = node.rrset(RecordType::DNAME) {
        return Match::Redirect(dname, labels);
    }
    match source_of_synthesis(authority, name, node, labels) {
        Some(wildcard) => match_node(wildcard, qtype, node.apex_labels()),
        None => Match::Miss(node.apex_labels()),
    }
}

/// The wildcard that covers a name whose closest encloser is `encloser`, of `labels` labels. An apex is none:
/// it stands at the top of another zone (RFC 4592 section 4.1).
pub(super) fn source_of_synthesis<'a, A: Authority>(
    authority: &'a A,
    name: &QueryName,
    encloser: Node<'a>,
    labels: usize,
) -> Option<Node<'a>> {
    if !encloser.has_wildcard_below() {
        return None;
    }
    authority.wildcard(name, labels).filter(|wildcard| !wildcard.is_apex())
}

fn match_node(node: Node<'_>, qtype: RecordType, apex_labels: usize) -> Match<'_> {
    if qtype == RecordType::ANY {
        return if visible(node).next().is_some() { Match::All(node) } else { Match::NoData(apex_labels) };
    }
    // At an apex DS is the parent's, and where that is not here nobody can say it (RFC 4035 section 3.1.4.1).
    if qtype == RecordType::DS && node.is_apex() {
        return Match::NoData(apex_labels);
    }
    if let Some(rrset) = node.rrset(qtype) {
        return Match::Hit(rrset, apex_labels);
    }
    match node.rrset(RecordType::CNAME) {
        Some(alias) if node.has_cname() => Match::Alias(alias),
        _ => Match::NoData(apex_labels),
    }
}

/// The RRsets of a node that its own zone serves.
pub(super) fn visible(node: Node<'_>) -> impl Iterator<Item = AnswerRrSet<'_>> {
    node.rrsets().filter(move |rrset| !(node.is_apex() && rrset.rtype == RecordType::DS))
}

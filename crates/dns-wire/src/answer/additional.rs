//! The additional section: addresses of the names that an answer or a referral names, from local data.

use super::classify::source_of_synthesis;
use crate::writer::{Full, Owner, Section, Writer};
use zone_model::RecordType;
use zone_model::catalog::{AnswerRrSet, Authority, Node, QueryName};
use zone_model::rdata;

/// The types of addresses, in the order in which they are added.
pub(super) const ADDRESSES: [RecordType; 2] = [RecordType::A, RecordType::AAAA];

/// Hosts whose addresses are added to a positive answer at most: they are optional.
const HOSTS: usize = 32;

/// Which hosts have their addresses in the message, by fingerprint. What does not fit is forgotten.
struct Hosts {
    seen: [u64; HOSTS],
    length: usize,
}

/// Adds the addresses of the targets of NS, MX, SRV and the like, as far as they fit; they are optional, so
/// what does not fit is left out without TC (RFC 2181 section 9). `name` is the RRset's owner, whose zone's apex
/// has `apex` labels, and `owner` says how it is written.
///
/// What another zone here has is no business of this one: no resolver may believe it from there (RFC 2181
/// section 5.4.1). But the zone's own servers may have their names in a zone below it, as the root's do; who
/// serves both says what that one has.
pub(super) fn addresses<A: Authority>(
    authority: &A,
    writer: &mut Writer<'_>,
    scratch: &mut QueryName,
    rrset: &AnswerRrSet<'_>,
    name: &QueryName,
    apex: usize,
    owner: Owner<'_>,
) {
    // Most types name nobody.
    if rrset.plain || !rdata::draws_additional(rrset.rtype) {
        return;
    }
    let mut hosts = Hosts::new();
    // NS at a wildcard are no zone's servers (RFC 4592 section 4.2).
    let is_server = rrset.rtype == RecordType::NS && name.labels() == apex;
    let apex = name.suffix(apex);
    for (rdata, target) in targets(rrset) {
        let owner = match target {
            [0] if is_service_at_owner(rrset.rtype, rdata) => {
                scratch.clone_from(name);
                owner
            }
            // "No service" (RFC 2782, RFC 7505, RFC 9460 section 2.5.1); as a server the root is a name like any other.
            [0] if rrset.rtype != RecordType::NS => continue,
            _ if scratch.read(target, authority.seed()).is_err() => continue,
            _ => Owner::Name(target),
        };
        if hosts.length == HOSTS || !hosts.is_new(scratch) {
            continue;
        }
        let own = |node: &Node<'_>| {
            is_in_zone(*node, scratch, apex) || is_server && ends_with(scratch.wire(), apex)
        };
        // An apex's own servers may stand below a cut of the zone, the root's do: their glue is what there is.
        let glue = || below_cut(authority, scratch, Some(apex)).filter(|_| is_server);
        let node = authoritative(authority, scratch).filter(own).or_else(glue);
        if node.is_some_and(|node| write(writer, node, owner).is_err()) {
            return;
        }
    }
}

/// Adds the glue of a referral: first the addresses of servers at or below the cut, without which it leads
/// nowhere and which therefore must fit (RFC 9471 section 3.1), then those of servers elsewhere at or below the
/// same apex, which may be left out (section 3.2).
pub(super) fn glue<A: Authority>(
    authority: &A,
    writer: &mut Writer<'_>,
    scratch: &mut QueryName,
    servers: &AnswerRrSet<'_>,
    cut: &[u8],
    apex: &[u8],
) -> Result<(), Full> {
    let mut hosts = Hosts::new();
    for in_domain in [true, false] {
        for (_, target) in targets(servers) {
            if scratch.read(target, authority.seed()).is_err()
                || ends_with(scratch.wire(), cut) != in_domain
                || !hosts.is_new(scratch)
            {
                continue;
            }
            let node = if in_domain {
                below_cut(authority, scratch, None).or_else(|| authoritative(authority, scratch))
            } else {
                // Where the zone below is here, too, its own data are better than what stands above the cut.
                let own =
                    |node: &Node<'_>| is_in_zone(*node, scratch, apex) || ends_with(scratch.wire(), apex);
                authoritative(authority, scratch)
                    .filter(own)
                    .or_else(|| below_cut(authority, scratch, Some(apex)))
            };
            match node.map_or(Ok(()), |node| write(writer, node, Owner::Name(target))) {
                Err(Full) if in_domain => return Err(Full),
                Err(Full) => return Ok(()),
                Ok(()) => {}
            }
        }
    }
    Ok(())
}

/// The node that a zone here answers from for a name, be it a wildcard's: not at a cut, nor below one or a
/// DNAME.
fn authoritative<'a, A: Authority>(authority: &'a A, name: &QueryName) -> Option<Node<'a>> {
    let (node, labels) = authority.find(name)?;
    if !node.is_authoritative() {
        return None;
    }
    if labels == name.labels() {
        return Some(node);
    }
    if node.has_dname() {
        return None;
    }
    source_of_synthesis(authority, name, node, labels)
}

/// The node of a name at or below a cut: glue. With `apex` only in that zone.
fn below_cut<'a, A: Authority>(authority: &'a A, name: &QueryName, apex: Option<&[u8]>) -> Option<Node<'a>> {
    let node = authority.node(name, name.labels())?;
    let is_glue = match node.barrier() {
        // What stands below a DNAME is nobody's data (RFC 6672 section 2.4).
        Some(above) => authority.node(name, above).is_some_and(Node::is_cut),
        None => node.is_cut(),
    };
    (is_glue && apex.is_none_or(|apex| is_in_zone(node, name, apex))).then_some(node)
}

/// Whether the node, which a lookup of this name found, is in the zone of this apex.
fn is_in_zone(node: Node<'_>, name: &QueryName, apex: &[u8]) -> bool {
    name.suffix(node.apex_labels()) == apex
}

fn write(writer: &mut Writer<'_>, node: Node<'_>, owner: Owner<'_>) -> Result<(), Full> {
    let mut addresses = ADDRESSES.iter().filter_map(|rtype| node.rrset(*rtype));
    addresses.try_for_each(|addresses| writer.rrset(Section::Additional, owner, &addresses, None))
}

/// The names in an RRset's RDATA that draw additional data, each with its record's RDATA.
fn targets<'a>(rrset: &AnswerRrSet<'a>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
    let rtype = rrset.rtype;
    rrset.rdatas().flat_map(move |rdata| {
        rdata::known_name_fields(rtype, rdata)
            .filter(|field| field.additional)
            .map(move |field| (rdata, &rdata[field.start..field.start + field.length]))
    })
}

/// Whether a target of `.` stands for the owner: in SVCB and HTTPS, unless they are aliases, whose priority
/// is 0 (RFC 9460 section 2.5).
fn is_service_at_owner(rtype: RecordType, rdata: &[u8]) -> bool {
    matches!(rtype, RecordType::SVCB | RecordType::HTTPS) && !rdata.starts_with(&[0, 0])
}

/// Whether one lower-case name is at or below another.
fn ends_with(name: &[u8], ancestor: &[u8]) -> bool {
    let mut rest = name;
    while rest.len() > ancestor.len() {
        rest = &rest[usize::from(rest[0]) + 1..];
    }
    rest == ancestor
}

// === impl Hosts ===

impl Hosts {
    fn new() -> Self {
        Self { seen: [0; HOSTS], length: 0 }
    }

    /// Whether the host was not seen before. Many records name the same one (SRV with several ports), and an
    /// RRset stands in a message once.
    fn is_new(&mut self, name: &QueryName) -> bool {
        let fingerprint = name.fingerprint();
        if self.seen[..self.length].contains(&fingerprint) {
            return false;
        }
        if let Some(place) = self.seen.get_mut(self.length) {
            *place = fingerprint;
            self.length += 1;
        }
        true
    }
}

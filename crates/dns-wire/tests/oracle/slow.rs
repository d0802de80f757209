//! The slow, obvious answer: RFC 1034 section 4.3.2 and its successors, word by word, over plain sorted maps and
//! hickory-proto's messages. It shares no code with what it judges: no name, no record, no zone, no message.

use super::data::{self, Name, RrSet, at_or_below, below, labels, suffix, wire_length};
use super::shapes::Shape;
use hickory_proto::op::{Edns, Message, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{DNSClass, RData, Record, RecordType as T};
use std::collections::BTreeMap;

/// RRsets by the number of their type.
type Sets = BTreeMap<u16, RrSet>;

/// What one zone has.
pub(crate) struct Zone {
    apex: Name,
    /// Every owner, a child zone's apex among them with what the parent says of it.
    data: BTreeMap<Name, Sets>,
    /// The apexes of the zones directly below.
    children: Vec<Name>,
}

/// All zones of a server.
pub(crate) struct Server {
    zones: Vec<Zone>,
}

/// The answer to a query, without a limit of size.
pub(crate) struct Expected {
    /// The whole message.
    pub(crate) message: Message,
    /// What of its additional section must be there, or TC is set: glue of servers in the domain of a referral.
    pub(crate) glue: Vec<Record>,
    /// What may be left out.
    pub(crate) optional: Vec<Record>,
    /// What came up on the way.
    pub(crate) shapes: Vec<Shape>,
}

/// What a zone says of a name and a type.
enum Found {
    Data(RrSet),
    /// What owns everything that was asked for with QTYPE `*`.
    All(Sets),
    Alias(RrSet),
    Redirect(Name, RrSet),
    Referral(Name),
    NoData,
    NameError,
}

/// Names looked up for one answer at most.
const MOST_NAMES: usize = 16;
/// The UDP payload that the server says that it takes.
const PAYLOAD: u16 = 1232;
/// Extended errors (RFC 8914 sections 4.21 and 4.22).
const NOT_AUTHORITATIVE: u8 = 20;
const NOT_SUPPORTED: u8 = 21;

// === impl Server ===

impl Server {
    /// The server of these zones, one record a line.
    pub(crate) fn new(lines: &[String]) -> Self {
        let owners = data::read(lines);
        let apexes: Vec<&Name> = owners
            .iter()
            .filter(|(_, sets)| sets.contains_key(&T::SOA.into()))
            .map(|(owner, _)| owner)
            .collect();
        let zones = apexes.iter().map(|apex| Zone::new((*apex).clone(), &apexes, &owners)).collect();
        Self { zones }
    }

    /// "The zone which is the nearest ancestor to QNAME"; for DS the nearest above it.
    fn zone(&self, name: &Name, rtype: T) -> Option<&Zone> {
        let nearest = |strict: bool| {
            let holds =
                |zone: &&Zone| if strict { below(name, &zone.apex) } else { at_or_below(name, &zone.apex) };
            self.zones.iter().filter(holds).max_by_key(|zone| labels(&zone.apex))
        };
        match rtype {
            T::DS if self.zones.iter().any(|zone| zone.apex == *name) => {
                nearest(true).or_else(|| nearest(false))
            }
            _ => nearest(false),
        }
    }

    /// The answer to a query by a client that does not recurse. `all` says whether a question of type ANY gets
    /// everything.
    pub(crate) fn answer(&self, query: &Message, all: bool) -> Expected {
        let mut message = Message::response(query.metadata.id, query.metadata.op_code);
        message.metadata.recursion_desired = query.metadata.recursion_desired;
        message.queries.clone_from(&query.queries);
        message.edns = query.edns.as_ref().map(|asked| {
            let mut own = Edns::new();
            own.set_max_payload(PAYLOAD).set_version(0).set_dnssec_ok(asked.flags().dnssec_ok);
            own
        });
        let mut expected = Expected { message, glue: Vec::new(), optional: Vec::new(), shapes: Vec::new() };
        let question = match &query.queries[..] {
            _ if query.metadata.op_code != OpCode::Query => {
                return expected.refuse(ResponseCode::NotImp, Some(NOT_SUPPORTED));
            }
            _ if query.edns.as_ref().is_some_and(|edns| edns.version() > 0) => {
                return expected.refuse(ResponseCode::BADVERS, None);
            }
            [question] => question,
            _ => return expected.refuse(ResponseCode::FormErr, None),
        };
        let is_served = matches!(question.query_class, DNSClass::IN | DNSClass::ANY);
        match question.query_type {
            _ if !is_served => return expected.refuse(ResponseCode::Refused, Some(NOT_SUPPORTED)),
            T::AXFR | T::IXFR => return expected.refuse(ResponseCode::Refused, Some(NOT_SUPPORTED)),
            T::OPT | T::TSIG | T::Unknown(249) => return expected.refuse(ResponseCode::FormErr, None),
            _ => {}
        }
        expected.message.metadata.authoritative = true;
        self.follow(&mut expected, question, all);
        if question.query_class == DNSClass::ANY {
            expected.saw(Shape::ClassAny);
            expected.message.metadata.authoritative = false;
        }
        expected.message.additionals = [&expected.glue[..], &expected.optional].concat();
        expected
    }

    fn follow(&self, expected: &mut Expected, question: &Query, all: bool) {
        let rtype = question.query_type;
        let mut name = question.name.to_lowercase();
        let mut seen: Vec<Name> = Vec::new();
        loop {
            if seen.contains(&name) {
                return expected.saw(Shape::Loop);
            }
            if seen.len() == MOST_NAMES {
                return expected.saw(Shape::TooManyNames);
            }
            seen.push(name.clone());
            if wire_length(&name) > 250 {
                expected.saw(Shape::LongName);
            }
            let Some(zone) = self.zone(&name, rtype) else {
                if seen.len() == 1 {
                    expected.message.metadata.authoritative = false;
                    expected.set(ResponseCode::Refused, Some(NOT_AUTHORITATIVE));
                    return expected.saw(Shape::Nobody);
                }
                return expected.saw(Shape::LeadsOut);
            };
            if seen.len() > 1
                && seen.iter().any(|other| self.zone(other, rtype).map(|own| &own.apex) != Some(&zone.apex))
            {
                expected.saw(Shape::AcrossZones);
            }
            if zone.apex.is_root() {
                expected.saw(Shape::RootZone);
            }
            match zone.look_up(&name, rtype, expected) {
                Found::Data(set) => {
                    expected.add_answer(&name, rtype, &set);
                    return self.add_hosts(expected, zone, &name, rtype, &set);
                }
                Found::All(sets) => {
                    expected.saw(if all { Shape::AnyAll } else { Shape::AnyOne });
                    let most = if all { usize::MAX } else { 1 };
                    for (rtype, set) in sets.iter().take(most) {
                        expected.add_answer(&name, T::from(*rtype), set);
                    }
                    return;
                }
                Found::Alias(set) => {
                    expected.saw(Shape::Alias);
                    expected.add_answer(&name, T::CNAME, &set);
                    name = data::target(&set.rdatas[0]);
                }
                Found::Redirect(owner, set) => {
                    expected.saw(if owner == zone.apex { Shape::DnameAtApex } else { Shape::Dname });
                    expected.add_answer(&owner, T::DNAME, &set);
                    let Some(target) = redirected(&name, &owner, &set) else {
                        expected.set(ResponseCode::YXDomain, None);
                        return expected.saw(Shape::TooLong);
                    };
                    let cname = RData::CNAME(CNAME(target.clone()));
                    expected.add_answer(&name, T::CNAME, &RrSet { ttl: set.ttl, rdatas: vec![cname] });
                    if rtype == T::CNAME {
                        return;
                    }
                    name = target.to_lowercase();
                }
                Found::Referral(cut) => {
                    expected.message.metadata.authoritative &= seen.len() > 1;
                    let servers = &zone.data[&cut][&T::NS.into()];
                    expected.message.authorities = records(&cut, servers);
                    return self.add_glue(expected, zone, &cut, servers);
                }
                Found::NoData => return expected.set_negative(zone, ResponseCode::NoError),
                Found::NameError => {
                    expected.saw(Shape::NameError);
                    return expected.set_negative(zone, ResponseCode::NXDomain);
                }
            }
        }
    }

    /// The addresses of the hosts that an RRset names, as they would be answered themselves.
    fn add_hosts(&self, expected: &mut Expected, zone: &Zone, owner: &Name, rtype: T, set: &RrSet) {
        let mut added = Vec::new();
        for rdata in &set.rdatas {
            let Some(mut host) = data::host(rdata) else { continue };
            if host.is_root() && rtype != T::NS {
                if !data::is_service(rdata) {
                    continue;
                }
                host = owner.clone();
            }
            // Of the same zone alone, but for the zone's own servers: these may be in one below it, and may have glue
            // for addresses.
            let is_own = self.zone(&host, T::A).is_some_and(|own| own.apex == zone.apex);
            let is_server = rtype == T::NS && zone.apex == *owner;
            if is_own || is_server && at_or_below(&host, &zone.apex) {
                added.extend(self.addresses(&host));
            }
            if is_own && is_server {
                added.extend(zone.glue(&host));
            }
        }
        if !added.is_empty() {
            expected.saw(Shape::Addresses);
        }
        add_new(&mut expected.optional, added);
    }

    fn add_glue(&self, expected: &mut Expected, zone: &Zone, cut: &Name, servers: &RrSet) {
        let (mut glue, mut optional) = (Vec::new(), Vec::new());
        for rdata in &servers.rdatas {
            let host = data::host(rdata).expect("NS name a host");
            let Some(own) = self.zone(&host, T::A) else { continue };
            if at_or_below(&host, cut) {
                glue.extend(self.addresses(&host).into_iter().chain(own.glue(&host)));
            } else if own.apex == zone.apex {
                optional.extend(self.addresses(&host).into_iter().chain(own.glue(&host)));
            } else if at_or_below(&host, &zone.apex) {
                optional.extend(self.addresses(&host));
            }
        }
        expected.saw(Shape::Referral);
        if !glue.is_empty() {
            expected.saw(Shape::Glue);
        }
        if !optional.is_empty() {
            expected.saw(Shape::SiblingGlue);
        }
        add_new(&mut expected.glue, glue);
        add_new(&mut expected.optional, optional);
    }

    fn addresses(&self, host: &Name) -> Vec<Record> {
        let Some(zone) = self.zone(host, T::A) else { return Vec::new() };
        let mut unseen = Expected::nothing();
        let found = [T::A, T::AAAA].map(|rtype| match zone.look_up(host, rtype, &mut unseen) {
            Found::Data(set) => records(host, &set),
            _ => Vec::new(),
        });
        found.concat()
    }
}

// === impl Zone ===

impl Zone {
    fn new(apex: Name, apexes: &[&Name], owners: &BTreeMap<Name, Sets>) -> Self {
        let zone_above = |name: &Name, strict: bool| {
            let above =
                apexes.iter().filter(|apex| if strict { below(name, apex) } else { at_or_below(name, apex) });
            above.max_by_key(|apex| labels(apex)).map(|apex| (*apex).clone())
        };
        let mut data: BTreeMap<Name, Sets> = BTreeMap::new();
        let mut children = Vec::new();
        for (owner, sets) in owners {
            let is_apex = apexes.contains(&owner);
            if zone_above(owner, false).as_ref() == Some(&apex) {
                let mut sets = sets.clone();
                if is_apex {
                    sets.remove(&T::DS.into());
                }
                let has = |rtype: T| sets.contains_key(&rtype.into());
                let is_alias = has(T::CNAME) && !has(T::NS) && !is_apex;
                sets.retain(|rtype, _| match T::from(*rtype) {
                    T::CNAME => is_alias,
                    T::RRSIG | T::NSEC | T::KEY => true,
                    _ => !is_alias,
                });
                data.insert(owner.clone(), sets);
            } else if is_apex && zone_above(owner, true).as_ref() == Some(&apex) {
                // The child's apex, of which the parent says DS.
                let ds = sets.iter().filter(|(rtype, _)| T::from(**rtype) == T::DS);
                children.push(owner.clone());
                data.insert(owner.clone(), ds.map(|(rtype, set)| (*rtype, set.clone())).collect());
            }
        }
        Self { apex, data, children }
    }

    fn exists(&self, name: &Name) -> bool {
        self.data.keys().any(|owner| at_or_below(owner, name))
    }

    fn get(&self, name: &Name, rtype: T) -> Option<&RrSet> {
        self.data.get(name)?.get(&rtype.into())
    }

    /// "Start matching down, label by label, in the zone."
    fn look_up(&self, name: &Name, rtype: T, expected: &mut Expected) -> Found {
        for count in labels(&self.apex)..=labels(name) {
            let at = suffix(name, count);
            let is_whole = at == *name;
            if !self.exists(&at) {
                let encloser = suffix(name, count - 1);
                let Ok(star) = encloser.prepend_label(&b"*"[..]) else { return Found::NameError };
                if !self.exists(&star) || self.children.contains(&star) {
                    return Found::NameError;
                }
                expected.saw(Shape::Wildcard);
                if !self.data.contains_key(&encloser) {
                    expected.saw(Shape::WildcardBelowEmpty);
                }
                if self.get(&star, T::CNAME).is_some() {
                    expected.saw(Shape::WildcardAlias);
                }
                if self.get(&star, T::NS).is_some() {
                    expected.saw(Shape::WildcardNs);
                }
                return self.match_at(&star, rtype, expected);
            }
            let is_cut = at != self.apex && self.get(&at, T::NS).is_some();
            if is_cut && !(is_whole && rtype == T::DS) {
                if is_whole && self.data[&at].len() > 1 || !is_whole && self.exists(name) {
                    expected.saw(Shape::Occluded);
                }
                return Found::Referral(at);
            }
            if is_whole {
                if rtype == T::DS && (is_cut || self.children.contains(&at)) {
                    expected.saw(Shape::DsAtCut);
                }
                if data::is_star(&at) {
                    expected.saw(Shape::LiteralStar);
                }
                return self.match_at(&at, rtype, expected);
            }
            if let Some(dname) = self.get(&at, T::DNAME) {
                return Found::Redirect(at.clone(), dname.clone());
            }
            if data::is_star(&at) {
                expected.saw(Shape::StarInside);
            }
        }
        unreachable!("the last label is the whole name")
    }

    fn match_at(&self, at: &Name, rtype: T, expected: &mut Expected) -> Found {
        let nothing = BTreeMap::new();
        let sets = self.data.get(at).unwrap_or(&nothing);
        if sets.is_empty() {
            expected.saw(Shape::Empty);
        }
        if rtype == T::ANY {
            return if sets.is_empty() { Found::NoData } else { Found::All(sets.clone()) };
        }
        if let Some(set) = sets.get(&rtype.into()) {
            return Found::Data(set.clone());
        }
        match sets.get(&T::CNAME.into()) {
            Some(set) => Found::Alias(set.clone()),
            None => Found::NoData,
        }
    }

    /// Addresses that stand at or below a cut.
    fn glue(&self, host: &Name) -> Vec<Record> {
        if !matches!(self.look_up(host, T::A, &mut Expected::nothing()), Found::Referral(_)) {
            return Vec::new();
        }
        let sets = [T::A, T::AAAA].into_iter().filter_map(|rtype| self.get(host, rtype));
        sets.flat_map(|set| records(host, set)).collect()
    }
}

// === impl Expected ===

impl Expected {
    /// Of nobody: for what is looked up on the side.
    fn nothing() -> Self {
        let message = Message::response(0, OpCode::Query);
        Self { message, glue: Vec::new(), optional: Vec::new(), shapes: Vec::new() }
    }

    fn saw(&mut self, shape: Shape) {
        self.shapes.push(shape);
    }

    /// RCODE, whose upper part stands in the OPT, and why.
    fn set(&mut self, rcode: ResponseCode, error: Option<u8>) {
        // What the two parts are read as: 16 is a name of two codes.
        self.message.metadata.response_code = ResponseCode::from(rcode.high(), rcode.low());
        if let Some(edns) = &mut self.message.edns {
            edns.set_rcode_high(rcode.high());
            if let Some(error) = error {
                edns.options_mut().insert(EdnsOption::Unknown(15, vec![0, error]));
            }
        }
    }

    fn refuse(mut self, rcode: ResponseCode, error: Option<u8>) -> Self {
        self.saw(Shape::Refused);
        self.set(rcode, error);
        self
    }

    /// The SOA, with the lesser of its TTL and its last field (RFC 2308 section 5).
    fn set_negative(&mut self, zone: &Zone, rcode: ResponseCode) {
        self.set(rcode, None);
        let mut soa = records(&zone.apex, &zone.data[&zone.apex][&T::SOA.into()]);
        for record in &mut soa {
            record.ttl = record.ttl.min(data::minimum(&record.data));
        }
        self.message.authorities = soa;
    }

    /// Adds an RRset; the DNAME that a chain comes by again stands there already.
    fn add_answer(&mut self, owner: &Name, rtype: T, set: &RrSet) {
        let new = records(owner, set);
        if rtype != T::DNAME || !self.message.answers.iter().any(|record| data::same(record, &new[0])) {
            self.message.answers.extend(new);
        }
    }
}

fn records(owner: &Name, set: &RrSet) -> Vec<Record> {
    set.rdatas.iter().map(|rdata| Record::from_rdata(owner.clone(), set.ttl, rdata.clone())).collect()
}

/// Adds those records that are not there yet.
fn add_new(all: &mut Vec<Record>, new: Vec<Record>) {
    for record in new {
        if !all.iter().any(|own| data::same(own, &record)) {
            all.push(record);
        }
    }
}

/// The name with the DNAME's target in place of its owner; `None` where that is too long.
fn redirected(name: &Name, owner: &Name, dname: &RrSet) -> Option<Name> {
    let RData::Unknown { rdata, .. } = &dname.rdatas[0] else { unreachable!("a DNAME is opaque") };
    let target = data::name_in(&rdata.anything);
    let kept: Vec<&[u8]> = name.iter().take(labels(name) - labels(owner)).collect();
    let length = kept.iter().map(|label| label.len() + 1).sum::<usize>() + wire_length(&target);
    let whole = || Name::from_labels(kept.into_iter().chain(target.iter())).expect("labels of names");
    (length <= 255).then(whole)
}

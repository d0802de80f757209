//! What requests ask for, read from their queries and bodies.

use crate::error::Refusal;
use data_encoding::HEXLOWER_PERMISSIVE;
use messages::{
    AwaitApplied, Edit, HoldApplied, ListZones, OpenZone, ReadDigests, ReadQuarantine, ReadRecords,
    RebuildSources,
};
use serde::Deserialize;
use std::time::Duration;
use zone_model::{Name, Partition, Position, RecordType, RrSet, SourceId, rdata};

/// The longest that `POST /v1/await` waits.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The most entries of a page.
pub const LARGEST_PAGE: usize = 10_000;

/// `?name=&type=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordQuery {
    name: String,
    #[serde(rename = "type")]
    rtype: Option<String>,
    producer: Option<String>,
}

/// `?after=&limit=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    after: Option<String>,
    limit: Option<usize>,
}

/// `?name=&limit=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneQuery {
    name: String,
    limit: Option<usize>,
}

/// The body of `PUT /v1/records`: an RRset.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    ttl: Option<u32>,
    contents: Vec<String>,
}

/// One RRset, or several of one zone that change together.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Wanted>),
    One(Wanted),
}

/// The body of `POST /v1/await`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Awaited {
    source: String,
    positions: Vec<AwaitedPosition>,
    timeout_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AwaitedPosition {
    partition: u32,
    position: String,
}

/// The body of `POST /v1/hold`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedHold {
    limit_ms: u64,
}

/// The body of `POST /v1/digests`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedDigests {
    positions: Vec<SourcePosition>,
    limit_ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourcePosition {
    source: String,
    partition: u32,
    position: String,
}

/// The body of `POST /v1/rebuild`; an empty one is `{}`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WantedRebuild {
    source: Option<String>,
    accept_loss: bool,
}

/// The body of `POST /signin`.
#[derive(Deserialize)]
pub struct SignIn {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

// === impl RecordQuery ===

impl RecordQuery {
    /// The question to the store.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for a name or a type that is none.
    pub fn read(&self) -> Result<ReadRecords, Refusal> {
        let rtype = self.rtype.as_deref().filter(|text| !text.is_empty()).map(parse_type).transpose()?;
        Ok(ReadRecords { owner: parse_name(&self.name)?, rtype })
    }

    /// The removal that is asked for; its type must be said.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for a name or a type that is none, or no type.
    pub fn remove(&self) -> Result<Edit, Refusal> {
        let ReadRecords { owner, rtype } = self.read()?;
        let rtype =
            rtype.ok_or_else(|| Refusal::BadRequest("say which type to remove: ?name=…&type=…".into()))?;
        Ok(Edit::Remove { owner, rtype })
    }

    /// Who makes the change.
    pub fn producer(&self) -> Option<&str> {
        self.producer.as_deref()
    }
}

// === impl PageQuery ===

impl PageQuery {
    /// The question to the store.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for an apex that is no name, or a limit out of range.
    pub fn zones(&self) -> Result<ListZones, Refusal> {
        Ok(ListZones { after: self.after.as_deref().map(parse_name).transpose()?, limit: self.limit()? })
    }

    /// The question to the store, where what is listed is quarantined events: `after` is a place,
    /// `<source>/<partition>/<position>`.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for a place that is none, or a limit out of range.
    pub fn quarantine(&self) -> Result<ReadQuarantine, Refusal> {
        let place = |text: &str| {
            let bad = || Refusal::BadRequest(format!("after={text}: allowed is SOURCE/PARTITION/POSITION"));
            // A source's id may hold what divides the place.
            let mut parts = text.rsplitn(3, '/');
            let (position, partition) = (parts.next().ok_or_else(bad)?, parts.next().ok_or_else(bad)?);
            let source = parts.next().ok_or_else(bad)?;
            let position = HEXLOWER_PERMISSIVE.decode(position.as_bytes()).map_err(|_| bad())?;
            let position = Position::new(&position).map_err(|_| bad())?;
            Ok::<_, Refusal>((
                SourceId::new(source),
                Partition(partition.parse().map_err(|_| bad())?),
                position,
            ))
        };
        Ok(ReadQuarantine { after: self.after.as_deref().map(place).transpose()?, limit: self.limit()? })
    }

    /// How many at most; 0 for the store's default.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for a limit out of range.
    pub fn limit(&self) -> Result<usize, Refusal> {
        limit(self.limit)
    }
}

fn limit(asked: Option<usize>) -> Result<usize, Refusal> {
    match asked {
        Some(limit) if !(1..=LARGEST_PAGE).contains(&limit) => {
            Err(Refusal::BadRequest(format!("limit={limit}: allowed is 1 to {LARGEST_PAGE}")))
        }
        limit => Ok(limit.unwrap_or(0)),
    }
}

// === impl ZoneQuery ===

impl ZoneQuery {
    /// The zone that is meant.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for an apex that is no name.
    pub fn zone(&self) -> Result<OpenZone, Refusal> {
        Ok(OpenZone { apex: parse_name(&self.name)? })
    }

    /// How many at most; 0 where nobody says.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for a limit out of range.
    pub fn limit(&self) -> Result<usize, Refusal> {
        limit(self.limit)
    }
}

// === bodies ===

/// The RRsets that a body wants to be set.
///
/// # Errors
/// [`Refusal::BadRequest`] for what is no such JSON; [`Refusal::Unprocessable`] for a record that is none.
pub fn edits(body: &[u8]) -> Result<Vec<Edit>, Refusal> {
    const SHAPE: &str = "{\"name\": …, \"type\": …, \"ttl\": …, \"contents\": [\"…\"]}, or a list of these";
    let wanted = match serde_json::from_slice(body) {
        Ok(OneOrMany::Many(many)) => many,
        Ok(OneOrMany::One(one)) => vec![one],
        Err(_) => return Err(Refusal::BadRequest(format!("the body is not {SHAPE}"))),
    };
    if wanted.is_empty() {
        return Err(Refusal::BadRequest("the list of RRsets is empty".into()));
    }
    wanted.iter().map(set).collect()
}

fn set(wanted: &Wanted) -> Result<Edit, Refusal> {
    let owner = parse_name(&wanted.name)?;
    let rtype = parse_type(&wanted.rtype)?;
    let rdatas = wanted.contents.iter().map(|content| {
        rdata::parse_text(rtype, content)
            .map_err(|error| Refusal::Unprocessable(format!("{owner} {rtype}: {error}")))
    });
    let rdatas: Vec<_> = rdatas.collect::<Result<_, _>>()?;
    if rdatas.is_empty() {
        return Err(Refusal::Unprocessable(format!(
            "{owner} {rtype}: no contents; use DELETE to remove an RRset"
        )));
    }
    Ok(Edit::Set { owner, rtype, rrset: RrSet::new(wanted.ttl, rdatas) })
}

fn parse_position(text: &str) -> Result<Position, Refusal> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let position = bytes.and_then(|bytes| Position::new(&bytes).ok());
    position
        .ok_or_else(|| Refusal::BadRequest(format!("`{text}` is no position: 1 to 32 bytes in hexadecimal")))
}

/// What a body wants to be waited for.
///
/// # Errors
/// [`Refusal::BadRequest`].
pub fn await_applied(body: &[u8]) -> Result<AwaitApplied, Refusal> {
    let wanted: Awaited = json(body)?;
    let positions = wanted
        .positions
        .iter()
        .map(|wanted| Ok::<_, Refusal>((Partition(wanted.partition), parse_position(&wanted.position)?)));
    let timeout = Duration::from_millis(wanted.timeout_ms.unwrap_or(10_000));
    if timeout > LONGEST_WAIT {
        let most = LONGEST_WAIT.as_millis();
        return Err(Refusal::BadRequest(format!(
            "timeout_ms = {}: allowed is 0 to {most}",
            timeout.as_millis()
        )));
    }
    Ok(AwaitApplied {
        positions: positions.collect::<Result<_, _>>()?,
        source: SourceId::new(wanted.source),
        timeout,
    })
}

/// How long to stand still.
///
/// # Errors
/// [`Refusal::BadRequest`] for a body that is none.
pub fn hold(body: &[u8]) -> Result<HoldApplied, Refusal> {
    let wanted: WantedHold = json(body)?;
    Ok(HoldApplied { limit: Duration::from_millis(wanted.limit_ms).min(LONGEST_WAIT) })
}

/// Where to stand.
///
/// # Errors
/// [`Refusal::BadRequest`] for a body that is none, or a position that is none.
pub fn digests(body: &[u8]) -> Result<ReadDigests, Refusal> {
    let wanted: WantedDigests = json(body)?;
    let place = |own: SourcePosition| {
        let position = parse_position(&own.position)?;
        Ok((SourceId::new(own.source), Partition(own.partition), position))
    };
    let positions = wanted.positions.into_iter().map(place).collect::<Result<_, Refusal>>()?;
    Ok(ReadDigests { positions, limit: Duration::from_millis(wanted.limit_ms).min(LONGEST_WAIT) })
}

/// The rebuild that is asked for.
///
/// # Errors
/// [`Refusal::BadRequest`] for a body that is none.
pub fn rebuild(body: &[u8]) -> Result<RebuildSources, Refusal> {
    let wanted: WantedRebuild = match body {
        [] => WantedRebuild::default(),
        body => json(body)?,
    };
    Ok(RebuildSources { source: wanted.source.map(SourceId::new), accept_loss: wanted.accept_loss })
}

/// Who wants to sign in.
///
/// # Errors
/// [`Refusal::BadRequest`].
pub fn sign_in(body: &[u8]) -> Result<SignIn, Refusal> {
    json(body)
}

fn json<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::BadRequest(format!("the body: {error}")))
}

/// A domain name of a query or a body; absolute with or without its final dot.
///
/// # Errors
/// [`Refusal::BadRequest`].
pub fn parse_name(text: &str) -> Result<Name, Refusal> {
    Name::parse(text).map_err(|error| Refusal::BadRequest(format!("`{text}`: {error}")))
}

fn parse_type(text: &str) -> Result<RecordType, Refusal> {
    text.parse().map_err(|error: zone_model::UnknownType| Refusal::BadRequest(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rrset_or_several() {
        let one = r#"{"name":"a.example","type":"a","ttl":60,"contents":["192.0.2.1","192.0.2.2"]}"#;
        let edits_of_one = edits(one.as_bytes()).unwrap();
        let Edit::Set { owner, rtype, rrset } = &edits_of_one[0] else { panic!("{edits_of_one:?}") };
        assert_eq!(
            (owner.to_string().as_str(), *rtype, rrset.ttl, rrset.len()),
            ("a.example.", RecordType::A, Some(60), 2)
        );
        assert_eq!(edits(format!("[{one},{one}]").as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (body, status, part) in [
            ("", 400, "the body is not"),
            ("[]", 400, "empty"),
            (r#"{"name":"a..b","type":"A","contents":["192.0.2.1"]}"#, 400, "a..b"),
            (r#"{"name":"a.","type":"NONE","contents":["192.0.2.1"]}"#, 400, "NONE"),
            (r#"{"name":"a.","type":"A","content":"192.0.2.1"}"#, 400, "contents"),
            (r#"{"name":"a.","type":"A","contents":[]}"#, 422, "DELETE"),
            (r#"{"name":"a.","type":"A","contents":["192.0.2"]}"#, 422, "a. A"),
            (r#"{"name":"a.","type":"A","ttl":-1,"contents":["192.0.2.1"]}"#, 400, "ttl"),
        ] {
            let refusal = edits(body.as_bytes()).unwrap_err();
            assert_eq!(refusal.status(), status, "{body}");
            assert!(refusal.to_string().contains(part), "{refusal}");
        }
    }

    #[test]
    fn a_wait_names_positions_in_hexadecimal() {
        let wait = await_applied(
            br#"{"source":"dns","positions":[{"partition":3,"position":"01FF"}],"timeout_ms":5}"#,
        )
        .unwrap();
        assert_eq!(wait.source, SourceId::new("dns"));
        assert_eq!(wait.positions, [(Partition(3), Position::new(&[1, 255]).unwrap())]);
        assert_eq!(wait.timeout, Duration::from_millis(5));
        for body in [
            r#"{"source":"dns","positions":[{"partition":0,"position":""}]}"#.to_owned(),
            r#"{"source":"dns","positions":[{"partition":0,"position":"0"}]}"#.to_owned(),
            format!(r#"{{"source":"dns","positions":[{{"partition":0,"position":"{}"}}]}}"#, "00".repeat(33)),
            r#"{"source":"dns","positions":[],"timeout_ms":60001}"#.to_owned(),
            r#"{"positions":[]}"#.to_owned(),
        ] {
            assert_eq!(
                await_applied(body.as_bytes()).map_err(|refusal| refusal.status()).err(),
                Some(400),
                "{body}"
            );
        }
    }
}

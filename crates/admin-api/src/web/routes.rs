//! The routes, each of which asks one or two actors.

use super::{InService, Shared, answer, ask, now, zone};
use crate::error::Refusal;
use crate::freshness;
use crate::json;
use crate::readiness::Readiness;
use crate::request::{self, PageQuery, RecordQuery};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Resource, web};
use messages::{
    Edit, Publish, PublishError, ReadMetrics, ReadRecords, ReadSources, ReadStoreStatus, RebuildError,
    Recipient, StoreStatus, StoreUnavailable,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use zone_model::SourceId;

pub(super) type Reply = Result<HttpResponse, Refusal>;

/// Who made a change that does not say.
const PRODUCER: &str = "admin-api";
/// Longest name of a producer, in bytes: it stands in every event of the change.
const PRODUCER_LENGTH: usize = 255;

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(resource("/healthz").route(web::get().to(healthz)).route(web::head().to(healthz)))
        .service(resource("/readyz").route(web::get().to(readyz)).route(web::head().to(readyz)))
        .service(resource("/freshz").route(web::get().to(freshz)).route(web::head().to(freshz)))
        .service(resource("/metrics").route(web::get().to(metrics)).route(web::head().to(metrics)))
        .service(resource("/v1/status").route(web::get().to(status)))
        .service(resource("/v1/zones").route(web::get().to(zones)))
        .service(resource("/v1/zone").route(web::get().to(zone::file)))
        .service(resource("/v1/zone/reports").route(web::get().to(zone::reports)))
        .service(
            resource("/v1/records")
                .route(web::get().to(records))
                .route(web::put().to(set_records))
                .route(web::delete().to(delete_records)),
        )
        .service(resource("/v1/await").route(web::post().to(await_applied)))
        .service(resource("/v1/hold").route(web::post().to(hold)))
        .service(resource("/v1/digests").route(web::post().to(digests)))
        .service(resource("/v1/rebuild").route(web::post().to(rebuild)))
        .service(resource("/v1/quarantine").route(web::get().to(quarantine)))
        .service(resource("/signin").route(web::post().to(sign_in)))
        .service(resource("/search").route(web::get().to(search)));
}

fn resource(path: &str) -> Resource {
    web::resource(path).default_service(web::to(|| async { Err::<HttpResponse, _>(Refusal::Method) }))
}

// === health ===

/// How long `/readyz` waits for the store of a node that was in service: who asks may wait a second and no longer.
const SOON: Duration = Duration::from_millis(100);

async fn healthz() -> Reply {
    Ok(answer(StatusCode::OK, &json!({"alive": true})))
}

async fn readyz(shared: web::Data<Shared>, was_in_service: web::Data<InService>) -> Reply {
    let there = shared.peers.store.as_ref().is_some_and(Recipient::connected);
    let was = was_in_service.get() && there;
    let patience = shared.config.read_timeout();
    let patience = if was { patience.min(SOON) } else { patience };
    let status = store_status(&shared, patience).await.ok();
    if let Some(status) = &status {
        was_in_service.set(status.in_service);
    }
    match Readiness::of(*shared.draining.borrow(), status.as_ref(), was).reason() {
        None => Ok(answer(StatusCode::OK, &json!({"ready": true}))),
        Some(reason) => {
            Ok(answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"ready": false, "reason": reason})))
        }
    }
}

async fn freshz(shared: web::Data<Shared>) -> Reply {
    let within = shared.config.read_timeout();
    let stale = match ask(shared.peers.sources.as_ref(), ReadSources, within, "event-consumer").await {
        Ok(sources) => freshness::stale(&sources, &shared.config.fresh, now()),
        Err(_) => vec!["event-consumer does not answer".to_owned()],
    };
    let status = if stale.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(answer(status, &json!({"fresh": stale.is_empty(), "reasons": stale})))
}

async fn metrics(shared: web::Data<Shared>) -> Reply {
    let text =
        ask(shared.peers.metrics.as_ref(), ReadMetrics, shared.config.read_timeout(), "metric-agent").await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(text))
}

// === looking ===

async fn store_status(shared: &Shared, within: Duration) -> Result<StoreStatus, Refusal> {
    ask(shared.peers.store.as_ref(), ReadStoreStatus, within, "zone-store").await
}

async fn status(shared: web::Data<Shared>) -> Reply {
    let within = shared.config.read_timeout();
    let sources = ask(shared.peers.sources.as_ref(), ReadSources, within, "event-consumer");
    let (store, sources) = tokio::join!(store_status(&shared, within), sources);
    let mut body = json::store_status(&store?);
    body.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    body.insert("instance".into(), shared.config.instance_id.clone().into());
    body.insert("draining".into(), (*shared.draining.borrow()).into());
    // A consumer that is silent is part of the status, not a reason to show none.
    body.insert("sources".into(), sources.map_or(Value::Null, |sources| json::sources(&sources)));
    Ok(answer(StatusCode::OK, &Value::Object(body)))
}

async fn zones(shared: web::Data<Shared>, request: HttpRequest) -> Reply {
    let wanted = query::<PageQuery>(&request)?.zones()?;
    let zones = ask(shared.peers.zones.as_ref(), wanted, shared.config.read_timeout(), "zone-store").await?;
    Ok(answer(StatusCode::OK, &json::zones(&zones?)))
}

async fn records(shared: web::Data<Shared>, request: HttpRequest) -> Reply {
    let sets = read(&shared, query::<RecordQuery>(&request)?.read()?).await?;
    Ok(answer(StatusCode::OK, &json::record_sets(&sets)))
}

async fn read(shared: &Shared, wanted: ReadRecords) -> Result<Vec<messages::RecordSet>, Refusal> {
    Ok(ask(shared.peers.records.as_ref(), wanted, shared.config.read_timeout(), "zone-store").await??)
}

async fn quarantine(shared: web::Data<Shared>, request: HttpRequest) -> Reply {
    let wanted = query::<PageQuery>(&request)?.quarantine()?;
    let events =
        ask(shared.peers.quarantine.as_ref(), wanted, shared.config.read_timeout(), "zone-store").await?;
    Ok(answer(StatusCode::OK, &json::quarantine(&events?)))
}

async fn await_applied(shared: web::Data<Shared>, body: web::Payload) -> Reply {
    let wanted = request::await_applied(&read_body(&shared, body).await?)?;
    let place = shared.waiting.try_take().ok_or(Refusal::Overloaded)?;
    let within = wanted.timeout + shared.config.read_timeout();
    let source = wanted.source.clone();
    no_alarm(&shared, &source).await?;
    let applied = ask(shared.peers.applied.as_ref(), wanted, within, "zone-store").await?;
    drop(place);
    no_alarm(&shared, &source).await?;
    Ok(answer(StatusCode::OK, &json!({ "applied": applied })))
}

/// From a log with an alarm nothing more is applied. Without this look a position in a file that was cut short
/// would seem to be behind what was read of the old one.
async fn no_alarm(shared: &Shared, source: &SourceId) -> Result<(), Refusal> {
    let within = shared.config.read_timeout();
    // Who has no consumer, or a silent one, has the store's word alone.
    let Ok(sources) = ask(shared.peers.sources.as_ref(), ReadSources, within, "event-consumer").await else {
        return Ok(());
    };
    match sources.into_iter().find(|own| own.source == *source).and_then(|own| own.alarm) {
        Some(alarm) => Err(Refusal::Unavailable(format!("nothing more is applied from {source}: {alarm}"))),
        None => Ok(()),
    }
}

// === changing ===

async fn set_records(shared: web::Data<Shared>, request: HttpRequest, body: web::Payload) -> Reply {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Who {
        producer: Option<String>,
    }
    let who: Who = query(&request)?;
    let edits = request::edits(&read_body(&shared, body).await?)?;
    publish(shared, edits, who.producer.as_deref()).await
}

async fn delete_records(shared: web::Data<Shared>, request: HttpRequest) -> Reply {
    let wanted: RecordQuery = query(&request)?;
    publish(shared, vec![wanted.remove()?], wanted.producer()).await
}

async fn publish(shared: web::Data<Shared>, edits: Vec<Edit>, producer: Option<&str>) -> Reply {
    let producer = producer.unwrap_or(PRODUCER).to_owned();
    if producer.is_empty() || producer.len() > PRODUCER_LENGTH {
        return Err(Refusal::BadRequest(format!("producer: allowed are 1 to {PRODUCER_LENGTH} bytes")));
    }
    if shared.peers.publish.is_none() {
        return Err(Refusal::Unavailable("this node takes no changes (producer.target is off)".into()));
    }
    // A change that was begun is waited for, whatever becomes of the client: dropping the request would take
    // it back from the producer's queue, and nobody would know. So it runs as a task of its own.
    let place = shared.publishing.try_take().ok_or(Refusal::Overloaded)?;
    let task = actix_web::rt::spawn(async move {
        let _place = place;
        match &shared.peers.publish {
            Some(producer_of_events) => producer_of_events.send(Publish { edits, producer }).await.ok(),
            None => None,
        }
    });
    match task.await {
        Ok(Some(Ok(published))) => Ok(answer(StatusCode::OK, &json::published(&published))),
        Ok(Some(Err(error))) => Err(error.into()),
        Ok(None) => Err(Refusal::Unavailable("event-producer does not run".into())),
        Err(_) => Err(Refusal::Unknown("the change was begun, and it is not known what came of it".into())),
    }
}

// === comparing ===

async fn hold(shared: web::Data<Shared>, body: web::Payload) -> Reply {
    let wanted = request::hold(&read_body(&shared, body).await?)?;
    let within = shared.config.read_timeout();
    let positions = ask(shared.peers.hold.as_ref(), wanted, within, "zone-store").await??;
    Ok(answer(StatusCode::OK, &json!({ "positions": json::source_positions(&positions) })))
}

async fn digests(shared: web::Data<Shared>, body: web::Payload) -> Reply {
    let wanted = request::digests(&read_body(&shared, body).await?)?;
    let place = shared.waiting.try_take().ok_or(Refusal::Overloaded)?;
    let within = wanted.limit + shared.config.read_timeout();
    let zones = ask(shared.peers.digests.as_ref(), wanted, within, "zone-store").await??;
    drop(place);
    Ok(answer(StatusCode::OK, &json::zones(&zones)))
}

// === mending ===

async fn rebuild(shared: web::Data<Shared>, body: web::Payload) -> Reply {
    let wanted = request::rebuild(&read_body(&shared, body).await?)?;
    let within = shared.config.read_timeout();
    let begun = ask(shared.peers.rebuild.as_ref(), wanted, within, "event-consumer").await??;
    let sources: Vec<&str> = begun.iter().map(SourceId::as_str).collect();
    Ok(answer(StatusCode::ACCEPTED, &json!({ "rebuilding": sources })))
}

// === the older server's paths ===

async fn sign_in(shared: web::Data<Shared>, body: web::Payload) -> Reply {
    let offer = request::sign_in(&read_body(&shared, body).await?)?;
    let token = shared.access.sign_in(&offer.username, &offer.password, now())?;
    let seconds = crate::access::TOKEN_LIFETIME.as_secs();
    let cookie = format!("token={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict");
    let mut response = answer(StatusCode::OK, &json!({ "token": token }));
    let cookie = header::HeaderValue::from_str(&cookie).map_err(|_| Refusal::Defect)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

async fn search(shared: web::Data<Shared>, request: HttpRequest) -> Reply {
    #[derive(serde::Deserialize)]
    struct Search {
        pattern: String,
    }
    let wanted: Search = query(&request)?;
    let owner = request::parse_name(&wanted.pattern)?;
    let sets = read(&shared, ReadRecords { owner, rtype: None }).await?;
    Ok(answer(StatusCode::OK, &json::older_records(&sets)))
}

// === reading requests ===

pub(super) fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Refusal> {
    let read = web::Query::<T>::from_query(request.query_string());
    read.map(web::Query::into_inner).map_err(|error| Refusal::BadRequest(error.to_string()))
}

async fn read_body(shared: &Shared, body: web::Payload) -> Result<web::Bytes, Refusal> {
    let most = shared.config.max_body;
    match tokio::time::timeout(super::HEAD, body.to_bytes_limited(most)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(error))) => Err(Refusal::BadRequest(format!("the body cannot be read: {error}"))),
        Ok(Err(_)) => Err(Refusal::TooLarge(most)),
        Err(_) => {
            Err(Refusal::BadRequest(format!("the body did not come within {} s", super::HEAD.as_secs())))
        }
    }
}

impl From<StoreUnavailable> for Refusal {
    fn from(error: StoreUnavailable) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<RebuildError> for Refusal {
    fn from(error: RebuildError) -> Self {
        let text = error.to_string();
        match error {
            RebuildError::Unknown(_) => Self::Unprocessable(text),
            _ => Self::Conflict(text),
        }
    }
}

impl From<PublishError> for Refusal {
    fn from(error: PublishError) -> Self {
        let text = error.to_string();
        match error {
            PublishError::Refused(_) => Self::Unprocessable(text),
            PublishError::Conflict(_) => Self::Conflict(text),
            PublishError::Unknown(_) => Self::Unknown(text),
            _ => Self::Unavailable(text),
        }
    }
}

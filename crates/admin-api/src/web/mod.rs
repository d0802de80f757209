//! The web server: routes, the guard before them, and how an answer is written.

mod guard;
mod routes;
mod zone;

use crate::access::Access;
use crate::actor::Peers;
use crate::config::Config;
use crate::counts::Counts;
use crate::error::Refusal;
use actix_web::http::{KeepAlive, StatusCode, header};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, ResponseError, dev::Server, web};
use messages::{Permits, Recipient};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use zone_model::Timestamp;

/// How often what was counted is handed on.
const MEASURE: Duration = Duration::from_millis(100);
/// How long a client may take to send its request's head.
const HEAD: Duration = Duration::from_secs(5);
/// How long requests under way are waited for when the server stops.
const LAST_REQUESTS_SECONDS: u64 = 2;
/// Connections open at once; the next wait in the kernel.
const CONNECTIONS: usize = 512;

/// What all requests see; nobody writes to it.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) access: Access,
    pub(crate) peers: Peers,
    /// Places for requests.
    pub(crate) in_flight: Permits,
    /// Places for requests that wait for positions.
    pub(crate) waiting: Permits,
    /// Places for changes, which go on when their requests are given up.
    pub(crate) publishing: Permits,
    /// Places for requests that read a whole zone.
    pub(crate) reading: Permits,
    /// Turns true when the node is about to stop.
    pub(crate) draining: watch::Receiver<bool>,
}

/// A worker's own counts.
pub(crate) type OwnCounts = Rc<RefCell<Counts>>;

/// Whether the store said last that the node is in service.
pub(crate) type InService = Cell<bool>;

/// A server of one worker on these sockets; it runs while it is polled.
pub(crate) fn serve(listeners: Vec<TcpListener>, shared: &Arc<Shared>) -> std::io::Result<Server> {
    let shared = Arc::clone(shared);
    let mut server = HttpServer::new(move || {
        let counts = OwnCounts::default();
        actix_web::rt::spawn(report(Rc::clone(&counts), Arc::clone(&shared)));
        App::new()
            .app_data(web::Data::from(Arc::clone(&shared)))
            .app_data(web::Data::new(counts))
            .app_data(web::Data::new(InService::default()))
            .wrap(from_fn(guard::guard))
            .configure(routes::routes)
            .default_service(web::to(|| async { Err::<HttpResponse, _>(Refusal::NotFound) }))
    })
    .workers(1)
    .disable_signals()
    .max_connections(CONNECTIONS)
    .client_request_timeout(HEAD)
    .client_disconnect_timeout(HEAD)
    // One request a connection: a node that stops does not wait for connections that lie idle.
    .keep_alive(KeepAlive::Disabled)
    .shutdown_timeout(LAST_REQUESTS_SECONDS);
    for listener in listeners {
        server = server.listen(listener)?;
    }
    Ok(server.run())
}

/// Hands on what a worker counted, as long as the worker lives.
async fn report(counts: OwnCounts, shared: Arc<Shared>) {
    let Some(measured) = &shared.peers.measured else { return };
    loop {
        tokio::time::sleep(MEASURE).await;
        let report = counts.borrow().report();
        // What does not fit stays, and goes with the next.
        if report.is_some_and(|report| measured.try_send(report).is_ok()) {
            counts.borrow_mut().clear();
        }
    }
}

/// Asks another actor, within the time that is set for it.
async fn ask<M>(
    whom: Option<&Recipient<M>>,
    message: M,
    within: Duration,
    who: &str,
) -> Result<M::Result, Refusal>
where
    M: messages::Message + Send,
    M::Result: Send,
{
    let whom = whom.ok_or_else(|| Refusal::Unavailable(format!("this node has no {who}")))?;
    match tokio::time::timeout(within, whom.send(message)).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(_)) => Err(Refusal::Unavailable(format!("{who} does not run"))),
        Err(_) => Err(Refusal::Unavailable(format!("{who} did not answer within {} ms", within.as_millis()))),
    }
}

fn answer(status: StatusCode, body: &Value) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "application/json"))
        // What a node serves changes within milliseconds.
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(format!("{body}\n"))
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = answer(self.status_code(), &json!({ "error": self.to_string() }));
        if *self == Self::Unauthorized {
            let challenge = header::HeaderValue::from_static("Basic realm=\"stream-dns\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

//! What stands before every request: the door, the bound, the count, and the net under a panic.

use super::{OwnCounts, Shared, now};
use crate::access::Offer;
use crate::error::Refusal;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, ResponseError, web};
use futures_util::FutureExt;
use messages::Permit;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;

/// Paths that answer whoever asks, however busy the others are: whether a node lives must be known even when
/// it is overloaded, and a probe has no password.
const OPEN: &[&str] = &["/healthz", "/readyz", "/freshz", "/metrics", "/signin"];

pub(super) async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // The route's own pattern: a client chooses none of these.
    let path = request.match_pattern().unwrap_or_else(|| "other".to_owned());
    let counts = request.app_data::<web::Data<OwnCounts>>().cloned();
    let response = match admit(request.request(), &path) {
        Err(refusal) => Ok(request.into_response(refusal.error_response())),
        Ok(place) => {
            let handled = AssertUnwindSafe(next.call(request)).catch_unwind().await;
            drop(place);
            match handled {
                Ok(handled) => handled.map(ServiceResponse::map_into_boxed_body),
                Err(_) => {
                    tracing::error!(path, "a handler of the administrative interface panicked");
                    if let Some(counts) = &counts {
                        counts.borrow_mut().panic();
                    }
                    Err(Refusal::Defect.into())
                }
            }
        }
    };
    if let Some(counts) = &counts {
        let status = match &response {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        counts.borrow_mut().request(&path, status.as_u16());
    }
    response
}

/// Looks whether a request may go on, and takes a place for it.
fn admit(request: &HttpRequest, path: &str) -> Result<Option<Permit>, Refusal> {
    if OPEN.contains(&path) {
        return Ok(None);
    }
    let shared = request.app_data::<web::Data<Shared>>().ok_or(Refusal::Defect)?;
    let field = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let offer = Offer { authorization: field(header::AUTHORIZATION), cookie: field(header::COOKIE) };
    shared.access.check(offer, now())?;
    if shared.access.is_open() && !matches!(*request.method(), Method::GET | Method::HEAD) {
        let host = field(header::HOST).unwrap_or_default();
        if !is_own_host(host) {
            return Err(Refusal::ForeignHost(host.to_owned()));
        }
    }
    shared.in_flight.try_take().map(Some).ok_or(Refusal::Overloaded)
}

/// Whether a request was meant for this machine. A web page can have its own host name lead to 127.0.0.1 (DNS
/// rebinding), and then ask here in the name of whoever looks at it.
fn is_own_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_host_name_is_not_ours() {
        for (host, own) in [
            ("127.0.0.1:5380", true),
            ("127.0.0.1", true),
            ("[::1]:5380", true),
            ("[::1]", true),
            ("LocalHost:5380", true),
            ("evil.example:5380", false),
            ("127.0.0.1.evil.example", false),
            ("192.0.2.1:5380", false),
            ("", false),
        ] {
            assert_eq!(is_own_host(host), own, "{host}");
        }
    }
}

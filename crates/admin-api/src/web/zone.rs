//! Whole zones: as a zone file, and what is remarkable in them. Both read a store as of one commit, on a thread that
//! may block.

use super::routes::{Reply, query};
use super::{Shared, answer, ask};
use crate::error::Refusal;
use crate::json;
use crate::request::ZoneQuery;
use actix_web::http::{StatusCode, header};
use actix_web::rt::task::spawn_blocking;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream::unfold;
use messages::{OpenZone, OpenedZone, Permit, StoreUnavailable, ZoneHead};
use std::cmp::Reverse;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::timeout;
use zone_model::master::{print_head, print_rrset};
use zone_model::validate::validate;
use zone_model::zone::Zone;

/// Bytes of a zone file that are sent at once.
const PIECE: usize = 64 << 10;
/// Pieces that wait for the client.
const PIECES: usize = 4;
/// How long a client may take to take a piece: until then the store keeps the rows of its commit.
const STALLED: Duration = Duration::from_secs(30);
/// How many reports are shown where nobody says.
const REPORTS: usize = 1_000;

/// A zone as a master file (RFC 4027: text/dns).
pub(super) async fn file(shared: web::Data<Shared>, request: HttpRequest) -> Reply {
    let (head, zone, place) = open(&shared, query::<ZoneQuery>(&request)?.zone()?).await?;
    let (sender, receiver) = channel(PIECES);
    let text = print_head(&head.apex, head.serial, head.rrsets);
    spawn_blocking(move || {
        let _place = place;
        send(&head, &zone, text.into_bytes(), &sender);
    });
    let pieces = unfold(receiver, async |mut receiver| receiver.recv().await.map(|piece| (piece, receiver)));
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/dns; charset=us-ascii"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(pieces))
}

/// What is remarkable between the RRsets of a zone.
pub(super) async fn reports(shared: web::Data<Shared>, request: HttpRequest) -> Reply {
    let wanted = query::<ZoneQuery>(&request)?;
    let limit = Some(wanted.limit()?).filter(|limit| *limit > 0).unwrap_or(REPORTS);
    let (head, zone, place) = open(&shared, wanted.zone()?).await?;
    let looked = blocking(move || {
        let _place = place;
        let mut rrsets = Vec::new();
        zone.0.read(&head, &mut |set| {
            rrsets.push(set);
            true
        })?;
        let zone = Zone::of_sets(head.apex.clone(), rrsets);
        let mut reports = validate(&zone);
        // The worst first: not all are shown of a great many.
        reports.sort_by_key(|report| Reverse(report.severity()));
        Ok(json::zone_reports(&head, zone.record_count(), &reports, limit))
    });
    Ok(answer(StatusCode::OK, &looked.await?))
}

/// Opens a zone, and takes a place for who reads it.
async fn open(shared: &Shared, wanted: OpenZone) -> Result<(ZoneHead, OpenedZone, Permit), Refusal> {
    let place = shared.reading.try_take().ok_or(Refusal::Overloaded)?;
    let apex = wanted.apex.to_lowercase();
    let zone = ask(shared.peers.zone.as_ref(), wanted, shared.config.read_timeout(), "zone-store").await??;
    let (head, zone) = blocking(move || Ok((zone.0.head()?, zone))).await?;
    Ok((head.ok_or(Refusal::NoZone(apex))?, zone, place))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreUnavailable> + Send + 'static,
) -> Result<T, Refusal> {
    match spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => {
            tracing::error!("a thread that read a whole zone panicked");
            Err(Refusal::Defect)
        }
    }
}

/// Sends a zone piece by piece. An error breaks the answer off, so that nobody takes half a zone for a whole one.
fn send(
    head: &ZoneHead,
    zone: &OpenedZone,
    mut text: Vec<u8>,
    pieces: &Sender<Result<Bytes, StoreUnavailable>>,
) {
    let runtime = Handle::current();
    let hand_over = |piece: Result<Bytes, StoreUnavailable>| {
        matches!(runtime.block_on(timeout(STALLED, pieces.send(piece))), Ok(Ok(())))
    };
    let mut taken = true;
    let read = zone.0.read(head, &mut |set| {
        for line in print_rrset(&set, head.default_ttl) {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        if text.len() >= PIECE {
            taken = hand_over(Ok(std::mem::take(&mut text).into()));
        }
        taken
    });
    match read {
        Err(error) => drop(hand_over(Err(error))),
        Ok(()) if taken => drop(hand_over(Ok(text.into()))),
        Ok(()) => drop(hand_over(Err(StoreUnavailable("the client takes nothing".to_owned())))),
    }
}

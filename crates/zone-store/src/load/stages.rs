//! The stages of a load, one after the other or each in a thread.

use super::Loader;
use super::batch::Batch;
use super::digests::Digests;
use crate::error::StoreError;
use crate::keys;
use crate::layers::View;
use crate::settings::Settings;
use crate::zones::ByApex;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, Scope, ScopedJoinHandle};
use zone_model::ZoneDigest;

/// Batches that may wait between two stages.
pub(super) const WAITING: usize = 4;

pub(super) fn in_turns(view: View<'_>, loader: &mut Loader<'_>) -> Result<ByApex<ZoneDigest>, StoreError> {
    let mut digests = Digests::new(loader.sources);
    read(view, loader.settings, |mut batch| {
        loader.take(&mut batch)?;
        digests.add(&batch)?;
        Ok(batch)
    })?;
    Ok(digests.end())
}

pub(super) fn in_threads(view: View<'_>, loader: &mut Loader<'_>) -> Result<ByApex<ZoneDigest>, StoreError> {
    let (settings, sources) = (loader.settings, loader.sources);
    thread::scope(|scope| {
        let (to_loader, batches) = sync_channel(WAITING);
        let (to_digests, taken) = sync_channel(WAITING);
        let (give_back, spare) = channel();
        let reading = start(scope, "load rows", move || read_all(view, settings, &to_loader, &spare))?;
        let adding = start(scope, "load digests", move || {
            let mut digests = Digests::new(sources);
            for batch in taken {
                digests.add(&batch)?;
                // Who reads may be done already.
                let _ = give_back.send(batch);
            }
            Ok(digests.end())
        })?;
        for mut batch in batches {
            loader.take(&mut batch)?;
            if to_digests.send(batch).is_err() {
                break;
            }
        }
        drop(to_digests);
        // Of an error that ended the other as well, this is the first.
        let digests = joined(adding)?;
        joined(reading)?;
        Ok(digests)
    })
}

type Thread<'s, T> = ScopedJoinHandle<'s, Result<T, StoreError>>;

fn start<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    name: &str,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 's,
) -> Result<Thread<'s, T>, StoreError> {
    thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, work).map_err(StoreError::NoThread)
}

fn joined<T>(thread: Thread<'_, T>) -> Result<T, StoreError> {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Hands on everything that there is, until nobody takes it.
fn read_all(
    view: View<'_>,
    settings: &Settings,
    to: &SyncSender<Batch>,
    spare: &Receiver<Batch>,
) -> Result<(), StoreError> {
    read(view, settings, |batch| {
        // An error of who took it is told by himself.
        to.send(batch).map_err(|_| StoreError::Corrupt("its load was broken off".to_owned()))?;
        Ok(spare.try_recv().unwrap_or_default())
    })
}

/// Copies the rows, owner by owner, and hands on what makes a batch; `hand_on` returns the room for the next.
pub(super) fn read(
    view: View<'_>,
    settings: &Settings,
    mut hand_on: impl FnMut(Batch) -> Result<Batch, StoreError>,
) -> Result<(), StoreError> {
    let extra = keys::in_order(settings.owners(&[]));
    let mut batch = Batch::default();
    view.walk(&[], &extra, |owner, slots| {
        batch.push(owner, slots);
        if batch.is_full() {
            batch = hand_on(std::mem::take(&mut batch))?;
            batch.clear();
        }
        Ok(())
    })?;
    hand_on(batch).map(drop)
}

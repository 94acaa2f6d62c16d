//! The sender: leases what is due, serves it, and looks again.
//!
//! Two lanes, so that receivers that are slow or down never hold up the others: an endpoint whose last request took longer
//! than [`SLOW`] or failed is served in the slow lane, which has its own, smaller number of places. In the fast lane a
//! receiver that turns slow costs one time limit.
//!
//! Several processes may run on one database: a lease keeps an endpoint with one of them, and runs out 60 seconds after its
//! process last noted an answer.

mod ledger;
mod serve;
mod sql;

use std::sync::Arc;
use std::time::Duration;

use musubi_httpkit::outbound::Outbound;
use musubi_kernel::{UnixTime, random_body};
use musubi_store::StoreError;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::ledger::Ledger;
use self::serve::Run;
use super::service::{self, LEASE};
use super::sql::Lease;
use crate::Streams;

/// Longest time for one request, answer included.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// A request that takes longer puts its endpoint into the slow lane.
const SLOW: Duration = Duration::from_secs(1);

/// How many endpoints are served at once in either lane.
const FAST_PLACES: usize = 192;
const SLOW_PLACES: usize = 64;

/// How many entries one run sends before others have their turn.
const RUN: usize = 100;

/// How many entries are read at once.
const PAGE: u32 = 50;

/// How many runs read the database at once: most of its connections stay for those who ask.
const READERS: usize = 3;

/// How often the database is asked, beside the calls that [`super::Push::wake`] gives.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Sends until `stop` turns true; returns when no request is under way any more.
pub async fn run(streams: &Streams, stop: watch::Receiver<bool>) {
    Sender::new(streams.clone(), Outbound::new(streams.push().reach(), REQUEST_LIMIT)).run(stop).await;
}

/// Sends entries to receivers.
#[derive(Debug, Clone)]
pub struct Sender {
    streams: Streams,
    outbound: Outbound,
}

/// What the runs share.
struct Shared {
    streams: Streams,
    outbound: Outbound,
    ledger: Ledger,
    readers: Semaphore,
    stop: watch::Receiver<bool>,
}

/// When to return.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Nothing is due and nothing under way.
    Idle,
    /// Somebody says so.
    Stopped,
}

impl Sender {
    /// A sender of these streams by that client.
    #[must_use]
    pub fn new(streams: Streams, outbound: Outbound) -> Self {
        Self { streams, outbound }
    }

    /// Sends until `stop` turns true; returns when no request is under way any more. An error of the database is logged,
    /// and tried again a second later.
    pub async fn run(&self, stop: watch::Receiver<bool>) {
        if let Err(error) = self.work(Until::Stopped, stop).await {
            tracing::error!(%error, "deliveries ended");
        }
    }

    /// Sends what is due now, and returns when nothing is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drain(&self) -> Result<(), StoreError> {
        let (_stop, stopped) = watch::channel(false);
        self.work(Until::Idle, stopped).await
    }

    async fn work(&self, until: Until, mut stop: watch::Receiver<bool>) -> Result<(), StoreError> {
        // Dropped with this future, a set aborts its tasks: nothing is sent by a sender that is gone.
        let mut writers = JoinSet::new();
        let ledger = Ledger::start(self.streams.context().clone(), &mut writers);
        let shared = Arc::new(Shared {
            streams: self.streams.clone(),
            outbound: self.outbound.clone(),
            ledger,
            readers: Semaphore::new(READERS),
            stop: stop.clone(),
        });
        let mut lists = None;
        let mut lanes = [(false, FAST_PLACES, JoinSet::new()), (true, SLOW_PLACES, JoinSet::new())];
        loop {
            let woken = self.streams.push().woken();
            tokio::pin!(woken);
            // Armed before the look, so that no call in between is lost.
            woken.as_mut().enable();
            let stopping = *stop.borrow();
            let leased = match self.lease(&shared, &mut lanes, &mut lists, until, stopping).await {
                Ok(leased) => leased,
                Err(error) if until == Until::Idle => return Err(error),
                // What is under way goes on; the database is asked again.
                Err(error) => {
                    tracing::warn!(%error, "deliveries could not be looked up");
                    0
                }
            };
            let [(_, _, fast), (_, _, slow)] = &mut lanes;
            if fast.is_empty() && slow.is_empty() && leased == 0 && (until == Until::Idle || stopping) {
                return Ok(());
            }
            tokio::select! {
                Some(done) = fast.join_next() => ended(done),
                Some(done) = slow.join_next() => ended(done),
                () = &mut woken => {}
                () = tokio::time::sleep(LOOK_EVERY), if until == Until::Stopped => {}
                changed = stop.changed(), if until == Until::Stopped && !stopping => {
                    // Nobody is left who could say so later.
                    if changed.is_err() { return Ok(()) }
                }
            }
            // Whatever else has ended makes room, too: one look for all of them.
            while let Some(done) = fast.try_join_next() {
                ended(done);
            }
            while let Some(done) = slow.try_join_next() {
                ended(done);
            }
        }
    }

    async fn lease(
        &self,
        shared: &Arc<Shared>,
        lanes: &mut [(bool, usize, JoinSet<()>); 2],
        lists: &mut Option<(Instant, Arc<str>)>,
        until: Until,
        stopping: bool,
    ) -> Result<usize, StoreError> {
        if stopping {
            return Ok(0);
        }
        let context = self.streams.context();
        let at = context.clock.now();
        let mut tx = context.db.begin_read().await?;
        let fingerprint = match lists {
            // Asked once a second, however many runs end in it; a heartbeat itself asks afresh.
            Some((asked, known)) if until == Until::Stopped && asked.elapsed() < LOOK_EVERY => {
                Arc::clone(known)
            }
            _ => {
                let known: Arc<str> =
                    service::fingerprint(&self.streams.lists().lists(&mut tx).await?).into();
                *lists = Some((Instant::now(), Arc::clone(&known)));
                known
            }
        };
        if !sql::any_due(&mut tx, &fingerprint, at).await? {
            return Ok(0);
        }
        drop(tx);
        let mut tx = context.db.begin().await?;
        let mut found = Vec::new();
        for (index, (slow, places, running)) in lanes.iter().enumerate() {
            let room = places.saturating_sub(running.len());
            if room > 0 {
                let token = random_body(context.random.as_ref());
                let times = (at, lease_until(at));
                for stored in sql::lease(&mut tx, &token, *slow, room, &fingerprint, times).await? {
                    found.push((index, token.clone(), stored));
                }
            }
        }
        tx.commit().await?;
        let leased = found.len();
        for (index, token, stored) in found {
            let lease = Lease { relying_party: stored.endpoint.relying_party.clone(), token };
            let run = Run::new(Arc::clone(shared), lease, stored, Arc::clone(&fingerprint));
            if let Some((_, _, running)) = lanes.get_mut(index) {
                running.spawn(run.serve());
            }
        }
        Ok(leased)
    }
}

fn lease_until(at: UnixTime) -> UnixTime {
    at.plus(LEASE)
}

fn ended(done: Result<(), tokio::task::JoinError>) {
    if done.is_err() {
        // Its lease runs out, and the endpoint is served again.
        tracing::error!("a delivery broke off");
    }
}

//! Who waits for new entries in this process, and the one look at the database that serves all of them.
//!
//! The look is taken every [`Pace::look_every`](crate::Pace) as long as somebody waits, and not at all otherwise.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use musubi_platform::{RelyingPartyId, change_stream};
use musubi_store::{Db, StoreError};
use tokio::sync::watch;

use crate::Streams;

/// Connections of one relying party that may be open at once.
const MAX_CONNECTIONS: usize = 5;

#[derive(Debug, Clone, Default)]
pub(crate) struct Hub(Arc<Mutex<Waiting>>, Arc<watch::Sender<bool>>);

#[derive(Debug, Default)]
struct Waiting {
    heads: HashMap<RelyingPartyId, watch::Sender<u64>>,
    connections: HashMap<RelyingPartyId, usize>,
    /// Tasks that look: one or none.
    looking: usize,
    /// Tasks that send to a live connection.
    sending: usize,
}

/// A place among the open connections of a relying party; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Connection {
    hub: Hub,
    relying_party: RelyingPartyId,
}

impl Hub {
    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more connection, if there is one.
    pub(crate) fn connect(&self, relying_party: &RelyingPartyId) -> Option<Connection> {
        let mut state = self.state();
        let open = state.connections.entry(relying_party.clone()).or_default();
        if *open >= MAX_CONNECTIONS {
            return None;
        }
        *open += 1;
        drop(state);
        Some(Connection { hub: self.clone(), relying_party: relying_party.clone() })
    }

    /// The last number of a stream as the looks at the database see it; 0 until the first of them.
    fn watch(&self, relying_party: &RelyingPartyId, db: &Db, every: Duration) -> watch::Receiver<u64> {
        let mut state = self.state();
        let head =
            state.heads.entry(relying_party.clone()).or_insert_with(|| watch::channel(0).0).subscribe();
        if state.looking == 0 {
            state.looking = 1;
            tokio::spawn(look(self.clone(), db.clone(), every));
        }
        head
    }

    /// Tells those who wait; answers whether there is anybody left.
    fn tell(&self, heads: &[(RelyingPartyId, u64)]) -> bool {
        let mut state = self.state();
        state.heads.retain(|_, head| head.receiver_count() > 0);
        for (relying_party, last) in heads {
            if let Some(head) = state.heads.get(relying_party) {
                // Only forwards: a look on another connection may be older.
                head.send_if_modified(|known| {
                    let newer = *known < *last;
                    *known = (*known).max(*last);
                    newer
                });
            }
        }
        if state.heads.is_empty() {
            state.looking = 0;
        }
        state.looking > 0
    }
}

/// A task that sends, as long as it is not dropped.
#[derive(Debug)]
pub(crate) struct Sending(Hub);

impl Drop for Sending {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.sending = state.sending.saturating_sub(1);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        if let Some(open) = state.connections.get_mut(&self.relying_party) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                state.connections.remove(&self.relying_party);
            }
        }
    }
}

async fn look(hub: Hub, db: Db, every: Duration) {
    loop {
        let heads = match heads(&db).await {
            Ok(heads) => heads,
            Err(error) => {
                tracing::warn!(%error, "new entries of the change streams were not looked for");
                Vec::new()
            }
        };
        if !hub.tell(&heads) {
            return;
        }
        tokio::time::sleep(every).await;
    }
}

async fn heads(db: &Db) -> Result<Vec<(RelyingPartyId, u64)>, StoreError> {
    let mut tx = db.begin_read().await?;
    change_stream::heads(&mut tx).await
}

impl Streams {
    /// How many tasks look for new entries: at most one, and none while nobody waits.
    #[must_use]
    pub fn looking(&self) -> usize {
        self.hub.state().looking
    }

    /// How many live connections are being sent to.
    #[must_use]
    pub fn sending(&self) -> usize {
        self.hub.state().sending
    }

    /// Counts a task that sends to a live connection, until what is answered is dropped.
    pub(crate) fn begin_sending(&self) -> Sending {
        self.hub.state().sending += 1;
        Sending(self.hub.clone())
    }

    /// Ends all waiting and all live connections, since the process is to end: who follows connects again elsewhere.
    pub fn close_connections(&self) {
        self.hub.1.send_replace(true);
    }

    /// Returns when [`Streams::close_connections`] was called.
    pub(crate) async fn closing(&self) {
        let mut closing = self.hub.1.subscribe();
        // The sender lives in `self`.
        drop(closing.wait_for(|closing| *closing).await);
    }

    /// Waits until the stream has an entry after number `after`, but not longer than `limit`; answers whether it has.
    pub(crate) async fn wait_for_entry(
        &self,
        relying_party: &RelyingPartyId,
        after: u64,
        limit: Duration,
    ) -> bool {
        let mut head = self.hub.watch(relying_party, &self.context.db, self.pace.look_every);
        tokio::select! {
            come = tokio::time::timeout(limit, head.wait_for(|last| *last > after)) => matches!(come, Ok(Ok(_))),
            () = self.closing() => false,
        }
    }
}

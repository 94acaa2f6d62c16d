//! Delivery of the change stream (`docs/spec/change-stream.md`): the same bytes by pages, poll (RFC 8936), push (RFC 8935 and
//! Standard Webhooks), server-sent events and daily file, and the streams' management (OpenID Shared Signals Framework 1.0).
//!
//! Writes no entry but those about the stream itself: `musubi_platform::change_stream` does, in the transaction of what an
//! entry tells.

pub mod days;
mod discovery;
mod heartbeat;
mod http;
mod hub;
pub mod management;
pub mod poll;
mod problems;
pub mod push;
pub mod serving;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use musubi_feed::ListInUse;
use musubi_httpkit::outbound::Reach;
use musubi_platform::Context;
use musubi_store::{Migration, StoreError, Tx};

pub use http::api;
pub use problems::PROBLEMS;

use crate::hub::Hub;

/// Which revocation lists are in use whose changes are all in the streams: what heartbeats vouch for.
#[async_trait]
pub trait ListsInUse: Send + Sync {
    /// Those lists, as the database has them in this transaction. Asked before the head of a stream is read, so that
    /// what a heartbeat says of a list is never more than what is in the stream.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn lists(&self, tx: &mut Tx) -> Result<Vec<ListInUse>, StoreError>;
}

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How often the database is asked for new entries while somebody waits: once for all who wait in this process.
    pub look_every: Duration,
    /// The time between heartbeats of a connection.
    pub heartbeat_every: Duration,
    /// The longest time that a question waits for an entry; below the time limit of a request.
    pub longest_wait: Duration,
    /// A reader that takes nothing for this long is dropped.
    pub slow_after: Duration,
    /// The longest life of a connection: that of an access token, so that none outlives its permission.
    pub longest_connection: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let token = u64::try_from(musubi_platform::client_auth::TOKEN_LIFETIME).unwrap_or_default();
        Self {
            look_every: Duration::from_millis(250),
            heartbeat_every: Duration::from_secs(15),
            longest_wait: Duration::from_secs(25),
            slow_after: Duration::from_secs(30),
            longest_connection: Duration::from_secs(token),
        }
    }
}

/// What the routes and the sender need.
#[derive(Clone)]
pub struct Streams {
    context: Context,
    push: push::Push,
    lists: Arc<dyn ListsInUse>,
    pace: Pace,
    hub: Hub,
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Streams(…)")
    }
}

impl Streams {
    /// The streams of a platform.
    #[must_use]
    pub fn new(context: Context, lists: Arc<dyn ListsInUse>) -> Self {
        Self { context, lists, push: push::Push::default(), pace: Pace::default(), hub: Hub::default() }
    }

    /// The same, with a sender that reaches as far as `reach`: for tests and demos on one machine.
    #[must_use]
    pub fn reaching(mut self, reach: Reach) -> Self {
        self.push = push::Push::new(reach);
        self
    }

    /// What routes and sender of the push share.
    #[must_use]
    pub fn push(&self) -> &push::Push {
        &self.push
    }

    /// The same, at another pace.
    #[must_use]
    pub fn at_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// The platform's context.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The lists that heartbeats speak of.
    #[must_use]
    pub fn lists(&self) -> &dyn ListsInUse {
        self.lists.as_ref()
    }
}

/// The schema of every feature here, in order.
#[must_use]
pub fn migrations() -> Vec<Migration> {
    [management::MIGRATIONS, poll::MIGRATIONS, days::MIGRATIONS, push::MIGRATIONS].concat()
}

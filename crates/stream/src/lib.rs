//! Delivery of the change stream (`docs/spec/change-stream.md`): the same bytes by pages, poll (RFC 8936), push (RFC 8935 and
//! Standard Webhooks), server-sent events and daily file, and the streams' management (OpenID Shared Signals Framework 1.0).
//!
//! Writes no entry: `musubi_platform::change_stream` does, in the transaction of what an entry tells.

pub mod push;
pub mod serving;

use async_trait::async_trait;
use musubi_feed::ListInUse;
use musubi_platform::Context;
use musubi_store::{Migration, StoreError, Tx};

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

/// What the routes and the sender need.
#[derive(Clone)]
pub struct Streams {
    context: Context,
    lists: std::sync::Arc<dyn ListsInUse>,
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Streams(…)")
    }
}

impl Streams {
    /// The streams of a platform.
    #[must_use]
    pub fn new(context: Context, lists: std::sync::Arc<dyn ListsInUse>) -> Self {
        Self { context, lists }
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

impl axum::extract::FromRef<Streams> for Context {
    fn from_ref(streams: &Streams) -> Self {
        streams.context.clone()
    }
}

/// The schema of every feature here, in order.
#[must_use]
pub fn migrations() -> Vec<Migration> {
    [serving::MIGRATIONS, push::MIGRATIONS].concat()
}

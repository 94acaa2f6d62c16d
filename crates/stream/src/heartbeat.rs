//! The heartbeat of a relying party's stream, as of a transaction.

use musubi_feed::{Heartbeat, seal_heartbeat};
use musubi_kernel::UnixTime;
use musubi_platform::{RelyingPartyId, change_stream};
use musubi_store::{StoreError, Tx};

use crate::Streams;

impl Streams {
    /// The token of what is true in `tx`: "no other entry up to the head, as of these lists". The lists are read first:
    /// where a transaction sees what others commit meanwhile (PostgreSQL), the head is then that of these lists or a
    /// later one, and never an earlier one, which would hide changes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn heartbeat(
        &self,
        tx: &mut Tx,
        relying_party: &RelyingPartyId,
        at: UnixTime,
    ) -> Result<String, StoreError> {
        let lists = self.lists().lists(tx).await?;
        let context = self.context();
        let head = change_stream::head(tx, context, relying_party).await?;
        let heartbeat = Heartbeat { last: head.last, customers: head.customers, lists, at: at.0 };
        let stream = change_stream::stream_of(context, relying_party);
        Ok(seal_heartbeat(&stream, &heartbeat, &context.signing_key))
    }
}

//! The lists that heartbeats speak of: those against which this process judges. Each was stored together with the changes
//! that follow from it before it came into use.

use async_trait::async_trait;
use musubi_feed::ListInUse;
use musubi_store::{StoreError, Tx};
use musubi_stream::ListsInUse;
use musubi_verification::Verification;

/// The verification service's snapshot.
pub(crate) struct Snapshot(pub(crate) Verification);

#[async_trait]
impl ListsInUse for Snapshot {
    async fn lists(&self, _: &mut Tx) -> Result<Vec<ListInUse>, StoreError> {
        let lists = self.0.lists().snapshot();
        let in_use = lists.iter().map(|list| ListInUse {
            authority: list.authority().as_str().to_owned(),
            key_id: list.key_id().to_owned(),
            number: i64::try_from(list.number()).unwrap_or(i64::MAX),
            this_update: list.this_update().0,
            next_update: list.next_update().0,
        });
        Ok(in_use.collect())
    }
}

//! What console and metrics show of lists and streams, read over the tables of several features: the composition root
//! alone knows all of them. Reads only.

mod sources;
mod sql;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use musubi_console::{
    Contract, DayTotal, Figures, ImportProgress, ListFigure, SizePoint, StreamFigure, StreamState,
};
use musubi_kernel::{Date, UnixTime};
use musubi_pki::TrustAnchors;
use musubi_platform::{Context, RelyingPartyId};
use musubi_store::{StoreError, Tx};

pub(crate) use sources::Features;

/// Most points of list sizes that are read.
const MOST_SIZES: u32 = 5000;

/// How a receiver is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryFigure {
    /// Number of the last entry that was taken.
    pub delivered: u64,
    /// When the oldest entry that was not taken was written.
    pub oldest_undelivered_at: Option<UnixTime>,
    /// Entries that the receiver refused for good.
    pub dead_letters: u64,
    /// How it goes.
    pub state: StreamState,
}

/// What other features tell the console beside their tables.
#[async_trait]
pub trait Sources: Send + Sync {
    /// The imports that this process makes now.
    async fn imports(&self) -> Vec<ImportProgress>;

    /// How old evidence may be, by how many relying parties agreed on it; ascending.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn contracts(&self, tx: &mut Tx) -> Result<Vec<Contract>, StoreError>;

    /// The receivers to whom the platform sends.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn deliveries(&self, tx: &mut Tx) -> Result<BTreeMap<RelyingPartyId, DeliveryFigure>, StoreError>;
}

/// The figures of a platform's database.
#[derive(Clone)]
pub struct PlatformFigures {
    context: Context,
    anchors: TrustAnchors,
    sources: Arc<dyn Sources>,
}

impl std::fmt::Debug for PlatformFigures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlatformFigures(…)")
    }
}

impl PlatformFigures {
    /// The figures of a platform's database, of the authorities that it trusts, and of what `sources` tell.
    #[must_use]
    pub fn new(context: Context, anchors: TrustAnchors, sources: Arc<dyn Sources>) -> Self {
        Self { context, anchors, sources }
    }

    /// The same figures, with other sources.
    #[must_use]
    pub fn with_sources(self, sources: Arc<dyn Sources>) -> Self {
        Self { sources, ..self }
    }

    async fn read(&self) -> Result<Tx, StoreError> {
        self.context.db.begin_read().await
    }
}

/// Whether more lists are to come of this generation. One that has ended, or that another version trusts, has a last list
/// that only grows older: nobody needs to look.
fn is_in_use(anchors: &TrustAnchors, list: &ListFigure, at: UnixTime) -> bool {
    list.authority
        .parse()
        .ok()
        .and_then(|authority| anchors.by_key_id(authority, &list.key_id))
        .is_some_and(|anchor| at <= anchor.not_after())
}

#[async_trait]
impl Figures for PlatformFigures {
    async fn lists(&self) -> Result<Vec<ListFigure>, StoreError> {
        let mut lists = sql::newest_lists(&mut self.read().await?).await?;
        let at = self.context.clock.now();
        lists.retain(|list| is_in_use(&self.anchors, list, at));
        Ok(lists)
    }

    async fn contracts(&self) -> Result<Vec<Contract>, StoreError> {
        self.sources.contracts(&mut self.read().await?).await
    }

    async fn imports(&self) -> Vec<ImportProgress> {
        self.sources.imports().await
    }

    async fn list_sizes(&self, since: UnixTime) -> Result<Vec<SizePoint>, StoreError> {
        sql::list_sizes(&mut self.read().await?, since, MOST_SIZES).await
    }

    async fn events_per_day(&self, since: Date) -> Result<Vec<DayTotal>, StoreError> {
        sql::events_per_day(&mut self.read().await?, since).await
    }

    async fn streams(&self) -> Result<Vec<StreamFigure>, StoreError> {
        let mut tx = self.read().await?;
        let deliveries = self.sources.deliveries(&mut tx).await?;
        let mut streams = sql::streams(&mut tx).await?;
        for stream in &mut streams {
            if let Some(delivery) = deliveries.get(&stream.relying_party) {
                stream.delivered = Some(delivery.delivered);
                stream.oldest_undelivered_at = delivery.oldest_undelivered_at;
                stream.dead_letters = delivery.dead_letters;
                stream.state = delivery.state;
            }
        }
        Ok(streams)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_that_has_ended_or_is_unknown_is_not_waited_for() {
        let anchors = TrustAnchors::production().unwrap();
        for anchor in anchors.anchors() {
            let list = |key_id: &str| ListFigure {
                authority: anchor.kind().as_str().to_owned(),
                key_id: key_id.to_owned(),
                number: 1,
                this_update: anchor.not_before(),
                next_update: anchor.not_before(),
                entries: 0,
                taken_in_at: anchor.not_before(),
            };
            let own = list(&anchor.key_id());
            assert!(is_in_use(&anchors, &own, anchor.not_after()));
            assert!(!is_in_use(&anchors, &own, anchor.not_after().plus(1)));
            assert!(!is_in_use(&anchors, &list("00"), anchor.not_before()));
            assert!(!is_in_use(
                &anchors,
                &ListFigure { authority: "other".into(), ..own },
                anchor.not_before()
            ));
        }
    }
}

//! Offline filters (失効情報フィルタ) for relying parties that must check certificates without a network (避難所, 病院): which
//! of them may have one, the making after each list, and the giving out.
//!
//! ```text
//! operator: allow RP ──▶ list N taken in ──▶ filter N ─┐
//!                        list M taken in ──▶ filter M ─┴▶ delta N→M      newest filter and last 8 deltas are kept
//! relying party: GET /v1/offline-filters ──▶ GET /v1/offline-filters/{sha256}      each download is audited
//! ```
//!
//! Nothing is made while nobody is allowed. A filter covers from the smallest to the largest serial number that this platform
//! knows to have been issued before the list: of the list, of earlier filters, and of certificates that it had seen. The
//! serial numbers of an authority come from one counter across its generations, so all between had been issued, too.
//! What lies beyond is answered as not covered and asked online.
//!
//! Not here: the form of a filter and what it answers ([`musubi_pki::offline_filter`], `docs/spec/offline-filter.md`).

pub(crate) mod http;
mod service;
mod sql;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use musubi_kernel::UnixTime;
use musubi_pki::offline_filter::{BuildError, DeltaError, FilterError};
use musubi_pki::{ListScope, VerifiedRevocationList};
use musubi_store::{Migration, StoreError};

pub use service::{Change, allow, allowed, deny};

use crate::{Verification, linking};

/// The feature's schema.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "offline_filter/0001_offline_filters",
    sql: include_str!("migrations/0001_offline_filters.sql"),
}];

/// How many deltas of each generation are kept: a week of daily lists, and one.
const DELTAS_KEPT: i64 = 8;

/// Why a relying party was not allowed, or not denied.
#[derive(Debug, thiserror::Error)]
pub enum PermissionError {
    /// There is no such relying party.
    #[error("there is no such relying party")]
    UnknownRelyingParty,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a filter is not given out.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The operator has not allowed it.
    #[error("this relying party is not allowed to have offline filters")]
    NotAllowed,
    /// There is none with this id.
    #[error("there is no such filter or delta")]
    Unknown,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a filter was not made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The list did not become a filter.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The stored filter cannot be read.
    #[error("the stored offline filter cannot be used: {0}")]
    Stored(#[from] FilterError),
    /// The delta from the stored filter was not made.
    #[error(transparent)]
    Delta(#[from] DeltaError),
    /// The making did not end.
    #[error("an offline filter was not made to its end: {0}")]
    Interrupted(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes the filters, with their deltas, of the lists that have come since, if anybody is allowed to have them; answers how
/// many. Takes seconds for a list of a nation, off the threads that answer requests. Several processes may try at once:
/// one of them stores.
///
/// # Errors
/// [`MakeError`] of the first that was not made, after all were tried.
pub async fn make_due(verification: &Verification) -> Result<u32, MakeError> {
    let at = verification.context().clock.now();
    let (mut made, mut failed) = (0, None);
    for list in verification.living(&verification.lists().snapshot(), at) {
        match make_one(verification, list, at).await {
            Ok(true) => made += 1,
            Ok(false) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(made), Err)
}

async fn make_one(
    verification: &Verification,
    list: Arc<VerifiedRevocationList>,
    at: UnixTime,
) -> Result<bool, MakeError> {
    let Some(anchor) = verification.anchors().by_key_id(list.authority(), list.key_id()) else {
        return Ok(false);
    };
    let issuer = *anchor.fingerprint();
    let context = verification.context();
    let mut tx = context.db.begin_read().await?;
    let is_due = *list.scope() == ListScope::Full && service::is_due(&mut tx, &list).await?;
    if !is_due {
        return Ok(false);
    }
    let stored = sql::newest(&mut tx, list.authority(), list.key_id()).await?;
    let seen = linking::serials_seen(&mut tx, list.authority(), list.this_update()).await?;
    drop(tx);
    let key = Arc::clone(&context.signing_key);
    let (of, before) = (Arc::clone(&list), stored.clone());
    let make = move || service::made_of(&of, issuer, seen.iter().flatten(), before, &key);
    let made = match tokio::task::spawn_blocking(make).await {
        Ok(made) => made?,
        // The process is ending, or the maker panicked; either way there is no filter.
        Err(error) => return Err(MakeError::Interrupted(error.to_string())),
    };
    let mut tx = context.db.begin().await?;
    if !service::store(&mut tx, &list, &made, stored.as_ref(), context.random.as_ref(), at).await? {
        return Ok(false);
    }
    tx.commit().await?;
    let bytes = made.filter.as_bytes().len();
    tracing::info!(authority = %list.authority(), number = list.number(), bytes, "offline filter made");
    Ok(true)
}

//! Taking in revocation lists (失効情報の取込み): fetch, verify, store, switch, and record what changed.
//!
//! A list counts only when it is verified whole and stored. Its storing, the change events that follow from
//! it and their audit records are one transaction. Rolled-back lists (a lower number, an earlier
//! `thisUpdate`) are refused. Requests judge against a snapshot that is switched atomically; there is no
//! moment with half a list. The age of a list is judged per answer, in `pki`.

mod sql;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use musubi_kernel::UnixTime;
use musubi_pki::{
    CrlError, Freshness, ListCommitment, ListScope, Method, TrustAnchors, VerifiedRevocationList,
};
use musubi_platform::Context;
use musubi_platform::audit::{self, AuditEvent};
use musubi_store::{Migration, StoreError, Tx};

use crate::change_check;
use crate::upstream::{PublishedList, Upstream, UpstreamError};

/// The feature's schema.
pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "revocation/0001_lists", sql: include_str!("migrations/0001_lists.sql") },
    Migration { name: "revocation/0002_one_newest", sql: include_str!("migrations/0002_one_newest.sql") },
];

/// Largest list that is parsed, in bytes.
const MAX_LIST: usize = 256 * 1024 * 1024;

/// Why a list was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// Upstream gave no list.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The list is not what it must be.
    #[error("the revocation list is refused: {0}")]
    List(#[from] CrlError),
    /// Its number or `thisUpdate` lies before that of the list taken in last.
    #[error("the revocation list is older than the one taken in last")]
    RolledBack,
    /// It is signed by another authority or generation than announced, or covers only a part.
    #[error("the revocation list is not the full list that was announced")]
    NotAsAnnounced,
    /// The reading did not end.
    #[error("a revocation list was not read to its end: {0}")]
    Interrupted(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The verified lists against which requests are judged.
#[derive(Debug, Default)]
pub struct Lists {
    current: ArcSwap<Vec<Arc<VerifiedRevocationList>>>,
    /// A list was stored whose second look is still to be made.
    look_again: AtomicBool,
}

impl Lists {
    /// The lists of this moment.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Vec<Arc<VerifiedRevocationList>>> {
        self.current.load_full()
    }

    /// The lists of authorities that are still in their validity: one that has ended issues no more lists, and every
    /// certificate of it has ended, too.
    #[must_use]
    pub fn of_living_authorities(
        &self,
        anchors: &TrustAnchors,
        at: UnixTime,
    ) -> Vec<Arc<VerifiedRevocationList>> {
        let lists = self.current.load();
        lists.iter().filter(|list| is_of_living_authority(anchors, list, at)).cloned().collect()
    }

    pub(crate) fn must_look_again(&self) -> bool {
        self.look_again.load(Ordering::SeqCst)
    }

    pub(crate) fn looked_through(&self) {
        self.look_again.store(false, Ordering::SeqCst);
    }

    /// Whether the database holds other lists than `judged_by`: asked inside the transaction that acts on a
    /// judgement, after its audit record. Lists and judgements then follow one another in the order of the log, and a
    /// certificate is either linked before a list is looked through for it, or judged by that list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn are_outdated(
        tx: &mut Tx,
        anchors: &TrustAnchors,
        judged_by: &[Arc<VerifiedRevocationList>],
    ) -> Result<bool, StoreError> {
        Ok(known_heads(tx, anchors).await? != heads_of(judged_by))
    }

    /// Loads the stored lists if another process, or this one, has stored newer ones. Each is verified again.
    ///
    /// # Errors
    /// [`IntakeError`] if a stored list does not verify or the database fails; the snapshot stays.
    pub async fn refresh(&self, context: &Context, anchors: &TrustAnchors) -> Result<(), IntakeError> {
        let mut tx = context.db.begin_read().await?;
        let stored = known_heads(&mut tx, anchors).await?;
        if stored == heads_of(&self.current.load()) {
            return Ok(());
        }
        let mut lists = Vec::with_capacity(stored.len());
        for (authority, key_id, _) in &stored {
            let Some(der) = sql::newest_der(&mut tx, authority, key_id).await? else { continue };
            lists.push(Arc::new(verified(der, anchors).await?.0));
        }
        self.current.store(Arc::new(lists));
        Ok(())
    }
}

/// Whether the list's authority is still in its validity.
pub(crate) fn is_of_living_authority(
    anchors: &TrustAnchors,
    list: &VerifiedRevocationList,
    at: UnixTime,
) -> bool {
    anchors.by_key_id(list.authority(), list.key_id()).is_some_and(|anchor| at <= anchor.not_after())
}

/// The stored heads of the generations that this process trusts. Another version on the same database may know
/// another generation; its lists are none of ours.
async fn known_heads(tx: &mut Tx, anchors: &TrustAnchors) -> Result<Vec<(String, String, i64)>, StoreError> {
    let mut heads = sql::heads(tx).await?;
    heads.retain(|(authority, key_id, _)| {
        authority.parse().is_ok_and(|authority| anchors.by_key_id(authority, key_id).is_some())
    });
    Ok(heads)
}

/// Parses and verifies off the threads that answer requests: a list can have many million entries.
async fn verified(
    der: Vec<u8>,
    anchors: &TrustAnchors,
) -> Result<(VerifiedRevocationList, Vec<u8>), IntakeError> {
    let anchors = anchors.clone();
    let read = tokio::task::spawn_blocking(move || {
        let list = VerifiedRevocationList::parse_and_verify(&der, &anchors, MAX_LIST)?;
        // Hashes every entry: here, and not when the first verdict asks for a proof.
        let _ = ListCommitment::of(&list);
        Ok::<_, CrlError>((list, der))
    });
    match read.await {
        Ok(list) => Ok(list?),
        // The process is ending, or the reader panicked; either way there is no list.
        Err(error) => Err(IntakeError::Interrupted(error.to_string())),
    }
}

/// `(authority, key id, number)` of each, in the database's order.
fn heads_of(lists: &[Arc<VerifiedRevocationList>]) -> Vec<(String, String, i64)> {
    let head = |list: &Arc<VerifiedRevocationList>| {
        let number = i64::try_from(list.number()).unwrap_or(i64::MAX);
        (list.authority().as_str().to_owned(), list.key_id().to_owned(), number)
    };
    let mut heads: Vec<_> = lists.iter().map(head).collect();
    heads.sort();
    heads
}

/// How fresh a list is at `at`.
pub(crate) fn freshness_of(list: &VerifiedRevocationList, at: UnixTime) -> Freshness {
    Freshness {
        method: Method::List,
        list_number: Some(list.number()),
        this_update: list.this_update(),
        next_update: list.next_update(),
        age_seconds: at.since(list.this_update()).max(0),
    }
}

/// Takes in every list that upstream announces with a higher number than the one held. One list that is
/// refused does not keep the others out; the first refusal is answered after all were tried.
///
/// # Errors
/// [`IntakeError`] as above.
pub async fn take_in(
    context: &Context,
    anchors: &TrustAnchors,
    upstream: &dyn Upstream,
    lists: &Lists,
) -> Result<u32, IntakeError> {
    let mut taken = 0;
    let mut refused = None;
    for announced in upstream.revocation_lists().await? {
        match take_in_one(context, anchors, upstream, lists, &announced).await {
            Ok(true) => taken += 1,
            Ok(false) => {}
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    // Also for what another process has taken in meanwhile.
    lists.refresh(context, anchors).await?;
    refused.map_or(Ok(taken), Err)
}

async fn take_in_one(
    context: &Context,
    anchors: &TrustAnchors,
    upstream: &dyn Upstream,
    lists: &Lists,
    announced: &PublishedList,
) -> Result<bool, IntakeError> {
    let held = {
        let mut tx = context.db.begin_read().await?;
        sql::newest(&mut tx, announced.authority, &announced.key_id).await?
    };
    if held.as_ref().is_some_and(|held| announced.number == held.number) {
        return Ok(false);
    }
    if held.as_ref().is_some_and(|held| announced.number < held.number) {
        return Err(IntakeError::RolledBack);
    }
    let der = upstream.fetch_list(announced).await?;
    let (list, der) = verified(der, anchors).await?;
    let as_announced = list.authority() == announced.authority
        && list.key_id() == announced.key_id
        && *list.scope() == ListScope::Full;
    if !as_announced {
        return Err(IntakeError::NotAsAnnounced);
    }
    let at = context.clock.now();
    let mut tx = context.db.begin().await?;
    // Read again inside the writing transaction: another process may have taken it in meanwhile.
    match sql::newest(&mut tx, announced.authority, &announced.key_id).await? {
        Some(held) if list.number() == held.number => return Ok(false),
        Some(held) if list.number() < held.number || list.this_update() < held.this_update => {
            return Err(IntakeError::RolledBack);
        }
        _ => {}
    }
    if !sql::save(&mut tx, &list, &der, at).await? {
        return Ok(false);
    }
    let events = change_check::record_changes(&mut tx, context, &list, at).await?;
    // The commitment (docs/spec/bundle.md): from here on, the platform cannot say two things of one list.
    let detail = serde_json::json!({
        "authority": list.authority(), "key_id": list.key_id(), "list_number": list.number(),
        "this_update": list.this_update(), "next_update": list.next_update(), "sha256": hex::encode(list.sha256()),
        "entries": list.len(), "tree_root": ListCommitment::of(&list).map(|list| hex::encode(list.root)),
        "events": events,
    });
    let event =
        AuditEvent { kind: audit::REVOCATION_LIST_TAKEN_IN, relying_party: None, person: None, detail };
    audit::append(&mut tx, &event, context.random.as_ref(), at).await?;
    tx.commit().await?;
    let others_wait = lists.look_again.swap(true, Ordering::SeqCst);
    // Once more: a person who was linked while this transaction was open was not yet to be seen.
    let mut tx = context.db.begin().await?;
    let late = change_check::record_changes(&mut tx, context, &list, at).await?;
    tx.commit().await?;
    if !others_wait {
        lists.looked_through();
    }
    tracing::info!(authority = %list.authority(), number = list.number(), events = events + late, "revocation list taken in");
    Ok(true)
}

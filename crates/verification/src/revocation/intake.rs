//! Fetching, verifying and storing of one list after another.

use std::ops::ControlFlow;
use std::sync::Arc;

use musubi_kernel::UnixTime;
use musubi_pki::{
    Digests, ListCommitment, MAX_LIST_BYTES, StatusChange, TrustAnchors, VerifiedDeltaList,
    VerifiedRevocationList,
};
use musubi_platform::Context;
use musubi_platform::audit::{self, AuditEvent};
use musubi_store::{StoreError, Tx};

use super::lists::{interrupted, name_of};
use super::progress::{Import, Step, Ticket};
use super::spool::{self, Fetched, Spool};
use super::sql::{self, Head, NewList, Through};
use super::{IntakeError, ListName, Lists};
use crate::upstream::{PublishedDelta, PublishedList, Upstream, UpstreamError};

/// Changes that are stored with one statement.
const CHANGES: usize = 5_000;
/// How often a transfer that is cut off is taken up again where it ended.
const RESUMPTIONS: u32 = 5;

/// Takes in every list that upstream announces with a higher number than the one held. One list that is
/// refused does not keep the others out; the first refusal is answered after all were tried.
///
/// # Errors
/// [`IntakeError`] as above.
pub(crate) async fn take_in(
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
    lists.load(context, anchors, None).await?;
    refused.map_or(Ok(taken), Err)
}

async fn take_in_one(
    context: &Context,
    anchors: &TrustAnchors,
    upstream: &dyn Upstream,
    lists: &Lists,
    announced: &PublishedList,
) -> Result<bool, IntakeError> {
    let name = name_of(announced.authority, &announced.key_id, &announced.scope);
    let held = match lists.of_name(&name) {
        Some((head, list)) => Some((head, Some(list))),
        None => {
            let mut tx = context.db.begin_read().await?;
            sql::newest(&mut tx, &name).await?.map(|head| (head, None))
        }
    };
    match &held {
        Some((held, _)) if announced.number == held.number => return Ok(false),
        Some((held, _)) if announced.number < held.number => return Err(IntakeError::RolledBack),
        _ => {}
    }
    let importing = Importing {
        lists,
        ticket: lists.imports().begin(Import {
            authority: announced.authority,
            key_id: announced.key_id.clone(),
            number: announced.number,
            started_at: context.clock.now(),
            step: Step::Fetching,
            done: 0,
            total: announced.bytes,
            failure: None,
        }),
    };
    let taken = obtain_and_store(context, anchors, upstream, &importing, announced, &name, held).await;
    if let Err(error) = &taken {
        lists.imports().fail(importing.ticket, error.to_string());
    }
    taken
}

struct Importing<'a> {
    lists: &'a Lists,
    ticket: Ticket,
}

type Held = (Head, Option<Arc<VerifiedRevocationList>>);

async fn obtain_and_store(
    context: &Context,
    anchors: &TrustAnchors,
    upstream: &dyn Upstream,
    importing: &Importing<'_>,
    announced: &PublishedList,
    name: &ListName,
    held: Option<Held>,
) -> Result<bool, IntakeError> {
    let before = held.as_ref().and_then(|(_, list)| list.clone());
    let by_delta = match &before {
        Some(before) => by_delta(anchors, upstream, announced, before).await,
        None => None,
    };
    let (list, base_number) = match by_delta {
        Some((list, base)) => (list, Some(base)),
        None => (fetched_whole(anchors, upstream, importing, announced).await?, None),
    };
    let as_announced = list.authority() == announced.authority
        && list.key_id() == announced.key_id
        && *list.scope() == announced.scope;
    if !as_announced {
        return Err(IntakeError::NotAsAnnounced);
    }
    let sealed = Ready::of(list, importing.lists, anchors).await?;
    importing.lists.imports().tell(importing.ticket, Step::Storing, 0, None);
    let at = context.clock.now();
    let Some(id) = store(context, name, &sealed, base_number, before, at).await? else { return Ok(false) };
    let number = sealed.list.number();
    importing.lists.load(context, anchors, Some((id, sealed.list))).await?;
    importing.lists.imports().tell(importing.ticket, Step::Following, 0, None);
    let authority = announced.authority;
    tracing::info!(%authority, number, by_delta = base_number.is_some(), "revocation list taken in");
    Ok(true)
}

/// The announced list by the list held and a delta list; `None` if there is no usable one: then the whole list is
/// fetched, and what is wrong with the delta list has done no harm.
async fn by_delta(
    anchors: &TrustAnchors,
    upstream: &dyn Upstream,
    announced: &PublishedList,
    before: &Arc<VerifiedRevocationList>,
) -> Option<(VerifiedRevocationList, u64)> {
    let fits =
        |delta: &&PublishedDelta| delta.number == announced.number && delta.base_number <= before.number();
    let delta = announced.deltas.iter().filter(fits).max_by_key(|delta| delta.base_number)?;
    let applied = async {
        let (source, digests) =
            fetch(upstream, &delta.path, Spool::new(None, MAX_DELTA, Box::new(|_| {}))).await?;
        let (anchors, before) = (anchors.clone(), Arc::clone(before));
        let work = tokio::task::spawn_blocking(move || {
            let delta =
                VerifiedDeltaList::read_and_verify(&source, digests, &anchors, MAX_DELTA, &mut |_| {
                    ControlFlow::Continue(())
                })?;
            before.apply_delta(&delta)
        });
        Ok::<_, IntakeError>(work.await.map_err(interrupted)??)
    };
    match applied.await {
        Ok(list) => Some((list, before.number())),
        Err(error) => {
            tracing::warn!(%error, "a delta list cannot be used; the whole list is fetched");
            None
        }
    }
}

/// Largest delta list that is read, in bytes: two million entries. A larger one saves nothing.
const MAX_DELTA: u64 = 80 << 20;

async fn fetched_whole(
    anchors: &TrustAnchors,
    upstream: &dyn Upstream,
    importing: &Importing<'_>,
    announced: &PublishedList,
) -> Result<VerifiedRevocationList, IntakeError> {
    let limit = u64::try_from(MAX_LIST_BYTES).unwrap_or(u64::MAX);
    let (tell, told) = tokio::sync::watch::channel(0_u64);
    let spool = Spool::new(
        importing.lists.folder(),
        limit,
        Box::new(move |received| {
            // Shown while somebody looks.
            tell.send_replace(received);
        }),
    );
    let fetching = fetch(upstream, &announced.path, spool);
    let (source, digests) = shown(importing, Step::Fetching, announced.bytes, told, fetching).await?;
    let length = musubi_pki::Source::len(&source);
    if announced.bytes.is_some_and(|announced| announced != length) {
        return Err(IntakeError::NotAsAnnounced);
    }
    let (tell, told) = tokio::sync::watch::channel(0_u64);
    let anchors = anchors.clone();
    let reading = tokio::task::spawn_blocking(move || {
        VerifiedRevocationList::read_and_verify(&source, digests, &anchors, limit, &mut |progress| {
            // The reading counts every pass; shown are the bytes of one.
            let done = u128::from(progress.done) * u128::from(length) / u128::from(progress.total.max(1));
            match tell.send(u64::try_from(done).unwrap_or(length)) {
                Ok(()) => ControlFlow::Continue(()),
                // Nobody waits for the list any more.
                Err(_) => ControlFlow::Break(()),
            }
        })
    });
    let read = async { Ok::<_, IntakeError>(reading.await.map_err(interrupted)??) };
    shown(importing, Step::Reading, Some(length), told, read).await
}

/// Fetches into `spool`; a transfer that is cut off goes on where it ended.
async fn fetch(
    upstream: &dyn Upstream,
    path: &str,
    mut spool: Spool,
) -> Result<(Fetched, Option<Digests>), IntakeError> {
    let mut resumptions = 0;
    loop {
        match upstream.fetch(path, &mut spool).await {
            Ok(()) => return Ok(spool.finish()),
            Err(UpstreamError::CutOff) if resumptions < RESUMPTIONS => resumptions += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Shows the operator how far `work` is while it goes on.
async fn shown<T>(
    importing: &Importing<'_>,
    step: Step,
    total: Option<u64>,
    mut told: tokio::sync::watch::Receiver<u64>,
    work: impl Future<Output = Result<T, IntakeError>>,
) -> Result<T, IntakeError> {
    let imports = importing.lists.imports();
    imports.tell(importing.ticket, step, 0, total);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Ok(()) = told.changed() => imports.tell(importing.ticket, step, *told.borrow(), total),
        }
    }
}

/// A verified list with its sealed form in place.
struct Ready {
    list: Arc<VerifiedRevocationList>,
    sealed_sha256: [u8; 32],
}

impl Ready {
    /// Seals, and if there is a folder goes on with the mapped file instead of memory.
    async fn of(
        list: VerifiedRevocationList,
        lists: &Lists,
        anchors: &TrustAnchors,
    ) -> Result<Self, IntakeError> {
        let folder = lists.folder().map(std::path::Path::to_owned);
        let anchors = anchors.clone();
        let work = tokio::task::spawn_blocking(move || {
            let sealed_sha256 = list.sealed_sha256().ok_or(musubi_pki::SealedError::Malformed)?;
            let list = match (folder, list.sealed()) {
                (Some(folder), Some(bytes)) => {
                    let mapped = spool::keep(&folder, &sealed_sha256, bytes)
                        .map_err(|error| IntakeError::Folder(error.kind()))?;
                    VerifiedRevocationList::from_sealed(mapped, &sealed_sha256, &anchors)?
                }
                _ => list,
            };
            // Hashes what the sealed form does not have yet: here, and not when the first verdict asks for a proof.
            let _ = ListCommitment::of(&list);
            Ok::<_, IntakeError>(Self { list: Arc::new(list), sealed_sha256 })
        });
        work.await.map_err(interrupted)?
    }
}

/// Stores a list, its sealed form, what it changes and its audit record in one transaction; answers its id, or `None` if
/// another process has stored it meanwhile.
async fn store(
    context: &Context,
    name: &ListName,
    ready: &Ready,
    base_number: Option<u64>,
    before: Option<Arc<VerifiedRevocationList>>,
    at: UnixTime,
) -> Result<Option<i64>, IntakeError> {
    let list = &ready.list;
    let sealed = list.sealed().unwrap_or_default();
    let mut tx = context.db.begin().await?;
    // Read again inside the writing transaction: another process may have taken it in meanwhile.
    let held = sql::newest(&mut tx, name).await?;
    match &held {
        Some(held) if list.number() == held.number => return Ok(None),
        Some(held) if list.number() < held.number || list.this_update() < held.this_update => {
            return Err(IntakeError::RolledBack);
        }
        _ => {}
    }
    // What differs can be told only beside the very list that this one replaces, all of which must have been told.
    let before = before.filter(|before| {
        held.as_ref().is_some_and(|held| held.number == before.number() && held.is_followed())
    });
    let new = NewList {
        name,
        list,
        base_number,
        sealed_sha256: ready.sealed_sha256,
        sealed_length: sealed.len(),
        through: if before.is_some() { Through::Changes } else { Through::All },
        at,
    };
    let id = match sql::insert(&mut tx, &new, held.as_ref()).await {
        Err(StoreError::Constraint) => return Ok(None),
        id => id?,
    };
    for (index, part) in sealed.chunks(sql::PART).enumerate() {
        sql::insert_part(&mut tx, id, index, part).await?;
    }
    let changed = match before {
        Some(before) => Some(store_changes(&mut tx, id, list, before).await?),
        None => None,
    };
    // The commitment (docs/spec/bundle.md): from here on, the platform cannot say two things of one list.
    let detail = serde_json::json!({
        "authority": list.authority(), "key_id": list.key_id(), "list_number": list.number(),
        "base_number": base_number, "scope": name.scope,
        "this_update": list.this_update(), "next_update": list.next_update(), "sha256": hex::encode(list.sha256()),
        "entries": list.len(), "changed": changed,
        "tree_root": ListCommitment::of(list).map(|list| hex::encode(list.root)),
    });
    let event =
        AuditEvent { kind: audit::REVOCATION_LIST_TAKEN_IN, relying_party: None, person: None, detail };
    audit::append(&mut tx, &event, context.random.as_ref(), at).await?;
    tx.commit().await?;
    Ok(Some(id))
}

/// Stores what differs, as it is found: the difference of two lists may be as large as a list.
async fn store_changes(
    tx: &mut Tx,
    id: i64,
    list: &Arc<VerifiedRevocationList>,
    before: Arc<VerifiedRevocationList>,
) -> Result<u64, IntakeError> {
    let authority = list.authority();
    let (give, mut take) = tokio::sync::mpsc::channel::<Vec<StatusChange>>(4);
    let newer = Arc::clone(list);
    let finding = tokio::task::spawn_blocking(move || {
        let mut batch = Vec::with_capacity(CHANGES);
        for change in newer.changes_since(&before) {
            batch.push(change);
            if batch.len() == CHANGES && give.blocking_send(std::mem::take(&mut batch)).is_err() {
                return;
            }
        }
        drop(give.blocking_send(batch));
    });
    let mut changed = 0;
    while let Some(batch) = take.recv().await {
        changed += sql::insert_changes(tx, authority, id, &batch).await?;
    }
    finding.await.map_err(interrupted)?;
    sql::set_changed(tx, id, changed).await?;
    Ok(changed)
}

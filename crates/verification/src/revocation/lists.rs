//! The lists against which requests are judged: switched at once, loaded from what the database has sealed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use musubi_kernel::UnixTime;
use musubi_pki::{
    AuthorityKind, Freshness, ListCommitment, ListScope, Method, TrustAnchors, VerifiedRevocationList,
};
use musubi_platform::Context;
use musubi_store::{Db, StoreError, Tx};

use super::progress::Imports;
use super::{IntakeError, ListName, spool, sql};

/// The lists of one moment.
pub type Snapshot = Arc<Vec<Arc<VerifiedRevocationList>>>;

/// The verified lists against which requests are judged.
#[derive(Debug, Default)]
pub struct Lists {
    current: ArcSwap<Current>,
    folder: OnceLock<PathBuf>,
    imports: Imports,
}

#[derive(Debug, Default)]
struct Current {
    lists: Snapshot,
    /// Their rows in the database, in the same order.
    heads: Vec<sql::Head>,
    /// The last row that there was.
    last_id: i64,
}

impl Lists {
    /// Keeps sealed lists as files in `folder`, from which they are mapped, instead of in memory. For a nation's lists.
    pub fn keep_in(&self, folder: PathBuf) {
        // The first word counts: lists may already be mapped from there.
        drop(self.folder.set(folder));
    }

    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.get().map(PathBuf::as_path)
    }

    /// What is being taken in, and how far it is.
    #[must_use]
    pub fn imports(&self) -> &Imports {
        &self.imports
    }

    /// The lists of this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Arc::clone(&self.current.load().lists)
    }

    /// The lists of authorities that are still in their validity: one that has ended issues no more lists, and every
    /// certificate of it has ended, too.
    #[must_use]
    pub fn of_living_authorities(
        &self,
        anchors: &TrustAnchors,
        at: UnixTime,
    ) -> Vec<Arc<VerifiedRevocationList>> {
        self.snapshot().iter().filter(|list| is_of_living_authority(anchors, list, at)).cloned().collect()
    }

    /// The list in use of this name, with its row.
    pub(super) fn of_name(&self, name: &ListName) -> Option<(sql::Head, Arc<VerifiedRevocationList>)> {
        let current = self.current.load();
        let at = current.heads.iter().position(|head| head.name == *name)?;
        Some((current.heads.get(at)?.clone(), Arc::clone(current.lists.get(at)?)))
    }

    /// Whether the database holds other lists than `judged_by`: asked inside the transaction that acts on a
    /// judgement, after its audit record. Lists and judgements then follow one another in the order of the log: a
    /// certificate is either known before a list is looked through for it, or judged by that list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn are_outdated(&self, tx: &mut Tx, judged_by: &Snapshot) -> Result<bool, StoreError> {
        let current = self.current.load_full();
        Ok(!Arc::ptr_eq(judged_by, &current.lists) || sql::last_id(tx).await? != current.last_id)
    }

    /// Loads the stored lists if another process, or this one, has stored newer ones. Those that have not changed stay
    /// as they are. `fresh` is a list that this process has just stored, with its row's id.
    ///
    /// # Errors
    /// [`IntakeError`] if a stored list cannot be used or the database fails; the snapshot stays.
    pub(crate) async fn load(
        &self,
        context: &Context,
        anchors: &TrustAnchors,
        fresh: Option<(i64, Arc<VerifiedRevocationList>)>,
    ) -> Result<(), IntakeError> {
        let (last_id, mut heads) = {
            let mut tx = context.db.begin_read().await?;
            // In this order: a row that comes in between makes the next look find one more.
            let last_id = sql::last_id(&mut tx).await?;
            if last_id == self.current.load().last_id && fresh.is_none() {
                return Ok(());
            }
            (last_id, sql::heads(&mut tx).await?)
        };
        // Another version on the same database may know another generation; its lists are none of ours.
        heads.retain(|head| anchors.by_key_id(head.name.authority, &head.name.key_id).is_some());
        let held = self.current.load_full();
        let mut lists = Vec::with_capacity(heads.len());
        let mut loaded = Vec::with_capacity(heads.len());
        for head in heads {
            let same = held.heads.iter().position(|other| other.id == head.id);
            let list = match (same.and_then(|at| held.lists.get(at)), &fresh) {
                (Some(list), _) => Some(Arc::clone(list)),
                (None, Some((id, list))) if *id == head.id => Some(Arc::clone(list)),
                (None, _) => match self.loaded(&context.db, anchors, &head).await {
                    Err(IntakeError::Sealed(error)) => {
                        tracing::error!(%error, "a stored revocation list cannot be used; it is taken in anew");
                        let mut tx = context.db.begin().await?;
                        sql::put_aside(&mut tx, head.id).await?;
                        tx.commit().await?;
                        None
                    }
                    loaded => loaded?.map(Arc::new),
                },
            };
            // `None`: a newer one came meanwhile, and the next look finds that.
            if let Some(list) = list {
                lists.push(list);
                loaded.push(head);
            }
        }
        if let Some(folder) = self.folder() {
            let in_use: Vec<_> = loaded.iter().map(|head| head.sealed_sha256).collect();
            spool::forget_others(folder, &in_use);
        }
        self.current.store(Arc::new(Current { lists: Arc::new(lists), heads: loaded, last_id }));
        Ok(())
    }

    async fn loaded(
        &self,
        db: &Db,
        anchors: &TrustAnchors,
        head: &sql::Head,
    ) -> Result<Option<VerifiedRevocationList>, IntakeError> {
        let kept = self.folder().and_then(|folder| spool::kept(folder, &head.sealed_sha256));
        if let Some(sealed) = kept
            && let Ok(list) = opened(sealed, head.sealed_sha256, anchors).await
        {
            return Ok(Some(list));
        }
        // No copy here, or a damaged one: the database has it.
        let mut bytes = Vec::with_capacity(head.sealed_length);
        for part in 0..head.sealed_length.div_ceil(sql::PART) {
            let mut tx = db.begin_read().await?;
            let Some(part) = sql::part(&mut tx, head.id, part).await? else { return Ok(None) };
            bytes.extend_from_slice(&part);
        }
        let sealed = match self.folder().map(Path::to_owned) {
            Some(folder) => {
                let digest = head.sealed_sha256;
                let kept = tokio::task::spawn_blocking(move || spool::keep(&folder, &digest, &bytes));
                kept.await.map_err(interrupted)?.map_err(|error| IntakeError::Folder(error.kind()))?
            }
            None => spool::in_memory(bytes),
        };
        opened(sealed, head.sealed_sha256, anchors).await.map(Some)
    }
}

pub(super) fn interrupted(error: tokio::task::JoinError) -> IntakeError {
    // The process is ending, or the reader panicked; either way there is no list.
    IntakeError::Interrupted(error.to_string())
}

/// Opens sealed bytes off the threads that answer requests: their digest is over all of them.
async fn opened(
    sealed: musubi_pki::Sealed,
    expected: [u8; 32],
    anchors: &TrustAnchors,
) -> Result<VerifiedRevocationList, IntakeError> {
    let anchors = anchors.clone();
    let read = tokio::task::spawn_blocking(move || {
        VerifiedRevocationList::from_sealed(sealed, &expected, &anchors).inspect(|list| {
            let _ = ListCommitment::of(list);
        })
    });
    Ok(read.await.map_err(interrupted)??)
}

/// Whether the list's authority is still in its validity.
pub(crate) fn is_of_living_authority(
    anchors: &TrustAnchors,
    list: &VerifiedRevocationList,
    at: UnixTime,
) -> bool {
    anchors.by_key_id(list.authority(), list.key_id()).is_some_and(|anchor| at <= anchor.not_after())
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

/// The name of a list.
pub(super) fn name_of(authority: AuthorityKind, key_id: &str, scope: &ListScope) -> ListName {
    ListName { authority, key_id: key_id.to_owned(), scope: sql::scope_name(scope) }
}

//! What can stand behind the upstream API: the small nation with its database ([`World`]) and a population of any
//! size ([`crate::population::PopulationUpstream`]). The wire is the same for both (`http/`).

use std::future::Future;
use std::path::PathBuf;

use musubi_crypto::{Sha256Digest, sha256};
use musubi_kernel::{Secret, UnixTime};
use musubi_pki::{AuthorityKind, SerialNumber};

use super::{Consent, ConsentTerm, Followed, Provided, Refusal};
use crate::list_writer::Scope;
use crate::lists::sql::Kept;
use crate::{World, lists, municipality};

/// Which lists are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scopes {
    /// The full ones.
    #[default]
    Full,
    /// Those of the municipalities.
    Municipalities,
    /// Both.
    All,
}

impl Scopes {
    pub(crate) fn has(self, scope: Scope) -> bool {
        match self {
            Self::Full => scope == Scope::Full,
            Self::Municipalities => scope != Scope::Full,
            Self::All => true,
        }
    }
}

/// The newest list of a generation and scope.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) authority: AuthorityKind,
    pub(crate) key_id: String,
    pub(crate) number: u64,
    pub(crate) this_update: UnixTime,
    pub(crate) next_update: UnixTime,
    pub(crate) scope: Scope,
    pub(crate) bytes: u64,
    pub(crate) sha256: Sha256Digest,
    /// Oldest first.
    pub(crate) deltas: Vec<PublishedDelta>,
}

/// A delta list from one complete list to the next.
#[derive(Debug, Clone)]
pub(crate) struct PublishedDelta {
    pub(crate) base_number: u64,
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: Sha256Digest,
}

/// A list by its name on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListName {
    pub(crate) authority: AuthorityKind,
    pub(crate) key_id: String,
    pub(crate) scope: Scope,
    /// Base number and number of a delta list.
    pub(crate) delta: Option<(u64, u64)>,
}

/// Where a list's bytes are.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Memory(Vec<u8>),
    File(PathBuf),
}

/// A list's bytes.
#[derive(Debug, Clone)]
pub(crate) struct ListBytes {
    pub(crate) length: u64,
    pub(crate) sha256: Sha256Digest,
    pub(crate) content: Content,
}

impl ListBytes {
    fn in_memory(der: Vec<u8>) -> Self {
        Self { length: der.len() as u64, sha256: sha256(&der), content: Content::Memory(der) }
    }
}

/// What the authorities provide to an operator.
pub(crate) trait Provider: Clone + Send + Sync + 'static {
    /// What the operator presents as its bearer credential.
    fn credential(&self) -> &Secret<String>;

    /// Whether nobody answers.
    fn is_unreachable(&self) -> bool;

    /// The newest lists of the generations that have not ended.
    fn published(&self, scopes: Scopes) -> impl Future<Output = Result<Vec<Published>, Refusal>> + Send;

    /// One list.
    fn list(&self, name: &ListName) -> impl Future<Output = Result<ListBytes, Refusal>> + Send;

    /// 対応証明書の発行の番号.
    fn correspondence(
        &self,
        authority: AuthorityKind,
        serial: &SerialNumber,
    ) -> impl Future<Output = Result<u32, Refusal>> + Send;

    /// 新旧紐付け.
    fn succession(
        &self,
        authority: AuthorityKind,
        serial: &SerialNumber,
    ) -> impl Future<Output = Result<Followed, Refusal>> + Send;

    /// Records a consent.
    fn give_consent(&self, consent: Consent) -> impl Future<Output = Result<ConsentTerm, Refusal>> + Send;

    /// Withdraws a consent.
    fn withdraw_consent(&self, consent_id: &str) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Consents to a service that were withdrawn at `since` or later, in the order of time: at most `limit`.
    fn withdrawals(
        &self,
        service_id: &str,
        since: UnixTime,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<(String, UnixTime)>, Refusal>> + Send;

    /// 最新の4情報提供: the consented attributes and the new serial number.
    fn latest_attributes(
        &self,
        consent_id: &str,
        service_id: &str,
        serial: &SerialNumber,
    ) -> impl Future<Output = Result<(Provided, u32), Refusal>> + Send;
}

impl Provider for World {
    fn credential(&self) -> &Secret<String> {
        &self.inner.operator_credential
    }

    fn is_unreachable(&self) -> bool {
        self.dials().authority_unreachable
    }

    async fn published(&self, scopes: Scopes) -> Result<Vec<Published>, Refusal> {
        let now = self.now();
        let mut tx = self.inner.db.begin_read().await?;
        let deltas = lists::sql::deltas(&mut tx).await?;
        let mut published = Vec::new();
        let kept = if scopes == Scopes::Full { Kept::Full } else { Kept::All };
        for (row, code, der) in lists::sql::lists(&mut tx, kept).await? {
            let Some(scope) = scope_named(&code).filter(|scope| scopes.has(*scope)) else { continue };
            let generation = self
                .inner
                .authorities
                .generations
                .iter()
                .find(|g| g.kind == row.authority && g.number == row.generation && now <= g.not_after);
            let Some(generation) = generation else { continue };
            let own = deltas.iter().filter(|delta| {
                scope == Scope::Full
                    && (delta.authority, delta.generation) == (row.authority, row.generation)
                    && delta.number <= row.number
            });
            let delta = |delta: &lists::sql::DeltaRow| PublishedDelta {
                base_number: delta.base_number.unsigned_abs(),
                number: delta.number.unsigned_abs(),
                bytes: delta.der.len() as u64,
                sha256: sha256(&delta.der),
            };
            published.push(Published {
                authority: row.authority,
                key_id: generation.key_id_hex(),
                number: row.number.unsigned_abs(),
                this_update: row.this_update,
                next_update: row.next_update,
                scope,
                bytes: der.len() as u64,
                sha256: sha256(&der),
                deltas: own.map(delta).collect(),
            });
        }
        Ok(published)
    }

    async fn list(&self, name: &ListName) -> Result<ListBytes, Refusal> {
        let generation = self.inner.authorities.with_key_id(name.authority, &name.key_id);
        let generation = generation.ok_or(Refusal::NotFound)?.number;
        let mut tx = self.inner.db.begin_read().await?;
        let der = match (name.delta, name.scope) {
            (None, Scope::Full) => lists::sql::list_der(&mut tx, name.authority, generation, "").await?,
            (None, Scope::Municipality(town)) => {
                lists::sql::list_der(&mut tx, name.authority, generation, town.code).await?
            }
            (Some((base, number)), Scope::Full) => {
                let whole = |n: u64| i64::try_from(n).map_err(|_| Refusal::NotFound);
                let numbers = (whole(base)?, whole(number)?);
                lists::sql::delta_der(&mut tx, name.authority, generation, numbers).await?
            }
            (Some(_), Scope::Municipality(_)) => None,
        };
        der.map(ListBytes::in_memory).ok_or(Refusal::NotFound)
    }

    async fn correspondence(&self, authority: AuthorityKind, serial: &SerialNumber) -> Result<u32, Refusal> {
        let mut tx = self.inner.db.begin_read().await?;
        super::correspondence(&mut tx, authority, serial).await
    }

    async fn succession(&self, authority: AuthorityKind, serial: &SerialNumber) -> Result<Followed, Refusal> {
        let mut tx = self.inner.db.begin_read().await?;
        super::succession(&mut tx, authority, serial).await
    }

    async fn give_consent(&self, consent: Consent) -> Result<ConsentTerm, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let row = super::give_consent(&mut tx, self.inner.authorities.seed, consent, self.now()).await?;
        tx.commit().await?;
        Ok(ConsentTerm { valid_from: row.valid_from, valid_until: row.valid_until })
    }

    async fn withdraw_consent(&self, consent_id: &str) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        super::withdraw_consent(&mut tx, consent_id, self.now()).await?;
        Ok(tx.commit().await?)
    }

    async fn withdrawals(
        &self,
        service_id: &str,
        since: UnixTime,
        limit: u32,
    ) -> Result<Vec<(String, UnixTime)>, Refusal> {
        let mut tx = self.inner.db.begin_read().await?;
        Ok(super::sql::withdrawals(&mut tx, service_id, since, limit).await?)
    }

    async fn latest_attributes(
        &self,
        consent_id: &str,
        service_id: &str,
        serial: &SerialNumber,
    ) -> Result<(Provided, u32), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let answer = super::latest_attributes(&mut tx, consent_id, service_id, serial, self.now()).await?;
        tx.commit().await?;
        Ok(answer)
    }
}

/// A scope by the name that lists have in the database and, with `full` for the empty one, on the wire.
pub(crate) fn scope_named(code: &str) -> Option<Scope> {
    if code.is_empty() { Some(Scope::Full) } else { municipality(code).map(Scope::Municipality) }
}

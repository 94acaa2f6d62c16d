//! Identity proofing (本人確認), entitlement check (資格確認) and change check (変更確認), with what they rest on:
//! linking, the taking-in of revocation lists, and the upstream port.
//!
//! Each feature is a folder: rules in `service.rs`, its only SQL in `sql.rs`, its routes in `http.rs`. Rules
//! take a transaction, the time and typed input; they judge with `pki` and record in `platform`'s audit log,
//! in the same transaction as the answer.

pub mod change_check;
pub mod consent_keeping;
pub mod entitlement_check;
pub mod evidence;
pub mod freshness;
pub mod identity_proofing;
pub mod linking;
pub mod offline_filter;
mod once;
pub mod outcome;
pub mod presence;
pub mod problems;
pub mod revocation;
pub mod upstream;
pub mod validation_policy;
pub mod watching;
mod wire;

use std::sync::Arc;

use axum::extract::FromRef;
use musubi_card::genuineness::CardAuthorities;
use musubi_kernel::UnixTime;
use musubi_pki::{
    AuthorityKind, Environment, Policy, SerialNumber, TrustAnchors, ValidationPolicy, VerifiedRevocationList,
};
use musubi_platform::Context;
use musubi_platform::pairwise::pairwise_id;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Migration, StoreError, Tx};
use utoipa_axum::router::OpenApiRouter;

use crate::freshness::Contract;
use crate::revocation::{IntakeError, Lists};
use crate::upstream::Upstream;
use crate::validation_policy::AppliedPolicy;

/// The schema of every feature here, in order.
#[must_use]
pub fn migrations() -> Vec<Migration> {
    [
        linking::MIGRATIONS,
        revocation::MIGRATIONS,
        identity_proofing::MIGRATIONS,
        entitlement_check::MIGRATIONS,
        presence::MIGRATIONS,
        evidence::MIGRATIONS,
        change_check::MIGRATIONS,
        consent_keeping::MIGRATIONS,
        validation_policy::MIGRATIONS,
        offline_filter::MIGRATIONS,
        freshness::MIGRATIONS,
        watching::MIGRATIONS,
    ]
    .concat()
}

/// The verification service: what its rules need, shared by all requests.
#[derive(Clone)]
pub struct Verification(Arc<Inner>, Arc<CardAuthorities>);

struct Inner {
    context: Context,
    anchors: TrustAnchors,
    upstream: Arc<dyn Upstream>,
    policy: AppliedPolicy,
    lists: Lists,
}

impl std::fmt::Debug for Verification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verification(…)")
    }
}

impl Verification {
    /// A service that judges by `anchors` and `policy` and asks `upstream`. It has no lists until
    /// [`Verification::refresh`] or [`Verification::take_in`].
    #[must_use]
    pub fn new(context: Context, anchors: TrustAnchors, upstream: Arc<dyn Upstream>, policy: Policy) -> Self {
        let own = ValidationPolicy {
            min_rsa_bits: policy.min_rsa_bits,
            max_revocation_age: policy.max_list_age,
            ..ValidationPolicy::default()
        };
        let policy = AppliedPolicy::of(&own);
        let inner = Inner { context, anchors, upstream, policy, lists: Lists::default() };
        Self(Arc::new(inner), Arc::default())
    }

    /// The same service, which enrols cards for use without PIN if one of these authorities vouches for them. Without any
    /// there is no use without PIN.
    #[must_use]
    pub fn with_card_authorities(self, authorities: CardAuthorities) -> Self {
        Self(self.0, Arc::new(authorities))
    }

    /// The authorities of cards (カード認証局).
    pub(crate) fn card_authorities(&self) -> &CardAuthorities {
        &self.1
    }

    /// The platform's context.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.0.context
    }

    /// The revocation lists in use.
    #[must_use]
    pub fn lists(&self) -> &Lists {
        &self.0.lists
    }

    /// Those of `lists` whose authorities have not ended at `at`.
    pub(crate) fn living(
        &self,
        lists: &[Arc<VerifiedRevocationList>],
        at: UnixTime,
    ) -> Vec<Arc<VerifiedRevocationList>> {
        lists
            .iter()
            .filter(|list| revocation::is_of_living_authority(&self.0.anchors, list, at))
            .cloned()
            .collect()
    }

    /// The authorities.
    #[must_use]
    pub fn upstream(&self) -> &dyn Upstream {
        self.0.upstream.as_ref()
    }

    /// Whether real or test certificates are trusted.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.0.anchors.environment()
    }

    pub(crate) fn anchors(&self) -> &TrustAnchors {
        &self.0.anchors
    }

    /// The policy under which this relying party's verdicts for a purpose are made: its own, else the platform's, and what
    /// its freshness contract asks beside it; with that contract.
    pub(crate) async fn policy_of(
        &self,
        tx: &mut Tx,
        relying_party: &RelyingPartyId,
        purpose: Option<&str>,
    ) -> Result<(AppliedPolicy, Option<Contract>), StoreError> {
        let policy = validation_policy::applied(tx, relying_party, &self.0.policy).await?;
        freshness::applied(tx, relying_party, purpose, policy).await
    }

    /// How old the platform itself lets evidence be, in seconds; `None` if `nextUpdate` alone decides.
    #[must_use]
    pub fn oldest_evidence(&self) -> Option<i64> {
        self.0.policy.rules.max_list_age
    }

    /// Judges again what waits for evidence; answers how many answers are settled. To be called every few seconds, apart from
    /// [`Verification::take_in`], which must not wait for an authority that does not answer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle(&self) -> Result<u32, StoreError> {
        freshness::settle(self).await
    }

    /// The person's identifier for one relying party.
    #[must_use]
    pub fn subject(&self, relying_party: &RelyingPartyId, person: &PersonId) -> String {
        pairwise_id(&self.0.context.pairwise_secret, relying_party, person).to_string()
    }

    /// Loads stored lists, also those that another process took in.
    ///
    /// # Errors
    /// [`IntakeError`] if one cannot be used or the database fails.
    pub async fn refresh(&self) -> Result<(), IntakeError> {
        self.0.lists.load(&self.0.context, &self.0.anchors, None).await
    }

    /// Writes what follows from the lists in use into the change stream, as far as it is not there: at the start, for
    /// what a process that was cut off has left undone. Answers how many events.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn catch_up(&self) -> Result<u32, StoreError> {
        let context = self.context();
        let mut tx = context.db.begin().await?;
        watching::count_uncounted(&mut tx, context).await?;
        tx.commit().await?;
        revocation::follow(context, &self.0.lists).await
    }

    /// Looks up every known certificate in the lists in use once more; `looked` hears how many so far. Answers how many
    /// there were, and how many events followed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn look_at_all_again(&self, looked: impl FnMut(u64)) -> Result<(u64, u32), StoreError> {
        revocation::look_at_all_again(&self.0.context, &self.0.lists, looked).await
    }

    /// What the lists of all certificates of one generation said of a certificate at a past time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn status_as_of(
        &self,
        tx: &mut Tx,
        (authority, key_id): (AuthorityKind, &str),
        serial: &SerialNumber,
        at: UnixTime,
    ) -> Result<Option<revocation::AsOf>, StoreError> {
        revocation::status_as_of(tx, &self.0.lists, (authority, key_id), serial, at).await
    }

    /// Takes in what upstream has published since, and has told what follows from it; answers how many lists.
    ///
    /// # Errors
    /// [`IntakeError`] of the first list that was refused, after all were tried.
    pub async fn take_in(&self) -> Result<u32, IntakeError> {
        self.refresh().await?;
        let taken =
            revocation::take_in(&self.0.context, &self.0.anchors, self.upstream(), &self.0.lists).await;
        // Also if a list was refused: others may have come, and certificates may have become known.
        revocation::follow(&self.0.context, &self.0.lists).await?;
        taken
    }
}

impl FromRef<Verification> for Context {
    fn from_ref(verification: &Verification) -> Self {
        verification.context().clone()
    }
}

/// How long an abandoned transaction is kept after its time ended, in seconds: its relying party may still read
/// that it expired.
const ABANDONED_KEPT: i64 = 24 * 3600;

/// Deletes transactions that nobody completed, and matching tags that nobody met; answers how many. Their records in the
/// audit log stay.
///
/// # Errors
/// [`StoreError`].
pub async fn purge_abandoned(tx: &mut Tx, at: UnixTime) -> Result<u64, StoreError> {
    let before = at.plus(-ABANDONED_KEPT);
    Ok(identity_proofing::delete_abandoned(tx, before).await?
        + entitlement_check::delete_abandoned(tx, before).await?
        + watching::matching::delete_expired(tx, at).await?)
}

/// The routes of every feature here, with their part of the OpenAPI document.
#[must_use]
pub fn api() -> OpenApiRouter<Verification> {
    identity_proofing::http::api()
        .merge(entitlement_check::http::api())
        .merge(change_check::http::api())
        .merge(offline_filter::http::api())
        .merge(freshness::http::api())
        .merge(watching::http::api())
        .merge(watching::bulk::http::api())
}

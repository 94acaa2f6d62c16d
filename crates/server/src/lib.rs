//! The platform as one program: database, verification service, REST API and portal put together.
//!
//! Used by the operator's binary `musubi` and by the demo. Links neither the simulated nation nor the sample
//! services: trust anchors and upstream come in.

mod card_authorities;
pub mod cli;
pub mod config;
mod inspect;
mod intake_log;
mod openapi;
mod path_batch;
mod replay;
mod terminal;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use musubi_crypto::Ed25519Signer;
use musubi_httpkit::page::CardOrigins;
use musubi_httpkit::{DEFAULT_TIMEOUT, finish_api};
use musubi_kernel::{Clock, Random, Secret};
use musubi_pki::{Policy, TrustAnchors};
use musubi_platform::Context;
use musubi_platform::relying_party::{self, NewRelyingParty, RegisterError, RelyingParty, RelyingPartyId};
use musubi_store::{Db, StoreError};
use musubi_verification::presence::CardAuthorities;
use musubi_verification::upstream::Upstream;
use musubi_verification::watching::{bulk, succession};
use musubi_verification::{Verification, identity_proofing};
use musubi_web::portal::Portal;
use tokio::sync::watch;

pub use openapi::{document, routes};

/// How often upstream is asked for newer revocation lists.
pub const INTAKE_EVERY: Duration = Duration::from_secs(1);
/// How often expired rows are deleted, in rounds of the intake.
const PURGE_EVERY: u32 = 600;

/// Where the platform's parts are, seen from a browser and from relying parties.
#[derive(Debug, Clone)]
pub struct Origins {
    /// The REST API.
    pub api: String,
    /// The resident's portal.
    pub portal: String,
    /// Where the portal finds the resident's card: the card window or connector, and what is offered beside it.
    pub card: CardOrigins,
}

/// What the platform stands on.
pub struct Parts {
    /// The database, not yet migrated.
    pub db: Db,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Key of the pairwise ids, at least 32 bytes.
    pub pairwise_secret: Secret<Vec<u8>>,
    /// The platform's signing key.
    pub signing_key: Ed25519Signer,
    /// Whom to trust.
    pub anchors: TrustAnchors,
    /// Whose cards may be enrolled for use without PIN; nobody's if there is none.
    pub card_authorities: CardAuthorities,
    /// The authorities.
    pub upstream: Arc<dyn Upstream>,
    /// How to judge.
    pub policy: Policy,
    /// Where it is.
    pub origins: Origins,
}

/// Why the platform did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A registration.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A stored revocation list does not verify under the trust anchors.
    #[error("a stored revocation list cannot be used: {0}")]
    Lists(#[from] musubi_verification::revocation::IntakeError),
    /// The portal's own key.
    #[error("a key could not be made")]
    Key,
}

/// The running platform.
#[derive(Debug, Clone)]
pub struct Platform {
    context: Context,
    verification: Verification,
    portal: Portal,
}

impl Platform {
    /// Migrates the database, loads the stored revocation lists, registers the portal.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(parts: Parts) -> Result<Self, StartError> {
        let at = parts.clock.now();
        migrate(&parts.db, at).await?;
        let context = Context {
            db: parts.db,
            clock: parts.clock,
            random: parts.random,
            pairwise_secret: Arc::new(parts.pairwise_secret),
            signing_key: Arc::new(parts.signing_key),
            api_origin: parts.origins.api,
            portal_origin: parts.origins.portal,
        };
        let verification = Verification::new(context.clone(), parts.anchors, parts.upstream, parts.policy)
            .with_card_authorities(parts.card_authorities);
        verification.refresh().await?;
        verification.catch_up().await?;
        let own = portal_relying_party(&context).await?;
        let portal = Portal::new(verification.clone(), own, parts.origins.card);
        Ok(Self { context, verification, portal })
    }

    /// The verification service.
    #[must_use]
    pub fn verification(&self) -> &Verification {
        &self.verification
    }

    /// The platform's context.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The REST API: the router of the host `api.`.
    pub fn api(&self) -> Router {
        finish_api(openapi::router(&self.context, &self.verification), DEFAULT_TIMEOUT)
    }

    /// The portal: the router of the host `portal.`.
    pub fn portal(&self) -> Router {
        self.portal.pages()
    }

    /// Takes in newer revocation lists, follows persons to new certificates and deletes what has expired, until `stop`
    /// turns true.
    pub async fn run_background(&self, mut stop: watch::Receiver<bool>) {
        let mut round = 0_u32;
        let mut log = intake_log::IntakeLog::default();
        loop {
            match self.verification.take_in().await {
                Ok(_) => log.succeeded(),
                Err(error) => log.failed(&error),
            }
            if let Err(error) = succession::follow(&self.verification, &succession::TellNobody).await {
                tracing::warn!(%error, "new certificates were not followed");
            }
            if round.is_multiple_of(PURGE_EVERY)
                && let Err(error) = self.purge().await
            {
                tracing::warn!(%error, "expired rows were not deleted");
            }
            round = round.wrapping_add(1);
            tokio::select! {
                () = tokio::time::sleep(INTAKE_EVERY) => {}
                changed = stop.changed() => if changed.is_err() || *stop.borrow() { return },
            }
            if *stop.borrow() {
                return;
            }
        }
    }

    async fn purge(&self) -> Result<(), StoreError> {
        let mut tx = self.context.db.begin().await?;
        let at = self.context.clock.now();
        musubi_platform::purge_expired(&mut tx, at).await?;
        musubi_verification::purge_abandoned(&mut tx, at).await?;
        bulk::expire_abandoned(&mut tx, &self.context, at).await?;
        tx.commit().await?;
        identity_proofing::withdraw_orphaned_consents(&self.verification, at).await.map(drop)
    }
}

/// Returns when the process is asked to end: Ctrl+C, or SIGTERM as service managers send it.
pub async fn asked_to_end() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        return;
    }
    drop(tokio::signal::ctrl_c().await);
}

/// Brings the database to this version's schema.
///
/// # Errors
/// [`StoreError`].
pub async fn migrate(db: &Db, at: musubi_kernel::UnixTime) -> Result<(), StoreError> {
    let mut migrations = musubi_platform::MIGRATIONS.to_vec();
    migrations.extend(musubi_verification::migrations());
    db.migrate(&migrations, at).await
}

/// The portal as a relying party of its own platform. Its identifier is fixed by the pairwise secret, so that
/// every process on one database finds the same registration.
async fn portal_relying_party(context: &Context) -> Result<RelyingParty, StartError> {
    let digest =
        musubi_crypto::hmac_sha256(context.pairwise_secret.expose(), &[b"musubi portal relying party 1"]);
    let body = musubi_kernel::hex_lower(digest.get(..16).unwrap_or_default());
    let id: RelyingPartyId = format!("rp_{body}").parse().map_err(|_| StartError::Key)?;
    let at = context.clock.now();
    let mut tx = context.db.begin().await?;
    let found = relying_party::by_id(&mut tx, &id).await?;
    // The portal calls its services in process and needs no client assertion; a fresh key that nobody keeps
    // makes sure that nobody can act as the portal over the API.
    let key_set = match found {
        Some(found) => found.key_set,
        None => {
            let key = musubi_crypto::ClientKey::generate().map_err(|_| StartError::Key)?;
            musubi_crypto::JwkSet::parse(&key.jwk_set()).map_err(|_| StartError::Key)?
        }
    };
    let new = NewRelyingParty {
        name_ja: "利用者ポータル".into(),
        name_en: "Resident portal".into(),
        origins: vec![context.portal_origin.clone()],
        key_set,
    };
    relying_party::register_as(&mut tx, &id, &new, context.random.as_ref(), at).await?;
    let own = relying_party::by_id(&mut tx, &id).await?.ok_or(StartError::Key)?;
    tx.commit().await?;
    Ok(own)
}

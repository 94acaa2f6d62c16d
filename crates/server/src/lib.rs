//! The platform as one program: database, verification service, REST API and portal put together.
//!
//! Used by the operator's binary `musubi` and by the demo. Links neither the simulated nation nor the sample
//! services: trust anchors and upstream come in.

mod card_authorities;
pub mod cli;
pub mod config;
pub mod figures;
mod follow;
mod freshness_contract;
mod inspect;
mod intake_log;
pub mod metrics;
mod offline;
mod openapi;
#[cfg(feature = "otlp")]
pub mod otlp;
mod path_batch;
mod replay;
mod roots;
mod telling;
mod terminal;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use musubi_console::{AccessCode, Console, ConsoleParts};
use musubi_crypto::Ed25519Signer;
use musubi_feed::ListInUse;
use musubi_httpkit::outbound::Reach;
use musubi_httpkit::page::CardOrigins;
use musubi_httpkit::{DEFAULT_TIMEOUT, finish_api, measured};
use musubi_kernel::{Clock, Random, Secret};
use musubi_pki::{Environment, Policy, TrustAnchors};
use musubi_platform::Context;
use musubi_platform::metering::FeeTable;
use musubi_platform::relying_party::{self, NewRelyingParty, RegisterError, RelyingParty, RelyingPartyId};
use musubi_store::{Db, StoreError, Tx};
use musubi_stream::{ListsInUse, Streams};
use musubi_telemetry::Intake;
use musubi_verification::change_check::follow_up;
use musubi_verification::consent_keeping;
use musubi_verification::presence::CardAuthorities;
use musubi_verification::revocation::IntakeError;
use musubi_verification::upstream::Upstream;
use musubi_verification::watching::{bulk, succession};
use musubi_verification::{Verification, freshness, identity_proofing, offline_filter};
use musubi_web::portal::Portal;
use tokio::sync::watch;
use tracing::Instrument as _;

use crate::figures::{Features, PlatformFigures, Sources};

pub use openapi::{document, routes};

/// How often upstream is asked for newer revocation lists.
pub const INTAKE_EVERY: Duration = Duration::from_secs(1);
/// How often consents are looked through.
const CONSENTS_EVERY: Duration = Duration::from_secs(60);
/// How often answers that wait for evidence are looked at; each of them once a minute.
const SETTLE_EVERY: Duration = Duration::from_secs(5);
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
    /// How far deliveries reach: only the public internet, but for tests and demos on one machine.
    pub reach: Reach,
    /// Folder of this process alone, from which sealed revocation lists are mapped; `None` keeps them in memory.
    pub sealed_lists: Option<PathBuf>,
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
    streams: Streams,
    portal: Portal,
    fees: Arc<FeeTable>,
    figures: PlatformFigures,
    answers_kept: i64,
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
        let anchors = parts.anchors.clone();
        let max_list_age = parts.policy.max_list_age;
        let verification = Verification::new(context.clone(), parts.anchors, parts.upstream, parts.policy)
            .with_card_authorities(parts.card_authorities);
        if let Some(folder) = parts.sealed_lists {
            verification.lists().keep_in(folder);
        }
        let streams = Streams::new(context.clone(), Arc::new(FollowedLists)).reaching(parts.reach);
        verification.refresh().await?;
        verification.catch_up().await?;
        let own = portal_relying_party(&context).await?;
        let portal = Portal::new(verification.clone(), own, parts.origins.card);
        let sources = Features { verification: verification.clone(), max_list_age };
        let figures = PlatformFigures::new(context.clone(), anchors, Arc::new(sources));
        let answers_kept = freshness::ANSWERS_KEPT;
        Ok(Self { context, verification, streams, portal, fees: Arc::default(), figures, answers_kept })
    }

    /// The same platform, whose work costs what `fees` say.
    #[must_use]
    pub fn with_fees(self, fees: FeeTable) -> Self {
        Self { fees: Arc::new(fees), ..self }
    }

    /// The same platform, whose console and metrics show what `sources` tell.
    #[must_use]
    pub fn with_sources(self, sources: Arc<dyn Sources>) -> Self {
        Self { figures: self.figures.with_sources(sources), ..self }
    }

    /// What console and metrics show.
    #[must_use]
    pub fn figures(&self) -> &PlatformFigures {
        &self.figures
    }

    /// The operator's console at `origin`, for who knows the code: the router of its host.
    pub fn console(&self, access_code: AccessCode, origin: String) -> Router {
        let console = Console::new(ConsoleParts {
            context: self.context.clone(),
            figures: Arc::new(self.figures.clone()),
            fees: Arc::clone(&self.fees),
            access_code,
            origin,
            simulation: self.verification.environment() != Environment::Production,
        });
        measured(console.pages(), "console")
    }

    /// The same platform, which can correct an answer for so many seconds at most; else until the certificate ends.
    #[must_use]
    pub fn keeping_answers(self, seconds: i64) -> Self {
        Self { answers_kept: seconds, ..self }
    }

    /// The verification service.
    #[must_use]
    pub fn verification(&self) -> &Verification {
        &self.verification
    }

    /// The delivery of the change stream.
    #[must_use]
    pub fn streams(&self) -> &Streams {
        &self.streams
    }

    /// The platform's context.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The REST API: the router of the host `api.`.
    pub fn api(&self) -> Router {
        let api = openapi::router(&self.context, &self.verification, &self.streams, &self.fees);
        measured(finish_api(api, DEFAULT_TIMEOUT), "api")
    }

    /// The portal: the router of the host `portal.`.
    pub fn portal(&self) -> Router {
        measured(self.portal.pages(), "portal")
    }

    /// Takes in newer revocation lists, settles what waits for them, follows persons to new certificates, makes offline
    /// filters, delivers the change stream, and deletes what has expired, until `stop` turns true.
    pub async fn run_background(&self, stop: watch::Receiver<bool>) {
        // Apart from one another: what waits may have to ask an authority that does not answer.
        tokio::join!(
            self.take_in_lists(stop.clone()),
            self.settle_answers(stop.clone()),
            self.settle_changes(stop.clone()),
            self.keep_consents(stop.clone()),
            self.follow_successions(stop.clone()),
            self.make_offline_filters(stop.clone()),
            musubi_stream::push::run(&self.streams, stop),
        );
    }

    /// Beside the intake: a filter of a nation takes seconds, and no list waits for it.
    async fn make_offline_filters(&self, mut stop: watch::Receiver<bool>) {
        let mut failed = None;
        loop {
            let error =
                offline_filter::make_due(&self.verification).await.err().map(|error| error.to_string());
            if let Some(error) = error.as_ref().filter(|error| failed.as_ref() != Some(*error)) {
                tracing::warn!(%error, "an offline filter was not made");
            }
            failed = error;
            tokio::select! {
                () = tokio::time::sleep(INTAKE_EVERY) => {}
                changed = stop.changed() => if changed.is_err() || *stop.borrow() { return },
            }
            if *stop.borrow() {
                return;
            }
        }
    }

    async fn settle_answers(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.verification.settle().await {
                tracing::warn!(%error, "answers that wait for evidence were not settled");
            }
            tokio::select! {
                () = tokio::time::sleep(SETTLE_EVERY) => {}
                changed = stop.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Beside everything else: an authority that does not answer holds nobody up.
    async fn settle_changes(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            match follow_up::settle_due(&self.verification).await {
                Ok(settled) if settled.told > 0 => self.streams.push().wake(),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "pending changes were not settled"),
            }
            tokio::select! {
                () = tokio::time::sleep(SETTLE_EVERY) => {}
                changed = stop.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Reminders, ends and withdrawals of consents.
    async fn keep_consents(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = consent_keeping::keep(&self.verification).await {
                tracing::warn!(%error, "consents were not looked through");
            }
            tokio::select! {
                () = tokio::time::sleep(CONSENTS_EVERY) => {}
                changed = stop.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn follow_successions(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = succession::follow(&self.verification, &succession::TellNobody).await {
                tracing::warn!(%error, "new certificates were not followed");
            }
            tokio::select! {
                () = tokio::time::sleep(INTAKE_EVERY) => {}
                changed = stop.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn take_in_lists(&self, mut stop: watch::Receiver<bool>) {
        let mut round = 0_u32;
        let mut log = intake_log::IntakeLog::default();
        loop {
            let began = tokio::time::Instant::now();
            let taken = self.verification.take_in().instrument(tracing::info_span!("intake")).await;
            measure_intake(&taken, began.elapsed(), self.context.clock.now());
            match taken {
                Ok(taken) => {
                    log.succeeded();
                    if taken > 0 {
                        self.streams.push().wake();
                    }
                }
                Err(error) => log.failed(&error),
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
        musubi_console::purge_expired(&mut tx, at).await?;
        freshness::forget(&mut tx, self.answers_kept, at).await?;
        bulk::expire_abandoned(&mut tx, &self.context, at).await?;
        tx.commit().await?;
        identity_proofing::withdraw_orphaned_consents(&self.verification, at).await.map(drop)
    }
}

/// Counts a round of the intake that did something.
fn measure_intake(taken: &Result<u32, IntakeError>, lasted: Duration, at: musubi_kernel::UnixTime) {
    let outcome = match taken {
        Ok(lists) => {
            musubi_telemetry::intake_succeeded(metrics::seconds(at.0));
            if *lists == 0 {
                return;
            }
            Intake::TakenIn
        }
        Err(IntakeError::Upstream(_)) => Intake::Unreachable,
        Err(IntakeError::Store(_)) => Intake::Store,
        Err(IntakeError::RolledBack) => Intake::RolledBack,
        Err(_) => Intake::Refused,
    };
    musubi_telemetry::intake_ended(outcome, lasted.as_secs_f64());
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
    migrations.extend(musubi_stream::migrations());
    migrations.extend_from_slice(musubi_console::MIGRATIONS);
    db.migrate(&migrations, at).await
}

/// What heartbeats vouch for: the lists that were looked through to their end.
struct FollowedLists;

#[async_trait]
impl ListsInUse for FollowedLists {
    async fn lists(&self, tx: &mut Tx) -> Result<Vec<ListInUse>, StoreError> {
        musubi_verification::revocation::lists_in_use(tx).await
    }
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

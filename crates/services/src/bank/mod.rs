//! The sample bank (みほん銀行): opens accounts by identity proofing, signs customers in by entitlement check,
//! recognises them at the branch without PIN (かざし利用), follows change checks and takes in new addresses by consent.
//!
//! ```text
//! application  drafted ─▶ open ─▶ submitted ─▶ accepted (the account, once) │ refused
//!                 └──────────┴────────┴──▶ lapsed (its time ran out)
//! sign-in      the same, ending in a session
//! reception    the same without PIN, ending in a slip that opens no account
//! change event checked in its chain, once ─▶ latest attributes: pending ─▶ received │ refused
//! ```
//!
//! Every call to the platform that changes something has its idempotency key stored before the call. If no
//! answer came (or this process died), the same key is used again; if the platform answered that it is not
//! possible now, the next attempt has a new key.

mod applications;
mod changes;
mod http;
mod model;
mod service;
mod sign_ins;
mod sql;
mod stream;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use musubi_crypto::{ClientKey, Sha256Digest, sha256};
use musubi_feed::VerifyingKey;
use musubi_httpkit::page::{CardOrigins, Texts};
use musubi_kernel::{Clock, Random, hex_lower, random_body};
use musubi_store::{Db, StoreError};

pub use model::{ApplicationId, SignInId};
pub use service::{ADDRESS_LIMIT, ApplyForm, Fault, Field, NAME_LIMIT};

use crate::platform_client::{PlatformClient, PlatformError};

/// The bank's texts.
static TEXTS: std::sync::LazyLock<Texts> =
    std::sync::LazyLock::new(|| Texts::new(include_str!("locales/ja.txt"), include_str!("locales/en.txt")));

/// How often the background looks for work.
const BEAT: Duration = Duration::from_secs(1);

/// What a bank is made of. Origins have no final slash.
pub struct BankConfig {
    /// The bank's own database; its tables begin with `bank_`.
    pub db: Db,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness: identifiers, cookies, idempotency keys.
    pub random: Arc<dyn Random>,
    /// The platform's REST API, `http://api.localhost:8080`.
    pub platform_origin: String,
    /// The bank's id at the platform, `rp_…`.
    pub relying_party_id: String,
    /// The bank's key, whose public half is registered at the platform.
    pub client_key: ClientKey,
    /// Where the bank's pages are, `http://bank.localhost:8080`.
    pub own_origin: String,
    /// Where the card may be.
    pub card: CardOrigins,
    /// Where the resident's portal is.
    pub portal_origin: String,
    /// Whether visitors may provoke refusals under `/lab` (demo only).
    pub lab: bool,
}

/// Why the bank could not do something.
#[derive(Debug, thiserror::Error)]
pub enum BankError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The platform.
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

/// What one round of background work did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tick {
    /// Change events taken in.
    pub events: u64,
    /// Customers whose latest attributes were received.
    pub attributes_received: u64,
    /// Applications that were opened or decided.
    pub applications: u64,
}

/// The bank. Clones share one state.
#[derive(Clone)]
pub struct Bank(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    platform: PlatformClient,
    /// The platform's public keys as it published them; fetched when one is missing.
    signing_keys: tokio::sync::Mutex<Vec<VerifyingKey>>,
    relying_party_id: String,
    own_origin: String,
    card: CardOrigins,
    portal_origin: String,
    lab: bool,
    /// Whether the platform answered last time: a change is logged, not every attempt.
    platform_answers: AtomicBool,
}

impl std::fmt::Debug for Bank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bank").field("own_origin", &self.0.own_origin).finish_non_exhaustive()
    }
}

impl Bank {
    /// Opens the bank on its database, whose tables it creates where they are missing.
    ///
    /// # Errors
    /// [`BankError::Store`].
    pub async fn open(config: BankConfig) -> Result<Self, BankError> {
        config.db.migrate(&sql::MIGRATIONS, config.clock.now()).await?;
        let platform = PlatformClient::new(
            config.platform_origin,
            config.relying_party_id.clone(),
            config.client_key,
            config.clock.clone(),
            config.random.clone(),
        );
        Ok(Self(Arc::new(Inner {
            db: config.db,
            clock: config.clock,
            random: config.random,
            platform,
            signing_keys: tokio::sync::Mutex::default(),
            relying_party_id: config.relying_party_id,
            own_origin: config.own_origin,
            card: config.card,
            portal_origin: config.portal_origin,
            lab: config.lab,
            platform_answers: AtomicBool::new(true),
        })))
    }

    /// One round of background work: reads change events, fetches latest attributes, reconciles applications.
    /// What cannot be done now is done in a later round.
    ///
    /// # Errors
    /// [`BankError::Store`]; the platform's refusals are no error here.
    pub async fn tick(&self) -> Result<Tick, BankError> {
        let mut tick = Tick::default();
        match self.read_change_events().await {
            Ok(events) => {
                tick.events = events;
                self.platform_answered(true);
            }
            Err(BankError::Platform(error)) => {
                if self.platform_answered(false) {
                    tracing::warn!(%error, "change events cannot be read; trying on");
                }
            }
            Err(error) => return Err(error),
        }
        tick.attributes_received = self.fetch_latest_attributes().await?;
        tick.applications = self.reconcile_applications().await?;
        Ok(tick)
    }

    /// Works in the background until `shutdown` is done.
    pub async fn run_background(&self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                _ = beat.tick() => {}
            }
            tokio::select! {
                // What is under way may be left: everything is stored before it is asked for.
                () = &mut shutdown => return,
                done = self.tick() => {
                    if let Err(error) = done {
                        tracing::error!(%error, "the bank's background work failed; trying on");
                    }
                }
            }
        }
    }

    /// Remembers whether the platform answered; says whether that is new.
    fn platform_answered(&self, answers: bool) -> bool {
        self.0.platform_answers.swap(answers, Ordering::Relaxed) != answers
    }

    fn fresh_key(&self) -> String {
        random_body(&*self.0.random)
    }

    /// A secret for a cookie, and what the database keeps of it.
    fn fresh_cookie(&self) -> (String, Sha256Digest) {
        let mut bytes = [0; 32];
        self.0.random.fill(&mut bytes);
        let text = hex_lower(&bytes);
        let hash = sha256(text.as_bytes());
        (text, hash)
    }
}

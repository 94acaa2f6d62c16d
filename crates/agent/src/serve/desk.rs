//! The reader behind the window's pages: one card operation at a time, for paired browsers and approved sites alone.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use musubi_card::client::{Card, CardError};
use musubi_card::transport::{Transport, TransportError};
use musubi_connector::{Caller, Holder, Permission, Reader};
use musubi_kernel::{Clock, Secret, UnixTime};
use tokio::sync::Semaphore;

use super::register::{Register, RegisterError};

/// The header with the browser's pairing secret. A page elsewhere cannot send it: that takes a preflight, which is refused.
pub const PAIRING_HEADER: HeaderName = HeaderName::from_static("musubi-pairing");

/// Longest secret that is looked at, in bytes.
const SECRET_LIMIT: usize = 64;

/// A reader as the person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenReader {
    /// Its name, as the driver says it.
    pub name: String,
    /// Whether something is on it.
    pub has_card: bool,
}

/// Where cards come from: PC/SC, and in tests a virtual card. May wait: called on a thread of its own.
pub trait CardSource: Send + Sync + 'static {
    /// The connected readers.
    ///
    /// # Errors
    /// [`TransportError::NoService`] and others; no reader is an empty list.
    fn readers(&self) -> Result<Vec<SeenReader>, TransportError>;

    /// Powers the card on the reader, for this caller alone until the transport is dropped.
    ///
    /// # Errors
    /// [`TransportError`].
    fn connect(&self) -> Result<Box<dyn Transport>, TransportError>;
}

/// How long and how many.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest wait for another's card operation to end.
    pub patience: Duration,
    /// Longest card operation.
    pub operation: Duration,
    /// So many may wait; further ones hear at once that the card is in use.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // A signature takes a card about a second, and reading its certificates two or three.
        Self { patience: Duration::from_secs(10), operation: Duration::from_secs(40), waiting: 4 }
    }
}

/// The reader of this computer with the holder's decisions about it.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    source: Arc<dyn CardSource>,
    register: Register,
    clock: Arc<dyn Clock>,
    limits: Limits,
    turn: Arc<Semaphore>,
    places: Semaphore,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk(…)")
    }
}

impl Desk {
    /// A desk over a source of cards and the holder's decisions.
    #[must_use]
    pub fn new(
        source: Arc<dyn CardSource>,
        register: Register,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Self {
        // One place more: who has the turn holds a place, too.
        let places = Semaphore::new(limits.waiting + 1);
        Self(Arc::new(Inner { source, register, clock, limits, turn: Arc::new(Semaphore::new(1)), places }))
    }

    /// Where the time comes from.
    pub(super) fn clock(&self) -> &dyn Clock {
        self.0.clock.as_ref()
    }

    /// Asks or changes the register on a thread that may wait.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub(super) async fn decide<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&Register) -> Result<R, RegisterError> + Send + 'static,
    ) -> Result<R, RegisterError> {
        let register = self.0.register.clone();
        tokio::task::spawn_blocking(move || decide(&register))
            .await
            .map_err(|_| RegisterError::Io(std::io::Error::other("ended early")))?
    }

    /// Whether the browser that sent these headers is paired. What cannot be read counts as no.
    pub(super) async fn is_paired(&self, headers: &HeaderMap) -> bool {
        let Some(secret) = pairing_secret(headers) else { return false };
        self.decide(move |register| register.is_paired(&secret)).await.unwrap_or_else(closed)
    }

    /// Whether the site at `origin` is approved. What cannot be read counts as no.
    pub(super) async fn is_approved(&self, origin: &str) -> bool {
        let origin = origin.to_owned();
        self.decide(move |register| register.is_approved(&origin)).await.unwrap_or_else(closed)
    }

    /// The readers of this computer.
    ///
    /// # Errors
    /// [`TransportError`].
    pub(super) async fn readers(&self) -> Result<Vec<SeenReader>, TransportError> {
        let source = self.0.source.clone();
        let asked = tokio::task::spawn_blocking(move || source.readers());
        match tokio::time::timeout(self.0.limits.patience, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(ended_early()),
            Err(_) => Err(TransportError::Unresponsive),
        }
    }
}

impl Reader for Desk {
    fn now(&self) -> UnixTime {
        self.0.clock.now()
    }

    async fn permission(&self, caller: Caller<'_>, origin: &str) -> Permission {
        if !self.is_paired(caller.headers).await {
            Permission::PairingNeeded
        } else if self.is_approved(origin).await {
            Permission::Granted
        } else {
            Permission::ApprovalNeeded
        }
    }

    async fn approve(&self, caller: Caller<'_>, origin: &str) -> Permission {
        if !self.is_paired(caller.headers).await {
            return Permission::PairingNeeded;
        }
        let (approved, at) = (origin.to_owned(), self.0.clock.now());
        match self.decide(move |register| register.approve(&approved, at)).await {
            Ok(()) => tracing::info!("the holder approved a site"),
            Err(error) => tracing::error!(%error, "a site could not be approved"),
        }
        self.permission(caller, origin).await
    }

    async fn holder(&self, _: Caller<'_>) -> Option<Holder> {
        // A real card says nobody's name before a PIN.
        None
    }

    async fn with_card<R, F>(&self, caller: Caller<'_>, work: F) -> Result<R, CardError>
    where
        R: Send + 'static,
        F: FnOnce(&mut Card<Box<dyn Transport>>) -> Result<R, CardError> + Send + 'static,
    {
        // The window asks for the permission before; this holds even if it forgot to.
        if !self.is_paired(caller.headers).await {
            return Err(TransportError::Failed("this browser is not paired".into()).into());
        }
        let in_use = || CardError::from(TransportError::InUse);
        let _place = self.0.places.try_acquire().map_err(|_| in_use())?;
        let turn = tokio::time::timeout(self.0.limits.patience, self.0.turn.clone().acquire_owned());
        let turn = turn.await.map_err(|_| in_use())?.map_err(|_| in_use())?;
        let source = self.0.source.clone();
        let waiting = Waiting::default();
        let wanted = Arc::clone(&waiting.0);
        let operation = tokio::task::spawn_blocking(move || {
            // Given back when the thread is done with the card, not when nobody waits for it any more.
            let _turn = turn;
            let card: Box<dyn Transport> = Box::new(WhileWanted { card: source.connect()?, wanted });
            work(&mut Card::connect(card)?)
        });
        let answered = tokio::time::timeout(self.0.limits.operation, operation).await;
        drop(waiting);
        match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(ended_early().into()),
            Err(_) => Err(TransportError::Unresponsive.into()),
        }
    }
}

/// Somebody waits for the card, until this is dropped: with the answer, with the last of their patience, or because they
/// closed the window.
struct Waiting(Arc<AtomicBool>);

impl Default for Waiting {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// A card that gets no further command once nobody waits: who was told that nothing came of it, or took the request back,
/// must not lose a try to it afterwards.
struct WhileWanted {
    card: Box<dyn Transport>,
    wanted: Arc<AtomicBool>,
}

impl Transport for WhileWanted {
    fn atr(&self) -> &[u8] {
        self.card.atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        if !self.wanted.load(Ordering::SeqCst) {
            return Err(TransportError::Unresponsive);
        }
        self.card.transmit(command)
    }
}

/// The pairing secret that a request carries, if it is one header of bounded length.
pub(super) fn pairing_secret(headers: &HeaderMap) -> Option<Secret<String>> {
    let mut sent = headers.get_all(PAIRING_HEADER).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else { return None };
    let text = value.to_str().ok()?;
    (text.len() <= SECRET_LIMIT).then(|| Secret::new(text.to_owned()))
}

fn closed(error: RegisterError) -> bool {
    tracing::error!(%error, "the holder's decisions could not be read");
    false
}

fn ended_early() -> TransportError {
    TransportError::Failed("the work on the card ended early".into())
}

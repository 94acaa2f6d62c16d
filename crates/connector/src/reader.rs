//! Where the window's cards come from.

use axum::http::HeaderMap;
use musubi_card::client::{Card, CardError};
use musubi_card::transport::Transport;
use musubi_httpkit::page::Lang;
use musubi_kernel::UnixTime;

/// Who sends the window's own request: the headers of the window's page, not of the page that opened it.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Headers of the request: cookies, pairing.
    pub headers: &'a HeaderMap,
    /// The language of the window's page.
    pub lang: Lang,
}

/// Whether the page at an origin may ask this reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// It may.
    Granted,
    /// This browser is not paired with the program yet.
    PairingNeeded,
    /// The holder has not agreed yet that this origin asks.
    ApprovalNeeded,
}

/// Who holds the card, where that is known without a PIN: only in the simulated nation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The holder's name.
    pub name: String,
    /// Address of the page on which the holder's municipality sets a blocked PIN again.
    pub counter: String,
}

/// A card that the holder can put on the reader by a click: only in the simulated nation. It is a form that is posted to
/// this site and leads back to the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardChoice {
    /// Identifier of the form's button.
    pub id: String,
    /// What the button says, in the language of the window's page.
    pub label: String,
    /// Path to which the form is posted.
    pub action: &'static str,
    /// Names and values of its hidden fields.
    pub fields: Vec<(&'static str, String)>,
}

/// A reader with a card or without, behind the window's pages. Every call may find another state of things.
pub trait Reader: Clone + Send + Sync + 'static {
    /// Whether the page at `origin` may ask. Asked before anything is sent to a card.
    fn permission(&self, caller: Caller<'_>, origin: &str) -> impl Future<Output = Permission> + Send;

    /// The holder agrees that the page at `origin` asks from now on. Without pairing, nothing happens.
    fn approve(&self, caller: Caller<'_>, origin: &str) -> impl Future<Output = Permission> + Send;

    /// The present time, by which the holder is told that a certificate has expired.
    fn now(&self) -> UnixTime;

    /// Who holds the card on the reader, if that is known.
    fn holder(&self, caller: Caller<'_>) -> impl Future<Output = Option<Holder>> + Send;

    /// The cards that can be put on the reader by a click. A real reader knows none.
    fn choices(&self, caller: Caller<'_>) -> impl Future<Output = Vec<CardChoice>> + Send {
        let _ = caller;
        async { Vec::new() }
    }

    /// Does `work` with the card on the reader, on a thread that may wait. The card is this call's alone until then, and
    /// the power is cut behind it, so that nothing stays verified.
    fn with_card<R, F>(
        &self,
        caller: Caller<'_>,
        work: F,
    ) -> impl Future<Output = Result<R, CardError>> + Send
    where
        R: Send + 'static,
        F: FnOnce(&mut Card<Box<dyn Transport>>) -> Result<R, CardError> + Send + 'static;
}

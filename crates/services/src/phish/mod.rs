//! A fraudulent relay (フィッシング), for demonstration: pretends to be the bank, begins a sign-in or a check-in
//! there in the visitor's name and lets the visitor's card answer it. The card signs the origin that the card window sees,
//! so the bank refuses the answer; the page shows with which words.
//!
//! Keeps nothing but a few sign-ins in memory. Does nothing that a real fraudster could not do.

mod http;
mod relay;

use std::sync::{Arc, LazyLock, Mutex};

use musubi_httpkit::page::{CardOrigins, Texts};
use musubi_kernel::Random;

use relay::Relayed;

static TEXTS: LazyLock<Texts> =
    LazyLock::new(|| Texts::new(include_str!("locales/ja.txt"), include_str!("locales/en.txt")));

/// What a fraudulent site is made of. Origins have no final slash.
pub struct PhishConfig {
    /// Randomness: identifiers of relayed sign-ins.
    pub random: Arc<dyn Random>,
    /// Where the real bank is, `http://bank.localhost:8080`.
    pub bank_origin: String,
    /// Where the card may be.
    pub card: CardOrigins,
}

/// The fraudulent site. Clones share one state.
#[derive(Clone)]
pub struct Phish(Arc<Inner>);

struct Inner {
    random: Arc<dyn Random>,
    bank_origin: String,
    card: CardOrigins,
    http: reqwest::Client,
    /// Newest last.
    relayed: Mutex<Vec<Relayed>>,
}

impl std::fmt::Debug for Phish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Phish").field("bank_origin", &self.0.bank_origin).finish_non_exhaustive()
    }
}

impl Phish {
    /// A site that pretends to be the bank at `bank_origin`.
    #[must_use]
    pub fn new(config: PhishConfig) -> Self {
        Self(Arc::new(Inner {
            random: config.random,
            bank_origin: config.bank_origin,
            card: config.card,
            http: musubi_httpkit::client::http_client(std::time::Duration::from_secs(15)),
            relayed: Mutex::new(Vec::new()),
        }))
    }
}

//! The operator's console (管理画面): how fresh the lists are, how imports go on, who does not take its events, what each
//! relying party used and what that costs.
//!
//! Shows and downloads; changes nothing but its own sign-ins. Knows lists and streams only by [`Figures`], which the
//! composition root fills. It has no users of its own: whoever knows the access code is the operator.

mod access;
mod alerts;
mod charts;
mod figures;
mod forms;
mod http;
#[cfg(test)]
mod tests;
mod views;

use std::sync::{Arc, LazyLock};

use axum::Router;
use musubi_httpkit::page::{Texts, assets, secure_pages};
use musubi_httpkit::{RateLimit, RateLimiter};
use musubi_kernel::Secret;
use musubi_platform::Context;
use musubi_platform::metering::FeeTable;
use musubi_store::Migration;

pub use access::{AccessCode, AccessCodeError, purge_expired};
pub use alerts::{Alert, AlertKind, Severity, alerts};
pub use figures::{
    Contract, DayTotal, Figures, ImportProgress, ListFigure, SizePoint, Stage, StreamFigure, StreamState,
};

pub(crate) static TEXTS: LazyLock<Texts> =
    LazyLock::new(|| Texts::new(include_str!("../locales/ja.txt"), include_str!("../locales/en.txt")));

/// The schema of this crate.
pub const MIGRATIONS: &[Migration] = &[access::MIGRATION];

/// Attempts to sign in from one network address.
const SIGN_INS: RateLimit = RateLimit { burst: 5, per_minute: 5, max_keys: 10_000 };
/// Attempts of everybody together: many addresses guess no faster.
const ALL_SIGN_INS: RateLimit = RateLimit { burst: 60, per_minute: 60, max_keys: 1 };

/// What the console stands on.
pub struct ConsoleParts {
    /// The platform.
    pub context: Context,
    /// Lists and streams.
    pub figures: Arc<dyn Figures>,
    /// What work costs.
    pub fees: Arc<FeeTable>,
    /// What the operator signs in with.
    pub access_code: AccessCode,
    /// Its own origin, `https://console.musubi.example`.
    pub origin: String,
    /// Whether nothing here is real.
    pub simulation: bool,
}

/// The console.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    parts: ConsoleParts,
    sign_ins: RateLimiter,
    all_sign_ins: RateLimiter,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console(…)")
    }
}

impl Console {
    /// A console.
    #[must_use]
    pub fn new(parts: ConsoleParts) -> Self {
        let (sign_ins, all_sign_ins) = (RateLimiter::new(SIGN_INS), RateLimiter::new(ALL_SIGN_INS));
        Self(Arc::new(Inner { parts, sign_ins, all_sign_ins }))
    }

    /// The pages: the router of the console's host.
    pub fn pages(&self) -> Router {
        secure_pages(http::router().with_state(self.clone()).merge(assets()).merge(http::own_assets()))
    }

    fn context(&self) -> &Context {
        &self.0.parts.context
    }

    fn is_secure(&self) -> bool {
        self.0.parts.origin.starts_with("https://")
    }

    fn code(&self) -> &Secret<String> {
        self.0.parts.access_code.secret()
    }
}

//! The resident's portal (利用者ポータル): sign in with the card and see every use that was made of one's
//! certificates, which companies are linked and watch for what, which consents were given and where the card is used without
//! PIN (かざし利用); withdraw a consent, end such a use, object to being watched, find companies and answer them.
//!
//! The portal is a relying party of its own platform: it signs residents in by an entitlement check like any
//! other, at its own origin.

mod cookies;
mod http;
mod views;
mod watching;

use std::sync::{Arc, LazyLock};

use axum::Router;
use musubi_httpkit::page::{CardOrigins, Texts, assets, secure_pages};
use musubi_httpkit::{RateLimit, RateLimiter};
use musubi_platform::relying_party::RelyingParty;
use musubi_verification::Verification;

pub(crate) static TEXTS: LazyLock<Texts> =
    LazyLock::new(|| Texts::new(include_str!("../../locales/ja.txt"), include_str!("../../locales/en.txt")));

/// What the portal's pages need.
#[derive(Clone)]
pub struct Portal(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) verification: Verification,
    pub(crate) relying_party: RelyingParty,
    pub(crate) card: CardOrigins,
    pub(crate) sign_ins: RateLimiter,
}

/// Sign-ins that one network address may begin: anyone can, and each writes to the audit log.
const SIGN_INS: RateLimit = RateLimit { burst: 20, per_minute: 20, max_keys: 10_000 };

impl std::fmt::Debug for Portal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Portal(…)")
    }
}

impl Portal {
    /// A portal that signs residents in as `relying_party` and finds their cards at `card`.
    #[must_use]
    pub fn new(verification: Verification, relying_party: RelyingParty, card: CardOrigins) -> Self {
        Self(Arc::new(Inner { verification, relying_party, card, sign_ins: RateLimiter::new(SIGN_INS) }))
    }

    /// The pages: the router of the host `portal.`.
    pub fn pages(&self) -> Router {
        secure_pages(http::router().with_state(self.clone()).merge(assets()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn every_text_is_there_in_both_languages() {
        let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["templates", "src"] {
            let faults =
                musubi_httpkit::page::testing::locale_faults(&super::TEXTS, "t", &crate_folder.join(folder));
            assert_eq!(faults, Vec::<String>::new());
        }
    }
}

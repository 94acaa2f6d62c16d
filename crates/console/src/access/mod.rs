//! Who may see the console: whoever knows the access code (アクセスコード). A sign-in is a row; its cookie is a token that
//! counts only together with the code, so that a new code ends every session.

mod service;
mod sql;

use musubi_kernel::Secret;
use musubi_store::Migration;

pub use service::purge_expired;
pub(crate) use service::{close, is_open, open};

pub(crate) const MIGRATION: Migration =
    Migration { name: "console/0001_sessions", sql: include_str!("migrations/0001_sessions.sql") };

/// A sign-in lasts a working day, in seconds.
pub(crate) const LIFETIME: i64 = 10 * 3600;
/// Fewest characters of an access code.
const FEWEST: usize = 16;
/// Most characters that are read.
pub(crate) const MOST: usize = 200;

/// What the operator signs in with: 16 to 200 visible ASCII characters.
#[derive(Debug)]
pub struct AccessCode(Secret<String>);

/// A code that could be guessed or not be typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an access code has 16 to 200 visible ASCII characters, at least 6 of them different")]
pub struct AccessCodeError;

impl AccessCode {
    /// The code in `text`, without surrounding white space.
    ///
    /// # Errors
    /// [`AccessCodeError`].
    pub fn parse(text: &str) -> Result<Self, AccessCodeError> {
        let text = text.trim();
        let different: std::collections::BTreeSet<u8> = text.bytes().collect();
        let fits = (FEWEST..=MOST).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic())
            && different.len() >= 6;
        fits.then(|| Self(Secret::new(text.to_owned()))).ok_or(AccessCodeError)
    }

    pub(crate) fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

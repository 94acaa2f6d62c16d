//! What every page of every site shares: language, texts, the frame around a page, style sheets and scripts,
//! and the headers that keep a page from being framed, injected into or posted to by another site.
//!
//! Knows no feature. A site brings its own templates (they extend `base.html`) and its own locale files.

mod assets;
mod card;
mod cookies;
mod lang;
mod secure;
mod shell;
pub mod testing;
mod texts;

pub use assets::{asset, assets};
pub use card::{CardAgent, CardOrigins};
pub use cookies::{SameSite, cookie, read_cookie};
pub use lang::{Lang, PageLang};
pub use secure::secure_pages;
pub use shell::{Html, MessagePage, Shell, Site, json_for_script};
pub use texts::{Texts, Tr};

use std::sync::LazyLock;

/// The texts of the frame itself: skip link, footer, progress of a card operation.
pub(crate) static FRAME: LazyLock<Texts> =
    LazyLock::new(|| Texts::new(include_str!("../../locales/ja.txt"), include_str!("../../locales/en.txt")));

#[cfg(test)]
mod tests;

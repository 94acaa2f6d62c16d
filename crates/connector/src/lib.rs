//! The card window: what a web page may ask of a card, what the holder is shown, and what the card then does
//! (`docs/spec/card-request.md`). Pages cannot tell whose window it is: `musubi-agent` on the holder's computer and the
//! simulated nation serve this same [`router`], each over its own [`Reader`].
//!
//! Knows no relying party and no platform. The PIN is typed into this window's own page and goes to the card.

mod answer;
mod conditions;
mod perform;
pub mod problems;
mod reader;
mod request;
mod state;
mod window;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::routing::{get, post};
use musubi_httpkit::page::{Texts, asset, secure_pages};

pub use problems::PROBLEMS;
pub use reader::{Caller, CardChoice, Holder, Permission, Reader};
pub use request::Origin;
pub use window::{Demo, WindowConfig};

use window::Window;

/// The texts of the window.
pub(crate) static TEXTS: LazyLock<Texts> =
    LazyLock::new(|| Texts::new(include_str!("../locales/ja.txt"), include_str!("../locales/en.txt")));

/// The card window over `reader`. It takes posts from its own pages only, and may not be framed.
///
/// - `GET /window`: the page; `GET /assets/card-window.js`, `card-request.js`, `card-window.css`
/// - `POST /window/state`, `/window/approve`, `/window/answer`: its own requests
///
/// Whoever serves it brings a page at `/`, the assets that all sites share ([`musubi_httpkit::page::assets`]) and, if it
/// ever asks for pairing, `POST /pair`.
pub fn router<R: Reader>(reader: R, config: WindowConfig) -> Router {
    const CSS: &str = "text/css; charset=utf-8";
    const JS: &str = "text/javascript; charset=utf-8";
    let routes = Router::new()
        .route("/window", get(window::page::<R>))
        .route("/window/state", post(state::state::<R>))
        .route("/window/approve", post(state::approve::<R>))
        .route("/window/answer", post(answer::answer::<R>))
        .with_state(Window { reader, config: Arc::new(config) })
        .route("/assets/card-window.css", asset(CSS, include_bytes!("../assets/card-window.css")))
        .route("/assets/card-request.js", asset(JS, include_bytes!("../assets/card-request.js")))
        .route("/assets/card-window.js", asset(JS, include_bytes!("../assets/card-window.js")));
    secure_pages(routes)
}

#[cfg(test)]
mod tests {
    use musubi_httpkit::page::testing::locale_faults;

    use super::TEXTS;

    #[test]
    fn both_languages_have_every_text() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["templates", "src"] {
            assert_eq!(locale_faults(&TEXTS, "t", &root.join(folder)), [""; 0]);
        }
    }
}

//! `musubi-agent serve`: the card connector for browsers, on loopback (`docs/spec/connector.md`). Serves the card window
//! of `musubi_connector` over the readers of this computer, to paired browsers and approved sites; and a page on which the
//! person sees and changes that.
//!
//! Judges no signature, knows no relying party, sends nothing anywhere.

mod desk;
mod gate;
mod home;
mod pairing;
mod problems;
mod register;
mod running;
mod sites;
mod source;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use musubi_httpkit::finish_api;
use musubi_httpkit::page::{Texts, assets};

pub use desk::{CardSource, Desk, Limits, PAIRING_HEADER, SeenReader};
pub use pairing::{Announce, Pairing, PairingRefusal, TRIES};
pub use problems::PROBLEMS;
pub use register::{Register, RegisterError, Site};
pub use running::{Arguments, DEFAULT_PORT, run};
pub use sites::{Arguments as SitesArguments, run as run_sites};
pub use source::PcscSource;

use gate::{Gate, STATUS};

static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    Texts::new(include_str!("../../locales/serve/ja.txt"), include_str!("../../locales/serve/en.txt"))
});

/// Longest request: a card operation that waited for another one, and some time for its body.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Everything that is served at `127.0.0.1:port`.
pub fn router(desk: Desk, pairing: Arc<Pairing>, port: u16) -> Router {
    let gate = Gate::new(port, desk.clone());
    let window = musubi_connector::router(desk.clone(), musubi_connector::WindowConfig::default());
    let status = Router::new().route(STATUS, get(gate::status)).with_state(gate.clone());
    let routes = home::router(desk, pairing).merge(window).merge(status).merge(assets());
    gate.before(finish_api(routes, TIMEOUT))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::TEXTS;

    #[test]
    fn every_text_that_is_asked_for_is_there_in_both_languages() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in [folder.join("src/serve"), folder.join("templates")] {
            let faults = musubi_httpkit::page::testing::locale_faults(&TEXTS, "t", &folder);
            assert!(faults.is_empty(), "{faults:#?}");
        }
    }
}

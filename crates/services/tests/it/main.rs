//! The sample bank and the fraudulent site against a scripted platform, on both database engines.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests, outside of #[test] functions"
)]

mod applications;
mod browser;
mod changes;
mod client;
mod fraud;
mod look;
mod platform;
mod reception;
mod sign_in;
mod texts;

use std::path::Path;
use std::sync::Arc;

use musubi_httpkit::page::{CardAgent, CardOrigins};
use musubi_kernel::{FixedClock, SeededRandom, UnixTime};
use musubi_services::bank::{Bank, BankConfig};
use musubi_store::Db;

use browser::Browser;
use platform::Platform;

/// 2026-11-21 12:00 in Japan.
const NOW: UnixTime = UnixTime(1_795_230_000);
const BANK: &str = "http://bank.localhost:8080";
const CARD: &str = "http://card.localhost:8080";
const AGENT: &str = "http://127.0.0.1:24817";

/// The demo's window, and the reader beside it.
fn card_origins() -> CardOrigins {
    let help = "http://localhost:8080/#card-reader".to_owned();
    CardOrigins { window: CARD.to_owned(), agent: Some(CardAgent { origin: AGENT.to_owned(), help }) }
}

async fn databases(dir: &Path) -> Vec<Db> {
    let mut out = vec![Db::open_sqlite(&dir.join("bank.sqlite")).await.unwrap()];
    out.extend(musubi_store::testing::postgres_schema().await);
    out
}

/// A bank on a database, beside a scripted platform and a clock that stands still.
struct World {
    bank: Bank,
    db: Db,
    platform: Platform,
    clock: Arc<FixedClock>,
}

impl World {
    async fn new(db: Db) -> Self {
        let platform = Platform::start().await;
        let clock = Arc::new(FixedClock::new(NOW));
        let bank = open_bank(&db, &platform, &clock, BANK, 1).await;
        Self { bank, db, platform, clock }
    }

    fn browser(&self) -> Browser {
        Browser::new(self.bank.pages(), BANK)
    }

    /// The process dies and starts again on the same database.
    async fn crash(&mut self) {
        self.bank = open_bank(&self.db, &self.platform, &self.clock, BANK, 2).await;
    }
}

async fn open_bank(
    db: &Db,
    platform: &Platform,
    clock: &Arc<FixedClock>,
    own_origin: &str,
    seed: u8,
) -> Bank {
    Bank::open(BankConfig {
        db: db.clone(),
        clock: clock.clone(),
        random: Arc::new(SeededRandom::new([seed; 32])),
        platform_origin: platform.origin(),
        relying_party_id: platform::RP.to_owned(),
        client_key: platform.client_key(),
        own_origin: own_origin.to_owned(),
        card: card_origins(),
        portal_origin: "http://portal.localhost:8080".to_owned(),
        lab: true,
    })
    .await
    .unwrap()
}

//! Virtual cards under other people's software: OpenSC, PKCS#11 programs, pyHanko, OpenSSL, and our own `musubi-agent`,
//! all through pcscd. They run inside `scripts/with-cards`, and there must all run.

mod agent;
mod browser;
mod opensc;
mod rig;
mod secrets;
pub(crate) mod served;
mod signers;
mod tokens;

use musubi_kernel::{Clock as _, SystemClock};
use musubi_nation::{DEMO_PASSWORD, DEMO_PIN};

use crate::api::fixture::Fixture;
use rig::{CardSite, Inserted};

/// Nation and platform at the present time, since programs read the system's clock; a card on a reader.
struct Stage {
    fixture: Fixture,
    site: CardSite,
}

impl Stage {
    async fn set() -> Self {
        let fixture = Fixture::on_sqlite().await;
        let ahead = SystemClock.now().since(fixture.world.now());
        fixture.world.advance_clock(ahead).await.unwrap();
        fixture.advance(0).await;
        fixture.take_in().await;
        let site = CardSite::of(&fixture.world).await;
        Self { fixture, site }
    }

    async fn insert(&self, resident: &str) -> Inserted {
        Inserted::insert(&self.site.origin, resident, &[]).await
    }
}

/// The card whose holder has everything.
const RESIDENT: &str = "aoki-misaki";
const PIN: &str = DEMO_PIN;
const PASSWORD: &str = DEMO_PASSWORD;

//! What reaches a platform through `musubi-agent serve` and a reader, and what must not pass there.

use serde_json::{Value, json};

use super::rig::{Inserted, available};
use super::served::{Paired, Served, free_port};
use super::{PIN, RESIDENT, Stage};
use crate::api::fixture::{BANK, Client, PHISH};
use crate::api::flows::{Check, PASSED, Signed};

/// A person at a computer with a reader, their card on it; the browser is paired, and no site is approved.
struct Desk {
    stage: Stage,
    browser: Paired,
    served: Served,
    _card: Inserted,
}

impl Desk {
    async fn set() -> Self {
        let stage = Stage::set().await;
        stage.fixture.link(&stage.fixture.bank, "C-1", RESIDENT, &[]).await;
        let card = stage.insert(RESIDENT).await;
        let served = Served::start(free_port(), &card.reader).await;
        let browser = served.pair().await;
        Self { stage, browser, served, _card: card }
    }

    /// A page of `origin` asks for a sign-in, which it has from `client`'s platform.
    async fn ask(&self, origin: &str, client: &Client, check: &Check, pin: &str) -> (u16, Value) {
        self.browser.answer(origin, &request(client, check), pin).await
    }

    /// The same with the right PIN at an approved site.
    async fn token(&self, origin: &str, client: &Client, check: &Check) -> (Signed, String) {
        let (status, answer) = self.ask(origin, client, check, PIN).await;
        assert_eq!(status, 200, "{answer}");
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        (Signed { certificate: text("certificate"), signature: text("signature") }, text("origin"))
    }

    async fn tries(&self) -> u8 {
        self.stage.fixture.resident(RESIDENT).await.card.pin_tries
    }
}

fn request(client: &Client, check: &Check) -> Value {
    json!({
        "version": 1, "operation": "authenticate", "nonce": check.nonce, "purpose": "sign_in",
        "relying_party": { "id": client.id.as_str(), "name": { "ja": "銀行", "en": "Bank" } },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_foreign_origin_drives_no_reader() {
    if !available() {
        return;
    }
    let desk = Desk::set().await;
    let fixture = &desk.stage.fixture;
    desk.browser.approve(BANK).await;
    let check = fixture.start_check(&fixture.bank).await;
    // Its own window: the holder has not approved this origin. A wrong PIN would cost a try if the card were asked.
    let (status, refused) = desk.ask(PHISH, &fixture.bank, &check, "0000").await;
    assert_eq!((status, &refused["code"]), (403, &json!("window.approval_needed")));
    // Past the window: a page elsewhere posts as if it were the window, even with the secret and the bank's name.
    let body = json!({ "origin": BANK, "request": request(&fixture.bank, &check), "pin": "0000" });
    for path in ["/window/answer", "/window/approve", "/window/state", "/pair"] {
        for page in [PHISH, BANK, "null"] {
            let (status, refused) = desk.browser.post(page, path, &body).await;
            assert_eq!(status, 403, "{page} {path}: {refused}");
        }
    }
    assert_eq!(desk.tries().await, 3, "the card was not asked");
    // The approved one is served, so the above was refused for its origin.
    let (status, wrong) = desk.ask(BANK, &fixture.bank, &check, "0000").await;
    assert_eq!(
        (status, &wrong["code"], &wrong["tries_left"]),
        (403, &json!("pin.wrong"), &json!(2)),
        "{wrong}"
    );
    let (signed, origin) = desk.token(BANK, &fixture.bank, &check).await;
    assert_eq!(fixture.complete_check(&fixture.bank, &check, &signed, &origin).await.verdict(), PASSED);
    assert!(!desk.served.log().contains(PHISH), "the log names no site");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replayed_token_is_refused() {
    if !available() {
        return;
    }
    let desk = Desk::set().await;
    let fixture = &desk.stage.fixture;
    desk.browser.approve(BANK).await;
    let check = fixture.start_check(&fixture.bank).await;
    let (signed, origin) = desk.token(BANK, &fixture.bank, &check).await;
    assert_eq!(fixture.complete_check(&fixture.bank, &check, &signed, &origin).await.verdict(), PASSED);
    // In its own transaction once more, and in one that was started for it.
    let again = fixture.complete_check(&fixture.bank, &check, &signed, &origin).await;
    assert_eq!(again.code(), (409, "nonce.replayed"));
    let other = fixture.start_check(&fixture.bank).await;
    let elsewhere = fixture.complete_check(&fixture.bank, &other, &signed, &origin).await;
    assert_eq!(elsewhere.verdict(), ["TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "signature.tampered"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_another_relying_party_is_refused() {
    if !available() {
        return;
    }
    let desk = Desk::set().await;
    let fixture = &desk.stage.fixture;
    let (bank, clinic) = (&fixture.bank, &fixture.clinic);
    for site in [BANK, clinic.origin] {
        desk.browser.approve(site).await;
    }
    // Made at the clinic, for the clinic, over the nonce that the bank's platform gave: handed in by the bank.
    let check = fixture.start_check(bank).await;
    let (signed, origin) = desk.token(clinic.origin, clinic, &check).await;
    let answer = fixture.complete_check(bank, &check, &signed, &origin).await;
    assert_eq!(answer.verdict(), ["TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "signature.tampered"]);
    assert_eq!(answer.check("origin.binding"), "failed");
    // The same said to come from the bank's site.
    let check = fixture.start_check(bank).await;
    let (signed, _) = desk.token(clinic.origin, clinic, &check).await;
    let answer = fixture.complete_check(bank, &check, &signed, BANK).await;
    assert_eq!(answer.verdict(), ["TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "signature.tampered"]);
    // Only the name of the relying party differs: it is in what the card signed.
    let check = fixture.start_check(bank).await;
    let (signed, origin) = desk.token(BANK, clinic, &check).await;
    let answer = fixture.complete_check(bank, &check, &signed, &origin).await;
    assert_eq!(answer.verdict(), ["TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "signature.tampered"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relayed_token_of_another_origin_is_refused() {
    if !available() {
        return;
    }
    let desk = Desk::set().await;
    let fixture = &desk.stage.fixture;
    // The holder is deceived and approves the fraudulent site, which shows the bank's request as its own.
    desk.browser.approve(PHISH).await;
    let check = fixture.start_check(&fixture.bank).await;
    let (signed, origin) = desk.token(PHISH, &fixture.bank, &check).await;
    assert_eq!(origin, PHISH, "the card names who asked");
    let answer = fixture.complete_check(&fixture.bank, &check, &signed, &origin).await;
    assert_eq!(answer.verdict(), ["INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", "origin.wrong"]);
    // What it says of the origin helps it nothing.
    let check = fixture.start_check(&fixture.bank).await;
    let (signed, _) = desk.token(PHISH, &fixture.bank, &check).await;
    let answer = fixture.complete_check(&fixture.bank, &check, &signed, BANK).await;
    assert_eq!(answer.verdict(), ["TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "signature.tampered"]);
    assert!(answer.body["customer_id"].is_null());
}

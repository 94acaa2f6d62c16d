//! The fraudulent relay, against the bank on a real port.

use std::sync::Arc;

use musubi_kernel::{FixedClock, SeededRandom};
use musubi_services::phish::{Phish, PhishConfig};
use musubi_store::Db;

use crate::browser::Browser;
use crate::platform::{Next, Platform, by_presence, judged};
use crate::{NOW, card_origins, databases, open_bank};

const PHISH: &str = "http://phish.localhost:8080";

/// The fraudulent site before a bank that listens and asks this platform.
async fn before_a_bank(db: &Db, platform: &Platform) -> Phish {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://bank.localhost:{}", listener.local_addr().unwrap().port());
    let bank = open_bank(db, platform, &Arc::new(FixedClock::new(NOW)), &origin, 1).await;
    let pages = bank.pages();
    tokio::spawn(async move { axum::serve(listener, pages).await });
    let random = Arc::new(SeededRandom::new([5; 32]));
    Phish::new(PhishConfig { random, bank_origin: origin, card: card_origins() })
}

#[tokio::test]
async fn a_relayed_answer_reaches_the_bank_with_its_true_origin_and_the_refusal_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let platform = Platform::start().await;
        let phish = before_a_bank(&db, &platform).await;
        let mut victim = Browser::new(phish.pages(), PHISH);
        victim.lang = "en";
        assert!(victim.get("/").await.text.contains("id=\"fraud-banner\""));
        let (path, page) = victim.post_and_follow("/sign-in", &[]).await;
        assert!(page.text.contains("id=\"fraud-banner\""));
        assert_eq!(page.card_request()["nonce"], "AAAA", "the bank's own question");
        let wrong = judged("refused", "TOTAL-FAILED", Some("origin.wrong"), None);
        platform.next("/ec_1/completion", Next::Answer(200, wrong));
        let answer = [("certificate", "AAAA"), ("signature", "BBBB"), ("origin", PHISH)];
        let page = victim.post(&format!("{path}/complete"), &answer).await;
        assert_eq!(platform.calls("/ec_1/completion")[0].body["origin"], PHISH);
        assert!(
            page.text.contains("origin.wrong happened") && page.text.contains("What to do &#60;next&#62;")
        );
        assert!(page.text.contains("id=\"protected\"") && !page.text.contains("id=\"let-in\""));
        assert_eq!(victim.get("/sign-in/unknown").await.status, axum::http::StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn without_a_bank_there_is_nothing_to_relay() {
    let random = Arc::new(SeededRandom::new([5; 32]));
    let bank_origin = "http://bank.localhost:1".to_owned();
    let phish = Phish::new(PhishConfig { random, bank_origin, card: card_origins() });
    let page = Browser::new(phish.pages(), PHISH).post("/sign-in", &[]).await;
    assert_eq!(page.status, axum::http::StatusCode::INTERNAL_SERVER_ERROR);
    assert!(page.text.contains("つながらない"));
}

#[tokio::test]
async fn a_relayed_presence_is_refused_like_a_relayed_sign_in() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let platform = Platform::start().await;
        let phish = before_a_bank(&db, &platform).await;
        let mut victim = Browser::new(phish.pages(), PHISH);
        let (path, page) = victim.post_and_follow("/reception", &[]).await;
        assert_eq!(page.card_request()["operation"], "prove_presence");
        let wrong = by_presence(judged("refused", "TOTAL-FAILED", Some("origin.wrong"), None));
        platform.next("/ec_1/completion", Next::Answer(200, wrong));
        let answer = [("certificate", "AAAA"), ("signature", "BBBB"), ("origin", PHISH)];
        let page = victim.post(&format!("{path}/complete"), &answer).await;
        assert_eq!(platform.calls("/ec_1/completion")[0].body["origin"], PHISH);
        assert!(page.text.contains("origin.wrong が起きました") && page.text.contains("id=\"protected\""));
    }
}

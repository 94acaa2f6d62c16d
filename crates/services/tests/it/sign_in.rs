//! Signing in with the card.

use axum::http::StatusCode;

use crate::applications::{ANSWER, apply};
use crate::browser::Browser;
use crate::platform::{Next, judged, problem};
use crate::{World, databases};

pub(crate) async fn customer(world: &World) -> String {
    let mut tx = world.db.begin_read().await.unwrap();
    let row = tx.query_one("SELECT customer_id FROM bank_account", &[]).await.unwrap();
    row.text("customer_id").unwrap()
}

/// Opens an account and signs in; the browser that is signed in, and the customer number.
pub(crate) async fn signed_in(world: &World) -> (Browser, String) {
    let mut browser = world.browser();
    apply(&mut browser).await;
    let customer = customer(world).await;
    sign_in(world, &mut browser, &customer).await;
    (browser, customer)
}

async fn sign_in(world: &World, browser: &mut Browser, customer: &str) {
    let (path, page) = browser.post_and_follow("/sign-in", &[]).await;
    assert_eq!(page.card_request()["operation"], "authenticate");
    let passed = judged("accepted", "TOTAL-PASSED", None, Some(customer));
    world.platform.next("/ec_1/completion", Next::Answer(200, passed));
    let (onward, _) = browser.post_and_follow(&format!("{path}/complete"), &ANSWER).await;
    assert_eq!(onward, "/account");
}

#[tokio::test]
async fn a_customer_signs_in_sees_the_account_and_signs_out() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (mut browser, customer) = signed_in(&world).await;
        let cookie = browser.set.iter().find(|line| line.starts_with("bank_session=")).unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
        let page = browser.get("/account").await;
        assert!(
            page.text.contains(&customer)
                && page.text.contains("東京都結市１－１")
                && page.text.contains("1,000円")
        );
        let token = browser.cookies["bank_session"].clone();
        let stored = world
            .db
            .begin_read()
            .await
            .unwrap()
            .query("SELECT token_hash FROM bank_session", &[])
            .await
            .unwrap();
        assert_eq!(stored[0].blob("token_hash").unwrap(), musubi_crypto::sha256(token.as_bytes()));
        browser.post_and_follow("/sign-out", &[]).await;
        assert_eq!(browser.get("/account").await.location.as_deref(), Some("/sign-in"));
        // A cookie that was copied before does not help afterwards.
        browser.cookies.insert("bank_session".into(), token);
        assert_eq!(browser.get("/account").await.location.as_deref(), Some("/sign-in"));
        assert_eq!(browser.get("/account/changes.json").await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (mut browser, _) = signed_in(&world).await;
        world.clock.advance(3599);
        assert_eq!(browser.get("/account").await.status, StatusCode::OK);
        world.clock.advance(1);
        assert_eq!(browser.get("/account").await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn who_has_no_account_is_told_kindly() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let unknown = judged("accepted", "TOTAL-PASSED", None, Some("MB-000"));
        let unlinked = judged("accepted", "TOTAL-PASSED", None, None);
        for answer in [unknown, unlinked] {
            let mut browser = world.browser();
            world.platform.next("/ec_1/completion", Next::Answer(200, answer));
            let (path, _) = browser.post_and_follow("/sign-in", &[]).await;
            let (onward, page) = browser.post_and_follow(&format!("{path}/complete"), &ANSWER).await;
            assert_eq!(onward, path);
            assert!(page.text.contains("data-code=\"link.none\"") && page.text.contains("id=\"apply-link\""));
            assert!(!browser.cookies.contains_key("bank_session"));
        }
    }
}

#[tokio::test]
async fn a_refusal_opens_no_session_and_an_answer_is_bound_to_its_browser() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        let (path, _) = browser.post_and_follow("/sign-in", &[]).await;
        let mut other = world.browser();
        other.post("/sign-in", &[]).await;
        assert_eq!(other.post(&format!("{path}/complete"), &ANSWER).await.status, StatusCode::NOT_FOUND);
        let held = judged("refused", "TOTAL-FAILED", Some("certificate.held"), None);
        world.platform.next("/ec_1/completion", Next::Answer(200, held));
        browser.lang = "en";
        let (_, page) = browser.post_and_follow(&format!("{path}/complete"), &ANSWER).await;
        assert!(
            page.text.contains("certificate.held happened") && page.text.contains("id=\"sign-in-again\"")
        );
        assert!(!browser.cookies.contains_key("bank_session"));
        for wrong in [
            [("certificate", ""), ("signature", "BBBB"), ("origin", "x")],
            [("certificate", "AAAA"), ("signature", "BBBB"), ("origin", "")],
        ] {
            let (path, _) = browser.post_and_follow("/sign-in", &[]).await;
            assert_eq!(
                browser.post(&format!("{path}/complete"), &wrong).await.status,
                StatusCode::BAD_REQUEST
            );
        }
    }
}

#[tokio::test]
async fn a_platform_that_is_away_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        apply(&mut browser).await;
        let customer = customer(&world).await;
        world.platform.next("/entitlement-checks", Next::Unavailable);
        let (path, page) = browser.post_and_follow("/sign-in", &[]).await;
        assert!(page.text.contains("id=\"sign-in-waiting\"") && page.text.contains("つながりません"));
        let (_, page) = browser.post_and_follow(&format!("{path}/retry"), &[]).await;
        assert!(page.text.contains("id=\"card-button\""));
        world.platform.next("/ec_1/completion", Next::Unavailable);
        browser.post_and_follow(&format!("{path}/complete"), &ANSWER).await;
        let passed = judged("accepted", "TOTAL-PASSED", None, Some(&customer));
        world.platform.next("/ec_1/completion", Next::Answer(200, passed));
        let (onward, _) = browser.post_and_follow(&format!("{path}/retry"), &[]).await;
        assert_eq!(onward, "/account");
        let calls = world.platform.calls("/ec_1/completion");
        assert_eq!(calls[0].key, calls[1].key);
    }
}

#[tokio::test]
async fn an_answer_sent_twice_is_refused_and_the_lab_shows_it() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        assert!(world.browser().post("/lab/replay", &[]).await.text.contains("まだありません"));
        let (mut browser, _) = signed_in(&world).await;
        world.platform.next("/ec_1/completion", Next::Answer(409, problem("nonce.replayed")));
        let page = browser.post("/lab/replay", &[]).await;
        assert!(page.text.contains("data-code=\"nonce.replayed\""));
        let calls = world.platform.calls("/ec_1/completion");
        assert_eq!(calls[0].body, calls[1].body);
        assert_ne!(calls[0].key, calls[1].key);
    }
}

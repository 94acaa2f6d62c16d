//! The reception without PIN, and what it must never open.

use axum::http::StatusCode;

use crate::applications::{ANSWER, apply};
use crate::browser::{Browser, Page};
use crate::platform::{Next, by_presence, judged, problem};
use crate::sign_in::{customer, signed_in};
use crate::{World, databases};

const ENROLMENT: [(&str, &str); 6] = [
    ("certificate", "AAAA"),
    ("signature", "BBBB"),
    ("origin", "http://bank.localhost:8080"),
    ("presence_key_record", "CCCC"),
    ("presence_card_certificate", "DDDD"),
    ("presence_signature", "EEEE"),
];
const TICKED: [(&str, &str); 1] = [("enrol_presence", "yes")];

/// Checks in; where that leads, and the page there.
pub(crate) async fn check_in(
    world: &World,
    browser: &mut Browser,
    answer: serde_json::Value,
) -> (String, Page) {
    let (path, page) = browser.post_and_follow("/reception", &[]).await;
    assert_eq!(page.card_request()["operation"], "prove_presence");
    world.platform.next("/ec_1/completion", Next::Answer(200, answer));
    browser.post_and_follow(&format!("{path}/complete"), &ANSWER).await
}

#[tokio::test]
async fn presence_opens_a_slip_that_hardly_names_the_customer_and_never_the_account() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        apply(&mut browser).await;
        let customer = customer(&world).await;
        let present = by_presence(judged("accepted", "TOTAL-PASSED", None, Some(&customer)));
        let (onward, slip) = check_in(&world, &mut browser, present).await;
        assert_eq!(onward, "/reception/slip");
        assert_eq!(world.platform.calls("/entitlement-checks")[0].body["assurance"], "card_present");
        assert!(slip.text.contains("結＊　花＊") && slip.text.contains("カードの提示（暗証番号なし）"));
        for kept_back in ["結城　花子", "東京都結市", customer.as_str(), "1,000円"] {
            assert!(!slip.text.contains(kept_back), "{kept_back}");
        }
        assert!(!browser.cookies.contains_key("bank_session"));
        let account = async |browser: &mut Browser| {
            assert_eq!(browser.get("/account").await.location.as_deref(), Some("/sign-in"));
            assert_eq!(browser.get("/account/changes.json").await.status, StatusCode::UNAUTHORIZED);
        };
        account(&mut browser).await;
        // Not under the other cookie's name either: the database knows how the customer was recognised.
        let token = browser.cookies["bank_reception"].clone();
        browser.cookies.insert("bank_session".into(), token.clone());
        account(&mut browser).await;
        let mut tx = world.db.begin_read().await.unwrap();
        let row = tx.query_one("SELECT assurance FROM bank_session", &[]).await.unwrap();
        assert_eq!(row.text("assurance").unwrap(), "card_present");
        drop(tx);
        browser.post("/reception/leave", &[]).await;
        browser.cookies.insert("bank_reception".into(), token);
        assert_eq!(browser.get("/reception/slip").await.location.as_deref(), Some("/reception"));
    }
}

#[tokio::test]
async fn a_slip_ends_by_itself_and_a_pin_session_is_none() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (mut browser, customer) = signed_in(&world).await;
        let token = browser.cookies["bank_session"].clone();
        browser.cookies.insert("bank_reception".into(), token);
        assert_eq!(browser.get("/reception/slip").await.status, StatusCode::SEE_OTHER);
        let present = by_presence(judged("accepted", "TOTAL-PASSED", None, Some(&customer)));
        check_in(&world, &mut browser, present).await;
        world.clock.advance(599);
        assert_eq!(browser.get("/reception/slip").await.status, StatusCode::OK);
        assert_eq!(
            browser.get("/account").await.status,
            StatusCode::OK,
            "the sign-in is still there beside it"
        );
        world.clock.advance(1);
        assert_eq!(browser.get("/reception/slip").await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn an_answer_of_another_assurance_than_was_asked_for_opens_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        apply(&mut browser).await;
        let customer = customer(&world).await;
        let by_pin = judged("accepted", "TOTAL-PASSED", None, Some(&customer));
        check_in(&world, &mut browser, by_pin.clone()).await;
        let mut unsaid = by_pin.clone();
        unsaid.as_object_mut().unwrap().remove("assurance");
        for answer in [by_presence(by_pin), unsaid] {
            let (path, page) = browser.post_and_follow("/sign-in", &[]).await;
            assert_eq!(page.card_request()["operation"], "authenticate");
            world.platform.next("/ec_1/completion", Next::Answer(200, answer));
            let (onward, page) = browser.post_and_follow(&format!("{path}/complete"), &ANSWER).await;
            assert!(onward == path && page.text.contains("data-state=\"refused\""));
        }
        assert!(!["bank_session", "bank_reception"].iter().any(|name| browser.cookies.contains_key(*name)));
    }
}

#[tokio::test]
async fn a_card_is_registered_with_its_proof_and_the_account_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (mut browser, customer) = signed_in(&world).await;
        assert!(browser.get("/account").await.text.contains("id=\"enrol-start\""));
        let (path, page) = browser.post_and_follow("/sign-in", &TICKED).await;
        assert_eq!(page.card_request()["enrol_presence"], true);
        assert!(page.text.contains("name=\"presence_key_record\""));
        let complete = format!("{path}/complete");
        assert_eq!(
            browser.post(&complete, &ANSWER).await.status,
            StatusCode::BAD_REQUEST,
            "without the proof"
        );
        let mut enrolled = judged("accepted", "TOTAL-PASSED", None, Some(&customer));
        enrolled["presence_enrolled"] = true.into();
        world.platform.next("/ec_1/completion", Next::Answer(200, enrolled));
        let (onward, page) = browser.post_and_follow(&complete, &ENROLMENT).await;
        assert_eq!(onward, "/account");
        assert!(page.text.contains("あなたのカードを登録しました"));
        let asked = &world.platform.calls("/entitlement-checks")[1].body;
        assert!(asked["enrol_presence"] == true && asked.get("assurance").is_none());
        let sent = &world.platform.calls("/ec_1/completion")[1].body["presence"];
        assert_eq!(
            *sent,
            serde_json::json!({ "key_record": "CCCC", "card_certificate": "DDDD", "signature": "EEEE" })
        );
        // Who did not tick sends no proof, whatever the form had.
        let (path, page) = browser.post_and_follow("/sign-in", &[]).await;
        assert!(!page.text.contains("presence_key_record"));
        browser.post(&format!("{path}/complete"), &ENROLMENT).await;
        assert!(world.platform.calls("/ec_1/completion")[2].body.get("presence").is_none());
    }
}

#[tokio::test]
async fn a_card_that_is_not_enrolled_lets_in_all_the_same_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (mut browser, customer) = signed_in(&world).await;
        let (path, _) = browser.post_and_follow("/sign-in", &TICKED).await;
        let mut accepted = judged("accepted", "TOTAL-PASSED", None, Some(&customer));
        let words = problem("presence.not_genuine")["detail"].clone();
        accepted["presence_refusal"] =
            serde_json::json!({ "code": "presence.not_genuine", "ja": words["ja"], "en": words["en"] });
        world.platform.next("/ec_1/completion", Next::Answer(200, accepted));
        let (onward, page) = browser.post_and_follow(&format!("{path}/complete"), &ENROLMENT).await;
        assert_eq!(onward, path);
        assert!(
            page.text.contains("data-code=\"presence.not_genuine\"")
                && page.text.contains("id=\"account-link\"")
        );
        assert!(browser.get("/account").await.text.contains("id=\"enrol-start\""));
    }
}

#[tokio::test]
async fn who_is_refused_at_the_reception_is_led_to_register() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        let refused = by_presence(judged("refused", "TOTAL-FAILED", Some("presence.not_enrolled"), None));
        let (_, page) = check_in(&world, &mut browser, refused).await;
        assert!(page.text.contains("data-code=\"presence.not_enrolled\""));
        assert!(page.text.contains("id=\"enrol-start\"") && page.text.contains("id=\"reception-again\""));
        assert!(!browser.cookies.contains_key("bank_reception"));
    }
}

#[tokio::test]
async fn the_lab_asks_for_presence_where_the_platform_asked_for_the_pin() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        let (path, page) = browser.post_and_follow("/lab/presence", &[]).await;
        assert!(path.starts_with("/lab/presence/si_") && page.text.contains("id=\"lab-cheats\""));
        assert_eq!(page.card_request()["operation"], "prove_presence");
        assert!(world.platform.calls("/entitlement-checks")[0].body.get("assurance").is_none());
        let wrong = judged("refused", "TOTAL-FAILED", Some("signature.tampered"), None);
        world.platform.next("/ec_1/completion", Next::Answer(200, wrong));
        let form = page.between("action=\"/sign-in/", "/complete\"").to_owned();
        let (_, page) = browser.post_and_follow(&format!("/sign-in/{form}/complete"), &ANSWER).await;
        assert!(page.text.contains("signature.tampered が起きました"));
        assert_eq!(world.browser().get(&path).await.status, StatusCode::NOT_FOUND, "another browser's");
    }
}

#[tokio::test]
async fn every_page_that_asks_for_the_card_offers_the_window_and_the_reader() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        let pages = [
            browser.get("/apply").await,
            browser.post_and_follow("/apply", &crate::applications::FORM).await.1,
            browser.post_and_follow("/sign-in", &[]).await.1,
            browser.post_and_follow("/reception", &[]).await.1,
        ];
        for page in pages {
            for origin in [crate::CARD, crate::AGENT] {
                assert!(page.text.contains(&format!("data-card-origin=\"{origin}\"")), "{origin}");
            }
            assert!(page.text.contains("href=\"http://localhost:8080/#card-reader\""));
        }
    }
}

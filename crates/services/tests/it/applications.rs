//! Opening an account.

use axum::http::StatusCode;

use crate::browser::{Browser, Page};
use crate::platform::{Next, judged, problem};
use crate::{World, databases};

pub(crate) const FORM: [(&str, &str); 6] = [
    ("name", "結城　花子"),
    ("address", "東京都結市１－１"),
    ("date_of_birth", "1980/2/17"),
    ("sex", "female"),
    ("account_type", "ordinary"),
    ("consent", "yes"),
];
pub(crate) const ANSWER: [(&str, &str); 3] =
    [("certificate", "AAAA"), ("signature", "BBBB"), ("origin", "http://bank.localhost:8080")];

/// Fills in and signs; the page that shows what became of it.
pub(crate) async fn apply(browser: &mut Browser) -> (String, Page) {
    let (path, _) = browser.post_and_follow("/apply", &FORM).await;
    browser.post_and_follow(&format!("{path}/complete"), &ANSWER).await
}

async fn count(world: &World, sql: &'static str) -> i64 {
    world.db.begin_read().await.unwrap().query_one(sql, &[]).await.unwrap().int("n").unwrap()
}

async fn accounts(world: &World) -> i64 {
    count(world, "SELECT COUNT(*) AS n FROM bank_account").await
}

#[tokio::test]
async fn an_account_is_opened_once_from_form_to_signature() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        let (path, page) = browser.post_and_follow("/apply", &FORM).await;
        let sent = &world.platform.calls("/identity-proofings")[0].body;
        assert_eq!(sent["purpose"], "account_opening");
        assert_eq!(sent["origin"], crate::BANK);
        assert_eq!(sent["application"]["attributes"]["date_of_birth"], "1980-02-17");
        assert_eq!(sent["application"]["latest_attributes_consent"]["items"].as_array().unwrap().len(), 4);
        assert!(
            page.text
                .contains("Musubi &#60;identity&#62; proofing 1\norigin: http://bank.localhost:8080\n</pre>")
        );
        assert_eq!(
            page.card_request()["document"],
            "Musubi <identity> proofing 1\norigin: http://bank.localhost:8080\n"
        );
        let (again, page) = browser.post_and_follow(&format!("{path}/complete"), &ANSWER).await;
        assert_eq!(again, path);
        assert!(page.text.contains("data-state=\"accepted\"") && page.text.contains("id=\"account-number\""));
        assert!(page.text.contains("失効していないこと") && page.text.contains("some.new_check"));
        assert!(page.text.contains("41番目") && page.text.contains("4分"));
        // Sent twice by an impatient hand, reconciled by the background: still one.
        browser.post(&format!("{path}/complete"), &ANSWER).await;
        world.bank.tick().await.unwrap();
        assert_eq!(accounts(&world).await, 1);
        assert_eq!(world.platform.calls("/completion").len(), 1);
        let kept = "SELECT COUNT(*) AS n FROM bank_application WHERE certificate IS NOT NULL OR signature IS NOT NULL";
        assert_eq!(count(&world, kept).await, 0, "the card's answer is forgotten");
    }
}

#[tokio::test]
async fn a_wrong_form_is_shown_again_with_its_values_and_nothing_happens() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        let mut form = FORM;
        form[0].1 = "<b>\"花子\"";
        form[2].1 = "1980-02-31";
        form[3].1 = "";
        let page = browser.post("/apply", &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            page.text.contains("value=\"&#60;b&#62;&#34;花子&#34;\"")
                && page.text.contains("value=\"1980-02-31\"")
        );
        assert!(
            page.text.contains("生年月日を 1980-02-17 のように")
                && page.text.contains("性別を選んでください")
        );
        assert!(page.text.contains(
            "id=\"consent\" name=\"consent\" value=\"yes\" aria-describedby=\"consent-text\" checked"
        ));
        assert!(page.text.contains("id=\"date_of_birth-error\"") && !page.text.contains("id=\"name-error\""));
        browser.lang = "en";
        let page = browser.post("/apply", &[]).await;
        assert!(page.text.contains("Enter your name.") && page.text.contains("Choose a type of account."));
        browser.get("/apply").await;
        assert_eq!(count(&world, "SELECT COUNT(*) AS n FROM bank_application").await, 0);
        assert!(world.platform.calls("/identity-proofings").is_empty());
        let huge = "あ".repeat(40_000);
        assert_eq!(browser.post("/apply", &[("name", &huge)]).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn nobody_else_sees_or_signs_an_application() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (path, _) = world.browser().post_and_follow("/apply", &FORM).await;
        let mut stranger = world.browser();
        assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND);
        stranger.post("/sign-in", &[]).await;
        for page in [
            stranger.get(&path).await,
            stranger.get(&format!("{path}/state.json")).await,
            stranger.post(&format!("{path}/complete"), &ANSWER).await,
            stranger.post(&format!("{path}/retry"), &[]).await,
            stranger.get("/apply/ap_1").await,
        ] {
            assert_eq!(page.status, StatusCode::NOT_FOUND);
            assert!(!page.text.contains("結城"));
        }
        assert!(world.platform.calls("/completion").is_empty());
    }
}

#[tokio::test]
async fn after_a_crash_between_answer_and_note_the_same_key_is_used_and_there_is_one_account() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let mut world = World::new(db).await;
        let mut browser = world.browser();
        world.platform.next("/identity-proofings", Next::LoseAnswer);
        let (path, page) = browser.post_and_follow("/apply", &FORM).await;
        assert!(page.text.contains("data-state=\"drafted\"") && page.text.contains("data-live-url"));
        world.crash().await;
        world.clock.advance(5);
        assert_eq!(world.bank.tick().await.unwrap().applications, 1);
        world.platform.next("/completion", Next::LoseAnswer);
        let cookies = browser.cookies;
        let mut browser = world.browser();
        browser.cookies = cookies;
        let (_, page) = browser.post_and_follow(&format!("{path}/complete"), &ANSWER).await;
        assert!(page.text.contains("data-state=\"submitted\""));
        assert_eq!(accounts(&world).await, 0);
        world.crash().await;
        assert_eq!(world.bank.tick().await.unwrap().applications, 0, "not before five seconds have passed");
        world.clock.advance(5);
        assert_eq!(world.bank.tick().await.unwrap().applications, 1);
        assert_eq!(world.bank.tick().await.unwrap().applications, 0);
        assert_eq!(accounts(&world).await, 1);
        for end in ["/identity-proofings", "/completion"] {
            let calls = world.platform.calls(end);
            assert_eq!(calls.len(), 2, "{end}");
            assert_eq!(calls[0].key, calls[1].key);
            assert_eq!(calls[0].body, calls[1].body);
            assert_eq!(world.platform.done(end), 1, "{end}");
        }
    }
}

#[tokio::test]
async fn two_processes_that_reconcile_at_once_open_one_account() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let other = crate::open_bank(&world.db, &world.platform, &world.clock, crate::BANK, 7).await;
        world.platform.next("/completion", Next::Unavailable);
        apply(&mut world.browser()).await;
        world.clock.advance(5);
        let (a, b) = tokio::join!(world.bank.tick(), other.tick());
        assert_eq!(a.unwrap().applications + b.unwrap().applications, 1);
        assert_eq!(accounts(&world).await, 1);
    }
}

#[tokio::test]
async fn what_cannot_be_judged_yet_is_asked_again_under_a_new_key() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        let open = judged("open", "INDETERMINATE", Some("revocation_list.too_old"), None);
        world.platform.next("/completion", Next::Answer(200, open));
        world.platform.next("/completion", Next::Answer(503, problem("upstream.unreachable")));
        let (path, page) = apply(&mut browser).await;
        assert!(
            page.text.contains("revocation_list.too_old が起きました")
                && page.text.contains("id=\"retry-button\"")
        );
        let (_, page) = browser.post_and_follow(&format!("{path}/retry"), &[]).await;
        assert!(page.text.contains("data-state=\"submitted\""));
        world.clock.advance(5);
        world.bank.tick().await.unwrap();
        assert!(browser.get(&path).await.text.contains("data-state=\"accepted\""));
        let mut keys: Vec<String> =
            world.platform.calls("/completion").into_iter().map(|call| call.key).collect();
        keys.dedup();
        assert_eq!(keys.len(), 3);
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_platforms_words() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        let refused = judged("refused", "TOTAL-FAILED", Some("certificate.revoked"), None);
        world.platform.next("/completion", Next::Answer(200, refused));
        let (path, page) = apply(&mut browser).await;
        assert!(page.text.contains("data-code=\"certificate.revoked\""));
        assert!(page.text.contains("certificate.revoked が起きました") && page.text.contains("次にすること"));
        let page = browser.get(&format!("{path}?lang=en")).await;
        assert!(
            page.text.contains("certificate.revoked happened")
                && page.text.contains("What to do &#60;next&#62;")
        );
        world.platform.next("/completion", Next::Answer(400, problem("request.malformed")));
        let (_, page) = apply(&mut browser).await;
        assert!(page.text.contains("data-code=\"request.malformed\""));
        assert_eq!(accounts(&world).await, 0);
    }
}

#[tokio::test]
async fn a_completion_whose_answer_nobody_saw_is_looked_up() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        world.platform.next("/completion", Next::Answer(409, problem("nonce.replayed")));
        let (_, page) = apply(&mut world.browser()).await;
        assert!(page.text.contains("data-state=\"accepted\""));
        assert_eq!(world.platform.calls("/identity-proofings/ip_1").len(), 1);
    }
}

#[tokio::test]
async fn an_application_whose_time_ran_out_ends_without_an_account() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        let (path, _) = browser.post_and_follow("/apply", &FORM).await;
        world.clock.advance(901);
        assert!(browser.get(&path).await.text.contains("data-state=\"lapsed\""));
        world.platform.next("/completion", Next::Answer(410, problem("transaction.expired")));
        let (_, page) = browser.post_and_follow(&format!("{path}/complete"), &ANSWER).await;
        assert!(page.text.contains("data-state=\"lapsed\""));
        assert_eq!(accounts(&world).await, 0);
    }
}

#[tokio::test]
async fn a_cheating_bank_adds_a_line_to_one_application_and_only_in_the_lab() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        assert!(browser.post("/lab/tamper", &[]).await.text.contains("id=\"lab-armed\""));
        world.platform.next(
            "/completion",
            Next::Answer(200, judged("refused", "TOTAL-FAILED", Some("signature.tampered"), None)),
        );
        apply(&mut browser).await;
        apply(&mut browser).await;
        let signed = world.platform.calls("/identity-proofings")[0].body["application"]["statements"].clone();
        let sent: Vec<_> = world
            .platform
            .calls("/completion")
            .into_iter()
            .map(|c| c.body["application"]["statements"].clone())
            .collect();
        assert_eq!(sent[0].as_array().unwrap().len(), signed.as_array().unwrap().len() + 1);
        assert_eq!(sent[1], signed);
    }
}

#[tokio::test]
async fn a_post_from_another_site_opens_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut foreign = Browser::new(world.bank.pages(), "http://bank.localhost:8080");
        let page = {
            use tower::ServiceExt as _;
            let request = axum::http::Request::post("/apply")
                .header("host", "bank.localhost:8080")
                .header("origin", "http://phish.localhost:8080")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(axum::body::Body::from("name=x"))
                .unwrap();
            world.bank.pages().oneshot(request).await.unwrap()
        };
        assert_eq!(page.status(), StatusCode::FORBIDDEN);
        assert_eq!(foreign.get("/nowhere").await.status, StatusCode::NOT_FOUND);
        assert_eq!(count(&world, "SELECT COUNT(*) AS n FROM bank_application").await, 0);
    }
}

#[tokio::test]
async fn what_led_to_no_account_is_forgotten_after_a_month() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let mut browser = world.browser();
        apply(&mut browser).await;
        browser.post("/apply", &FORM).await;
        browser.post("/sign-in", &[]).await;
        world.clock.advance(30 * 86_400 + 1);
        browser.post("/apply", &FORM).await;
        browser.post("/sign-in", &[]).await;
        assert_eq!(count(&world, "SELECT COUNT(*) AS n FROM bank_application").await, 2);
        assert_eq!(count(&world, "SELECT COUNT(*) AS n FROM bank_sign_in").await, 1);
        assert_eq!(accounts(&world).await, 1);
    }
}

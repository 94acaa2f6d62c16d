//! No name, address, date of birth, serial number, token, PIN or key in a log line, a problem, a refusal, a verdict of
//! an entitlement check, or the audit log. Every resident of the story is a canary.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_kernel::Secret;
use musubi_nation::CardOperation::{Authenticate, Sign};
use musubi_nation::{DEMO_PASSWORD, DEMO_PIN, LifeEvent, Resident};
use serde_json::{Value, json};
use tracing_subscriber::fmt::format::FmtSpan;

use super::fixture::{Answer, CREDENTIAL, DAY, Fixture, PHISH, fixtures};
use super::flows::id;

const MISAKI: &str = "aoki-misaki";
const WRONG_PIN: &str = "8642";
const WRONG_PASSWORD: &str = "WRONGPASS9";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Everything that our crates say, and what an operator sees of the others, in the whole test process: tests run
    /// beside one another, and none of them may name anybody. (A subscriber of one thread would miss what a call site
    /// says that another thread has met first.)
    fn of_process() -> &'static Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Self::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_env_filter("info,musubi=trace,tower_http=trace")
                .with_span_events(FmtSpan::FULL)
                .with_ansi(false)
                .without_time()
                .with_writer(move || writer.clone())
                .finish();
            tracing::subscriber::set_global_default(subscriber).expect("the only subscriber of this process");
            log
        })
    }
}

/// What must not be found, with what it is.
struct Canaries(Vec<(&'static str, String)>);

impl Canaries {
    fn add(&mut self, what: &'static str, value: impl Into<String>) {
        self.0.push((what, value.into()));
    }

    fn resident(&mut self, resident: &Resident) {
        let born = resident.date_of_birth.to_string();
        self.add("name", &resident.name);
        self.0.extend(resident.name.split('\u{3000}').map(|part| ("part of the name", part.to_owned())));
        self.add("reading", &resident.kana);
        self.add("address", &resident.address);
        self.add("street", resident.address.trim_start_matches(resident.municipality.name));
        self.add("date of birth", &born);
        self.add("date of birth", born.replace('-', ""));
        // JPKI certificates end on a birthday: the end of validity tells it.
        self.add("birthday", format!("{}T14:59:59Z", &born[5..]));
        for certificate in [&resident.card.signature, &resident.card.authentication].into_iter().flatten() {
            let serial = certificate.serial.to_string();
            let number = i64::from_str_radix(&serial, 16).unwrap();
            self.add("serial number", serial.to_lowercase());
            self.add("serial number", serial);
            self.add("serial number", number.to_string());
        }
    }

    /// Searches whole words: a PIN of four digits is part of many a number.
    #[track_caller]
    fn assert_absent(&self, text: &str, place: &str) {
        for (what, value) in self.0.iter().filter(|(_, value)| !value.is_empty()) {
            for (at, _) in text.match_indices(value.as_str()) {
                let before = text[..at].chars().next_back();
                let after = text[at + value.len()..].chars().next();
                let inside = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
                let whole = !value.is_ascii() || !(inside(before) || inside(after));
                assert!(!whole, "{what} in {place}: {text}");
            }
        }
    }
}

/// Refusals, problems and everything that goes wrong; answers what outsiders were told.
async fn story(fx: &Fixture, canaries: &mut Canaries) -> Vec<Answer> {
    let mut told = Vec::new();
    let residents = [
        MISAKI,
        "sato-kenichi",
        "furukawa-akira",
        "morita-tsuyoshi",
        "okamoto-megumi",
        "kageyama-so",
        "yoshino-ieko",
    ];
    for resident in residents {
        canaries.resident(&fx.resident(resident).await);
    }
    // All goes well first: those answers hold attributes, as they should.
    fx.link(&fx.bank, "c-1", MISAKI, &["name", "address", "date_of_birth", "sex"]).await;
    fx.link(&fx.bank, "c-2", "yoshino-ieko", &[]).await;
    told.push(fx.sign_in(&fx.bank, MISAKI).await);
    told.push(fx.sign_in(&fx.clinic, "sato-kenichi").await);

    for resident in ["furukawa-akira", "morita-tsuyoshi", "okamoto-megumi", "kageyama-so"] {
        told.push(fx.apply(&fx.bank, "c-9", resident, &["address"]).await);
        told.push(fx.sign_in(&fx.bank, resident).await);
    }
    let mut application = fx.application("sato-kenichi", &[]).await;
    application["attributes"] = fx.application(MISAKI, &[]).await["attributes"].clone();
    let proofing = fx.start_proofing(&fx.bank, "c-3", application.clone()).await;
    let signed = fx.card("sato-kenichi", Sign, &proofing.document).await;
    told.push(fx.complete_proofing(&fx.bank, &proofing, &application, &signed).await);
    told.push(fx.complete_proofing(&fx.bank, &proofing, &application, &signed).await);
    let proofing = fx.start_proofing(&fx.bank, "c-4", application.clone()).await;
    told.push(fx.complete_proofing(&fx.bank, &proofing, &application, &signed).await);
    let check = fx.start_check(&fx.bank).await;
    let answered = fx.answer_check(&fx.bank, &check, MISAKI, PHISH).await;
    told.push(fx.complete_check(&fx.bank, &check, &answered, PHISH).await);
    canaries.add("certificate", &signed.certificate[..40]);
    canaries.add("signature", &answered.signature[..40]);

    // Attributes where they do not belong, and tokens that are none.
    let mut malformed = Fixture::proofing_body(&fx.bank, "c-5", &application);
    malformed["青木　美咲"] = json!("青木　美咲");
    told.push(fx.post(&fx.bank, "/v1/identity-proofings", &malformed).await);
    malformed = Fixture::proofing_body(&fx.bank, "青木　美咲", &application);
    told.push(fx.post(&fx.bank, "/v1/identity-proofings", &malformed).await);
    malformed = Fixture::proofing_body(&fx.bank, "c-5", &application);
    malformed["application"]["attributes"]["name"] = json!("青木　美咲\n");
    told.push(fx.post(&fx.bank, "/v1/identity-proofings", &malformed).await);
    told.push(fx.post(&fx.bank, "/v1/change-checks", &json!({ "customer_id": "青木　美咲" })).await);
    let assertion = fx.assertion(&fx.bank);
    canaries.add("assertion", &assertion);
    let near = format!("{}x", &fx.bank.token()[..42]);
    canaries.add("token", &near);
    for token in [near, assertion, "青木".to_owned()] {
        let path = "/v1/change-events";
        told.push(
            fx.call(
                &Method::GET,
                path,
                Some(&token).filter(|t| t.is_ascii()).map(String::as_str),
                None,
                None,
            )
            .await,
        );
    }

    // Cards are misused, the authority goes away, lives change.
    for (operation, secret) in [(Authenticate, WRONG_PIN), (Sign, WRONG_PASSWORD)] {
        let wrong = Secret::new(secret.to_owned());
        let refusal =
            fx.world.answer(&id(MISAKI), operation, &wrong, "青木　美咲".as_bytes()).await.unwrap_err();
        canaries.assert_absent(&format!("{refusal} {refusal:?}"), "a card's refusal");
    }
    fx.unreachable(true).await;
    told.push(fx.sign_in(&fx.bank, "inoue-sakura").await);
    told.push(fx.latest(&fx.bank, "c-1").await);
    let refusal = fx.platform.verification().take_in().await.unwrap_err();
    canaries.assert_absent(&format!("{refusal} {refusal:?}"), "an intake error");
    fx.unreachable(false).await;
    fx.moves(MISAKI).await;
    fx.live("yoshino-ieko", LifeEvent::Renew).await;
    fx.take_in().await;
    for resident in [MISAKI, "yoshino-ieko"] {
        canaries.resident(&fx.resident(resident).await);
    }
    fx.latest(&fx.bank, "c-1").await.expect(200);
    told.push(fx.get(&fx.bank, "/v1/change-events").await);
    told.push(fx.post(&fx.bank, "/v1/change-checks", &json!({ "customer_id": "c-1" })).await);
    fx.publication_stopped(true).await;
    fx.advance(3 * DAY).await;
    told.push(fx.sign_in(&fx.bank, MISAKI).await);
    told.push(fx.get(&fx.bank, &format!("/v1/identity-proofings/{}", proofing.id)).await);
    told.push(fx.complete_proofing(&fx.bank, &proofing, &application, &signed).await);
    told
}

#[tokio::test]
async fn nobody_is_named_in_logs_problems_refusals_and_the_audit_log() {
    let log = Log::of_process();
    for fx in fixtures().await {
        let mut canaries = Canaries(Vec::new());
        canaries.add("PIN", DEMO_PIN);
        canaries.add("password", DEMO_PASSWORD);
        canaries.add("wrong PIN", WRONG_PIN);
        canaries.add("wrong password", WRONG_PASSWORD);
        canaries.add("operator's credential", CREDENTIAL);
        canaries.add("pairwise secret", hex::encode([7; 32]));
        canaries.add("pairwise secret", STANDARD.encode([7; 32]));
        canaries.add("token", fx.bank.token());
        canaries.add("token", fx.clinic.token());
        let told = story(&fx, &mut canaries).await;
        canaries.add("token", fx.bank.token());

        let (mut problems, mut verdicts) = (0, 0);
        for answer in &told {
            problems += usize::from(answer.status >= 400);
            verdicts += usize::from(answer.body.get("verdict").is_some_and(Value::is_object));
            canaries.assert_absent(&answer.text, "an answer");
            canaries.assert_absent(&format!("{:?}", answer.headers), "an answer's head");
        }
        assert!(
            problems >= 8 && verdicts >= 12,
            "the story was told: {problems} problems, {verdicts} verdicts"
        );
        for record in fx.audited().await {
            canaries.assert_absent(&record.record, "the audit log");
        }
        let log = log.text();
        assert!(log.contains("revocation list taken in"), "the log was captured: {log}");
        canaries.assert_absent(&log, "the log");
    }
}

#[test]
fn a_canary_in_a_log_is_found() {
    const PLANTED: &str = "planted-0815";
    let log = Log::of_process();
    tracing::trace!(target: "musubi_platform::probe", pin = PLANTED, "a line that must not be");
    let mut canaries = Canaries(Vec::new());
    canaries.add("PIN", PLANTED);
    let found = std::panic::catch_unwind(|| canaries.assert_absent(&log.text(), "the log"));
    assert!(found.is_err(), "{}", log.text());
    let mut canaries = Canaries(Vec::new());
    canaries.add("PIN", DEMO_PIN);
    canaries.assert_absent("port 12345 and 0x12340", "a number that contains it");
}

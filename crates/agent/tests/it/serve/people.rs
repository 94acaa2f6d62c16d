//! Pairing, approving, signing in, forgetting.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_agent::serve::Limits;
use musubi_card::transport::TransportError;
use musubi_crypto::SignatureAlgorithm;
use serde_json::{Value, json};

use super::station::{AT, BANK, NONCE, PIN, Station, certificate, own, public_key, sign_in};

fn answer_request(pin: &str) -> Value {
    json!({ "origin": BANK, "request": sign_in(), "pin": pin })
}

fn state_request() -> Value {
    json!({ "origin": BANK, "request": sign_in() })
}

#[tokio::test]
async fn a_browser_that_is_not_paired_touches_no_card_and_approves_no_site() {
    let station = Station::new();
    station.register.approve(BANK, AT).unwrap();
    let guess = "A".repeat(43);
    for secret in [None, Some(""), Some("wrong"), Some(guess.as_str())] {
        let (_, state) = station.post(secret, "/window/state", state_request()).await;
        assert_eq!(state, json!({ "permission": "pairing_needed" }));
        let (_, approved) =
            station.post(secret, "/window/approve", json!({ "origin": "https://other.example" })).await;
        assert_eq!(approved, json!({ "permission": "pairing_needed" }));
        let (status, answer) = station.post(secret, "/window/answer", answer_request(PIN)).await;
        assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &json!("window.pairing_needed")));
        let (_, home) = station.post(secret, "/manage/state", json!({})).await;
        assert_eq!(home, json!({ "paired": false }), "not even the sites are told");
        for (path, body) in
            [("/manage/forget-site", json!({ "origin": BANK })), ("/manage/forget-browser", json!({}))]
        {
            let (status, problem) = station.post(secret, path, body).await;
            assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("pairing.needed")));
        }
    }
    assert_eq!(station.touched(), 0);
    assert_eq!(station.register.sites().unwrap().len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_sent_twice_is_none() {
    let station = Station::new();
    let secret = station.ready().await;
    let request = own(Request::post("/manage/state")).header("content-type", "application/json");
    let request = request.header("musubi-pairing", &secret).header("musubi-pairing", &secret);
    assert_eq!(super::station::read(station.send(request, "{}").await).await, json!({ "paired": false }));
}

#[tokio::test]
async fn a_site_asks_nothing_of_the_card_before_the_holder_approved_it() {
    let station = Station::new();
    let secret = station.pair().await;
    let (_, state) = station.post(Some(&secret), "/window/state", state_request()).await;
    assert_eq!(state, json!({ "permission": "approval_needed" }));
    let (status, answer) = station.post(Some(&secret), "/window/answer", answer_request(PIN)).await;
    assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &json!("window.approval_needed")));
    assert_eq!((station.touched(), station.tries()), (0, 3));
}

#[tokio::test]
async fn paired_and_approved_the_card_signs_what_names_the_origin_and_the_nonce() {
    let station = Station::new();
    let secret = station.ready().await;
    let (_, state) = station.post(Some(&secret), "/window/state", state_request()).await;
    assert_eq!((&state["permission"], &state["condition"]), (&json!("granted"), &json!("ready")), "{state}");
    assert_eq!((&state["holder"], &state["overview"]["authentication_tries"]), (&Value::Null, &json!(3)));
    let (status, answer) = station.post(Some(&secret), "/window/answer", answer_request(PIN)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["origin"], BANK);
    assert_eq!(STANDARD.decode(answer["certificate"].as_str().unwrap()).unwrap(), certificate());
    let text = format!(
        "Musubi user authentication 1\norigin: {BANK}\nrelying-party: rp_bank\npurpose: sign_in\nnonce: {NONCE}\n"
    );
    let signature = STANDARD.decode(answer["signature"].as_str().unwrap()).unwrap();
    let verify = |text: &str| {
        public_key().verify(SignatureAlgorithm::RsaPkcs1Sha256, text.as_bytes(), &signature).is_ok()
    };
    assert!(verify(&text));
    assert!(!verify(&text.replace(BANK, "https://random.example")), "for another origin it is no signature");
}

#[tokio::test]
async fn wrong_codes_in_a_row_close_the_pairing_for_a_while_whoever_sends_them() {
    let station = Station::new();
    let first = station.code();
    for tries_left in [4, 3, 2, 1] {
        let (status, problem) = station.post(None, "/pair", json!({ "code": "AAAA-AAAA" })).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("pairing.wrong_code")));
        assert_eq!(problem["tries_left"], tries_left);
    }
    let request = own(Request::post("/pair")).header("content-type", "application/json");
    let response = station.send(request, json!({ "code": "AAAA-AAAA" }).to_string()).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "30");
    assert_ne!(station.code(), first, "guesses at the old code are worth nothing");
    let (status, problem) = station.post(None, "/pair", json!({ "code": station.code() })).await;
    assert_eq!((status, &problem["wait_seconds"]), (StatusCode::TOO_MANY_REQUESTS, &json!(30)));
    station.clock.advance(30);
    station.pair().await;
    for malformed in [json!({}), json!({ "code": 1 }), json!({ "code": "A", "more": 1 })] {
        let (status, problem) = station.post(None, "/pair", malformed).await;
        assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("request.malformed")));
    }
    let (status, _) = station.post(None, "/pair", json!({ "code": "A".repeat(5000) })).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_home_page_shows_the_sites_and_the_card_and_forgets_what_the_person_says() {
    let station = Station::new();
    let secret = station.ready().await;
    let (_, home) = station.post(Some(&secret), "/manage/state", json!({})).await;
    assert_eq!(home["sites"], json!([{ "origin": BANK, "approved_at": AT.0 }]));
    assert_eq!(home["readers"], json!([{ "name": "Test Reader 00", "has_card": true }]));
    assert_eq!(
        home["card"],
        json!({
            "condition": "ready", "has_authentication": true, "has_signature": false,
            "authentication_tries": 3, "signature_tries": home["card"]["signature_tries"],
        })
    );
    let (_, forgotten) = station.post(Some(&secret), "/manage/forget-site", json!({ "origin": BANK })).await;
    assert_eq!(forgotten, json!({ "forgotten": true }));
    let (_, state) = station.post(Some(&secret), "/window/state", state_request()).await;
    assert_eq!(state, json!({ "permission": "approval_needed" }));
    let other = station.pair().await;
    station.post(Some(&secret), "/manage/forget-browser", json!({})).await;
    let paired =
        async |secret: &str| station.post(Some(secret), "/manage/state", json!({})).await.1["paired"].clone();
    assert_eq!((paired(&secret).await, paired(&other).await), (json!(false), json!(true)));
}

#[tokio::test]
async fn each_condition_at_the_reader_is_said_with_its_next_step_in_the_pages_language() {
    let station = Station::new();
    let secret = station.pair().await;
    let mut said = Vec::new();
    for (trouble, condition) in [
        (TransportError::NoService, "no_service"),
        (TransportError::NoReader, "no_reader"),
        (TransportError::NoCard, "no_card"),
        (TransportError::Removed, "card_removed"),
        (TransportError::InUse, "in_use"),
        (TransportError::Unresponsive, "unresponsive"),
        (TransportError::Failed("x".into()), "failed"),
    ] {
        *station.card.trouble.lock().unwrap() = Some(trouble);
        for lang in ["ja", "en"] {
            let (_, home) =
                station.post(Some(&secret), &format!("/manage/state?lang={lang}"), json!({})).await;
            let card = &home["card"];
            assert_eq!(card["condition"], condition);
            let (what, next) = (card["what"].as_str().unwrap(), card["next"].as_str().unwrap());
            assert!(!what.starts_with("condition.") && !next.starts_with("condition."), "{what} {next}");
            assert_eq!(what.is_ascii(), lang == "en", "{what}");
            said.push(what.to_owned());
        }
    }
    said.sort_unstable();
    said.dedup();
    assert_eq!(said.len(), 14, "no two conditions are said in the same words");
}

/// An operation that has the card and waits until it is released.
async fn under_way(
    station: &Arc<Station>,
    secret: &str,
    pin: &str,
) -> (mpsc::Sender<()>, tokio::task::JoinHandle<(StatusCode, Value)>) {
    let (release, held) = mpsc::channel();
    *station.card.hold.lock().unwrap() = Some(held);
    let (there, secret, request) = (station.clone(), secret.to_owned(), answer_request(pin));
    let first = tokio::spawn(async move { there.post(Some(&secret), "/window/answer", request).await });
    while station.touched() == 0 {
        tokio::task::yield_now().await;
    }
    (release, first)
}

#[tokio::test]
async fn one_card_operation_at_a_time_and_who_has_waited_hears_that_the_card_is_in_use() {
    let limits =
        Limits { patience: Duration::from_millis(1), operation: Duration::from_secs(60), waiting: 4 };
    let station = Arc::new(Station::with(limits));
    let secret = station.ready().await;
    let (release, first) = under_way(&station, &secret, PIN).await;
    let (status, problem) = station.post(Some(&secret), "/window/answer", answer_request(PIN)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("card.in_use")), "{problem}");
    assert_eq!(station.touched(), 1);
    release.send(()).unwrap();
    assert_eq!(first.await.unwrap().0, StatusCode::OK);
    assert_eq!(station.post(Some(&secret), "/window/answer", answer_request(PIN)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_card_that_never_answers_is_given_up_and_stays_taken() {
    let limits =
        Limits { patience: Duration::from_millis(1), operation: Duration::from_millis(5), waiting: 4 };
    let station = Station::with(limits);
    let secret = station.ready().await;
    let (release, held) = mpsc::channel();
    *station.card.hold.lock().unwrap() = Some(held);
    let (_, problem) = station.post(Some(&secret), "/window/answer", answer_request(PIN)).await;
    assert_eq!(problem["code"], "card.unresponsive");
    let (_, problem) = station.post(Some(&secret), "/window/answer", answer_request(PIN)).await;
    assert_eq!(problem["code"], "card.in_use", "its thread still has it");
    release.send(()).unwrap();
}

#[tokio::test]
async fn what_was_given_up_is_not_done_later() {
    let limits =
        Limits { patience: Duration::from_millis(1), operation: Duration::from_millis(5), waiting: 4 };
    let station = Station::with(limits);
    let secret = station.ready().await;
    let (release, held) = mpsc::channel();
    *station.card.hold.lock().unwrap() = Some(held);
    let (_, problem) = station.post(Some(&secret), "/window/answer", answer_request("0000")).await;
    assert_eq!(problem["code"], "card.unresponsive");
    release.send(()).unwrap();
    // The next one has the card when the thread of the first is done with it.
    while station.post(Some(&secret), "/window/state", state_request()).await.1["condition"] == "in_use" {}
    assert_eq!(station.tries(), 3, "the holder was told that nothing came of it");
}

#[tokio::test]
async fn whoever_closes_the_window_takes_the_request_back() {
    let station = Arc::new(Station::new());
    let secret = station.ready().await;
    let (release, first) = under_way(&station, &secret, "0000").await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    release.send(()).unwrap();
    let (_, state) = station.post(Some(&secret), "/window/state", state_request()).await;
    assert_eq!(state["condition"], "ready");
    assert_eq!(station.tries(), 3, "the wrong PIN was not presented");
}

#[tokio::test]
async fn when_there_is_no_place_to_wait_the_answer_comes_at_once() {
    let limits =
        Limits { patience: Duration::from_secs(3600), operation: Duration::from_secs(60), waiting: 0 };
    let station = Arc::new(Station::with(limits));
    let secret = station.ready().await;
    let (release, first) = under_way(&station, &secret, PIN).await;
    let (_, problem) = station.post(Some(&secret), "/window/answer", answer_request(PIN)).await;
    assert_eq!(problem["code"], "card.in_use");
    release.send(()).unwrap();
    assert_eq!(first.await.unwrap().0, StatusCode::OK);
}

#[tokio::test]
async fn decisions_that_cannot_be_read_count_as_none() {
    let station = Station::new();
    let secret = station.ready().await;
    let touched = station.touched();
    let file = station.folder.path().join("state/state.json");
    std::fs::write(&file, r#"{"version":2}"#).unwrap();
    let (_, state) = station.post(Some(&secret), "/window/state", state_request()).await;
    assert_eq!(state, json!({ "permission": "pairing_needed" }));
    let (status, problem) = station.post(None, "/pair", json!({ "code": station.code() })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!("internal")));
    assert_eq!(station.touched(), touched);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), r#"{"version":2}"#);
}

/// A log in memory.
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
    /// What the whole test process says: tests run beside one another, and none may tell a secret. (A subscriber of one
    /// thread would miss what a call site says that another thread has met first.)
    fn of_process() -> &'static Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Self::default();
            let kept = log.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
                // The digits of a time may be those of a PIN.
                .without_time()
                .with_ansi(false)
                .with_writer(move || kept.clone())
                .finish();
            tracing::subscriber::set_global_default(subscriber).expect("the only subscriber of this process");
            log
        })
    }
}

#[tokio::test]
async fn the_log_holds_no_pin_code_secret_or_site() {
    let log = Log::of_process();
    let station = Station::new();
    let code = station.code();
    let secret = station.ready().await;
    station.post(Some(&secret), "/window/answer", answer_request("7392")).await;
    station.post(Some(&secret), "/window/answer", answer_request(PIN)).await;
    *station.card.trouble.lock().unwrap() = Some(TransportError::Failed("reader fault".into()));
    station.post(Some(&secret), "/window/answer", answer_request(PIN)).await;
    station.post(None, "/pair", json!({ "code": "AAAA-AAAA" })).await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("a browser was paired") && log.contains("reader fault"),
        "the log is not empty: {log}"
    );
    for canary in [PIN, "7392", &code, &secret, "bank.example", NONCE, "AAAA-AAAA", "むすび銀行"] {
        assert!(!log.contains(canary), "{canary} in {log}");
    }
}

//! Cards on a reader over HTTP, as `musubi-agent virtual` uses them.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use musubi_card::client::{Card, CardError, LastTry};
use musubi_card::genuineness::CardAuthorities;
use musubi_card::transport::Transport;
use musubi_crypto::sha256;
use musubi_kernel::Secret;
use musubi_nation::pages::{PagesConfig, card_router};
use musubi_nation::{CardOperation, DEMO_PIN, LifeEvent, World};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{AOKI, Nation, slug};

const SELECT_JPKI: &str = "00A4040C0AD392F000260100000001";
const SELECT_TEXT: &str = "00A4040C0AD3921000310001010408";
/// The authentication PIN by its short identifier, `0000` and `1234`.
const WRONG_PIN: &str = "002000980430303030";
const RIGHT_PIN: &str = "002000980431323334";
const TRIES: &str = "00200098";

/// The host `card.` of a nation.
struct Host(Router);

impl Host {
    fn of(world: &World) -> Self {
        let origin = |label: &str| format!("http://{label}localhost:8080");
        Self(card_router(
            world.clone(),
            PagesConfig {
                demo: origin(""),
                bank: origin("bank."),
                portal: origin("portal."),
                card: origin("card."),
                town: origin("town."),
                phish: origin("phish."),
            },
        ))
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Vec<u8>) {
        let response = self.0.clone().oneshot(request).await.unwrap();
        let status = response.status();
        (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let (status, bytes) = self.send(request).await;
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn begin(&self, asked: Value) -> String {
        let (status, body) = self.call(Method::POST, "/virtual/sessions", asked).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        assert_eq!(body["atr"], "3be000ff8131fe4514");
        body["session"].as_str().unwrap().to_owned()
    }

    async fn transmit(&self, session: &str, command: Vec<u8>) -> (StatusCode, Vec<u8>) {
        let request = Request::post(format!("/virtual/sessions/{session}/apdu"))
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(Body::from(command))
            .unwrap();
        self.send(request).await
    }

    /// The response to a command, both in hex.
    async fn apdu(&self, session: &str, command: &str) -> String {
        let (status, response) = self.transmit(session, hex::decode(command).unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{command}");
        hex::encode_upper(response)
    }

    /// The status of a command that gets no response.
    async fn no_response(&self, session: &str, command: &str) -> (StatusCode, Value) {
        let (status, body) = self.transmit(session, hex::decode(command).unwrap()).await;
        (status, serde_json::from_slice::<Value>(&body).unwrap()["code"].clone())
    }

    async fn power(&self, session: &str, to: &str) -> StatusCode {
        self.call(Method::POST, &format!("/virtual/sessions/{session}/power"), json!({ "to": to })).await.0
    }
}

fn aoki() -> Value {
    json!({ "resident": AOKI })
}

#[tokio::test]
async fn a_card_on_a_reader_answers_with_the_status_of_the_nations_card() {
    for nation in Nation::everywhere().await {
        let host = Host::of(&nation.world);
        let session = host.begin(aoki()).await;
        assert_eq!(host.apdu(&session, SELECT_JPKI).await, "9000");
        assert_eq!(host.apdu(&session, TRIES).await, "63C3");
        assert_eq!(host.apdu(&session, WRONG_PIN).await, "63C2");
        assert_eq!(nation.resident(AOKI).await.card.pin_tries, 2, "the town hall sees it");
        assert_eq!(host.apdu(&session, RIGHT_PIN).await, "9000");
        assert_eq!(nation.resident(AOKI).await.card.pin_tries, 3);
        let (status, _) =
            host.call(Method::DELETE, &format!("/virtual/sessions/{session}"), Value::Null).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        let gone = host.no_response(&session, TRIES).await;
        assert_eq!(gone, (StatusCode::NOT_FOUND, json!("virtual_card.session_unknown")));
    }
}

#[tokio::test]
async fn two_readers_and_the_window_share_the_counters_of_one_card() {
    for nation in Nation::everywhere().await {
        let host = Host::of(&nation.world);
        let (one, two) = (host.begin(aoki()).await, host.begin(aoki()).await);
        for session in [&one, &two] {
            host.apdu(session, SELECT_JPKI).await;
        }
        assert_eq!(host.apdu(&one, WRONG_PIN).await, "63C2");
        assert_eq!(host.apdu(&two, WRONG_PIN).await, "63C1");
        let wrong = nation.ask(AOKI, CardOperation::Authenticate, "0000").await;
        assert!(matches!(wrong, Err(musubi_nation::CardRefusal::Blocked)), "the window spent the last");
        assert_eq!(host.apdu(&one, RIGHT_PIN).await, "6984", "blocked everywhere");
        nation.world.unblock(&slug(AOKI)).await.unwrap();
        assert_eq!(host.apdu(&two, RIGHT_PIN).await, "9000", "and set back everywhere, at once");
    }
}

#[tokio::test]
async fn guesses_at_once_on_many_readers_are_counted_one_by_one() {
    for nation in Nation::everywhere().await {
        let host = Host::of(&nation.world);
        let mut sessions = Vec::new();
        for _ in 0..8 {
            let session = host.begin(aoki()).await;
            host.apdu(&session, SELECT_JPKI).await;
            sessions.push(session);
        }
        let guesses = sessions.iter().map(|session| host.apdu(session, WRONG_PIN));
        let mut said = futures_of(guesses).await;
        said.sort_unstable();
        assert_eq!(said, ["63C0", "63C1", "63C2", "6984", "6984", "6984", "6984", "6984"]);
    }
}

/// What all of them say, run at once.
async fn futures_of<F: Future<Output = String>>(all: impl Iterator<Item = F>) -> Vec<String> {
    let mut waiting: Vec<_> = all.map(Box::pin).collect();
    let mut said = Vec::new();
    std::future::poll_fn(|context| {
        waiting.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(text) => {
                said.push(text);
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    said
}

#[tokio::test]
async fn a_cut_between_comparison_and_answer_costs_the_try() {
    for nation in Nation::everywhere().await {
        let host = Host::of(&nation.world);
        let session = host.begin(json!({ "resident": AOKI, "torn_at": 2 })).await;
        host.apdu(&session, SELECT_JPKI).await;
        let torn = host.no_response(&session, WRONG_PIN).await;
        assert_eq!(torn, (StatusCode::GONE, json!("virtual_card.removed")));
        assert_eq!(nation.resident(AOKI).await.card.pin_tries, 2);
        let off = host.no_response(&session, TRIES).await;
        assert_eq!(off, (StatusCode::CONFLICT, json!("virtual_card.off")));
        assert_eq!(host.power(&session, "on").await, StatusCode::NO_CONTENT);
        host.apdu(&session, SELECT_JPKI).await;
        assert_eq!(host.apdu(&session, TRIES).await, "63C2", "it is torn once");
    }
}

#[tokio::test]
async fn a_removed_card_stays_away_and_the_command_did_not_reach_it() {
    let nation = Nation::sqlite().await;
    let host = Host::of(&nation.world);
    let session = host.begin(json!({ "resident": AOKI, "removed_at": 3 })).await;
    host.apdu(&session, SELECT_JPKI).await;
    assert_eq!(host.power(&session, "on").await, StatusCode::NO_CONTENT);
    assert_eq!(host.apdu(&session, SELECT_JPKI).await, "9000", "the power does not start the count anew");
    for _ in 0..2 {
        assert_eq!(host.no_response(&session, WRONG_PIN).await.0, StatusCode::GONE);
    }
    assert_eq!(nation.resident(AOKI).await.card.pin_tries, 3);
    for to in ["on", "reset"] {
        assert_eq!(host.power(&session, to).await, StatusCode::GONE);
    }
}

#[tokio::test]
async fn power_off_forgets_what_was_verified_and_a_warm_reset_does_not() {
    let nation = Nation::sqlite().await;
    let host = Host::of(&nation.world);
    let session = host.begin(aoki()).await;
    let sign = format!(
        "802A0097{:02X}{}00",
        51,
        "3031300D060960864801650304020105000420".to_owned() + &"11".repeat(32)
    );
    host.apdu(&session, SELECT_JPKI).await;
    host.apdu(&session, RIGHT_PIN).await;
    assert_eq!(host.power(&session, "reset").await, StatusCode::NO_CONTENT);
    assert!(host.apdu(&session, &sign).await.ends_with("9000"));
    assert_eq!(host.power(&session, "off").await, StatusCode::NO_CONTENT);
    assert_eq!(host.no_response(&session, &sign).await.0, StatusCode::CONFLICT);
    assert_eq!(host.power(&session, "on").await, StatusCode::NO_CONTENT);
    host.apdu(&session, SELECT_JPKI).await;
    assert_eq!(host.apdu(&session, &sign).await, "6982");
}

#[tokio::test]
async fn a_renewal_shows_when_the_power_comes_on_again() {
    let nation = Nation::sqlite().await;
    let host = Host::of(&nation.world);
    let session = host.begin(aoki()).await;
    // The serial number stands in the first bytes.
    let read = "00B08A0020";
    host.apdu(&session, SELECT_JPKI).await;
    let before = host.apdu(&session, read).await;
    nation.world.live(&slug(AOKI), LifeEvent::Renew).await.unwrap();
    assert_eq!(host.apdu(&session, read).await, before, "what is on the reader stays");
    assert_eq!(host.power(&session, "on").await, StatusCode::NO_CONTENT);
    host.apdu(&session, SELECT_JPKI).await;
    assert_ne!(host.apdu(&session, read).await, before);
}

#[tokio::test]
async fn a_lost_card_keeps_its_own_pins_beside_the_new_one() {
    let nation = Nation::sqlite().await;
    let host = Host::of(&nation.world);
    let thief = host.begin(aoki()).await;
    host.apdu(&thief, SELECT_JPKI).await;
    nation.world.live(&slug(AOKI), LifeEvent::ReportLoss).await.unwrap();
    nation.world.live(&slug(AOKI), LifeEvent::Renew).await.unwrap();
    for left in ["63C2", "63C1", "63C0"] {
        assert_eq!(host.apdu(&thief, WRONG_PIN).await, left);
    }
    assert_eq!(nation.resident(AOKI).await.card.pin_tries, 3, "the new card is another one");
}

#[tokio::test]
async fn a_phone_has_the_certificates_alone_and_opens_them_by_the_pin() {
    let nation = Nation::sqlite().await;
    let host = Host::of(&nation.world);
    let session = host.begin(json!({ "resident": AOKI, "profile": "android_token" })).await;
    assert_eq!(host.apdu(&session, SELECT_TEXT).await, "6A82");
    assert_eq!(host.apdu(&session, SELECT_JPKI).await, "9000");
    assert_eq!(host.apdu(&session, "00B08A0004").await, "6982");
    host.apdu(&session, RIGHT_PIN).await;
    assert!(host.apdu(&session, "00B08A0004").await.starts_with("3082"));
}

#[tokio::test]
async fn a_session_may_ask_for_chained_answers() {
    let nation = Nation::sqlite().await;
    let host = Host::of(&nation.world);
    let session = host.begin(json!({ "resident": AOKI, "chaining": "get_response" })).await;
    host.apdu(&session, SELECT_JPKI).await;
    assert_eq!(host.apdu(&session, "00B0860000").await, "6CA0", "160 bytes of token information");
    assert_eq!(host.apdu(&session, "00B08600A0").await.len(), 2 * (160 + 2));
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_reaches_no_card() {
    let nation = Nation::sqlite().await;
    let host = Host::of(&nation.world);
    let session = host.begin(aoki()).await;
    let post = |body: Vec<u8>, media: &'static str| {
        Request::post(format!("/virtual/sessions/{session}/apdu"))
            .header(header::CONTENT_TYPE, media)
            .body(Body::from(body))
            .unwrap()
    };
    let bytes = "application/octet-stream";
    for (request, status) in [
        (post(vec![0; 4 + 3 + 65_535 + 3], bytes), StatusCode::PAYLOAD_TOO_LARGE),
        (post(Vec::new(), bytes), StatusCode::BAD_REQUEST),
        (post(vec![0; 5], "text/plain"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        assert_eq!(host.send(request).await.0, status);
    }
    for body in [
        json!({}),
        json!({ "resident": "../x" }),
        json!({ "resident": AOKI, "profile": "gold" }),
        json!({ "resident": AOKI, "delay_ms": 30_001 }),
        json!({ "resident": AOKI, "delay_ms": -1 }),
        json!({ "resident": AOKI, "removed_at": 0 }),
        json!({ "resident": AOKI, "torn_at": 0 }),
        json!({ "resident": AOKI, "more": 1 }),
        Value::Null,
    ] {
        let (status, _) = host.call(Method::POST, "/virtual/sessions", body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
    let nobody = host.call(Method::POST, "/virtual/sessions", json!({ "resident": "nobody" })).await;
    assert_eq!(
        (nobody.0, &nobody.1["code"]),
        (StatusCode::NOT_FOUND, &json!("virtual_card.resident_unknown"))
    );
    assert_eq!(host.power("ffff", "on").await, StatusCode::NOT_FOUND);
    assert_eq!(host.power(&session, "up").await, StatusCode::BAD_REQUEST);
    assert_eq!(host.no_response("%00", TRIES).await.0, StatusCode::NOT_FOUND);
    // Any bytes get a status word, and the card goes on.
    for garbage in ["00", "FF", "00A4", "0020009804", "FFFFFFFFFF", "00B0000000FFFF", "0C20008003313233"] {
        let said = host.apdu(&session, garbage).await;
        assert!(said.len() == 4 && said.starts_with('6'), "{garbage}: {said}");
    }
    assert_eq!(host.apdu(&session, SELECT_JPKI).await, "9000");
}

#[tokio::test]
async fn no_page_of_another_origin_touches_a_card() {
    let nation = Nation::sqlite().await;
    let host = Host::of(&nation.world);
    let post = |name: &'static str, value: &'static str| {
        Request::post("/virtual/sessions")
            .header(header::HOST, "card.localhost:8080")
            .header(header::CONTENT_TYPE, "application/json")
            .header(name, value)
            .body(Body::from(aoki().to_string()))
            .unwrap()
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "http://bank.localhost:8080"),
        ("origin", "null"),
        ("origin", ""),
    ] {
        let (status, body) = host.send(post(name, value)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{name}: {value}");
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["code"], "virtual_card.foreign_page");
    }
    for (name, value) in [("sec-fetch-site", "same-origin"), ("origin", "http://card.localhost:8080")] {
        assert_eq!(host.send(post(name, value)).await.0, StatusCode::CREATED, "{name}: {value}");
    }
}

#[tokio::test]
async fn the_oldest_session_makes_room() {
    let nation = Nation::sqlite().await;
    let host = Host::of(&nation.world);
    let first = host.begin(aoki()).await;
    let second = host.begin(aoki()).await;
    for _ in 2..64 {
        host.begin(aoki()).await;
    }
    host.apdu(&first, SELECT_JPKI).await;
    host.begin(aoki()).await;
    assert_eq!(host.apdu(&first, TRIES).await, "63C3", "used since");
    assert_eq!(host.no_response(&second, TRIES).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_residents_who_have_cards_are_listed_and_a_pin_is_blocked_on_demand() {
    let nation = Nation::sqlite().await;
    let host = Host::of(&nation.world);
    let (status, cards) = host.call(Method::GET, "/virtual/cards", Value::Null).await;
    assert_eq!((status, &cards[0]["resident"]), (StatusCode::OK, &json!(AOKI)));
    assert!(cards[0]["name"].is_string() && cards[0]["note"].is_string());
    let path = format!("/virtual/cards/{AOKI}/block");
    let (status, _) = host.call(Method::POST, &path, json!({ "pin": "signature" })).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(nation.resident(AOKI).await.card.password_tries, 0);
    let (status, _) =
        host.call(Method::POST, "/virtual/cards/nobody/block", json!({ "pin": "signature" })).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(host.call(Method::POST, &path, json!({ "pin": "number" })).await.0, StatusCode::BAD_REQUEST);
}

/// 券面事項確認AP by 照合番号B, which the town printed on the card: here the card's owner looks on it.
#[tokio::test]
async fn the_cards_face_is_opened_by_its_own_numbers_only() {
    let nation = Nation::sqlite().await;
    let host = Host::of(&nation.world);
    let session = host.begin(aoki()).await;
    assert_eq!(host.apdu(&session, "00A4040C0AD3921000310001010402").await, "9000");
    for file in ["00B0810004", "00B0820004", "00B0850004"] {
        assert_eq!(host.apdu(&session, file).await, "6982", "{file}");
    }
    // 昭和63年7月21日.
    assert_eq!(host.apdu(&session, "0020009106363330373231").await, "9000");
    assert!(host.apdu(&session, "00B0810002").await.starts_with("FF10"), "the date of birth alone is open");
    assert_eq!(host.apdu(&session, "00B0820004").await, "6982", "and the face is not");
    assert!(host.apdu(&session, "00B0840002").await.starts_with("7F21"));
}

/// Every resident's card, read and judged by the authorities of cards.
#[tokio::test]
async fn every_residents_free_key_and_attributes_are_genuine() {
    let nation = Nation::sqlite().await;
    let authorities = nation.world.card_authorities().await.unwrap();
    for resident in nation.world.residents().await.unwrap() {
        let genuine = authorities.clone();
        let id = resident.id.clone();
        let read = nation.world.with_card(&id, move |card| is_genuine(card, &genuine)).await;
        let name = read.unwrap_or_else(|error| panic!("{id}: {error:?}"));
        assert_eq!(name.chars().count(), resident.name.chars().count(), "{id}");
    }
}

fn is_genuine(
    card: &mut Card<Box<dyn Transport>>,
    authorities: &CardAuthorities,
) -> Result<String, CardError> {
    let pin = Secret::new(DEMO_PIN.to_owned());
    let read = card.read_attributes(&pin, LastTry::Keep)?;
    let key = card.presence_key(&pin, LastTry::Keep)?;
    let genuine = authorities.verify_key_record(&key.record, &key.card_certificate).unwrap();
    let signature = card.prove_presence(&sha256(b"musubi"))?;
    genuine.verify(b"musubi", &signature).unwrap();
    assert!(genuine.verify(b"Musubi", &signature).is_err());
    assert!(CardAuthorities::default().verify_key_record(&key.record, &key.card_certificate).is_err());
    Ok(read.name)
}

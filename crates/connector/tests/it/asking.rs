//! What the card does for whom, and what it costs.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use musubi_connector::Permission;
use musubi_crypto::sha256;
use serde_json::{Value, json};

use crate::reader::*;

fn statement(title: &str) -> String {
    format!(
        "{title}\norigin: {BANK}\nrelying-party: rp_00112233445566778899aabbccddeeff\npurpose: sign_in\nnonce: {NONCE}\n"
    )
}

#[tokio::test]
async fn a_sign_in_is_the_text_of_the_contract_signed_by_the_authentication_key() {
    let reader = TestReader::with(Kind::Adult);
    let (status, answer) = reader.answer(with_pin(authenticate(), PIN)).await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({
        "certificate": STANDARD.encode(certificate()),
        "signature": signature_by(&CERTIFIED_KEY, &statement("Musubi user authentication 1")),
        "origin": BANK,
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_document_is_signed_with_the_password_as_it_stands() {
    let reader = TestReader::with(Kind::Adult);
    let document = format!("口座開設の申込み\norigin: {BANK}\n");
    let (status, answer) = reader.answer(with_pin(sign(&document), PASSWORD)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["signature"], signature_by(&CERTIFIED_KEY, &document));
    assert_eq!(answer["certificate"], STANDARD.encode(certificate()));
}

#[tokio::test]
async fn attributes_are_read_with_the_pin_of_the_application_that_holds_them() {
    let reader = TestReader::with(Kind::Adult);
    let (status, answer) = reader.answer(with_pin(read(), TEXT_PIN)).await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({ "name": "青木　美咲", "address": "東京都清瀬市", "date_of_birth": "1988-07-21", "sex": "female" });
    assert_eq!(answer, json!({ "attributes": expected }));
    let (_, problem) = reader.answer(with_pin(read(), PIN)).await;
    assert_eq!((&problem["code"], &problem["pin"]), (&json!("pin.wrong"), &json!("text_attributes")));
    assert_eq!(reader.tries(), [3, 5, 2]);
}

#[tokio::test]
async fn presence_takes_no_pin_and_is_signed_by_the_free_key_over_a_text_that_names_the_certificate() {
    let reader = TestReader::with(Kind::Adult);
    let (status, answer) = reader.answer(asked(presence())).await;
    assert_eq!(status, StatusCode::OK);
    let named = URL_SAFE_NO_PAD.encode(sha256(&certificate()));
    let text = format!("{}certificate: {named}\n", statement("Musubi card presence 1"));
    let expected = json!({
        "certificate": STANDARD.encode(certificate()),
        "signature": signature_by(&FREE_KEY, &text),
        "origin": BANK,
    });
    assert_eq!(answer, expected);
    assert_eq!(reader.tries(), [3, 5, 3]);
}

#[tokio::test]
async fn enrolment_signs_one_text_with_both_keys_and_brings_who_vouches_for_the_free_one() {
    let reader = TestReader::with(Kind::Adult);
    let body = changed(with_pin(enrol(), PIN), "text_pin", json!(TEXT_PIN));
    let (status, answer) = reader.answer(body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let modulus = FREE_KEY.modulus();
    let spki = [
        &[0x30, 0x82, 0x01, 0x22, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D][..],
        &[0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0F, 0x00, 0x30, 0x82, 0x01, 0x0A, 0x02, 0x82],
        &[0x01, 0x01, 0x00],
        &modulus,
        &[0x02, 0x03, 0x01, 0x00, 0x01],
    ]
    .concat();
    let key = URL_SAFE_NO_PAD.encode(sha256(&spki));
    let text = format!("{}presence-key: {key}\n", statement("Musubi user authentication 1"));
    assert_eq!(answer["signature"], signature_by(&CERTIFIED_KEY, &text));
    let expected = json!({
        "key_record": STANDARD.encode(key_record()),
        "card_certificate": STANDARD.encode(card_certificate()),
        "signature": signature_by(&FREE_KEY, &text),
    });
    assert_eq!(answer["presence"], expected);
}

#[tokio::test]
async fn a_wrong_pin_costs_one_try_of_that_pin_and_says_which() {
    let reader = TestReader::with(Kind::Adult);
    let (status, problem) = reader.answer(with_pin(authenticate(), "0000")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(
        (&problem["code"], &problem["pin"], &problem["tries_left"]),
        (&json!("pin.wrong"), &json!("authentication"), &json!(2))
    );
    let wrong = changed(with_pin(enrol(), PIN), "text_pin", json!("0000"));
    let (_, problem) = reader.answer(wrong).await;
    assert_eq!((&problem["code"], &problem["pin"]), (&json!("pin.wrong"), &json!("text_attributes")));
    assert_eq!(reader.tries(), [2, 5, 2]);
    let (status, _) = reader.answer(with_pin(authenticate(), PIN)).await;
    assert_eq!((status, reader.tries()), (StatusCode::OK, [3, 5, 2]));
}

#[tokio::test]
async fn the_last_try_is_spent_only_on_an_explicit_word() {
    let reader = TestReader::with(Kind::Adult);
    for left in [2, 1] {
        let (_, problem) = reader.answer(with_pin(authenticate(), "0000")).await;
        assert_eq!(problem["tries_left"], left);
    }
    for pin in ["0000", PIN] {
        let (status, problem) = reader.answer(with_pin(authenticate(), pin)).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("pin.last_try")));
        assert_eq!(problem["pin"], "authentication");
    }
    assert_eq!(reader.tries()[0], 1, "nothing was sent to the card");
    let (_, state) = reader.state(authenticate()).await;
    assert_eq!(state["overview"]["authentication_tries"], 1);
    let spend = |pin| changed(with_pin(authenticate(), pin), "last_try", json!(true));
    for pin in ["0000", PIN] {
        let (_, problem) = reader.answer(spend(pin)).await;
        assert_eq!((&problem["code"], &problem["pin"]), (&json!("pin.blocked"), &json!("authentication")));
        assert_eq!(reader.tries()[0], 0);
    }
    let (_, problem) = reader.answer(spend(PIN)).await;
    assert!(problem["detail"]["ja"]["next"].as_str().unwrap().contains("窓口"));
}

#[tokio::test]
async fn secrets_that_are_missing_not_asked_for_or_of_another_form_touch_no_card() {
    let reader = TestReader::with(Kind::Adult);
    let document = format!("origin: {BANK}\n");
    let text_pin = |body, pin: &str| changed(body, "text_pin", json!(pin));
    let bodies = [
        asked(authenticate()),
        with_pin(authenticate(), "123"),
        with_pin(authenticate(), "12345"),
        with_pin(authenticate(), "１２３４"),
        with_pin(authenticate(), PASSWORD),
        with_pin(sign(&document), PIN),
        with_pin(sign(&document), "abc123"),
        with_pin(presence(), PIN),
        text_pin(asked(presence()), TEXT_PIN),
        text_pin(with_pin(authenticate(), PIN), TEXT_PIN),
        text_pin(with_pin(sign(&document), PASSWORD), TEXT_PIN),
        text_pin(with_pin(read(), TEXT_PIN), TEXT_PIN),
        with_pin(enrol(), PIN),
        text_pin(asked(enrol()), TEXT_PIN),
        text_pin(with_pin(enrol(), PIN), "12345"),
    ];
    for body in bodies {
        let (status, problem) = reader.answer(body.clone()).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::BAD_REQUEST, &json!("request.malformed")),
            "{body}"
        );
    }
    assert_eq!(reader.touched(), 0);
}

#[tokio::test]
async fn malformed_requests_and_documents_for_another_site_touch_no_card() {
    let reader = TestReader::with(Kind::Adult);
    let right = with_pin(authenticate(), PIN);
    let set = |pointer: &str, value: &str| {
        let mut body = right.clone();
        *body.pointer_mut(pointer).unwrap() = json!(value);
        body
    };
    let relayed = sign(&format!("origin: {BANK}\n"));
    let relayed = json!({ "origin": "http://phish.localhost:8080", "request": relayed, "pin": PASSWORD });
    let bodies = [
        (set("/origin", "null"), 400, "request.malformed"),
        (set("/origin", "http://bank.localhost:8080/"), 400, "request.malformed"),
        (set("/origin", "http://bank.localhost:8080\nnonce: x"), 400, "request.malformed"),
        (set("/request/nonce", "short"), 400, "request.malformed"),
        (set("/request/purpose", "sign_in\nnonce: x"), 400, "request.malformed"),
        (set("/request/operation", "erase"), 400, "request.malformed"),
        (set("/request/version", "1"), 400, "request.malformed"),
        (changed(right.clone(), "document", json!("x")), 400, "request.malformed"),
        (with_pin(changed(presence(), "enrol_presence", json!(true)), PIN), 400, "request.malformed"),
        (with_pin(sign(&"あ".repeat(11_000)), PASSWORD), 400, "request.malformed"),
        (with_pin(sign(&"x".repeat(100_000)), PASSWORD), 413, "request.too_large"),
        (json!([right]), 400, "request.malformed"),
        (relayed, 403, "card.origin_mismatch"),
    ];
    for (body, status, code) in bodies {
        for path in ["/window/answer", "/window/state"] {
            let mut body = body.clone();
            if path == "/window/state" {
                // The state takes no PIN: one that comes along is refused like any unknown member.
                body.as_object_mut().map(|object| object.remove("pin"));
            }
            let (told, problem) = reader.post(path, body.clone()).await;
            assert_eq!((told.as_u16(), &problem["code"]), (status, &json!(code)), "{path} {body}");
        }
    }
    let (status, _) = reader.post("/window/state", right).await;
    assert_eq!((status, reader.touched()), (StatusCode::BAD_REQUEST, 0));
}

#[tokio::test]
async fn a_relayed_sign_in_names_the_site_that_asked() {
    let reader = TestReader::with(Kind::Adult);
    let phish = "http://phish.localhost:8080";
    let body = json!({ "origin": phish, "request": authenticate(), "pin": PIN });
    let (_, answer) = reader.answer(body).await;
    let text = statement("Musubi user authentication 1").replace(BANK, phish);
    assert_eq!(
        (&answer["origin"], &answer["signature"]),
        (&json!(phish), &json!(signature_by(&CERTIFIED_KEY, &text)))
    );
}

#[tokio::test]
async fn an_unpaired_browser_and_an_unapproved_site_touch_no_card() {
    for (permission, name) in
        [(Permission::PairingNeeded, "pairing_needed"), (Permission::ApprovalNeeded, "approval_needed")]
    {
        let reader = TestReader::with(Kind::Adult).permitting(permission);
        let (status, state) = reader.state(authenticate()).await;
        assert_eq!(
            (status, state),
            (StatusCode::OK, json!({ "permission": name })),
            "and nothing else is told"
        );
        for body in [with_pin(authenticate(), PIN), asked(presence())] {
            let (status, problem) = reader.answer(body).await;
            assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!(format!("window.{name}"))));
        }
        assert_eq!(reader.touched(), 0);
    }
}

#[tokio::test]
async fn a_site_asks_once_the_holder_has_approved_it_and_no_other_site_does() {
    let reader = TestReader::with(Kind::Adult).permitting(Permission::ApprovalNeeded);
    for origin in ["null", "http://bank.localhost:8080/x", ""] {
        let (status, _) = reader.post("/window/approve", json!({ "origin": origin })).await;
        assert_eq!((status, reader.approved().len()), (StatusCode::BAD_REQUEST, 0), "{origin}");
    }
    let (status, answer) = reader.post("/window/approve", json!({ "origin": BANK })).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({ "permission": "granted" })));
    assert_eq!(reader.answer(with_pin(authenticate(), PIN)).await.0, StatusCode::OK);
    let other = json!({ "origin": "http://phish.localhost:8080", "request": authenticate(), "pin": PIN });
    assert_eq!(reader.answer(other).await.1["code"], "window.approval_needed");
    assert_eq!(reader.touched(), 1);
}

#[tokio::test]
async fn an_unpaired_browser_approves_nothing() {
    let reader = TestReader::with(Kind::Adult).permitting(Permission::PairingNeeded);
    let (_, answer) = reader.post("/window/approve", json!({ "origin": BANK })).await;
    assert_eq!((answer, reader.approved()), (json!({ "permission": "pairing_needed" }), vec![]));
}

#[tokio::test]
async fn problems_never_repeat_a_pin() {
    let reader = TestReader::with(Kind::Adult);
    for pin in ["7391", "73911", "CANARY7391"] {
        for request in [authenticate(), read(), enrol(), presence(), sign(&format!("origin: {BANK}\n"))] {
            let body = changed(with_pin(request, pin), "text_pin", Value::Null);
            assert!(!reader.answer(body).await.1.to_string().contains("7391"));
        }
    }
}

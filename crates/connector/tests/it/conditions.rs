//! What can be the matter at the reader: the window's state and the refusal of a request say the same.

use axum::http::StatusCode;
use musubi_card::client::CardError;
use musubi_card::status::StatusWord;
use musubi_card::transport::TransportError;
use serde_json::{Value, json};

use crate::reader::*;

#[tokio::test]
async fn each_condition_has_its_name_its_code_and_a_next_step() {
    let unexpected = CardError::Unexpected { command: "SELECT", status: StatusWord::SELF_DIAGNOSIS };
    let cases: [(CardError, &str, &str, u16); 10] = [
        (TransportError::NoService.into(), "no_service", "card.no_service", 409),
        (TransportError::NoReader.into(), "no_reader", "card.no_reader", 409),
        (TransportError::NoCard.into(), "no_card", "card.none", 409),
        (TransportError::Removed.into(), "card_removed", "card.removed", 409),
        (TransportError::InUse.into(), "in_use", "card.in_use", 409),
        (TransportError::Unresponsive.into(), "unresponsive", "card.unresponsive", 409),
        (CardError::NotMyNumberCard, "not_my_number_card", "card.wrong", 409),
        (CardError::ApplicationAbsent, "application_absent", "card.application_absent", 409),
        (TransportError::Failed("reader".into()).into(), "failed", "internal", 500),
        (unexpected, "failed", "internal", 500),
    ];
    for (error, condition, code, status) in cases {
        let reader = TestReader::with_trouble(error);
        let (told, state) = reader.state(authenticate()).await;
        assert_eq!(told, StatusCode::OK);
        let expected = json!({ "permission": "granted", "condition": condition, "holder": null, "overview": null, "validity": null });
        assert_eq!(state, expected);
        let (told, problem) = reader.answer(with_pin(authenticate(), PIN)).await;
        assert_eq!((told.as_u16(), &problem["code"]), (status, &json!(code)));
        for lang in ["ja", "en"] {
            assert!(!problem["detail"][lang]["next"].as_str().unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn a_ready_card_shows_its_certificates_and_tries_before_anything_costs_one() {
    let reader = TestReader::with(Kind::Adult);
    let overview = |state: &Value| state["overview"].clone();
    let (_, state) = reader.state(authenticate()).await;
    assert_eq!(state["condition"], "ready");
    let expected = json!({ "has_authentication": true, "has_signature": true, "authentication_tries": 3,
        "signature_tries": 5, "text_tries": null });
    assert_eq!(overview(&state), expected);
    for request in [enrol(), read(), presence()] {
        let (_, state) = reader.state(request).await;
        assert_eq!(overview(&state)["text_tries"], 3);
    }
    assert_eq!(reader.tries(), [3, 5, 3]);
}

#[tokio::test]
async fn under_15_there_is_no_certificate_for_signatures_and_no_try_is_lost_to_that() {
    let reader = TestReader::with(Kind::Child);
    let (_, state) = reader.state(authenticate()).await;
    assert_eq!(state["overview"]["has_signature"], false);
    let (status, problem) = reader.answer(with_pin(sign(&format!("origin: {BANK}\n")), "WRONG1")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("card.certificate_absent")));
    assert_eq!(problem["certificate"], "signature");
    assert_eq!(reader.tries(), [3, 5, 3]);
    assert_eq!(reader.answer(with_pin(authenticate(), PIN)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_phone_signs_in_but_neither_proves_presence_nor_enrols_nor_reads_attributes() {
    let reader = TestReader::with(Kind::Phone);
    assert_eq!(reader.answer(with_pin(authenticate(), PIN)).await.0, StatusCode::OK);
    for request in [presence(), enrol(), read()] {
        let (_, state) = reader.state(request).await;
        assert_eq!(state["condition"], "application_absent");
    }
    let enrolment = changed(with_pin(enrol(), "0000"), "text_pin", json!("0000"));
    for body in [asked(presence()), enrolment, with_pin(read(), "0000")] {
        let (_, problem) = reader.answer(body).await;
        assert_eq!(problem["code"], "card.application_absent");
    }
    assert_eq!(reader.tries(), [3, 5, 3]);
}

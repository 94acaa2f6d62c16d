//! Entitlement check (資格確認) as it should go.

use axum::http::Method;
use serde_json::{Value, json};

use super::fixture::{BANK, Fixture, fixtures};
use super::flows::{PASSED, check_completion};

const MISAKI: &str = "aoki-misaki";

#[tokio::test]
async fn a_linked_person_is_translated_into_the_relying_partys_own_customer_id() {
    for fx in fixtures().await {
        let subject = fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        fx.link(&fx.clinic, "patient-7", MISAKI, &[]).await;
        let body = json!({ "purpose": "sign_in" });
        let started = fx.post_again(&fx.bank, "/v1/entitlement-checks", "start", &body).await.expect(201);
        let nonce = started.str("nonce");
        assert_eq!(nonce.len(), 43);
        assert_eq!(started.str("expires_at"), fx.now().plus(900).rfc3339());
        assert_eq!(
            started.body["card_request"],
            json!({
                "version": 1, "operation": "authenticate", "nonce": nonce, "purpose": "sign_in",
                "relying_party": { "id": fx.bank.id, "name": { "ja": "みほん銀行", "en": "Mihon Bank" } },
            })
        );
        let again = fx.post_again(&fx.bank, "/v1/entitlement-checks", "start", &body).await.expect(201);
        assert_eq!((again.header("idempotency-replayed"), again.str("nonce")), ("true", nonce));

        let check = super::flows::Check { id: started.str("id").into(), nonce: nonce.into() };
        let signed = fx.answer_check(&fx.bank, &check, MISAKI, BANK).await;
        let path = format!("/v1/entitlement-checks/{}", check.id);
        let (completed, body) = (format!("{path}/completion"), check_completion(&signed, BANK));
        let answer = fx.post_again(&fx.bank, &completed, "complete", &body).await.expect(200);
        assert_eq!((answer.str("state"), answer.verdict()), ("accepted", PASSED));
        assert_eq!((answer.str("customer_id"), answer.str("subject")), ("c-1", subject.as_str()));
        assert_eq!(answer.check("origin.binding"), "passed");

        let again = fx.post_again(&fx.bank, &completed, "complete", &body).await.expect(200);
        assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &answer.body));
        assert_eq!(fx.get(&fx.bank, &path).await.expect(200).body, answer.body);
        assert_eq!(fx.sign_in(&fx.clinic, MISAKI).await.str("customer_id"), "patient-7");
    }
}

#[tokio::test]
async fn a_person_without_a_link_has_a_subject_but_no_customer_id() {
    for fx in fixtures().await {
        fx.link(&fx.clinic, "patient-7", MISAKI, &[]).await;
        let answer = fx.sign_in(&fx.bank, MISAKI).await.expect(200);
        assert_eq!((answer.str("state"), answer.verdict()), ("accepted", PASSED));
        assert_eq!(answer.body["customer_id"], Value::Null);
        // The authentication certificate tells who it is; the signing certificate, later, that it is the same one.
        assert_eq!(fx.link(&fx.bank, "c-1", MISAKI, &[]).await, answer.str("subject"));
        assert_eq!(fx.sign_in(&fx.bank, MISAKI).await.str("customer_id"), "c-1");
    }
}

#[tokio::test]
async fn a_child_without_a_signing_certificate_can_sign_in() {
    let fx = Fixture::on_sqlite().await;
    let answer = fx.sign_in(&fx.bank, "takahashi-hinata").await.expect(200);
    assert_eq!(answer.verdict(), PASSED, "{}", answer.text);
}

#[tokio::test]
async fn a_known_card_passes_while_the_authority_is_unreachable() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        fx.unreachable(true).await;
        let answer = fx.sign_in(&fx.bank, MISAKI).await.expect(200);
        assert_eq!((answer.verdict(), answer.str("customer_id")), (PASSED, "c-1"));
        assert!(fx.platform.verification().take_in().await.is_err());
    }
}

#[tokio::test]
async fn the_purpose_has_bounds() {
    let fx = Fixture::on_sqlite().await;
    let before = fx.counts().await;
    for purpose in ["", "Sign in", "sign-in", &"x".repeat(41), "x\nnonce: y"] {
        let answer = fx.post(&fx.bank, "/v1/entitlement-checks", &json!({ "purpose": purpose })).await;
        assert_eq!(answer.code(), (422, "request.field_invalid"), "{purpose}");
        assert_eq!(answer.str("field"), "purpose");
    }
    let check = fx.start_check(&fx.bank).await;
    let after_start = fx.counts().await;
    assert_ne!(after_start, before);
    let signed = fx.answer_check(&fx.bank, &check, MISAKI, BANK).await;
    let path = format!("/v1/entitlement-checks/{}/completion", check.id);
    for (member, value, field) in [
        ("certificate", "", "certificate"),
        ("certificate", "not base64!", "certificate"),
        ("signature", "", "signature"),
        ("signature", &"A".repeat(1400), "signature"),
        ("origin", "https://bank.example\nnonce: x", "origin"),
    ] {
        let mut body = check_completion(&signed, BANK);
        body[member] = json!(value);
        let answer = fx.post(&fx.bank, &path, &body).await;
        assert_eq!((answer.code(), answer.str("field")), ((422, "request.field_invalid"), field));
    }
    assert_eq!(fx.counts().await, after_start);
    let read =
        fx.call(&Method::GET, &path.replace("/completion", ""), Some(&fx.bank.token()), None, None).await;
    assert_eq!(read.str("state"), "open");
}

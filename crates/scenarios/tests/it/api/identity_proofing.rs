//! Identity proofing (本人確認) as it should go.

use axum::http::Method;
use musubi_nation::{CardOperation, LifeEvent};
use musubi_platform::audit::{verify_consistency, verify_inclusion};
use serde_json::{Value, json};

use super::fixture::{Answer, Api, BANK, Fixture, fixtures};
use super::flows::{PASSED, completion};

const MISAKI: &str = "aoki-misaki";

#[tokio::test]
async fn a_signed_application_is_accepted_and_its_attributes_are_given_once() {
    for fx in fixtures().await {
        let application = fx.application(MISAKI, &[]).await;
        let body = Fixture::proofing_body(&fx.bank, "c-1", &application);
        let started = fx.post_again(&fx.bank, "/v1/identity-proofings", "start", &body).await.expect(201);
        let document = started.str("to_be_signed");
        assert_eq!(started.str("state"), "open");
        assert_eq!(started.str("expires_at"), fx.now().plus(900).rfc3339());
        assert_eq!(
            started.body["card_request"],
            json!({
                "version": 1, "operation": "sign_document", "document": document, "origin": BANK,
                "relying_party": { "id": fx.bank.id, "name": { "ja": "みほん銀行", "en": "Mihon Bank" } },
            })
        );
        let again = fx.post_again(&fx.bank, "/v1/identity-proofings", "start", &body).await.expect(201);
        assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &started.body));

        let signed = fx.card(MISAKI, CardOperation::Sign, document).await;
        let path = format!("/v1/identity-proofings/{}", started.str("id"));
        let (completed, body) = (format!("{path}/completion"), completion(&application, &signed));
        let answer = fx.post_again(&fx.bank, &completed, "complete", &body).await.expect(200);
        assert_eq!(answer.header("idempotency-replayed"), "");
        assert_eq!((answer.str("state"), answer.verdict()), ("accepted", PASSED));
        assert_all_passed(&answer);
        assert_eq!(answer.body["attributes"], application["attributes"]);
        assert_eq!((answer.str("customer_id"), &answer.body["consent_id"]), ("c-1", &Value::Null));
        assert!(answer.str("subject").starts_with("pw_"));
        assert_eq!(answer.body["verdict"]["freshness"]["age_seconds"], 0);

        let mut kept = answer.body.clone();
        kept["attributes"] = Value::Null;
        let again = fx.post_again(&fx.bank, &completed, "complete", &body).await.expect(200);
        assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &kept));
        assert_eq!(fx.get(&fx.bank, &path).await.expect(200).body, kept);
    }
}

fn assert_all_passed(answer: &Answer) {
    let checks = answer.body["verdict"]["checks"].as_array().unwrap();
    assert!(checks.len() >= 20, "{}", checks.len());
    for check in checks {
        assert_eq!(check["outcome"], "passed", "{check}");
        assert!(check["citation"].as_str().is_some_and(|citation| !citation.is_empty()), "{check}");
    }
}

#[tokio::test]
async fn everyone_with_a_good_signing_certificate_can_prove_their_identity() {
    let fx = Fixture::on_sqlite().await;
    let mut proofed = 0;
    for resident in fx.world.residents().await.unwrap() {
        let good =
            resident.card.signature.as_ref().is_some_and(|c| c.state == musubi_nation::CertState::Good);
        if good && resident.id.as_str() != "kageyama-so" {
            let answer =
                fx.apply(&fx.bank, &format!("c-{proofed}"), resident.id.as_str(), &[]).await.expect(200);
            assert_eq!(answer.verdict(), PASSED, "{}: {}", resident.id, answer.text);
            proofed += 1;
        }
    }
    assert!(proofed >= 12, "{proofed}");
}

#[tokio::test]
async fn the_public_log_proves_that_the_answer_was_recorded_and_nothing_before_it_was_changed() {
    for fx in fixtures().await {
        let earlier = open_get(&fx, "/v1/audit/checkpoint").await;
        let answer = fx.apply(&fx.bank, "c-1", MISAKI, &["address"]).await.expect(200);
        fx.sign_in(&fx.clinic, MISAKI).await.expect(200);
        let later = open_get(&fx, "/v1/audit/checkpoint").await;
        let (old, new) = (earlier["size"].as_u64().unwrap(), later["size"].as_u64().unwrap());
        let index = answer.body["audit"]["index"].as_u64().unwrap();
        assert!(old <= index && index < new);

        let proof = open_get(&fx, &format!("/v1/audit/inclusion?index={index}&size={new}")).await;
        assert_eq!(proof["leaf_hash"], answer.body["audit"]["leaf_hash"]);
        let (leaf, root) = (hash(&proof["leaf_hash"]), hash(&later["root_hash"]));
        let beside = hashes(&proof["hashes"]);
        verify_inclusion(&leaf, index, new, &beside, &root).unwrap();
        assert!(verify_inclusion(&hash(&earlier["root_hash"]), index, new, &beside, &root).is_err());
        assert!(verify_inclusion(&leaf, index - 1, new, &beside, &root).is_err());

        let proof = open_get(&fx, &format!("/v1/audit/consistency?from={old}&to={new}")).await;
        let (old_root, proof) = (hash(&earlier["root_hash"]), hashes(&proof["hashes"]));
        verify_consistency(old, new, &proof, &old_root, &root).unwrap();
        assert!(verify_consistency(old, new, &proof, &leaf, &root).is_err());
    }
}

async fn open_get(api: &Api, path: &str) -> Value {
    api.call(&Method::GET, path, None, None, None).await.expect(200).body
}

fn hash(value: &Value) -> [u8; 32] {
    hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn hashes(value: &Value) -> Vec<[u8; 32]> {
    value.as_array().unwrap().iter().map(hash).collect()
}

#[tokio::test]
async fn two_relying_parties_have_different_subjects_of_the_same_person() {
    for fx in fixtures().await {
        let at_the_bank = fx.link(&fx.bank, "same-id", MISAKI, &[]).await;
        let at_the_clinic = fx.link(&fx.clinic, "same-id", MISAKI, &[]).await;
        let of_another = fx.link(&fx.bank, "c-2", "sato-kenichi", &[]).await;
        assert_ne!(at_the_bank, at_the_clinic);
        assert_ne!(at_the_bank, of_another);
    }
}

#[tokio::test]
async fn subject_and_customer_survive_a_renewal_a_move_and_a_change_of_name() {
    for fx in fixtures().await {
        let subject = fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        fx.advance(60).await;
        fx.live(MISAKI, LifeEvent::Renew).await;
        // Nobody has told the platform: it asks upstream whose successor the new certificate is.
        let answer = fx.sign_in(&fx.bank, MISAKI).await.expect(200);
        assert_eq!((answer.str("customer_id"), answer.str("subject")), ("c-1", subject.as_str()));

        fx.advance(60).await;
        fx.moves(MISAKI).await;
        fx.take_in().await;
        let answer = fx.sign_in(&fx.bank, MISAKI).await.expect(200);
        assert_eq!((answer.str("customer_id"), answer.str("subject")), ("c-1", subject.as_str()));
        assert_eq!(fx.link(&fx.bank, "c-1", MISAKI, &[]).await, subject);

        fx.advance(60).await;
        fx.live(MISAKI, LifeEvent::Rename { name: "結城　美咲".into() }).await;
        fx.live(MISAKI, LifeEvent::Renew).await;
        let answer = fx.sign_in(&fx.bank, MISAKI).await.expect(200);
        assert_eq!((answer.str("customer_id"), answer.str("subject")), ("c-1", subject.as_str()));
        assert_eq!(
            fx.link(&fx.bank, "c-9", MISAKI, &[]).await,
            subject,
            "a later proofing replaces the customer id"
        );
        assert_eq!(fx.sign_in(&fx.bank, MISAKI).await.str("customer_id"), "c-9");
    }
}

#[tokio::test]
async fn a_customer_id_of_another_person_is_refused_and_stays_theirs() {
    for fx in fixtures().await {
        let subject = fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application("sato-kenichi", &[]).await).await;
        let signed = fx.card("sato-kenichi", CardOperation::Sign, &proofing.document).await;
        let before = fx.counts().await;
        let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        assert_eq!(answer.code(), (409, "link.customer_taken"));
        assert_eq!(fx.counts().await, before);
        let owner = fx.sign_in(&fx.bank, MISAKI).await;
        assert_eq!((owner.str("customer_id"), owner.str("subject")), ("c-1", subject.as_str()));
        assert_eq!(fx.sign_in(&fx.bank, "sato-kenichi").await.body["customer_id"], Value::Null);
    }
}

#[tokio::test]
async fn a_field_out_of_bounds_is_named_and_an_origin_must_be_registered() {
    let fx = Fixture::on_sqlite().await;
    let right = Fixture::proofing_body(&fx.bank, "c-1", &fx.application(MISAKI, &["name"]).await);
    let before = fx.counts().await;
    for (pointer, value, field) in [
        ("/customer_id", json!(""), "customer_id"),
        ("/customer_id", json!("顧客一"), "customer_id"),
        ("/purpose", json!("Account Opening"), "purpose"),
        ("/origin", json!("https://bank.example\nnonce: x"), "origin"),
        ("/application/title", json!("x\norigin: https://evil.example"), "application.title"),
        ("/application/statements", json!(vec!["x"; 41]), "application.statements"),
        ("/application/attributes/name", json!(""), "application.attributes.name"),
        ("/application/attributes/address", json!("東".repeat(301)), "application.attributes.address"),
        ("/application/attributes/date_of_birth", json!("1988-7-21"), "application.attributes.date_of_birth"),
        ("/application/attributes/sex", json!("2"), "application.attributes.sex"),
        (
            "/application/latest_attributes_consent/items",
            json!(["my_number"]),
            "application.latest_attributes_consent.items",
        ),
    ] {
        let mut body = right.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        let answer = fx.post(&fx.bank, "/v1/identity-proofings", &body).await;
        assert_eq!(answer.code(), (422, "request.field_invalid"), "{field}: {}", answer.text);
        assert_eq!(answer.str("field"), field);
    }
    let mut body = right.clone();
    body["origin"] = json!(super::fixture::PHISH);
    let answer = fx.post(&fx.bank, "/v1/identity-proofings", &body).await;
    assert_eq!(answer.code(), (422, "origin.not_registered"));
    assert_eq!(fx.counts().await, before);
}

#[tokio::test]
async fn the_same_goes_over_a_real_connection() {
    let fx = Fixture::on_sqlite().await;
    let http = musubi_httpkit::client::http_client(std::time::Duration::from_secs(5));
    let api = format!("http://api.localhost:{}", fx.port);
    let token = http
        .post(format!("{api}/v1/token"))
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &fx.assertion(&fx.bank)),
        ])
        .send()
        .await
        .unwrap();
    let token: Value = token.error_for_status().unwrap().json().await.unwrap();
    let post = async |path: &str, key: &str, body: Value| -> Value {
        let request = http.post(format!("{api}{path}")).bearer_auth(token["access_token"].as_str().unwrap());
        let answer = request.header("idempotency-key", key).json(&body).send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        answer.error_for_status().unwrap().json().await.unwrap()
    };
    let application = fx.application(MISAKI, &["name", "address"]).await;
    let body = Fixture::proofing_body(&fx.bank, "c-1", &application);
    let started = post("/v1/identity-proofings", "a", body).await;
    let signed = fx.card(MISAKI, CardOperation::Sign, started["to_be_signed"].as_str().unwrap()).await;
    let path = format!("/v1/identity-proofings/{}/completion", started["id"].as_str().unwrap());
    let answer = post(&path, "b", completion(&application, &signed)).await;
    assert_eq!(answer["state"], "accepted");
    assert!(answer["consent_id"].as_str().unwrap().starts_with("cs_"));
    assert_eq!(answer["attributes"], application["attributes"]);
}

//! Identity proofings that must not pass: each with its indication, sub-indication and reason, and with the proof that
//! nothing happened but the record of the refusal.

use musubi_nation::CardOperation::{Authenticate, Sign};
use musubi_nation::LifeEvent;
use serde_json::{Value, json};

use super::fixture::{DAY, Fixture, fixtures};
use super::flows::{PASSED, completion};

const MISAKI: &str = "aoki-misaki";

/// A resident signs what they were shown, and is refused.
async fn refused(resident: &str, verdict: [&str; 3], failed: &str) {
    for fx in fixtures().await {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(resident, &["name"]).await).await;
        let signed = fx.card(resident, Sign, &proofing.document).await;
        let before = fx.before_proofing(&fx.bank, &proofing).await;
        let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        fx.assert_refused(&before, &answer, verdict).await;
        assert_eq!(answer.check(failed), "failed");
        let unknown = fx.post(&fx.bank, "/v1/change-checks", &json!({ "customer_id": "c-1" })).await;
        assert_eq!(unknown.code(), (404, "link.unknown"));
        assert_eq!(fx.events(&fx.bank).await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn an_application_that_was_changed_after_it_was_shown_is_a_hash_failure() {
    for fx in fixtures().await {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document).await;
        let mut changed = proofing.application.clone();
        changed["statements"][0] = json!("口座の種類: 当座預金");
        let before = fx.before_proofing(&fx.bank, &proofing).await;
        let answer = fx.complete_proofing(&fx.bank, &proofing, &changed, &signed).await;
        fx.assert_refused(&before, &answer, ["TOTAL-FAILED", "HASH_FAILURE", "signature.tampered"]).await;
        assert_eq!(answer.check("document.digest"), "failed");
    }
}

#[tokio::test]
async fn a_consent_that_was_added_after_it_was_shown_is_a_hash_failure() {
    for fx in fixtures().await {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document).await;
        let mut changed = proofing.application.clone();
        changed["latest_attributes_consent"] = json!({ "items": ["address"] });
        let before = fx.before_proofing(&fx.bank, &proofing).await;
        let answer = fx.complete_proofing(&fx.bank, &proofing, &changed, &signed).await;
        fx.assert_refused(&before, &answer, ["TOTAL-FAILED", "HASH_FAILURE", "signature.tampered"]).await;
    }
}

#[tokio::test]
async fn a_signature_over_another_document_is_a_crypto_failure() {
    for fx in fixtures().await {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document.replace("普通預金", "当座預金")).await;
        let before = fx.before_proofing(&fx.bank, &proofing).await;
        let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        fx.assert_refused(&before, &answer, ["TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "signature.tampered"])
            .await;
        assert_eq!((answer.check("document.digest"), answer.check("signature.value")), ("passed", "failed"));
    }
}

#[tokio::test]
async fn a_captured_signature_is_worthless_for_another_transaction() {
    for fx in fixtures().await {
        let application = fx.application(MISAKI, &[]).await;
        let first = fx.start_proofing(&fx.bank, "c-1", application.clone()).await;
        let signed = fx.card(MISAKI, Sign, &first.document).await;
        let second = fx.start_proofing(&fx.bank, "c-1", application.clone()).await;
        let before = fx.before_proofing(&fx.bank, &second).await;
        let answer = fx.complete_proofing(&fx.bank, &second, &application, &signed).await;
        fx.assert_refused(&before, &answer, ["TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "signature.tampered"])
            .await;
        let own = fx.complete_proofing(&fx.bank, &first, &application, &signed).await;
        assert_eq!(own.verdict(), PASSED);
    }
}

/// One attribute in the application is another than in the certificate; the resident signs it all the same.
async fn mismatch(attribute: &str, value: &str) {
    for fx in fixtures().await {
        let mut application = fx.application(MISAKI, &[]).await;
        application["attributes"][attribute] = json!(value);
        let proofing = fx.start_proofing(&fx.bank, "c-1", application.clone()).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document).await;
        let before = fx.before_proofing(&fx.bank, &proofing).await;
        let answer = fx.complete_proofing(&fx.bank, &proofing, &application, &signed).await;
        let verdict = ["INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", "attributes.mismatch"];
        fx.assert_refused(&before, &answer, verdict).await;
        let checks = answer.body["verdict"]["checks"].as_array().unwrap();
        let evidence = &checks.iter().find(|check| check["id"] == "attributes.match").unwrap()["evidence"];
        for (item, said) in evidence.as_object().unwrap() {
            assert_eq!(said, if item == attribute { "mismatch" } else { "match" }, "{evidence}");
        }
        assert!(
            !answer.text.contains("青木") && !answer.text.contains("松山"),
            "says which, not what: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn another_name_does_not_match() {
    mismatch("name", "青木　美幸").await;
}

#[tokio::test]
async fn another_address_does_not_match() {
    mismatch("address", "東京都清瀬市松山１－２－４").await;
}

#[tokio::test]
async fn another_date_of_birth_does_not_match() {
    mismatch("date_of_birth", "1988-07-22").await;
}

#[tokio::test]
async fn another_sex_does_not_match() {
    mismatch("sex", "male").await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let verdict = ["TOTAL-FAILED", "EXPIRED", "certificate.expired"];
    refused("furukawa-akira", verdict, "certificate.validity").await;
}

#[tokio::test]
async fn a_certificate_revoked_for_a_stolen_key_is_refused() {
    let verdict = ["TOTAL-FAILED", "REVOKED", "certificate.revoked"];
    refused("morita-tsuyoshi", verdict, "revocation.status").await;
}

#[tokio::test]
async fn a_certificate_on_hold_is_refused() {
    refused("okamoto-megumi", ["TOTAL-FAILED", "REVOKED", "certificate.held"], "revocation.status").await;
}

#[tokio::test]
async fn the_card_of_a_person_who_died_is_refused() {
    let verdict = ["TOTAL-FAILED", "REVOKED", "certificate.revoked"];
    refused("nishimura-tadashi", verdict, "revocation.status").await;
}

#[tokio::test]
async fn a_counterfeit_card_with_copied_names_key_identifiers_and_serials_is_refused() {
    let verdict = ["INDETERMINATE", "CERTIFICATE_CHAIN_GENERAL_FAILURE", "certificate.other_authority"];
    refused("kageyama-so", verdict, "chain.signature").await;
}

#[tokio::test]
async fn a_counterfeit_card_does_not_become_the_person_whose_serial_it_copies() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", "sato-kenichi", &[]).await;
        let mut application = fx.application("sato-kenichi", &[]).await;
        application["title"] = json!("振込限度額の変更");
        let proofing = fx.start_proofing(&fx.bank, "c-1", application.clone()).await;
        let signed = fx.card("kageyama-so", Sign, &proofing.document).await;
        let before = fx.before_proofing(&fx.bank, &proofing).await;
        let answer = fx.complete_proofing(&fx.bank, &proofing, &application, &signed).await;
        let verdict = ["INDETERMINATE", "CERTIFICATE_CHAIN_GENERAL_FAILURE", "certificate.other_authority"];
        fx.assert_refused(&before, &answer, verdict).await;
        let record = fx.audited().await.pop().unwrap();
        assert_eq!(record.person, None, "a forged serial must not write into another person's history");
    }
}

#[tokio::test]
async fn the_user_authentication_certificate_does_not_sign_applications() {
    for fx in fixtures().await {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
        let signed = fx.card(MISAKI, Authenticate, &proofing.document).await;
        let before = fx.before_proofing(&fx.bank, &proofing).await;
        let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        let verdict = ["INDETERMINATE", "CHAIN_CONSTRAINTS_FAILURE", "certificate.wrong_kind"];
        fx.assert_refused(&before, &answer, verdict).await;
        assert_eq!(answer.check("certificate.kind"), "failed");
    }
}

#[tokio::test]
async fn bytes_that_are_no_certificate_are_refused() {
    for fx in fixtures().await {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
        let mut signed = fx.card(MISAKI, Sign, &proofing.document).await;
        signed.certificate = signed.certificate.split_off(400);
        let before = fx.before_proofing(&fx.bank, &proofing).await;
        let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        fx.assert_refused(&before, &answer, ["TOTAL-FAILED", "FORMAT_FAILURE", "certificate.malformed"])
            .await;
    }
}

#[tokio::test]
async fn a_certificate_revoked_between_start_and_completion_is_refused_as_soon_as_the_list_says_so() {
    for fx in fixtures().await {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document).await;
        fx.advance(60).await;
        fx.live(MISAKI, LifeEvent::ReportTheft).await;
        assert_eq!(fx.take_in().await, 4);
        let before = fx.before_proofing(&fx.bank, &proofing).await;
        let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        // The signature may be older than the revocation: not certainly bad, and not good.
        fx.assert_refused(&before, &answer, ["INDETERMINATE", "REVOKED_NO_POE", "certificate.revoked"]).await;
    }
}

#[tokio::test]
async fn while_the_authority_is_unreachable_it_stays_open_and_the_same_signature_passes_afterwards() {
    for fx in fixtures().await {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &["address"]).await).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document).await;
        let (path, body) = (
            format!("/v1/identity-proofings/{}/completion", proofing.id),
            completion(&proofing.application, &signed),
        );
        fx.unreachable(true).await;
        let before = fx.before_proofing(&fx.bank, &proofing).await;
        let answer = fx.post_again(&fx.bank, &path, "one", &body).await;
        fx.assert_try_later(&before, &answer, "upstream.unreachable").await;
        assert_eq!(answer.check("upstream.correspondence"), "inconclusive");

        fx.unreachable(false).await;
        let again = fx.post_again(&fx.bank, &path, "one", &body).await;
        assert_eq!((again.header("idempotency-replayed"), again.str("state")), ("true", "open"));
        let answer = fx.post_again(&fx.bank, &path, "two", &body).await.expect(200);
        assert_eq!((answer.verdict(), answer.str("state")), (PASSED, "accepted"));
        assert!(answer.body["consent_id"].is_string());
    }
}

#[tokio::test]
async fn with_a_revocation_list_that_is_too_old_it_stays_open_and_the_same_signature_passes_with_a_new_one() {
    for fx in fixtures().await {
        fx.publication_stopped(true).await;
        fx.advance(3 * DAY).await;
        assert_eq!(fx.take_in().await, 0);
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document).await;
        let before = fx.before_proofing(&fx.bank, &proofing).await;
        let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        fx.assert_try_later(&before, &answer, "revocation_list.too_old").await;
        assert_eq!(answer.check("revocation.freshness"), "inconclusive");
        assert_eq!(answer.body["verdict"]["freshness"]["age_seconds"], 3 * DAY);

        fx.publication_stopped(false).await;
        assert_eq!(fx.take_in().await, 4);
        let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        assert_eq!((answer.verdict(), answer.str("state")), (PASSED, "accepted"));
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_even_if_the_list_is_too_old() {
    for fx in fixtures().await {
        fx.publication_stopped(true).await;
        fx.advance(3 * DAY).await;
        let application = fx.application("morita-tsuyoshi", &[]).await;
        let proofing = fx.start_proofing(&fx.bank, "c-1", application).await;
        let signed = fx.card("morita-tsuyoshi", Sign, &proofing.document).await;
        let before = fx.before_proofing(&fx.bank, &proofing).await;
        let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        fx.assert_refused(&before, &answer, ["TOTAL-FAILED", "REVOKED", "certificate.revoked"]).await;
    }
}

#[tokio::test]
async fn a_platform_that_never_saw_a_list_says_that_it_cannot_tell() {
    let folder = tempfile::TempDir::new().unwrap();
    let db = musubi_store::Db::open_sqlite(&folder.path().join("platform.sqlite")).await.unwrap();
    let fx = Fixture::around("SQLite", db, folder, |real| std::sync::Arc::new(real)).await;
    let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
    let signed = fx.card(MISAKI, Sign, &proofing.document).await;
    let before = fx.before_proofing(&fx.bank, &proofing).await;
    let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
    fx.assert_try_later(&before, &answer, "upstream.unreachable").await;
    assert_eq!(answer.body["verdict"]["freshness"], Value::Null);
    fx.take_in().await;
    let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
    assert_eq!(answer.verdict(), PASSED);
}

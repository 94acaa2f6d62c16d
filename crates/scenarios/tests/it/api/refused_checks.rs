//! Entitlement checks that must not pass: each with its indication, sub-indication and reason, and with the proof that
//! nothing happened but the record of the refusal.

use musubi_nation::CardOperation::{Authenticate, Sign};
use musubi_nation::LifeEvent;
use musubi_verification::entitlement_check::to_be_signed;

use super::fixture::{BANK, CLINIC, DAY, PHISH, fixtures};
use super::flows::PASSED;

const MISAKI: &str = "aoki-misaki";

/// A resident signs in and is refused.
async fn refused(resident: &str, verdict: [&str; 3], failed: &str) {
    for fx in fixtures().await {
        let check = fx.start_check(&fx.bank).await;
        let signed = fx.answer_check(&fx.bank, &check, resident, BANK).await;
        let before = fx.before_check(&fx.bank, &check).await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        fx.assert_refused(&before, &answer, verdict).await;
        assert_eq!(answer.check(failed), "failed");
    }
}

/// The card of a linked person signs `origin` and more; the relying party hands in `claimed`.
async fn relayed(signed_for: &str, claimed: &str, verdict: [&str; 3], failed: &str) {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        let check = fx.start_check(&fx.bank).await;
        let signed = fx.answer_check(&fx.bank, &check, MISAKI, signed_for).await;
        let before = fx.before_check(&fx.bank, &check).await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, claimed).await;
        fx.assert_refused(&before, &answer, verdict).await;
        assert_eq!(answer.check(failed), "failed");
        assert!(answer.body["customer_id"].is_null());
    }
}

#[tokio::test]
async fn a_signature_for_a_fraudulent_site_names_that_site_and_is_refused() {
    let verdict = ["INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", "origin.wrong"];
    relayed(PHISH, PHISH, verdict, "origin.binding").await;
}

#[tokio::test]
async fn a_signature_for_a_fraudulent_site_that_is_said_to_be_for_the_bank_does_not_verify() {
    relayed(PHISH, BANK, ["TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "signature.tampered"], "signature.value")
        .await;
}

#[tokio::test]
async fn a_signature_for_another_relying_partys_site_is_refused() {
    let verdict = ["INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", "origin.wrong"];
    relayed(CLINIC, CLINIC, verdict, "origin.binding").await;
}

#[tokio::test]
async fn what_looks_like_the_origin_is_not_the_origin() {
    let verdict = ["INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", "origin.wrong"];
    relayed("https://bank.example/", "https://bank.example/", verdict, "origin.binding").await;
}

/// One value in the signed text is not that of the transaction.
async fn signed_otherwise(change: fn(&str) -> String) {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        let check = fx.start_check(&fx.bank).await;
        let text = to_be_signed(BANK, fx.bank.id.as_str(), "sign_in", &check.nonce);
        assert_ne!(change(&text), text);
        let signed = fx.card(MISAKI, Authenticate, &change(&text)).await;
        let before = fx.before_check(&fx.bank, &check).await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        let verdict = ["TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "signature.tampered"];
        fx.assert_refused(&before, &answer, verdict).await;
    }
}

#[tokio::test]
async fn a_signature_for_another_purpose_does_not_verify() {
    signed_otherwise(|text| text.replace("purpose: sign_in", "purpose: transfer")).await;
}

#[tokio::test]
async fn a_signature_for_another_relying_party_does_not_verify() {
    signed_otherwise(|text| text.replace("relying-party: rp_", "relying-party: rq_")).await;
}

#[tokio::test]
async fn a_captured_answer_is_worthless_for_another_transaction() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        let first = fx.start_check(&fx.bank).await;
        let signed = fx.answer_check(&fx.bank, &first, MISAKI, BANK).await;
        let second = fx.start_check(&fx.bank).await;
        let before = fx.before_check(&fx.bank, &second).await;
        let answer = fx.complete_check(&fx.bank, &second, &signed, BANK).await;
        fx.assert_refused(&before, &answer, ["TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "signature.tampered"])
            .await;
        assert_eq!(fx.complete_check(&fx.bank, &first, &signed, BANK).await.verdict(), PASSED);
    }
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
async fn a_counterfeit_card_does_not_sign_in_as_the_person_whose_serial_it_copies() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", "sato-kenichi", &[]).await;
        let check = fx.start_check(&fx.bank).await;
        let signed = fx.answer_check(&fx.bank, &check, "kageyama-so", BANK).await;
        let before = fx.before_check(&fx.bank, &check).await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        let verdict = ["INDETERMINATE", "CERTIFICATE_CHAIN_GENERAL_FAILURE", "certificate.other_authority"];
        fx.assert_refused(&before, &answer, verdict).await;
        assert_eq!(fx.audited().await.pop().unwrap().person, None);
    }
}

#[tokio::test]
async fn the_signing_certificate_does_not_sign_in() {
    for fx in fixtures().await {
        let check = fx.start_check(&fx.bank).await;
        let text = to_be_signed(BANK, fx.bank.id.as_str(), "sign_in", &check.nonce);
        let signed = fx.card(MISAKI, Sign, &text).await;
        let before = fx.before_check(&fx.bank, &check).await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        let verdict = ["INDETERMINATE", "CHAIN_CONSTRAINTS_FAILURE", "certificate.wrong_kind"];
        fx.assert_refused(&before, &answer, verdict).await;
        assert_eq!(answer.check("certificate.kind"), "failed");
    }
}

#[tokio::test]
async fn the_old_card_of_a_customer_who_renewed_is_refused_and_the_record_is_in_their_history() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        let check = fx.start_check(&fx.bank).await;
        let signed = fx.answer_check(&fx.bank, &check, MISAKI, BANK).await;
        fx.live(MISAKI, LifeEvent::ReportLoss).await;
        fx.take_in().await;
        let before = fx.before_check(&fx.bank, &check).await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        fx.assert_refused(&before, &answer, ["TOTAL-FAILED", "REVOKED", "certificate.held"]).await;
        assert!(fx.audited().await.pop().unwrap().person.is_some());
    }
}

#[tokio::test]
async fn an_unknown_card_waits_while_the_authority_is_unreachable_and_passes_afterwards() {
    for fx in fixtures().await {
        let check = fx.start_check(&fx.bank).await;
        let signed = fx.answer_check(&fx.bank, &check, MISAKI, BANK).await;
        fx.unreachable(true).await;
        let before = fx.before_check(&fx.bank, &check).await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        fx.assert_try_later(&before, &answer, "upstream.unreachable").await;
        fx.unreachable(false).await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        assert_eq!((answer.verdict(), answer.str("state")), (PASSED, "accepted"));
    }
}

#[tokio::test]
async fn with_a_revocation_list_that_is_too_old_it_waits_and_passes_with_a_new_one() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        fx.publication_stopped(true).await;
        fx.advance(3 * DAY).await;
        let check = fx.start_check(&fx.bank).await;
        let signed = fx.answer_check(&fx.bank, &check, MISAKI, BANK).await;
        let before = fx.before_check(&fx.bank, &check).await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        fx.assert_try_later(&before, &answer, "revocation_list.too_old").await;
        assert!(answer.body["customer_id"].is_null());
        fx.publication_stopped(false).await;
        fx.take_in().await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        assert_eq!((answer.verdict(), answer.str("customer_id")), (PASSED, "c-1"));
    }
}

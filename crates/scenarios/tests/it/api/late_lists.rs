//! A revocation list that comes between judging and writing: nobody is linked, or signed in, by a list that is no
//! longer the newest, and no event is missed because a person was linked while a list was being taken in.

use musubi_nation::CardOperation::{Authenticate, Sign};
use musubi_nation::LifeEvent;
use musubi_pki::{AuthorityKind, CertKey};
use musubi_platform::PersonId;
use musubi_platform::relying_party::{self, RelyingParty};
use musubi_verification::linking::{self, Link};
use musubi_verification::outcome::TransactionError;
use musubi_verification::{entitlement_check, identity_proofing};

use super::fixture::{BANK, Client, Fixture, fixtures};

const MISAKI: &str = "aoki-misaki";

async fn registration(fx: &Fixture, client: &Client) -> RelyingParty {
    let mut tx = fx.platform.context().db.begin_read().await.unwrap();
    relying_party::by_id(&mut tx, &client.id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_proofing_is_judged_again_if_a_newer_list_has_come() {
    for fx in fixtures().await {
        let (verification, bank) = (fx.platform.verification(), registration(&fx, &fx.bank).await);
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document).await;
        let completion = identity_proofing::Completion {
            application: serde_json::from_value(proofing.application.clone()).unwrap(),
            certificate: signed.certificate.clone(),
            signature: signed.signature.clone(),
        };
        let id = proofing.id.parse().unwrap();
        let judged = identity_proofing::judge_completion(verification, &bank, &id, &completion, fx.now());
        let judged = judged.await.unwrap();
        fx.live(MISAKI, LifeEvent::ReportTheft).await;
        fx.take_in().await;

        let mut tx = fx.platform.context().db.begin().await.unwrap();
        let outcome = identity_proofing::complete(&mut tx, verification, judged, fx.now()).await;
        assert!(matches!(outcome, Err(TransactionError::Outdated)), "{}", fx.engine);
        drop(tx);
        // Through the API the same signature is judged by the list that has come.
        let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        assert_eq!(answer.verdict(), ["TOTAL-FAILED", "REVOKED", "certificate.revoked"], "{}", answer.text);
        assert_eq!(fx.counts().await["link"], 0);
    }
}

#[tokio::test]
async fn a_sign_in_is_judged_again_if_a_newer_list_has_come() {
    for fx in fixtures().await {
        let (verification, bank) = (fx.platform.verification(), registration(&fx, &fx.bank).await);
        let check = fx.start_check(&fx.bank).await;
        let text = entitlement_check::to_be_signed(BANK, fx.bank.id.as_str(), "sign_in", &check.nonce);
        let signed = fx.card(MISAKI, Authenticate, &text).await;
        let completion = entitlement_check::Completion {
            certificate: signed.certificate.clone(),
            signature: signed.signature.clone(),
            origin: BANK.into(),
            presence: None,
        };
        let id = check.id.parse().unwrap();
        let judged = entitlement_check::judge_completion(verification, &bank, &id, &completion, fx.now());
        let judged = judged.await.unwrap();
        fx.live(MISAKI, LifeEvent::ReportLoss).await;
        fx.take_in().await;

        let mut tx = fx.platform.context().db.begin().await.unwrap();
        let outcome = entitlement_check::complete(&mut tx, verification, judged, fx.now()).await;
        assert!(matches!(outcome, Err(TransactionError::Outdated)), "{}", fx.engine);
        drop(tx);
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        assert_eq!(answer.verdict(), ["TOTAL-FAILED", "REVOKED", "certificate.held"], "{}", answer.text);
    }
}

#[tokio::test]
async fn what_was_left_undone_after_a_list_is_caught_up_once() {
    for fx in fixtures().await {
        let serial = fx.resident(MISAKI).await.card.signature.unwrap().serial;
        fx.moves(MISAKI).await;
        fx.take_in().await;
        // The link was not yet to be seen when the list was taken in, and the process died before its second look.
        let context = fx.platform.context();
        let key = CertKey { authority: AuthorityKind::DigitalSignature, serial: serial.clone() };
        let mut tx = context.db.begin().await.unwrap();
        let person = PersonId::generate(context.random.as_ref());
        linking::remember(&mut tx, &key, &person, fx.now()).await.unwrap();
        let link = Link {
            relying_party: fx.bank.id.clone(),
            person,
            customer_id: "c-1".into(),
            attributes_serial: serial,
        };
        let _ = linking::save_link(&mut tx, &link, fx.now()).await.unwrap();
        tx.commit().await.unwrap();

        assert_eq!(fx.platform.verification().catch_up().await.unwrap(), 1, "{}", fx.engine);
        assert_eq!(fx.platform.verification().catch_up().await.unwrap(), 0, "nothing is told twice");
        let kinds: Vec<_> = fx.events(&fx.bank).await.iter().map(|event| event["kind"].clone()).collect();
        assert_eq!(kinds, ["attributes_changed"]);
    }
}

//! Rare orders of events in which something could be provided unseen, registered for nobody, or refused wrongly.

use std::sync::Arc;

use musubi_crypto::{JwkSet, SystemRandom};
use musubi_kernel::Secret;
use musubi_nation::CardOperation::Sign;
use musubi_nation::LifeEvent;
use musubi_pki::{Policy, TrustAnchors};
use musubi_platform::relying_party::{self, NewRelyingParty};
use musubi_server::{Origins, Parts, Platform};
use musubi_verification::identity_proofing;
use musubi_verification::upstream::HttpUpstream;
use serde_json::json;

use super::fixture::{BANK, CREDENTIAL, Fixture, fixtures};
use super::flows::PASSED;

const MISAKI: &str = "aoki-misaki";
const KENICHI: &str = "sato-kenichi";

async fn provisions(fx: &Fixture) -> usize {
    fx.audited().await.iter().filter(|record| record.kind == "latest_attributes.provided").count()
}

#[tokio::test]
async fn what_a_repeated_request_provides_after_a_further_change_is_recorded_too() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &["address"]).await;
        fx.moves(MISAKI).await;
        fx.take_in().await;
        let ask = async || {
            let body = json!({ "customer_id": "c-1" });
            fx.post_again(&fx.bank, "/v1/latest-attributes", "one", &body).await.expect(200)
        };
        let first = ask().await.body["attributes"]["address"].clone();
        fx.live(MISAKI, LifeEvent::Move { municipality: "13101".into(), address: "丸の内１－１".into() })
            .await;
        let second = ask().await.body["attributes"]["address"].clone();
        assert_ne!(first, second, "{}", fx.engine);
        assert_eq!(provisions(&fx).await, 2, "{}: each provision has its record", fx.engine);
        // The relying party now knows the newest: there is nothing newer.
        assert_eq!(fx.latest(&fx.bank, "c-1").await.code(), (404, "latest_attributes.none_newer"));
    }
}

#[tokio::test]
async fn no_consent_is_registered_for_a_proofing_that_cannot_be_linked() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        let answer = fx.apply(&fx.bank, "c-1", KENICHI, &["address"]).await;
        assert_eq!(answer.code(), (409, "link.customer_taken"), "{}", fx.engine);
        assert_eq!(fx.counts().await["consent"], 0);
        assert_eq!(fx.world.consents().await.unwrap(), 0, "the authority has no consent either");
    }
}

#[tokio::test]
async fn a_consent_whose_proofing_was_not_accepted_is_withdrawn_at_the_authority() {
    for fx in fixtures().await {
        let (verification, now) = (fx.platform.verification(), fx.now());
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &["address"]).await).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document).await;
        let completion = identity_proofing::Completion {
            application: serde_json::from_value(proofing.application.clone()).unwrap(),
            certificate: signed.certificate,
            signature: signed.signature,
        };
        let bank = {
            let mut tx = fx.platform.context().db.begin_read().await.unwrap();
            relying_party::by_id(&mut tx, &fx.bank.id).await.unwrap().unwrap()
        };
        // Judged and registered, and then the process died before it wrote anything.
        let id = proofing.id.parse().unwrap();
        let judged = identity_proofing::judge_completion(verification, &bank, &id, &completion, now).await;
        drop(judged.unwrap());
        assert_eq!(fx.world.consents().await.unwrap(), 1, "{}", fx.engine);
        fx.advance(3600).await;
        fx.unreachable(true).await;
        assert_eq!(identity_proofing::withdraw_orphaned_consents(verification, fx.now()).await.unwrap(), 0);
        fx.unreachable(false).await;
        assert_eq!(identity_proofing::withdraw_orphaned_consents(verification, fx.now()).await.unwrap(), 1);
        assert_eq!(fx.world.consents().await.unwrap(), 0, "{}", fx.engine);
        assert_eq!(identity_proofing::withdraw_orphaned_consents(verification, fx.now()).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_document_that_no_card_window_would_show_is_not_begun() {
    let fx = Fixture::on_sqlite().await;
    let mut application = fx.application(MISAKI, &[]).await;
    application["statements"] = json!(vec!["口".repeat(400); 27]);
    let body = Fixture::proofing_body(&fx.bank, "c-1", &application);
    let answer = fx.post(&fx.bank, "/v1/identity-proofings", &body).await;
    assert_eq!(answer.code(), (422, "request.field_invalid"));
    assert_eq!(answer.str("field"), "application.statements");
    application["statements"] = json!(vec!["口".repeat(400); 25]);
    let body = Fixture::proofing_body(&fx.bank, "c-1", &application);
    fx.post(&fx.bank, "/v1/identity-proofings", &body).await.expect(201);
}

#[tokio::test]
async fn a_relying_party_that_is_renamed_does_not_spoil_open_proofings() {
    for fx in fixtures().await {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document).await;
        let new = NewRelyingParty {
            name_ja: "新しい名前の銀行".into(),
            name_en: "Renamed Bank".into(),
            origins: vec![BANK.into()],
            key_set: JwkSet::parse(&fx.bank.key.jwk_set()).unwrap(),
        };
        let mut tx = fx.platform.context().db.begin().await.unwrap();
        relying_party::register_as(&mut tx, &fx.bank.id, &new, &SystemRandom, fx.now()).await.unwrap();
        tx.commit().await.unwrap();
        let answer = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        assert_eq!(answer.verdict(), PASSED, "{}: {}", fx.engine, answer.text);
    }
}

#[tokio::test]
async fn a_later_proofing_of_the_same_person_says_which_number_it_replaced() {
    for fx in fixtures().await {
        let first = fx.apply(&fx.bank, "c-1", MISAKI, &[]).await.expect(200);
        assert!(first.body["replaced_customer_id"].is_null());
        let second = fx.apply(&fx.bank, "c-2", MISAKI, &[]).await.expect(200);
        assert_eq!(second.str("replaced_customer_id"), "c-1", "{}", fx.engine);
        assert_eq!(fx.sign_in(&fx.bank, MISAKI).await.str("customer_id"), "c-2");
    }
}

#[tokio::test]
async fn a_process_that_does_not_trust_a_generation_goes_on_with_the_lists_of_the_others() {
    for fx in fixtures().await {
        // Another version beside this one, or the next one: it does not know the older generations.
        let mut anchors = fx.world.trust_anchors();
        anchors.reverse();
        let mut known = Vec::new();
        for (kind, der) in anchors {
            if !known.iter().any(|(other, _)| *other == kind) {
                known.push((kind, der));
            }
        }
        let context = fx.platform.context();
        let upstream = HttpUpstream::new(
            format!("http://authority.localhost:{}", fx.port),
            Secret::new(CREDENTIAL.to_owned()),
        );
        let other = Platform::open(Parts {
            db: context.db.clone(),
            clock: context.clock.clone(),
            random: context.random.clone(),
            pairwise_secret: Secret::new(vec![7; 32]),
            signing_key: musubi_crypto::Ed25519Signer::from_seed(&[7; 32]).unwrap(),
            anchors: TrustAnchors::insecure_test_hierarchy(known).unwrap(),
            card_authorities: musubi_verification::presence::CardAuthorities::default(),
            upstream: Arc::new(upstream),
            policy: Policy::default(),
            origins: Origins {
                api: "https://api.example".into(),
                portal: "https://portal.example".into(),
                card: "https://card.example".into(),
            },
            reach: musubi_httpkit::outbound::Reach::LoopbackTooForTests,
            sealed_lists: None,
        })
        .await
        .expect("it starts");
        assert_eq!(other.verification().lists().snapshot().len(), 2, "{}", fx.engine);
        fx.world.publish_lists().await.unwrap();
        // It refuses the lists that it cannot judge, and takes the others in.
        assert!(other.verification().take_in().await.is_err());
        assert!(
            other.verification().lists().snapshot().iter().all(|list| list.number() == 2),
            "{}",
            fx.engine
        );
        fx.take_in().await;
        assert_eq!(fx.platform.verification().lists().snapshot().len(), 4);
    }
}

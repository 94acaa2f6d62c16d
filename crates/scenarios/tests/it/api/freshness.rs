//! Freshness contracts with the nation's own lists and responder. The outage drill, with a scripted authority, is in
//! `crates/verification/tests/it/freshness`.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_platform::change_stream;
use serde_json::{Value, json};

use super::fixture::{Client, DAY, Fixture, fixtures};
use super::flows::PASSED;

const MISAKI: &str = "aoki-misaki";

impl Fixture {
    async fn set_contract(&self, client: &Client, contract: Value) {
        let (key, body) = (self.fresh("contract"), json!({ "contract": contract }));
        self.call(&Method::PUT, "/v1/freshness-contract", Some(&client.token()), Some(&key), Some(&body))
            .await
            .expect(200);
    }

    /// The bodies of a relying party's entries of this type.
    async fn told(&self, client: &Client, event: &str) -> Vec<Value> {
        let mut tx = self.platform.context().db.begin_read().await.unwrap();
        let entries = change_stream::after(&mut tx, &client.id, 0, 500).await.unwrap();
        let body = |token: &str| {
            let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
            let claims: Value = serde_json::from_slice(&claims).unwrap();
            claims["events"].as_object().unwrap().values().next().unwrap().clone()
        };
        entries.iter().filter(|entry| entry.event == event).map(|entry| body(&entry.token)).collect()
    }
}

#[tokio::test]
async fn the_nations_responder_makes_up_for_lists_that_are_three_days_old() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        fx.publication_stopped(true).await;
        fx.advance(3 * DAY).await;
        let contract =
            json!({ "max_age_seconds": 3600, "in_outage": "refuse", "check_by": "list_then_ocsp" });
        fx.set_contract(&fx.bank, contract).await;
        let answer = fx.sign_in(&fx.bank, MISAKI).await.expect(200);
        assert_eq!(answer.verdict(), PASSED, "{}", answer.text);
        let freshness = &answer.body["verdict"]["freshness"];
        assert_eq!((&freshness["method"], &freshness["age_seconds"]), (&json!("ocsp"), &json!(0)));
        let applied = fx.apply(&fx.bank, "c-1", MISAKI, &[]).await.expect(200);
        assert_eq!(applied.verdict(), PASSED, "{}", applied.text);
        // The clinic has no contract: nothing is asked for it, and its transaction stays open.
        assert_eq!(fx.sign_in(&fx.clinic, MISAKI).await.str("state"), "open");
        fx.unreachable(true).await;
        assert_eq!(fx.sign_in(&fx.bank, MISAKI).await.str("state"), "refused");
    }
}

#[tokio::test]
async fn what_was_said_during_an_outage_is_settled_or_corrected_after_it() {
    for fx in fixtures().await {
        for client in [&fx.bank, &fx.clinic] {
            fx.link(client, "c-1", MISAKI, &[]).await;
        }
        let hold = json!({ "max_age_seconds": 3600, "in_outage": "hold", "check_by": "list" });
        fx.set_contract(&fx.bank, hold).await;
        let follow_up = json!({
            "max_age_seconds": 3600, "in_outage": "accept_with_follow_up", "check_by": "list",
            "provisional_max_age_seconds": 7 * DAY,
        });
        fx.set_contract(&fx.clinic, follow_up).await;
        fx.publication_stopped(true).await;
        fx.advance(DAY).await;
        let before = fx.apply(&fx.clinic, "c-1", MISAKI, &[]).await.expect(200);
        assert_eq!((before.str("state"), &before.body["provisional"]), ("provisional", &json!(true)));
        // The authority knows of the move at once; nobody else does. The card in her hand is still the old one.
        let application = fx.application(MISAKI, &[]).await;
        let proofing = fx.start_proofing(&fx.bank, "c-1", application).await;
        let signed = fx.card(MISAKI, musubi_nation::CardOperation::Sign, &proofing.document).await;
        fx.moves(MISAKI).await;
        let held =
            fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await.expect(200);
        assert_eq!(held.str("state"), "held", "{}", held.text);

        fx.publication_stopped(false).await;
        fx.world.publish_lists().await.unwrap();
        fx.advance(60).await;
        fx.take_in().await;
        fx.platform.verification().settle().await.unwrap();
        let settled = fx.told(&fx.bank, "settled").await;
        assert_eq!(settled.len(), 1, "{settled:?}");
        let corrected = fx.told(&fx.clinic, "correction").await;
        assert_eq!(corrected.len(), 1, "{corrected:?}");
        for entry in settled.iter().chain(&corrected) {
            assert_eq!(entry["now"], "revoked", "{entry}");
        }
    }
}

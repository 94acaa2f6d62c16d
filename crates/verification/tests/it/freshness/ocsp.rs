//! OCSP where a contract wants it.

use musubi_pki::RevocationReason;
use musubi_signature::bundle::{Roots, replay};
use musubi_verification::evidence;
use serde_json::{Value, json};

use super::support::responses::Says;
use super::support::{HOUR, anchors};
use super::world::{Client, Responder, World, worlds};

/// Nine hours after the list, at a relying party that asks for an hour.
async fn stale() -> Vec<(World, Client)> {
    let mut all = Vec::new();
    for world in worlds().await {
        let client = world.client().await;
        world.publish(1, &[]);
        assert!(world.round().await);
        world.link(&client, 1, "c-1").await;
        world.advance(9 * HOUR);
        all.push((world, client));
    }
    all
}

fn contract(check_by: &str) -> Value {
    json!({ "max_age_seconds": HOUR, "in_outage": "refuse", "check_by": check_by })
}

#[tokio::test]
async fn a_responder_is_asked_where_the_lists_are_too_old_and_its_answer_can_be_replayed() {
    for (world, client) in stale().await {
        world.set_contract(&client, contract("list_then_ocsp")).await;
        world.script().responder = Responder::Says(Says::Good);
        let answer = world.sign_in(&client, 1).await;
        assert_eq!((answer.str("state"), answer.indication()), ("accepted", "TOTAL-PASSED"));
        let freshness = &answer.body["verdict"]["freshness"];
        assert_eq!((&freshness["method"], &freshness["age_seconds"]), (&json!("ocsp"), &json!(60)));
        assert_eq!(freshness["list_number"], Value::Null);
        let signed = world.apply(&client, 1, "c-1", super::support::authority::HOLDER_NAME).await;
        assert_eq!(signed.body["verdict"]["freshness"]["method"], "ocsp", "{}", signed.body);

        let context = world.context();
        let mut tx = context.db.begin_read().await.unwrap();
        let index = answer.body["audit"]["index"].as_u64().unwrap();
        let bundle = evidence::bundle(&mut tx, context, index).await.unwrap();
        let (anchors, keys) = (anchors(), [context.signing_key.public_key()]);
        let roots = Roots { anchors: &anchors, platform_keys: &keys };
        let replayed = replay(&bundle, &roots).unwrap();
        assert!(replayed.verdict.is_passed());
        assert_eq!(replayed.content.evidence.ocsp.len(), 1);
    }
}

#[tokio::test]
async fn who_is_content_with_lists_asks_no_responder_and_who_wants_ocsp_always_does() {
    for (world, client) in stale().await {
        world.script().responder = Responder::Says(Says::Good);
        world.set_contract(&client, contract("list")).await;
        assert_eq!(world.sign_in(&client, 1).await.str("state"), "refused");
        assert_eq!(world.script().asked_by_ocsp, 0);
        world.publish(2, &[]);
        assert!(world.round().await);
        world.set_contract(&client, contract("list_then_ocsp")).await;
        assert_eq!(world.sign_in(&client, 1).await.body["verdict"]["freshness"]["method"], "list");
        assert_eq!(world.script().asked_by_ocsp, 0, "the list is young enough");
        world.set_contract(&client, contract("ocsp")).await;
        world.advance(120);
        assert_eq!(world.sign_in(&client, 1).await.body["verdict"]["freshness"]["method"], "ocsp");
        world.script().responder = Responder::Silent;
        assert_eq!(world.sign_in(&client, 1).await.body["verdict"]["freshness"]["method"], "list");
    }
}

#[tokio::test]
async fn what_the_responder_does_not_say_falls_back_to_the_rule_of_outages() {
    for (world, client) in stale().await {
        world.set_contract(&client, contract("list_then_ocsp")).await;
        for responder in [Responder::Silent, Responder::Replays, Responder::Says(Says::Unknown)] {
            world.script().responder = responder;
            let answer = world.sign_in(&client, 1).await;
            assert_eq!((answer.str("state"), answer.indication()), ("refused", "INDETERMINATE"));
            assert_eq!(answer.reason(), "revocation_list.too_old", "never said to be revoked: {responder:?}");
        }
        let (at, why) = (world.now().plus(-HOUR), RevocationReason::KeyCompromise);
        world.script().responder = Responder::Says(Says::Revoked(at, why));
        let answer = world.sign_in(&client, 1).await;
        assert_eq!((answer.str("state"), answer.reason()), ("refused", "certificate.revoked"));
    }
}

#[tokio::test]
async fn what_a_responder_says_to_be_revoked_corrects_what_others_were_told() {
    for (world, client) in stale().await {
        let other = world.client().await;
        world.publish(2, &[]);
        assert!(world.round().await);
        let earlier = world.sign_in(&other, 1).await;
        assert_eq!(earlier.str("state"), "accepted");
        world.advance(2 * HOUR);
        world.set_contract(&client, contract("list_then_ocsp")).await;
        let (at, why) = (world.now().plus(-3 * HOUR), RevocationReason::KeyCompromise);
        world.script().responder = Responder::Says(Says::Revoked(at, why));
        world.sign_in(&client, 1).await;
        let told = world.told(&other, "correction").await;
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0]["answer"], &told[0]["now"]), (&json!(earlier.str("id")), &json!("revoked")));
        assert_eq!(
            (&told[0]["evidence"]["method"], &told[0]["occurred_at"]),
            (&json!("ocsp"), &json!(at.rfc3339()))
        );
        // The list that says the same says nothing new.
        world.advance(60);
        world.publish(3, &[super::world::Revoked(1, at, why)]);
        assert!(world.round().await);
        assert_eq!(world.told(&other, "correction").await.len(), 1);
    }
}

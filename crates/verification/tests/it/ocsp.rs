//! OCSP where a contract wants it.

use musubi_pki::RevocationReason;
use musubi_signature::bundle::{Roots, replay};
use musubi_verification::evidence;
use serde_json::{Value, json};

use crate::support::responses::Says;
use crate::support::{HOUR, anchors};
use crate::world::{Client, Responder, World, worlds};

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
        let signed = world.apply(&client, 1, "c-1", crate::support::authority::HOLDER_NAME).await;
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

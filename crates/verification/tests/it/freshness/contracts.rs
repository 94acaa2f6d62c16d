//! Registering a freshness contract.

use axum::http::Method;
use musubi_pki::Policy;
use serde_json::{Value, json};

use super::support::HOUR;
use super::world::{World, worlds, worlds_under};

fn refuse(max_age_seconds: i64) -> Value {
    json!({ "max_age_seconds": max_age_seconds, "in_outage": "refuse" })
}

async fn audited(world: &World) -> usize {
    let mut tx = world.context().db.begin_read().await.unwrap();
    let size = musubi_platform::audit::checkpoint(&mut tx).await.unwrap().size;
    let mut count = 0;
    for index in 0..size {
        let record = musubi_platform::audit::record(&mut tx, index).await.unwrap().unwrap();
        count += usize::from(record.kind == "freshness_contract.set");
    }
    count
}

#[tokio::test]
async fn what_is_registered_is_read_again_and_one_request_counts_once() {
    for world in worlds().await {
        let (client, other) = (world.client().await, world.client().await);
        let before = world.get(&client, "/v1/freshness-contract").await.expect(200).body;
        assert_eq!(before, json!({ "contracts": [], "platform_max_age_seconds": null }));
        let body = json!({ "purpose": "sign_in", "contract": refuse(600) });
        for _ in 0..2 {
            let answer = world.call(&client, Method::PUT, "/v1/freshness-contract", Some(("k", &body))).await;
            let answer = answer.expect(200).body;
            assert_eq!(answer["contract"]["check_by"], "list_then_ocsp");
            assert_eq!(answer["contract"]["hold_seconds"], 7 * 24 * HOUR);
        }
        assert_eq!(audited(&world).await, 1);
        world.set_contract(&client, refuse(3600)).await;
        world.set_contract(&client, refuse(7200)).await;
        let all = world.get(&client, "/v1/freshness-contract").await.expect(200).body;
        let ages: Vec<_> = all["contracts"].as_array().unwrap().iter().collect();
        assert_eq!((ages.len(), &ages[0]["purpose"]), (2, &Value::Null));
        assert_eq!(ages[0]["contract"]["max_age_seconds"], 7200, "the later one replaces the earlier");
        assert_eq!(ages[1]["purpose"], "sign_in");
        let others = world.get(&other, "/v1/freshness-contract").await.expect(200).body;
        assert_eq!(others["contracts"], json!([]), "nobody reads another's");
    }
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_and_changes_nothing() {
    let policy = Policy { max_list_age: Some(24 * HOUR), ..Policy::default() };
    for world in worlds_under(policy).await {
        let client = world.client().await;
        let hold =
            |seconds: i64| json!({ "max_age_seconds": 60, "in_outage": "hold", "hold_seconds": seconds });
        let follow_up = |most: Value| {
            json!({ "max_age_seconds": 600, "in_outage": "accept_with_follow_up",
                    "provisional_max_age_seconds": most })
        };
        for (contract, field) in [
            (refuse(59), "max_age_seconds"),
            (hold(59), "hold_seconds"),
            (hold(7 * 24 * HOUR + 1), "hold_seconds"),
            (follow_up(Value::Null), "provisional_max_age_seconds"),
            (follow_up(json!(599)), "provisional_max_age_seconds"),
            (follow_up(json!(30 * 24 * HOUR + 1)), "provisional_max_age_seconds"),
        ] {
            let body = json!({ "contract": contract });
            let answer = world
                .call(&client, Method::PUT, "/v1/freshness-contract", Some((&world.fresh("k"), &body)))
                .await
                .expect(422);
            assert_eq!((answer.str("code"), answer.str("field")), ("request.field_invalid", field));
        }
        let lenient = json!({ "contract": refuse(24 * HOUR + 1) });
        let answer =
            world.call(&client, Method::PUT, "/v1/freshness-contract", Some(("lenient", &lenient))).await;
        assert_eq!(answer.str("code"), "freshness_contract.too_lenient", "{}", answer.body);
        assert_eq!(answer.body["most"], 24 * HOUR);
        let all = world.get(&client, "/v1/freshness-contract").await.expect(200).body;
        assert_eq!(all, json!({ "contracts": [], "platform_max_age_seconds": 24 * HOUR }));
        assert_eq!(audited(&world).await, 0);
        world.set_contract(&client, follow_up(json!(600))).await;
    }
}

#[tokio::test]
async fn the_contract_for_the_purpose_goes_before_the_one_for_all() {
    for world in worlds().await {
        let client = world.client().await;
        world.publish(1, &[]);
        assert!(world.round().await);
        world.link(&client, 1, "c-1").await;
        world.set_contract(&client, refuse(3600)).await;
        let lenient = json!({ "purpose": "sign_in", "contract": refuse(2 * 3600) });
        world.call(&client, Method::PUT, "/v1/freshness-contract", Some(("p", &lenient))).await.expect(200);
        world.advance(3600 + 1);
        assert_eq!(world.sign_in(&client, 1).await.str("state"), "accepted");
        let checked = world.change_check(&client, "c-1").await;
        assert_eq!(
            (checked.str("state"), checked.body["certificates"][0]["state"].as_str()),
            ("refused", Some("undetermined"))
        );
        world.advance(3600);
        assert_eq!(world.sign_in(&client, 1).await.str("state"), "refused");
    }
}

//! Poll (RFC 8936).

use musubi_feed::Accepted;
use serde_json::{Value, json};

use crate::world::{Client, World, worlds};

async fn poll(world: &World, client: &Client, mut body: Value) -> (Vec<u64>, bool) {
    if body.get("returnImmediately").is_none() {
        body["returnImmediately"] = json!(true);
    }
    let answer = world.call(client, "POST", "/v1/ssf/poll", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let sets = answer.body["sets"].as_object().unwrap();
    let prefix = format!("{}.", client.id);
    let mut numbers: Vec<u64> =
        sets.keys().map(|jti| jti.strip_prefix(&prefix).unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    (numbers, answer.body["moreAvailable"].as_bool().unwrap())
}

fn jti(client: &Client, number: u64) -> String {
    format!("{}.{number}", client.id)
}

fn acks(client: &Client, numbers: &[u64]) -> Value {
    json!({ "ack": numbers.iter().map(|number| jti(client, *number)).collect::<Vec<_>>() })
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again_in_whatever_order_the_rest_was() {
    for world in worlds().await {
        let bank = world.client().await;
        world.append(&bank, 1, 6).await;
        assert_eq!(poll(&world, &bank, json!({})).await, ((1..=6).collect(), false));
        assert_eq!(poll(&world, &bank, json!({ "maxEvents": 2 })).await, (vec![1, 2], true));
        assert_eq!(poll(&world, &bank, acks(&bank, &[5, 2])).await, (vec![1, 3, 4, 6], false));
        assert_eq!(poll(&world, &bank, acks(&bank, &[1])).await, (vec![3, 4, 6], false));
        assert_eq!(poll(&world, &bank, acks(&bank, &[4, 3, 3, 1])).await, (vec![6], false));
        assert_eq!(poll(&world, &bank, acks(&bank, &[6])).await, (vec![], false));
        let rows = musubi_store::testing::row_counts(&world.context.db).await.unwrap();
        assert_eq!(rows["stream_acknowledged_ahead"], 0, "what the floor covers is not kept");
    }
}

#[tokio::test]
async fn the_bytes_are_those_of_the_pages() {
    for world in worlds().await {
        let bank = world.client().await;
        world.append(&bank, 1, 2).await;
        let page = world.get(&bank, "/v1/change-events").await;
        let polled = world.call(&bank, "POST", "/v1/ssf/poll", &json!({ "returnImmediately": true })).await;
        let mut receiver = world.receiver(&bank);
        for number in [1, 2] {
            let token = polled.body["sets"][jti(&bank, number)].as_str().unwrap();
            assert_eq!(page.body["events"][number as usize - 1]["token"], token);
            assert!(matches!(receiver.accept(token), Ok(Accepted::New(_))));
        }
    }
}

#[tokio::test]
async fn an_error_counts_as_received_and_only_its_code_is_kept() {
    for world in worlds().await {
        let bank = world.client().await;
        world.append(&bank, 1, 3).await;
        let errors = json!({ "setErrs": {
            jti(&bank, 1): { "err": "invalid_request", "description": "cannot read it" },
            jti(&bank, 2): { "err": "not a code at all" },
        }});
        assert_eq!(poll(&world, &bank, errors).await, (vec![3], false));
        let mut tx = world.context.db.begin_read().await.unwrap();
        let kept = tx.query("SELECT error FROM stream_set_error ORDER BY sequence", &[]).await.unwrap();
        let kept: Vec<String> = kept.iter().map(|row| row.text("error").unwrap()).collect();
        assert_eq!(kept, ["invalid_request", "other"]);
    }
}

#[tokio::test]
async fn nobody_acknowledges_what_was_not_sent_or_is_not_theirs() {
    for world in worlds().await {
        let (bank, shop) = (world.client().await, world.client().await);
        world.append(&bank, 1, 2).await;
        let strange = json!({ "ack": [jti(&shop, 1), jti(&bank, 3), jti(&bank, 0), "x", "", "9",
                                      format!("{}.18446744073709551615", bank.id), format!("{}.-1", bank.id)] });
        assert_eq!(poll(&world, &bank, strange).await, (vec![1, 2], false));
        world.append(&bank, 3, 1).await;
        assert_eq!(poll(&world, &bank, json!({})).await, (vec![1, 2, 3], false), "3 was not there");
        assert_eq!(poll(&world, &shop, acks(&bank, &[1])).await, (vec![], false));
        assert_eq!(poll(&world, &bank, json!({})).await.0, [1, 2, 3]);
    }
}

#[tokio::test]
async fn one_that_is_left_out_forever_does_not_make_the_rest_grow_without_bound() {
    for world in worlds().await {
        let bank = world.client().await;
        world.append(&bank, 1, 10_050).await;
        for chunk in (2..=10_050).collect::<Vec<u64>>().chunks(5_000) {
            poll(&world, &bank, acks(&bank, chunk)).await;
        }
        assert_eq!(poll(&world, &bank, json!({})).await, (vec![1], false), "no further than the window");
        let (next, more) = poll(&world, &bank, acks(&bank, &[1])).await;
        assert_eq!((next, more), ((10_001..=10_050).collect(), false));
    }
}

#[tokio::test]
async fn with_zero_events_it_only_acknowledges_and_a_poll_may_wait() {
    for world in worlds().await {
        let bank = world.client().await;
        world.append(&bank, 1, 2).await;
        let mut only = acks(&bank, &[1]);
        only["maxEvents"] = json!(0);
        assert_eq!(poll(&world, &bank, only).await, (vec![], true));
        poll(&world, &bank, acks(&bank, &[2])).await;
        let waits = json!({ "returnImmediately": false });
        assert_eq!(poll(&world, &bank, waits.clone()).await, (vec![], false), "its time is over");
        let ((), polled) = tokio::join!(world.append(&bank, 3, 1), poll(&world, &bank, waits));
        assert_eq!(polled, (vec![3], false));
    }
}

#[tokio::test]
async fn what_is_no_poll_is_refused_and_what_is_not_known_is_passed_over() {
    for world in worlds().await {
        let bank = world.client().await;
        for wrong in [
            json!({ "ack": 1 }),
            json!({ "maxEvents": -1 }),
            json!("x"),
            json!([true]),
            json!({ "setErrs": { "x": 1 } }),
        ] {
            let answer = world.call(&bank, "POST", "/v1/ssf/poll", &wrong).await;
            assert_eq!(answer.code(), (400, "request.malformed"), "{wrong}");
        }
        let many = json!({ "ack": vec!["x"; 10_001] });
        assert_eq!(world.call(&bank, "POST", "/v1/ssf/poll", &many).await.status, 400);
        assert_eq!(poll(&world, &bank, json!({ "later": true })).await, (vec![], false));
    }
}

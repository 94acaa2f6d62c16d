//! What reaches a receiver of good conduct, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use musubi_feed::open_heartbeat;
use musubi_stream::push::{self, State, Style, webhook_signature};
use serde_json::{Value, json};

use super::receiver::{Book, Conduct, Receiver, Taken};
use super::world::{NOW, worlds};

#[tokio::test]
async fn nothing_is_delivered_before_the_origin_shows_the_value_and_another_url_must_show_another() {
    for world in worlds().await {
        let (bank, receiver) = (world.someone(), Receiver::good().await);
        world.append(&bank, 2).await;
        let value = world.listen(&bank, &receiver.url(), Style::SetPush).await;
        world.drain().await;
        let status = world.status(&bank).await;
        assert_eq!(
            (status.state, status.last_failure.as_deref()),
            (State::Unverified, Some("ownership_not_shown"))
        );
        receiver.show(&value.replace("musubi-receiver=", "musubi-receiver=x"));
        world.wait_for_attempt(&bank).await;
        world.drain().await;
        assert!(receiver.got().is_empty());
        receiver.show(&value);
        world.wait_for_attempt(&bank).await;
        world.drain().await;
        assert_eq!(receiver.tokens(), world.tokens(&bank).await);
        let elsewhere = Receiver::good().await;
        elsewhere.show(&value);
        world.listen(&bank, &elsewhere.url(), Style::SetPush).await;
        world.append(&bank, 1).await;
        world.drain().await;
        assert!(elsewhere.got().is_empty(), "the former value proves nothing");
        assert_eq!(world.status(&bank).await.state, State::Unverified);
    }
}

#[tokio::test]
async fn the_bytes_of_the_stream_arrive_in_order_and_a_heartbeat_says_that_there_was_nothing_else() {
    for world in worlds().await {
        let (bank, receiver) = (world.someone(), Receiver::good().await);
        world.append(&bank, 230).await;
        receiver.show(&world.listen(&bank, &receiver.url(), Style::SetPush).await);
        world.drain().await;
        assert_eq!(receiver.tokens(), world.tokens(&bank).await);
        let first = receiver.got().swap_remove(0);
        assert_eq!(first.header("content-type"), "application/secevent+jwt");
        assert_eq!(first.header("authorization"), "");
        let heartbeat =
            open_heartbeat(&receiver.heartbeats()[0], &world.stream(&bank), &world.keys()).unwrap();
        assert_eq!((heartbeat.last.sequence, heartbeat.lists[0].number), (230, 1));
        world.drain().await;
        assert_eq!(receiver.heartbeats().len(), 1, "once is enough");
        world.lists.publish(2);
        world.drain().await;
        let second = open_heartbeat(&receiver.heartbeats()[1], &world.stream(&bank), &world.keys()).unwrap();
        assert_eq!(second.lists[0].number, 2, "a new list is told at once");
        world.clock.advance(3599);
        world.drain().await;
        assert_eq!(receiver.heartbeats().len(), 2);
        world.clock.advance(1);
        world.drain().await;
        assert_eq!(receiver.heartbeats().len(), 3, "and silence never lasts longer than an hour");
        let status = world.status(&bank).await;
        assert_eq!((status.head, status.delivered, status.depth()), (230, 230, 0));
        assert_eq!(status.last_success_at, Some(world.now()));
        assert_eq!(world.metered(&bank, "delivery").await, 230);
        assert_eq!(world.metered(&bank, "delivery_attempt").await, 230);
    }
}

#[tokio::test]
async fn an_authorization_goes_along_and_both_keys_sign_for_a_day_after_a_rotation() {
    use base64::Engine as _;
    let key = |secret: &Value| {
        let text = secret.as_str().unwrap().strip_prefix("whsec_").unwrap();
        base64::engine::general_purpose::STANDARD.decode(text).unwrap()
    };
    for world in worlds().await {
        let (client, receiver) = (world.client().await, Receiver::good().await);
        let request =
            json!({ "url": receiver.url(), "style": "webhook", "authorization": "Bearer abc", "after": 0 });
        let (_, made) = world.call(&client, "PUT", "/v1/stream-endpoint", "k1", Some(request)).await;
        receiver.show(made["ownership"]["value"].as_str().unwrap());
        world.append(&client.id, 1).await;
        world.drain().await;
        let path = "/v1/stream-endpoint/secret";
        let (_, rotated) = world.call(&client, "POST", path, "k2", Some(json!({}))).await;
        world.append(&client.id, 1).await;
        world.drain().await;
        world.clock.advance(push::SECRET_OVERLAP);
        world.append(&client.id, 1).await;
        world.drain().await;
        let (old, new) = (key(&made["secret"]), key(&rotated["secret"]));
        let got = receiver.got();
        let bodies: Vec<Value> = got.iter().map(|got| serde_json::from_str(&got.body).unwrap()).collect();
        let changes: Vec<usize> =
            (0..got.len()).filter(|at| bodies[*at]["type"] == "musubi.change").collect();
        for (number, (at, keys)) in changes.iter().zip([vec![&old], vec![&new, &old], vec![&new]]).enumerate()
        {
            let (got, body) = (&got[*at], &bodies[*at]);
            let token = world.tokens(&client.id).await.swap_remove(number);
            assert_eq!((&body["token"], &body["sequence"]), (&json!(token), &json!(number + 1)));
            assert_eq!((&body["data"]["change"], &body["subject"]), (&json!("renewed"), &json!("pw_x")));
            let (id, timestamp) =
                (got.header("webhook-id"), got.header("webhook-timestamp").parse().unwrap());
            assert_eq!(id, format!("{}-{}", client.id, number + 1));
            let wanted: Vec<String> =
                keys.iter().map(|key| webhook_signature(key, id, timestamp, &got.body)).collect();
            assert_eq!(got.header("webhook-signature"), wanted.join(" "));
            assert_eq!(got.header("authorization"), "Bearer abc");
        }
        assert_eq!(changes.len(), 3);
        assert!(
            bodies.iter().any(|body| body["type"] == "musubi.heartbeat" && body["data"]["last"].is_object())
        );
    }
}

#[tokio::test]
async fn an_entry_that_the_receiver_calls_invalid_is_set_aside_and_the_next_goes_on() {
    for world in worlds().await {
        let mended = Arc::new(AtomicBool::new(false));
        let seen = mended.clone();
        let receiver = Receiver::start(move |got| {
            let bad = [2, 4].contains(&got.sequence().unwrap_or(0));
            if bad && !seen.load(Ordering::SeqCst) {
                Conduct::Error("invalid_request")
            } else {
                Conduct::Accept
            }
        })
        .await;
        let client = world.client().await;
        let bank = &client.id;
        world.append(bank, 5).await;
        receiver.show(&world.listen(bank, &receiver.url(), Style::SetPush).await);
        world.drain().await;
        let tokens = world.tokens(bank).await;
        let numbered = |wanted: &[usize]| wanted.iter().map(|n| tokens[n - 1].clone()).collect::<Vec<_>>();
        assert_eq!(receiver.tokens(), numbered(&[1, 3, 5]));
        let status = world.status(bank).await;
        assert_eq!((status.state, status.delivered, status.dead_letters), (State::Active, 5, 2));
        assert_eq!(status.last_failure.as_deref(), Some("invalid_request"));
        let path = "/v1/stream-endpoint/dead-letters";
        let (_, listed) = world.call(&client, "GET", path, "", None).await;
        assert_eq!(listed["dead_letters"][1]["sequence"], 4);
        assert_eq!(listed["next"], 4);
        let (_, page) = world.call(&client, "GET", &format!("{path}?after=2&limit=1"), "", None).await;
        assert_eq!(page["dead_letters"].as_array().unwrap().len(), 1);
        assert_eq!(world.call(&client, "GET", &format!("{path}?limit=0"), "", None).await.0, 400);
        let again = format!("{path}/redeliver");
        let two = json!({ "sequences": [2, 3] });
        let (_, marked) = world.call(&client, "POST", &again, "k1", Some(two)).await;
        assert_eq!(marked["marked"], 1, "3 is no dead letter");
        world.drain().await;
        assert_eq!(world.status(bank).await.dead_letters, 2, "refused again, it stays");
        mended.store(true, Ordering::SeqCst);
        let (_, marked) = world.call(&client, "POST", &again, "k2", Some(json!({}))).await;
        assert_eq!(marked["marked"], 2);
        world.append(bank, 1).await;
        world.drain().await;
        let tokens = world.tokens(bank).await;
        let numbered = |wanted: &[usize]| wanted.iter().map(|n| tokens[n - 1].clone()).collect::<Vec<_>>();
        assert_eq!(receiver.tokens(), numbered(&[1, 3, 5, 2, 4, 6]), "before newer entries");
        assert_eq!(world.status(bank).await.dead_letters, 0);
        assert_eq!(world.metered(bank, "delivery").await, 6);
        assert_eq!(world.metered(bank, "delivery_attempt").await, 9);
        let mut book = Book::new(world.stream(bank), world.keys());
        for token in &receiver.tokens() {
            book.take(token);
        }
        assert_eq!(book.applied, tokens, "what came late filled the gaps");
    }
}

#[tokio::test]
async fn a_receiver_that_rejects_everything_is_paused_before_the_stream_has_run_dry() {
    for world in worlds().await {
        let receiver = Receiver::start(|_| Conduct::Error("invalid_request")).await;
        let bank = world.someone();
        world.append(&bank, 50).await;
        receiver.show(&world.listen(&bank, &receiver.url(), Style::SetPush).await);
        world.drain().await;
        let status = world.status(&bank).await;
        assert_eq!((status.state, status.stopped_because.as_deref()), (State::Paused, Some("rejected")));
        assert_eq!((status.delivered, status.dead_letters, status.next_attempt_at), (20, 20, None));
        assert_eq!(
            status.head, 51,
            "the stream itself says that it stopped, for those who read it another way"
        );
        assert!(world.audited().await.contains(&"stream_endpoint.stopped".to_owned()));
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone_until_it_is_resumed() {
    for world in worlds().await {
        let back = Arc::new(AtomicBool::new(false));
        let seen = back.clone();
        let choice =
            move |_: &_| if seen.load(Ordering::SeqCst) { Conduct::Accept } else { Conduct::Status(410) };
        let (bank, receiver) = (world.someone(), Receiver::start(choice).await);
        world.append(&bank, 3).await;
        receiver.show(&world.listen(&bank, &receiver.url(), Style::SetPush).await);
        world.drain().await;
        let status = world.status(&bank).await;
        assert_eq!((status.state, status.stopped_because.as_deref()), (State::Disabled, Some("gone")));
        back.store(true, Ordering::SeqCst);
        world.clock.advance(30 * 86_400);
        world.drain().await;
        assert!(receiver.got().is_empty());
        world.resume(&bank).await;
        world.drain().await;
        assert_eq!(receiver.tokens(), world.tokens(&bank).await, "nothing was lost");
        let last = receiver.tokens().len();
        assert_eq!(last, 4, "and the stop is told");
    }
}

#[tokio::test]
async fn a_replay_sends_the_same_bytes_again_and_the_receiver_applies_none_twice() {
    for world in worlds().await {
        let (bank, receiver) = (world.someone(), Receiver::good().await);
        world.append(&bank, 5).await;
        receiver.show(&world.listen(&bank, &receiver.url(), Style::SetPush).await);
        world.drain().await;
        world.replay(&bank, 3).await;
        world.drain().await;
        let mut book = Book::new(world.stream(&bank), world.keys());
        let taken: Vec<Taken> = receiver.tokens().iter().map(|token| book.take(token)).collect();
        assert_eq!(taken[..5], [const { Taken::Applied }; 5]);
        assert_eq!(taken[5..], [const { Taken::Again }; 3]);
        assert_eq!(book.applied, world.tokens(&bank).await);
        world.append(&bank, 2).await;
        world.replay(&bank, 8).await;
        world.drain().await;
        assert_eq!(receiver.tokens().len(), 8, "one past the head: only what is to come");
    }
}

#[tokio::test]
async fn two_senders_on_one_database_share_the_work_and_send_nothing_twice() {
    for world in worlds().await {
        let mut parties = Vec::new();
        for _ in 0..12 {
            let (party, receiver) = (world.someone(), Receiver::good().await);
            world.append(&party, 15).await;
            receiver.show(&world.listen(&party, &receiver.url(), Style::SetPush).await);
            parties.push((party, receiver));
        }
        let (a, b) = (world.sender(), world.sender());
        let (one, other) = tokio::join!(a.drain(), b.drain());
        one.unwrap();
        other.unwrap();
        for (party, receiver) in parties {
            assert_eq!(receiver.tokens(), world.tokens(&party).await);
        }
    }
}

#[tokio::test]
async fn the_operator_sees_who_waits_for_how_long_and_who_paused() {
    for world in worlds().await {
        let (bank, shop) = (world.someone(), world.someone());
        let receiver = Receiver::start(|_| Conduct::Status(503)).await;
        for party in [&bank, &shop] {
            world.append(party, 2).await;
            receiver.show(&world.listen(party, &receiver.url(), Style::SetPush).await);
        }
        world.clock.advance(50);
        world.append(&bank, 1).await;
        world.drain().await;
        let mut tx = world.context().db.begin().await.unwrap();
        push::pause(&mut tx, &shop, world.now()).await.unwrap();
        tx.commit().await.unwrap();
        let all = world.statuses().await;
        let of = |party| all.iter().find(|status| &status.relying_party == party).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!((of(&bank).depth(), of(&bank).state, of(&bank).attempts), (3, State::Active, 1));
        assert_eq!(of(&bank).oldest_undelivered_at, Some(NOW));
        assert_eq!(of(&bank).last_failure_at, Some(world.now()));
        assert_eq!((of(&shop).depth(), of(&shop).stopped_because.as_deref()), (2, Some("asked")));
        assert_eq!(*of(&bank), world.status(&bank).await);
    }
}

#[tokio::test]
async fn a_receiver_that_wants_no_heartbeats_gets_its_entries_all_the_same() {
    for world in worlds().await {
        let choice = |got: &super::receiver::Got| {
            if got.is_heartbeat() { Conduct::Error("invalid_request") } else { Conduct::Accept }
        };
        let (bank, receiver) = (world.someone(), Receiver::start(choice).await);
        world.append(&bank, 1).await;
        receiver.show(&world.listen(&bank, &receiver.url(), Style::SetPush).await);
        world.drain().await;
        world.append(&bank, 1).await;
        world.drain().await;
        let status = world.status(&bank).await;
        assert_eq!((status.delivered, status.dead_letters, status.attempts), (2, 0, 0));
    }
}

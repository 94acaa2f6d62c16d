//! Pages and heartbeats.

use std::sync::atomic::Ordering;

use musubi_feed::{Accepted, Proven, Receiver, Refusal};
use musubi_kernel::Clock as _;
use serde_json::Value;

use crate::world::{Answer, World, worlds};

/// Takes a page in; answers how many entries were new, and what its heartbeat proves.
fn take(world: &World, receiver: &mut Receiver, page: &Answer) -> (usize, Result<Proven, Refusal>) {
    let mut new = 0;
    for event in page.body["events"].as_array().unwrap() {
        let accepted = receiver.accept(event["token"].as_str().unwrap()).unwrap();
        let Accepted::New(entry) = accepted else { continue };
        assert_eq!(event["sequence"], entry.position.sequence);
        assert_eq!(event["event"], entry.event.name());
        assert_eq!(event["subject"].as_str(), entry.event.subject.as_deref());
        assert_eq!(event["body"], Value::Object(entry.event.body));
        assert_eq!(event["recorded_at"], entry.at.rfc3339());
        new += 1;
    }
    let heartbeat = page.body["heartbeat"].as_str().unwrap();
    (new, receiver.heartbeat(heartbeat, world.clock.now()))
}

#[tokio::test]
async fn pages_follow_one_another_without_gaps_and_say_when_they_are_complete() {
    for world in worlds().await {
        let (bank, shop) = (world.client().await, world.client().await);
        world.append(&bank, 1, 5).await;
        world.append(&shop, 1, 1).await;
        let mut receiver = world.receiver(&bank);
        let page = world.get(&bank, "/v1/change-events?limit=3").await;
        assert_eq!(page.body["next"], 3);
        assert_eq!(take(&world, &mut receiver, &page), (3, Ok(Proven::Behind { last: 5 })));
        let page = world.get(&bank, "/v1/change-events?after=3&limit=500").await;
        assert_eq!(take(&world, &mut receiver, &page), (2, Ok(Proven::Complete)));
        let page = world.get(&bank, "/v1/change-events?after=5").await;
        assert_eq!(page.body["next"], 5);
        assert_eq!(take(&world, &mut receiver, &page), (0, Ok(Proven::Complete)));
        let foreign = world.get(&shop, "/v1/change-events").await;
        let said = receiver.accept(foreign.body["events"][0]["token"].as_str().unwrap());
        assert!(matches!(said, Err(Refusal::Token(_))), "each has its own sequence");
    }
}

#[tokio::test]
async fn a_heartbeat_names_the_lists_in_use_and_the_watched_customers() {
    for world in worlds().await {
        let bank = world.client().await;
        world.lists.0.store(41, Ordering::SeqCst);
        let mut tx = world.context.db.begin().await.unwrap();
        musubi_platform::change_stream::customers_changed(&mut tx, &world.context, &bank.id, 7)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let mut receiver = world.receiver(&bank);
        let answer = world.get(&bank, "/v1/change-events/heartbeat").await;
        let beat = answer.body["heartbeat"].as_str().unwrap();
        assert_eq!(receiver.heartbeat(beat, world.clock.now()), Ok(Proven::Complete));
        let heard = receiver.place().heard().unwrap();
        assert_eq!((heard.customers, heard.lists[0].number), (7, 41));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_question_that_waits_is_answered_by_the_next_entry_or_after_its_time() {
    for world in worlds().await {
        let bank = world.client().await;
        let nothing = world.get(&bank, "/v1/change-events?wait=30").await;
        assert_eq!((nothing.status.as_u16(), nothing.body["next"].as_u64()), (200, Some(0)));
        let asked = world.get(&bank, "/v1/change-events?wait=30");
        let ((), page) = tokio::join!(world.append(&bank, 1, 1), asked);
        assert_eq!(page.body["next"], 1, "{}", page.body);
    }
}

#[tokio::test]
async fn what_is_no_question_is_refused() {
    for world in worlds().await {
        let bank = world.client().await;
        for query in ["after=-1", "limit=0", "limit=501", "wait=31", "after=x", "before=1", "after=1&after=2"]
        {
            let answer = world.get(&bank, &format!("/v1/change-events?{query}")).await;
            assert_eq!(answer.code(), (400, "request.malformed"), "{query}");
        }
        let far = world.get(&bank, "/v1/change-events?after=9223372036854775807").await;
        assert_eq!((far.status.as_u16(), far.body["events"].as_array().unwrap().len()), (200, 0));
    }
}

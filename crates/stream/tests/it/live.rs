//! Server-sent events.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use http_body_util::BodyExt as _;
use musubi_feed::{Accepted, Proven};
use musubi_kernel::Clock as _;
use musubi_stream::Pace;
use tokio::time::timeout;

use crate::world::{Client, PATIENCE, World, worlds, worlds_at};

/// A connection, read event by event: `(event, id, data)`.
struct Live {
    body: Body,
    text: String,
}

impl Live {
    async fn open(world: &World, client: &Client, after: &str) -> Self {
        let response = Self::ask(world, client, "/v1/change-events/live", after).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    async fn ask(world: &World, client: &Client, path: &str, after: &str) -> Response<Body> {
        let request = World::asks(client, path).header("last-event-id", after);
        world.response(request.body(Body::empty()).unwrap()).await
    }

    /// `None` when the connection has ended.
    async fn next(&mut self) -> Option<(String, String, String)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let prefix = format!("{name}: ");
                    let line = event.lines().find_map(|line| line.strip_prefix(&prefix));
                    line.unwrap_or_default().to_owned()
                };
                let found = (field("event"), field("id"), field("data"));
                self.text = rest.to_owned();
                return Some(found);
            }
            let frame = timeout(PATIENCE, self.body.frame()).await.expect("something comes")?;
            let data = frame.unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }
}

#[tokio::test]
async fn entries_come_as_they_are_written_and_heartbeats_between_them() {
    for world in worlds().await {
        let bank = world.client().await;
        world.append(&bank, 1, 150).await;
        let mut receiver = world.receiver(&bank);
        let mut live = Live::open(&world, &bank, "0").await;
        let mut beats = 0;
        while beats < 3 {
            let (event, id, data) = live.next().await.unwrap();
            if event == "heartbeat" {
                assert_eq!(id, "", "a heartbeat has no number");
                let proven = receiver.heartbeat(&data, world.clock.now()).unwrap();
                if beats == 0 {
                    assert_eq!((proven, receiver.place().last().sequence), (Proven::Complete, 150));
                    world.append(&bank, 151, 2).await;
                }
                beats += 1;
            } else {
                assert_eq!(event, "entry");
                let Ok(Accepted::New(entry)) = receiver.accept(&data) else { panic!("new, in order") };
                assert_eq!(entry.position.sequence.to_string(), id);
            }
        }
        assert_eq!(receiver.place().last().sequence, 152);
        let mut again = Live::open(&world, &bank, "151").await;
        let (event, id, _) = again.next().await.unwrap();
        assert_eq!((event.as_str(), id.as_str()), ("entry", "152"), "it goes on after Last-Event-ID");
    }
}

#[tokio::test]
async fn a_relying_party_has_five_connections_and_a_closed_one_makes_room() {
    for world in worlds().await {
        let (bank, shop) = (world.client().await, world.client().await);
        let mut open = Vec::new();
        for _ in 0..5 {
            open.push(Live::open(&world, &bank, "0").await);
        }
        let sixth = world.get(&bank, "/v1/change-events/live").await;
        assert_eq!(sixth.code(), (429, "stream.too_many_connections"));
        Live::open(&world, &shop, "0").await;
        drop(open.pop());
        Live::open(&world, &bank, "0").await;
    }
}

#[tokio::test]
async fn all_connections_of_a_process_share_one_look_at_the_database() {
    for world in worlds_at(Pace { look_every: Duration::from_millis(1), ..Pace::default() }).await {
        let clients = [world.client().await, world.client().await, world.client().await];
        let mut open = Vec::new();
        for client in clients.iter().chain(&clients) {
            let mut live = Live::open(&world, client, "0").await;
            assert_eq!(live.next().await.unwrap().0, "heartbeat", "nothing is there yet");
            open.push(live);
        }
        assert_eq!(world.streams.looking(), 1);
        for client in &clients {
            world.append(client, 1, 1).await;
        }
        for live in &mut open {
            assert_eq!(live.next().await.unwrap().1, "1");
        }
        drop(open);
        timeout(PATIENCE, async {
            while world.streams.looking() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("nobody waits, nobody looks");
    }
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_dropped_and_goes_on_where_it_was() {
    let pace = Pace {
        look_every: Duration::from_millis(1),
        slow_after: Duration::from_millis(20),
        ..Pace::default()
    };
    for world in worlds_at(pace).await {
        let bank = world.client().await;
        world.append(&bank, 1, 300).await;
        let mut live = Live::open(&world, &bank, "0").await;
        // The reader wakes when the sender has given up: nothing else ends the connection.
        let given_up = async {
            while world.streams.sending() > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, given_up).await.expect("the sender gives up");
        let mut last = 0;
        while let Some((event, id, _)) = live.next().await {
            assert_eq!(event, "entry");
            last = id.parse().unwrap();
        }
        assert!(last < 100, "{last}: only what was queued comes");
        let mut again = Live::open(&world, &bank, &last.to_string()).await;
        assert_eq!(again.next().await.unwrap().1, (last + 1).to_string());
    }
}

#[tokio::test]
async fn a_connection_ends_with_its_time_and_with_the_process() {
    let short = Pace { longest_connection: Duration::from_millis(30), ..Pace::default() };
    for world in worlds_at(short).await {
        let bank = world.client().await;
        let mut live = Live::open(&world, &bank, "0").await;
        while live.next().await.is_some() {}
    }
    for world in worlds().await {
        let bank = world.client().await;
        let mut live = Live::open(&world, &bank, "0").await;
        assert_eq!(live.next().await.unwrap().0, "heartbeat");
        world.streams.close_connections();
        while live.next().await.is_some() {}
        let waited = world.get(&bank, "/v1/change-events?wait=30").await;
        assert_eq!(waited.status, 200, "a question does not hold up the end");
    }
}

#[tokio::test]
async fn a_number_that_is_none_is_refused() {
    for world in worlds().await {
        let bank = world.client().await;
        for wrong in ["x", "-1", "", "1.5"] {
            let response = Live::ask(&world, &bank, "/v1/change-events/live?after=1", wrong).await;
            assert_eq!(response.status(), 400, "{wrong}");
        }
        assert_eq!(world.get(&bank, "/v1/change-events/live?after=-1").await.status, 400);
    }
}

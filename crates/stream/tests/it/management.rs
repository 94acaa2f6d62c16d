//! Management of streams (SSF 1.0).

use axum::body::Body;
use axum::http::Request;
use musubi_feed::{Accepted, VerifyingKey};
use musubi_stream::push::{self, Endpoint, State, Style};
use serde_json::{Value, json};

use crate::world::{Client, World, worlds};

const STREAMS: &str = "/v1/ssf/streams";

async fn entries(world: &World, client: &Client) -> Vec<(String, Value)> {
    let page = world.get(client, "/v1/change-events").await;
    let mut receiver = world.receiver(client);
    let taken = page.body["events"].as_array().unwrap().iter().map(|event| {
        let Ok(Accepted::New(entry)) = receiver.accept(event["token"].as_str().unwrap()) else { panic!() };
        assert_eq!(entry.event.subject.as_deref(), Some(client.id.as_str()), "it is about the stream");
        (entry.event.name().to_owned(), Value::Object(entry.event.body))
    });
    taken.collect()
}

#[tokio::test]
async fn the_configuration_names_routes_that_are_there_and_the_key_that_signs() {
    for world in worlds().await {
        let bank = world.client().await;
        let get = |path: &str| world.send(Request::get(path).body(Body::empty()).unwrap());
        let configuration = get("/.well-known/ssf-configuration").await;
        assert_eq!(configuration.status, 200);
        assert_eq!(configuration.body["issuer"], "https://api.musubi.test");
        for member in ["configuration_endpoint", "status_endpoint", "verification_endpoint", "jwks_uri"] {
            let path = configuration.body[member].as_str().unwrap().strip_prefix("https://api.musubi.test");
            let answer = world.get(&bank, path.unwrap()).await;
            assert_ne!(answer.code(), (404, "route.unknown"), "{member}");
        }
        let keys = get("/.well-known/jwks.json").await;
        assert_eq!(VerifyingKey::from_jwk(&keys.body["keys"][0]), Some(world.keys()[0].clone()));
        assert_eq!(keys.header("cache-control"), "public, max-age=300");
    }
}

#[tokio::test]
async fn a_stream_is_made_once_read_changed_replaced_and_removed() {
    for world in worlds().await {
        let (bank, shop) = (world.client().await, world.client().await);
        let id = bank.id.as_str();
        assert_eq!(world.get(&bank, STREAMS).await.body, json!([]));
        let made = world.call(&bank, "POST", STREAMS, &json!({ "description": "first" })).await;
        assert_eq!(made.status, 201, "{}", made.body);
        assert_eq!((made.body["stream_id"].as_str(), made.body["aud"].as_str()), (Some(id), Some(id)));
        let delivery = json!({ "method": "urn:ietf:rfc:8936",
                               "endpoint_url": "https://api.musubi.test/v1/ssf/poll" });
        assert_eq!(made.body["delivery"], delivery, "poll unless something else is named");
        assert_eq!(made.body["events_delivered"], made.body["events_supported"]);
        assert!(
            !made.body["events_supported"]
                .as_array()
                .unwrap()
                .contains(&json!("urn:musubi:event-type:heartbeat"))
        );
        let again = world.call(&bank, "POST", STREAMS, &json!({})).await;
        assert_eq!(again.code(), (409, "stream.exists"));

        let one = format!("{STREAMS}?stream_id={id}");
        assert_eq!(world.get(&bank, &one).await.body, made.body);
        assert_eq!(world.get(&bank, STREAMS).await.body, json!([made.body]));
        assert_eq!(world.get(&shop, &one).await.code(), (404, "stream.unknown"), "another's is unknown");

        let push =
            json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": "https://hooks.bank.example/events" });
        let mut sent = push.clone();
        sent["authorization_header"] = json!("Bearer very-secret");
        let patch = json!({ "stream_id": id, "delivery": sent });
        let changed = world.call(&bank, "PATCH", STREAMS, &patch).await;
        assert!(!changed.body.to_string().contains("very-secret"), "it is never shown");
        assert_eq!((&changed.body["delivery"], &changed.body["description"]), (&push, &json!("first")));
        let put = json!({ "stream_id": id, "iss": "https://api.musubi.test", "events_requested": ["urn:x"] });
        let replaced = world.call(&bank, "PUT", STREAMS, &put).await;
        assert_eq!((&replaced.body["delivery"], &replaced.body["description"]), (&delivery, &Value::Null));
        assert_eq!(replaced.body["events_requested"], json!(["urn:x"]));

        let foreign = world.call(&shop, "DELETE", &one, &json!(null)).await;
        assert_eq!(foreign.code(), (404, "stream.unknown"));
        assert_eq!(world.call(&bank, "DELETE", &one, &json!(null)).await.status, 204);
        assert_eq!(world.call(&bank, "DELETE", &one, &json!(null)).await.status, 404);
        let audited: Vec<String> =
            world.audited().await.into_iter().filter(|kind| kind.starts_with("stream.")).collect();
        assert_eq!(
            audited,
            ["stream.configured", "stream.configured", "stream.configured", "stream.removed"]
        );
    }
}

#[tokio::test]
async fn a_delivery_that_is_not_possible_is_refused() {
    for world in worlds().await {
        let bank = world.client().await;
        let push = |url: &str| json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": url });
        for (delivery, code) in [
            (json!({ "method": "urn:ietf:rfc:8935" }), "stream.delivery_unsupported"),
            (json!({ "method": "carrier-pigeon" }), "stream.delivery_unsupported"),
            (push("ftp://hooks.bank.example/"), "stream_endpoint.url_refused"),
            (push("https://127.0.0.1/"), "stream_endpoint.url_refused"),
            (push("https://hooks.bank.example/\n"), "stream_endpoint.url_refused"),
            (
                push(&format!("https://hooks.bank.example/{}", "a".repeat(3000))),
                "stream_endpoint.url_refused",
            ),
        ] {
            let answer = world.call(&bank, "POST", STREAMS, &json!({ "delivery": delivery })).await;
            assert_eq!(answer.code(), (400, code), "{delivery}");
        }
        for body in [
            json!({ "iss": "https://elsewhere.test" }),
            json!({ "aud": "rp_other" }),
            json!({ "description": "x".repeat(600) }),
            json!({ "delivery": "urn:ietf:rfc:8936" }),
        ] {
            let answer = world.call(&bank, "POST", STREAMS, &body).await;
            assert_eq!(answer.code(), (400, "request.malformed"), "{body}");
        }
        let unnamed = world.call(&bank, "PATCH", STREAMS, &json!({})).await;
        assert_eq!(unnamed.code(), (400, "request.malformed"), "a change names its stream");
        assert_eq!(world.get(&bank, STREAMS).await.body, json!([]));
    }
}

async fn endpoint(world: &World, client: &Client) -> Option<Endpoint> {
    let mut tx = world.context.db.begin_read().await.unwrap();
    push::endpoint(&mut tx, &client.id).await.ok()
}

#[tokio::test]
async fn the_sender_does_what_the_configuration_says() {
    for world in worlds().await {
        let bank = world.client().await;
        let id = bank.id.as_str();
        let webhook = json!({ "method": "urn:musubi:delivery:webhook", "endpoint_url": "https://hooks.bank.example/a" });
        let made = world.call(&bank, "POST", STREAMS, &json!({ "delivery": webhook })).await;
        assert!(made.body["secret"].as_str().unwrap().starts_with("whsec_"), "{}", made.body);
        let kept = endpoint(&world, &bank).await.unwrap();
        assert_eq!((kept.style, kept.state), (Style::Webhook, State::Unverified));
        assert_eq!(made.body["ownership"]["path"], push::OWNERSHIP_PATH);
        assert_eq!(made.body["ownership"]["value"], kept.challenge);
        let read = world.get(&bank, &format!("{STREAMS}?stream_id={id}")).await;
        assert_eq!((&read.body["secret"], &read.body["ownership"]), (&Value::Null, &made.body["ownership"]));

        for (status, state) in
            [("paused", State::Paused), ("disabled", State::Paused), ("enabled", State::Unverified)]
        {
            let body = json!({ "stream_id": id, "status": status });
            assert_eq!(world.call(&bank, "POST", "/v1/ssf/status", &body).await.status, 200);
            assert_eq!(endpoint(&world, &bank).await.unwrap().state, state, "{status}");
        }
        let push = json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": "https://hooks.bank.example/b" });
        world.call(&bank, "PATCH", STREAMS, &json!({ "stream_id": id, "delivery": push })).await;
        assert_eq!(endpoint(&world, &bank).await.unwrap().style, Style::SetPush);
        world.call(&bank, "PATCH", STREAMS, &json!({ "stream_id": id, "description": "x" })).await;
        assert_eq!(endpoint(&world, &bank).await.unwrap().url, "https://hooks.bank.example/b");
        world.call(&bank, "PUT", STREAMS, &json!({ "stream_id": id })).await;
        assert!(endpoint(&world, &bank).await.is_none(), "poll is sent nowhere");
        world.call(&bank, "PUT", STREAMS, &json!({ "stream_id": id, "delivery": push })).await;
        world.call(&bank, "DELETE", &format!("{STREAMS}?stream_id={id}"), &json!(null)).await;
        assert!(endpoint(&world, &bank).await.is_none());
    }
}

#[tokio::test]
async fn a_paused_stream_is_not_polled_and_loses_nothing() {
    for world in worlds().await {
        let bank = world.client().await;
        let id = bank.id.as_str();
        let status = |status: &str| json!({ "stream_id": id, "status": status, "reason": "maintenance" });
        let none = world.call(&bank, "POST", "/v1/ssf/status", &status("paused")).await;
        assert_eq!(none.code(), (404, "stream.unknown"));
        world.call(&bank, "POST", STREAMS, &json!({})).await;
        for _ in 0..2 {
            let answer = world.call(&bank, "POST", "/v1/ssf/status", &status("paused")).await;
            assert_eq!(answer.body, status("paused"));
        }
        let read = world.get(&bank, &format!("/v1/ssf/status?stream_id={id}")).await;
        assert_eq!(read.body, status("paused"));
        world.append(&bank, 1, 1).await;
        let asked = json!({ "returnImmediately": true });
        let polled = world.call(&bank, "POST", "/v1/ssf/poll", &asked).await;
        assert_eq!(polled.body, json!({ "sets": {}, "moreAvailable": false }));
        let pages = world.get(&bank, "/v1/change-events").await;
        assert_eq!(pages.body["next"], 2, "pages may be read at any time");
        world.call(&bank, "POST", "/v1/ssf/status", &status("enabled")).await;
        let polled = world.call(&bank, "POST", "/v1/ssf/poll", &asked).await;
        assert_eq!(polled.body["sets"].as_object().unwrap().len(), 3, "two changes of status, one entry");
        let wrong = world.call(&bank, "POST", "/v1/ssf/status", &status("asleep")).await;
        assert_eq!(wrong.code(), (400, "request.malformed"));
    }
}

#[tokio::test]
async fn changes_of_status_and_signs_of_life_are_in_the_stream() {
    for world in worlds().await {
        let bank = world.client().await;
        let id = bank.id.as_str();
        world.call(&bank, "POST", STREAMS, &json!({})).await;
        world.call(&bank, "POST", "/v1/ssf/status", &json!({ "stream_id": id, "status": "disabled" })).await;
        let verify = json!({ "stream_id": id, "state": "are you there?" });
        assert_eq!(world.call(&bank, "POST", "/v1/ssf/verify", &verify).await.status, 204);
        let soon = world.call(&bank, "POST", "/v1/ssf/verify", &verify).await;
        assert_eq!((soon.code(), soon.header("retry-after")), ((429, "request.rate_limited"), "60"));
        world.clock.advance(60);
        let bare = world.call(&bank, "POST", "/v1/ssf/verify", &json!({ "stream_id": id })).await;
        assert_eq!(bare.status, 204);
        let told = [
            ("stream_updated".to_owned(), json!({ "status": "disabled" })),
            ("verification".to_owned(), json!({ "state": "are you there?" })),
            ("verification".to_owned(), json!({})),
        ];
        assert_eq!(entries(&world, &bank).await, told);
    }
}

#[tokio::test]
async fn subjects_come_and_go_with_their_registration_and_not_here() {
    for world in worlds().await {
        let bank = world.client().await;
        let body = json!({ "stream_id": bank.id.as_str(), "subject": { "format": "opaque", "id": "pw_1" } });
        for path in ["/v1/ssf/subjects/add", "/v1/ssf/subjects/remove"] {
            let answer = world.call(&bank, "POST", path, &body).await;
            assert_eq!(answer.code(), (403, "stream.subjects_by_registration"));
        }
    }
}

#[tokio::test]
async fn without_a_token_there_is_nothing_but_what_is_public() {
    for world in worlds().await {
        for (method, path) in [
            ("GET", "/v1/change-events"),
            ("GET", "/v1/change-events/live"),
            ("GET", "/v1/change-events/heartbeat"),
            ("GET", "/v1/change-events/days"),
            ("GET", "/v1/change-events/days/2026-04-01"),
            ("POST", "/v1/ssf/poll"),
            ("POST", STREAMS),
            ("GET", STREAMS),
            ("PATCH", STREAMS),
            ("PUT", STREAMS),
            ("DELETE", STREAMS),
            ("GET", "/v1/ssf/status"),
            ("POST", "/v1/ssf/status"),
            ("POST", "/v1/ssf/verify"),
            ("POST", "/v1/ssf/subjects/add"),
            ("POST", "/v1/ssf/subjects/remove"),
        ] {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            assert_eq!(world.send(request).await.code(), (401, "token.missing"), "{method} {path}");
        }
    }
}

#[test]
fn every_problem_has_its_own_code_and_speaks_both_languages() {
    let mut codes = std::collections::BTreeSet::new();
    for kind in musubi_stream::PROBLEMS {
        assert!(codes.insert(kind.code.as_str()), "{}", kind.code);
        assert!(!kind.ja.what.is_ascii() && !kind.ja.next.is_ascii(), "{}", kind.code);
        assert!(kind.en.what.is_ascii() && kind.en.next.ends_with('.'), "{}", kind.code);
    }
}

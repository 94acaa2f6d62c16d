//! The routes: who may register what, once, and with a record.

use musubi_httpkit::outbound::Reach;
use serde_json::{Value, json};

use super::world::{Client, World, worlds, worlds_reaching};

const PATH: &str = "/v1/stream-endpoint";

async fn put(world: &World, client: &Client, key: &str, body: Value) -> (u16, Value) {
    world.call(client, "PUT", PATH, key, Some(body)).await
}

fn webhook() -> Value {
    json!({ "url": "https://hooks.bank.example/events", "style": "webhook" })
}

#[tokio::test]
async fn an_endpoint_is_registered_once_and_its_secret_is_shown_once() {
    for world in worlds_reaching(Reach::PublicOnly).await {
        let client = world.client().await;
        assert_eq!(world.call(&client, "GET", PATH, "", None).await.1["code"], "stream_endpoint.unknown");
        let (status, made) = put(&world, &client, "k1", webhook()).await;
        assert_eq!(status, 200, "{made}");
        let secret = made["secret"].as_str().unwrap();
        assert!(secret.starts_with("whsec_") && secret.len() == 50, "32 bytes of base64");
        assert_eq!(made["status"]["state"], "unverified");
        assert_eq!(made["ownership"]["url"], "https://hooks.bank.example/.well-known/musubi-receiver");
        assert_eq!(made["heartbeat_seconds"], 3600);
        let (status, again) = put(&world, &client, "k1", webhook()).await;
        assert_eq!((status, &again["secret"]), (200, &Value::Null), "a stored answer holds no secret");
        let (_, read) = world.call(&client, "GET", PATH, "", None).await;
        assert_eq!((&read["secret"], &read["ownership"]), (&Value::Null, &made["ownership"]));
        let (_, other) = put(&world, &client, "k2", webhook()).await;
        assert_eq!(
            (&other["secret"], &other["ownership"]),
            (&Value::Null, &made["ownership"]),
            "the same endpoint"
        );
        let elsewhere = json!({ "url": "https://other.bank.example/events", "style": "webhook" });
        let (_, moved) = put(&world, &client, "k3", elsewhere).await;
        assert_ne!(moved["ownership"]["value"], made["ownership"]["value"], "another URL, another proof");
        assert_eq!(put(&world, &client, "k1", json!({})).await.0, 400);
        let kinds = world.audited().await;
        assert_eq!(kinds.iter().filter(|kind| *kind == "stream_endpoint.set").count(), 3);
    }
}

#[tokio::test]
async fn an_address_that_leads_inside_or_to_the_platform_itself_is_refused_and_leaves_nothing() {
    for world in worlds_reaching(Reach::PublicOnly).await {
        let client = world.client().await;
        let before = musubi_store::testing::row_counts(&world.context().db).await.unwrap();
        for (url, reason) in [
            ("http://bank.example/events", "scheme"),
            ("http://127.0.0.1:8080/events", "scheme"),
            ("https://127.0.0.1/events", "host"),
            ("https://[::ffff:10.0.0.1]/events", "host"),
            ("https://169.254.169.254/latest", "host"),
            ("https://metadata.google.internal/", "host"),
            ("https://localhost/", "host"),
            ("https://user:pw@bank.example/", "credentials"),
            ("https://bank.example:6379/", "port"),
            ("nonsense", "malformed"),
            ("https://api.musubi.example/v1/token", "own"),
            ("https://portal.musubi.example/", "own"),
        ] {
            let (status, body) = put(&world, &client, "k", json!({ "url": url, "style": "set_push" })).await;
            assert_eq!(
                (status, body["code"].as_str().unwrap()),
                (400, "stream_endpoint.url_refused"),
                "{url}"
            );
            assert_eq!(body["reason"], reason, "{url}");
        }
        for wrong in [
            json!({ "url": "https://bank.example/", "style": "carrier_pigeon" }),
            json!({ "url": "https://bank.example/", "style": "set_push", "heartbeat_seconds": 59 }),
            json!({ "url": "https://bank.example/", "style": "set_push", "heartbeat_seconds": 86_401 }),
            json!({ "url": "https://bank.example/", "style": "set_push", "authorization": "" }),
            json!({ "url": "https://bank.example/", "style": "set_push", "authorization": "a\r\nb: c" }),
            json!({ "url": "https://bank.example/", "style": "set_push", "authorization": "あ" }),
            json!({ "url": "https://bank.example/", "style": "set_push", "unknown": 1 }),
        ] {
            assert_eq!(put(&world, &client, "k", wrong.clone()).await.0, 400, "{wrong}");
        }
        let beyond = json!({ "url": "https://bank.example/", "style": "set_push", "after": 1 });
        let (_, body) = put(&world, &client, "k", beyond).await;
        assert_eq!(body["code"], "stream_endpoint.number_unknown");
        assert_eq!(musubi_store::testing::row_counts(&world.context().db).await.unwrap(), before);
    }
}

#[test]
fn every_problem_speaks_both_languages() {
    for kind in musubi_stream::push::PROBLEMS {
        assert!((400..500).contains(&kind.status), "{}", kind.code);
        assert!(!kind.ja.what.is_ascii() && !kind.ja.next.is_ascii(), "{}", kind.code);
        assert!(kind.en.what.is_ascii() && kind.en.next.is_ascii(), "{}", kind.code);
    }
}

#[tokio::test]
async fn nobody_sees_or_changes_the_endpoint_of_another() {
    for world in worlds_reaching(Reach::PublicOnly).await {
        let (client, stranger) = (world.client().await, world.client().await);
        put(&world, &client, "k1", webhook()).await;
        assert_eq!(world.call(&stranger, "GET", PATH, "", None).await.0, 404);
        for (method, path, body) in [
            ("POST", "/secret", json!({})),
            ("POST", "/resume", json!({})),
            ("POST", "/replay", json!({ "from": 1 })),
            ("POST", "/dead-letters/redeliver", json!({})),
        ] {
            let (status, _) = world.call(&stranger, method, &format!("{PATH}{path}"), "k", Some(body)).await;
            assert_eq!(status, 404, "{path}");
        }
        let (_, removed) = world.call(&stranger, "DELETE", PATH, "k9", None).await;
        assert_eq!(removed["removed"], false);
        assert_eq!(world.call(&client, "GET", PATH, "", None).await.0, 200);
        let (_, removed) = world.call(&client, "DELETE", PATH, "k9", None).await;
        assert_eq!(removed["removed"], true);
        assert_eq!(world.call(&client, "GET", PATH, "", None).await.0, 404);
    }
}

#[tokio::test]
async fn what_the_database_keeps_of_a_secret_and_an_authorization_is_sealed() {
    for world in worlds_reaching(Reach::PublicOnly).await {
        let client = world.client().await;
        let mut request = webhook();
        request["authorization"] = "Bearer canary-4711".into();
        let (_, made) = put(&world, &client, "k1", request).await;
        assert_eq!(made["authorization_set"], true);
        let mut tx = world.context().db.begin_read().await.unwrap();
        let row = tx.query_one("SELECT secret, authorization_header FROM push_endpoint", &[]).await.unwrap();
        let authorization = row.blob("authorization_header").unwrap();
        assert!(!authorization.windows(6).any(|part| part == b"canary"));
        assert_eq!(row.blob("secret").unwrap().len(), 12 + 32 + 16);
        let answers = tx.query("SELECT body FROM idempotency", &[]).await.unwrap();
        let secret = made["secret"].as_str().unwrap();
        assert!(answers.iter().all(|row| !row.text("body").unwrap().contains(&secret[6..])));
    }
}

#[tokio::test]
async fn only_a_webhook_has_a_secret_to_rotate_and_a_replay_names_a_number_of_the_stream() {
    for world in worlds().await {
        let client = world.client().await;
        let push = json!({ "url": "https://hooks.bank.example/events", "style": "set_push" });
        let (_, made) = put(&world, &client, "k1", push).await;
        assert_eq!(made["secret"], Value::Null);
        let secret = format!("{PATH}/secret");
        let (status, body) = world.call(&client, "POST", &secret, "k2", Some(json!({}))).await;
        assert_eq!((status, body["code"].as_str().unwrap()), (409, "stream_endpoint.without_secret"));
        world.append(&client.id, 3).await;
        let replay = format!("{PATH}/replay");
        for from in [0, 5] {
            let (status, body) =
                world.call(&client, "POST", &replay, "k3", Some(json!({ "from": from }))).await;
            assert_eq!((status, body["code"].as_str().unwrap()), (400, "stream_endpoint.number_unknown"));
        }
        let (status, body) = world.call(&client, "POST", &replay, "k4", Some(json!({ "from": 4 }))).await;
        assert_eq!((status, &body["status"]["delivered"]), (200, &json!(3)));
    }
}

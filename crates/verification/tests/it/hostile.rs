//! Bulk registration: what senders may not do, and that it costs nobody else anything.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::world::{World, worlds};

fn start(format: &str) -> Value {
    json!({ "format": format, "purpose": "benefit_payment", "basis": "contract" })
}

async fn state(world: &World, id: &str) -> Value {
    world.call(&world.bank, "GET", &format!("/v1/bulk-registrations/{id}"), None).await.json()
}

#[tokio::test]
async fn a_line_without_end_ends_the_file_and_what_came_before_it_stays() {
    for world in worlds().await {
        world.link(&world.bank, 1..2).await;
        let id = world.begin(&world.bank, start("ndjson")).await;
        let endless = format!("{{\"customer_id\":\"c-1\"}}\n{}", "x".repeat(300_000));
        let answer = world.append(&world.bank, &id, 0, "?0", endless).await.json();
        assert_eq!((&answer["state"], &answer["why"]), (&json!("failed"), &json!("line.too_long")));
        assert_eq!(world.results(&world.bank, &id, 0).await, ["1 c-1 watched"]);
        assert_eq!(world.counted(&world.bank).await, 1);
        let more = world.append(&world.bank, &id, 0, "?1", "").await;
        assert_eq!(more.code(), (409, "bulk.ended".into()));
        // Also if it comes in small pieces.
        let id = world.begin(&world.bank, start("ndjson")).await;
        let mut offset = 0;
        while offset < 200_000 {
            let answer = world.append(&world.bank, &id, offset, "?0", "y".repeat(10_000)).await;
            if answer.json()["state"] == "failed" {
                break;
            }
            offset += 10_000;
            assert_eq!(answer.header("upload-offset"), offset.to_string());
        }
        assert_eq!(state(&world, &id).await["state"], "failed", "{}", world.engine());
        assert!(offset < 60_000, "{offset}");
    }
}

#[tokio::test]
async fn a_claim_of_more_than_there_may_be_is_refused_and_a_wrong_one_is_told() {
    for world in worlds().await {
        for (field, value) in
            [("bytes", json!(1_u64 << 40)), ("sha256", json!("00")), ("format", json!("gzip"))]
        {
            let mut body = start("ndjson");
            body[field] = value;
            let answer = world.call(&world.bank, "POST", "/v1/bulk-registrations", Some(body)).await;
            assert_eq!((answer.code().0, answer.json()["field"].as_str()), (422, Some(field)));
        }
        let line = "{\"customer_id\":\"c-1\"}\n";
        let mut body = start("ndjson");
        body["bytes"] = json!(10);
        let id = world.begin(&world.bank, body).await;
        let answer = world.append(&world.bank, &id, 0, "?1", line).await;
        assert_eq!(answer.code(), (400, "bulk.length".into()));
        assert_eq!(state(&world, &id).await["received_bytes"], 0);
        for (field, value, why) in [
            ("bytes", json!(100), "bytes.differ"),
            ("lines", json!(7), "lines.differ"),
            ("sha256", json!("00".repeat(32)), "sha256.differs"),
        ] {
            world.call(&world.bank, "DELETE", &format!("/v1/bulk-registrations/{id}"), None).await;
            let mut body = start("ndjson");
            body[field] = value;
            let id = world.begin(&world.bank, body).await;
            let answer = world.append(&world.bank, &id, 0, "?1", line).await.json();
            assert_eq!((&answer["state"], &answer["why"]), (&json!("differs"), &json!(why)));
        }
    }
}

#[tokio::test]
async fn another_offset_is_told_the_right_one_and_changes_nothing() {
    for world in worlds().await {
        world.link(&world.bank, 1..3).await;
        let id = world.begin(&world.bank, start("ndjson")).await;
        let (first, second) = ("{\"customer_id\":\"c-1\"}\n{\"cust", "omer_id\":\"c-2\"}");
        let answer = world.append(&world.bank, &id, 0, "?0", first).await;
        assert_eq!(answer.header("upload-complete"), "?0");
        for wrong in [0, 1, first.len() as u64 + 1, u64::MAX / 2] {
            let answer = world.append(&world.bank, &id, wrong, "?1", second).await;
            assert_eq!(answer.code(), (409, "bulk.offset".into()));
            assert_eq!(answer.json()["expected_offset"], first.len());
        }
        let head = Request::head(format!("/v1/bulk-registrations/{id}/content"))
            .header("authorization", World::bearer(&world.bank))
            .body(Body::empty())
            .unwrap();
        let head = world.send(head).await;
        assert_eq!((head.status.as_u16(), head.header("upload-offset")), (204, &*first.len().to_string()));
        assert!(head.header("upload-limit").starts_with("max-append-size="));
        let answer = world.append(&world.bank, &id, first.len() as u64, "?1", second).await;
        assert_eq!(answer.json()["results"], json!({ "watched": 2 }), "{}", world.engine());
    }
}

#[tokio::test]
async fn compressed_content_other_types_and_missing_headers_are_refused() {
    for world in worlds().await {
        let id = world.begin(&world.bank, start("ndjson")).await;
        let path = format!("/v1/bulk-registrations/{id}/content");
        let request = || Request::patch(&path).header("authorization", World::bearer(&world.bank));
        let partial = || request().header("content-type", "application/partial-upload");
        for (request, status) in [
            (partial().header("content-encoding", "gzip").header("upload-offset", "0"), 415),
            (request().header("content-type", "application/x-ndjson").header("upload-offset", "0"), 415),
            (request().header("upload-offset", "0"), 415),
            (partial().header("upload-complete", "?1"), 400),
            (partial().header("upload-offset", "-1").header("upload-complete", "?1"), 400),
            (partial().header("upload-offset", "0"), 400),
            (partial().header("upload-offset", "0").header("upload-complete", "yes"), 400),
            (
                partial()
                    .header("upload-offset", "0")
                    .header("upload-complete", "?1")
                    .header("upload-length", "99999999999999"),
                400,
            ),
        ] {
            let answer = world.send(request.body(Body::from("x")).unwrap()).await;
            assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        }
        // A gzip bomb that does not say so is lines that cannot be read.
        let bomb = [&[0x1F, 0x8B, 0x08][..], &[0_u8; 2_000], b"\n"].concat();
        let answer = world.append(&world.bank, &id, 0, "?1", bomb).await.json();
        assert_eq!(answer["results"], json!({ "malformed": 1 }), "{}", world.engine());
    }
}

#[tokio::test]
async fn nobody_elses_registration_is_there() {
    for world in worlds().await {
        let id = world.begin(&world.bank, start("ndjson")).await;
        let path = format!("/v1/bulk-registrations/{id}");
        for (method, path) in
            [("GET", path.clone()), ("DELETE", path.clone()), ("GET", format!("{path}/results"))]
        {
            let answer = world.call(&world.shop, method, &path, None).await;
            assert_eq!(answer.code(), (404, "bulk.unknown".into()), "{method} {path}");
        }
        let answer = world.append(&world.shop, &id, 0, "?1", "{}\n").await;
        assert_eq!(answer.code(), (404, "bulk.unknown".into()));
        assert_eq!(state(&world, &id).await["state"], "open");
    }
}

#[tokio::test]
async fn open_ones_are_few_may_be_cancelled_and_end_after_a_week() {
    for world in worlds().await {
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(world.begin(&world.bank, start("ndjson")).await);
        }
        let answer = world.call(&world.bank, "POST", "/v1/bulk-registrations", Some(start("csv"))).await;
        assert_eq!(answer.code(), (429, "bulk.too_many".into()));
        world.begin(&world.shop, start("ndjson")).await;
        let path = format!("/v1/bulk-registrations/{}", ids[0]);
        assert_eq!(world.call(&world.bank, "DELETE", &path, None).await.json()["state"], "cancelled");
        assert_eq!(world.call(&world.bank, "DELETE", &path, None).await.code().1, "bulk.ended");
        let answer = world.append(&world.bank, &ids[0], 0, "?1", "{}\n").await;
        assert_eq!(answer.code(), (409, "bulk.ended".into()));
        let later = world.now().plus(7 * 24 * 3600);
        let mut tx = world.context().db.begin().await.unwrap();
        let context = world.context();
        let ended = musubi_verification::watching::bulk::expire_abandoned(&mut tx, context, later).await;
        assert_eq!(ended.unwrap(), 4, "{}", world.engine());
        tx.commit().await.unwrap();
        assert_eq!(state(&world, &ids[1]).await["state"], "expired");
    }
}

#[tokio::test]
async fn a_csv_file_with_a_mark_quotes_and_bad_bytes_costs_only_its_bad_lines() {
    for world in worlds().await {
        world.link(&world.bank, 1..4).await;
        let id = world.begin(&world.bank, start("csv")).await;
        let mut file = b"\xEF\xBB\xBF\"customer_id\"\r\nc-1\r\n\"c-2\"\r\n".to_vec();
        file.extend_from_slice(b"\xFF\xFE\r\n\"c-3\r\nc-3,extra\r\n\r\nc-3");
        let answer = world.append(&world.bank, &id, 0, "?1", file).await.json();
        assert_eq!(answer["state"], "complete", "{answer}");
        assert_eq!(
            world.results(&world.bank, &id, 0).await,
            [
                "2 c-1 watched",
                "3 c-2 watched",
                "4 - malformed",
                "5 - malformed",
                "6 - malformed",
                "8 c-3 watched"
            ],
            "{}",
            world.engine()
        );
        let id = world.begin(&world.bank, start("csv")).await;
        let answer = world.append(&world.bank, &id, 0, "?1", "name;customer\nc-1\n").await.json();
        assert_eq!((&answer["state"], &answer["why"]), (&json!("failed"), &json!("csv.header")));
    }
}

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use musubi_httpkit::{Json, PostedJson};
use serde_json::{Value, json};

use super::*;
use crate::audit::{self, AuditEvent};
use crate::test_support::{Answer, World, worlds_with};
use crate::{ApiError, Caller, Context};

/// A route as features write them: its effect is one audit event.
async fn probe(
    State(context): State<Context>,
    caller: Caller,
    key: IdempotencyKey,
    posted: PostedJson<Value>,
) -> Result<Response, ApiError> {
    let at = context.clock.now();
    let mut tx = context.db.begin().await?;
    match begin(&mut tx, &caller.relying_party, &key, "/v1/probe", &posted.sha256, at).await? {
        Attempt::Replay(remembered) => return Ok(remembered.into_response()),
        Attempt::Fresh => {}
    }
    let event = AuditEvent {
        kind: audit::CHANGE_CHECK_MADE,
        relying_party: Some(caller.relying_party.clone()),
        person: None,
        detail: json!({}),
    };
    let receipt = audit::append(&mut tx, &event, &*context.random, at).await?;
    if posted.value["fail"] == true {
        return Err((&KEY_MALFORMED).into());
    }
    let body = json!({ "audit": receipt });
    remember(&mut tx, &caller.relying_party, &key, &Remembered { status: 200, body: body.to_string() })
        .await?;
    tx.commit().await?;
    Ok(Json::<_>(body).into_response())
}

async fn probe_worlds() -> Vec<World> {
    worlds_with(Router::new().route("/v1/probe", post(probe))).await
}

async fn send(world: &World, token: &str, keys: &[&str], body: &str) -> Answer {
    let mut request = Request::post("/v1/probe")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    for key in keys {
        request = request.header("idempotency-key", *key);
    }
    world.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn effects(world: &World) -> usize {
    world.audited().await.iter().filter(|kind| *kind == audit::CHANGE_CHECK_MADE).count()
}

#[tokio::test]
async fn the_same_request_has_its_effect_once_and_the_same_answer_again() {
    for world in probe_worlds().await {
        let token = world.token(&world.client().await).await;
        let first = send(&world, &token, &["a"], "{}").await;
        assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (200, ""));
        let again = send(&world, &token, &["a"], "{}").await;
        assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (200, "true"));
        assert_eq!(again.header("content-type"), "application/json");
        assert_eq!(again.body, first.body);
        assert_eq!(effects(&world).await, 1);
        assert_eq!(send(&world, &token, &["b"], "{}").await.status, 200);
        assert_eq!(effects(&world).await, 2);
    }
}

#[tokio::test]
async fn a_key_used_for_another_body_is_refused_and_other_relying_parties_have_keys_of_their_own() {
    for world in probe_worlds().await {
        let token = world.token(&world.client().await).await;
        send(&world, &token, &["a"], "{}").await;
        let reused = send(&world, &token, &["a"], r#"{"n":1}"#).await;
        assert_eq!(reused.code(), (422, "idempotency.key_reused"));
        assert_eq!(effects(&world).await, 1);
        let other = world.token(&world.client().await).await;
        let fresh = send(&world, &other, &["a"], r#"{"n":1}"#).await;
        assert_eq!((fresh.status.as_u16(), fresh.header("idempotency-replayed")), (200, ""));
    }
}

#[tokio::test]
async fn a_missing_doubled_or_malformed_key_is_refused() {
    for world in probe_worlds().await {
        let token = world.token(&world.client().await).await;
        assert_eq!(send(&world, &token, &[], "{}").await.code(), (400, "idempotency.key_missing"));
        assert_eq!(send(&world, &token, &["a", "b"], "{}").await.code(), (400, "idempotency.key_malformed"));
        for malformed in ["", "a b", "a/b", "é", &"a".repeat(65)] {
            assert_eq!(
                send(&world, &token, &[malformed], "{}").await.code(),
                (400, "idempotency.key_malformed")
            );
        }
        assert_eq!(send(&world, &token, &[&"A-z.9_".repeat(10)], "{}").await.status, 200);
    }
}

#[tokio::test]
async fn an_attempt_that_failed_leaves_nothing_behind() {
    for world in probe_worlds().await {
        let token = world.token(&world.client().await).await;
        assert_eq!(send(&world, &token, &["a"], r#"{"fail":true}"#).await.status, 400);
        assert_eq!(effects(&world).await, 0);
        assert_eq!(send(&world, &token, &["a"], "{}").await.status, 200);
    }
}

#[tokio::test]
async fn many_attempts_at_once_have_one_effect() {
    for world in probe_worlds().await {
        let token = world.token(&world.client().await).await;
        let attempts = (0..8).map(|_| send(&world, &token, &["a"], "{}"));
        let answers = join_all(attempts).await;
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
        assert_eq!(answers.iter().filter(|a| a.header("idempotency-replayed").is_empty()).count(), 1);
        assert_eq!(effects(&world).await, 1);
    }
}

#[tokio::test]
async fn an_answer_stays_24_hours() {
    for world in probe_worlds().await {
        let client = world.client().await;
        let token = world.token(&client).await;
        send(&world, &token, &["a"], "{}").await;
        world.clock.advance(24 * 3600 - 1);
        let token = world.token(&client).await;
        assert_eq!(send(&world, &token, &["a"], "{}").await.header("idempotency-replayed"), "true");
        world.clock.advance(1);
        assert_eq!(send(&world, &token, &["a"], r#"{"n":1}"#).await.header("idempotency-replayed"), "");
        assert_eq!(effects(&world).await, 2);
    }
}

#[tokio::test]
async fn recall_tells_as_begin_does_and_claims_nothing() {
    for world in probe_worlds().await {
        let client = world.client().await;
        let (rp, key, at) = (&client.id, IdempotencyKey::parse("a").unwrap(), world.now());
        let mut tx = world.context.db.begin().await.unwrap();
        for _ in 0..2 {
            assert_eq!(recall(&mut tx, rp, &key, "/v1/x", &[0; 32], at).await.unwrap(), Attempt::Fresh);
        }
        assert_eq!(begin(&mut tx, rp, &key, "/v1/x", &[0; 32], at).await.unwrap(), Attempt::Fresh);
        let answer = Remembered { status: 201, body: "{}".into() };
        remember(&mut tx, rp, &key, &answer).await.unwrap();
        assert!(remember(&mut tx, rp, &key, &answer).await.is_err(), "an answer is not replaced");
        let recalled = recall(&mut tx, rp, &key, "/v1/x", &[0; 32], at).await.unwrap();
        assert_eq!(recalled, Attempt::Replay(answer));
        let other_route = recall(&mut tx, rp, &key, "/v1/y", &[0; 32], at).await;
        assert!(matches!(other_route, Err(IdempotencyError::Reused)));
    }
}

async fn join_all<F: Future<Output = Answer>>(futures: impl Iterator<Item = F>) -> Vec<Answer> {
    let mut pending: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<Answer>> = pending.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, slot) in pending.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(answer) = future.as_mut().poll(cx)
            {
                *slot = Some(answer);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

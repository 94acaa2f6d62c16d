use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use musubi_crypto::{AssertionClaims, ClientKey};
use musubi_httpkit::Json;

use super::*;
use crate::test_support::{Answer, World, worlds, worlds_with};

async fn probe_worlds() -> Vec<World> {
    let probe = async |caller: Caller| Json::<_>(caller.relying_party);
    worlds_with(Router::new().route("/v1/probe", get(probe))).await
}

async fn probe(world: &World, authorization: &[&str]) -> Answer {
    let mut request = Request::get("/v1/probe");
    for value in authorization {
        request = request.header("authorization", *value);
    }
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_signed_assertion_becomes_a_token_that_names_its_caller_for_ten_minutes() {
    for world in probe_worlds().await {
        let client = world.client().await;
        let assertion = client.key.sign(&world.claims(&client.id)).unwrap();
        let answer = world.exchange(&assertion).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["token_type"], "Bearer");
        assert_eq!(answer.body["expires_in"], 600);
        assert_eq!(answer.header("cache-control"), "no-store");
        let bearer = format!("Bearer {}", answer.body["access_token"].as_str().unwrap());
        world.clock.advance(599);
        let called = probe(&world, &[&bearer]).await;
        assert_eq!(called.body, client.id.as_str());
        world.clock.advance(1);
        let expired = probe(&world, &[&bearer]).await;
        assert_eq!(expired.code(), (401, "token.invalid"));
        assert!(expired.header("www-authenticate").contains("invalid_token"));
        assert_eq!(world.audited().await, ["relying_party.registered", "token.issued"]);
    }
}

#[tokio::test]
async fn without_a_good_token_nobody_is_let_in() {
    for world in probe_worlds().await {
        let token = world.token(&world.client().await).await;
        let missing = probe(&world, &[]).await;
        assert_eq!(missing.code(), (401, "token.missing"));
        assert_eq!(missing.header("www-authenticate"), r#"Bearer realm="musubi""#);
        assert_eq!(missing.header("content-type"), "application/problem+json");
        let good = format!("Bearer {token}");
        let other = format!("Bearer {}", "A".repeat(43));
        let basic = format!("Basic {token}");
        for wrong in [
            &[other.as_str()][..],
            &[basic.as_str()],
            &[token.as_str()],
            &["Bearer"],
            &["Bearer "],
            &["é"],
            &[&good, &good],
        ] {
            assert_eq!(probe(&world, wrong).await.code(), (401, "token.invalid"), "{wrong:?}");
        }
        assert_eq!(probe(&world, &[&good.replace("Bearer", "bearer")]).await.status, 200, "RFC 9110, 11.1");
    }
}

#[tokio::test]
async fn an_assertion_is_good_once_and_for_its_own_client_only() {
    for world in worlds().await {
        let (client, other) = (world.client().await, world.client().await);
        let claims = world.claims(&client.id);
        let assertion = client.key.sign(&claims).unwrap();
        assert_eq!(world.exchange(&assertion).await.status, 200);
        let replayed = world.exchange(&assertion).await;
        assert_eq!(replayed.code(), (401, "client.unauthenticated"));
        assert_eq!(replayed.body["error"], "invalid_client");
        let signed_again = client.key.sign(&claims).unwrap();
        assert_eq!(
            world.exchange(&signed_again).await.code(),
            (401, "client.unauthenticated"),
            "the same jti"
        );
        let same_jti = AssertionClaims { jti: claims.jti.clone(), ..world.claims(&other.id) };
        assert_eq!(
            world.exchange(&other.key.sign(&same_jti).unwrap()).await.status,
            200,
            "another client's jti"
        );
        world.clock.advance(89);
        let mut tx = world.context.db.begin().await.unwrap();
        purge_expired(&mut tx, world.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            world.exchange(&assertion).await.code(),
            (401, "client.unauthenticated"),
            "kept past the skew"
        );
    }
}

#[tokio::test]
async fn every_other_assertion_gets_the_same_refusal() {
    for world in worlds().await {
        let (client, stranger) = (world.client().await, ClientKey::generate().unwrap());
        let claims = || world.claims(&client.id);
        let sign = |claims: AssertionClaims| client.key.sign(&claims).unwrap();
        let unknown = crate::RelyingPartyId::generate(&*world.context.random);
        let now = world.now().0;
        let good = sign(claims());
        let wrong = [
            ("another key", stranger.sign(&claims()).unwrap()),
            ("an unknown client", stranger.sign(&world.claims(&unknown)).unwrap()),
            (
                "another audience",
                sign(AssertionClaims { aud: "https://evil.test/v1/token".into(), ..claims() }),
            ),
            ("another issuer", sign(AssertionClaims { iss: unknown.to_string(), ..claims() })),
            ("expired", sign(AssertionClaims { iat: now - 120, exp: now - 60, ..claims() })),
            ("from the future", sign(AssertionClaims { iat: now + 60, exp: now + 120, ..claims() })),
            ("too long-lived", sign(AssertionClaims { exp: now + 301, ..claims() })),
            ("no jti", sign(AssertionClaims { jti: String::new(), ..claims() })),
            ("not a JWT", "x".into()),
            ("empty", String::new()),
            ("cut off", good[..good.len() - 4].into()),
            ("no signature", good[..=good.rfind('.').unwrap()].into()),
            ("four parts", format!("{good}.x")),
        ];
        let mut bodies = Vec::new();
        for (what, assertion) in wrong {
            let answer = world.exchange(&assertion).await;
            assert_eq!(answer.code(), (401, "client.unauthenticated"), "{what}");
            bodies.push(answer.body);
        }
        assert!(bodies.iter().all(|body| *body == bodies[0]), "nobody learns which check failed");
        assert_eq!(world.audited().await, ["relying_party.registered"]);
        assert_eq!(world.exchange(&good).await.status, 200);
    }
}

#[tokio::test]
async fn a_token_request_that_is_not_one_is_refused() {
    for world in worlds().await {
        let client = world.client().await;
        let assertion = client.key.sign(&world.claims(&client.id)).unwrap();
        let (grant, kind) = (("grant_type", "client_credentials"), ("client_assertion_type", ASSERTION_TYPE));
        let given = ("client_assertion", assertion.as_str());
        let other_grant = world.token_request(&[("grant_type", "password"), kind, given]).await;
        assert_eq!(other_grant.code(), (400, "token.unsupported_grant"));
        assert_eq!(other_grant.body["error"], "unsupported_grant_type");
        for incomplete in
            [&[grant, kind][..], &[kind, given], &[grant, given], &[], &[grant, grant, kind, given]]
        {
            let answer = world.token_request(incomplete).await;
            assert_eq!(answer.code(), (400, "request.malformed"));
            assert_eq!(answer.body["error"], "invalid_request");
        }
        let other_kind = world.token_request(&[grant, ("client_assertion_type", "x"), given]).await;
        assert_eq!(other_kind.code(), (401, "client.unauthenticated"));
        for length in [MAX_ASSERTION + 1, 10_000] {
            let answer = world.exchange(&"a".repeat(length)).await;
            assert_eq!(answer.code(), (413, "request.too_large"), "{length}");
        }
        assert_eq!(world.exchange(&"a".repeat(MAX_ASSERTION)).await.status, 401);
        let json =
            Request::post("/v1/token").header("content-type", "application/json").body(Body::from("{}"));
        assert_eq!(world.send(json.unwrap()).await.code(), (415, "request.unsupported_media_type"));
        assert_eq!(world.get("/v1/token").await.code(), (405, "method.not_allowed"));
        let with_scope = world.token_request(&[grant, kind, given, ("scope", "x")]).await;
        assert_eq!(with_scope.status, 200, "unknown fields are ignored (RFC 6749, 3.2)");
    }
}

#[tokio::test]
async fn a_flood_is_slowed_down_and_a_client_cannot_use_up_anothers_allowance() {
    for world in worlds().await {
        let (loud, quiet) = (world.client().await, world.client().await);
        for _ in 0..20 {
            world.token(&loud).await;
        }
        let refused = world.exchange(&loud.key.sign(&world.claims(&loud.id)).unwrap()).await;
        assert_eq!(refused.code(), (429, "request.rate_limited"));
        assert_eq!(refused.header("retry-after"), "2");
        world.token(&quiet).await;
        let mut statuses = Vec::new();
        for _ in 0..60 {
            statuses.push(world.exchange("x").await.status.as_u16());
        }
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 60 - 22, "per address, in all");
        assert_eq!(statuses.last(), Some(&429));
        world.clock.advance(1);
        world.token(&quiet).await;
    }
}

#[tokio::test]
async fn tokens_and_assertion_ids_are_purged_after_their_time() {
    for world in worlds().await {
        let client = world.client().await;
        let token = world.token(&client).await;
        let mut tx = world.context.db.begin().await.unwrap();
        let rows = tx.query("SELECT token_sha256 FROM access_token", &[]).await.unwrap();
        assert_eq!(rows[0].blob("token_sha256").unwrap(), musubi_crypto::sha256(token.as_bytes()));
        assert_eq!(purge_expired(&mut tx, world.now().plus(179)).await.unwrap(), 0);
        assert_eq!(purge_expired(&mut tx, world.now().plus(180)).await.unwrap(), 1, "the assertion id");
        assert_eq!(purge_expired(&mut tx, world.now().plus(600)).await.unwrap(), 1, "the token");
    }
}

/// The private key of RFC 6979, A.2.5, as PKCS#8.
const PUBLISHED_KEY: &str = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420\
    c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721a14403420004\
    60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
    7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";

#[tokio::test]
async fn an_unknown_client_is_verified_like_a_known_one_and_refused_even_if_the_signature_is_right() {
    for world in worlds().await {
        let key = ClientKey::from_pkcs8_der(&hex::decode(PUBLISHED_KEY).unwrap()).unwrap();
        let unknown = crate::RelyingPartyId::generate(&*world.context.random);
        let claims = world.claims(&unknown);
        let assertion = key.sign(&claims).unwrap();
        let verified =
            super::service::decoy().verify_assertion(&assertion, unknown.as_str(), &claims.aud, world.now());
        assert!(verified.is_ok(), "the whole verification was done");
        assert_eq!(world.exchange(&assertion).await.code(), (401, "client.unauthenticated"));
        assert!(world.audited().await.is_empty());
    }
}

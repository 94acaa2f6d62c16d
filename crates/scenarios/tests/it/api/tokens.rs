//! The token endpoint: who gets an access token, and who does not.

use axum::body::Body;
use axum::http::{Request, header};
use musubi_crypto::{AssertionClaims, ClientKey};

use super::fixture::{Answer, Client, Fixture, fixtures};
use super::sweep::assert_problem;

const ASSERTION_TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

async fn post(fx: &Fixture, content_type: &str, body: String) -> Answer {
    let request = Request::post("/v1/token").header(header::CONTENT_TYPE, content_type);
    fx.send(request.body(Body::from(body)).unwrap()).await
}

async fn exchange(fx: &Fixture, assertion: &str) -> Answer {
    let form = format!(
        "grant_type=client_credentials&client_assertion_type={ASSERTION_TYPE}&client_assertion={assertion}"
    );
    post(fx, "application/x-www-form-urlencoded", form).await
}

fn claims(fx: &Fixture, client: &Client) -> AssertionClaims {
    AssertionClaims {
        iss: client.id.to_string(),
        sub: client.id.to_string(),
        aud: "https://api.example/v1/token".into(),
        jti: fx.fresh("jti"),
        iat: fx.now().0,
        exp: fx.now().0 + 60,
    }
}

#[tokio::test]
async fn an_assertion_is_good_once_and_for_its_own_client_key_audience_and_time() {
    for fx in fixtures().await {
        let right = fx.bank.key.sign(&claims(&fx, &fx.bank)).unwrap();
        let answer = exchange(&fx, &right).await.expect(200);
        assert_eq!((answer.str("token_type"), answer.body["expires_in"].as_i64()), ("Bearer", Some(600)));
        assert_eq!(answer.header("cache-control"), "no-store");
        let before = fx.counts().await;
        assert_problem(&exchange(&fx, &right).await, 401, "client.unauthenticated", "the same again");

        let now = fx.now().0;
        let stranger = ClientKey::generate().unwrap();
        let unknown = "rp_00000000000000000000000000000000".to_owned();
        let base = claims(&fx, &fx.bank);
        for (key, claims, what) in [
            (&stranger, claims(&fx, &fx.bank), "another key"),
            (&fx.clinic.key, claims(&fx, &fx.bank), "another client's key"),
            (
                &fx.bank.key,
                AssertionClaims { iss: fx.clinic.id.to_string(), ..base.clone() },
                "another issuer",
            ),
            (
                &fx.bank.key,
                AssertionClaims { sub: fx.clinic.id.to_string(), ..base.clone() },
                "another subject",
            ),
            (
                &stranger,
                AssertionClaims { iss: unknown.clone(), sub: unknown, ..base.clone() },
                "an unknown client",
            ),
            (
                &fx.bank.key,
                AssertionClaims { aud: "https://evil.example/v1/token".into(), ..base.clone() },
                "another audience",
            ),
            (&fx.bank.key, AssertionClaims { iat: now - 120, exp: now - 60, ..base.clone() }, "expired"),
            (
                &fx.bank.key,
                AssertionClaims { iat: now + 60, exp: now + 120, ..base.clone() },
                "of the future",
            ),
            (&fx.bank.key, AssertionClaims { exp: now + 301, ..base.clone() }, "too long"),
            (&fx.bank.key, AssertionClaims { jti: String::new(), ..base.clone() }, "without jti"),
        ] {
            let answer = exchange(&fx, &key.sign(&claims).unwrap()).await;
            assert_problem(&answer, 401, "client.unauthenticated", what);
            assert_eq!(answer.body["error"], "invalid_client");
        }
        for text in ["", "x", "a.b.c", "....", &right[..right.len() - 4], &format!("{right}.x")] {
            assert_problem(&exchange(&fx, text).await, 401, "client.unauthenticated", text);
        }
        assert_eq!(fx.counts().await, before, "{}", fx.engine);
    }
}

#[tokio::test]
async fn a_token_request_that_is_not_as_it_must_be_is_refused() {
    for fx in fixtures().await {
        let assertion = fx.bank.key.sign(&claims(&fx, &fx.bank)).unwrap();
        let right = format!(
            "grant_type=client_credentials&client_assertion_type={ASSERTION_TYPE}&client_assertion={assertion}"
        );
        let before = fx.counts().await;
        let form = "application/x-www-form-urlencoded";
        for (content_type, body, status, code) in [
            (form, String::new(), 400, "request.malformed"),
            (
                form,
                format!("grant_type=client_credentials&client_assertion={assertion}"),
                400,
                "request.malformed",
            ),
            (form, format!("{right}&grant_type=client_credentials"), 400, "request.malformed"),
            (form, right.replace("client_credentials", "password"), 400, "token.unsupported_grant"),
            (form, right.replace("jwt-bearer", "saml2-bearer"), 401, "client.unauthenticated"),
            (form, format!("{right}{}", "A".repeat(4097)), 413, "request.too_large"),
            (form, format!("{right}&x={}", "A".repeat(8192)), 413, "request.too_large"),
            ("application/json", "{}".to_owned(), 415, "request.unsupported_media_type"),
            ("", right.clone(), 415, "request.unsupported_media_type"),
        ] {
            let answer = post(&fx, content_type, body).await;
            assert_problem(&answer, status, code, content_type);
        }
        assert_eq!(fx.counts().await, before, "{}", fx.engine);
        exchange(&fx, &assertion).await.expect(200);
    }
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_told_when_to_come_back_and_others_are_not_kept_out() {
    let fx = Fixture::on_sqlite().await;
    let mut issued = 0;
    let refused = loop {
        let answer = exchange(&fx, &fx.bank.key.sign(&claims(&fx, &fx.bank)).unwrap()).await;
        if answer.status != 200 {
            break answer;
        }
        issued += 1;
        assert!(issued < 100, "never refused");
    };
    assert_problem(&refused, 429, "request.rate_limited", "too often");
    let seconds: i64 = refused.header("retry-after").parse().unwrap();
    exchange(&fx, &fx.clinic.key.sign(&claims(&fx, &fx.clinic)).unwrap()).await.expect(200);
    fx.api.clock.advance(seconds);
    exchange(&fx, &fx.bank.key.sign(&claims(&fx, &fx.bank)).unwrap()).await.expect(200);
}

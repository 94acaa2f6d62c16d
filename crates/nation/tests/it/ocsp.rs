//! The OCSP responder, asked by the `openssl` command over HTTP.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use musubi_kernel::{Clock, SystemClock};
use musubi_nation::CardOperation::{Authenticate, Sign};
use musubi_nation::{DEFAULT_SEED, World};
use musubi_pki::AuthorityKind;
use musubi_store::Db;
use tower::ServiceExt as _;

use crate::openssl::openssl;
use crate::support::{AOKI, Nation, SATO, config};

/// A nation of today, since `openssl ocsp` judges by the machine's clock, behind a port of its own.
async fn served() -> (Nation, String) {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open_sqlite(&dir.path().join("nation.sqlite")).await.unwrap();
    let now = SystemClock.now();
    let world = World::open(config(DEFAULT_SEED, now), db.clone(), Arc::new(SystemClock)).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let router = world.upstream();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let clock = Arc::new(musubi_kernel::FixedClock::new(now));
    (Nation { world, clock, dir, db }, origin)
}

/// What `openssl ocsp` says of a resident's certificate, with every authority as possible issuer.
async fn asked(nation: &Nation, origin: &str, id: &str, kind: AuthorityKind, options: &[&str]) -> String {
    let operation = if kind == AuthorityKind::DigitalSignature { Sign } else { Authenticate };
    let certificate = nation.pem_file("ee.pem", "CERTIFICATE", &nation.certificate(id, operation).await);
    let anchors = nation.anchors_pem();
    let url = format!("{origin}/ocsp/{kind}");
    let mut said = Vec::new();
    for (issuer_kind, der) in nation.world.trust_anchors() {
        if issuer_kind == kind {
            let issuer = nation.pem_file("issuer.pem", "CERTIFICATE", &der);
            let mut arguments = vec!["ocsp"];
            arguments.extend(options);
            arguments.extend(["-issuer", issuer.to_str().unwrap(), "-cert", certificate.to_str().unwrap()]);
            arguments.extend(["-url", &url, "-CAfile", anchors.to_str().unwrap()]);
            let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
            let run = move || openssl(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
            let (_, text) = tokio::task::spawn_blocking(run).await.unwrap();
            assert!(text.contains("Response verify OK"), "{text}");
            assert!(!text.contains("WARNING"), "the nonce comes back: {text}");
            said.push(text);
        }
    }
    said.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_gets_good_revoked_and_unknown_with_a_verified_signature() {
    let (nation, origin) = served().await;
    for kind in AuthorityKind::ALL {
        for options in [&[] as &[&str], &["-sha256"]] {
            for id in [AOKI, SATO] {
                let said = asked(&nation, &origin, id, kind, options).await;
                assert!(said.contains("ee.pem: good"), "{id}: {said}");
                assert!(said.contains("ee.pem: unknown"), "the other generation did not issue it: {said}");
            }
            let held = asked(&nation, &origin, "okamoto-megumi", kind, options).await;
            assert!(held.contains("ee.pem: revoked") && held.contains("Reason: certificateHold"), "{held}");
            let stolen = asked(&nation, &origin, "morita-tsuyoshi", kind, options).await;
            assert!(
                stolen.contains("Reason: keyCompromise") && stolen.contains("Revocation Time"),
                "{stolen}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_no_request_is_malformed_and_strangers_are_not_answered() {
    let nation = Nation::sqlite().await;
    let send = async |request: Request<Body>| {
        let response = nation.world.upstream().oneshot(request).await.unwrap();
        let status = response.status();
        let kind = response.headers().get(header::CONTENT_TYPE).cloned();
        (status, kind, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    };
    let post = |path: &str, kind: &str, body: Vec<u8>| {
        Request::post(path).header(header::CONTENT_TYPE, kind).body(Body::from(body)).unwrap()
    };
    let ocsp = "application/ocsp-request";
    let (status, kind, body) = send(post("/ocsp/digital_signature", ocsp, b"nonsense".to_vec())).await;
    assert_eq!((status, body.as_slice()), (StatusCode::OK, &[0x30, 3, 0x0A, 1, 1][..]));
    assert_eq!(kind.unwrap(), "application/ocsp-response");
    let (_, _, body) = send(Request::get("/ocsp/digital_signature/%25").body(Body::empty()).unwrap()).await;
    assert_eq!(body, [0x30, 3, 0x0A, 1, 1]);
    let large = send(post("/ocsp/digital_signature", ocsp, vec![0; 65 * 1024])).await;
    assert_eq!(large.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        send(post("/ocsp/digital_signature", "text/plain", vec![])).await.0,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(send(post("/ocsp/other", ocsp, vec![])).await.0, StatusCode::NOT_FOUND);

    // A request about a signing certificate, sent to the other authority's responder.
    let certificate = nation.pem_file("ee.pem", "CERTIFICATE", &nation.certificate(AOKI, Sign).await);
    let anchors = nation.world.trust_anchors();
    let (_, newer) = anchors.iter().rfind(|(kind, _)| *kind == AuthorityKind::DigitalSignature).unwrap();
    let issuer = nation.pem_file("issuer.pem", "CERTIFICATE", newer);
    let out = nation.dir.path().join("request.der");
    let (made, said) = openssl(&[
        "ocsp",
        "-issuer",
        issuer.to_str().unwrap(),
        "-cert",
        certificate.to_str().unwrap(),
        "-reqout",
        out.to_str().unwrap(),
    ]);
    assert!(made, "{said}");
    let request = std::fs::read(out).unwrap();
    let (_, _, body) = send(post("/ocsp/user_authentication", ocsp, request.clone())).await;
    assert_eq!(body, [0x30, 3, 0x0A, 1, 6], "unauthorized");
    let encoded = STANDARD.encode(&request).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let (status, _, body) =
        send(Request::get(format!("/ocsp/digital_signature/{encoded}")).body(Body::empty()).unwrap()).await;
    assert_eq!((status, body.get(4..7)), (StatusCode::OK, Some(&[0x0A, 1, 0][..])), "the same by GET");
}

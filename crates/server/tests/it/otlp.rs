//! Spans as a collector gets them: a stub of one, on a port of its own.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use axum::routing::post;
use musubi_httpkit::measured;
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

type Got = Arc<Mutex<Vec<(String, Bytes)>>>;

async fn collector() -> (String, Got) {
    let got = Got::default();
    let take = async |State(got): State<Got>, headers: HeaderMap, body: Bytes| {
        let kind = headers.get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
        got.lock().unwrap().push((kind, body));
    };
    let router = Router::new().route("/v1/traces", post(take)).with_state(got.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (endpoint, got)
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_the_span_of_a_request_and_no_word_of_its_sender() {
    let (endpoint, got) = collector().await;
    let (layer, spans) = musubi_server::otlp::layer(&endpoint).unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let told = tracing::subscriber::set_default(subscriber);
    let site = Router::new().route("/v1/things/{id}", post(async |_: String| "taken"));
    let request = Request::post("/v1/things/CANARY-PATH?name=CANARY-QUERY")
        .header("authorization", "Bearer CANARY-TOKEN")
        .body(Body::from("CANARY-BODY"))
        .unwrap();
    assert_eq!(measured(site, "api").oneshot(request).await.unwrap().status(), 200);
    drop(told);
    tokio::task::spawn_blocking(move || spans.shutdown()).await.unwrap().unwrap();
    let got = got.lock().unwrap();
    assert!(!got.is_empty(), "nothing came");
    assert!(got.iter().all(|(kind, _)| kind == "application/x-protobuf"));
    for text in ["request", "/v1/things/{id}", "musubi", "site"] {
        assert!(got.iter().any(|(_, body)| holds(body, text)), "{text}");
    }
    assert!(got.iter().all(|(_, body)| !holds(body, "CANARY")), "a span told of the sender");
}

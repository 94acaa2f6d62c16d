//! `GET /metrics` over a real listener.

use std::sync::Arc;

use musubi_server::metrics;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::figures::{platforms, text, told};

async fn asked(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: metrics\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn what_the_platform_did_is_told_without_naming_anybody() {
    // One recorder for the process: this is the only test that installs it.
    let handle = metrics::install(metrics::recorder().unwrap()).expect("nobody else installed one");
    for made in platforms().await {
        let platform = &made.platform;
        told(platform, 3).await;
        let api = platform.api();
        assert_eq!(text(api.clone(), "/v1/audit/checkpoint?canary=CANARY").await.0, 200);
        assert_eq!(text(api.clone(), "/v1/identity-proofings/ip_CANARY").await.0, 401);
        assert_eq!(text(api, "/CANARY").await.0, 404);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let figures = Arc::new(platform.figures().clone());
        let context = platform.context().clone();
        let served = tokio::spawn(metrics::serve(listener, handle.clone(), context, figures, stopped));
        let answer = asked(address, "/metrics").await;
        assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
        for series in [
            "musubi_http_requests_total{site=\"api\",route=\"/v1/identity-proofings/{id}\",method=\"GET\",status=\"401\"}",
            "musubi_http_requests_total{site=\"api\",route=\"none\",method=\"GET\",status=\"404\"}",
            "musubi_http_request_seconds_bucket{site=\"api\",route=\"/v1/audit/checkpoint\",le=\"0.25\"}",
            "musubi_events_appended_total{event=\"change\"}",
            "musubi_stream_depth_total 0",
            "musubi_figures_unavailable 0",
            "musubi_clock_timestamp_seconds 1790000000",
            "musubi_database_connections{pool=",
        ] {
            assert!(answer.contains(series), "{series}\n{answer}");
        }
        for private in ["CANARY", "canary", "みほん", "Mihon", "pw_x", "bank.test"] {
            assert!(!answer.contains(private), "{private}");
        }
        assert!(asked(address, "/").await.starts_with("HTTP/1.1 404"));
        stop.send_replace(true);
        served.await.unwrap().unwrap();
    }
}

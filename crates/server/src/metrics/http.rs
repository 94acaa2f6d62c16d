//! `GET /metrics`, in the Prometheus text format. On a listener of its own, so that no proxy in front of the platform ever
//! leads there.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use musubi_console::Figures;
use musubi_platform::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{Told, refresh};

/// Longest time that the database is asked for gauges. What was recorded is answered in any case.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often observations are sorted into their buckets when nobody asks: memory must not grow.
const UPKEEP: Duration = Duration::from_secs(30);

#[derive(Clone)]
struct Source {
    handle: PrometheusHandle,
    context: Context,
    figures: Arc<dyn Figures>,
    told: Arc<Told>,
}

/// Serves the metrics until `stop` turns true.
///
/// # Errors
/// [`std::io::Error`] of the listener.
pub async fn serve(
    listener: TcpListener,
    handle: PrometheusHandle,
    context: Context,
    figures: Arc<dyn Figures>,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let source = Source { handle: handle.clone(), context, figures, told: Arc::default() };
    let router = Router::new().route("/metrics", get(render)).with_state(source);
    let upkeep = async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            handle.run_upkeep();
        }
    };
    let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
    tokio::select! {
        served = async { axum::serve(listener, router).with_graceful_shutdown(stopped).await } => served,
        () = upkeep => Ok(()),
    }
}

async fn render(State(source): State<Source>) -> Response {
    let at = source.context.clock.now();
    let asked = refresh(&source.context.db, source.figures.as_ref(), &source.told, at);
    let available = matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(())));
    musubi_telemetry::scraped(available, super::seconds(at.0));
    source.handle.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], source.handle.render())
        .into_response()
}

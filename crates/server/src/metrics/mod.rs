//! Prometheus metrics (`docs/operations/metrics.md`): the recorder of this process, and the gauges that are read from the
//! database when somebody asks. Served by `http.rs`, on a listener of its own.

mod http;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use metrics_util::MetricKindMask;
use musubi_console::{Figures, StreamFigure};
use musubi_kernel::UnixTime;
use musubi_store::{Db, StoreError};
use musubi_telemetry::{BUCKETS, ListState, SLOWEST};

pub use http::serve;

/// A gauge that was not set for so long is no longer shown: a receiver that is no longer among the slowest, the list of
/// an authority that has ended.
const IDLE: Duration = Duration::from_secs(600);

/// The recorder of a process. Nothing is recorded until it is installed.
///
/// # Errors
/// [`BuildError`] if the buckets cannot be used.
pub fn recorder() -> Result<PrometheusRecorder, BuildError> {
    Ok(PrometheusBuilder::new()
        .set_buckets(BUCKETS)?
        .idle_timeout(MetricKindMask::GAUGE, Some(IDLE))
        .build_recorder())
}

/// Makes `recorder` that of this process; answers what renders it. `None` if there is another one already.
#[must_use]
pub fn install(recorder: PrometheusRecorder) -> Option<PrometheusHandle> {
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).ok()?;
    musubi_telemetry::describe();
    Some(handle)
}

/// Whose gauges are set, to be set once more when they are no longer among the slowest.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<BTreeSet<String>>);

/// Numbers beyond 2^53 lose their last digits: no stream is that long.
#[allow(clippy::cast_precision_loss, reason = "gauges are floating point")]
fn float(value: u64) -> f64 {
    value as f64
}

pub(crate) fn seconds(value: i64) -> f64 {
    if value < 0 { -float(value.unsigned_abs()) } else { float(value.unsigned_abs()) }
}

/// Sets every gauge.
pub(crate) async fn refresh(
    db: &Db,
    figures: &dyn Figures,
    told: &Told,
    at: UnixTime,
) -> Result<(), StoreError> {
    for pool in db.pools() {
        musubi_telemetry::pool_seen(pool.name, pool.used.into(), pool.idle.into(), pool.most.into());
    }
    for list in figures.lists().await? {
        musubi_telemetry::list_seen(ListState {
            authority: &list.authority,
            key_id: &list.key_id,
            age_seconds: seconds(at.since(list.this_update)),
            due_in_seconds: seconds(list.next_update.since(at)),
            entries: float(list.entries),
        });
    }
    let mut streams = figures.streams().await?;
    streams.sort_by_key(|stream| std::cmp::Reverse(stream.depth()));
    let total = streams.iter().map(StreamFigure::depth).fold(0, u64::saturating_add);
    let oldest = streams.iter().filter_map(|stream| stream.oldest_undelivered_at).min();
    let paused = streams.iter().filter(|stream| stream.state.is_stopped()).count();
    musubi_telemetry::streams_seen(
        float(streams.first().map_or(0, StreamFigure::depth)),
        float(total),
        oldest.map_or(0.0, |oldest| seconds(at.since(oldest).max(0))),
        float(u64::try_from(paused).unwrap_or(u64::MAX)),
    );
    let slowest: BTreeSet<String> = streams
        .iter()
        .take(SLOWEST)
        .filter(|stream| stream.depth() > 0)
        .map(|stream| stream.relying_party.to_string())
        .collect();
    let mut told = told.0.lock().unwrap_or_else(PoisonError::into_inner);
    let of = |id: &String| streams.iter().find(|stream| stream.relying_party.as_str() == id);
    for id in told.union(&slowest) {
        musubi_telemetry::stream_seen(id, float(of(id).map_or(0, StreamFigure::depth)));
    }
    *told = slowest;
    Ok(())
}

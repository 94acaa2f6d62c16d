//! What the platform measures of itself: the list of metrics, and a function for each point at which one is recorded.
//! Exports nothing and keeps nothing: `server` installs the recorder, without which all of this does nothing.
//!
//! Labels have few values, all written by the program; no person, customer, serial number, token or purpose is one.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// A kind of metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while a process runs.
    Counter,
    /// What is so at the moment of asking.
    Gauge,
    /// Observations in buckets.
    Histogram,
}

/// A metric. A published name keeps its meaning; `docs/operations/metrics.md` has every one.
#[derive(Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

macro_rules! metrics_list {
    ($($constant:ident = $name:literal, $kind:ident, [$($label:literal),*], $help:literal;)*) => {
        $(const $constant: &str = $name;)*
        /// Every metric.
        pub const METRICS: &[Metric] =
            &[$(Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help },)*];
    };
}

metrics_list! {
    REQUESTS = "musubi_http_requests_total", Counter, ["site", "route", "method", "status"], "Answers given.";
    REQUEST_SECONDS = "musubi_http_request_seconds", Histogram, ["site", "route"], "Time from a request's head to its answer's head.";
    VERDICTS = "musubi_verdicts_total", Counter, ["service", "indication"], "Verdicts, by ETSI EN 319 102-1 indication.";
    LIST_AGE = "musubi_list_age_seconds", Gauge, ["authority", "key_id"], "Age of the newest list of a generation: now minus thisUpdate.";
    LIST_DUE = "musubi_list_next_update_in_seconds", Gauge, ["authority", "key_id"], "Seconds until the list's nextUpdate; negative when it has passed.";
    LIST_ENTRIES = "musubi_list_entries", Gauge, ["authority", "key_id"], "Entries of the newest list.";
    INTAKES = "musubi_intakes_total", Counter, ["outcome"], "Rounds of the intake that took a list in or failed.";
    INTAKE_SECONDS = "musubi_intake_seconds", Histogram, [], "Duration of a round that took a list in.";
    INTAKE_BYTES = "musubi_intake_bytes_total", Counter, [], "Bytes of the lists that were taken in.";
    INTAKE_SUCCEEDED = "musubi_intake_last_success_timestamp_seconds", Gauge, [], "When a round of the intake ended last without failure.";
    EVENTS = "musubi_events_appended_total", Counter, ["event"], "Entries appended to change streams.";
    STREAM_DEPTH = "musubi_stream_depth", Gauge, ["relying_party"], "Undelivered entries of the slowest receivers, at most ten.";
    STREAM_DEPTH_MAX = "musubi_stream_depth_max", Gauge, [], "Undelivered entries of the slowest receiver.";
    STREAM_DEPTH_TOTAL = "musubi_stream_depth_total", Gauge, [], "Undelivered entries of all receivers.";
    STREAM_OLDEST = "musubi_stream_oldest_undelivered_seconds", Gauge, [], "Age of the oldest entry that a receiver has not taken.";
    STREAM_PAUSED = "musubi_streams_paused", Gauge, [], "Receivers to whom delivery is paused.";
    DELIVERIES = "musubi_deliveries_total", Counter, ["outcome"], "Attempts to deliver.";
    DB_CONNECTIONS = "musubi_database_connections", Gauge, ["pool", "state"], "Connections of the database pools.";
    SCRAPE_FAILED = "musubi_figures_unavailable", Gauge, [], "1 if the gauges could not be read from the database at this scrape.";
    CLOCK = "musubi_clock_timestamp_seconds", Gauge, [], "The platform's clock, to be compared with another.";
}

/// Upper bounds of [`Kind::Histogram`] buckets, in seconds: from a database read to a list of tens of millions.
pub const BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Most receivers that are told apart.
pub const SLOWEST: usize = 10;

/// Tells the installed recorder what each metric means.
pub fn describe() {
    for metric in METRICS {
        let unit = if metric.name.ends_with("_bytes_total") {
            Unit::Bytes
        } else if metric.name.ends_with("_seconds") {
            Unit::Seconds
        } else {
            Unit::Count
        };
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, unit, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, unit, metric.help),
            Kind::Histogram => describe_histogram!(metric.name, unit, metric.help),
        }
    }
}

/// An answer was given. `route` is the route's pattern, `/v1/identity-proofings/{id}`, never the path that was asked for.
pub fn request_answered(site: &'static str, route: &str, method: &'static str, status: u16, seconds: f64) {
    let status = status.to_string();
    counter!(REQUESTS, "site" => site, "route" => route.to_owned(), "method" => method, "status" => status)
        .increment(1);
    histogram!(REQUEST_SECONDS, "site" => site, "route" => route.to_owned()).record(seconds);
}

/// The method's name as a label: anybody may send any word as a method.
#[must_use]
pub fn method_label(method: &str) -> &'static str {
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

/// A verdict was given. `service` is the feature's name.
pub fn verdict_given(service: &'static str, indication: &'static str) {
    counter!(VERDICTS, "service" => service, "indication" => indication).increment(1);
}

/// How a round of the intake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// Lists came.
    TakenIn,
    /// Upstream did not answer.
    Unreachable,
    /// A list was wrongly signed, incomplete or not what was announced.
    Refused,
    /// A list was older than the one before.
    RolledBack,
    /// The database failed.
    Store,
}

impl Intake {
    fn label(self) -> &'static str {
        match self {
            Self::TakenIn => "taken_in",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::RolledBack => "rolled_back",
            Self::Store => "store",
        }
    }
}

/// A round of the intake took a list in, or failed.
pub fn intake_ended(outcome: Intake, seconds: f64) {
    counter!(INTAKES, "outcome" => outcome.label()).increment(1);
    if outcome == Intake::TakenIn {
        histogram!(INTAKE_SECONDS).record(seconds);
    }
}

/// A round of the intake ended without failure, whether a list came or not.
pub fn intake_succeeded(at_unix: f64) {
    gauge!(INTAKE_SUCCEEDED).set(at_unix);
}

/// So many bytes of a list were taken in.
pub fn list_bytes_read(bytes: u64) {
    counter!(INTAKE_BYTES).increment(bytes);
}

/// Entries were appended to change streams. `event` is the name of an event type.
pub fn events_appended(event: &str, count: u64) {
    counter!(EVENTS, "event" => event.to_owned()).increment(count);
}

/// How an attempt to deliver ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver took it.
    Delivered,
    /// To be tried again.
    Retried,
    /// Given up: a dead letter.
    Dead,
    /// Not sent, since the address must not be sent to.
    Refused,
}

/// An attempt to deliver ended.
pub fn delivery_ended(outcome: Delivery) {
    let outcome = match outcome {
        Delivery::Delivered => "delivered",
        Delivery::Retried => "retried",
        Delivery::Dead => "dead",
        Delivery::Refused => "refused",
    };
    counter!(DELIVERIES, "outcome" => outcome).increment(1);
}

/// The state of a list in use.
#[derive(Debug, Clone, Copy)]
pub struct ListState<'a> {
    /// `digital_signature` or `user_authentication`.
    pub authority: &'a str,
    /// The generation.
    pub key_id: &'a str,
    /// Since thisUpdate.
    pub age_seconds: f64,
    /// Until nextUpdate.
    pub due_in_seconds: f64,
    /// Entries.
    pub entries: f64,
}

/// Sets the gauges of a list.
pub fn list_seen(list: ListState<'_>) {
    let labels = [("authority", list.authority.to_owned()), ("key_id", list.key_id.to_owned())];
    gauge!(LIST_AGE, &labels).set(list.age_seconds);
    gauge!(LIST_DUE, &labels).set(list.due_in_seconds);
    gauge!(LIST_ENTRIES, &labels).set(list.entries);
}

/// Sets the gauges of all streams.
pub fn streams_seen(depth_max: f64, depth_total: f64, oldest_seconds: f64, paused: f64) {
    gauge!(STREAM_DEPTH_MAX).set(depth_max);
    gauge!(STREAM_DEPTH_TOTAL).set(depth_total);
    gauge!(STREAM_OLDEST).set(oldest_seconds);
    gauge!(STREAM_PAUSED).set(paused);
}

/// Sets the gauge of one receiver. Call it for the slowest [`SLOWEST`] and, with 0, for those who were among them before.
pub fn stream_seen(relying_party: &str, depth: f64) {
    gauge!(STREAM_DEPTH, "relying_party" => relying_party.to_owned()).set(depth);
}

/// Sets the gauges of a pool: connections in use, idle ones, and the most there may be.
pub fn pool_seen(pool: &'static str, used: f64, idle: f64, most: f64) {
    for (state, count) in [("used", used), ("idle", idle), ("most", most)] {
        gauge!(DB_CONNECTIONS, "pool" => pool, "state" => state).set(count);
    }
}

/// Says whether the gauges could be read, and what time it is.
pub fn scraped(available: bool, at_unix: f64) {
    gauge!(SCRAPE_FAILED).set(if available { 0.0 } else { 1.0 });
    gauge!(CLOCK).set(at_unix);
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    fn record_everything() {
        describe();
        request_answered("api", "/v1/token", method_label("POST"), 200, 0.01);
        verdict_given("identity_proofing", "TOTAL-PASSED");
        intake_ended(Intake::TakenIn, 1.5);
        intake_ended(Intake::RolledBack, 0.1);
        intake_succeeded(1.0);
        list_bytes_read(10);
        events_appended("e", 2);
        delivery_ended(Delivery::Delivered);
        let (authority, key_id) = ("digital_signature", "ab");
        list_seen(ListState { authority, key_id, age_seconds: 1.0, due_in_seconds: -1.0, entries: 5.0 });
        streams_seen(1.0, 2.0, 3.0, 0.0);
        stream_seen("rp_1", 1.0);
        pool_seen("writer", 1.0, 0.0, 1.0);
        scraped(true, 1.0);
    }

    /// `name → label names` of an exposition.
    fn exposed(text: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let series = line.rsplit_once(' ').unwrap().0;
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let name = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end).filter(|base| METRICS.iter().any(|m| m.name == *base)))
                .unwrap_or(name);
            let labels = labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty());
            let names = labels.map(|label| label.split('=').next().unwrap().to_owned()).filter(|l| l != "le");
            found.entry(name.to_owned()).or_default().extend(names);
        }
        found
    }

    #[test]
    fn every_recording_point_records_a_listed_metric_with_its_listed_labels() {
        let recorder = PrometheusBuilder::new().set_buckets(BUCKETS).unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, record_everything);
        let listed: BTreeMap<String, BTreeSet<String>> = METRICS
            .iter()
            .map(|m| (m.name.to_owned(), m.labels.iter().map(|l| (*l).to_owned()).collect()))
            .collect();
        assert_eq!(exposed(&handle.render()), listed);
    }

    #[test]
    fn every_metric_is_in_the_operators_reference_with_its_labels() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations/metrics.md");
        let reference = std::fs::read_to_string(path).unwrap();
        for metric in METRICS {
            let row = reference.lines().find(|line| line.starts_with(&format!("| `{}` |", metric.name)));
            let row = row.unwrap_or_else(|| panic!("{path} lacks {}", metric.name));
            for label in metric.labels {
                assert!(row.contains(&format!("`{label}`")), "{}: {label}", metric.name);
            }
        }
    }

    #[test]
    fn a_method_that_nobody_knows_is_no_label_of_its_own() {
        assert_eq!(method_label("POST"), "POST");
        assert_eq!(method_label("BREW-0001"), "other");
    }
}

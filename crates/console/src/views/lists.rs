//! The parts that show lists, imports, streams and what needs attention.

use musubi_httpkit::page::Tr;
use musubi_kernel::UnixTime;

use super::{AlertView, ChartView, ContractView, ImportView, ListView, StreamView};
use crate::charts::{self, Bar, Series, Size, grouped};
use crate::{
    Alert, AlertKind, Contract, DayTotal, ImportProgress, ListFigure, Severity, SizePoint, Stage,
    StreamFigure, StreamState,
};

/// Rows of a chart's table.
const TABLE_ROWS: usize = 60;

fn authority(t: Tr, name: &str) -> String {
    match name {
        "digital_signature" => t.get("authority.digital_signature").to_owned(),
        "user_authentication" => t.get("authority.user_authentication").to_owned(),
        other => other.to_owned(),
    }
}

/// A length of time in its two largest units.
fn duration(t: Tr, seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds % 86_400 / 3600, seconds % 3600 / 60);
    let unit = |key: &'static str, n: i64| t.with(key, &[("n", n)]);
    let joined = |a: String, b: String| format!("{a}{}{b}", t.pick("", " "));
    match (days, hours, minutes) {
        (0, 0, 0) => unit("unit.seconds", seconds),
        (0, 0, _) => unit("unit.minutes", minutes),
        (0, _, _) => joined(unit("unit.hours", hours), unit("unit.minutes", minutes)),
        _ => joined(unit("unit.days", days), unit("unit.hours", hours)),
    }
}

impl AlertView {
    /// `name` tells the relying party of an id.
    pub(crate) fn new(alert: &Alert, name: impl Fn(&str) -> String, t: Tr) -> Self {
        let (what, next) = match alert.kind {
            AlertKind::NoList => ("alert.no_list", t.get("alert.no_list.next")),
            AlertKind::ListOverdue => ("alert.list_overdue", t.get("alert.list_overdue.next")),
            AlertKind::ListTooOld => ("alert.list_too_old", t.get("alert.list_too_old.next")),
            AlertKind::ClockOff => ("alert.clock_off", t.get("alert.clock_off.next")),
            AlertKind::QueueDeep => ("alert.queue_deep", t.get("alert.queue_deep.next")),
            AlertKind::QueueLate => ("alert.queue_late", t.get("alert.queue_late.next")),
            AlertKind::ReceiverStopped => ("alert.receiver_stopped", t.get("alert.receiver_stopped.next")),
            AlertKind::DeadLetters => ("alert.dead_letters", t.get("alert.dead_letters.next")),
        };
        let of = if alert.of.starts_with("rp_") { name(&alert.of) } else { authority(t, &alert.of) };
        let is_time =
            matches!(alert.kind, AlertKind::ListOverdue | AlertKind::ClockOff | AlertKind::QueueLate);
        let amount = if is_time {
            duration(t, i64::try_from(alert.amount).unwrap_or(i64::MAX))
        } else {
            grouped(alert.amount)
        };
        let (tone, urgency) = match alert.severity {
            Severity::Page => ("page", t.get("alerts.page")),
            Severity::Warn => ("warn", t.get("alerts.warn")),
        };
        Self { tone, urgency, what: t.with(what, &[("of", of), ("amount", amount)]), next }
    }
}

impl ListView {
    pub(crate) fn new(list: &ListFigure, contracts: &[Contract], at: UnixTime, t: Tr) -> Self {
        let age = at.since(list.this_update);
        let (state, tone) = if at > list.next_update {
            (t.get("lists.overdue"), "error")
        } else if contracts.iter().any(|contract| contract.max_age_seconds < age) {
            (t.get("lists.too_old"), "warning")
        } else {
            (t.get("lists.fresh"), "success")
        };
        Self {
            of: authority(t, &list.authority),
            generation: list.key_id.chars().take(8).collect(),
            state,
            tone,
            age: duration(t, age),
            next_update: list.next_update.in_japan(),
            entries: grouped(list.entries),
            number: grouped(list.number),
        }
    }
}

impl ContractView {
    pub(crate) fn new(contract: &Contract, lists: &[ListFigure], at: UnixTime, t: Tr) -> Self {
        let kept = !lists.is_empty()
            && lists.iter().all(|list| at.since(list.this_update) <= contract.max_age_seconds);
        let (state, tone) =
            if kept { (t.get("contracts.kept"), "success") } else { (t.get("contracts.missed"), "error") };
        Self {
            limit: duration(t, contract.max_age_seconds),
            relying_parties: grouped(contract.relying_parties),
            state,
            tone,
        }
    }
}

impl ImportView {
    pub(crate) fn new(import: &ImportProgress, t: Tr) -> Self {
        let percent = import.total.filter(|total| *total > 0).map(|total| {
            let percent = u128::from(import.done.min(total)) * 100 / u128::from(total);
            u64::try_from(percent).unwrap_or(100)
        });
        Self {
            of: authority(t, &import.authority),
            number: import.number,
            stage: match import.stage {
                Stage::Fetching => t.get("stage.fetching"),
                Stage::Verifying => t.get("stage.verifying"),
                Stage::Building => t.get("stage.building"),
                Stage::Recording => t.get("stage.recording"),
            },
            done: percent.map_or_else(|| grouped(import.done), |percent| format!("{percent}%")),
            percent,
        }
    }
}

impl StreamView {
    pub(crate) fn new(stream: &StreamFigure, at: UnixTime, t: Tr) -> Self {
        let (state, tone) = match stream.state {
            StreamState::Fetched => (t.get("state.fetched"), "info"),
            StreamState::Unverified => (t.get("state.unverified"), "info"),
            StreamState::Delivering => (t.get("state.delivering"), "success"),
            StreamState::Retrying => (t.get("state.retrying"), "warning"),
            StreamState::Paused => (t.get("state.paused"), "error"),
            StreamState::Disabled => (t.get("state.disabled"), "error"),
        };
        let unknown = || "–".to_owned();
        Self {
            name: t.pick(&stream.name_ja, &stream.name_en).to_owned(),
            state,
            tone,
            customers: grouped(stream.customers),
            head: grouped(stream.head),
            delivered: stream.delivered.map_or_else(unknown, grouped),
            depth: stream.delivered.map_or_else(unknown, |_| grouped(stream.depth())),
            oldest: stream.oldest_undelivered_at.map_or_else(unknown, |oldest| duration(t, at.since(oldest))),
            dead: stream.delivered.map_or_else(unknown, |_| grouped(stream.dead_letters)),
        }
    }
}

fn labelled(heads: &[String], cells: Vec<String>) -> Vec<(String, String)> {
    heads.iter().cloned().zip(cells).collect()
}

impl ChartView {
    /// List sizes over time, a line for each authority and generation.
    pub(crate) fn sizes(points: &[SizePoint], t: Tr) -> Self {
        let mut series: Vec<(String, String, Series)> = Vec::new();
        for point in points {
            let found = series.iter_mut().find(|(a, k, _)| *a == point.authority && *k == point.key_id);
            let value = (point.at.0, point.entries);
            match found {
                Some((_, _, line)) => line.points.push(value),
                None => {
                    let generation: String = point.key_id.chars().take(8).collect();
                    let name = format!("{} {generation}", authority(t, &point.authority));
                    let line = Series { name, points: vec![value] };
                    series.push((point.authority.clone(), point.key_id.clone(), line));
                }
            }
        }
        let lines: Vec<Series> = series.into_iter().map(|(_, _, line)| line).collect();
        let day = |at: i64| UnixTime(at).date_in_japan().to_string();
        let draw = |size| charts::lines(&lines, day, size, t.lang());
        let heads = ["chart.time", "lists.of", "lists.entries"].map(|key| t.get(key).to_owned()).to_vec();
        let newest = points.iter().rev().take(TABLE_ROWS);
        let rows = newest.map(|point| {
            let cells = vec![point.at.in_japan(), authority(t, &point.authority), grouped(point.entries)];
            labelled(&heads, cells)
        });
        Self {
            title: t.get("sizes.title"),
            wide: draw(Size::Wide),
            narrow: draw(Size::Narrow),
            rows: rows.collect(),
            heads,
        }
    }

    /// Events of each day, with the days on which there were none.
    pub(crate) fn events(days: &[DayTotal], from: musubi_kernel::Date, count: u32, t: Tr) -> Self {
        let of = |day: musubi_kernel::Date| days.iter().filter(|d| d.day == day).map(|d| d.count).sum();
        let all: Vec<(musubi_kernel::Date, u64)> =
            (0..i64::from(count)).map(|n| from.plus_days(n)).map(|day| (day, of(day))).collect();
        let bar = |(day, value): &(musubi_kernel::Date, u64)| Bar {
            label: format!("{}/{}", day.month(), day.day()),
            value: *value,
        };
        let bars: Vec<Bar> = all.iter().map(bar).collect();
        let draw = |size| charts::bars(&bars, size, t.lang());
        let heads = ["chart.day", "events.count"].map(|key| t.get(key).to_owned()).to_vec();
        let rows =
            all.iter().rev().map(|(day, value)| labelled(&heads, vec![day.to_string(), grouped(*value)]));
        Self {
            title: t.get("events.title"),
            wide: draw(Size::Wide),
            narrow: draw(Size::Narrow),
            rows: rows.collect(),
            heads,
        }
    }
}

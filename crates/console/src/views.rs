//! What the pages show, as texts in one language: no figure is worked out in a template.

use askama::Template;
use musubi_httpkit::page::{Lang, Shell, Tr};
use musubi_kernel::UnixTime;
use musubi_platform::metering::{Amount, Estimate, Line, MonthlyReport, Step, Total};
use musubi_platform::relying_party::RelyingParty;

use crate::charts::{self, Bar, Series, Size, grouped};
use crate::forms::PlanForm;
use crate::{
    Alert, AlertKind, Contract, DayTotal, ImportProgress, ListFigure, Severity, SizePoint, Stage,
    StreamFigure, StreamState,
};

/// Rows of a chart's table.
const TABLE_ROWS: usize = 60;

/// Signing in.
#[derive(Template)]
#[template(path = "console_sign_in.html")]
pub(crate) struct SignInPage {
    pub(crate) shell: Shell,
    pub(crate) t: Tr,
    pub(crate) refused: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "console_overview.html")]
pub(crate) struct OverviewPage {
    pub(crate) shell: Shell,
    pub(crate) t: Tr,
    pub(crate) tab: &'static str,
    pub(crate) live: bool,
    pub(crate) at: String,
    pub(crate) alerts: Vec<AlertView>,
    pub(crate) alerts_left_out: usize,
    pub(crate) figures: Vec<(&'static str, String)>,
    pub(crate) lists: Vec<ListView>,
    pub(crate) imports: Vec<ImportView>,
    pub(crate) sizes: ChartView,
    pub(crate) events: ChartView,
    pub(crate) streams: Vec<StreamView>,
}

#[derive(Template)]
#[template(path = "console_lists.html")]
pub(crate) struct ListsPage {
    pub(crate) shell: Shell,
    pub(crate) t: Tr,
    pub(crate) tab: &'static str,
    pub(crate) live: bool,
    pub(crate) at: String,
    pub(crate) lists: Vec<ListView>,
    pub(crate) contracts: Vec<ContractView>,
    pub(crate) imports: Vec<ImportView>,
    pub(crate) sizes: ChartView,
}

#[derive(Template)]
#[template(path = "console_streams.html")]
pub(crate) struct StreamsPage {
    pub(crate) shell: Shell,
    pub(crate) t: Tr,
    pub(crate) tab: &'static str,
    pub(crate) live: bool,
    pub(crate) at: String,
    pub(crate) streams: Vec<StreamView>,
    pub(crate) left_out: usize,
    pub(crate) events: ChartView,
}

#[derive(Template)]
#[template(path = "console_relying_parties.html")]
pub(crate) struct RelyingPartiesPage {
    pub(crate) shell: Shell,
    pub(crate) t: Tr,
    pub(crate) tab: &'static str,
    pub(crate) live: bool,
    pub(crate) rows: Vec<RelyingPartyView>,
}

#[derive(Template)]
#[template(path = "console_usage.html")]
pub(crate) struct UsagePage {
    pub(crate) shell: Shell,
    pub(crate) t: Tr,
    pub(crate) tab: &'static str,
    pub(crate) live: bool,
    pub(crate) month: String,
    pub(crate) previous: String,
    pub(crate) choices: Vec<ChoiceView>,
    pub(crate) report: Option<ReportView>,
}

#[derive(Template)]
#[template(path = "console_estimate.html")]
pub(crate) struct EstimatePage {
    pub(crate) shell: Shell,
    pub(crate) t: Tr,
    pub(crate) tab: &'static str,
    pub(crate) live: bool,
    pub(crate) fields: Vec<FieldView>,
    pub(crate) choices: Vec<SelectView>,
    pub(crate) result: Option<EstimateView>,
}

pub(crate) struct AlertView {
    pub(crate) tone: &'static str,
    pub(crate) urgency: &'static str,
    pub(crate) what: String,
    pub(crate) next: &'static str,
}

pub(crate) struct ListView {
    pub(crate) of: String,
    pub(crate) generation: String,
    pub(crate) state: &'static str,
    pub(crate) tone: &'static str,
    pub(crate) age: String,
    pub(crate) next_update: String,
    pub(crate) entries: String,
    pub(crate) number: String,
}

pub(crate) struct ContractView {
    pub(crate) limit: String,
    pub(crate) relying_parties: String,
    pub(crate) state: &'static str,
    pub(crate) tone: &'static str,
}

pub(crate) struct ImportView {
    pub(crate) of: String,
    pub(crate) number: u64,
    pub(crate) stage: &'static str,
    pub(crate) done: String,
    pub(crate) percent: Option<u64>,
}

pub(crate) struct StreamView {
    pub(crate) name: String,
    pub(crate) state: &'static str,
    pub(crate) tone: &'static str,
    pub(crate) customers: String,
    pub(crate) head: String,
    pub(crate) delivered: String,
    pub(crate) depth: String,
    pub(crate) oldest: String,
    pub(crate) dead: String,
}

pub(crate) struct ChartView {
    pub(crate) title: &'static str,
    pub(crate) wide: String,
    pub(crate) narrow: String,
    pub(crate) heads: Vec<String>,
    pub(crate) rows: Vec<Vec<(String, String)>>,
}

pub(crate) struct RelyingPartyView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) origins: String,
    pub(crate) since: String,
}

pub(crate) struct ChoiceView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) chosen: bool,
}

pub(crate) struct WorkView {
    pub(crate) what: &'static str,
    pub(crate) count: String,
    pub(crate) charged: String,
    pub(crate) authority: String,
    pub(crate) operator: String,
}

pub(crate) struct PurposeView {
    pub(crate) purpose: String,
    pub(crate) what: &'static str,
    pub(crate) count: String,
}

pub(crate) struct ReportView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) work: Vec<WorkView>,
    pub(crate) purposes: Vec<PurposeView>,
    pub(crate) purposes_left_out: bool,
    pub(crate) base: String,
    pub(crate) net: String,
    pub(crate) tax: String,
    pub(crate) tax_percent: u32,
    pub(crate) gross: String,
}

pub(crate) struct FieldView {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) support: &'static str,
    pub(crate) value: String,
    pub(crate) wrong: bool,
}

pub(crate) struct SelectView {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) value: &'static str,
    pub(crate) options: Vec<(&'static str, &'static str)>,
}

pub(crate) struct PriceView {
    pub(crate) gross: String,
    pub(crate) apart: String,
}

pub(crate) struct StepView {
    pub(crate) what: &'static str,
    pub(crate) basis: &'static str,
}

pub(crate) struct EstimateView {
    pub(crate) from: String,
    pub(crate) month: PriceView,
    pub(crate) year: PriceView,
    pub(crate) once: PriceView,
    pub(crate) month_work: Vec<WorkView>,
    pub(crate) once_work: Vec<WorkView>,
    pub(crate) steps: Vec<StepView>,
}

/// `1,234円`, `1,234 yen`.
fn yen(t: Tr, amount: i64) -> String {
    t.with("yen", &[("amount", grouped(u64::try_from(amount).unwrap_or(0)))])
}

/// The same with the decimals that there are: `1,234.5円`.
fn exact_yen(t: Tr, amount: Amount) -> String {
    let text = amount.to_string();
    let (whole, decimals) = text.split_once('.').map_or((text.as_str(), None), |(a, b)| (a, Some(b)));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    let text = decimals.map_or_else(|| whole.clone(), |decimals| format!("{whole}.{decimals}"));
    t.with("yen", &[("amount", text)])
}

fn authority(t: Tr, name: &str) -> String {
    match name {
        "digital_signature" => t.get("authority.digital_signature").to_owned(),
        "user_authentication" => t.get("authority.user_authentication").to_owned(),
        other => other.to_owned(),
    }
}

/// A length of time in its two largest units.
pub(crate) fn duration(t: Tr, seconds: i64) -> String {
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

impl RelyingPartyView {
    pub(crate) fn new(rp: &RelyingParty, t: Tr) -> Self {
        Self {
            id: rp.id.to_string(),
            name: t.pick(&rp.name_ja, &rp.name_en).to_owned(),
            origins: rp.origins.join(" "),
            since: rp.created_at.in_japan(),
        }
    }
}

fn work_views(lines: &[Line], t: Tr) -> Vec<WorkView> {
    let yen_text = |amount| exact_yen(t, amount);
    let view = |line: &Line| WorkView {
        what: t.pick(line.item.ja, line.item.en),
        count: grouped(line.count),
        charged: grouped(line.charged),
        authority: yen_text(line.authority),
        operator: yen_text(line.operator),
    };
    lines.iter().map(view).collect()
}

impl ReportView {
    pub(crate) fn new(report: &MonthlyReport, rp: &RelyingParty, t: Tr) -> Self {
        let purpose = |p: &musubi_platform::metering::PurposeCount| PurposeView {
            purpose: if p.purpose.is_empty() {
                t.get("usage.purpose.none").to_owned()
            } else {
                p.purpose.clone()
            },
            what: t.pick(p.item.ja, p.item.en),
            count: grouped(p.count),
        };
        Self {
            id: rp.id.to_string(),
            name: t.pick(&rp.name_ja, &rp.name_en).to_owned(),
            work: work_views(&report.lines, t),
            purposes: report.purposes.iter().map(purpose).collect(),
            purposes_left_out: report.purposes_left_out,
            base: exact_yen(t, report.base),
            net: yen(t, report.total.net_yen),
            tax: yen(t, report.total.tax_yen),
            tax_percent: report.total.tax_percent,
            gross: yen(t, report.total.gross_yen()),
        }
    }
}

impl PriceView {
    fn new(total: Total, t: Tr) -> Self {
        let apart = [("net", yen(t, total.net_yen)), ("tax", yen(t, total.tax_yen))];
        Self { gross: yen(t, total.gross_yen()), apart: t.with("estimate.apart", &apart) }
    }
}

impl EstimateView {
    pub(crate) fn new(estimate: &Estimate, t: Tr) -> Self {
        let step = |step: &&'static Step| StepView { what: t.pick(step.ja, step.en), basis: step.basis };
        Self {
            from: estimate.from.to_string(),
            month: PriceView::new(estimate.month_total, t),
            year: PriceView::new(estimate.year_total, t),
            once: PriceView::new(estimate.once_total, t),
            month_work: work_views(&estimate.month, t),
            once_work: work_views(&estimate.once, t),
            steps: estimate.steps.iter().map(step).collect(),
        }
    }
}

/// The number fields of the estimator.
pub(crate) fn plan_fields(form: &PlanForm, t: Tr) -> Vec<FieldView> {
    let field = |name, label, support, value: &str| FieldView {
        name,
        label,
        support,
        value: value.to_owned(),
        wrong: form.is_wrong(name),
    };
    vec![
        field("customers", t.get("plan.customers"), t.get("plan.customers.support"), &form.customers),
        field("checks", t.get("plan.checks"), t.get("plan.checks.support"), &form.checks),
        field("consenting", t.get("plan.consenting"), t.get("plan.consenting.support"), &form.consenting),
        field("changing", t.get("plan.changing"), t.get("plan.changing.support"), &form.changing),
    ]
}

/// The choices of the estimator.
pub(crate) fn plan_choices(form: &PlanForm, t: Tr) -> Vec<SelectView> {
    let select = |name, label, said: &str, options: Vec<(&'static str, &'static str)>| {
        let known = options.iter().map(|(value, _)| *value).find(|value| *value == said);
        let first = options.first().map_or("", |(value, _)| value);
        SelectView { name, label, value: known.unwrap_or(first), options }
    };
    vec![
        select(
            "method",
            t.get("plan.method"),
            &form.method,
            vec![("list", t.get("plan.method.list")), ("ocsp", t.get("plan.method.ocsp"))],
        ),
        select(
            "delivery",
            t.get("plan.delivery"),
            &form.delivery,
            vec![
                ("push", t.get("plan.delivery.push")),
                ("poll", t.get("plan.delivery.poll")),
                ("daily_file", t.get("plan.delivery.daily_file")),
            ],
        ),
        select(
            "joining",
            t.get("plan.joining"),
            &form.joining,
            vec![("signature", t.get("plan.joining.signature")), ("bulk", t.get("plan.joining.bulk"))],
        ),
    ]
}

/// The name of a relying party in the page's language.
pub(crate) fn name_in(lang: Lang, ja: &str, en: &str) -> String {
    lang.pick(ja, en).to_owned()
}

//! What the pages show, as texts in one language: no figure is worked out in a template. Here the pages and their parts;
//! `lists.rs` and `cost.rs` make the parts.

mod cost;
mod lists;

use askama::Template;
use musubi_httpkit::page::{Lang, Shell, Tr};
use musubi_platform::metering::Amount;

use crate::charts::grouped;

pub(crate) use cost::{plan_choices, plan_fields};

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

/// The name of a relying party in the page's language.
pub(crate) fn name_in(lang: Lang, ja: &str, en: &str) -> String {
    lang.pick(ja, en).to_owned()
}

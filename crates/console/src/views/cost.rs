//! The parts that show work, its cost, and plans.

use musubi_httpkit::page::Tr;
use musubi_platform::metering::{Estimate, Line, MonthlyReport, Step, Total};
use musubi_platform::relying_party::RelyingParty;

use super::{
    EstimateView, FieldView, PriceView, PurposeView, RelyingPartyView, ReportView, SelectView, StepView,
    WorkView, exact_yen, yen,
};
use crate::charts::grouped;
use crate::forms::PlanForm;

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

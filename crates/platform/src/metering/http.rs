//! The relying party's own view: what it used, and what a plan would cost. Nobody sees another's month.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use musubi_httpkit::{Json, Problem, ProblemDocument, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::estimate::USUAL_CHANGES;
use super::{
    CheckMethod, DeliveryMethod, Estimate, FeeTable, Joining, Line, Month, MonthlyReport, PLAN_OUT_OF_RANGE,
    Plan, Total, service,
};
use crate::{ApiError, Caller, Context};

/// The routes of metering. The fee table is an `Extension<Arc<FeeTable>>` around them; without one, the default's.
pub fn api() -> OpenApiRouter<Context> {
    OpenApiRouter::default().routes(routes!(get_usage)).routes(routes!(get_estimate))
}

fn table(fees: Option<Extension<Arc<FeeTable>>>) -> Arc<FeeTable> {
    fees.map_or_else(Arc::default, |Extension(fees)| fees)
}

/// Which month.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UsageQuery {
    /// The month in Japan; the present one if it is left out.
    #[param(value_type = Option<String>, example = "2026-04")]
    month: Option<Month>,
}

/// One kind of work. Amounts are yen with up to three decimals, without tax.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageLine)]
pub struct LineBody {
    /// The kind of work; a published name keeps its meaning.
    #[schema(example = "signature_check.list")]
    item: &'static str,
    /// In Japanese.
    ja: &'static str,
    /// In English.
    en: &'static str,
    /// How often.
    #[schema(example = 1200)]
    count: u64,
    /// How many of them the authority charges for.
    #[schema(example = 0)]
    charged: u64,
    /// The authority's fees in yen.
    #[schema(example = "0")]
    authority_yen: String,
    /// The operator's fees in yen.
    #[schema(example = "1200.5")]
    operator_yen: String,
}

/// A count by purpose.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsagePurpose)]
pub struct PurposeBody {
    /// The purpose as it was named; empty if none was.
    #[schema(example = "account_opening")]
    purpose: String,
    /// The kind of work.
    #[schema(example = "signature_check.list")]
    item: &'static str,
    /// How often.
    #[schema(example = 1200)]
    count: u64,
}

/// A price in whole yen; what is below one yen is dropped, tax is worked out once from the sum.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Price)]
pub struct TotalBody {
    /// Without tax.
    #[schema(example = 1200)]
    net_yen: i64,
    /// Consumption tax.
    #[schema(example = 120)]
    tax_yen: i64,
    /// With tax.
    #[schema(example = 1320)]
    gross_yen: i64,
    /// Rate of the tax.
    #[schema(example = 10)]
    tax_percent: u32,
}

/// What a relying party used in a month.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Usage)]
pub struct UsageAnswer {
    /// The month in Japan.
    #[schema(value_type = String, example = "2026-04")]
    month: Month,
    /// A line for each kind of work that was done.
    lines: Vec<LineBody>,
    /// The same counts by purpose.
    purposes: Vec<PurposeBody>,
    /// Whether there are more purposes than are listed.
    purposes_left_out: bool,
    /// The operator's monthly base fee in yen.
    #[schema(example = "0")]
    base_yen: String,
    /// What is to be paid by this fee table.
    total: TotalBody,
}

impl From<&Line> for LineBody {
    fn from(line: &Line) -> Self {
        Self {
            item: line.item.name,
            ja: line.item.ja,
            en: line.item.en,
            count: line.count,
            charged: line.charged,
            authority_yen: line.authority.to_string(),
            operator_yen: line.operator.to_string(),
        }
    }
}

impl From<Total> for TotalBody {
    fn from(total: Total) -> Self {
        let Total { net_yen, tax_yen, tax_percent } = total;
        Self { net_yen, tax_yen, gross_yen: total.gross_yen(), tax_percent }
    }
}

impl From<MonthlyReport> for UsageAnswer {
    fn from(report: MonthlyReport) -> Self {
        let purpose =
            |p: super::PurposeCount| PurposeBody { purpose: p.purpose, item: p.item.name, count: p.count };
        Self {
            month: report.month,
            lines: report.lines.iter().map(LineBody::from).collect(),
            purposes: report.purposes.into_iter().map(purpose).collect(),
            purposes_left_out: report.purposes_left_out,
            base_yen: report.base.to_string(),
            total: report.total.into(),
        }
    }
}

/// What the calling relying party used in a month.
#[utoipa::path(
    get, path = "/v1/usage", tag = "work and cost", operation_id = "usage", params(UsageQuery),
    description = "自社の月ごとの利用件数(目的別を含む)と、料金表による費用。ほかの事業者の分は見られません。\n\n\
        The calling relying party's own counts of a month, by purpose too, and what they cost by the fee table.",
    responses(
        (status = 200, description = "The month.", body = UsageAnswer),
        (status = 400, description = "`request.malformed`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "`token.missing`, `token.invalid`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = [])),
)]
async fn get_usage(
    State(context): State<Context>,
    caller: Caller,
    fees: Option<Extension<Arc<FeeTable>>>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<UsageAnswer>, ApiError> {
    let month = query.month.unwrap_or_else(|| Month::at(context.clock.now()));
    let mut tx = context.db.begin_read().await?;
    let report = service::monthly_report(&mut tx, &caller.relying_party, month, &table(fees)).await?;
    Ok(Json(report.into()))
}

fn ten_thousand() -> u64 {
    10_000
}

fn thousand() -> u64 {
    1000
}

fn usual_changes() -> u64 {
    USUAL_CHANGES
}

fn by_list() -> CheckMethod {
    CheckMethod::List
}

fn by_poll() -> DeliveryMethod {
    DeliveryMethod::Poll
}

fn by_signature() -> Joining {
    Joining::Signature
}

/// A plan; what is left out has its default.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PlanQuery {
    /// Watched customers, 1 to 200000000. Default 10000.
    #[serde(default = "ten_thousand")]
    #[param(required = false, example = 10_000)]
    customers: u64,
    /// Checks of the user-authentication certificate per thousand customers and month, to 1000000. Default 1000: one each.
    #[serde(default = "thousand")]
    #[param(required = false, example = 1000)]
    checks_per_thousand: u64,
    /// Of a thousand customers, how many consented to the latest attributes. Default 0.
    #[serde(default)]
    #[param(required = false, example = 600)]
    consenting_per_thousand: u64,
    /// Of a thousand customers, for how many something changes in a year. Default 100.
    #[serde(default = "usual_changes")]
    #[param(required = false, example = 100)]
    changing_per_thousand: u64,
    /// Default `list`.
    #[serde(default = "by_list")]
    #[param(required = false, inline)]
    method: CheckMethod,
    /// Default `poll`.
    #[serde(default = "by_poll")]
    #[param(required = false, inline)]
    delivery: DeliveryMethod,
    /// Default `signature`.
    #[serde(default = "by_signature")]
    #[param(required = false, inline)]
    joining: Joining,
}

/// One thing to do before the service can begin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EstimateStep)]
pub struct StepBody {
    /// Its name.
    #[schema(example = "outsourcing")]
    id: &'static str,
    /// In Japanese.
    ja: &'static str,
    /// In English.
    en: &'static str,
    /// The article or document that asks for it; empty if it is advice.
    basis: &'static str,
}

/// What a plan comes to. A forecast by this fee table, no offer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Estimate)]
pub struct EstimateAnswer {
    /// The first month that was worked out.
    #[schema(value_type = String, example = "2026-12")]
    from: Month,
    /// What is done once, to begin.
    once: Vec<LineBody>,
    /// Its price.
    once_total: TotalBody,
    /// What is done in a usual month.
    month: Vec<LineBody>,
    /// Its price, base fee included.
    month_total: TotalBody,
    /// The price of the first twelve months, with what is done once.
    year_total: TotalBody,
    /// What must be done.
    steps: Vec<StepBody>,
}

impl From<Estimate> for EstimateAnswer {
    fn from(estimate: Estimate) -> Self {
        let step = |s: &&super::Step| StepBody { id: s.id, ja: s.ja, en: s.en, basis: s.basis };
        Self {
            from: estimate.from,
            once: estimate.once.iter().map(LineBody::from).collect(),
            once_total: estimate.once_total.into(),
            month: estimate.month.iter().map(LineBody::from).collect(),
            month_total: estimate.month_total.into(),
            year_total: estimate.year_total.into(),
            steps: estimate.steps.iter().map(step).collect(),
        }
    }
}

/// What a new service will cost and must do.
#[utoipa::path(
    get, path = "/v1/estimate", tag = "work and cost", operation_id = "estimate", params(PlanQuery),
    description = "新しいサービスの費用(月・年)と、始めるまでに必要な作業の一覧。料金表による予測で、契約の申込みではありません。\n\n\
        What a new service will cost by month and year, and what must be done before it begins. A forecast, no offer.",
    responses(
        (status = 200, description = "The estimate.", body = EstimateAnswer),
        (status = 400, description = "`estimate.out_of_range`, `request.malformed`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "`token.missing`, `token.invalid`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = [])),
)]
async fn get_estimate(
    State(context): State<Context>,
    _caller: Caller,
    fees: Option<Extension<Arc<FeeTable>>>,
    Query(query): Query<PlanQuery>,
) -> Result<Json<EstimateAnswer>, ApiError> {
    let plan = Plan {
        customers: query.customers,
        checks_per_thousand: query.checks_per_thousand,
        consenting: query.consenting_per_thousand,
        changing: query.changing_per_thousand,
        method: query.method,
        delivery: query.delivery,
        joining: query.joining,
    };
    let plan = plan.check().map_err(|_| Problem::new(&PLAN_OUT_OF_RANGE))?;
    let today = context.clock.now().date_in_japan();
    Ok(Json(super::estimate(&plan, &table(fees), today).into()))
}

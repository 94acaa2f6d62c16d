//! Work and cost (作業とコスト): how often which work was done for a relying party, by purpose and day, and what it costs by
//! a fee table. Counts only; no person. Sends no invoice and collects nothing.
//!
//! ```text
//! count() --> metering (table) --by month--> MonthlyReport --> page, CSV, GET /v1/usage
//!                             fee table ---'
//! Plan, fee table --estimate()--> Estimate --> page, GET /v1/estimate
//! ```

mod amount;
mod csv;
mod estimate;
mod fees;
mod http;
mod month;
mod report;
mod service;
mod sql;
#[cfg(test)]
mod tests;

use musubi_httpkit::{ProblemKind, Text};
use musubi_kernel::UnixTime;
use musubi_store::{Migration, StoreError, Tx};

use crate::RelyingPartyId;

pub use amount::{Amount, AmountError};
pub use csv::{cell, report_csv};
pub use estimate::{
    CheckMethod, DeliveryMethod, Estimate, Joining, MAX_CHECKS, MAX_CUSTOMERS, Plan, PlanError, STEPS, Step,
    USUAL_CHANGES, estimate,
};
pub use fees::{Fee, FeeError, FeeTable, Free, Tier};
pub use http::{EstimateAnswer, LineBody, PurposeBody, StepBody, TotalBody, UsageAnswer, api};
pub use month::{Month, MonthError};
pub use report::{DayCount, Line, MonthlyReport, PurposeCount, Total};
pub use service::monthly_report;

/// A plan that cannot be worked out.
pub static PLAN_OUT_OF_RANGE: ProblemKind = ProblemKind::new(
    "estimate.out_of_range",
    400,
    "Not a plan that can be worked out",
    Text::new(
        "見積りの条件が、計算できる範囲にありません。",
        "顧客は1人から2億人、照会は顧客千人・月あたり100万件まで、割合は千分の1000までで指定してください。",
    ),
    Text::new(
        "The plan lies outside what can be worked out.",
        "Give 1 to 200000000 customers, at most 1000000 checks per thousand customers and month, and shares of at most 1000 in 1000.",
    ),
);

pub(crate) const MIGRATION: Migration =
    Migration { name: "metering/0001_metering", sql: include_str!("migrations/0001_metering.sql") };

/// A kind of work. A published name keeps its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The name in the database and in reports.
    pub name: &'static str,
    /// What it is, in Japanese.
    pub ja: &'static str,
    /// What it is, in English.
    pub en: &'static str,
}

macro_rules! items {
    ($($constant:ident = $name:literal, $ja:literal, $en:literal;)*) => {
        $(#[doc = $en] pub const $constant: Item = Item { name: $name, ja: $ja, en: $en };)*
        /// Every kind of work.
        pub const ITEMS: &[Item] = &[$($constant,)*];
    };
}

items! {
    SIGNATURE_CHECK_BY_LIST = "signature_check.list", "署名用電子証明書の検証（失効リスト）", "Checks of a digital-signature certificate by list";
    SIGNATURE_CHECK_BY_OCSP = "signature_check.ocsp", "署名用電子証明書の検証（OCSP）", "Checks of a digital-signature certificate by OCSP";
    AUTHENTICATION_CHECK_BY_LIST = "authentication_check.list", "利用者証明用電子証明書の検証（失効リスト）", "Checks of a user-authentication certificate by list";
    AUTHENTICATION_CHECK_BY_OCSP = "authentication_check.ocsp", "利用者証明用電子証明書の検証（OCSP）", "Checks of a user-authentication certificate by OCSP";
    CHANGE_CHECK = "change_check", "変更確認の照会", "Change checks that were asked for";
    CHANGE_EVENT = "change_event", "変更の通知", "Change events";
    CORRECTION = "correction", "訂正の通知", "Corrections";
    DELIVERY = "delivery", "配信（プッシュ）", "Deliveries by push";
    DELIVERY_ATTEMPT = "delivery_attempt", "配信の試行", "Attempts of delivery";
    LATEST_ATTRIBUTES = "latest_attributes", "最新の利用者情報（4情報）の提供", "Provisions of the latest attributes";
    REGISTRATION_LINE = "registration_line", "一括登録の行", "Lines of bulk registrations";
    OFFLINE_FILTER = "offline_filter", "オフライン検証データの提供", "Downloads of offline filters";
}

/// The item with this name.
#[must_use]
pub fn item_of(name: &str) -> Option<Item> {
    ITEMS.iter().copied().find(|item| item.name == name)
}

/// Counts `n` of `item`, done at `at` for `purpose` (empty if none was named). Count before the audit record, which
/// comes last in every transaction: two that lock in other orders would wait for one another. Who counts for several
/// relying parties in one transaction takes them in the order of their ids, for the same reason.
///
/// # Errors
/// [`StoreError`].
pub async fn count(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    purpose: &str,
    item: Item,
    n: i64,
    at: UnixTime,
) -> Result<(), StoreError> {
    sql::add(tx, relying_party, purpose, item, n, at.date_in_japan()).await
}

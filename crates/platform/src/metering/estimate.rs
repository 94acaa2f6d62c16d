//! The estimator (作業とコストの見積り): what a new service will cost, and what must be done before it can begin. A pure
//! function of what its planner expects and of the fee table; a forecast, no offer.

mod steps;

use musubi_kernel::Date;

use super::{
    AUTHENTICATION_CHECK_BY_LIST, AUTHENTICATION_CHECK_BY_OCSP, Amount, CHANGE_EVENT, DELIVERY, DayCount,
    FeeTable, Item, LATEST_ATTRIBUTES, Line, Month, REGISTRATION_LINE, SIGNATURE_CHECK_BY_LIST,
    SIGNATURE_CHECK_BY_OCSP, Total, report,
};

pub use steps::{STEPS, Step};

/// Most customers that are worked with: more than there are residents.
pub const MAX_CUSTOMERS: u64 = 200_000_000;
/// Most checks per customer and month, in thousandths.
pub const MAX_CHECKS: u64 = 1_000_000;

/// Of a thousand certificates of each kind, so many change in a year: about a tenth (moves, renewals, losses, deaths).
/// No official figure is published.
pub const USUAL_CHANGES: u64 = 100;

/// How certificates are checked against revocation information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckMethod {
    /// By the revocation lists that the platform holds.
    List,
    /// By asking the authority each time.
    Ocsp,
}

/// How changes reach the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryMethod {
    /// The platform sends them to an endpoint of the service.
    Push,
    /// The service asks for them.
    Poll,
    /// The service fetches a file each day.
    DailyFile,
}

/// How the service's present customers become watched ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Joining {
    /// Each proves who they are with a signature when they come.
    Signature,
    /// A matching file, and the resident's confirmation later.
    Bulk,
}

/// What the service's planner expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Watched customers, at most [`MAX_CUSTOMERS`].
    pub customers: u64,
    /// Checks of the user-authentication certificate per thousand customers and month, at most [`MAX_CHECKS`].
    pub checks_per_thousand: u64,
    /// Of a thousand customers, so many consented to the provision of their latest attributes.
    pub consenting: u64,
    /// Of a thousand customers, for so many something changes in a year.
    pub changing: u64,
    /// How certificates are checked.
    pub method: CheckMethod,
    /// How changes arrive.
    pub delivery: DeliveryMethod,
    /// How customers come in.
    pub joining: Joining,
}

/// A plan outside what can be worked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "customers: 1 to 200000000; checks per thousand customers and month: to 1000000; shares: to 1000 of 1000"
)]
pub struct PlanError;

/// What it comes to.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// The first month that was worked out.
    pub from: Month,
    /// What is done once, to begin.
    pub once: Vec<Line>,
    /// Its price.
    pub once_total: Total,
    /// What is done in the first usual month.
    pub month: Vec<Line>,
    /// Its price, base fee included.
    pub month_total: Total,
    /// The price of twelve months, each by the fees of its time, and of what is done once.
    pub year_total: Total,
    /// What must be done.
    pub steps: Vec<&'static Step>,
}

/// `share` of a thousand of `whole`, rounded up: a forecast is rather too high.
fn share(whole: u64, share: u64) -> u64 {
    let product = u128::from(whole) * u128::from(share);
    u64::try_from(product.div_ceil(1000)).unwrap_or(u64::MAX)
}

impl Plan {
    /// The plan, if it can be worked with.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn check(self) -> Result<Self, PlanError> {
        let fits = (1..=MAX_CUSTOMERS).contains(&self.customers)
            && self.checks_per_thousand <= MAX_CHECKS
            && self.consenting <= 1000
            && self.changing <= 1000;
        fits.then_some(self).ok_or(PlanError)
    }

    /// What is done once.
    fn once(&self) -> Vec<(Item, u64)> {
        match (self.joining, self.method) {
            (Joining::Signature, CheckMethod::List) => vec![(SIGNATURE_CHECK_BY_LIST, self.customers)],
            (Joining::Signature, CheckMethod::Ocsp) => vec![(SIGNATURE_CHECK_BY_OCSP, self.customers)],
            (Joining::Bulk, _) => vec![(REGISTRATION_LINE, self.customers)],
        }
    }

    /// What is done in a usual month. Every consented change counts as one that is asked for and answered: some are
    /// not answered, since nothing newer exists, and then cost nothing.
    fn month(&self) -> Vec<(Item, u64)> {
        let events = share(self.customers, self.changing).div_ceil(12);
        let checked = match self.method {
            CheckMethod::List => AUTHENTICATION_CHECK_BY_LIST,
            CheckMethod::Ocsp => AUTHENTICATION_CHECK_BY_OCSP,
        };
        let delivered = if self.delivery == DeliveryMethod::Push { events } else { 0 };
        vec![
            (checked, share(self.customers, self.checks_per_thousand)),
            (CHANGE_EVENT, events),
            (DELIVERY, delivered),
            (LATEST_ATTRIBUTES, share(events, self.consenting)),
        ]
    }
}

/// The lines of `work` done on one day.
fn priced(work: &[(Item, u64)], day: Date, fees: &FeeTable) -> Vec<Line> {
    let counts: Vec<DayCount> = work.iter().map(|&(item, count)| DayCount { item, day, count }).collect();
    report::lines(&counts, fees)
}

fn sum(lines: &[Line]) -> Amount {
    lines.iter().map(|line| line.authority.plus(line.operator)).sum()
}

/// Works a plan out. Fees are those of the first day of each month, from the month after `today`.
#[must_use]
pub fn estimate(plan: &Plan, fees: &FeeTable, today: Date) -> Estimate {
    let from = Month::of(today).next();
    let months = std::iter::successors(Some(from), |month| Some(month.next())).take(12);
    let days: Vec<Date> = months.filter_map(|month| month.day(1)).collect();
    let first = days.first().copied().unwrap_or(today);
    let (once, month) = (priced(&plan.once(), first, fees), priced(&plan.month(), first, fees));
    let of_month = |lines: &[Line]| sum(lines).plus(fees.monthly_base());
    let year: Amount = days.iter().map(|&day| of_month(&priced(&plan.month(), day, fees))).sum();
    Estimate {
        from,
        once_total: Total::of(sum(&once), fees),
        month_total: Total::of(of_month(&month), fees),
        year_total: Total::of(year.plus(sum(&once)), fees),
        once,
        month,
        steps: STEPS.iter().filter(|step| (step.applies)(plan)).collect(),
    }
}

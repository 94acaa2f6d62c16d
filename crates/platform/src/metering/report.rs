//! The monthly report (月次レポート) of a relying party: counts, by purpose too, and what they cost by the fee table.

use musubi_kernel::Date;

use super::{Amount, FeeTable, Item, Month};

/// How often something was done on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// What.
    pub item: Item,
    /// When, in Japan.
    pub day: Date,
    /// How often.
    pub count: u64,
}

/// How often something was done in a month for one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurposeCount {
    /// The purpose, as the relying party named it; empty if it named none.
    pub purpose: String,
    /// What.
    pub item: Item,
    /// How often.
    pub count: u64,
}

/// One kind of work in one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub item: Item,
    /// How often.
    pub count: u64,
    /// How many of them the authority charges for.
    pub charged: u64,
    /// The authority's fees.
    pub authority: Amount,
    /// The operator's.
    pub operator: Amount,
}

/// What is to be paid. Consumption tax is worked out once, from the sum, and both are cut to whole yen: so a qualified
/// invoice (適格請求書) has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// Without tax, in yen.
    pub net_yen: i64,
    /// The tax, in yen.
    pub tax_yen: i64,
    /// Its rate.
    pub tax_percent: u32,
}

impl Total {
    pub(super) fn of(net: Amount, fees: &FeeTable) -> Self {
        let (net_yen, tax_percent) = (net.whole_yen(), fees.tax_percent());
        let tax = i128::from(net_yen) * i128::from(tax_percent) / 100;
        Self { net_yen, tax_yen: i64::try_from(tax).unwrap_or(i64::MAX), tax_percent }
    }

    /// With tax, in yen.
    #[must_use]
    pub fn gross_yen(self) -> i64 {
        self.net_yen.saturating_add(self.tax_yen)
    }
}

/// The whole month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthlyReport {
    /// Which.
    pub month: Month,
    /// A line for each kind of work that was done.
    pub lines: Vec<Line>,
    /// The same counts by purpose.
    pub purposes: Vec<PurposeCount>,
    /// Whether there are more purposes than are listed.
    pub purposes_left_out: bool,
    /// The operator's monthly base fee.
    pub base: Amount,
    /// What is to be paid.
    pub total: Total,
}

/// The lines of a month, in the order of the fee table.
#[must_use]
pub(super) fn lines(counts: &[DayCount], fees: &FeeTable) -> Vec<Line> {
    let line = |fee: &super::Fee| {
        let of_item = || counts.iter().filter(|day| day.item == fee.item);
        let sum = |count: u64, day: &DayCount| count.saturating_add(day.count);
        let count = of_item().fold(0, sum);
        let costs = |day: &&DayCount| fee.authority > Amount::ZERO && fee.is_charged(day.day);
        let charged = of_item().filter(costs).fold(0, sum);
        let authority = fee.authority.times(charged);
        (count > 0).then(|| Line {
            item: fee.item,
            count,
            charged,
            authority,
            operator: fee.operator_for(count),
        })
    };
    fees.fees().iter().filter_map(line).collect()
}

impl MonthlyReport {
    /// The report from its counts.
    #[must_use]
    pub fn new(
        month: Month,
        counts: &[DayCount],
        (purposes, purposes_left_out): (Vec<PurposeCount>, bool),
        fees: &FeeTable,
    ) -> Self {
        let lines = lines(counts, fees);
        let base = fees.monthly_base();
        let work: Amount = lines.iter().map(|line| line.authority.plus(line.operator)).sum();
        Self { month, lines, purposes, purposes_left_out, base, total: Total::of(work.plus(base), fees) }
    }
}

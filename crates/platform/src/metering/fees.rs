//! The fee table (料金表): what the authority lists for each kind of work, until when it asks for nothing, and what the
//! operator adds. Configuration, not law: the defaults are the listed fees as published, and an operator corrects them.

use musubi_kernel::Date;
use serde::{Deserialize, Deserializer};

use super::{
    AUTHENTICATION_CHECK_BY_LIST, AUTHENTICATION_CHECK_BY_OCSP, Amount, ITEMS, Item, LATEST_ATTRIBUTES,
    SIGNATURE_CHECK_BY_LIST, SIGNATURE_CHECK_BY_OCSP,
};

/// Most tiers of one item.
const MAX_TIERS: usize = 20;

/// All fees. In the configuration: `[fees]`, with `[[fees.item]]` for each kind of work that differs from the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeTable {
    tax_percent: u32,
    monthly_base: Amount,
    fees: Vec<Fee>,
}

/// What one kind of work costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fee {
    /// Which.
    pub item: Item,
    /// What the authority (J-LIS) lists for each.
    pub authority: Amount,
    /// When the authority asks for nothing.
    pub free: Option<Free>,
    /// What the operator adds for each, by how many there were in the month: in ascending order, the first from 0.
    pub operator: Vec<Tier>,
}

/// Days on which a listed fee is not asked for, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Free {
    /// The first.
    pub from: Date,
    /// The last; until further notice if there is none.
    pub until: Option<Date>,
}

/// The price of those after the first `above` of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// So many cost what the tier before says.
    pub above: u64,
    /// For each further one.
    pub yen: Amount,
}

/// Why a fee table was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeeError {
    /// No such kind of work.
    #[error("fees.item: there is no item `{0}`")]
    Unknown(String),
    /// Named twice.
    #[error("fees.item: `{0}` is there twice")]
    Twice(String),
    /// Tiers must begin at 0 and ascend.
    #[error("fees.item: the tiers of `{0}` begin above 0, ascend, and are at most {MAX_TIERS}")]
    Tiers(String),
    /// The last free day lies before the first.
    #[error("fees.item: `{0}` is free until a day before free_from, or until a day without free_from")]
    Free(String),
    /// More than everything.
    #[error("fees.consumption_tax_percent is at most 100")]
    Tax,
}

impl Fee {
    /// Whether the authority asks for its fee on a day.
    #[must_use]
    pub fn is_charged(&self, day: Date) -> bool {
        self.free.is_none_or(|free| day < free.from || free.until.is_some_and(|until| until < day))
    }

    /// What the operator adds for `count` in one month.
    #[must_use]
    pub fn operator_for(&self, count: u64) -> Amount {
        let ends = self.operator.iter().skip(1).map(|tier| tier.above).chain([u64::MAX]);
        let in_tier = |(tier, end): (&Tier, u64)| tier.yen.times(count.min(end).saturating_sub(tier.above));
        self.operator.iter().zip(ends).map(in_tier).sum()
    }
}

impl FeeTable {
    /// Consumption tax, in percent.
    #[must_use]
    pub fn tax_percent(&self) -> u32 {
        self.tax_percent
    }

    /// What the operator asks of every relying party each month, whatever it does.
    #[must_use]
    pub fn monthly_base(&self) -> Amount {
        self.monthly_base
    }

    /// The fee of an item.
    #[must_use]
    pub fn fee(&self, item: Item) -> Option<&Fee> {
        self.fees.iter().find(|fee| fee.item == item)
    }

    /// Every fee, in the order of [`ITEMS`].
    #[must_use]
    pub fn fees(&self) -> &[Fee] {
        &self.fees
    }
}

impl Default for FeeTable {
    /// The listed fees (CRL and OCSP 20 yen and 2 yen, free since January 2023; OCSP "for the time being three years",
    /// so to the end of 2025; 20 yen for each provision of the latest attributes), and nothing for the operator.
    fn default() -> Self {
        let day = |year, month, day| Date::new(year, month, day).ok();
        let since = |until| day(2023, 1, 1).map(|from| Free { from, until });
        let fees = ITEMS.iter().map(|&item| {
            let (authority, free) = match item {
                SIGNATURE_CHECK_BY_LIST => (20, since(None)),
                SIGNATURE_CHECK_BY_OCSP => (20, since(day(2025, 12, 31))),
                AUTHENTICATION_CHECK_BY_LIST => (2, since(None)),
                AUTHENTICATION_CHECK_BY_OCSP => (2, since(day(2025, 12, 31))),
                LATEST_ATTRIBUTES => (20, None),
                _ => (0, None),
            };
            let operator = vec![Tier { above: 0, yen: Amount::ZERO }];
            Fee { item, authority: Amount::yen(authority), free, operator }
        });
        Self { tax_percent: 10, monthly_base: Amount::ZERO, fees: fees.collect() }
    }
}

/// `[fees]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    consumption_tax_percent: Option<u32>,
    monthly_base_yen: Option<Amount>,
    #[serde(default)]
    item: Vec<WrittenFee>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFee {
    name: String,
    authority_yen: Option<Amount>,
    free_from: Option<WrittenDate>,
    free_until: Option<WrittenDate>,
    operator_yen: Option<Amount>,
    #[serde(default)]
    operator_tiers: Vec<Tier>,
}

/// `2026-04-01`.
#[derive(Debug, Clone, Copy)]
struct WrittenDate(Date);

impl<'de> Deserialize<'de> for WrittenDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut parts = text.splitn(3, '-');
        let date = (|| {
            let [year, month, day] = [parts.next()?, parts.next()?, parts.next()?];
            Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
        })();
        date.filter(|date| date.to_string() == text)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a day is a text such as \"2026-04-01\""))
    }
}

impl<'de> Deserialize<'de> for FeeTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Written::deserialize(deserializer)?.into_table().map_err(serde::de::Error::custom)
    }
}

impl Written {
    fn into_table(self) -> Result<FeeTable, FeeError> {
        let mut table = FeeTable::default();
        table.tax_percent = self.consumption_tax_percent.unwrap_or(table.tax_percent);
        table.monthly_base = self.monthly_base_yen.unwrap_or_default();
        if table.tax_percent > 100 {
            return Err(FeeError::Tax);
        }
        let mut seen = std::collections::BTreeSet::new();
        for written in self.item {
            if !seen.insert(written.name.clone()) {
                return Err(FeeError::Twice(written.name));
            }
            let known = table.fees.iter_mut().find(|fee| fee.item.name == written.name);
            written.write_into(known)?;
        }
        Ok(table)
    }
}

impl WrittenFee {
    /// What is written replaces the whole default of its item, so that no free period stays behind unseen.
    fn write_into(self, known: Option<&mut Fee>) -> Result<(), FeeError> {
        let Some(fee) = known else { return Err(FeeError::Unknown(self.name)) };
        let until = self.free_until.map(|day| day.0);
        fee.free = match self.free_from {
            Some(WrittenDate(from)) if until.is_none_or(|until| from <= until) => Some(Free { from, until }),
            None if until.is_none() => None,
            _ => return Err(FeeError::Free(self.name)),
        };
        fee.authority = self.authority_yen.unwrap_or_default();
        fee.operator = vec![Tier { above: 0, yen: self.operator_yen.unwrap_or_default() }];
        fee.operator.extend(self.operator_tiers);
        if !fee.operator.is_sorted_by(|a, b| a.above < b.above) || fee.operator.len() > MAX_TIERS {
            return Err(FeeError::Tiers(self.name));
        }
        Ok(())
    }
}

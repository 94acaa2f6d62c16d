//! Money in thousandths of a yen, exact: fees below one yen are common, floating point is not money.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Thousandths in a yen.
const PER_YEN: i64 = 1000;

/// An amount, in thousandths of a yen. Sums stop at the largest value instead of turning around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amount(i64);

/// A text that is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount is yen with up to three decimals and no sign, such as 20 or 0.125, at most 1000000000")]
pub struct AmountError;

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Whole yen.
    #[must_use]
    pub const fn yen(yen: i64) -> Self {
        Self(yen.saturating_mul(PER_YEN))
    }

    /// Thousandths of a yen.
    #[must_use]
    pub const fn milliyen(self) -> i64 {
        self.0
    }

    /// Whole yen; what is below one yen is dropped (端数切捨て).
    #[must_use]
    pub const fn whole_yen(self) -> i64 {
        self.0.div_euclid(PER_YEN)
    }

    /// So many at this price.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for Amount {
    /// `20`, `0.125`: no more decimals than there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (yen, rest) = (self.0.div_euclid(PER_YEN), self.0.rem_euclid(PER_YEN));
        if rest == 0 {
            return write!(f, "{yen}");
        }
        let decimals = format!("{rest:03}");
        write!(f, "{yen}.{}", decimals.trim_end_matches('0'))
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (yen, decimals) = text.split_once('.').map_or((text, None), |(yen, rest)| (yen, Some(rest)));
        let digits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
        };
        if !digits(yen, 10) || decimals.is_some_and(|decimals| !digits(decimals, 3)) {
            return Err(AmountError);
        }
        let thousandths = format!("{:0<3}", decimals.unwrap_or_default());
        let yen: i64 = yen.parse().map_err(|_| AmountError)?;
        let rest: i64 = thousandths.parse().map_err(|_| AmountError)?;
        if yen > 1_000_000_000 {
            return Err(AmountError);
        }
        Ok(Self(yen * PER_YEN + rest))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    /// From a whole number or a text. A number with decimals would come through binary floating point: it is refused.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Whole(u64),
            Text(String),
        }
        let written = Written::deserialize(deserializer).map_err(|_| {
            serde::de::Error::custom("an amount is a whole number of yen, or a text such as \"0.5\"")
        })?;
        let text = match written {
            Written::Whole(yen) => yen.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

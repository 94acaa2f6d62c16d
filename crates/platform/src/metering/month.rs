//! Calendar months of Japan: what is counted and charged together.

use std::fmt;
use std::str::FromStr;

use musubi_kernel::{Date, UnixTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A month, `2026-04`; years 2000 to 2999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    month: u8,
}

/// A text that is no month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a month is written 2026-04")]
pub struct MonthError;

impl Month {
    /// The month of a date; the first or the last of them for a date that lies outside.
    #[must_use]
    pub fn of(date: Date) -> Self {
        match date.year() {
            ..2000 => Self { year: 2000, month: 1 },
            3000.. => Self { year: 2999, month: 12 },
            year => Self { year, month: date.month() },
        }
    }

    /// The month in Japan at an instant.
    #[must_use]
    pub fn at(at: UnixTime) -> Self {
        Self::of(at.date_in_japan())
    }

    /// The month after; the last one has none and stays.
    #[must_use]
    pub fn next(self) -> Self {
        match (self.year, self.month) {
            (2999, 12) => self,
            (year, 12) => Self { year: year + 1, month: 1 },
            (year, month) => Self { year, month: month + 1 },
        }
    }

    /// The month before; the first one has none and stays.
    #[must_use]
    pub fn previous(self) -> Self {
        match (self.year, self.month) {
            (2000, 1) => self,
            (year, 1) => Self { year: year - 1, month: 12 },
            (year, month) => Self { year, month: month - 1 },
        }
    }

    /// `202604`: `20260401` without its day.
    pub(super) fn number(self) -> i64 {
        i64::from(self.year) * 100 + i64::from(self.month)
    }

    /// The date with this day, if the month has it.
    #[must_use]
    pub fn day(self, day: u8) -> Option<Date> {
        Date::new(self.year, self.month, day).ok()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let (year, month) = text.split_once('-').ok_or(MonthError)?;
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(MonthError);
        }
        let (year, month) = (year.parse().map_err(|_| MonthError)?, month.parse().map_err(|_| MonthError)?);
        if !(2000..3000).contains(&year) || !(1..=12).contains(&month) {
            return Err(MonthError);
        }
        Ok(Self { year, month })
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

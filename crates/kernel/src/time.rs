//! Instants in whole seconds and calendar dates of Japan (JST, UTC+9, no summer time).

use std::fmt;

use time::format_description::well_known::Rfc3339;
use time::{Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// Seconds since 1970-01-01T00:00:00Z. In JSON: an RFC 3339 text in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

/// A text or a number that is no instant, or a date that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date or time")]
pub struct TimeError;

const JST: i64 = 9 * 3600;

impl UnixTime {
    /// This instant `seconds` later.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this instant; negative if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `2026-11-21T02:03:04Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp(self.0)
            .ok()
            .and_then(|t| t.format(&Rfc3339).ok())
            .unwrap_or_else(|| format!("@{}", self.0))
    }

    /// Reads an RFC 3339 text with any offset; fractions of a second are dropped.
    ///
    /// # Errors
    /// [`TimeError`] if the text is no RFC 3339 instant.
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimeError> {
        OffsetDateTime::parse(text, &Rfc3339).map(|t| Self(t.unix_timestamp())).map_err(|_| TimeError)
    }

    /// The instant of a civil time in UTC.
    ///
    /// # Errors
    /// [`TimeError`] if there is no such time.
    pub fn from_utc(
        year: i32,
        month: u8,
        day: u8,
        hour: u8,
        minute: u8,
        second: u8,
    ) -> Result<Self, TimeError> {
        let date = Date::new(year, month, day)?.0;
        let time = Time::from_hms(hour, minute, second).map_err(|_| TimeError)?;
        Ok(Self(PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp()))
    }

    /// `(year, month, day, hour, minute, second)` in UTC.
    #[must_use]
    pub fn to_utc(self) -> (i32, u8, u8, u8, u8, u8) {
        let t = OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        (t.year(), t.month().into(), t.day(), t.hour(), t.minute(), t.second())
    }

    /// The calendar date in Japan.
    #[must_use]
    pub fn date_in_japan(self) -> Date {
        let t = OffsetDateTime::from_unix_timestamp(self.0.saturating_add(JST))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            .to_offset(UtcOffset::UTC);
        Date(t.date())
    }

    /// `2026-11-21 11:03` in Japan, for people.
    #[must_use]
    pub fn in_japan(self) -> String {
        let (y, mo, d, h, mi, _) = self.plus(JST).to_utc();
        format!("{y:04}-{mo:02}-{d:02} {h:02}:{mi:02}")
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl serde::Serialize for UnixTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

impl<'de> serde::Deserialize<'de> for UnixTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_rfc3339(&text).map_err(serde::de::Error::custom)
    }
}

/// A calendar date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(time::Date);

impl Date {
    /// The date `year-month-day`.
    ///
    /// # Errors
    /// [`TimeError`] if there is no such date.
    pub fn new(year: i32, month: u8, day: u8) -> Result<Self, TimeError> {
        let month = Month::try_from(month).map_err(|_| TimeError)?;
        time::Date::from_calendar_date(year, month, day).map(Self).map_err(|_| TimeError)
    }

    /// The year.
    #[must_use]
    pub fn year(self) -> i32 {
        self.0.year()
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        self.0.month().into()
    }

    /// The day of the month, from 1.
    #[must_use]
    pub fn day(self) -> u8 {
        self.0.day()
    }

    /// The date `days` later.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(time::Duration::days(days)))
    }

    /// The instant at which this date begins in Japan.
    #[must_use]
    pub fn starts_in_japan(self) -> UnixTime {
        UnixTime(PrimitiveDateTime::new(self.0, Time::MIDNIGHT).assume_utc().unix_timestamp() - JST)
    }

    /// The last second of this date in Japan (23:59:59 JST = 14:59:59Z).
    #[must_use]
    pub fn ends_in_japan(self) -> UnixTime {
        self.starts_in_japan().plus(86_399)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year(), self.month(), self.day())
    }
}

#[cfg(test)]
mod tests {
    use super::{Date, UnixTime};

    #[test]
    fn the_last_second_of_a_day_in_japan_is_14_59_59_in_utc() {
        let date = Date::new(2030, 2, 17).unwrap();
        assert_eq!(date.ends_in_japan().rfc3339(), "2030-02-17T14:59:59Z");
        assert_eq!(date.ends_in_japan().date_in_japan(), date);
        assert_eq!(date.ends_in_japan().plus(1).date_in_japan(), date.plus_days(1));
    }

    #[test]
    fn text_and_instant_agree_and_nonsense_is_refused() {
        let at = UnixTime::parse_rfc3339("2026-11-21T12:00:00+09:00").unwrap();
        assert_eq!(at.rfc3339(), "2026-11-21T03:00:00Z");
        assert_eq!(at.in_japan(), "2026-11-21 12:00");
        for wrong in ["", "yesterday", "2026-02-30T00:00:00Z", "2026-11-21"] {
            assert!(UnixTime::parse_rfc3339(wrong).is_err(), "{wrong}");
        }
    }
}

//! How a certificate stands in time, as its holder is told. Judges nothing: that is [`judge()`](crate::judge()).

use musubi_kernel::{Date, UnixTime};

/// Where the present lies in a validity period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Before its first second.
    NotYetValid,
    /// Within, and renewal is not due.
    Valid,
    /// In the last three months, when the municipality renews it (facts of the JPKI: validity and eligibility).
    NearRenewal,
    /// Behind its last second.
    Expired,
}

impl Standing {
    /// How a validity period stands at `now`. Months are those of the calendar in Japan.
    #[must_use]
    pub fn of(not_before: UnixTime, not_after: UnixTime, now: UnixTime) -> Self {
        if now > not_after {
            Self::Expired
        } else if now < not_before {
            Self::NotYetValid
        } else if now >= three_months_before(not_after.date_in_japan()).starts_in_japan() {
            Self::NearRenewal
        } else {
            Self::Valid
        }
    }
}

/// The same day three months earlier, or the last one of that month.
fn three_months_before(date: Date) -> Date {
    let (year, month) =
        if date.month() > 3 { (date.year(), date.month() - 3) } else { (date.year() - 1, date.month() + 9) };
    // Every month has 28 days.
    (28..=date.day())
        .rev()
        .chain([date.day()])
        .find_map(|day| Date::new(year, month, day).ok())
        .unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewal_is_near_from_three_months_before_the_end_on() {
        let date = |year, month, day| Date::new(year, month, day).unwrap();
        for (end, from) in [
            (date(2030, 2, 17), date(2029, 11, 17)),
            (date(2030, 5, 31), date(2030, 2, 28)),
            (date(2028, 5, 30), date(2028, 2, 29)),
            (date(2030, 12, 31), date(2030, 9, 30)),
            (date(2030, 4, 1), date(2030, 1, 1)),
        ] {
            assert_eq!(three_months_before(end), from, "{end}");
            let (begin, until) = (date(2025, 1, 1).starts_in_japan(), end.ends_in_japan());
            let at = |at| Standing::of(begin, until, at);
            assert_eq!(at(from.starts_in_japan().plus(-1)), Standing::Valid);
            assert_eq!(at(from.starts_in_japan()), Standing::NearRenewal);
            assert_eq!(at(until), Standing::NearRenewal);
            assert_eq!(at(until.plus(1)), Standing::Expired);
            assert_eq!(at(begin.plus(-1)), Standing::NotYetValid);
        }
    }
}

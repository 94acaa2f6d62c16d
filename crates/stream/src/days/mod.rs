//! Daily files: all entries of one day in Japan, with a signed statement of where the day begins and ends
//! (`docs/spec/change-stream.md`).
//!
//! A day is closed at one o'clock of the next day, when somebody first asks after that; from then on its file is the same
//! bytes forever. An entry that is written later, with an earlier time, belongs to the first day that is still open: no
//! entry is in two files, and none is in no file.

pub(crate) mod http;
mod lines;
mod service;
mod sql;

use musubi_feed::{DayStatement, Position};
use musubi_kernel::{Date, UnixTime};
use musubi_store::Migration;

/// The feature's schema.
pub const MIGRATIONS: &[Migration] =
    &[Migration { name: "days/0001_days", sql: include_str!("migrations/0001_days.sql") }];

/// A day that is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ClosedDay {
    day: Date,
    before: Position,
    last: Position,
    /// Bytes of its tokens.
    size: u64,
    closed_at: UnixTime,
}

impl ClosedDay {
    fn entries(&self) -> u64 {
        self.last.sequence.saturating_sub(self.before.sequence)
    }

    fn statement(&self) -> DayStatement {
        DayStatement { day: self.day.to_string(), before: self.before, last: self.last, at: self.closed_at.0 }
    }
}

/// The date of a text such as `2026-04-01`, and of no other form.
fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    (date.to_string() == text).then_some(date)
}

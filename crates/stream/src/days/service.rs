//! The rules of days: which entries belong to which.

use musubi_crypto::sha256;
use musubi_feed::Position;
use musubi_kernel::{Date, UnixTime};
use musubi_platform::change_stream::{self, StoredEntry};
use musubi_platform::{Context, RelyingPartyId};
use musubi_store::{StoreError, Tx};

use super::{ClosedDay, sql};

/// After the end of a day, transactions that began in it have so long to end, in seconds.
const CLOSED_AFTER: i64 = 3600;

/// Whether `day` can be closed at `at`.
pub(super) fn is_over(day: Date, at: UnixTime) -> bool {
    at >= day.plus_days(1).starts_in_japan().plus(CLOSED_AFTER)
}

/// The last day that can be closed at `at`.
pub(super) fn last_over(at: UnixTime) -> Date {
    at.plus(-CLOSED_AFTER).date_in_japan().plus_days(-1)
}

/// Whether days up to `day` are still to be closed: asked before a transaction that writes.
pub(super) async fn is_open(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    day: Date,
) -> Result<bool, StoreError> {
    Ok(sql::newest(tx, relying_party).await?.is_none_or(|newest| newest.day < day))
}

/// Closes every day up to `day`, which must be over, from the day of the first entry on.
pub(super) async fn close_through(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    day: Date,
    at: UnixTime,
) -> Result<(), StoreError> {
    loop {
        // Read anew each time: another process may close days, too.
        let newest = sql::newest(tx, relying_party).await?;
        let (before, next) = match &newest {
            Some(newest) => (newest.last, newest.day.plus_days(1)),
            None => {
                let start = change_stream::stream_of(context, relying_party).start();
                let Some(first) = entry(tx, relying_party, 1).await? else { return Ok(()) };
                (start, first.recorded_at.date_in_japan())
            }
        };
        if next > day {
            return Ok(());
        }
        let last = last_of(tx, context, relying_party, before, next).await?;
        let size = change_stream::size(tx, relying_party, before.sequence, last.sequence).await?;
        let closed = ClosedDay { day: next, before, last, size, closed_at: at };
        sql::insert(tx, relying_party, &closed).await?;
    }
}

/// The place after the last entry that was written on `day` or before, found by halving: entries are written in the order
/// of their times but for the time that a transaction takes.
async fn last_of(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    before: Position,
    day: Date,
) -> Result<Position, StoreError> {
    let head = change_stream::head(tx, context, relying_party).await?.last.sequence;
    let (mut low, mut high, mut found) = (before.sequence, head, before);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let entry = entry(tx, relying_party, middle).await?.ok_or(StoreError::Corrupt("sequence"))?;
        if entry.recorded_at.date_in_japan() <= day {
            found = Position { sequence: entry.sequence, hash: sha256(entry.token.as_bytes()) };
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(found)
}

async fn entry(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    sequence: u64,
) -> Result<Option<StoredEntry>, StoreError> {
    let found = change_stream::after(tx, relying_party, sequence.saturating_sub(1), 1).await?.pop();
    Ok(found.filter(|entry| entry.sequence == sequence))
}

//! The rules of poll: what is acknowledged, what is still to be sent.

use std::collections::BTreeSet;

use musubi_kernel::UnixTime;
use musubi_platform::change_stream::{self, StoredEntry};
use musubi_platform::{Context, RelyingPartyId};
use musubi_store::{StoreError, Tx};

use super::sql;

/// How far beyond the first entry that is not acknowledged others are sent and acknowledged. It bounds what is kept for a
/// receiver that leaves one out forever.
pub(super) const WINDOW: u64 = 10_000;
/// Entries that are read at once.
const PAGE: u32 = 500;

/// What a receiver says about entries that it was sent.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// It has them.
    pub(super) acknowledged: Vec<u64>,
    /// It could not use them, and why: a code of the form that RFC 8935, 2.4 names. They are not sent again.
    pub(super) errors: Vec<(u64, String)>,
}

/// Takes in what the receiver says. Numbers that it cannot have been sent are passed over.
pub(super) async fn acknowledge(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    said: &Said,
    at: UnixTime,
) -> Result<(), StoreError> {
    if said.acknowledged.is_empty() && said.errors.is_empty() {
        return Ok(());
    }
    let floor = sql::lock_floor(tx, relying_party).await?;
    let head = change_stream::head(tx, context, relying_party).await?.last.sequence;
    let sent = |number: &u64| *number > floor && *number <= head.min(floor.saturating_add(WINDOW));
    for (number, error) in said.errors.iter().filter(|(number, _)| sent(number)) {
        sql::insert_error(tx, relying_party, *number, error, at).await?;
    }
    let kept: BTreeSet<u64> = sql::ahead(tx, relying_party).await?.into_iter().collect();
    let errors = said.errors.iter().map(|(number, _)| *number);
    let new: BTreeSet<u64> =
        said.acknowledged.iter().copied().chain(errors).filter(sent).filter(|n| !kept.contains(n)).collect();
    let moved = floor_after(floor, |number| new.contains(&number) || kept.contains(&number));
    let beyond: Vec<u64> = new.into_iter().filter(|number| *number > moved).collect();
    sql::insert_ahead(tx, relying_party, &beyond).await?;
    if moved > floor {
        sql::move_floor(tx, relying_party, moved).await?;
    }
    Ok(())
}

/// The last number of the unbroken run of acknowledged ones.
fn floor_after(floor: u64, acknowledged: impl Fn(u64) -> bool) -> u64 {
    let mut moved = floor;
    while acknowledged(moved.saturating_add(1)) {
        moved += 1;
    }
    moved
}

/// The next entries to send, at most `limit`, and whether there are more.
pub(super) struct ToSend {
    pub(super) entries: Vec<StoredEntry>,
    pub(super) more: bool,
    /// After which number nothing was found: where to wait.
    pub(super) looked_to: u64,
}

/// What the receiver did not acknowledge yet, in order.
pub(super) async fn to_send(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    limit: usize,
) -> Result<ToSend, StoreError> {
    let floor = sql::floor(tx, relying_party).await?;
    let ahead: BTreeSet<u64> = sql::ahead(tx, relying_party).await?.into_iter().collect();
    let mut found = ToSend { entries: Vec::new(), more: false, looked_to: floor };
    loop {
        let page = change_stream::after(tx, relying_party, found.looked_to, PAGE).await?;
        let full = page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
        for entry in page {
            found.looked_to = entry.sequence;
            if entry.sequence > floor.saturating_add(WINDOW) || ahead.contains(&entry.sequence) {
                continue;
            }
            if found.entries.len() >= limit {
                found.more = true;
                return Ok(found);
            }
            found.entries.push(entry);
        }
        if !full || found.looked_to > floor.saturating_add(WINDOW) {
            return Ok(found);
        }
    }
}

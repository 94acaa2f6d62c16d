//! What follows from a list that is in use: events, corrections. In batches, each with the place up to which it is done in
//! its own transaction, so that a crash loses nothing and tells nothing twice; and in the order in which lists came.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, EntryStatus, SerialNumber, VerifiedRevocationList};
use musubi_platform::Context;
use musubi_store::{StoreError, Tx};

use super::sql::{self, Through};
use super::{Lists, Step};
use crate::change_check::{self, Source};
use crate::freshness;
use crate::linking::Revocation;

/// Changed serial numbers that are looked through in one transaction.
const CHANGES: u32 = 2_000;
/// Known certificates that are looked up in one transaction: nearly all are on no list.
const KNOWN: u32 = 200_000;

/// Writes what follows from the lists taken in, and from the certificates that became known, into the change stream;
/// answers how many events that were.
///
/// # Errors
/// [`StoreError`]; the next call goes on where this one ended.
pub(crate) async fn follow(context: &Context, lists: &Lists) -> Result<u32, StoreError> {
    let mut events = 0_u32;
    let unlooked = {
        let mut tx = context.db.begin_read().await?;
        sql::unlooked(&mut tx).await?
    };
    for mut list in unlooked {
        let source = Source {
            authority: list.name.authority,
            key_id: list.name.key_id.clone(),
            number: list.number,
            this_update: list.this_update,
        };
        let number = u64::try_from(list.number).unwrap_or_default();
        let mut looked = 0_u64;
        let in_use = lists.of_name(&list.name).filter(|(head, _)| head.id == list.id).map(|(_, list)| list);
        loop {
            let mut tx = context.db.begin().await?;
            let at = context.clock.now();
            let page = match list.through {
                Through::Changes => sql::changes_after(&mut tx, &list, &list.up_to, CHANGES).await?,
                Through::All => match &in_use {
                    Some(in_use) => page_of_known(&mut tx, &list.up_to, in_use).await?,
                    // Replaced before it was looked through: the list that did so is looked through as a whole, too.
                    None => None,
                },
            };
            let Some((named, up_to)) = page else {
                if let (Through::All, Some(in_use)) = (list.through, &in_use) {
                    let named = standing_named_by(&mut tx, in_use).await?;
                    let told = change_check::record(&mut tx, context, &source, &named, at).await?;
                    events = events.saturating_add(told);
                }
                sql::looked(&mut tx, list.id, at).await?;
                tx.commit().await?;
                lists.imports().follow(list.name.authority, number, Step::Done, looked);
                break;
            };
            // First, since it holds the row: another process that does the same waits here, and finds it done.
            if !sql::looked_up_to(&mut tx, &list, &up_to).await? {
                return Ok(events);
            }
            events =
                events.saturating_add(change_check::record(&mut tx, context, &source, &named, at).await?);
            tx.commit().await?;
            list.up_to = up_to;
            looked = looked.saturating_add(u64::from(match list.through {
                Through::Changes => CHANGES,
                Through::All => KNOWN,
            }));
            lists.imports().follow(list.name.authority, number, Step::Following, looked);
        }
    }
    Ok(events.saturating_add(look_for_new_ones(context, lists).await?))
}

/// Looks through every known certificate once more, whatever was looked through before: for an operator who doubts.
/// Answers how many certificates were looked up, and how many events followed.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn look_at_all_again(
    context: &Context,
    lists: &Lists,
    mut looked: impl FnMut(u64),
) -> Result<(u64, u32), StoreError> {
    let (mut certificates, mut events) = (0_u64, 0_u32);
    let snapshot = lists.snapshot();
    for authority in AuthorityKind::ALL {
        let mut up_to = String::new();
        loop {
            // Reading holds nobody up; only what is found is written.
            let serials = {
                let mut tx = context.db.begin_read().await?;
                sql::unmarked_after(&mut tx, authority, &up_to, KNOWN).await?
            };
            let Some(last) = serials.last().map(SerialNumber::to_string) else { break };
            for list in snapshot.iter().filter(|list| list.authority() == authority) {
                let named = named_by(list, &serials);
                if named.is_empty() {
                    continue;
                }
                let at = context.clock.now();
                let mut tx = context.db.begin().await?;
                let told = change_check::record(&mut tx, context, &Source::of(list), &named, at).await?;
                tx.commit().await?;
                events = events.saturating_add(told);
            }
            certificates = certificates.saturating_add(u64::try_from(serials.len()).unwrap_or(u64::MAX));
            looked(certificates);
            up_to = last;
        }
    }
    Ok((certificates, events))
}

/// What a list says of a page of the known certificates that are not marked as revoked, and the last of the page.
async fn page_of_known(
    tx: &mut Tx,
    after: &str,
    list: &VerifiedRevocationList,
) -> Result<Option<(Vec<Revocation>, String)>, StoreError> {
    let serials = sql::unmarked_after(tx, list.authority(), after, KNOWN).await?;
    let Some(last) = serials.last().map(SerialNumber::to_string) else { return Ok(None) };
    Ok(Some((named_by(list, &serials), last)))
}

/// Those certificates that a list names of which something was said that still stands, whoever's they are.
async fn standing_named_by(
    tx: &mut Tx,
    list: &VerifiedRevocationList,
) -> Result<Vec<Revocation>, StoreError> {
    let mut named = Vec::new();
    freshness::for_each_standing(tx, list.authority(), |serial| named.extend(named_by(list, &[serial])))
        .await?;
    Ok(named)
}

/// Those of `serials` that a list names.
fn named_by(list: &VerifiedRevocationList, serials: &[SerialNumber]) -> Vec<Revocation> {
    let statuses = list.statuses_of(serials);
    let named = serials.iter().zip(statuses).filter_map(|(serial, status)| match status {
        EntryStatus::Listed { at, reason } => {
            let key = musubi_pki::CertKey { authority: list.authority(), serial: serial.clone() };
            Some(Revocation { key, at, reason })
        }
        EntryStatus::NotListed => None,
    });
    named.collect()
}

/// Looks in the lists in use for certificates that became known after those were looked through.
async fn look_for_new_ones(context: &Context, lists: &Lists) -> Result<u32, StoreError> {
    let mut events = 0_u32;
    loop {
        let at: UnixTime = context.clock.now();
        let waiting = {
            let mut tx = context.db.begin_read().await?;
            sql::any_to_check(&mut tx).await?
        };
        if !waiting {
            return Ok(events);
        }
        let mut tx = context.db.begin().await?;
        let taken = sql::take_to_check(&mut tx, CHANGES).await?;
        for list in lists.snapshot().iter() {
            let of_authority = taken.iter().filter(|key| key.authority == list.authority());
            let serials: Vec<_> = of_authority.map(|key| key.serial.clone()).collect();
            let named = named_by(list, &serials);
            if !named.is_empty() {
                let source = Source::of(list);
                events =
                    events.saturating_add(change_check::record(&mut tx, context, &source, &named, at).await?);
            }
        }
        tx.commit().await?;
    }
}

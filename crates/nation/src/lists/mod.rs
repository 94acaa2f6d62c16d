//! The revocation lists of the small nation: for each generation one full list, one per municipality, and delta
//! lists from each full list to the next. Their bytes are written by [`crate::list_writer`].
//!
//! thisUpdate is the moment of publication, nextUpdate 48 hours later, and the nation publishes at least once a
//! day. An entry stays until its certificate's end. Which entries the full list before had is kept in the register
//! (`listed_from`), not read off times: two life events may share a second.

pub(crate) mod sql;

use musubi_kernel::UnixTime;
use musubi_store::Tx;

use crate::authority::{Authorities, Generation};
use crate::list_writer::{Entry, EntryWord, ListHead, Scope, WriteError, merged, write_list};
use crate::sql::{RevokedRow, revoked, take_list_number};
use crate::{MUNICIPALITIES, NationError};

use self::sql::ListRow;

/// Age at which the next list is due, in seconds.
pub(crate) const LIST_INTERVAL: i64 = 24 * 3600;
/// thisUpdate to nextUpdate, in seconds.
pub(crate) const LIST_LIFETIME: i64 = 48 * 3600;

/// So many delta lists of a generation are kept, the newest.
const DELTAS: i64 = 8;

/// Publishes the next lists of every generation that has not ended.
pub(crate) async fn publish(tx: &mut Tx, authorities: &Authorities, at: UnixTime) -> Result<(), NationError> {
    for generation in authorities.generations.iter().filter(|g| at <= g.not_after) {
        let number = take_list_number(tx, generation.kind, generation.number).await?;
        let row = ListRow {
            authority: generation.kind,
            generation: generation.number,
            number,
            this_update: at,
            next_update: at.plus(LIST_LIFETIME),
        };
        let revoked = revoked(tx, generation.kind, generation.number, at).await?;
        let before = sql::full_list(tx, generation.kind, generation.number).await?;
        sql::put_list(tx, &row, "", list(generation, &row, Scope::Full, None, entries(&revoked, None))?)
            .await?;
        for municipality in MUNICIPALITIES {
            let scope = Scope::Municipality(municipality);
            let own = entries(&revoked, Some(municipality.code));
            let der = list(generation, &row, scope, None, own)?;
            sql::put_list(tx, &row, municipality.code, der).await?;
        }
        if let Some(before) = before {
            publish_delta(tx, generation, &before, &row).await?;
        }
        sql::mark_listed(tx, &row).await?;
    }
    Ok(())
}

/// Publishes what changed from the full list `before` to the one of `row`.
async fn publish_delta(
    tx: &mut Tx,
    generation: &Generation,
    before: &ListRow,
    row: &ListRow,
) -> Result<(), NationError> {
    let added = sql::revoked_and_unlisted(tx, row).await?;
    let ended = sql::listed_and_ended(tx, before, row).await?;
    let removed = ended.iter().map(|row| Entry { word: EntryWord::Removed, ..entry(row) });
    let base = u64::try_from(before.number).map_err(|_| NationError::Register("list number"))?;
    let changes = merged(entries(&added, None), removed);
    let der = list(generation, row, Scope::Full, Some(base), changes)?;
    sql::put_delta(tx, row, before.number, der).await?;
    Ok(sql::drop_deltas(tx, row, row.number - DELTAS).await?)
}

/// The moment of the last publication.
pub(crate) async fn newest(tx: &mut Tx) -> Result<Option<UnixTime>, NationError> {
    Ok(sql::full_lists(tx).await?.iter().map(|row| row.this_update).max())
}

/// One list, DER.
fn list(
    generation: &Generation,
    row: &ListRow,
    scope: Scope,
    base: Option<u64>,
    entries: impl Iterator<Item = Entry> + Clone,
) -> Result<Vec<u8>, NationError> {
    let head = ListHead {
        authority: generation.kind,
        number: u64::try_from(row.number).map_err(|_| NationError::Register("list number"))?,
        this_update: row.this_update,
        next_update: row.next_update,
        scope,
        base,
    };
    let mut der = Vec::new();
    match write_list(&mut der, &generation.key, &head, entries, &mut |_, _| ()) {
        Ok(_) => Ok(der),
        Err(WriteError::Sign(error)) => Err(error.into()),
        Err(WriteError::Io(_) | WriteError::Unsteady) => Err(NationError::Register("revocation list")),
    }
}

/// The entries of a list; of one municipality's if its code is given.
fn entries<'a>(
    revoked: &'a [RevokedRow],
    municipality: Option<&'a str>,
) -> impl Iterator<Item = Entry> + Clone + 'a {
    revoked.iter().filter(move |row| municipality.is_none_or(|code| row.municipality == code)).map(entry)
}

fn entry(row: &RevokedRow) -> Entry {
    Entry { serial: row.serial.into(), revoked_at: row.revoked_at, word: EntryWord::Revoked(row.reason) }
}

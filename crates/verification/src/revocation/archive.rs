//! The status as of any past time: what the newest list made by then said, from the list in use and the archive of what
//! every later list changed. Nothing is answered of a time before the archive begins.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, EntryStatus, ListScope, SerialNumber};
use musubi_store::{StoreError, Tx};

use super::lists::name_of;
use super::{Lists, sql};

/// What was known at a past time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    /// CRLNumber of the newest list that had been made by then.
    pub list_number: i64,
    /// When it was made.
    pub this_update: UnixTime,
    /// What it said.
    pub status: EntryStatus,
}

/// What the lists of all certificates of one generation said of a serial number at `at`; `None` if no list of that time, or
/// not all that came after it, was taken in here.
///
/// # Errors
/// [`StoreError`].
pub async fn status_as_of(
    tx: &mut Tx,
    lists: &Lists,
    (authority, key_id): (AuthorityKind, &str),
    serial: &SerialNumber,
    at: UnixTime,
) -> Result<Option<AsOf>, StoreError> {
    let name = name_of(authority, key_id, &ListScope::Full);
    let Some((list_number, this_update)) = sql::list_at(tx, &name, at).await? else { return Ok(None) };
    if sql::archive_begins(tx, &name).await?.is_none_or(|first| list_number < first) {
        return Ok(None);
    }
    let status = match sql::before_change_after(tx, &name, serial, list_number).await? {
        Some(Some((at, reason))) => EntryStatus::Listed { at, reason },
        Some(None) => EntryStatus::NotListed,
        None => {
            // A list that is in use here may be newer than this transaction's view by the ones whose changes it does not see.
            let newest = sql::newest(tx, &name).await?;
            let in_use = lists.of_name(&name).filter(|(head, _)| newest.is_some_and(|new| new.id == head.id));
            let Some((_, list)) = in_use else { return Ok(None) };
            list.status_of(serial)
        }
    };
    Ok(Some(AsOf { list_number, this_update, status }))
}

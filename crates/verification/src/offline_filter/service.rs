//! The rules of offline filters: who may have them, what one covers, what is kept and given out.

use musubi_crypto::{Ed25519Signer, Sha256Digest};
use musubi_kernel::{Random, UnixTime};
use musubi_pki::offline_filter::{Coverage, FilterDelta, FilterError, FilterHead, OfflineFilter};
use musubi_pki::{SerialNumber, VerifiedRevocationList};
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::relying_party::{self, RelyingPartyId};
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::sql::{self, Given, Offer, StoredFilter};
use super::{DELTAS_KEPT, MakeError, PermissionError, Refused};

/// Whether a request changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It did, and was audited.
    Made,
    /// All was so already.
    None,
}

/// Lets a relying party have offline filters.
///
/// # Errors
/// [`PermissionError`].
pub async fn allow(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    random: &dyn Random,
    at: UnixTime,
) -> Result<Change, PermissionError> {
    relying_party::by_id(tx, relying_party).await?.ok_or(PermissionError::UnknownRelyingParty)?;
    let changed = sql::allow(tx, relying_party, at).await?;
    settled(tx, changed, audit::OFFLINE_FILTER_ALLOWED, relying_party, random, at).await
}

/// Gives it none any more. What it has already, it has; its devices refuse it once it is too old.
///
/// # Errors
/// [`PermissionError`].
pub async fn deny(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    random: &dyn Random,
    at: UnixTime,
) -> Result<Change, PermissionError> {
    relying_party::by_id(tx, relying_party).await?.ok_or(PermissionError::UnknownRelyingParty)?;
    let changed = sql::deny(tx, relying_party).await?;
    settled(tx, changed, audit::OFFLINE_FILTER_DENIED, relying_party, random, at).await
}

async fn settled(
    tx: &mut Tx,
    changed: bool,
    kind: &'static str,
    relying_party: &RelyingPartyId,
    random: &dyn Random,
    at: UnixTime,
) -> Result<Change, PermissionError> {
    if !changed {
        return Ok(Change::None);
    }
    let event =
        AuditEvent { kind, relying_party: Some(relying_party.clone()), person: None, detail: json!({}) };
    audit::append(tx, &event, random, at).await?;
    Ok(Change::Made)
}

/// Who is allowed, and since when.
///
/// # Errors
/// [`StoreError`].
pub async fn allowed(tx: &mut Tx) -> Result<Vec<(RelyingPartyId, UnixTime)>, StoreError> {
    sql::allowed(tx).await
}

async fn check_allowed(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<(), Refused> {
    if sql::is_allowed(tx, relying_party).await? { Ok(()) } else { Err(Refused::NotAllowed) }
}

/// Whether a filter of this list is to be made: somebody may have it, and the stored one is of an earlier list.
pub(super) async fn is_due(tx: &mut Tx, list: &VerifiedRevocationList) -> Result<bool, StoreError> {
    if !sql::is_anyone_allowed(tx).await? {
        return Ok(false);
    }
    let stored = sql::newest_number(tx, list.authority(), list.key_id()).await?;
    Ok(stored.is_none_or(|stored| stored < list.number()))
}

/// A filter, and how one gets to it from the one before.
pub(super) struct Made {
    pub(super) filter: OfflineFilter,
    pub(super) delta: Option<FilterDelta>,
}

/// The filter of a list. It covers from the smallest to the largest serial number of the list, of `seen`, and of the filter
/// stored before. A filter stored under another signing key, or of another certificate of the authority, is no beginning of
/// a delta: no receiver would take both for one.
pub(super) fn made_of<'s>(
    list: &VerifiedRevocationList,
    issuer: Sha256Digest,
    seen: impl Iterator<Item = &'s SerialNumber>,
    stored: Option<StoredFilter>,
    key: &Ed25519Signer,
) -> Result<Made, MakeError> {
    let before = match stored.map(|stored| OfflineFilter::open(stored.content, &[key.public_key()])) {
        None | Some(Err(FilterError::Signature)) => None,
        Some(opened) => Some(opened?),
    };
    let before = before.filter(|before| before.head().issuer == issuer);
    let head = FilterHead {
        issuer,
        list_sha256: *list.sha256(),
        list_number: list.number(),
        this_update: list.this_update(),
        next_update: list.next_update(),
    };
    let covered = before.iter().flat_map(|before| before.coverage().ranges());
    let ends: Vec<SerialNumber> =
        covered.flat_map(|(first, last)| [first, last]).chain(seen.cloned()).chain(ends_of(list)).collect();
    let coverage = Coverage::hull(&ends);
    let filter = OfflineFilter::build(&head, &coverage, list.iter().map(|entry| entry.serial), key)?;
    let delta = before.map(|before| FilterDelta::between(&before, &filter, key)).transpose()?;
    Ok(Made { filter, delta })
}

/// Entries come in the order of their numbers.
fn ends_of(list: &VerifiedRevocationList) -> impl Iterator<Item = SerialNumber> {
    let mut entries = list.iter();
    let first = entries.next();
    let last = entries.last();
    first.into_iter().chain(last).map(|entry| entry.serial)
}

/// Stores it as the newest, if `before` still is; `false` if another process was faster.
pub(super) async fn store(
    tx: &mut Tx,
    list: &VerifiedRevocationList,
    made: &Made,
    before: Option<&StoredFilter>,
    random: &dyn Random,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let before = before.map(|before| before.sha256.as_str());
    if !sql::save(tx, list.authority(), list.key_id(), &made.filter, before, at).await? {
        return Ok(false);
    }
    if let Some(delta) = &made.delta {
        sql::save_delta(tx, list.authority(), list.key_id(), delta).await?;
        sql::forget_deltas(tx, list.authority(), list.key_id(), DELTAS_KEPT).await?;
    } else {
        // Nothing leads from what was kept to this one.
        sql::forget_deltas(tx, list.authority(), list.key_id(), 0).await?;
    }
    let detail = json!({
        "authority": list.authority(), "key_id": list.key_id(), "list_number": list.number(),
        "sha256": hex::encode(made.filter.sha256()), "size": made.filter.as_bytes().len(),
        "entries": made.filter.listed(),
        "delta_sha256": made.delta.as_ref().map(|delta| hex::encode(delta.sha256())),
    });
    let event = AuditEvent { kind: audit::OFFLINE_FILTER_BUILT, relying_party: None, person: None, detail };
    audit::append(tx, &event, random, at).await?;
    Ok(true)
}

/// What there is for a relying party that is allowed.
pub(super) async fn offers(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<Vec<Offer>, Refused> {
    check_allowed(tx, relying_party).await?;
    Ok(sql::offers(tx).await?)
}

/// The filter or delta with this SHA-256 (hex), for a relying party that is allowed.
pub(super) async fn content(tx: &mut Tx, relying_party: &RelyingPartyId, id: &str) -> Result<Given, Refused> {
    check_allowed(tx, relying_party).await?;
    sql::content(tx, id).await?.ok_or(Refused::Unknown)
}

/// Records that it is given out. Asked again whether it may be: the operator may have ended it meanwhile.
pub(super) async fn record_download(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    id: &str,
    given: &Given,
    random: &dyn Random,
    at: UnixTime,
) -> Result<(), Refused> {
    check_allowed(tx, relying_party).await?;
    let detail = json!({
        "authority": given.authority, "list_number": given.list_number, "from_list_number": given.from_number,
        "sha256": id, "size": given.content.len(),
    });
    let event = AuditEvent {
        kind: audit::OFFLINE_FILTER_DOWNLOADED,
        relying_party: Some(relying_party.clone()),
        person: None,
        detail,
    };
    audit::append(tx, &event, random, at).await?;
    Ok(())
}

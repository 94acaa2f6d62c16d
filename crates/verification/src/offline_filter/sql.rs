//! The only SQL of offline filters.

use musubi_kernel::UnixTime;
use musubi_pki::AuthorityKind;
use musubi_pki::offline_filter::{FilterDelta, OfflineFilter};
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Row, StoreError, Tx};

/// The newest filter of a generation.
#[derive(Clone)]
pub(super) struct StoredFilter {
    pub(super) sha256: String,
    pub(super) content: Vec<u8>,
}

/// A filter that can be had, without its bytes.
pub(super) struct Offer {
    pub(super) authority: AuthorityKind,
    pub(super) key_id: String,
    pub(super) list_number: i64,
    pub(super) this_update: UnixTime,
    pub(super) next_update: UnixTime,
    pub(super) sha256: String,
    pub(super) size: i64,
    pub(super) deltas: Vec<OfferedDelta>,
}

/// A delta that can be had, without its bytes.
pub(super) struct OfferedDelta {
    pub(super) from_number: i64,
    pub(super) to_number: i64,
    pub(super) from_sha256: String,
    pub(super) to_sha256: String,
    pub(super) sha256: String,
    pub(super) size: i64,
}

/// A filter or delta with its bytes.
pub(super) struct Given {
    pub(super) authority: AuthorityKind,
    pub(super) list_number: i64,
    /// Of a delta.
    pub(super) from_number: Option<i64>,
    pub(super) content: Vec<u8>,
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn size_of(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

pub(super) async fn allow(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let added = tx
        .execute(
            "INSERT INTO offline_filter_permission (relying_party, allowed_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &[relying_party.as_str().into(), at.into()],
        )
        .await?;
    Ok(added == 1)
}

pub(super) async fn deny(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<bool, StoreError> {
    let values = [relying_party.as_str().into()];
    let gone = tx.execute("DELETE FROM offline_filter_permission WHERE relying_party = $1", &values).await?;
    Ok(gone == 1)
}

pub(super) async fn allowed(tx: &mut Tx) -> Result<Vec<(RelyingPartyId, UnixTime)>, StoreError> {
    tx.query(
        "SELECT relying_party, allowed_at FROM offline_filter_permission ORDER BY allowed_at, relying_party",
        &[],
    )
    .await?
    .iter()
    .map(|row| Ok((row.parsed("relying_party")?, row.time("allowed_at")?)))
    .collect()
}

pub(super) async fn is_allowed(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<bool, StoreError> {
    let values = [relying_party.as_str().into()];
    let found = tx
        .query_opt("SELECT allowed_at FROM offline_filter_permission WHERE relying_party = $1", &values)
        .await?;
    Ok(found.is_some())
}

pub(super) async fn is_anyone_allowed(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.query_opt("SELECT allowed_at FROM offline_filter_permission LIMIT 1", &[]).await?.is_some())
}

pub(super) async fn newest_number(
    tx: &mut Tx,
    authority: AuthorityKind,
    key_id: &str,
) -> Result<Option<u64>, StoreError> {
    tx.query_opt(
        "SELECT list_number FROM offline_filter WHERE authority = $1 AND key_id = $2",
        &[authority.as_str().into(), key_id.into()],
    )
    .await?
    .map(|row| u64::try_from(row.int("list_number")?).map_err(|_| StoreError::Corrupt("list_number")))
    .transpose()
}

pub(super) async fn newest(
    tx: &mut Tx,
    authority: AuthorityKind,
    key_id: &str,
) -> Result<Option<StoredFilter>, StoreError> {
    tx.query_opt(
        "SELECT sha256, content FROM offline_filter WHERE authority = $1 AND key_id = $2",
        &[authority.as_str().into(), key_id.into()],
    )
    .await?
    .map(|row| Ok(StoredFilter { sha256: row.text("sha256")?, content: row.blob("content")? }))
    .transpose()
}

/// In the place of the one with the SHA-256 `before`, or of none; `false` if another stands there.
pub(super) async fn save(
    tx: &mut Tx,
    authority: AuthorityKind,
    key_id: &str,
    filter: &OfflineFilter,
    before: Option<&str>,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let head = filter.head();
    let stored = tx
        .execute(
            "INSERT INTO offline_filter
             (authority, key_id, list_number, this_update, next_update, sha256, size, built_at, content)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (authority, key_id) DO UPDATE
             SET list_number = excluded.list_number, this_update = excluded.this_update,
                 next_update = excluded.next_update, sha256 = excluded.sha256, size = excluded.size,
                 built_at = excluded.built_at, content = excluded.content
             WHERE offline_filter.sha256 = $10",
            &[
                authority.as_str().into(),
                key_id.into(),
                signed(head.list_number).into(),
                head.this_update.into(),
                head.next_update.into(),
                hex::encode(filter.sha256()).into(),
                size_of(filter.as_bytes()).into(),
                at.into(),
                filter.as_bytes().to_vec().into(),
                before.unwrap_or_default().into(),
            ],
        )
        .await?;
    Ok(stored == 1)
}

pub(super) async fn save_delta(
    tx: &mut Tx,
    authority: AuthorityKind,
    key_id: &str,
    delta: &FilterDelta,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO offline_filter_delta
         (authority, key_id, to_number, from_number, from_sha256, to_sha256, sha256, size, content)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            authority.as_str().into(),
            key_id.into(),
            signed(delta.head().list_number).into(),
            signed(delta.from_number()).into(),
            hex::encode(delta.from_sha256()).into(),
            hex::encode(delta.to_sha256()).into(),
            hex::encode(delta.sha256()).into(),
            size_of(delta.as_bytes()).into(),
            delta.as_bytes().to_vec().into(),
        ],
    )
    .await
    .map(drop)
}

/// Keeps the newest so many.
pub(super) async fn forget_deltas(
    tx: &mut Tx,
    authority: AuthorityKind,
    key_id: &str,
    keep: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM offline_filter_delta WHERE authority = $1 AND key_id = $2 AND to_number NOT IN
         (SELECT to_number FROM offline_filter_delta WHERE authority = $1 AND key_id = $2
          ORDER BY to_number DESC LIMIT $3)",
        &[authority.as_str().into(), key_id.into(), keep.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn offers(tx: &mut Tx) -> Result<Vec<Offer>, StoreError> {
    let filters = tx
        .query(
            "SELECT authority, key_id, list_number, this_update, next_update, sha256, size FROM offline_filter
             ORDER BY authority, key_id",
            &[],
        )
        .await?;
    let mut offers = Vec::with_capacity(filters.len());
    for row in &filters {
        let (authority, key_id) = (row.text("authority")?, row.text("key_id")?);
        let deltas = tx
            .query(
                "SELECT from_number, to_number, from_sha256, to_sha256, sha256, size FROM offline_filter_delta
                 WHERE authority = $1 AND key_id = $2 ORDER BY to_number",
                &[authority.as_str().into(), key_id.as_str().into()],
            )
            .await?;
        offers.push(Offer {
            authority: row.parsed("authority")?,
            key_id,
            list_number: row.int("list_number")?,
            this_update: row.time("this_update")?,
            next_update: row.time("next_update")?,
            sha256: row.text("sha256")?,
            size: row.int("size")?,
            deltas: deltas.iter().map(offered_delta).collect::<Result<_, _>>()?,
        });
    }
    Ok(offers)
}

fn offered_delta(row: &Row) -> Result<OfferedDelta, StoreError> {
    Ok(OfferedDelta {
        from_number: row.int("from_number")?,
        to_number: row.int("to_number")?,
        from_sha256: row.text("from_sha256")?,
        to_sha256: row.text("to_sha256")?,
        sha256: row.text("sha256")?,
        size: row.int("size")?,
    })
}

pub(super) async fn content(tx: &mut Tx, sha256: &str) -> Result<Option<Given>, StoreError> {
    let filter = tx
        .query_opt(
            "SELECT authority, list_number, content FROM offline_filter WHERE sha256 = $1",
            &[sha256.into()],
        )
        .await?;
    if let Some(row) = filter {
        return Ok(Some(Given {
            authority: row.parsed("authority")?,
            list_number: row.int("list_number")?,
            from_number: None,
            content: row.blob("content")?,
        }));
    }
    tx.query_opt(
        "SELECT authority, to_number, from_number, content FROM offline_filter_delta WHERE sha256 = $1",
        &[sha256.into()],
    )
    .await?
    .map(|row| {
        Ok(Given {
            authority: row.parsed("authority")?,
            list_number: row.int("to_number")?,
            from_number: Some(row.int("from_number")?),
            content: row.blob("content")?,
        })
    })
    .transpose()
}

//! The revocation lists' only SQL.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, VerifiedRevocationList};
use musubi_store::{StoreError, Tx};

pub(super) struct Newest {
    pub(super) number: u64,
    pub(super) this_update: UnixTime,
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) async fn newest(
    tx: &mut Tx,
    authority: AuthorityKind,
    key_id: &str,
) -> Result<Option<Newest>, StoreError> {
    tx.query_opt(
        "SELECT number, this_update FROM revocation_list WHERE authority = $1 AND key_id = $2 AND der IS NOT NULL",
        &[authority.as_str().into(), key_id.into()],
    )
    .await?
    .map(|row| {
        Ok(Newest {
            number: u64::try_from(row.int("number")?).map_err(|_| StoreError::Corrupt("number"))?,
            this_update: row.time("this_update")?,
        })
    })
    .transpose()
}

/// Stores a list as the newest of its generation; `false` if another process has stored it meanwhile.
pub(super) async fn save(
    tx: &mut Tx,
    list: &VerifiedRevocationList,
    der: &[u8],
    at: UnixTime,
) -> Result<bool, StoreError> {
    tx.execute(
        "UPDATE revocation_list SET der = NULL WHERE authority = $1 AND key_id = $2 AND der IS NOT NULL",
        &[list.authority().as_str().into(), list.key_id().into()],
    )
    .await?;
    let stored = tx
        .execute(
            "INSERT INTO revocation_list
         (authority, key_id, number, this_update, next_update, sha256, entries, taken_in_at, der)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            &[
                list.authority().as_str().into(),
                list.key_id().into(),
                signed(list.number()).into(),
                list.this_update().into(),
                list.next_update().into(),
                hex::encode(list.sha256()).into(),
                signed(u64::try_from(list.len()).unwrap_or(u64::MAX)).into(),
                at.into(),
                der.into(),
            ],
        )
        .await?;
    Ok(stored == 1)
}

/// `(authority, key id, number)` of the newest lists: cheap to ask often.
pub(super) async fn heads(tx: &mut Tx) -> Result<Vec<(String, String, i64)>, StoreError> {
    tx.query(
        "SELECT authority, key_id, number FROM revocation_list WHERE der IS NOT NULL ORDER BY authority, key_id",
        &[],
    )
    .await?
    .iter()
    .map(|row| Ok((row.text("authority")?, row.text("key_id")?, row.int("number")?)))
    .collect()
}

pub(super) async fn newest_der(
    tx: &mut Tx,
    authority: &str,
    key_id: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    tx.query_opt(
        "SELECT der FROM revocation_list WHERE authority = $1 AND key_id = $2 AND der IS NOT NULL",
        &[authority.into(), key_id.into()],
    )
    .await?
    .map(|row| row.blob("der"))
    .transpose()
}

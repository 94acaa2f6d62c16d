//! The only SQL of relying parties.

use musubi_crypto::JwkSet;
use musubi_kernel::UnixTime;
use musubi_store::{Row, StoreError, Tx};

use super::{NewRelyingParty, RelyingParty, RelyingPartyId};

/// A registration as it is stored, to see whether anything changes.
#[derive(PartialEq, Eq)]
pub(super) struct Stored {
    name_ja: String,
    name_en: String,
    origins: String,
    key_set: String,
}

impl Stored {
    pub(super) fn of(new: &NewRelyingParty, key_set: &str) -> Self {
        Self {
            name_ja: new.name_ja.clone(),
            name_en: new.name_en.clone(),
            origins: new.origins.join("\n"),
            key_set: key_set.to_owned(),
        }
    }
}

pub(super) async fn stored(tx: &mut Tx, id: &RelyingPartyId) -> Result<Option<Stored>, StoreError> {
    let found = tx
        .query_opt(
            "SELECT name_ja, name_en, origins, key_set FROM relying_party WHERE id = $1",
            &[id.as_str().into()],
        )
        .await?;
    found
        .map(|row| {
            Ok(Stored {
                name_ja: row.text("name_ja")?,
                name_en: row.text("name_en")?,
                origins: row.text("origins")?,
                key_set: row.text("key_set")?,
            })
        })
        .transpose()
}

pub(super) async fn insert(
    tx: &mut Tx,
    id: &RelyingPartyId,
    new: &NewRelyingParty,
    key_set: &str,
    at: UnixTime,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO relying_party (id, name_ja, name_en, origins, key_set, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            id.as_str().into(),
            (&new.name_ja).into(),
            (&new.name_en).into(),
            new.origins.join("\n").into(),
            key_set.into(),
            at.into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn update(
    tx: &mut Tx,
    id: &RelyingPartyId,
    new: &NewRelyingParty,
    key_set: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE relying_party SET name_ja = $2, name_en = $3, origins = $4, key_set = $5 WHERE id = $1",
        &[
            id.as_str().into(),
            (&new.name_ja).into(),
            (&new.name_en).into(),
            new.origins.join("\n").into(),
            key_set.into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn by_id(tx: &mut Tx, id: &RelyingPartyId) -> Result<Option<RelyingParty>, StoreError> {
    let found = tx
        .query_opt(
            "SELECT id, name_ja, name_en, origins, key_set, created_at FROM relying_party WHERE id = $1",
            &[id.as_str().into()],
        )
        .await?;
    found.as_ref().map(relying_party).transpose()
}

pub(super) async fn list(tx: &mut Tx) -> Result<Vec<RelyingParty>, StoreError> {
    tx.query(
        "SELECT id, name_ja, name_en, origins, key_set, created_at FROM relying_party ORDER BY created_at, id",
        &[],
    )
    .await?
    .iter()
    .map(relying_party)
    .collect()
}

fn relying_party(row: &Row) -> Result<RelyingParty, StoreError> {
    Ok(RelyingParty {
        id: row.parsed("id")?,
        name_ja: row.text("name_ja")?,
        name_en: row.text("name_en")?,
        origins: row.text("origins")?.lines().map(str::to_owned).collect(),
        key_set: JwkSet::parse(&row.text("key_set")?).map_err(|_| StoreError::Corrupt("key_set"))?,
        created_at: row.time("created_at")?,
    })
}

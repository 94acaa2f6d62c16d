//! The management's only SQL.

use musubi_kernel::UnixTime;
use musubi_platform::RelyingPartyId;
use musubi_store::{Row, StoreError, Tx, Value};

use super::{METHODS, StreamConfig};

fn config(row: &Row) -> Result<StreamConfig, StoreError> {
    let method = row.text("method")?;
    let method = METHODS.iter().copied().find(|known| known.name == method);
    let requested = row.text_opt("events_requested")?.map(|json| serde_json::from_str(&json));
    Ok(StreamConfig {
        method: method.ok_or(StoreError::Corrupt("method"))?,
        endpoint_url: row.text_opt("endpoint_url")?,
        status: row.parsed("status")?,
        reason: row.text_opt("reason")?,
        events_requested: requested.transpose().map_err(|_| StoreError::Corrupt("events_requested"))?,
        description: row.text_opt("description")?,
        verified_at: row.int_opt("verified_at")?.map(UnixTime),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn values(relying_party: &RelyingPartyId, config: &StreamConfig) -> Result<[Value; 10], StoreError> {
    let requested = config.events_requested.as_ref().map(serde_json::to_string).transpose();
    Ok([
        relying_party.as_str().into(),
        config.method.name.into(),
        config.endpoint_url.clone().into(),
        config.status.as_str().into(),
        config.reason.clone().into(),
        requested.map_err(|_| StoreError::Corrupt("events_requested"))?.into(),
        config.description.clone().into(),
        config.verified_at.into(),
        config.created_at.into(),
        config.updated_at.into(),
    ])
}

pub(super) async fn find(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
) -> Result<Option<StreamConfig>, StoreError> {
    tx.query_opt(
        "SELECT method, endpoint_url, status, reason, events_requested, description, verified_at, created_at,
                updated_at
         FROM stream_config WHERE relying_party_id = $1",
        &[relying_party.as_str().into()],
    )
    .await?
    .as_ref()
    .map(config)
    .transpose()
}

/// Locks the row until the transaction ends; changes nothing.
pub(super) async fn lock(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE stream_config SET updated_at = updated_at WHERE relying_party_id = $1",
        &[relying_party.as_str().into()],
    )
    .await
    .map(drop)
}

/// Whether the row is new.
pub(super) async fn insert(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    config: &StreamConfig,
) -> Result<bool, StoreError> {
    let rows = tx
        .execute(
            "INSERT INTO stream_config (relying_party_id, method, endpoint_url, status, reason, events_requested,
                                        description, verified_at, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (relying_party_id) DO NOTHING",
            &values(relying_party, config)?,
        )
        .await?;
    Ok(rows == 1)
}

pub(super) async fn update(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    config: &StreamConfig,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE stream_config SET method = $2, endpoint_url = $3, status = $4, reason = $5, events_requested = $6,
                description = $7, verified_at = $8, created_at = $9, updated_at = $10
         WHERE relying_party_id = $1",
        &values(relying_party, config)?,
    )
    .await
    .map(drop)
}

pub(super) async fn delete(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<bool, StoreError> {
    let rows = tx
        .execute("DELETE FROM stream_config WHERE relying_party_id = $1", &[relying_party.as_str().into()])
        .await?;
    Ok(rows == 1)
}

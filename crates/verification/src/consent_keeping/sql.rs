//! The only SQL of polling.

use musubi_kernel::UnixTime;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{StoreError, Tx};

/// Relying parties with a standing consent whose authority was not asked since, with the time up to which its withdrawals
/// are known.
pub(super) async fn to_ask(
    tx: &mut Tx,
    asked_before: UnixTime,
    limit: u32,
) -> Result<Vec<(RelyingPartyId, UnixTime)>, StoreError> {
    tx.query(
        "SELECT party.relying_party AS relying_party_id, COALESCE(poll.known_until, 0) AS known_until
         FROM (SELECT DISTINCT relying_party FROM consent
               WHERE withdrawn_at IS NULL AND end_told_at IS NULL) AS party
         LEFT JOIN consent_poll AS poll ON poll.relying_party_id = party.relying_party
         WHERE poll.asked_at IS NULL OR poll.asked_at <= $1
         ORDER BY party.relying_party LIMIT $2",
        &[asked_before.into(), limit.into()],
    )
    .await?
    .iter()
    .map(|row| Ok((row.parsed("relying_party_id")?, row.time("known_until")?)))
    .collect()
}

pub(super) async fn asked(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    known_until: UnixTime,
    at: UnixTime,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO consent_poll (relying_party_id, known_until, asked_at) VALUES ($1, $2, $3)
         ON CONFLICT (relying_party_id)
         DO UPDATE SET known_until = excluded.known_until, asked_at = excluded.asked_at",
        &[relying_party.as_str().into(), known_until.into(), at.into()],
    )
    .await
    .map(drop)
}

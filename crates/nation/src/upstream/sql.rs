//! SQL of consents and provisions.

use musubi_kernel::UnixTime;
use musubi_store::Tx;

use crate::ResidentId;
use crate::sql::{Result, serial_of};

/// A consent to the provision of latest attributes.
#[derive(Debug)]
pub(super) struct ConsentRow {
    pub(super) consent_id: String,
    pub(super) service_id: String,
    pub(super) request_digest: Vec<u8>,
    pub(super) resident_id: ResidentId,
    pub(super) serial: u32,
    /// Names of the items, separated by spaces.
    pub(super) items: String,
    pub(super) given_at: UnixTime,
    pub(super) valid_from: UnixTime,
    pub(super) valid_until: UnixTime,
    pub(super) withdrawn_at: Option<UnixTime>,
}

pub(super) async fn consent(tx: &mut Tx, id: &str) -> Result<Option<ConsentRow>> {
    let sql =
        "SELECT consent_id, service_id, request_digest, resident_id, serial, items, given_at, valid_from,
        valid_until, withdrawn_at FROM nation_consent WHERE consent_id = $1";
    let Some(row) = tx.query_opt(sql, &[id.into()]).await? else { return Ok(None) };
    Ok(Some(ConsentRow {
        consent_id: row.text("consent_id")?,
        service_id: row.text("service_id")?,
        request_digest: row.blob("request_digest")?,
        resident_id: row.parsed("resident_id")?,
        serial: serial_of(&row, "serial")?,
        items: row.text("items")?,
        given_at: row.time("given_at")?,
        valid_from: row.time("valid_from")?,
        valid_until: row.time("valid_until")?,
        withdrawn_at: row.int_opt("withdrawn_at")?.map(UnixTime),
    }))
}

pub(super) async fn insert_consent(tx: &mut Tx, row: &ConsentRow) -> Result<()> {
    let sql =
        "INSERT INTO nation_consent (consent_id, service_id, request_digest, resident_id, serial, items,
        given_at, valid_from, valid_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = [
        (&row.consent_id).into(),
        (&row.service_id).into(),
        row.request_digest.as_slice().into(),
        row.resident_id.as_str().into(),
        row.serial.into(),
        (&row.items).into(),
        row.given_at.into(),
        row.valid_from.into(),
        row.valid_until.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn withdraw_consent(tx: &mut Tx, id: &str, at: UnixTime) -> Result<()> {
    let sql = "UPDATE nation_consent SET withdrawn_at = $2 WHERE consent_id = $1 AND withdrawn_at IS NULL";
    tx.execute(sql, &[id.into(), at.into()]).await.map(drop)
}

pub(super) async fn withdrawals(
    tx: &mut Tx,
    service_id: &str,
    since: UnixTime,
    limit: u32,
) -> Result<Vec<(String, UnixTime)>> {
    let sql = "SELECT consent_id, withdrawn_at FROM nation_consent
        WHERE service_id = $1 AND withdrawn_at >= $2 ORDER BY withdrawn_at, consent_id LIMIT $3";
    let rows = tx.query(sql, &[service_id.into(), since.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.text("consent_id")?, row.time("withdrawn_at")?))).collect()
}

pub(super) async fn insert_provision(
    tx: &mut Tx,
    id: &str,
    at: UnixTime,
    serial: u32,
    fee_yen: u32,
) -> Result<()> {
    let sql =
        "INSERT INTO nation_provision (consent_id, provided_at, serial, fee_yen) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, &[id.into(), at.into(), serial.into(), fee_yen.into()]).await.map(drop)
}

/// Fees of all provisions, in yen.
pub(crate) async fn standing_consents(tx: &mut Tx) -> Result<i64> {
    let sql = "SELECT count(*) AS n FROM nation_consent WHERE withdrawn_at IS NULL";
    tx.query_one(sql, &[]).await?.int("n")
}

pub(crate) async fn fees(tx: &mut Tx) -> Result<i64> {
    // PostgreSQL sums BIGINT to NUMERIC.
    let sql = "SELECT CAST(COALESCE(SUM(fee_yen), 0) AS BIGINT) AS yen FROM nation_provision";
    tx.query_one(sql, &[]).await?.int("yen")
}

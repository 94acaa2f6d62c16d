//! The cards' SQL: counters and the certificates on the chip.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, RevocationReason};
use musubi_store::{Row, StoreError, Tx};

use crate::ResidentId;
use crate::sql::{Result, serial_of};

/// A certificate as the card carries it.
#[derive(Debug)]
pub(crate) struct CardCertificateRow {
    pub(crate) resident_id: ResidentId,
    pub(crate) authority: AuthorityKind,
    pub(crate) serial: u32,
    pub(crate) key_label: String,
    pub(crate) certificate: Vec<u8>,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

pub(crate) async fn insert_card(
    tx: &mut Tx,
    id: &ResidentId,
    pin_tries: u8,
    password_tries: u8,
) -> Result<()> {
    let sql = "INSERT INTO nation_card (resident_id, pin_tries, password_tries) VALUES ($1, $2, $3)";
    let values = [id.as_str().into(), i32::from(pin_tries).into(), i32::from(password_tries).into()];
    tx.execute(sql, &values).await.map(drop)
}

/// `(resident, PIN tries, password tries)` of every card.
pub(crate) async fn cards(tx: &mut Tx) -> Result<Vec<(ResidentId, u8, u8)>> {
    let sql = "SELECT resident_id, pin_tries, password_tries FROM nation_card";
    tx.query(sql, &[]).await?.iter().map(card_row).collect()
}

fn card_row(row: &Row) -> Result<(ResidentId, u8, u8)> {
    let tries = |column| u8::try_from(row.int(column)?).map_err(|_| StoreError::Corrupt(column));
    Ok((row.parsed("resident_id")?, tries("pin_tries")?, tries("password_tries")?))
}

/// Takes one try of the PIN; the tries that are left, or `None` if there was none to take.
pub(crate) async fn take_pin_try(tx: &mut Tx, id: &ResidentId) -> Result<Option<u8>> {
    let sql = "UPDATE nation_card SET pin_tries = pin_tries - 1 WHERE resident_id = $1 AND pin_tries > 0
        RETURNING pin_tries AS tries";
    tries_left(tx.query_opt(sql, &[id.as_str().into()]).await?)
}

/// Takes one try of the signing password; as [`take_pin_try`].
pub(crate) async fn take_password_try(tx: &mut Tx, id: &ResidentId) -> Result<Option<u8>> {
    let sql = "UPDATE nation_card SET password_tries = password_tries - 1
        WHERE resident_id = $1 AND password_tries > 0 RETURNING password_tries AS tries";
    tries_left(tx.query_opt(sql, &[id.as_str().into()]).await?)
}

fn tries_left(row: Option<Row>) -> Result<Option<u8>> {
    row.map(|row| u8::try_from(row.int("tries")?).map_err(|_| StoreError::Corrupt("tries"))).transpose()
}

/// Sets the tries; `None` leaves a counter as it is.
pub(crate) async fn set_tries(
    tx: &mut Tx,
    id: &ResidentId,
    pin: Option<u8>,
    password: Option<u8>,
) -> Result<bool> {
    let sql = "UPDATE nation_card SET pin_tries = COALESCE($2, pin_tries),
        password_tries = COALESCE($3, password_tries) WHERE resident_id = $1";
    let values = [id.as_str().into(), pin.map(i32::from).into(), password.map(i32::from).into()];
    Ok(tx.execute(sql, &values).await? == 1)
}

pub(crate) async fn put_on_card(tx: &mut Tx, row: &CardCertificateRow) -> Result<()> {
    let sql = "INSERT INTO nation_card_certificate
        (resident_id, authority, serial, key_label, certificate, not_before, not_after)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (resident_id, authority) DO UPDATE SET serial = excluded.serial, key_label = excluded.key_label,
        certificate = excluded.certificate, not_before = excluded.not_before, not_after = excluded.not_after";
    let values = [
        row.resident_id.as_str().into(),
        row.authority.as_str().into(),
        row.serial.into(),
        (&row.key_label).into(),
        row.certificate.as_slice().into(),
        row.not_before.into(),
        row.not_after.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

const ON_CARD: &str = "SELECT resident_id, authority, serial, key_label, certificate, not_before, not_after
    FROM nation_card_certificate WHERE resident_id = $1 AND authority = $2";
const ON_CARDS: &str =
    "SELECT c.resident_id, c.authority, c.serial, c.key_label, c.certificate, c.not_before,
    c.not_after, r.revoked_at, r.reason
    FROM nation_card_certificate c LEFT JOIN nation_certificate r
    ON r.authority = c.authority AND r.serial = c.serial AND r.resident_id = c.resident_id";

fn card_certificate_row(row: &Row) -> Result<CardCertificateRow> {
    Ok(CardCertificateRow {
        resident_id: row.parsed("resident_id")?,
        authority: row.parsed("authority")?,
        serial: serial_of(row, "serial")?,
        key_label: row.text("key_label")?,
        certificate: row.blob("certificate")?,
        not_before: row.time("not_before")?,
        not_after: row.time("not_after")?,
    })
}

pub(crate) async fn on_card(
    tx: &mut Tx,
    id: &ResidentId,
    authority: AuthorityKind,
) -> Result<Option<CardCertificateRow>> {
    let values = [id.as_str().into(), authority.as_str().into()];
    tx.query_opt(ON_CARD, &values).await?.as_ref().map(card_certificate_row).transpose()
}

/// A card's certificate with its revocation in the register, if it has one there.
pub(crate) type CardCertificateState = (CardCertificateRow, Option<(UnixTime, RevocationReason)>);

/// Every certificate on a card. A forgery under somebody else's serial number has no state in the register.
pub(crate) async fn on_cards(tx: &mut Tx) -> Result<Vec<CardCertificateState>> {
    let row = |row: &Row| {
        let revoked = match row.int_opt("revoked_at")? {
            Some(at) => Some((UnixTime(at), row.parsed("reason")?)),
            None => None,
        };
        Ok((card_certificate_row(row)?, revoked))
    };
    tx.query(ON_CARDS, &[]).await?.iter().map(row).collect()
}

//! The cards' SQL: PINs with their counters, and the certificates on the chip.

use musubi_card::PinReference;
use musubi_kernel::{Secret, UnixTime};
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

/// A resident's present card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CardRow {
    /// From 1: the how many-th card of this resident it is.
    pub(crate) number: i64,
    pub(crate) issued_at: UnixTime,
}

/// A PIN that is not as the card was issued.
#[derive(Debug)]
pub(crate) struct PinRow {
    pub(crate) reference: PinReference,
    pub(crate) tries_left: u8,
    /// `None`: as issued.
    pub(crate) value: Option<Secret<String>>,
}

pub(crate) async fn insert_card(tx: &mut Tx, id: &ResidentId, issued_at: UnixTime) -> Result<()> {
    let sql = "INSERT INTO nation_card (resident_id, number, issued_at) VALUES ($1, 1, $2)";
    tx.execute(sql, &[id.as_str().into(), issued_at.into()]).await.map(drop)
}

pub(crate) async fn card(tx: &mut Tx, id: &ResidentId) -> Result<Option<CardRow>> {
    let sql = "SELECT number, issued_at FROM nation_card WHERE resident_id = $1";
    let row = |row: Row| Ok(CardRow { number: row.int("number")?, issued_at: row.time("issued_at")? });
    tx.query_opt(sql, &[id.as_str().into()]).await?.map(row).transpose()
}

/// The resident gets a new card; the old one's PINs stay as they are.
pub(crate) async fn replace_card(tx: &mut Tx, id: &ResidentId, at: UnixTime) -> Result<()> {
    let sql = "UPDATE nation_card SET number = number + 1, issued_at = $2 WHERE resident_id = $1";
    tx.execute(sql, &[id.as_str().into(), at.into()]).await.map(drop)
}

/// The tries that are left of one PIN, where they are not those of the issue, of everybody's present card.
pub(crate) async fn tries(tx: &mut Tx, reference: PinReference) -> Result<Vec<(ResidentId, u8)>> {
    let sql = "SELECT p.resident_id, p.tries_left FROM nation_card_pin p
        JOIN nation_card c ON c.resident_id = p.resident_id AND c.number = p.card WHERE p.reference = $1";
    let row = |row: &Row| Ok((row.parsed("resident_id")?, tries_left(row)?));
    tx.query(sql, &[reference.as_str().into()]).await?.iter().map(row).collect()
}

fn tries_left(row: &Row) -> Result<u8> {
    u8::try_from(row.int("tries_left")?).map_err(|_| StoreError::Corrupt("tries_left"))
}

/// The PINs of a card that are not as issued.
pub(crate) async fn pins(tx: &mut Tx, id: &ResidentId, card: i64) -> Result<Vec<PinRow>> {
    let sql = "SELECT reference, tries_left, value FROM nation_card_pin WHERE resident_id = $1 AND card = $2";
    let row = |row: &Row| {
        let name = row.text("reference")?;
        Ok(PinRow {
            reference: PinReference::ALL
                .into_iter()
                .find(|reference| reference.as_str() == name)
                .ok_or(StoreError::Corrupt("reference"))?,
            tries_left: tries_left(row)?,
            value: row.text_opt("value")?.map(Secret::new),
        })
    };
    tx.query(sql, &[id.as_str().into(), card.into()]).await?.iter().map(row).collect()
}

pub(crate) async fn put_pin(tx: &mut Tx, id: &ResidentId, card: i64, pin: &PinRow) -> Result<()> {
    let sql = "INSERT INTO nation_card_pin (resident_id, card, reference, tries_left, value)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (resident_id, card, reference)
        DO UPDATE SET tries_left = excluded.tries_left, value = excluded.value";
    let values = [
        id.as_str().into(),
        card.into(),
        pin.reference.as_str().into(),
        i32::from(pin.tries_left).into(),
        pin.value.as_ref().map(|value| value.expose().as_str()).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Takes the last try of a PIN away, whatever its value.
pub(crate) async fn block_pin(
    tx: &mut Tx,
    id: &ResidentId,
    card: i64,
    reference: PinReference,
) -> Result<()> {
    let sql = "INSERT INTO nation_card_pin (resident_id, card, reference, tries_left) VALUES ($1, $2, $3, 0)
        ON CONFLICT (resident_id, card, reference) DO UPDATE SET tries_left = 0";
    tx.execute(sql, &[id.as_str().into(), card.into(), reference.as_str().into()]).await.map(drop)
}

/// Sets the PINs of a resident's present card to those of the issue; answers whether there is a card.
pub(crate) async fn set_pins_anew(tx: &mut Tx, id: &ResidentId) -> Result<bool> {
    let Some(present) = card(tx, id).await? else { return Ok(false) };
    let sql = "DELETE FROM nation_card_pin WHERE resident_id = $1 AND card = $2";
    tx.execute(sql, &[id.as_str().into(), present.number.into()]).await?;
    Ok(true)
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

#[cfg(test)]
mod tests {
    use musubi_store::Db;

    use super::*;
    use crate::sql::MIGRATIONS;

    const AT: UnixTime = UnixTime(1_775_012_400);

    /// A nation of the first version with a card that has wrong tries behind it.
    async fn of_the_first_version(db: &Db) {
        db.migrate(&MIGRATIONS[..1], AT).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        for (position, id, pin, password) in [(0_i64, "one", 1, 5), (1, "two", 3, 0)] {
            let sql = "INSERT INTO nation_resident
                (id, position, name, kana, address, municipality, date_of_birth, sex)
                VALUES ($1, $2, 'a', 'a', 'a', '13221', '319800217', 'male')";
            tx.execute(sql, &[id.into(), position.into()]).await.unwrap();
            let sql = "INSERT INTO nation_card (resident_id, pin_tries, password_tries) VALUES ($1, $2, $3)";
            tx.execute(sql, &[id.into(), pin.into(), password.into()]).await.unwrap();
        }
        let sql = "INSERT INTO nation_card_certificate
            (resident_id, authority, serial, key_label, certificate, not_before, not_after)
            VALUES ('one', 'x', 1, 'x', $1, 1234, 5678)";
        tx.execute(sql, &[vec![1_u8].into()]).await.unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn counters_of_the_first_version_are_carried_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut all = vec![Db::open_sqlite(&dir.path().join("nation.sqlite")).await.unwrap()];
        all.extend(musubi_store::testing::postgres_schema().await);
        for db in all {
            of_the_first_version(&db).await;
            db.migrate(MIGRATIONS, AT).await.unwrap();
            let (one, two): (ResidentId, ResidentId) = ("one".parse().unwrap(), "two".parse().unwrap());
            let mut tx = db.begin().await.unwrap();
            let tried = tries(&mut tx, PinReference::Authentication).await.unwrap();
            assert_eq!(tried, [(one.clone(), 1)]);
            assert_eq!(tries(&mut tx, PinReference::Signature).await.unwrap(), [(two.clone(), 0)]);
            let pins = pins(&mut tx, &one, 1).await.unwrap();
            assert!(matches!(pins.as_slice(), [PinRow { value: None, tries_left: 1, .. }]));
            let issued = CardRow { number: 1, issued_at: UnixTime(1234) };
            assert_eq!(card(&mut tx, &one).await.unwrap(), Some(issued));
            assert!(set_pins_anew(&mut tx, &two).await.unwrap());
            assert!(tries(&mut tx, PinReference::Signature).await.unwrap().is_empty());
        }
    }
}

//! The linking tables' only SQL.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, CertKey, RevocationReason, SerialNumber};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Row, StoreError, Tx};

use super::{KnownCertificate, Link};

pub(super) async fn person_of(tx: &mut Tx, key: &CertKey) -> Result<Option<PersonId>, StoreError> {
    tx.query_opt(
        "SELECT person_id FROM certificate WHERE authority = $1 AND serial = $2",
        &[key.authority.as_str().into(), key.serial.to_string().into()],
    )
    .await?
    .map(|row| row.parsed("person_id"))
    .transpose()
}

/// Answers whose the certificate is: `person`'s, or that of whoever was remembered for it before.
pub(super) async fn remember_certificate(
    tx: &mut Tx,
    key: &CertKey,
    person: &PersonId,
    not_after: Option<UnixTime>,
    at: UnixTime,
) -> Result<PersonId, StoreError> {
    tx.query_one(
        "INSERT INTO certificate (authority, serial, person_id, not_after, first_seen_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (authority, serial) DO UPDATE SET not_after = COALESCE(certificate.not_after, excluded.not_after)
         RETURNING person_id",
        &[
            key.authority.as_str().into(),
            key.serial.to_string().into(),
            person.as_str().into(),
            not_after.into(),
            at.into(),
        ],
    )
    .await?
    .parsed("person_id")
}

pub(super) async fn certificates_of(
    tx: &mut Tx,
    person: &PersonId,
) -> Result<Vec<KnownCertificate>, StoreError> {
    tx.query(
        "SELECT authority, serial, person_id, not_after, revoked_at, reason FROM certificate
         WHERE person_id = $1 ORDER BY first_seen_at, authority, serial",
        &[person.as_str().into()],
    )
    .await?
    .iter()
    .map(known_certificate)
    .collect()
}

pub(super) async fn not_yet_revoked(
    tx: &mut Tx,
    authority: AuthorityKind,
) -> Result<Vec<KnownCertificate>, StoreError> {
    tx.query(
        "SELECT authority, serial, person_id, not_after, revoked_at, reason FROM certificate
         WHERE authority = $1 AND revoked_at IS NULL ORDER BY serial",
        &[authority.as_str().into()],
    )
    .await?
    .iter()
    .map(known_certificate)
    .collect()
}

/// The smallest and the largest serial number seen by then. Their text is hex in whole bytes: the longer is the larger.
pub(super) async fn serials_seen(
    tx: &mut Tx,
    authority: AuthorityKind,
    until: UnixTime,
) -> Result<Option<[SerialNumber; 2]>, StoreError> {
    let values = [authority.as_str().into(), until.into()];
    let smallest = tx
        .query_opt(
            "SELECT serial FROM certificate WHERE authority = $1 AND first_seen_at <= $2
             ORDER BY LENGTH(serial), serial LIMIT 1",
            &values,
        )
        .await?;
    let largest = tx
        .query_opt(
            "SELECT serial FROM certificate WHERE authority = $1 AND first_seen_at <= $2
             ORDER BY LENGTH(serial) DESC, serial DESC LIMIT 1",
            &values,
        )
        .await?;
    match (smallest, largest) {
        (Some(smallest), Some(largest)) => Ok(Some([smallest.parsed("serial")?, largest.parsed("serial")?])),
        _ => Ok(None),
    }
}

pub(super) async fn mark_revoked(
    tx: &mut Tx,
    key: &CertKey,
    at: UnixTime,
    reason: RevocationReason,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE certificate SET revoked_at = $3, reason = $4
         WHERE authority = $1 AND serial = $2 AND revoked_at IS NULL",
        &[key.authority.as_str().into(), key.serial.to_string().into(), at.into(), reason.as_str().into()],
    )
    .await
}

fn known_certificate(row: &Row) -> Result<KnownCertificate, StoreError> {
    let revoked = match (row.int_opt("revoked_at")?, row.text_opt("reason")?) {
        (Some(at), Some(reason)) => {
            Some((UnixTime(at), reason.parse().map_err(|_| StoreError::Corrupt("reason"))?))
        }
        _ => None,
    };
    Ok(KnownCertificate {
        key: CertKey { authority: row.parsed("authority")?, serial: row.parsed("serial")? },
        person: row.parsed("person_id")?,
        not_after: row.int_opt("not_after")?.map(UnixTime),
        revoked,
    })
}

const LINK_INSERT: &str =
    "INSERT INTO link (relying_party_id, person_id, customer_id, attributes_serial, created_at)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (relying_party_id, person_id)
     DO UPDATE SET customer_id = excluded.customer_id, attributes_serial = excluded.attributes_serial";

pub(super) async fn save_link(tx: &mut Tx, link: &Link, at: UnixTime) -> Result<(), StoreError> {
    tx.execute(
        LINK_INSERT,
        &[
            link.relying_party.as_str().into(),
            link.person.as_str().into(),
            link.customer_id.as_str().into(),
            link.attributes_serial.to_string().into(),
            at.into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn link_of_customer(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    customer_id: &str,
) -> Result<Option<Link>, StoreError> {
    tx.query_opt(
        "SELECT relying_party_id, person_id, customer_id, attributes_serial FROM link
         WHERE relying_party_id = $1 AND customer_id = $2",
        &[relying_party.as_str().into(), customer_id.into()],
    )
    .await?
    .as_ref()
    .map(link)
    .transpose()
}

pub(super) async fn link_of_person(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    person: &PersonId,
) -> Result<Option<Link>, StoreError> {
    tx.query_opt(
        "SELECT relying_party_id, person_id, customer_id, attributes_serial FROM link
         WHERE relying_party_id = $1 AND person_id = $2",
        &[relying_party.as_str().into(), person.as_str().into()],
    )
    .await?
    .as_ref()
    .map(link)
    .transpose()
}

pub(super) async fn links_of_person(tx: &mut Tx, person: &PersonId) -> Result<Vec<Link>, StoreError> {
    tx.query(
        "SELECT relying_party_id, person_id, customer_id, attributes_serial FROM link
         WHERE person_id = $1 ORDER BY created_at, relying_party_id",
        &[person.as_str().into()],
    )
    .await?
    .iter()
    .map(link)
    .collect()
}

pub(super) async fn set_attributes_serial(
    tx: &mut Tx,
    link: &Link,
    serial: &SerialNumber,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE link SET attributes_serial = $3 WHERE relying_party_id = $1 AND customer_id = $2",
        &[link.relying_party.as_str().into(), link.customer_id.as_str().into(), serial.to_string().into()],
    )
    .await
    .map(drop)
}

fn link(row: &Row) -> Result<Link, StoreError> {
    Ok(Link {
        relying_party: row.parsed("relying_party_id")?,
        person: row.parsed("person_id")?,
        customer_id: row.text("customer_id")?,
        attributes_serial: row.parsed("attributes_serial")?,
    })
}

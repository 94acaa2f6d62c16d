//! The linking tables' only SQL.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, CertKey, SerialNumber};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Row, StoreError, Target, Tx};

use super::{Concerned, KnownCertificate, Link, Revocation};

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

/// Has a certificate looked for in the lists in use, which nobody has judged.
pub(super) async fn check_later(tx: &mut Tx, key: &CertKey) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO certificate_to_check (authority, serial) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        &[key.authority.as_str().into(), key.serial.to_string().into()],
    )
    .await
    .map(drop)
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

/// What a list names, in a table of this connection alone: one statement then works on all of it.
const NAMED: Target =
    Target { table: "named_by_list", columns: &["authority", "serial", "revoked_at", "reason"] };
const NAMED_TABLE: &str = "CREATE TEMPORARY TABLE IF NOT EXISTS named_by_list (
    authority TEXT NOT NULL, serial TEXT NOT NULL, revoked_at BIGINT NOT NULL, reason TEXT NOT NULL,
    person_id TEXT)";

pub(super) async fn mark_revoked(
    tx: &mut Tx,
    revocations: &[Revocation],
    at: UnixTime,
) -> Result<Vec<Concerned>, StoreError> {
    tx.execute(NAMED_TABLE, &[]).await?;
    tx.execute("DELETE FROM named_by_list", &[]).await?;
    let row = |named: &Revocation| {
        vec![
            named.key.authority.as_str().into(),
            named.key.serial.to_string().into(),
            named.at.into(),
            named.reason.as_str().into(),
        ]
    };
    tx.insert_many(NAMED, revocations.iter().map(row).collect::<Vec<_>>()).await?;
    // Of two processes that look through the same list, only one finds a certificate unmarked.
    let marked = tx
        .query(
            "UPDATE certificate SET revoked_at = named.revoked_at, reason = named.reason
             FROM named_by_list AS named
             WHERE certificate.authority = named.authority AND certificate.serial = named.serial
               AND certificate.revoked_at IS NULL
             RETURNING certificate.authority AS authority, certificate.serial AS serial,
                       certificate.revoked_at AS revoked_at, certificate.reason AS reason,
                       certificate.person_id AS person_id",
            &[],
        )
        .await?;
    if marked.is_empty() {
        return Ok(Vec::new());
    }
    tx.execute("DELETE FROM named_by_list", &[]).await?;
    let mut rows = Vec::with_capacity(marked.len());
    for row in &marked {
        rows.push(vec![
            row.text("authority")?.into(),
            row.text("serial")?.into(),
            row.int("revoked_at")?.into(),
            row.text("reason")?.into(),
            row.text("person_id")?.into(),
        ]);
    }
    let with_person = Target {
        table: "named_by_list",
        columns: &["authority", "serial", "revoked_at", "reason", "person_id"],
    };
    tx.insert_many(with_person, rows).await?;
    // Whoever was given a new certificate is followed to it: see `watching::succession`.
    tx.execute(
        "INSERT INTO succession_pending (authority, serial, person_id, since, next_at, tries)
         SELECT authority, serial, person_id, $1, $1, 0 FROM named_by_list
         WHERE reason IN ('superseded', 'affiliationChanged')
         ON CONFLICT (authority, serial) DO NOTHING",
        &[at.into()],
    )
    .await?;
    tx.query(
        "SELECT named.authority AS authority, named.serial AS serial, named.revoked_at AS revoked_at,
                named.reason AS reason, link.person_id AS person_id,
                link.relying_party_id AS relying_party_id, link.customer_id AS customer_id,
                link.purpose AS purpose,
                (SELECT count(*) FROM consent WHERE consent.person = link.person_id
                   AND consent.relying_party = link.relying_party_id AND consent.withdrawn_at IS NULL
                   AND consent.valid_from <= $1 AND $1 < consent.valid_until) AS consents
         FROM named_by_list AS named JOIN link ON link.person_id = named.person_id
         WHERE link.purpose IS NOT NULL
         ORDER BY link.relying_party_id, named.revoked_at, named.authority, named.serial",
        &[at.into()],
    )
    .await?
    .iter()
    .map(concerned)
    .collect()
}

fn concerned(row: &Row) -> Result<Concerned, StoreError> {
    Ok(Concerned {
        revocation: Revocation {
            key: CertKey { authority: row.parsed("authority")?, serial: row.parsed("serial")? },
            at: row.time("revoked_at")?,
            reason: row.parsed("reason")?,
        },
        person: row.parsed("person_id")?,
        relying_party: row.parsed("relying_party_id")?,
        customer_id: row.text("customer_id")?,
        purpose: row.text("purpose")?,
        consented: row.int("consents")? > 0,
    })
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

/// `false` if the person is linked there already.
pub(super) async fn insert_link(tx: &mut Tx, link: &Link, at: UnixTime) -> Result<bool, StoreError> {
    let inserted = tx
        .execute(
            "INSERT INTO link (relying_party_id, person_id, customer_id, attributes_serial, created_at,
                       purpose, basis, watched_since)
             VALUES ($1, $2, $3, $4, $5, 'contract_maintenance', 'identity_proofing', $5)
             ON CONFLICT (relying_party_id, person_id) DO NOTHING",
            &[
                link.relying_party.as_str().into(),
                link.person.as_str().into(),
                link.customer_id.as_str().into(),
                link.attributes_serial.to_string().into(),
                at.into(),
            ],
        )
        .await?;
    Ok(inserted == 1)
}

pub(super) async fn update_link(tx: &mut Tx, link: &Link) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE link SET customer_id = $3, attributes_serial = $4
         WHERE relying_party_id = $1 AND person_id = $2",
        &[
            link.relying_party.as_str().into(),
            link.person.as_str().into(),
            link.customer_id.as_str().into(),
            link.attributes_serial.to_string().into(),
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

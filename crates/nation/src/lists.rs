//! Revocation lists (RFC 5280 5): for each generation one full list and one per municipality.
//!
//! What the real lists look like is not public (facts §2.4); this is our own design. Version 2; issuer name of
//! the authority; authorityKeyIdentifier and CRLNumber; a municipality's list carries a critical
//! issuingDistributionPoint with the very name in its certificates' cRLDistributionPoints, the full list
//! carries none and covers everything that its key signed. thisUpdate is the moment of publication,
//! nextUpdate 48 hours later, and the nation publishes at least once a day. An entry stays until its
//! certificate's end. The reason `unspecified` is expressed by absence (RFC 5280 5.3.1).

use musubi_kernel::UnixTime;
use musubi_pki::RevocationReason;
use musubi_store::Tx;

use crate::authority::{Authorities, Generation};
use crate::profile::{authority_name, extension, key_identifier_only, partition_of, sha256_with_rsa, signed};
use crate::sql::{self, ListRow, RevokedRow};
use crate::{MUNICIPALITIES, Municipality, NationError, der};

/// Age at which the next list is due, in seconds.
pub(crate) const LIST_INTERVAL: i64 = 24 * 3600;
/// thisUpdate to nextUpdate, in seconds.
const LIST_LIFETIME: i64 = 48 * 3600;

const CRL_NUMBER: &[u8] = &[0x55, 0x1D, 20];
const REASON_CODE: &[u8] = &[0x55, 0x1D, 21];
const ISSUING_DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1D, 28];

/// Publishes the next lists of every generation that has not ended.
pub(crate) async fn publish(tx: &mut Tx, authorities: &Authorities, at: UnixTime) -> Result<(), NationError> {
    for generation in authorities.generations.iter().filter(|g| at <= g.not_after) {
        let number = sql::take_list_number(tx, generation.kind, generation.number).await?;
        let row = ListRow {
            authority: generation.kind,
            generation: generation.number,
            number,
            this_update: at,
            next_update: at.plus(LIST_LIFETIME),
        };
        let revoked = sql::revoked(tx, generation.kind, generation.number, at).await?;
        sql::put_list(tx, &row, "", list(generation, &row, &revoked, None)?).await?;
        for municipality in MUNICIPALITIES {
            let der = list(generation, &row, &revoked, Some(municipality))?;
            sql::put_list(tx, &row, municipality.code, der).await?;
        }
    }
    Ok(())
}

/// The moment of the last publication.
pub(crate) async fn newest(tx: &mut Tx) -> Result<Option<UnixTime>, NationError> {
    Ok(sql::full_lists(tx).await?.iter().map(|row| row.this_update).max())
}

/// One list, DER. `partition`: a municipality's, or the full list.
fn list(
    generation: &Generation,
    row: &ListRow,
    revoked: &[RevokedRow],
    partition: Option<&Municipality>,
) -> Result<Vec<u8>, NationError> {
    let entries: Vec<Vec<u8>> =
        revoked.iter().filter(|r| partition.is_none_or(|p| r.municipality == p.code)).map(entry).collect();
    let mut extensions = vec![
        key_identifier_only(generation.key.key_id()),
        extension(CRL_NUMBER, false, &der::unsigned(&row.number.to_be_bytes())),
    ];
    extensions.extend(partition.map(|p| {
        extension(ISSUING_DISTRIBUTION_POINT, true, &der::sequence(&[partition_of(generation.kind, p)]))
    }));
    let mut parts = vec![
        der::unsigned(&[1]),
        sha256_with_rsa(),
        authority_name(generation.kind),
        der::time(row.this_update),
        der::time(row.next_update),
    ];
    if !entries.is_empty() {
        parts.push(der::sequence(&entries));
    }
    parts.push(der::context(0, &der::sequence(&extensions)));
    Ok(signed(der::sequence(&parts), &generation.key)?)
}

fn entry(revoked: &RevokedRow) -> Vec<u8> {
    let mut parts = vec![der::unsigned(&revoked.serial.to_be_bytes()), der::time(revoked.revoked_at)];
    if revoked.reason != RevocationReason::Unspecified {
        let code = der::tlv(der::ENUMERATED, &[revoked.reason.code()]);
        parts.push(der::sequence(&[extension(REASON_CODE, false, &code)]));
    }
    der::sequence(&parts)
}

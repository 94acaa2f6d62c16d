//! What a life event does to register, certificates and card. Rules only: the caller brings the transaction
//! and the time, and commits.
//!
//! A move or a change of name ends the signing certificate (affiliationChanged), since the attributes stand in
//! it, and a new one is issued at the counter; the user-authentication certificate names nobody and stays,
//! under the municipality of its issue (facts §2.3). Who has no good signing certificate is only registered.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, RevocationReason};
use musubi_store::{StoreError, Tx};

use crate::authority::Authorities;
use crate::card::sql::{replace_card, set_pins_anew};
use crate::residents::{Origin, founder, kinds_at_age};
use crate::sql::{self, ResidentRow};
use crate::{LifeError, LifeEvent, NationError, ResidentId, municipality, profile};

/// Most characters of an address in a certificate (facts §1.5).
const ADDRESS_LIMIT: usize = 200;
/// Most characters of a name. The real limit is not known.
const NAME_LIMIT: usize = 100;

impl From<StoreError> for LifeError {
    fn from(error: StoreError) -> Self {
        Self::Nation(NationError::Store(error))
    }
}

/// Lets `event` happen.
pub(crate) async fn happen(
    tx: &mut Tx,
    authorities: &Authorities,
    id: &ResidentId,
    event: LifeEvent,
    at: UnixTime,
) -> Result<(), LifeError> {
    let mut resident = sql::resident(tx, id).await?.ok_or(LifeError::UnknownResident)?;
    if founder(id.as_str()).is_some_and(|f| f.origin != Origin::Genuine) {
        return Err(LifeError::Forged);
    }
    if resident.left_at.is_some() {
        return Err(LifeError::Left);
    }
    match event {
        LifeEvent::Move { municipality: code, address } => {
            let town = municipality(&code).ok_or(LifeError::UnknownMunicipality)?;
            let rest = full_width(&address);
            let whole = if rest.starts_with(town.name) {
                rest
            } else {
                format!("{}{}", town.name, printable(rest, ADDRESS_LIMIT)?)
            };
            resident.address = printable(whole, ADDRESS_LIMIT)?;
            resident.municipality = code;
            change_attributes(tx, authorities, &resident, at).await
        }
        LifeEvent::Rename { name } => {
            resident.name = printable(full_width(&name), NAME_LIMIT)?;
            resident.kana.clear();
            change_attributes(tx, authorities, &resident, at).await
        }
        LifeEvent::ReportLoss => end_all(tx, id, RevocationReason::CertificateHold, at).await,
        LifeEvent::ReportTheft => end_all(tx, id, RevocationReason::KeyCompromise, at).await,
        LifeEvent::Renew => {
            let gone = is_gone(tx, id).await?;
            match end_all(tx, id, RevocationReason::Superseded, at).await {
                Ok(()) | Err(LifeError::NothingToRevoke) => {}
                Err(other) => return Err(other),
            }
            issue_all(tx, authorities, &resident, at).await?;
            if gone {
                replace_card(tx, id, at).await?;
            } else {
                set_pins_anew(tx, id).await?;
            }
            Ok(())
        }
        LifeEvent::LeaveOrDie => {
            match end_all(tx, id, RevocationReason::CessationOfOperation, at).await {
                Ok(()) | Err(LifeError::NothingToRevoke) => {}
                Err(other) => return Err(other),
            }
            resident.left_at = Some(at);
            Ok(sql::update_resident(tx, &resident).await?)
        }
    }
}

/// Whether the card was reported lost or stolen: then a renewal is a new card (再交付) with new keys.
async fn is_gone(tx: &mut Tx, id: &ResidentId) -> Result<bool, StoreError> {
    let newest = sql::certificates_of(tx, id, AuthorityKind::UserAuthentication).await?.into_iter().next();
    let reported = [RevocationReason::CertificateHold, RevocationReason::KeyCompromise];
    Ok(newest.and_then(|row| row.revoked).is_some_and(|(_, reason)| reported.contains(&reason)))
}

/// Issues what a resident of this age can have.
pub(crate) async fn issue_all(
    tx: &mut Tx,
    authorities: &Authorities,
    resident: &ResidentRow,
    at: UnixTime,
) -> Result<(), NationError> {
    for kind in kinds_at_age(profile::age_at(resident.date_of_birth, at)) {
        authorities.issue(tx, *kind, resident, at).await?;
    }
    Ok(())
}

/// Revokes the resident's newest certificates, as far as they are good.
pub(crate) async fn end_all(
    tx: &mut Tx,
    id: &ResidentId,
    reason: RevocationReason,
    at: UnixTime,
) -> Result<(), LifeError> {
    let mut ended = false;
    for kind in AuthorityKind::ALL {
        if let Some(serial) = good_serial(tx, id, kind, at).await? {
            Authorities::revoke(tx, kind, serial, reason, at).await?;
            ended = true;
        }
    }
    if ended { Ok(()) } else { Err(LifeError::NothingToRevoke) }
}

async fn change_attributes(
    tx: &mut Tx,
    authorities: &Authorities,
    resident: &ResidentRow,
    at: UnixTime,
) -> Result<(), LifeError> {
    sql::update_resident(tx, resident).await?;
    let kind = AuthorityKind::DigitalSignature;
    if let Some(serial) = good_serial(tx, &resident.id, kind, at).await? {
        Authorities::revoke(tx, kind, serial, RevocationReason::AffiliationChanged, at).await?;
        authorities.issue(tx, kind, resident, at).await?;
    }
    Ok(())
}

async fn good_serial(
    tx: &mut Tx,
    id: &ResidentId,
    kind: AuthorityKind,
    at: UnixTime,
) -> Result<Option<u32>, StoreError> {
    let newest = sql::certificates_of(tx, id, kind).await?.into_iter().next();
    Ok(newest.filter(|row| row.is_good(at)).map(|row| row.serial))
}

/// Full-width forms and the ideographic space, as certificates write addresses and names.
fn full_width(text: &str) -> String {
    text.trim()
        .chars()
        .map(|c| match c {
            ' ' => '\u{3000}',
            '!'..='~' => char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c),
            other => other,
        })
        .collect()
}

/// Refuses an empty or overlong text and characters that are not seen or turn the text's direction.
fn printable(text: String, limit: usize) -> Result<String, LifeError> {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    let length = text.chars().count();
    if length == 0 || length > limit || text.chars().any(unseen) {
        Err(LifeError::Unprintable)
    } else {
        Ok(text)
    }
}

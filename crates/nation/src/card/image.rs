//! What the municipality wrote on a resident's card, as data for the virtual card.

use musubi_card::virtual_card::jpki::{self, CertifiedKey, JpkiContents};
use musubi_card::virtual_card::{Image, Profile};
use musubi_crypto::sha256_parts;
use musubi_kernel::{TimeError, UnixTime};
use musubi_pki::{AuthorityKind, Sex};

use super::numbers::Numbers;
use super::sql::{self as cards, CardCertificateRow, CardRow};
use crate::authority::certified_attributes;
use crate::keys::derive;
use crate::sql::{self, ResidentRow};
use crate::{NationError, ResidentId, World};

/// What an image is made from.
pub(super) struct Contents {
    seed: u64,
    profile: Profile,
    pub(super) card: CardRow,
    resident: ResidentRow,
    authentication: Option<CardCertificateRow>,
    signature: Option<CardCertificateRow>,
    authentication_authority: Vec<u8>,
    signature_authority: Vec<u8>,
}

impl Contents {
    /// What is on a resident's card at this moment; `None` if there is no such resident.
    pub(super) async fn load(
        world: &World,
        id: &ResidentId,
        profile: Profile,
    ) -> Result<Option<Self>, NationError> {
        let mut tx = world.inner.db.begin_read().await?;
        let Some(resident) = sql::resident(&mut tx, id).await? else { return Ok(None) };
        let Some(card) = cards::card(&mut tx, id).await? else { return Ok(None) };
        let authentication = cards::on_card(&mut tx, id, AuthorityKind::UserAuthentication).await?;
        let signature = cards::on_card(&mut tx, id, AuthorityKind::DigitalSignature).await?;
        drop(tx);
        Ok(Some(Self {
            seed: world.inner.authorities.seed,
            profile,
            card,
            resident,
            authentication_authority: authority(
                world,
                AuthorityKind::UserAuthentication,
                authentication.as_ref(),
            ),
            signature_authority: authority(world, AuthorityKind::DigitalSignature, signature.as_ref()),
            authentication,
            signature,
        }))
    }

    pub(super) fn numbers(&self) -> Result<Numbers, TimeError> {
        Numbers::of(self.seed, &self.resident.id, &self.card, self.resident.date_of_birth)
    }

    /// Two equal ones make equal images.
    pub(super) fn digest(&self) -> [u8; 32] {
        let attributes = certified_attributes(&self.resident);
        let certificate = |row: &Option<CardCertificateRow>| {
            row.as_ref().map_or([0; 32], |row| sha256_parts(&[&row.certificate]))
        };
        let profile = match self.profile {
            Profile::Plastic => 0_u8,
            Profile::AndroidToken => 1,
        };
        sha256_parts(&[
            b"musubi nation image\0",
            &[profile],
            &sha256_parts(&[self.resident.id.as_str().as_bytes()]),
            &self.card.number.to_be_bytes(),
            &self.card.issued_at.0.to_be_bytes(),
            &certificate(&self.authentication),
            &certificate(&self.signature),
            &sha256_parts(&[attributes.name.as_bytes()]),
            &sha256_parts(&[attributes.address.as_bytes()]),
            self.resident.municipality.as_bytes(),
        ])
    }

    /// The image; derives every key of the card.
    pub(super) fn image(&self, numbers: &Numbers) -> Result<Image, NationError> {
        let contents = JpkiContents {
            authentication: self.certified(self.authentication.as_ref())?,
            signature: self.certified(self.signature.as_ref())?,
            authentication_authority: self.authentication_authority.clone(),
            signature_authority: self.signature_authority.clone(),
        };
        let _ = numbers;
        let applications = vec![jpki::application(&contents, self.profile)];
        Ok(Image { profile: self.profile, applications, issuer_data: Vec::new() })
    }

    fn certified(&self, row: Option<&CardCertificateRow>) -> Result<Option<CertifiedKey>, NationError> {
        let Some(row) = row else { return Ok(None) };
        let key = derive(self.seed, &row.key_label)?;
        Ok(Some(CertifiedKey { certificate: row.certificate.clone(), key: key.card_key().clone() }))
    }
}

/// The certificate of the generation that issued a certificate, as its dates tell; a forger copies it, too. Without a
/// certificate the newest one.
fn authority(world: &World, kind: AuthorityKind, issued: Option<&CardCertificateRow>) -> Vec<u8> {
    let at = issued.map_or(UnixTime(i64::MAX), |row| row.not_before);
    let generations = world.inner.authorities.generations.iter();
    let newest = generations.filter(|g| g.kind == kind && g.not_before <= at).max_by_key(|g| g.number);
    newest.map(|g| g.certificate.clone()).unwrap_or_default()
}

/// A sex as 券面事項入力補助AP writes it.
pub(super) fn sex_of(digit: u8) -> Sex {
    match digit {
        1 => Sex::Male,
        2 => Sex::Female,
        _ => Sex::Unknown,
    }
}

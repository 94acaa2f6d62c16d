//! What the municipality wrote on a resident's card, as data for the virtual card.

use std::sync::Arc;

use musubi_card::client::Attributes;
use musubi_card::records::card_number::CardNumber;
use musubi_card::records::surface::Face;
use musubi_card::virtual_card::card_surface::{self, SurfaceContents};
use musubi_card::virtual_card::jpki::{self, CertifiedKey, JpkiContents};
use musubi_card::virtual_card::text_attributes::{self, TextContents};
use musubi_card::virtual_card::{ApplicationImage, Image, Profile, card_common, resident_register};
use musubi_crypto::{CardKey, sha256_parts};
use musubi_kernel::{Date, UnixTime};
use musubi_pki::{AuthorityKind, Sex};

use super::authority::{self, Signer, Vouched};
use super::numbers::Numbers;
use super::sql::{self as cards, CardCertificateRow, CardRow};
use crate::authority::certified_attributes;
use crate::keys::{ChipKey, chip_label, derive};
use crate::sql::{self, ResidentRow};
use crate::{NationError, ResidentId, World, pictures};

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
            authentication_authority: issuer_of(
                world,
                AuthorityKind::UserAuthentication,
                authentication.as_ref(),
            ),
            signature_authority: issuer_of(world, AuthorityKind::DigitalSignature, signature.as_ref()),
            authentication,
            signature,
        }))
    }

    pub(super) fn numbers(&self) -> Result<Numbers, NationError> {
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
            &sha256_parts(&[self.resident.name.as_bytes()]),
            &sha256_parts(&[self.resident.address.as_bytes()]),
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
        let jpki = jpki::application(&contents, self.profile);
        // A phone carries the certificates alone.
        if self.profile == Profile::AndroidToken {
            return Ok(Image { profile: self.profile, applications: vec![jpki], issuer_data: Vec::new() });
        }
        let town = self.resident.municipality.as_str();
        let common_key = self.chip_key(ChipKey::CardCommon)?;
        let expires_on = eight_digits(numbers.ends);
        let (of_town, of_card) = authority::certificates_of_card(self.seed, town, &common_key)?;
        let issuer_data = vec![
            (0x0045, numbers.card.clone().into_bytes()),
            (0x00F0, town.as_bytes().to_vec()),
            (0x00F2, expires_on.clone().into_bytes()),
            (0x00F8, of_town),
            (0x7F21, of_card),
        ];
        let number = CardNumber { serial: numbers.card.clone(), municipality: town.to_owned(), expires_on };
        let applications = vec![
            jpki,
            self.text(numbers)?,
            self.surface(numbers)?,
            resident_register::application(&Vouched::Card.basic_key_id()?),
            card_common::application(&number, common_key)?,
        ];
        Ok(Image { profile: self.profile, applications, issuer_data })
    }

    fn text(&self, numbers: &Numbers) -> Result<ApplicationImage, NationError> {
        let certified = certified_attributes(&self.resident);
        let attributes = Attributes {
            name: certified.name,
            address: certified.address,
            date_of_birth: self.date_of_birth(),
            sex: digit_of(certified.sex),
        };
        let signer = Signer::of(self.seed, &self.resident.municipality, Vouched::Text)?;
        Ok(text_attributes::application(&TextContents {
            number: &numbers.individual,
            attributes: &attributes,
            issuer: signer.issuer(),
            key_id: Vouched::Text.basic_key_id()?,
            internal_key: self.chip_key(ChipKey::Text)?,
            session_key: self.chip_key(ChipKey::Session)?,
        })?)
    }

    fn surface(&self, numbers: &Numbers) -> Result<ApplicationImage, NationError> {
        let signer = Signer::of(self.seed, &self.resident.municipality, Vouched::Surface)?;
        let (date_of_birth, expires_on) = (self.date_of_birth(), eight_digits(numbers.ends));
        // The face has the characters of the register, the other files those of the certificates.
        let face = Face {
            date_of_birth: &date_of_birth,
            sex: digit_of(self.resident.sex),
            name_png: &pictures::name(&self.resident.name),
            address_png: &pictures::address(&self.resident.address),
            photograph: &pictures::grey_portrait(),
            expires_on: &expires_on,
            security_code_png: &pictures::security_code(numbers.security_code.expose()),
        };
        Ok(card_surface::application(&SurfaceContents {
            face,
            number_png: &pictures::number(numbers.individual.expose()),
            municipality: &self.resident.municipality,
            issuer: signer.issuer(),
            key_id: Vouched::Surface.basic_key_id()?,
            internal_key: self.chip_key(ChipKey::Surface)?,
        })?)
    }

    fn chip_key(&self, key: ChipKey) -> Result<Arc<CardKey>, NationError> {
        let label = chip_label(self.resident.id.as_str(), self.card.number, key);
        Ok(Arc::clone(derive(self.seed, &label)?.card_key()))
    }

    /// `YYYYMMDD`.
    fn date_of_birth(&self) -> String {
        let born = self.resident.date_of_birth;
        format!("{:04}{:02}{:02}", born.year, born.month, born.day)
    }

    fn certified(&self, row: Option<&CardCertificateRow>) -> Result<Option<CertifiedKey>, NationError> {
        let Some(row) = row else { return Ok(None) };
        let key = derive(self.seed, &row.key_label)?;
        Ok(Some(CertifiedKey { certificate: row.certificate.clone(), key: key.card_key().clone() }))
    }
}

/// The certificate of the generation that issued a certificate, as its dates tell; a forger copies it, too. Without a
/// certificate the newest one.
fn issuer_of(world: &World, kind: AuthorityKind, issued: Option<&CardCertificateRow>) -> Vec<u8> {
    let at = issued.map_or(UnixTime(i64::MAX), |row| row.not_before);
    let generations = world.inner.authorities.generations.iter();
    let newest = generations.filter(|g| g.kind == kind && g.not_before <= at).max_by_key(|g| g.number);
    newest.map(|g| g.certificate.clone()).unwrap_or_default()
}

fn eight_digits(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

fn digit_of(sex: Sex) -> u8 {
    match sex {
        Sex::Male => 1,
        Sex::Female => 2,
        Sex::Unknown => 3,
    }
}

/// A sex as 券面事項入力補助AP writes it.
pub(super) fn sex_of(digit: u8) -> Sex {
    match digit {
        1 => Sex::Male,
        2 => Sex::Female,
        _ => Sex::Unknown,
    }
}

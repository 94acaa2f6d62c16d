//! The nation's authority of cards (カード認証局): which keys vouch for what stands on a card and for the card's free key.
//! One authority per application, as on the real card (facts §4.5), and a signer per municipality below each.
//!
//! Real key identifiers begin with 5 (production) or 6 (test); these begin with 9 and name nobody. The keys follow from a
//! public seed: an authority that is told to trust them trusts everybody.

use std::sync::Arc;

use musubi_card::genuineness::{CardAuthorities, CardAuthority};
use musubi_card::records::card_certificate::{certificate_data_object, certificate_file};
use musubi_card::records::public_key::CardPublicKey;
use musubi_card::records::{Issuer, KeyId, key_id};
use musubi_crypto::CardKey;

use crate::NationError;
use crate::keys::{CARD_AUTHORITIES, card_authority_label, card_signer_label, derive, derive_apart};

/// What a key vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vouched {
    /// The card as a whole.
    Card,
    /// 券面事項確認AP.
    Surface,
    /// 券面事項入力補助AP.
    Text,
}

impl Vouched {
    fn suffix(self) -> &'static str {
        let [card, surface, text] = CARD_AUTHORITIES;
        match self {
            Self::Card => card,
            Self::Surface => surface,
            Self::Text => text,
        }
    }

    /// The end of a municipality's key identifier.
    fn signer(self) -> &'static str {
        match self {
            Self::Card => "30",
            Self::Surface => "21",
            Self::Text => "31",
        }
    }

    /// Key identifier that stands in the application's basic data. What it names on a real card is not known.
    pub(super) fn basic_key_id(self) -> Result<KeyId, NationError> {
        let owner = match self {
            Self::Card => "9000021",
            Self::Surface => "9000024",
            Self::Text => "9000034",
        };
        Ok(key_id(owner, "001", 0)?)
    }
}

/// Key identifier of an authority.
fn authority_id(suffix: &str) -> Result<KeyId, NationError> {
    Ok(key_id(&format!("90000{suffix}"), "001", 0)?)
}

/// A municipality that signs what it writes on cards.
pub(super) struct Signer {
    key: Arc<CardKey>,
    /// EF 0004.
    certificate: Vec<u8>,
}

impl Signer {
    /// Of the municipality with a code, certified for an application.
    pub(super) fn of(seed: u64, municipality: &str, vouched: Vouched) -> Result<Self, NationError> {
        let key = derive(seed, &card_signer_label(municipality))?;
        let authority = derive(seed, &card_authority_label(vouched.suffix()))?;
        let certificate = certificate_file(
            &authority_id(vouched.suffix())?,
            &signer_id(municipality, vouched)?,
            &public(key.card_key())?,
            authority.card_key(),
        )?;
        Ok(Self { key: Arc::clone(key.card_key()), certificate })
    }

    pub(super) fn issuer(&self) -> Issuer<'_> {
        Issuer { key: &self.key, certificate: &self.certificate }
    }
}

fn signer_id(municipality: &str, vouched: Vouched) -> Result<KeyId, NationError> {
    Ok(key_id(&format!("{municipality}{}", vouched.signer()), "000", 0)?)
}

fn public(key: &CardKey) -> Result<CardPublicKey, NationError> {
    Ok(CardPublicKey::new(&key.modulus(), &key.exponent())?)
}

/// The two certificates of the issuer security domain, for GET DATA `00F8` and `7F21`: of the municipality by the
/// authority, and of the card's key by the municipality.
pub(super) fn certificates_of_card(
    seed: u64,
    municipality: &str,
    card_key: &CardKey,
) -> Result<(Vec<u8>, Vec<u8>), NationError> {
    let authority = derive(seed, &card_authority_label(Vouched::Card.suffix()))?;
    let signer = derive(seed, &card_signer_label(municipality))?;
    let (top, town) = (authority_id(Vouched::Card.suffix())?, signer_id(municipality, Vouched::Card)?);
    let card = key_id("9000050", "001", 0)?;
    Ok((
        certificate_data_object(&top, &town, &public(signer.card_key())?, authority.card_key())?,
        certificate_data_object(&town, &card, &public(card_key)?, signer.card_key())?,
    ))
}

/// The one of 券面事項入力補助AP, whose word a card's free key needs. Card-verifiable certificates do not say what for they
/// are: who is to trust one application names its authority alone.
pub(super) async fn authorities(seed: u64) -> Result<CardAuthorities, NationError> {
    let suffix = Vouched::Text.suffix();
    let key = derive_apart(seed, &card_authority_label(suffix)).await?;
    let (modulus, exponent) = (key.card_key().modulus(), key.card_key().exponent());
    Ok(CardAuthorities::new(vec![CardAuthority { key_id: authority_id(suffix)?, modulus, exponent }]))
}

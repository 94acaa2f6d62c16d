//! Whether a card's files and its free key are genuine (facts §4.5, §4.6): the card's authority signs a card-verifiable
//! certificate, whose key signs the files. Reads no clock: these certificates carry no time.
//!
//! **What it proves.** A genuine record of a key and a signature with that key (内部認証) prove that a card which an issuer
//! vouched for was there. It proves neither who held it nor, by itself, that it is the card of a certificate.
//!
//! What each signature covers was found out from a test card, all of whose signatures verify that way. The certificates
//! of its two 券面 applications could not be verified: their authorities' keys are not at hand. That their signature covers the value of
//! `5F4E` is known from the certificates of its issuer security domain, of which one certifies the other.

use musubi_crypto::{PublicKey, SignatureAlgorithm, sha256};

use crate::client::Attributes;
use crate::records::card_certificate::CardCertificate;
use crate::records::public_key::{CardPublicKey, KeyRecord};
use crate::records::surface::{AgeRecord, FaceRecord};
use crate::records::text::{AttributesFile, IntegrityRecord};
use crate::records::{KeyId, RecordError};

/// Public keys of the authorities of cards (カード認証局), by their key identifiers.
#[derive(Debug, Clone, Default)]
pub struct CardAuthorities {
    keys: Vec<CardAuthority>,
}

/// One authority of cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardAuthority {
    /// Key identifier as card-verifiable certificates name it: 16 bytes.
    pub key_id: KeyId,
    /// RSA modulus, unsigned big-endian without leading zeros, 2048 bits.
    pub modulus: Vec<u8>,
    /// RSA exponent, likewise.
    pub exponent: Vec<u8>,
}

/// The public half of a card's free key, vouched for by its issuer.
#[derive(Debug, Clone)]
pub struct GenuineKey {
    key: PublicKey,
}

/// Why a key is not genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotGenuine {
    /// A record or certificate does not have its form; names which.
    #[error("the {0} does not have its form")]
    Malformed(&'static str),
    /// No authority has the key identifier that the certificate names.
    #[error("the card's certificate is of an unknown authority")]
    UnknownAuthority,
    /// A signature does not verify; names what was signed.
    #[error("the signature over the {0} is wrong")]
    BadSignature(&'static str),
    /// The attributes are not those of the signed digest.
    #[error("the attributes are not those that were signed")]
    OtherAttributes,
}

impl CardAuthorities {
    /// These authorities.
    #[must_use]
    pub fn new(keys: Vec<CardAuthority>) -> Self {
        Self { keys }
    }

    /// Whether there is none: then no card's key is genuine.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Verifies EF 0007 and EF 0004 of 券面事項入力補助AP.
    ///
    /// # Errors
    /// [`NotGenuine`].
    pub fn verify_key_record(
        &self,
        record: &[u8],
        card_certificate: &[u8],
    ) -> Result<GenuineKey, NotGenuine> {
        let issuer = self.verify_certificate(card_certificate)?;
        let record = KeyRecord::parse(record).map_err(|_| NotGenuine::Malformed(KEY_RECORD))?;
        verify(&issuer, record.signed, record.signature, KEY_RECORD)?;
        let key = record.key.verifier().map_err(|_| NotGenuine::Malformed(KEY_RECORD))?;
        Ok(GenuineKey { key })
    }

    /// Verifies EF 0002, EF 0003 and EF 0004 of 券面事項入力補助AP: the attributes are the ones that the issuer wrote. EF 0001,
    /// whose digest stands beside theirs, is not needed.
    ///
    /// # Errors
    /// [`NotGenuine`].
    pub fn verify_attributes(
        &self,
        attributes: &[u8],
        integrity: &[u8],
        card_certificate: &[u8],
    ) -> Result<Attributes, NotGenuine> {
        let issuer = self.verify_certificate(card_certificate)?;
        let record = IntegrityRecord::parse(integrity).map_err(|_| NotGenuine::Malformed(INTEGRITY))?;
        verify(&issuer, record.signed, record.signature, INTEGRITY)?;
        let file = AttributesFile::parse(attributes).map_err(|_| NotGenuine::Malformed("attributes"))?;
        if sha256(file.covered) != record.attributes_digest {
            return Err(NotGenuine::OtherAttributes);
        }
        Ok(file.attributes)
    }

    /// Verifies EF 0001 and EF 0004 of 券面事項確認AP.
    ///
    /// # Errors
    /// [`NotGenuine`].
    pub fn verify_age<'a>(
        &self,
        age: &'a [u8],
        card_certificate: &[u8],
    ) -> Result<AgeRecord<'a>, NotGenuine> {
        let issuer = self.verify_certificate(card_certificate)?;
        let record = AgeRecord::parse(age).map_err(|_| NotGenuine::Malformed(AGE))?;
        verify(&issuer, record.signed, record.signature, AGE)?;
        Ok(record)
    }

    /// Verifies EF 0002 and EF 0004 of 券面事項確認AP. Expiry and security code are not signed: they prove nothing.
    ///
    /// # Errors
    /// [`NotGenuine`].
    pub fn verify_face<'a>(
        &self,
        face: &'a [u8],
        card_certificate: &[u8],
    ) -> Result<FaceRecord<'a>, NotGenuine> {
        let issuer = self.verify_certificate(card_certificate)?;
        let record = FaceRecord::parse(face).map_err(|_| NotGenuine::Malformed(FACE))?;
        issuer
            .verify_rsa_over_three_sha256(&record.digests, record.signature)
            .map_err(|_| NotGenuine::BadSignature(FACE))?;
        Ok(record)
    }

    /// The key of a certificate that one of these authorities signed. An authority signs for one application: its key
    /// identifier tells which.
    fn verify_certificate(&self, file: &[u8]) -> Result<PublicKey, NotGenuine> {
        let malformed = |_| NotGenuine::Malformed(CERTIFICATE);
        let certificate = CardCertificate::parse(file).map_err(malformed)?;
        let mut named =
            self.keys.iter().filter(|authority| authority.key_id == certificate.issuer).peekable();
        if named.peek().is_none() {
            return Err(NotGenuine::UnknownAuthority);
        }
        // Generations of an authority may share an identifier: any of them may have signed.
        let mut keys = named.filter_map(|authority| authority.verifier().ok());
        if !keys.any(|key| verify(&key, certificate.signed, certificate.signature, CERTIFICATE).is_ok()) {
            return Err(NotGenuine::BadSignature(CERTIFICATE));
        }
        certificate.key.verifier().map_err(malformed)
    }
}

impl CardAuthority {
    fn verifier(&self) -> Result<PublicKey, RecordError> {
        CardPublicKey::new(&self.modulus, &self.exponent)?.verifier()
    }
}

impl GenuineKey {
    /// `SubjectPublicKeyInfo`, DER.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        self.key.spki_der()
    }

    /// Verifies what the card's free key signed (内部認証): RSASSA-PKCS1-v1_5 with SHA-256.
    ///
    /// # Errors
    /// [`NotGenuine::BadSignature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), NotGenuine> {
        verify(&self.key, message, signature, "message")
    }
}

const CERTIFICATE: &str = "card's certificate";
const KEY_RECORD: &str = "record of the card's key";
const INTEGRITY: &str = "record of integrity";
const AGE: &str = "date of birth";
const FACE: &str = "face of the card";

fn verify(key: &PublicKey, signed: &[u8], signature: &[u8], what: &'static str) -> Result<(), NotGenuine> {
    key.verify(SignatureAlgorithm::RsaPkcs1Sha256, signed, signature)
        .map_err(|_| NotGenuine::BadSignature(what))
}

//! Public keys as cards write them: exponent `90`, modulus `91`, both unsigned big-endian. RSA-2048 with the exponent 65537
//! alone, as on the card. EF 0006 and EF 0007 of 券面事項入力補助AP are such keys (facts §4.5).

use musubi_crypto::PublicKey;

use super::{Issuer, RecordError, exactly};
use crate::tlv::{Reader, write};

/// The exponent of every key of a card.
pub const EXPONENT: [u8; 3] = [1, 0, 1];

/// Modulus of an RSA-2048 key with the exponent 65537.
#[derive(Clone, PartialEq, Eq)]
pub struct CardPublicKey {
    modulus: [u8; 256],
}

impl std::fmt::Debug for CardPublicKey {
    /// The key tells which card it is: it is not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CardPublicKey")
    }
}

impl CardPublicKey {
    /// Of a modulus and an exponent, unsigned big-endian.
    ///
    /// # Errors
    /// [`RecordError::Value`] for another length, an even modulus or another exponent.
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, RecordError> {
        let modulus: [u8; 256] = exactly(modulus, "modulus")?;
        let [first, .., last] = modulus;
        if first & 0x80 == 0 || last & 1 == 0 || exponent != EXPONENT {
            return Err(RecordError::Value("public key"));
        }
        Ok(Self { modulus })
    }

    /// Reads exponent and modulus, and nothing behind them.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse(value: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(value);
        let exponent = reader.expect(0x90)?;
        let modulus = reader.expect(0x91)?;
        reader.end()?;
        Self::new(modulus, exponent)
    }

    /// Exponent and modulus as data objects, 265 bytes.
    ///
    /// # Errors
    /// None in practice: the lengths are fixed.
    pub fn to_objects(&self) -> Result<Vec<u8>, RecordError> {
        Ok([write(0x90, &[&EXPONENT])?, write(0x91, &[&self.modulus])?].concat())
    }

    /// The same for verifying.
    ///
    /// # Errors
    /// [`RecordError::Value`] if the library refuses the key.
    pub fn verifier(&self) -> Result<PublicKey, RecordError> {
        PublicKey::rsa_of_parts(&self.modulus, &EXPONENT).map_err(|_| RecordError::Value("public key"))
    }
}

/// EF 0006 of 券面事項入力補助AP: the key under which session keys are delivered.
///
/// # Errors
/// [`RecordError`].
pub fn session_key_file(key: &CardPublicKey) -> Result<Vec<u8>, RecordError> {
    Ok(write(0xA1, &[&key.to_objects()?])?)
}

/// Reads EF 0006.
///
/// # Errors
/// [`RecordError`].
pub fn parse_session_key(file: &[u8]) -> Result<CardPublicKey, RecordError> {
    let mut reader = Reader::new(file);
    let value = reader.expect(0xA1)?;
    reader.end_or_filler()?;
    CardPublicKey::parse(value)
}

/// EF 0007 of 券面事項入力補助AP, read: the public half of the card's free key, vouched for by the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord<'a> {
    /// The card's key.
    pub key: CardPublicKey,
    /// What is signed: `DF51` with tag and length.
    pub signed: &'a [u8],
    /// The issuer's signature, RSASSA-PKCS1-v1_5 with SHA-256.
    pub signature: &'a [u8],
}

impl<'a> KeyRecord<'a> {
    /// Reads the file; filler may follow.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse(file: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(file);
        let value = reader.expect(0xFF50)?;
        reader.end_or_filler()?;
        let mut reader = Reader::new(value);
        let (signed, key) = reader.expect_whole(0xDF51)?;
        let signature = reader.expect(0xDF52)?;
        reader.end()?;
        Ok(Self { key: CardPublicKey::parse(key)?, signed, signature })
    }
}

/// Writes EF 0007.
///
/// # Errors
/// [`RecordError`].
pub fn key_record_file(key: &CardPublicKey, issuer: Issuer<'_>) -> Result<Vec<u8>, RecordError> {
    let signed = write(0xDF51, &[&key.to_objects()?])?;
    let signature = write(0xDF52, &[&issuer.key.sign_pkcs1_sha256(&signed)?])?;
    Ok(write(0xFF50, &[&signed, &signature])?)
}

//! Card-verifiable certificates (facts §4.5): who vouches for the key that signs a card's files. They carry no time, no name
//! and no use: which authority signs for which application is told by its key identifier.

use musubi_crypto::CardKey;

use super::public_key::CardPublicKey;
use super::{KeyId, RecordError, exactly};
use crate::tlv::{Reader, write};

/// How the issuer security domain begins a certificate in GET DATA: the list of what follows (ISO 7816-4 8.5.1), which are
/// the issuer's identifier, the holder's, and the key.
const HEADER_LIST: [u8; 12] = [0x4D, 0x0A, 0x42, 0x10, 0x5F, 0x20, 0x10, 0x5F, 0x49, 0x82, 0x01, 0x09];

/// A certificate, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardCertificate<'a> {
    /// Key identifier of the authority.
    pub issuer: KeyId,
    /// Key identifier of the holder.
    pub holder: KeyId,
    /// Key of the holder.
    pub key: CardPublicKey,
    /// What is signed: the value of `5F4E`.
    pub signed: &'a [u8],
    /// The authority's signature, RSASSA-PKCS1-v1_5 with SHA-256.
    pub signature: &'a [u8],
}

impl<'a> CardCertificate<'a> {
    /// Reads EF 0004 of a 券面 application (`7F21`); filler may follow.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse(file: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(file);
        let value = reader.expect(0x7F21)?;
        reader.end_or_filler()?;
        Self::parse_objects(value)
    }

    /// Reads a data object of the issuer security domain (GET DATA `00F8`, `7F21`).
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse_data_object(object: &'a [u8]) -> Result<Self, RecordError> {
        let rest = object.strip_prefix(&HEADER_LIST).ok_or(RecordError::Value("header list"))?;
        Self::parse_objects(rest)
    }

    fn parse_objects(value: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(value);
        let signed = reader.expect(0x5F4E)?;
        let signature = reader.expect(0x5F37)?;
        reader.end()?;
        let ids = signed.split_at_checked(16).and_then(|(issuer, rest)| {
            let (holder, key) = rest.split_at_checked(16)?;
            Some((issuer, holder, key))
        });
        let (issuer, holder, key) = ids.ok_or(RecordError::Value("certificate"))?;
        Ok(Self {
            issuer: exactly(issuer, "key identifier")?,
            holder: exactly(holder, "key identifier")?,
            key: CardPublicKey::parse(key)?,
            signed,
            signature,
        })
    }
}

/// A certificate of `holder`, signed by the key of `issuer`, as EF 0004 holds it.
///
/// # Errors
/// [`RecordError`].
pub fn certificate_file(
    issuer: &KeyId,
    holder: &KeyId,
    key: &CardPublicKey,
    authority: &CardKey,
) -> Result<Vec<u8>, RecordError> {
    Ok(write(0x7F21, &[&objects(issuer, holder, key, authority)?])?)
}

/// The same as a data object of the issuer security domain.
///
/// # Errors
/// [`RecordError`].
pub fn certificate_data_object(
    issuer: &KeyId,
    holder: &KeyId,
    key: &CardPublicKey,
    authority: &CardKey,
) -> Result<Vec<u8>, RecordError> {
    Ok([HEADER_LIST.to_vec(), objects(issuer, holder, key, authority)?].concat())
}

fn objects(
    issuer: &KeyId,
    holder: &KeyId,
    key: &CardPublicKey,
    authority: &CardKey,
) -> Result<Vec<u8>, RecordError> {
    let signed = [issuer.as_slice(), holder, &key.to_objects()?].concat();
    let signature = authority.sign_pkcs1_sha256(&signed)?;
    Ok([write(0x5F4E, &[&signed])?, write(0x5F37, &[&signature])?].concat())
}

//! A detached CMS signature (RFC 5652) of CAdES-B-B (EN 319 122-1 6.3): one signer, the signer's certificate, and as signed
//! attributes the type and digest of the content, the time that the signer claims, and the reference to the certificate.
//! Written in DER. The value is the card's.

use std::time::Duration;

use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, GeneralizedTime, Null, SetOfVec, UintRef, UtcTime};
use der::{Any, Decode, Encode, Tag, TagNumber};
use musubi_crypto::{Sha256Digest, sha256};
use musubi_kernel::UnixTime;
use musubi_pki::{UnverifiedCertificate, oid as pki_oid};

use crate::messages::Condition;

/// `id-data` (RFC 5652 4).
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
/// `id-signedData` (RFC 5652 5.1).
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// `id-contentType` (RFC 5652 11.1).
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
/// `id-messageDigest` (RFC 5652 11.2).
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
/// `id-signingTime` (RFC 5652 11.3).
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
/// `id-aa-signingCertificateV2` (RFC 5035).
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// 2050-01-01: from here on times are written with four digits of the year (RFC 5652 11.3).
const GENERALIZED_FROM: UnixTime = UnixTime(2_524_608_000);

/// What is signed in the place of the content.
pub(super) struct SignedAttributes {
    /// `SET OF Attribute`, as it is signed.
    set: Vec<u8>,
}

/// No size here overflows and no time of a clock lies before 1970; were it otherwise, nothing is signed.
impl From<der::Error> for Condition {
    fn from(error: der::Error) -> Self {
        Self::CardFault(error.to_string())
    }
}

impl SignedAttributes {
    /// Over a content of this digest, for the certificate, at the time that the signer claims.
    pub(super) fn new(
        content: &Sha256Digest,
        certificate: &[u8],
        claimed_at: UnixTime,
    ) -> Result<Self, Condition> {
        let since = Duration::from_secs(u64::try_from(claimed_at.0).unwrap_or_default());
        let time = if claimed_at < GENERALIZED_FROM {
            UtcTime::from_unix_duration(since)?.to_der()?
        } else {
            GeneralizedTime::from_unix_duration(since)?.to_der()?
        };
        // ESSCertIDv2 without algorithm: SHA-256 is the default (RFC 5035 4).
        let id = sequence(&[tlv(Tag::OctetString, &sha256(certificate))?])?;
        let reference = sequence(&[sequence(&[id])?])?;
        let set = set_of(&[
            attribute(CONTENT_TYPE, DATA.to_der()?)?,
            attribute(MESSAGE_DIGEST, tlv(Tag::OctetString, content)?)?,
            attribute(SIGNING_TIME, time)?,
            attribute(SIGNING_CERTIFICATE_V2, reference)?,
        ])?;
        Ok(Self { set })
    }

    /// The bytes that the card's signature is over.
    pub(super) fn to_be_signed(&self) -> &[u8] {
        &self.set
    }

    /// The whole message, with the card's signature.
    pub(super) fn signed(
        &self,
        certificate: &UnverifiedCertificate<'_>,
        signature: &[u8],
    ) -> Result<Vec<u8>, Condition> {
        let sha256_identifier = sequence(&[pki_oid::SHA256.to_der()?])?;
        let issuer_and_serial = sequence(&[
            certificate.issuer().as_der().to_vec(),
            UintRef::new(certificate.serial().as_be_bytes())?.to_der()?,
        ])?;
        let signer = sequence(&[
            1_u8.to_der()?,
            issuer_and_serial,
            sha256_identifier.clone(),
            // IMPLICIT: the tag of the set alone is another than in what was signed (RFC 5652 5.4).
            tlv(context(0), AnyRef::from_der(&self.set)?.value())?,
            sequence(&[pki_oid::RSA_ENCRYPTION.to_der()?, Null.to_der()?])?,
            tlv(Tag::OctetString, signature)?,
        ])?;
        let signed_data = sequence(&[
            1_u8.to_der()?,
            set_of(&[sha256_identifier])?,
            // Detached: a type and no content.
            sequence(&[DATA.to_der()?])?,
            tlv(context(0), certificate.der())?,
            set_of(&[signer])?,
        ])?;
        Ok(sequence(&[SIGNED_DATA.to_der()?, tlv(context(0), &signed_data)?])?)
    }
}

fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

fn tlv(tag: Tag, value: &[u8]) -> Result<Vec<u8>, der::Error> {
    AnyRef::new(tag, value)?.to_der()
}

fn sequence(parts: &[Vec<u8>]) -> Result<Vec<u8>, der::Error> {
    tlv(Tag::Sequence, &parts.concat())
}

/// Sorted, as DER wants it.
fn set_of(parts: &[Vec<u8>]) -> Result<Vec<u8>, der::Error> {
    let parts: Vec<Any> = parts.iter().map(|part| Any::from_der(part)).collect::<Result<_, _>>()?;
    SetOfVec::try_from(parts)?.to_der()
}

fn attribute(id: ObjectIdentifier, value: Vec<u8>) -> Result<Vec<u8>, der::Error> {
    sequence(&[id.to_der()?, set_of(&[value])?])
}

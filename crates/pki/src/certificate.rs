//! X.509 certificates (RFC 5280 4.1), read strictly. Reading judges nothing: a parsed certificate is called
//! unverified because anyone can write one.

use std::fmt;

use const_oid::ObjectIdentifier;
use der::Tag;
use musubi_crypto::{PublicKey, SignatureAlgorithm};
use musubi_kernel::UnixTime;

use crate::asn1::{self, Elements, Malformed, constructed, signed, whole};
use crate::extensions::{AuthorityKeyIdentifier, Extensions};
use crate::key::SerialNumber;
use crate::name::DistinguishedName;
use crate::oid;

/// The largest certificate that is read, in bytes. The JPKI's have about 2 KiB.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;

/// Why bytes are no certificate. Carries no content of the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// More than [`MAX_CERTIFICATE_BYTES`].
    #[error("the certificate has {length} bytes; at most {limit} are read")]
    TooLarge {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not DER (X.690), or not the structure of RFC 5280 4.1.
    #[error("not a certificate in DER")]
    Malformed,
    /// Not version 3 (RFC 5280 4.1.2.1).
    #[error("the certificate is not of version 3")]
    Version,
    /// Zero, negative or longer than 20 octets (RFC 5280 4.1.2.2).
    #[error("the serial number is out of range")]
    SerialNumber,
    /// `signature` and `signatureAlgorithm` differ, or the parameters are wrong (RFC 5280 4.1.1.2).
    #[error("the signature algorithm is inconsistent")]
    SignatureAlgorithm,
    /// A date that does not exist or is written against RFC 5280 4.1.2.5, or an end before the beginning.
    #[error("the validity period is malformed")]
    Validity,
    /// The public key's bytes are malformed.
    #[error("the public key is malformed")]
    PublicKey,
    /// An extension occurs twice (RFC 5280 4.2).
    #[error("the extension {oid} occurs twice")]
    DuplicateExtension {
        /// Which.
        oid: ObjectIdentifier,
    },
    /// A known extension is malformed.
    #[error("the extension {oid} is malformed")]
    Extension {
        /// Which.
        oid: ObjectIdentifier,
    },
}

impl From<Malformed> for ParseError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// A well-formed public key that is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnusableKey {
    /// Neither RSA, P-256, P-384 nor Ed25519.
    Unsupported(ObjectIdentifier),
    /// RSA with a modulus of this many bits, outside what is ever verified (2048 to 8192).
    RsaBits(u32),
}

/// A parsed certificate of which nothing has been verified. Borrows from its DER.
#[derive(Clone)]
pub struct UnverifiedCertificate<'a> {
    der: &'a [u8],
    tbs: &'a [u8],
    signature: &'a [u8],
    signature_algorithm: Result<SignatureAlgorithm, ObjectIdentifier>,
    serial: SerialNumber,
    issuer: DistinguishedName<'a>,
    subject: DistinguishedName<'a>,
    not_before: UnixTime,
    not_after: UnixTime,
    public_key: Result<PublicKey, UnusableKey>,
    pub(crate) extensions: Extensions<'a>,
}

impl<'a> UnverifiedCertificate<'a> {
    /// Reads one certificate, all of `der`.
    ///
    /// # Errors
    /// [`ParseError`]. Critical extensions that are not understood are no error here; the judgement refuses
    /// them. So it does with algorithms and keys that are well-formed but not in the table.
    pub fn parse(der: &'a [u8]) -> Result<Self, ParseError> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(ParseError::TooLarge { length: der.len(), limit: MAX_CERTIFICATE_BYTES });
        }
        signed(der, |tbs, algorithm, signature| {
            whole(tbs.value, |fields| Self::read_fields(fields, der, tbs.raw, algorithm, signature))
        })
    }

    fn read_fields(
        fields: &mut Elements<'a>,
        der: &'a [u8],
        tbs: &'a [u8],
        outer_algorithm: asn1::Algorithm<'a>,
        signature: &'a [u8],
    ) -> Result<Self, ParseError> {
        let version = fields.optional(constructed(0))?.ok_or(ParseError::Version)?;
        if version.value != [0x02, 0x01, 0x02] {
            return Err(ParseError::Version);
        }
        let serial = fields.serial().map_err(|_| ParseError::SerialNumber)?;
        if fields.algorithm()?.raw != outer_algorithm.raw {
            return Err(ParseError::SignatureAlgorithm);
        }
        let signature_algorithm = outer_algorithm.signature().map_err(|_| ParseError::SignatureAlgorithm)?;
        let issuer = DistinguishedName::read(fields.name()?);
        let (not_before, not_after) = fields.inside(Tag::Sequence, |validity| {
            let mut time = || validity.time().map_err(|_| ParseError::Validity);
            Ok::<_, ParseError>((time()?, time()?))
        })?;
        if not_after < not_before {
            return Err(ParseError::Validity);
        }
        let subject = DistinguishedName::read(fields.name()?);
        let public_key = read_public_key(fields.element(Tag::Sequence)?)?;
        // Unique identifiers ([1], [2]) are refused with everything else that is not [3].
        let extensions = fields.inside(constructed(3), Extensions::read)?;
        Ok(Self {
            der,
            tbs,
            signature,
            signature_algorithm,
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            public_key,
            extensions,
        })
    }

    /// The bytes it was read from.
    #[must_use]
    pub fn der(&self) -> &'a [u8] {
        self.der
    }

    /// 発行の番号.
    #[must_use]
    pub fn serial(&self) -> &SerialNumber {
        &self.serial
    }

    /// The issuer's name.
    #[must_use]
    pub fn issuer(&self) -> DistinguishedName<'a> {
        self.issuer
    }

    /// The holder's name, personal.
    #[must_use]
    pub fn subject(&self) -> DistinguishedName<'a> {
        self.subject
    }

    /// The first second of the validity period.
    #[must_use]
    pub fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// The last second of the validity period.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// The algorithm with which the issuer signed, or its identifier if it is not in the table.
    ///
    /// # Errors
    /// The identifier of an algorithm that is not known.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, ObjectIdentifier> {
        self.signature_algorithm
    }

    /// The holder's public key.
    ///
    /// # Errors
    /// [`UnusableKey`] if it is of no kind that is verified.
    pub fn public_key(&self) -> Result<&PublicKey, UnusableKey> {
        self.public_key.as_ref().map_err(|e| *e)
    }

    /// The holder's public key, by value; `None` if it is of no kind that is verified.
    pub(crate) fn into_public_key(self) -> Option<PublicKey> {
        self.public_key.ok()
    }

    /// What the certificate says of its issuer's key.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&AuthorityKeyIdentifier<'a>> {
        self.extensions.authority_key_id.as_ref()
    }

    /// The identifier of the holder's key.
    #[must_use]
    pub fn subject_key_id(&self) -> Option<&'a [u8]> {
        self.extensions.subject_key_id
    }

    /// DER of the directory name of the partition in which this certificate's revocation is published.
    #[must_use]
    pub fn crl_distribution_point(&self) -> Option<&'a [u8]> {
        self.extensions.crl_distribution_point
    }

    /// Whether `key` signed this certificate, over the bytes as they came.
    pub(crate) fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.signature_algorithm
            .is_ok_and(|algorithm| key.verify(algorithm, self.tbs, self.signature).is_ok())
    }
}

impl fmt::Debug for UnverifiedCertificate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnverifiedCertificate(…)")
    }
}

pub(crate) fn read_public_key(spki: asn1::Element<'_>) -> Result<Result<PublicKey, UnusableKey>, ParseError> {
    let (algorithm, key) =
        whole(spki.value, |parts| Ok::<_, Malformed>((parts.algorithm()?, parts.bytes_of_bit_string()?)))
            .map_err(|_| ParseError::PublicKey)?;
    let parameters = algorithm.parameters.map(|p| p.raw);
    let curve = algorithm.parameters.and_then(|p| asn1::decode::<ObjectIdentifier>(p).ok());
    let key = match (algorithm.oid, curve) {
        (oid::RSA_ENCRYPTION, _) if parameters == Some(&[0x05, 0x00]) => return read_rsa(spki.raw, key),
        (oid::RSA_ENCRYPTION, _) => return Err(ParseError::PublicKey),
        (oid::EC_PUBLIC_KEY, Some(oid::SECP256R1)) => PublicKey::ec_p256(spki.raw),
        (oid::EC_PUBLIC_KEY, Some(oid::SECP384R1)) => PublicKey::ec_p384(spki.raw),
        (oid::ED25519, _) if algorithm.parameters.is_none() => PublicKey::ed25519(spki.raw),
        (_, Some(curve)) => return Ok(Err(UnusableKey::Unsupported(curve))),
        (other, None) => return Ok(Err(UnusableKey::Unsupported(other))),
    };
    key.map(Ok).map_err(|_| ParseError::PublicKey)
}

fn read_rsa(spki: &[u8], key: &[u8]) -> Result<Result<PublicKey, UnusableKey>, ParseError> {
    let (modulus, exponent) = whole(key, |outer| {
        outer.inside(Tag::Sequence, |parts| Ok::<_, Malformed>((parts.unsigned()?, parts.unsigned()?)))
    })
    .map_err(|_| ParseError::PublicKey)?;
    let top = modulus.first().copied().unwrap_or_default();
    let bits = u32::try_from(modulus.len())
        .unwrap_or(u32::MAX)
        .saturating_mul(8)
        .saturating_sub(top.leading_zeros());
    if !(2048..=8192).contains(&bits) {
        return Ok(Err(UnusableKey::RsaBits(bits)));
    }
    PublicKey::rsa(spki, modulus, exponent).map(Ok).map_err(|_| ParseError::PublicKey)
}

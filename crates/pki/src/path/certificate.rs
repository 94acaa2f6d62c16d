//! Certificates as general path validation reads them (RFC 5280 4): any version, any key, all extensions that
//! section 6 processes. More lenient than [`UnverifiedCertificate`](crate::UnverifiedCertificate) where RFC 5280
//! asks relying parties to be: negative and long serial numbers, GeneralizedTime before 2050. Judges nothing.

use const_oid::ObjectIdentifier;
use der::Tag;
use musubi_crypto::{PublicKey, SignatureAlgorithm};
use musubi_kernel::UnixTime;

use super::KeyUsage;
use super::extensions::PathExtensions;
use crate::asn1::{self, Elements, constructed, primitive, signed, whole};
use crate::certificate::{MAX_CERTIFICATE_BYTES, ParseError, UnusableKey, read_public_key};

/// A parsed certificate of which nothing has been verified. Borrows from its DER.
#[derive(Clone)]
pub struct PathCertificate<'a> {
    /// All of it.
    pub der: &'a [u8],
    /// What the issuer signed.
    pub tbs: &'a [u8],
    /// The issuer's signature.
    pub signature: &'a [u8],
    /// With what the issuer signed, or the identifier of an algorithm that is not in the table. May be SHA-1.
    pub signature_algorithm: Result<SignatureAlgorithm, ObjectIdentifier>,
    /// 1, 2 or 3.
    pub version: u8,
    /// The content octets of the serial number's INTEGER, as they stand; may be negative.
    pub serial: &'a [u8],
    /// DER of the issuer's name.
    pub issuer: &'a [u8],
    /// DER of the subject's name; may be the empty sequence.
    pub subject: &'a [u8],
    /// The first second of the validity period.
    pub not_before: UnixTime,
    /// The last second of the validity period.
    pub not_after: UnixTime,
    /// The content of the public key's BIT STRING: what an OCSP `issuerKeyHash` is over.
    pub key_bits: &'a [u8],
    /// The key, if it is of a kind that is verified.
    pub public_key: Result<PublicKey, UnusableKey>,
    /// The extensions; empty below version 3.
    pub extensions: PathExtensions<'a>,
    /// Compared once, since names can be long and the question is asked often.
    is_self_issued: bool,
}

impl<'a> PathCertificate<'a> {
    /// Reads one certificate, all of `der`.
    ///
    /// # Errors
    /// [`ParseError`]. Critical extensions that are not understood, algorithms and keys that are not in the table are
    /// no error here.
    pub fn parse(der: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse_with_key(der, None)
    }

    /// [`parse`](Self::parse) of a certificate whose key may have been read before: `known` is taken if it is the one
    /// that stands there, byte by byte.
    pub(super) fn parse_with_key(der: &'a [u8], known: Option<&PublicKey>) -> Result<Self, ParseError> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(ParseError::TooLarge { length: der.len(), limit: MAX_CERTIFICATE_BYTES });
        }
        signed(der, |tbs, algorithm, signature| {
            whole(tbs.value, |fields| Self::read_fields(fields, (der, tbs.raw), algorithm, signature, known))
        })
    }

    fn read_fields(
        fields: &mut Elements<'a>,
        (der, tbs): (&'a [u8], &'a [u8]),
        outer_algorithm: asn1::Algorithm<'a>,
        signature: &'a [u8],
        known: Option<&PublicKey>,
    ) -> Result<Self, ParseError> {
        let version = match fields.optional(constructed(0))?.map(|e| e.value) {
            None => 1,
            Some([0x02, 0x01, 0x01]) => 2,
            Some([0x02, 0x01, 0x02]) => 3,
            Some(_) => return Err(ParseError::Version),
        };
        let serial = fields.element(Tag::Integer)?.value;
        if serial.is_empty() || serial.len() > 21 {
            return Err(ParseError::SerialNumber);
        }
        if fields.algorithm()?.raw != outer_algorithm.raw {
            return Err(ParseError::SignatureAlgorithm);
        }
        let signature_algorithm =
            outer_algorithm.signature_or_sha1().map_err(|_| ParseError::SignatureAlgorithm)?;
        let issuer = fields.name()?;
        let (not_before, not_after) = fields.inside(Tag::Sequence, |validity| {
            let mut time = || validity.time_of_any_form().map_err(|_| ParseError::Validity);
            Ok::<_, ParseError>((time()?, time()?))
        })?;
        let subject = fields.name()?;
        let spki = fields.element(Tag::Sequence)?;
        let key_bits = whole(spki.value, |parts| {
            parts.algorithm()?;
            parts.bytes_of_bit_string()
        })
        .map_err(|_| ParseError::PublicKey)?;
        let public_key = match known.filter(|key| key.spki_der() == spki.raw) {
            Some(key) => Ok(key.clone()),
            None => read_public_key(spki)?,
        };
        fields.optional(primitive(1))?;
        fields.optional(primitive(2))?;
        let extensions = match fields.optional(constructed(3))? {
            Some(list) if version == 3 => whole(list.value, PathExtensions::read)?,
            Some(_) => return Err(ParseError::Version),
            None => PathExtensions::default(),
        };
        Ok(Self {
            der,
            tbs,
            signature,
            signature_algorithm,
            version,
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            key_bits,
            public_key,
            extensions,
            is_self_issued: super::general_name::same_name(issuer, subject),
        })
    }

    /// Whether issuer and subject are the same name (RFC 5280 3.2).
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.is_self_issued
    }

    /// Whether `keyUsage` permits this; without the extension everything is permitted.
    #[must_use]
    pub fn permits(&self, usage: KeyUsage) -> bool {
        self.extensions.key_usage.is_none_or(|bits| bits & (1 << usage as u16) != 0)
    }

    /// Whether `key` signed this certificate, over the bytes as they came.
    pub(crate) fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.signature_algorithm
            .is_ok_and(|algorithm| key.verify(algorithm, self.tbs, self.signature).is_ok())
    }
}

impl std::fmt::Debug for PathCertificate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PathCertificate(…)")
    }
}

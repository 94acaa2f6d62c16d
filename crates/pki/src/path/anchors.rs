//! Trust anchors of general paths: a name and a key each (RFC 5280 6.1.1 (d)), however they came to be trusted. The
//! certificate that brings them need not be self-signed and its own signature is not judged; its validity period,
//! `basicConstraints` and `keyUsage` are honoured, since EN 319 102-1 5.2.6 lets anchors be limited in time and an end
//! entity's certificate must not become an authority by being trusted. Its name constraints, policies and path length
//! are not (RFC 5937 would let them be): the policy of the judgement says what is asked.

use musubi_crypto::PublicKey;
use musubi_kernel::UnixTime;

use super::KeyUsage;
use super::certificate::PathCertificate;
use super::general_name::ComparableName;
use crate::TrustAnchors;
use crate::asn1::Malformed;
use crate::certificate::{ParseError, UnusableKey};

/// The most anchors of one set.
const MAX_ANCHORS: usize = 1_000;

/// Why certificates are no set of trust anchors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathAnchorError {
    /// One cannot be read.
    #[error("the trust anchor at position {position} cannot be read: {error}")]
    Certificate {
        /// Which, from 0.
        position: usize,
        /// Why.
        error: ParseError,
    },
    /// More than 1000.
    #[error("there are more than 1000 trust anchors")]
    TooMany,
}

/// A name and a key that are trusted, with the certificate that brought them.
#[derive(Clone)]
pub struct PathAnchor {
    pub(super) der: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) comparable_name: ComparableName,
    pub(super) key: Result<PublicKey, UnusableKey>,
    pub(super) key_bits: Vec<u8>,
    pub(super) key_id: Option<Vec<u8>>,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
    pub(super) is_authority: bool,
    pub(super) may_sign_crls: bool,
}

impl PathAnchor {
    fn of(certificate: &PathCertificate<'_>) -> Result<Self, Malformed> {
        let extensions = &certificate.extensions;
        // Versions 1 and 2 have no way to say it; whoever trusts one says it for them.
        let is_ca = certificate.version < 3 || extensions.basic_constraints.is_some_and(|b| b.is_ca);
        Ok(Self {
            der: certificate.der.to_vec(),
            name: certificate.subject.to_vec(),
            comparable_name: ComparableName::read(certificate.subject)?,
            key: certificate.public_key.clone(),
            key_bits: certificate.key_bits.to_vec(),
            key_id: extensions.subject_key_id.map(<[u8]>::to_vec),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            is_authority: is_ca && certificate.permits(KeyUsage::KeyCertSign),
            may_sign_crls: certificate.permits(KeyUsage::CrlSign),
        })
    }

    /// Its certificate.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// DER of its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }
}

impl std::fmt::Debug for PathAnchor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PathAnchor(…)")
    }
}

/// A set of trust anchors; an empty one trusts nobody.
#[derive(Debug, Clone, Default)]
pub struct PathAnchors {
    pub(super) anchors: Vec<PathAnchor>,
}

impl PathAnchors {
    /// The names and keys of these certificates, DER each. One that is given twice counts once.
    ///
    /// # Errors
    /// [`PathAnchorError`]. A key that is of no kind that is verified is no error here: the algorithm policy refuses
    /// what stands under it.
    pub fn from_certificates(
        certificates: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<Self, PathAnchorError> {
        let mut anchors: Vec<PathAnchor> = Vec::new();
        for (position, der) in certificates.into_iter().enumerate() {
            let refused = |error| PathAnchorError::Certificate { position, error };
            let certificate = PathCertificate::parse(der.as_ref()).map_err(refused)?;
            if anchors.len() == MAX_ANCHORS {
                return Err(PathAnchorError::TooMany);
            }
            if anchors.iter().all(|anchor| anchor.der != certificate.der) {
                anchors.push(PathAnchor::of(&certificate).map_err(|error| refused(error.into()))?);
            }
        }
        Ok(Self { anchors })
    }

    /// Every anchor.
    #[must_use]
    pub fn anchors(&self) -> &[PathAnchor] {
        &self.anchors
    }
}

impl From<&TrustAnchors> for PathAnchors {
    /// Every generation of the JPKI's authorities.
    fn from(jpki: &TrustAnchors) -> Self {
        // They were read more strictly than here, so each can be read.
        let certificates = jpki.anchors().iter().filter_map(|a| PathCertificate::parse(a.der()).ok());
        Self { anchors: certificates.filter_map(|certificate| PathAnchor::of(&certificate).ok()).collect() }
    }
}

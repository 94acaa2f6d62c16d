//! Certificate revocation lists (RFC 5280 5), verified. A [`VerifiedRevocationList`] exists only through
//! verification under a trust anchor. Whether it is fresh enough is for the judgement to say.

use std::fmt;

use const_oid::ObjectIdentifier;
use musubi_crypto::{Sha256Digest, sha256};
use musubi_kernel::UnixTime;

use crate::anchors::{Anchor, Issuer, TrustAnchors};
use crate::asn1::Malformed;
use crate::certificate::UnverifiedCertificate;
use crate::entries::{DuplicateSerial, Entries, EntryStatus, RevokedEntry};
use crate::key::{AuthorityKind, SerialNumber};
use crate::revocation_list_reader::{UnverifiedList, read_entries};

/// A limit that lets the largest list through that the JPKI could need (some 50 million entries), in bytes.
pub const MAX_LIST_BYTES: usize = 2 << 30;

/// Why a revocation list is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// More bytes than the caller allows.
    #[error("the list has {length} bytes; at most {limit} are read")]
    TooLarge {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not DER, or not the structure of RFC 5280 5.1.
    #[error("not a revocation list in DER")]
    Malformed,
    /// Not version 2 (RFC 5280 5.1.2.1).
    #[error("the list is not of version 2")]
    Version,
    /// `signature` and `signatureAlgorithm` differ, or the parameters are wrong (RFC 5280 5.1.1.2).
    #[error("the signature algorithm is inconsistent")]
    SignatureAlgorithm,
    /// Signed with an algorithm that is not in the table.
    #[error("the signature algorithm {oid} is not accepted")]
    UnsupportedAlgorithm {
        /// Which.
        oid: ObjectIdentifier,
    },
    /// No trust anchor has the issuer's name and key.
    #[error("the list's issuer is not a trust anchor")]
    UnknownIssuer,
    /// The issuer did not sign it.
    #[error("the list's signature does not verify")]
    BadSignature,
    /// `nextUpdate` is absent: such a list could never become too old.
    #[error("the list has no nextUpdate")]
    NextUpdateMissing,
    /// `nextUpdate` is not after `thisUpdate`.
    #[error("the list's times are out of order")]
    TimesOutOfOrder,
    /// `cRLNumber` is absent, or larger than 64 bits.
    #[error("the list has no usable number")]
    Number,
    /// An extension of the list or of an entry occurs twice.
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
    /// An unknown critical extension of the list (RFC 5280 5.2).
    #[error("the list has the unknown critical extension {oid}")]
    UnknownCriticalExtension {
        /// Which.
        oid: ObjectIdentifier,
    },
    /// An unknown critical extension of an entry (RFC 5280 5.3): the whole list is unusable.
    #[error("an entry has the unknown critical extension {oid}")]
    UnknownCriticalEntryExtension {
        /// Which.
        oid: ObjectIdentifier,
    },
    /// A delta list (RFC 5280 5.2.4).
    #[error("delta lists are not supported")]
    DeltaUnsupported,
    /// A list with entries of other issuers.
    #[error("indirect lists are not supported")]
    IndirectUnsupported,
    /// A list for user, authority or attribute certificates only.
    #[error("lists that contain only some kinds of certificates are not supported")]
    OnlyContainsUnsupported,
    /// A list for some revocation reasons only: absence from it would mean little.
    #[error("lists for some reasons only are not supported")]
    OnlySomeReasonsUnsupported,
    /// `issuingDistributionPoint` is not critical, or names something other than one directory name.
    #[error("the issuing distribution point is not one directory name")]
    DistributionPointUnsupported,
    /// `removeFromCRL` in a complete list (RFC 5280 5.3.1); the JPKI never releases a hold.
    #[error("removeFromCRL in a complete list")]
    RemoveFromCrl,
    /// A reason code that RFC 5280 does not define.
    #[error("unknown reason code {code}")]
    Reason {
        /// The ENUMERATED value.
        code: u8,
    },
    /// A certificate is listed twice.
    #[error("a certificate is listed twice")]
    DuplicateEntry,
}

impl From<Malformed> for CrlError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<DuplicateSerial> for CrlError {
    fn from(_: DuplicateSerial) -> Self {
        Self::DuplicateEntry
    }
}

/// Which certificates of its issuer a list is about.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ListScope {
    /// All.
    Full,
    /// Those whose CRL distribution point is this directory name (DER).
    Partition(Vec<u8>),
}

impl ListScope {
    /// The directory name of a partition, DER.
    #[must_use]
    pub fn partition(&self) -> Option<&[u8]> {
        match self {
            Self::Full => None,
            Self::Partition(name) => Some(name),
        }
    }
}

impl fmt::Debug for ListScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Full { "Full" } else { "Partition(…)" })
    }
}

/// A revocation list that an authority signed.
#[derive(Clone)]
pub struct VerifiedRevocationList {
    authority: AuthorityKind,
    key_id: String,
    issuer_fingerprint: Sha256Digest,
    issuer_name: Vec<u8>,
    scope: ListScope,
    number: u64,
    this_update: UnixTime,
    next_update: UnixTime,
    sha256: Sha256Digest,
    entries: Entries,
}

impl VerifiedRevocationList {
    /// Reads and verifies one complete list, all of `der`, of at most `limit` bytes. The signature is verified
    /// before the first entry is read. Keeps 16 bytes per entry (32 if the serial number has more than 64
    /// bits) and not the DER.
    ///
    /// # Errors
    /// [`CrlError`].
    pub fn parse_and_verify(der: &[u8], anchors: &TrustAnchors, limit: usize) -> Result<Self, CrlError> {
        if der.len() > limit {
            return Err(CrlError::TooLarge { length: der.len(), limit });
        }
        let list = UnverifiedList::parse(der)?;
        let algorithm = list.signature_algorithm.map_err(|oid| CrlError::UnsupportedAlgorithm { oid })?;
        let verifies =
            |key: &musubi_crypto::PublicKey| key.verify(algorithm, list.tbs, list.signature).is_ok();
        let anchor = match anchors.issuer(list.issuer, list.authority_key_id.as_ref(), verifies) {
            Issuer::Found(anchor) => anchor,
            Issuer::BadSignature => return Err(CrlError::BadSignature),
            Issuer::UnknownName | Issuer::UnknownKey => return Err(CrlError::UnknownIssuer),
        };
        Ok(Self {
            authority: anchor.kind(),
            key_id: anchor.key_id(),
            issuer_fingerprint: *anchor.fingerprint(),
            issuer_name: anchor.name().to_vec(),
            scope: list.partition.map_or(ListScope::Full, |name| ListScope::Partition(name.to_vec())),
            number: list.number,
            this_update: list.this_update,
            next_update: list.next_update,
            sha256: sha256(der),
            entries: read_entries(list.revoked)?,
        })
    }

    /// The authority that issued it.
    #[must_use]
    pub fn authority(&self) -> AuthorityKind {
        self.authority
    }

    /// The key identifier of the issuing generation, lower-case hex.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Which certificates it is about.
    #[must_use]
    pub fn scope(&self) -> &ListScope {
        &self.scope
    }

    /// `cRLNumber`.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When it was issued.
    #[must_use]
    pub fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// By when there is a newer one.
    #[must_use]
    pub fn next_update(&self) -> UnixTime {
        self.next_update
    }

    /// SHA-256 of its DER.
    #[must_use]
    pub fn sha256(&self) -> &Sha256Digest {
        &self.sha256
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it lists nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// What it says of a serial number. Means something only for a certificate that it covers.
    #[must_use]
    pub fn status_of(&self, serial: &SerialNumber) -> EntryStatus {
        self.entries.status_of(serial)
    }

    /// Its entries, in the order of serial numbers.
    pub fn iter(&self) -> impl Iterator<Item = RevokedEntry> + '_ {
        self.entries.iter()
    }

    /// Whether it is about this certificate, going by what the certificate says of its issuer: the same name,
    /// the same key, and the same partition unless the list is full.
    #[must_use]
    pub fn covers(&self, certificate: &UnverifiedCertificate<'_>) -> bool {
        let key_id = certificate.authority_key_id().and_then(|id| id.key_id);
        certificate.issuer().as_der() == self.issuer_name
            && key_id.is_some_and(|id| hex::encode(id) == self.key_id)
            && self.is_in_scope(certificate)
    }

    /// Whether it is about this certificate, which `issuer` is known to have signed.
    pub(crate) fn covers_issued_by(&self, issuer: &Anchor, certificate: &UnverifiedCertificate<'_>) -> bool {
        self.issuer_fingerprint == *issuer.fingerprint() && self.is_in_scope(certificate)
    }

    fn is_in_scope(&self, certificate: &UnverifiedCertificate<'_>) -> bool {
        match &self.scope {
            ListScope::Full => true,
            ListScope::Partition(name) => certificate.crl_distribution_point() == Some(name),
        }
    }
}

impl fmt::Debug for VerifiedRevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedRevocationList")
            .field("authority", &self.authority)
            .field("key_id", &self.key_id)
            .field("number", &self.number)
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}

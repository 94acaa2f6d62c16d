//! Why a revocation list is not accepted.

use const_oid::ObjectIdentifier;

use crate::asn1::Malformed;
use crate::source::SourceError;
use crate::status_set::DuplicateSerial;

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
    /// A delta list (RFC 5280 5.2.4) where a complete one is needed.
    #[error("a delta list is no complete list")]
    DeltaUnsupported,
    /// A complete list where a delta is needed.
    #[error("the list is no delta list")]
    NotADelta,
    /// The delta is of another issuer, key or scope than the list, begins behind it, or is not newer.
    #[error("the delta list does not go on from this list")]
    DeltaDoesNotApply,
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
    /// An entry is longer than any that is read.
    #[error("an entry of the list is too long")]
    EntryTooLarge,
    /// The bytes could not be read, or changed while they were read.
    #[error("the list could not be read")]
    Source,
    /// Whoever had it read ended the reading.
    #[error("the reading of the list was ended")]
    Cancelled,
}

impl From<SourceError> for CrlError {
    fn from(_: SourceError) -> Self {
        Self::Source
    }
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

//! Certificate revocation lists (RFC 5280 5), verified. A [`VerifiedRevocationList`] exists only through
//! verification under a trust anchor; or, for one serial number alone, through a proof against what somebody vouched
//! for ([`VerifiedRevocationList::proven`]). Whether it is fresh enough is for the judgement to say.

use std::fmt;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use const_oid::ObjectIdentifier;
use musubi_crypto::{Sha256Digest, sha256};
use musubi_kernel::UnixTime;

use crate::anchors::{Anchor, Issuer, TrustAnchors};
use crate::asn1::Malformed;
use crate::certificate::UnverifiedCertificate;
use crate::entries::{DuplicateSerial, Entries, EntryStatus, RevokedEntry};
use crate::key::{AuthorityKind, RevocationReason, SerialNumber};
use crate::list_tree::{ListCommitment, ListTree, StatusProof, UnprovenList, order};
use crate::revocation_list_reader::{UnverifiedList, read_entries};
use crate::source::{Digests, Phase, Progress, Report, Sealed, Source, SourceError};

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

/// Why sealed bytes are not a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// Their digest is not the one that was recorded.
    #[error("the sealed list is not the one that was recorded")]
    Digest,
    /// Another version of the form: seal the list anew.
    #[error("the sealed list has another version")]
    Version,
    /// Not a sealed list, or one whose parts do not fit together.
    #[error("not a sealed list")]
    Malformed,
    /// The issuer is none of the trusted authorities.
    #[error("the sealed list's issuer is not a trust anchor")]
    UnknownIssuer,
}

/// What differs between two lists of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// The certificate's serial number.
    pub serial: SerialNumber,
    /// When and why it was revoked by the older list; `None` if that did not name it.
    pub before: Option<(UnixTime, RevocationReason)>,
    /// The same by the newer list.
    pub after: Option<(UnixTime, RevocationReason)>,
}

/// What is known of the entries.
#[derive(Clone)]
enum Known {
    /// All of them, and the tree over them once it was asked for.
    All(Entries, OnceLock<Arc<ListTree>>),
    /// What the list says of one serial number, and how many entries it has.
    One { serial: SerialNumber, status: EntryStatus, entries: usize },
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
    known: Known,
    sealed: Option<Sealed>,
}

impl VerifiedRevocationList {
    /// Reads and verifies one complete list, in several passes and in bounded memory.
    ///
    /// # Errors
    /// [`CrlError`].
    pub fn read_and_verify(
        source: &dyn Source,
        _digests: Option<Digests>,
        anchors: &TrustAnchors,
        limit: u64,
        progress: &mut Report<'_>,
    ) -> Result<Self, CrlError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let length = usize::try_from(source.len()).unwrap_or(usize::MAX);
        if length > limit {
            return Err(CrlError::TooLarge { length, limit });
        }
        let mut der = vec![0; length];
        source.read_at(0, &mut der)?;
        let told = Progress { phase: Phase::Digest, done: source.len(), total: source.len() };
        if progress(told).is_break() {
            return Err(CrlError::Cancelled);
        }
        Self::parse_and_verify(&der, anchors, limit)
    }

    /// The list in its sealed form, to be kept in a file; `None` if it is known only by a proof.
    #[must_use]
    pub fn sealed(&self) -> Option<&[u8]> {
        self.sealed.as_ref().map(|bytes| (**bytes).as_ref())
    }

    /// SHA-256 of [`sealed`](Self::sealed).
    #[must_use]
    pub fn sealed_sha256(&self) -> Option<Sha256Digest> {
        self.sealed().map(sha256)
    }

    /// A list from its sealed form. **Takes the recorder's word**: that the list was verified when it was sealed rests on
    /// whoever recorded `expected`, the authority's signature is not verified again.
    ///
    /// # Errors
    /// [`SealedError`].
    pub fn from_sealed(
        bytes: Sealed,
        expected: &Sha256Digest,
        anchors: &TrustAnchors,
    ) -> Result<Self, SealedError> {
        if sha256((*bytes).as_ref()) != *expected {
            return Err(SealedError::Digest);
        }
        Self::parse_and_verify((*bytes).as_ref(), anchors, MAX_LIST_BYTES).map_err(|error| match error {
            CrlError::UnknownIssuer => SealedError::UnknownIssuer,
            _ => SealedError::Malformed,
        })
    }

    /// What this list says otherwise than an older one, in the order of serial numbers; nothing if either is known only by
    /// a proof.
    pub fn changes_since(&self, older: &Self) -> impl Iterator<Item = StatusChange> {
        let all = |list: &Self| list.iter().map(|e| (order(&e.serial), (e.serial, (e.at, e.reason)))).collect();
        let (mut old, new): (BTreeMap<_, _>, BTreeMap<_, _>) = (all(older), all(self));
        let mut changes = BTreeMap::new();
        for (place, (serial, fact)) in new {
            let before = old.remove(&place).map(|(_, fact)| fact);
            if before != Some(fact) {
                changes.insert(place, StatusChange { serial, before, after: Some(fact) });
            }
        }
        for (place, (serial, fact)) in old {
            changes.insert(place, StatusChange { serial, before: Some(fact), after: None });
        }
        changes.into_values()
    }

    /// [`status_of`](Self::status_of) of many serial numbers, in their order.
    #[must_use]
    pub fn statuses_of(&self, serials: &[SerialNumber]) -> Vec<EntryStatus> {
        serials.iter().map(|serial| self.status_of(serial)).collect()
    }

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
            known: Known::All(read_entries(list.revoked)?, OnceLock::new()),
            sealed: Some(Arc::new(der.to_vec())),
        })
    }

    /// A list of which only the word on one serial number is known, by a proof against a commitment. For the replay of
    /// a judgement: whoever calls this **takes the commitment on its maker's word**, the authority's signature is not
    /// verified. It covers the certificate with that serial number and no other.
    ///
    /// # Errors
    /// [`UnprovenList`].
    pub fn proven(
        commitment: &ListCommitment,
        serial: &SerialNumber,
        proof: &StatusProof,
        anchors: &TrustAnchors,
    ) -> Result<Self, UnprovenList> {
        let anchor = anchors.anchors().iter().find(|anchor| mark(anchor.fingerprint()) == commitment.issuer);
        let anchor = anchor.ok_or(UnprovenList::UnknownIssuer)?;
        if commitment.next_update <= commitment.this_update {
            return Err(UnprovenList::TimesOutOfOrder);
        }
        let status = proof.status(commitment, serial).map_err(|_| UnprovenList::Proof)?;
        let entries = usize::try_from(commitment.entries).map_err(|_| UnprovenList::Proof)?;
        Ok(Self {
            authority: anchor.kind(),
            key_id: anchor.key_id(),
            issuer_fingerprint: *anchor.fingerprint(),
            issuer_name: anchor.name().to_vec(),
            scope: commitment.scope.clone(),
            number: commitment.number,
            this_update: commitment.this_update,
            next_update: commitment.next_update,
            sha256: commitment.sha256,
            known: Known::One { serial: serial.clone(), status, entries },
            sealed: None,
        })
    }

    /// The proof of what it says of `serial`; `None` if the list is itself known only by a proof. The first call hashes
    /// every entry, as [`ListCommitment::of`] does.
    #[must_use]
    pub fn prove(&self, serial: &SerialNumber) -> Option<StatusProof> {
        match &self.known {
            Known::All(entries, _) => Some(self.tree()?.prove(entries, serial)),
            Known::One { .. } => None,
        }
    }

    pub(crate) fn tree(&self) -> Option<&ListTree> {
        match &self.known {
            Known::All(entries, tree) => Some(tree.get_or_init(|| Arc::new(ListTree::over(entries)))),
            Known::One { .. } => None,
        }
    }

    /// The first 8 bytes of the SHA-256 of the issuing authority's certificate.
    pub(crate) fn issuer_mark(&self) -> [u8; 8] {
        mark(&self.issuer_fingerprint)
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
        match &self.known {
            Known::All(entries, _) => entries.len(),
            Known::One { entries, .. } => *entries,
        }
    }

    /// Whether it lists nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it says of a serial number. Means something only for a certificate that it covers.
    #[must_use]
    pub fn status_of(&self, serial: &SerialNumber) -> EntryStatus {
        match &self.known {
            Known::All(entries, _) => entries.status_of(serial),
            Known::One { serial: proven, status, .. } if proven == serial => *status,
            Known::One { .. } => EntryStatus::NotListed,
        }
    }

    /// Its entries, in the order of serial numbers; none of a list that is known only by a proof.
    pub fn iter(&self) -> impl Iterator<Item = RevokedEntry> + '_ {
        let entries = match &self.known {
            Known::All(entries, _) => Some(entries),
            Known::One { .. } => None,
        };
        entries.into_iter().flat_map(Entries::iter)
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
        if matches!(&self.known, Known::One { serial, .. } if serial != certificate.serial()) {
            return false;
        }
        match &self.scope {
            ListScope::Full => true,
            ListScope::Partition(name) => certificate.crl_distribution_point() == Some(name),
        }
    }
}

fn mark(fingerprint: &Sha256Digest) -> [u8; 8] {
    fingerprint.first_chunk().copied().unwrap_or_default()
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

//! Certificate revocation lists (RFC 5280 5), verified. A [`VerifiedRevocationList`] exists only through
//! verification under a trust anchor; or from its sealed form, on the word of whoever recorded that
//! ([`VerifiedRevocationList::from_sealed`]); or, for one serial number alone, through a proof against what somebody vouched
//! for ([`VerifiedRevocationList::proven`]). Whether it is fresh enough is for the judgement to say.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use musubi_crypto::{Sha256Digest, sha256, sha256_parts};
use musubi_kernel::UnixTime;

use crate::anchors::{Anchor, TrustAnchors};
use crate::certificate::UnverifiedCertificate;
use crate::crl_error::CrlError;
use crate::delta_list::VerifiedDeltaList;
use crate::entries::{EntryStatus, RevokedEntry, revoked};
use crate::key::{AuthorityKind, RevocationReason, SerialNumber};
use crate::list_description::Description;
use crate::list_tree::{self, ListCommitment, StatusProof, UnprovenList};
use crate::revocation_list_reader::{Pieces, Told, Wanted, read_entries, verify};
use crate::source::{Digests, Report, Sealed, Source};
use crate::status_set::{
    Changes, Cursor, Fact, Key, Moment, SealedError, SerialSet, Shared, StatusSet, View, narrow,
};

/// A limit that lets the largest list through that the JPKI could need (some 50 million entries), in bytes.
pub const MAX_LIST_BYTES: usize = 2 << 30;

/// Before the digests that name a list made by a delta, so that no DER has that name.
const MADE_BY_DELTA: &[u8] = b"musubi.list-by-delta\0";

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

/// Which lists a list was put together from (RFC 5280 5.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaOrigin {
    /// `cRLNumber` of the list that the delta was applied to.
    pub base_number: u64,
    /// SHA-256 of the delta's DER.
    pub delta_sha256: Sha256Digest,
}

/// What is known of the entries.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "lists stand behind an Arc, and there are few")]
enum Known {
    /// All of them, and the digest of their sealed form once it was asked for.
    All(StatusSet, OnceLock<Sha256Digest>),
    /// What the list says of one serial number, and how many entries it has.
    One { serial: SerialNumber, status: EntryStatus, entries: usize },
}

/// A revocation list that an authority signed.
#[derive(Clone)]
pub struct VerifiedRevocationList {
    authority: AuthorityKind,
    key_id: String,
    issuer_name: Vec<u8>,
    told: Description,
    known: Known,
}

impl VerifiedRevocationList {
    /// Reads and verifies one complete list, all of `der`, of at most `limit` bytes. For lists in memory; as
    /// [`read_and_verify`](Self::read_and_verify).
    ///
    /// # Errors
    /// [`CrlError`].
    pub fn parse_and_verify(der: &[u8], anchors: &TrustAnchors, limit: usize) -> Result<Self, CrlError> {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        Self::read_and_verify(&der, None, anchors, limit, &mut |_| ControlFlow::Continue(()))
    }

    /// Reads and verifies one complete list of at most `limit` bytes, in memory that its set takes and a few megabytes. The
    /// signature is verified before the first entry is read; then the entries are read twice. Two threads hash.
    ///
    /// `digests` are those that a [`Digester`](crate::Digester) made of the same bytes while they arrived; without them the
    /// bytes are read once more. The caller vouches that the source holds what the digester was given, and does not change.
    /// `progress` is told every megabyte how far it is, and may end it.
    ///
    /// # Errors
    /// [`CrlError`].
    pub fn read_and_verify(
        source: &dyn Source,
        digests: Option<Digests>,
        anchors: &TrustAnchors,
        limit: u64,
        progress: &mut Report<'_>,
    ) -> Result<Self, CrlError> {
        let read = read_list(source, digests, Wanted::Complete, anchors, limit, progress)?;
        Ok(Self::of(read.anchor, read.told, read.set))
    }

    fn of(anchor: &Anchor, told: Description, set: StatusSet) -> Self {
        Self {
            authority: anchor.kind(),
            key_id: anchor.key_id(),
            issuer_name: anchor.name().to_vec(),
            told,
            known: Known::All(set, OnceLock::new()),
        }
    }

    /// The list in its sealed form, to be kept in a file; `None` if it is known only by a proof.
    #[must_use]
    pub fn sealed(&self) -> Option<&[u8]> {
        self.set().map(StatusSet::bytes)
    }

    /// SHA-256 of [`sealed`](Self::sealed). The first call hashes it.
    #[must_use]
    pub fn sealed_sha256(&self) -> Option<Sha256Digest> {
        match &self.known {
            Known::All(set, digest) => Some(*digest.get_or_init(|| sha256(set.bytes()))),
            Known::One { .. } => None,
        }
    }

    /// A list from its sealed form. **Takes the recorder's word**: that the list was verified before it was sealed rests on
    /// whoever recorded `expected`; the authority's signature is not verified again. Hashes all bytes.
    ///
    /// # Errors
    /// [`SealedError`]; a list of an issuer that is trusted no more is refused.
    pub fn from_sealed(
        bytes: Sealed,
        expected: &Sha256Digest,
        anchors: &TrustAnchors,
    ) -> Result<Self, SealedError> {
        if sha256((*bytes).as_ref()) != *expected {
            return Err(SealedError::Digest);
        }
        let set = StatusSet::open(bytes)?;
        let told = Description::decode(set.description()).ok_or(SealedError::Malformed)?;
        let anchor = anchors.anchors().iter().find(|anchor| *anchor.fingerprint() == told.issuer);
        let list = Self::of(anchor.ok_or(SealedError::UnknownIssuer)?, told, set);
        if let Known::All(_, digest) = &list.known {
            digest.get_or_init(|| *expected);
        }
        Ok(list)
    }

    /// The list that follows from this one by a delta (RFC 5280 5.2.4): its entries, less those that the delta removes, with
    /// those that it adds or changes. Number and times are the delta's. The delta must be of the same issuer, key and scope,
    /// begin at this list's number or before, and be newer. This list and the delta were verified; the result has no DER,
    /// and [`sha256`](Self::sha256) names it by those of both.
    ///
    /// # Errors
    /// [`CrlError::DeltaDoesNotApply`]; [`CrlError::Source`] if this list is known only by a proof.
    pub fn apply_delta(&self, delta: &VerifiedDeltaList) -> Result<Self, CrlError> {
        let set = self.set().ok_or(CrlError::Source)?;
        let change = &delta.told;
        let goes_on = change.issuer == self.told.issuer
            && change.scope == self.told.scope
            && delta.base_number() <= self.told.number
            && self.told.number < change.number
            && self.told.this_update <= change.this_update;
        if !goes_on {
            return Err(CrlError::DeltaDoesNotApply);
        }
        let told = Description {
            sha256: sha256_parts(&[MADE_BY_DELTA, &self.told.sha256, &change.sha256]),
            delta: Some(DeltaOrigin { base_number: self.told.number, delta_sha256: change.sha256 }),
            ..change.clone()
        };
        let set = delta.applied_to(set, &told)?;
        Ok(Self { told, known: Known::All(set, OnceLock::new()), ..self.clone() })
    }

    /// What it was put together from, if it was.
    #[must_use]
    pub fn delta_origin(&self) -> Option<DeltaOrigin> {
        self.told.delta
    }

    /// What this list says otherwise than an older one, in the order of serial numbers; nothing if either is known only by
    /// a proof. One pass through both.
    pub fn changes_since<'a>(&'a self, older: &'a Self) -> impl Iterator<Item = StatusChange> + 'a {
        let both = self.view().zip(older.view());
        let changes = both.into_iter().flat_map(|(newer, older)| Changes::between(older, newer));
        let of = |moment: Moment| (moment.at, moment.reason());
        changes.filter_map(move |(key, before, after)| {
            Some(StatusChange { serial: key.serial()?, before: before.map(of), after: after.map(of) })
        })
    }

    /// The entries of the members of a set, in the order of serial numbers: which of many watched certificates are listed.
    /// One pass through both; nothing if the list is known only by a proof.
    pub fn listed_among<'a>(&'a self, watched: &'a SerialSet) -> impl Iterator<Item = RevokedEntry> + 'a {
        let all = self.view().into_iter();
        all.flat_map(|view| {
            Shared::of(view, watched.set().view())
                .filter_map(move |(key, fact)| revoked(key, view.moment(fact)))
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
            issuer_name: anchor.name().to_vec(),
            told: Description {
                issuer: *anchor.fingerprint(),
                scope: commitment.scope.clone(),
                number: commitment.number,
                this_update: commitment.this_update,
                next_update: commitment.next_update,
                sha256: commitment.sha256,
                delta: None,
            },
            known: Known::One { serial: serial.clone(), status, entries },
        })
    }

    /// The proof of what it says of `serial`; `None` if the list is itself known only by a proof.
    #[must_use]
    pub fn prove(&self, serial: &SerialNumber) -> Option<StatusProof> {
        Some(list_tree::prove(self.view()?, serial))
    }

    fn set(&self) -> Option<&StatusSet> {
        match &self.known {
            Known::All(set, _) => Some(set),
            Known::One { .. } => None,
        }
    }

    pub(crate) fn view(&self) -> Option<View<'_>> {
        self.set().map(StatusSet::view)
    }

    /// The first 8 bytes of the SHA-256 of the issuing authority's certificate.
    pub(crate) fn issuer_mark(&self) -> [u8; 8] {
        mark(&self.told.issuer)
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
        &self.told.scope
    }

    /// `cRLNumber`.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.told.number
    }

    /// When it was issued.
    #[must_use]
    pub fn this_update(&self) -> UnixTime {
        self.told.this_update
    }

    /// By when there is a newer one.
    #[must_use]
    pub fn next_update(&self) -> UnixTime {
        self.told.next_update
    }

    /// SHA-256 of its DER; of a list made by a delta, of a mark, its base's and the delta's.
    #[must_use]
    pub fn sha256(&self) -> &Sha256Digest {
        &self.told.sha256
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.known {
            Known::All(set, _) => set.len(),
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
            Known::All(set, _) => status_in(set.view(), serial),
            Known::One { serial: proven, status, .. } if proven == serial => *status,
            Known::One { .. } => EntryStatus::NotListed,
        }
    }

    /// [`status_of`](Self::status_of) of many serial numbers, in their order. Groups of them are looked up step by step side
    /// by side, so that the memory system is asked for many at once.
    #[must_use]
    pub fn statuses_of(&self, serials: &[SerialNumber]) -> Vec<EntryStatus> {
        let Some(view) = self.view() else {
            return serials.iter().map(|serial| self.status_of(serial)).collect();
        };
        let mut statuses = Vec::with_capacity(serials.len());
        let mut found = [None; 32];
        for group in serials.chunks(found.len()) {
            for (place, serial) in found.iter_mut().zip(group) {
                *place = view.find(Key::of(serial));
            }
            statuses.extend(found.iter().take(group.len()).map(|fact| status_at(view, *fact)));
        }
        statuses
    }

    /// Whether it names a serial number.
    #[must_use]
    pub fn contains(&self, serial: &SerialNumber) -> bool {
        match &self.known {
            Known::All(set, _) => set.view().contains(Key::of(serial)),
            Known::One { .. } => self.status_of(serial) != EntryStatus::NotListed,
        }
    }

    /// Which of many serial numbers of up to 64 bits it names, as bits in their order: what a check of many millions needs
    /// first. Nothing if the list is known only by a proof.
    pub fn contains_each(&self, serials: &[u64], mut found: impl FnMut(usize, bool)) {
        let Some(view) = self.view() else { return };
        for (at, serial) in serials.iter().enumerate() {
            found(at, view.contains_short(*serial));
        }
    }

    /// Its entries, in the order of serial numbers; none of a list that is known only by a proof.
    pub fn iter(&self) -> impl Iterator<Item = RevokedEntry> + '_ {
        let view = self.view();
        let entries = view.into_iter().flat_map(|view| Cursor::start(view).zip(std::iter::repeat(view)));
        entries.filter_map(|((key, fact), view)| revoked(key, view.moment(fact)))
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
        self.told.issuer == *issuer.fingerprint() && self.is_in_scope(certificate)
    }

    fn is_in_scope(&self, certificate: &UnverifiedCertificate<'_>) -> bool {
        if matches!(&self.known, Known::One { serial, .. } if serial != certificate.serial()) {
            return false;
        }
        match &self.told.scope {
            ListScope::Full => true,
            ListScope::Partition(name) => certificate.crl_distribution_point() == Some(name),
        }
    }
}

fn status_in(view: View<'_>, serial: &SerialNumber) -> EntryStatus {
    status_at(view, view.find(Key::of(serial)))
}

#[inline]
fn status_at(view: View<'_>, fact: Option<Fact>) -> EntryStatus {
    fact.map_or(EntryStatus::NotListed, |fact| {
        let moment = view.moment(fact);
        EntryStatus::Listed { at: moment.at, reason: moment.reason() }
    })
}

/// A list that was read.
pub(crate) struct Read<'a> {
    pub(crate) anchor: &'a Anchor,
    pub(crate) told: Description,
    pub(crate) base: Option<u64>,
    pub(crate) set: StatusSet,
}

pub(crate) fn read_list<'a>(
    source: &dyn Source,
    digests: Option<Digests>,
    wanted: Wanted,
    anchors: &'a TrustAnchors,
    limit: u64,
    progress: &mut Report<'_>,
) -> Result<Read<'a>, CrlError> {
    let length = source.len();
    if length > limit {
        return Err(CrlError::TooLarge { length: narrow(length), limit: narrow(limit) });
    }
    let pieces = Pieces::read(source)?;
    let header = pieces.parse(wanted)?;
    let entries = header.entries.1 - header.entries.0;
    let hashed = if digests.is_some() { 0 } else { length };
    let mut told = Told::new(progress, hashed.saturating_add(2 * entries));
    let signed = verify(source, &pieces, &header, digests, anchors, &mut told)?;
    let description = Description {
        issuer: *signed.anchor.fingerprint(),
        scope: header.partition.map_or(ListScope::Full, |name| ListScope::Partition(name.to_vec())),
        number: header.number,
        this_update: header.this_update,
        next_update: header.next_update,
        sha256: signed.sha256,
        delta: None,
    };
    let set = read_entries(source, &header, wanted, &description.encode(), &mut told)?;
    Ok(Read { anchor: signed.anchor, told: description, base: header.base, set })
}

fn mark(fingerprint: &Sha256Digest) -> [u8; 8] {
    fingerprint.first_chunk().copied().unwrap_or_default()
}

impl fmt::Debug for VerifiedRevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedRevocationList")
            .field("authority", &self.authority)
            .field("key_id", &self.key_id)
            .field("number", &self.told.number)
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}

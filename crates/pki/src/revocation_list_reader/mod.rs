//! Reading of revocation lists (RFC 5280 5.1 to 5.3) in bounded memory: the signature is verified over digests before the
//! first entry is read; a first pass over the entries collects serial numbers, a second puts times and reasons to their
//! places. Nothing is kept for an entry but its place in the set. What a list means beyond its entries decides which lists
//! are read at all: no indirect or partial ones, and a delta only where one is wanted.

mod digest;
mod entries;
mod header;

use std::ops::ControlFlow;

use musubi_crypto::{DigestAlgorithm, Hasher, PublicKey, Sha256Digest, SignatureAlgorithm};

pub use digest::Digester;
pub(crate) use header::{Header, Pieces};

use crate::anchors::{Anchor, Issuer, TrustAnchors};
use crate::crl_error::CrlError;
use crate::source::{Digests, Phase, Progress, Report, Source};
use crate::status_set::{Collector, Draft, DraftError, Duplicates, Moment, StatusSet, Tree};

/// Bytes read at once. An entry is at most as long.
pub(crate) const BUFFER: usize = 1 << 20;

/// What is wanted: a complete list or a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Complete,
    Delta,
}

/// A list whose signature was verified.
pub(crate) struct Signed<'a> {
    pub(crate) anchor: &'a Anchor,
    pub(crate) sha256: Sha256Digest,
}

/// Tells how far the reading is, over all passes.
pub(crate) struct Told<'r, 'p> {
    report: &'r mut Report<'p>,
    before: u64,
    total: u64,
}

impl<'r, 'p> Told<'r, 'p> {
    pub(crate) fn new(report: &'r mut Report<'p>, total: u64) -> Self {
        Self { report, before: 0, total }
    }

    /// `done` bytes of the present pass are done.
    fn at(&mut self, phase: Phase, done: u64) -> Result<(), CrlError> {
        let done = self.before.saturating_add(done).min(self.total);
        match (self.report)(Progress { phase, done, total: self.total }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(CrlError::Cancelled),
        }
    }

    fn pass_done(&mut self, bytes: u64) {
        self.before = self.before.saturating_add(bytes);
    }
}

/// Finds the issuer and verifies the signature.
pub(crate) fn verify<'a>(
    source: &dyn Source,
    pieces: &Pieces,
    header: &Header<'_>,
    digests: Option<Digests>,
    anchors: &'a TrustAnchors,
    told: &mut Told<'_, '_>,
) -> Result<Signed<'a>, CrlError> {
    let algorithm = header.signature_algorithm.map_err(|oid| CrlError::UnsupportedAlgorithm { oid })?;
    let issuer = |verifies: &dyn Fn(&PublicKey) -> bool| match anchors.issuer(
        header.issuer,
        header.authority_key_id.as_ref(),
        verifies,
    ) {
        Issuer::Found(anchor) => Ok(anchor),
        Issuer::BadSignature => Err(CrlError::BadSignature),
        Issuer::UnknownName | Issuer::UnknownKey => Err(CrlError::UnknownIssuer),
    };
    // Nothing is hashed for a stranger.
    issuer(&|_| true)?;
    let Some(kind) = algorithm.digest() else {
        return verify_message(source, pieces, header, algorithm, told, issuer);
    };
    let digests = match digests {
        // The digester read the same bytes, if it was given them: the same length, and the same part signed.
        Some(made) if made.length != source.len() || !made.is_of(pieces.signed, kind) => {
            return Err(CrlError::Source);
        }
        Some(made) => made,
        None => digest::of(source, pieces.signed, kind, told)?,
    };
    let anchor = issuer(&|key| key.verify_digest(algorithm, &digests.signed.2, header.signature).is_ok())?;
    Ok(Signed { anchor, sha256: digests.whole })
}

/// Ed25519 signs messages, not digests: such a list is held whole, so that it must be small.
fn verify_message<'a>(
    source: &dyn Source,
    pieces: &Pieces,
    header: &Header<'_>,
    algorithm: SignatureAlgorithm,
    told: &mut Told<'_, '_>,
    issuer: impl Fn(&dyn Fn(&PublicKey) -> bool) -> Result<&'a Anchor, CrlError>,
) -> Result<Signed<'a>, CrlError> {
    let length = usize::try_from(source.len()).unwrap_or(usize::MAX);
    if length > 4 * BUFFER {
        return Err(CrlError::TooLarge { length, limit: 4 * BUFFER });
    }
    let mut der = vec![0; length];
    source.read_at(0, &mut der)?;
    let (from, to) = (usize::try_from(pieces.signed.0), usize::try_from(pieces.signed.1));
    let signed = match (from, to) {
        (Ok(from), Ok(to)) => der.get(from..to).ok_or(CrlError::Malformed)?,
        _ => return Err(CrlError::Malformed),
    };
    let anchor = issuer(&|key| key.verify(algorithm, signed, header.signature).is_ok())?;
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    hasher.update(&der);
    told.at(Phase::Digest, source.len())?;
    told.pass_done(source.len());
    let sha256 = hasher.finish().as_ref().try_into().map_err(|_| CrlError::Malformed)?;
    Ok(Signed { anchor, sha256 })
}

/// Reads the entries into a set with this description; with a tree if it is a complete list.
pub(crate) fn read_entries(
    source: &dyn Source,
    header: &Header<'_>,
    wanted: Wanted,
    description: &[u8],
    told: &mut Told<'_, '_>,
) -> Result<StatusSet, CrlError> {
    let (from, to) = header.entries;
    let mut collector = Collector::new(Duplicates::Refuse);
    let mut times: Option<(i64, i64)> = None;
    entries::each(
        source,
        (from, to),
        wanted,
        &mut |done| told.at(Phase::Serials, done),
        &mut |entry: entries::Entry| {
            let (first, last) = times.unwrap_or((entry.at.0, entry.at.0));
            times = Some((first.min(entry.at.0), last.max(entry.at.0)));
            Ok(collector.add(entry.key)?)
        },
    )?;
    told.pass_done(to - from);
    let (first, last) = times.unwrap_or_default();
    let tree = if wanted == Wanted::Complete { Tree::Present } else { Tree::Absent };
    let times = (musubi_kernel::UnixTime(first), musubi_kernel::UnixTime(last));
    let mut draft = Draft::of(collector, description, Some(times), tree)?;
    let mut filler = draft.filler();
    entries::each(
        source,
        (from, to),
        wanted,
        &mut |done| told.at(Phase::Facts, done),
        &mut |entry: entries::Entry| Ok(filler.put(entry.key, Moment { at: entry.at, code: entry.code })?),
    )?;
    filler.finish()?;
    told.pass_done(to - from);
    told.at(Phase::Tree, 0)?;
    // Made here, so that it is in order.
    StatusSet::made(draft.sealed()).map_err(|_| CrlError::Malformed)
}

impl From<DraftError> for CrlError {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::Duplicate => Self::DuplicateEntry,
            DraftError::TooLarge => Self::Malformed,
            DraftError::Changed => Self::Source,
        }
    }
}

//! The digests of a list: of all of it, which names it, and of the part that was signed.

use std::sync::atomic::{AtomicBool, Ordering};

use musubi_crypto::{Digest, DigestAlgorithm, Hasher, Sha256Digest};

use super::header::opening;
use super::{BUFFER, Told};
use crate::both::both;
use crate::crl_error::CrlError;
use crate::source::{Digests, Phase, Source};

impl Digests {
    pub(super) fn is_of(&self, signed: (u64, u64), algorithm: DigestAlgorithm) -> bool {
        (self.signed.0, self.signed.1) == signed && self.signed.2.algorithm() == algorithm
    }
}

/// Bytes within which a list says what is signed and how.
const OPENING: usize = 512;

/// Makes the [`Digests`] of a list from its bytes as they arrive, in order. Judges nothing: a list that begins as no list
/// does has none.
#[derive(Debug, Clone)]
pub struct Digester {
    whole: Hasher,
    length: u64,
    opening: Vec<u8>,
    signed: Option<(u64, u64, Hasher)>,
}

impl Default for Digester {
    fn default() -> Self {
        Self::new()
    }
}

impl Digester {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let whole = Hasher::new(DigestAlgorithm::Sha256);
        Self { whole, length: 0, opening: Vec::new(), signed: None }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.whole.update(bytes);
        let at = self.length;
        self.length = self.length.saturating_add(crate::status_set::wide(bytes.len()));
        if let Some((from, to, hasher)) = &mut self.signed {
            hash_part(hasher, bytes, at, (*from, *to));
            return;
        }
        let missing = OPENING.saturating_sub(self.opening.len()).min(bytes.len());
        let (first, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
        self.opening.extend_from_slice(first);
        if self.opening.len() >= OPENING {
            self.begin();
            if let Some((from, to, hasher)) = &mut self.signed {
                hash_part(hasher, rest, at + crate::status_set::wide(missing), (*from, *to));
            }
        }
    }

    fn begin(&mut self) {
        if let Some((from, to, algorithm)) = opening(&self.opening) {
            let mut hasher = Hasher::new(algorithm);
            hash_part(&mut hasher, &self.opening, 0, (from, to));
            self.signed = Some((from, to, hasher));
        }
    }

    /// The digests; `None` if what came does not begin as a list does, or is signed in a way that needs the bytes.
    #[must_use]
    pub fn finish(mut self) -> Option<Digests> {
        if self.signed.is_none() && self.opening.len() < OPENING {
            self.begin();
        }
        let (from, to, hasher) = self.signed.filter(|(_, to, _)| *to <= self.length)?;
        let whole: Sha256Digest = self.whole.finish().as_ref().try_into().ok()?;
        Some(Digests { length: self.length, whole, signed: (from, to, hasher.finish()) })
    }
}

/// Hashes what of `bytes`, which stand at `at`, lies between two places.
fn hash_part(hasher: &mut Hasher, bytes: &[u8], at: u64, (from, to): (u64, u64)) {
    let within =
        |place: u64| usize::try_from(place.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
    hasher.update(bytes.get(within(from)..within(to)).unwrap_or_default());
}

/// Hashes a list that nobody hashed on its way: the whole and the signed part side by side.
pub(super) fn of(
    source: &dyn Source,
    signed: (u64, u64),
    algorithm: DigestAlgorithm,
    told: &mut Told<'_, '_>,
) -> Result<Digests, CrlError> {
    let length = source.len();
    let ended = AtomicBool::new(false);
    let part = || {
        let mut never = |_| if ended.load(Ordering::Relaxed) { Err(CrlError::Cancelled) } else { Ok(()) };
        hash(source, signed, algorithm, &mut never)
    };
    let (whole, part) = if length < 4 * crate::status_set::wide(BUFFER) {
        (hash(source, (0, length), DigestAlgorithm::Sha256, &mut |done| told.at(Phase::Digest, done)), part())
    } else {
        let mut tell = |done| told.at(Phase::Digest, done);
        let whole = || {
            let whole = hash(source, (0, length), DigestAlgorithm::Sha256, &mut tell);
            ended.store(whole.is_err(), Ordering::Relaxed);
            whole
        };
        let (part, whole) = both(&part, whole);
        (whole, part)
    };
    let (whole, part): (Digest, Digest) = (whole?, part?);
    told.pass_done(length);
    let whole = whole.as_ref().try_into().map_err(|_| CrlError::Malformed)?;
    Ok(Digests { length, whole, signed: (signed.0, signed.1, part) })
}

fn hash(
    source: &dyn Source,
    (from, to): (u64, u64),
    algorithm: DigestAlgorithm,
    tell: &mut dyn FnMut(u64) -> Result<(), CrlError>,
) -> Result<Digest, CrlError> {
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; BUFFER.min(usize::try_from(to - from).unwrap_or(BUFFER))];
    let mut at = from;
    while at < to {
        let wanted = usize::try_from(to - at).unwrap_or(usize::MAX).min(buffer.len());
        let part = buffer.get_mut(..wanted).unwrap_or_default();
        source.read_at(at, part)?;
        hasher.update(part);
        at += crate::status_set::wide(wanted);
        tell(at - from)?;
    }
    Ok(hasher.finish())
}

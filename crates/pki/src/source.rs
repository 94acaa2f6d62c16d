//! Where a revocation list is read from: bytes that can be read again at any place, since a list is read in several
//! passes. This crate opens no file: whoever has one implements [`Source`] for it. [`Digester`] hashes the bytes while
//! they arrive, so that no pass is needed for the hash.

use std::ops::ControlFlow;
use std::sync::Arc;

use musubi_crypto::{Digest, Sha256Digest};

/// The bytes of a status set in their sealed form: a mapped file, or memory.
pub type Sealed = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// The bytes could not be read. Why is for the one to say who reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes could not be read")]
pub struct SourceError;

/// Bytes that can be read again, at any place and by two threads at once. They must not change while they are read.
pub trait Source: Sync {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills all of `into` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`SourceError`] also if there are fewer.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), SourceError>;
}

impl Source for &[u8] {
    fn len(&self) -> u64 {
        u64::try_from(<[u8]>::len(self)).unwrap_or(u64::MAX)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), SourceError> {
        let start = usize::try_from(offset).map_err(|_| SourceError)?;
        let end = start.checked_add(into.len()).ok_or(SourceError)?;
        into.copy_from_slice(self.get(start..end).ok_or(SourceError)?);
        Ok(())
    }
}

/// What the reading of a list is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Hashing, before the signature is verified.
    Digest,
    /// The first pass over the entries: which serial numbers.
    Serials,
    /// The second pass: when and why.
    Facts,
    /// The tree over the entries.
    Tree,
}

/// How far the reading of a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is at.
    pub phase: Phase,
    /// Bytes done, over all phases.
    pub done: u64,
    /// Bytes to be done, over all phases.
    pub total: u64,
}

/// Is told how far the reading is, every few megabytes, and may end it.
pub type Report<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// The digests of a list, made by a [`Digester`] while its bytes arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    pub(crate) length: u64,
    pub(crate) whole: Sha256Digest,
    /// Where what was signed begins and ends, and its digest.
    pub(crate) signed: (u64, u64, Digest),
}

impl Digests {
    /// SHA-256 of all bytes.
    #[must_use]
    pub fn sha256(&self) -> &Sha256Digest {
        &self.whole
    }
}

//! A set of serial numbers alone: of watched certificates, of customers.

use std::fmt;
use std::sync::Arc;

use musubi_crypto::{Sha256Digest, sha256};

use super::layout::Tree;
use super::{Collector, Cursor, Draft, Duplicates, Key, SealedError, Shared, StatusSet};
use crate::key::SerialNumber;
use crate::source::Sealed;

/// Serial numbers of one authority: a bit each where they are dense, 8 or 20 bytes elsewhere.
#[derive(Clone)]
pub struct SerialSet(StatusSet);

impl SerialSet {
    /// These serial numbers, each counted once.
    ///
    /// # Errors
    /// [`SealedError::Malformed`] if there are more than 2^31.
    pub fn of(serials: impl IntoIterator<Item = SerialNumber>) -> Result<Self, SealedError> {
        let mut collector = Collector::new(Duplicates::Merge);
        let refused = |_| SealedError::Malformed;
        for serial in serials {
            collector.add(Key::of(&serial)).map_err(refused)?;
        }
        let draft = Draft::of(collector, &[], None, Tree::Absent).map_err(|_| SealedError::Malformed)?;
        Ok(Self(StatusSet::open(Arc::new(draft.sealed()))?))
    }

    /// A set from its sealed form, whose digest must be the expected one.
    ///
    /// # Errors
    /// [`SealedError`].
    pub fn from_sealed(bytes: Sealed, expected: &Sha256Digest) -> Result<Self, SealedError> {
        if sha256((*bytes).as_ref()) != *expected {
            return Err(SealedError::Digest);
        }
        let set = StatusSet::open(bytes)?;
        if set.description().is_empty() { Ok(Self(set)) } else { Err(SealedError::Malformed) }
    }

    /// Its sealed form.
    #[must_use]
    pub fn sealed(&self) -> &[u8] {
        self.0.bytes()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn contains(&self, serial: &SerialNumber) -> bool {
        self.0.view().contains(Key::of(serial))
    }

    /// How many of them are smaller: a number of its own for each, from 0; `None` if it is none of them.
    #[must_use]
    pub fn position(&self, serial: &SerialNumber) -> Option<usize> {
        self.0.view().position(Key::of(serial)).ok()
    }

    /// The one that as many others are smaller than.
    #[must_use]
    pub fn at(&self, position: usize) -> Option<SerialNumber> {
        Cursor::at(self.0.view(), position).next()?.0.serial()
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = SerialNumber> + '_ {
        Cursor::start(self.0.view()).filter_map(|(key, _)| key.serial())
    }

    /// Those that are in both, in order.
    pub fn shared_with<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = SerialNumber> + 'a {
        Shared::of(self.0.view(), other.0.view()).filter_map(|(key, _)| key.serial())
    }

    pub(crate) fn set(&self) -> &StatusSet {
        &self.0
    }
}

impl fmt::Debug for SerialSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SerialSet").field("len", &self.len()).finish_non_exhaustive()
    }
}

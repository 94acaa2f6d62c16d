//! Sets of serial numbers, with or without when and why each was revoked: the form in which a revocation list is kept,
//! mapped and asked. One string of bytes, little-endian, the same at any address, used as it lies ([`Sealed`]).
//!
//! ```text
//! head | description | directory | chunks | counters | bitmaps | prefixes | sparse | long | facts | tree
//! ```
//!
//! - **dense**: where at least [`DENSE`] of 2^16 neighbouring serial numbers are members, they are a bitmap of 8 KiB, with
//!   a counter for each word (2 KiB) by which a member's rank is found. The JPKI's serial numbers are nearly sequential: one bit each.
//! - **sparse**: other serial numbers of up to 64 bits, sorted, with an index over their leading bits.
//! - **long**: serial numbers of 65 to 160 bits, sorted.
//! - **facts**: seconds since the earliest revocation, and the reason's code in 4 bits, in as many bits for each as the
//!   span of times needs; by rank, the dense first, then the sparse, then the long.
//! - **tree**: the kept hashes of the tree of [`crate::list_tree`].
//!
//! Which serial numbers are dense follows from the members alone, so that one set has one form. Opening checks every bound
//! once ([`Layout::open`]); every access is checked nevertheless, so that no bytes whatever make a lookup panic. That the
//! bytes are right rests on their digest, not on their structure. Reads no file: the caller maps one.

mod collect;
mod cursor;
mod draft;
mod key;
mod layout;
mod merge;
mod serials;
mod view;

use std::sync::Arc;

use musubi_kernel::UnixTime;

use crate::key::RevocationReason;
use crate::source::Sealed;

pub(crate) use collect::{Collector, DuplicateSerial, Duplicates};
pub(crate) use cursor::Cursor;
pub(crate) use draft::{Draft, DraftError};
pub(crate) use key::Key;
use layout::Layout;
pub use layout::SealedError;
pub(crate) use layout::Tree;
pub(crate) use merge::{Changes, Shared};
pub use serials::SerialSet;
pub(crate) use view::{Fact, View};

/// Members of 2^16 neighbouring serial numbers from which on these are a bitmap: it takes about as much room there as
/// 8 bytes for each.
pub(crate) const DENSE: usize = 1024;

/// Sealed bytes whose structure was checked.
#[derive(Clone)]
pub(crate) struct StatusSet {
    bytes: Sealed,
    layout: Layout,
}

impl StatusSet {
    /// Checks the structure, in steps as many as there are chunks. The digest is for the caller to check.
    pub(crate) fn open(bytes: Sealed) -> Result<Self, SealedError> {
        let layout = Layout::open((*bytes).as_ref())?;
        Ok(Self { bytes, layout })
    }

    /// A set that was just made.
    pub(crate) fn made(bytes: Vec<u8>) -> Result<Self, SealedError> {
        Self::open(Arc::new(bytes))
    }

    /// The set as it lies.
    #[inline(always)]
    pub(crate) fn view(&self) -> View<'_> {
        self.layout.view(self.bytes())
    }

    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    /// What the maker wrote of the set.
    pub(crate) fn description(&self) -> &[u8] {
        self.layout.description(self.bytes())
    }

    pub(crate) fn len(&self) -> usize {
        self.layout.entries()
    }
}

/// A time and a reason's code as one number, before it is put at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) at: UnixTime,
    /// Of 4 bits: a reason's, or that of `removeFromCRL`.
    pub(crate) code: u8,
}

/// `removeFromCRL` (RFC 5280 5.3.1): no reason to be revoked.
pub(crate) const REMOVE_FROM_CRL: u8 = 8;

impl Moment {
    pub(crate) fn reason(self) -> RevocationReason {
        // The code was read from a list, and the bytes have their digest.
        RevocationReason::from_code(self.code).unwrap_or(RevocationReason::Unspecified)
    }
}

/// On every machine that is built for, an address has 64 bits.
pub(crate) fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

pub(crate) fn narrow(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;

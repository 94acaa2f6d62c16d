//! What a revocation list says of a certificate.

use musubi_kernel::UnixTime;

use crate::key::{RevocationReason, SerialNumber};
use crate::status_set::{Key, Moment};

/// When and why a certificate was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryStatus {
    /// The list does not name the certificate.
    NotListed,
    /// The list names it.
    Listed {
        /// `revocationDate`.
        at: UnixTime,
        /// `reasonCode`; unspecified if the entry has none.
        reason: RevocationReason,
    },
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedEntry {
    /// The revoked certificate's serial number.
    pub serial: SerialNumber,
    /// `revocationDate`.
    pub at: UnixTime,
    /// `reasonCode`; unspecified if the entry has none.
    pub reason: RevocationReason,
}

/// An entry as it is told.
pub(crate) fn revoked(key: Key, moment: Moment) -> Option<RevokedEntry> {
    Some(RevokedEntry { serial: key.serial()?, at: moment.at, reason: moment.reason() })
}

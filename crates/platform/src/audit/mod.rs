//! The audit log (監査ログ): one append-only Merkle tree over everything that the platform did (RFC 6962, 2.1;
//! RFC 9162, 2.1). Anyone may fetch the root and proofs; what a leaf says is shown to the resident whom it
//! concerns and to the operator only.
//!
//! ```text
//! root of 7 leaves        level 2, position 0 --.
//!            .---------------------+----------. '-- stored as soon as complete: `audit_node`
//!       (2,0)                            .----+----.
//!     .---+---.                        (1,2)     leaf 6
//!   (1,0)   (1,1)                     .--+--.
//!  l0   l1 l2   l3                   l4     l5      `audit_record`
//! ```
//! A leaf is the canonical JSON of its record, with 128 random bits in it, so that a published hash can be
//! confirmed only by who has the record. An append writes its row, on average one node, and the head. It takes
//! part in the caller's transaction: what was not audited did not happen.
//!
//! The head row makes appends wait for one another from the append to the end of the transaction: append last.

mod events;
mod http;
mod service;
mod sql;
#[cfg(test)]
mod tests;
mod tree;

use musubi_crypto::Sha256Digest;
use musubi_httpkit::{ProblemKind, Text};
use musubi_kernel::UnixTime;
use musubi_store::{Migration, StoreError};
use serde::{Deserialize, Serialize};

use crate::{PersonId, RelyingPartyId};

pub use events::*;
pub use http::{CheckpointAnswer, ConsistencyAnswer, InclusionAnswer, api};
pub use musubi_crypto::merkle::{BadProof, leaf_hash, verify_consistency, verify_inclusion};
pub use service::{append, append_all, by_person, checkpoint, consistency, inclusion, record, root_at};

pub(crate) const MIGRATION: Migration =
    Migration { name: "audit/0001_audit", sql: include_str!("migrations/0001_audit.sql") };

/// An index or a size that the log does not have.
pub static OUT_OF_RANGE: ProblemKind = ProblemKind::new(
    "audit.out_of_range",
    400,
    "Not in the audit log",
    Text::new(
        "監査ログにない位置か大きさが指定されました。",
        "/v1/audit/checkpointで今の大きさを確認し、その範囲で指定してください。",
    ),
    Text::new(
        "The audit log has no such index or size.",
        "Read the present size at /v1/audit/checkpoint and stay within it.",
    ),
);

/// Something that happened.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    /// One of [`AUDIT_EVENTS`].
    pub kind: &'static str,
    /// The relying party for or by whom it happened.
    pub relying_party: Option<RelyingPartyId>,
    /// The resident whom it concerns, and who will read it in the portal.
    pub person: Option<PersonId>,
    /// Codes, indications, list numbers and transaction ids only: no attribute, no serial number.
    pub detail: serde_json::Value,
}

/// Where an event stands in the log; given to the relying party with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Receipt {
    /// Position in the log, from 0.
    #[schema(example = 41)]
    pub index: u64,
    /// Hash of the leaf, as 64 hex digits on the wire.
    #[serde(with = "hex::serde")]
    #[schema(value_type = String, example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub leaf_hash: Sha256Digest,
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Position in the log, from 0.
    pub index: u64,
    /// One of the names in [`AUDIT_EVENTS`] of this or an earlier version.
    pub kind: String,
    /// The relying party for or by whom it happened.
    pub relying_party: Option<RelyingPartyId>,
    /// The resident whom it concerns.
    pub person: Option<PersonId>,
    /// When it happened.
    pub at: UnixTime,
    /// The canonical JSON: the bytes that the leaf hash is over.
    pub record: String,
    /// SHA-256 of 0x00 and the record.
    pub leaf_hash: Sha256Digest,
}

impl AuditRecord {
    /// The member `detail` of the record.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the record is not one that this version reads.
    pub fn detail(&self) -> Result<serde_json::Value, StoreError> {
        let mut record: serde_json::Value =
            serde_json::from_str(&self.record).map_err(|_| StoreError::Corrupt("record"))?;
        record.get_mut("detail").map(serde_json::Value::take).ok_or(StoreError::Corrupt("record"))
    }
}

/// The state of the whole log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Number of leaves.
    pub size: u64,
    /// Root hash of the tree; of the empty one, SHA-256 of nothing.
    pub root_hash: Sha256Digest,
    /// When the last leaf came; `None` in an empty log.
    pub at: Option<UnixTime>,
}

/// Why the log was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no such index or size.
    #[error("the audit log has no such index or size")]
    OutOfRange,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

//! Proof-carrying verdicts (`docs/spec/bundle.md`): everything a verdict was derived from, in about 4 KB, signed by the
//! platform and tied to its audit log. [`replay()`] derives the verdict again, offline, and names the first difference.
//!
//! A bundle says nothing that its reader must believe about certificate and signature: those are judged again under the
//! reader's own roots. What a revocation list said rests on the platform's commitment, unless the reader has the list
//! ([`Replayed::check_list`]); later rules of the platform, whose inputs are not here, rest on its word.

mod canonical;
mod cbor;
mod content;
mod difference;
mod jpki;
mod replay;
mod sealed;

pub use canonical::canonical_verdict;
pub use content::{Content, PolicyReference};
pub use difference::Difference;
pub use jpki::{CardPresence, JpkiEvidence, ListEvidence};
pub use replay::{Replayed, Roots, replay};
pub use sealed::{AuditPart, Sealed, key_id, seal, split_first};

/// The version of the judgement: raised whenever the same evidence could give another verdict, another check or other
/// evidence of a check. An engine replays the versions that it knows.
pub const JUDGEMENT_VERSION: u64 = 1;

/// Largest bundle that is read, in bytes.
pub const MAX_BUNDLE_BYTES: usize = 64 * 1024;

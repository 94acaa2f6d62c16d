//! Why a bundle is not what it says: the first difference, typed and in plain words.

use musubi_pki::{CrlError, Outcome, UnprovenList};

use super::cbor::Malformed;

/// The first thing in which a bundle differs from what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// Not the bytes of a bundle.
    #[error("not a bundle: {0}")]
    NotABundle(&'static str),
    /// Judged by an engine whose judgement this one does not know.
    #[error(
        "judged by engine {engine} with judgement version {judgement_version}, which this program does not know"
    )]
    UnknownEngine {
        /// Its version.
        engine: String,
        /// The version of its judgement.
        judgement_version: u64,
    },
    /// A kind of verdict that this program does not know.
    #[error("a verdict of the kind {0:?}, which this program does not know")]
    UnknownKind(String),
    /// Signed with a key that is none of the platform's.
    #[error("signed with the key {key_id}, which is not a known key of the platform")]
    UnknownPlatformKey {
        /// Its identifier, hex.
        key_id: String,
    },
    /// The platform did not sign these bytes.
    #[error("the platform's signature does not verify: the bundle was changed, or is not the platform's")]
    PlatformSignature,
    /// The audit record cannot be read, or is not the one text of what it says.
    #[error("the audit record cannot be read, or not in one way only")]
    Record,
    /// The audit record says something else.
    #[error("the audit record's {what} is {}, the bundle's {found}", recorded.escape_debug())]
    RecordDiffers {
        /// Which member.
        what: &'static str,
        /// What the record says.
        recorded: String,
        /// What the bundle says.
        found: String,
    },
    /// The record is not in the log that has the root.
    #[error("the inclusion proof does not lead from the audit record to the log's root")]
    Inclusion,
    /// What a revocation list says is not proven.
    #[error("revocation list {index} of the bundle: {cause}", index = index + 1)]
    List {
        /// Which, from 0.
        index: usize,
        /// Why.
        cause: UnprovenList,
    },
    /// There are more or fewer checks.
    #[error("{recorded} checks are recorded, {derived} were made")]
    CheckCount {
        /// In the bundle.
        recorded: usize,
        /// Now.
        derived: usize,
    },
    /// A check came out otherwise.
    #[error("check {id}: recorded {recorded:?}, derived {derived:?}")]
    CheckOutcome {
        /// Which.
        id: String,
        /// In the bundle.
        recorded: Outcome,
        /// Now.
        derived: Outcome,
    },
    /// A check came out the same, by other evidence.
    #[error("check {id}: its evidence is not the recorded one")]
    CheckEvidence {
        /// Which.
        id: String,
    },
    /// The verdict says something else.
    #[error("{what}: recorded {recorded}, derived {derived}")]
    Verdict {
        /// `indication`, `sub-indication` or `reason`.
        what: &'static str,
        /// In the bundle.
        recorded: String,
        /// Now.
        derived: String,
    },
    /// Something that is not compared one by one: freshness, or the evidence of a later rule.
    #[error("the verdict as a whole is not the recorded one")]
    WholeVerdict,
    /// A list given beside the bundle is not one of a trusted authority.
    #[error("the list given is refused: {0}")]
    GivenList(CrlError),
    /// A list given beside the bundle is none that the verdict was judged by.
    #[error("the list given is none that this verdict was judged by")]
    GivenListUnused,
    /// A list given beside the bundle does not lead to the platform's commitment.
    #[error("the platform's commitment does not follow from the list: its {what} differs")]
    Commitment {
        /// Which part.
        what: &'static str,
    },
}

impl Difference {
    /// Whether nothing could be judged: these bytes are no bundle, or one for another program.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::NotABundle(_) | Self::UnknownEngine { .. } | Self::UnknownKind(_))
    }

    /// A stable code, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotABundle(_) => "bundle.malformed",
            Self::UnknownEngine { .. } => "bundle.unknown_engine",
            Self::UnknownKind(_) => "bundle.unknown_kind",
            Self::UnknownPlatformKey { .. } => "bundle.unknown_platform_key",
            Self::PlatformSignature => "bundle.platform_signature",
            Self::Record => "bundle.record",
            Self::RecordDiffers { .. } => "bundle.record_differs",
            Self::Inclusion => "bundle.inclusion",
            Self::List { .. } => "bundle.list_proof",
            Self::CheckCount { .. } => "bundle.check_count",
            Self::CheckOutcome { .. } => "bundle.check_outcome",
            Self::CheckEvidence { .. } => "bundle.check_evidence",
            Self::Verdict { .. } => "bundle.verdict",
            Self::WholeVerdict => "bundle.whole_verdict",
            Self::GivenList(_) => "bundle.given_list",
            Self::GivenListUnused => "bundle.given_list_unused",
            Self::Commitment { .. } => "bundle.commitment",
        }
    }
}

impl From<Malformed> for Difference {
    fn from(Malformed(what): Malformed) -> Self {
        Self::NotABundle(what)
    }
}

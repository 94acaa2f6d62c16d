//! What is known of one path when its checks run: the counted work is done here, the checks only look.

use musubi_kernel::UnixTime;

use super::anchors::PathAnchor;
use super::build::Edge;
use super::certificate::PathCertificate;
use super::name_constraints::NameFault;
use super::policies::PolicyOutcome;
use super::status::Status;
use super::work::WorkDone;
use super::{Purpose, Times};
use crate::policy::ValidationPolicy;

/// What is asked of a path.
#[derive(Clone, Copy)]
pub(super) struct Demand<'r> {
    pub(super) policy: &'r ValidationPolicy,
    pub(super) purpose: &'r Purpose,
    pub(super) times: Times,
    /// Beside the control time, another at which the path may be valid instead: for the signers of revocation data,
    /// which may speak of the past.
    pub(super) or_valid_at: Option<UnixTime>,
}

/// One path. The lists run from the anchor's child to the certificate in question.
pub(super) struct PathFacts<'f, 'a> {
    pub(super) certificates: Vec<&'f PathCertificate<'a>>,
    pub(super) edges: Vec<Edge>,
    /// Whether each has the issuer whose name it gives.
    pub(super) names_chain: Vec<bool>,
    /// `None` if the path ends below every anchor.
    pub(super) anchor: Option<&'f PathAnchor>,
    /// `None` if there is no anchor.
    pub(super) policies: Option<PolicyOutcome>,
    /// Outer `None` if there is no anchor.
    pub(super) name_fault: Option<Option<NameFault>>,
    /// `None` if revocation was not looked at.
    pub(super) statuses: Option<Vec<Status>>,
    pub(super) candidates: usize,
    /// Whether the work allowed for was used up before every path was tried.
    pub(super) is_exhausted: bool,
    pub(super) work: WorkDone,
}

impl<'f, 'a> PathFacts<'f, 'a> {
    /// The certificate in question.
    pub(super) fn leaf(&self) -> Option<&'f PathCertificate<'a>> {
        self.certificates.last().copied()
    }

    /// The certificates above it.
    pub(super) fn intermediates(&self) -> &[&'f PathCertificate<'a>] {
        self.certificates.split_last().map_or(&[], |(_, above)| above)
    }

    /// A place in the path as evidence has it: 0 is the certificate in question.
    pub(super) fn place_of(&self, position: usize) -> usize {
        self.certificates.len().saturating_sub(position.saturating_add(1))
    }
}

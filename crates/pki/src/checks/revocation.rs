//! What the revocation lists say, and whether they are recent enough to say it. Unknown is neither good nor
//! revoked.

use super::Finding;
use crate::facts::{Facts, staleness};
use crate::indication::SubIndication;
use crate::key::RevocationReason;
use crate::reasons::ReasonCode;

pub(super) fn revocation_list_available(facts: &Facts<'_>) -> Finding {
    if facts.issuing_anchor().is_none() {
        return Finding::skipped();
    }
    let finding = match facts.revocation.freshest {
        None => Finding::inconclusive(ReasonCode::UpstreamUnreachable),
        Some(list) => {
            Finding::passed().with("list_number", list.number()).with("key_id", list.key_id().to_owned())
        }
    };
    finding.with("covering_lists", facts.revocation.covering.len())
}

pub(super) fn revocation_freshness(facts: &Facts<'_>) -> Finding {
    let Some(list) = facts.revocation.freshest else {
        return Finding::skipped();
    };
    let finding = match staleness(list, facts.policy, facts.at) {
        None => Finding::passed(),
        Some(fault) => Finding::inconclusive(ReasonCode::RevocationListTooOld).with("fault", fault.as_str()),
    };
    let finding = finding
        .with("list_number", list.number())
        .with("this_update", list.this_update())
        .with("next_update", list.next_update())
        .with("age_seconds", facts.at.since(list.this_update()));
    match facts.policy.max_list_age {
        Some(limit) => finding.with("max_age_seconds", limit),
        None => finding,
    }
}

/// A certificate that any verified list names is revoked, however old the list: the JPKI takes no revocation
/// back, a hold neither. (EN 319 102-1 would let a hold be tried later; CPS 4.9 of both authorities says that
/// holds are not released.)
pub(super) fn revocation_status(facts: &Facts<'_>) -> Finding {
    if facts.issuing_anchor().is_none() {
        return Finding::skipped();
    }
    if let Some(listed) = &facts.revocation.listed {
        let proven = facts.policy.not_signed_before.is_some_and(|bound| bound >= listed.at);
        let sub = if proven { SubIndication::Revoked } else { SubIndication::RevokedNoPoe };
        let reason = match listed.reason {
            RevocationReason::CertificateHold => ReasonCode::CertificateHeld,
            _ => ReasonCode::CertificateRevoked,
        };
        return Finding::failed(sub, reason)
            .with("reason", listed.reason.as_str())
            .with("revoked_at", listed.at)
            .with("list_number", listed.list.number());
    }
    match facts.revocation.freshest {
        None => Finding::inconclusive(ReasonCode::UpstreamUnreachable),
        Some(list) if staleness(list, facts.policy, facts.at).is_some() => {
            Finding::inconclusive(ReasonCode::RevocationListTooOld)
        }
        Some(list) => Finding::passed().with("list_number", list.number()),
    }
}

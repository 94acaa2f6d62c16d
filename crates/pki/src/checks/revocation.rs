//! What revocation lists and OCSP responses say, and whether they are recent enough to say it. Revoked by either is revoked;
//! the freshest that says good decides the age; unknown is neither good nor revoked.

use musubi_kernel::UnixTime;

use super::Finding;
use crate::facts::{Facts, Freshest, staleness};
use crate::indication::SubIndication;
use crate::key::RevocationReason;
use crate::path::Status;
use crate::reasons::ReasonCode;

pub(super) fn revocation_list_available(facts: &Facts<'_>) -> Finding {
    if facts.issuing_anchor().is_none() {
        return Finding::skipped();
    }
    let finding = match facts.revocation.freshest {
        None if is_answered(facts) => Finding::passed().with("method", "ocsp"),
        None => Finding::inconclusive(ReasonCode::UpstreamUnreachable),
        Some(list) => {
            Finding::passed().with("list_number", list.number()).with("key_id", list.key_id().to_owned())
        }
    };
    finding.with("covering_lists", facts.revocation.covering.len())
}

pub(super) fn revocation_freshness(facts: &Facts<'_>) -> Finding {
    let list = match facts.revocation.freshest_of_all(facts.policy, facts.at) {
        None => return Finding::skipped(),
        Some(Freshest::List(list)) => list,
        Some(Freshest::Response { this_update, next_update }) => {
            let finding = Finding::passed()
                .with("method", "ocsp")
                .with("this_update", this_update)
                .with("next_update", next_update)
                .with("age_seconds", facts.at.since(this_update));
            return within(facts, finding);
        }
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
    within(facts, finding)
}

fn within(facts: &Facts<'_>, finding: Finding) -> Finding {
    match facts.policy.max_list_age {
        Some(limit) => finding.with("max_age_seconds", limit),
        None => finding,
    }
}

/// Whether an OCSP response tells good or revoked.
fn is_answered(facts: &Facts<'_>) -> bool {
    matches!(facts.revocation.answered, Some(Status::Good { .. } | Status::Revoked { .. }))
}

/// A certificate that any verified list names is revoked, however old the list: the JPKI takes no revocation
/// back, a hold neither. (EN 319 102-1 would let a hold be tried later; CPS 4.9 of both authorities says that
/// holds are not released.)
pub(super) fn revocation_status(facts: &Facts<'_>) -> Finding {
    if facts.issuing_anchor().is_none() {
        return Finding::skipped();
    }
    let finding = if let Some(listed) = &facts.revocation.listed {
        revoked(facts, listed.at, listed.reason).with("list_number", listed.list.number())
    } else if let Some(Status::Revoked { at, reason, .. }) = facts.revocation.answered {
        revoked(facts, at, reason)
    } else {
        match facts.revocation.freshest_of_all(facts.policy, facts.at) {
            None => Finding::inconclusive(ReasonCode::UpstreamUnreachable),
            Some(Freshest::Response { .. }) => Finding::passed(),
            Some(Freshest::List(list)) if staleness(list, facts.policy, facts.at).is_some() => {
                Finding::inconclusive(ReasonCode::RevocationListTooOld)
            }
            Some(Freshest::List(list)) => Finding::passed().with("list_number", list.number()),
        }
    };
    match &facts.revocation.answered {
        None => finding,
        Some(answered) => finding.with("ocsp", told(answered)),
    }
}

fn revoked(facts: &Facts<'_>, at: UnixTime, reason: RevocationReason) -> Finding {
    let proven = facts.policy.not_signed_before.is_some_and(|bound| bound >= at);
    let sub = if proven { SubIndication::Revoked } else { SubIndication::RevokedNoPoe };
    let code = match reason {
        RevocationReason::CertificateHold => ReasonCode::CertificateHeld,
        _ => ReasonCode::CertificateRevoked,
    };
    Finding::failed(sub, code).with("reason", reason.as_str()).with("revoked_at", at)
}

/// What the OCSP responses say, or why they say nothing.
fn told(answered: &Status) -> &'static str {
    match answered {
        Status::Good { .. } => "good",
        Status::Revoked { .. } => "revoked",
        Status::Unknown(why) => why.last().map_or("unknown", |why| why.as_str()),
    }
}

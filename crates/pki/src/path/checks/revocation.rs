//! What revocation data say of every certificate below the anchor. Unknown is neither good nor revoked.

use crate::checks::Finding;
use crate::indication::SubIndication;
use crate::key::RevocationReason;
use crate::path::facts::{Demand, PathFacts};
use crate::path::status::{Status, Unusable};
use crate::policy::RevocationMode;
use crate::reasons::ReasonCode;

/// Whether evidence speaks of the certificate at all.
fn is_covered(why: &[Unusable]) -> bool {
    why.iter().any(|why| !matches!(why, Unusable::NotCovering | Unusable::Malformed))
}

/// Whether an unknown status is accepted: only where the policy takes what there is, and not if a responder says that
/// it knows no such certificate, or if the evidence was not looked through.
pub(in crate::path) fn is_unknown_accepted(mode: RevocationMode, why: &[Unusable]) -> bool {
    mode == RevocationMode::IfPresent
        && !why.iter().any(|why| matches!(why, Unusable::SaysUnknown | Unusable::TooMuchWork))
}

/// The certificates whose status is unknown and may not be, by position.
fn unknown<'f>(
    facts: &'f PathFacts<'_, '_>,
    demand: &'f Demand<'_>,
) -> impl Iterator<Item = (usize, &'f [Unusable])> {
    let statuses = facts.statuses.iter().flatten().enumerate();
    statuses.filter_map(move |(position, status)| match status {
        Status::Unknown(why) if !is_unknown_accepted(demand.policy.revocation, why) => {
            Some((facts.place_of(position), why.as_slice()))
        }
        _ => None,
    })
}

fn looked_at<'f>(facts: &'f PathFacts<'_, '_>) -> Option<&'f [Status]> {
    facts.statuses.as_deref()
}

pub(super) fn revocation_available(facts: &PathFacts<'_, '_>, demand: &Demand<'_>) -> Finding {
    let Some(statuses) = looked_at(facts) else { return Finding::skipped() };
    let without = statuses.iter().filter(|status| matches!(status, Status::Unknown(_))).count();
    let finding = match unknown(facts, demand).find(|(_, why)| !is_covered(why)) {
        Some((position, _)) => {
            Finding::inconclusive(ReasonCode::UpstreamUnreachable).with("position", position)
        }
        None => Finding::passed(),
    };
    finding.with("certificates", statuses.len()).with("without_status", without)
}

pub(super) fn revocation_freshness(facts: &PathFacts<'_, '_>, demand: &Demand<'_>) -> Finding {
    let Some(statuses) = looked_at(facts) else { return Finding::skipped() };
    let finding = match unknown(facts, demand).find(|(_, why)| why.contains(&Unusable::Stale)) {
        Some((position, _)) => {
            Finding::inconclusive(ReasonCode::RevocationListTooOld).with("position", position)
        }
        None => Finding::passed(),
    };
    let windows = statuses.iter().filter_map(|status| match status {
        Status::Good { window, .. } | Status::Revoked { window, .. } => Some(window),
        Status::Unknown(_) => None,
    });
    match windows.min_by_key(|window| window.this_update) {
        Some(oldest) => {
            let age = demand.times.control().since(oldest.this_update).max(0);
            finding.with("this_update", oldest.this_update).with("age_seconds", age)
        }
        None => finding,
    }
}

/// The authorities' first: what a revoked authority says of those below it counts no more. A hold of the certificate in
/// question may be lifted, so it is to be tried later (EN 319 102-1 5.2.6.4 (c)); an authority's makes the path fail.
pub(super) fn revocation_status(facts: &PathFacts<'_, '_>, demand: &Demand<'_>) -> Finding {
    let Some(statuses) = looked_at(facts) else { return Finding::skipped() };
    for (position, status) in statuses.iter().enumerate() {
        let Status::Revoked { at, reason, .. } = status else { continue };
        let is_leaf = position + 1 == statuses.len();
        let is_hold = *reason == RevocationReason::CertificateHold;
        let proven = demand.times.not_signed_before.is_some_and(|bound| bound >= *at);
        let sub = match (is_leaf, is_hold, proven) {
            (false, _, _) => SubIndication::RevokedCaNoPoe,
            (true, true, _) => SubIndication::TryLater,
            (true, false, true) => SubIndication::Revoked,
            (true, false, false) => SubIndication::RevokedNoPoe,
        };
        let code = if is_hold { ReasonCode::CertificateHeld } else { ReasonCode::CertificateRevoked };
        return Finding::failed(sub, code)
            .with("position", facts.place_of(position))
            .with("reason", reason.as_str())
            .with("revoked_at", *at);
    }
    // Which evidence there was and why it was not used; the most telling last.
    if let Some((position, why)) = unknown(facts, demand).next() {
        let is_stale = why.contains(&Unusable::Stale);
        let code = if is_stale { ReasonCode::RevocationListTooOld } else { ReasonCode::UpstreamUnreachable };
        let most_telling = why.last().map_or("none", |why| why.as_str());
        return Finding::inconclusive(code).with("position", position).with("evidence", most_telling);
    }
    Finding::passed()
}

//! Revocation in the judgement: unknown is never good nor revoked, and revoked is final.

use musubi_kernel::UnixTime;
use musubi_pki::*;

use crate::support::authority::*;
use crate::support::lists::{List, entry};
use crate::support::{Case, DAY, HOUR, NOW, outcome, with_outcome};

const SERIAL: [u8; 3] = [0x1E, 0xE6, 0x07];
const REVOKED_AT: UnixTime = UnixTime(NOW.0 - 10 * DAY);

fn list() -> List {
    List::of(&Authority::signature_second())
}

fn listing(why: RevocationReason) -> List {
    list().entry(entry(&SERIAL, REVOKED_AT, why))
}

fn with_lists(lists: &[List]) -> Case {
    let mut case = Case::signature();
    case.lists = lists.iter().map(List::verified).collect();
    case
}

#[test]
fn a_certificate_that_a_fresh_list_does_not_name_is_good() {
    let other = list().entry(entry(&[0x1E, 0xE6, 0x08], REVOKED_AT, RevocationReason::KeyCompromise));
    let verdict = with_lists(&[other]).passes();
    let freshness = verdict.freshness().unwrap();
    assert_eq!((freshness.list_number, freshness.age_seconds), (Some(300), HOUR));
    assert_eq!((freshness.this_update, freshness.next_update), (NOW.plus(-HOUR), NOW.plus(DAY)));
}

#[test]
fn every_reason_revokes_and_a_hold_is_told_as_such() {
    for why in RevocationReason::JPKI.into_iter().chain([RevocationReason::PrivilegeWithdrawn]) {
        let told = match why {
            RevocationReason::CertificateHold => ReasonCode::CertificateHeld,
            _ => ReasonCode::CertificateRevoked,
        };
        let verdict = with_lists(&[listing(why)]).fails(SubIndication::RevokedNoPoe, told);
        let status = verdict.check("revocation.status").unwrap();
        assert_eq!(status.evidence("reason"), Some(&EvidenceValue::from(why.as_str())));
        assert_eq!(status.evidence("revoked_at"), Some(&EvidenceValue::Time(REVOKED_AT)));
    }
}

#[test]
fn a_signature_certainly_made_after_the_revocation_is_totally_failed() {
    let mut case = with_lists(&[listing(RevocationReason::KeyCompromise)]);
    for (bound, sub) in [
        (None, SubIndication::RevokedNoPoe),
        (Some(REVOKED_AT.plus(-1)), SubIndication::RevokedNoPoe),
        (Some(REVOKED_AT), SubIndication::Revoked),
        (Some(NOW), SubIndication::Revoked),
    ] {
        case.policy.not_signed_before = bound;
        case.fails(sub, ReasonCode::CertificateRevoked);
    }
}

#[test]
fn revoked_certificate_fails_even_if_the_list_is_stale() {
    let stale = listing(RevocationReason::Superseded).updates(NOW.plus(-5 * DAY), NOW.plus(-3 * DAY));
    let mut case = with_lists(&[stale]);
    case.policy.not_signed_before = Some(NOW.plus(-60));
    let verdict = case.fails(SubIndication::Revoked, ReasonCode::CertificateRevoked);
    assert_eq!(outcome(&verdict, "revocation.freshness"), Outcome::Inconclusive);
    assert_eq!(verdict.freshness().unwrap().age_seconds, 5 * DAY);
}

#[test]
fn what_one_list_revoked_no_later_list_makes_good() {
    let fresh = list().numbered(200);
    let old =
        listing(RevocationReason::CertificateHold).numbered(100).updates(NOW.plus(-2 * DAY), NOW.plus(-DAY));
    for lists in [[old.clone(), fresh.clone()], [fresh, old]] {
        let verdict = with_lists(&lists).fails(SubIndication::RevokedNoPoe, ReasonCode::CertificateHeld);
        let status = verdict.check("revocation.status").unwrap();
        assert_eq!(status.evidence("list_number"), Some(&EvidenceValue::Number(100)));
        assert_eq!(verdict.freshness().unwrap().list_number, Some(200));
    }
}

#[test]
fn the_reason_is_that_of_the_freshest_list() {
    let old =
        listing(RevocationReason::CertificateHold).numbered(1).updates(NOW.plus(-2 * DAY), NOW.plus(DAY));
    let new = listing(RevocationReason::KeyCompromise).numbered(2);
    for lists in [[old.clone(), new.clone()], [new, old]] {
        with_lists(&lists).fails(SubIndication::RevokedNoPoe, ReasonCode::CertificateRevoked);
    }
}

#[test]
fn without_a_list_nothing_is_known() {
    let kind = AuthorityKind::DigitalSignature;
    let elsewhere = list().partition(&partition_name(kind, "Higashimurayama-shi"));
    let other_generation = List::of(&Authority::signature_first()).entry(entry(
        &SERIAL,
        REVOKED_AT,
        RevocationReason::KeyCompromise,
    ));
    let other_authority = List::of(&Authority::authentication()).entry(entry(
        &SERIAL,
        REVOKED_AT,
        RevocationReason::KeyCompromise,
    ));
    for lists in [&[][..], &[elsewhere, other_generation, other_authority]] {
        let verdict = with_lists(lists).fails(SubIndication::TryLater, ReasonCode::UpstreamUnreachable);
        assert!(verdict.may_pass_later());
        assert!(verdict.freshness().is_none());
        assert_eq!(
            with_outcome(&verdict, Outcome::Inconclusive),
            ["revocation.list_available", "revocation.status"]
        );
    }
}

#[test]
fn a_partition_is_enough_for_its_own_certificates() {
    let kind = AuthorityKind::DigitalSignature;
    let partition = |l: List| l.partition(&partition_name(kind, "Kiyose-shi"));
    with_lists(&[partition(list())]).passes();
    let revoked = partition(listing(RevocationReason::AffiliationChanged));
    with_lists(std::slice::from_ref(&revoked))
        .fails(SubIndication::RevokedNoPoe, ReasonCode::CertificateRevoked);
    // Full and partition together: each counts.
    with_lists(&[list(), revoked]).fails(SubIndication::RevokedNoPoe, ReasonCode::CertificateRevoked);
}

#[test]
fn a_list_is_fresh_until_its_next_update() {
    let mut case = with_lists(&[list()]);
    case.at = NOW.plus(DAY);
    case.passes();
    case.at = NOW.plus(DAY + 1);
    let verdict = case.fails(SubIndication::TryLater, ReasonCode::RevocationListTooOld);
    assert!(verdict.may_pass_later());
    assert_eq!(outcome(&verdict, "revocation.list_available"), Outcome::Passed);
    assert_eq!(outcome(&verdict, "revocation.status"), Outcome::Inconclusive);
}

#[test]
fn a_relying_party_may_ask_for_fresher_lists_than_the_authority_promises() {
    let mut case = with_lists(&[list()]);
    case.policy.max_list_age = Some(HOUR);
    case.passes();
    case.policy.max_list_age = Some(HOUR - 1);
    case.fails(SubIndication::TryLater, ReasonCode::RevocationListTooOld);
    // A fresher list helps; the stale one beside it does no harm.
    case.lists.push(list().numbered(9).updates(NOW, NOW.plus(DAY)).verified());
    assert_eq!(case.passes().freshness().unwrap().list_number, Some(9));
}

#[test]
fn a_list_from_the_future_is_not_fresh() {
    let mut case = with_lists(&[list().updates(NOW.plus(MAX_CLOCK_SKEW_SECONDS), NOW.plus(DAY))]);
    assert_eq!(case.passes().freshness().unwrap().age_seconds, 0);
    let future = list().numbered(7).updates(NOW.plus(MAX_CLOCK_SKEW_SECONDS + 1), NOW.plus(DAY)).verified();
    case.lists = vec![future.clone()];
    case.fails(SubIndication::TryLater, ReasonCode::RevocationListTooOld);
    // A plausible list beside it is used.
    case.lists = vec![future, list().verified()];
    assert_eq!(case.passes().freshness().unwrap().list_number, Some(300));
}

#[test]
fn a_list_that_ran_out_does_no_harm_beside_one_that_did_not() {
    let kind = AuthorityKind::DigitalSignature;
    let hourly = list().partition(&partition_name(kind, "Kiyose-shi")).numbered(2);
    let hourly = hourly.updates(NOW.plus(-2 * HOUR), NOW.plus(-HOUR));
    let daily = list().numbered(1).updates(NOW.plus(-20 * HOUR), NOW.plus(4 * HOUR));
    for lists in [[hourly.clone(), daily.clone()], [daily, hourly]] {
        assert_eq!(with_lists(&lists).passes().freshness().unwrap().list_number, Some(1));
    }
}

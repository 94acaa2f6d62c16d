//! Freshness, and the status at a past time.

use super::*;

const PAST: UnixTime = UnixTime(NOW.0 - 100 * DAY);

/// In force at [`PAST`], out of its period since.
fn then() -> Crl {
    Crl::new().numbered(3).period(PAST.plus(-HOUR), PAST.plus(DAY))
}

#[test]
fn next_update_is_enforced_as_keycloak_35983_did_not() {
    let until = |at| Case::new(&[Crl::new().period(NOW.plus(-DAY), at)]);
    until(NOW).is_good_by(0);
    until(NOW.plus(-1)).is_unknown(Unusable::Stale);
}

#[test]
fn a_list_that_does_not_say_when_it_ends_is_never_fresh() {
    let endless = Crl { next_update: None, ..Crl::new() };
    Case::new(&[endless.clone()]).is_unknown(Unusable::Stale);
    Case::new(&[endless.clone().listing(entry(NOW.plus(-DAY), KEY_COMPROMISE))]).is_unknown(Unusable::Stale);
    Case::new(&[endless]).control(PAST).is_unknown(Unusable::Stale);
}

#[test]
fn evidence_out_of_its_window_is_neither_good_nor_revoked_as_in_c2pa_rs_2644() {
    let at = PAST.plus(-DAY);
    for reason in [KEY_COMPROMISE, SUPERSEDED, HOLD] {
        Case::new(&[then().listing(entry(at, reason))]).is_unknown(Unusable::Stale);
    }
    Case::new(&[then()]).is_unknown(Unusable::Stale);
}

#[test]
fn a_list_from_the_future_says_nothing_but_clocks_may_differ_by_five_minutes() {
    let from = |seconds| Crl::new().period(NOW.plus(seconds), NOW.plus(DAY));
    Case::new(&[from(300)]).is_good_by(0);
    Case::new(&[from(301)]).is_unknown(Unusable::FromTheFuture);
    Case::new(&[from(301).listing(entry(NOW.plus(-DAY), KEY_COMPROMISE))])
        .is_unknown(Unusable::FromTheFuture);
    // Revoked by a clock that is ahead of ours.
    let at = NOW.plus(299);
    Case::new(&[from(300).listing(entry(at, KEY_COMPROMISE))])
        .is_revoked(at, RevocationReason::KeyCompromise);
}

#[test]
fn a_list_may_not_be_older_than_the_policy_says() {
    let mut case = Case::new(&[Crl::new()]);
    case.policy.max_revocation_age = Some(HOUR);
    case.is_good_by(0);
    case.policy.max_revocation_age = Some(HOUR - 1);
    case.is_unknown(Unusable::Stale);
}

#[test]
fn who_is_on_a_list_in_force_is_revoked_whatever_the_date_of_the_entry() {
    let at = NOW.plus(DAY);
    Case::new(&[Crl::new().listing(entry(at, SUPERSEDED))]).is_revoked(at, RevocationReason::Superseded);
}

#[test]
fn a_past_status_is_told_by_a_list_of_that_time_or_by_a_later_one() {
    Case::new(&[then()]).control(PAST).is_good_by(0);
    Case::new(&[Crl::new()]).control(PAST).is_good_by(0);
    // Issued between, and over since.
    let between = Crl::new().period(PAST.plus(DAY), PAST.plus(2 * DAY));
    Case::new(&[between]).control(PAST).is_good_by(0);
    // Over before.
    let before = Crl::new().period(PAST.plus(-2 * DAY), PAST.plus(-1));
    Case::new(&[before]).control(PAST).is_unknown(Unusable::Stale);
}

#[test]
fn a_later_revocation_does_not_reach_back() {
    let revoked_at = |at| Case::new(&[Crl::new().listing(entry(at, KEY_COMPROMISE))]).control(PAST);
    revoked_at(PAST).is_revoked(PAST, RevocationReason::KeyCompromise);
    revoked_at(PAST.plus(-1)).is_revoked(PAST.plus(-1), RevocationReason::KeyCompromise);
    revoked_at(PAST.plus(1)).is_good_by(0);
}

#[test]
fn signed_with_a_certificate_revoked_by_then_fails_as_in_siva_23() {
    let at = PAST.plus(-DAY);
    Case::new(&[then(), Crl::new().listing(entry(at, SUPERSEDED))])
        .control(PAST)
        .is_revoked(at, RevocationReason::Superseded);
}

#[test]
fn the_invalidity_date_decides_nothing() {
    let suspected = extension(oid::INVALIDITY_DATE, false, &generalized_time(PAST.plus(-DAY)));
    let list = Crl::new().listing(entry_of(&[2, 1, 0x2A], PAST.plus(DAY), &[reason_code(1), suspected]));
    Case::new(&[list]).control(PAST).is_good_by(0);
}

#[test]
fn silence_says_nothing_of_a_certificate_that_had_expired() {
    let expired = Certificate { not_after: PAST.plus(DAY), ..Certificate::of("Holder", 7) };
    Case::about(expired.clone(), &[Crl::new()]).control(PAST).is_unknown(Unusable::NotCovering);
    Case::about(expired.clone(), &[then()]).control(PAST).is_good_by(0);
    // It may say that it was revoked, though, or that it was so later.
    let listing = |at| Crl::new().listing(entry(at, SUPERSEDED));
    Case::about(expired.clone(), &[listing(PAST)])
        .control(PAST)
        .is_revoked(PAST, RevocationReason::Superseded);
    Case::about(expired.clone(), &[listing(PAST.plus(1))]).control(PAST).is_good_by(0);
    // Unless the list keeps those that expired.
    let keeping = |since| Crl::new().with(oid::EXPIRED_CERTS_ON_CRL, false, generalized_time(since));
    Case::about(expired.clone(), &[keeping(PAST.plus(DAY))]).control(PAST).is_good_by(0);
    Case::about(expired, &[keeping(PAST.plus(DAY + 1))]).control(PAST).is_unknown(Unusable::NotCovering);
}

#[test]
fn a_hold_at_the_time_in_question_is_not_healed_by_a_later_release() {
    let at = PAST.plus(-DAY);
    let held = then().listing(entry(at, HOLD));
    Case::new(&[held.clone(), Crl::new()]).control(PAST).is_revoked(at, RevocationReason::CertificateHold);
    let released = Crl::new().numbered(12).delta_to(3).listing(entry(at, REMOVE));
    Case::new(&[held.clone(), released]).control(PAST).is_revoked(at, RevocationReason::CertificateHold);
    // Released by then.
    let by_then = then().numbered(4).period(PAST.plus(-60), PAST.plus(DAY));
    Case::new(&[held, by_then]).control(PAST).is_good_by(1);
    // A later list alone knows of no hold.
    Case::new(&[Crl::new()]).control(PAST).is_good_by(0);
}

#[test]
fn the_freshest_list_is_the_evidence() {
    let fresher = Crl::new().numbered(11).period(NOW.plus(-60), NOW.plus(DAY));
    let case = Case::new(&[Crl::new(), fresher.clone()]);
    case.is_good_by(1);
    let Status::Good { window, .. } = case.status() else { panic!() };
    assert_eq!((window.this_update, window.next_update), (fresher.this_update, fresher.next_update));
}

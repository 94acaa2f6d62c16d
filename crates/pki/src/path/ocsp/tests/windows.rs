//! Which answers count for which time.

use musubi_crypto::DigestAlgorithm;
use musubi_kernel::UnixTime;

use super::made::{Answer, DAY, HOUR, Made, NOW, ask, ask_about, ask_for, extension, good, revoked, time};
use super::{GOOD, certificate, is_good};
use crate::key::RevocationReason;
use crate::oid;
use crate::path::status::{Status, Unusable};
use crate::policy::ValidationPolicy;

fn one(answer: Answer) -> Status {
    ask(&[Made::of(&[answer])])
}

fn unknown(why: Unusable) -> Status {
    Status::Unknown(vec![why])
}

#[test]
fn an_answer_in_its_period_counts() {
    assert!(is_good(&one(Answer::of(good()))));
    let answer = one(Answer::of(revoked(NOW.plus(-DAY), 4)));
    let Status::Revoked { at, reason, .. } = answer else { panic!("{answer:?}") };
    assert_eq!((at, reason), (NOW.plus(-DAY), RevocationReason::Superseded));
}

#[test]
fn every_digest_may_name_the_certificate() {
    for digest in
        [DigestAlgorithm::Sha1, DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512]
    {
        assert!(is_good(&one(Answer { digest, ..Answer::of(good()) })));
    }
}

/// c2pa-rs #2644: an answer good, but past its nextUpdate, was reported as revoked.
#[test]
fn c2pa_rs_2644_good_outside_of_its_period_is_neither_revoked_nor_good() {
    let old = Answer::issued(NOW.plus(-DAY - 1), good());
    assert_eq!(one(old.clone()), unknown(Unusable::Stale));
    assert!(is_good(&one(Answer { next_update: Some(NOW), ..old })));
}

#[test]
fn revoked_outside_of_its_period_is_unknown() {
    let old = Answer::issued(NOW.plus(-DAY - 1), revoked(NOW.plus(-9 * DAY), 1));
    assert_eq!(one(old), unknown(Unusable::Stale));
}

#[test]
fn clocks_may_differ_by_five_minutes() {
    assert!(is_good(&one(Answer::issued(NOW.plus(300), good()))));
    for status in [good(), revoked(NOW, 0)] {
        let answer = one(Answer::issued(NOW.plus(301), status));
        assert_eq!(answer, unknown(Unusable::FromTheFuture));
    }
    let mut signed_later = Made::of(&[Answer::of(good())]);
    signed_later.produced_at = NOW.plus(301);
    assert_eq!(ask(&[signed_later]), unknown(Unusable::FromTheFuture));
}

#[test]
fn revoked_by_a_responder_whose_clock_is_ahead_is_revoked_now() {
    let answer = one(Answer::issued(NOW.plus(200), revoked(NOW.plus(100), 1)));
    assert!(matches!(answer, Status::Revoked { .. }), "{answer:?}");
}

#[test]
fn periods_that_contradict_themselves_are_malformed() {
    let backwards = Answer { next_update: Some(NOW.plus(-HOUR - 1)), ..Answer::of(good()) };
    assert_eq!(one(backwards), unknown(Unusable::Malformed));
    let mut known_after_signing = Made::of(&[Answer::of(good())]);
    known_after_signing.produced_at = NOW.plus(-HOUR - 301);
    assert_eq!(ask(&[known_after_signing]), unknown(Unusable::Malformed));
}

#[test]
fn revoked_as_of_a_date_to_come_is_revoked_now_and_tells_nothing_of_the_past() {
    let announced = || Answer::of(revoked(NOW.plus(-HOUR + 301), 1));
    assert!(matches!(one(announced()), Status::Revoked { .. }));
    assert_eq!(past(announced()), unknown(Unusable::Malformed));
}

#[test]
fn the_policy_bounds_the_age_beside_next_update() {
    let ask = |most| {
        let policy = ValidationPolicy { max_revocation_age: Some(most), ..ValidationPolicy::default() };
        ask_for(NOW, NOW, &policy, &[Made::of(&[Answer::of(good())]).der()])
    };
    assert!(is_good(&ask(HOUR)));
    assert_eq!(ask(HOUR - 1), unknown(Unusable::Stale));
}

/// Asked now for a month ago.
fn past(answer: Answer) -> Status {
    ask_for(NOW.plus(-30 * DAY), NOW, &ValidationPolicy::default(), &[Made::of(&[answer]).der()])
}

#[test]
fn for_a_past_time_its_period_counts_or_what_was_known_later() {
    let control = NOW.plus(-30 * DAY);
    assert!(is_good(&past(Answer::issued(control.plus(-HOUR), good()))), "around that time");
    assert!(is_good(&past(Answer::issued(control.plus(HOUR), good()))), "later, and over by now");
    assert!(is_good(&past(Answer { next_update: None, ..Answer::issued(control.plus(1), good()) })));
    assert_eq!(past(Answer::issued(control.plus(-DAY - 1), good())), unknown(Unusable::Stale));
}

#[test]
fn a_revocation_counts_from_its_time_on() {
    let control = NOW.plus(-30 * DAY);
    assert!(is_good(&past(Answer::of(revoked(control.plus(1), 1)))));
    assert!(matches!(past(Answer::of(revoked(control, 1))), Status::Revoked { .. }));
    // Known before, dated later: the date is not believed.
    let ahead = Answer::issued(control.plus(-HOUR), revoked(control.plus(-HOUR + 200), 1));
    assert!(matches!(past(ahead), Status::Revoked { .. }));
}

#[test]
fn good_after_the_expiry_says_nothing_unless_the_responder_keeps_an_archive() {
    let expiry = certificate(GOOD).not_after;
    let ask = |status: Vec<u8>, cutoff: Option<UnixTime>| {
        let mut answer = Answer::issued(expiry.plus(DAY), status);
        answer.extensions.extend(cutoff.map(|at| extension(oid::OCSP_ARCHIVE_CUTOFF, false, &time(at))));
        let response = Made::of(&[answer]).der();
        let judged_at = expiry.plus(DAY + HOUR);
        ask_about(GOOD, expiry.plus(-DAY), judged_at, &ValidationPolicy::default(), &[response])
    };
    assert_eq!(ask(good(), None), unknown(Unusable::NotCovering));
    assert_eq!(ask(good(), Some(expiry.plus(1))), unknown(Unusable::NotCovering));
    assert!(is_good(&ask(good(), Some(expiry))));
    assert!(matches!(ask(revoked(expiry.plus(-DAY), 1), None), Status::Revoked { .. }));
}

#[test]
fn a_critical_extension_that_is_not_understood_makes_the_answer_unusable() {
    let strange = const_oid::ObjectIdentifier::new_unwrap("1.2.3.4");
    for status in [good(), revoked(NOW.plus(-DAY), 1)] {
        let answer = Answer { extensions: vec![extension(strange, true, &[5, 0])], ..Answer::of(status) };
        assert_eq!(one(answer), unknown(Unusable::UnknownCritical));
    }
    let passed_over = Answer { extensions: vec![extension(strange, false, &[5, 0])], ..Answer::of(good()) };
    assert!(is_good(&one(passed_over)));
}

#[test]
fn a_certificate_that_was_never_issued_is_revoked_if_the_responder_says_so() {
    // RFC 6960 2.2, 4.4.8: on hold since the beginning of 1970.
    let mut made = Made::of(&[Answer::of(revoked(UnixTime(0), 6))]);
    made.extensions = vec![extension(oid::OCSP_EXTENDED_REVOKE, false, &[5, 0])];
    let answer = ask(&[made]);
    assert!(matches!(answer, Status::Revoked { reason: RevocationReason::CertificateHold, .. }));
}

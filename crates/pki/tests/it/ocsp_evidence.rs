//! OCSP responses beside lists: revoked by either, good by the freshest that may say so, unknown is neither.

use musubi_pki::*;

use crate::support::authority::*;
use crate::support::lists::{List, entry};
use crate::support::responses::{Answer, Says};
use crate::support::{Case, DAY, HOUR, Key, NOW, anchors};

fn answer() -> Answer {
    Answer::of(&Authority::signature_second(), &Leaf::signature())
}

/// A list that ended a day ago, and this response.
fn stale_with(answer: &Answer) -> Case {
    let old = List::of(&Authority::signature_second()).updates(NOW.plus(-3 * DAY), NOW.plus(-DAY));
    let mut case = Case::signature();
    case.lists = vec![old.verified()];
    case.ocsp = vec![answer.der()];
    case
}

fn told(verdict: &Verdict) -> Option<EvidenceValue> {
    verdict.check("revocation.status").unwrap().evidence("ocsp").cloned()
}

const TOO_OLD: (SubIndication, ReasonCode) = (SubIndication::TryLater, ReasonCode::RevocationListTooOld);

#[test]
fn a_fresh_good_response_makes_up_for_a_list_that_is_too_old() {
    let verdict = stale_with(&answer()).passes();
    let freshness = verdict.freshness().unwrap();
    assert_eq!((freshness.method, freshness.list_number, freshness.age_seconds), (Method::Ocsp, None, 60));
    assert_eq!(told(&verdict), Some(EvidenceValue::from("good")));
    let mut case = Case::signature();
    (case.lists, case.ocsp) = (Vec::new(), vec![answer().der()]);
    assert_eq!(case.passes().freshness().unwrap().method, Method::Ocsp, "without any list, too");
}

#[test]
fn the_freshest_that_says_good_decides_the_age() {
    let mut case = Case::signature();
    case.ocsp = vec![answer().der()];
    assert_eq!(case.passes().freshness().unwrap().method, Method::Ocsp);
    case.lists =
        vec![List::of(&Authority::signature_second()).updates(NOW.plus(-30), NOW.plus(DAY)).verified()];
    let freshness = case.passes().freshness().unwrap();
    assert_eq!((freshness.method, freshness.age_seconds), (Method::List, 30));
    case.policy.max_list_age = Some(20);
    case.fails(TOO_OLD.0, TOO_OLD.1);
}

#[test]
fn revoked_by_either_is_revoked() {
    let at = NOW.plus(-2 * HOUR);
    let mut by_response = Case::signature();
    by_response.ocsp = vec![answer().saying(Says::Revoked(at, RevocationReason::KeyCompromise)).der()];
    by_response.fails(SubIndication::RevokedNoPoe, ReasonCode::CertificateRevoked);
    by_response.ocsp = vec![answer().saying(Says::Revoked(at, RevocationReason::CertificateHold)).der()];
    by_response.fails(SubIndication::RevokedNoPoe, ReasonCode::CertificateHeld);
    by_response.policy.not_signed_before = Some(NOW.plus(-HOUR));
    by_response.fails(SubIndication::Revoked, ReasonCode::CertificateHeld);
    let listed = List::of(&Authority::signature_second()).updates(NOW.plus(-3 * DAY), NOW.plus(-DAY));
    let mut by_list = stale_with(&answer());
    by_list.lists =
        vec![listed.entry(entry(&[0x1E, 0xE6, 0x07], at, RevocationReason::Superseded)).verified()];
    by_list.fails(SubIndication::RevokedNoPoe, ReasonCode::CertificateRevoked);
}

#[test]
fn unknown_is_neither_good_nor_revoked() {
    let verdict = stale_with(&answer().saying(Says::Unknown)).fails(TOO_OLD.0, TOO_OLD.1);
    assert_eq!(told(&verdict), Some(EvidenceValue::from("says_unknown")));
    let mut case = Case::signature();
    case.ocsp = vec![answer().saying(Says::Unknown).der()];
    assert_eq!(case.passes().freshness().unwrap().method, Method::List, "a fresh list still says good");
}

#[test]
fn what_cannot_be_believed_says_nothing() {
    let changed = |change: fn(&mut Answer)| {
        let mut answer = answer();
        change(&mut answer);
        answer
    };
    for (what, why, answer) in [
        ("of another certificate", "not_covering", changed(|a| a.serial = vec![0x1E, 0xE6, 0x08])),
        ("of another generation", "not_covering", changed(|a| a.authority = Authority::signature_first())),
        ("of yesterday", "stale", changed(|a| *a = a.clone().issued(NOW.plus(-DAY)))),
        ("of tomorrow", "from_the_future", changed(|a| *a = a.clone().issued(NOW.plus(DAY)))),
        ("without an end", "stale", changed(|a| a.next_update = None)),
        ("by a stranger's delegate", "unauthorized", changed(|a| a.responder.issued_by = Key::Holder)),
        ("by no delegate", "unauthorized", changed(|a| a.responder.for_ocsp = false)),
        ("by one who may be revoked", "unauthorized", changed(|a| a.responder.no_check = false)),
        (
            "by one whose time is over",
            "unauthorized",
            changed(|a| a.responder.validity = [NOW.plus(-9 * DAY), NOW.plus(-DAY)]),
        ),
    ] {
        let verdict = stale_with(&answer).fails(TOO_OLD.0, TOO_OLD.1);
        assert_eq!(told(&verdict), Some(EvidenceValue::from(why)), "{what}");
        let revoked = answer.saying(Says::Revoked(NOW.plus(-HOUR), RevocationReason::KeyCompromise));
        stale_with(&revoked).fails(TOO_OLD.0, TOO_OLD.1);
    }
    let mut case = stale_with(&answer());
    let whole = answer().der();
    for broken in [whole[..whole.len() - 1].to_vec(), flipped(&whole), vec![0x30; MAX_RESPONSE_BYTES + 1]] {
        case.ocsp = vec![broken];
        case.fails(TOO_OLD.0, TOO_OLD.1);
    }
    // A response more than is looked at changes nothing.
    case.ocsp = vec![vec![0], vec![0], whole];
    case.fails(TOO_OLD.0, TOO_OLD.1);
}

fn flipped(der: &[u8]) -> Vec<u8> {
    let mut der = der.to_vec();
    let middle = der.len() / 2;
    der[middle] ^= 1;
    der
}

#[test]
fn a_policy_bounds_the_age_of_a_response_too() {
    let mut case = stale_with(&answer());
    case.policy.max_list_age = Some(60);
    case.passes();
    case.policy.max_list_age = Some(59);
    case.fails(TOO_OLD.0, TOO_OLD.1);
}

#[test]
fn a_request_names_the_certificate_and_its_nonce_is_compared() {
    let certificate = Authority::signature_second().issue(&Leaf::signature());
    let asked = ocsp_request(&certificate, &anchors(), &[7; 32]).unwrap();
    assert_eq!(asked.authority, AuthorityKind::DigitalSignature);
    assert!(asked.der.windows(3).any(|bytes| bytes == [0x1E, 0xE6, 0x07]));
    assert!(asked.der.windows(32).any(|bytes| bytes == [7; 32]));
    assert_eq!(ocsp_request(&flipped(&certificate), &anchors(), &[7; 32]), None, "no authority signed that");
    let mut answer = answer();
    assert!(!answers_nonce(&answer.der(), &[7; 32]), "without a nonce it may be an old one");
    answer.nonce = Some(vec![7; 32]);
    assert!(answers_nonce(&answer.der(), &[7; 32]));
    assert!(!answers_nonce(&answer.der(), &[8; 32]));
}

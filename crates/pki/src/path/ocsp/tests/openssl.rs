//! Responses that OpenSSL made.

use musubi_crypto::sha256;

use super::{Asked, DELEGATE, GOOD, Judge, certificate, fixture, is_good};
use crate::key::RevocationReason;
use crate::path::ocsp::{CertIdDigest, CertStatus, Nonce, NonceError, Response, check_nonce, nonce, request};
use crate::path::status::{Status, Unusable};

const DIRECT: &[u8] = fixture!("direct.ocsp");
const DELEGATED: &[u8] = fixture!("delegated.ocsp");
const REVOKED: &[u8] = fixture!("revoked.der");
const HOLD: &[u8] = fixture!("hold.der");

/// The status of `leaf` by one response, nothing else being at hand.
fn alone(leaf: &'static [u8], response: &[u8]) -> Status {
    Asked::about(leaf, response).answer(&[response], &mut Judge::knowing(&[]))
}

fn unknown(why: Unusable) -> Status {
    Status::Unknown(vec![why])
}

#[test]
fn the_issuer_itself_may_answer() {
    for response in [DIRECT, fixture!("direct-no-certs.ocsp"), fixture!("direct-sha256-id.ocsp")] {
        let answer = alone(GOOD, response);
        let Status::Good { evidence, window } = answer else { panic!("{answer:?}") };
        assert_eq!(evidence, sha256(response));
        assert_eq!(window.next_update.unwrap().since(window.this_update), 7 * 86_400);
    }
}

#[test]
fn a_delegate_of_the_issuer_may_answer() {
    for response in [DELEGATED, fixture!("delegated-by-key.ocsp"), fixture!("delegated-three.ocsp")] {
        let mut judge = Judge::knowing(&[]);
        assert!(is_good(&Asked::about(GOOD, response).answer(&[response], &mut judge)));
        assert_eq!(judge.asked, 1, "path validation judges the delegate");
    }
}

#[test]
fn a_delegate_may_come_with_the_other_evidence() {
    let response = fixture!("delegated-no-certs.ocsp");
    let asked = Asked::about(GOOD, response);
    let with = asked.answer(&[response], &mut Judge::knowing(&[GOOD, DELEGATE]));
    assert!(is_good(&with));
    assert_eq!(asked.answer(&[response], &mut Judge::knowing(&[GOOD])), unknown(Unusable::Unauthorized));
}

#[test]
fn revoked_and_on_hold_keep_their_reason() {
    for (leaf, response, expected) in [
        (REVOKED, fixture!("delegated-revoked.ocsp"), RevocationReason::KeyCompromise),
        (HOLD, fixture!("delegated-hold.ocsp"), RevocationReason::CertificateHold),
        (REVOKED, fixture!("delegated-three.ocsp"), RevocationReason::KeyCompromise),
    ] {
        let answer = alone(leaf, response);
        let Status::Revoked { reason, at, window, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(reason, expected);
        assert!(at <= window.this_update);
    }
}

#[test]
fn unknown_is_neither_good_nor_revoked() {
    assert_eq!(alone(GOOD, fixture!("delegated-unknown.ocsp")), unknown(Unusable::SaysUnknown));
    // Somebody else may know.
    let both = [fixture!("delegated-unknown.ocsp"), DIRECT];
    assert!(is_good(&Asked::about(GOOD, DIRECT).answer(&both, &mut Judge::knowing(&[]))));
}

#[test]
fn no_response_is_unknown() {
    let asked = Asked::about(GOOD, DIRECT);
    assert_eq!(asked.answer(&[], &mut Judge::knowing(&[])), Status::Unknown(Vec::new()));
}

#[test]
fn a_response_about_another_certificate_is_passed_over_before_any_work() {
    let asked = Asked::about(HOLD, DIRECT);
    let mut judge = Judge::knowing(&[]);
    judge.work_left = 0;
    assert_eq!(asked.answer(&[DIRECT], &mut judge), unknown(Unusable::NotCovering));
}

#[test]
fn the_same_serial_number_under_a_namesake_of_the_issuer_is_another_certificate() {
    let namesake = fixture!("namesake.der");
    assert_eq!(certificate(namesake).subject, certificate(super::AUTHORITY).subject);
    let asked = Asked::about(GOOD, DIRECT);
    let answer = asked.answer_under(namesake, &[DIRECT], &mut Judge::knowing(&[]));
    assert_eq!(answer, unknown(Unusable::NotCovering));
}

#[test]
fn a_certificate_without_the_purpose_is_no_delegate() {
    let response = fixture!("no-purpose.ocsp");
    assert_eq!(alone(GOOD, response), unknown(Unusable::Unauthorized));
}

#[test]
fn any_purpose_is_not_the_purpose_of_a_delegate() {
    let response = fixture!("any-purpose.ocsp");
    assert_eq!(alone(GOOD, response), unknown(Unusable::Unauthorized));
}

#[test]
fn a_delegate_whose_key_is_not_for_signatures_may_not_answer() {
    let response = fixture!("no-signing.ocsp");
    assert_eq!(alone(GOOD, response), unknown(Unusable::Unauthorized));
}

#[test]
fn a_delegate_of_another_authority_of_the_same_name_may_not_answer() {
    let response = fixture!("namesake-delegated.ocsp");
    let mut judge = Judge::knowing(&[fixture!("namesake.der"), fixture!("namesake-delegate.der")]);
    let answer = Asked::about(GOOD, response).answer(&[response], &mut judge);
    assert_eq!(answer, unknown(Unusable::Unauthorized));
    assert_eq!(judge.asked, 0, "whatever path validation would have said");
}

#[test]
fn a_delegate_that_path_validation_refuses_may_not_answer() {
    for why in [Unusable::Unauthorized, Unusable::WeakAlgorithm, Unusable::TooMuchWork] {
        let mut judge = Judge::knowing(&[]);
        judge.refusal = Some(why);
        assert_eq!(Asked::about(GOOD, DELEGATED).answer(&[DELEGATED], &mut judge), unknown(why));
    }
}

/// bc-java #2254: the outcome of the verification was not looked at.
#[test]
fn bc_java_2254_an_invalid_signature_of_a_response_is_not_ignored() {
    for (leaf, response) in [
        (GOOD, DIRECT),
        (GOOD, DELEGATED),
        (REVOKED, fixture!("delegated-revoked.ocsp")),
        (HOLD, fixture!("delegated-hold.ocsp")),
    ] {
        let parsed = Response::parse(response).unwrap();
        let at = parsed.signature.as_ptr() as usize - response.as_ptr() as usize + parsed.signature.len() - 1;
        let mut forged = response.to_vec();
        forged[at] ^= 1;
        assert_eq!(alone(leaf, &forged), unknown(Unusable::BadSignature));
    }
}

#[test]
fn no_bit_of_a_response_can_be_changed() {
    let response = fixture!("direct-no-certs.ocsp");
    let asked = Asked::about(GOOD, response);
    let mut changed = response.to_vec();
    for bit in 0..response.len() * 8 {
        changed[bit / 8] ^= 1 << (bit % 8);
        if Response::parse(&changed).is_ok() {
            let answer = asked.answer(&[&changed], &mut Judge::knowing(&[]));
            assert!(matches!(answer, Status::Unknown(_)), "bit {bit}: {answer:?}");
        }
        changed[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn the_signature_of_another_response_does_not_verify() {
    let other = Response::parse(fixture!("direct-sha256-id.ocsp")).unwrap();
    let own = Response::parse(DIRECT).unwrap().signature;
    let at = DIRECT.windows(own.len()).position(|w| w == own).unwrap();
    let mut forged = DIRECT.to_vec();
    forged[at..at + own.len()].copy_from_slice(other.signature);
    assert_eq!(alone(GOOD, &forged), unknown(Unusable::BadSignature));
}

#[test]
fn without_next_update_only_a_policy_says_how_old_is_new_enough() {
    let response = fixture!("delegated-no-next-update.ocsp");
    let mut asked = Asked::about(GOOD, response);
    let mut ask = |age| {
        asked.policy.max_revocation_age = age;
        asked.answer(&[response], &mut Judge::knowing(&[]))
    };
    assert_eq!(ask(None), unknown(Unusable::Stale));
    assert_eq!(ask(Some(59)), unknown(Unusable::Stale));
    assert!(is_good(&ask(Some(60))));
}

#[test]
fn sha1_signatures_count_only_as_far_back_as_a_policy_says() {
    let response = fixture!("direct-sha1-signature.ocsp");
    let mut asked = Asked::about(GOOD, response);
    let at = asked.control;
    let mut ask = |until| {
        asked.policy.sha1_until = until;
        asked.answer(&[response], &mut Judge::knowing(&[]))
    };
    assert_eq!(ask(None), unknown(Unusable::WeakAlgorithm));
    assert_eq!(ask(Some(at.plus(-1))), unknown(Unusable::WeakAlgorithm));
    assert!(is_good(&ask(Some(at))));
}

#[test]
fn short_keys_do_not_count() {
    let mut asked = Asked::about(GOOD, DIRECT);
    asked.policy.min_rsa_bits = 3072;
    assert_eq!(asked.answer(&[DIRECT], &mut Judge::knowing(&[])), unknown(Unusable::WeakAlgorithm));
}

#[test]
fn every_verification_is_charged_for() {
    for (response, cost) in [(DIRECT, 1), (DELEGATED, 2)] {
        let asked = Asked::about(GOOD, response);
        let mut judge = Judge::knowing(&[DELEGATE]);
        judge.work_left = cost;
        assert!(is_good(&asked.answer(&[response], &mut judge)));
        assert_eq!(judge.work_left, 0);
        judge.work_left = cost - 1;
        assert_eq!(asked.answer(&[response], &mut judge), unknown(Unusable::TooMuchWork));
    }
}

#[test]
fn what_was_left_unread_might_revoke_what_seems_good() {
    let mut judge = Judge::knowing(&[]);
    judge.work_left = 1;
    let answer = Asked::about(GOOD, DIRECT).answer(&[DIRECT, DELEGATED], &mut judge);
    assert_eq!(answer, unknown(Unusable::TooMuchWork));
    // Nothing takes back a revocation.
    let responses = [fixture!("delegated-revoked.ocsp"), fixture!("delegated-three.ocsp")];
    judge.work_left = 2;
    let answer = Asked::about(REVOKED, responses[0]).answer(&responses, &mut judge);
    assert!(matches!(answer, Status::Revoked { .. }), "{answer:?}");
}

#[test]
fn the_nonce_of_a_response_is_compared_with_that_of_the_request() {
    let response = Response::parse(fixture!("delegated-nonce.ocsp")).unwrap();
    let octets = nonce(&response).unwrap();
    assert_eq!(octets.len(), 16);
    assert_eq!(check_nonce(&response, Nonce::new(octets).unwrap()), Ok(()));
    let other = Nonce::new(&[7; Nonce::RECOMMENDED_LENGTH]).unwrap();
    assert_eq!(check_nonce(&response, other), Err(NonceError::Different));
    assert_eq!(check_nonce(&response, Nonce::new(&octets[..15]).unwrap()), Err(NonceError::Different));
    let without = Response::parse(DELEGATED).unwrap();
    assert_eq!(nonce(&without), None);
    assert_eq!(check_nonce(&without, other), Err(NonceError::Missing));
    assert_eq!(Nonce::new(&[]), Err(NonceError::Length));
    assert_eq!(Nonce::new(&[0; 129]), Err(NonceError::Length));
}

#[test]
fn requests_are_those_of_openssl() {
    let (good, issuer) = (certificate(GOOD), certificate(super::AUTHORITY));
    assert_eq!(request(&good, &issuer, CertIdDigest::Sha1, None), fixture!("sha1.req"));
    assert_eq!(request(&good, &issuer, CertIdDigest::Sha256, None), fixture!("sha256.req"));
    let with_nonce = fixture!("nonce.req");
    let nonce = Nonce::new(&with_nonce[with_nonce.len() - 16..]).unwrap();
    assert_eq!(request(&good, &issuer, CertIdDigest::Sha1, Some(nonce)), with_nonce);
    // A length of two octets.
    let longest = request(&good, &issuer, CertIdDigest::Sha256, Some(Nonce::new(&[1; 128]).unwrap()));
    assert_eq!(longest[..2], [0x30, 0x81]);
    assert_eq!(usize::from(longest[2]) + 3, longest.len());
}

#[test]
fn all_answers_of_a_response_are_read() {
    let response = Response::parse(fixture!("delegated-three.ocsp")).unwrap();
    let statuses: Vec<_> = response.answers.iter().map(|answer| answer.status).collect();
    assert!(matches!(
        statuses[..],
        [CertStatus::Good, CertStatus::Revoked { .. }, CertStatus::Revoked { .. }]
    ));
}

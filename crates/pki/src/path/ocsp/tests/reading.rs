//! What is read as a response, and what is not.

use super::fixture;
use super::made::{Answer, Made, NOW, ask, extension, good, revoked, time};
use super::{GOOD, is_good};
use crate::oid;
use crate::path::ocsp::request::tlv;
use crate::path::ocsp::{MAX_CERTIFICATES, MAX_RESPONSE_BYTES, MAX_SINGLE_RESPONSES, Response};
use crate::path::ocsp::{Nonce, NonceError, check_nonce, nonce};
use crate::path::status::{Status, Unusable};

const DELEGATED: &[u8] = fixture!("delegated.ocsp");

fn refusal(der: &[u8]) -> Unusable {
    Response::parse(der).map(|_| "read").unwrap_err()
}

fn made() -> Made {
    Made::of(&[Answer::of(good())])
}

#[test]
fn bare_and_wrapped_responses_are_the_same_response() {
    let bare = made().der();
    let content = tlv(0x30, &[tlv(6, &[oid::OCSP_BASIC.as_bytes()]), tlv(4, &[&bare])]);
    let wrapped = tlv(0x30, &[vec![0x0A, 1, 0], tlv(0xA0, &[content])]);
    let (bare, wrapped) = (Response::parse(&bare).unwrap(), Response::parse(&wrapped).unwrap());
    assert_eq!((bare.tbs, bare.signature), (wrapped.tbs, wrapped.signature));
    assert_ne!(bare.sha256, wrapped.sha256, "each is known by what came");
}

#[test]
fn a_responder_that_does_not_answer_says_unknown() {
    for status in [1, 2, 3, 5, 6] {
        assert_eq!(refusal(&[0x30, 3, 0x0A, 1, status]), Unusable::SaysUnknown);
    }
    // Success without content, a status that does not exist, a failure with an answer.
    for malformed in [0, 4, 7, 0xFF] {
        assert_eq!(refusal(&[0x30, 3, 0x0A, 1, malformed]), Unusable::Malformed);
    }
    let mut failed = DELEGATED.to_vec();
    let at = failed.windows(3).position(|w| w == [0x0A, 1, 0]).unwrap();
    failed[at + 2] = 6;
    assert_eq!(refusal(&failed), Unusable::Malformed);
}

#[test]
fn another_type_of_response_is_not_understood() {
    let content = tlv(0x30, &[tlv(6, &[oid::OCSP_NONCE.as_bytes()]), tlv(4, &[made().der()])]);
    let other = tlv(0x30, &[vec![0x0A, 1, 0], tlv(0xA0, &[content])]);
    assert_eq!(refusal(&other), Unusable::UnknownCritical);
}

#[test]
fn no_part_of_a_response_is_a_response() {
    for end in 0..DELEGATED.len() {
        assert_eq!(refusal(&DELEGATED[..end]), Unusable::Malformed);
    }
    assert_eq!(refusal(&[DELEGATED, &[0]].concat()), Unusable::Malformed);
    assert_eq!(refusal(GOOD), Unusable::Malformed);
}

#[test]
fn no_changed_byte_makes_the_reader_fail() {
    let mut changed = DELEGATED.to_vec();
    for at in 0..changed.len() {
        let right = changed[at];
        for wrong in [0, 0x30, 0x7F, 0x80, 0x84, 0xFF] {
            changed[at] = wrong;
            let _ = Response::parse(&changed);
        }
        changed[at] = right;
    }
}

#[test]
fn a_response_without_a_signature_is_malformed() {
    let bare = made().der();
    let tbs = Response::parse(&bare).unwrap().tbs;
    let algorithm = tlv(0x30, &[tlv(6, &[oid::ED25519.as_bytes()])]);
    assert_eq!(refusal(&tlv(0x30, &[tbs])), Unusable::Malformed);
    assert_eq!(refusal(&tlv(0x30, &[tbs, &algorithm])), Unusable::Malformed);
    // An empty one is one that does not verify.
    let empty = tlv(0x30, &[tbs, &algorithm, &[3, 1, 0]]);
    let answer = super::made::ask_for(NOW, NOW, &crate::policy::ValidationPolicy::default(), &[empty]);
    assert_eq!(answer, Status::Unknown(vec![Unusable::BadSignature]));
}

#[test]
fn version_1_may_be_written_out_and_no_other() {
    let with = |version: &[u8]| Made { version: version.to_vec(), ..made() };
    assert!(is_good(&ask(&[with(&[0xA0, 3, 2, 1, 0])])));
    assert_eq!(refusal(&with(&[0xA0, 3, 2, 1, 1]).der()), Unusable::Malformed);
}

#[test]
fn a_responder_is_a_name_or_a_hash() {
    let with = |responder: Vec<u8>| Made { responder, ..made() };
    assert_eq!(refusal(&with(tlv(0xA3, &[[5, 0]])).der()), Unusable::Malformed);
    assert_eq!(refusal(&with(tlv(0xA1, &[[5, 0]])).der()), Unusable::Malformed);
    let stranger = with(tlv(0xA2, &[tlv(4, &[[0; 20]])]));
    assert_eq!(ask(&[stranger]), Status::Unknown(vec![Unusable::Unauthorized]));
}

#[test]
fn reasons_that_are_none_are_malformed() {
    for reason in [7, 8, 11, 0xFF] {
        let made = Made::of(&[Answer::of(revoked(NOW, reason))]);
        assert_eq!(refusal(&made.der()), Unusable::Malformed);
    }
    let without = Made::of(&[Answer::of(tlv(0xA1, &[time(NOW)]))]);
    assert!(Response::parse(&without.der()).is_ok());
}

#[test]
fn statuses_and_times_have_one_form() {
    for status in [vec![0x80, 1, 0], vec![0xA0, 0], vec![0x83, 0], vec![0x81, 0], vec![5, 0]] {
        assert_eq!(refusal(&Made::of(&[Answer::of(status)]).der()), Unusable::Malformed);
    }
    let utc = tlv(0xA1, &[tlv(0x17, &[b"261201000000Z"])]);
    assert_eq!(refusal(&Made::of(&[Answer::of(utc)]).der()), Unusable::Malformed);
}

#[test]
fn sizes_and_counts_are_bounded() {
    let answer = Answer::of(good()).der();
    let with = |count| Made { answers: vec![answer.clone(); count], ..made() }.der();
    assert!(Response::parse(&with(MAX_SINGLE_RESPONSES)).is_ok());
    for count in [0, MAX_SINGLE_RESPONSES + 1] {
        assert_eq!(refusal(&with(count)), Unusable::Malformed);
    }
    let with = |count| Made { certificates: vec![GOOD.to_vec(); count], ..made() }.der();
    assert!(Response::parse(&with(MAX_CERTIFICATES)).is_ok());
    assert_eq!(refusal(&with(MAX_CERTIFICATES + 1)), Unusable::Malformed);
    let large = extension(oid::OCSP_NONCE, false, &vec![0; MAX_RESPONSE_BYTES]);
    assert_eq!(refusal(&Made { extensions: vec![large], ..made() }.der()), Unusable::Malformed);
}

#[test]
fn a_critical_extension_of_the_whole_must_be_understood() {
    let strange = const_oid::ObjectIdentifier::new_unwrap("1.2.3.4");
    let with = |extensions| Made { extensions, ..made() };
    assert_eq!(refusal(&with(vec![extension(strange, true, &[5, 0])]).der()), Unusable::UnknownCritical);
    assert!(is_good(&ask(&[with(vec![extension(strange, false, &[5, 0])])])));
    let twice = vec![extension(strange, false, &[5, 0]), extension(strange, false, &[5, 0])];
    assert_eq!(refusal(&with(twice).der()), Unusable::Malformed);
}

#[test]
fn a_malformed_nonce_is_no_nonce_and_spoils_nothing_else() {
    for (value, why) in [
        (vec![1, 2, 3, 4], NonceError::Malformed),
        (tlv(4, &[[]]), NonceError::Length),
        (tlv(4, &[[0; 129]]), NonceError::Length),
    ] {
        let made = Made { extensions: vec![extension(oid::OCSP_NONCE, false, &value)], ..made() };
        let der = made.der();
        let response = Response::parse(&der).unwrap();
        assert_eq!(nonce(&response), None);
        assert_eq!(check_nonce(&response, Nonce::new(&[1]).unwrap()), Err(why));
        assert!(is_good(&ask(&[made])));
    }
}

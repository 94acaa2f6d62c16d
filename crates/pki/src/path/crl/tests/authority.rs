//! Who may sign a list (RFC 5280 6.3.3 (f), (g)).

use super::*;

/// `keyUsage`: keyCertSign and cRLSign, or keyCertSign alone.
const SIGNS_LISTS: [u8; 4] = [0x03, 0x02, 0x01, 0x06];
const SIGNS_CERTIFICATES: [u8; 4] = [0x03, 0x02, 0x02, 0x04];

#[test]
fn a_signature_of_anybody_else_says_nothing() {
    let forged = Crl::new().by(CA, STRANGER_KEY);
    Case::new(&[forged.clone()]).is_unknown(Unusable::BadSignature);
    Case::new(&[forged.listing(entry(NOW.plus(-DAY), KEY_COMPROMISE))]).is_unknown(Unusable::BadSignature);
}

#[test]
fn an_issuer_without_crl_sign_signs_no_lists() {
    let case = Case { may_sign_crls: false, ..Case::new(&[Crl::new()]) };
    case.is_unknown(Unusable::Unauthorized);
    let without = Certificate::of(CA, CA_KEY).with(oid::KEY_USAGE, &SIGNS_CERTIFICATES);
    case.clone().candidate(without, true).is_unknown(Unusable::Unauthorized);
    let with = Certificate::of(CA, CA_KEY).with(oid::KEY_USAGE, &SIGNS_LISTS);
    case.candidate(with, true).is_good_by(0);
}

#[test]
fn another_key_of_the_issuers_name_counts_if_path_validation_confirms_it() {
    let next = || Certificate::of(CA, NEW_KEY).with(oid::KEY_USAGE, &SIGNS_LISTS);
    let case = Case::new(&[Crl::new().by(CA, NEW_KEY)]);
    case.is_unknown(Unusable::BadSignature);
    case.clone().candidate(next(), true).is_good_by(0);
    case.clone().candidate(next(), false).is_unknown(Unusable::Unauthorized);
    // Two certificates of one key, of which one is trusted.
    let twin = Certificate { serial: vec![2, 1, 1], ..next() };
    case.candidate(next(), false).candidate(twin, true).is_good_by(0);
}

#[test]
fn a_key_of_another_name_does_not_count() {
    Case::new(&[Crl::new().by(CA, OTHER_KEY)])
        .candidate(Certificate::of(OTHER, OTHER_KEY), true)
        .is_unknown(Unusable::BadSignature);
}

#[test]
fn a_key_identifier_is_a_hint_and_no_more() {
    let key_id = seq(&[&ctx_bytes(0, b"named")]);
    let list = Crl::new().by(CA, NEW_KEY).with(oid::AUTHORITY_KEY_IDENTIFIER, false, key_id);
    let case = Case { may_sign_crls: false, ..Case::new(&[list]) };
    // Right key, another identifier.
    case.clone().candidate(Certificate::of(CA, NEW_KEY), true).is_good_by(0);
    // The key that is named is tried first.
    let named = Certificate::of(CA, NEW_KEY).with(oid::SUBJECT_KEY_IDENTIFIER, &octets(b"named"));
    let case = case.candidate(Certificate::of(CA, OTHER_KEY), true).candidate(named, true);
    Case { budget: 1, ..case }.is_good_by(0);
}

#[test]
fn an_algorithm_that_is_not_in_the_table_is_not_accepted() {
    let unknown = seq(&[&oid_text("1.2.840.10040.4.3")]);
    let tbs =
        seq(&[&integer(&[1]), &unknown, &named(CA), &utc_time(NOW.plus(-HOUR)), &utc_time(NOW.plus(HOUR))]);
    let list = seq(&[&tbs, &unknown, &bits(&[0; 64])]);
    Case { lists: vec![list], ..Case::new(&[]) }.is_unknown(Unusable::WeakAlgorithm);
}

#[test]
fn what_exceeds_the_work_allowed_is_never_good() {
    let case = Case::new(&[Crl::new(), Crl::new().numbered(11)]);
    Case { budget: 2, ..case.clone() }.is_good_by(1);
    Case { budget: 1, ..case.clone() }.is_unknown(Unusable::TooMuchWork);
    Case { budget: 0, ..case }.is_unknown(Unusable::TooMuchWork);
    // A hold might have been released by what was not read; a revocation for good stays.
    let at = NOW.plus(-DAY);
    let listing =
        |reason| Case { budget: 1, ..Case::new(&[Crl::new().listing(entry(at, reason)), Crl::new()]) };
    listing(KEY_COMPROMISE).is_revoked(at, RevocationReason::KeyCompromise);
    listing(HOLD).is_unknown(Unusable::TooMuchWork);
}

#[test]
fn more_names_than_anybody_needs_are_too_much_work() {
    let many: Vec<u8> = (0..300).flat_map(|n| directory(&format!("{n}"))).collect();
    let certificate = Certificate::of("Holder", 7).points(&[full_name(&many)]);
    let others: Vec<u8> = (0..300).flat_map(|n| directory(&format!("other {n}"))).collect();
    Case::about(certificate, &[Crl::new().point(&full_name(&others))]).is_unknown(Unusable::TooMuchWork);
}

//! Revocation of the certificates of a path, and who may speak of it. What single lists and responses mean is tested
//! beside their evaluation.

use musubi_kernel::UnixTime;
use musubi_pki::oid;
use musubi_pki::{ReasonCode, RevocationMode, SubIndication};

use crate::path_support::*;
use crate::support::der::*;
use crate::support::{DAY, NOW};

const HOLD: u8 = 6;
const KEY_COMPROMISE: u8 = 1;

fn days(n: i64) -> UnixTime {
    NOW.plus(n * DAY)
}

fn ca() -> Cert {
    Cert::authority("CA", 2)
}

fn leaf() -> Cert {
    Cert::leaf("Leaf", 3).by("CA", 2)
}

/// A chain with fresh lists of both authorities, of which these entries are on the lower.
fn listed(entries: &[(u16, UnixTime, u8)]) -> PathCase {
    let mut case = PathCase::chain(leaf(), ca());
    case.policy.revocation = RevocationMode::Required;
    case.crls = vec![list("CA", 2, entries), list("Root", 1, &[])];
    case
}

/// The same with a response about the leaf in place of the lower list.
fn answered(response: Vec<u8>) -> PathCase {
    let mut case = listed(&[]);
    case.crls.remove(0);
    case.ocsp = vec![response];
    case
}

const NOT_AVAILABLE: (SubIndication, ReasonCode) = (SubIndication::TryLater, ReasonCode::UpstreamUnreachable);

#[track_caller]
fn is_unknown(case: &PathCase) {
    let verdict = case.judged().verdict;
    assert_eq!(verdict.sub_indication(), Some(SubIndication::TryLater), "{verdict:#?}");
    assert!(failed(&verdict).contains(&"revocation.status"));
}

#[test]
fn every_certificate_below_the_anchor_needs_a_status() {
    let case = listed(&[]);
    assert_eq!(case.passes().revocation.len(), 2);
    for left in 0..2 {
        let mut case = listed(&[]);
        case.crls.remove(left);
        case.fails(NOT_AVAILABLE.0, NOT_AVAILABLE.1, &["revocation.available", "revocation.status"]);
        case.policy.revocation = RevocationMode::IfPresent;
        assert_eq!(case.passes().revocation.len(), 1);
    }
}

#[test]
fn without_revocation_nothing_is_looked_at() {
    let mut case = listed(&[(3, days(-5), KEY_COMPROMISE)]);
    case.policy.revocation = RevocationMode::Off;
    assert!(case.passes().revocation.is_empty());
}

#[test]
fn a_revoked_certificate_fails_for_good_only_if_the_signature_is_certainly_younger() {
    let mut case = listed(&[(3, days(-5), KEY_COMPROMISE)]);
    let (revoked, status) = (ReasonCode::CertificateRevoked, &["revocation.status"][..]);
    case.fails(SubIndication::RevokedNoPoe, revoked, status);
    case.times.not_signed_before = Some(days(-5));
    case.fails(SubIndication::Revoked, revoked, status);
    case.times.not_signed_before = Some(days(-6));
    case.fails(SubIndication::RevokedNoPoe, revoked, status);
    // Proven to have existed before, and after.
    case.times.existed_at = Some(days(-6));
    case.passes();
    case.times.existed_at = Some(days(-4));
    case.fails(SubIndication::RevokedNoPoe, revoked, status);
    // What there is counts also where none would be accepted.
    case.policy.revocation = RevocationMode::IfPresent;
    case.fails(SubIndication::RevokedNoPoe, revoked, status);
}

#[test]
fn a_hold_is_to_be_tried_later() {
    let case = listed(&[(3, days(-5), HOLD)]);
    case.fails(SubIndication::TryLater, ReasonCode::CertificateHeld, &["revocation.status"]);
}

#[test]
fn a_revoked_authority_takes_the_path_with_it() {
    let mut case = listed(&[]);
    case.crls[1] = list("Root", 1, &[(2, days(-5), KEY_COMPROMISE)]);
    case.times.not_signed_before = Some(days(-1));
    case.fails(SubIndication::RevokedCaNoPoe, ReasonCode::CertificateRevoked, &["revocation.status"]);
}

#[test]
fn a_path_around_a_revoked_cross_certificate_is_found() {
    let mut revoked = ca().by("Root", 1);
    revoked.serial = 40;
    let mut good = ca().by("Root", 1);
    good.serial = 41;
    let mut case = PathCase::of(&leaf(), &[revoked, good.clone()], &[Cert::authority("Root", 1)]);
    case.policy.revocation = RevocationMode::Required;
    case.crls = vec![list("CA", 2, &[]), list("Root", 1, &[(40, days(-5), KEY_COMPROMISE)])];
    assert_eq!(case.passes().chain[1], good.der());
}

#[test]
fn an_old_list_does_not_tell() {
    let mut case = listed(&[]);
    case.crls[0] = list_of("CA", 2, days(-10), days(-5), &[]);
    case.fails(
        SubIndication::TryLater,
        ReasonCode::RevocationListTooOld,
        &["revocation.freshness", "revocation.status"],
    );
}

#[test]
fn a_list_that_another_key_signed_does_not_tell() {
    let mut case = listed(&[]);
    case.crls[0] = list("CA", 9, &[]);
    is_unknown(&case);
    case.crls[0] = b"no list".to_vec();
    is_unknown(&case);
}

#[test]
fn revoked_by_either_counts_and_good_by_either_is_enough() {
    let good = response(&leaf(), Says::Good, ("CA", 2), &[]);
    let revoked = response(&leaf(), Says::Revoked(days(-5)), ("CA", 2), &[]);
    let unknown = response(&leaf(), Says::Unknown, ("CA", 2), &[]);
    answered(good.clone()).passes();
    let is_revoked = |case: &PathCase| {
        case.fails(SubIndication::RevokedNoPoe, ReasonCode::CertificateRevoked, &["revocation.status"]);
    };
    is_revoked(&answered(revoked.clone()));
    is_revoked(&PathCase { ocsp: vec![revoked], ..listed(&[]) });
    is_revoked(&PathCase { ocsp: vec![good], ..listed(&[(3, days(-5), KEY_COMPROMISE)]) });
    PathCase { ocsp: vec![unknown], ..listed(&[]) }.passes();
}

#[test]
fn a_responder_that_knows_no_such_certificate_is_not_as_if_there_were_none() {
    let mut case = answered(response(&leaf(), Says::Unknown, ("CA", 2), &[]));
    is_unknown(&case);
    case.policy.revocation = RevocationMode::IfPresent;
    is_unknown(&case);
    case.ocsp.clear();
    case.passes();
}

fn responder() -> Cert {
    Cert::leaf("Responder", 5).by("CA", 2).with_purposes(false, &[oid::OCSP_SIGNING]).with(
        oid::OCSP_NO_CHECK,
        false,
        vec![5, 0],
    )
}

fn delegated(responder: Cert) -> PathCase {
    answered(response(&leaf(), Says::Good, ("Responder", 5), &[responder]))
}

#[test]
fn a_responder_that_the_authority_delegates_to_may_answer() {
    delegated(responder()).passes();
    delegated(responder().with(oid::KEY_USAGE, true, tlv(3, &[7, 0x80]))).passes();
    // Its certificate may come with the others.
    let mut case = answered(response(&leaf(), Says::Good, ("Responder", 5), &[]));
    is_unknown(&case);
    case.intermediates.push(responder().der());
    case.passes();
}

#[test]
fn a_responder_without_a_right_to_answer_is_not_heard() {
    for wrong in [
        responder().without(oid::EXTENDED_KEY_USAGE),
        responder().with_purposes(false, &[oid::ANY_EXTENDED_KEY_USAGE]),
        responder().with_purposes(false, &[oid::SERVER_AUTH]),
        responder().with(oid::KEY_USAGE, true, tlv(3, &[5, 0x20])),
        responder().valid(-50, -10),
        responder().valid(10, 20),
        responder().by("CA", 9),
        responder().by("Root", 1),
        responder().by("Responder", 5),
        responder().with(const_oid::ObjectIdentifier::new_unwrap("1.2.392.9"), true, vec![5, 0]),
    ] {
        is_unknown(&delegated(wrong));
    }
    // The certificate in question cannot answer for itself.
    is_unknown(&answered(response(&leaf(), Says::Good, ("Leaf", 3), &[leaf()])));
}

#[test]
fn a_responder_that_may_be_revoked_is_asked_for_on_lists() {
    let checked = responder().without(oid::OCSP_NO_CHECK);
    let case = delegated(checked.clone());
    is_unknown(&case);
    // The list says nothing bad of the leaf, so only the answer of the responder tells that it is revoked.
    let answer = response(&leaf(), Says::Revoked(days(-5)), ("Responder", 5), &[checked]);
    let with_list = |entries: &[(u16, UnixTime, u8)]| {
        let mut case = answered(answer.clone());
        case.crls.push(list("CA", 2, entries));
        case
    };
    let (sub, reason) = (SubIndication::RevokedNoPoe, ReasonCode::CertificateRevoked);
    with_list(&[]).fails(sub, reason, &["revocation.status"]);
    with_list(&[(5, days(-3), KEY_COMPROMISE)]).passes();
}

/// A key of the authority's name that signs lists alone.
fn list_signer() -> Cert {
    Cert::leaf("CA", 6).by("Root", 1).with(oid::KEY_USAGE, true, tlv(3, &[1, 0x02]))
}

/// A chain whose authority lets another key sign its list.
fn listed_by(signer: Cert) -> PathCase {
    let mut case = listed(&[]);
    case.crls[0] = list("CA", 6, &[]);
    case.intermediates.push(signer.der());
    case
}

#[test]
fn another_key_of_the_issuers_name_may_sign_its_lists_under_the_same_anchor() {
    listed_by(list_signer()).passes();
    for wrong in [
        list_signer().with(oid::KEY_USAGE, true, tlv(3, &[7, 0x80])),
        list_signer().valid(-50, -10),
        list_signer().by("Stranger", 9),
        list_signer().by("Root", 9),
        list_signer().with(const_oid::ObjectIdentifier::new_unwrap("1.2.392.9"), true, vec![5, 0]),
    ] {
        is_unknown(&listed_by(wrong));
    }
    // Under another anchor, however trusted.
    let mut case = listed_by(list_signer().by("Stranger", 9));
    case.anchors.push(Cert::authority("Stranger", 9).der());
    case.crls.push(list("Stranger", 9, &[]));
    is_unknown(&case);
}

#[test]
fn a_signer_of_lists_that_is_revoked_is_not_heard() {
    let mut case = listed_by(list_signer());
    case.crls[1] = list("Root", 1, &[(6, days(-5), KEY_COMPROMISE)]);
    is_unknown(&case);
}

#[test]
fn a_signer_of_lists_of_which_nothing_is_known_is_not_heard() {
    // The authority's certificate has a status by a response, the signer of its list has none.
    let mut case = listed_by(list_signer());
    case.crls.truncate(1);
    case.ocsp = vec![response(&ca().by("Root", 1), Says::Good, ("Root", 1), &[])];
    is_unknown(&case);
    case.ocsp.push(response(&list_signer(), Says::Good, ("Root", 1), &[]));
    case.passes();
}

#[test]
fn a_signer_of_lists_may_speak_about_itself_and_not_about_who_stands_above_it() {
    // Below the authority itself, so its status is on the authority's lists, which only it signs.
    let signer = Cert::leaf("CA", 6).by("CA", 2).with(oid::KEY_USAGE, true, tlv(3, &[1, 0x02]));
    let no_lists = ca().with(oid::KEY_USAGE, true, tlv(3, &[2, 0x04]));
    let case = |entries: &[(u16, UnixTime, u8)]| {
        let mut case = listed(&[]);
        case.intermediates = vec![no_lists.clone().by("Root", 1).der(), signer.der()];
        case.crls = vec![list("CA", 6, entries), list("Root", 1, &[])];
        case
    };
    case(&[]).passes();
    is_unknown(&case(&[(6, days(-5), KEY_COMPROMISE)]));
    // The status of the authority, by a list of the root's name that is signed below that authority.
    let mut below = Cert::leaf("Root", 7).by("CA", 2).with(oid::KEY_USAGE, true, tlv(3, &[1, 0x02]));
    below.serial = 70;
    let mut case = listed(&[]);
    case.intermediates.push(below.der());
    case.crls[1] = list("Root", 7, &[]);
    is_unknown(&case);
}

#[test]
fn no_evidence_with_a_changed_byte_passes() {
    let mut case = answered(response(&leaf(), Says::Good, ("Responder", 5), &[]));
    case.intermediates.push(responder().der());
    case.passes();
    let evidence = |case: &mut PathCase, which: usize| match which {
        0 => std::mem::take(&mut case.leaf),
        1 => case.intermediates.remove(0),
        2 => case.intermediates.remove(1),
        3 => case.crls.remove(0),
        _ => case.ocsp.remove(0),
    };
    let put = |case: &mut PathCase, which: usize, bytes: Vec<u8>| match which {
        0 => case.leaf = bytes,
        1 => case.intermediates.insert(0, bytes),
        2 => case.intermediates.insert(1, bytes),
        3 => case.crls.insert(0, bytes),
        _ => case.ocsp.insert(0, bytes),
    };
    for which in 0..5 {
        let right = evidence(&mut case, which);
        // Every third, so that it takes a second.
        for place in (which % 3..right.len()).step_by(3) {
            let mut changed = right.clone();
            changed[place] ^= 1 << (place % 8);
            put(&mut case, which, changed);
            assert!(!case.judged().verdict.is_passed(), "byte {place} of {which}");
            evidence(&mut case, which);
        }
        // Nor with one cut off.
        put(&mut case, which, right[..right.len() - 1].to_vec());
        assert!(!case.judged().verdict.is_passed());
        evidence(&mut case, which);
        put(&mut case, which, right);
    }
    case.passes();
}

#[test]
fn an_issuer_that_may_not_sign_lists_does_not_borrow_the_right_from_its_other_certificate() {
    // Two certificates of one name and key; only one lets it sign lists, and that one has been revoked.
    let mut may = ca().by("Root", 1);
    may.serial = 40;
    let mut may_not = ca().by("Root", 1).with(oid::KEY_USAGE, true, tlv(3, &[2, 0x04]));
    may_not.serial = 41;
    for candidates in [[may.clone(), may_not.clone()], [may_not.clone(), may.clone()]] {
        let mut case = PathCase::of(&leaf(), &candidates, &[Cert::authority("Root", 1)]);
        case.policy.revocation = RevocationMode::Required;
        case.crls = vec![list("CA", 2, &[]), list("Root", 1, &[(40, days(-5), KEY_COMPROMISE)])];
        assert!(!case.judged().verdict.is_passed());
    }
}

/// `issuingDistributionPoint` with these names, `GeneralName`s in DER.
fn issuing_point(names: &[u8]) -> Vec<u8> {
    extension(oid::ISSUING_DISTRIBUTION_POINT, true, &seq(&[&ctx(0, &ctx(0, names))]))
}

#[test]
fn what_was_not_looked_through_is_not_made_good_by_a_response() {
    let point = ctx_bytes(6, b"http://example.jp/crl");
    let leaf = leaf().with(oid::CRL_DISTRIBUTION_POINTS, false, seq(&[&seq(&[&ctx(0, &ctx(0, &point))])]));
    let period = (days(-1), days(1));
    let revoked = list_with("CA", 2, period, &[(3, days(-5), KEY_COMPROMISE)], &issuing_point(&point));
    let mut case = PathCase::chain(leaf.clone(), ca());
    case.policy.revocation = RevocationMode::Required;
    case.crls = vec![revoked, list("Root", 1, &[])];
    case.ocsp = vec![response(&leaf, Says::Good, ("CA", 2), &[])];
    case.fails(SubIndication::RevokedNoPoe, ReasonCode::CertificateRevoked, &["revocation.status"]);
    // Lists that nobody signed, with names without end, before the one on which the certificate is revoked.
    let names: Vec<u8> = (0..2_000).flat_map(|n| ctx_bytes(6, format!("x:{n}").as_bytes())).collect();
    let padding = list_with("CA", 9, period, &[], &issuing_point(&names));
    case.crls.splice(0..0, std::iter::repeat_n(padding, 40));
    is_unknown(&case);
    case.policy.revocation = RevocationMode::IfPresent;
    is_unknown(&case);
}

#[test]
fn what_was_not_read_is_not_made_good_by_what_was() {
    // More than is read stands before the list on which the certificate is revoked; an older list and a response are
    // read.
    let good = response(&leaf(), Says::Good, ("CA", 2), &[]);
    let older = list_of("CA", 2, days(-2), days(1), &[]);
    let junk = || std::iter::repeat_n(vec![5, 0], 1_000);
    for (crls, ocsp) in [(vec![], vec![good]), (vec![older], vec![])] {
        let mut case = listed(&[]);
        case.crls = crls.into_iter().chain([list("Root", 1, &[])]).chain(junk()).collect();
        case.crls.push(list("CA", 2, &[(3, days(-5), KEY_COMPROMISE)]));
        case.ocsp = ocsp;
        is_unknown(&case);
        case.policy.revocation = RevocationMode::IfPresent;
        is_unknown(&case);
    }
}

//! Which failure a verdict carries if there are several, and that all are reported.

use musubi_pki::*;

use crate::support::authority::*;
use crate::support::der::*;
use crate::support::lists::{List, entry};
use crate::support::{Case, DAY, Key, NOW, anchors, outcome, sign, with_outcome};

#[test]
fn the_order_is_format_chain_profile_signature_validity_revocation_freshness() {
    use Precedence::*;
    let mut order: Vec<Precedence> = CHECKS.iter().map(Check::precedence).collect();
    order.sort_unstable();
    order.dedup();
    assert_eq!(order, [Format, Chain, Profile, Signature, Validity, Revocation, Freshness]);
    let mut ids: Vec<&str> = CHECKS.iter().map(Check::id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), CHECKS.len());
    assert!(CHECKS.iter().all(|c| !c.citation().is_empty()));
}

/// Everything wrong at once; then one layer after the other is put right.
#[test]
fn of_several_failures_the_first_in_the_order_is_told() {
    let authority = Authority::signature_second();
    let expired = [utc_time(NOW.plus(-900 * DAY)), utc_time(NOW.plus(-1))];
    let mut leaf = Leaf::signature().with(oid_table::KEY_USAGE, true, tlv(3, &[0x07, 0x80]));
    leaf.validity = expired;

    let revoking = List::of(&authority).entry(entry(
        &[0x1E, 0xE6, 0x07],
        NOW.plus(-DAY),
        RevocationReason::KeyCompromise,
    ));
    let mut case = Case::of(&authority, &leaf);
    case.lists = vec![revoking.updates(NOW.plus(-3 * DAY), NOW.plus(-2 * DAY)).verified()];
    case.signature[7] ^= 1;
    case.document.push(b' ');
    let well_formed = case.certificate.clone();

    case.certificate.push(0);
    case.fails(SubIndication::FormatFailure, ReasonCode::CertificateMalformed);

    case.certificate = well_formed;
    let last = case.certificate.len() - 1;
    case.certificate[last] ^= 1;
    case.fails(SubIndication::CertificateChainGeneralFailure, ReasonCode::CertificateOtherAuthority);

    case.certificate[last] ^= 1;
    let verdict = case.fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
    // All the same, every failure is reported.
    assert_eq!(
        with_outcome(&verdict, Outcome::Failed),
        [
            "certificate.key_usage",
            "certificate.validity",
            "revocation.status",
            "document.digest",
            "signature.value"
        ]
    );
    assert_eq!(with_outcome(&verdict, Outcome::Inconclusive), ["revocation.freshness"]);

    leaf = leaf.with(oid_table::KEY_USAGE, true, tlv(3, &[0x06, 0xC0]));
    case.certificate = authority.issue(&leaf);
    case.fails(SubIndication::HashFailure, ReasonCode::SignatureTampered);

    case.document.pop();
    case.fails(SubIndication::SigCryptoFailure, ReasonCode::SignatureTampered);

    case.signature[7] ^= 1;
    case.fails(SubIndication::OutOfBoundsNoPoe, ReasonCode::CertificateExpired);

    leaf.validity[1] = utc_time(NOW);
    case.certificate = authority.issue(&leaf);
    case.fails(SubIndication::RevokedNoPoe, ReasonCode::CertificateRevoked);

    case.lists = vec![List::of(&authority).updates(NOW.plus(-3 * DAY), NOW.plus(-2 * DAY)).verified()];
    case.fails(SubIndication::TryLater, ReasonCode::RevocationListTooOld);

    case.lists = vec![List::of(&authority).verified()];
    case.passes();
}

#[test]
fn validity_holds_from_its_first_to_its_last_second() {
    let mut leaf = Leaf::signature();
    leaf.validity = [utc_time(NOW), utc_time(NOW.plus(DAY))];
    let mut case = Case::of(&Authority::signature_second(), &leaf);
    case.passes();
    case.at = NOW.plus(DAY);
    case.passes();
    case.at = NOW.plus(-1);
    case.fails(SubIndication::NotYetValid, ReasonCode::CertificateNotYetValid);
    case.at = NOW.plus(DAY + 1);
    case.fails(SubIndication::OutOfBoundsNoPoe, ReasonCode::CertificateExpired);
    // Only a signature that is certainly younger than the certificate's end is totally failed.
    for (bound, sub) in
        [(NOW.plus(DAY), SubIndication::OutOfBoundsNoPoe), (NOW.plus(DAY + 1), SubIndication::Expired)]
    {
        case.policy.not_signed_before = Some(bound);
        case.fails(sub, ReasonCode::CertificateExpired);
    }
}

#[test]
fn the_authoritys_certificate_has_a_validity_too() {
    let old =
        Authority::of(AuthorityKind::DigitalSignature, Key::SignatureFirst, &[1], NOW.plus(-4000 * DAY));
    let young = Authority::of(AuthorityKind::DigitalSignature, Key::SignatureFirst, &[1], NOW.plus(DAY));
    for (authority, expected) in [
        (old, (SubIndication::OutOfBoundsNoPoe, ReasonCode::CertificateExpired)),
        (young, (SubIndication::CertificateChainGeneralFailure, ReasonCode::CertificateNotYetValid)),
    ] {
        let only =
            TrustAnchors::insecure_test_hierarchy([(authority.kind, authority.certificate())]).unwrap();
        let mut case = Case::signature();
        case.certificate = authority.issue(&Leaf::signature());
        let der = List::of(&authority).der();
        let list = VerifiedRevocationList::parse_and_verify(&der, &only, MAX_LIST_BYTES).unwrap();
        case.lists = vec![list.into()];
        let verdict = case.judged_by(&only).verdict;
        assert_eq!(verdict.sub_indication().zip(verdict.reason()), Some(expected));
        assert_eq!(with_outcome(&verdict, Outcome::Failed), ["issuer.validity"]);
    }
}

#[test]
fn what_was_signed_is_what_was_asked_to_be_signed() {
    let mut case = Case::signature();
    case.digest = None;
    let verdict = case.passes();
    assert_eq!(outcome(&verdict, "document.digest"), Outcome::Skipped);
    // A valid signature over another document than the one that was asked for.
    case.digest = Some(musubi_crypto::sha256(b"the right document"));
    let verdict = case.fails(SubIndication::HashFailure, ReasonCode::SignatureTampered);
    assert_eq!(outcome(&verdict, "signature.value"), Outcome::Passed);
}

#[test]
fn the_holders_key_signed_and_no_other() {
    let mut case = Case::signature();
    case.signature = sign(Key::Stranger, &case.document);
    case.fails(SubIndication::SigCryptoFailure, ReasonCode::SignatureTampered);
    for wrong in [Vec::new(), vec![0; 256], vec![0xFF; 256], vec![1; 255], vec![1; 4096]] {
        case.signature = wrong;
        case.fails(SubIndication::SigCryptoFailure, ReasonCode::SignatureTampered);
    }
}

#[test]
fn without_a_certificate_only_the_digest_can_be_checked() {
    let mut case = Case::signature();
    case.certificate = b"no certificate".to_vec();
    let judgement = case.judged();
    assert_eq!(with_outcome(&judgement.verdict, Outcome::Failed), ["certificate.format"]);
    assert_eq!(with_outcome(&judgement.verdict, Outcome::Passed), ["document.digest"]);
    assert!(judgement.issued.is_none());
}

#[test]
fn who_it_was_is_known_only_from_an_authoritys_signature() {
    let mut case = Case::signature();
    case.signature.clear();
    assert_eq!(case.judged().issued.unwrap().serial, serial());
    let last = case.certificate.len() - 1;
    case.certificate[last] ^= 1;
    assert!(case.judged().issued.is_none());
    assert!(Case::signature().judged_by(&TrustAnchors::production().unwrap()).issued.is_none());
}

#[test]
fn the_same_input_gives_the_same_verdict() {
    let (case, anchors) = (Case::authentication(), anchors());
    assert_eq!(case.judged_by(&anchors).verdict, case.judged_by(&anchors).verdict);
}

//! Certificates of a J-LIS test card, with a fictitious holder, under the real test roots.

use musubi_kernel::UnixTime;
use musubi_pki::*;

use crate::support::{outcome, with_outcome};

pub(crate) const SIGNATURE: &[u8] = include_bytes!("../fixtures/jpki-sign-cert.der");
pub(crate) const AUTHENTICATION: &[u8] = include_bytes!("../fixtures/jpki-auth-cert.der");

/// 2026-11-21T02:03:04Z.
pub(crate) const AT: UnixTime = UnixTime(1_795_226_584);

pub(crate) fn test_roots() -> TrustAnchors {
    use AuthorityKind::{DigitalSignature, UserAuthentication};
    TrustAnchors::insecure_test_hierarchy([
        (DigitalSignature, include_bytes!("../fixtures/roots-test/signca-test-2019.cer").to_vec()),
        (DigitalSignature, include_bytes!("../fixtures/roots-test/signca-test-2024.cer").to_vec()),
        (UserAuthentication, include_bytes!("../fixtures/roots-test/authca-test-2019.cer").to_vec()),
        (UserAuthentication, include_bytes!("../fixtures/roots-test/authca-test-2023.cer").to_vec()),
    ])
    .unwrap()
}

/// The card's private keys are not at hand, so that the signature's own check fails and no more.
pub(crate) fn judged(certificate: &[u8], expected_kind: AuthorityKind, anchors: &TrustAnchors) -> Judgement {
    let evidence = Evidence {
        certificate,
        expected_kind,
        signature: &[0; 256],
        signed_data: SignedData::Bytes(b""),
        expected_digest: None,
        lists: &[],
        ocsp: &[],
    };
    judge(&evidence, anchors, &Policy::default(), AT)
}

#[test]
fn the_test_cards_certificates_belong_to_the_test_roots() {
    for (der, kind, serial, generation) in [
        (SIGNATURE, AuthorityKind::DigitalSignature, "1EE607", "410021476b2bcf2c8a2bbbf83b38a978863da142"),
        (AUTHENTICATION, AuthorityKind::UserAuthentication, "", "8b8b137d215ea601653cafb266528c44bc0f1664"),
    ] {
        let judgement = judged(der, kind, &test_roots());
        let verdict = judgement.verdict;
        assert_eq!(with_outcome(&verdict, Outcome::Failed), ["signature.value"], "{verdict:#?}");
        assert_eq!(
            with_outcome(&verdict, Outcome::Inconclusive),
            ["revocation.list_available", "revocation.status"]
        );
        assert_eq!(with_outcome(&verdict, Outcome::Skipped), ["revocation.freshness", "document.digest"]);
        let issuer = verdict.check("chain.issuer").unwrap();
        assert_eq!(issuer.evidence("key_id"), Some(&EvidenceValue::from(generation.to_owned())));
        let issued = judgement.issued.unwrap();
        assert_eq!(issued.authority, kind);
        assert!(serial.is_empty() || issued.serial.to_string() == serial);
        assert!(judgement.certificate.is_none());
    }
}

#[test]
fn the_signing_certificate_states_the_holders_attributes() {
    let certificate = UnverifiedCertificate::parse(SIGNATURE).unwrap();
    let attributes = certificate.claimed_attributes().unwrap();
    assert_eq!(attributes.name, "黒桐　幹也");
    assert_eq!(attributes.name_substitutes, [false; 5]);
    assert_eq!(attributes.address, "東京都清瀬市観布子南１２－７－２０２");
    assert_eq!(attributes.address_substitutes, [false; 18]);
    assert_eq!(attributes.date_of_birth.to_string(), "1980-02-17");
    assert_eq!(attributes.date_of_birth.era, Era::Showa);
    assert_eq!(attributes.sex, Sex::Male);
    assert_eq!(certificate.claimed_profile(), Some((AuthorityKind::DigitalSignature, Environment::Test)));
    assert_eq!(certificate.not_before().rfc3339(), "2025-10-27T01:35:57Z");
    assert_eq!(certificate.not_after().rfc3339(), "2030-02-17T14:59:59Z");
    assert_eq!(certificate.subject().texts(oid::LOCALITY_NAME), ["Tokyo-to", "Kiyose-shi"]);
    assert_eq!(certificate.subject().texts(oid::COMMON_NAME), ["202510161726000013413221003A"]);
}

#[test]
fn the_authentication_certificate_says_nothing_about_the_holder() {
    let certificate = UnverifiedCertificate::parse(AUTHENTICATION).unwrap();
    assert_eq!(certificate.claimed_attributes(), Err(ProfileError::SubjectAltName));
    assert_eq!(certificate.claimed_profile(), Some((AuthorityKind::UserAuthentication, Environment::Test)));
    assert_eq!(certificate.subject().texts(oid::COMMON_NAME), ["997794E9AGCIEG13221003A"]);
}

#[test]
fn the_test_cards_certificates_fail_in_production() {
    let production = TrustAnchors::production().unwrap();
    for (der, kind) in
        [(SIGNATURE, AuthorityKind::DigitalSignature), (AUTHENTICATION, AuthorityKind::UserAuthentication)]
    {
        let judgement = judged(der, kind, &production);
        assert_eq!(judgement.verdict.reason(), Some(ReasonCode::CertificateOtherAuthority));
        assert_eq!(outcome(&judgement.verdict, "certificate.environment"), Outcome::Failed);
        assert_eq!(outcome(&judgement.verdict, "chain.issuer"), Outcome::Failed);
        assert_eq!(outcome(&judgement.verdict, "certificate.policy"), Outcome::Failed);
        assert!(judgement.issued.is_none() && judgement.certificate.is_none());
    }
}

#[test]
fn one_kind_does_not_pass_for_the_other() {
    let judgement = judged(AUTHENTICATION, AuthorityKind::DigitalSignature, &test_roots());
    assert_eq!(judgement.verdict.reason(), Some(ReasonCode::CertificateWrongKind));
    let judgement = judged(SIGNATURE, AuthorityKind::UserAuthentication, &test_roots());
    assert_eq!(judgement.verdict.reason(), Some(ReasonCode::CertificateWrongKind));
}

#[test]
fn an_authoritys_own_certificate_is_nobodys() {
    for (der, kind) in [
        (&include_bytes!("../fixtures/jpki-sign-ca-cert.der")[..], AuthorityKind::DigitalSignature),
        (&include_bytes!("../fixtures/jpki-auth-ca-cert.der")[..], AuthorityKind::UserAuthentication),
    ] {
        let verdict = judged(der, kind, &test_roots()).verdict;
        assert_eq!(verdict.reason(), Some(ReasonCode::CertificateWrongKind));
        assert_eq!(outcome(&verdict, "certificate.not_a_ca"), Outcome::Failed);
        assert_eq!(outcome(&verdict, "chain.signature"), Outcome::Passed);
    }
}

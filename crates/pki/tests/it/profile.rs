//! The JPKI's profile: kind, environment, personal data, and what only looks like it.

use musubi_pki::*;

use crate::support::authority::*;
use crate::support::der::*;
use crate::support::{Case, outcome};

#[track_caller]
fn case(leaf: &Leaf) -> Case {
    let authority = match leaf.kind {
        AuthorityKind::DigitalSignature => Authority::signature_second(),
        AuthorityKind::UserAuthentication => Authority::authentication(),
    };
    Case::of(&authority, leaf)
}

#[test]
fn certificates_of_the_profile_pass() {
    let judgement = Case::signature().judged();
    let certificate = judgement.certificate.unwrap();
    assert_eq!(certificate.kind(), AuthorityKind::DigitalSignature);
    assert_eq!(certificate.environment(), Environment::Test);
    assert_eq!(certificate.key().serial, serial());
    assert_eq!(certificate.localities(), ["Tokyo-to", "Kiyose-shi"]);
    assert_eq!(certificate.common_name(), Some("202510161726000013413221003A"));
    assert!(certificate.not_before() < certificate.not_after());
    assert_eq!(certificate.der(), Case::signature().certificate);
    let attributes = certificate.attributes().unwrap();
    assert_eq!((attributes.name.as_str(), attributes.address.as_str()), (HOLDER_NAME, HOLDER_ADDRESS));
    assert_eq!(judgement.issued.as_ref(), Some(certificate.key()));

    let judgement = Case::authentication().judged();
    let certificate = judgement.certificate.unwrap();
    assert_eq!(certificate.kind(), AuthorityKind::UserAuthentication);
    assert!(certificate.attributes().is_none() && certificate.localities().is_empty());
    // Neither shows the holder by accident.
    assert!(!format!("{certificate:?}").contains("997794E9"));
}

#[test]
fn the_wrong_kind_is_told_as_such() {
    for (mut wrong, asked) in [
        (Case::signature(), AuthorityKind::UserAuthentication),
        (Case::authentication(), AuthorityKind::DigitalSignature),
    ] {
        wrong.kind = asked;
        let verdict = wrong.fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
        for id in [
            "certificate.kind",
            "certificate.key_usage",
            "certificate.extended_key_usage",
            "certificate.policy",
        ] {
            assert_eq!(outcome(&verdict, id), Outcome::Failed, "{id}");
        }
    }
}

#[test]
fn an_authority_issues_only_its_own_kind() {
    // A certificate with every mark of a signing certificate, issued by the authority for authentication.
    let crossed = Case::of(&Authority::authentication(), &Leaf::signature());
    let verdict = crossed.fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
    assert_eq!(outcome(&verdict, "certificate.policy"), Outcome::Passed);
    assert_eq!(outcome(&verdict, "chain.signature"), Outcome::Passed);
}

#[test]
fn production_policies_do_not_pass_in_the_test_environment() {
    for leaf in [Leaf::signature(), Leaf::authentication()] {
        let production = policies(&[policy_oid(leaf.kind, Environment::Production)]);
        let leaf = leaf.with(oid_table::CERTIFICATE_POLICIES, true, production);
        let verdict =
            case(&leaf).fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateOtherAuthority);
        assert_eq!(outcome(&verdict, "certificate.environment"), Outcome::Failed);
    }
}

#[test]
fn a_certificate_has_its_one_policy_and_no_other() {
    let right = policy_oid(AuthorityKind::DigitalSignature, Environment::Test);
    let smartphone = "1.2.392.200149.8.5.1.1.40".parse().unwrap();
    let any = "2.5.29.32.0".parse().unwrap();
    for wrong in [&[smartphone][..], &[any], &[right, any], &[]] {
        let leaf = Leaf::signature().with(oid_table::CERTIFICATE_POLICIES, true, policies(wrong));
        let verdict =
            case(&leaf).fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
        assert_eq!(outcome(&verdict, "certificate.policy"), Outcome::Failed);
    }
    let leaf = Leaf::signature().without(oid_table::CERTIFICATE_POLICIES);
    case(&leaf).fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
}

#[test]
fn key_usage_is_exact() {
    let others: [&[u8]; 6] =
        [&[0x07, 0x80], &[0x06, 0x40], &[0x05, 0xE0], &[0x00, 0xC0], &[0x01, 0xC6], &[0x00]];
    for usage in others {
        let leaf = Leaf::signature().with(oid_table::KEY_USAGE, true, tlv(3, usage));
        case(&leaf).fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
    }
    let leaf = Leaf::signature().without(oid_table::KEY_USAGE);
    case(&leaf).fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
    let leaf = Leaf::authentication().with(oid_table::KEY_USAGE, true, tlv(3, &[0x06, 0xC0]));
    case(&leaf).fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
}

#[test]
fn extended_key_usage_is_client_authentication_or_absent() {
    let client = oid(oid_table::CLIENT_AUTH);
    let server = oid_text("1.3.6.1.5.5.7.3.1");
    let eku = oid_table::EXTENDED_KEY_USAGE;
    for wrong in [seq(&[&server]), seq(&[&client, &server]), seq(&[])] {
        let leaf = Leaf::authentication().with(eku, false, wrong);
        case(&leaf).fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
    }
    let leaf = Leaf::authentication().without(eku);
    case(&leaf).fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
    let leaf = Leaf::signature().with(eku, false, seq(&[&client]));
    case(&leaf).fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
}

#[test]
fn a_holder_is_no_authority() {
    let leaf = Leaf::signature().with(oid_table::BASIC_CONSTRAINTS, true, seq(&[&boolean(true)]));
    let verdict = case(&leaf).fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
    assert_eq!(outcome(&verdict, "certificate.not_a_ca"), Outcome::Failed);
    let leaf = Leaf::signature().with(oid_table::BASIC_CONSTRAINTS, true, seq(&[]));
    case(&leaf).passes();
}

#[test]
fn an_unknown_critical_extension_fails_and_an_unknown_other_does_not() {
    let private = "1.2.3.4".parse().unwrap();
    case(&Leaf::signature().with(private, false, b"anything".to_vec())).passes();
    for id in [private, "2.5.29.30".parse().unwrap(), oid_table::ISSUER_ALT_NAME] {
        let leaf = Leaf::signature().with(id, true, seq(&[]));
        let verdict = case(&leaf)
            .fails(SubIndication::CertificateChainGeneralFailure, ReasonCode::CertificateMalformed);
        assert_eq!(outcome(&verdict, "certificate.critical_extensions"), Outcome::Failed);
    }
}

#[track_caller]
fn bad_attributes(leaf: &Leaf, fault: ProfileError) {
    let case = case(leaf);
    let parsed = UnverifiedCertificate::parse(&case.certificate).unwrap();
    assert_eq!(parsed.claimed_attributes(), Err(fault));
    let verdict = case.fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateMalformed);
    assert_eq!(outcome(&verdict, "certificate.profile"), Outcome::Failed);
}

const NAME: usize = 0;
const BIRTH: usize = 1;
const SEX: usize = 2;
const ADDRESS: usize = 3;
const NAME_MASK: usize = 4;
const ADDRESS_MASK: usize = 5;

#[test]
fn each_personal_datum_occurs_exactly_once() {
    for (index, (id, _)) in personal_data().into_iter().enumerate() {
        let oid = id.parse().unwrap();
        let missing = Leaf::signature().with_personal_data(|data| drop(data.remove(index)));
        bad_attributes(&missing, ProfileError::Missing { oid });
        let twice = Leaf::signature().with_personal_data(|data| data.push(data[index].clone()));
        bad_attributes(&twice, ProfileError::Duplicate { oid });
    }
    bad_attributes(&Leaf::signature().without(oid_table::SUBJECT_ALT_NAME), ProfileError::SubjectAltName);
}

#[test]
fn personal_data_are_written_as_the_profile_says() {
    for (index, wrong) in [
        (NAME, ""),
        (NAME, "黒桐\n幹也x"),
        (BIRTH, "19800217"),
        (BIRTH, "919800217"),
        (BIRTH, "３19800217"),
        (SEX, ""),
        (SEX, "12"),
        (SEX, "男"),
        (ADDRESS, ""),
        (NAME_MASK, "0000"),
        (NAME_MASK, "000000"),
        (NAME_MASK, "00002"),
        (NAME_MASK, "0000０"),
        (ADDRESS_MASK, ""),
    ] {
        let oid = personal_data()[index].0.parse().unwrap();
        let leaf = Leaf::signature().with_personal_data(|data| data[index].1 = wrong.to_owned());
        let parsed = case(&leaf).certificate;
        let fault = UnverifiedCertificate::parse(&parsed).unwrap().claimed_attributes().unwrap_err();
        assert_eq!(fault, ProfileError::Datum { oid }, "{wrong:?}");
        bad_attributes(&leaf, fault);
    }
    // Latin text in a PrintableString is not the UTF8String that the profile has.
    let id = "1.2.392.200149.8.5.5.1";
    let name = ctx(0, &[oid_text(id), ctx(0, &tlv(0x13, b"TAKEDA"))].concat());
    let leaf = Leaf::signature().with(oid_table::SUBJECT_ALT_NAME, false, seq(&[&name]));
    bad_attributes(&leaf, ProfileError::Datum { oid: id.parse().unwrap() });
    let not_utf8 = ctx(0, &[oid_text(id), ctx(0, &tlv(0x0C, &[0xFF]))].concat());
    let leaf = Leaf::signature().with(oid_table::SUBJECT_ALT_NAME, false, seq(&[&not_utf8]));
    bad_attributes(&leaf, ProfileError::Datum { oid: id.parse().unwrap() });
}

#[test]
fn unknown_further_names_are_tolerated() {
    let mut names: Vec<Vec<u8>> = personal_data().iter().map(|(id, text)| other_name(id, text)).collect();
    names.insert(2, other_name("1.2.392.200149.8.5.5.7", "こくとう　みきや"));
    names.push(other_name("1.2.392.200149.8.5.5.7", "again"));
    names.push(ctx_bytes(1, b"mail@example"));
    let leaf = Leaf::signature().with(oid_table::SUBJECT_ALT_NAME, false, seq(&[&names.concat()]));
    case(&leaf).passes();
}

#[test]
fn people_of_every_kind_have_certificates() {
    for (name, mask, birth, sex, expected) in [
        ("〓野　家子", "10000", "119050401", "2", Sex::Female),
        ("ＳＭＩＴＨ　ＪＯＨＮ", "0000000000", "520190501", "3", Sex::Unknown),
        ("𠮷野　家子", "00000", "019000000", "9", Sex::Unknown),
        ("黒桐（白純）　鮮花", "000000000", "419890108", "0", Sex::Unknown),
    ] {
        let address = "京".repeat(200);
        let leaf = Leaf::signature().with_personal_data(|data| {
            for (index, text) in
                [(NAME, name), (NAME_MASK, mask), (BIRTH, birth), (SEX, sex), (ADDRESS, &address)]
            {
                data[index].1 = text.to_owned();
            }
            data[ADDRESS_MASK].1 = "0".repeat(199) + "1";
        });
        let certificate = case(&leaf).judged().certificate.unwrap();
        let attributes = certificate.attributes().unwrap();
        assert_eq!(attributes.name, name);
        assert_eq!(attributes.sex, expected);
        assert_eq!(attributes.date_of_birth.to_certificate(), birth);
        assert_eq!(attributes.name_substitutes, mask.chars().map(|c| c == '1').collect::<Vec<_>>());
        assert!(attributes.address_substitutes[199]);
    }
}

#[test]
fn the_distribution_point_is_one_directory_name() {
    let kind = AuthorityKind::DigitalSignature;
    let one = ctx(4, &partition_name(kind, "Kiyose-shi"));
    let full = |names: &[u8]| ctx(0, &ctx(0, names));
    let point = |fields: &[u8]| seq(&[fields]);
    let url = ctx_bytes(6, b"http://crl.example/");
    for wrong in [
        seq(&[&point(&full(&url))]),
        seq(&[&point(&full(&[one.clone(), url.clone()].concat()))]),
        seq(&[&point(&full(&one)), &point(&full(&one))]),
        seq(&[&point(&[full(&one), ctx_bytes(1, &[0, 0x80])].concat())]),
        seq(&[&point(&[full(&one), ctx(2, &one)].concat())]),
        seq(&[&point(&ctx(0, &ctx(1, &[])))]),
        seq(&[]),
    ] {
        let leaf = Leaf::signature().with(oid_table::CRL_DISTRIBUTION_POINTS, false, wrong);
        let verdict =
            case(&leaf).fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateMalformed);
        let fault = verdict.check("certificate.profile").unwrap().evidence("fault");
        assert_eq!(fault, Some(&EvidenceValue::from("crl_distribution_point")));
    }
    let leaf = Leaf::signature().without(oid_table::SUBJECT_KEY_IDENTIFIER);
    case(&leaf).fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateMalformed);
}

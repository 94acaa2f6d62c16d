//! Reading certificates: what RFC 5280 and DER refuse.

use const_oid::ObjectIdentifier;
use musubi_crypto::{KeyStrength, SignatureAlgorithm};
use musubi_kernel::UnixTime;
use musubi_pki::*;

use crate::support::authority::{Authority, Leaf, oid_table, rsa_sha256};
use crate::support::der::*;
use crate::support::{Case, Key, NOW, anchors, signer};

#[track_caller]
fn refused(leaf: &Leaf, expected: ParseError) {
    let mut case = Case::signature();
    case.certificate = Authority::signature_second().issue(leaf);
    assert_eq!(UnverifiedCertificate::parse(&case.certificate).unwrap_err(), expected);
    case.fails(SubIndication::FormatFailure, ReasonCode::CertificateMalformed);
}

fn changed(change: impl FnOnce(&mut Leaf)) -> Leaf {
    let mut leaf = Leaf::signature();
    change(&mut leaf);
    leaf
}

#[test]
fn a_certificate_of_the_profile_is_read() {
    let der = Authority::signature_second().issue(&Leaf::signature());
    let certificate = UnverifiedCertificate::parse(&der).unwrap();
    assert_eq!(certificate.der(), der);
    assert_eq!(certificate.serial().to_string(), "1EE607");
    assert_eq!(certificate.signature_algorithm(), Ok(SignatureAlgorithm::RsaPkcs1Sha256));
    assert_eq!(certificate.issuer().as_der(), Authority::signature_second().name);
    assert_eq!(certificate.subject_key_id().unwrap().len(), 20);
    let key = certificate.public_key().unwrap();
    assert_eq!(key.strength(), KeyStrength::Rsa { bits: 2048, exponent: Some(65537) });
}

#[test]
fn only_version_3_is_read() {
    refused(&changed(|l| l.version = Vec::new()), ParseError::Version);
    refused(&changed(|l| l.version = ctx(0, &integer(&[1]))), ParseError::Version);
    refused(&changed(|l| l.version = ctx(0, &integer(&[3]))), ParseError::Version);
}

#[test]
fn serial_numbers_are_positive_and_at_most_20_octets() {
    for wrong in [
        tlv(2, &[]),
        tlv(2, &[0]),
        tlv(2, &[0x80]),
        tlv(2, &[0, 1]),
        integer(&[0x7F; 21]),
        integer(&[0x80; 20]),
    ] {
        refused(&changed(|l| l.serial = wrong), ParseError::SerialNumber);
    }
    let long = Authority::signature_second().issue(&changed(|l| l.serial = integer(&[0x7F; 20])));
    assert!(UnverifiedCertificate::parse(&long).is_ok());
}

#[test]
fn both_signature_algorithms_are_the_same_to_the_byte() {
    let without_null = seq(&[&oid(oid_table::SHA256_WITH_RSA)]);
    refused(&changed(|l| l.outer_algorithm = Some(without_null.clone())), ParseError::SignatureAlgorithm);
    refused(&changed(|l| l.algorithm = without_null.clone()), ParseError::SignatureAlgorithm);
    let ecdsa_with_null = seq(&[&oid(oid_table::ECDSA_WITH_SHA384), &[5, 0]]);
    refused(&changed(|l| l.algorithm = ecdsa_with_null), ParseError::SignatureAlgorithm);
    let extra = seq(&[&oid(oid_table::SHA256_WITH_RSA), &[5, 0], &[5, 0]]);
    refused(&changed(|l| l.algorithm = extra), ParseError::Malformed);
}

#[test]
fn times_are_written_in_one_way() {
    let far = UnixTime::from_utc(2050, 1, 1, 0, 0, 0).unwrap();
    let soon = NOW.plus(86_400);
    for wrong in [
        generalized_time(soon),
        tlv(0x17, b"2611210203Z"),
        tlv(0x17, b"261121020304+0900"),
        tlv(0x17, b"261321020304Z"),
        tlv(0x17, b"270229020304Z"),
        tlv(0x18, b"20500101000000.5Z"),
        tlv(0x17, b""),
        utf8("261121020304Z"),
    ] {
        refused(&changed(|l| l.validity[1] = wrong), ParseError::Validity);
    }
    refused(&changed(|l| l.validity = [utc_time(soon), utc_time(NOW)]), ParseError::Validity);
    let der = Authority::signature_second().issue(&changed(|l| l.validity[1] = generalized_time(far)));
    assert_eq!(UnverifiedCertificate::parse(&der).unwrap().not_after(), far);
}

#[test]
fn nothing_stands_where_nothing_belongs() {
    refused(&changed(|l| l.unique_ids = ctx_bytes(1, &[0, 1])), ParseError::Malformed);
    refused(&changed(|l| l.unique_ids = ctx_bytes(2, &[0, 1])), ParseError::Malformed);
    let good = Authority::signature_second().issue(&Leaf::signature());
    let mut case = Case::signature();
    case.certificate = [&good[..], &[0]].concat();
    case.fails(SubIndication::FormatFailure, ReasonCode::CertificateMalformed);
    case.certificate = Vec::new();
    case.fails(SubIndication::FormatFailure, ReasonCode::CertificateMalformed);
    // PEM is not DER.
    case.certificate = b"-----BEGIN CERTIFICATE-----".to_vec();
    case.fails(SubIndication::FormatFailure, ReasonCode::CertificateMalformed);
}

#[test]
fn a_certificate_has_at_most_16_kib() {
    let huge = vec![0x30; MAX_CERTIFICATE_BYTES + 1];
    let error = UnverifiedCertificate::parse(&huge).unwrap_err();
    assert_eq!(
        error,
        ParseError::TooLarge { length: MAX_CERTIFICATE_BYTES + 1, limit: MAX_CERTIFICATE_BYTES }
    );
    let padded = Leaf::signature().with("1.2.3.4".parse().unwrap(), false, vec![0; 14_000]);
    assert!(UnverifiedCertificate::parse(&Authority::signature_second().issue(&padded)).is_ok());
}

#[test]
fn an_extension_occurs_once() {
    let twice = changed(|l| l.extensions.push(l.extensions[0].clone()));
    refused(&twice, ParseError::DuplicateExtension { oid: oid_table::KEY_USAGE });
    let private: ObjectIdentifier = "1.2.3.4".parse().unwrap();
    let unknown_twice =
        changed(|l| l.extensions.extend([(private, false, vec![]), (private, false, vec![1])]));
    refused(&unknown_twice, ParseError::DuplicateExtension { oid: private });
    // Nor beside the one that the authority adds.
    let aki = oid_table::AUTHORITY_KEY_IDENTIFIER;
    let value = Authority::signature_first().key_identifier();
    refused(&Leaf::signature().with(aki, false, value), ParseError::DuplicateExtension { oid: aki });
}

#[test]
fn known_extensions_are_well_formed() {
    let policy = seq(&[&oid(oid_table::POLICY_TEST_DIGITAL_SIGNATURE)]);
    for (id, value) in [
        (oid_table::KEY_USAGE, vec![]),
        (oid_table::KEY_USAGE, tlv(3, &[])),
        (oid_table::KEY_USAGE, tlv(3, &[8, 0xC0])),
        (oid_table::KEY_USAGE, [tlv(3, &[6, 0xC0]), vec![0]].concat()),
        (oid_table::EXTENDED_KEY_USAGE, seq(&[&utf8("x")])),
        (oid_table::CERTIFICATE_POLICIES, seq(&[&policy, &policy])),
        (oid_table::SUBJECT_KEY_IDENTIFIER, utf8("x")),
        (oid_table::SUBJECT_ALT_NAME, utf8("x")),
        (oid_table::BASIC_CONSTRAINTS, seq(&[&boolean(false)])),
        (oid_table::BASIC_CONSTRAINTS, seq(&[&tlv(1, &[1])])),
        (oid_table::CRL_DISTRIBUTION_POINTS, seq(&[&utf8("x")])),
    ] {
        refused(&Leaf::signature().with(id, false, value), ParseError::Extension { oid: id });
    }
    let name = Authority::signature_second().name;
    for half in [
        seq(&[&ctx(1, &ctx(4, &name))]),
        seq(&[&ctx_bytes(2, &[1])]),
        seq(&[&ctx(1, &ctx_bytes(2, b"dns")), &ctx_bytes(2, &[1])]),
        seq(&[&ctx(1, &ctx(4, &name)), &ctx_bytes(2, &[0x80])]),
    ] {
        let id = oid_table::AUTHORITY_KEY_IDENTIFIER;
        refused(&changed(|l| l.authority_key_id = Some(half)), ParseError::Extension { oid: id });
    }
}

#[test]
fn an_explicit_false_is_not_der() {
    let mut case = Case::signature();
    let leaf = Leaf::signature();
    let good = Authority::signature_second().issue(&leaf);
    // 30 .. 06 03 55 1D 0E (04 ..): subjectKeyIdentifier, with `critical` spelled out as FALSE.
    let place = good.windows(5).position(|w| w == [0x06, 0x03, 0x55, 0x1D, 0x0E]).unwrap() + 5;
    case.certificate = [&good[..place], &boolean(false), &good[place..]].concat();
    case.fails(SubIndication::FormatFailure, ReasonCode::CertificateMalformed);
}

/// SPKI of an RSA key with this modulus and exponent; never used to sign.
fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = seq(&[&integer(modulus), &integer(exponent)]);
    seq(&[&seq(&[&oid(oid_table::RSA_ENCRYPTION), &[5, 0]]), &bits(&key)])
}

#[test]
fn public_keys_are_well_formed() {
    let good = signer(Key::Holder).spki_der().unwrap();
    let algorithm = seq(&[&oid(oid_table::RSA_ENCRYPTION), &[5, 0]]);
    let without_null = seq(&[&oid(oid_table::RSA_ENCRYPTION)]);
    let key = seq(&[&integer(&[0xC1; 256]), &integer(&[1, 0, 1])]);
    let p384 = seq(&[&oid(oid_table::EC_PUBLIC_KEY), &oid(oid_table::SECP384R1)]);
    for wrong in [
        seq(&[&without_null, &bits(&key)]),
        seq(&[&algorithm, &tlv(3, &[3, 0xF8])]),
        seq(&[&algorithm, &bits(&[&key[..], &[0]].concat())]),
        seq(&[&algorithm, &bits(&seq(&[&tlv(2, &[0x80; 256]), &integer(&[1, 0, 1])]))]),
        seq(&[&p384, &bits(&[4; 97])]),
    ] {
        refused(&changed(|l| l.public_key = wrong), ParseError::PublicKey);
    }
    refused(&changed(|l| l.public_key = good[..good.len() - 1].to_vec()), ParseError::Malformed);
}

#[test]
fn weak_or_unknown_keys_are_refused_as_such() {
    let mut odd = vec![0xC1; 256];
    odd[255] = 0x05;
    let ed448 = seq(&[&seq(&[&oid_text("1.3.101.113")]), &bits(&[7; 57])]);
    let secp256k1 = seq(&[&oid(oid_table::EC_PUBLIC_KEY), &oid_text("1.3.132.0.10")]);
    for (spki, shown) in [
        (rsa_spki(&odd[..128], &[1, 0, 1]), "RSA 1024"),
        (rsa_spki(&odd, &[3]), "RSA 2048, e = 3"),
        (rsa_spki(&[0xC1; 1025], &[1, 0, 1]), "RSA 8200"),
        (ed448, "1.3.101.113"),
        (seq(&[&secp256k1, &bits(&[4; 65])]), "1.3.132.0.10"),
    ] {
        let mut case = Case::signature();
        case.certificate = Authority::signature_second().issue(&changed(|l| l.public_key = spki));
        let verdict =
            case.fails(SubIndication::CryptoConstraintsFailure, ReasonCode::CertificateWeakAlgorithm);
        let strength = verdict.check("algorithm.strength").unwrap();
        assert_eq!(strength.evidence("key"), Some(&EvidenceValue::from(shown.to_owned())));
    }
    let mut case = Case::signature();
    case.policy.min_rsa_bits = 3072;
    case.fails(SubIndication::CryptoConstraintsFailure, ReasonCode::CertificateWeakAlgorithm);
}

#[test]
fn sha1_signatures_are_refused() {
    let sha1 = seq(&[&oid_text("1.2.840.113549.1.1.5"), &[5, 0]]);
    assert_ne!(sha1, rsa_sha256());
    let mut case = Case::signature();
    case.certificate = Authority::signature_second().issue(&changed(|l| l.algorithm = sha1));
    let verdict = case.fails(SubIndication::CryptoConstraintsFailure, ReasonCode::CertificateWeakAlgorithm);
    assert_eq!(
        verdict.check("chain.signature").unwrap().evidence("algorithm"),
        Some(&EvidenceValue::from("1.2.840.113549.1.1.5"))
    );
}

#[test]
fn a_certificate_on_p384_is_verified_like_any_other() {
    let anchors = TrustAnchors::insecure_test_hierarchy([(
        AuthorityKind::DigitalSignature,
        include_bytes!("../fixtures/ec/authority.der").to_vec(),
    )])
    .unwrap();
    let mut case = Case::signature();
    case.certificate = include_bytes!("../fixtures/ec/certificate.der").to_vec();
    case.document = include_bytes!("../fixtures/ec/document.txt").to_vec();
    case.signature = include_bytes!("../fixtures/ec/signature.der").to_vec();
    case.digest = None;
    case.at = NOW.plus(86_400);
    let verdict = case.judged_by(&anchors).verdict;
    // Nothing is missing but a revocation list.
    assert_eq!(verdict.sub_indication(), Some(SubIndication::TryLater), "{verdict:#?}");
    let algorithm = verdict.check("signature.value").unwrap().evidence("algorithm");
    assert_eq!(algorithm, Some(&EvidenceValue::from("ECDSA SHA-384")));
    case.signature[20] ^= 1;
    let verdict = case.judged_by(&anchors).verdict;
    assert_eq!(verdict.sub_indication(), Some(SubIndication::SigCryptoFailure));
}

#[test]
fn equal_names_are_told_apart_by_key_and_signature() {
    let anchors = anchors();
    for authority in [Authority::signature_first(), Authority::signature_second()] {
        let case = Case::of(&authority, &Leaf::signature());
        let certificate = case.judged_by(&anchors).certificate.unwrap();
        assert_eq!(
            certificate.issuer_key_id(),
            hex::encode(crate::support::authority::key_id(authority.key))
        );
        case.passes();
    }
    // Signed by one generation, naming the other.
    let mut case = Case::signature();
    let naming_first = changed(|l| l.authority_key_id = Some(Authority::signature_first().key_identifier()));
    case.certificate = Authority::signature_second().issue(&naming_first);
    case.fails(SubIndication::CertificateChainGeneralFailure, ReasonCode::CertificateOtherAuthority);
    // The right key, but the serial number of the other generation's certificate.
    let mixed = Authority { serial: Authority::signature_first().serial, ..Authority::signature_second() };
    case.certificate =
        Authority::signature_second().issue(&changed(|l| l.authority_key_id = Some(mixed.key_identifier())));
    case.fails(SubIndication::NoCertificateChainFound, ReasonCode::CertificateOtherAuthority);
}

#[test]
fn without_an_authority_key_identifier_the_issuer_is_found_by_its_signature() {
    let nameless = changed(|l| l.authority_key_id = Some(Vec::new()));
    for authority in [Authority::signature_first(), Authority::signature_second()] {
        Case::of(&authority, &nameless).passes();
    }
    // An identifier without its three parts departs from the profile.
    let key_id = crate::support::authority::key_id(Key::SignatureSecond);
    let mut case = Case::signature();
    case.certificate = Authority::signature_second()
        .issue(&changed(|l| l.authority_key_id = Some(seq(&[&ctx_bytes(0, &key_id)]))));
    case.fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateMalformed);
}

#[test]
fn a_strangers_certificate_has_no_chain() {
    let mut case = Case::signature();
    // The authority's name with a stranger's key.
    let impostor = Authority::of(AuthorityKind::DigitalSignature, Key::Stranger, &[0x7C, 0x6A, 0x21], NOW);
    case.certificate = impostor.issue(&Leaf::signature());
    case.fails(SubIndication::NoCertificateChainFound, ReasonCode::CertificateOtherAuthority);
    // The same, claiming the authority's key.
    let claim = Authority::signature_second().key_identifier();
    case.certificate = impostor.issue(&changed(|l| l.authority_key_id = Some(claim)));
    case.fails(SubIndication::CertificateChainGeneralFailure, ReasonCode::CertificateOtherAuthority);
    case.certificate = impostor.issue(&changed(|l| l.authority_key_id = Some(Vec::new())));
    case.fails(SubIndication::CertificateChainGeneralFailure, ReasonCode::CertificateOtherAuthority);
    // Another name that looks the same: PrintableString for UTF8String.
    let mut respelled = Authority::signature_second().name;
    let place = respelled.iter().position(|b| *b == 0x0C).unwrap();
    respelled[place] = 0x13;
    case.certificate = Authority::signature_second().issue(&changed(|l| l.issuer = Some(respelled)));
    case.fails(SubIndication::NoCertificateChainFound, ReasonCode::CertificateOtherAuthority);
}

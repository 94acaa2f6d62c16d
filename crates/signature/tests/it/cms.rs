//! CMS and CAdES as OpenSSL and pyHanko make them.

use musubi_crypto::{DigestAlgorithm, SignatureAlgorithm as A};
use musubi_kernel::UnixTime;
use musubi_pki::SubIndication::{HashFailure, NoSigningCertificateFound};
use musubi_signature::cms::find;
use musubi_signature::{Covered, Extent, Found, Level, NotASignature, TimestampKind};

use crate::cms_message::{broken, content, fixture, kept, signer, stamps, verifies};

fn file(name: &str) -> Vec<u8> {
    fixture(&format!("cms/{name}"))
}

fn one<'a>(cms: &'a [u8], detached: Option<&'a [u8]>) -> Found<'a> {
    let mut found = find(cms, detached).unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[test]
fn what_independent_tools_sign_is_found_and_verifies() {
    let table = [
        ("rsa-attached", "signer-rsa", A::RsaPkcs1Sha256, Level::Plain),
        ("rsa-detached", "signer-rsa", A::RsaPkcs1Sha256, Level::Plain),
        ("rsa-sha384", "signer-rsa", A::RsaPkcs1Sha384, Level::Plain),
        ("rsa-sha1", "signer-rsa", A::RsaPkcs1Sha1, Level::Plain),
        ("pss", "signer-rsa", A::RsaPssSha256, Level::Plain),
        ("p256", "signer-p256", A::EcdsaSha256, Level::Plain),
        ("p384", "signer-p384", A::EcdsaSha384, Level::Plain),
        ("keyid", "signer-rsa", A::RsaPkcs1Sha256, Level::Plain),
        ("noattr", "signer-rsa", A::RsaPkcs1Sha256, Level::Plain),
        ("noattr-detached", "signer-p256", A::EcdsaSha256, Level::Plain),
        ("stream", "signer-rsa", A::RsaPkcs1Sha256, Level::Plain),
        ("cades-attached", "signer-rsa", A::RsaPkcs1Sha256, Level::B),
        ("cades-detached", "signer-p256", A::EcdsaSha256, Level::B),
        ("cades-b-pyhanko", "signer-p256", A::EcdsaSha256, Level::B),
        ("cades-b-pss", "signer-rsa", A::RsaPssSha256, Level::B),
        ("cades-ed25519", "signer-ed25519", A::Ed25519, Level::B),
        ("cades-t", "signer-rsa", A::RsaPkcs1Sha256, Level::T),
        ("cades-content-time-stamp", "signer-rsa", A::RsaPkcs1Sha256, Level::T),
        ("cades-lt", "signer-rsa", A::RsaPkcs1Sha256, Level::Lt),
        ("cades-lta", "signer-rsa", A::RsaPkcs1Sha256, Level::Lta),
        ("cades-lta-renewed", "signer-rsa", A::RsaPkcs1Sha256, Level::Lta),
    ];
    let content = content();
    for (name, by, algorithm, level) in table {
        let cms = file(&format!("{name}.p7"));
        let is_detached = find(&cms, None).is_err();
        let found = one(&cms, is_detached.then_some(&content));
        assert_eq!(broken(&found), [], "{name}");
        assert_eq!(signer(&found), Some(fixture(&format!("pki/{by}.der")).as_slice()), "{name}");
        assert!(verifies(&found), "{name}");
        assert_eq!(found.value.algorithm, Ok(algorithm), "{name}");
        assert_eq!(found.level, level, "{name}");
        assert_eq!(found.format, if level == Level::Plain { "CMS" } else { "CAdES" }, "{name}");
        assert_eq!(found.extent, if is_detached { Extent::Detached } else { Extent::Whole }, "{name}");
        for stamp in &found.timestamps {
            assert!(stamps(stamp), "{name}: {}", stamp.location);
        }
    }
}

#[test]
fn the_digest_algorithm_is_told_so_that_a_policy_can_refuse_it() {
    let (sha1, sha384) = (file("rsa-sha1.p7"), file("rsa-sha384.p7"));
    assert_eq!(one(&sha1, None).digests, [DigestAlgorithm::Sha1]);
    assert_eq!(one(&sha384, None).digests, [DigestAlgorithm::Sha384]);
}

/// The salts in use: as long as the digest (OpenSSL, JWS) or as long as fits (pyHanko, Java). No other is looked for.
#[test]
fn a_pss_salt_is_as_long_as_the_digest_or_as_long_as_fits() {
    for (name, is_accepted) in
        [("cades-b-pss", true), ("cades-b-pss-salt-222", true), ("cades-b-pss-salt-100", false)]
    {
        let cms = file(&format!("{name}.p7"));
        let found = one(&cms, None);
        assert_eq!((broken(&found), &found.value.algorithm), (vec![], &Ok(A::RsaPssSha256)), "{name}");
        assert_eq!(verifies(&found), is_accepted, "{name}");
    }
}

#[test]
fn other_content_is_a_hash_failure() {
    let (cms, other) = (file("rsa-detached.p7"), file("other.txt"));
    assert_eq!(broken(&one(&cms, Some(&other))), [("cms.message_digest", HashFailure)]);
    // Without signed attributes nothing but the value holds the content.
    let cms = file("noattr-detached.p7");
    let found = one(&cms, Some(&other));
    assert_eq!(broken(&found), []);
    assert!(!verifies(&found));
}

#[test]
fn content_that_is_neither_inside_nor_given_is_asked_for() {
    assert_eq!(find(&file("rsa-detached.p7"), None).unwrap_err(), NotASignature::ContentMissing);
}

#[test]
fn content_inside_and_given_must_be_the_same() {
    let (content, other) = (content(), file("other.txt"));
    for name in ["rsa-attached.p7", "stream.p7"] {
        let cms = file(name);
        let found = one(&cms, Some(&content));
        assert_eq!(broken(&found), []);
        assert!(kept(&found, "cms.content"));
        let found = one(&cms, Some(&other));
        assert_eq!(broken(&found), [("cms.content", HashFailure), ("cms.message_digest", HashFailure)]);
    }
}

#[test]
fn text_armour_is_read_under_both_labels_and_nothing_may_stand_around_it() {
    for name in ["rsa-attached.pem", "pkcs7.pem"] {
        let text = file(name);
        let found = find(&text, None).unwrap();
        assert_eq!(broken(&found[0]), []);
        assert!(verifies(&found[0]));
    }
    let text = String::from_utf8(file("rsa-attached.pem")).unwrap();
    let wrong = [
        text.clone() + &text,
        text.replace(" CMS-", " CERTIFICATE-"),
        text.replacen("MII", "M*I", 1),
        text.replace("END CMS", "END PKCS7"),
        text.clone() + "trailing",
    ];
    for text in wrong {
        assert!(matches!(find(text.as_bytes(), None), Err(NotASignature::Malformed(_))));
    }
}

#[test]
fn every_signer_is_a_signature_of_its_own() {
    let cms = file("two-signers.p7");
    let found = find(&cms, None).unwrap();
    let mut signers: Vec<&[u8]> = found.iter().map(|f| signer(f).unwrap()).collect();
    signers.sort_unstable();
    let mut expected = [fixture("pki/signer-rsa.der"), fixture("pki/signer-p256.der")];
    expected.sort_unstable();
    assert_eq!(signers, expected);
    for found in &found {
        assert_eq!(broken(found), []);
        assert!(verifies(found));
    }
    assert_eq!([&*found[0].location, &*found[1].location], ["signer 1", "signer 2"]);
}

#[test]
fn a_signer_without_certificate_is_found_as_such() {
    let cms = file("nocerts.p7");
    let found = one(&cms, None);
    assert_eq!(signer(&found), None);
    assert_eq!(broken(&found), [("cms.signer_identifier", NoSigningCertificateFound)]);
}

#[test]
fn a_message_of_certificates_alone_has_no_signature() {
    assert_eq!(find(&file("certificates-only.p7"), None).unwrap_err(), NotASignature::NoSignature);
}

#[test]
fn the_claimed_time_and_the_time_stamps_are_told_apart() {
    let (cms, content) = (file("cades-content-time-stamp.p7"), content());
    let found = one(&cms, Some(&content));
    assert_eq!(found.claimed_signing_time, UnixTime::parse_rfc3339("2026-11-01T11:59:58Z").ok());
    let kinds: Vec<TimestampKind> = found.timestamps.iter().map(|t| t.kind).collect();
    assert_eq!(kinds, [TimestampKind::Content, TimestampKind::Signature]);
    assert_eq!(found.timestamps[0].location, "signer 1, time-stamp 1 (content-time-stamp)");
}

#[test]
fn long_term_material_is_handed_out() {
    let cms = file("cades-lt.p7");
    let found = one(&cms, None);
    assert_eq!(found.crls, [fixture("pki/intermediate.crl"), fixture("pki/root.crl")]);
    assert_eq!(found.ocsp, [fixture("pki/signer-rsa.ocsp")]);
    let expected = ["intermediate", "signer-rsa"].map(|n| fixture(&format!("pki/{n}.der")));
    assert!(expected.iter().all(|der| found.certificates.iter().any(|c| c == der)));
}

#[test]
fn an_archive_time_stamp_covers_what_its_index_names() {
    let cms = file("cades-lta-renewed.p7");
    let found = one(&cms, None);
    let archive: Vec<_> = found.timestamps.iter().filter(|t| t.kind == TimestampKind::Archive).collect();
    assert_eq!(archive.len(), 2);
    for stamp in archive {
        assert!(matches!(stamp.covered, Covered::Parts(_)));
        assert!(stamps(stamp));
    }
}

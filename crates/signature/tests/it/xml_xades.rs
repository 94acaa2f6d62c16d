//! XAdES: the certificate that the signer signed, and what each time-stamp covers.

use musubi_crypto::sha256;
use musubi_pki::{Outcome, SubIndication};
use musubi_signature::{Covered, Extent, Found, Level, Signer, TimestampKind};

use crate::xml_support::{assert_sound, broken, bytes, document, only, the_broken, value_verifies};

/// Whether the token's imprint is the SHA-256 of what it is said to cover.
fn stamps_it(token: &[u8], covered: &Covered<'_>) -> bool {
    let Covered::Parts(parts) = covered else { return false };
    let digest = sha256(&parts.concat());
    token.windows(digest.len()).any(|window| window == digest)
}

fn kinds(found: &Found<'_>) -> Vec<TimestampKind> {
    found.timestamps.iter().map(|t| t.kind).collect()
}

#[test]
fn signed_properties_name_the_signing_certificate() {
    for name in [
        "xades-b",
        "xades-v1",
        "xades-v1-and-v2",
        "xades-policy-implied",
        "signxml-xades",
        "signxml-xades-enveloping",
    ] {
        let document = document(name);
        let found = only(&document);
        assert_sound(&found, "signer-rsa");
        assert_eq!((found.format, found.level), ("XAdES", Level::B), "{name}");
        assert_eq!(found.extent, Extent::Whole, "{name}");
        assert!(found.claimed_signing_time.is_some(), "{name}");
    }
    let document = document("xades-b");
    assert_eq!(only(&document).claimed_signing_time.unwrap().rfc3339(), "2026-11-20T00:00:00Z");
}

#[test]
fn ed25519_is_known_by_its_identifier_of_rfc_9231() {
    let document = document("xades-ed25519");
    let found = only(&document);
    assert_sound(&found, "signer-ed25519");
    assert_eq!(found.certificates.len(), 2);
}

#[test]
fn an_explicit_policy_is_reported_and_not_processed() {
    let document = document("signxml-xades-policy");
    let found = only(&document);
    assert_sound(&found, "signer-rsa");
    let policy = found.rules.iter().find(|r| r.result.id() == "xades.policy").unwrap();
    assert_eq!(policy.result.outcome(), Outcome::Skipped);
}

#[test]
fn another_certificate_than_the_signed_one_is_refused() {
    for (name, why) in [
        ("xades-certificate-absent", "the certificate that the signature names is not at hand"),
        ("xades-other-serial-v2", "issuer or serial number is not the signing certificate's"),
        ("xades-other-serial-v1", "issuer or serial number is not the signing certificate's"),
        ("xades-two-certificates", "two signing certificates"),
    ] {
        let document = document(name);
        let found = only(&document);
        assert_eq!(broken(&found), [("xades.signing_certificate".to_owned(), why.to_owned())], "{name}");
        assert!(matches!(found.signer, Signer::NotFound), "{name}");
        let rule = found.rules.iter().find(|r| r.result.outcome() == Outcome::Failed).unwrap();
        assert_eq!(rule.on_failure.0, SubIndication::NoSigningCertificateFound);
        assert_eq!(found.level, Level::Plain);
    }
    assert_eq!(the_broken(&document("xades-no-certificate")).0, "xades.signing_certificate");
}

#[test]
fn the_first_certificate_of_several_is_the_signers() {
    // It names the intermediate first: that is then the signer, under whose key the value does not verify.
    let document = document("xades-second-certificate");
    let found = only(&document);
    assert_eq!(broken(&found), []);
    let Signer::Certificate(der) = &found.signer else { panic!("no signer") };
    assert_eq!(&der[..], bytes("pki/intermediate.der"));
    assert!(!value_verifies(&found));
}

#[test]
fn signed_properties_without_their_reference_count_for_nothing() {
    for (name, rule) in [
        ("xades-untyped-reference", "xades.signed_properties"),
        ("xades-other-target", "xades.qualifying_properties"),
    ] {
        let document = document(name);
        let found = only(&document);
        assert_eq!(broken(&found)[0].0, rule);
        assert_eq!((found.level, found.claimed_signing_time), (Level::Plain, None));
    }
    // The properties moved out of what the reference covers: another element has its identifier.
    let original = document("xades-b");
    let moved = original
        .replace("<xades:SignedProperties Id=\"properties\">", "<xades:SignedProperties Id=\"other\">")
        .replace("</ds:Signature>", "<ds:Object><x Id=\"properties\"/></ds:Object></ds:Signature>");
    let found = only(&moved);
    assert!(broken(&found).iter().any(|(id, _)| id == "xades.signed_properties"));
    assert!(matches!(found.signer, Signer::NotFound));
}

#[test]
fn exchanged_certificates_are_refused_although_no_digest_covers_key_info() {
    let original = document("xades-b");
    let start = original.find("<ds:X509Certificate>").unwrap();
    let end = original.find("</ds:X509Certificate>").unwrap();
    let stranger = base64(&bytes("pki/stranger.der"));
    let exchanged = format!("{}<ds:X509Certificate>{stranger}{}", &original[..start], &original[end..]);
    assert_eq!(the_broken(&exchanged).0, "xades.signing_certificate");
}

#[test]
fn a_time_stamp_covers_the_canonical_signature_value() {
    for name in ["xades-t", "xades-t-c14n11"] {
        let document = document(name);
        let found = only(&document);
        assert_sound(&found, "signer-rsa");
        assert_eq!(found.level, Level::T);
        assert_eq!(kinds(&found), [TimestampKind::Signature]);
        assert!(stamps_it(&found.timestamps[0].token, &found.timestamps[0].covered), "{name}");
    }
}

#[test]
fn validation_data_come_with_the_signature() {
    let document = document("xades-lt");
    let found = only(&document);
    assert_sound(&found, "signer-rsa");
    assert_eq!(found.level, Level::Lt);
    assert_eq!((found.certificates.len(), found.crls.len(), found.ocsp.len()), (5, 2, 1));
    assert_eq!(&found.crls[0][..], bytes("pki/intermediate.crl"));
    assert_eq!(&found.ocsp[0][..], bytes("pki/signer-rsa.ocsp"));
}

#[test]
fn an_archive_time_stamp_covers_all_before_it() {
    for (name, archives) in [("xades-lta", 1), ("xades-lta-twice", 2)] {
        let document = document(name);
        let found = only(&document);
        assert_sound(&found, "signer-rsa");
        assert_eq!(found.level, Level::Lta);
        assert_eq!(kinds(&found).iter().filter(|k| **k == TimestampKind::Archive).count(), archives);
        for timestamp in &found.timestamps {
            assert!(stamps_it(&timestamp.token, &timestamp.covered), "{name} {}", timestamp.location);
        }
    }
}

#[test]
fn a_change_under_an_archive_time_stamp_changes_what_it_must_cover() {
    let original = document("xades-lta-twice");
    let covers = |document: &str| -> Vec<bool> {
        let found = only(document);
        found.timestamps.iter().map(|t| stamps_it(&t.token, &t.covered)).collect()
    };
    assert_eq!(covers(&original), [true, true, true]);
    // What stands in an object that nothing else signs, and in validation data between the two.
    assert_eq!(covers(&original.replace("<x/>", "<y/>")), [true, false, false]);
    let between = original.replace("<x141:TimeStampValidationData ", "<x141:TimeStampValidationData a=\"\" ");
    assert_eq!(covers(&between), [true, true, false]);
    let value = original.replace("<ds:SignatureValue Id=\"value\">", "<ds:SignatureValue Id=\"value\"> ");
    assert_eq!(covers(&value), [false, false, false]);
}

#[test]
fn time_stamps_over_the_content_cover_the_signed_octets() {
    let document = document("xades-content-timestamps");
    let found = only(&document);
    assert_sound(&found, "signer-rsa");
    assert_eq!(found.level, Level::B);
    assert_eq!(kinds(&found), [TimestampKind::Content, TimestampKind::Content]);
    assert!(found.timestamps.iter().all(|t| stamps_it(&t.token, &t.covered)));
    let included = |change: &str| {
        let changed = document.replace("<xades:Include URI=\"#r-content\" referencedData=\"true\"/>", change);
        broken(&only(&changed)).iter().any(|(id, _)| id == "xades.timestamps")
    };
    assert!(included(""));
    assert!(included("<xades:Include URI=\"#r-content\"/>"));
    assert!(included("<xades:Include URI=\"#part\" referencedData=\"true\"/>"));
}

#[test]
fn time_stamps_of_a_kind_that_is_not_used_any_more_are_found_and_prove_nothing() {
    let document = document("xades-odd-timestamps");
    let found = only(&document);
    assert_eq!(broken(&found), []);
    let other = TimestampKind::Other;
    assert_eq!(kinds(&found), [TimestampKind::Signature, other, other, TimestampKind::Signature]);
    assert!(found.timestamps[1..].iter().all(|t| matches!(t.covered, Covered::Unusable(_))));
    assert_eq!(found.level, Level::T);
}

#[test]
fn a_counter_signature_is_a_signature_of_its_own_over_the_value_of_the_other() {
    let document = document("xades-countersigned");
    let found = musubi_signature::xml::find(document.as_bytes(), None).unwrap();
    assert_eq!(found.len(), 2);
    assert_sound(&found[0], "signer-rsa");
    assert_eq!(found[0].extent, Extent::Whole);
    assert_sound(&found[1], "signer-revoked");
    let of = "the signature /Application/Signature/SignatureValue";
    assert_eq!(found[1].extent, Extent::Part(of.to_owned()));
}

#[test]
fn unsigned_values_that_cannot_be_read_are_refused() {
    let original = document("xades-lt");
    let not_base64 = original.replace("<xades:EncapsulatedCRLValue>", "<xades:EncapsulatedCRLValue>*");
    assert_eq!(the_broken(&not_base64).0, "xades.timestamps");
    let commented =
        original.replace("<xades:EncapsulatedOCSPValue>", "<xades:EncapsulatedOCSPValue><!-- -->");
    assert_eq!(the_broken(&commented).0, "xades.timestamps");
    let empty = original.replace(
        "</xades:UnsignedSignatureProperties>",
        "<xades:SignatureTimeStamp/></xades:UnsignedSignatureProperties>",
    );
    assert_eq!(
        the_broken(&empty),
        ("xades.timestamps".to_owned(), "a time-stamp without a token".to_owned())
    );
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

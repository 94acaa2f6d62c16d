//! PDF signatures as pyHanko makes them.

use musubi_crypto::SignatureAlgorithm as A;
use musubi_signature::{Extent, Level, NotASignature, Signer, TimestampKind, pdf};

use crate::pdf_support::{broken, broken_ids, changes, document, find, fixture, overwrite, stamps, verifies};

#[test]
fn what_an_independent_tool_signs_is_found_and_verifies() {
    let table = [
        ("pkcs7-rsa", "signer-rsa", A::RsaPkcs1Sha256, "PDF signature", Level::B),
        ("pades-b-rsa", "signer-rsa", A::RsaPkcs1Sha256, "PAdES", Level::B),
        ("pades-b-p256", "signer-p256", A::EcdsaSha256, "PAdES", Level::B),
        ("pades-b-p384", "signer-p384", A::EcdsaSha384, "PAdES", Level::B),
        ("pades-b-ed25519", "signer-ed25519", A::Ed25519, "PAdES", Level::B),
        ("pades-b-revoked", "signer-revoked", A::RsaPkcs1Sha256, "PAdES", Level::B),
        ("pades-t", "signer-rsa", A::RsaPkcs1Sha256, "PAdES", Level::T),
        ("visible", "signer-rsa", A::RsaPkcs1Sha256, "PAdES", Level::B),
        ("streams", "signer-p256", A::EcdsaSha256, "PAdES", Level::B),
        ("form-signed", "signer-rsa", A::RsaPkcs1Sha256, "PAdES", Level::B),
        ("certified-1", "signer-rsa", A::RsaPkcs1Sha256, "PAdES", Level::B),
    ];
    for (name, by, algorithm, format, level) in table {
        let file = document(name);
        let [found] = &find(&file)[..] else { panic!("{name}") };
        assert_eq!(broken(found), [], "{name}");
        assert!(verifies(found), "{name}");
        let Signer::Certificate(signer) = &found.signer else { panic!("{name}") };
        assert_eq!(signer.as_ref(), fixture(&format!("pki/{by}.der")), "{name}");
        assert_eq!(
            (&found.value.algorithm, found.format, found.level),
            (&Ok(algorithm), format, level),
            "{name}"
        );
        assert_eq!(found.extent, Extent::Whole, "{name}");
        assert_eq!(changes(found), Ok("none".to_owned()), "{name}");
        assert!(found.claimed_signing_time.is_some(), "{name}");
        assert!(found.location.starts_with("signature 1 (field \""), "{}", found.location);
    }
}

#[test]
fn long_term_data_come_from_the_security_store() {
    for (name, level) in [("pades-lt", Level::Lt), ("pades-lta", Level::Lta), ("streams-lta", Level::Lta)] {
        let file = document(name);
        let found = find(&file);
        assert_eq!(broken(&found[0]), [], "{name}");
        assert!(verifies(&found[0]), "{name}");
        assert_eq!(found[0].level, level, "{name}");
        assert!(found[0].crls.contains(&fixture("pki/root.crl").into()), "{name}");
        assert!(found[0].ocsp.len() + found[0].crls.len() >= 2, "{name}");
        assert!(found[0].certificates.contains(&fixture("pki/intermediate.der").into()), "{name}");
        assert!(matches!(&found[0].extent, Extent::Part(part) if part.starts_with("revision ")), "{name}");
        let classes = if level == Level::Lta { "ltv, timestamp" } else { "ltv" };
        assert_eq!(changes(&found[0]), Ok(classes.to_owned()), "{name}");
        for stamp in &found[0].timestamps {
            assert!(stamps(&stamp.token, &stamp.covered), "{name}: {}", stamp.location);
        }
    }
}

#[test]
fn a_document_time_stamp_is_an_archive_time_stamp_of_what_it_covers_and_an_entry_of_its_own() {
    let file = document("pades-lta");
    let found = find(&file);
    let [signature, stamp] = &found[..] else { panic!("{}", found.len()) };
    let kinds: Vec<_> = signature.timestamps.iter().map(|stamp| stamp.kind).collect();
    assert_eq!(kinds, [TimestampKind::Signature, TimestampKind::Archive]);
    // pyHanko appends what the time-stamp itself needs in the long term.
    let extent = Extent::Part("revision 3 of 4".to_owned());
    assert_eq!((stamp.format, &stamp.extent), ("PDF document time-stamp", &extent));
    assert_eq!(changes(stamp), Ok("ltv".to_owned()));
    assert_eq!(broken(stamp), []);
    assert!(verifies(stamp));
    assert_eq!(stamp.claimed_signing_time.unwrap().rfc3339(), "2026-11-01T09:00:00Z");
    assert!(stamp.timestamps.is_empty());
}

#[test]
fn every_signature_of_several_is_judged_over_its_own_revision() {
    for (name, parts) in
        [("two", "revision 2 of 3"), ("two-fields", "revision 3 of 4"), ("streams-two", "revision 2 of 3")]
    {
        let file = document(name);
        let found = find(&file);
        assert_eq!(found.len(), 2, "{name}");
        for one in &found {
            assert_eq!(broken(one), [], "{name}");
            assert!(verifies(one), "{name}");
        }
        let of =
            |extent| found.iter().find(|f| f.extent == extent).unwrap_or_else(|| panic!("{name}: {found:?}"));
        assert_eq!(changes(of(Extent::Part(parts.to_owned()))), Ok("signature".to_owned()), "{name}");
        assert_eq!(changes(of(Extent::Whole)), Ok("none".to_owned()), "{name}");
    }
}

#[test]
fn a_changed_byte_breaks_the_digest() {
    let file = overwrite(&document("pades-b-rsa"), "transfer 100 yen", "transfer 900 yen");
    assert_eq!(broken_ids(&find(&file)[0]), ["cms.message_digest"]);
    // The first revision is below the time-stamp, too.
    let file = overwrite(&document("pades-lta"), "transfer 100 yen", "transfer 900 yen");
    let found = find(&file);
    assert_eq!(broken_ids(&found[0]), ["cms.message_digest"]);
    assert_eq!(broken_ids(&found[1]), ["timestamp.imprint"]);
    assert!(!stamps(&found[0].timestamps[1].token, &found[0].timestamps[1].covered));
}

#[test]
fn a_document_without_a_signature_has_none() {
    for name in ["unsigned", "streams-unsigned"] {
        assert_eq!(pdf::find(&document(name), None).unwrap_err(), NotASignature::NoSignature);
    }
}

#[test]
fn nothing_is_given_beside_a_pdf() {
    let file = document("pades-b-rsa");
    assert!(matches!(pdf::find(&file, Some(b"content")), Err(NotASignature::Malformed(_))));
}

//! Rules about who may sign what, in whole documents.

use musubi_pki::Indication;
use musubi_pki::path::PathAnchors;
use musubi_signature::Role;

use super::support::{Bench, broken, document, summary};
use crate::cms_message::fixture;

#[test]
fn keys_that_are_not_for_documents_sign_none() {
    let bench = Bench::new();
    let cases = [
        ("by-authority-of-time", "signer.purpose"),
        ("by-enciphering-key", "path.key_usage"),
        ("by-child-of-signer", "path.basic_constraints"),
    ];
    for (name, rule) in cases {
        let judged = bench.one(&document(name));
        assert_eq!(summary(&judged), "CHAIN_CONSTRAINTS_FAILURE", "{name}");
        assert!(broken(&judged).contains(&rule), "{name}");
    }
}

#[test]
fn a_hierarchy_of_the_same_names_is_a_strangers() {
    let judged = Bench::new().one(&document("by-stranger"));
    assert_eq!(summary(&judged), "CERTIFICATE_CHAIN_GENERAL_FAILURE");
    assert_eq!(broken(&judged), ["path.signatures"]);
}

#[test]
fn under_anchors_that_issued_nothing_there_is_no_chain() {
    let strangers = || PathAnchors::from_certificates([fixture("pki/stranger.der")]).unwrap();
    let bench = Bench { anchors: strangers(), ..Bench::new() };
    assert_eq!(summary(&bench.one(&fixture("cms/rsa-attached.p7"))), "NO_CERTIFICATE_CHAIN_FOUND");
    // Time-stamps have anchors of their own.
    assert_eq!(summary(&bench.one(&fixture("cms/cades-t.p7"))), "NO_CERTIFICATE_CHAIN_FOUND 1/1");
    let bench = Bench { timestamp_anchors: strangers(), ..Bench::new() };
    assert_eq!(summary(&bench.one(&fixture("cms/rsa-attached.p7"))), "PASSED");
    assert_eq!(summary(&bench.one(&fixture("cms/cades-t.p7"))), "SIG_CONSTRAINTS_FAILURE 0/1");
}

#[test]
fn counter_signatures_are_judged_and_decide_nothing() {
    let judged = Bench::new().judge(&document("counter-signed-by-stranger"), None).unwrap();
    let each: Vec<_> = judged.signatures.iter().map(|one| (one.role, one.verdict.indication())).collect();
    let expected =
        [(Role::Signature, Indication::TotalPassed), (Role::CounterSignature, Indication::Indeterminate)];
    assert_eq!(each, expected);
    assert_eq!(judged.indication(), Indication::TotalPassed);
}

#[test]
fn a_signature_whose_certificate_is_not_there_never_passes() {
    for (file, why) in [
        ("cms/nocerts.p7", "NO_SIGNING_CERTIFICATE_FOUND"),
        ("xml/hmac.xml", "NO_SIGNING_CERTIFICATE_FOUND"),
        ("xml/xades-certificate-absent.xml", "NO_SIGNING_CERTIFICATE_FOUND"),
    ] {
        let judged = Bench::new().one(&fixture(file));
        assert_eq!((summary(&judged).as_str(), judged.signer), (why, None), "{file}");
    }
}

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
        ("by-authentication-key", "signer.purpose"),
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

/// A document is no multiplier: what one path may cost, all of its signatures together may cost a few times.
#[test]
fn the_work_on_all_paths_of_a_document_is_bounded() {
    let mut bench = Bench::new();
    // Twenty signatures; the budget is what each costs, the signatures of two certificates and of two lists.
    bench.policy.budget.max_signature_checks = 4;
    let one: serde_json::Value = serde_json::from_slice(&fixture("jws/rs256.json")).unwrap();
    let entry = serde_json::json!({"protected": one["protected"], "signature": one["signature"]});
    let all = serde_json::json!({"payload": one["payload"], "signatures": vec![entry; 20]});
    let judged = bench.judge(all.to_string().as_bytes(), None).unwrap();
    let passed = judged.signatures.iter().filter(|one| one.verdict.is_passed()).count();
    assert_eq!((judged.signatures.len(), passed), (20, 16));
    assert_eq!(judged.indication(), Indication::Indeterminate);
}

/// Any authority of time stamps what anyone sends.
#[test]
fn a_document_that_only_an_authority_of_time_signed_does_not_pass() {
    let content = fixture("cms/content.txt");
    let mut judged = Bench::new().judge(&fixture("timestamp/sha256.tsr"), Some(&content)).unwrap();
    assert_eq!((judged.format, judged.indication()), ("timestamp", Indication::TotalPassed));
    judged.format = "pdf";
    assert_eq!(judged.indication(), Indication::Indeterminate);
}

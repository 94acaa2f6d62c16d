//! Rules about revocation data in whole documents: what is missing, stale or broken is never good and never revoked.

use musubi_pki::{Indication, RevocationMode};
use musubi_signature::report::{RevocationData, RevocationKind};

use super::support::{Bench, document, summary};
use crate::cms_message::fixture;

#[test]
fn without_revocation_data_it_is_to_be_tried_later() {
    let mut bench = Bench::new().without_lists();
    for file in ["cms/rsa-attached.p7", "jws/rs256.jws", "pdf/pades-b-rsa.pdf", "xml/enveloped.xml"] {
        let judged = bench.one(&fixture(file));
        assert_eq!(summary(&judged), "TRY_LATER", "{file}");
        assert!(judged.verdict.may_pass_later());
    }
    // Also where it is the authority of the time-stamp whose status is missing.
    assert_eq!(summary(&bench.one(&fixture("cms/cades-t.p7"))), "TRY_LATER 0/1");
    bench.policy.revocation = RevocationMode::IfPresent;
    assert_eq!(summary(&bench.one(&fixture("cms/cades-t.p7"))), "PASSED 1/1");
}

#[test]
fn revocation_data_in_the_document_are_enough() {
    let bench = Bench::new().without_lists();
    for file in ["cms/cades-lt.p7", "pdf/pades-lt.pdf", "xml/xades-lt.xml"] {
        assert_eq!(summary(&bench.one(&fixture(file))), "PASSED 1/1", "{file}");
    }
    assert_eq!(summary(&bench.one(&fixture("cms/cades-lta-renewed.p7"))), "PASSED 3/3");
}

#[test]
fn a_list_past_its_next_update_says_nothing() {
    let mut bench = Bench::new();
    bench.crls[0] = fixture("judgement/intermediate-ended.crl");
    let file = fixture("cms/rsa-attached.p7");
    assert_eq!(summary(&bench.one(&file)), "TRY_LATER");
    assert_eq!(
        summary(&Bench { at: super::support::time("2026-11-29T00:00:00Z"), ..bench }.one(&file)),
        "PASSED"
    );
}

#[test]
fn of_several_signatures_each_is_judged_and_one_that_is_revoked_decides() {
    let judged = Bench::new().judge(&fixture("xml/two-signatures.xml"), None).unwrap();
    let each: Vec<String> = judged.signatures.iter().map(summary).collect();
    assert_eq!(each, ["PASSED", "REVOKED_NO_POE"]);
    assert_eq!(judged.indication(), Indication::Indeterminate);
}

#[test]
fn the_verdict_names_the_evidence_that_decided() {
    let judged = Bench::with_losses().one(&document("lost-t-before"));
    assert_eq!(judged.chain.len(), 3);
    let lists =
        ["judgement/intermediate.crl", "pki/root.crl"].map(|name| musubi_crypto::sha256(&fixture(name)));
    let data = lists.map(|sha256| RevocationData { kind: RevocationKind::List, sha256 });
    assert_eq!(judged.revocation, data);
}

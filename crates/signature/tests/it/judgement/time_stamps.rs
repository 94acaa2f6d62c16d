//! Rules about time: what time-stamps prove, for whom, and which of them prove nothing. The documents of
//! `fixtures/judgement` are judged on 1 December 2026; a signer's key was lost on 15 November, another certificate ended
//! then, an authority's key was lost on the 25th. Time-stamps state the 10th (before) or the 18th (after).

use musubi_pki::{Outcome, SubIndication};
use musubi_signature::TimestampKind;

use super::support::{Bench, broken, document, summary, time};
use crate::cms_message::fixture;

#[test]
fn a_time_stamp_before_the_revocation_keeps_the_signature() {
    let bench = Bench::with_losses();
    assert_eq!(bench.outcome("lost-b"), "REVOKED_NO_POE");
    assert_eq!(bench.outcome("lost-t-before"), "PASSED 1/1");
    assert_eq!(bench.outcome("lost-t-after"), "REVOKED_NO_POE 1/1");
    let judged = bench.one(&document("lost-t-before"));
    assert_eq!(judged.existed_at, Some(time("2026-11-10T12:00:00Z")));
    // Before anybody knew of the loss, it passed without.
    assert_eq!(Bench::new().outcome("lost-b"), "PASSED");
}

#[test]
fn a_claimed_signing_time_counts_for_nothing() {
    let judged = Bench::with_losses().one(&document("lost-b"));
    assert_eq!(judged.claimed_signing_time, Some(time("2026-11-01T12:00:00Z")));
    assert_eq!((judged.existed_at, judged.verdict.is_passed()), (None, false));
}

#[test]
fn content_that_was_stamped_after_the_revocation_was_certainly_signed_after_it() {
    let bench = Bench::with_losses();
    assert_eq!(bench.outcome("lost-content-after"), "REVOKED 1/1");
    assert_eq!(bench.outcome("short-content-after"), "EXPIRED 1/1");
}

#[test]
fn a_signature_outlives_its_certificate_by_a_time_stamp() {
    let bench = Bench::new();
    assert_eq!(bench.outcome("short-b"), "OUT_OF_BOUNDS_NO_POE");
    assert_eq!(bench.outcome("short-t-before"), "PASSED 1/1");
    assert_eq!(bench.outcome("short-t-after"), "OUT_OF_BOUNDS_NO_POE 1/1");
    assert_eq!(bench.at("2026-11-14T00:00:00Z").outcome("short-b"), "PASSED");
    // A list that was made after the end may have forgotten the certificate.
    assert_eq!(Bench::with_losses().outcome("short-t-before"), "TRY_LATER 1/1");
}

#[test]
fn a_time_stamp_ends_with_its_authority_unless_it_is_archived_before() {
    let bench = Bench::new();
    assert_eq!(bench.outcome("t-short-authority"), "SIG_CONSTRAINTS_FAILURE 0/1");
    assert_eq!(bench.outcome("t-short-authority-archived"), "PASSED 2/2");
    assert_eq!(bench.outcome("t-short-authority-archived-late"), "SIG_CONSTRAINTS_FAILURE 1/2");
}

#[test]
fn a_document_that_is_archived_in_time_passes_after_everything_in_it_has_ended() {
    let mut bench = Bench::new().at("2037-01-02T00:00:00Z");
    bench.crls.extend([fixture("judgement/intermediate-2037.crl"), fixture("judgement/root-2037.crl")]);
    assert_eq!(bench.outcome("until-2037"), "PASSED 2/2");
    // Without the archive time-stamp nothing proves that it is as old.
    let with_t = summary(&bench.one(&fixture("cms/cades-t.p7")));
    assert_eq!(with_t, "OUT_OF_BOUNDS_NO_POE 0/1");
    assert_eq!(summary(&bench.one(&fixture("cms/cades-b-pss.p7"))), "OUT_OF_BOUNDS_NO_POE");
    assert_eq!(summary(&bench.one(&fixture("cms/cades-lta.p7"))), "OUT_OF_BOUNDS_NO_POE 0/2");
}

#[test]
fn every_level_ends_where_its_last_proof_ends() {
    let bench = Bench::new().at("2037-01-02T00:00:00Z");
    for file in ["cms/cades-lta.p7", "jws/jades-lta.json", "pdf/pades-lta.pdf", "xml/xades-lta.xml"] {
        let judged = bench.judge(&fixture(file), None).unwrap();
        assert!(judged.signatures.iter().all(|one| !one.verdict.is_passed()), "{file}");
    }
}

#[test]
fn an_authority_that_lost_its_key_still_vouches_for_what_was_archived_before() {
    let bench = Bench::with_losses();
    assert_eq!(bench.outcome("lost-t-by-lost-authority"), "REVOKED_NO_POE 0/1");
    assert_eq!(bench.outcome("lost-archived-by-good"), "PASSED 2/2");
}

/// Both were made with the authority's lost key on the last day and state a time before the signer's loss; a good
/// archive time-stamp of the 18th stands in the same document, and does not cover them.
#[test]
fn a_time_stamp_of_a_lost_key_does_not_pass_as_old_beside_or_around_one_that_is() {
    let bench = Bench::with_losses();
    for name in ["lost-dated-back-beside", "lost-dated-back-around"] {
        let judged = bench.one(&document(name));
        assert_eq!(summary(&judged), "REVOKED_NO_POE 1/2", "{name}");
        assert_eq!(judged.existed_at, Some(time("2026-11-18T12:00:00Z")), "{name}");
    }
}

#[test]
fn the_earliest_time_stamp_that_passes_counts() {
    let judged = Bench::new().one(&document("t-two"));
    assert_eq!(summary(&judged), "PASSED 2/2");
    assert_eq!(judged.existed_at, Some(time("2026-11-10T12:00:00Z")));
}

#[test]
fn time_stamps_that_are_not_what_they_should_be_leave_the_document_undecided() {
    let bench = Bench::with_losses();
    let cases = [
        ("t-untrusted", SubIndication::CertificateChainGeneralFailure),
        ("t-wrong-imprint", SubIndication::HashFailure),
        ("t-future", SubIndication::TimestampOrderFailure),
        ("t-before-authority", SubIndication::TimestampOrderFailure),
        ("t-without-purpose", SubIndication::ChainConstraintsFailure),
        ("t-by-signer", SubIndication::ChainConstraintsFailure),
    ];
    for (name, why) in cases {
        let judged = bench.one(&document(name));
        assert_eq!(summary(&judged), "SIG_CONSTRAINTS_FAILURE 0/1", "{name}");
        assert_eq!(judged.timestamps[0].verdict.sub_indication(), Some(why), "{name}");
        assert_eq!(broken(&judged), ["timestamp.verdict"], "{name}");
        assert_eq!(judged.existed_at, None, "{name}");
    }
    // One good one beside it does not heal that.
    assert_eq!(bench.outcome("t-one-of-two-untrusted"), "SIG_CONSTRAINTS_FAILURE 1/2");
    assert_eq!(bench.outcome("lost-t-before-untrusted"), "REVOKED_NO_POE 0/1");
}

#[test]
fn a_time_stamp_passes_when_its_time_has_come() {
    let bench = Bench::new().at("2027-03-02T00:00:00Z");
    assert_eq!(bench.outcome("t-future"), "PASSED 1/1");
}

#[test]
fn a_time_stamp_with_a_changed_signature_is_refused() {
    let bench = Bench::new();
    let whole = document("t-two");
    let stamp = &bench.one(&whole).timestamps[1];
    assert_eq!(stamp.kind, TimestampKind::Signature);
    // The unsigned attributes stand at the end: the last octet is of the last token's signature.
    let mut changed = whole;
    *changed.last_mut().unwrap() ^= 1;
    let judged = bench.one(&changed);
    assert_eq!(summary(&judged), "SIG_CONSTRAINTS_FAILURE 1/2");
    assert_eq!(judged.timestamps[1].verdict.sub_indication(), Some(SubIndication::SigCryptoFailure));
}

#[test]
fn time_stamps_are_in_order() {
    let bench = Bench::with_losses();
    assert_eq!(bench.outcome("order-kept"), "PASSED 2/2");
    // The content was stamped after the signature over it.
    assert_eq!(bench.outcome("order-broken"), "TIMESTAMP_ORDER_FAILURE 2/2");
    // The archive time-stamp is older than what it covers.
    let judged = bench.one(&document("order-of-archives-broken"));
    assert_eq!(summary(&judged), "SIG_CONSTRAINTS_FAILURE 1/2");
    let inner = &judged.timestamps[0].verdict;
    assert_eq!(inner.sub_indication(), Some(SubIndication::TimestampOrderFailure));
}

#[test]
fn sha_1_counts_where_the_policy_says_until_when_and_a_time_stamp_proves_it() {
    let mut bench = Bench::new();
    assert_eq!(bench.outcome("sha1-b"), "CRYPTO_CONSTRAINTS_FAILURE");
    assert_eq!(bench.outcome("sha1-t"), "CRYPTO_CONSTRAINTS_FAILURE 1/1");
    bench.policy.sha1_until = Some(time("2026-11-10T12:00:00Z"));
    assert_eq!(bench.outcome("sha1-b"), "CRYPTO_CONSTRAINTS_FAILURE_NO_POE");
    assert_eq!(bench.outcome("sha1-t"), "PASSED 1/1");
    bench.policy.sha1_until = Some(time("2026-11-10T11:59:59Z"));
    assert_eq!(bench.outcome("sha1-t"), "CRYPTO_CONSTRAINTS_FAILURE_NO_POE 1/1");
    let imprint = bench.judge(&fixture("timestamp/sha1.tsr"), Some(&fixture("cms/content.txt"))).unwrap();
    assert_eq!(summary(&imprint.signatures[0]), "CRYPTO_CONSTRAINTS_FAILURE_NO_POE");
}

#[test]
fn every_time_stamp_is_reported_with_its_own_verdict_in_the_order_of_the_document() {
    let judged = Bench::new().one(&fixture("cms/cades-lta-renewed.p7"));
    let kinds: Vec<TimestampKind> = judged.timestamps.iter().map(|stamp| stamp.kind).collect();
    assert_eq!(kinds, [TimestampKind::Signature, TimestampKind::Archive, TimestampKind::Archive]);
    let rules: Vec<_> =
        judged.verdict.checks().iter().filter(|check| check.id() == "timestamp.verdict").collect();
    assert_eq!(rules.len(), 3);
    assert!(rules.iter().all(|check| check.outcome() == Outcome::Passed));
}

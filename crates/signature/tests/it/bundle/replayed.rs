//! Every kind of verdict follows from its bundle.

use std::collections::BTreeSet;

use musubi_pki::*;
use musubi_signature::bundle::*;

use super::made::{
    PRIVATE, attributes_rule, bundle, cases, changed, content, evidence, further_rule, replayed, sealed,
    upstream_rule,
};
use super::support::Case;

#[test]
fn every_kind_of_verdict_follows_from_its_bundle() {
    let mut reasons = BTreeSet::new();
    for (name, case) in cases() {
        let (_, judgement) = evidence(&case);
        let again = replayed(&bundle(&case)).unwrap_or_else(|difference| panic!("{name}: {difference}"));
        assert_eq!(again.verdict, judgement.verdict, "{name}");
        assert_eq!(canonical_verdict(&again.verdict), canonical_verdict(&judgement.verdict), "{name}");
        reasons.insert(again.verdict.reason().map(|reason| reason.code().as_str()));
    }
    assert!(reasons.len() >= 12, "{reasons:?}");
}

#[test]
fn a_bundle_is_always_the_same_bytes() {
    for (name, case) in cases() {
        let first = bundle(&case);
        assert_eq!(bundle(&case), first, "{name}");
        let taken_apart = musubi_signature::bundle::Sealed::decode(&first).unwrap();
        let content = Content::decode(taken_apart.content).unwrap();
        assert_eq!(content.encode(), taken_apart.content, "{name}");
    }
}

#[test]
fn later_rules_are_applied_again_and_only_make_a_verdict_worse() {
    let passed =
        content(&Case::signature(), vec![attributes_rule(true), upstream_rule(true), further_rule()]);
    let again = replayed(&sealed(&passed)).unwrap();
    assert!(again.verdict.is_passed());
    assert_eq!(again.verdict.checks().len(), CHECKS.len() + 3);
    assert_eq!(again.verdict.check("further.rule").unwrap().evidence("attempts"), Some(&2_u32.into()));

    let refused = content(&Case::signature(), vec![attributes_rule(false)]);
    let verdict = replayed(&sealed(&refused)).unwrap().verdict;
    assert_eq!(verdict.reason(), Some(ReasonCode::AttributesMismatch));
    assert_eq!(verdict.check("attributes.match").unwrap().outcome(), Outcome::Failed);

    let later = content(&Case::signature(), vec![attributes_rule(true), upstream_rule(false)]);
    assert!(replayed(&sealed(&later)).unwrap().verdict.may_pass_later());

    // A rule that was kept does not mend what failed.
    let (_, expired) = cases().into_iter().find(|(name, _)| *name == "expired").unwrap();
    let verdict = replayed(&sealed(&content(&expired, vec![attributes_rule(true)]))).unwrap().verdict;
    assert_eq!(verdict.reason(), Some(ReasonCode::CertificateExpired));
}

#[test]
fn the_longest_origin_and_the_largest_age_come_back() {
    let mut rule = further_rule();
    rule.result = rule.result.with("origin", "結".repeat(200));
    let case = changed(Case::signature(), |case| case.policy.max_list_age = Some(i64::MAX));
    let again = replayed(&sealed(&content(&case, vec![rule.clone()]))).unwrap();
    assert_eq!(again.content.rules[0].result.evidence("origin"), rule.result.evidence("origin"));
    assert_eq!(again.content.evidence.policy, case.policy);
}

#[test]
fn the_policy_of_a_relying_party_is_named_and_comes_back() {
    let (evidence, judgement) = evidence(&Case::signature());
    let policy = ValidationPolicy::default();
    let reference =
        PolicyReference { id: policy.id.clone(), version: policy.version, sha256: policy.sha256() };
    let content = Content::of(evidence, &judgement.verdict, Vec::new(), Some(reference.clone()));
    assert_eq!(replayed(&sealed(&content)).unwrap().content.policy, Some(reference));
}

#[test]
fn a_bundle_holds_the_certificate_but_no_document_and_no_list() {
    let case = Case::signature();
    let bundle = bundle(&case);
    let holds = |part: &[u8]| bundle.windows(part.len()).any(|window| window == part);
    assert!(holds(&case.certificate) && holds(PRIVATE.as_bytes()));
    assert!(!holds(&case.document));
}

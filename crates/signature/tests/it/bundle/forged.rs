//! What a platform that lies can sign, and how it is found out.

use musubi_crypto::{Ed25519Signer, sha256};
use musubi_pki::*;
use musubi_signature::bundle::*;

use super::made::{
    attributes_rule, audit, bundle, cases, changed, content, evidence, platform, record, replayed, sealed,
};
use super::support::{Case, HOUR, anchors};

fn case(name: &str) -> Case {
    cases().into_iter().find(|(other, _)| *other == name).unwrap().1
}

/// The evidence of one case with the verdict of another, properly audited and signed.
fn false_verdict(evidence_of: &Case, verdict_of: &Case) -> Difference {
    let (evidence, _) = evidence(evidence_of);
    let verdict = verdict_of.judged_by(&anchors()).verdict;
    replayed(&sealed(&Content::of(evidence, &verdict, Vec::new(), None))).unwrap_err()
}

#[test]
fn a_pass_that_does_not_follow_is_named_by_its_first_check() {
    let passed = Case::signature();
    for (name, id) in [
        ("another document", "document.digest"),
        ("signed with another key", "signature.value"),
        ("no certificate", "certificate.format"),
        ("keys too short", "algorithm.strength"),
        ("list past its end", "revocation.freshness"),
    ] {
        match false_verdict(&case(name), &passed) {
            Difference::CheckOutcome { id: found, recorded, derived } => {
                assert_eq!((found.as_str(), recorded), (id, Outcome::Passed), "{name}");
                assert_ne!(derived, Outcome::Passed, "{name}");
            }
            other => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn a_refusal_that_does_not_follow_is_found_as_well() {
    let difference = false_verdict(&Case::signature(), &case("revoked"));
    assert!(
        matches!(&difference, Difference::CheckEvidence { id } if id == "revocation.list_available")
            || matches!(&difference, Difference::CheckOutcome { id, .. } if id == "revocation.status"),
        "{difference}"
    );
}

#[test]
fn another_time_or_policy_is_found_by_the_evidence_of_the_checks() {
    let case = Case::signature();
    let (evidence, judgement) = evidence(&case);
    let mut later = Content::of(evidence.clone(), &judgement.verdict, Vec::new(), None);
    later.judged_at = later.judged_at.plus(HOUR);
    let difference = replayed(&sealed(&later)).unwrap_err();
    assert_eq!(difference, Difference::CheckEvidence { id: "revocation.freshness".to_owned() });
    let mut other = Content::of(evidence, &judgement.verdict, Vec::new(), None);
    other.evidence.policy.min_rsa_bits = 2047;
    let difference = replayed(&sealed(&other)).unwrap_err();
    assert_eq!(difference, Difference::CheckEvidence { id: "algorithm.strength".to_owned() });
}

#[test]
fn a_later_rule_that_was_changed_leads_to_another_verdict() {
    let mut content = content(&Case::signature(), vec![attributes_rule(true)]);
    content.rules[0].result = content.rules[0].result.clone().with("name", "mismatch");
    assert_eq!(replayed(&sealed(&content)).unwrap_err(), Difference::WholeVerdict);
    content.rules = vec![attributes_rule(false)];
    let difference = replayed(&sealed(&content)).unwrap_err();
    assert!(matches!(difference, Difference::Verdict { what: "indication", .. }), "{difference}");
}

#[test]
fn a_revoked_certificate_cannot_be_passed_off_as_absent() {
    let (mut forged, judgement) = evidence(&case("revoked"));
    let honest = forged.clone();
    let other = case("revoked").lists[0].prove(&SerialNumber::from(77)).unwrap();
    forged.lists[0].proof = other;
    let content =
        |evidence: &JpkiEvidence| Content::of(evidence.clone(), &judgement.verdict, Vec::new(), None);
    let difference = replayed(&sealed(&content(&forged))).unwrap_err();
    assert_eq!(difference, Difference::List { index: 0, cause: UnprovenList::Proof });
    assert!(replayed(&sealed(&content(&honest))).is_ok());
    // Leaving the list away is another verdict: nothing is known of the certificate.
    forged.lists.clear();
    let difference = replayed(&sealed(&content(&forged))).unwrap_err();
    assert!(matches!(difference, Difference::CheckOutcome { .. } | Difference::CheckEvidence { .. }));
}

#[test]
fn what_the_audit_log_does_not_hold_is_no_verdict() {
    let content = content(&Case::signature(), Vec::new());
    let encoded = content.encode();
    let honest = audit(record(&encoded, "TOTAL-PASSED"), 42);
    assert!(replayed(&seal(&encoded, &honest, &platform())).is_ok());

    let other = audit(record(b"another content", "TOTAL-PASSED"), 42);
    let difference = replayed(&seal(&encoded, &other, &platform())).unwrap_err();
    let [recorded, found] =
        [b"another content".as_slice(), &encoded].map(|b| musubi_kernel::hex_lower(&sha256(b)));
    assert_eq!(difference, Difference::RecordDiffers { what: "bundle", recorded, found });

    let other = audit(record(&encoded, "TOTAL-FAILED"), 42);
    let difference = replayed(&seal(&encoded, &other, &platform())).unwrap_err();
    assert!(matches!(difference, Difference::RecordDiffers { what: "indication", .. }), "{difference}");

    for wrong in [
        AuditPart { root: [3; 32], ..honest.clone() },
        AuditPart { index: 40, ..honest.clone() },
        AuditPart { path: honest.path[1..].to_vec(), ..honest.clone() },
        AuditPart { record: [honest.record.as_slice(), b" "].concat(), ..honest.clone() },
    ] {
        let difference = replayed(&seal(&encoded, &wrong, &platform())).unwrap_err();
        assert_eq!(difference, Difference::Inclusion);
    }
    for text in [&b"not json"[..], b"{}", b"{\"detail\":{\"bundle\":7}}"] {
        let difference = replayed(&seal(&encoded, &audit(text.to_vec(), 3), &platform())).unwrap_err();
        assert_eq!(difference, Difference::Record);
    }
}

#[test]
fn another_platforms_signature_is_refused() {
    let stranger = Ed25519Signer::from_seed(&[8; 32]).unwrap();
    let content = content(&Case::signature(), Vec::new());
    let encoded = content.encode();
    let audit = audit(record(&encoded, "TOTAL-PASSED"), 42);
    let difference = replayed(&seal(&encoded, &audit, &stranger)).unwrap_err();
    let key_id = musubi_kernel::hex_lower(&key_id(&stranger.public_key()));
    assert_eq!(difference, Difference::UnknownPlatformKey { key_id });
    let keys = [stranger.public_key(), platform().public_key()];
    let roots = Roots { anchors: &anchors(), platform_keys: &keys };
    assert!(replay(&seal(&encoded, &audit, &stranger), &roots).is_ok());
    assert!(replay(&bundle(&Case::signature()), &roots).is_ok());
}

#[test]
fn under_other_roots_nothing_follows() {
    let production = TrustAnchors::production().unwrap();
    let roots = Roots { anchors: &production, platform_keys: &[platform().public_key()] };
    let difference = replay(&bundle(&Case::signature()), &roots).unwrap_err();
    assert_eq!(difference, Difference::List { index: 0, cause: UnprovenList::UnknownIssuer });
    let without_lists = changed(Case::signature(), |case| case.lists.clear());
    let difference = replay(&bundle(&without_lists), &roots).unwrap_err();
    assert!(matches!(&difference, Difference::CheckOutcome { id, .. } if id == "certificate.environment"));
}

#[test]
fn a_record_says_one_thing_to_every_reader() {
    // Readers of JSON differ in which of two members of one name they take.
    let encoded = content(&Case::signature(), Vec::new()).encode();
    let honest = String::from_utf8(record(&encoded, "TOTAL-PASSED")).unwrap();
    let twice = honest.replacen("{\"bundle\":", "{\"bundle\":\"00\",\"bundle\":", 1);
    let spaced = honest.replacen(':', ": ", 1);
    for text in [twice, spaced] {
        assert_ne!(text, honest);
        let difference = replayed(&seal(&encoded, &audit(text.into_bytes(), 3), &platform())).unwrap_err();
        assert_eq!(difference, Difference::Record);
    }
}

#[test]
fn no_text_of_a_bundle_can_write_lines_of_its_own() {
    // Engine, policy, rules and their evidence are names; what a record says is shown escaped.
    let spoof = "x\n\u{1b}[2Jidentical";
    let rule = |id: &str, name: &str| {
        let result =
            CheckResult::new(id.to_owned(), "nowhere", Outcome::Passed).with(name.to_owned(), "match");
        let on_failure = (SubIndication::TryLater, ReasonCode::UpstreamUnreachable);
        musubi_signature::Rule { result, on_failure }
    };
    let honest = || content(&Case::signature(), vec![rule("further.rule", "name")]);
    assert!(replayed(&sealed(&honest())).is_ok());
    let mut engine = honest();
    engine.engine = spoof.to_owned();
    let mut policy = honest();
    policy.policy = Some(PolicyReference { id: spoof.to_owned(), version: 1, sha256: [0; 32] });
    let by_rule = content(&Case::signature(), vec![rule(spoof, "name")]);
    let by_evidence = content(&Case::signature(), vec![rule("further.rule", spoof)]);
    for forged in [engine, policy, by_rule, by_evidence] {
        assert!(matches!(replayed(&sealed(&forged)).unwrap_err(), Difference::NotABundle(_)));
    }
    let encoded = honest().encode();
    let audit = audit(record(&encoded, spoof), 3);
    let difference = replayed(&seal(&encoded, &audit, &platform())).unwrap_err();
    assert!(matches!(difference, Difference::RecordDiffers { .. }));
    assert!(!difference.to_string().contains(char::is_control), "{difference:?}");
}

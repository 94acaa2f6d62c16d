//! Verdicts as data: later rules only make them worse, and their JSON is that of the REST API.

use musubi_pki::*;
use serde_json::{Value, json};

use crate::support::authority::{HOLDER_ADDRESS, HOLDER_NAME};
use crate::support::{Case, DAY, NOW};

const ON_FAILURE: (Indication, SubIndication, ReasonCode) =
    (Indication::Indeterminate, SubIndication::SigConstraintsFailure, ReasonCode::AttributesMismatch);

fn passed() -> Verdict {
    Case::signature().passes()
}

fn try_later() -> Verdict {
    let mut case = Case::signature();
    case.lists.clear();
    case.judged().verdict
}

fn indeterminate() -> Verdict {
    let mut case = Case::signature();
    case.at = NOW.plus(2000 * 86_400);
    case.judged().verdict
}

fn failed() -> Verdict {
    let mut case = Case::signature();
    case.signature.clear();
    case.judged().verdict
}

fn check(outcome: Outcome) -> CheckResult {
    CheckResult::new("attributes.match", "house rule", outcome)
}

#[test]
fn a_later_rule_can_fail_what_passed() {
    let verdict = passed().and(check(Outcome::Failed).with("differing", 2_u32), ON_FAILURE);
    assert_eq!(verdict.indication(), Indication::Indeterminate);
    assert_eq!(verdict.sub_indication(), Some(SubIndication::SigConstraintsFailure));
    assert_eq!(verdict.reason(), Some(ReasonCode::AttributesMismatch));
    assert_eq!(verdict.checks().len(), CHECKS.len() + 1);
    assert_eq!(
        verdict.check("attributes.match").unwrap().evidence("differing"),
        Some(&EvidenceValue::Number(2))
    );
    assert!(!verdict.may_pass_later());
}

#[test]
fn a_later_rule_that_passes_changes_nothing_but_the_list_of_checks() {
    for verdict in [passed(), try_later(), indeterminate(), failed()] {
        for outcome in [Outcome::Passed, Outcome::Skipped] {
            let after = verdict.clone().and(check(outcome), ON_FAILURE);
            assert_eq!(after.indication(), verdict.indication());
            assert_eq!(after.sub_indication(), verdict.sub_indication());
            assert_eq!(after.reason(), verdict.reason());
            assert_eq!(after.checks().len(), verdict.checks().len() + 1);
        }
    }
}

#[test]
fn a_later_rule_never_makes_a_verdict_better() {
    let badness = |verdict: &Verdict| match verdict.sub_indication() {
        None => 0,
        Some(SubIndication::TryLater) => 1,
        Some(sub) if sub.indication() == Indication::Indeterminate => 2,
        Some(_) => 3,
    };
    for verdict in [passed(), try_later(), indeterminate(), failed()] {
        for sub in SubIndication::ALL {
            for named in [Indication::TotalPassed, Indication::Indeterminate, Indication::TotalFailed] {
                for outcome in [Outcome::Passed, Outcome::Failed, Outcome::Inconclusive, Outcome::Skipped] {
                    let after = verdict.clone().and(check(outcome), (named, *sub, ReasonCode::OriginWrong));
                    assert!(badness(&after) >= badness(&verdict));
                    let consistent =
                        after.sub_indication().map_or(Indication::TotalPassed, SubIndication::indication);
                    assert_eq!(after.indication(), consistent);
                    assert_eq!(after.reason().is_none(), after.is_passed());
                    if matches!(outcome, Outcome::Failed | Outcome::Inconclusive) {
                        assert!(!after.is_passed());
                    }
                }
            }
        }
        let after = verdict.clone().inconclusive(check(Outcome::Passed), ReasonCode::UpstreamUnreachable);
        assert!(badness(&after) >= badness(&verdict) && !after.is_passed());
        assert_eq!(after.checks().last().unwrap().outcome(), Outcome::Inconclusive);
    }
}

#[test]
fn what_cannot_be_told_now_is_tried_later_unless_it_already_failed() {
    let verdict = passed().inconclusive(check(Outcome::Inconclusive), ReasonCode::UpstreamUnreachable);
    assert_eq!(verdict.sub_indication(), Some(SubIndication::TryLater));
    assert_eq!(verdict.reason(), Some(ReasonCode::UpstreamUnreachable));
    let verdict = failed().inconclusive(check(Outcome::Inconclusive), ReasonCode::UpstreamUnreachable);
    assert_eq!(verdict.reason(), Some(ReasonCode::SignatureTampered));
    // A certain failure is worth more than a later try.
    let verdict = try_later().and(check(Outcome::Failed), ON_FAILURE);
    assert_eq!(verdict.reason(), Some(ReasonCode::AttributesMismatch));
}

#[test]
fn a_verdict_in_json_is_that_of_the_api() {
    let json = serde_json::to_value(passed()).unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    let mut expected = ["checks", "freshness", "indication", "judged_at", "reason", "sub_indication"];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(json["indication"], "TOTAL-PASSED");
    assert_eq!((&json["sub_indication"], &json["reason"]), (&Value::Null, &Value::Null));
    assert_eq!(json["judged_at"], "2026-11-21T02:03:04Z");
    let freshness = json!({
        "method": "list",
        "list_number": 300,
        "this_update": "2026-11-21T01:03:04Z",
        "next_update": "2026-11-22T02:03:04Z",
        "age_seconds": 3600,
    });
    assert_eq!(json["freshness"], freshness);
    let status = json["checks"].as_array().unwrap().iter().find(|c| c["id"] == "revocation.status").unwrap();
    let expected = json!({
        "id": "revocation.status",
        "outcome": "passed",
        "citation": "JPKI Act art. 19 (1), art. 38 (1); EN 319 102-1 5.2.6, 5.5.4; RFC 5280 6.3.3",
        "evidence": { "list_number": 300 },
    });
    assert_eq!(*status, expected);

    let json = serde_json::to_value(try_later()).unwrap();
    assert_eq!(
        (&json["indication"], &json["sub_indication"]),
        (&json!("INDETERMINATE"), &json!("TRY_LATER"))
    );
    assert_eq!(json["freshness"], Value::Null);
    assert_eq!(json["reason"]["code"], "upstream.unreachable");
    for language in ["ja", "en"] {
        let text = json["reason"][language].as_object().unwrap();
        assert!(text["what"].is_string() && text["next"].is_string() && text.len() == 2);
    }
}

#[test]
fn evidence_tells_nothing_about_the_holder() {
    let mut wrong_kind = Case::signature();
    wrong_kind.kind = AuthorityKind::UserAuthentication;
    let all = [passed(), try_later(), indeterminate(), failed(), wrong_kind.judged().verdict];
    // The end of validity is a birthday.
    let validity = [NOW.plus(-300 * DAY).rfc3339(), NOW.plus(1000 * DAY).rfc3339()];
    for verdict in all {
        let json = serde_json::to_string(&verdict).unwrap();
        for date in &validity {
            assert!(!json.contains(date), "{date} in {json}");
        }
        for secret in ["1EE607", "1ee607", "2024967", HOLDER_NAME, HOLDER_ADDRESS, "20251016", "Kiyose"] {
            assert!(!json.contains(secret), "{secret} in {json}");
        }
        assert!(!format!("{verdict:?}").contains("1EE607"));
    }
}

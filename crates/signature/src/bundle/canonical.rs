//! The one text of a verdict that is hashed. It has no texts for people and no citations: those may be worded better
//! some day, and the verdict is the same.

use musubi_crypto::{Sha256Digest, sha256};
use musubi_pki::{CheckResult, Verdict};
use serde_json::{Map, Value, json};

/// JSON without white space, members sorted by name at every depth (RFC 8785; no number here has a fraction).
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            let members: Vec<_> = members
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical_json(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(canonical_json).collect();
            format!("[{}]", values.join(","))
        }
        plain => plain.to_string(),
    }
}

/// The canonical form of a verdict: indication, sub-indication, reason code, time, freshness, and every check with id,
/// outcome and evidence.
#[must_use]
pub fn canonical_verdict(verdict: &Verdict) -> String {
    let checks: Vec<Value> = verdict
        .checks()
        .iter()
        .map(|check| json!({ "id": check.id(), "outcome": check.outcome(), "evidence": evidence(check) }))
        .collect();
    canonical_json(&json!({
        "indication": verdict.indication(),
        "sub_indication": verdict.sub_indication(),
        "reason": verdict.reason().map(|reason| reason.code().as_str()),
        "judged_at": verdict.judged_at(),
        "freshness": verdict.freshness(),
        "checks": checks,
    }))
}

pub(super) fn verdict_sha256(verdict: &Verdict) -> Sha256Digest {
    sha256(canonical_verdict(verdict).as_bytes())
}

/// Whether these bytes, which were read as this value, are its one text. Of two members of one name readers differ in
/// which they take; in the canonical text there are none.
pub(super) fn is_canonical(bytes: &[u8], value: &Value) -> bool {
    canonical_json(value).as_bytes() == bytes
}

/// The first two bytes of the SHA-256 of a check's evidence: only to name the check that differs.
pub(super) fn evidence_mark(check: &CheckResult) -> [u8; 2] {
    let [a, b, ..] = sha256(canonical_json(&evidence(check)).as_bytes());
    [a, b]
}

fn evidence(check: &CheckResult) -> Value {
    let members: Map<String, Value> =
        check.all_evidence().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    Value::Object(members)
}

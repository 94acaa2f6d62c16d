//! The one text of a verdict that is hashed. It has no texts for people and no citations: those may be worded better
//! some day, and the verdict is the same.

use musubi_crypto::{Sha256Digest, canonical_json, sha256};
use musubi_pki::{CheckResult, Method, Verdict};
use serde_json::{Map, Value, json};

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
        "freshness": freshness(verdict),
        "checks": checks,
    }))
}

/// Where the method is not named it is a list: so it was before there was another, and old bundles stay what they are.
fn freshness(verdict: &Verdict) -> Value {
    let mut freshness = json!(verdict.freshness());
    if verdict.freshness().is_some_and(|freshness| freshness.method == Method::List)
        && let Some(members) = freshness.as_object_mut()
    {
        members.remove("method");
    }
    freshness
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

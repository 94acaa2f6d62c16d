//! The output for programs: one line of JSON for each signature.

use std::path::Path;

use musubi_signature::{
    Context, DocumentJudgement, Role, SignatureJudgement, TimestampJudgement, TimestampKind,
};
use serde_json::{Value, json};

use crate::terminal::shown_json;

/// One line for each signature.
pub(super) fn lines(file: &Path, judgement: &DocumentJudgement, context: &Context<'_>) -> String {
    let policy = json!({
        "id": context.policy.id,
        "version": context.policy.version,
        "sha256": hex::encode(context.policy.sha256()),
    });
    let mut out = String::new();
    for (index, signature) in judgement.signatures.iter().enumerate() {
        let line = json!({
            "file": file.display().to_string(),
            "file_sha256": hex::encode(judgement.sha256),
            "content_sha256": judgement.detached_sha256.map(hex::encode),
            "signature": index + 1,
            "of": judgement.signatures.len(),
            "role": role(signature.role),
            "format": signature.format,
            "level": signature.level.as_str(),
            "location": signature.location,
            "covers": signature.extent.to_string(),
            "signature_sha256": hex::encode(signature.signature_sha256),
            "signer": signer(signature),
            "chain_sha256": digests(signature.chain.iter().map(|der| musubi_crypto::sha256(der))),
            "revocation_sha256": digests(signature.revocation.iter().map(|data| data.sha256)),
            "claimed_signing_time": signature.claimed_signing_time,
            "existed_at": signature.existed_at,
            "timestamps": signature.timestamps.iter().map(timestamp).collect::<Vec<_>>(),
            "policy": policy,
            "verdict": signature.verdict,
        });
        out.push_str(&shown_json(&line.to_string()));
        out.push('\n');
    }
    out
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Signature => "signature",
        Role::CounterSignature => "counter_signature",
        Role::TimeStamp { .. } => "time_stamp",
    }
}

fn signer(signature: &SignatureJudgement) -> Option<Value> {
    let der = signature.signer.as_deref()?;
    let sha256 = hex::encode(musubi_crypto::sha256(der));
    Some(json!({ "subject": musubi_pki::inspect::subject_text(der), "sha256": sha256 }))
}

fn digests(list: impl Iterator<Item = musubi_crypto::Sha256Digest>) -> Vec<String> {
    list.map(hex::encode).collect()
}

fn timestamp(stamp: &TimestampJudgement) -> Value {
    json!({
        "kind": kind(stamp.kind),
        "location": stamp.location,
        "at": stamp.at,
        "token_sha256": hex::encode(stamp.token_sha256),
        "verdict": stamp.verdict,
    })
}

fn kind(kind: TimestampKind) -> &'static str {
    match kind {
        TimestampKind::Content => "content",
        TimestampKind::Signature => "signature",
        TimestampKind::Archive => "archive",
        TimestampKind::Other => "other",
    }
}

/// A file that could not be judged.
pub(super) fn error(file: &Path, code: &str, why: &str) -> String {
    let line = json!({ "file": file.display().to_string(), "error": { "code": code, "message": why } });
    shown_json(&line.to_string())
}

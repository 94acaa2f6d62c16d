//! The report on a judged document: what the process found out, put into the form of the report. Judges nothing.

use musubi_crypto::{Digest, DigestAlgorithm, Sha256Digest, sha256};
use musubi_kernel::UnixTime;
use musubi_pki::{EvidenceValue, Outcome, RevocationReason, ValidationPolicy, Verdict};

use super::{
    Input, Path, Policy, Process, ProofOfExistence, Revoked, Signature, Status, Timestamp, etsi_xml,
};
use crate::document::DocumentJudgement;
use crate::model::TimestampKind;
use crate::process::{SignatureJudgement, TimestampJudgement};

/// The report on every signature of a document that was judged under this policy, with its digest or that of the
/// content that was given beside it; `None` if there is no signature.
#[must_use]
pub fn etsi_xml_of(
    judgement: &DocumentJudgement,
    policy: &ValidationPolicy,
    judged_at: UnixTime,
) -> Option<String> {
    let details: Vec<Details> = judgement.signatures.iter().map(Details::of).collect();
    let both = judgement.signatures.iter().zip(&details);
    let signatures: Vec<Signature<'_>> =
        both.map(|(signature, details)| signature_of(signature, details, judged_at)).collect();
    let document = judgement.detached_sha256.unwrap_or(judgement.sha256);
    etsi_xml(&Input {
        validated_at: judged_at,
        document: Digest::new(DigestAlgorithm::Sha256, &document),
        policy: Policy { id: &policy.id, version: policy.version, sha256: policy.sha256() },
        signatures: &signatures,
    })
}

/// What a report refers to and a judgement has in another form.
struct Details {
    /// From the signer's certificate upwards.
    chain: Vec<Sha256Digest>,
    timestamps: Vec<Timestamp>,
    ends_in_anchor: bool,
}

impl Details {
    fn of(signature: &SignatureJudgement) -> Self {
        let found = signature.verdict.check("path.found");
        Self {
            chain: signature.chain.iter().map(|der| sha256(der)).collect(),
            timestamps: signature.timestamps.iter().map(timestamp).collect(),
            ends_in_anchor: found.is_some_and(|check| check.outcome() == Outcome::Passed),
        }
    }

    fn path(&self) -> Option<Path<'_>> {
        let (signer, above) = self.chain.split_first()?;
        let (anchor, intermediates) = match above.split_last() {
            Some((anchor, intermediates)) if self.ends_in_anchor => (Some(*anchor), intermediates),
            _ => (None, above),
        };
        Some(Path { signer: *signer, intermediates, anchor })
    }
}

fn signature_of<'a>(
    signature: &'a SignatureJudgement,
    details: &'a Details,
    judged_at: UnixTime,
) -> Signature<'a> {
    let verdict = &signature.verdict;
    let algorithms = verdict.check("signature.algorithms");
    Signature {
        value: signature.signature_sha256,
        signed: None,
        content_by_digest: false,
        format: signature.format,
        level: signature.level,
        algorithm: signature.algorithm,
        algorithm_accepted: algorithms.is_some_and(|check| check.outcome() == Outcome::Passed),
        process: process(signature),
        status: status(verdict),
        checks: verdict.checks(),
        claimed_signing_time: signature.claimed_signing_time,
        best_signature_time: best_signature_time(signature, judged_at),
        path: details.path(),
        revocation: &signature.revocation,
        revoked: revoked(signature, &details.chain),
        timestamps: &details.timestamps,
    }
}

/// Time-stamps that there are were judged; what was not there could not be.
fn process(signature: &SignatureJudgement) -> Process {
    let has = |kind| signature.timestamps.iter().any(|stamp| stamp.kind == kind);
    if has(TimestampKind::Archive) {
        Process::LongTermAvailability
    } else if has(TimestampKind::Signature) {
        Process::LongTermMaterial
    } else {
        Process::Basic
    }
}

fn best_signature_time(signature: &SignatureJudgement, judged_at: UnixTime) -> ProofOfExistence {
    let Some(at) = signature.existed_at else { return ProofOfExistence { at: judged_at, token: None } };
    let proves = |stamp: &&TimestampJudgement| {
        matches!(stamp.kind, TimestampKind::Signature | TimestampKind::Archive)
            && stamp.at == Some(at)
            && stamp.verdict.is_passed()
    };
    let token = signature.timestamps.iter().find(proves).map(|stamp| stamp.token_sha256);
    ProofOfExistence { at, token }
}

/// What revoked a certificate of the path, as the check of its status says.
fn revoked(signature: &SignatureJudgement, chain: &[Sha256Digest]) -> Option<Revoked> {
    let check = signature.verdict.check("revocation.status")?;
    let Some(EvidenceValue::Time(at)) = check.evidence("revoked_at") else { return None };
    let Some(EvidenceValue::Number(position)) = check.evidence("position") else { return None };
    let certificate = *chain.get(usize::try_from(*position).ok()?)?;
    let reason = match check.evidence("reason") {
        Some(EvidenceValue::Text(text)) => text.parse::<RevocationReason>().ok(),
        _ => None,
    };
    // With a status for every certificate, which is the usual case, the data stand in the order of the chain.
    let below_anchor = chain.len().saturating_sub(1);
    let by = (signature.revocation.len() == below_anchor)
        .then(|| signature.revocation.get(usize::try_from(*position).ok()?).copied())
        .flatten();
    Some(Revoked { certificate, at: *at, reason, by })
}

fn timestamp(stamp: &TimestampJudgement) -> Timestamp {
    Timestamp { kind: stamp.kind, token: stamp.token_sha256, at: stamp.at, status: status(&stamp.verdict) }
}

fn status(verdict: &Verdict) -> Status {
    Status {
        indication: verdict.indication(),
        sub_indication: verdict.sub_indication(),
        reason: verdict.reason(),
    }
}

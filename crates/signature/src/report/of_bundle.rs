//! The report on a verdict of the platform, made of its bundle after it was replayed. Judges nothing.

use musubi_crypto::{DigestAlgorithm, sha256};
use musubi_pki::{EvidenceValue, Outcome, RevocationReason, ValidationPolicy};

use super::{
    Input, Path, Policy, Process, ProofOfExistence, RevocationData, RevocationKind, Revoked, Signature,
    Status, etsi_xml,
};
use crate::bundle::Replayed;
use crate::model::Level;

/// The report on a verdict that was derived again; the certificate, the signature and what was signed by digest only.
#[must_use]
pub fn etsi_xml_of_bundle(replayed: &Replayed) -> Option<String> {
    let (content, verdict) = (&replayed.content, &replayed.verdict);
    let evidence = &content.evidence;
    // What a platform without policies of its own judges by.
    let own = ValidationPolicy {
        min_rsa_bits: evidence.policy.min_rsa_bits,
        max_revocation_age: evidence.policy.max_list_age,
        ..ValidationPolicy::default()
    };
    let policy = match &content.policy {
        Some(policy) => Policy { id: &policy.id, version: policy.version, sha256: policy.sha256 },
        None => Policy { id: &own.id, version: own.version, sha256: own.sha256() },
    };
    let signer = sha256(&evidence.certificate);
    let lists: Vec<RevocationData> = evidence
        .lists
        .iter()
        .map(|list| RevocationData { kind: RevocationKind::List, sha256: list.commitment.sha256 })
        .collect();
    let document = match &evidence.presence {
        None => evidence.digests.iter().find(|d| d.algorithm() == DigestAlgorithm::Sha256).copied(),
        Some(presence) => {
            let text = presence.statement.text(&evidence.certificate);
            Some(DigestAlgorithm::Sha256.digest(&[text.as_bytes()]))
        }
    };
    let passed = |id| verdict.check(id).is_some_and(|check| check.outcome() == Outcome::Passed);
    let signature = Signature {
        value: sha256(&evidence.signature),
        signed: document,
        content_by_digest: true,
        format: if evidence.presence.is_some() { "card presence without PIN" } else { "raw signature" },
        level: Level::Plain,
        algorithm: None,
        algorithm_accepted: passed("algorithm.strength")
            && (evidence.presence.is_none() || passed("presence.key_strength")),
        process: Process::Basic,
        status: Status {
            indication: verdict.indication(),
            sub_indication: verdict.sub_indication(),
            reason: verdict.reason(),
        },
        checks: verdict.checks(),
        claimed_signing_time: None,
        best_signature_time: ProofOfExistence { at: content.judged_at, token: None },
        path: Some(Path { signer, intermediates: &[], anchor: None }),
        revocation: &lists,
        revoked: revoked(replayed, signer, &lists),
        timestamps: &[],
    };
    etsi_xml(&Input { validated_at: content.judged_at, document, policy, signatures: &[signature] })
}

/// What the check of the certificate's status says.
fn revoked(replayed: &Replayed, certificate: [u8; 32], lists: &[RevocationData]) -> Option<Revoked> {
    let check = replayed.verdict.check("revocation.status")?;
    let Some(EvidenceValue::Time(at)) = check.evidence("revoked_at") else { return None };
    let reason = match check.evidence("reason") {
        Some(EvidenceValue::Text(text)) => text.parse::<RevocationReason>().ok(),
        _ => None,
    };
    // With several lists the check names one by number; a report names it only where there is no doubt.
    let by = if let [one] = lists { Some(*one) } else { None };
    Some(Revoked { certificate, at: *at, reason, by })
}

//! The judgement of what a format found (EN 319 102-1 5.3 basic signatures, 5.5 with time, 5.6 with long-term
//! material), one for all formats: time-stamps from the outermost inwards, the best time by which the signature is
//! known to have existed, the signer's path and revocation for that time, the signature value, the format's rules.
//!
//! Takes nothing from the signature on trust: a time-stamp counts only if it is itself TOTAL-PASSED under the
//! time-stamping anchors and its imprint is that of what it stands on; a claimed signing time counts for nothing.
//!
//! Not asked: when certificates and revocation data themselves were first seen (5.6.2.1, control time sliding). What
//! signed them is judged for the same time as the signature, so an authority whose key is lost later on could still
//! make older ones; who must withstand that protects the certificate by a signed reference (level B and above).

mod timestamps;

use musubi_crypto::{DigestAlgorithm, PublicKey, Sha256Digest, SignatureAlgorithm, sha256};
use musubi_kernel::UnixTime;
use musubi_pki::path::{
    KeyUsage, PathAnchors, PathCertificate, PathEvidence, PathRules, Purpose, Times, judge_path,
};
use musubi_pki::{CheckResult, Outcome, ReasonCode, SubIndication, ValidationPolicy, Verdict, oid};

use self::timestamps::{judge_timestamps, time_rule};
use crate::model::{Extent, Found, Level, Role, Rule, Signed, Signer, TimestampKind};
use crate::report::{RevocationData, RevocationKind};

/// What a judgement is made with.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Who may have issued signers' certificates.
    pub anchors: &'a PathAnchors,
    /// Who may have issued time-stamping authorities' certificates.
    pub timestamp_anchors: &'a PathAnchors,
    /// Certificates beside those in the document, DER.
    pub certificates: &'a [&'a [u8]],
    /// Revocation lists beside those in the document, DER.
    pub crls: &'a [&'a [u8]],
    /// OCSP responses beside those in the document, DER.
    pub ocsp: &'a [&'a [u8]],
    /// The policy.
    pub policy: &'a ValidationPolicy,
    /// The time at which it is judged.
    pub judged_at: UnixTime,
}

/// A time-stamp, judged.
#[derive(Debug, Clone)]
pub struct TimestampJudgement {
    /// What it says to cover.
    pub kind: TimestampKind,
    /// SHA-256 of the token.
    pub token_sha256: Sha256Digest,
    /// Where it stands.
    pub location: String,
    /// The time it states; `None` if it cannot be read. Worth something only if the verdict is TOTAL-PASSED.
    pub at: Option<UnixTime>,
    /// The verdict on it.
    pub verdict: Verdict,
}

/// A signature, judged.
#[derive(Debug, Clone)]
pub struct SignatureJudgement {
    /// What it is for.
    pub role: Role,
    /// The format as people call it.
    pub format: &'static str,
    /// Where it stands in the document.
    pub location: String,
    /// The level, by what is present.
    pub level: Level,
    /// How much of the file it protects.
    pub extent: Extent,
    /// The verdict.
    pub verdict: Verdict,
    /// The signer's certificate, DER; what it says is worth something only if the verdict is TOTAL-PASSED.
    pub signer: Option<Vec<u8>>,
    /// The path that was judged, from the signer's certificate to the anchor, DER each.
    pub chain: Vec<Vec<u8>>,
    /// The revocation data that decided, in the order of the chain.
    pub revocation: Vec<RevocationData>,
    /// The algorithm of the signature value, if it is in the table.
    pub algorithm: Option<SignatureAlgorithm>,
    /// SHA-256 of the signature value.
    pub signature_sha256: Sha256Digest,
    /// When the signer says to have signed. Nobody vouches for it.
    pub claimed_signing_time: Option<UnixTime>,
    /// The earliest time by which the signature is proven to have existed (best signature time).
    pub existed_at: Option<UnixTime>,
    /// Its time-stamps, in the order of the document.
    pub timestamps: Vec<TimestampJudgement>,
}

/// Judges one signature.
#[must_use]
pub fn judge_signature(found: Found<'_>, context: &Context<'_>) -> SignatureJudgement {
    let (timestamps, proof) = judge_timestamps(&found, context);
    let times = Times {
        judged_at: context.judged_at,
        existed_at: proof.existed_at,
        not_signed_before: proof.not_signed_before,
    };
    let (anchors, purpose) = match found.role {
        Role::Signature | Role::CounterSignature => (context.anchors, signing()),
        Role::TimeStamp { .. } => (context.timestamp_anchors, time_stamping()),
    };
    let signature_sha256 = sha256(&found.value.signature);
    let algorithm = found.value.algorithm.as_ref().ok().copied();
    let signer = match &found.signer {
        Signer::Certificate(der) => Some(der.to_vec()),
        Signer::NotFound => None,
    };
    let judged = judge_value(&found, &[], context, anchors, &purpose, times);
    let mut rules = proof.rules;
    if let Role::TimeStamp { at } = found.role {
        rules.push(time_rule(at, &found.signer, times));
    }
    let verdict = rules.into_iter().fold(judged.verdict, apply);
    SignatureJudgement {
        role: found.role,
        format: found.format,
        location: found.location,
        level: found.level,
        extent: found.extent,
        verdict,
        signer,
        chain: judged.chain,
        revocation: judged.revocation,
        algorithm,
        signature_sha256,
        claimed_signing_time: found.claimed_signing_time,
        existed_at: times.existed_at,
        timestamps,
    }
}

/// Verdict, chain and evidence of one signature value under one certificate.
struct Judged {
    verdict: Verdict,
    chain: Vec<Vec<u8>>,
    revocation: Vec<RevocationData>,
}

/// The signer's path, the signature value, the algorithms, the rules of the format; no time-stamps.
fn judge_value(
    found: &Found<'_>,
    more_certificates: &[&[u8]],
    context: &Context<'_>,
    anchors: &PathAnchors,
    purpose: &Purpose,
    times: Times,
) -> Judged {
    let Signer::Certificate(leaf) = &found.signer else {
        let check = CheckResult::failed("signer.certificate", "EN 319 102-1 5.2.3");
        // Why there is none, the format says best, if it found something broken (5.2.2 comes before 5.2.3).
        let is_broken =
            |rule: &&Rule| matches!(rule.result.outcome(), Outcome::Failed | Outcome::Inconclusive);
        let none = (SubIndication::NoSigningCertificateFound, ReasonCode::SignatureMalformed);
        let conclusion = found.rules.iter().find(is_broken).map_or(none, |rule| rule.on_failure);
        let verdict = Verdict::refused(check, conclusion, times.judged_at);
        let verdict = found.rules.iter().cloned().fold(verdict, apply);
        return Judged { verdict, chain: Vec::new(), revocation: Vec::new() };
    };
    let intermediates = gathered(&found.certificates, &[context.certificates, more_certificates]);
    let crls = gathered(&found.crls, &[context.crls]);
    let ocsp = gathered(&found.ocsp, &[context.ocsp]);
    let evidence = PathEvidence { leaf, intermediates: &intermediates, crls: &crls, ocsp: &ocsp };
    let path = judge_path(&evidence, anchors, &PathRules { policy: context.policy, purpose, times });
    let rules = [
        value_rule(found, path.public_key.as_ref(), context.policy),
        algorithm_rule(found, context.policy, times),
        purpose_rule(leaf, found.role),
    ];
    let verdict = rules.into_iter().chain(found.rules.iter().cloned()).fold(path.verdict, apply);
    let revocation = with_kinds(&path.revocation, &ocsp);
    Judged { verdict, chain: path.chain, revocation }
}

/// Lists may be large and responses are small, so it is these that are looked through.
fn with_kinds(decisive: &[Sha256Digest], ocsp: &[&[u8]]) -> Vec<RevocationData> {
    let responses: Vec<Sha256Digest> =
        if decisive.is_empty() { Vec::new() } else { ocsp.iter().map(|der| sha256(der)).collect() };
    let kind = |sha256| match responses.contains(sha256) {
        true => RevocationKind::Response,
        false => RevocationKind::List,
    };
    decisive.iter().map(|sha256| RevocationData { kind: kind(sha256), sha256: *sha256 }).collect()
}

fn gathered<'b>(own: &'b [std::borrow::Cow<'_, [u8]>], others: &[&'b [&'b [u8]]]) -> Vec<&'b [u8]> {
    own.iter().map(AsRef::as_ref).chain(others.iter().flat_map(|list| list.iter().copied())).collect()
}

fn apply(verdict: Verdict, rule: Rule) -> Verdict {
    let (sub_indication, reason) = rule.on_failure;
    verdict.and(rule.result, (sub_indication.indication(), sub_indication, reason))
}

/// Whether the signer's key made the signature value. A value that could not be looked at never passes, whatever
/// else is said of it.
fn value_rule(found: &Found<'_>, key: Option<&PublicKey>, policy: &ValidationPolicy) -> Rule {
    const ID: &str = "signature.value";
    const CLAUSE: &str = "EN 319 102-1 5.2.7";
    let value = &found.value;
    let Some(key) = key else {
        // Why there is no key, the path says.
        return rule(
            CheckResult::new(ID, CLAUSE, Outcome::Inconclusive),
            SubIndication::NoSigningCertificateFound,
            ReasonCode::CertificateMalformed,
        );
    };
    let Ok(algorithm) = value.algorithm else {
        return rule(
            CheckResult::new(ID, CLAUSE, Outcome::Inconclusive),
            SubIndication::CryptoConstraintsFailure,
            ReasonCode::CertificateWeakAlgorithm,
        );
    };
    let verified = match &value.signed {
        Signed::Bytes(bytes) => {
            key.verify_encoded(algorithm, value.encoding, bytes, &value.signature).is_ok()
        }
        Signed::Digest(digest) => key.verify_digest(algorithm, digest, &value.signature).is_ok(),
        Signed::BareDigest(digest) => {
            policy.insecure_bare_digest
                && algorithm == SignatureAlgorithm::RsaPkcs1Sha256
                && key.verify_rsa_over_bare_sha256(digest, &value.signature).is_ok()
        }
    };
    let outcome = if verified { Outcome::Passed } else { Outcome::Failed };
    let result = CheckResult::new(ID, CLAUSE, outcome).with("algorithm", algorithm.as_str());
    rule(result, SubIndication::SigCryptoFailure, ReasonCode::SignatureTampered)
}

/// Whether the algorithms with which the signature protects its content are accepted for the time in question.
fn algorithm_rule(found: &Found<'_>, policy: &ValidationPolicy, times: Times) -> Rule {
    let weakness = |digest: DigestAlgorithm| sha1_weakness(digest, policy, times.existed_at);
    let (of_value, name) = match &found.value.algorithm {
        Ok(algorithm) => (algorithm.digest().and_then(weakness), algorithm.as_str().to_owned()),
        Err(name) => (Some(SubIndication::CryptoConstraintsFailure), name.clone()),
    };
    let of_content = found.digests.iter().find_map(|digest| Some((*digest, weakness(*digest)?)));
    let weak = of_value.or(of_content.map(|(_, weakness)| weakness));
    let outcome = if weak.is_none() { Outcome::Passed } else { Outcome::Failed };
    let mut result =
        CheckResult::new("signature.algorithms", "EN 319 102-1 5.2.8", outcome).with("signature", name);
    if let Some((digest, _)) = of_content {
        result = result.with("digest", digest.as_str());
    }
    let sub_indication = weak.unwrap_or(SubIndication::CryptoConstraintsFailure);
    rule(result, sub_indication, ReasonCode::CertificateWeakAlgorithm)
}

/// What a use of this digest comes to: SHA-1 counts by a proven time alone, and only where the policy says until when.
fn sha1_weakness(
    digest: DigestAlgorithm,
    policy: &ValidationPolicy,
    existed_at: Option<UnixTime>,
) -> Option<SubIndication> {
    match (digest, policy.sha1_until, existed_at) {
        (DigestAlgorithm::Sha1, Some(until), Some(at)) if at <= until => None,
        (DigestAlgorithm::Sha1, Some(_), _) => Some(SubIndication::CryptoConstraintsFailureNoPoe),
        (DigestAlgorithm::Sha1, None, _) => Some(SubIndication::CryptoConstraintsFailure),
        _ => None,
    }
}

/// Keys for time-stamps and OCSP responses alone sign what anybody hands them; a document they never signed
/// (RFC 5280 4.2.1.12).
fn purpose_rule(leaf: &[u8], role: Role) -> Rule {
    let other_purposes_only = || {
        let certificate = PathCertificate::parse(leaf).ok()?;
        let (named, _) = certificate.extensions.extended_key_usage?;
        Some(named.iter().all(|purpose| [oid::TIME_STAMPING, oid::OCSP_SIGNING].contains(purpose)))
    };
    let outcome = match role {
        // Asked for with the path.
        Role::TimeStamp { .. } => Outcome::Skipped,
        Role::Signature | Role::CounterSignature if other_purposes_only() == Some(true) => Outcome::Failed,
        Role::Signature | Role::CounterSignature => Outcome::Passed,
    };
    let result = CheckResult::new("signer.purpose", "RFC 5280 4.2.1.12; RFC 9336 4", outcome);
    rule(result, SubIndication::ChainConstraintsFailure, ReasonCode::CertificateConstraints)
}

fn rule(result: CheckResult, sub_indication: SubIndication, reason: ReasonCode) -> Rule {
    Rule { result, on_failure: (sub_indication, reason) }
}

/// Who signs documents.
fn signing() -> Purpose {
    Purpose {
        any_key_usage: vec![KeyUsage::DigitalSignature, KeyUsage::ContentCommitment],
        ..Purpose::default()
    }
}

/// Who signs time-stamps (RFC 3161 2.3).
fn time_stamping() -> Purpose {
    Purpose { extended_key_usage: vec![oid::TIME_STAMPING], only_this_purpose: true, ..signing() }
}

//! The judgement of what a format found (EN 319 102-1 5.3 basic signatures, 5.5 with time, 5.6 with long-term
//! material), one for all formats: time-stamps from the outermost inwards, the best time by which the signature is
//! known to have existed, the signer's path and revocation for that time, the signature value, the format's rules.
//!
//! Takes nothing from the signature on trust: a time-stamp counts only if it is itself TOTAL-PASSED under the
//! time-stamping anchors and its imprint is that of what it stands on; a claimed signing time counts for nothing.

use musubi_crypto::{Digest, DigestAlgorithm, PublicKey, Sha256Digest, SignatureAlgorithm, sha256};
use musubi_kernel::UnixTime;
use musubi_pki::path::{KeyUsage, PathAnchors, PathEvidence, PathRules, Purpose, Times, judge_path};
use musubi_pki::{
    CheckResult, MAX_CLOCK_SKEW_SECONDS, Outcome, ReasonCode, SubIndication, ValidationPolicy, Verdict, oid,
};

use crate::model::{
    Covered, Extent, Found, FoundTimestamp, Level, Role, Rule, Signed, Signer, TimestampKind,
};
use crate::report::{RevocationData, RevocationKind};
use crate::timestamp::Token;

/// The most time-stamps of one signature that are judged; the others make the verdict INDETERMINATE.
const MAX_TIMESTAMPS: usize = 32;

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
        rules.push(time_rule(at, times));
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
        let conclusion = (SubIndication::NoSigningCertificateFound, ReasonCode::SignatureMalformed);
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

/// Whether the signer's key made the signature value.
fn value_rule(found: &Found<'_>, key: Option<&PublicKey>, policy: &ValidationPolicy) -> Rule {
    const ID: &str = "signature.value";
    const CLAUSE: &str = "EN 319 102-1 5.2.7";
    let value = &found.value;
    let Some(key) = key else {
        // Why there is no key, the path says.
        return rule(
            CheckResult::new(ID, CLAUSE, Outcome::Skipped),
            SubIndication::NoSigningCertificateFound,
            ReasonCode::CertificateMalformed,
        );
    };
    let Ok(algorithm) = value.algorithm else {
        return rule(
            CheckResult::new(ID, CLAUSE, Outcome::Skipped),
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
    let sha1_accepted =
        matches!((policy.sha1_until, times.existed_at), (Some(until), Some(at)) if at <= until);
    let weak = |digest: DigestAlgorithm| digest == DigestAlgorithm::Sha1 && !sha1_accepted;
    let (known, name) = match &found.value.algorithm {
        Ok(algorithm) => (!algorithm.digest().is_some_and(weak), algorithm.as_str().to_owned()),
        Err(name) => (false, name.clone()),
    };
    let weak_digest = found.digests.iter().copied().find(|digest| weak(*digest));
    let outcome = if known && weak_digest.is_none() { Outcome::Passed } else { Outcome::Failed };
    let mut result =
        CheckResult::new("signature.algorithms", "EN 319 102-1 5.2.8", outcome).with("signature", name);
    if let Some(digest) = weak_digest {
        result = result.with("digest", digest.as_str());
    }
    rule(result, SubIndication::CryptoConstraintsFailure, ReasonCode::CertificateWeakAlgorithm)
}

fn rule(result: CheckResult, sub_indication: SubIndication, reason: ReasonCode) -> Rule {
    Rule { result, on_failure: (sub_indication, reason) }
}

/// What the time-stamps prove, and the rules that follow from them.
#[derive(Default)]
struct Proof {
    existed_at: Option<UnixTime>,
    not_signed_before: Option<UnixTime>,
    rules: Vec<Rule>,
}

/// Judges the time-stamps, the outermost first: each proves the existence of what it covers, for those inside.
fn judge_timestamps(found: &Found<'_>, context: &Context<'_>) -> (Vec<TimestampJudgement>, Proof) {
    let mut proof = Proof::default();
    if found.timestamps.is_empty() {
        return (Vec::new(), proof);
    }
    if found.timestamps.len() > MAX_TIMESTAMPS {
        let result =
            CheckResult::failed("timestamps.count", "own limit").with("found", found.timestamps.len());
        proof.rules.push(rule(result, SubIndication::SigConstraintsFailure, ReasonCode::TooComplex));
        return (Vec::new(), proof);
    }
    let tokens: Vec<Option<Token<'_>>> =
        found.timestamps.iter().map(|stamp| Token::parse(&stamp.token).ok()).collect();
    let mut order: Vec<usize> = (0..tokens.len()).collect();
    // Archive time-stamps cover what came before them; content time-stamps are judged last.
    order.sort_by_key(|&at| {
        let stated = tokens.get(at).and_then(Option::as_ref).map(|token| token.info.gen_time.0);
        (found.timestamps.get(at).map(|stamp| depth(stamp.kind)), std::cmp::Reverse(stated))
    });
    let mut judged: Vec<Option<TimestampJudgement>> = vec![None; tokens.len()];
    let mut covered_at: Option<UnixTime> = None;
    let mut earliest: Option<UnixTime> = None;
    for at in order {
        let (Some(stamp), Some(token)) = (found.timestamps.get(at), tokens.get(at)) else { continue };
        let verdict = match token {
            Some(token) => judge_token(token, stamp, found, context, covered_at),
            None => Verdict::refused(
                CheckResult::failed("timestamp.format", "RFC 3161 2.4.2"),
                (SubIndication::FormatFailure, ReasonCode::TimestampInvalid),
                context.judged_at,
            ),
        };
        let stated = token.as_ref().map(|token| token.info.gen_time);
        if verdict.is_passed() {
            match stamp.kind {
                TimestampKind::Archive => {
                    covered_at = earlier(covered_at, stated);
                    earliest = earlier(earliest, stated);
                }
                TimestampKind::Signature => earliest = earlier(earliest, stated),
                TimestampKind::Content => proof.not_signed_before = proof.not_signed_before.max(stated),
                TimestampKind::Other => {}
            }
        }
        proof.rules.push(timestamp_rule(stamp, at, &verdict, stated));
        if let Some(slot) = judged.get_mut(at) {
            *slot = Some(TimestampJudgement {
                kind: stamp.kind,
                token_sha256: sha256(&stamp.token),
                location: stamp.location.clone(),
                at: stated,
                verdict,
            });
        }
    }
    proof.existed_at = earliest;
    if let (Some(after), Some(before)) = (proof.not_signed_before, proof.existed_at) {
        let outcome = if after <= before { Outcome::Passed } else { Outcome::Failed };
        let result = CheckResult::new("timestamps.order", "EN 319 102-1 5.5.4 (5), 5.6.2.4", outcome)
            .with("content_at", after)
            .with("signature_at", before);
        proof.rules.push(rule(result, SubIndication::TimestampOrderFailure, ReasonCode::TimestampInvalid));
    }
    (judged.into_iter().flatten().collect(), proof)
}

fn depth(kind: TimestampKind) -> u8 {
    match kind {
        TimestampKind::Archive => 0,
        TimestampKind::Signature | TimestampKind::Other => 1,
        TimestampKind::Content => 2,
    }
}

fn earlier(a: Option<UnixTime>, b: Option<UnixTime>) -> Option<UnixTime> {
    a.into_iter().chain(b).min()
}

/// A time-stamp that is not what it should be leaves the verdict undecided, whoever put it there: the document is not
/// what it pretends to be. One that proves nothing here is reported only.
fn timestamp_rule(stamp: &FoundTimestamp<'_>, index: usize, verdict: &Verdict, at: Option<UnixTime>) -> Rule {
    let outcome = match (stamp.kind, verdict.is_passed()) {
        (_, true) => Outcome::Passed,
        (TimestampKind::Other, false) => Outcome::Skipped,
        (_, false) => Outcome::Failed,
    };
    let mut result = CheckResult::new("timestamp.verdict", "EN 319 102-1 5.4, 5.5.4", outcome)
        .with("number", index.saturating_add(1))
        .with("location", stamp.location.clone())
        .with("indication", verdict.indication().as_str());
    if let Some(sub) = verdict.sub_indication() {
        result = result.with("sub_indication", sub.as_str());
    }
    if let Some(at) = at {
        result = result.with("at", at);
    }
    rule(result, SubIndication::SigConstraintsFailure, ReasonCode::TimestampInvalid)
}

/// Judges a token: its own signature as that of a time-stamping authority, and that it covers what it stands on.
fn judge_token(
    token: &Token<'_>,
    stamp: &FoundTimestamp<'_>,
    found: &Found<'_>,
    context: &Context<'_>,
    covered_at: Option<UnixTime>,
) -> Verdict {
    let certificates: Vec<&[u8]> = found.certificates.iter().map(AsRef::as_ref).collect();
    let crls = gathered(&found.crls, &[context.crls]);
    let ocsp = gathered(&found.ocsp, &[context.ocsp]);
    let around = Context { crls: &crls, ocsp: &ocsp, ..*context };
    let times = Times { judged_at: context.judged_at, existed_at: covered_at, not_signed_before: None };
    let anchors = context.timestamp_anchors;
    let judged = judge_value(&token.found, &certificates, &around, anchors, &time_stamping(), times);
    let verdict = apply(judged.verdict, time_rule(token.info.gen_time, times));
    apply(verdict, imprint_rule(&token.info.imprint, &stamp.covered, context.policy, covered_at))
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

/// A time-stamp that states a time after it is known to have existed is a lie, or a clock's fault.
fn time_rule(stated: UnixTime, times: Times) -> Rule {
    let outcome = if stated <= times.control().plus(MAX_CLOCK_SKEW_SECONDS) {
        Outcome::Passed
    } else {
        Outcome::Failed
    };
    let result = CheckResult::new("timestamp.time", "EN 319 102-1 5.4", outcome).with("at", stated);
    rule(result, SubIndication::TimestampOrderFailure, ReasonCode::TimestampInvalid)
}

fn imprint_rule(
    imprint: &Digest,
    covered: &Covered<'_>,
    policy: &ValidationPolicy,
    existed_at: Option<UnixTime>,
) -> Rule {
    const ID: &str = "timestamp.imprint";
    const CLAUSE: &str = "RFC 3161 2.4.2; EN 319 102-1 5.4";
    let algorithm = imprint.algorithm();
    let sha1_accepted = matches!((policy.sha1_until, existed_at), (Some(until), Some(at)) if at <= until);
    if algorithm == DigestAlgorithm::Sha1 && !sha1_accepted {
        let result = CheckResult::failed(ID, CLAUSE).with("digest", algorithm.as_str());
        return rule(result, SubIndication::CryptoConstraintsFailure, ReasonCode::CertificateWeakAlgorithm);
    }
    match covered {
        Covered::Parts(parts) => {
            let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
            let outcome =
                if algorithm.digest(&parts) == *imprint { Outcome::Passed } else { Outcome::Failed };
            let result = CheckResult::new(ID, CLAUSE, outcome).with("digest", algorithm.as_str());
            rule(result, SubIndication::HashFailure, ReasonCode::TimestampInvalid)
        }
        Covered::Unusable(why) => {
            let result = CheckResult::failed(ID, CLAUSE).with("fault", *why);
            rule(result, SubIndication::SigConstraintsFailure, ReasonCode::TimestampInvalid)
        }
    }
}

//! The time-stamps of a signature (EN 319 102-1 5.4, 5.5.4, 5.6.2): which of them count, and what they prove.
//!
//! A time-stamp is judged for the time by which those around it prove that it existed, the outermost for the time of
//! the judgement. What is around what, the format says by what each covers ([`FoundTimestamp::covers`]): an order by
//! the times that they state would let a token of a lost key, dated back and put outside, be taken for an inner one.

use musubi_crypto::{Digest, sha256};
use musubi_kernel::UnixTime;
use musubi_pki::path::{PathCertificate, Times};
use musubi_pki::{
    CheckResult, MAX_CLOCK_SKEW_SECONDS, Outcome, ReasonCode, SubIndication, ValidationPolicy, Verdict,
};

use super::{
    Allowance, Context, TimestampJudgement, apply, gathered, judge_value, rule, sha1_weakness, time_stamping,
};
use crate::model::{Covered, Found, FoundTimestamp, Rule, Signer, TimestampKind};
use crate::timestamp::Token;

/// The most time-stamps of one signature that are judged; more make the verdict INDETERMINATE.
const MAX_TIMESTAMPS: usize = 32;

/// What the time-stamps prove, and the rules that follow from them.
#[derive(Default)]
pub(super) struct Proof {
    /// By when the signature existed: the earliest of those over its value that pass.
    pub(super) existed_at: Option<UnixTime>,
    /// Before when it did not: the latest of those over its content that pass.
    pub(super) not_signed_before: Option<UnixTime>,
    pub(super) rules: Vec<Rule>,
}

/// Judges the time-stamps, the outermost first: each proves the existence of what it covers, for those inside.
pub(super) fn judge_timestamps(
    found: &Found<'_>,
    context: &Context<'_>,
    allowance: &Allowance,
) -> (Vec<TimestampJudgement>, Proof) {
    let mut proof = Proof::default();
    let stamps = found.timestamps.as_slice();
    if stamps.len() > MAX_TIMESTAMPS {
        let result = CheckResult::failed("timestamps.count", "own limit").with("found", stamps.len());
        proof.rules.push(rule(result, SubIndication::SigConstraintsFailure, ReasonCode::TooComplex));
        return (Vec::new(), proof);
    }
    let mut judged: Vec<Option<TimestampJudgement>> = vec![None; stamps.len()];
    for position in 0..stamps.len() {
        judge_after_those_around(position, found, context, allowance, &mut judged, 0);
    }
    let judged: Vec<TimestampJudgement> = judged.into_iter().flatten().collect();
    for (index, stamp) in judged.iter().enumerate() {
        if stamp.verdict.is_passed() {
            match stamp.kind {
                TimestampKind::Archive | TimestampKind::Signature => {
                    proof.existed_at = earlier(proof.existed_at, stamp.at);
                }
                TimestampKind::Content => proof.not_signed_before = proof.not_signed_before.max(stamp.at),
                TimestampKind::Other => {}
            }
        }
        proof.rules.push(timestamp_rule(stamp, index));
    }
    if let (Some(after), Some(before)) = (proof.not_signed_before, proof.existed_at) {
        let outcome = if after <= before { Outcome::Passed } else { Outcome::Failed };
        let result = CheckResult::new("timestamps.order", "EN 319 102-1 5.5.4 (5), 5.6.2.4", outcome)
            .with("content_at", after)
            .with("signature_at", before);
        proof.rules.push(rule(result, SubIndication::TimestampOrderFailure, ReasonCode::TimestampInvalid));
    }
    (judged, proof)
}

fn earlier(a: Option<UnixTime>, b: Option<UnixTime>) -> Option<UnixTime> {
    a.into_iter().chain(b).min()
}

/// Judges one time-stamp, those that cover it before. Nothing covers itself; a circle, which no digest can close, is
/// cut by the depth.
fn judge_after_those_around(
    position: usize,
    found: &Found<'_>,
    context: &Context<'_>,
    allowance: &Allowance,
    judged: &mut [Option<TimestampJudgement>],
    depth: usize,
) {
    if depth > MAX_TIMESTAMPS || judged.get(position).is_none_or(Option::is_some) {
        return;
    }
    let mut covered_at = None;
    for (outer, around) in found.timestamps.iter().enumerate() {
        if outer == position || around.kind != TimestampKind::Archive || !around.covers.contains(&position) {
            continue;
        }
        judge_after_those_around(outer, found, context, allowance, judged, depth + 1);
        if let Some(Some(outer)) = judged.get(outer)
            && outer.verdict.is_passed()
        {
            covered_at = earlier(covered_at, outer.at);
        }
    }
    if let (Some(slot @ None), Some(stamp)) = (judged.get_mut(position), found.timestamps.get(position)) {
        *slot = Some(judge_stamp(stamp, found, context, allowance, covered_at));
    }
}

fn judge_stamp(
    stamp: &FoundTimestamp<'_>,
    found: &Found<'_>,
    context: &Context<'_>,
    allowance: &Allowance,
    covered_at: Option<UnixTime>,
) -> TimestampJudgement {
    let (at, verdict) = match Token::parse(&stamp.token) {
        Ok(token) => {
            (Some(token.info.gen_time), judge_token(&token, stamp, found, context, allowance, covered_at))
        }
        Err(_) => {
            let check = CheckResult::failed("timestamp.format", "RFC 3161 2.4.2");
            let conclusion = (SubIndication::FormatFailure, ReasonCode::TimestampInvalid);
            (None, Verdict::refused(check, conclusion, context.judged_at))
        }
    };
    let token_sha256 = sha256(&stamp.token);
    TimestampJudgement { kind: stamp.kind, token_sha256, location: stamp.location.clone(), at, verdict }
}

/// Judges a token: its own signature as that of a time-stamping authority, and that it covers what it stands on.
fn judge_token(
    token: &Token<'_>,
    stamp: &FoundTimestamp<'_>,
    found: &Found<'_>,
    context: &Context<'_>,
    allowance: &Allowance,
    covered_at: Option<UnixTime>,
) -> Verdict {
    let certificates: Vec<&[u8]> = found.certificates.iter().map(AsRef::as_ref).collect();
    let crls = gathered(&found.crls, &[context.crls]);
    let ocsp = gathered(&found.ocsp, &[context.ocsp]);
    let around = Context { crls: &crls, ocsp: &ocsp, ..*context };
    let times = Times { judged_at: context.judged_at, existed_at: covered_at, not_signed_before: None };
    let roots = (context.timestamp_anchors, &time_stamping());
    let judged = judge_value(&token.found, &certificates, &around, roots, times, allowance);
    let verdict = apply(judged.verdict, time_rule(token.info.gen_time, &token.found.signer, times));
    apply(verdict, imprint_rule(&token.info.imprint, &stamp.covered, context.policy, covered_at))
}

/// A time-stamp that is not what it should be leaves the verdict undecided, whoever put it there: the document is not
/// what it pretends to be. One that may pass later lets the signature pass later; one that proves nothing here is
/// reported only.
fn timestamp_rule(stamp: &TimestampJudgement, index: usize) -> Rule {
    let verdict = &stamp.verdict;
    let (outcome, conclusion) = match (stamp.kind, verdict.reason()) {
        _ if verdict.is_passed() => (Outcome::Passed, None),
        (TimestampKind::Other, _) => (Outcome::Skipped, None),
        (_, Some(reason)) if verdict.may_pass_later() => {
            (Outcome::Inconclusive, Some((SubIndication::TryLater, reason)))
        }
        _ => (Outcome::Failed, None),
    };
    let mut result = CheckResult::new("timestamp.verdict", "EN 319 102-1 5.4, 5.5.4", outcome)
        .with("number", index.saturating_add(1))
        .with("location", stamp.location.clone())
        .with("indication", verdict.indication().as_str());
    if let Some(sub) = verdict.sub_indication() {
        result = result.with("sub_indication", sub.as_str());
    }
    if let Some(at) = stamp.at {
        result = result.with("at", at);
    }
    let invalid = (SubIndication::SigConstraintsFailure, ReasonCode::TimestampInvalid);
    let (sub_indication, reason) = conclusion.unwrap_or(invalid);
    rule(result, sub_indication, reason)
}

/// A time-stamp that states a time after it is known to have existed, or before its authority's certificate began, is a
/// lie, or a clock's fault.
pub(super) fn time_rule(stated: UnixTime, signer: &Signer<'_>, times: Times) -> Rule {
    let not_before = match signer {
        Signer::Certificate(der) => PathCertificate::parse(der).ok().map(|leaf| leaf.not_before),
        Signer::NotFound => None,
    };
    let fault = if stated > times.control().plus(MAX_CLOCK_SKEW_SECONDS) {
        Some("later than it is known to have existed")
    } else if not_before.is_some_and(|from| stated < from) {
        Some("before the certificate of its authority")
    } else {
        None
    };
    let outcome = if fault.is_none() { Outcome::Passed } else { Outcome::Failed };
    let mut result = CheckResult::new("timestamp.time", "EN 319 102-1 5.4", outcome).with("at", stated);
    if let Some(fault) = fault {
        result = result.with("fault", fault);
    }
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
    if let Some(weakness) = sha1_weakness(algorithm, policy, existed_at) {
        let result = CheckResult::failed(ID, CLAUSE).with("digest", algorithm.as_str());
        return rule(result, weakness, ReasonCode::CertificateWeakAlgorithm);
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

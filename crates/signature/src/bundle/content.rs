//! The content of a bundle: evidence, policy, time, the rules that came after the judgement, and the verdict. Its SHA-256
//! stands in the audit record.

use musubi_crypto::{Sha256Digest, sha256};
use musubi_kernel::UnixTime;
use musubi_pki::{
    CheckResult, EvidenceValue, Indication, Outcome, ReasonCode, SubIndication, TrustAnchors, Verdict,
};

use super::canonical::{evidence_mark, verdict_sha256};
use super::cbor::{Malformed, Reader, Scalar, Writer, Written, write};
use super::jpki::{JpkiEvidence, Kind};
use super::{Difference, JUDGEMENT_VERSION};
use crate::Rule;

/// The version of the program that judged; informative.
const ENGINE: &str = env!("CARGO_PKG_VERSION");

/// Where a rule came from whose inputs are not in the bundle.
const RECORDED: &str = "recorded by the platform; its inputs are not in the bundle (docs/spec/bundle.md)";

/// The validation policy of a relying party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyReference {
    /// Its name.
    pub id: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of its canonical form.
    pub sha256: Sha256Digest,
}

/// A verdict in few bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordedVerdict {
    pub(super) indication: Indication,
    pub(super) sub_indication: Option<SubIndication>,
    pub(super) reason: Option<ReasonCode>,
    /// Of the judgement's own checks, in their order.
    pub(super) checks: Vec<(Outcome, [u8; 2])>,
    /// Of the canonical form of the whole.
    pub(super) sha256: Sha256Digest,
}

/// What a verdict was derived from, and what it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The version of the program that judged.
    pub engine: String,
    /// The version of the judgement ([`JUDGEMENT_VERSION`]).
    pub judgement_version: u64,
    /// The evidence.
    pub evidence: JpkiEvidence,
    /// The relying party's validation policy, if it has one.
    pub policy: Option<PolicyReference>,
    /// For which time it was judged.
    pub judged_at: UnixTime,
    /// Rules that the platform applied after the judgement, in order.
    pub rules: Vec<Rule>,
    pub(super) verdict: RecordedVerdict,
}

impl Content {
    /// The content for a judgement that came to `judged`, and the rules applied to it since.
    #[must_use]
    pub fn of(
        evidence: JpkiEvidence,
        judged: &Verdict,
        rules: Vec<Rule>,
        policy: Option<PolicyReference>,
    ) -> Self {
        let whole = with_rules(judged.clone(), &rules);
        let verdict = RecordedVerdict {
            indication: whole.indication(),
            sub_indication: whole.sub_indication(),
            reason: whole.reason(),
            checks: judged.checks().iter().map(|check| (check.outcome(), evidence_mark(check))).collect(),
            sha256: verdict_sha256(&whole),
        };
        Self {
            engine: ENGINE.to_owned(),
            judgement_version: JUDGEMENT_VERSION,
            evidence,
            policy,
            judged_at: judged.judged_at(),
            rules,
            verdict,
        }
    }

    /// The kind of verdict: `jpki` for a holder's signature, `jpki.presence` for a card held out without PIN.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.evidence.kind().as_str()
    }

    /// TOTAL-PASSED, TOTAL-FAILED or INDETERMINATE, as recorded.
    #[must_use]
    pub fn indication(&self) -> Indication {
        self.verdict.indication
    }

    /// The sub-indication, as recorded.
    #[must_use]
    pub fn sub_indication(&self) -> Option<SubIndication> {
        self.verdict.sub_indication
    }

    /// The reason, as recorded.
    #[must_use]
    pub fn reason(&self) -> Option<ReasonCode> {
        self.verdict.reason
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        write(|w| {
            w.map(7 + u64::from(self.policy.is_some()))?;
            w.u8(1)?.str(&self.engine)?;
            w.u8(2)?.u64(self.judgement_version)?;
            w.u8(3)?.str(self.evidence.kind().as_str())?.u8(4)?;
            self.evidence.write(w)?;
            if let Some(policy) = &self.policy {
                w.u8(5)?.array(3)?.str(&policy.id)?.u32(policy.version)?.bytes(&policy.sha256)?;
            }
            w.u8(6)?.i64(self.judged_at.0)?;
            w.u8(7)?.array(u64::try_from(self.rules.len()).unwrap_or(u64::MAX))?;
            for rule in &self.rules {
                write_rule(w, rule)?;
            }
            w.u8(8)?;
            write_verdict(w, &self.verdict)
        })
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// [`Difference::NotABundle`], [`Difference::UnknownEngine`] or [`Difference::UnknownKind`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Difference> {
        let content = Self::read(bytes)?;
        if content.encode() == bytes {
            Ok(content)
        } else {
            Err(Difference::NotABundle("content: not in its deterministic encoding"))
        }
    }

    fn read(bytes: &[u8]) -> Result<Self, Difference> {
        let r = &mut Reader::new(bytes);
        let mut keys = r.map("content", 8)?;
        keys.need(r, 1)?;
        let engine = r.name("engine", 64)?.to_owned();
        keys.need(r, 2)?;
        let judgement_version = r.number("judgement version")?;
        if judgement_version != JUDGEMENT_VERSION {
            return Err(Difference::UnknownEngine { engine, judgement_version });
        }
        keys.need(r, 3)?;
        let name = r.name("kind", 32)?;
        let kind = Kind::named(name).ok_or_else(|| Difference::UnknownKind(name.to_owned()))?;
        keys.need(r, 4)?;
        let evidence = JpkiEvidence::read(kind, r)?;
        let policy = if keys.take(r, 5)? { Some(read_policy_reference(r)?) } else { None };
        keys.need(r, 6)?;
        let judged_at = r.time("judged_at")?;
        keys.need(r, 7)?;
        let rules = (0..r.array("rules", 16)?).map(|_| read_rule(r)).collect::<Result<_, _>>()?;
        keys.need(r, 8)?;
        let verdict = read_verdict(r)?;
        keys.end()?;
        r.end("content")?;
        Ok(Self { engine, judgement_version, evidence, policy, judged_at, rules, verdict })
    }

    /// The judgement again, with the recorded rules after it; the number of checks that are the judgement's own.
    pub(super) fn derive(&self, anchors: &TrustAnchors) -> Result<(Verdict, usize), Difference> {
        let judged = self.evidence.derive(anchors, self.judged_at)?;
        let own = judged.checks().len();
        Ok((with_rules(judged, &self.rules), own))
    }

    /// SHA-256 of the bytes: what the audit record holds.
    #[must_use]
    pub fn sha256(encoded: &[u8]) -> Sha256Digest {
        sha256(encoded)
    }
}

fn with_rules(judged: Verdict, rules: &[Rule]) -> Verdict {
    rules.iter().fold(judged, |verdict, Rule { result, on_failure: (sub_indication, reason) }| {
        verdict.and(result.clone(), (sub_indication.indication(), *sub_indication, *reason))
    })
}

const OUTCOMES: [Outcome; 4] = [Outcome::Passed, Outcome::Failed, Outcome::Inconclusive, Outcome::Skipped];

fn outcome_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Passed => 0,
        Outcome::Failed => 1,
        Outcome::Inconclusive => 2,
        Outcome::Skipped => 3,
    }
}

fn outcome_of(code: u64) -> Result<Outcome, Malformed> {
    usize::try_from(code).ok().and_then(|code| OUTCOMES.get(code)).copied().ok_or(Malformed("outcome"))
}

fn concludes(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Failed | Outcome::Inconclusive)
}

fn sub_indication_of(text: &str) -> Result<SubIndication, Malformed> {
    SubIndication::ALL.iter().find(|sub| sub.as_str() == text).copied().ok_or(Malformed("sub-indication"))
}

fn write_rule(w: &mut Writer, Rule { result, on_failure: (sub_indication, reason) }: &Rule) -> Written {
    let concludes = concludes(result.outcome());
    w.array(if concludes { 5 } else { 3 })?.str(result.id())?.u8(outcome_code(result.outcome()))?;
    let mut evidence: Vec<_> = result.all_evidence().collect();
    // Deterministic order of text keys (RFC 8949 4.2.1): of their encodings, so shorter ones first.
    evidence.sort_unstable_by_key(|(name, _)| (name.len(), *name));
    w.map(u64::try_from(evidence.len()).unwrap_or(u64::MAX))?;
    for (name, value) in evidence {
        w.str(name)?;
        match value {
            EvidenceValue::Text(text) => w.str(text)?,
            EvidenceValue::Number(number) => w.i64(*number)?,
            EvidenceValue::Flag(flag) => w.bool(*flag)?,
            EvidenceValue::Time(at) => w.tag(minicbor::data::Tag::new(1))?.i64(at.0)?,
        };
    }
    if concludes {
        w.str(sub_indication.as_str())?.str(reason.code().as_str())?;
    }
    Ok(())
}

fn read_rule(r: &mut Reader<'_>) -> Result<Rule, Malformed> {
    let length = r.array("rule", 5)?;
    let id = r.name("rule id", 64)?.to_owned();
    let outcome = outcome_of(r.number("outcome")?)?;
    let mut result = CheckResult::new(id, RECORDED, outcome);
    for _ in 0..r.length("rule evidence", 16)? {
        let name = r.name("rule evidence", 64)?.to_owned();
        let value = match r.value("rule evidence")? {
            Scalar::Text(text) => EvidenceValue::from(text),
            Scalar::Number(number) => EvidenceValue::from(number),
            Scalar::Flag(flag) => EvidenceValue::from(flag),
            Scalar::Time(at) => EvidenceValue::from(at),
        };
        result = result.with(name, value);
    }
    let on_failure = match (concludes(outcome), length) {
        (true, 5) => {
            let sub_indication = sub_indication_of(r.text("sub-indication", 64)?)?;
            (sub_indication, r.text("reason", 64)?.parse().map_err(|_| Malformed("reason"))?)
        }
        // Of no effect: the rule was kept, or did not apply.
        (false, 3) => (SubIndication::SigConstraintsFailure, ReasonCode::SignatureTampered),
        _ => return Err(Malformed("rule")),
    };
    Ok(Rule { result, on_failure })
}

fn write_verdict(w: &mut Writer, verdict: &RecordedVerdict) -> Written {
    let optional = u64::from(verdict.sub_indication.is_some()) + u64::from(verdict.reason.is_some());
    w.map(3 + optional)?.u8(1)?.u8(match verdict.indication {
        Indication::TotalPassed => 0,
        Indication::TotalFailed => 1,
        Indication::Indeterminate => 2,
    })?;
    if let Some(sub_indication) = verdict.sub_indication {
        w.u8(2)?.str(sub_indication.as_str())?;
    }
    if let Some(reason) = verdict.reason {
        w.u8(3)?.str(reason.code().as_str())?;
    }
    let mut checks = Vec::with_capacity(verdict.checks.len() * 3);
    for (outcome, mark) in &verdict.checks {
        checks.push(outcome_code(*outcome));
        checks.extend(mark);
    }
    w.u8(4)?.bytes(&checks)?.u8(5)?.bytes(&verdict.sha256)?.ok()
}

fn read_verdict(r: &mut Reader<'_>) -> Result<RecordedVerdict, Malformed> {
    let mut keys = r.map("verdict", 5)?;
    keys.need(r, 1)?;
    let indication = match r.number("indication")? {
        0 => Indication::TotalPassed,
        1 => Indication::TotalFailed,
        2 => Indication::Indeterminate,
        _ => return Err(Malformed("indication")),
    };
    let sub_indication =
        if keys.take(r, 2)? { Some(sub_indication_of(r.text("sub-indication", 64)?)?) } else { None };
    let reason = if keys.take(r, 3)? {
        Some(r.text("reason", 64)?.parse().map_err(|_| Malformed("reason"))?)
    } else {
        None
    };
    keys.need(r, 4)?;
    let (checks, rest) = r.bytes("checks", 3 * 64)?.as_chunks::<3>();
    if !rest.is_empty() {
        return Err(Malformed("checks"));
    }
    let checks = checks
        .iter()
        .map(|[code, mark @ ..]| Ok((outcome_of(u64::from(*code))?, *mark)))
        .collect::<Result<_, Malformed>>()?;
    keys.need(r, 5)?;
    let sha256 = r.digest("verdict digest")?;
    keys.end()?;
    Ok(RecordedVerdict { indication, sub_indication, reason, checks, sha256 })
}

fn read_policy_reference(r: &mut Reader<'_>) -> Result<PolicyReference, Malformed> {
    r.array_of("policy reference", 3)?;
    let id = r.name("policy reference", 64)?.to_owned();
    let version = u32::try_from(r.number("policy reference")?).map_err(|_| Malformed("policy reference"))?;
    Ok(PolicyReference { id, version, sha256: r.digest("policy reference")? })
}

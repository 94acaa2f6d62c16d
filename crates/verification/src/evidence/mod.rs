//! The evidence of every verdict (`docs/spec/bundle.md`): kept sealed, its digest in the audit record, both in the
//! transaction of the verdict. Given out as a bundle to the operator and to the resident whom it concerns, never to a
//! relying party: it holds the certificate with its serial number.

mod service;
mod sql;

use musubi_pki::{
    CheckResult, Evidence, Judgement, Policy, PresenceEvidence, PresenceJudgement, ReasonCode, SubIndication,
    Verdict,
};
use musubi_signature::Rule;
use musubi_signature::bundle::{Content, JpkiEvidence};
use musubi_store::{Migration, StoreError};

use crate::validation_policy::AppliedPolicy;

pub(crate) use service::keep;
pub use service::{EvidenceError, bundle, bundles_of};

/// The feature's schema.
pub const MIGRATIONS: &[Migration] =
    &[Migration { name: "evidence/0001_evidence", sql: include_str!("migrations/0001_evidence.sql") }];

/// A verdict that is made.
#[derive(Debug)]
pub(crate) struct Concluded {
    pub(crate) verdict: Verdict,
    pub(crate) policy: AppliedPolicy,
    /// The bytes of the bundle's content.
    pub(crate) content: Vec<u8>,
}

/// A verdict in the making, with everything that it follows from.
#[derive(Debug)]
pub(crate) struct Reasoning {
    evidence: JpkiEvidence,
    judged: Verdict,
    rules: Vec<Rule>,
    verdict: Verdict,
    policy: AppliedPolicy,
}

impl Reasoning {
    /// What a judgement by the rules of this policy came to.
    pub(crate) fn of(
        evidence: &Evidence<'_>,
        rules: &Policy,
        policy: AppliedPolicy,
        judgement: &Judgement,
    ) -> Result<Self, StoreError> {
        // Every list of the platform was read whole and can prove what it says.
        let evidence = JpkiEvidence::of(evidence, rules, judgement).ok_or(StoreError::Corrupt("list"))?;
        let judged = judgement.verdict.clone();
        Ok(Self { evidence, verdict: judged.clone(), judged, rules: Vec::new(), policy })
    }

    /// What a judgement of presence came to, likewise.
    pub(crate) fn of_presence(
        evidence: &PresenceEvidence<'_>,
        rules: &Policy,
        policy: AppliedPolicy,
        judgement: &PresenceJudgement,
    ) -> Result<Self, StoreError> {
        let evidence =
            JpkiEvidence::of_presence(evidence, rules, judgement).ok_or(StoreError::Corrupt("list"))?;
        let judged = judgement.verdict.clone();
        Ok(Self { evidence, verdict: judged.clone(), judged, rules: Vec::new(), policy })
    }

    /// Applies a rule that comes after the judgement.
    pub(crate) fn and(&mut self, result: CheckResult, on_failure: (SubIndication, ReasonCode)) {
        let (sub_indication, reason) = on_failure;
        self.verdict =
            self.verdict.clone().and(result.clone(), (sub_indication.indication(), sub_indication, reason));
        self.rules.push(Rule { result, on_failure });
    }

    pub(crate) fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The verdict, the policy under which it was made, and the bytes of the bundle's content.
    pub(crate) fn conclude(self) -> Concluded {
        let reference = Some(self.policy.reference());
        let content = Content::of(self.evidence, &self.judged, self.rules, reference).encode();
        Concluded { verdict: self.verdict, policy: self.policy, content }
    }
}

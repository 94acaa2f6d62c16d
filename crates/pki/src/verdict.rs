//! A verdict is data: an indication in the vocabulary of ETSI EN 319 102-1 and every check with its outcome
//! and evidence. Only [`judge`](crate::judge()) makes one; a later rule can only make it worse.

use std::borrow::Cow;

use musubi_kernel::UnixTime;
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::indication::{Indication, SubIndication};
use crate::reasons::ReasonCode;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The rule is kept.
    Passed,
    /// The rule is broken.
    Failed,
    /// It cannot be told.
    Inconclusive,
    /// The check does not apply, or an earlier failure left nothing to check.
    Skipped,
}

/// A value in the evidence of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EvidenceValue {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
    /// A truth value.
    Flag(bool),
    /// An instant.
    Time(UnixTime),
}

macro_rules! evidence_from {
    ($($source:ty => $make:expr;)*) => {$(
        impl From<$source> for EvidenceValue {
            fn from(value: $source) -> Self {
                $make(value)
            }
        }
    )*};
}
evidence_from! {
    &'static str => |v| Self::Text(Cow::Borrowed(v));
    String => |v| Self::Text(Cow::Owned(v));
    Cow<'static, str> => Self::Text;
    i64 => Self::Number;
    u32 => |v| Self::Number(i64::from(v));
    u64 => |v| Self::Number(i64::try_from(v).unwrap_or(i64::MAX));
    usize => |v| Self::Number(i64::try_from(v).unwrap_or(i64::MAX));
    bool => Self::Flag;
    UnixTime => Self::Time;
}

/// One check of a verdict. Its evidence must hold no personal data and no serial number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    id: Cow<'static, str>,
    outcome: Outcome,
    citation: Cow<'static, str>,
    #[serde(serialize_with = "as_map")]
    evidence: Vec<(Cow<'static, str>, EvidenceValue)>,
}

fn as_map<S: serde::Serializer>(
    evidence: &[(Cow<'static, str>, EvidenceValue)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(evidence.len()))?;
    for (name, value) in evidence {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

impl CheckResult {
    /// A check named by a dotted id, with the clause that asks for it.
    #[must_use]
    pub fn new(
        id: impl Into<Cow<'static, str>>,
        citation: impl Into<Cow<'static, str>>,
        outcome: Outcome,
    ) -> Self {
        Self { id: id.into(), outcome, citation: citation.into(), evidence: Vec::new() }
    }

    /// A check that passed.
    #[must_use]
    pub fn passed(id: &'static str, citation: &'static str) -> Self {
        Self::new(id, citation, Outcome::Passed)
    }

    /// A check that failed.
    #[must_use]
    pub fn failed(id: &'static str, citation: &'static str) -> Self {
        Self::new(id, citation, Outcome::Failed)
    }

    /// Adds evidence; a name given again replaces the value.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<EvidenceValue>) -> Self {
        let name = name.into();
        self.evidence.retain(|(n, _)| *n != name);
        self.evidence.push((name, value.into()));
        self
    }

    pub(crate) fn with_all(mut self, evidence: Vec<(Cow<'static, str>, EvidenceValue)>) -> Self {
        self.evidence = evidence;
        self
    }

    /// The dotted id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it came to.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The clause that asks for it.
    #[must_use]
    pub fn citation(&self) -> &str {
        &self.citation
    }

    /// All evidence, in the order in which it was given.
    pub fn all_evidence(&self) -> impl Iterator<Item = (&str, &EvidenceValue)> {
        self.evidence.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// The evidence under this name.
    #[must_use]
    pub fn evidence(&self, name: &str) -> Option<&EvidenceValue> {
        self.evidence.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }
}

/// By what kind of revocation data something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A revocation list.
    List,
    /// An OCSP response.
    Ocsp,
}

impl Method {
    /// The name in answers and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Ocsp => "ocsp",
        }
    }
}

/// How fresh the revocation data were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Freshness {
    /// Whether the freshest data are a list or an OCSP response.
    pub method: Method,
    /// `cRLNumber` of the freshest list that covers the certificate; `None` of an OCSP response.
    pub list_number: Option<u64>,
    /// When it was issued.
    pub this_update: UnixTime,
    /// By when there is a newer one.
    pub next_update: UnixTime,
    /// Seconds between issue and judgement; zero if the clocks differ the other way round.
    pub age_seconds: i64,
}

/// The result of a judgement. Serializes as the `verdict` of the REST API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    indication: Indication,
    sub_indication: Option<SubIndication>,
    checks: Vec<CheckResult>,
    reason: Option<ReasonCode>,
    freshness: Option<Freshness>,
    judged_at: UnixTime,
}

impl Verdict {
    /// For [`judge`](crate::judge()) alone.
    pub(crate) fn concluded(
        conclusion: Option<(SubIndication, ReasonCode)>,
        checks: Vec<CheckResult>,
        freshness: Option<Freshness>,
        judged_at: UnixTime,
    ) -> Self {
        let indication = conclusion.map_or(Indication::TotalPassed, |(sub, _)| sub.indication());
        let (sub_indication, reason) = conclusion.unzip();
        Self { indication, sub_indication, checks, reason, freshness, judged_at }
    }

    /// A verdict that a check which failed, or does not tell, is enough for: it can never pass.
    #[must_use]
    pub fn refused(
        check: CheckResult,
        (sub_indication, reason): (SubIndication, ReasonCode),
        judged_at: UnixTime,
    ) -> Self {
        Self::concluded(Some((sub_indication, reason)), vec![check], None, judged_at)
    }

    /// The status.
    #[must_use]
    pub fn indication(&self) -> Indication {
        self.indication
    }

    /// Why; `None` exactly if TOTAL-PASSED.
    #[must_use]
    pub fn sub_indication(&self) -> Option<SubIndication> {
        self.sub_indication
    }

    /// Whether every check passed.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.indication == Indication::TotalPassed
    }

    /// Whether the same evidence may pass later: INDETERMINATE, TRY_LATER.
    #[must_use]
    pub fn may_pass_later(&self) -> bool {
        self.sub_indication == Some(SubIndication::TryLater)
    }

    /// Every check, first [`CHECKS`](crate::CHECKS) in their order, then those of later rules.
    #[must_use]
    pub fn checks(&self) -> &[CheckResult] {
        &self.checks
    }

    /// The check with this id.
    #[must_use]
    pub fn check(&self, id: &str) -> Option<&CheckResult> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// The reason for the person; `None` exactly if TOTAL-PASSED.
    #[must_use]
    pub fn reason(&self) -> Option<ReasonCode> {
        self.reason
    }

    /// How fresh the revocation data were; `None` if none cover the certificate.
    #[must_use]
    pub fn freshness(&self) -> Option<Freshness> {
        self.freshness
    }

    /// The time for which it was judged.
    #[must_use]
    pub fn judged_at(&self) -> UnixTime {
        self.judged_at
    }

    /// Adds the check of a later rule (the application's attributes, the web origin). If it failed, or does not
    /// tell, the verdict becomes `on_failure` where that is worse than what it is; it never becomes better.
    /// The indication is the one to which the sub-indication belongs, whatever indication is named beside it.
    #[must_use]
    pub fn and(self, check: CheckResult, on_failure: (Indication, SubIndication, ReasonCode)) -> Self {
        let (_, sub_indication, reason) = on_failure;
        match check.outcome {
            Outcome::Failed | Outcome::Inconclusive => self.worsened(check, sub_indication, reason),
            Outcome::Passed | Outcome::Skipped => self.with_check(check),
        }
    }

    /// Adds the check of a later rule that cannot be told now: TOTAL-PASSED becomes INDETERMINATE, TRY_LATER.
    #[must_use]
    pub fn inconclusive(self, mut check: CheckResult, reason: ReasonCode) -> Self {
        check.outcome = Outcome::Inconclusive;
        self.worsened(check, SubIndication::TryLater, reason)
    }

    fn with_check(mut self, check: CheckResult) -> Self {
        self.checks.push(check);
        self
    }

    fn worsened(mut self, check: CheckResult, sub_indication: SubIndication, reason: ReasonCode) -> Self {
        if badness(Some(sub_indication)) > badness(self.sub_indication) {
            self.indication = sub_indication.indication();
            self.sub_indication = Some(sub_indication);
            self.reason = Some(reason);
        }
        self.with_check(check)
    }
}

/// TOTAL-PASSED, then TRY_LATER, then the other INDETERMINATEs, then TOTAL-FAILED.
fn badness(sub_indication: Option<SubIndication>) -> u8 {
    match sub_indication {
        None => 0,
        Some(SubIndication::TryLater) => 1,
        Some(sub) => match sub.indication() {
            Indication::TotalPassed => 0,
            Indication::Indeterminate => 2,
            Indication::TotalFailed => 3,
        },
    }
}

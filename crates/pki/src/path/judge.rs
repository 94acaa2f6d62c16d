//! The judgement of a path: a pure function of evidence, anchors, rules and times. The first path that passes wins; if
//! none does, the one that came closest is reported.

use musubi_crypto::Sha256Digest;

use super::anchors::PathAnchors;
use super::build::{Follow, FoundPath, Paths};
use super::certificate::PathCertificate;
use super::checks::{Concluded, FORMAT, conclude};
use super::facts::{Demand, PathFacts};
use super::pool::{LEAF, Pool};
use super::session::{RevocationData, Session};
use super::status::{Exhausted, Status, Unusable};
use super::work::WorkDone;
use super::{PathEvidence, PathJudgement, PathRules, crl, ocsp};
use crate::indication::SubIndication;
use crate::policy::{RevocationMode, ValidationPolicy};
use crate::reasons::ReasonCode;
use crate::revocation_list::MAX_LIST_BYTES;
use crate::verdict::{CheckResult, Verdict};

/// The most revocation lists, and the most responses, that are read.
const MAX_REVOCATION_DATA: usize = 1_000;

/// Judges the leaf of the evidence under these anchors. Runs every check of [`PATH_CHECKS`](super::PATH_CHECKS) on
/// every path that it finds until one passes or the budget is spent.
///
/// If several checks of a path fail, the verdict carries the first by [`Precedence`](crate::Precedence). The path that
/// is reported where none passes is the one whose first failure by that order comes last; of equals the one that keeps
/// more rules, of equals the one that was found first.
#[must_use]
pub fn judge_path<'a>(
    evidence: &PathEvidence<'a>,
    anchors: &'a PathAnchors,
    rules: &PathRules<'_>,
) -> PathJudgement {
    let policy = rules.policy;
    let limit = usize::try_from(policy.budget.max_candidates).unwrap_or(usize::MAX);
    let leaf = PathCertificate::parse(evidence.leaf);
    let public_key = leaf.as_ref().ok().and_then(|leaf| leaf.public_key.clone().ok());
    let pool = leaf.ok().and_then(|leaf| Pool::of(leaf, evidence.intermediates, &anchors.anchors, limit));
    let Some(pool) = pool else { return unreadable(rules) };
    let data = revocation_data(evidence, policy);
    let for_signers = ValidationPolicy {
        initial_policy_set: Vec::new(),
        explicit_policy: false,
        inhibit_any_policy: false,
        inhibit_policy_mapping: false,
        ..policy.clone()
    };
    let mut session = Session::new(&pool, (policy, &for_signers), rules.times, &data);
    let demand = Demand { policy, purpose: rules.purpose, times: rules.times, or_valid_at: None };
    let Judged { facts, concluded } = Judged::search(&mut session, &demand);
    let own = facts.certificates.iter().rev().map(|certificate| certificate.der.to_vec());
    let policies = facts.policies.as_ref().filter(|outcome| outcome.fault.is_none());
    PathJudgement {
        public_key,
        chain: own.chain(facts.anchor.map(|anchor| anchor.der.clone())).collect(),
        revocation: facts.statuses.iter().flatten().rev().filter_map(digest).collect(),
        policies: policies.map(|outcome| outcome.user_constrained.clone()).unwrap_or_default(),
        work: session.work.done(),
        verdict: Verdict::concluded(concluded.conclusion, concluded.results, None, rules.times.judged_at),
    }
}

fn digest(status: &Status) -> Option<Sha256Digest> {
    match status {
        Status::Good { evidence, .. } | Status::Revoked { evidence, .. } => Some(*evidence),
        Status::Unknown(_) => None,
    }
}

/// The leaf is no certificate: nothing else can be said.
fn unreadable(rules: &PathRules<'_>) -> PathJudgement {
    let check = CheckResult::failed(FORMAT.0, FORMAT.1);
    let conclusion = (SubIndication::FormatFailure, ReasonCode::CertificateMalformed);
    PathJudgement {
        verdict: Verdict::refused(check, conclusion, rules.times.judged_at),
        public_key: None,
        chain: Vec::new(),
        revocation: Vec::new(),
        policies: Vec::new(),
        work: WorkDone::default(),
    }
}

fn revocation_data<'a>(evidence: &PathEvidence<'a>, policy: &ValidationPolicy) -> RevocationData<'a> {
    let mut out = RevocationData::default();
    if policy.revocation == RevocationMode::Off {
        return out;
    }
    for der in evidence.crls.iter().take(MAX_REVOCATION_DATA) {
        match crl::List::parse(der, MAX_LIST_BYTES) {
            Ok(list) => out.lists.push(list),
            Err(why) => out.unreadable.push(why),
        }
    }
    for der in evidence.ocsp.iter().take(MAX_REVOCATION_DATA) {
        match ocsp::Response::parse(der) {
            Ok(response) => out.responses.push(response),
            Err(why) => out.unreadable.push(why),
        }
    }
    if evidence.crls.len().max(evidence.ocsp.len()) > MAX_REVOCATION_DATA {
        out.unreadable.push(Unusable::TooMuchWork);
    }
    out
}

/// A path and what its checks come to.
struct Judged<'s, 'a> {
    facts: PathFacts<'s, 'a>,
    concluded: Concluded,
}

impl<'s, 'a> Judged<'s, 'a> {
    fn search(session: &mut Session<'s, 'a>, demand: &Demand<'_>) -> Self {
        let mut paths = Paths::of(LEAF, Follow::Verified, None, session);
        let mut best: Option<Self> = None;
        while let Ok(Some(path)) = paths.next(session) {
            let Ok(judged) = Self::of(&path, session, demand) else {
                best = best.or_else(|| Some(Self::unfinished(&path, session, demand)));
                break;
            };
            if judged.concluded.conclusion.is_none() {
                return judged;
            }
            let is_closer =
                best.as_ref().is_none_or(|best| judged.concluded.closeness > best.concluded.closeness);
            if is_closer {
                best = Some(judged);
            }
        }
        // What was not looked at may have passed, unless a complete path is at hand and only longer ones were left out.
        // The explanation that follows finds nothing that could.
        let gave_up = session.work.is_exhausted()
            || session.pool.is_cut_short
            || (paths.is_cut_short && best.is_none());
        let mut judged = best.unwrap_or_else(|| Self::explain(paths.longest, session, demand));
        judged.facts.is_exhausted = gave_up;
        judged.facts.work = session.work.done();
        judged.concluded = conclude(&judged.facts, demand);
        judged
    }

    fn of(path: &FoundPath, session: &mut Session<'s, 'a>, demand: &Demand<'_>) -> Result<Self, Exhausted> {
        let mut facts = session.gather(path, demand)?;
        facts.statuses = session.statuses(path, &facts);
        facts.is_exhausted = session.work.is_exhausted();
        facts.work = session.work.done();
        let concluded = conclude(&facts, demand);
        Ok(Self { facts, concluded })
    }

    /// No path verifies: the first one whose names fit, else as far as one leads.
    fn explain(longest: Vec<usize>, session: &mut Session<'s, 'a>, demand: &Demand<'_>) -> Self {
        let by_names = Paths::of(LEAF, Follow::Names, None, session).next(session).ok().flatten();
        let path = by_names.unwrap_or(FoundPath { certificates: longest, anchor: None });
        Self::of(&path, session, demand).unwrap_or_else(|Exhausted| Self::unfinished(&path, session, demand))
    }

    /// The work allowed for did not suffice for this one.
    fn unfinished(path: &FoundPath, session: &Session<'s, 'a>, demand: &Demand<'_>) -> Self {
        let facts = session.ungathered(path);
        let concluded = conclude(&facts, demand);
        Self { facts, concluded }
    }
}

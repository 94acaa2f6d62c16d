//! Every check of a path: an explicit, ordered list, as [`CHECKS`](crate::CHECKS) is for the JPKI's judgement. Evidence
//! holds positions (0 is the certificate in question), counts, algorithms and dates, and no names or serial numbers.
//!
//! A broken rule of RFC 5280 6.1 or of the demand is a CHAIN_CONSTRAINTS_FAILURE (EN 319 102-1 5.2.6.4), a signature
//! that does not verify a CERTIFICATE_CHAIN_GENERAL_FAILURE.

mod constraints;
mod revocation;

pub(super) use self::revocation::is_unknown_accepted;

use musubi_kernel::UnixTime;

use self::constraints::{
    basic_constraints, critical_extensions, extended_key_usage, key_usage, name_constraints, names, policies,
    server_name,
};
use self::revocation::{revocation_available, revocation_freshness, revocation_status};
use super::algorithms;
use super::build::Edge;
use super::facts::{Demand, PathFacts};
use crate::checks::{Conclusion, Finding, Precedence, key_name};
use crate::indication::SubIndication;
use crate::policy::RevocationMode;
use crate::reasons::ReasonCode;
use crate::verdict::{CheckResult, Outcome};

/// One check of a path.
pub struct PathCheck {
    id: &'static str,
    citation: &'static str,
    precedence: Precedence,
    run: fn(&PathFacts<'_, '_>, &Demand<'_>) -> Finding,
}

impl PathCheck {
    /// The dotted id.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The clause that asks for it.
    #[must_use]
    pub fn citation(&self) -> &'static str {
        self.citation
    }

    /// Where its failure stands among several.
    #[must_use]
    pub fn precedence(&self) -> Precedence {
        self.precedence
    }

    /// Only what was not asked for.
    fn may_be_skipped(&self, demand: &Demand<'_>) -> bool {
        match self.id {
            SERVER_NAME => demand.purpose.server_name.is_none(),
            _ => self.is_of_revocation() && demand.policy.revocation == RevocationMode::Off,
        }
    }

    fn is_of_revocation(&self) -> bool {
        matches!(self.id, AVAILABLE | FRESHNESS | STATUS)
    }
}

const SERVER_NAME: &str = "path.server_name";
const AVAILABLE: &str = "revocation.available";
const FRESHNESS: &str = "revocation.freshness";
const STATUS: &str = "revocation.status";

macro_rules! checks {
    ($($id:expr, $precedence:ident, $run:ident, $citation:literal;)*) => {
        &[$(PathCheck { id: $id, citation: $citation, precedence: Precedence::$precedence, run: $run }),*]
    };
}

/// The checks in the order in which a verdict lists them.
pub const PATH_CHECKS: &[PathCheck] = checks! {
    "certificate.format", Format, format, "RFC 5280 4.1; X.690 10 (DER)";
    "path.budget", Chain, budget, "RFC 4158 5; RFC 9618 3";
    "path.found", Chain, found, "RFC 5280 6.1; RFC 4158; EN 319 102-1 5.2.6.4";
    "path.signatures", Chain, signatures, "RFC 5280 6.1.3 (a)(1); EN 319 102-1 5.2.6.4";
    "path.anchor", Chain, anchor, "RFC 5280 6.1.1 (d); EN 319 102-1 5.2.6.4";
    "path.names", Profile, names, "RFC 5280 6.1.3 (a)(4), 7.1";
    "path.critical_extensions", Profile, critical_extensions, "RFC 5280 4.2, 6.1.4 (o), 6.1.5 (f)";
    "path.basic_constraints", Profile, basic_constraints, "RFC 5280 4.2.1.9, 6.1.4 (k) to (m)";
    "path.key_usage", Profile, key_usage, "RFC 5280 4.2.1.3, 6.1.4 (n)";
    "path.extended_key_usage", Profile, extended_key_usage, "RFC 5280 4.2.1.12; RFC 3161 2.3";
    SERVER_NAME, Profile, server_name, "RFC 9525 6; RFC 6125 6.4";
    "path.policies", Profile, policies, "RFC 5280 6.1.3 (d) to (f), 6.1.4 (a), (b), 6.1.5 (g); RFC 9618 5";
    "path.name_constraints", Profile, name_constraints, "RFC 5280 4.2.1.10, 6.1.3 (b), (c), 6.1.4 (g)";
    "path.algorithms", Profile, algorithm_strength, "EN 319 102-1 5.2.8; TS 119 312";
    "path.validity", Validity, validity, "RFC 5280 6.1.3 (a)(2); EN 319 102-1 5.2.6.4, 5.3.4, 5.5.4";
    AVAILABLE, Freshness, revocation_available, "RFC 5280 6.1.3 (a)(3), 6.3.3; RFC 6960 2.2";
    FRESHNESS, Freshness, revocation_freshness, "EN 319 102-1 5.2.5; RFC 5280 5.1.2.5; RFC 6960 4.2.2.1";
    STATUS, Revocation, revocation_status, "RFC 5280 6.3.3; RFC 6960 2.2; EN 319 102-1 5.2.6.4, 5.5.4";
};

/// The check of the form of the certificate in question.
pub(super) const FORMAT: (&str, &str) = ("certificate.format", "RFC 5280 4.1; X.690 10 (DER)");

/// What all checks come to.
pub(super) struct Concluded {
    pub(super) conclusion: Option<Conclusion>,
    /// The greater, the closer to passing.
    pub(super) closeness: (u8, usize),
    pub(super) results: Vec<CheckResult>,
}

/// Runs every check.
pub(super) fn conclude(facts: &PathFacts<'_, '_>, demand: &Demand<'_>) -> Concluded {
    let mut worst: Option<(u8, Conclusion)> = None;
    let mut kept: usize = 0;
    let mut results = Vec::with_capacity(PATH_CHECKS.len());
    for check in PATH_CHECKS {
        let finding = (check.run)(facts, demand);
        match conclusion_of(check, demand, &finding) {
            None => kept = kept.saturating_add(1),
            Some(conclusion) => {
                let rank = check.precedence as u8;
                if worst.is_none_or(|(other, _)| rank < other) {
                    worst = Some((rank, conclusion));
                }
            }
        }
        results.push(CheckResult::new(check.id, check.citation, finding.outcome).with_all(finding.evidence));
    }
    let closeness = (worst.map_or(u8::MAX, |(rank, _)| rank), kept);
    Concluded { conclusion: worst.map(|(_, conclusion)| conclusion), closeness, results }
}

/// Whether everything but revocation is in order.
pub(super) fn all_but_revocation_pass(facts: &PathFacts<'_, '_>, demand: &Demand<'_>) -> bool {
    PATH_CHECKS
        .iter()
        .filter(|check| !check.is_of_revocation())
        .all(|check| conclusion_of(check, demand, &(check.run)(facts, demand)).is_none())
}

/// A check that neither passed nor may be skipped always has a conclusion, so that nothing passes by omission.
fn conclusion_of(check: &PathCheck, demand: &Demand<'_>, finding: &Finding) -> Option<Conclusion> {
    let omitted = (SubIndication::CertificateChainGeneralFailure, ReasonCode::CertificateUntrusted);
    match finding.outcome {
        Outcome::Passed => None,
        Outcome::Skipped if check.may_be_skipped(demand) => None,
        Outcome::Failed | Outcome::Inconclusive | Outcome::Skipped => {
            Some(finding.conclusion.unwrap_or(omitted))
        }
    }
}

/// A broken rule of path validation or of the demand.
fn broken(what: &'static str, position: usize) -> Finding {
    Finding::failed(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateConstraints)
        .with("fault", what)
        .with("position", position)
}

/// The form of the certificate in question; if it could not be read, no path was looked for.
fn format(facts: &PathFacts<'_, '_>, _: &Demand<'_>) -> Finding {
    match facts.leaf() {
        Some(leaf) => Finding::passed().with("bytes", leaf.der.len()),
        None => Finding::failed(SubIndication::FormatFailure, ReasonCode::CertificateMalformed),
    }
}

/// What was not looked at may have passed, so this is no failure of the certificate.
fn budget(facts: &PathFacts<'_, '_>, _: &Demand<'_>) -> Finding {
    Finding::rule(!facts.is_exhausted, SubIndication::CertificateChainGeneralFailure, ReasonCode::TooComplex)
        .with("signature_checks", facts.work.signature_checks)
        .with("candidates", facts.work.candidates)
        .with("policy_and_name_steps", facts.work.policy_and_name_steps)
}

fn found(facts: &PathFacts<'_, '_>, _: &Demand<'_>) -> Finding {
    Finding::rule(
        facts.anchor.is_some(),
        SubIndication::NoCertificateChainFound,
        ReasonCode::CertificateUntrusted,
    )
    .with("length", facts.certificates.len())
    .with("candidates", facts.candidates)
}

fn signatures(facts: &PathFacts<'_, '_>, _: &Demand<'_>) -> Finding {
    if facts.anchor.is_none() || facts.edges.len() != facts.certificates.len() {
        return Finding::skipped();
    }
    for (position, edge) in facts.edges.iter().enumerate() {
        let (sub, reason) = match edge {
            Edge::Verified => continue,
            Edge::Unverifiable => {
                (SubIndication::CryptoConstraintsFailure, ReasonCode::CertificateWeakAlgorithm)
            }
            Edge::Bad => (SubIndication::CertificateChainGeneralFailure, ReasonCode::CertificateUntrusted),
        };
        return Finding::failed(sub, reason).with("position", facts.place_of(position));
    }
    Finding::passed()
}

/// Whether the anchor is meant to issue certificates, and was trusted at the time.
fn anchor(facts: &PathFacts<'_, '_>, demand: &Demand<'_>) -> Finding {
    let Some(anchor) = facts.anchor else { return Finding::skipped() };
    let (from, to) = (anchor.not_before, anchor.not_after);
    let finding = if !anchor.is_authority {
        broken("not_an_authority", facts.certificates.len())
    } else if is_valid(from, to, demand) {
        Finding::passed()
    } else if demand.times.control() < from {
        Finding::failed(SubIndication::NoCertificateChainFound, ReasonCode::CertificateUntrusted)
    } else {
        Finding::failed(SubIndication::NoCertificateChainFoundNoPoe, ReasonCode::CertificateUntrusted)
    };
    finding.with("not_before", from).with("not_after", to)
}

/// Every key and every signature of the path; the anchor's key, but not the signature on its own certificate.
fn algorithm_strength(facts: &PathFacts<'_, '_>, demand: &Demand<'_>) -> Finding {
    let weak = |sub, what: &'static str, position: usize| {
        Finding::failed(sub, ReasonCode::CertificateWeakAlgorithm)
            .with("fault", what)
            .with("position", position)
    };
    for (position, certificate) in facts.certificates.iter().enumerate() {
        if let Err(weakness) = algorithms::check(certificate, demand.policy, demand.times) {
            let sub = match weakness {
                algorithms::Weakness::Sha1WithoutProof => SubIndication::CryptoConstraintsFailureNoPoe,
                _ => SubIndication::CryptoConstraintsFailure,
            };
            let finding = weak(sub, weakness.as_str(), facts.place_of(position));
            return match (weakness, &certificate.public_key) {
                (algorithms::Weakness::Algorithm(id), _) => finding.with("algorithm", id.to_string()),
                (algorithms::Weakness::Key, Ok(key)) => finding.with("key", key_name(key.strength())),
                _ => finding,
            };
        }
    }
    let is_strong = |anchor: &super::PathAnchor| {
        anchor.key.as_ref().is_ok_and(|key| algorithms::is_key_accepted(key, demand.policy))
    };
    match facts.anchor {
        Some(anchor) if !is_strong(anchor) => {
            weak(SubIndication::CryptoConstraintsFailure, "key", facts.certificates.len())
        }
        _ => Finding::passed().with("min_rsa_bits", demand.policy.min_rsa_bits.max(2048)),
    }
}

fn is_valid(from: UnixTime, to: UnixTime, demand: &Demand<'_>) -> bool {
    [Some(demand.times.control()), demand.or_valid_at].into_iter().flatten().any(|at| from <= at && at <= to)
}

/// Validity at the control time. An authority's period that has not begun makes the path fail; the certificate in
/// question was then certainly used before its time. What has ended may have been used before it did, unless the
/// signature cannot be older.
fn validity(facts: &PathFacts<'_, '_>, demand: &Demand<'_>) -> Finding {
    let control = demand.times.control();
    for (position, certificate) in facts.certificates.iter().enumerate() {
        let (from, to) = (certificate.not_before, certificate.not_after);
        if is_valid(from, to, demand) {
            continue;
        }
        let is_leaf = position + 1 == facts.certificates.len();
        let not_signed_in_time = demand.times.not_signed_before.is_some_and(|bound| bound > to);
        let (sub, reason) = if control < from || to < from {
            let sub = if is_leaf && control < from {
                SubIndication::NotYetValid
            } else {
                SubIndication::CertificateChainGeneralFailure
            };
            (sub, ReasonCode::CertificateNotYetValid)
        } else if is_leaf && not_signed_in_time {
            (SubIndication::Expired, ReasonCode::CertificateExpired)
        } else {
            (SubIndication::OutOfBoundsNoPoe, ReasonCode::CertificateExpired)
        };
        let finding = Finding::failed(sub, reason).with("position", facts.place_of(position));
        // The dates of a person's certificate are no evidence to be shown: the last one may be a birthday.
        return if is_leaf { finding } else { finding.with("not_before", from).with("not_after", to) };
    }
    Finding::rule(
        !facts.certificates.is_empty(),
        SubIndication::CertificateChainGeneralFailure,
        ReasonCode::CertificateMalformed,
    )
    .with("at", control)
}

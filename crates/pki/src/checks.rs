//! Every check of a judgement: an explicit, ordered list. Each has an id, the clause that asks for it, its
//! precedence among failures, and a function from the facts to a finding. Evidence holds no personal data and
//! no serial number.

mod certificate;
mod chain;
mod revocation;
mod signature;

use std::borrow::Cow;

use musubi_crypto::{KeyStrength, SignatureAlgorithm};
use musubi_kernel::UnixTime;

use self::certificate::{
    algorithm_strength, certificate_critical_extensions, certificate_extended_key_usage, certificate_format,
    certificate_key_usage, certificate_kind, certificate_not_a_ca, certificate_policy, certificate_profile,
    certificate_validity,
};
use self::chain::{certificate_environment, chain_issuer, chain_signature, issuer_validity};
use self::revocation::{revocation_freshness, revocation_list_available, revocation_status};
use self::signature::{document_digest, signature_value};
use crate::certificate::UnverifiedCertificate;
use crate::facts::Facts;
use crate::indication::SubIndication;
use crate::presence::{
    enrolment as presence_enrolment, key_strength as presence_key_strength,
    signature_value as presence_signature_value,
};
use crate::reasons::ReasonCode;
use crate::verdict::{EvidenceValue, Outcome};

/// Which failure a verdict carries if there are several: the first in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precedence {
    /// It is no certificate.
    Format,
    /// No trusted authority of this environment issued it.
    Chain,
    /// It is not the kind of certificate that was asked for, or departs from its profile.
    Profile,
    /// The signature or the digest is wrong.
    Signature,
    /// It is out of its validity period.
    Validity,
    /// It is revoked.
    Revocation,
    /// Nothing recent is known about its revocation.
    Freshness,
}

pub(crate) type Conclusion = (SubIndication, ReasonCode);

/// What a check found.
pub(crate) struct Finding {
    pub(crate) outcome: Outcome,
    pub(crate) conclusion: Option<Conclusion>,
    pub(crate) evidence: Vec<(Cow<'static, str>, EvidenceValue)>,
}

impl Finding {
    pub(crate) fn new(outcome: Outcome, conclusion: Option<Conclusion>) -> Self {
        Self { outcome, conclusion, evidence: Vec::new() }
    }

    pub(crate) fn passed() -> Self {
        Self::new(Outcome::Passed, None)
    }

    pub(crate) fn skipped() -> Self {
        Self::new(Outcome::Skipped, None)
    }

    pub(crate) fn failed(sub_indication: SubIndication, reason: ReasonCode) -> Self {
        Self::new(Outcome::Failed, Some((sub_indication, reason)))
    }

    /// Not known now: TRY_LATER.
    pub(crate) fn inconclusive(reason: ReasonCode) -> Self {
        Self::new(Outcome::Inconclusive, Some((SubIndication::TryLater, reason)))
    }

    /// Failed with this conclusion unless `kept`.
    pub(crate) fn rule(kept: bool, sub_indication: SubIndication, reason: ReasonCode) -> Self {
        if kept { Self::passed() } else { Self::failed(sub_indication, reason) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<EvidenceValue>) -> Self {
        self.evidence.push((Cow::Borrowed(name), value.into()));
        self
    }
}

/// One check.
pub struct Check {
    id: &'static str,
    citation: &'static str,
    precedence: Precedence,
    run: fn(&Facts<'_>) -> Finding,
}

impl Check {
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

    pub(crate) fn run(&self, facts: &Facts<'_>) -> Finding {
        (self.run)(facts)
    }

    /// Only the digest, where the caller fixed none.
    pub(crate) fn may_be_skipped(&self) -> bool {
        self.id == DOCUMENT_DIGEST
    }
}

const DOCUMENT_DIGEST: &str = "document.digest";
const SIGNATURE_VALUE: &str = "signature.value";

macro_rules! checks {
    ($($id:expr, $precedence:ident, $run:ident, $citation:literal;)*) => {
        &[$(Check { id: $id, citation: $citation, precedence: Precedence::$precedence, run: $run }),*]
    };
}

/// The checks in the order in which a verdict lists them.
pub const CHECKS: &[Check] = checks! {
    "certificate.format", Format, certificate_format, "RFC 5280 4.1; X.690 10 (DER)";
    "certificate.environment", Chain, certificate_environment, "JPKI certificate profile: issuer and certificatePolicies";
    "chain.issuer", Chain, chain_issuer, "RFC 5280 6.1.3 (a)(4), 4.2.1.1; EN 319 102-1 5.2.6";
    "chain.signature", Chain, chain_signature, "RFC 5280 6.1.3 (a)(1); EN 319 102-1 5.2.6";
    "certificate.kind", Profile, certificate_kind, "JPKI Act art. 3, art. 22; JPKI certificate profile: certificatePolicies";
    "certificate.not_a_ca", Profile, certificate_not_a_ca, "RFC 5280 4.2.1.9";
    "certificate.key_usage", Profile, certificate_key_usage, "RFC 5280 4.2.1.3; JPKI certificate profile: keyUsage";
    "certificate.extended_key_usage", Profile, certificate_extended_key_usage, "RFC 5280 4.2.1.12; JPKI certificate profile: extKeyUsage";
    "certificate.policy", Profile, certificate_policy, "RFC 5280 4.2.1.4, 6.1.3 (d); JPKI certificate profile: certificatePolicies";
    "certificate.profile", Profile, certificate_profile, "JPKI certificate profile: subjectAltName, cRLDistributionPoints, key identifiers";
    "certificate.critical_extensions", Profile, certificate_critical_extensions, "RFC 5280 4.2, 6.1.4 (o)";
    "algorithm.strength", Profile, algorithm_strength, "EN 319 102-1 5.2.8; JPKI Act enforcement rules art. 2";
    "certificate.validity", Validity, certificate_validity, "RFC 5280 6.1.3 (a)(2); EN 319 102-1 5.3.4, 5.5.4";
    "issuer.validity", Validity, issuer_validity, "RFC 5280 6.1.3 (a)(2); EN 319 102-1 5.2.6";
    "revocation.list_available", Freshness, revocation_list_available, "JPKI Act art. 18, art. 37; RFC 5280 6.3.3";
    "revocation.freshness", Freshness, revocation_freshness, "EN 319 102-1 5.2.5; RFC 5280 5.1.2.5";
    "revocation.status", Revocation, revocation_status, "JPKI Act art. 19 (1), art. 38 (1); EN 319 102-1 5.2.6, 5.5.4; RFC 5280 6.3.3";
    DOCUMENT_DIGEST, Signature, document_digest, "EN 319 102-1 5.2.7";
    SIGNATURE_VALUE, Signature, signature_value, "EN 319 102-1 5.2.7; RFC 8017 8.2.2";
};

/// The checks of presence without PIN that take the place of the holder's signature. Their ids are none of [`CHECKS`], so
/// that who looks for `signature.value` does not find it in a verdict of presence.
pub const PRESENCE_CHECKS: &[Check] = checks! {
    "presence.enrolment", Signature, presence_enrolment, "JPKI Act art. 38-4 (after an authentication with PIN); docs/adr/0018-presence-without-pin.md";
    "presence.key_strength", Signature, presence_key_strength, "EN 319 102-1 5.2.8";
    "presence.signature_value", Signature, presence_signature_value, "docs/spec/card-request.md: prove_presence; RFC 8017 8.2.2";
};

/// The checks of a presence, in the order in which its verdict lists them.
pub(crate) fn presence_checks() -> impl Iterator<Item = &'static Check> {
    let of_the_holder = [DOCUMENT_DIGEST, SIGNATURE_VALUE];
    CHECKS.iter().filter(move |check| !of_the_holder.contains(&check.id)).chain(PRESENCE_CHECKS)
}

/// Runs a check that needs a certificate.
fn on_certificate(facts: &Facts<'_>, check: impl FnOnce(&UnverifiedCertificate<'_>) -> Finding) -> Finding {
    facts.certificate.as_ref().map_or_else(|_| Finding::skipped(), check)
}

/// The validity period of the certificate or of its issuer's (EN 319 102-1 5.5.4 for `not_signed_before`).
fn validity(facts: &Facts<'_>, from: UnixTime, to: UnixTime, not_yet: SubIndication) -> Finding {
    if facts.at < from {
        Finding::failed(not_yet, ReasonCode::CertificateNotYetValid)
    } else if facts.at <= to {
        Finding::passed()
    } else if facts.policy.not_signed_before.is_some_and(|bound| bound > to) {
        Finding::failed(SubIndication::Expired, ReasonCode::CertificateExpired)
    } else {
        // A list drops its entries when they expire, so it cannot be told whether it was revoked.
        Finding::failed(SubIndication::OutOfBoundsNoPoe, ReasonCode::CertificateExpired)
    }
}

fn algorithm_name(algorithm: SignatureAlgorithm) -> &'static str {
    algorithm.as_str()
}

/// RSA from this length on, with an odd exponent from 65537 on that fits 64 bits (a larger one only makes work); every
/// curve of the table.
pub(crate) fn is_strong(strength: KeyStrength, min_rsa_bits: u32) -> bool {
    match strength {
        KeyStrength::Rsa { bits, exponent } => {
            bits >= min_rsa_bits && exponent.is_some_and(|e| e >= 65_537 && e % 2 == 1)
        }
        KeyStrength::EcP256 | KeyStrength::EcP384 | KeyStrength::Ed25519 => true,
    }
}

pub(crate) fn key_name(strength: KeyStrength) -> Cow<'static, str> {
    match strength {
        // Nearly every key there is.
        KeyStrength::Rsa { bits: 2048, exponent: Some(65537) } => Cow::Borrowed("RSA 2048, e = 65537"),
        KeyStrength::Rsa { bits, exponent: Some(exponent) } => format!("RSA {bits}, e = {exponent}").into(),
        KeyStrength::Rsa { bits, exponent: None } => format!("RSA {bits}, e > 2^64").into(),
        KeyStrength::EcP256 => Cow::Borrowed("P-256"),
        KeyStrength::EcP384 => Cow::Borrowed("P-384"),
        KeyStrength::Ed25519 => Cow::Borrowed("Ed25519"),
    }
}

//! What the certificate itself must be: well-formed, of the kind asked for, in its validity period, strong.

use std::borrow::Cow;

use const_oid::ObjectIdentifier;

use super::{Finding, algorithm_name, is_strong, key_name, on_certificate, validity};
use crate::certificate::UnusableKey;
use crate::facts::Facts;
use crate::indication::SubIndication;
use crate::key::AuthorityKind;
use crate::oid;
use crate::profile::{key_usage, policy_oid};
use crate::reasons::ReasonCode;

pub(super) fn certificate_format(facts: &Facts<'_>) -> Finding {
    match &facts.certificate {
        Ok(_) => Finding::passed().with("bytes", facts.evidence.certificate.len()),
        Err(error) => Finding::failed(SubIndication::FormatFailure, ReasonCode::CertificateMalformed)
            .with("fault", error.to_string()),
    }
}

/// By its policy, and by the authority that issued it.
pub(super) fn certificate_kind(facts: &Facts<'_>) -> Finding {
    on_certificate(facts, |certificate| {
        let expected = facts.evidence.expected_kind;
        let by_policy = certificate.claimed_profile().map(|(kind, _)| kind);
        let by_issuer = facts.issuing_anchor().map(|anchor| anchor.kind());
        let kept = by_policy == Some(expected) && by_issuer.is_none_or(|kind| kind == expected);
        Finding::rule(kept, SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind)
            .with("expected", expected.as_str())
            .with("policy", by_policy.map_or("unknown", |kind| kind.as_str()))
            .with("issuer", by_issuer.map_or("unknown", |kind| kind.as_str()))
    })
}

pub(super) fn certificate_not_a_ca(facts: &Facts<'_>) -> Finding {
    on_certificate(facts, |certificate| {
        let kept = !certificate.extensions.is_ca;
        Finding::rule(kept, SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind)
    })
}

pub(super) fn certificate_key_usage(facts: &Facts<'_>) -> Finding {
    on_certificate(facts, |certificate| {
        let usage = certificate.extensions.key_usage;
        let kept = usage == Some(key_usage(facts.evidence.expected_kind));
        Finding::rule(kept, SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind)
            .with("key_usage", usage.map_or(Cow::Borrowed("absent"), usage_text))
    })
}

pub(super) fn certificate_extended_key_usage(facts: &Facts<'_>) -> Finding {
    on_certificate(facts, |certificate| {
        let usage = certificate.extensions.extended_key_usage.as_deref();
        let kept = match facts.evidence.expected_kind {
            AuthorityKind::DigitalSignature => usage.is_none(),
            AuthorityKind::UserAuthentication => usage == Some(&[oid::CLIENT_AUTH]),
        };
        Finding::rule(kept, SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind)
            .with("extended_key_usage", usage.map_or(Cow::Borrowed("absent"), list))
    })
}

pub(super) fn certificate_policy(facts: &Facts<'_>) -> Finding {
    on_certificate(facts, |certificate| {
        let expected = policy_oid(facts.evidence.expected_kind, facts.anchors.environment());
        let policies = certificate.extensions.policies.as_deref();
        let kept = policies == Some(&[expected]);
        Finding::rule(kept, SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind)
            .with("expected", oid::text(expected))
            .with("found", policies.map_or(Cow::Borrowed("absent"), list))
    })
}

pub(super) fn certificate_profile(facts: &Facts<'_>) -> Finding {
    on_certificate(facts, |certificate| {
        let attributes = facts.attributes.as_ref().and_then(|a| a.as_ref().err().copied());
        match certificate.check_profile().err().or(attributes) {
            None => Finding::passed(),
            Some(fault) => {
                Finding::failed(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateMalformed)
                    .with("fault", fault.as_str())
            }
        }
    })
}

pub(super) fn certificate_critical_extensions(facts: &Facts<'_>) -> Finding {
    on_certificate(facts, |certificate| match certificate.extensions.unknown_critical.as_slice() {
        [] => Finding::passed(),
        unknown => {
            Finding::failed(SubIndication::CertificateChainGeneralFailure, ReasonCode::CertificateMalformed)
                .with("unknown", list(unknown))
        }
    })
}

pub(super) fn certificate_validity(facts: &Facts<'_>) -> Finding {
    on_certificate(facts, |certificate| {
        let (from, to) = (certificate.not_before(), certificate.not_after());
        // The signature existed when it was judged, so it was made before the validity period. The dates are no
        // evidence to be shown: the last one is a birthday of the holder, and both together tell relying parties
        // that compare them that two pairwise ids are one person.
        validity(facts, from, to, SubIndication::NotYetValid)
    })
}

pub(super) fn algorithm_strength(facts: &Facts<'_>) -> Finding {
    on_certificate(facts, |certificate| {
        let strong = |strength| is_strong(strength, facts.policy.min_rsa_bits);
        let issuer = facts.issuing_anchor().map(|anchor| anchor.public_key().strength());
        let (key_kept, key) = match certificate.public_key() {
            Ok(key) => (strong(key.strength()), key_name(key.strength())),
            Err(UnusableKey::Unsupported(oid)) => (false, oid.to_string().into()),
            Err(UnusableKey::RsaBits(bits)) => (false, format!("RSA {bits}").into()),
        };
        let signed = certificate.signature_algorithm();
        let kept = key_kept && issuer.is_none_or(strong) && signed.is_ok();
        Finding::rule(kept, SubIndication::CryptoConstraintsFailure, ReasonCode::CertificateWeakAlgorithm)
            .with("key", key)
            .with("issuer_key", issuer.map_or(Cow::Borrowed("unknown"), key_name))
            .with(
                "signed_with",
                signed.map_or_else(|oid| Cow::Owned(oid.to_string()), |a| Cow::Borrowed(algorithm_name(a))),
            )
            .with("min_rsa_bits", facts.policy.min_rsa_bits)
    })
}

fn list(oids: &[ObjectIdentifier]) -> Cow<'static, str> {
    match oids {
        [one] => oid::text(*one),
        several => several.iter().map(ObjectIdentifier::to_string).collect::<Vec<_>>().join(" ").into(),
    }
}

/// `keyUsage` in hex: number of unused bits, then the bits.
fn usage_text(usage: &[u8]) -> Cow<'static, str> {
    match usage {
        [0x06, 0xC0] => Cow::Borrowed("06c0"),
        [0x07, 0x80] => Cow::Borrowed("0780"),
        other => hex::encode(other).into(),
    }
}

//! Whether an authority that is trusted in this environment issued the certificate.

use const_oid::ObjectIdentifier;

use super::{Finding, algorithm_name, on_certificate, validity};
use crate::anchors::Issuer;
use crate::facts::Facts;
use crate::indication::SubIndication;
use crate::reasons::ReasonCode;

/// Test certificates never pass in production, nor real ones in a test.
pub(super) fn certificate_environment(facts: &Facts<'_>) -> Finding {
    on_certificate(facts, |certificate| {
        let ours = facts.anchors.environment();
        let by_issuer = certificate.claimed_environment();
        let by_policy = certificate.claimed_profile().map(|(_, environment)| environment);
        let kept = by_issuer == Some(ours) && by_policy.is_none_or(|environment| environment == ours);
        Finding::rule(kept, SubIndication::ChainConstraintsFailure, ReasonCode::CertificateOtherAuthority)
            .with("accepted", ours.as_str())
            .with("issuer", by_issuer.map_or("unknown", |e| e.as_str()))
            .with("policy", by_policy.map_or("unknown", |e| e.as_str()))
    })
}

/// Which generation of an authority issued it, by name and key identifier.
pub(super) fn chain_issuer(facts: &Facts<'_>) -> Finding {
    let fail = |fault: &'static str| {
        Finding::failed(SubIndication::NoCertificateChainFound, ReasonCode::CertificateOtherAuthority)
            .with("fault", fault)
    };
    match facts.issuer {
        None => Finding::skipped(),
        Some(Issuer::UnknownName) => fail("unknown_name"),
        Some(Issuer::UnknownKey) => fail("unknown_key"),
        Some(Issuer::BadSignature) => Finding::passed(),
        Some(Issuer::Found(anchor)) => {
            Finding::passed().with("authority", anchor.kind().as_str()).with("key_id", anchor.key_id())
        }
    }
}

/// Whether that generation signed it.
pub(super) fn chain_signature(facts: &Facts<'_>) -> Finding {
    on_certificate(facts, |certificate| match (facts.issuer, certificate.signature_algorithm()) {
        (Some(Issuer::Found(_)), Ok(algorithm)) => {
            Finding::passed().with("algorithm", algorithm_name(algorithm))
        }
        (Some(Issuer::BadSignature), Ok(algorithm)) => Finding::failed(
            SubIndication::CertificateChainGeneralFailure,
            ReasonCode::CertificateOtherAuthority,
        )
        .with("algorithm", algorithm_name(algorithm)),
        (Some(Issuer::BadSignature | Issuer::Found(_)), Err(oid)) => weak(oid),
        (Some(Issuer::UnknownName | Issuer::UnknownKey) | None, _) => Finding::skipped(),
    })
}

pub(super) fn issuer_validity(facts: &Facts<'_>) -> Finding {
    facts.issuing_anchor().map_or_else(Finding::skipped, |anchor| {
        let (from, to) = (anchor.not_before(), anchor.not_after());
        validity(facts, from, to, SubIndication::CertificateChainGeneralFailure)
            .with("not_before", from)
            .with("not_after", to)
    })
}

fn weak(oid: ObjectIdentifier) -> Finding {
    Finding::failed(SubIndication::CryptoConstraintsFailure, ReasonCode::CertificateWeakAlgorithm)
        .with("algorithm", oid.to_string())
}

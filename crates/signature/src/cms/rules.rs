//! How the rules of CMS and time-stamps are reported.

use musubi_pki::{CheckResult, ReasonCode, SubIndication};

pub(crate) use crate::model::Rule;

/// What a verdict becomes.
pub(crate) type OnFailure = (SubIndication, ReasonCode);

/// The structure is not what the standard says.
pub(crate) const FORMAT: OnFailure = (SubIndication::FormatFailure, ReasonCode::SignatureMalformed);
/// The content is not what was signed.
pub(crate) const HASH: OnFailure = (SubIndication::HashFailure, ReasonCode::SignatureTampered);
/// Something was put in the place of what the signer used.
pub(crate) const SUBSTITUTED: OnFailure = (SubIndication::FormatFailure, ReasonCode::SignatureTampered);
/// The certificate is not the one that the signer used.
pub(crate) const OTHER_CERTIFICATE: OnFailure =
    (SubIndication::NoSigningCertificateFound, ReasonCode::SignatureTampered);
/// An algorithm that is not known.
pub(crate) const WEAK: OnFailure =
    (SubIndication::CryptoConstraintsFailure, ReasonCode::CertificateWeakAlgorithm);
/// The signer's certificate is not there, or cannot be told.
pub(crate) const NO_CERTIFICATE: OnFailure =
    (SubIndication::NoSigningCertificateFound, ReasonCode::CertificateUntrusted);

/// A rule that is kept. What would follow if it were not is of no interest then.
pub(crate) fn kept(result: CheckResult) -> Rule {
    Rule { result, on_failure: FORMAT }
}

/// A rule that is broken.
pub(crate) fn broken(result: CheckResult, on_failure: OnFailure) -> Rule {
    Rule { result, on_failure }
}

/// A rule that is kept unless there is a problem, which is named in the evidence.
pub(crate) fn unless(
    problem: Option<&'static str>,
    id: &'static str,
    citation: &'static str,
    on_failure: OnFailure,
) -> Rule {
    match problem {
        None => kept(CheckResult::passed(id, citation)),
        Some(problem) => broken(CheckResult::failed(id, citation).with("problem", problem), on_failure),
    }
}

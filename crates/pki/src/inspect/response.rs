//! An OCSP response.

use der::Tag;

use super::report::{Report, Value, field};
use super::{InspectError, certificate, names};
use crate::asn1::{Malformed, constructed, whole};
use crate::path::Unusable;
use crate::path::ocsp::{CertStatus, Responder, Response, SingleResponse, nonce};

/// Answers that are told of; all are counted.
const MAX_ANSWERS: usize = 10;

pub(super) fn report(der: &[u8]) -> Result<Report, InspectError> {
    let response = match Response::parse(der) {
        Ok(response) => response,
        // Nobody signed that, but it is what the responder said.
        Err(Unusable::SaysUnknown) => return refusal(der).map_err(|Malformed| InspectError::Response),
        Err(_) => return Err(InspectError::Response),
    };
    let responder = match response.responder {
        Responder::Name(name) => names::name(name),
        Responder::KeyHash(hash) => Value::Text(format!("key with SHA-1 {}", hex::encode(hash))),
    };
    let answers: Vec<_> = response.answers.iter().take(MAX_ANSWERS).map(answer).collect();
    let mut fields = vec![
        field("response_status", "Response status (応答状態)", "successful"),
        field("responder", "Responder (応答者)", responder),
        field("produced_at", "Produced (作成日時)", response.produced_at),
        field(
            "signature_algorithm",
            "Signature algorithm (署名アルゴリズム)",
            certificate::algorithm(response.signature_algorithm),
        ),
    ];
    fields.extend(nonce(&response).map(|nonce| field("nonce", "Nonce (ナンス)", hex::encode(nonce))));
    let count = u64::try_from(response.answers.len()).unwrap_or(u64::MAX);
    fields.push(field("answer_count", "Answers (回答)", count));
    fields.push(field("answers", "The first of them", Value::List(answers)));
    if !response.certificates.is_empty() {
        let told = response.certificates.iter().map(|certificate| {
            Value::Fields(vec![
                field("subject", "Subject (主体者)", names::name(certificate.subject)),
                field("issuer", "Issuer (発行者)", names::name(certificate.issuer)),
                field("serial_number", "Serial number (シリアル番号)", names::serial(certificate.serial)),
                field("not_after", "Valid until (有効期間の終了)", certificate.not_after),
            ])
        });
        fields.push(field("certificates", "Certificates in it (同梱の証明書)", Value::List(told.collect())));
    }
    fields.push(certificate::fingerprints(der));
    Ok(Report { kind: "ocsp_response", title: "OCSP response (OCSPレスポンス)", fields })
}

/// A response without an answer (RFC 6960 4.2.1).
fn refusal(der: &[u8]) -> Result<Report, Malformed> {
    let status = whole(der, |outer| {
        outer.inside(Tag::Sequence, |parts| {
            let status = parts.element(Tag::Enumerated)?.value;
            parts.optional(constructed(0))?;
            Ok::<_, Malformed>(status)
        })
    })?;
    let name = match status {
        [1] => "malformedRequest",
        [2] => "internalError",
        [3] => "tryLater",
        [5] => "sigRequired",
        [6] => "unauthorized",
        _ => return Err(Malformed),
    };
    let fields = vec![field("response_status", "Response status (応答状態)", name)];
    Ok(Report {
        kind: "ocsp_response", title: "OCSP response without an answer (OCSPレスポンス)", fields
    })
}

fn answer(answer: &SingleResponse<'_>) -> Value {
    let digest = answer.id.digest.map_or_else(|id| id.to_string(), |known| known.as_str().to_owned());
    let mut fields = vec![
        field("serial_number", "Serial number (シリアル番号)", names::serial(answer.id.serial)),
        field(
            "issuer_key_hash",
            "Hash of the issuer's key",
            format!("{digest} {}", hex::encode(answer.id.issuer_key_hash)),
        ),
        field(
            "issuer_name_hash",
            "Hash of the issuer's name",
            format!("{digest} {}", hex::encode(answer.id.issuer_name_hash)),
        ),
    ];
    let status = match answer.status {
        CertStatus::Good => "good",
        CertStatus::Revoked { .. } => "revoked",
        CertStatus::Unknown => "unknown",
    };
    fields.push(field("status", "Status (状態)", status));
    if let CertStatus::Revoked { at, reason } = answer.status {
        fields.push(field("revoked_at", "Revoked (失効日時)", at));
        fields.push(field("reason", "Reason (失効理由)", reason.as_str()));
    }
    let next_update =
        answer.window.next_update.map_or_else(|| Value::from("not said (記載なし)"), Value::from);
    fields.push(field("this_update", "This update (今回更新日時)", answer.window.this_update));
    fields.push(field("next_update", "Next update (次回更新日時)", next_update));
    fields.extend(
        answer.archive_cutoff.map(|at| field("archive_cutoff", "Keeps expired certificates since", at)),
    );
    Value::Fields(fields)
}

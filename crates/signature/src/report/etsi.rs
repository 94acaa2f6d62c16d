//! The XML of a report, element by element in the order of the schema of TS 119 102-2 V1.3.1 (clause 4 and annex A).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use musubi_crypto::{Digest, DigestAlgorithm, Sha256Digest, SignatureAlgorithm};
use musubi_kernel::UnixTime;
use musubi_pki::{CheckResult, Indication, Outcome, SubIndication};

use super::xml::Writer;
use super::{
    Input, Policy, Process, ProofOfExistence, RevocationData, RevocationKind, Revoked, Signature, Status,
    Timestamp,
};
use crate::model::{Level, TimestampKind};

/// Identifiers of our own: checks, policies and what the standard has no name for.
const OURS: &str = "urn:x-musubi";

/// The report; `None` if there is no signature, since the schema demands one.
#[must_use]
pub fn etsi_xml(input: &Input<'_>) -> Option<String> {
    if input.signatures.is_empty() {
        return None;
    }
    let namespaces = [
        ("xmlns", "http://uri.etsi.org/19102/v1.2.1#"),
        ("xmlns:ds", "http://www.w3.org/2000/09/xmldsig#"),
        ("xmlns:xades", "http://uri.etsi.org/01903/v1.3.2#"),
    ];
    let mut objects = Objects::default();
    let mut xml = Writer::new();
    xml.element("ValidationReport", &namespaces, |xml| {
        for (index, signature) in input.signatures.iter().enumerate() {
            let id = signature_id(input.signatures, index);
            xml.element("SignatureValidationReport", &[], |xml| {
                signature_report(xml, input, signature, &id, &mut objects);
            });
        }
        validation_objects(xml, &objects);
    });
    Some(xml.finish())
}

/// Unique in the report, also where a signature was copied.
fn signature_id(signatures: &[Signature<'_>], index: usize) -> String {
    let value = signatures.get(index).map(|s| s.value).unwrap_or_default();
    let before = signatures.iter().take(index).filter(|s| s.value == value).count();
    let hex = hex::encode(value);
    if before == 0 { format!("S-{hex}") } else { format!("S-{hex}-{}", before + 1) }
}

/// `SignatureValidationReport` (4.3).
fn signature_report(
    xml: &mut Writer,
    input: &Input<'_>,
    signature: &Signature<'_>,
    id: &str,
    objects: &mut Objects,
) {
    xml.element("SignatureIdentifier", &[("id", id)], |xml| {
        if let Some(signed) = &signature.signed {
            digest(xml, signed);
        }
        xml.text("HashOnly", &[], "false");
        xml.text("DocHashOnly", &[], if signature.content_by_digest { "true" } else { "false" });
    });
    xml.element("ValidationConstraintsEvaluationReport", &[], |xml| {
        policy(xml, &input.policy);
        signature.checks.iter().for_each(|check| constraint(xml, check));
    });
    xml.element("ValidationTimeInfo", &[], |xml| {
        xml.text("ValidationTime", &[], &clamped(input.validated_at));
        xml.element("BestSignatureTime", &[], |xml| proof(xml, signature.best_signature_time, objects));
    });
    if let Some(document) = &input.document {
        xml.element("SignersDocument", &[], |xml| digest(xml, document));
    }
    attributes(xml, signature, objects);
    if let Some(path) = &signature.path {
        xml.element("SignerInformation", &[], |xml| {
            reference(xml, "SignerCertificate", &objects.certificate(path.signer));
        });
    }
    xml.element("SignatureValidationProcess", &[], |xml| {
        let process = match signature.process {
            Process::Basic => "Basic",
            Process::LongTermMaterial => "LTVM",
            Process::LongTermAvailability => "LTA",
        };
        let process = format!("urn:etsi:019102:validationprocess:{process}");
        xml.text("SignatureValidationProcessID", &[], &process);
    });
    xml.element("SignatureValidationStatus", &[], |xml| {
        indication(xml, &signature.status, Of::Signature);
        xml.element("AssociatedValidationReportData", &[], |xml| report_data(xml, signature, id, objects));
    });
}

/// `SignatureValidationPolicy` (4.3.4.3).
fn policy(xml: &mut Writer, policy: &Policy<'_>) {
    xml.element("SignatureValidationPolicy", &[], |xml| {
        xml.element("SignaturePolicyIdentifier", &[], |xml| {
            xml.element("xades:SignaturePolicyId", &[], |xml| {
                xml.element("xades:SigPolicyId", &[], |xml| {
                    let id = format!("{OURS}:policy:{}:{}", policy.id, policy.version);
                    xml.text("xades:Identifier", &[], &id);
                });
                xml.element("xades:SigPolicyHash", &[], |xml| sha256(xml, &policy.sha256));
            });
        });
        xml.text("PolicyName", &[], &format!("{} version {}", policy.id, policy.version));
    });
}

/// `ValidationConstraint` (4.3.4.4).
fn constraint(xml: &mut Writer, check: &CheckResult) {
    xml.element("ValidationConstraint", &[], |xml| {
        xml.text("ValidationConstraintIdentifier", &[], &format!("{OURS}:check:{}", check.id()));
        xml.element("ValidationConstraintParameter", &[], |xml| {
            typed(xml, "citation", &[], check.citation());
        });
        let (status, indication) = match check.outcome() {
            Outcome::Passed => ("applied", Some("passed")),
            Outcome::Failed => ("applied", Some("failed")),
            Outcome::Inconclusive => ("applied", Some("indeterminate")),
            Outcome::Skipped => ("disabled", None),
        };
        xml.element("ConstraintStatus", &[], |xml| {
            xml.text("Status", &[], &format!("urn:etsi:019102:constraintStatus:{status}"));
        });
        if let Some(indication) = indication {
            xml.element("ValidationStatus", &[], |xml| {
                xml.text("MainIndication", &[], &format!("urn:etsi:019102:mainindication:{indication}"));
            });
        }
    });
}

/// `POEType` (4.4.6).
fn proof(xml: &mut Writer, proof: ProofOfExistence, objects: &mut Objects) {
    xml.text("POETime", &[], &clamped(proof.at));
    xml.text("TypeOfProof", &[], "urn:etsi:019102:poetype:validation");
    if let Some(token) = proof.token {
        reference(xml, "POEObject", &objects.timestamp(token, None));
    }
}

/// `SignatureAttributes` (annex A), if there are any.
fn attributes(xml: &mut Writer, signature: &Signature<'_>, objects: &mut Objects) {
    let signing_time = signature.claimed_signing_time.and_then(date_time);
    let certificate = signature.path.filter(|_| signature.level != Level::Plain).map(|path| path.signer);
    let stamps: Vec<(&str, &Timestamp, String)> = signature
        .timestamps
        .iter()
        .filter_map(|stamp| Some((attribute_of(stamp.kind)?, stamp, date_time(stamp.at?)?)))
        .collect();
    // All time-stamps are validation objects, also those that are no attribute of the schema.
    for stamp in signature.timestamps {
        objects.timestamp(stamp.token, Some(stamp.status));
    }
    if signing_time.is_none() && certificate.is_none() && stamps.is_empty() {
        return;
    }
    xml.element("SignatureAttributes", &[], |xml| {
        if let Some(time) = &signing_time {
            xml.element("SigningTime", &[], |xml| xml.text("Time", &[], time));
        }
        if let Some(certificate) = certificate {
            xml.element("SigningCertificate", &[], |xml| {
                reference(xml, "AttributeObject", &objects.certificate(certificate));
                xml.element("CertID", &[], |xml| sha256(xml, &certificate));
            });
        }
        for (name, stamp, at) in &stamps {
            xml.element(name, &[], |xml| {
                reference(xml, "AttributeObject", &objects.timestamp(stamp.token, Some(stamp.status)));
                xml.text("TimeStampValue", &[], at);
            });
        }
    });
}

fn attribute_of(kind: TimestampKind) -> Option<&'static str> {
    match kind {
        TimestampKind::Content => Some("AllDataObjectsTimeStamp"),
        TimestampKind::Signature => Some("SignatureTimeStamp"),
        TimestampKind::Archive => Some("ArchiveTimeStamp"),
        TimestampKind::Other => None,
    }
}

/// Of what a status is: the standard has other names for the indication of a whole signature.
#[derive(Clone, Copy)]
enum Of {
    Signature,
    Timestamp,
}

/// `MainIndication` and `SubIndication` (4.3.4.5).
fn indication(xml: &mut Writer, status: &Status, of: Of) {
    let main = match (status.indication, of) {
        (Indication::TotalPassed, Of::Signature) => "total-passed",
        (Indication::TotalPassed, Of::Timestamp) => "passed",
        (Indication::TotalFailed, Of::Signature) => "total-failed",
        (Indication::TotalFailed, Of::Timestamp) => "failed",
        (Indication::Indeterminate, _) => "indeterminate",
    };
    xml.text("MainIndication", &[], &format!("urn:etsi:019102:mainindication:{main}"));
    if let Some(sub) = status.sub_indication.map(SubIndication::as_str) {
        xml.text("SubIndication", &[], &format!("urn:etsi:019102:subindication:{sub}"));
    }
}

/// `ValidationReportDataType` (4.3.4.6 to 4.3.4.11).
fn report_data(xml: &mut Writer, signature: &Signature<'_>, id: &str, objects: &mut Objects) {
    if let Some(path) = &signature.path {
        let anchor = path.anchor.map(|anchor| objects.certificate(anchor));
        if let Some(anchor) = &anchor {
            reference(xml, "TrustAnchor", anchor);
        }
        xml.element("CertificateChain", &[], |xml| {
            reference(xml, "SigningCertificate", &objects.certificate(path.signer));
            for certificate in path.intermediates {
                reference(xml, "IntermediateCertificate", &objects.certificate(*certificate));
            }
            if let Some(anchor) = &anchor {
                reference(xml, "TrustAnchor", anchor);
            }
        });
    }
    for data in signature.revocation {
        reference(xml, "RelatedValidationObject", &objects.revocation(*data));
    }
    if let Some(revoked) = &signature.revoked {
        xml.element("RevocationStatusInformation", &[], |xml| revocation(xml, revoked, objects));
    }
    if let Some(algorithm) = signature.algorithm {
        xml.element("CryptoInformation", &[], |xml| {
            reference(xml, "ValidationObjectId", id);
            xml.text("Algorithm", &[], algorithm_uri(algorithm));
            xml.text("SecureAlgorithm", &[], if signature.algorithm_accepted { "true" } else { "false" });
        });
    }
    xml.element("AdditionalValidationReportData", &[], |xml| {
        let format = format!("{} {}", signature.format, signature.level.as_str());
        xml.element("ReportData", &[], |xml| typed(xml, "format", &[], &format));
        reason(xml, &signature.status);
    });
}

/// The reason and the next step in both languages.
fn reason(xml: &mut Writer, status: &Status) {
    let Some(reason) = status.reason else { return };
    let code = reason.code();
    xml.element("ReportData", &[], |xml| typed(xml, "reason", &[], code.as_str()));
    for (language, text) in [("ja", reason.ja()), ("en", reason.en())] {
        let language = [("xml:lang", language)];
        xml.element("ReportData", &[], |xml| typed(xml, "reason:what", &language, text.what));
        xml.element("ReportData", &[], |xml| typed(xml, "reason:next", &language, text.next));
    }
}

fn revocation(xml: &mut Writer, revoked: &Revoked, objects: &mut Objects) {
    reference(xml, "ValidationObjectId", &objects.certificate(revoked.certificate));
    xml.text("RevocationTime", &[], &clamped(revoked.at));
    if let Some(reason) = revoked.reason {
        let reason = format!("urn:etsi:019102:revocationReason:{}", reason.as_str());
        xml.text("RevocationReason", &[], &reason);
    }
    if let Some(by) = revoked.by {
        reference(xml, "RevocationObject", &objects.revocation(by));
    }
}

/// `SignatureValidationObjects` (4.4), if there are any.
fn validation_objects(xml: &mut Writer, objects: &Objects) {
    if objects.0.is_empty() {
        return;
    }
    xml.element("SignatureValidationObjects", &[], |xml| {
        for object in &objects.0 {
            xml.element("ValidationObject", &[("id", &object.id)], |xml| {
                let kind = format!("urn:etsi:019102:validationObject:{}", object.kind);
                xml.text("ObjectType", &[], &kind);
                xml.element("ValidationObjectRepresentation", &[], |xml| {
                    xml.element("DigestAlgAndValue", &[], |xml| sha256(xml, &object.sha256));
                });
                if let Some(status) = &object.status {
                    xml.element("ValidationReport", &[], |xml| timestamp_report(xml, status));
                }
            });
        }
    });
}

fn timestamp_report(xml: &mut Writer, status: &Status) {
    xml.element("SignatureValidationStatus", &[], |xml| {
        indication(xml, status, Of::Timestamp);
        if status.reason.is_some() {
            xml.element("AssociatedValidationReportData", &[], |xml| {
                xml.element("AdditionalValidationReportData", &[], |xml| reason(xml, status));
            });
        }
    });
}

/// What is referred to, each once, in the order in which it is first named.
#[derive(Default)]
struct Objects(Vec<Object>);

struct Object {
    id: String,
    kind: &'static str,
    sha256: Sha256Digest,
    status: Option<Status>,
}

impl Objects {
    fn certificate(&mut self, sha256: Sha256Digest) -> String {
        self.named("C", "certificate", sha256, None)
    }

    fn revocation(&mut self, data: RevocationData) -> String {
        let kind = match data.kind {
            RevocationKind::List => "CRL",
            RevocationKind::Response => "OCSPResponse",
        };
        self.named("R", kind, data.sha256, None)
    }

    fn timestamp(&mut self, sha256: Sha256Digest, status: Option<Status>) -> String {
        self.named("T", "timestamp", sha256, status)
    }

    fn named(
        &mut self,
        letter: &str,
        kind: &'static str,
        sha256: Sha256Digest,
        status: Option<Status>,
    ) -> String {
        let id = format!("{letter}-{}", hex::encode(sha256));
        match self.0.iter_mut().find(|object| object.id == id) {
            Some(object) => object.status = object.status.or(status),
            None => self.0.push(Object { id: id.clone(), kind, sha256, status }),
        }
        id
    }
}

fn reference(xml: &mut Writer, name: &str, id: &str) {
    xml.empty(name, &[("VOReference", id)]);
}

/// `TypedDataType`: a type of our own and a text.
fn typed(xml: &mut Writer, kind: &str, attributes: super::xml::Attributes<'_>, value: &str) {
    xml.text("Type", &[], &format!("{OURS}:{kind}"));
    xml.text("Value", attributes, value);
}

fn digest(xml: &mut Writer, digest: &Digest) {
    xml.element("DigestAlgAndValue", &[], |xml| method_and_value(xml, digest.algorithm(), digest.as_ref()));
}

fn sha256(xml: &mut Writer, digest: &Sha256Digest) {
    method_and_value(xml, DigestAlgorithm::Sha256, digest);
}

fn method_and_value(xml: &mut Writer, algorithm: DigestAlgorithm, value: &[u8]) {
    let uri = match algorithm {
        DigestAlgorithm::Sha1 => "http://www.w3.org/2000/09/xmldsig#sha1",
        DigestAlgorithm::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
        DigestAlgorithm::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
        DigestAlgorithm::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
    };
    xml.empty("ds:DigestMethod", &[("Algorithm", uri)]);
    xml.text("ds:DigestValue", &[], &STANDARD.encode(value));
}

/// RFC 9231.
fn algorithm_uri(algorithm: SignatureAlgorithm) -> &'static str {
    use SignatureAlgorithm as A;
    match algorithm {
        A::RsaPkcs1Sha1 => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        A::RsaPkcs1Sha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        A::RsaPkcs1Sha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
        A::RsaPkcs1Sha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        A::RsaPssSha256 => "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        A::RsaPssSha384 => "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1",
        A::RsaPssSha512 => "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1",
        A::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        A::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        A::EcdsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
        A::Ed25519 => "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519",
    }
}

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what `xs:dateTime` takes in every version.
const DATES: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// An `xs:dateTime`; `None` for a claimed time that is none.
fn date_time(time: UnixTime) -> Option<String> {
    DATES.contains(&time.0).then(|| time.rfc3339())
}

/// An `xs:dateTime` where there must be one.
fn clamped(time: UnixTime) -> String {
    UnixTime(time.0.clamp(*DATES.start(), *DATES.end())).rfc3339()
}

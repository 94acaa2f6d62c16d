//! The validation report: well-formed, in the order of the schema of TS 119 102-2 V1.3.1, and without anybody in it.

use musubi_crypto::{DigestAlgorithm, SignatureAlgorithm};
use musubi_kernel::UnixTime;
use musubi_pki::{CheckResult, Indication, Outcome, ReasonCode, RevocationReason, SubIndication};
use musubi_signature::report::{
    Input, Path, Policy, Process, ProofOfExistence, RevocationData, RevocationKind, Revoked, Signature,
    Status, Timestamp, etsi_xml,
};
use musubi_signature::{Level, TimestampKind};
use quick_xml::events::Event;

#[derive(Debug, Default)]
pub(crate) struct Node {
    name: String,
    attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Node>,
    pub(crate) text: String,
}

impl Node {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn all(&self) -> Vec<&Node> {
        std::iter::once(self).chain(self.children.iter().flat_map(Node::all)).collect()
    }

    pub(crate) fn named(&self, name: &str) -> Vec<&Node> {
        self.all().into_iter().filter(|node| node.name == name).collect()
    }
}

/// Reads a report; panics if it is not well-formed.
pub(crate) fn parse(xml: &str) -> Node {
    let mut reader = quick_xml::Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut stack = vec![Node::default()];
    loop {
        let event = reader.read_event().unwrap();
        match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                let text = |text: &str| text.to_owned();
                let attributes = start.attributes().map(|a| {
                    let a = a.unwrap();
                    (text(a.key.as_ref()), text(&a.value))
                });
                let node = Node {
                    name: text(start.name().as_ref()),
                    attributes: attributes.collect(),
                    ..Node::default()
                };
                if matches!(event, Event::Empty(_)) {
                    stack.last_mut().unwrap().children.push(node);
                } else {
                    stack.push(node);
                }
            }
            Event::End(_) => {
                let node = stack.pop().unwrap();
                stack.last_mut().unwrap().children.push(node);
            }
            Event::Text(text) => stack.last_mut().unwrap().text += text.trim(),
            Event::GeneralRef(name) => stack.last_mut().unwrap().text += &format!("&{};", &*name),
            Event::Decl(_) => {}
            Event::Eof => break,
            other => panic!("{other:?}"),
        }
    }
    let mut root = stack.pop().unwrap();
    assert!(stack.is_empty() && root.children.len() == 1);
    root.children.remove(0)
}

/// How often an element may stand in a place.
#[derive(Clone, Copy, PartialEq)]
enum Times {
    Once,
    Maybe,
    Any,
    Some,
}
use Times::{Any, Maybe, Once, Some as More};

/// What the schema has for the types that a report uses: the elements in order, with their types. `*` is any text.
fn schema(kind: &str) -> Option<&'static [(&'static str, &'static str, Times)]> {
    Some(match kind {
        "Report" => &[
            ("SignatureValidationReport", "SignatureReport", More),
            ("SignatureValidationObjects", "Objects", Maybe),
        ],
        "SignatureReport" => &[
            ("SignatureIdentifier", "Identifier", Maybe),
            ("ValidationConstraintsEvaluationReport", "Constraints", Maybe),
            ("ValidationTimeInfo", "TimeInfo", Maybe),
            ("SignersDocument", "Document", Maybe),
            ("SignatureAttributes", "Attributes", Maybe),
            ("SignerInformation", "Signer", Maybe),
            ("SignatureQuality", "*", Maybe),
            ("SignatureValidationProcess", "Process", Maybe),
            ("SignatureValidationStatus", "Status", Once),
        ],
        "Identifier" => {
            &[("DigestAlgAndValue", "Digest", Maybe), ("HashOnly", "*", Once), ("DocHashOnly", "*", Once)]
        }
        "Digest" => &[("ds:DigestMethod", "*", Once), ("ds:DigestValue", "*", Once)],
        "Constraints" => {
            &[("SignatureValidationPolicy", "Policy", Maybe), ("ValidationConstraint", "Constraint", Any)]
        }
        "Policy" => &[("SignaturePolicyIdentifier", "PolicyIdentifier", Once), ("PolicyName", "*", Maybe)],
        "PolicyIdentifier" => &[("xades:SignaturePolicyId", "PolicyId", Once)],
        "PolicyId" => {
            &[("xades:SigPolicyId", "ObjectIdentifier", Once), ("xades:SigPolicyHash", "Digest", Once)]
        }
        "ObjectIdentifier" => &[("xades:Identifier", "*", Once)],
        "Constraint" => &[
            ("ValidationConstraintIdentifier", "*", Once),
            ("ValidationConstraintParameter", "Typed", Any),
            ("ConstraintStatus", "ConstraintStatus", Once),
            ("ValidationStatus", "Status", Maybe),
        ],
        "Typed" => &[("Type", "*", Once), ("Value", "*", Once)],
        "ConstraintStatus" => &[("Status", "*", Once)],
        "TimeInfo" => &[("ValidationTime", "*", Once), ("BestSignatureTime", "Proof", Once)],
        "Proof" => &[("POETime", "*", Once), ("TypeOfProof", "*", Once), ("POEObject", "*", Maybe)],
        "Document" => &[("DigestAlgAndValue", "Digest", Once)],
        // A choice in the schema; the order is ours.
        "Attributes" => &[
            ("SigningTime", "SigningTime", Maybe),
            ("SigningCertificate", "Certificates", Maybe),
            ("AllDataObjectsTimeStamp", "Stamp", Any),
            ("SignatureTimeStamp", "Stamp", Any),
            ("ArchiveTimeStamp", "Stamp", Any),
        ],
        "SigningTime" => &[("Time", "*", Once)],
        "Certificates" => &[("AttributeObject", "*", Any), ("CertID", "Digest", Any)],
        "Stamp" => &[("AttributeObject", "*", Any), ("TimeStampValue", "*", Once)],
        "Signer" => &[("SignerCertificate", "*", Once)],
        "Process" => &[("SignatureValidationProcessID", "*", Maybe)],
        "Status" => &[
            ("MainIndication", "*", Once),
            ("SubIndication", "*", Any),
            ("AssociatedValidationReportData", "Data", Any),
        ],
        "Data" => &[
            ("TrustAnchor", "*", Maybe),
            ("CertificateChain", "Chain", Maybe),
            ("RelatedValidationObject", "*", Any),
            ("RevocationStatusInformation", "Revocation", Maybe),
            ("CryptoInformation", "Crypto", Maybe),
            ("AdditionalValidationReportData", "Additional", Maybe),
        ],
        "Chain" => &[
            ("SigningCertificate", "*", Once),
            ("IntermediateCertificate", "*", Any),
            ("TrustAnchor", "*", Maybe),
        ],
        "Revocation" => &[
            ("ValidationObjectId", "*", Once),
            ("RevocationTime", "*", Once),
            ("RevocationReason", "*", Maybe),
            ("RevocationObject", "*", Maybe),
        ],
        "Crypto" => {
            &[("ValidationObjectId", "*", Once), ("Algorithm", "*", Once), ("SecureAlgorithm", "*", Once)]
        }
        "Additional" => &[("ReportData", "Typed", More)],
        "Objects" => &[("ValidationObject", "Object", More)],
        "Object" => &[
            ("ObjectType", "*", Once),
            ("ValidationObjectRepresentation", "Representation", Once),
            ("ValidationReport", "SignatureReport", Maybe),
        ],
        "Representation" => &[("DigestAlgAndValue", "Digest", Once)],
        _ => return None,
    })
}

pub(crate) fn assert_valid(node: &Node, kind: &str) {
    let Some(elements) = schema(kind) else {
        assert!(node.children.is_empty(), "{} is simple", node.name);
        return;
    };
    assert_eq!(node.text, "", "{} has no text", node.name);
    let mut children = node.children.iter().peekable();
    for (name, kind, times) in elements {
        let mut count = 0;
        while let Some(child) = children.next_if(|child| child.name == *name) {
            assert_valid(child, kind);
            count += 1;
        }
        let allowed = match times {
            Once => count == 1,
            Maybe => count <= 1,
            Any => true,
            More => count >= 1,
        };
        assert!(allowed, "{count} × {name} in {}", node.name);
    }
    assert!(children.next().is_none(), "{:?} out of order in {}", node.children, node.name);
}

const PASSED: Status = Status { indication: Indication::TotalPassed, sub_indication: None, reason: None };
const REVOKED: Status = Status {
    indication: Indication::TotalFailed,
    sub_indication: Some(SubIndication::Revoked),
    reason: Some(ReasonCode::CertificateRevoked),
};
const NOT_NOW: Status = Status {
    indication: Indication::Indeterminate,
    sub_indication: Some(SubIndication::TryLater),
    reason: Some(ReasonCode::RevocationListTooOld),
};

const JUDGED: UnixTime = UnixTime(1_796_083_200);

fn checks() -> Vec<CheckResult> {
    vec![
        CheckResult::passed("signature.value", "EN 319 102-1 5.2.7").with("name", "<canary & evidence>"),
        CheckResult::failed("revocation.status", "RFC 5280 6.3"),
        CheckResult::new("revocation.freshness", "EN 319 102-1 5.2.5", Outcome::Inconclusive),
        CheckResult::new("document.digest", "<&\">", Outcome::Skipped),
    ]
}

fn signature<'a>(status: Status, checks: &'a [CheckResult]) -> Signature<'a> {
    Signature {
        value: [1; 32],
        signed: Some(DigestAlgorithm::Sha384.digest(&[b"signed"])),
        content_by_digest: false,
        format: "CAdES",
        level: Level::Lta,
        algorithm: Some(SignatureAlgorithm::RsaPssSha384),
        algorithm_accepted: true,
        process: Process::LongTermAvailability,
        status,
        checks,
        claimed_signing_time: Some(JUDGED.plus(-100)),
        best_signature_time: ProofOfExistence { at: JUDGED.plus(-90), token: Some([2; 32]) },
        path: Some(Path { signer: [3; 32], intermediates: &[[4; 32]], anchor: Some([5; 32]) }),
        revocation: &[
            RevocationData { kind: RevocationKind::List, sha256: [6; 32] },
            RevocationData { kind: RevocationKind::Response, sha256: [7; 32] },
        ],
        revoked: None,
        timestamps: &[
            Timestamp {
                kind: TimestampKind::Signature,
                token: [2; 32],
                at: Some(UnixTime(1_796_083_110)),
                status: PASSED,
            },
            Timestamp {
                kind: TimestampKind::Archive,
                token: [8; 32],
                at: Some(UnixTime(1_796_083_120)),
                status: NOT_NOW,
            },
            Timestamp { kind: TimestampKind::Other, token: [9; 32], at: None, status: PASSED },
        ],
    }
}

fn bare<'a>(status: Status) -> Signature<'a> {
    Signature {
        signed: None,
        content_by_digest: true,
        format: "raw signature",
        level: Level::Plain,
        algorithm: None,
        process: Process::Basic,
        claimed_signing_time: None,
        best_signature_time: ProofOfExistence { at: JUDGED, token: None },
        path: None,
        revocation: &[],
        timestamps: &[],
        ..signature(status, &[])
    }
}

fn report(signatures: &[Signature<'_>]) -> String {
    let input = Input {
        validated_at: JUDGED,
        document: Some(DigestAlgorithm::Sha256.digest(&[b"document"])),
        policy: Policy { id: "musubi.default", version: 1, sha256: [10; 32] },
        signatures,
    };
    etsi_xml(&input).unwrap()
}

#[test]
fn a_report_is_in_the_order_of_the_schema() {
    let checks = checks();
    let revoked = Signature {
        revoked: Some(Revoked {
            certificate: [3; 32],
            at: JUDGED.plus(-5000),
            reason: Some(RevocationReason::KeyCompromise),
            by: Some(RevocationData { kind: RevocationKind::List, sha256: [6; 32] }),
        }),
        ..signature(REVOKED, &checks)
    };
    for signatures in [vec![signature(PASSED, &checks)], vec![revoked, bare(NOT_NOW)], vec![bare(PASSED)]] {
        let xml = report(&signatures);
        let root = parse(&xml);
        assert_eq!(root.name, "ValidationReport");
        assert_eq!(root.attribute("xmlns"), Some("http://uri.etsi.org/19102/v1.2.1#"));
        assert_valid(&root, "Report");
    }
}

#[test]
fn every_identifier_is_unique_and_every_reference_leads_to_one() {
    let checks = checks();
    // A copied signature has the same value.
    let root = parse(&report(&[signature(PASSED, &checks), signature(REVOKED, &checks), bare(NOT_NOW)]));
    let mut ids: Vec<&str> = root.all().into_iter().filter_map(|node| node.attribute("id")).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(ids.iter().all(|id| id.starts_with(|c: char| c.is_ascii_uppercase())), "xs:ID");
    for reference in root.all().into_iter().filter_map(|node| node.attribute("VOReference")) {
        assert!(ids.contains(&reference), "{reference}");
    }
}

#[test]
fn indications_have_the_names_of_the_standard() {
    let checks = checks();
    let xml = report(&[signature(PASSED, &checks), bare(REVOKED), bare(NOT_NOW)]);
    let root = parse(&xml);
    let of = |report: &Node| {
        let status = report.children.iter().find(|c| c.name == "SignatureValidationStatus").unwrap();
        status
            .children
            .iter()
            .filter(|c| c.name.ends_with("Indication"))
            .map(|c| c.text.clone())
            .collect::<Vec<_>>()
    };
    let reports =
        root.children.iter().filter(|c| c.name == "SignatureValidationReport").map(of).collect::<Vec<_>>();
    let main = |name: &str| format!("urn:etsi:019102:mainindication:{name}");
    let sub = |name: &str| format!("urn:etsi:019102:subindication:{name}");
    assert_eq!(reports[0], [main("total-passed")]);
    assert_eq!(reports[1], [main("total-failed"), sub("REVOKED")]);
    assert_eq!(reports[2], [main("indeterminate"), sub("TRY_LATER")]);
    let stamps: Vec<String> = root.named("ValidationReport").into_iter().skip(1).flat_map(of).collect();
    assert_eq!(stamps, [main("passed"), main("indeterminate"), sub("TRY_LATER"), main("passed")]);
}

#[test]
fn every_check_is_there_with_its_citation_and_a_skipped_one_is_disabled() {
    let checks = checks();
    let root = parse(&report(&[signature(REVOKED, &checks)]));
    let constraints = root.named("ValidationConstraint");
    let read = |node: &&Node| {
        let text = |name: &str| {
            node.named(name).first().map_or("", |n| n.text.rsplit(':').next().unwrap()).to_owned()
        };
        [text("ValidationConstraintIdentifier"), text("Status"), text("MainIndication")]
    };
    assert_eq!(
        constraints.iter().map(read).collect::<Vec<_>>(),
        [
            ["signature.value", "applied", "passed"],
            ["revocation.status", "applied", "failed"],
            ["revocation.freshness", "applied", "indeterminate"],
            ["document.digest", "disabled", ""],
        ]
    );
    assert_eq!(constraints[3].named("Value")[0].text, "&lt;&amp;&quot;&gt;", "texts are escaped");
}

#[test]
fn the_reason_and_the_next_step_are_there_in_japanese_and_english() {
    let xml = report(&[bare(REVOKED)]);
    let (ja, en) = (ReasonCode::CertificateRevoked.ja(), ReasonCode::CertificateRevoked.en());
    for (language, text) in [("ja", ja.what), ("ja", ja.next), ("en", en.what)] {
        assert!(xml.contains(&format!("<Value xml:lang=\"{language}\">{text}</Value>")), "{text}");
    }
    assert!(!report(&[bare(PASSED)]).contains("xml:lang"), "a passed signature has no reason");
}

#[test]
fn only_digests_of_certificates_and_nothing_of_the_evidence_get_in() {
    let checks = checks();
    let xml = report(&[signature(PASSED, &checks)]);
    assert!(!xml.contains("canary"));
    let root = parse(&xml);
    for element in ["base64", "direct", "ds:SignatureValue", "Signer", "Name", "X509IssuerSerial"] {
        assert!(root.named(element).is_empty(), "{element}");
    }
}

#[test]
fn hostile_texts_and_times_leave_it_well_formed() {
    let hostile = Signature {
        format: "]]></Value><x>\0",
        claimed_signing_time: Some(UnixTime(i64::MAX)),
        ..bare(PASSED)
    };
    let before_christ = Signature { claimed_signing_time: Some(UnixTime(i64::MIN)), ..bare(PASSED) };
    let signatures = [hostile, before_christ];
    let input = Input {
        validated_at: UnixTime(i64::MAX),
        document: None,
        policy: Policy { id: "\"><!--", version: 1, sha256: [0; 32] },
        signatures: &signatures,
    };
    let xml = etsi_xml(&input).unwrap();
    let root = parse(&xml);
    assert_valid(&root, "Report");
    assert!(root.named("SigningTime").is_empty(), "a claimed time that is none is left out");
    assert_eq!(root.named("ValidationTime")[0].text, "9999-12-31T23:59:59Z");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let checks = checks();
    let signatures = [signature(PASSED, &checks), bare(NOT_NOW)];
    assert_eq!(report(&signatures), report(&signatures));
}

#[test]
fn without_a_signature_there_is_no_report() {
    let policy = Policy { id: "musubi.default", version: 1, sha256: [0; 32] };
    let input = Input { validated_at: JUDGED, document: None, policy, signatures: &[] };
    assert_eq!(etsi_xml(&input), None);
}

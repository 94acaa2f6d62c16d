//! Reports on judged documents.

use musubi_kernel::UnixTime;
use musubi_pki::ValidationPolicy;
use musubi_pki::path::PathAnchors;
use musubi_signature::report::{RevocationKind, etsi_xml_of};
use musubi_signature::{Context, DocumentJudgement, judge_document};

use crate::cms_message::fixture;
use crate::report::{Node, assert_valid, parse};

/// 2026-12-01T00:00:00Z.
const JUDGED: UnixTime = UnixTime(1_796_083_200);

fn judged(name: &str, detached: Option<&[u8]>, ocsp: &[&[u8]]) -> (DocumentJudgement, String) {
    let anchors = PathAnchors::from_certificates([fixture("pki/root.der")]).unwrap();
    let lists = [fixture("pki/root.crl"), fixture("pki/intermediate.crl")];
    // Where a response is given, it has to decide.
    let crls: Vec<&[u8]> =
        lists.iter().take(if ocsp.is_empty() { 2 } else { 1 }).map(Vec::as_slice).collect();
    let (policy, intermediate) = (ValidationPolicy::default(), fixture("pki/intermediate.der"));
    let context = Context {
        anchors: &anchors,
        timestamp_anchors: &anchors,
        certificates: &[&intermediate],
        crls: &crls,
        ocsp,
        policy: &policy,
        judged_at: JUDGED,
    };
    let judgement = judge_document(&fixture(name), detached, &context).unwrap();
    let xml = etsi_xml_of(&judgement, &policy, JUDGED).unwrap();
    (judgement, xml)
}

#[test]
fn the_report_on_a_judged_document_keeps_to_the_schema_and_says_what_was_judged() {
    let content = fixture("cms/content.txt");
    for (name, detached) in [
        ("pdf/pades-lta.pdf", None),
        ("pdf/pades-b-revoked.pdf", None),
        ("xml/xades-lta.xml", None),
        ("xml/two-signatures.xml", None),
        ("xml/xades-no-certificate.xml", None),
        ("jws/es384.json", None),
        ("cms/cades-detached.p7", Some(content.as_slice())),
        ("cms/nocerts.p7", None),
        ("timestamp/sha256.tsr", Some(content.as_slice())),
    ] {
        let (judgement, xml) = judged(name, detached, &[]);
        let root = parse(&xml);
        assert_valid(&root, "Report");
        let reports = root.named("SignatureValidationReport");
        assert_eq!(reports.len(), judgement.signatures.len(), "{name}");
        for (report, signature) in reports.iter().zip(&judgement.signatures) {
            let main = &report.named("SignatureValidationStatus")[0].named("MainIndication")[0].text;
            let expected = signature.verdict.indication().as_str().to_lowercase();
            assert_eq!(*main, format!("urn:etsi:019102:mainindication:{expected}"), "{name}");
            let certificates: usize =
                report.named("CertificateChain").iter().map(|chain| chain.children.len()).sum();
            assert_eq!(signature.chain.len(), certificates, "{name}");
        }
        for person in ["signer-", "Musubi Fixtures"] {
            assert!(!xml.contains(person), "{name}");
        }
    }
}

#[test]
fn the_best_signature_time_names_the_token_that_proves_it() {
    let (judgement, xml) = judged("pdf/pades-lta.pdf", None, &[]);
    let root = parse(&xml);
    let best = root.named("BestSignatureTime")[0];
    let proven = judgement.signatures[0].timestamps[0].token_sha256;
    let token = best.named("POEObject")[0].attribute("VOReference").unwrap();
    assert_eq!(token, format!("T-{}", hex::encode(proven)));
    assert_eq!(best.named("POETime")[0].text, judgement.signatures[0].existed_at.unwrap().rfc3339());
}

#[test]
fn what_revoked_the_signer_is_named_by_its_kind() {
    let (_, xml) = judged("pdf/pades-b-revoked.pdf", None, &[]);
    let root = parse(&xml);
    let object = |xml: &Node| {
        let revocation = xml.named("RevocationStatusInformation")[0];
        assert!(revocation.named("RevocationReason")[0].text.ends_with(":keyCompromise"));
        let id = revocation.named("RevocationObject")[0].attribute("VOReference").unwrap().to_owned();
        let objects = xml.named("ValidationObject");
        let object = objects.into_iter().find(|object| object.attribute("id") == Some(&*id)).unwrap();
        object.named("ObjectType")[0].text.clone()
    };
    assert_eq!(object(&root), "urn:etsi:019102:validationObject:CRL");
    let response = fixture("pki/signer-revoked.ocsp");
    let (judgement, xml) = judged("pdf/pades-b-revoked.pdf", None, &[&response]);
    assert_eq!(judgement.signatures[0].revocation[0].kind, RevocationKind::Response);
    assert_eq!(object(&parse(&xml)), "urn:etsi:019102:validationObject:OCSPResponse");
}

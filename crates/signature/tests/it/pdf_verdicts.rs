//! Whole judgements of PDFs: what the rules, the value, the path and the time-stamps come to together.

use musubi_kernel::UnixTime;
use musubi_pki::path::PathAnchors;
use musubi_pki::{Indication, ReasonCode, SubIndication, ValidationPolicy};
use musubi_signature::{Context, DocumentJudgement, judge_document};

use crate::pdf_support::{Update, document, fixture, overwrite};

fn judged(file: &[u8]) -> DocumentJudgement {
    let anchors = PathAnchors::from_certificates([fixture("pki/root.der")]).unwrap();
    let lists = [fixture("pki/intermediate.crl"), fixture("pki/root.crl")];
    let context = Context {
        anchors: &anchors,
        timestamp_anchors: &anchors,
        certificates: &[],
        crls: &[&lists[0], &lists[1]],
        ocsp: &[],
        policy: &ValidationPolicy::default(),
        judged_at: UnixTime::parse_rfc3339("2026-12-01T00:00:00Z").unwrap(),
    };
    judge_document(file, None, &context).unwrap()
}

fn verdicts(file: &[u8]) -> Vec<Option<(SubIndication, ReasonCode)>> {
    let judged = judged(file);
    let one = |verdict: &musubi_pki::Verdict| verdict.sub_indication().zip(verdict.reason());
    judged.signatures.iter().map(|signature| one(&signature.verdict)).collect()
}

#[test]
fn what_an_independent_tool_signs_passes() {
    for (name, signatures) in [
        ("pkcs7-rsa", 1),
        ("pades-b-rsa", 1),
        ("pades-b-p256", 1),
        ("pades-b-p384", 1),
        ("pades-b-ed25519", 1),
        ("pades-t", 1),
        ("pades-lt", 1),
        ("pades-lta", 2),
        ("two", 2),
        ("two-fields", 2),
        ("streams", 1),
        ("streams-two", 2),
        ("streams-lta", 2),
        ("certified-1-lta", 2),
        ("certified-2-approved", 2),
        ("locked-filled", 1),
    ] {
        assert_eq!(verdicts(&document(name)), vec![None; signatures], "{name}");
        assert_eq!(judged(&document(name)).indication(), Indication::TotalPassed, "{name}");
    }
}

#[test]
fn a_revoked_signer_fails() {
    let revoked = Some((SubIndication::RevokedNoPoe, ReasonCode::CertificateRevoked));
    assert_eq!(verdicts(&document("pades-b-revoked")), [revoked]);
}

#[test]
fn changed_content_is_a_hash_failure() {
    let file = overwrite(&document("two"), "transfer 100 yen", "transfer 900 yen");
    assert_eq!(verdicts(&file), [Some((SubIndication::HashFailure, ReasonCode::SignatureTampered)); 2]);
}

#[test]
fn a_change_after_signing_is_told_from_a_changed_signature() {
    let changed = Some((SubIndication::SigConstraintsFailure, ReasonCode::DocumentChanged));
    let file = Update::default().stream(4, "BT (900 yen) Tj ET").to(&document("pades-b-rsa"));
    assert_eq!(verdicts(&file), [changed]);
    for name in ["form-filled-after", "locked-broken"] {
        assert_eq!(verdicts(&document(name)), [changed], "{name}");
    }
}

#[test]
fn a_hidden_signature_fails_the_document_although_the_other_passes() {
    let hidden = "<< /Type /Sig /SubFilter /ETSI.CAdES.detached /ByteRange [0 1 2 3] /Contents <30> >>";
    let file = Update::default().object(500, hidden).to(&document("pades-b-rsa"));
    let verdicts = verdicts(&file);
    assert_eq!(verdicts[0], None);
    assert_eq!(verdicts[1].map(|(sub, _)| sub.indication()), Some(Indication::TotalFailed));
    assert_eq!(judged(&file).indication(), Indication::TotalFailed);
}

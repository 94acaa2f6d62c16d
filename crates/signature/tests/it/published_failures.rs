//! Failures of other verifiers that were published, each as a test of its name on a whole document: what passed there
//! does not pass here.

use musubi_pki::{Indication, RevocationMode, SubIndication};

use crate::cms_message::fixture;
use crate::judgement::support::{Bench, broken, document, summary, time};

/// The published advisory: signatures passed although the signer's certificate was out of its period.
#[test]
fn myna_ghsa_58hw_cg5m_88rp_validity_is_enforced() {
    assert_eq!(Bench::new().outcome("short-b"), "OUT_OF_BOUNDS_NO_POE");
    // Root and issuer began at midnight, the signer at noon.
    assert_eq!(Bench::new().at("2026-01-01T06:00:00Z").outcome("short-b"), "NOT_YET_VALID");
}

/// … although its key is not for signing.
#[test]
fn myna_ghsa_58hw_cg5m_88rp_key_usage_is_enforced() {
    let judged = Bench::new().one(&document("by-enciphering-key"));
    assert_eq!((broken(&judged), judged.verdict.is_passed()), (vec!["path.key_usage"], false));
}

/// … although an end entity had issued it.
#[test]
fn myna_ghsa_58hw_cg5m_88rp_basic_constraints_are_enforced() {
    let mut bench = Bench::new();
    bench.policy.revocation = RevocationMode::Off;
    let judged = bench.one(&document("by-child-of-signer"));
    assert_eq!(broken(&judged), ["path.basic_constraints", "path.key_usage"]);
    assert_eq!(summary(&judged), "CHAIN_CONSTRAINTS_FAILURE");
}

/// … although the signer identifier names another certificate than the one whose key made the value.
#[test]
fn myna_ghsa_58hw_cg5m_88rp_the_signer_identifier_is_enforced() {
    let judged = Bench::new().one(&document("other-signer-id"));
    assert!(broken(&judged).contains(&"cms.signer_identifier"));
    assert!(!judged.verdict.is_passed());
}

/// Of several signatures of a PDF, only one was checked.
#[test]
fn myna_ghsa_g258_q5gf_7hvx_every_signature_of_a_pdf_is_checked() {
    let bench = Bench::new();
    let whole = fixture("pdf/two.pdf");
    assert_eq!(bench.judge(&whole, None).unwrap().indication(), Indication::TotalPassed);
    // A digit of each signature value is changed, far behind the start of its hexadecimal string.
    let starts: Vec<usize> =
        (0..whole.len() - 11).filter(|at| whole[*at..].starts_with(b"/Contents <3")).collect();
    assert_eq!(starts.len(), 2);
    for start in starts {
        let mut changed = whole.clone();
        let end = start + changed[start..].iter().position(|byte| *byte == b'>').unwrap();
        let last = start + changed[start..end].iter().rposition(|byte| *byte != b'0').unwrap();
        changed[last - 40] = if changed[last - 40] == b'1' { b'2' } else { b'1' };
        let judged = bench.judge(&changed, None).unwrap();
        assert_eq!(judged.signatures.len(), 2);
        assert_ne!(judged.indication(), Indication::TotalPassed);
    }
}

/// A ByteRange that leaves content out, or bytes behind it, passed.
#[test]
fn myna_ghsa_g258_q5gf_7hvx_the_byte_range_covers_the_file() {
    let bench = Bench::new();
    let whole = fixture("pdf/pades-b-rsa.pdf");
    let behind = [&whole[..], b"1 0 obj\n<< /Type /Catalog >>\nendobj\n"].concat();
    // The second range ends ten bytes before the end.
    let text = b"/ByteRange [";
    let start = whole.windows(text.len()).position(|window| window == text).unwrap() + text.len();
    let end = start + whole[start..].iter().position(|byte| *byte == b']').unwrap();
    let numbers: Vec<usize> = std::str::from_utf8(&whole[start..end])
        .unwrap()
        .split_ascii_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    let shorter = format!("{} {} {} {}", numbers[0], numbers[1], numbers[2], numbers[3] - 10);
    let mut ranged = whole.clone();
    ranged[start..end].fill(b' ');
    ranged[start..start + shorter.len()].copy_from_slice(shorter.as_bytes());
    for (changed, name) in [(behind, "bytes behind"), (ranged, "a shorter range")] {
        let passed = bench.judge(&changed, None).is_ok_and(|j| j.indication() == Indication::TotalPassed);
        assert!(!passed, "{name}");
    }
}

/// The signature of an OCSP response was verified, and the result ignored.
#[test]
fn bc_java_2254_an_ocsp_response_with_a_bad_signature_is_no_answer() {
    let mut bench = Bench::new();
    bench.crls.remove(0);
    let good = fixture("pki/signer-rsa.ocsp");
    let file = fixture("cms/rsa-attached.p7");
    bench.ocsp = vec![good.clone()];
    assert_eq!(summary(&bench.one(&file)), "PASSED");
    // Of the responder's signature, behind which only its certificate stands.
    let signature = good.windows(4).position(|window| window == [0x03, 0x82, 0x01, 0x01]).unwrap() + 20;
    let mut changed = good;
    changed[signature] ^= 1;
    bench.ocsp = vec![changed];
    assert_eq!(summary(&bench.one(&file)), "TRY_LATER");
}

/// A response "good" outside of its window was reported as "revoked".
#[test]
fn c2pa_rs_2644_good_outside_of_its_window_is_neither_good_nor_revoked() {
    let mut bench = Bench::new();
    bench.crls.remove(0);
    bench.ocsp = vec![fixture("pki/signer-rsa.ocsp")];
    let file = fixture("cms/rsa-attached.p7");
    for at in ["2026-11-01T00:00:00Z", "2035-12-01T00:00:00Z"] {
        bench.at = time(at);
        assert_eq!(summary(&bench.one(&file)), "TRY_LATER", "{at}");
    }
}

/// A document that was signed with a revoked certificate passed.
#[test]
fn siva_23_a_signature_with_a_revoked_certificate_does_not_pass() {
    let revoked = Bench::new().one(&fixture("pdf/pades-b-revoked.pdf"));
    assert_eq!(summary(&revoked), "REVOKED_NO_POE");
    let bench = Bench::with_losses();
    assert_eq!(bench.outcome("lost-t-after"), "REVOKED_NO_POE 1/1");
    assert_eq!(bench.outcome("lost-content-after"), "REVOKED 1/1");
}

/// Whether the authority of a time-stamp is trusted was not checked.
#[test]
fn siva_33_the_authority_of_a_time_stamp_is_checked() {
    let bench = Bench::with_losses();
    for name in ["t-untrusted", "t-without-purpose", "t-by-signer"] {
        let judged = bench.one(&document(name));
        assert_eq!(summary(&judged), "SIG_CONSTRAINTS_FAILURE 0/1", "{name}");
        assert_eq!(judged.existed_at, None, "{name}");
    }
    assert_eq!(bench.outcome("lost-t-before-untrusted"), "REVOKED_NO_POE 0/1");
}

/// The nextUpdate of revocation lists was never looked at.
#[test]
fn keycloak_35983_a_list_past_its_next_update_is_stale() {
    let mut bench = Bench::new();
    bench.crls[0] = fixture("judgement/intermediate-ended.crl");
    let judged = bench.one(&fixture("cms/rsa-attached.p7"));
    assert_eq!(summary(&judged), "TRY_LATER");
    assert!(broken(&judged).contains(&"revocation.freshness"));
}

/// Bleichenbacher, CRYPTO 2006 (CVE-2006-4339 and its heirs): with the exponent 3, a value whose cube begins like a
/// padded digest is found without the key. Neither the value nor such a key is accepted.
#[test]
fn bleichenbacher_a_value_with_garbage_behind_the_digest_is_forged() {
    let judged = Bench::new().one(&document("cube-root"));
    assert_eq!(judged.verdict.sub_indication(), Some(SubIndication::SigCryptoFailure));
    assert_eq!(broken(&judged), ["path.algorithms", "signature.value"]);
}

/// A DigestInfo whose AlgorithmIdentifier has no NULL passed beside the one that has (RFC 8017 9.2 note 1: what is
/// lenient there has been made to forge).
#[test]
fn a_digest_info_without_null_is_no_pkcs_1_signature() {
    let judged = Bench::new().one(&document("digest-info-without-null"));
    assert_eq!(summary(&judged), "SIG_CRYPTO_FAILURE");
    assert_eq!(broken(&judged), ["signature.value"]);
}

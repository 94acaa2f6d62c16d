//! Fixtures, and a short judgement of what is found: its rules, and the value under the certificate's key.

use musubi_pki::{Outcome, UnverifiedCertificate};
use musubi_signature::{Found, Signed, Signer, xml};

pub(crate) fn path(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

/// A fixture of the folder `xml`, as text.
pub(crate) fn document(name: &str) -> String {
    String::from_utf8(bytes(&format!("xml/{name}.xml"))).unwrap()
}

/// The only signature of a document.
pub(crate) fn only(document: &str) -> Found<'_> {
    let mut all = xml::find(document.as_bytes(), None).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Ids of the rules that are broken, each with why.
pub(crate) fn broken(found: &Found<'_>) -> Vec<(String, String)> {
    let failed = found
        .rules
        .iter()
        .filter(|rule| matches!(rule.result.outcome(), Outcome::Failed | Outcome::Inconclusive));
    let why = |rule: &musubi_signature::Rule| match rule.result.evidence("why") {
        Some(musubi_pki::EvidenceValue::Text(text)) => text.to_string(),
        _ => String::new(),
    };
    failed.map(|rule| (rule.result.id().to_owned(), why(rule))).collect()
}

/// The id of the one rule that is broken, and why.
pub(crate) fn the_broken(document: &str) -> (String, String) {
    let found = only(document);
    let broken = broken(&found);
    assert!(!broken.is_empty(), "no rule is broken; extent {:?}", found.extent);
    broken[0].clone()
}

/// Whether the signature value verifies under the key of the certificate that the format named.
pub(crate) fn value_verifies(found: &Found<'_>) -> bool {
    let Signer::Certificate(der) = &found.signer else { return false };
    let certificate = UnverifiedCertificate::parse(der).unwrap();
    let (Ok(algorithm), Signed::Bytes(message)) = (&found.value.algorithm, &found.value.signed) else {
        return false;
    };
    let key = certificate.public_key().unwrap();
    key.verify_encoded(*algorithm, found.value.encoding, message, &found.value.signature).is_ok()
}

/// Every rule holds, the value verifies, and the certificate is this one of the hierarchy.
pub(crate) fn assert_sound(found: &Found<'_>, signer: &str) {
    assert_eq!(broken(found), [], "{signer}");
    let Signer::Certificate(der) = &found.signer else { panic!("no signer") };
    assert_eq!(&der[..], bytes(&format!("pki/{signer}.der")));
    assert!(value_verifies(found), "the value does not verify");
}

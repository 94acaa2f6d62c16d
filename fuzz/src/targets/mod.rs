//! What is fuzzed: every reader of foreign bytes, each as a function of any input that must neither panic nor do
//! unbounded work. Shared by the fuzzer and by the ordinary tests, which replay the corpus.
//!
//! A reader behind a signature is also given the input as what an authority signed: a key made of a fixed seed signs it
//! here, so that mutations reach it.

mod apdu;
mod bounds;
mod document;
mod offline;
mod paths;
mod records;
mod signed;
mod status;
/// The small authority of the JPKI of the pki crate's own tests.
#[path = "../../../crates/pki/tests/it/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared with another crate's tests"
)]
mod support;

use musubi_crypto::{Ed25519Signer, sha256};
use musubi_pki::path::PathCertificate;
use musubi_pki::path::ocsp::Response;
use musubi_pki::{UnverifiedCertificate, ValidationPolicy, inspect};
use musubi_signature::bundle::{self, AuditPart, Content, Roots, Sealed};
use musubi_signature::timestamp::Token;
use musubi_signature::{cms, jws, pdf, timestamp, xml};

/// A function of any input.
type Target = fn(&[u8]);

/// Every target: its name, which is that of its corpus below `fuzz/corpus`, and its function.
pub(crate) const TARGETS: &[(&str, Target)] = &[
    ("apdu", apdu::apdu),
    ("bundle", bundle),
    ("certificate", certificate),
    ("cms", |input| bounds::find(cms::find, input)),
    ("document", document::document),
    ("inspect", inspect),
    ("jws", |input| bounds::find(jws::find, input)),
    ("list", paths::list),
    ("offline", offline::offline),
    ("path", paths::path),
    ("pdf", |input| bounds::find(pdf::find, input)),
    ("policy", policy),
    ("records", records::records),
    ("response", response),
    ("sealed", status::sealed),
    ("timestamp", timestamp),
    ("xml", |input| bounds::find(xml::find, input)),
];

fn certificate(input: &[u8]) {
    let sealed = signed::sealed(input);
    for der in [input, &sealed] {
        if let Ok(certificate) = UnverifiedCertificate::parse(der) {
            let _ = (certificate.claimed_profile(), certificate.claimed_attributes());
            let _ = (certificate.signature_algorithm(), certificate.public_key().is_ok());
        }
        if let Ok(certificate) = PathCertificate::parse(der) {
            let _ = certificate.is_self_issued();
        }
    }
    paths::judge(&sealed, &[], &[], &[]);
    // As an authority above a leaf that its key did not sign, and as one beside the right authority.
    paths::judge(signed::leaf(), &[&sealed, input], &[], &[]);
}

fn response(input: &[u8]) {
    let basic = signed::sealed(input);
    for der in [input, &basic] {
        let _ = Response::parse(der);
        paths::judge(signed::leaf(), &[], &[], &[der]);
    }
}

fn timestamp(input: &[u8]) {
    let _ = Token::parse(input);
    let _ = timestamp::is_time_stamp(input);
    bounds::find(timestamp::find, input);
}

fn inspect(input: &[u8]) {
    let sealed = signed::sealed(input);
    for bytes in [input, &sealed] {
        for (personal, json) in [(true, false), (false, true)] {
            if let Ok(told) = inspect::run(bytes, inspect::Options { personal, json }) {
                assert!(
                    told.len() <= 256 * bytes.len() + 65_536,
                    "{} bytes told of {}",
                    told.len(),
                    bytes.len()
                );
            }
        }
    }
}

/// What is read is written the same way again, and hashed by what was read.
fn policy(input: &[u8]) {
    if let Ok(policy) = serde_json::from_slice::<ValidationPolicy>(input) {
        let written = policy.canonical_json();
        let again: ValidationPolicy = serde_json::from_slice(&written).expect("what was written can be read");
        assert_eq!((again.canonical_json(), again.sha256()), (written, policy.sha256()));
    }
}

/// As a whole bundle, and as the content of one that the platform signed and logged.
fn bundle(input: &[u8]) {
    let platform = Ed25519Signer::from_seed(&[7; 32]).expect("a seed of 32 bytes");
    let keys = [platform.public_key()];
    let roots = Roots { anchors: paths::jpki(), platform_keys: &keys };
    if let Ok(sealed) = Sealed::decode(input) {
        let _ = Content::decode(sealed.content);
    }
    assert!(bundle::replay(input, &roots).is_err(), "a bundle that the platform did not sign");
    let Ok(content) = Content::decode(input) else { return };
    assert_eq!(content.encode(), input, "the same content in two encodings");
    let (digest, indication) = (musubi_kernel::hex_lower(&Content::sha256(input)), content.indication());
    let record = format!(r#"{{"detail":{{"bundle":"{digest}","indication":"{}"}}}}"#, indication.as_str());
    let record = record.into_bytes();
    let root = musubi_crypto::merkle::leaf_hash(&record);
    let audit = AuditPart { record, index: 0, size: 1, root, path: Vec::new() };
    let replayed = bundle::replay(&bundle::seal(input, &audit, &platform), &roots);
    if let Ok(replayed) = replayed {
        let _ = (replayed.verdict.indication(), replayed.check_list(input, paths::jpki()), sha256(input));
    }
}

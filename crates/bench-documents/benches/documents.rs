//! Verdicts per second and core on documents of 100 kB, beside what no verifier can do without: the RSA-2048
//! verifications that the verdict needs and the SHA-256 passes over the document. One thread.
//!
//! - `jpki`: `judge` over a card's signature: two verifications (certificate, value); the lists were verified when they
//!   came in.
//! - `raw`, `cms`, `xades`, `pades`: the whole process of EN 319 102-1 under a path with an intermediate authority and two
//!   revocation lists, all of it anew with each document: five verifications (signer's certificate, intermediate, the
//!   lists of both authorities, signature value). Keys: the signer's and the intermediate's are parsed from their
//!   certificates, the root's once.
//! - passes: a document in a container is hashed as a file, to name it in the report, and by its format. `xades` cannot do
//!   without its canonical form either; that is not in its bound.
//! - Time is the processor time of the process, so that a machine that is busy with other things does not count.
//!
//! `target/bench-documents/verdicts.json` keeps the figures.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    dead_code,
    reason = "a benchmark; the support of the pki crate's tests has more than is needed here"
)]

mod cpu_time;
mod evidence;
#[path = "../../pki/tests/it/support/mod.rs"]
mod support;

use std::hint::black_box;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput};
use evidence::{Hierarchy, folder, pki};
use musubi_crypto::{DigestAlgorithm, PublicKey, SignatureAlgorithm};
use musubi_pki::{Evidence, UnverifiedCertificate, judge};
use musubi_signature::raw::{Given, RawSignature};
use musubi_signature::{DocumentJudgement, judge_document, raw};
use support::Case;

/// A verdict and its bound: verifications under a parsed key, under a key that is parsed for it, passes of SHA-256.
struct Row {
    name: &'static str,
    verifications: (u32, u32),
    passes: u32,
}

const ROWS: [Row; 6] = [
    Row { name: "jpki", verifications: (1, 1), passes: 0 },
    Row { name: "raw_small", verifications: (3, 2), passes: 0 },
    Row { name: "raw", verifications: (3, 2), passes: 2 },
    Row { name: "cms", verifications: (3, 2), passes: 2 },
    Row { name: "xades", verifications: (3, 2), passes: 2 },
    Row { name: "pades", verifications: (3, 2), passes: 2 },
];

fn limits(c: &mut Criterion<CpuTime>, document: &[u8]) {
    let certificate = pki("signer-rsa.der");
    let certificate = UnverifiedCertificate::parse(&certificate).unwrap();
    let key = certificate.public_key().unwrap();
    let spki = key.spki_der();
    // The modulus stands at a fixed place in the SPKI of an RSA-2048 key.
    let (modulus, exponent) = (spki[33..289].to_vec(), [1, 0, 1]);
    let signature = std::fs::read(folder().join("small.sig")).unwrap();
    let message = std::fs::read(folder().join("small.txt")).unwrap();
    let algorithm = SignatureAlgorithm::RsaPkcs1Sha256;
    let mut group = c.benchmark_group("limit");
    group.throughput(Throughput::Elements(1));
    group.bench_function("rsa2048_parsed_key", |b| {
        b.iter(|| key.verify(algorithm, black_box(&message), black_box(&signature)).unwrap());
    });
    group.bench_function("rsa2048_key_parsed_each_time", |b| {
        b.iter(|| {
            let key = PublicKey::rsa(black_box(spki), &modulus, &exponent).unwrap();
            key.verify(algorithm, black_box(&message), black_box(&signature)).unwrap();
        });
    });
    group.bench_function("sha256_of_the_document", |b| {
        b.iter(|| DigestAlgorithm::Sha256.digest(&[black_box(document)]));
    });
    group.finish();
}

fn passed(judgement: &DocumentJudgement) {
    let signature = judgement.signatures.first().expect("a signature");
    assert!(signature.verdict.is_passed(), "{:#?}", signature.verdict);
}

fn verdicts(c: &mut Criterion<CpuTime>, document: &[u8]) {
    let mut group = c.benchmark_group("verdict");
    group.throughput(Throughput::Elements(1));
    group.bench_function("jpki", |b| {
        let (case, anchors) = (Case::signature(), support::anchors());
        b.iter(|| {
            let evidence = Evidence {
                certificate: black_box(&case.certificate),
                expected_kind: case.kind,
                signature: &case.signature,
                signed_data: case.document.as_slice().into(),
                expected_digest: case.digest,
                lists: &case.lists,
                ocsp: &[],
            };
            let judgement = judge(&evidence, &anchors, &case.policy, case.at);
            assert!(judgement.verdict.is_passed());
            judgement
        });
    });
    let hierarchy = Hierarchy::load();
    let certificate = pki("signer-rsa.der");
    let small = std::fs::read(folder().join("small.txt")).unwrap();
    for (name, content, value) in
        [("raw_small", small.as_slice(), "small.sig"), ("raw", document, "content.sig")]
    {
        let value = std::fs::read(folder().join(value)).unwrap();
        group.bench_function(name, |b| {
            b.iter(|| {
                hierarchy.with(|context| {
                    let input = RawSignature::new(&certificate, &value, Given::Bytes(black_box(content)));
                    let found = raw::found(&input, context.policy).unwrap();
                    let judgement = DocumentJudgement::of_one("raw", content, found, context);
                    passed(&judgement);
                    judgement
                })
            });
        });
    }
    for (name, file) in [("cms", "cms.p7"), ("xades", "xades.xml"), ("pades", "pades.pdf")] {
        let file = std::fs::read(folder().join(file)).unwrap();
        group.bench_function(name, |b| {
            b.iter(|| {
                hierarchy.with(|context| {
                    let judgement = judge_document(black_box(&file), None, context).unwrap();
                    passed(&judgement);
                    judgement
                })
            });
        });
    }
    group.finish();
}

/// Puts the rates of this run side by side.
fn summary() {
    let target = evidence::target();
    let nanoseconds = |name: &str| -> Option<f64> {
        let text =
            std::fs::read_to_string(target.join("criterion").join(name).join("new/estimates.json")).ok()?;
        let estimates: serde_json::Value = serde_json::from_str(&text).ok()?;
        estimates["median"]["point_estimate"].as_f64()
    };
    let (Some(parsed), Some(each), Some(pass)) = (
        nanoseconds("limit/rsa2048_parsed_key"),
        nanoseconds("limit/rsa2048_key_parsed_each_time"),
        nanoseconds("limit/sha256_of_the_document"),
    ) else {
        return;
    };
    println!("\nper second and core, medians of this run");
    for (name, time) in [
        ("RSA-2048 verification, parsed key", parsed),
        ("RSA-2048 verification, key parsed", each),
        ("SHA-256 of 100 kB", pass),
    ] {
        println!("{name:<36}{:>10.0}", 1e9 / time);
    }
    let mut kept =
        serde_json::json!({ "limits_ns": { "parsed": parsed, "key_parsed": each, "sha256": pass } });
    for row in ROWS {
        let Some(time) = nanoseconds(&format!("verdict/{}", row.name)) else { continue };
        let (first, second) = row.verifications;
        let cryptography = f64::from(first) * parsed + f64::from(second) * each;
        let bound = f64::from(row.passes) * pass + cryptography;
        println!(
            "verdict {:<28}{:>10.0}   {:>5.1} % of its bound {:.0} ({} verifications, {} passes)",
            row.name,
            1e9 / time,
            100.0 * bound / time,
            1e9 / bound,
            first + second,
            row.passes
        );
        kept[row.name] = serde_json::json!({ "ns": time, "bound_ns": bound });
    }
    evidence::keep("verdicts.json", &kept);
}

fn main() {
    let document = std::fs::read(folder().join("content.txt")).unwrap();
    let mut criterion = Criterion::default().with_measurement(CpuTime).configure_from_args();
    limits(&mut criterion, &document);
    verdicts(&mut criterion, &document);
    criterion.final_summary();
    summary();
}

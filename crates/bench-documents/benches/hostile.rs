//! The time of verdicts on chains that were made to cost: each construction as in the tests of the pki crate, under the
//! default budget. The longest of a hundred judgements of each is told.
//!
//! `target/bench-documents/hostile.json` keeps the figures.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    dead_code,
    reason = "a benchmark measures time; the support of the pki crate's tests has more than is needed here"
)]

mod cpu_time;
mod evidence;
#[path = "../../pki/tests/it/path_support.rs"]
mod path_support;
#[path = "../../pki/tests/it/support/mod.rs"]
mod support;

use const_oid::ObjectIdentifier;
use cpu_time::now;
use musubi_pki::oid;
use musubi_pki::path::{PathAnchors, PathEvidence, PathRules, judge_path};
use path_support::{Cert, PathCase, common_name};
use support::der::{bits, boolean, ctx, ctx_bytes, extension, integer, oid as oid_der, seq, tlv, utc_time};
use support::{DAY, NOW};

fn root() -> Cert {
    Cert::authority("Root", 1)
}

/// Layers of authorities, each certified by every one of the layer above.
fn mesh(layers: u16, width: u16) -> Vec<Cert> {
    let name = |layer: u16, n: u16| format!("Layer {layer} no. {n}");
    let key = |layer: u16, n: u16| 1_000 + layer * width + n;
    let mut out = Vec::new();
    for layer in 0..layers {
        for n in 0..width {
            for above in 0..width {
                let issuer = (name(layer + 1, above), key(layer + 1, above));
                let mut certificate = Cert::authority(&name(layer, n), key(layer, n)).by(&issuer.0, issuer.1);
                certificate.serial = above;
                out.push(certificate);
            }
        }
    }
    out
}

fn mesh_without_an_anchor() -> PathCase {
    PathCase::of(&Cert::leaf("Leaf", 3).by("Layer 0 no. 0", 1_000), &mesh(12, 4), &[root()])
}

fn mesh_of_failing_paths() -> PathCase {
    let leaf = Cert::leaf("Leaf", 3).by("Layer 0 no. 0", 1_000).valid(-20, -10);
    let anchors: Vec<Cert> =
        (0..4).map(|n| Cert::authority(&format!("Layer 8 no. {n}"), 1_000 + 8 * 4 + n)).collect();
    PathCase::of(&leaf, &mesh(8, 4), &anchors)
}

fn namesakes() -> PathCase {
    let leaf = Cert::leaf("Leaf", 3).by("CA", 2);
    let candidates: Vec<Cert> = (100..2_100).map(|key| Cert::authority("CA", key).by("Root", 1)).collect();
    PathCase::of(&leaf, &candidates, &[root()])
}

fn policy(number: usize) -> ObjectIdentifier {
    ObjectIdentifier::new(&format!("1.2.3.{number}")).unwrap()
}

/// Authorities that map every policy to every other (CVE-2023-0464), as many as fit a certificate.
fn policy_tree(width: usize) -> PathCase {
    let all = || seq(&[&(0..width).flat_map(|n| seq(&[&oid_der(policy(n))])).collect::<Vec<u8>>()]);
    let pairs = (0..width).flat_map(|from| (0..width).map(move |to| (from, to)));
    let mappings: Vec<u8> =
        pairs.flat_map(|(from, to)| seq(&[&oid_der(policy(from)), &oid_der(policy(to))])).collect();
    let chain: Vec<Cert> = (0..15_u16)
        .map(|n| {
            let above = if n == 14 { ("Root".to_owned(), 1) } else { (format!("CA {}", n + 1), 101 + n) };
            Cert::authority(&format!("CA {n}"), 100 + n)
                .by(&above.0, above.1)
                .with(oid::CERTIFICATE_POLICIES, true, all())
                .with(oid::POLICY_MAPPINGS, true, seq(&[&mappings]))
        })
        .collect();
    let leaf = Cert::leaf("Leaf", 3).by("CA 0", 100).with(oid::CERTIFICATE_POLICIES, true, all());
    let mut case = PathCase::of(&leaf, &chain, &[root()]);
    case.policy.explicit_policy = true;
    case
}

fn names_times_constraints() -> PathCase {
    let dns = |text: String| ctx_bytes(2, text.as_bytes());
    let bases: Vec<u8> = (0..900).flat_map(|n| seq(&[&dns(format!("{n}.x"))])).collect();
    let names: Vec<Vec<u8>> = (0..1_200).map(|n| dns(format!("{n}.y"))).collect();
    let authority = Cert::authority("CA", 2).with(oid::NAME_CONSTRAINTS, true, seq(&[&ctx(1, &bases)]));
    PathCase::chain(Cert::leaf("Leaf", 3).named(&names), authority)
}

/// A thousand authorities of one name, each with an RSA key of 8192 bits and the largest exponent that is read.
/// Nobody has their private keys: any odd number is a modulus until somebody tries it.
fn large_rsa_keys() -> PathCase {
    let sha256_with_rsa = seq(&[&oid_der(oid::SHA256_WITH_RSA), &[5, 0]]);
    let certificate = |subject: &str, issuer: &str, number: u16, is_authority: bool| {
        let mut modulus = vec![0xA5; 1024];
        modulus[..2].copy_from_slice(&[0xC0, 0x01]);
        modulus[2..4].copy_from_slice(&number.to_be_bytes());
        let key = seq(&[&integer(&modulus), &integer(&[1, 0xFF, 0xFF, 0xFF, 0xFF])]);
        let spki = seq(&[&seq(&[&oid_der(oid::RSA_ENCRYPTION), &[5, 0]]), &bits(&key)]);
        let constraints = extension(oid::BASIC_CONSTRAINTS, true, &seq(&[&boolean(true)]));
        let usage = extension(oid::KEY_USAGE, true, &tlv(3, &[1, 0x06]));
        let extensions = if is_authority { ctx(3, &seq(&[&constraints, &usage])) } else { Vec::new() };
        let tbs = seq(&[
            &ctx(0, &integer(&[2])),
            &integer(&[&[1][..], &number.to_be_bytes()].concat()),
            &sha256_with_rsa,
            &common_name(issuer),
            &seq(&[&utc_time(NOW.plus(-DAY)), &utc_time(NOW.plus(DAY))]),
            &common_name(subject),
            &spki,
            &extensions,
        ]);
        seq(&[&tbs, &sha256_with_rsa, &bits(&[0x5A; 1024])])
    };
    let mut case = PathCase::of(&Cert::leaf("Leaf", 3), &[], &[root()]);
    case.leaf = certificate("Leaf", "CA", 1, false);
    case.intermediates = (100..1_100).map(|number| certificate("CA", "Root", number, true)).collect();
    case
}

/// The longest of many judgements, in milliseconds, and what the last came to.
fn longest(case: &PathCase) -> (f64, f64, String) {
    let intermediates: Vec<&[u8]> = case.intermediates.iter().map(Vec::as_slice).collect();
    let anchors = PathAnchors::from_certificates(&case.anchors).unwrap();
    let evidence = PathEvidence { leaf: &case.leaf, intermediates: &intermediates, crls: &[], ocsp: &[] };
    let rules = PathRules { policy: &case.policy, purpose: &case.purpose, times: case.times };
    let mut times = Vec::new();
    let mut outcome = String::new();
    let start = now();
    while times.len() < 3 || (times.len() < 100 && (now() - start).as_secs() < 3) {
        let begun = now();
        let judgement = judge_path(&evidence, &anchors, &rules);
        times.push((now() - begun).as_secs_f64() * 1e3);
        let reason = judgement.verdict.reason();
        outcome = format!("{reason:?}, {:?}", judgement.work);
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() - 1], outcome)
}

fn main() {
    let cases = [
        ("mesh of cross-certificates, no anchor", mesh_without_an_anchor()),
        ("mesh in which every path fails", mesh_of_failing_paths()),
        ("2000 authorities of one name", namesakes()),
        ("policy tree, 20 policies mapped to all", policy_tree(20)),
        ("1200 names under 900 constraints", names_times_constraints()),
        ("RSA-8192, e = 2^33 - 1, 1000 of one name", large_rsa_keys()),
    ];
    println!("{:<44}{:>12}{:>12}", "", "median ms", "longest ms");
    let mut kept = serde_json::Map::new();
    for (name, case) in cases {
        let (median, longest, outcome) = longest(&case);
        println!("{name:<44}{median:>12.2}{longest:>12.2}   {outcome}");
        kept.insert(name.to_owned(), serde_json::json!({ "median_ms": median, "longest_ms": longest }));
    }
    evidence::keep("hostile.json", &serde_json::Value::Object(kept));
}

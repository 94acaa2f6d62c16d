//! Which keys and signatures a path may have, on certificates that OpenSSL made (`fixtures/make-path.sh`).

use musubi_kernel::UnixTime;
use musubi_pki::path::*;
use musubi_pki::{ReasonCode, RevocationMode, SubIndication, ValidationPolicy};

use crate::path_support::{PathCase, failed};
use crate::support::NOW;

macro_rules! fixtures {
    ($($name:literal),*) => {
        fn fixture(name: &str) -> Vec<u8> {
            let bytes: &[u8] = match name {
                $($name => include_bytes!(concat!("../fixtures/path/", $name, ".der")),)*
                _ => panic!("no fixture {name}"),
            };
            bytes.to_vec()
        }
    };
}
fixtures!(
    "root",
    "root-e3",
    "root-8192",
    "root-p384",
    "sha256",
    "sha512",
    "pss",
    "sha1",
    "md5",
    "under-e3",
    "under-8192",
    "under-p384",
    "rsa-e3",
    "rsa-1024",
    "rsa-3072",
    "p256",
    "p384",
    "p521",
    "secp256k1",
    "ed25519"
);

fn case(leaf: &str, anchor: &str) -> PathCase {
    PathCase {
        leaf: fixture(leaf),
        intermediates: Vec::new(),
        anchors: vec![fixture(anchor)],
        crls: Vec::new(),
        ocsp: Vec::new(),
        policy: ValidationPolicy { revocation: RevocationMode::Off, ..ValidationPolicy::default() },
        purpose: Purpose::default(),
        times: Times::at(NOW),
    }
}

#[track_caller]
fn is_weak(case: &PathCase, sub: SubIndication) {
    let verdict = case.judged().verdict;
    assert_eq!(
        verdict.sub_indication().zip(verdict.reason()),
        Some((sub, ReasonCode::CertificateWeakAlgorithm)),
        "{verdict:#?}"
    );
    assert!(failed(&verdict).contains(&"path.algorithms"), "{verdict:#?}");
}

#[test]
fn the_algorithms_of_the_table_are_accepted() {
    for leaf in ["sha256", "sha512", "pss", "rsa-3072", "p256", "p384", "ed25519"] {
        let judgement = case(leaf, "root").passes();
        assert!(judgement.public_key.is_some());
    }
    case("under-p384", "root-p384").passes();
    case("under-8192", "root-8192").passes();
}

#[test]
fn keys_outside_the_table_are_refused() {
    for leaf in ["rsa-e3", "rsa-1024", "p521", "secp256k1"] {
        is_weak(&case(leaf, "root"), SubIndication::CryptoConstraintsFailure);
    }
}

#[test]
fn an_authoritys_key_is_judged_as_the_leafs_is_the_anchors_too() {
    // With e = 3 anyone who finds a lenient verifier signs; here it is not even verified.
    let case = case("under-e3", "root-e3");
    is_weak(&case, SubIndication::CryptoConstraintsFailure);
    assert_eq!(case.judged().work.signature_checks, 0);
}

#[test]
fn a_policy_may_ask_for_longer_keys_and_never_for_shorter_ones() {
    let mut longer = case("rsa-3072", "root");
    longer.policy.min_rsa_bits = 3072;
    is_weak(&longer, SubIndication::CryptoConstraintsFailure);
    let mut shorter = case("rsa-1024", "root");
    shorter.policy.min_rsa_bits = 512;
    is_weak(&shorter, SubIndication::CryptoConstraintsFailure);
}

#[test]
fn md5_is_refused_whatever_is_proven() {
    let mut case = case("md5", "root");
    case.policy.sha1_until = Some(NOW);
    case.times.existed_at = Some(NOW.plus(-1));
    is_weak(&case, SubIndication::CryptoConstraintsFailure);
}

#[test]
fn sha_1_is_accepted_only_in_what_is_proven_to_be_old_enough() {
    let until = NOW.plus(-1_000);
    let with = |sha1_until: Option<UnixTime>, existed_at: Option<UnixTime>| {
        let mut case = case("sha1", "root");
        case.policy.sha1_until = sha1_until;
        case.times.existed_at = existed_at;
        case
    };
    is_weak(&with(None, None), SubIndication::CryptoConstraintsFailure);
    is_weak(&with(None, Some(until)), SubIndication::CryptoConstraintsFailure);
    is_weak(&with(Some(until), None), SubIndication::CryptoConstraintsFailureNoPoe);
    is_weak(&with(Some(until), Some(until.plus(1))), SubIndication::CryptoConstraintsFailureNoPoe);
    with(Some(until), Some(until)).passes();
    // A time of judgement proves nothing: whoever replays names it.
    let mut early = with(Some(until), None);
    early.times = Times::at(until.plus(-1));
    is_weak(&early, SubIndication::CryptoConstraintsFailureNoPoe);
}

#[test]
fn verifications_under_large_keys_count_for_more() {
    let judgement = case("under-8192", "root-8192").passes();
    assert_eq!(judgement.work.signature_checks, 4);
    // Eighty namesakes of the issuer with keys of 8192 bits: the modulus differs in one byte.
    let mut hostile = case("under-8192", "root");
    let root = fixture("root-8192");
    let modulus = root.windows(4).position(|w| w == [0x02, 0x82, 0x04, 0x01]).unwrap() + 5;
    let namesake = |n: usize| {
        let mut der = root.clone();
        der[modulus + 100 + n] ^= 0x10;
        der
    };
    hostile.intermediates = (0..80).map(namesake).collect();
    let judgement = hostile.judged();
    assert_eq!(judgement.verdict.reason(), Some(ReasonCode::TooComplex));
    assert_eq!(judgement.work.signature_checks, 200);
    assert_eq!(judgement.work.candidates, 51);
}

#[test]
fn a_changed_byte_anywhere_in_the_leaf_never_passes() {
    let right = case("p256", "root");
    right.passes();
    for place in 0..right.leaf.len() {
        let mut changed = case("p256", "root");
        changed.leaf[place] ^= 0x01;
        assert!(!changed.judged().verdict.is_passed(), "byte {place}");
    }
}

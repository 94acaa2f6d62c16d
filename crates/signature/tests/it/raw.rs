//! Raw signature values: good ones by another library, forged ones by integer arithmetic (`fixtures/raw/make-raw.py`).

use musubi_crypto::{Digest, DigestAlgorithm, EcdsaEncoding, SignatureAlgorithm};
use musubi_pki::{SubIndication, ValidationPolicy};
use musubi_signature::raw::{self, Given, MAX_SIGNATURE_BYTES, RawSignature, RsaPadding};
use musubi_signature::{Level, NotASignature};

use crate::raw_support::{broken, fixture, holds, value_verifies};

struct Vector {
    name: String,
    certificate: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
    algorithm: SignatureAlgorithm,
    encoding: EcdsaEncoding,
    good: bool,
    bare: bool,
}

fn vectors() -> Vec<Vector> {
    use SignatureAlgorithm as A;
    let json: serde_json::Value = serde_json::from_slice(&fixture("raw/vectors.json")).unwrap();
    let read = |v: &serde_json::Value| {
        let text = |name: &str| v[name].as_str().unwrap().to_owned();
        let certificate = match text("certificate").as_str() {
            "e3" => fixture("raw/e3.der"),
            name => fixture(&format!("pki/{name}.der")),
        };
        Vector {
            name: text("name"),
            certificate,
            message: hex::decode(text("message")).unwrap(),
            signature: hex::decode(text("signature")).unwrap(),
            algorithm: match text("algorithm").as_str() {
                "rs256" => A::RsaPkcs1Sha256,
                "rs384" => A::RsaPkcs1Sha384,
                "rs512" => A::RsaPkcs1Sha512,
                "ps256" => A::RsaPssSha256,
                "ps384" => A::RsaPssSha384,
                "ps512" => A::RsaPssSha512,
                "es256" => A::EcdsaSha256,
                "es384" => A::EcdsaSha384,
                "ed25519" => A::Ed25519,
                other => panic!("{other}"),
            },
            encoding: if text("encoding") == "fixed" { EcdsaEncoding::Fixed } else { EcdsaEncoding::Der },
            good: v["good"].as_bool().unwrap(),
            bare: v["bare"].as_bool().unwrap(),
        }
    };
    json.as_array().unwrap().iter().map(read).collect()
}

fn vector(name: &str) -> Vector {
    vectors().into_iter().find(|v| v.name == name).unwrap_or_else(|| panic!("no vector {name}"))
}

impl Vector {
    fn over_bytes(&self) -> RawSignature<'_> {
        RawSignature {
            algorithm: Some(self.algorithm),
            encoding: self.encoding,
            ..RawSignature::new(&self.certificate, &self.signature, Given::Bytes(&self.message))
        }
    }

    fn over_digest(&self) -> RawSignature<'_> {
        let algorithm = self.algorithm.digest().unwrap_or(DigestAlgorithm::Sha512);
        RawSignature { signed: Given::Digest(algorithm.digest(&[&self.message])), ..self.over_bytes() }
    }
}

fn accepted(input: &RawSignature<'_>) -> bool {
    raw::found(input, &ValidationPolicy::default()).is_ok_and(|found| holds(&found))
}

fn flagged<'a>(input: &RawSignature<'a>) -> RawSignature<'a> {
    RawSignature { padding: RsaPadding::InsecureBareDigestOfTheDigitalAgencysSigningService, ..*input }
}

fn policy_with_bare_digests() -> ValidationPolicy {
    ValidationPolicy { insecure_bare_digest: true, ..ValidationPolicy::default() }
}

#[test]
fn every_good_value_is_accepted_and_every_forged_one_is_refused_over_bytes() {
    for vector in vectors() {
        assert_eq!(accepted(&vector.over_bytes()), vector.good, "{}", vector.name);
    }
}

#[test]
fn over_a_digest_it_is_the_same_but_for_ed25519() {
    for vector in vectors() {
        let good = vector.good && vector.algorithm != SignatureAlgorithm::Ed25519;
        assert_eq!(accepted(&vector.over_digest()), good, "{}", vector.name);
    }
}

#[test]
fn bleichenbacher_style_forgeries_are_refused() {
    // The names of 2006 and after; each is one of the vectors above, so that none is lost from the file.
    for name in [
        "garbage behind the DigestInfo",
        "one byte behind the DigestInfo",
        "garbage in the parameters",
        "seven bytes of padding and garbage before the end",
        "padding that is not all FF",
        "padding of type 2",
        "padding of type 0",
        "no zero between padding and DigestInfo",
        "BERserk: long-form length of the DigestInfo",
        "BERserk: long-form length of the digest",
        "BERserk: length of four bytes",
        "BERserk: indefinite length",
        "Bleichenbacher 2006: cube root, garbage behind",
        "cube root, garbage in the parameters",
    ] {
        let vector = vector(name);
        let found = raw::found(&vector.over_bytes(), &ValidationPolicy::default()).unwrap();
        assert!(broken(&found).is_empty(), "{name}: refused by the arithmetic, not by its length");
        assert!(!value_verifies(&found), "{name}");
    }
}

#[test]
fn a_digest_info_without_null_is_refused() {
    assert!(!accepted(&vector("DigestInfo without NULL").over_bytes()));
    assert!(!accepted(&vector("DigestInfo without NULL").over_digest()));
}

#[test]
fn a_bare_digest_is_refused_without_its_flag_and_without_the_policy() {
    let vector = vector("a bare digest");
    let allowing = policy_with_bare_digests();
    for input in [vector.over_bytes(), vector.over_digest()] {
        assert!(holds(&raw::found(&flagged(&input), &allowing).unwrap()));
        assert!(!holds(&raw::found(&input, &allowing).unwrap()), "the policy alone accepts nothing");
        let found = raw::found(&flagged(&input), &ValidationPolicy::default()).unwrap();
        assert_eq!(broken(&found), ["raw.bare_digest"], "the flag alone accepts nothing");
        assert_eq!(found.rules.last().unwrap().on_failure.0, SubIndication::SigConstraintsFailure);
    }
}

#[test]
fn under_the_flag_only_a_bare_sha_256_digest_is_accepted() {
    for vector in vectors() {
        for input in [vector.over_bytes(), vector.over_digest()] {
            let found = raw::found(&flagged(&input), &policy_with_bare_digests());
            assert_eq!(found.is_ok_and(|f| holds(&f)), vector.bare, "{}", vector.name);
        }
    }
}

#[test]
fn a_digest_of_another_kind_than_the_algorithms_is_refused() {
    let vector = vector("pkcs1 sha256");
    for algorithm in [DigestAlgorithm::Sha1, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
        let input = RawSignature {
            signed: Given::Digest(algorithm.digest(&[&vector.message])),
            ..vector.over_bytes()
        };
        let found = raw::found(&input, &ValidationPolicy::default()).unwrap();
        assert_eq!(broken(&found), ["raw.digest"]);
        let flagged = raw::found(&flagged(&input), &policy_with_bare_digests()).unwrap();
        assert_eq!(broken(&flagged), ["raw.digest"]);
    }
    assert_eq!(
        Digest::new(DigestAlgorithm::Sha256, &[0; 31]),
        None,
        "a digest of the wrong length is no digest"
    );
}

#[test]
fn without_an_algorithm_the_keys_usual_one_is_taken_and_the_digest_given() {
    for name in ["pkcs1 sha256", "ecdsa p256 der", "ecdsa p384 fixed", "ed25519"] {
        let vector = vector(name);
        assert!(accepted(&RawSignature { algorithm: None, ..vector.over_bytes() }), "{name}");
    }
    for name in ["pkcs1 sha256", "pkcs1 sha384", "pkcs1 sha512", "ecdsa p256 fixed", "ecdsa p384 der"] {
        let vector = vector(name);
        assert!(accepted(&RawSignature { algorithm: None, ..vector.over_digest() }), "{name}");
    }
    let sha384 = vector("pkcs1 sha384");
    assert!(!accepted(&RawSignature { algorithm: None, ..sha384.over_bytes() }), "nothing is tried out");
}

#[test]
fn an_algorithm_of_another_kind_of_key_is_refused() {
    let stranger = vector("ecdsa p256 der");
    for algorithm in
        [SignatureAlgorithm::RsaPkcs1Sha256, SignatureAlgorithm::Ed25519, SignatureAlgorithm::RsaPssSha256]
    {
        let input = RawSignature { algorithm: Some(algorithm), ..stranger.over_bytes() };
        let found = raw::found(&input, &ValidationPolicy::default()).unwrap();
        assert!(broken(&found).contains(&"raw.algorithm_of_key"), "{algorithm:?}");
        assert!(!value_verifies(&found));
    }
}

#[test]
fn another_message_or_another_certificate_is_refused() {
    for vector in vectors().into_iter().filter(|v| v.good) {
        let changed = [vector.message.as_slice(), b"!"].concat();
        assert!(!accepted(&RawSignature { signed: Given::Bytes(&changed), ..vector.over_bytes() }));
        let stranger = fixture("pki/stranger.der");
        assert!(!accepted(&RawSignature { certificate: &stranger, ..vector.over_bytes() }));
    }
}

#[test]
fn every_flipped_bit_of_a_value_is_noticed() {
    for name in ["pkcs1 sha256", "pss sha256", "ecdsa p256 fixed", "ed25519"] {
        let vector = vector(name);
        for at in (0..vector.signature.len() * 8).step_by(7) {
            let mut signature = vector.signature.clone();
            signature[at / 8] ^= 1 << (at % 8);
            assert!(
                !accepted(&RawSignature { signature: &signature, ..vector.over_bytes() }),
                "{name} bit {at}"
            );
        }
    }
}

#[test]
fn a_value_of_the_wrong_length_is_refused_by_rule() {
    let vector = vector("the value one byte longer");
    let found = raw::found(&vector.over_bytes(), &ValidationPolicy::default()).unwrap();
    assert_eq!(broken(&found), ["raw.value_length"]);
}

#[test]
fn no_value_and_an_endless_value_are_no_signature() {
    let certificate = fixture("pki/signer-rsa.der");
    let policy = ValidationPolicy::default();
    let none = raw::found(&RawSignature::new(&certificate, &[], Given::Bytes(b"x")), &policy);
    assert_eq!(none.err(), Some(NotASignature::NoSignature));
    let long = vec![1; MAX_SIGNATURE_BYTES + 1];
    let much = raw::found(&RawSignature::new(&certificate, &long, Given::Bytes(b"x")), &policy);
    assert!(matches!(much, Err(NotASignature::TooMuch { .. })));
}

#[test]
fn bytes_that_are_no_certificate_leave_no_algorithm() {
    let found = raw::found(
        &RawSignature::new(b"no certificate", &[1; 256], Given::Bytes(b"x")),
        &ValidationPolicy::default(),
    );
    let found = found.unwrap();
    assert!(found.value.algorithm.is_err());
    assert_eq!(found.level, Level::Plain);
    assert!(!value_verifies(&found));
}

//! Third-party vectors (`MUSUBI_VECTORS`, else `../shared/vectors` beside the repository): no wrong acceptance, no
//! wrong refusal.

use std::path::{Path, PathBuf};

use musubi_crypto::{PublicKey, SignatureAlgorithm};
use serde_json::Value;

fn read(name: &str) -> Option<Value> {
    let folder = std::env::var_os("MUSUBI_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"), PathBuf::from);
    match std::fs::read_to_string(folder.join(name)) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            musubi_store::testing::left_out(
                "third-party vectors (MUSUBI_VECTORS names no folder that has them)",
            );
            None
        }
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// Answers how many cases were run.
fn run(vectors: &Value, algorithm: SignatureAlgorithm, key: impl Fn(&Value) -> PublicKey) -> usize {
    let mut count = 0;
    for group in vectors["testGroups"].as_array().unwrap() {
        let key = key(group);
        for case in group["tests"].as_array().unwrap() {
            let verified = key.verify(algorithm, &bytes(&case["msg"]), &bytes(&case["sig"])).is_ok();
            // "acceptable" is a DigestInfo without NULL: what is not exactly PKCS#1 v1.5 is refused.
            assert_eq!(verified, case["result"] == "valid", "case {}: {}", case["tcId"], case["comment"]);
            count += 1;
        }
    }
    assert_eq!(count, usize::try_from(vectors["numberOfTests"].as_u64().unwrap()).unwrap());
    count
}

#[test]
fn rsa_2048_with_sha_256_agrees_with_wycheproof() {
    let Some(vectors) = read("wycheproof/rsa_signature_2048_sha256_test.json") else { return };
    let key = |group: &Value| {
        let number = |name: &str| {
            let text = group["publicKey"][name].as_str().unwrap();
            hex::decode(format!("{}{text}", if text.len() % 2 == 1 { "0" } else { "" })).unwrap()
        };
        PublicKey::rsa(&bytes(&group["publicKeyDer"]), &number("modulus"), &number("publicExponent")).unwrap()
    };
    assert_eq!(run(&vectors, SignatureAlgorithm::RsaPkcs1Sha256, key), 259);
}

#[test]
fn ecdsa_p384_with_sha_384_agrees_with_wycheproof() {
    let Some(vectors) = read("wycheproof/ecdsa_secp384r1_sha384_test.json") else { return };
    let key = |group: &Value| PublicKey::ec_p384(&bytes(&group["publicKeyDer"])).unwrap();
    assert_eq!(run(&vectors, SignatureAlgorithm::EcdsaSha384, key), 504);
}

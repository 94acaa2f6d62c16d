//! The algorithms of a `SignerInfo`: which forms there are, and which digest goes with which signature (RFC 5754,
//! RFC 4056, RFC 5753, RFC 8419, RFC 6211). Whether they are strong enough is the policy's question.

use const_oid::ObjectIdentifier;
use musubi_crypto::{DigestAlgorithm, SignatureAlgorithm};
use musubi_pki::asn1::{self, Algorithm, Element, Elements, Malformed, constructed};
use musubi_pki::{CheckResult, oid};

use super::rules::{FORMAT, Rule, SUBSTITUTED, WEAK, broken, kept};
use super::signer_info::SignerInfo;

/// The algorithms of one signer, or the identifiers of those that are not in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Algorithms {
    pub(crate) digest: Result<DigestAlgorithm, String>,
    pub(crate) signature: Result<SignatureAlgorithm, String>,
}

const ID: &str = "cms.algorithms";
const CITATION: &str = "RFC 5652 5.4, RFC 5754 3, RFC 8419 3";

/// Reads both algorithms; the rule says whether they belong together.
pub(crate) fn read(info: &SignerInfo<'_>) -> (Algorithms, Rule) {
    let digest = info.digest.digest();
    let signature = signature(&info.signature_algorithm, digest);
    let text = |oid: ObjectIdentifier| oid.to_string();
    let found = Algorithms {
        digest: digest.unwrap_or(Err(info.digest.oid)).map_err(text),
        signature: signature.unwrap_or(Err(info.signature_algorithm.oid)).map_err(text),
    };
    let rule = match (&found.digest, &found.signature) {
        _ if digest.is_err() || signature.is_err() => {
            broken(CheckResult::failed(ID, CITATION).with("problem", "wrong parameters"), FORMAT)
        }
        (Ok(digest), Ok(signature)) => {
            // RFC 8419 3: with signed attributes Ed25519 goes with SHA-512; without them nothing is hashed apart.
            let wanted = signature.digest().unwrap_or(DigestAlgorithm::Sha512);
            let check = |check: CheckResult| {
                check.with("digest", digest.as_str()).with("signature", signature.as_str())
            };
            if *digest == wanted {
                kept(check(CheckResult::passed(ID, CITATION)))
            } else {
                let failed = CheckResult::failed(ID, CITATION).with("problem", "digest of another algorithm");
                broken(check(failed), FORMAT)
            }
        }
        (digest, signature) => {
            let unknown = digest.as_ref().err().or(signature.as_ref().err()).cloned().unwrap_or_default();
            broken(CheckResult::failed(ID, CITATION).with("unknown_algorithm", unknown), WEAK)
        }
    };
    (found, rule)
}

type Read<T> = Result<Result<T, ObjectIdentifier>, Malformed>;

/// The signature algorithm. `rsaEncryption` takes its digest from `digestAlgorithm` (RFC 5754 3.2); the parameters
/// of the RSA identifiers may be absent (the same clause). `id-ecPublicKey` names a key and no signature; it is not
/// in the table.
fn signature(algorithm: &Algorithm<'_>, digest: Read<DigestAlgorithm>) -> Read<SignatureAlgorithm> {
    let bare = algorithm.parameters.is_none();
    let null = algorithm.parameters.is_some_and(|p| p.raw == [0x05, 0x00]);
    let rsa = |digest| match digest {
        DigestAlgorithm::Sha1 => SignatureAlgorithm::RsaPkcs1Sha1,
        DigestAlgorithm::Sha256 => SignatureAlgorithm::RsaPkcs1Sha256,
        DigestAlgorithm::Sha384 => SignatureAlgorithm::RsaPkcs1Sha384,
        DigestAlgorithm::Sha512 => SignatureAlgorithm::RsaPkcs1Sha512,
    };
    match algorithm.oid {
        oid::RSA_ENCRYPTION if bare || null => Ok(digest?.map(rsa).map_err(|_| oid::RSA_ENCRYPTION)),
        oid::RSA_ENCRYPTION => Err(Malformed),
        oid::SHA1_WITH_RSA if bare => Ok(Ok(SignatureAlgorithm::RsaPkcs1Sha1)),
        oid::SHA256_WITH_RSA if bare => Ok(Ok(SignatureAlgorithm::RsaPkcs1Sha256)),
        oid::SHA384_WITH_RSA if bare => Ok(Ok(SignatureAlgorithm::RsaPkcs1Sha384)),
        oid::SHA512_WITH_RSA if bare => Ok(Ok(SignatureAlgorithm::RsaPkcs1Sha512)),
        _ => algorithm.signature_or_sha1(),
    }
}

const PROTECTION: &str = "cms.algorithm_protection";

/// `CMSAlgorithmProtection` (RFC 6211 2): the algorithms that were signed must be those that stand outside.
pub(crate) fn check_protection(info: &SignerInfo<'_>, value: Element<'_>) -> Rule {
    let same = asn1::whole(value.raw, |outer| {
        outer.inside(der::Tag::Sequence, |parts| {
            let digest = parts.algorithm()?;
            // [1] IMPLICIT: the same content under another tag. A MAC algorithm ([2]) has no place in a signature.
            let signature = parts.element(constructed(1))?;
            let outside = asn1::whole(info.signature_algorithm.raw, Elements::any)?;
            // Absent and NULL parameters of a digest are the same algorithm (RFC 5754 2).
            let digest_is_same = digest.raw == info.digest.raw
                || matches!((digest.digest()?, info.digest.digest()?), (Ok(a), Ok(b)) if a == b);
            Ok::<_, Malformed>(digest_is_same && signature.value == outside.value)
        })
    });
    let citation = "RFC 6211 2";
    match same {
        Ok(true) => kept(CheckResult::passed(PROTECTION, citation)),
        Ok(false) => broken(
            CheckResult::failed(PROTECTION, citation).with("problem", "another algorithm"),
            SUBSTITUTED,
        ),
        Err(Malformed) => {
            broken(CheckResult::failed(PROTECTION, citation).with("problem", "malformed"), FORMAT)
        }
    }
}

//! The algorithm table: digests, verification, signing, message authentication, client assertions.
//!
//! The only crate that names a cryptographic library. It decides nothing about trust: it says whether a
//! signature is arithmetically right under a key, and how strong that key is; `pki` judges.

mod aes;
mod canonical;
mod card_key;
mod client_assertion;
mod digest;
pub mod merkle;
mod oaep;
mod resumable;
mod seal;
mod sign;
mod verify;

pub use aes::{AES_BLOCK, aes_128_cbc_decrypt, aes_128_cbc_encrypt};
pub use canonical::canonical_json;
pub use card_key::CardKey;
pub use client_assertion::{AssertionClaims, AssertionError, ClientKey, JwkSet};
pub use digest::{
    Digest, DigestAlgorithm, Hasher, equal_in_constant_time, hmac_sha256, sha1_for_key_identifiers, sha256,
    sha256_parts,
};
pub use resumable::ResumableSha256;
pub use seal::{OpenError, SealingKey};
pub use sign::{Ed25519Signer, RsaSigner, SignError, SystemRandom, verify_ed25519};
pub use verify::{BadSignature, EcdsaEncoding, KeyError, KeyStrength, PublicKey, SignatureAlgorithm};

/// A SHA-256 digest.
pub type Sha256Digest = [u8; 32];

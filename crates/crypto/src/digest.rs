//! Digests and message authentication codes.

use aws_lc_rs::{constant_time, digest, hmac};

use crate::Sha256Digest;

/// SHA-256 (FIPS 180-4).
#[must_use]
pub fn sha256(message: &[u8]) -> Sha256Digest {
    sha256_parts(&[message])
}

/// SHA-256 of the parts in order, without joining them in memory.
#[must_use]
pub fn sha256_parts(parts: &[&[u8]]) -> Sha256Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// SHA-1, only where RFC 5280 4.2.1.2 method (1) or an RFC 6960 `CertID` asks for it: never in a signature.
#[must_use]
pub fn sha1_for_key_identifiers(message: &[u8]) -> [u8; 20] {
    let mut out = [0; 20];
    out.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, message).as_ref());
    out
}

/// HMAC-SHA-256 (RFC 2104) over the parts in order. The caller separates the parts.
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Sha256Digest {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// Compares without telling by time where the difference is. Lengths are not secret.
#[must_use]
pub fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

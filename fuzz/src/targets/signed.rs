//! Signing what the fuzzer made, with keys made of fixed seeds.

use std::sync::LazyLock;

use const_oid::ObjectIdentifier;
use musubi_crypto::Ed25519Signer;
use musubi_pki::oid;

use super::support::der::{bits, boolean, ctx, extension, integer, name, octets, seq, tlv, utc_time};
use super::support::{DAY, NOW};

static ROOT_KEY: LazyLock<Ed25519Signer> =
    LazyLock::new(|| Ed25519Signer::from_seed(&[0x11; 32]).expect("a seed of 32 bytes"));

fn ed25519() -> Vec<u8> {
    seq(&[&tlv(0x06, ObjectIdentifier::as_bytes(&oid::ED25519))])
}

/// `tbs` signed by the fuzzer's root: a certificate, a revocation list or a `BasicOCSPResponse`, as far as it is one.
pub(super) fn sealed(tbs: &[u8]) -> Vec<u8> {
    seq(&[tbs, &ed25519(), &bits(&ROOT_KEY.sign(tbs))])
}

fn certificate(subject: &str, serial: u8, public_key: &[u8; 32], extensions: &[Vec<u8>]) -> Vec<u8> {
    let tbs = seq(&[
        &ctx(0, &integer(&[2])),
        &integer(&[serial]),
        &ed25519(),
        &name(&[(oid::COMMON_NAME, "Root")]),
        &seq(&[&utc_time(NOW.plus(-100 * DAY)), &utc_time(NOW.plus(100 * DAY))]),
        &name(&[(oid::COMMON_NAME, subject)]),
        &seq(&[&ed25519(), &bits(public_key)]),
        &ctx(3, &seq(&[&extensions.concat()])),
    ]);
    sealed(&tbs)
}

/// The root, which signs whatever the fuzzer made.
pub(super) fn root() -> &'static [u8] {
    static DER: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let authority = extension(oid::BASIC_CONSTRAINTS, true, &seq(&[&boolean(true)]));
        let usage = extension(oid::KEY_USAGE, true, &tlv(3, &[1, 0x86]));
        let id = extension(oid::SUBJECT_KEY_IDENTIFIER, false, &octets(b"root"));
        certificate("Root", 1, &ROOT_KEY.public_key(), &[authority, usage, id])
    });
    &DER
}

/// A certificate that the root issued.
pub(super) fn leaf() -> &'static [u8] {
    static DER: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let key = Ed25519Signer::from_seed(&[0x22; 32]).expect("a seed of 32 bytes");
        let usage = extension(oid::KEY_USAGE, true, &tlv(3, &[6, 0xC0]));
        certificate("Leaf", 2, &key.public_key(), &[usage])
    });
    &DER
}

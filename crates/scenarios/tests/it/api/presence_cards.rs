//! Free keys of cards and what vouches for them, made with an authority of cards of these tests. The records are those of
//! `musubi_card`; the certificate on the card is the nation's.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_card::records::public_key::{CardPublicKey, EXPONENT};
use musubi_card::tlv::write;
use musubi_crypto::RsaSigner;
use musubi_pki::PresenceStatement;
use musubi_verification::entitlement_check::to_be_signed;
use musubi_verification::presence::{CardAuthorities, CardAuthority, enrolling_text};
use serde_json::{Value, json};

/// Keys, each made when first used and shared by the tests of one process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    /// The authority that the platform knows.
    Authority,
    /// Who signs the files of cards.
    Issuer,
    /// The free key of the card that is enrolled.
    Card,
    /// The free key of another genuine card.
    OtherCard,
    /// An authority that the platform does not know.
    Stranger,
}

fn signer(key: Key) -> &'static RsaSigner {
    static KEYS: [OnceLock<RsaSigner>; 5] = [const { OnceLock::new() }; 5];
    KEYS[key as usize].get_or_init(|| RsaSigner::generate_2048().unwrap())
}

fn public(key: Key) -> CardPublicKey {
    // RSAPublicKey of 2048 bits: the modulus behind two heads and a sign, then the exponent.
    CardPublicKey::new(&signer(key).public_key_pkcs1_der()[9..265], &EXPONENT).unwrap()
}

fn key_id(key: Key) -> [u8; 16] {
    [key as u8; 16]
}

/// The authorities that the platform of these tests knows.
pub(crate) fn authorities() -> CardAuthorities {
    let modulus = signer(Key::Authority).public_key_pkcs1_der()[9..265].to_vec();
    let exponent = EXPONENT.to_vec();
    CardAuthorities::new(vec![CardAuthority { key_id: key_id(Key::Authority), modulus, exponent }])
}

/// EF 0004: the issuer's certificate, said to be of the known authority and signed by `by`.
pub(crate) fn certificate(by: Key) -> Vec<u8> {
    let key = public(Key::Issuer).to_objects().unwrap();
    let signed = [&key_id(Key::Authority)[..], &key_id(Key::Issuer), &key].concat();
    let signature = signer(by).sign_pkcs1_sha256(&signed).unwrap();
    let objects = [write(0x5F4E, &[&signed]).unwrap(), write(0x5F37, &[&signature]).unwrap()].concat();
    write(0x7F21, &[&objects]).unwrap()
}

/// EF 0007: the record of a free key, signed by `by`.
pub(crate) fn key_record(key: Key, by: Key) -> Vec<u8> {
    let signed = write(0xDF51, &[&public(key).to_objects().unwrap()]).unwrap();
    let signature = write(0xDF52, &[&signer(by).sign_pkcs1_sha256(&signed).unwrap()]).unwrap();
    write(0xFF50, &[&signed, &signature]).unwrap()
}

/// A signature by a free key, base64.
pub(crate) fn signed_by(key: Key, text: &str) -> String {
    STANDARD.encode(signer(key).sign_pkcs1_sha256(text.as_bytes()).unwrap())
}

/// The text that holder and card sign to enrol this card.
pub(crate) fn enrolment_text(key: Key, origin: &str, relying_party: &str, nonce: &str) -> String {
    let authentication = to_be_signed(origin, relying_party, "sign_in", nonce);
    enrolling_text(&authentication, public(key).verifier().unwrap().spki_der())
}

/// What a card window answers beside the authentication.
pub(crate) fn offer(record: &[u8], certificate: &[u8], signature: String) -> Value {
    json!({
        "key_record": STANDARD.encode(record), "card_certificate": STANDARD.encode(certificate), "signature": signature,
    })
}

/// The text that a card signs without PIN, for this certificate (base64).
pub(crate) fn presence_text(origin: &str, relying_party: &str, nonce: &str, certificate: &str) -> String {
    let statement = PresenceStatement {
        origin: origin.into(),
        relying_party: relying_party.into(),
        purpose: "sign_in".into(),
        nonce: nonce.into(),
    };
    statement.text(&STANDARD.decode(certificate).unwrap())
}

//! What the card signs is what P1 says, under its key (facts §4.3), arithmetically.

use std::sync::Arc;

use musubi_card::virtual_card::{Behaviour, Profile, VirtualCard};
use musubi_card::{Application, CommandApdu, ResponseApdu, StatusWord};
use musubi_crypto::{CardKey, PublicKey, SignatureAlgorithm, sha256};
use musubi_kernel::SeededRandom;

use super::support::{self, Holder, LARGE_KEY, SMALL_KEY};

const MESSAGE: &[u8] = b"what is signed";

/// A card with the PIN verified signs `data`.
fn sign(key: &Arc<CardKey>, p1: u8, data: &[u8], seed: u8) -> Vec<u8> {
    let random = SeededRandom::new([seed; 32]);
    let image = support::image(key, Profile::Plastic, Holder::Adult);
    let mut card = VirtualCard::new(image, support::memory(Holder::Adult), Behaviour::default());
    let mut send = |command: CommandApdu| {
        let answer = card.answer(&command.to_bytes(), &random).response.unwrap();
        let response = ResponseApdu::parse(&answer).unwrap();
        assert_eq!(response.status, StatusWord::OK, "{command:?}");
        response.data
    };
    send(CommandApdu::new(0x00, 0xA4, 0x04, 0x0C).with_data(Application::Jpki.aid()).unwrap());
    send(CommandApdu::new(0x00, 0x20, 0x00, 0x98).with_data(support::PIN.as_bytes()).unwrap());
    send(CommandApdu::new(0x80, 0x2A, p1, 0x97).with_data(data).unwrap().expecting(256).unwrap())
}

pub(crate) fn public_key() -> PublicKey {
    let integer = |bytes: &[u8]| {
        let bytes = if bytes[0] >= 0x80 { [&[0], bytes].concat() } else { bytes.to_vec() };
        der(0x02, &bytes)
    };
    let (modulus, exponent) = (LARGE_KEY.modulus(), LARGE_KEY.exponent());
    let algorithm = hex::decode("300D06092A864886F70D0101010500").unwrap();
    let key = der(0x30, &[integer(&modulus), integer(&exponent)].concat());
    let bits = der(0x03, &[&[0], key.as_slice()].concat());
    PublicKey::rsa(&der(0x30, &[algorithm, bits].concat()), &modulus, &exponent).unwrap()
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = if content.len() < 0x80 { vec![tag, low] } else { vec![tag, 0x82, high, low] };
    [head, content.to_vec()].concat()
}

#[test]
fn five_of_the_six_schemes_sign_the_same_message_as_their_standard_says() {
    let digest = sha256(MESSAGE);
    let digest_info = [&hex::decode("3031300D060960864801650304020105000420").unwrap()[..], &digest].concat();
    let pkcs1 = SignatureAlgorithm::RsaPkcs1Sha256;
    let pss = SignatureAlgorithm::RsaPssSha256;
    for (p1, data, algorithm) in [
        (0x00, digest_info.as_slice(), pkcs1),
        (0x02, &digest, pkcs1),
        (0x03, MESSAGE, pkcs1),
        (0x04, &digest, pss),
        (0x05, MESSAGE, pss),
    ] {
        let signature = sign(&LARGE_KEY, p1, data, 1);
        assert_eq!(public_key().verify(algorithm, MESSAGE, &signature), Ok(()), "P1 {p1:02X}");
        assert!(public_key().verify(algorithm, b"something else", &signature).is_err());
    }
}

#[test]
fn scheme_one_pads_the_bare_digest() {
    let signature = sign(&LARGE_KEY, 0x01, MESSAGE, 1);
    assert_eq!(public_key().verify_rsa_over_bare_sha256(&sha256(MESSAGE), &signature), Ok(()));
    assert!(public_key().verify(SignatureAlgorithm::RsaPkcs1Sha256, MESSAGE, &signature).is_err());
}

#[test]
fn pss_is_salted_and_pkcs1_is_not() {
    assert_ne!(sign(&LARGE_KEY, 0x05, MESSAGE, 1), sign(&LARGE_KEY, 0x05, MESSAGE, 2));
    assert_eq!(sign(&LARGE_KEY, 0x03, MESSAGE, 1), sign(&LARGE_KEY, 0x03, MESSAGE, 2));
}

#[test]
fn a_signature_is_as_long_as_the_modulus_also_if_it_begins_with_zeros() {
    let mut zeros = 0;
    for number in 0..=600_u16 {
        let signature = sign(&SMALL_KEY, 0x00, &number.to_be_bytes(), 1);
        assert_eq!(signature.len(), 128);
        zeros += usize::from(signature[0] == 0);
    }
    assert!(zeros > 0, "no signature of this round begins with a zero");
}

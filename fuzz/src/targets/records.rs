//! Files of cards: each reader takes any bytes, and nothing is genuine that no issuer signed.

use std::sync::LazyLock;

use musubi_card::genuineness::{CardAuthorities, CardAuthority};
use musubi_card::records::card_certificate::CardCertificate;
use musubi_card::records::card_number::CardNumber;
use musubi_card::records::public_key::{CardPublicKey, KeyRecord, parse_session_key};
use musubi_card::records::surface::{AgeRecord, FaceRecord};
use musubi_card::records::text::{AttributesFile, IntegrityRecord, attributes_file};

/// A certificate that the authority below did sign, so that inputs reach what stands behind it.
const CERTIFICATE: &[u8] = include_bytes!("../../../crates/card/tests/fixtures/cv-certificate-synthetic.bin");
const AUTHORITY: &[u8] = include_bytes!("../../../crates/card/tests/fixtures/cv-ca-key-synthetic.bin");

static AUTHORITIES: LazyLock<CardAuthorities> = LazyLock::new(|| {
    let issuer = CardCertificate::parse(CERTIFICATE).expect("the fixture is a certificate").issuer;
    let modulus = AUTHORITY.get(AUTHORITY.len() - 256..).unwrap_or_default().to_vec();
    CardAuthorities::new(vec![CardAuthority { key_id: issuer, modulus, exponent: vec![1, 0, 1] }])
});

pub(crate) fn records(input: &[u8]) {
    let _ = CardCertificate::parse(input).map(|certificate| certificate.key.verifier().is_ok());
    let _ = CardCertificate::parse_data_object(input).is_ok();
    let _ = CardPublicKey::parse(input).is_ok();
    let _ = parse_session_key(input).is_ok();
    let _ = KeyRecord::parse(input).is_ok();
    let _ = IntegrityRecord::parse(input).is_ok();
    let _ = AgeRecord::parse(input).is_ok();
    if let Ok(record) = FaceRecord::parse(input) {
        let face = record.face;
        let shown = [face.name_png, face.address_png, face.photograph, face.security_code_png];
        assert!(shown.iter().map(|picture| picture.len()).sum::<usize>() < input.len(), "from where?");
    }
    if let Ok(file) = AttributesFile::parse(input) {
        let written = attributes_file(&file.attributes).expect("what was read can be written");
        let again = AttributesFile::parse(&written).expect("what was written can be read");
        assert_eq!(again.attributes, file.attributes);
    }
    if let Ok(number) = CardNumber::parse(input) {
        let written = number.to_record().expect("what was read can be written");
        assert_eq!(CardNumber::parse(&written), Ok(number));
    }
    judge(input);
}

/// An input is a file and, behind its length in two bytes, another; each in every place.
fn judge(input: &[u8]) {
    let (first, second) = match input.split_first_chunk::<2>() {
        Some((length, rest)) => {
            let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
            rest.split_at(length)
        }
        None => (input, input),
    };
    for certificate in [CERTIFICATE, first] {
        for file in [input, first, second] {
            assert!(AUTHORITIES.verify_key_record(file, certificate).is_err(), "a key that nobody signed");
            assert!(AUTHORITIES.verify_age(file, certificate).is_err(), "a date that nobody signed");
            assert!(AUTHORITIES.verify_face(file, certificate).is_err(), "a face that nobody signed");
        }
        let attributes = AUTHORITIES.verify_attributes(first, second, certificate);
        assert!(attributes.is_err(), "attributes that nobody signed");
    }
}

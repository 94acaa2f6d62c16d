//! The files of a test card are read, and written again byte for byte but for the signatures, whose keys its issuer has.

use musubi_card::client::Attributes;
use musubi_card::records::card_certificate::{CardCertificate, certificate_data_object, certificate_file};
use musubi_card::records::card_number::CardNumber;
use musubi_card::records::individual_number::{number_file, with_check_digit};
use musubi_card::records::public_key::{
    CardPublicKey, KeyRecord, key_record_file, parse_session_key, session_key_file,
};
use musubi_card::records::surface::{
    self, AgeRecord, Face, FaceRecord, age_file, face_file, number_picture_file,
};
use musubi_card::records::text::{self, AttributesFile, IntegrityRecord, attributes_file, integrity_file};
use musubi_card::records::{RecordError, key_id};
use musubi_card::tlv::{Reader, TlvError};
use musubi_crypto::{PublicKey, SignatureAlgorithm, sha256};
use musubi_kernel::Secret;

use crate::issued::{attributes, by_issuer, face, number, public};
use crate::keys::{self, key};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name, ".bin")).as_slice()
    };
}

const TEXT_ATTRIBUTES: &[u8] = fixture!("text-0002");
const TEXT_INTEGRITY: &[u8] = fixture!("text-0003");
const TEXT_CERTIFICATE: &[u8] = fixture!("text-0004");
const TEXT_KEY_RECORD: &[u8] = fixture!("text-0007");
const SURFACE_AGE: &[u8] = fixture!("surface-0001");
const SURFACE_FACE: &[u8] = fixture!("surface-0002-without-photograph");
const SURFACE_CERTIFICATE: &[u8] = fixture!("surface-0004");
const SURFACE_NUMBER: &[u8] = fixture!("surface-0005");

/// SHA-256 of the data object of the photograph, which the fixture has lost.
const PHOTOGRAPH_DIGEST: &str = "2a484afc21048e8a2adb350f504abfe5da475e46451579c3988e7356b3e8d345";

/// The key that a certificate of the test card holds.
fn certified(file: &[u8]) -> PublicKey {
    CardCertificate::parse(file).unwrap().key.verifier().unwrap()
}

fn verifies(key: &PublicKey, signed: &[u8], signature: &[u8]) -> bool {
    key.verify(SignatureAlgorithm::RsaPkcs1Sha256, signed, signature).is_ok()
}

/// Equal but for the signature at the end.
fn assert_same_but_signature(written: &[u8], original: &[u8]) {
    assert_eq!(written.len(), original.len());
    let unsigned = original.len() - 256;
    assert_eq!(written[..unsigned], original[..unsigned]);
    assert_ne!(written[unsigned..], original[unsigned..], "another key has signed");
}

#[test]
fn the_attributes_are_read_and_written_as_they_stand_on_a_test_card() {
    let file = AttributesFile::parse(TEXT_ATTRIBUTES).unwrap();
    let Attributes { name, date_of_birth, sex, .. } = &file.attributes;
    assert_eq!((name.as_str(), date_of_birth.as_str(), *sex), ("黒桐　幹也", "19800217", 1));
    assert_eq!(file.attributes.address, "東京都清瀬市観布子南１２－７－２０２");
    assert_eq!(attributes_file(&file.attributes).unwrap(), TEXT_ATTRIBUTES);
    let with_filler = [TEXT_ATTRIBUTES, &[0xFF; 20]].concat();
    assert_eq!(AttributesFile::parse(&with_filler).unwrap(), file);
}

#[test]
fn long_attributes_keep_their_offsets() {
    let long = Attributes { address: "字".repeat(60), ..attributes() };
    let file = attributes_file(&long).unwrap();
    assert_eq!(AttributesFile::parse(&file).unwrap().attributes, long);
    let too_long = Attributes { address: "字".repeat(30_000), ..attributes() };
    assert_eq!(attributes_file(&too_long), Err(RecordError::Objects(TlvError::TooLong)));
}

#[test]
fn attributes_of_another_form_are_neither_written_nor_read() {
    for wrong in [
        Attributes { date_of_birth: "1990-4-1".to_owned(), ..attributes() },
        Attributes { date_of_birth: "199004011".to_owned(), ..attributes() },
        Attributes { sex: 10, ..attributes() },
    ] {
        assert!(matches!(attributes_file(&wrong), Err(RecordError::Value(_))));
    }
    let changed = |at: usize, byte: u8| {
        let mut file = TEXT_ATTRIBUTES.to_vec();
        file[at] = byte;
        AttributesFile::parse(&file).unwrap_err()
    };
    assert_eq!(changed(7, 0x0F), RecordError::Value("table of offsets"));
    assert_eq!(changed(103, b'x'), RecordError::Value("sex"));
    assert_eq!(changed(92, b'x'), RecordError::Value("date of birth"));
    assert_eq!(changed(0x12, 0xFF), RecordError::Value("name"), "no UTF-8");
    for length in 0..TEXT_ATTRIBUTES.len() {
        assert!(AttributesFile::parse(&TEXT_ATTRIBUTES[..length]).is_err(), "{length} bytes");
    }
    let behind = [TEXT_ATTRIBUTES, &[0]].concat();
    assert_eq!(AttributesFile::parse(&behind), Err(RecordError::Objects(TlvError::Trailing)));
}

#[test]
fn the_integrity_record_covers_both_files_of_a_test_card() {
    let record = IntegrityRecord::parse(TEXT_INTEGRITY).unwrap();
    assert!(verifies(&certified(TEXT_CERTIFICATE), record.signed, record.signature));
    let covered = AttributesFile::parse(TEXT_ATTRIBUTES).unwrap().covered;
    assert_eq!(record.attributes_digest, sha256(covered));
    let number_file = fixture!("text-0001-physical");
    let written = by_issuer(|issuer| integrity_file(number_file, TEXT_ATTRIBUTES, issuer)).unwrap();
    assert_same_but_signature(&written, TEXT_INTEGRITY);
}

#[test]
fn the_record_of_the_card_s_key_is_signed_with_its_tag_and_length() {
    let record = KeyRecord::parse(TEXT_KEY_RECORD).unwrap();
    assert!(verifies(&certified(TEXT_CERTIFICATE), record.signed, record.signature));
    assert!(!verifies(&certified(TEXT_CERTIFICATE), &record.signed[5..], record.signature));
    let written = by_issuer(|issuer| key_record_file(&record.key, issuer)).unwrap();
    assert_same_but_signature(&written, TEXT_KEY_RECORD);
}

#[test]
fn the_key_of_session_keys_and_the_basic_data_are_written_as_on_a_test_card() {
    let session = fixture!("text-0006");
    let key = parse_session_key(session).unwrap();
    assert_eq!(session_key_file(&key).unwrap(), session);
    assert_eq!(format!("{key:?}"), "CardPublicKey", "a key tells which card it is");
    let basic = fixture!("text-0005");
    let unknown: [u8; 32] = basic[36..68].try_into().unwrap();
    let id = key_id("6000034", "001", 0).unwrap();
    assert_eq!(text::basic_file(&id, &unknown).unwrap(), basic);
}

#[test]
fn public_keys_of_another_size_or_exponent_are_refused() {
    let key = key(keys::CARD);
    let (modulus, exponent) = (key.modulus(), key.exponent());
    assert!(CardPublicKey::new(&modulus, &exponent).is_ok());
    let mut even = modulus.clone();
    even[255] &= 0xFE;
    let mut small = modulus.clone();
    small[0] &= 0x7F;
    for (modulus, exponent) in [
        (&modulus[1..], &exponent[..]),
        (&[&[0], &modulus[..]].concat(), &exponent),
        (&modulus, &[3]),
        (&modulus, &[0, 1, 0, 1]),
        (&even, &exponent),
        (&small, &exponent),
    ] {
        assert!(CardPublicKey::new(modulus, exponent).is_err());
    }
    let behind = [public(&key).to_objects().unwrap(), vec![0]].concat();
    assert_eq!(CardPublicKey::parse(&behind), Err(RecordError::Objects(TlvError::Trailing)));
}

#[test]
fn certificates_of_a_test_card_are_read_and_written() {
    for file in [TEXT_CERTIFICATE, SURFACE_CERTIFICATE, fixture!("cv-certificate-synthetic")] {
        let certificate = CardCertificate::parse(file).unwrap();
        let written = certificate_file(
            &certificate.issuer,
            &certificate.holder,
            &certificate.key,
            &key(keys::AUTHORITY),
        );
        assert_same_but_signature(&written.unwrap(), file);
    }
    let text = CardCertificate::parse(TEXT_CERTIFICATE).unwrap();
    assert_eq!(text.issuer, key_id("6000033", "001", 0).unwrap());
    assert_eq!(text.holder, key_id("1322131", "000", 0).unwrap());
}

#[test]
fn signatures_of_certificates_cover_the_value_of_5f4e() {
    let authority = CardPublicKey::parse(fixture!("cv-ca-key-synthetic")).unwrap().verifier().unwrap();
    let synthetic = CardCertificate::parse(fixture!("cv-certificate-synthetic")).unwrap();
    assert!(verifies(&authority, synthetic.signed, synthetic.signature));
    // Of a real card: one of the two certificates of its issuer security domain certifies the other.
    let upper = CardCertificate::parse_data_object(fixture!("mf-do-F8")).unwrap();
    let lower = CardCertificate::parse_data_object(fixture!("mf-do-7F21")).unwrap();
    assert_eq!(lower.issuer, upper.holder);
    assert!(verifies(&upper.key.verifier().unwrap(), lower.signed, lower.signature));
    let authority = key(keys::AUTHORITY);
    let written = certificate_data_object(&lower.issuer, &lower.holder, &lower.key, &authority).unwrap();
    assert_same_but_signature(&written, fixture!("mf-do-7F21"));
    assert!(CardCertificate::parse_data_object(TEXT_CERTIFICATE).is_err());
    assert!(CardCertificate::parse(fixture!("mf-do-7F21")).is_err());
}

#[test]
fn the_date_of_birth_of_a_test_card_is_signed_with_the_card_s_key() {
    let record = AgeRecord::parse(SURFACE_AGE).unwrap();
    assert_eq!(record.date_of_birth, "19800217");
    assert!(verifies(&certified(SURFACE_CERTIFICATE), record.signed, record.signature));
    let written = by_issuer(|issuer| age_file(record.date_of_birth, &record.card_key, issuer)).unwrap();
    assert_same_but_signature(&written, SURFACE_AGE);
}

#[test]
fn the_face_of_a_test_card_is_signed_as_three_digests() {
    let record = FaceRecord::parse(SURFACE_FACE).unwrap();
    let mut digests = record.digests;
    assert_ne!(hex::encode(digests[2]), PHOTOGRAPH_DIGEST, "the fixture has none");
    digests[2].copy_from_slice(&hex::decode(PHOTOGRAPH_DIGEST).unwrap());
    let issuer = certified(SURFACE_CERTIFICATE);
    assert!(issuer.verify_rsa_over_three_sha256(&digests, record.signature).is_ok());
    assert!(issuer.verify_rsa_over_three_sha256(&record.digests, record.signature).is_err());
    let Face { date_of_birth, sex, expires_on, .. } = record.face;
    assert_eq!((date_of_birth, sex, expires_on), ("19800217", 1, "20350217"));
    assert_eq!(record.card_key, AgeRecord::parse(SURFACE_AGE).unwrap().card_key);

    let mut written = by_issuer(|issuer| face_file(&record.face, &record.card_key, issuer)).unwrap();
    let at = written.len() - SURFACE_FACE.len() + find(SURFACE_FACE, &[0xDF, 0x28]) + 5;
    assert_ne!(written[at..at + 256], *record.signature);
    written[at..at + 256].copy_from_slice(record.signature);
    assert_eq!(written, SURFACE_FACE);
}

fn find(file: &[u8], tag: &[u8; 2]) -> usize {
    // The last one: pictures may hold the same bytes.
    file.windows(2).rposition(|window| window == tag).unwrap()
}

#[test]
fn a_face_whose_parts_have_another_form_is_neither_written_nor_read() {
    let card_key = public(&key(keys::CARD));
    for wrong in [
        Face { date_of_birth: "1990", ..face() },
        Face { expires_on: "never", ..face() },
        Face { sex: 10, ..face() },
    ] {
        assert!(by_issuer(|issuer| face_file(&wrong, &card_key, issuer)).is_err());
    }
    let large = vec![0; 65_000];
    let wrong = Face { photograph: &large, ..face() };
    let refused = by_issuer(|issuer| face_file(&wrong, &card_key, issuer));
    assert_eq!(refused, Err(RecordError::Objects(TlvError::TooLong)));
    let file = by_issuer(|issuer| face_file(&face(), &card_key, issuer)).unwrap();
    assert_eq!(FaceRecord::parse(&file).unwrap().face, face());
    for length in (0..file.len()).step_by(7) {
        assert!(FaceRecord::parse(&file[..length]).is_err(), "{length} bytes");
    }
    let mut offsets = file;
    offsets[9] ^= 1;
    assert_eq!(FaceRecord::parse(&offsets), Err(RecordError::Value("table of offsets")));
}

#[test]
fn the_basic_data_and_the_picture_of_the_number_are_written_as_on_a_test_card() {
    let basic = fixture!("surface-0003");
    let own = key_id("6000024", "001", 0).unwrap();
    let other = key_id("5900025", "001", 0).unwrap();
    let unknown: [u8; 256] = basic[basic.len() - 256..].try_into().unwrap();
    assert_eq!(surface::basic_file(&own, "13221", &other, &unknown).unwrap(), basic);

    let mut reader = Reader::new(SURFACE_NUMBER);
    let value = reader.expect(0xFF40).unwrap();
    let mut reader = Reader::new(value);
    let picture = reader.expect(0xDF41).unwrap();
    let card_key = CardPublicKey::parse(reader.expect(0xDF42).unwrap()).unwrap();
    let signed = &value[..value.len() - reader.rest().len()];
    assert!(verifies(&certified(SURFACE_CERTIFICATE), signed, reader.expect(0xDF43).unwrap()));
    let written = by_issuer(|issuer| number_picture_file(picture, &card_key, issuer)).unwrap();
    assert_same_but_signature(&written, SURFACE_NUMBER);
}

#[test]
fn the_number_is_written_with_filler_and_only_with_its_check_digit() {
    assert_eq!(number_file(&number()).unwrap(), fixture!("text-0001-physical"));
    // The last: a remainder of 1 makes 0 too, and so do eleven zeros.
    for (eleven, twelve) in
        [("53768667718", "537686677188"), ("00000000000", "000000000000"), ("00000000006", "000000000060")]
    {
        let made = with_check_digit(&Secret::new(eleven.to_owned())).unwrap();
        assert_eq!(made.expose(), twelve);
    }
    for wrong in
        ["537686677187", "53768667718", "5376866771888", "53768667718x", "", "５３７６８６６７７１８８"]
    {
        assert_eq!(number_file(&Secret::new(wrong.to_owned())), Err(RecordError::Value("number")), "{wrong}");
    }
}

#[test]
fn the_record_of_the_card_s_serial_number_is_as_the_facts_have_it() {
    let number = CardNumber {
        serial: "400000012719843".to_owned(),
        municipality: "13221".to_owned(),
        expires_on: "20350217".to_owned(),
    };
    let record = number.to_record().unwrap();
    assert_eq!(record, [&[0x01, 0x1C][..], b"4000000127198431322120350217"].concat());
    assert_eq!(CardNumber::parse(&record).unwrap(), number);
    assert!(!format!("{number:?}").contains("4000"), "the serial number is not printed");
    for wrong in [
        CardNumber { serial: "4000".to_owned(), ..number.clone() },
        CardNumber { municipality: "1322x".to_owned(), ..number.clone() },
        CardNumber { expires_on: "2035021".to_owned(), ..number },
    ] {
        assert!(wrong.to_record().is_err());
    }
    assert!(CardNumber::parse(&record[..29]).is_err());
}

#[test]
fn key_identifiers_have_seven_digits_and_three() {
    assert_eq!(
        &key_id("6000020", "001", 0xA8).unwrap()[..],
        [&b"6000020\x08\x05001"[..], &[0, 0, 0, 0xA8]].concat()
    );
    for (owner, kind) in [("600002", "001"), ("600002x", "001"), ("6000020", "01"), ("6000020", "0011")] {
        assert_eq!(key_id(owner, kind, 0), Err(RecordError::Value("key identifier")));
    }
}

//! Only what an issuer wrote, whom a known authority vouches for, is genuine.

use musubi_card::genuineness::{CardAuthorities, CardAuthority, NotGenuine};
use musubi_card::records::card_certificate::certificate_file;
use musubi_card::records::public_key::key_record_file;
use musubi_card::records::surface::{age_file, face_file};
use musubi_card::records::text::{attributes_file, integrity_file};
use musubi_card::records::{Issuer, individual_number::number_file, key_id};

use crate::issued::{
    attributes, authority, authority_id, by_issuer, certificate, face, issuer_id, number, public,
};
use crate::keys::{self, key};

fn key_record() -> Vec<u8> {
    by_issuer(|issuer| key_record_file(&public(&key(keys::CARD)), issuer)).unwrap()
}

/// Each byte changed in turn is refused.
fn assert_every_byte_counts(file: &[u8], verify: impl Fn(&[u8]) -> bool) {
    assert!(verify(file));
    for at in 0..file.len() {
        let mut changed = file.to_vec();
        changed[at] ^= 1;
        assert!(!verify(&changed), "byte {at}");
    }
}

#[test]
fn a_genuine_key_verifies_what_the_card_signs() {
    let genuine = authority(keys::AUTHORITY).verify_key_record(&key_record(), &certificate()).unwrap();
    let card = key(keys::CARD);
    assert_eq!(genuine.spki_der(), card.public_key().unwrap().spki_der());
    let signature = card.sign_pkcs1_sha256(b"nonce").unwrap();
    assert_eq!(genuine.verify(b"nonce", &signature), Ok(()));
    assert_eq!(genuine.verify(b"other", &signature), Err(NotGenuine::BadSignature("message")));
    let strange = key(keys::STRANGER).sign_pkcs1_sha256(b"nonce").unwrap();
    assert!(genuine.verify(b"nonce", &strange).is_err(), "a copy without the key");
}

#[test]
fn a_record_of_a_key_counts_with_all_its_bytes() {
    let known = authority(keys::AUTHORITY);
    let (record, certificate) = (key_record(), certificate());
    assert_every_byte_counts(&record, |file| known.verify_key_record(file, &certificate).is_ok());
    assert_every_byte_counts(&certificate, |file| known.verify_key_record(&record, file).is_ok());
}

#[test]
fn filler_behind_the_files_does_no_harm_and_other_bytes_do() {
    let known = authority(keys::AUTHORITY);
    let (record, certificate) = (key_record(), certificate());
    let behind = |file: &[u8], byte| [file, &[byte; 3]].concat();
    assert!(known.verify_key_record(&behind(&record, 0xFF), &behind(&certificate, 0xFF)).is_ok());
    assert!(known.verify_key_record(&behind(&record, 0), &certificate).is_err());
    assert!(known.verify_key_record(&record, &behind(&certificate, 0)).is_err());
}

#[test]
fn who_is_not_vouched_for_is_not_genuine() {
    let (record, certificate) = (key_record(), certificate());
    let by =
        |authorities: &CardAuthorities| authorities.verify_key_record(&record, &certificate).unwrap_err();
    assert_eq!(by(&CardAuthorities::default()), NotGenuine::UnknownAuthority);
    assert!(CardAuthorities::default().is_empty());
    assert_eq!(by(&authority(keys::STRANGER)), NotGenuine::BadSignature("card's certificate"));
    let authority_key = key(keys::AUTHORITY);
    let renamed = CardAuthorities::new(vec![CardAuthority {
        key_id: key_id("9000023", "001", 0).unwrap(),
        modulus: authority_key.modulus(),
        exponent: authority_key.exponent(),
    }]);
    assert_eq!(by(&renamed), NotGenuine::UnknownAuthority, "the authority of another application");
}

#[test]
fn one_generation_of_an_authority_is_as_good_as_another() {
    let both = [keys::STRANGER, keys::AUTHORITY].map(|which| CardAuthority {
        key_id: authority_id(),
        modulus: key(which).modulus(),
        exponent: key(which).exponent(),
    });
    assert!(CardAuthorities::new(both.to_vec()).verify_key_record(&key_record(), &certificate()).is_ok());
}

#[test]
fn an_issuer_without_a_certificate_cannot_lend_another_s() {
    let known = authority(keys::AUTHORITY);
    let stranger = Issuer { key: &key(keys::STRANGER), certificate: &certificate() };
    let record = key_record_file(&public(&key(keys::CARD)), stranger).unwrap();
    let refused = known.verify_key_record(&record, &certificate()).unwrap_err();
    assert_eq!(refused, NotGenuine::BadSignature("record of the card's key"));
    // A card's own free key signs for anyone: it must not make certificates.
    let forged =
        certificate_file(&authority_id(), &issuer_id(), &public(&key(keys::STRANGER)), &key(keys::CARD));
    let refused = known.verify_key_record(&record, &forged.unwrap()).unwrap_err();
    assert_eq!(refused, NotGenuine::BadSignature("card's certificate"));
}

#[test]
fn what_has_no_form_is_named() {
    let known = authority(keys::AUTHORITY);
    let (record, certificate) = (key_record(), certificate());
    assert_eq!(
        known.verify_key_record(&record, b"").unwrap_err(),
        NotGenuine::Malformed("card's certificate")
    );
    assert_eq!(
        known.verify_key_record(b"", &certificate).unwrap_err(),
        NotGenuine::Malformed("record of the card's key")
    );
    assert_eq!(
        known.verify_key_record(&certificate, &certificate).unwrap_err(),
        NotGenuine::Malformed("record of the card's key")
    );
    let integrity = NotGenuine::Malformed("record of integrity");
    assert_eq!(known.verify_attributes(b"", b"", &certificate).unwrap_err(), integrity);
    assert_eq!(known.verify_age(b"", &certificate).unwrap_err(), NotGenuine::Malformed("date of birth"));
    assert_eq!(known.verify_face(b"", &certificate).unwrap_err(), NotGenuine::Malformed("face of the card"));
}

#[test]
fn attributes_count_with_all_their_bytes() {
    let known = authority(keys::AUTHORITY);
    let file = attributes_file(&attributes()).unwrap();
    let number = number_file(&number()).unwrap();
    let integrity = by_issuer(|issuer| integrity_file(&number, &file, issuer)).unwrap();
    let certificate = certificate();
    assert_eq!(known.verify_attributes(&file, &integrity, &certificate).unwrap(), attributes());
    assert_every_byte_counts(&file, |file| known.verify_attributes(file, &integrity, &certificate).is_ok());
    assert_every_byte_counts(&integrity, |record| {
        known.verify_attributes(&file, record, &certificate).is_ok()
    });
    let other = musubi_card::client::Attributes { name: "結城　葉".to_owned(), ..attributes() };
    let other = attributes_file(&other).unwrap();
    let refused = known.verify_attributes(&other, &integrity, &certificate).unwrap_err();
    assert_eq!(refused, NotGenuine::OtherAttributes);
}

#[test]
fn a_date_of_birth_counts_with_all_its_bytes() {
    let known = authority(keys::AUTHORITY);
    let file = by_issuer(|issuer| age_file("19900401", &public(&key(keys::CARD)), issuer)).unwrap();
    let certificate = certificate();
    assert_eq!(known.verify_age(&file, &certificate).unwrap().date_of_birth, "19900401");
    assert_every_byte_counts(&file, |file| known.verify_age(file, &certificate).is_ok());
}

#[test]
fn a_face_counts_up_to_its_signature_and_what_stands_behind_proves_nothing() {
    let known = authority(keys::AUTHORITY);
    let file = by_issuer(|issuer| face_file(&face(), &public(&key(keys::CARD)), issuer)).unwrap();
    let certificate = certificate();
    let record = known.verify_face(&file, &certificate).unwrap();
    assert_eq!(record.face, face());
    // The value of the security code, the last object; the expiry before it must stay digits, as `^ 1` leaves them.
    let code = file.len() - 20;
    let expiry = code - 3 - 8;
    let is_unsigned = |at: usize| (expiry..expiry + 8).contains(&at) || at >= code;
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert_eq!(known.verify_face(&changed, &certificate).is_ok(), is_unsigned(at), "byte {at}");
    }
}

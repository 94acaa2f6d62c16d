//! The public half of a card's free key as EF 0007 of 券面事項入力補助AP holds it (facts: `FF50 { DF51 key, DF52 signature }`,
//! the key as `90 exponent, 91 modulus`). Verifies nothing: whoever accepts an enrolment does.

use musubi_card::client::CardError;

/// Record, key and exponent as they stand before the modulus of 2048 bits.
const BEFORE_MODULUS: [u8; 18] = [
    0xFF, 0x50, 0x82, 0x02, 0x13, 0xDF, 0x51, 0x82, 0x01, 0x09, 0x90, 0x03, 0x01, 0x00, 0x01, 0x91, 0x82, 0x01,
];
/// `SubjectPublicKeyInfo` (RFC 3279, 2.3.1) of an RSA key of 2048 bits as it stands before the modulus.
const BEFORE_MODULUS_IN_SPKI: [u8; 33] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
    0x03, 0x82, 0x01, 0x0F, 0x00, 0x30, 0x82, 0x01, 0x0A, 0x02, 0x82, 0x01, 0x01, 0x00,
];
const EXPONENT_IN_SPKI: [u8; 5] = [0x02, 0x03, 0x01, 0x00, 0x01];

/// The key's `SubjectPublicKeyInfo`, DER.
///
/// # Errors
/// [`CardError::Malformed`] for anything but a key of 2048 bits with the exponent 65537.
pub(crate) fn spki_of(record: &[u8]) -> Result<Vec<u8>, CardError> {
    let modulus = record
        .strip_prefix(&BEFORE_MODULUS)
        .and_then(|rest| rest.strip_prefix(&[0x00]))
        .and_then(|rest| rest.get(..256))
        .filter(|modulus| modulus.first().is_some_and(|first| *first >= 0x80))
        .ok_or(CardError::Malformed("key record"))?;
    Ok([&BEFORE_MODULUS_IN_SPKI[..], modulus, &EXPONENT_IN_SPKI].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Vec<u8> {
        let mut record = [&BEFORE_MODULUS[..], &[0x00]].concat();
        record.resize(record.len() + 256, 0xC7);
        record.extend([0xDF, 0x52, 0x82, 0x01, 0x00]);
        record.resize(record.len() + 256, 0x11);
        record
    }

    #[test]
    fn the_key_is_one_that_a_verifier_reads() {
        let spki = spki_of(&record()).unwrap();
        assert_eq!(spki.len(), 294);
        assert!(musubi_crypto::PublicKey::rsa(&spki, &[0xC7; 256], &[1, 0, 1]).is_ok());
    }

    #[test]
    fn a_record_of_another_form_is_not_read() {
        for (at, byte) in [(0, 0xFE), (4, 0x12), (5, 0xDE), (14, 0x03), (18, 0x01), (19, 0x7F)] {
            let mut other = record();
            other[at] = byte;
            assert_eq!(spki_of(&other), Err(CardError::Malformed("key record")), "byte {at}");
        }
        assert!(spki_of(&record()[..200]).is_err() && spki_of(&[]).is_err());
    }
}

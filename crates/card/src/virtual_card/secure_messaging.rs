//! Secure messaging of 券面事項入力補助AP (facts §4.5): encryption only, no authentication codes, so that it keeps a listener on the
//! air from reading, and nobody from changing. Class bytes, access and the end of a session are the engine's.
//!
//! Known from a card: the delivery of the key, the counter in the initialisation vector, the data objects `86` and `96`,
//! the padding, `6988` for what is wrong. **Our own choice:** the answer has the same vector as its command; a command without
//! data objects is one without data; each wrong form has the status word that its name suggests.

use musubi_crypto::{AES_BLOCK, CardKey, aes_128_cbc_decrypt, aes_128_cbc_encrypt};
use zeroize::Zeroizing;

use crate::apdu::{CommandApdu, EXTENDED_LE, ResponseApdu};
use crate::status::StatusWord;
use crate::tlv::{Reader, write};

/// What the delivered plain text begins with: `A0 22 80 20`, then 32 bytes of seed.
const DELIVERY: [u8; 4] = [0xA0, 0x22, 0x80, 0x20];
/// Data object of a cryptogram; its value begins with the padding indicator.
const CRYPTOGRAM: u16 = 0x86;
/// Data object of Le.
const LE: u16 = 0x96;
/// Padding indicator: ISO 7816-4 10.3.3, `80 00…00`.
const PADDED: u8 = 0x01;

/// A session whose key both sides have.
pub(super) struct SecureMessaging {
    key: Zeroizing<[u8; AES_BLOCK]>,
    /// N of the command that was unwrapped last.
    counter: u128,
}

impl std::fmt::Debug for SecureMessaging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecureMessaging")
    }
}

impl SecureMessaging {
    /// Takes the session key out of the data of `80 AE`, which is as long as the modulus of `key`.
    pub(super) fn open(key: &CardKey, data: &[u8]) -> Result<Self, StatusWord> {
        let plain =
            key.open_oaep_sha256(data).map(Zeroizing::new).map_err(|_| StatusWord::SM_OBJECT_WRONG)?;
        let seed = plain.strip_prefix(&DELIVERY).filter(|seed| seed.len() == 32);
        let session_key = seed.and_then(|seed| seed.first_chunk::<AES_BLOCK>());
        let session_key = session_key.ok_or(StatusWord::SM_OBJECT_WRONG)?;
        Ok(Self { key: Zeroizing::new(*session_key), counter: 0 })
    }

    /// The command within a command of class 08, with class 00. An error ends the session.
    pub(super) fn unwrap(&mut self, command: &CommandApdu) -> Result<CommandApdu, StatusWord> {
        self.counter += 1;
        let mut inner = CommandApdu::new(command.cla & !0x08, command.ins, command.p1, command.p2);
        let mut reader = Reader::new(command.data());
        let mut seen = Vec::new();
        while !reader.rest().is_empty() {
            let (tag, value) = reader.next_object().map_err(|_| StatusWord::SM_OBJECT_WRONG)?;
            // In this order, each at most once.
            if seen.last().is_some_and(|last| *last >= tag.0) {
                return Err(StatusWord::SM_OBJECT_WRONG);
            }
            seen.push(tag.0);
            inner = match tag.0 {
                CRYPTOGRAM => inner.with_data(&self.decrypt(value)?),
                LE => inner.expecting(expected_length(value)?),
                _ => return Err(StatusWord::SM_OBJECT_WRONG),
            }
            .map_err(|_| StatusWord::SM_OBJECT_WRONG)?;
        }
        Ok(inner)
    }

    /// Encrypts the answer to the command that was unwrapped last; one without data stays as it is.
    pub(super) fn wrap(&mut self, response: ResponseApdu) -> ResponseApdu {
        if response.data.is_empty() {
            return response;
        }
        match self.encrypt(&response.data) {
            Some(data) => ResponseApdu { data, status: response.status },
            None => StatusWord::OUTPUT_FAILURE.into(),
        }
    }

    fn decrypt(&self, value: &[u8]) -> Result<Zeroizing<Vec<u8>>, StatusWord> {
        let wrong = StatusWord::SM_OBJECT_WRONG;
        let (PADDED, sealed) = value.split_first().map(|(first, rest)| (*first, rest)).ok_or(wrong)? else {
            return Err(wrong);
        };
        let vector = self.vector().ok_or(wrong)?;
        let mut plain = Zeroizing::new(aes_128_cbc_decrypt(&self.key, &vector, sealed).map_err(|_| wrong)?);
        let zeros = plain.iter().rev().take_while(|byte| **byte == 0).count();
        let end = plain.len().checked_sub(zeros + 1).ok_or(wrong)?;
        // The padding is of one block at most.
        if plain.get(end) != Some(&0x80) || zeros >= AES_BLOCK {
            return Err(wrong);
        }
        plain.truncate(end);
        Ok(plain)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut padded = Zeroizing::new(plain.to_vec());
        padded.push(0x80);
        let whole = padded.len().next_multiple_of(AES_BLOCK);
        padded.resize(whole, 0);
        let sealed = aes_128_cbc_encrypt(&self.key, &self.vector()?, &padded).ok()?;
        write(CRYPTOGRAM, &[&[PADDED], &sealed]).ok()
    }

    /// The initialisation vector: N as one block, encrypted.
    fn vector(&self) -> Option<[u8; AES_BLOCK]> {
        let block = aes_128_cbc_encrypt(&self.key, &[0; AES_BLOCK], &self.counter.to_be_bytes()).ok()?;
        block.try_into().ok()
    }
}

/// The value of `96`: Le as an extended command has it, with its leading 00, or as a short one.
fn expected_length(value: &[u8]) -> Result<u32, StatusWord> {
    match *value {
        [0, high, low] => match u16::from_be_bytes([high, low]) {
            0 => Ok(EXTENDED_LE),
            le => Ok(u32::from(le)),
        },
        [0] => Ok(crate::apdu::SHORT_LE),
        [le] => Ok(u32::from(le)),
        _ => Err(StatusWord::SM_OBJECT_WRONG),
    }
}

#[cfg(test)]
#[path = "../../tests/it/keys.rs"]
#[allow(dead_code, reason = "shared with the integration tests")]
mod keys;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).unwrap()
    }

    /// The reader's side of the delivery: a seed whose first half is 00 01 … 0F.
    fn delivered(plain: &[u8]) -> Result<SecureMessaging, StatusWord> {
        let key = keys::key(keys::SESSION);
        let sealed = key.public_key().unwrap().encrypt_oaep_sha256(plain, &[9; 32]).unwrap();
        SecureMessaging::open(&key, &sealed)
    }

    fn session() -> SecureMessaging {
        let seed: Vec<u8> = (0..32).collect();
        delivered(&[&DELIVERY[..], &seed].concat()).unwrap()
    }

    fn command(text: &str) -> CommandApdu {
        CommandApdu::parse(&bytes(text)).unwrap()
    }

    /// Computed with OpenSSL: N encrypted, then `31323334 80 00…` under that vector.
    const FIRST_PIN: &str = "08200080 13 8611 01 b8d49349a0bfe272ea900230652daaef";
    const SECOND_PIN: &str = "08200080 13 8611 01 9315e97089184ee09d75034ef2b6b841";

    #[test]
    fn the_number_of_the_command_is_in_what_is_encrypted() {
        let mut session = session();
        for text in [FIRST_PIN, SECOND_PIN] {
            let inner = session.unwrap(&command(text)).unwrap();
            assert_eq!((inner.cla, inner.ins, inner.p1, inner.p2), (0, 0x20, 0, 0x80));
            assert_eq!((inner.data(), inner.le()), (&b"1234"[..], None));
        }
        assert_eq!(session.unwrap(&command(FIRST_PIN)), Err(StatusWord::SM_OBJECT_WRONG), "sent again");
    }

    #[test]
    fn an_answer_is_encrypted_as_its_command_was() {
        let mut session = session();
        let inner = session.unwrap(&command("08B00000 05 9603 000004 00")).unwrap();
        assert_eq!((inner.cla, inner.le(), inner.data().len()), (0, Some(4), 0));
        let response = |data: &[u8]| ResponseApdu { data: data.to_vec(), status: StatusWord::OK };
        let wrapped = session.wrap(response(b"1234"));
        assert_eq!(wrapped.to_bytes(), bytes("8611 01 b8d49349a0bfe272ea900230652daaef 9000"));
        assert_eq!(session.wrap(response(b"")).to_bytes(), [0x90, 0x00], "there is nothing to hide");
        let long = session.wrap(response(&[7; 256]));
        assert_eq!(long.data[..5], [0x86, 0x82, 0x01, 0x11, 0x01], "a whole block of padding");
    }

    #[test]
    fn a_command_without_data_is_one_without_data() {
        let inner = session().unwrap(&command("08200080")).unwrap();
        assert_eq!((inner.data().len(), inner.le()), (0, None));
        let all = session().unwrap(&command("08B00000 05 9603 000000")).unwrap();
        assert_eq!(all.le(), Some(EXTENDED_LE));
    }

    #[test]
    fn what_has_another_form_is_wrong() {
        for (text, what) in [
            ("08200080 04 31323334", "no data objects"),
            ("08200080 13 8711 01 b8d49349a0bfe272ea900230652daaef", "another tag"),
            ("08200080 13 8611 02 b8d49349a0bfe272ea900230652daaef", "another padding"),
            ("08200080 12 8610 01 b8d49349a0bfe272ea900230652daa", "no whole block"),
            ("08200080 12 8611 01 b8d49349a0bfe272ea900230652daa", "cut off"),
            ("08200080 02 8600", "nothing in it"),
            ("08200080 03 8601 01", "no block"),
            ("08200080 13 8611 01 b8d49349a0bfe272ea900230652daaee", "changed"),
            ("08B00000 04 9602 0004 00", "another form of Le"),
            ("08B00000 0A 9603 000004 9603 000004", "the same object twice"),
            ("08B00000 18 9603 000004 8611 01 b8d49349a0bfe272ea900230652daaef", "another order"),
        ] {
            assert_eq!(session().unwrap(&command(text)), Err(StatusWord::SM_OBJECT_WRONG), "{what}");
        }
    }

    #[test]
    fn a_session_key_comes_in_its_form_under_the_key_of_the_card() {
        for (plain, what) in [
            (vec![], "nothing"),
            ([&DELIVERY[..], &[7; 31]].concat(), "too short"),
            ([&DELIVERY[..], &[7; 33]].concat(), "too long"),
            ([&[0xA0, 0x22, 0x81, 0x20][..], &[7; 32]].concat(), "another tag"),
        ] {
            assert_eq!(delivered(&plain).unwrap_err(), StatusWord::SM_OBJECT_WRONG, "{what}");
        }
        let stranger = keys::key(keys::STRANGER).public_key().unwrap();
        let sealed = stranger.encrypt_oaep_sha256(&[&DELIVERY[..], &[7; 32]].concat(), &[9; 32]).unwrap();
        let opened = SecureMessaging::open(&keys::key(keys::SESSION), &sealed);
        assert_eq!(opened.unwrap_err(), StatusWord::SM_OBJECT_WRONG);
    }
}

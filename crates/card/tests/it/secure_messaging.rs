//! Secure messaging of 券面事項入力補助AP, played from the reader's side against a whole card.

use std::sync::Arc;

use musubi_card::layout::{Application, PinReference};
use musubi_card::records::key_id;
use musubi_card::records::public_key::parse_session_key;
use musubi_card::records::text::{AttributesFile, attributes_file};
use musubi_card::tlv::{Reader, write};
use musubi_card::virtual_card::text_attributes::{self, TextContents};
use musubi_card::virtual_card::{Behaviour, Image, Memory, Profile, VirtualCard};
use musubi_card::{CommandApdu, ResponseApdu, StatusWord};
use musubi_crypto::{aes_128_cbc_decrypt, aes_128_cbc_encrypt};
use musubi_kernel::SeededRandom;

use crate::issued::{attributes, by_issuer, number};
use crate::keys::{self, key};

const PIN: &str = "1234";

/// A reader with a card whose text application is selected.
struct Terminal {
    card: VirtualCard,
    key: [u8; 16],
    commands: u128,
}

impl Terminal {
    fn new() -> Self {
        let text = by_issuer(|issuer| {
            text_attributes::application(&TextContents {
                number: &number(),
                attributes: &attributes(),
                issuer,
                key_id: key_id("9000034", "001", 0).unwrap(),
                internal_key: key(keys::CARD),
                session_key: key(keys::SESSION),
            })
        });
        let image =
            Image { profile: Profile::Plastic, applications: vec![text.unwrap()], issuer_data: Vec::new() };
        let memory = Memory::default().with(PinReference::TextAttributes, PIN);
        let card = VirtualCard::new(Arc::new(image), memory, Behaviour::default());
        let mut terminal = Self { card, key: [0; 16], commands: 0 };
        let select = CommandApdu::new(0, 0xA4, 4, 0x0C).with_data(Application::TextAttributes.aid()).unwrap();
        assert_eq!(terminal.plain(&select).status, StatusWord::OK);
        terminal
    }

    fn plain(&mut self, command: &CommandApdu) -> ResponseApdu {
        let answer = self.card.answer(&command.to_bytes(), &SeededRandom::new([1; 32]));
        ResponseApdu::parse(&answer.response.unwrap()).unwrap()
    }

    /// PIN in clear, as the card wants it before the key.
    fn verify(&mut self, pin: &str) -> StatusWord {
        self.plain(&CommandApdu::new(0, 0x20, 0, 0x91).with_data(pin.as_bytes()).unwrap()).status
    }

    /// Reads the card's key and delivers a session key under it.
    fn deliver(&mut self) -> StatusWord {
        let file = self.plain(&CommandApdu::new(0, 0xB0, 0x86, 0).expecting(512).unwrap());
        let public = match parse_session_key(&file.data) {
            Ok(public) => public.verifier().unwrap(),
            Err(_) => key(keys::SESSION).public_key().unwrap(),
        };
        let seed: Vec<u8> = (0..32).collect();
        let sealed = public.encrypt_oaep_sha256(&[&[0xA0, 0x22, 0x80, 0x20][..], &seed].concat(), &[7; 32]);
        self.key.copy_from_slice(&seed[..16]);
        self.commands = 0;
        self.plain(&CommandApdu::new(0x80, 0xAE, 0, 0).with_data(&sealed.unwrap()).unwrap()).status
    }

    fn vector(&self) -> [u8; 16] {
        let block = aes_128_cbc_encrypt(&self.key, &[0; 16], &self.commands.to_be_bytes());
        block.unwrap().try_into().unwrap()
    }

    fn padded(plain: &[u8]) -> Vec<u8> {
        let mut padded = [plain, &[0x80]].concat();
        padded.resize(padded.len().next_multiple_of(16), 0);
        padded
    }

    /// Encrypts data and Le, and decrypts the answer.
    fn secured(&mut self, ins: u8, p1: u8, p2: u8, data: &[u8], le: Option<u16>) -> (Vec<u8>, StatusWord) {
        self.commands += 1;
        let mut objects = Vec::new();
        if !data.is_empty() {
            let sealed = aes_128_cbc_encrypt(&self.key, &self.vector(), &Self::padded(data)).unwrap();
            objects.extend(write(0x86, &[&[1], &sealed]).unwrap());
        }
        if let Some(le) = le {
            objects.extend(write(0x96, &[&[0], &le.to_be_bytes()]).unwrap());
        }
        let command = CommandApdu::new(8, ins, p1, p2).with_data(&objects).unwrap();
        let response = self.plain(&command.expecting(65_536).unwrap());
        if response.data.is_empty() {
            return (Vec::new(), response.status);
        }
        let mut reader = Reader::new(&response.data);
        let (indicator, sealed) = reader.expect(0x86).unwrap().split_first().unwrap();
        assert_eq!(*indicator, 1);
        reader.end().unwrap();
        let plain = aes_128_cbc_decrypt(&self.key, &self.vector(), sealed).unwrap();
        let end = plain.iter().rposition(|byte| *byte == 0x80).unwrap();
        (plain[..end].to_vec(), response.status)
    }
}

#[test]
fn attributes_are_read_without_a_listener_learning_them() {
    let mut terminal = Terminal::new();
    assert_eq!(terminal.verify(PIN), StatusWord::OK);
    assert_eq!(terminal.deliver(), StatusWord::OK);
    assert_eq!(terminal.secured(0xA4, 2, 0x0C, &[0, 2], None), (Vec::new(), StatusWord::OK));
    let (file, status) = terminal.secured(0xB0, 0, 0, &[], Some(0));
    assert_eq!((status, &file), (StatusWord::OK, &attributes_file(&attributes()).unwrap()));
    assert_eq!(AttributesFile::parse(&file).unwrap().attributes, attributes());
    let (part, _) = terminal.secured(0xB0, 0, 2, &[], Some(5));
    assert_eq!(part, file[2..7], "from an offset, so many bytes");
}

#[test]
fn a_pin_counts_under_encryption_as_in_clear() {
    let mut terminal = Terminal::new();
    terminal.verify(PIN);
    terminal.deliver();
    assert_eq!(terminal.secured(0x20, 0, 0x91, b"9999", None).1, StatusWord::tries_left(2));
    assert_eq!(terminal.secured(0x20, 0, 0x91, &[], None).1, StatusWord::tries_left(2), "only asked");
    assert_eq!(terminal.secured(0x20, 0, 0x91, PIN.as_bytes(), None).1, StatusWord::OK);
    assert_eq!(terminal.verify("9999"), StatusWord::tries_left(2), "all three were back");
}

#[test]
fn no_session_begins_without_the_pin() {
    let mut terminal = Terminal::new();
    assert_eq!(terminal.deliver(), StatusWord::SECURITY_STATUS);
    assert_eq!(terminal.secured(0xB0, 0x82, 0, &[], Some(0)).1, StatusWord::SM_SESSION_GONE);
}

#[test]
fn a_wrong_object_ends_the_session_until_a_new_key_comes() {
    let mut terminal = Terminal::new();
    terminal.verify(PIN);
    terminal.deliver();
    assert_eq!(terminal.secured(0xB0, 0x82, 0, &[], Some(4)).1, StatusWord::OK);
    // A counter that is off is a wrong cryptogram.
    terminal.commands += 1;
    assert_eq!(terminal.secured(0xA4, 2, 0x0C, &[0, 2], None).1, StatusWord::SM_OBJECT_WRONG);
    assert_eq!(terminal.secured(0xA4, 2, 0x0C, &[0, 2], None).1, StatusWord::SM_SESSION_GONE);
    assert_eq!(terminal.deliver(), StatusWord::OK);
    assert_eq!(terminal.secured(0xA4, 2, 0x0C, &[0, 2], None).1, StatusWord::OK);
}

#[test]
fn the_private_half_of_the_session_key_has_no_name() {
    let mut terminal = Terminal::new();
    terminal.verify(PIN);
    let select = CommandApdu::new(0, 0xA4, 2, 0x0C).with_data(&[0xFF, 0xFF]).unwrap();
    assert_eq!(terminal.plain(&select).status, StatusWord::FILE_NOT_FOUND);
    let read = CommandApdu::new(0, 0xB0, 0x9F, 0).expecting(16).unwrap();
    assert_ne!(terminal.plain(&read).status, StatusWord::OK);
    // The number is opened by the PIN, as on the real card: readers that may take it do. Ours does not.
    let text = CommandApdu::new(0, 0xB0, 0x82, 0).expecting(16).unwrap();
    assert_eq!(terminal.plain(&text).status, StatusWord::OK);
}

//! What the client sends, command by command, to a card that says what is written here: quirks of cards and readers that
//! the virtual card does not have, too.

use std::collections::VecDeque;

use musubi_card::client::{Card, CardError, LastTry};
use musubi_card::transport::{Transport, TransportError};
use musubi_card::{CertificateKind, PinReference, StatusWord};
use musubi_kernel::Secret;

const SELECT_JPKI: (&str, &str) = ("00A4040C0AD392F000260100000001", "9000");
const SELECT_TEXT: (&str, &str) = ("00A4040C0AD3921000310001010408", "9000");

/// Answers the expected commands in their order, and nothing else.
struct Script {
    lines: VecDeque<(String, Result<Vec<u8>, TransportError>)>,
}

impl Transport for Script {
    fn atr(&self) -> &[u8] {
        &[]
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let sent = hex::encode_upper(command);
        let (expected, answer) = self.lines.pop_front().unwrap_or_else(|| panic!("not expected: {sent}"));
        assert_eq!(sent, expected);
        answer
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.lines.is_empty(), "not sent: {:?}", self.lines);
        }
    }
}

fn script(lines: &[(&str, &str)]) -> Script {
    let line = |(command, answer): &(&str, &str)| {
        (command.replace(' ', ""), Ok(hex::decode(answer.replace(' ', "")).unwrap()))
    };
    Script { lines: lines.iter().map(line).collect() }
}

/// A connected card that goes on as written.
fn card(lines: &[(&str, &str)]) -> Card<Script> {
    Card::connect(script(&[&[SELECT_JPKI], lines].concat())).unwrap()
}

fn pin(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

const DIGEST_INFO: &str = "3031300D060960864801650304020105000420";

#[test]
fn whatever_does_not_select_the_application_is_no_my_number_card() {
    for status in ["6A82", "6A86", "6D00", "6E00", "6999", "6700", "6985"] {
        let refused = Card::connect(script(&[(SELECT_JPKI.0, status)]));
        assert_eq!(refused.err(), Some(CardError::NotMyNumberCard), "{status}");
    }
}

#[test]
fn a_sign_in_is_the_sequence_of_the_common_clients() {
    let signature = "5A".repeat(256);
    let mut card = card(&[
        ("00A4020C020018", "9000"),
        ("00200080", "63C3"),
        ("0020008004 31323334", "9000"),
        ("00A4020C020017", "9000"),
        (&format!("802A008033{DIGEST_INFO}{}00", "11".repeat(32)), &format!("{signature}9000")),
    ]);
    card.verify(PinReference::Authentication, &pin("1234"), LastTry::Keep).unwrap();
    let signed = card.sign(CertificateKind::UserAuthentication, &[0x11; 32]).unwrap();
    assert_eq!(signed, [0x5A; 256]);
}

#[test]
fn what_cannot_be_the_pin_is_not_sent() {
    for (reference, text) in [
        (PinReference::Authentication, "123"),
        (PinReference::Authentication, "12345"),
        (PinReference::Authentication, "12a4"),
        (PinReference::Authentication, "１２３４"),
        (PinReference::Signature, "ABC12"),
        (PinReference::Signature, "abc123"),
        (PinReference::Signature, "ABCDEFGH123456789"),
        (PinReference::TextAttributes, ""),
    ] {
        let refused = card(&[]).verify(reference, &pin(text), LastTry::Spend);
        assert_eq!(refused, Err(CardError::PinForm(reference)), "{text}");
    }
}

#[test]
fn the_last_try_is_spent_only_on_an_explicit_word() {
    let look = [("00A4020C02001B", "9000"), ("00200080", "63C1")];
    let kept = card(&look).verify(PinReference::Signature, &pin("ABC123"), LastTry::Keep);
    assert_eq!(kept, Err(CardError::LastTry(PinReference::Signature)));

    let spent = [look.as_slice(), &[("0020008006 414243313233", "9000")]].concat();
    card(&spent).verify(PinReference::Signature, &pin("ABC123"), LastTry::Spend).unwrap();
}

#[test]
fn a_blocked_pin_is_not_presented_however_the_card_says_it() {
    for status in ["63C0", "6984"] {
        let kind = CertificateKind::UserAuthentication;
        for (present, expected) in [
            ("8F8F009000", CardError::PinBlocked(PinReference::Authentication)),
            ("6A82", CardError::PinBlocked(PinReference::Authentication)),
            // Without the certificate there was never a PIN.
            ("8F00009000", CardError::CertificateAbsent(kind)),
        ] {
            let lines = [
                ("00A4020C020018", "9000"),
                ("00200080", status),
                ("00A4020C020008", "9000"),
                ("00B0000003", present),
            ];
            let refused = card(&lines).verify(kind.pin(), &pin("1234"), LastTry::Spend);
            assert_eq!(refused, Err(expected), "{status} {present}");
        }
    }
}

#[test]
fn a_wrong_pin_says_how_many_tries_are_left_and_the_last_that_it_is_blocked() {
    let reference = PinReference::Authentication;
    for (status, expected) in [
        ("63C2", CardError::PinWrong { pin: reference, tries_left: 2 }),
        ("63C1", CardError::PinWrong { pin: reference, tries_left: 1 }),
        ("63C0", CardError::PinBlocked(reference)),
        ("6984", CardError::PinBlocked(reference)),
        ("6F00", CardError::Unexpected { command: "VERIFY", status: StatusWord::SELF_DIAGNOSIS }),
    ] {
        let lines = [("00A4020C020018", "9000"), ("00200080", "63C3"), ("0020008004 39393939", status)];
        let refused = card(&lines).verify(reference, &pin("9999"), LastTry::Keep);
        assert_eq!(refused, Err(expected), "{status}");
    }
}

#[test]
fn a_pin_is_sent_once_whatever_the_card_answers() {
    for status in ["6C00", "6C04", "6700"] {
        let lines = [("00A4020C020018", "9000"), ("00200080", "63C3"), ("0020008004 39393939", status)];
        let refused = card(&lines).verify(PinReference::Authentication, &pin("9999"), LastTry::Keep);
        assert!(matches!(refused, Err(CardError::Unexpected { command: "VERIFY", .. })), "{status}");
    }
}

#[test]
fn a_card_that_says_9000_to_the_look_has_been_verified_and_has_all_its_tries() {
    let lines = [("00A4020C020018", "9000"), ("00200080", "9000")];
    assert_eq!(card(&lines).tries_left(PinReference::Authentication), Ok(3));
}

#[test]
fn a_certificate_is_read_by_its_header_and_in_short_answers() {
    // 30 82 01 2C: 304 bytes, in chunks of 255 and 49.
    let der = format!("3082012C{}", "AB".repeat(300));
    let mut card = card(&[
        ("00A4020C02000A", "9000"),
        ("00B0000004", "3082012C9000"),
        ("00B00000FF", &format!("{}9000", &der[..510])),
        ("00B000FF31", &format!("{}9000", &der[510..])),
    ]);
    assert_eq!(hex::encode_upper(card.authentication_certificate().unwrap()), der);
}

#[test]
fn answers_in_pieces_and_corrected_lengths_are_followed() {
    let der = format!("3082012C{}", "AB".repeat(300));
    let mut card = card(&[
        ("00A4020C02000B", "9000"),
        ("00B0000004", "6104"),
        ("00C0000004", "3082012C9000"),
        ("00B00000FF", "61F0"),
        ("00C00000F0", &format!("{}610F", &der[..480])),
        ("00C000000F", &format!("{}9000", &der[480..510])),
        ("00B000FF31", "6C20"),
        ("00B000FF20", &format!("{}9000", &der[510..574])),
        ("00B0011F11", &format!("{}9000", &der[574..])),
    ]);
    let read = card.authority_certificate(CertificateKind::UserAuthentication).unwrap();
    assert_eq!(hex::encode_upper(read), der);
}

#[test]
fn a_card_that_never_ends_its_answer_is_given_up() {
    let mut lines = vec![("00A4020C02000A", "9000"), ("00B0000004", "6101")];
    lines.extend([("00C0000001", "6101"); 64]);
    let given_up = card(&lines).authentication_certificate();
    assert_eq!(given_up, Err(CardError::Transport(TransportError::Unresponsive)));
}

#[test]
fn a_certificate_that_ends_before_its_length_or_is_none_is_malformed() {
    for answer in ["3082FFFF9000", "308004009000", "040200009000", "30829000"] {
        let lines: &[_] = if answer == "30829000" {
            &[("00A4020C02000A", "9000"), ("00B0000004", answer), ("00B0000202", "6B00")]
        } else {
            &[("00A4020C02000A", "9000"), ("00B0000004", answer)]
        };
        let refused = card(lines).authentication_certificate();
        assert_eq!(refused, Err(CardError::Malformed("certificate")), "{answer}");
    }
    let short = [
        ("00A4020C02000A", "9000"),
        ("00B0000004", "308200109000"),
        ("00B0000014", "3082001001029000"),
        ("00B000060E", "6B00"),
    ];
    assert_eq!(card(&short).authentication_certificate(), Err(CardError::Malformed("certificate")));
}

#[test]
fn a_certificate_that_is_not_there_is_said_to_be_absent() {
    let kind = CertificateKind::DigitalSignature;
    for lines in [
        [("00A4020C020001", "6A82")].as_slice(),
        &[("00A4020C020001", "9000"), ("00B0000004", "6B00")],
        &[("00A4020C020001", "9000"), ("00B0000004", "FFFFFFFF9000")],
        &[("00A4020C020001", "9000"), ("00B0000004", "000000009000")],
    ] {
        assert_eq!(card(lines).signature_certificate(), Err(CardError::CertificateAbsent(kind)));
    }
    let closed = [("00A4020C020001", "9000"), ("00B0000004", "6982")];
    let expected = CardError::Unexpected { command: "READ BINARY", status: StatusWord::SECURITY_STATUS };
    assert_eq!(card(&closed).signature_certificate(), Err(expected));
}

#[test]
fn the_overview_presents_nothing() {
    let token = format!("{:<32}{}", "JPKIAPGPSETOKEN", "0".repeat(128));
    let mut card = card(&[
        ("00A4020C020006", "9000"),
        ("00B00000A0", &format!("{}9000", hex::encode_upper(token))),
        ("00A4020C020008", "9000"),
        ("00B0000003", "008F009000"),
        ("00A4020C020018", "9000"),
        ("00200080", "63C2"),
        ("00A4020C02001B", "6A82"),
    ]);
    let overview = card.overview().unwrap();
    assert_eq!(overview.label, "JPKIAPGPSETOKEN");
    assert!(overview.has_authentication && !overview.has_signature);
    assert_eq!((overview.authentication_tries, overview.signature_tries), (2, 0));
}

#[test]
fn a_signature_of_another_length_is_none() {
    let mut card = card(&[
        ("00A4020C020017", "9000"),
        (&format!("802A008033{DIGEST_INFO}{}00", "11".repeat(32)), &format!("{}9000", "5A".repeat(255))),
    ]);
    let refused = card.sign(CertificateKind::UserAuthentication, &[0x11; 32]);
    assert_eq!(refused, Err(CardError::Malformed("signature")));
}

#[test]
fn a_pin_is_changed_after_it_was_presented_and_only_to_what_can_be_one() {
    let mut changed = card(&[
        ("00A4020C020018", "9000"),
        ("00200080", "63C3"),
        ("0020008004 31323334", "9000"),
        ("0024018004 35363738", "9000"),
    ]);
    changed.change_pin(PinReference::Authentication, &pin("1234"), &pin("5678"), LastTry::Keep).unwrap();
    let refused =
        card(&[]).change_pin(PinReference::Authentication, &pin("1234"), &pin("56789"), LastTry::Keep);
    assert_eq!(refused, Err(CardError::PinForm(PinReference::Authentication)));
}

#[test]
fn presence_needs_no_pin_and_a_phone_has_none() {
    let mut present = card(&[
        SELECT_TEXT,
        (&format!("802A000033{DIGEST_INFO}{}00", "22".repeat(32)), &format!("{}9000", "77".repeat(256))),
    ]);
    assert_eq!(present.prove_presence(&[0x22; 32]).unwrap(), [0x77; 256]);
    let mut phone = card(&[(SELECT_TEXT.0, "6A82")]);
    assert_eq!(phone.prove_presence(&[0x22; 32]), Err(CardError::ApplicationAbsent));
}

#[test]
fn what_enrols_a_card_is_read_without_filler() {
    let mut card = card(&[
        SELECT_TEXT,
        ("00A4020C020011", "9000"),
        ("00200080", "63C3"),
        ("0020008004 31323334", "9000"),
        ("00A4020C020007", "9000"),
        ("00B00000FF", "FF5003010203FFFF9000"),
        ("00B00008FF", "6B00"),
        ("00A4020C020004", "9000"),
        ("00B00000FF", "7F2102AABB9000"),
        ("00B00005FF", "9000"),
    ]);
    let key = card.presence_key(&pin("1234"), LastTry::Keep).unwrap();
    assert_eq!(hex::encode_upper(key.record), "FF5003010203");
    assert_eq!(hex::encode_upper(key.card_certificate), "7F2102AABB");
}

#[test]
fn the_transport_says_why_no_answer_came() {
    let mut lines = script(&[SELECT_JPKI]);
    lines.lines.push_back(("00A4020C020018".to_owned(), Err(TransportError::Removed)));
    let refused = Card::connect(lines).unwrap().tries_left(PinReference::Authentication);
    assert_eq!(refused, Err(CardError::Transport(TransportError::Removed)));
}

//! The client and the virtual card together: both carriers, both ways in which answers leave the card, all keys.

use std::sync::{Arc, Mutex};

use musubi_card::client::{Card, CardError, LastTry};
use musubi_card::transport::TransportError;
use musubi_card::virtual_card::{
    Behaviour, Chaining, Faults, Memory, Profile, VirtualCard, VirtualTransport,
};
use musubi_card::{Application, CertificateKind, FileId, PinReference, StatusWord};
use musubi_crypto::{SignatureAlgorithm, sha256};
use musubi_kernel::{Secret, SeededRandom};

use crate::virtual_card::signatures::public_key;
use crate::virtual_card::support::{Holder, LARGE_KEY, PASSWORD, PIN, TEXT_PIN, certificate, image, memory};

fn pin(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// The card, and its memory as its host stores it.
fn card(
    profile: Profile,
    holder: Holder,
    behaviour: Behaviour,
) -> (Card<VirtualTransport>, Arc<Mutex<Memory>>) {
    let stored = Arc::new(Mutex::new(memory(holder)));
    let card = VirtualCard::new(image(&LARGE_KEY, profile, holder), memory(holder), behaviour);
    let store = Arc::clone(&stored);
    let transport =
        VirtualTransport::new(card, Arc::new(SeededRandom::new([7; 32]))).storing(move |memory| {
            *store.lock().unwrap() = memory.clone();
            Ok(())
        });
    (Card::connect(transport).unwrap(), stored)
}

fn behaviours() -> [Behaviour; 2] {
    [Chaining::Direct, Chaining::GetResponse].map(|chaining| Behaviour { chaining, ..Behaviour::default() })
}

fn is_signed(message: &[u8], signature: &[u8]) -> bool {
    public_key().verify(SignatureAlgorithm::RsaPkcs1Sha256, message, signature).is_ok()
}

#[test]
fn certificates_are_read_and_both_keys_sign_however_answers_leave_the_card() {
    for behaviour in behaviours() {
        let (mut card, _) = card(Profile::Plastic, Holder::Adult, behaviour);
        let file = |id, length| certificate(Application::Jpki, FileId(id), length);
        assert_eq!(card.authentication_certificate().unwrap(), file(0x0A, 700));
        let authority = card.authority_certificate(CertificateKind::UserAuthentication).unwrap();
        assert_eq!(authority, file(0x0B, 500));
        let authority = card.authority_certificate(CertificateKind::DigitalSignature).unwrap();
        assert_eq!(authority, file(0x02, 600));
        let closed = CardError::Unexpected { command: "READ BINARY", status: StatusWord::SECURITY_STATUS };
        assert_eq!(card.signature_certificate(), Err(closed));

        for (kind, value) in
            [(CertificateKind::UserAuthentication, PIN), (CertificateKind::DigitalSignature, PASSWORD)]
        {
            let digest = sha256(b"what is signed");
            assert!(card.sign(kind, &digest).is_err());
            card.verify(kind.pin(), &pin(value), LastTry::Keep).unwrap();
            assert!(is_signed(b"what is signed", &card.sign(kind, &digest).unwrap()));
        }
        assert_eq!(card.signature_certificate().unwrap(), file(0x01, 1000));
    }
}

#[test]
fn wrong_pins_count_down_to_the_last_try_which_is_kept_and_then_blocks() {
    let reference = PinReference::Authentication;
    let (mut card, stored) = card(Profile::Plastic, Holder::Adult, Behaviour::default());
    let mut wrong = |last_try| card.verify(reference, &pin("9999"), last_try);
    assert_eq!(wrong(LastTry::Keep), Err(CardError::PinWrong { pin: reference, tries_left: 2 }));
    assert_eq!(wrong(LastTry::Keep), Err(CardError::PinWrong { pin: reference, tries_left: 1 }));
    assert_eq!(wrong(LastTry::Keep), Err(CardError::LastTry(reference)));
    assert_eq!(stored.lock().unwrap().pin(reference).unwrap().tries_left, 1);
    assert_eq!(wrong(LastTry::Spend), Err(CardError::PinBlocked(reference)));
    assert_eq!(stored.lock().unwrap().pin(reference).unwrap().tries_left, 0);
    assert_eq!(card.tries_left(reference), Ok(0));
    let right = card.verify(reference, &pin(PIN), LastTry::Spend);
    assert_eq!(right, Err(CardError::PinBlocked(reference)));
    assert_eq!(card.overview().unwrap().authentication_tries, 0);
}

#[test]
fn a_changed_pin_lasts_and_the_old_one_is_wrong() {
    for (reference, old, new) in [
        (PinReference::Authentication, PIN, "4321"),
        (PinReference::Signature, PASSWORD, "XYZ789ABC"),
        (PinReference::TextAttributes, TEXT_PIN, "8765"),
        (PinReference::CardCommon, "2468", "8642"),
        (PinReference::ResidentRegister, "1357", "7531"),
    ] {
        let (mut card, stored) = card(Profile::Plastic, Holder::Adult, Behaviour::default());
        card.change_pin(reference, &pin(old), &pin(new), LastTry::Keep).unwrap();
        assert_eq!(stored.lock().unwrap().pin(reference).unwrap().value.expose(), new);
        let refused = card.verify(reference, &pin(old), LastTry::Keep);
        assert!(matches!(refused, Err(CardError::PinWrong { .. })), "{reference:?}");
        card.verify(reference, &pin(new), LastTry::Keep).unwrap();
    }
}

#[test]
fn a_phone_asks_for_the_pin_before_the_certificate_and_has_no_text() {
    let (mut card, _) = card(Profile::AndroidToken, Holder::Adult, Behaviour::default());
    let overview = card.overview().unwrap();
    assert_eq!(overview.label, "JPKIAPGPSETOKEN");
    assert!(overview.has_authentication && overview.has_signature);
    assert_eq!((overview.authentication_tries, overview.signature_tries), (3, 5));
    assert!(card.authentication_certificate().is_err());
    card.verify(PinReference::Authentication, &pin(PIN), LastTry::Keep).unwrap();
    assert_eq!(card.authentication_certificate().unwrap().len(), 700);
    let attributes = card.read_attributes(&pin(TEXT_PIN), LastTry::Keep);
    assert_eq!(attributes, Err(CardError::ApplicationAbsent));
    assert_eq!(card.prove_presence(&[0; 32]), Err(CardError::ApplicationAbsent));
    assert_eq!(card.presence_key(&pin(TEXT_PIN), LastTry::Keep), Err(CardError::ApplicationAbsent));
}

#[test]
fn a_child_s_card_has_no_signature_certificate_and_says_so() {
    let (mut card, _) = card(Profile::Plastic, Holder::Under15, Behaviour::default());
    let overview = card.overview().unwrap();
    assert!(overview.has_authentication && !overview.has_signature);
    assert_eq!((overview.authentication_tries, overview.signature_tries), (3, 0));
    let absent = CardError::CertificateAbsent(CertificateKind::DigitalSignature);
    assert_eq!(card.verify(PinReference::Signature, &pin(PASSWORD), LastTry::Keep), Err(absent));
}

#[test]
fn presence_is_proved_without_a_pin_and_leaves_no_pin_verified() {
    for behaviour in behaviours() {
        let (mut card, _) = card(Profile::Plastic, Holder::Adult, behaviour);
        card.verify(PinReference::Authentication, &pin(PIN), LastTry::Keep).unwrap();
        let digest = sha256(b"Musubi card presence");
        assert!(is_signed(b"Musubi card presence", &card.prove_presence(&digest).unwrap()));
        // Another application was selected: the card has forgotten.
        assert!(card.sign(CertificateKind::UserAuthentication, &digest).is_err());
    }
}

#[test]
fn a_card_that_is_taken_away_or_loses_its_power_is_removed_at_every_command() {
    let sign = |behaviour| {
        let (stored, random) = (memory(Holder::Adult), Arc::new(SeededRandom::new([7; 32])));
        let card = VirtualCard::new(image(&LARGE_KEY, Profile::Plastic, Holder::Adult), stored, behaviour);
        let mut card = Card::connect(VirtualTransport::new(card, random))?;
        card.verify(PinReference::Authentication, &pin(PIN), LastTry::Keep)?;
        card.sign(CertificateKind::UserAuthentication, &[0; 32])
    };
    for at in 1..=6 {
        for faults in [
            Faults { removed_at: Some(at), ..Faults::default() },
            Faults { torn_at: Some(at), ..Faults::default() },
        ] {
            let refused = sign(Behaviour { faults, ..Behaviour::default() });
            assert_eq!(refused, Err(CardError::Transport(TransportError::Removed)), "{faults:?}");
        }
    }
    assert!(sign(Behaviour::default()).is_ok());
}

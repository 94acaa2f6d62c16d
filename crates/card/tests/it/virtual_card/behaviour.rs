//! Power, faults, memory.

use std::sync::{Arc, Mutex};

use musubi_card::transport::{Transport as _, TransportError};
use musubi_card::virtual_card::{
    ATR, Answer, Behaviour, Faults, Memory, PinMemory, Profile, VirtualCard, VirtualTransport,
};
use musubi_card::{Application, PinReference};
use musubi_kernel::{Secret, SeededRandom};

use super::support::{self, Holder, SMALL_KEY};

const WRONG_PIN: &[u8] = b"\x00\x20\x00\x98\x040000";
const RIGHT_PIN: &[u8] = b"\x00\x20\x00\x98\x041234";
const SIGN: &[u8] = b"\x80\x2A\x00\x97\x01\x00\x00";

fn select_jpki() -> Vec<u8> {
    [&[0x00, 0xA4, 0x04, 0x0C, 0x0A], Application::Jpki.aid()].concat()
}

fn card(faults: Faults) -> VirtualCard {
    card_with(support::memory(Holder::Adult), faults)
}

fn card_with(memory: Memory, faults: Faults) -> VirtualCard {
    let image = support::image(&SMALL_KEY, Profile::Plastic, Holder::Adult);
    VirtualCard::new(image, memory, Behaviour { faults, ..Behaviour::default() })
}

fn send(card: &mut VirtualCard, command: &[u8]) -> Answer {
    card.answer(command, &SeededRandom::new([1; 32]))
}

/// The status word, or nothing.
fn status(card: &mut VirtualCard, command: &[u8]) -> Option<u16> {
    let response = send(card, command).response?;
    response.last_chunk().map(|status| u16::from_be_bytes(*status))
}

fn tries(card: &VirtualCard) -> u8 {
    card.memory().pin(PinReference::Authentication).unwrap().tries_left
}

#[test]
fn the_memory_says_that_it_changed_when_it_did() {
    let mut card = card(Faults::default());
    assert!(!send(&mut card, &select_jpki()).wrote);
    assert!(!send(&mut card, RIGHT_PIN).wrote, "all tries were there");
    assert!(send(&mut card, WRONG_PIN).wrote);
    assert!(!send(&mut card, b"\x00\x20\x00\x98").wrote, "asking");
    assert!(send(&mut card, RIGHT_PIN).wrote, "the tries are given back");
    assert!(send(&mut card, b"\x00\x24\x01\x98\x044321").wrote);
    assert!(!send(&mut card, b"\x00\x24\x01\x98\x04ABCD").wrote, "refused");
    for _ in 0..3 {
        assert!(send(&mut card, WRONG_PIN).wrote);
    }
    assert!(!send(&mut card, WRONG_PIN).wrote, "blocked");
}

#[test]
fn tries_outlast_the_power_and_the_program() {
    let mut first = card(Faults::default());
    status(&mut first, &select_jpki());
    assert_eq!(status(&mut first, WRONG_PIN), Some(0x63C2));
    first.power_cycle();
    status(&mut first, &select_jpki());
    assert_eq!(status(&mut first, WRONG_PIN), Some(0x63C1));
    let mut second = card_with(first.memory().clone(), Faults::default());
    status(&mut second, &select_jpki());
    assert_eq!(status(&mut second, WRONG_PIN), Some(0x63C0));
    second.power_cycle();
    status(&mut second, &select_jpki());
    assert_eq!(status(&mut second, RIGHT_PIN), Some(0x6984));
}

#[test]
fn a_try_is_spent_before_the_power_fails() {
    let mut card = card(Faults { torn_at: Some(2), ..Faults::default() });
    status(&mut card, &select_jpki());
    let answer = send(&mut card, WRONG_PIN);
    assert_eq!((answer.response, answer.wrote), (None, true));
    assert_eq!(tries(&card), 2);
    assert_eq!(status(&mut card, &select_jpki()), None, "there is no power");
    card.power_cycle();
    assert_eq!(status(&mut card, &select_jpki()), Some(0x9000));
    assert_eq!(status(&mut card, b"\x00\x20\x00\x98"), Some(0x63C2));
}

#[test]
fn a_right_pin_whose_answer_was_lost_opens_nothing() {
    let mut card = card(Faults { torn_at: Some(2), ..Faults::default() });
    status(&mut card, &select_jpki());
    assert_eq!(status(&mut card, RIGHT_PIN), None);
    card.power_cycle();
    status(&mut card, &select_jpki());
    assert_eq!(status(&mut card, SIGN), Some(0x6982));
}

#[test]
fn a_card_that_was_taken_away_is_not_reached_and_does_not_come_back() {
    let mut card = card(Faults { removed_at: Some(2), ..Faults::default() });
    status(&mut card, &select_jpki());
    assert!(!card.is_gone());
    let answer = send(&mut card, WRONG_PIN);
    assert_eq!((answer.response, answer.wrote), (None, false));
    assert!(card.is_gone());
    assert_eq!(tries(&card), 3);
    card.power_cycle();
    assert_eq!(status(&mut card, &select_jpki()), None);
}

#[test]
fn without_power_nothing_is_answered() {
    let mut card = card(Faults::default());
    status(&mut card, &select_jpki());
    status(&mut card, RIGHT_PIN);
    card.power_off();
    assert_eq!(status(&mut card, SIGN), None);
    card.power_cycle();
    assert_eq!(status(&mut card, &select_jpki()), Some(0x9000));
    assert_eq!(status(&mut card, SIGN), Some(0x6982));
}

#[test]
fn a_slow_card_says_how_slow() {
    let mut card = card(Faults { delay_ms: 300, ..Faults::default() });
    assert_eq!(send(&mut card, &select_jpki()).delay_ms, 300);
    assert_eq!(send(&mut card, WRONG_PIN).delay_ms, 300);
}

#[test]
fn a_pin_that_another_reader_blocked_opens_nothing_here() {
    let mut card = card(Faults::default());
    status(&mut card, &select_jpki());
    status(&mut card, RIGHT_PIN);
    assert_eq!(status(&mut card, SIGN), Some(0x9000));
    let mut memory = card.memory().clone();
    let blocked = PinMemory { value: Secret::new(support::PIN.to_owned()), tries_left: 0 };
    memory.set(PinReference::Authentication, blocked);
    card.set_memory(memory);
    assert_eq!(status(&mut card, SIGN), Some(0x6982));
    assert_eq!(status(&mut card, b"\x00\x20\x00\x98"), Some(0x63C0));
    card.set_memory(support::memory(Holder::Adult));
    assert_eq!(status(&mut card, RIGHT_PIN), Some(0x9000), "the town hall set it again");
}

#[test]
fn a_transport_stores_the_memory_before_it_passes_the_answer_on() {
    let stored = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&stored);
    let random = Arc::new(SeededRandom::new([1; 32]));
    let mut transport = VirtualTransport::new(card(Faults::default()), random).storing(move |memory| {
        seen.lock().unwrap().push(memory.pin(PinReference::Authentication).unwrap().tries_left);
        Ok(())
    });
    assert_eq!(transport.atr(), ATR);
    transport.transmit(&select_jpki()).unwrap();
    for _ in 0..4 {
        transport.transmit(WRONG_PIN).unwrap();
    }
    assert_eq!(*stored.lock().unwrap(), [2, 1, 0], "what changed nothing is not stored");
}

#[test]
fn an_answer_whose_memory_could_not_be_stored_is_not_passed_on() {
    let failure = || TransportError::Failed("the disk is full".to_owned());
    let mut transport = VirtualTransport::new(card(Faults::default()), Arc::new(SeededRandom::new([1; 32])))
        .storing(move |_| Err(failure()));
    transport.transmit(&select_jpki()).unwrap();
    assert_eq!(transport.transmit(WRONG_PIN), Err(failure()));
}

#[test]
fn a_card_that_is_gone_is_an_error_of_the_transport() {
    let faults = Faults { removed_at: Some(1), ..Faults::default() };
    let mut transport = VirtualTransport::new(card(faults), Arc::new(SeededRandom::new([1; 32])));
    assert_eq!(transport.transmit(&select_jpki()), Err(TransportError::Removed));
    assert!(transport.card().is_gone());
}

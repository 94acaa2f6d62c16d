//! Commands to a virtual card whose holder enters no PIN and whose free keys are gone: nothing private comes out, nothing
//! is signed, no counter rises.

use std::sync::{Arc, LazyLock};

use musubi_card::virtual_card::{
    Access, Behaviour, Chaining, Content, Image, Memory, PinMemory, Profile, VirtualCard,
};
use musubi_card::{Application, CommandApdu, FileId, PinReference};
use musubi_kernel::{Secret, SeededRandom};

/// The card of the card crate's own tests.
#[path = "../../../crates/card/tests/it/virtual_card/support.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "shared with another crate's tests"
)]
mod support;

/// Commands of one input.
const MAX_COMMANDS: usize = 256;

static CARD: LazyLock<Arc<Image>> = LazyLock::new(|| {
    let image = support::image(&support::SMALL_KEY, Profile::Plastic, support::Holder::Adult);
    let mut image = Arc::unwrap_or_clone(image);
    for file in image.applications.iter_mut().flat_map(|application| &mut application.files) {
        let is_key = matches!(file.content, Content::SigningKey(_) | Content::AuthenticationKey(_));
        if is_key && file.access == Access::Free {
            file.content = Content::Opaque;
        }
    }
    Arc::new(image)
});

/// An input is a byte for the card's behaviour, then commands, each behind its length in two bytes.
pub(crate) fn apdu(input: &[u8]) {
    if let Ok(command) = CommandApdu::parse(input) {
        assert_eq!(command.to_bytes(), input, "a command in two encodings");
    }
    let Some((first, mut rest)) = input.split_first() else { return };
    let chaining = if first & 1 == 0 { Chaining::Direct } else { Chaining::GetResponse };
    let behaviour = Behaviour { chaining, ..Behaviour::default() };
    let mut card = VirtualCard::new(Arc::clone(&CARD), unknown_pins(), behaviour);
    let random = SeededRandom::new([7; 32]);
    let mut tries = left(&card);
    for _ in 0..MAX_COMMANDS {
        let Some((length, behind)) = rest.split_first_chunk::<2>() else { return };
        let length = usize::from(u16::from_be_bytes(*length)).min(behind.len());
        let (command, behind) = behind.split_at(length);
        rest = behind;
        let answer = card.answer(command, &random);
        let response = answer.response.expect("nobody takes the card away");
        assert!((2..=2 + 65_536).contains(&response.len()), "an answer of {} bytes", response.len());
        check_canaries(&response);
        let signed = matches!(command, [_, 0x2A | 0x88, ..]) && !matches!(response[..], [0x64..=0x6F, _]);
        assert!(!signed, "signed without the PIN");
        let now = left(&card);
        assert!(now.iter().zip(&tries).all(|(now, before)| now <= before), "tries came back");
        assert_eq!(answer.wrote, now != tries, "what was written was not said");
        tries = now;
    }
}

/// PINs of which no input holds the value: it is longer than what is compared.
fn unknown_pins() -> Memory {
    let mut memory = Memory::default();
    for pin in PinReference::ALL {
        let value = Secret::new("longer than any PIN".to_owned());
        memory.set(pin, PinMemory { value, tries_left: pin.max_tries() });
    }
    memory
}

fn left(card: &VirtualCard) -> Vec<u8> {
    card.memory().iter().map(|(_, memory)| memory.tries_left).collect()
}

fn check_canaries(response: &[u8]) {
    for window in response.windows(8) {
        if let [0xCA, 0x4A, 0xC1, high, low, number, 0xE7, 0x5B] = *window {
            let id = FileId(u16::from_be_bytes([high, low]));
            let application = Application::ALL.get(usize::from(number)).and_then(|of| CARD.application(*of));
            let file =
                application.and_then(|application| application.file(id)).expect("a canary of the card");
            assert!(file.access == Access::Free, "{id:?} came out");
        }
    }
}

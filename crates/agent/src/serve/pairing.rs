//! Pairing: a browser proves once that the person before it also sees the terminal of this program, and has a secret from
//! then on. A code is good for one browser.
//!
//! Guessing: 31^8 codes, five tries each, and a wait that doubles with every five.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_crypto::equal_in_constant_time;
use musubi_kernel::{Random, Secret, UnixTime};

/// Capitals and digits that nobody takes for another: no I, L, O, 0, 1.
const ALPHABET: &[u8; 31] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";

/// Characters of a code.
const LENGTH: usize = 8;

/// Wrong codes until the next one is made.
pub const TRIES: u32 = 5;

/// The first wait, in seconds; doubled every time, up to [`LONGEST_WAIT`].
const FIRST_WAIT: i64 = 30;

/// The longest wait, in seconds.
const LONGEST_WAIT: i64 = 3600;

/// Why a code was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairingRefusal {
    /// It is not the code that is shown.
    Wrong {
        /// Tries until another code is made.
        tries_left: u32,
    },
    /// There were too many wrong ones; the code was not looked at.
    Wait {
        /// Seconds.
        seconds: i64,
    },
}

/// Where codes are shown to the person.
pub type Announce = Box<dyn Fn(&str) + Send + Sync>;

/// The code of the moment and the tries at it.
pub struct Pairing {
    random: Box<dyn Random>,
    announce: Announce,
    state: Mutex<State>,
}

struct State {
    code: Secret<String>,
    wrong: u32,
    /// How often five wrong ones came since a right one.
    floods: u32,
    closed_until: UnixTime,
}

impl fmt::Debug for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pairing(…)")
    }
}

impl Pairing {
    /// Makes the first code and announces it.
    #[must_use]
    pub fn new(random: Box<dyn Random>, announce: Announce) -> Self {
        let code = make_code(random.as_ref());
        announce(&shown(&code));
        let state = State { code, wrong: 0, floods: 0, closed_until: UnixTime(i64::MIN) };
        Self { random, announce, state: Mutex::new(state) }
    }

    /// Takes a code as a person types it (small letters, spaces and hyphens do not matter) and gives the browser its
    /// secret: 32 bytes, base64url without padding. The code is used up.
    ///
    /// # Errors
    /// [`PairingRefusal`].
    pub fn redeem(&self, entered: &str, at: UnixTime) -> Result<Secret<String>, PairingRefusal> {
        let entered = Secret::new(plain(entered));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if at < state.closed_until {
            return Err(PairingRefusal::Wait { seconds: state.closed_until.since(at) });
        }
        if equal_in_constant_time(entered.expose().as_bytes(), state.code.expose().as_bytes()) {
            state.floods = 0;
            self.renew(&mut state);
            return Ok(self.make_secret());
        }
        state.wrong += 1;
        if state.wrong < TRIES {
            return Err(PairingRefusal::Wrong { tries_left: TRIES - state.wrong });
        }
        let seconds = FIRST_WAIT.saturating_mul(1 << state.floods.min(10)).min(LONGEST_WAIT);
        state.floods = state.floods.saturating_add(1);
        state.closed_until = UnixTime(at.0.saturating_add(seconds));
        self.renew(&mut state);
        Err(PairingRefusal::Wait { seconds })
    }

    fn renew(&self, state: &mut State) {
        state.code = make_code(self.random.as_ref());
        state.wrong = 0;
        (self.announce)(&shown(&state.code));
    }

    fn make_secret(&self) -> Secret<String> {
        let mut bytes = [0; 32];
        self.random.fill(&mut bytes);
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// Each character as likely as any other: bytes past the last multiple of 31 are thrown away.
fn make_code(random: &dyn Random) -> Secret<String> {
    let mut code = String::with_capacity(LENGTH);
    while code.len() < LENGTH {
        let mut byte = [0];
        random.fill(&mut byte);
        let [byte] = byte;
        if byte < 248
            && let Some(character) = ALPHABET.get(usize::from(byte % 31))
        {
            code.push(char::from(*character));
        }
    }
    Secret::new(code)
}

/// As it is read and typed: two groups of four.
fn shown(code: &Secret<String>) -> String {
    let (first, second) = code.expose().split_at(LENGTH / 2);
    format!("{first}-{second}")
}

fn plain(entered: &str) -> String {
    let meant = entered.chars().filter(|c| !c.is_whitespace() && *c != '-').take(LENGTH + 1);
    meant.map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use musubi_kernel::SeededRandom;

    use super::*;

    const AT: UnixTime = UnixTime(1_790_000_000);

    fn pairing() -> (Pairing, Arc<Mutex<Vec<String>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let announced = seen.clone();
        let announce = Box::new(move |code: &str| announced.lock().unwrap().push(code.to_owned()));
        (Pairing::new(Box::new(SeededRandom::new([7; 32])), announce), seen)
    }

    fn last(seen: &Mutex<Vec<String>>) -> String {
        seen.lock().unwrap().last().unwrap().clone()
    }

    #[test]
    fn a_code_is_eight_characters_that_nobody_confuses_and_pairs_one_browser() {
        let (pairing, seen) = pairing();
        let code = last(&seen);
        assert!(code.len() == 9 && code.chars().nth(4) == Some('-'), "{code}");
        assert!(!code.chars().any(|c| "ILO01".contains(c)));
        let typed = format!(" {} ", code.replace('-', " ").to_lowercase());
        let secret = pairing.redeem(&typed, AT).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(secret.expose()).unwrap().len(), 32);
        assert_eq!(pairing.redeem(&code, AT).unwrap_err(), PairingRefusal::Wrong { tries_left: 4 });
        let second = pairing.redeem(&last(&seen), AT).unwrap();
        assert_ne!(second.expose(), secret.expose());
    }

    #[test]
    fn five_wrong_codes_make_another_code_and_a_wait_that_doubles() {
        let (pairing, seen) = pairing();
        let mut at = AT;
        for wait in [30, 60, 120] {
            let before = last(&seen);
            for tries_left in [4, 3, 2, 1] {
                assert_eq!(pairing.redeem("AAAAAAAA", at).unwrap_err(), PairingRefusal::Wrong { tries_left });
            }
            assert_eq!(pairing.redeem("", at).unwrap_err(), PairingRefusal::Wait { seconds: wait });
            assert_ne!(last(&seen), before);
            let right = last(&seen);
            at = UnixTime(at.0 + wait - 1);
            assert_eq!(pairing.redeem(&right, at).unwrap_err(), PairingRefusal::Wait { seconds: 1 });
            at = UnixTime(at.0 + 1);
        }
        pairing.redeem(&last(&seen), at).unwrap();
        for _ in 0..4 {
            pairing.redeem("AAAAAAAA", at).unwrap_err();
        }
        assert_eq!(
            pairing.redeem("AAAAAAAA", at).unwrap_err(),
            PairingRefusal::Wait { seconds: 30 },
            "a right code ends the growth"
        );
    }

    #[test]
    fn the_wait_ends_at_an_hour() {
        let (pairing, _) = pairing();
        let mut at = AT;
        for _ in 0..40 {
            for _ in 0..TRIES {
                drop(pairing.redeem("AAAAAAAA", at));
            }
            at = UnixTime(at.0 + LONGEST_WAIT);
        }
        for _ in 1..TRIES {
            drop(pairing.redeem("AAAAAAAA", at));
        }
        assert_eq!(pairing.redeem("A", at).unwrap_err(), PairingRefusal::Wait { seconds: LONGEST_WAIT });
    }

    #[test]
    fn a_code_is_not_taken_for_one_that_begins_like_it() {
        let (pairing, seen) = pairing();
        assert!(pairing.redeem(&format!("{}A", last(&seen)), AT).is_err());
        assert!(pairing.redeem(last(&seen).get(..8).unwrap(), AT).is_err());
        assert!(pairing.redeem(&"A".repeat(100_000), AT).is_err());
    }
}

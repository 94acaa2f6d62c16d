//! Cards of the residents for programs outside of the nation, such as `musubi-agent virtual`, which shows them to
//! middleware on a virtual reader. A session is a card on a reader: here is what such a reader does, in [`http`] its wire.
//!
//! PINs and counters are the nation's ([`crate::card`]); a session holds only what ends with the power. What is on the card
//! is what was on it when the power came on.
//!
//! Protects nothing: whoever reaches the host may use the cards, as whoever sits before the demonstration may.

mod http;
mod problems;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use musubi_card::virtual_card::{Behaviour, Faults, Profile};
use musubi_crypto::SystemRandom;
use musubi_kernel::Random as _;
use tokio::sync::OwnedMutexGuard;

use crate::card::Powered;
use crate::{NationError, ResidentId, World};

pub(crate) use http::router;
pub use problems::PROBLEMS;

/// So many sessions at once; the one that was not used for longest makes room for the next.
const SESSIONS: usize = 64;

/// Everybody's sessions, by their random names.
#[derive(Default)]
struct Sessions(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    sessions: HashMap<String, Entry>,
    /// Counts uses: which one is the oldest needs no clock.
    uses: u64,
}

struct Entry {
    reader: Reader,
    used: u64,
}

impl Sessions {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a reader under a new name.
    fn keep(&self, reader: Reader) -> String {
        let mut name = [0; 16];
        SystemRandom.fill(&mut name);
        let name = hex::encode(name);
        let mut kept = self.kept();
        if kept.sessions.len() >= SESSIONS {
            let oldest =
                kept.sessions.iter().min_by_key(|(_, entry)| entry.used).map(|(name, _)| name.clone());
            oldest.and_then(|name| kept.sessions.remove(&name));
        }
        kept.uses += 1;
        let used = kept.uses;
        kept.sessions.insert(name.clone(), Entry { reader, used });
        name
    }

    fn reader(&self, name: &str) -> Option<Reader> {
        let mut kept = self.kept();
        kept.uses += 1;
        let used = kept.uses;
        let entry = kept.sessions.get_mut(name)?;
        entry.used = used;
        Some(entry.reader.clone())
    }

    /// Whether there was one.
    fn end(&self, name: &str) -> bool {
        self.kept().sessions.remove(name).is_some()
    }
}

/// A reader with a resident's card.
#[derive(Clone)]
struct Reader(Arc<tokio::sync::Mutex<OnReader>>);

struct OnReader {
    world: World,
    resident: ResidentId,
    profile: Profile,
    behaviour: Behaviour,
    /// Commands since the card was put on the reader: the disturbances count them, whatever the power does.
    commands: u32,
    state: State,
}

enum State {
    On(Box<Powered>),
    Off,
    /// The card was taken away.
    Gone,
}

/// Why there is no response.
#[derive(Debug)]
enum NoResponse {
    /// The card was taken away, or its power failed.
    Removed,
    /// The power is off.
    Off,
    Failed(NationError),
}

impl From<NationError> for NoResponse {
    fn from(error: NationError) -> Self {
        Self::Failed(error)
    }
}

/// A response, and how long it is to be held back.
struct Response {
    bytes: Vec<u8>,
    delay_ms: u32,
}

impl Reader {
    /// Puts a resident's card on a reader and turns the power on; `None` if there is no such resident.
    async fn new(
        world: &World,
        resident: ResidentId,
        profile: Profile,
        behaviour: Behaviour,
    ) -> Result<Option<Self>, NationError> {
        let Some(powered) = Powered::on(world, &resident, profile, behaviour).await? else { return Ok(None) };
        let state = State::On(Box::new(powered));
        let world = world.clone();
        let on_reader = OnReader { world, resident, profile, behaviour, commands: 0, state };
        Ok(Some(Self(Arc::new(tokio::sync::Mutex::new(on_reader)))))
    }

    async fn alone(&self) -> OwnedMutexGuard<OnReader> {
        Arc::clone(&self.0).lock_owned().await
    }

    async fn power_off(&self) {
        let mut reader = self.alone().await;
        if !matches!(reader.state, State::Gone) {
            reader.state = State::Off;
        }
    }

    /// Turns the power off and on.
    async fn power_on(&self) -> Result<(), NoResponse> {
        let mut reader = self.alone().await;
        if matches!(reader.state, State::Gone) {
            return Err(NoResponse::Removed);
        }
        reader.state = State::Off;
        let behaviour = reader.rest_of_behaviour();
        let powered = Powered::on(&reader.world, &reader.resident, reader.profile, behaviour).await?;
        let powered = powered.ok_or(NoResponse::Removed)?;
        reader.state = State::On(Box::new(powered));
        Ok(())
    }

    /// A warm reset; turns the power on if it is off.
    async fn reset(&self) -> Result<(), NoResponse> {
        let mut reader = self.alone().await;
        if let State::On(powered) = &mut reader.state {
            powered.reset();
            return Ok(());
        }
        drop(reader);
        self.power_on().await
    }

    async fn transmit(&self, command: Vec<u8>) -> Result<Response, NoResponse> {
        let mut reader = self.alone().await;
        let answered = tokio::task::spawn_blocking(move || reader.transmit(&command)).await;
        answered.map_err(|_| NationError::Register("a command"))?
    }
}

impl OnReader {
    fn transmit(&mut self, command: &[u8]) -> Result<Response, NoResponse> {
        let answer = match &mut self.state {
            State::On(powered) => powered.answer(command)?,
            State::Off => return Err(NoResponse::Off),
            State::Gone => return Err(NoResponse::Removed),
        };
        self.commands = self.commands.saturating_add(1);
        match answer.response {
            Some(bytes) => Ok(Response { bytes, delay_ms: answer.delay_ms }),
            None => {
                let removed = self.behaviour.faults.removed_at.is_some_and(|at| at <= self.commands);
                self.state = if removed { State::Gone } else { State::Off };
                Err(NoResponse::Removed)
            }
        }
    }

    /// The disturbances that are still to come, counted from now.
    fn rest_of_behaviour(&self) -> Behaviour {
        let left = |at: Option<u32>| at.and_then(|at| at.checked_sub(self.commands)).filter(|at| *at > 0);
        let Faults { delay_ms, removed_at, torn_at } = self.behaviour.faults;
        let faults = Faults { delay_ms, removed_at: left(removed_at), torn_at: left(torn_at) };
        Behaviour { faults, ..self.behaviour }
    }
}

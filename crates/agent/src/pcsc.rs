//! Cards on readers, through the computer's smart-card service (PC/SC, in Debian `pcscd`). Holds a card exclusively from
//! the connection to its end, and cuts its power then, so that nothing stays verified. Interprets no command.

use std::ffi::{CStr, CString};
use std::time::Duration;

use musubi_card::transport::{Transport, TransportError};
use pcsc::{Card, Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State};
use zeroize::Zeroizing;

/// What is on a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// No card.
    Empty,
    /// A card.
    Card,
    /// A card that another program holds alone.
    CardInUse,
    /// Something that does not answer as a card does.
    Mute,
    /// The reader itself does not answer.
    Unavailable,
}

/// A reader as the service names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Its name, as the service says it; it is foreign text.
    pub name: String,
    /// What is on it.
    pub place: Place,
}

/// The readers in the service's order.
///
/// # Errors
/// [`TransportError::NoService`], [`TransportError::NoReader`] if there is none, [`TransportError::Failed`].
pub fn readers() -> Result<Vec<Reader>, TransportError> {
    let states = states(&context()?)?;
    Ok(states
        .iter()
        .map(|state| Reader {
            name: state.name().to_string_lossy().into_owned(),
            place: place(state.event_state()),
        })
        .collect())
}

/// Connects to the card on the reader of this name, or else on the first reader that has one. A name may be a part of a
/// reader's name, if it is no other's part.
///
/// # Errors
/// Every [`TransportError`].
pub fn connect(reader: Option<&str>) -> Result<PcscCard, TransportError> {
    let context = context()?;
    let states = states(&context)?;
    let chosen = match reader {
        Some(name) => named(&states, name)?,
        None => {
            let first = |wanted| states.iter().find(|state| place(state.event_state()) == wanted);
            let any = [Place::Card, Place::CardInUse, Place::Mute].into_iter().find_map(first);
            any.ok_or(TransportError::NoCard)?
        }
    };
    match place(chosen.event_state()) {
        Place::Card => {}
        Place::Empty => return Err(TransportError::NoCard),
        Place::CardInUse => return Err(TransportError::InUse),
        Place::Mute => return Err(TransportError::Unresponsive),
        Place::Unavailable => return Err(TransportError::NoReader),
    }
    let name = chosen.name().to_owned();
    // What connects to a card exclusively needs no transaction: nobody else is connected.
    let card = context.connect(&name, ShareMode::Exclusive, Protocols::ANY).map_err(not_connected)?;
    let buffer = Zeroizing::new(vec![0; pcsc::MAX_BUFFER_SIZE_EXTENDED]);
    Ok(PcscCard { atr: chosen.atr().to_vec(), card: Some(card), context, name, buffer })
}

/// A card on a reader, held alone.
pub struct PcscCard {
    /// There until the end: to end it, the service takes it.
    card: Option<Card>,
    atr: Vec<u8>,
    context: Context,
    name: CString,
    /// Answers may be attributes of a person: wiped.
    buffer: Zeroizing<Vec<u8>>,
}

impl Transport for PcscCard {
    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let Some(card) = &self.card else { return Err(TransportError::Removed) };
        match card.transmit(command, &mut self.buffer) {
            Ok(answer) => Ok(answer.to_vec()),
            Err(error) => Err(not_transmitted(error, || card_is_there(&self.context, &self.name))),
        }
    }
}

impl Drop for PcscCard {
    fn drop(&mut self) {
        if let Some(Err((card, _))) = self.card.take().map(|card| card.disconnect(Disposition::UnpowerCard)) {
            drop(card);
        }
    }
}

/// Keeps the service running for as long as the value lives, where it starts on demand.
pub(crate) struct Presence {
    _context: Option<Context>,
}

impl Presence {
    /// Starts the service, if it can be started.
    pub(crate) fn begin() -> Self {
        Self { _context: context().ok() }
    }
}

fn context() -> Result<Context, TransportError> {
    Context::establish(Scope::User).map_err(other)
}

/// All readers with what is on them.
fn states(context: &Context) -> Result<Vec<ReaderState>, TransportError> {
    let names = context.list_readers_owned().map_err(other)?;
    if names.is_empty() {
        return Err(TransportError::NoReader);
    }
    let mut states: Vec<_> = names.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect();
    context.get_status_change(Duration::ZERO, &mut states).map_err(other)?;
    Ok(states)
}

fn place(state: State) -> Place {
    if state.intersects(State::UNKNOWN | State::UNAVAILABLE) {
        Place::Unavailable
    } else if !state.contains(State::PRESENT) {
        Place::Empty
    } else if state.contains(State::MUTE) {
        Place::Mute
    } else if state.contains(State::EXCLUSIVE) {
        Place::CardInUse
    } else {
        Place::Card
    }
}

fn named<'a>(states: &'a [ReaderState], name: &str) -> Result<&'a ReaderState, TransportError> {
    let names = |state: &&ReaderState| state.name().to_bytes() == name.as_bytes();
    if let Some(exact) = states.iter().find(names) {
        return Ok(exact);
    }
    let mut parts = states.iter().filter(|state| state.name().to_string_lossy().contains(name));
    match (parts.next(), parts.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(TransportError::NoReader),
    }
}

fn card_is_there(context: &Context, name: &CStr) -> bool {
    let mut states = [ReaderState::new(name.to_owned(), State::UNAWARE)];
    let asked = context.get_status_change(Duration::ZERO, &mut states);
    asked.is_ok() && states.iter().all(|state| state.event_state().contains(State::PRESENT))
}

/// What no card is the cause of.
fn other(error: Error) -> TransportError {
    match error {
        // A service that ends, is starting or refuses this user is for the person as good as none.
        Error::NoService
        | Error::ServiceStopped
        | Error::Shutdown
        | Error::ServerTooBusy
        | Error::NoAccess
        | Error::SecurityViolation
        | Error::CommError => TransportError::NoService,
        Error::NoReadersAvailable | Error::UnknownReader | Error::ReaderUnavailable => {
            TransportError::NoReader
        }
        Error::NoSmartcard => TransportError::NoCard,
        Error::RemovedCard | Error::ResetCard => TransportError::Removed,
        Error::SharingViolation => TransportError::InUse,
        Error::UnresponsiveCard
        | Error::UnpoweredCard
        | Error::UnsupportedCard
        | Error::CardUnsupported
        | Error::ProtoMismatch
        | Error::InvalidAtr
        | Error::NotReady => TransportError::Unresponsive,
        error => TransportError::Failed(error.to_string()),
    }
}

fn not_connected(error: Error) -> TransportError {
    match error {
        // It was there a moment ago.
        Error::RemovedCard => TransportError::NoCard,
        Error::ResetCard | Error::NotTransacted | Error::Timeout => TransportError::Unresponsive,
        error => other(error),
    }
}

/// Drivers say of a card that was taken away in many ways that it does not answer: then the reader is asked.
fn not_transmitted(error: Error, is_there: impl FnOnce() -> bool) -> TransportError {
    match error {
        Error::NoSmartcard | Error::ReaderUnavailable | Error::UnpoweredCard | Error::InvalidHandle => {
            TransportError::Removed
        }
        Error::NotTransacted | Error::CommDataLost | Error::Timeout | Error::UnresponsiveCard => {
            if is_there() { TransportError::Unresponsive } else { TransportError::Removed }
        }
        error => other(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_of_the_reader_has_its_own_name() {
        for (error, expected) in [
            (Error::NoService, TransportError::NoService),
            (Error::ServiceStopped, TransportError::NoService),
            (Error::NoReadersAvailable, TransportError::NoReader),
            (Error::UnknownReader, TransportError::NoReader),
            (Error::NoSmartcard, TransportError::NoCard),
            (Error::SharingViolation, TransportError::InUse),
            (Error::UnresponsiveCard, TransportError::Unresponsive),
        ] {
            assert_eq!(not_connected(error), expected, "{error:?}");
        }
        assert!(matches!(not_connected(Error::InternalError), TransportError::Failed(_)));
    }

    #[test]
    fn a_card_that_fell_silent_was_removed_if_the_reader_is_empty() {
        for error in [Error::NotTransacted, Error::CommDataLost, Error::UnresponsiveCard] {
            assert_eq!(not_transmitted(error, || false), TransportError::Removed);
            assert_eq!(not_transmitted(error, || true), TransportError::Unresponsive);
        }
        assert_eq!(not_transmitted(Error::RemovedCard, || true), TransportError::Removed);
        assert_eq!(not_transmitted(Error::ResetCard, || true), TransportError::Removed);
    }

    #[test]
    fn what_is_on_a_reader_follows_from_its_state() {
        for (state, expected) in [
            (State::EMPTY, Place::Empty),
            (State::PRESENT, Place::Card),
            (State::PRESENT | State::INUSE, Place::Card),
            (State::PRESENT | State::EXCLUSIVE | State::INUSE, Place::CardInUse),
            (State::PRESENT | State::MUTE, Place::Mute),
            (State::UNAVAILABLE, Place::Unavailable),
            (State::UNKNOWN, Place::Unavailable),
        ] {
            assert_eq!(place(state | State::CHANGED), expected, "{state:?}");
        }
    }

    #[test]
    fn a_reader_is_chosen_by_its_name_or_a_part_that_is_no_other_s() {
        let states: Vec<_> = ["Virtual PCD 00 00", "Virtual PCD 00 01", "Virtual PCD 00 0"]
            .map(|name| ReaderState::new(CString::new(name).unwrap(), State::UNAWARE))
            .into();
        let chosen = |name| named(&states, name).map(|state| state.name().to_str().unwrap());
        assert_eq!(chosen("Virtual PCD 00 01"), Ok("Virtual PCD 00 01"));
        assert_eq!(chosen("Virtual PCD 00 0"), Ok("Virtual PCD 00 0"));
        assert_eq!(chosen("00 01"), Ok("Virtual PCD 00 01"));
        assert_eq!(chosen("Virtual"), Err(TransportError::NoReader));
        assert_eq!(chosen("SCR"), Err(TransportError::NoReader));
    }
}

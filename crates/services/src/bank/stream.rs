//! The bank as a receiver of its change stream: every entry is checked by the receiver library before it counts, and how far
//! that went is stored in the transaction of what follows from it.
//!
//! ```text
//! page ─▶ each token: next in the chain? signed? ─▶ events ┐
//!      └▶ heartbeat: is that all?                 ─▶ place ┴─▶ one transaction
//! ```
//! What does not fit stops the reading at that entry and is shown to the clerk; two signed statements that contradict each
//! other stop it for good.

use std::str::FromStr;

use musubi_feed::{
    Accepted, Entry, ListInUse, Place, Proven, Receiver, Refusal, Standing, Stream, TokenError,
};
use musubi_kernel::UnixTime;

use super::{Bank, BankError, sql};
use crate::platform_client::ChangeEvents;

/// A heartbeat proves completeness for so long, in seconds: the bank asks every second.
const PATIENCE: i64 = 60;

/// What is wrong with the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A token is not what the platform signs.
    Unverified,
    /// A page leaves out entries.
    Incomplete,
    /// A heartbeat proves nothing: it goes back, or comes from the future.
    Heartbeat,
    /// The platform contradicted itself.
    Stopped,
}

impl Trouble {
    const ALL: [Self; 4] = [Self::Unverified, Self::Incomplete, Self::Heartbeat, Self::Stopped];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Incomplete => "incomplete",
            Self::Heartbeat => "heartbeat",
            Self::Stopped => "stopped",
        }
    }
}

impl FromStr for Trouble {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|trouble| trouble.as_str() == text).ok_or(())
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Token(_) => Self::Unverified,
            Refusal::Gap { .. } => Self::Incomplete,
            Refusal::Contradiction(_) | Refusal::Stopped(_) => Self::Stopped,
            Refusal::ListsWentBack | Refusal::HeadWentBack | Refusal::FromTheFuture => Self::Heartbeat,
        }
    }
}

/// A page that was checked.
pub(crate) struct Checked {
    pub(crate) entries: Vec<Entry>,
    pub(crate) place: Place,
    pub(crate) trouble: Option<Trouble>,
}

/// What the clerk is shown.
pub(crate) struct StreamState {
    pub(crate) sequence: u64,
    pub(crate) standing: Standing,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) customers: Option<u64>,
    pub(crate) lists: Vec<ListInUse>,
}

impl Bank {
    fn stream(&self) -> Stream {
        let issuer = self.0.platform.origin().to_owned();
        Stream { issuer, audience: self.0.relying_party_id.clone() }
    }

    /// The stored place, or the one before the first entry.
    pub(crate) fn place_or_start(&self, place: Option<Place>) -> Place {
        place.unwrap_or_else(|| Place::from(&self.stream()))
    }

    pub(crate) async fn stream_state(&self) -> Result<StreamState, BankError> {
        let mut tx = self.0.db.begin_read().await?;
        let cursor = sql::change_cursor(&mut tx).await?;
        let place = self.place_or_start(cursor.place);
        Ok(StreamState {
            sequence: place.last().sequence,
            standing: place.standing(self.0.clock.now(), PATIENCE),
            trouble: cursor.trouble,
            customers: place.heard().map(|heard| heard.customers),
            lists: place.heard().map(|heard| heard.lists.clone()).unwrap_or_default(),
        })
    }

    /// Checks a page; with keys that are fetched anew if it is signed with one that is not known yet.
    pub(crate) async fn check_page(&self, page: &ChangeEvents, place: Place) -> Result<Checked, BankError> {
        let mut keys = self.0.signing_keys.lock().await;
        for fetched in [keys.is_empty(), true] {
            if fetched {
                *keys = self.0.platform.signing_keys().await?;
            }
            let receiver = Receiver::new(self.stream(), keys.clone(), place.clone());
            match checked(receiver, page, self.0.clock.now()) {
                Err(TokenError::UnknownKey) if !fetched => {}
                Err(_) => break,
                Ok(checked) => return Ok(checked),
            }
        }
        Ok(Checked { entries: Vec::new(), place, trouble: Some(Trouble::Unverified) })
    }
}

/// What of a page counts: the entries up to the first that does not fit, and the heartbeat. An error only if its key is not
/// known.
fn checked(mut receiver: Receiver, page: &ChangeEvents, now: UnixTime) -> Result<Checked, TokenError> {
    let mut entries = Vec::new();
    let mut trouble = None;
    for event in &page.events {
        match receiver.accept(&event.token) {
            Ok(Accepted::New(entry)) => entries.push(entry),
            // Another process of the bank asked for the same page.
            Ok(Accepted::Again | Accepted::Old) => {}
            Err(Refusal::Token(error @ TokenError::UnknownKey)) => return Err(error),
            Err(refusal) => {
                trouble = Some(Trouble::from(refusal));
                break;
            }
        }
    }
    if trouble.is_none() {
        match receiver.heartbeat(&page.heartbeat, now) {
            Ok(Proven::Complete | Proven::Outdated) => {}
            // A page that brings nothing although there is something.
            Ok(Proven::Behind { .. }) => {
                trouble = entries.is_empty().then_some(Trouble::Incomplete);
            }
            Err(Refusal::Token(error @ TokenError::UnknownKey)) => return Err(error),
            Err(refusal) => trouble = Some(Trouble::from(refusal)),
        }
    }
    Ok(Checked { entries, place: receiver.place().clone(), trouble })
}

//! What the console shows of lists, imports and streams: its own form, so that it knows neither `verification` nor
//! `stream`. The composition root fills it.

use async_trait::async_trait;
use musubi_kernel::{Date, UnixTime};
use musubi_platform::RelyingPartyId;
use musubi_store::StoreError;

/// Where the figures come from. Each call may read the database; none may take long: the pages wait for it.
#[async_trait]
pub trait Figures: Send + Sync {
    /// The newest list of each authority and generation in use.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn lists(&self) -> Result<Vec<ListFigure>, StoreError>;

    /// How old evidence may be, by how many relying parties agreed on it; ascending.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn contracts(&self) -> Result<Vec<Contract>, StoreError>;

    /// The imports that go on now.
    async fn imports(&self) -> Vec<ImportProgress>;

    /// The sizes of all lists taken in since then, in the order of their time; at most some thousand.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn list_sizes(&self, since: UnixTime) -> Result<Vec<SizePoint>, StoreError>;

    /// How many change events and corrections there were on each day from `since`; days without any may be left out.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn events_per_day(&self, since: Date) -> Result<Vec<DayTotal>, StoreError>;

    /// Every relying party's stream.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn streams(&self) -> Result<Vec<StreamFigure>, StoreError>;
}

/// A list in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFigure {
    /// `digital_signature` or `user_authentication`.
    pub authority: String,
    /// The generation.
    pub key_id: String,
    /// Its number.
    pub number: u64,
    /// When its content was so.
    pub this_update: UnixTime,
    /// When the next is due.
    pub next_update: UnixTime,
    /// Revoked certificates.
    pub entries: u64,
    /// When it was taken in.
    pub taken_in_at: UnixTime,
}

/// How old evidence may be for some relying parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contract {
    /// The limit.
    pub max_age_seconds: i64,
    /// How many relying parties agreed on it.
    pub relying_parties: u64,
}

/// A step of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The list is being fetched.
    Fetching,
    /// Its signature and entries are being checked.
    Verifying,
    /// Its compact form is being written.
    Building,
    /// Its changes are being recorded.
    Recording,
}

/// An import that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportProgress {
    /// Whose list.
    pub authority: String,
    /// Its number, as announced.
    pub number: u64,
    /// What is being done.
    pub stage: Stage,
    /// How much of it is done, in its own unit.
    pub done: u64,
    /// Out of how much, if that is known.
    pub total: Option<u64>,
}

/// How large a list was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizePoint {
    /// Whose.
    pub authority: String,
    /// The generation.
    pub key_id: String,
    /// Its thisUpdate.
    pub at: UnixTime,
    /// Its entries.
    pub entries: u64,
}

/// A day's sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTotal {
    /// The day in Japan.
    pub day: Date,
    /// How many.
    pub count: u64,
}

/// How a stream is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamState {
    /// The receiver fetches by itself; what it has read is its own matter.
    Fetched,
    /// The receiver has not shown yet that the endpoint is its own.
    Unverified,
    /// Sent, and taken.
    Delivering,
    /// Sent again, since the receiver does not take it.
    Retrying,
    /// Stopped until the relying party resumes it.
    Paused,
    /// Stopped: the receiver said that it is gone.
    Disabled,
}

impl StreamState {
    /// Whether somebody should look.
    #[must_use]
    pub fn is_stopped(self) -> bool {
        matches!(self, Self::Paused | Self::Disabled)
    }
}

/// A relying party's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamFigure {
    /// Whose.
    pub relying_party: RelyingPartyId,
    /// Its name in Japanese.
    pub name_ja: String,
    /// Its name in English.
    pub name_en: String,
    /// Number of its newest entry.
    pub head: u64,
    /// Its watched customers.
    pub customers: u64,
    /// Number of the last entry that was taken, where the platform sends.
    pub delivered: Option<u64>,
    /// When the oldest entry that was not taken was written.
    pub oldest_undelivered_at: Option<UnixTime>,
    /// Entries that the receiver refused for good.
    pub dead_letters: u64,
    /// How it is delivered.
    pub state: StreamState,
}

impl StreamFigure {
    /// How many entries wait. Of a stream that its receiver fetches, nothing is known to wait.
    #[must_use]
    pub fn depth(&self) -> u64 {
        self.delivered.map_or(0, |delivered| self.head.saturating_sub(delivered))
    }
}

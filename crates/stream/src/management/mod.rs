//! Management of streams by their receivers (OpenID Shared Signals Framework 1.0, 8): how they are delivered, pausing,
//! signs of life. One stream for each relying party; its `stream_id` is the relying party's id.
//!
//! ```text
//!   (none) ──create──► enabled ◄──► paused ◄──► disabled ──delete──► (none)
//! ```
//! The sequence goes on whatever its configuration says: a paused or disabled stream is not delivered by push or poll, and
//! may be read by pages at any time. Who never configured anything reads pages and may poll.
//!
//! Does not choose what is in the stream: everything about every registered customer is, since a chain cannot leave
//! anything out. Subjects come and go with their registration.

pub(crate) mod http;
mod service;
mod sql;

use musubi_kernel::UnixTime;
use musubi_platform::RelyingPartyId;
use musubi_store::{Migration, StoreError, Tx};

/// The feature's schema.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "management/0001_stream_config",
    sql: include_str!("migrations/0001_stream_config.sql"),
}];

/// How entries reach a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// Its name in the database.
    pub name: &'static str,
    /// Its URI (SSF 1.0, 6.1).
    pub uri: &'static str,
    /// Whether the receiver names an address.
    pub to_endpoint: bool,
}

/// The receiver reads pages, server-sent events or daily files.
pub const PULL: Method = Method { name: "pull", uri: "urn:musubi:delivery:pull", to_endpoint: false };
/// RFC 8936.
pub const POLL: Method = Method { name: "poll", uri: "urn:ietf:rfc:8936", to_endpoint: false };
/// RFC 8935.
pub const PUSH: Method = Method { name: "push", uri: "urn:ietf:rfc:8935", to_endpoint: true };
/// Standard Webhooks.
pub const WEBHOOK: Method = Method { name: "webhook", uri: "urn:musubi:delivery:webhook", to_endpoint: true };

/// Every method.
pub const METHODS: &[Method] = &[PULL, POLL, PUSH, WEBHOOK];

/// Whether entries are delivered (SSF 1.0, 8.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// They are.
    Enabled,
    /// They wait.
    Paused,
    /// They wait; the receiver does not expect to come back soon.
    Disabled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Enabled, Self::Paused, Self::Disabled];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }
}

impl std::str::FromStr for Status {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(())
    }
}

/// How a receiver wants its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamConfig {
    /// How it is delivered.
    pub method: Method,
    /// Where to, for methods with an endpoint.
    pub endpoint_url: Option<String>,
    /// Whether it is delivered.
    pub status: Status,
    /// Why, in the receiver's words.
    pub reason: Option<String>,
    /// The event types that the receiver asked for. All are delivered.
    pub events_requested: Option<Vec<String>>,
    /// The receiver's own words.
    pub description: Option<String>,
    /// When it last asked for a verification event.
    pub verified_at: Option<UnixTime>,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was last changed.
    pub updated_at: UnixTime,
}

/// The configuration of a relying party's stream, if it made one.
///
/// # Errors
/// [`StoreError`].
pub async fn config(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<Option<StreamConfig>, StoreError> {
    sql::find(tx, relying_party).await
}

/// Whether entries are delivered by poll or push: yes, unless the receiver said otherwise.
///
/// # Errors
/// [`StoreError`].
pub async fn is_enabled(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<bool, StoreError> {
    Ok(sql::find(tx, relying_party).await?.is_none_or(|config| config.status == Status::Enabled))
}

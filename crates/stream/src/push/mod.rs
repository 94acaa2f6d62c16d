//! Sending of the stream to receivers that listen (`docs/spec/change-stream-push.md`): RFC 8935 push and Standard Webhooks,
//! one endpoint for each relying party.
//!
//! ```text
//!             PUT                the well-known path shows the value
//!  (none) ---------> unverified ------------------------------------> active <---- resume, replay
//!                      ^   \                                         /  |   \
//!                      |    '-- 7 days without it --> paused <------'   |    '--> disabled (410 Gone)
//!                      '------- another URL -------------------------'  7 days of failures, or 20 rejections in a row
//! ```
//! One entry is in flight to an endpoint at a time, in order, and the next is sent after the commit that notes the answer:
//! a crash between the two sends one entry twice, and the receiver knows it by its number. Nothing is dropped: an endpoint
//! that fails for 7 days pauses, since what comes after a gap is worthless to a receiver that checks the chain; an entry
//! that the receiver calls invalid becomes a dead letter, since trying again cannot help, and the next goes on.
//!
//! Writes no entry but the one that says that the stream stopped; serves nobody who asks (`serving` does).

mod answer;
mod backoff;
mod http;
mod service;
mod sql;
mod wire;
mod worker;

use musubi_httpkit::outbound::{Reach, UrlRefusal};
use musubi_httpkit::{ProblemKind, Text};
use musubi_kernel::{Secret, UnixTime};
use musubi_platform::RelyingPartyId;
use musubi_store::{Migration, StoreError};

pub use backoff::{GIVE_UP_AFTER, RETRIES};
pub use http::api;
pub use service::{
    dead_letters, endpoint, pause, redeliver, remove_endpoint, replay, resume, rotate_secret, set_endpoint,
    status, status_of,
};
pub use wire::webhook_signature;
pub use worker::{REQUEST_LIMIT, Sender, run};

/// The feature's schema.
pub const MIGRATIONS: &[Migration] =
    &[Migration { name: "push/0001_push", sql: include_str!("migrations/0001_push.sql") }];

/// Where a receiver shows that an origin is its own.
pub const OWNERSHIP_PATH: &str = "/.well-known/musubi-receiver";

/// Seconds between heartbeats if the relying party does not say.
pub const HEARTBEAT_SECONDS: u32 = 3600;
/// The least and the most that it may say.
pub const HEARTBEAT_RANGE: std::ops::RangeInclusive<u32> = 60..=86_400;

/// For how long the key before the present one signs beside it, in seconds.
pub const SECRET_OVERLAP: i64 = 24 * 3600;

/// After so many rejections in a row it is the receiver that is wrong, not the entries.
pub const REJECTIONS: i64 = 20;

/// What routes and sender share: how far requests go, and the call that there is something to send.
#[derive(Debug, Clone, Default)]
pub struct Push {
    reach: Reach,
    wake: std::sync::Arc<tokio::sync::Notify>,
}

impl Push {
    /// A push that reaches that far.
    #[must_use]
    pub fn new(reach: Reach) -> Self {
        Self { reach, wake: std::sync::Arc::default() }
    }

    /// How far requests go.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Says to the sender of this process that there are new entries, after the commit. Without it the sender finds them
    /// within a second.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    fn woken(&self) -> tokio::sync::futures::Notified<'_> {
        self.wake.notified()
    }
}

/// How entries are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PushStyle)]
pub enum Style {
    /// RFC 8935: the token itself.
    SetPush,
    /// Standard Webhooks: JSON with the token in it, signed with a shared key.
    Webhook,
}

impl Style {
    /// Its name in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SetPush => "set_push",
            Self::Webhook => "webhook",
        }
    }
}

impl std::str::FromStr for Style {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        [Self::SetPush, Self::Webhook]
            .into_iter()
            .find(|style| style.as_str() == text)
            .ok_or(StoreError::Corrupt("style"))
    }
}

/// Whether entries are sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PushState)]
pub enum State {
    /// Not yet: the receiver has not shown that the origin is its own.
    Unverified,
    /// Yes.
    Active,
    /// No, until the relying party resumes it. Everything waits.
    Paused,
    /// No: the receiver said that it is gone.
    Disabled,
}

impl State {
    /// Its name in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }
}

impl std::str::FromStr for State {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        [Self::Unverified, Self::Active, Self::Paused, Self::Disabled]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(StoreError::Corrupt("state"))
    }
}

/// What a relying party registers.
#[derive(Debug)]
pub struct NewEndpoint {
    /// Where it listens.
    pub url: String,
    /// How.
    pub style: Style,
    /// Value of the header `Authorization` (RFC 8935, 2.1); 1 to 2,048 visible ASCII characters and spaces.
    pub authorization: Option<Secret<String>>,
    /// Most seconds between two heartbeats, within [`HEARTBEAT_RANGE`].
    pub heartbeat_seconds: u32,
    /// Begin after this number. `None`: a new endpoint at the stream's beginning, another one where it stands.
    pub after: Option<u64>,
}

/// A registered endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose.
    pub relying_party: RelyingPartyId,
    /// Where it listens.
    pub url: String,
    /// How.
    pub style: Style,
    /// Whether it is served.
    pub state: State,
    /// Why it is not.
    pub stopped_because: Option<String>,
    /// The value that [`OWNERSHIP_PATH`] must show.
    pub challenge: String,
    /// When it did.
    pub verified_at: Option<UnixTime>,
    /// Whether an `Authorization` header is sent.
    pub authorized: bool,
    /// Most seconds between two heartbeats.
    pub heartbeat_seconds: u32,
}

/// How an endpoint does: for the relying party, the console and the metrics. Nothing here is personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointStatus {
    /// Whose.
    pub relying_party: RelyingPartyId,
    /// How it is sent.
    pub style: Style,
    /// Whether it is served.
    pub state: State,
    /// Why it is not: `unreachable`, `rejected`, `gone`, `ownership_not_shown`.
    pub stopped_because: Option<String>,
    /// Number of the stream's newest entry.
    pub head: u64,
    /// Number of the last entry that is settled.
    pub delivered: u64,
    /// When the oldest entry that is not was written.
    pub oldest_undelivered_at: Option<UnixTime>,
    /// Failures since the last success.
    pub attempts: u32,
    /// When they began.
    pub failing_since: Option<UnixTime>,
    /// When the next attempt may be; `None` while it is stopped.
    pub next_attempt_at: Option<UnixTime>,
    /// The last success.
    pub last_success_at: Option<UnixTime>,
    /// The last failure.
    pub last_failure_at: Option<UnixTime>,
    /// Its code, such as `status_503`, `timed_out`, `address_refused`.
    pub last_failure: Option<String>,
    /// Entries that were set aside.
    pub dead_letters: u64,
}

impl EndpointStatus {
    /// How many entries wait.
    #[must_use]
    pub fn depth(&self) -> u64 {
        self.head.saturating_sub(self.delivered)
    }
}

/// An entry that the receiver refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number.
    pub sequence: u64,
    /// The refusal's code.
    pub code: String,
    /// When.
    pub refused_at: UnixTime,
    /// Whether it waits to be sent again.
    pub redeliver: bool,
}

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The relying party has no endpoint.
    #[error("there is no endpoint")]
    NoEndpoint,
    /// The URL may not be asked.
    #[error("the URL is refused: {0}")]
    Url(UrlRefusal),
    /// The URL leads to this platform.
    #[error("the URL is the platform's own")]
    OwnUrl,
    /// The header or the number of seconds is out of its bounds.
    #[error("a field is out of its bounds")]
    Field,
    /// There is no such number in the stream.
    #[error("the stream has no such number")]
    OutOfRange,
    /// The endpoint's style has no shared key.
    #[error("the endpoint has no secret")]
    NoSecret,
    /// What was sealed cannot be opened, or the library fails.
    #[error("a secret cannot be sealed or opened")]
    Seal,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Every kind of problem that the routes answer.
pub const PROBLEMS: &[&ProblemKind] =
    &[&ENDPOINT_UNKNOWN, &ENDPOINT_URL_REFUSED, &ENDPOINT_NUMBER_UNKNOWN, &ENDPOINT_WITHOUT_SECRET];

/// The relying party has no endpoint.
pub static ENDPOINT_UNKNOWN: ProblemKind = ProblemKind::new(
    "stream_endpoint.unknown",
    404,
    "No endpoint",
    Text::new(
        "プッシュ配信の送り先が登録されていません。",
        "PUT /v1/stream-endpointで送り先を登録してください。",
    ),
    Text::new("No endpoint for push delivery is registered.", "Register one with PUT /v1/stream-endpoint."),
);

/// The endpoint's URL is refused. The member `reason` says why.
pub static ENDPOINT_URL_REFUSED: ProblemKind = ProblemKind::new(
    "stream_endpoint.url_refused",
    400,
    "Endpoint URL refused",
    Text::new(
        "このURLには配信できません。",
        "インターネットから名前で接続できるhttpsのURL（ポート443または8443、利用者名やパスワード、#を含まないもの）を登録してください。",
    ),
    Text::new(
        "Nothing can be delivered to this URL.",
        "Register an https URL with a public host name, port 443 or 8443, without user name, password or fragment.",
    ),
);

/// The stream has no such number. The member `last` says which is the last.
pub static ENDPOINT_NUMBER_UNKNOWN: ProblemKind = ProblemKind::new(
    "stream_endpoint.number_unknown",
    400,
    "No such number in the stream",
    Text::new("その番号の通知はありません。", "GET /v1/stream-endpointのheadまでの番号を指定してください。"),
    Text::new(
        "The stream has no entry with this number.",
        "Name a number up to the head that GET /v1/stream-endpoint shows.",
    ),
);

/// The endpoint is not a webhook.
pub static ENDPOINT_WITHOUT_SECRET: ProblemKind = ProblemKind::new(
    "stream_endpoint.without_secret",
    409,
    "Endpoint without a secret",
    Text::new(
        "この送り先の方式では共有鍵を使いません。",
        "set_pushでは通知そのものの署名を確かめてください。共有鍵が必要なら、方式をwebhookにして登録し直してください。",
    ),
    Text::new(
        "An endpoint of this style has no shared secret.",
        "With set_push, verify the token's own signature; to have a shared secret, register the endpoint as a webhook.",
    ),
);

//! The rules of stream management.

use musubi_feed::{EVENT_TYPES, Event, EventType, STREAM_UPDATED, VERIFICATION};
use musubi_kernel::{Secret, UnixTime};
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::change_stream::{self, NewEntry};
use musubi_platform::{Context, RelyingPartyId};
use musubi_store::{StoreError, Tx};
use serde_json::{Map, json};

use super::{METHODS, Method, POLL, PUSH, Status, StreamConfig, WEBHOOK, sql};
use crate::Streams;
use crate::push::{self, NewEndpoint, PushError, Style};

/// A receiver asks for a sign of life at most this often, in seconds (SSF 1.0, 8.1.1: `min_verification_interval`).
pub(super) const MIN_VERIFICATION_INTERVAL: i64 = 60;
/// Longest text of a receiver's own, in bytes.
const MAX_TEXT: usize = 512;
/// Most event types that a receiver may ask for.
const MAX_REQUESTED: usize = 100;

/// Why a request of a receiver is not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("there is no such stream")]
    Unknown,
    #[error("there is a stream already")]
    Exists,
    #[error("the delivery method is not supported, or its address is not acceptable")]
    Delivery,
    #[error("a text is too long, or a member is not what it must be")]
    Malformed,
    #[error("asked again too soon")]
    TooSoon {
        /// Seconds to wait.
        wait: i64,
    },
    #[error(transparent)]
    Push(#[from] PushError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a receiver wants.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// URI of the method; poll if it names none (SSF 1.0, 8.1.1.1).
    pub(super) method: Option<String>,
    pub(super) endpoint_url: Option<String>,
    /// Value of the header `Authorization` that the receiver wants to see.
    pub(super) authorization: Option<Secret<String>>,
    pub(super) events_requested: Option<Vec<String>>,
    pub(super) description: Option<String>,
}

/// The types that can be in a stream.
pub(super) fn events_supported() -> impl Iterator<Item = &'static str> {
    EVENT_TYPES.iter().filter(|known| in_sequence(known)).map(|known| known.uri)
}

fn in_sequence(event_type: &EventType) -> bool {
    *event_type != musubi_feed::HEARTBEAT && *event_type != musubi_feed::DAY
}

/// Method and address, if they go together. Whether the address may be delivered to is for the sender to judge.
fn delivery(wanted: &Wanted) -> Result<(Method, Option<String>), Error> {
    let uri = wanted.method.as_deref().unwrap_or(POLL.uri);
    let method = METHODS.iter().copied().find(|method| method.uri == uri).ok_or(Error::Delivery)?;
    match &wanted.endpoint_url {
        Some(url) if method.to_endpoint => Ok((method, Some(url.clone()))),
        None if method.to_endpoint => Err(Error::Delivery),
        // The transmitter's own address, given back by a receiver that changes another member.
        _ => Ok((method, None)),
    }
}

fn check(wanted: &Wanted) -> Result<(), Error> {
    let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > MAX_TEXT);
    let requested = wanted.events_requested.iter().flatten();
    let many = requested.clone().count() > MAX_REQUESTED;
    if long(&wanted.description) || many || requested.clone().any(|uri| uri.len() > MAX_TEXT) {
        return Err(Error::Malformed);
    }
    Ok(())
}

/// Has the sender do what a configuration says. Answers the webhook's key if one was made.
async fn deliver(
    tx: &mut Tx,
    streams: &Streams,
    relying_party: &RelyingPartyId,
    config: &StreamConfig,
    authorization: Option<Secret<String>>,
    at: UnixTime,
) -> Result<Option<Secret<String>>, Error> {
    let style = match config.method {
        PUSH => Some(Style::SetPush),
        WEBHOOK => Some(Style::Webhook),
        _ => None,
    };
    let Some((style, url)) = style.zip(config.endpoint_url.clone()) else {
        push::remove_endpoint(tx, relying_party, at).await?;
        return Ok(None);
    };
    let heartbeat_seconds = push::HEARTBEAT_SECONDS;
    let new = NewEndpoint { url, style, authorization, heartbeat_seconds, after: None };
    let (context, reach) = (streams.context(), streams.push().reach());
    let (_, secret) = push::set_endpoint(tx, context, reach, relying_party, &new, at).await?;
    if config.status != Status::Enabled {
        push::pause(tx, relying_party, at).await?;
    }
    Ok(secret)
}

/// A configuration as it is now, and the webhook's key if one was made.
pub(super) type Configured = (StreamConfig, Option<Secret<String>>);

pub(super) async fn create(
    tx: &mut Tx,
    streams: &Streams,
    relying_party: &RelyingPartyId,
    wanted: Wanted,
    at: UnixTime,
) -> Result<Configured, Error> {
    check(&wanted)?;
    let (method, endpoint_url) = delivery(&wanted)?;
    let config = StreamConfig {
        method,
        endpoint_url,
        status: Status::Enabled,
        reason: None,
        events_requested: wanted.events_requested,
        description: wanted.description,
        verified_at: None,
        created_at: at,
        updated_at: at,
    };
    if !sql::insert(tx, relying_party, &config).await? {
        return Err(Error::Exists);
    }
    let secret = deliver(tx, streams, relying_party, &config, wanted.authorization, at).await?;
    record(tx, streams.context(), relying_party, audit::STREAM_CONFIGURED, &config, at).await?;
    Ok((config, secret))
}

/// Which members a change names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// What it does not name stays (PATCH).
    Named,
    /// What it does not name goes (PUT).
    All,
}

pub(super) async fn change(
    tx: &mut Tx,
    streams: &Streams,
    relying_party: &RelyingPartyId,
    wanted: Wanted,
    change: Change,
    at: UnixTime,
) -> Result<Configured, Error> {
    check(&wanted)?;
    sql::lock(tx, relying_party).await?;
    let mut config = sql::find(tx, relying_party).await?.ok_or(Error::Unknown)?;
    let all = change == Change::All;
    let delivered_anew = all || wanted.method.is_some();
    if delivered_anew {
        (config.method, config.endpoint_url) = delivery(&wanted)?;
    }
    if all || wanted.events_requested.is_some() {
        config.events_requested = wanted.events_requested;
    }
    if all || wanted.description.is_some() {
        config.description = wanted.description;
    }
    config.updated_at = at;
    sql::update(tx, relying_party, &config).await?;
    let secret = if delivered_anew {
        deliver(tx, streams, relying_party, &config, wanted.authorization, at).await?
    } else {
        None
    };
    record(tx, streams.context(), relying_party, audit::STREAM_CONFIGURED, &config, at).await?;
    Ok((config, secret))
}

pub(super) async fn remove(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    at: UnixTime,
) -> Result<(), Error> {
    let config = sql::find(tx, relying_party).await?.ok_or(Error::Unknown)?;
    if !sql::delete(tx, relying_party).await? {
        return Err(Error::Unknown);
    }
    if config.method.to_endpoint {
        push::remove_endpoint(tx, relying_party, at).await?;
    }
    Ok(record(tx, context, relying_party, audit::STREAM_REMOVED, &config, at).await?)
}

/// Sets the status; a change of it is told in the stream itself (SSF 1.0, 8.1.5).
pub(super) async fn set_status(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    status: Status,
    reason: Option<String>,
    at: UnixTime,
) -> Result<StreamConfig, Error> {
    if reason.as_ref().is_some_and(|reason| reason.len() > MAX_TEXT) {
        return Err(Error::Malformed);
    }
    sql::lock(tx, relying_party).await?;
    let mut config = sql::find(tx, relying_party).await?.ok_or(Error::Unknown)?;
    let changes = config.status != status;
    config.status = status;
    config.reason = reason;
    config.updated_at = at;
    sql::update(tx, relying_party, &config).await?;
    if changes && config.method.to_endpoint {
        let moved = match status {
            Status::Enabled => push::resume(tx, relying_party, at).await,
            Status::Paused | Status::Disabled => push::pause(tx, relying_party, at).await,
        };
        // The endpoint may have been removed by its own route.
        match moved {
            Ok(()) | Err(PushError::NoEndpoint) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if changes {
        let mut body = Map::new();
        body.insert("status".into(), status.as_str().into());
        if let Some(reason) = &config.reason {
            body.insert("reason".into(), reason.as_str().into());
        }
        tell(tx, context, relying_party, STREAM_UPDATED, body, at).await?;
        record(tx, context, relying_party, audit::STREAM_CONFIGURED, &config, at).await?;
    }
    Ok(config)
}

/// Appends a verification event, with the receiver's `state` in it (SSF 1.0, 8.1.4).
pub(super) async fn verify(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    state: Option<String>,
    at: UnixTime,
) -> Result<(), Error> {
    if state.as_ref().is_some_and(|state| state.len() > MAX_TEXT) {
        return Err(Error::Malformed);
    }
    sql::lock(tx, relying_party).await?;
    let mut config = sql::find(tx, relying_party).await?.ok_or(Error::Unknown)?;
    let next = config.verified_at.map(|before| before.plus(MIN_VERIFICATION_INTERVAL));
    if let Some(next) = next.filter(|next| at < *next) {
        return Err(Error::TooSoon { wait: next.since(at) });
    }
    config.verified_at = Some(at);
    sql::update(tx, relying_party, &config).await?;
    let body = state.map(|state| ("state".to_owned(), state.into())).into_iter().collect();
    tell(tx, context, relying_party, VERIFICATION, body, at).await?;
    Ok(record(tx, context, relying_party, audit::STREAM_VERIFICATION_ASKED, &config, at).await?)
}

async fn tell(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    event_type: EventType,
    body: Map<String, serde_json::Value>,
    at: UnixTime,
) -> Result<(), StoreError> {
    // These events are about the stream, and name it as their subject (SSF 1.0, 8.1.4.1).
    let event = Event::about(event_type, relying_party.as_str().to_owned(), body);
    let entry = NewEntry { relying_party: relying_party.clone(), person: None, event };
    change_stream::append(tx, context, entry, at).await.map(drop)
}

async fn record(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    kind: &'static str,
    config: &StreamConfig,
    at: UnixTime,
) -> Result<(), StoreError> {
    let event = AuditEvent {
        kind,
        relying_party: Some(relying_party.clone()),
        person: None,
        detail: json!({ "method": config.method.name, "status": config.status.as_str() }),
    };
    audit::append(tx, &event, context.random.as_ref(), at).await.map(drop)
}

//! The rules of endpoints: who may register what, what a run's outcome changes, how a stream goes on after a stop.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_crypto::{SealingKey, sha256};
use musubi_feed::{Event, Heartbeat, ListInUse, STREAM_UPDATED, seal_heartbeat};
use musubi_httpkit::outbound::{OutboundUrl, Reach};
use musubi_kernel::{Random, Secret, UnixTime, hex_lower};
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::change_stream::{self, NewEntry};
use musubi_platform::{Context, RelyingPartyId, metering};
use musubi_store::{StoreError, Tx};
use serde_json::{Map, json};

use super::backoff::{GIVE_UP_AFTER, next_attempt};
use super::sql::{self, Lease, Registration, Stored};
use super::wire::{Credentials, shown_secret};
use super::{
    DeadLetter, Endpoint, EndpointStatus, HEARTBEAT_RANGE, NewEndpoint, PushError, SECRET_OVERLAP, State,
    Style,
};

/// Longest value of an `Authorization` header, in bytes.
const MAX_AUTHORIZATION: usize = 2048;

/// For how long a run holds an endpoint without a sign of life, in seconds: longer than any one request.
pub(super) const LEASE: i64 = 60;

/// Registers the endpoint of a relying party or replaces it; answers it, and the webhook's key if a new one was made. With
/// the same URL what was shown of ownership and what was delivered stay, and a stopped endpoint goes on; with another one
/// ownership is asked for anew. Writes no audit record: the caller does, last.
///
/// # Errors
/// [`PushError`].
pub async fn set_endpoint(
    tx: &mut Tx,
    context: &Context,
    reach: Reach,
    relying_party: &RelyingPartyId,
    new: &NewEndpoint,
    at: UnixTime,
) -> Result<(Endpoint, Option<Secret<String>>), PushError> {
    let url = OutboundUrl::parse(&new.url, reach).map_err(PushError::Url)?;
    if [&context.api_origin, &context.portal_origin].into_iter().any(|own| host_of(own) == url.host()) {
        return Err(PushError::OwnUrl);
    }
    let authorization = new.authorization.as_ref().map(|value| value.expose().as_str());
    let writable = |text: &str| {
        (1..=MAX_AUTHORIZATION).contains(&text.len())
            && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
    };
    if !authorization.is_none_or(writable) || !HEARTBEAT_RANGE.contains(&new.heartbeat_seconds) {
        return Err(PushError::Field);
    }
    let head = change_stream::head(tx, context, relying_party).await?.last.sequence;
    if new.after.is_some_and(|after| after > head) {
        return Err(PushError::OutOfRange);
    }
    let present = sql::lock(tx, relying_party).await?;
    let same_url = present.as_ref().filter(|stored| stored.endpoint.url == url.as_str());
    let verified_at = same_url.and_then(|stored| stored.endpoint.verified_at);
    let endpoint = Endpoint {
        relying_party: relying_party.clone(),
        url: url.as_str().to_owned(),
        style: new.style,
        state: if verified_at.is_some() { State::Active } else { State::Unverified },
        stopped_because: None,
        challenge: same_url.map_or_else(
            || fresh_challenge(context.random.as_ref()),
            |stored| stored.endpoint.challenge.clone(),
        ),
        verified_at,
        authorized: authorization.is_some(),
        heartbeat_seconds: new.heartbeat_seconds,
    };
    let keys = Keys::of(context)?;
    let kept = present.as_ref().and_then(|stored| stored.secret.clone());
    let (secret, shown) = match (new.style, kept) {
        (Style::SetPush, _) => (None, None),
        (Style::Webhook, Some(sealed)) => (Some(sealed), None),
        (Style::Webhook, None) => {
            let key = fresh_secret(context.random.as_ref());
            (Some(keys.seal(SECRET, relying_party, key.expose())?), Some(shown_secret(key.expose())))
        }
    };
    let sealed =
        authorization.map(|text| keys.seal(AUTHORIZATION, relying_party, text.as_bytes())).transpose()?;
    let previous = present.as_ref().filter(|_| secret.is_some());
    let registration = Registration {
        endpoint: &endpoint,
        previous_secret: previous.and_then(|stored| stored.previous_secret.clone()),
        previous_until: previous.and_then(|stored| stored.previous_until),
        secret,
        authorization: sealed,
        delivered: new.after.or(present.as_ref().map(|stored| stored.delivered)).unwrap_or(0),
    };
    sql::register(tx, registration, at).await?;
    Ok((endpoint, shown))
}

/// Removes the endpoint of a relying party with its dead letters; answers whether there was one. Entries stay in the stream.
///
/// # Errors
/// [`PushError::Store`].
pub async fn remove_endpoint(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    at: UnixTime,
) -> Result<bool, PushError> {
    if sql::lock(tx, relying_party).await?.is_none() {
        return Ok(false);
    }
    carry_over_counts(tx, relying_party, at).await?;
    sql::remove(tx, relying_party).await?;
    Ok(true)
}

/// The endpoint of a relying party.
///
/// # Errors
/// [`PushError::NoEndpoint`], [`PushError::Store`].
pub async fn endpoint(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<Endpoint, PushError> {
    sql::find(tx, relying_party).await?.map(|stored| stored.endpoint).ok_or(PushError::NoEndpoint)
}

/// A new key for a webhook. The one before it signs beside it for [`SECRET_OVERLAP`].
///
/// # Errors
/// [`PushError::NoEndpoint`], [`PushError::NoSecret`], [`PushError::Store`].
pub async fn rotate_secret(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    at: UnixTime,
) -> Result<Secret<String>, PushError> {
    let stored = sql::lock(tx, relying_party).await?.ok_or(PushError::NoEndpoint)?;
    if stored.endpoint.style != Style::Webhook {
        return Err(PushError::NoSecret);
    }
    let key = fresh_secret(context.random.as_ref());
    let sealed = Keys::of(context)?.seal(SECRET, relying_party, key.expose())?;
    sql::rotate(tx, relying_party, sealed, at.plus(SECRET_OVERLAP)).await?;
    Ok(shown_secret(key.expose()))
}

/// Sends everything from number `from` on (again), also at a stopped endpoint. `from` one past the head sends only what
/// is to come.
///
/// # Errors
/// [`PushError::NoEndpoint`], [`PushError::OutOfRange`], [`PushError::Store`].
pub async fn replay(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    from: u64,
    at: UnixTime,
) -> Result<(), PushError> {
    let stored = sql::lock(tx, relying_party).await?.ok_or(PushError::NoEndpoint)?;
    let head = change_stream::head(tx, context, relying_party).await?.last.sequence;
    let after = from.checked_sub(1).filter(|after| *after <= head).ok_or(PushError::OutOfRange)?;
    sql::forget_dead_letters(tx, relying_party, from).await?;
    sql::recount_marked(tx, relying_party).await?;
    sql::restart(tx, relying_party, served(&stored), after, at).await?;
    Ok(())
}

/// Goes on where the endpoint stopped, at once.
///
/// # Errors
/// [`PushError::NoEndpoint`], [`PushError::Store`].
pub async fn resume(tx: &mut Tx, relying_party: &RelyingPartyId, at: UnixTime) -> Result<(), PushError> {
    let stored = sql::lock(tx, relying_party).await?.ok_or(PushError::NoEndpoint)?;
    Ok(sql::restart(tx, relying_party, served(&stored), stored.delivered, at).await?)
}

/// Sends nothing more until somebody resumes it.
///
/// # Errors
/// [`PushError::NoEndpoint`], [`PushError::Store`].
pub async fn pause(tx: &mut Tx, relying_party: &RelyingPartyId, at: UnixTime) -> Result<(), PushError> {
    sql::lock(tx, relying_party).await?.ok_or(PushError::NoEndpoint)?;
    carry_over_counts(tx, relying_party, at).await?;
    Ok(sql::pause(tx, relying_party).await?)
}

fn served(stored: &Stored) -> State {
    if stored.endpoint.verified_at.is_some() { State::Active } else { State::Unverified }
}

/// The dead letters of a relying party after number `after`, at most `limit`.
///
/// # Errors
/// [`PushError::Store`].
pub async fn dead_letters(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    after: u64,
    limit: u32,
) -> Result<Vec<DeadLetter>, PushError> {
    Ok(sql::dead_letters(tx, relying_party, after, limit).await?)
}

/// Sends dead letters again, all of them if none is named; answers how many.
///
/// # Errors
/// [`PushError::NoEndpoint`], [`PushError::Store`].
pub async fn redeliver(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    sequences: &[u64],
) -> Result<u64, PushError> {
    sql::lock(tx, relying_party).await?.ok_or(PushError::NoEndpoint)?;
    let mut marked = 0;
    if sequences.is_empty() {
        marked = sql::mark(tx, relying_party, None).await?;
    }
    for sequence in sequences {
        marked += sql::mark(tx, relying_party, Some(*sequence)).await?;
    }
    sql::recount_marked(tx, relying_party).await?;
    Ok(marked)
}

/// How every endpoint does, in the order of relying parties.
///
/// # Errors
/// [`StoreError`].
pub async fn status(tx: &mut Tx) -> Result<Vec<EndpointStatus>, StoreError> {
    sql::status(tx, None).await
}

/// How the endpoint of one relying party does.
///
/// # Errors
/// [`PushError::NoEndpoint`], [`PushError::Store`].
pub async fn status_of(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<EndpointStatus, PushError> {
    sql::status(tx, Some(relying_party)).await?.pop().ok_or(PushError::NoEndpoint)
}

// ---- the run's outcomes

/// What a run leaves behind when something failed: when to try again, or that it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure<'a> {
    pub(super) code: &'a str,
    pub(super) retry_after: Option<u32>,
    /// Whether an entry was tried, rather than a heartbeat or the proof of ownership.
    pub(super) of_entry: bool,
}

/// Notes a failure: the next attempt by the table, or after 7 days of failing the stop.
pub(super) async fn note_failure(
    tx: &mut Tx,
    context: &Context,
    lease: &Lease,
    failure: Failure<'_>,
    at: UnixTime,
) -> Result<(), StoreError> {
    let Some(stored) = sql::lock(tx, &lease.relying_party).await? else { return Ok(()) };
    let attempts = stored.attempts.saturating_add(1);
    let due_at = next_attempt(attempts, failure.retry_after, context.random.as_ref(), at);
    if !sql::failed(tx, lease, failure.code, due_at, failure.of_entry, at).await? {
        return Ok(());
    }
    if stored.failing_since.is_some_and(|since| at.since(since) >= GIVE_UP_AFTER) {
        let because =
            if stored.endpoint.verified_at.is_some() { "unreachable" } else { "ownership_not_shown" };
        stop(tx, context, lease, State::Paused, because, at).await?;
    }
    Ok(())
}

/// Stops an endpoint: the stream itself says so for those who read it another way, and the audit log does.
pub(super) async fn stop(
    tx: &mut Tx,
    context: &Context,
    lease: &Lease,
    state: State,
    because: &str,
    at: UnixTime,
) -> Result<(), StoreError> {
    if !sql::stopped(tx, lease, state, because).await? {
        return Ok(());
    }
    let mut body = Map::new();
    body.insert("status".into(), state.as_str().into());
    body.insert("reason".into(), because.into());
    let entry = NewEntry {
        relying_party: lease.relying_party.clone(),
        person: None,
        event: Event::of_stream(STREAM_UPDATED, body),
    };
    change_stream::append(tx, context, entry, at).await?;
    carry_over_counts(tx, &lease.relying_party, at).await?;
    let event = AuditEvent {
        kind: audit::STREAM_ENDPOINT_STOPPED,
        relying_party: Some(lease.relying_party.clone()),
        person: None,
        detail: json!({ "state": state.as_str(), "because": because }),
    };
    audit::append(tx, &event, context.random.as_ref(), at).await.map(drop)
}

/// Carries what was delivered and tried over to the metering.
pub(super) async fn carry_over_counts(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    at: UnixTime,
) -> Result<(), StoreError> {
    let Some((deliveries, attempts)) = sql::uncounted(tx, relying_party).await? else { return Ok(()) };
    if deliveries > 0 {
        metering::count(tx, relying_party, "", metering::DELIVERY, deliveries, at).await?;
    }
    metering::count(tx, relying_party, "", metering::DELIVERY_ATTEMPT, attempts, at).await
}

/// A heartbeat, if there is nothing after number `delivered`; the lists were read before in this transaction.
pub(super) async fn heartbeat(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    delivered: u64,
    lists: Vec<ListInUse>,
    at: UnixTime,
) -> Result<Option<String>, StoreError> {
    let head = change_stream::head(tx, context, relying_party).await?;
    if head.last.sequence != delivered {
        return Ok(None);
    }
    let heartbeat = Heartbeat { last: head.last, customers: head.customers, lists, at: at.0 };
    let stream = change_stream::stream_of(context, relying_party);
    Ok(Some(seal_heartbeat(&stream, &heartbeat, &context.signing_key)))
}

/// One short word for a set of lists: two sets with the same word are the same.
pub(super) fn fingerprint(lists: &[ListInUse]) -> String {
    let mut lines: Vec<String> =
        lists.iter().map(|list| format!("{} {} {}", list.authority, list.key_id, list.number)).collect();
    lines.sort();
    hex_lower(&sha256(lines.join("\n").as_bytes()))
}

// ---- secrets

const SECRET: &str = "secret";
const AUTHORIZATION: &str = "authorization";

struct Keys(SealingKey);

impl Keys {
    fn of(context: &Context) -> Result<Self, PushError> {
        let key = SealingKey::derive(context.pairwise_secret.expose(), "push endpoint");
        key.map(Self).map_err(|_| PushError::Seal)
    }

    fn seal(&self, what: &str, relying_party: &RelyingPartyId, plain: &[u8]) -> Result<Vec<u8>, PushError> {
        self.0.seal(&place(what, relying_party), plain).map_err(|_| PushError::Seal)
    }

    fn open(&self, what: &str, relying_party: &RelyingPartyId, sealed: &[u8]) -> Result<Vec<u8>, PushError> {
        self.0.open(&place(what, relying_party), sealed).map_err(|_| PushError::Seal)
    }
}

fn place(what: &str, relying_party: &RelyingPartyId) -> Vec<u8> {
    format!("push_endpoint {what} {relying_party}").into_bytes()
}

/// What requests to an endpoint carry at `at`.
pub(super) fn credentials(
    context: &Context,
    stored: &Stored,
    at: UnixTime,
) -> Result<Credentials, PushError> {
    let keys = Keys::of(context)?;
    let relying_party = &stored.endpoint.relying_party;
    let previous =
        stored.previous_secret.as_ref().filter(|_| stored.previous_until.is_some_and(|until| at < until));
    let mut secrets = Vec::new();
    for sealed in stored.secret.iter().chain(previous) {
        secrets.push(Secret::new(keys.open(SECRET, relying_party, sealed)?));
    }
    let authorization = match &stored.authorization {
        None => None,
        Some(sealed) => {
            let plain = keys.open(AUTHORIZATION, relying_party, sealed)?;
            Some(Secret::new(String::from_utf8(plain).map_err(|_| PushError::Seal)?))
        }
    };
    Ok(Credentials { style: stored.endpoint.style, secrets, authorization })
}

fn fresh_secret(random: &dyn Random) -> Secret<Vec<u8>> {
    let mut bytes = vec![0; 32];
    random.fill(&mut bytes);
    Secret::new(bytes)
}

fn fresh_challenge(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    format!("musubi-receiver={}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Host of an origin, without scheme and port.
fn host_of(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

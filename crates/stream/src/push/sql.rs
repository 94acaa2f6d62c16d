//! The only SQL of push.

use musubi_kernel::UnixTime;
use musubi_platform::RelyingPartyId;
use musubi_store::{Row, StoreError, Tx, Value};

use super::{DeadLetter, Endpoint, EndpointStatus, State, Style};

/// Far away: when a stopped endpoint is due. The index of due times leaves it at its end.
const NEVER: i64 = i64::MAX;

/// An endpoint with all that its service needs.
pub(super) struct Stored {
    pub(super) endpoint: Endpoint,
    pub(super) secret: Option<Vec<u8>>,
    pub(super) previous_secret: Option<Vec<u8>>,
    pub(super) previous_until: Option<UnixTime>,
    pub(super) authorization: Option<Vec<u8>>,
    pub(super) delivered: u64,
    pub(super) heartbeat_at: UnixTime,
    pub(super) lists_told: String,
    pub(super) redeliver: u64,
    pub(super) attempts: u32,
    pub(super) failing_since: Option<UnixTime>,
}

/// What is written when an endpoint is registered or changed.
pub(super) struct Registration<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) secret: Option<Vec<u8>>,
    pub(super) previous_secret: Option<Vec<u8>>,
    pub(super) previous_until: Option<UnixTime>,
    pub(super) authorization: Option<Vec<u8>>,
    pub(super) delivered: u64,
}

/// Which run holds an endpoint. Whoever changes the endpoint meanwhile takes the lease away, and the run's answers count
/// for nothing.
#[derive(Clone)]
pub(super) struct Lease {
    pub(super) relying_party: RelyingPartyId,
    pub(super) token: String,
}

impl Lease {
    pub(super) fn values(&self) -> [Value; 2] {
        [self.relying_party.as_str().into(), (&self.token).into()]
    }
}

pub(super) fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Corrupt("sequence"))
}

pub(super) fn unsigned(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(row.int(column)?).map_err(|_| StoreError::Corrupt(column))
}

fn time_opt(row: &Row, column: &'static str) -> Result<Option<UnixTime>, StoreError> {
    Ok(row.int_opt(column)?.map(UnixTime))
}

pub(super) fn stored(row: &Row) -> Result<Stored, StoreError> {
    let authorization = row.blob_opt("authorization_header")?;
    let heartbeat_seconds =
        u32::try_from(row.int("heartbeat_seconds")?).map_err(|_| StoreError::Corrupt("heartbeat_seconds"))?;
    Ok(Stored {
        endpoint: Endpoint {
            relying_party: row.parsed("relying_party_id")?,
            url: row.text("url")?,
            style: row.text("style")?.parse()?,
            state: row.text("state")?.parse()?,
            stopped_because: row.text_opt("stopped_because")?,
            challenge: row.text("challenge")?,
            verified_at: time_opt(row, "verified_at")?,
            authorized: authorization.is_some(),
            heartbeat_seconds,
        },
        secret: row.blob_opt("secret")?,
        previous_secret: row.blob_opt("previous_secret")?,
        previous_until: time_opt(row, "previous_until")?,
        authorization,
        delivered: unsigned(row, "delivered")?,
        heartbeat_at: row.time("heartbeat_at")?,
        lists_told: row.text("lists_told")?,
        redeliver: unsigned(row, "redeliver")?,
        attempts: u32::try_from(row.int("attempts")?).map_err(|_| StoreError::Corrupt("attempts"))?,
        failing_since: time_opt(row, "failing_since")?,
    })
}

/// Locked until the transaction ends, as `UPDATE` locks on both engines.
pub(super) async fn lock(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<Option<Stored>, StoreError> {
    tx.query_opt(
        "UPDATE push_endpoint SET lease = lease WHERE relying_party_id = $1 RETURNING *",
        &[relying_party.as_str().into()],
    )
    .await?
    .as_ref()
    .map(stored)
    .transpose()
}

pub(super) async fn find(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<Option<Stored>, StoreError> {
    tx.query_opt("SELECT * FROM push_endpoint WHERE relying_party_id = $1", &[relying_party.as_str().into()])
        .await?
        .as_ref()
        .map(stored)
        .transpose()
}

/// Inserts or replaces; due at once, leased by nobody, without failures.
pub(super) async fn register(tx: &mut Tx, new: Registration<'_>, at: UnixTime) -> Result<(), StoreError> {
    let endpoint = new.endpoint;
    tx.execute(
        "INSERT INTO push_endpoint (relying_party_id, url, style, state, stopped_because, challenge, verified_at,
            secret, previous_secret, previous_until, authorization_header, heartbeat_seconds, created_at, delivered, due_at,
            heartbeat_at, lists_told, redeliver, slow, lease, leased_until, attempts, rejected,
            uncounted_deliveries, uncounted_attempts)
         VALUES ($1, $2, $3, $4, NULL, $5, $6, $7, $8, $9, $10, $11, $12, $13, $12, $12, '', 0, 0, '', 0, 0, 0, 0, 0)
         ON CONFLICT (relying_party_id) DO UPDATE SET url = excluded.url, style = excluded.style,
            state = excluded.state, stopped_because = NULL, challenge = excluded.challenge,
            verified_at = excluded.verified_at, secret = excluded.secret,
            previous_secret = excluded.previous_secret, previous_until = excluded.previous_until,
            authorization_header = excluded.authorization_header, heartbeat_seconds = excluded.heartbeat_seconds,
            delivered = excluded.delivered, due_at = excluded.due_at, heartbeat_at = excluded.heartbeat_at,
            lists_told = '', slow = 0, lease = '', leased_until = 0, attempts = 0, rejected = 0, failing_since = NULL",
        &[
            endpoint.relying_party.as_str().into(),
            (&endpoint.url).into(),
            endpoint.style.as_str().into(),
            endpoint.state.as_str().into(),
            (&endpoint.challenge).into(),
            endpoint.verified_at.into(),
            new.secret.into(),
            new.previous_secret.into(),
            new.previous_until.into(),
            new.authorization.into(),
            endpoint.heartbeat_seconds.into(),
            at.into(),
            signed(new.delivered)?.into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn remove(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM push_endpoint WHERE relying_party_id = $1",
        "DELETE FROM push_dead_letter WHERE relying_party_id = $1",
    ] {
        tx.execute(statement, &[relying_party.as_str().into()]).await?;
    }
    Ok(())
}

pub(super) async fn rotate(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    secret: Vec<u8>,
    previous_until: UnixTime,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE push_endpoint SET previous_secret = secret, previous_until = $2, secret = $3, lease = '',
            leased_until = 0 WHERE relying_party_id = $1",
        &[relying_party.as_str().into(), previous_until.into(), secret.into()],
    )
    .await
    .map(drop)
}

/// Served again from after `delivered`, at once.
pub(super) async fn restart(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    state: State,
    delivered: u64,
    at: UnixTime,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE push_endpoint SET state = $2, stopped_because = NULL, delivered = $3, due_at = $4, lease = '',
            leased_until = 0, attempts = 0, rejected = 0, failing_since = NULL, slow = 0
         WHERE relying_party_id = $1",
        &[relying_party.as_str().into(), state.as_str().into(), signed(delivered)?.into(), at.into()],
    )
    .await
    .map(drop)
}

/// Paused at the relying party's own wish.
pub(super) async fn pause(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE push_endpoint SET state = 'paused', stopped_because = 'asked', due_at = $2, lease = '',
            leased_until = 0 WHERE relying_party_id = $1",
        &[relying_party.as_str().into(), NEVER.into()],
    )
    .await
    .map(drop)
}

// ---- what ends a run

/// One more failure; `counts` says whether an entry was tried.
pub(super) async fn failed(
    tx: &mut Tx,
    lease: &Lease,
    code: &str,
    due_at: UnixTime,
    counts: bool,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let [relying_party, token] = lease.values();
    tx.execute(
        "UPDATE push_endpoint SET attempts = attempts + 1, failing_since = COALESCE(failing_since, $3),
            last_failure_at = $3, last_failure = $4, due_at = $5, slow = 1,
            uncounted_attempts = uncounted_attempts + $6
         WHERE relying_party_id = $1 AND lease = $2",
        &[relying_party, token, at.into(), code.into(), due_at.into(), counts.into()],
    )
    .await
    .map(|rows| rows == 1)
}

pub(super) async fn stopped(
    tx: &mut Tx,
    lease: &Lease,
    state: State,
    because: &str,
) -> Result<bool, StoreError> {
    let [relying_party, token] = lease.values();
    tx.execute(
        "UPDATE push_endpoint SET state = $3, stopped_because = $4, due_at = $5
         WHERE relying_party_id = $1 AND lease = $2",
        &[relying_party, token, state.as_str().into(), because.into(), NEVER.into()],
    )
    .await
    .map(|rows| rows == 1)
}

/// What is to be carried over to the metering: deliveries and attempts. Gone from here after.
pub(super) async fn uncounted(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
) -> Result<Option<(i64, i64)>, StoreError> {
    let found = tx
        .query_opt(
            "SELECT uncounted_deliveries, uncounted_attempts FROM push_endpoint
             WHERE relying_party_id = $1 AND uncounted_attempts > 0",
            &[relying_party.as_str().into()],
        )
        .await?;
    let Some(row) = found else { return Ok(None) };
    let counts = (row.int("uncounted_deliveries")?, row.int("uncounted_attempts")?);
    // Subtracted, not set to nothing: what came between the two statements stays.
    tx.execute(
        "UPDATE push_endpoint SET uncounted_deliveries = uncounted_deliveries - $2,
            uncounted_attempts = uncounted_attempts - $3 WHERE relying_party_id = $1",
        &[relying_party.as_str().into(), counts.0.into(), counts.1.into()],
    )
    .await?;
    Ok(Some(counts))
}

// ---- dead letters and status

pub(super) async fn dead_letters(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    after: u64,
    limit: u32,
) -> Result<Vec<DeadLetter>, StoreError> {
    tx.query(
        "SELECT sequence, code, refused_at, redeliver FROM push_dead_letter
         WHERE relying_party_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
        &[relying_party.as_str().into(), signed(after)?.into(), limit.into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(DeadLetter {
            sequence: unsigned(row, "sequence")?,
            code: row.text("code")?,
            refused_at: row.time("refused_at")?,
            redeliver: row.int("redeliver")? != 0,
        })
    })
    .collect()
}

/// Marks one dead letter, or all, to be sent again.
pub(super) async fn mark(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    sequence: Option<u64>,
) -> Result<u64, StoreError> {
    let sequence = sequence.map(signed).transpose()?;
    tx.execute(
        "UPDATE push_dead_letter SET redeliver = 1
         WHERE relying_party_id = $1 AND redeliver = 0 AND sequence = COALESCE($2, sequence)",
        &[relying_party.as_str().into(), sequence.into()],
    )
    .await
}

/// The endpoint knows how many wait. Due at once unless it is stopped or failing.
pub(super) async fn recount_marked(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE push_endpoint SET redeliver = (SELECT COUNT(*) FROM push_dead_letter d
            WHERE d.relying_party_id = $1 AND d.redeliver = 1) WHERE relying_party_id = $1",
        &[relying_party.as_str().into()],
    )
    .await
    .map(drop)
}

/// Dead letters from `from` on, of which a replay sends the entries anyhow, go.
pub(super) async fn forget_dead_letters(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    from: u64,
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM push_dead_letter WHERE relying_party_id = $1 AND sequence >= $2",
        &[relying_party.as_str().into(), signed(from)?.into()],
    )
    .await
    .map(drop)
}

/// Of one relying party, or of all: by primary keys alone, whatever the streams' lengths.
pub(super) async fn status(
    tx: &mut Tx,
    relying_party: Option<&RelyingPartyId>,
) -> Result<Vec<EndpointStatus>, StoreError> {
    tx.query(
        "SELECT e.relying_party_id, e.style, e.state, e.stopped_because, e.delivered, e.attempts, e.failing_since,
            e.due_at, e.last_success_at, e.last_failure_at, e.last_failure, COALESCE(s.last, 0) AS head,
            (SELECT c.recorded_at FROM change_stream_entry c
                WHERE c.relying_party_id = e.relying_party_id AND c.sequence = e.delivered + 1) AS oldest,
            (SELECT COUNT(*) FROM push_dead_letter d WHERE d.relying_party_id = e.relying_party_id) AS dead
         FROM push_endpoint e LEFT JOIN change_stream s ON s.relying_party_id = e.relying_party_id
         WHERE e.relying_party_id = COALESCE($1, e.relying_party_id) ORDER BY e.relying_party_id",
        &[relying_party.map(RelyingPartyId::as_str).into()],
    )
    .await?
    .iter()
    .map(|row| {
        let state: State = row.text("state")?.parse()?;
        let served = matches!(state, State::Unverified | State::Active);
        Ok(EndpointStatus {
            relying_party: row.parsed("relying_party_id")?,
            style: row.text("style")?.parse::<Style>()?,
            state,
            stopped_because: row.text_opt("stopped_because")?,
            head: unsigned(row, "head")?,
            delivered: unsigned(row, "delivered")?,
            oldest_undelivered_at: time_opt(row, "oldest")?,
            attempts: u32::try_from(row.int("attempts")?).map_err(|_| StoreError::Corrupt("attempts"))?,
            failing_since: time_opt(row, "failing_since")?,
            next_attempt_at: served.then(|| row.time("due_at")).transpose()?,
            last_success_at: time_opt(row, "last_success_at")?,
            last_failure_at: time_opt(row, "last_failure_at")?,
            last_failure: row.text_opt("last_failure")?,
            dead_letters: unsigned(row, "dead")?,
        })
    })
    .collect()
}

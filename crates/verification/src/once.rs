//! Each state-changing request once: the idempotency key around a handler.
//!
//! The remembered answer is written in the transaction of the effect. A request that was cut off before its
//! commit left nothing and runs afresh; one that was cut off after it gets the remembered answer.

use axum::Json;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use musubi_httpkit::{Problem, internal};
use musubi_kernel::UnixTime;
use musubi_platform::client_auth::Caller;
use musubi_platform::idempotency::{self, Attempt, IdempotencyError, IdempotencyKey, Remembered};
use musubi_platform::relying_party::{self, RelyingParty, RelyingPartyId};
use musubi_platform::{ApiError, Context};
use musubi_store::Tx;
use serde::Serialize;

use crate::Verification;
use crate::outcome::TransactionError;

/// The relying party that calls, with its registration.
pub(crate) struct Calling {
    pub(crate) relying_party: RelyingParty,
}

impl FromRequestParts<Verification> for Calling {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, verification: &Verification) -> Result<Self, Problem> {
        let context = Context::from_ref(verification);
        let caller = Caller::from_request_parts(parts, &context).await?;
        let mut tx = context.db.begin_read().await.map_err(|e| internal(&e))?;
        let found = relying_party::by_id(&mut tx, &caller.relying_party).await.map_err(|e| internal(&e))?;
        // A token outlives the registration of its owner by minutes at most; without it there is no caller.
        let relying_party =
            found.ok_or_else(|| Problem::new(&musubi_platform::client_auth::TOKEN_INVALID))?;
        Ok(Self { relying_party })
    }
}

/// Whether a completion is this request's to write.
pub(crate) enum Claim<J> {
    /// The same request was answered before: this was the answer.
    Answered(Response),
    /// It is, in this transaction.
    Fresh(Tx, J),
}

pub(crate) struct Once<'a> {
    verification: &'a Verification,
    relying_party: RelyingPartyId,
    key: IdempotencyKey,
    route: String,
    sha256: [u8; 32],
    at: UnixTime,
}

impl<'a> Once<'a> {
    pub(crate) fn new(
        verification: &'a Verification,
        caller: &Calling,
        key: IdempotencyKey,
        route: impl Into<String>,
        sha256: [u8; 32],
    ) -> Self {
        let at = verification.context().clock.now();
        Self {
            verification,
            relying_party: caller.relying_party.id.clone(),
            key,
            route: route.into(),
            sha256,
            at,
        }
    }

    /// The instant of this request: read once.
    pub(crate) fn at(&self) -> UnixTime {
        self.at
    }

    pub(crate) async fn begin(&self) -> Result<Tx, Problem> {
        self.verification.context().db.begin().await.map_err(|e| internal(&e))
    }

    /// Claims the key, or gives what was remembered of the same request; a problem if the key was used for
    /// another one.
    pub(crate) async fn remembered(&self, tx: &mut Tx) -> Result<Option<Remembered>, Problem> {
        let attempt =
            idempotency::begin(tx, &self.relying_party, &self.key, &self.route, &self.sha256, self.at).await;
        recalled(attempt)
    }

    /// As [`Once::remembered`], claiming nothing: before work that is done outside a transaction.
    pub(crate) async fn remembered_before(&self, tx: &mut Tx) -> Result<Option<Remembered>, Problem> {
        let attempt =
            idempotency::recall(tx, &self.relying_party, &self.key, &self.route, &self.sha256, self.at).await;
        recalled(attempt)
    }

    /// The answer to a repeated request, as remembered.
    pub(crate) async fn replayed(&self, tx: &mut Tx) -> Result<Option<Response>, Problem> {
        Ok(self.remembered(tx).await?.map(IntoResponse::into_response))
    }

    /// As [`Once::replayed`], before anything else is looked at.
    pub(crate) async fn replayed_before(&self) -> Result<Option<Response>, Problem> {
        let mut tx = self.verification.context().db.begin_read().await.map_err(|e| internal(&e))?;
        Ok(self.remembered_before(&mut tx).await?.map(IntoResponse::into_response))
    }

    /// Claims the key for what was judged outside any database transaction, and begins the one to write it in.
    pub(crate) async fn claim<J>(&self, judged: Result<J, TransactionError>) -> Result<Claim<J>, Problem> {
        let judged = match judged {
            // Completed: perhaps by this very request, sent twice and answered meanwhile.
            Err(error @ TransactionError::Replayed) => {
                return Ok(Claim::Answered(self.replayed_before().await?.ok_or(error)?));
            }
            judged => judged?,
        };
        let mut tx = self.begin().await?;
        Ok(match self.replayed(&mut tx).await? {
            Some(answer) => Claim::Answered(answer),
            None => Claim::Fresh(tx, judged),
        })
    }

    /// Undoes `tx` and loads the lists that have come, so that the completion can be judged by them. Ends: a newer
    /// list comes once a day, and an enrolment for use without PIN changes only by its holder's hand.
    pub(crate) async fn judge_again(&self, tx: Tx) -> Result<(), Problem> {
        drop(tx);
        self.verification.refresh().await.map_err(|e| internal(&e))
    }

    /// Remembers `kept`, commits, and answers `full`.
    pub(crate) async fn finish(
        &self,
        mut tx: Tx,
        status: u16,
        full: &impl Serialize,
        kept: &impl Serialize,
    ) -> Result<Response, Problem> {
        let kept = serde_json::to_string(kept).map_err(|e| internal(&e))?;
        let remembered = Remembered { status, body: kept };
        idempotency::remember(&mut tx, &self.relying_party, &self.key, &remembered)
            .await
            .map_err(|e| internal(&e))?;
        tx.commit().await.map_err(|e| internal(&e))?;
        Ok((status_code(status), Json(full)).into_response())
    }
}

fn recalled(attempt: Result<Attempt, IdempotencyError>) -> Result<Option<Remembered>, Problem> {
    match attempt.map_err(ApiError::from)? {
        Attempt::Fresh => Ok(None),
        Attempt::Replay(remembered) => Ok(Some(remembered)),
    }
}

/// The answer to a repeated request.
pub(crate) fn answer_again(status: u16, body: &impl Serialize) -> Response {
    let mut response = (status_code(status), Json(body)).into_response();
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

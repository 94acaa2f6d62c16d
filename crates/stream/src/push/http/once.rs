//! Each state-changing request once: the idempotency key and the audit record around a handler.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use musubi_httpkit::internal;
use musubi_kernel::UnixTime;
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::idempotency::{self, Attempt, IdempotencyKey, Remembered};
use musubi_platform::{ApiError, Context, RelyingPartyId};
use musubi_store::Tx;
use serde::Serialize;

/// A request that changes something, in its transaction.
pub(super) struct Once<'a> {
    context: &'a Context,
    relying_party: &'a RelyingPartyId,
    key: IdempotencyKey,
    pub(super) tx: Tx,
    pub(super) at: UnixTime,
}

/// Whether the effect is this request's.
pub(super) enum Claim<'a> {
    /// The same request was answered before: this was the answer.
    Answered(Response),
    /// It is.
    Fresh(Once<'a>),
}

impl<'a> Once<'a> {
    pub(super) async fn claim(
        context: &'a Context,
        relying_party: &'a RelyingPartyId,
        key: IdempotencyKey,
        route: &str,
        sha256: [u8; 32],
    ) -> Result<Claim<'a>, ApiError> {
        let at = context.clock.now();
        let mut tx = context.db.begin().await?;
        Ok(match idempotency::begin(&mut tx, relying_party, &key, route, &sha256, at).await? {
            Attempt::Replay(remembered) => Claim::Answered(remembered.into_response()),
            Attempt::Fresh => Claim::Fresh(Self { context, relying_party, key, tx, at }),
        })
    }

    /// Audits, remembers `kept`, commits, and answers `full`.
    pub(super) async fn finish(
        mut self,
        kind: &'static str,
        detail: serde_json::Value,
        full: &impl Serialize,
        kept: &impl Serialize,
    ) -> Result<Response, ApiError> {
        let body = serde_json::to_string(kept).map_err(|error| internal(&error))?;
        let remembered = Remembered { status: 200, body };
        idempotency::remember(&mut self.tx, self.relying_party, &self.key, &remembered).await?;
        let relying_party = Some(self.relying_party.clone());
        let event = AuditEvent { kind, relying_party, person: None, detail };
        audit::append(&mut self.tx, &event, self.context.random.as_ref(), self.at).await?;
        self.tx.commit().await?;
        Ok((StatusCode::OK, Json(full)).into_response())
    }
}

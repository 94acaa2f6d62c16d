//! The public face of the log: its root and its proofs. Hashes only, so nobody has to sign in.

use axum::extract::State;
use musubi_httpkit::{Json, Problem, ProblemDocument, Query};
use musubi_kernel::UnixTime;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{AuditError, OUT_OF_RANGE, service};
use crate::{ApiError, Context};

impl From<AuditError> for ApiError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::OutOfRange => Problem::new(&OUT_OF_RANGE).into(),
            AuditError::Store(error) => error.into(),
        }
    }
}

/// The routes of the audit log.
pub fn api() -> OpenApiRouter<Context> {
    OpenApiRouter::default()
        .routes(routes!(get_checkpoint))
        .routes(routes!(get_inclusion))
        .routes(routes!(get_consistency))
}

/// The state of the whole log.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckpointAnswer {
    /// Number of records.
    #[schema(example = 42)]
    pub size: u64,
    /// Root hash of the Merkle tree, 64 hex digits.
    #[schema(example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    pub root_hash: String,
    /// When the last record came; null while there is none.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-21T02:03:04Z")]
    pub at: Option<UnixTime>,
    /// The Ed25519 key with which the platform signs the bundles of its verdicts, 64 hex digits.
    #[schema(example = "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c")]
    pub platform_key: String,
}

/// Size and root hash of the audit log.
#[utoipa::path(
    get, path = "/v1/audit/checkpoint", tag = "audit", operation_id = "audit_checkpoint",
    description = "監査ログの大きさとルートハッシュ。控えておけば、後から記録が書き換えられていないことを確かめられます。\n\n\
        Size and root hash of the audit log. Keep it, and you can check later that no record was changed.",
    responses((status = 200, description = "The log as it is now.", body = CheckpointAnswer)),
)]
async fn get_checkpoint(State(context): State<Context>) -> Result<Json<CheckpointAnswer>, ApiError> {
    let mut tx = context.db.begin_read().await?;
    let checkpoint = service::checkpoint(&mut tx).await?;
    Ok(Json(CheckpointAnswer {
        size: checkpoint.size,
        root_hash: hex::encode(checkpoint.root_hash),
        at: checkpoint.at,
        platform_key: hex::encode(context.signing_key.public_key()),
    }))
}

/// Which record, in which state of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct InclusionQuery {
    /// Index of the record, from 0.
    #[param(example = 41)]
    index: u64,
    /// Size of the log whose root hash you have.
    #[param(example = 42)]
    size: u64,
}

/// Proof that a record is in the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct InclusionAnswer {
    /// Hash of the record, 64 hex digits.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub leaf_hash: String,
    /// The hashes beside the way from the record to the root, from below, 64 hex digits each.
    pub hashes: Vec<String>,
}

/// Proof that a record is in the log.
#[utoipa::path(
    get, path = "/v1/audit/inclusion", tag = "audit", operation_id = "audit_inclusion", params(InclusionQuery),
    description = "記録が監査ログに含まれることの証明(RFC 9162 2.1.3)。\n\n\
        Proof that a record is in the log (RFC 9162, 2.1.3).",
    responses(
        (status = 200, description = "The proof.", body = InclusionAnswer),
        (status = 400, description = "`audit.out_of_range`, `request.malformed`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
)]
async fn get_inclusion(
    State(context): State<Context>,
    Query(query): Query<InclusionQuery>,
) -> Result<Json<InclusionAnswer>, ApiError> {
    let mut tx = context.db.begin_read().await?;
    let (leaf_hash, hashes) = service::inclusion(&mut tx, query.index, query.size).await?;
    Ok(Json(InclusionAnswer {
        leaf_hash: hex::encode(leaf_hash),
        hashes: hashes.iter().map(hex::encode).collect(),
    }))
}

/// Which two states of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ConsistencyQuery {
    /// Size of the earlier log, at least 1.
    #[param(example = 40)]
    from: u64,
    /// Size of the later log.
    #[param(example = 42)]
    to: u64,
}

/// Proof that the later log begins with the earlier one.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsistencyAnswer {
    /// The hashes of the proof, 64 hex digits each.
    pub hashes: Vec<String>,
}

/// Proof that nothing was changed between two states of the log.
#[utoipa::path(
    get, path = "/v1/audit/consistency", tag = "audit", operation_id = "audit_consistency", params(ConsistencyQuery),
    description = "二つの時点の間に記録の改変や削除がないことの証明(RFC 9162 2.1.4)。\n\n\
        Proof that between two states of the log nothing was changed or taken away (RFC 9162, 2.1.4).",
    responses(
        (status = 200, description = "The proof.", body = ConsistencyAnswer),
        (status = 400, description = "`audit.out_of_range`, `request.malformed`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
)]
async fn get_consistency(
    State(context): State<Context>,
    Query(query): Query<ConsistencyQuery>,
) -> Result<Json<ConsistencyAnswer>, ApiError> {
    let mut tx = context.db.begin_read().await?;
    let hashes = service::consistency(&mut tx, query.from, query.to).await?;
    Ok(Json(ConsistencyAnswer { hashes: hashes.iter().map(hex::encode).collect() }))
}

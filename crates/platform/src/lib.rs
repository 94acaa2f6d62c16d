//! What every feature of the platform stands on: relying parties and how they sign in, persons and their pairwise
//! ids, consent, portal sessions, idempotent requests, and the audit log without which nothing is served.
//! Judges no certificate and knows no feature above it.

pub mod audit;
pub mod change_stream;
pub mod client_auth;
pub mod consent;
mod context;
mod http;
pub mod idempotency;
pub mod metering;
pub mod pairwise;
pub mod person;
pub mod relying_party;
pub mod session;
#[cfg(test)]
mod test_support;

use musubi_httpkit::ProblemKind;
use musubi_store::{Migration, StoreError, Tx};
use utoipa_axum::router::OpenApiRouter;

pub use audit::{AuditEvent, Receipt};
pub use client_auth::Caller;
pub use consent::{Consent, ConsentId, Item};
pub use context::Context;
pub use http::ApiError;
pub use idempotency::{IdempotencyKey, Remembered};
pub use pairwise::{PairwiseId, pairwise_id};
pub use person::PersonId;
pub use relying_party::{RelyingParty, RelyingPartyId};

/// The schema of this crate's features, in the order in which they need one another.
pub const MIGRATIONS: &[Migration] = &[
    relying_party::MIGRATION,
    client_auth::MIGRATION,
    audit::MIGRATION,
    consent::MIGRATION,
    idempotency::MIGRATION,
    session::MIGRATION,
    change_stream::MIGRATION,
    metering::MIGRATION,
    consent::NOTICES,
];

/// Every kind of problem that this crate's routes and extractors answer beside those of `httpkit`.
pub const PROBLEMS: &[&ProblemKind] = &[
    &client_auth::CLIENT_UNAUTHENTICATED,
    &client_auth::TOKEN_UNSUPPORTED_GRANT,
    &client_auth::TOKEN_MISSING,
    &client_auth::TOKEN_INVALID,
    &idempotency::KEY_MISSING,
    &idempotency::KEY_MALFORMED,
    &idempotency::KEY_REUSED,
    &audit::OUT_OF_RANGE,
    &metering::PLAN_OUT_OF_RANGE,
];

/// The routes of this crate, all below `/v1`, with the security scheme `client_credentials` in their OpenAPI
/// document.
#[must_use]
pub fn api() -> OpenApiRouter<Context> {
    let mut router =
        OpenApiRouter::default().merge(client_auth::api()).merge(audit::api()).merge(metering::api());
    client_auth::describe_security(router.get_openapi_mut());
    router
}

/// Deletes what has expired: access tokens, used assertion ids, remembered answers, sessions. Answers how many rows
/// went. Nothing here decides anything (expired rows count for nothing before they go): call it now and then.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn purge_expired(tx: &mut Tx, at: musubi_kernel::UnixTime) -> Result<u64, StoreError> {
    Ok(client_auth::purge_expired(tx, at).await?
        + idempotency::purge_expired(tx, at).await?
        + session::purge_expired(tx, at).await?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::PROBLEMS;

    #[test]
    fn every_problem_has_its_own_code_and_speaks_both_languages() {
        let all: Vec<_> = PROBLEMS.iter().chain(musubi_httpkit::PROBLEMS).collect();
        let codes: BTreeSet<_> = all.iter().map(|kind| kind.code).collect();
        assert_eq!(codes.len(), all.len());
        for kind in PROBLEMS {
            assert!((400..600).contains(&kind.status), "{}", kind.code);
            assert!(
                kind.code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b)),
                "{}",
                kind.code
            );
            assert!(!kind.ja.what.is_ascii() && !kind.ja.next.is_ascii(), "{}", kind.code);
            assert!(kind.en.what.is_ascii() && kind.en.next.is_ascii(), "{}", kind.code);
        }
    }

    #[test]
    fn the_openapi_document_names_every_route_and_the_security_scheme() {
        let document = serde_json::to_value(super::api().into_openapi()).unwrap();
        let paths: Vec<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            paths,
            [
                "/v1/audit/checkpoint",
                "/v1/audit/consistency",
                "/v1/audit/inclusion",
                "/v1/estimate",
                "/v1/token",
                "/v1/usage"
            ]
        );
        let scheme = &document["components"]["securitySchemes"]["client_credentials"];
        assert_eq!(scheme["flows"]["clientCredentials"]["tokenUrl"], "/v1/token");
    }
}

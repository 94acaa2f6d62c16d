//! What a handler gives back when it does not answer.

use axum::response::{IntoResponse, Response};
use musubi_httpkit::{Problem, ProblemKind};
use musubi_store::StoreError;

/// A problem, made by `?` from a [`Problem`], a kind of problem or a [`StoreError`]. A feature adds
/// `impl From<feature::Error> for ApiError`.
#[derive(Debug, Clone)]
pub struct ApiError(pub Problem);

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<&'static ProblemKind> for ApiError {
    fn from(kind: &'static ProblemKind) -> Self {
        Self(Problem::new(kind))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        // A StoreError names columns and driver codes, never values: see `musubi_store`.
        Self(musubi_httpkit::internal(&error))
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        error.0
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

//! The header in, the replayed answer out.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use musubi_httpkit::{PROBLEM_JSON, Problem};

use super::{IdempotencyError, IdempotencyKey, KEY_MALFORMED, KEY_MISSING, KEY_REUSED, Remembered};
use crate::ApiError;

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        match (values.next(), values.next()) {
            (None, _) => Err(Problem::new(&KEY_MISSING)),
            (Some(value), None) => {
                value.to_str().ok().and_then(Self::parse).ok_or_else(|| Problem::new(&KEY_MALFORMED))
            }
            (Some(_), Some(_)) => Err(Problem::new(&KEY_MALFORMED)),
        }
    }
}

impl IntoResponse for Remembered {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let media_type = if self.status >= 400 { PROBLEM_JSON } else { "application/json" };
        let mut response = (status, self.body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        response
    }
}

impl From<IdempotencyError> for ApiError {
    fn from(error: IdempotencyError) -> Self {
        match error {
            IdempotencyError::Reused => Problem::new(&KEY_REUSED).into(),
            IdempotencyError::Store(error) => error.into(),
        }
    }
}

//! The routes of this crate together.

use musubi_platform::Context;
use utoipa_axum::router::OpenApiRouter;

use crate::{Streams, days, discovery, management, poll, push, serving};

impl axum::extract::FromRef<Streams> for Context {
    fn from_ref(streams: &Streams) -> Self {
        streams.context().clone()
    }
}

/// The routes of every feature here, with their part of the OpenAPI document.
#[must_use]
pub fn api() -> OpenApiRouter<Streams> {
    serving::http::api()
        .merge(days::http::api())
        .merge(poll::http::api())
        .merge(push::api())
        .merge(management::http::api())
        .merge(discovery::http::api())
}

//! What every service speaks HTTP with: problem documents, extractors, API and page security, host routing, rate
//! limits, the HTTP client, locale tables. Knows no feature and no database.

mod api;
pub mod client;
mod extract;
pub mod hosts;
mod measure;
pub mod outbound;
pub mod page;
mod problem;
pub mod problems;
mod rate_limit;
#[cfg(test)]
mod tests;

pub use axum::http::HeaderName;

pub use api::{DEFAULT_TIMEOUT, finish_api};
pub use extract::{DEFAULT_LIMIT, Form, Json, Path, Peer, PostedJson, Query, peers_behind_proxy};
pub use measure::measured;
pub use problem::{
    PROBLEM_JSON, PROBLEM_TYPE_BASE, Problem, ProblemDetail, ProblemDocument, ProblemKind, Text, internal,
};
pub use problems::PROBLEMS;
pub use rate_limit::{RateLimit, RateLimiter};

//! Requests to addresses that strangers chose, such as the endpoints of relying parties: `https` to the public internet only,
//! so that nobody makes this server speak to what stands beside it (server-side request forgery, CWE-918).
//!
//! ```text
//! text --OutboundUrl::parse--> scheme, port, no credentials, a name and no address
//!      --resolver-----------> every address of the name is public, or none is used
//!      --connect------------> to just those: the name is not asked again, so it cannot change between
//!      --answer-------------> no redirect is followed, 64 KiB and a time limit
//! ```
//! No proxy of the environment, no cookies, no compression. Not for addresses from the operator's own configuration: those
//! may be private, see [`client`](crate::client).

mod address;
mod client;
mod url;

pub use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

pub use address::is_public;
pub use client::{MAX_ANSWER, Outbound, OutboundAnswer, OutboundError, RETRY_AFTER_MAX};
pub use url::{MAX_URL, OutboundUrl, UrlRefusal};

/// How far requests may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// The public internet, by `https`.
    #[default]
    PublicOnly,
    /// That, and this machine's loopback by `http` on any port. Only for tests and for the demo on a laptop.
    LoopbackTooForTests,
}

#[cfg(test)]
mod tests;

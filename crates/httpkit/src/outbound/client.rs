//! The client: connects only to addresses that it has judged itself.

use std::error::Error as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::url::is_localhost;
use super::{OutboundUrl, Reach, is_public};

/// Most that is read of an answer's body, in bytes; the rest is not waited for.
pub const MAX_ANSWER: usize = 64 * 1024;

/// Longest that an answer's body is read.
const BODY_LIMIT: Duration = Duration::from_secs(2);

/// Longest wait that an answer may ask for, in seconds.
pub const RETRY_AFTER_MAX: u32 = 3600;

/// Most addresses of one name that are looked at: a name with more is not an honest one.
const MAX_ADDRESSES: usize = 64;

/// Why there is no answer. Says neither host nor path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The URL may not be asked.
    #[error("the URL may not be asked")]
    Url,
    /// The name has an address that is not the public internet's.
    #[error("the name leads to an address that is not public")]
    Address,
    /// The name has no address.
    #[error("the name has no address")]
    Name,
    /// No connection, or no TLS with a certificate of that name.
    #[error("no connection")]
    Connect,
    /// Not within the time.
    #[error("no answer in time")]
    TimedOut,
    /// The connection broke, or the answer was not HTTP.
    #[error("the answer was not HTTP")]
    Broken,
}

impl OutboundError {
    /// A stable word for the operator and the relying party.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Url => "url_refused",
            Self::Address => "address_refused",
            Self::Name => "name_unresolved",
            Self::Connect => "connection_failed",
            Self::TimedOut => "timed_out",
            Self::Broken => "answer_broken",
        }
    }
}

/// An answer, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundAnswer {
    /// The status.
    pub status: u16,
    /// The media type without parameters, in lower case.
    pub media_type: Option<String>,
    /// `Retry-After` in seconds, at most [`RETRY_AFTER_MAX`]; a date is not read.
    pub retry_after: Option<u32>,
    /// At most [`MAX_ANSWER`] bytes of the body; fewer if the connection broke inside of it.
    pub body: Vec<u8>,
}

/// The client. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Outbound {
    client: reqwest::Client,
    reach: Reach,
    limit: Duration,
}

impl Outbound {
    /// A client that gives up a request `limit` after its beginning.
    ///
    /// # Panics
    /// If the TLS library cannot start; made once, when the process starts.
    #[must_use]
    #[allow(clippy::expect_used, reason = "a process without TLS must not start")]
    pub fn new(reach: Reach, limit: Duration) -> Self {
        let client = reqwest::Client::builder()
            .timeout(limit)
            .connect_timeout(limit.min(Duration::from_secs(5)))
            .pool_idle_timeout(Duration::from_secs(60))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .https_only(reach == Reach::PublicOnly)
            .dns_resolver(Arc::new(JudgingResolver { reach }))
            .user_agent(concat!("musubi/", env!("CARGO_PKG_VERSION")))
            .build()
            .expect("the TLS library starts");
        Self { client, reach, limit }
    }

    /// How far it goes.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Asks for what is at `url`.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn get(&self, url: &str) -> Result<OutboundAnswer, OutboundError> {
        self.send(self.client.get(self.parsed(url)?)).await
    }

    /// Posts `body` to `url`.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: String,
    ) -> Result<OutboundAnswer, OutboundError> {
        self.send(self.client.post(self.parsed(url)?).headers(headers).body(body)).await
    }

    // Here and not by the caller's promise: a literal address never reaches the resolver below.
    fn parsed(&self, url: &str) -> Result<::url::Url, OutboundError> {
        OutboundUrl::parse(url, self.reach).map(|url| url.url().clone()).map_err(|_| OutboundError::Url)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<OutboundAnswer, OutboundError> {
        // The client's own limit begins with the connection; this one also covers a resolver that hangs.
        let response = tokio::time::timeout(self.limit, request.send()).await;
        let response =
            response.map_err(|_| OutboundError::TimedOut)?.map_err(|error| outbound_error(&error))?;
        Ok(answer(response, self.limit.min(BODY_LIMIT)).await)
    }
}

async fn answer(mut response: reqwest::Response, limit: Duration) -> OutboundAnswer {
    let said = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let media_type = said(header::CONTENT_TYPE)
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    let retry_after = said(header::RETRY_AFTER)
        .and_then(|value| value.trim().parse::<u32>().ok())
        .map(|seconds| seconds.min(RETRY_AFTER_MAX));
    let status = response.status().as_u16();
    let mut body = Vec::new();
    // Read to the end where it is short, so that the connection can be used again. The status has said what counts: a
    // body that breaks off or trickles is a short body.
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = MAX_ANSWER.saturating_sub(body.len());
            body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if body.len() >= MAX_ANSWER {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(limit, read).await;
    OutboundAnswer { status, media_type, retry_after, body }
}

fn outbound_error(error: &reqwest::Error) -> OutboundError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<Unresolved>() {
            return refused.0;
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        OutboundError::TimedOut
    } else if error.is_connect() {
        OutboundError::Connect
    } else {
        OutboundError::Broken
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unresolved(OutboundError);

/// Answers the addresses of a name that may be connected to. The client connects to these and asks nobody again.
#[derive(Debug)]
struct JudgingResolver {
    reach: Reach,
}

impl Resolve for JudgingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let host = name.as_str().to_ascii_lowercase();
            if reach == Reach::LoopbackTooForTests && is_localhost(&host) {
                let own = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
                return Ok::<Addrs, _>(Box::new(own.into_iter()));
            }
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            let found: Vec<SocketAddr> =
                found.map_err(|_| Unresolved(OutboundError::Name))?.take(MAX_ADDRESSES).collect();
            let judged = judged(found)?;
            Ok::<Addrs, _>(Box::new(judged.into_iter()))
        })
    }
}

/// One address inside makes the whole name suspect: none of them is used.
fn judged(found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Unresolved> {
    if found.is_empty() {
        return Err(Unresolved(OutboundError::Name));
    }
    if found.iter().all(|address| is_public(address.ip())) {
        Ok(found)
    } else {
        Err(Unresolved(OutboundError::Address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn a_name_with_one_inner_address_beside_public_ones_is_not_used_at_all() {
        let public = addresses(&["8.8.8.8", "2606:4700:4700::1111"]);
        assert_eq!(judged(public.clone()).unwrap(), public);
        assert_eq!(judged(addresses(&["8.8.8.8", "10.0.0.1"])).unwrap_err().0, OutboundError::Address);
        assert_eq!(judged(Vec::new()).unwrap_err().0, OutboundError::Name);
    }

    #[tokio::test]
    async fn the_resolver_of_production_answers_nothing_for_this_machines_own_names() {
        let resolver = JudgingResolver { reach: Reach::PublicOnly };
        let answer = resolver.resolve("localhost".parse().unwrap()).await;
        let error = answer.err().unwrap();
        assert_eq!(error.downcast_ref::<Unresolved>().unwrap().0, OutboundError::Address);
        let tests = JudgingResolver { reach: Reach::LoopbackTooForTests };
        let own = tests.resolve("bank.localhost".parse().unwrap()).await.unwrap();
        assert_eq!(own.collect::<Vec<_>>(), addresses(&["127.0.0.1"]));
    }
}

//! The platform's API as a receiver calls it: access token by client assertion (RFC 7523), pages, server-sent events, keys.

use std::path::Path;
use std::time::Duration;

use musubi_crypto::{AssertionClaims, ClientKey, SystemRandom};
use musubi_feed::VerifyingKey;
use musubi_httpkit::client::http_client;
use musubi_kernel::{Clock as _, Secret, SystemClock, UnixTime, random_body};
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::FollowError;

/// Longest wait for an answer: a page may take 25 seconds to come.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Longest life of a connection; the platform ends it after ten minutes.
const LIVE_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Nothing for so long, not even a heartbeat, is a dead connection.
const SILENCE: Duration = Duration::from_secs(60);
/// A token is not used in its last seconds.
const TOKEN_MARGIN: i64 = 30;
/// Life of a client assertion, in seconds.
const ASSERTION_LIFE: i64 = 60;
/// Entries of a page.
const PAGE: u32 = 500;
/// Seconds to wait for the next entry.
const WAIT: u32 = 25;
/// Longest answer that is read: a page of the longest tokens.
const MAX_ANSWER: usize = 32 * 1024 * 1024;
/// Longest event of a connection that is read.
const MAX_EVENT: usize = 64 * 1024;

/// Why the platform did not answer as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// No answer, or none that is the platform's.
    #[error("the platform does not answer")]
    Unreachable,
    /// A refusal, with its code.
    #[error("the platform refuses: {code} ({status})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The problem's code, or nothing.
        code: String,
    },
    /// The key cannot sign.
    #[error("the client key cannot sign")]
    Key,
}

impl ApiError {
    /// Whether a later attempt may succeed although nothing is changed.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable => true,
            Self::Refused { status, .. } => *status >= 500 || matches!(*status, 408 | 425 | 429),
            Self::Key => false,
        }
    }
}

/// A page; only what is signed is read.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) events: Vec<Event>,
    pub(crate) heartbeat: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) token: String,
}

/// What comes down a live connection.
pub(crate) enum Live {
    Entry(String),
    Heartbeat(String),
}

/// The API.
pub(crate) struct Api {
    http: reqwest::Client,
    origin: String,
    client_id: String,
    key: ClientKey,
    token: Option<(Secret<String>, UnixTime)>,
}

/// Reads a private key: PKCS#8, DER or PEM.
pub(crate) fn key(file: &Path) -> Result<ClientKey, FollowError> {
    use base64::Engine as _;
    let bytes =
        std::fs::read(file).map_err(|_| FollowError::Unusable("the file of the key cannot be read"))?;
    let der = match std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.split_once("-----BEGIN PRIVATE KEY-----"))
    {
        Some((_, rest)) => {
            let body = rest.split("-----END").next().unwrap_or_default();
            let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
            base64::engine::general_purpose::STANDARD.decode(body).unwrap_or_default()
        }
        None => bytes,
    };
    ClientKey::from_pkcs8_der(&der)
        .map_err(|_| FollowError::Unusable("the key is not a P-256 private key in PKCS#8 (DER or PEM)"))
}

impl Api {
    pub(crate) fn new(origin: String, client_id: String, key: ClientKey) -> Self {
        Self { http: http_client(TIMEOUT), origin, client_id, key, token: None }
    }

    pub(crate) async fn signing_keys(&mut self) -> Result<Vec<VerifyingKey>, ApiError> {
        #[derive(Deserialize)]
        struct Published {
            keys: Vec<serde_json::Value>,
        }
        let url = format!("{}/.well-known/jwks.json", self.origin);
        let published: Published = read(send(self.http.get(url)).await?).await?;
        Ok(published.keys.iter().filter_map(VerifyingKey::from_jwk).collect())
    }

    /// Entries after `after`; `wait`s for the next if there is none.
    pub(crate) async fn page(&mut self, after: u64, wait: bool) -> Result<Page, ApiError> {
        let wait = if wait { WAIT } else { 0 };
        let url = format!("{}/v1/change-events?after={after}&limit={PAGE}&wait={wait}", self.origin);
        let http = self.http.clone();
        read(self.authorised(|| http.get(&url)).await?).await
    }

    /// A connection on which what comes after `after` is sent.
    pub(crate) async fn live(&mut self, after: u64) -> Result<LiveEvents, ApiError> {
        let http = http_client(LIVE_TIMEOUT);
        let url = format!("{}/v1/change-events/live", self.origin);
        let request = || http.get(&url).header("last-event-id", after).header("accept", "text/event-stream");
        let response = self.authorised(request).await?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        Ok(LiveEvents { response, text: Vec::new() })
    }

    /// Sends with a token; once more with a new one if that is not valid any more.
    async fn authorised(
        &mut self,
        request: impl Fn() -> reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, ApiError> {
        let token = self.access_token().await?;
        let response = send(request().bearer_auth(token.expose())).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        self.token = None;
        let token = self.access_token().await?;
        send(request().bearer_auth(token.expose())).await
    }

    async fn access_token(&mut self) -> Result<Secret<String>, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: String,
            expires_in: i64,
        }
        let now = SystemClock.now();
        if let Some((token, expires_at)) = &self.token
            && expires_at.since(now) > TOKEN_MARGIN
        {
            return Ok(token.clone());
        }
        let endpoint = format!("{}/v1/token", self.origin);
        let claims = AssertionClaims {
            iss: self.client_id.clone(),
            sub: self.client_id.clone(),
            aud: endpoint.clone(),
            jti: random_body(&SystemRandom),
            iat: now.0,
            exp: now.plus(ASSERTION_LIFE).0,
        };
        let assertion = self.key.sign(&claims).map_err(|_| ApiError::Key)?;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", musubi_platform::client_auth::ASSERTION_TYPE),
            ("client_assertion", assertion.as_str()),
        ];
        let answer: Answer = read(send(self.http.post(endpoint).form(&form)).await?).await?;
        let token = Secret::new(answer.access_token);
        self.token = Some((token.clone(), now.plus(answer.expires_in)));
        Ok(token)
    }
}

async fn send(request: reqwest::RequestBuilder) -> Result<reqwest::Response, ApiError> {
    request.send().await.map_err(|_| ApiError::Unreachable)
}

async fn read<T: DeserializeOwned>(response: reqwest::Response) -> Result<T, ApiError> {
    if !response.status().is_success() {
        return Err(refusal(response).await);
    }
    let body = bounded(response, MAX_ANSWER).await?;
    serde_json::from_slice(&body).map_err(|_| ApiError::Unreachable)
}

async fn refusal(response: reqwest::Response) -> ApiError {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    let status = response.status().as_u16();
    let body = bounded(response, MAX_EVENT).await.unwrap_or_default();
    let problem: Option<Problem> = serde_json::from_slice(&body).ok();
    // It goes to a terminal: only what a code may be.
    let code = problem.map(|problem| problem.code).filter(|code| {
        code.len() <= 64 && code.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b))
    });
    ApiError::Refused { status, code: code.unwrap_or_else(|| "-".to_owned()) }
}

async fn bounded(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| ApiError::Unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > limit {
            return Err(ApiError::Unreachable);
        }
    }
    Ok(body)
}

/// A connection's events.
pub(crate) struct LiveEvents {
    response: reqwest::Response,
    text: Vec<u8>,
}

impl LiveEvents {
    /// The next entry or heartbeat; `None` when the platform ended the connection.
    pub(crate) async fn next(&mut self) -> Result<Option<Live>, ApiError> {
        loop {
            if let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.text.drain(..end + 2).collect();
                if let Some(event) = event_of(&event) {
                    return Ok(Some(event));
                }
                continue;
            }
            if self.text.len() > MAX_EVENT {
                return Err(ApiError::Unreachable);
            }
            let chunk = tokio::time::timeout(SILENCE, self.response.chunk()).await;
            match chunk.map_err(|_| ApiError::Unreachable)?.map_err(|_| ApiError::Unreachable)? {
                Some(chunk) => self.text.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }
}

/// The event of one block; comments and types that are not known are none.
fn event_of(block: &[u8]) -> Option<Live> {
    let text = std::str::from_utf8(block).ok()?;
    let field = |name: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        lines.map(|value| value.strip_prefix(' ').unwrap_or(value)).next_back()
    };
    let data = field("data")?.to_owned();
    match field("event")? {
        "entry" => Some(Live::Entry(data)),
        "heartbeat" => Some(Live::Heartbeat(data)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Live, event_of};

    #[test]
    fn a_block_is_an_entry_a_heartbeat_or_nothing() {
        let entry = event_of(b"id: 7\nevent: entry\ndata: token\n\n");
        assert!(matches!(entry, Some(Live::Entry(token)) if token == "token"));
        let beat = event_of(b"event:heartbeat\ndata:token\n\n");
        assert!(matches!(beat, Some(Live::Heartbeat(token)) if token == "token"));
        for nothing in [
            &b": comment\n\n"[..],
            b"event: later\ndata: x\n\n",
            b"data: x\n\n",
            b"event: entry\n\n",
            b"\xFF\n\n",
        ] {
            assert!(event_of(nothing).is_none());
        }
    }
}

//! The platform's REST API as a relying party calls it: access token by `private_key_jwt` (RFC 7523), one
//! idempotency key per operation, typed answers.
//!
//! Repeats nothing by itself but a call that was answered 401 (the token may have been withdrawn): when to
//! repeat, and under which key, is the caller's, who has stored the key before.

mod wire;

use std::sync::Arc;
use std::time::Duration;

use musubi_crypto::{AssertionClaims, ClientKey};
use musubi_feed::VerifyingKey;
use musubi_kernel::{Clock, Random, Secret, UnixTime, random_body};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

pub use wire::{
    Application, Assurance, Attributes, AuditEntry, ChangeEvents, ChangeTold, Check, CheckAnswer, Consent,
    Evidence, Freshness, Judged, LatestAttributes, OpenedCheck, OpenedProofing, PartialAttributes,
    PresenceProof, Reason, ReasonText, SignedEntry, TransactionState, Verdict,
};
use wire::{CompleteProofing, OpenCheck, OpenProofing, ProblemDocument, SigningKeys};

/// A token is not used in its last seconds: the call may take some.
const TOKEN_MARGIN: i64 = 30;
/// Life of a client assertion, in seconds.
const ASSERTION_LIFE: i64 = 60;
const TIMEOUT: Duration = Duration::from_secs(15);

/// What an entitlement check asks of the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The PIN.
    Pin,
    /// The PIN, and the card's free key for later checks without PIN.
    PinEnrolling,
    /// The card alone, after an earlier check with enrolment.
    Presence,
}

impl Asked {
    /// What an accepted answer is worth.
    #[must_use]
    pub fn assurance(self) -> Assurance {
        match self {
            Self::Pin | Self::PinEnrolling => Assurance::PinAuthenticated,
            Self::Presence => Assurance::CardPresent,
        }
    }
}

/// Why the platform did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// No answer, or none that is the platform's. Whether the operation happened is unknown: repeat it under
    /// the same idempotency key.
    #[error("the platform does not answer")]
    Unreachable,
    /// A problem document.
    #[error("the platform refused: {} ({status})", reason.code)]
    Refused {
        /// HTTP status.
        status: u16,
        /// Code and words.
        reason: Box<Reason>,
    },
    /// The relying party's own key cannot sign.
    #[error("the client key cannot sign")]
    Key,
}

impl PlatformError {
    /// The problem's code, if the platform answered with one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { reason, .. } => Some(&reason.code),
            _ => None,
        }
    }

    /// Whether a later attempt may succeed although nothing is changed.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable => true,
            Self::Refused { status, .. } => *status >= 500 || matches!(*status, 401 | 403 | 408 | 425 | 429),
            Self::Key => false,
        }
    }
}

struct Token {
    text: Secret<String>,
    expires_at: UnixTime,
}

/// A relying party's connection to the platform.
pub struct PlatformClient {
    http: reqwest::Client,
    origin: String,
    relying_party_id: String,
    key: ClientKey,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    token: Mutex<Option<Token>>,
}

impl std::fmt::Debug for PlatformClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlatformClient").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl PlatformClient {
    /// A connection to the platform at `origin` (`http://api.localhost:8080`, without a final slash).
    #[must_use]
    pub fn new(
        origin: String,
        relying_party_id: String,
        key: ClientKey,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let http = musubi_httpkit::client::http_client(TIMEOUT);
        Self { http, origin, relying_party_id, key, clock, random, token: Mutex::new(None) }
    }

    /// Opens an identity proofing.
    ///
    /// # Errors
    /// [`PlatformError`].
    pub async fn open_identity_proofing(
        &self,
        idempotency_key: &str,
        customer_id: &str,
        page_origin: &str,
        application: &Application,
    ) -> Result<OpenedProofing, PlatformError> {
        let body = OpenProofing { customer_id, purpose: "account_opening", origin: page_origin, application };
        self.post("/v1/identity-proofings", idempotency_key, &body).await
    }

    /// Sends the card's signature over an identity proofing's text. `application` is the one it was opened
    /// with: the platform keeps only its digest.
    ///
    /// # Errors
    /// [`PlatformError`]; `nonce.replayed` if it was completed before under another key.
    pub async fn complete_identity_proofing(
        &self,
        idempotency_key: &str,
        id: &str,
        application: &Application,
        certificate: &str,
        signature: &str,
    ) -> Result<Judged, PlatformError> {
        let body = CompleteProofing { application, certificate, signature };
        self.post(&format!("/v1/identity-proofings/{id}/completion"), idempotency_key, &body).await
    }

    /// What became of an identity proofing, without attributes.
    ///
    /// # Errors
    /// [`PlatformError`].
    pub async fn identity_proofing(&self, id: &str) -> Result<Judged, PlatformError> {
        self.get(&format!("/v1/identity-proofings/{id}")).await
    }

    /// Opens an entitlement check for a sign-in, or for a reception.
    ///
    /// # Errors
    /// [`PlatformError`].
    pub async fn open_entitlement_check(
        &self,
        idempotency_key: &str,
        asked: Asked,
    ) -> Result<OpenedCheck, PlatformError> {
        let body = match asked {
            Asked::Pin => OpenCheck { purpose: "sign_in", assurance: None, enrol_presence: None },
            Asked::PinEnrolling => {
                OpenCheck { purpose: "sign_in", assurance: None, enrol_presence: Some(true) }
            }
            Asked::Presence => OpenCheck {
                purpose: "reception",
                assurance: Some(Assurance::CardPresent),
                enrol_presence: None,
            },
        };
        self.post("/v1/entitlement-checks", idempotency_key, &body).await
    }

    /// Sends the card's answer to an entitlement check.
    ///
    /// # Errors
    /// [`PlatformError`]; `nonce.replayed` if it was completed before under another key.
    pub async fn complete_entitlement_check(
        &self,
        idempotency_key: &str,
        id: &str,
        answer: CheckAnswer<'_>,
    ) -> Result<Judged, PlatformError> {
        self.post(&format!("/v1/entitlement-checks/{id}/completion"), idempotency_key, &answer).await
    }

    /// The platform's origin: the issuer of its tokens.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The public keys under which the platform signs what it tells.
    ///
    /// # Errors
    /// [`PlatformError`].
    pub async fn signing_keys(&self) -> Result<Vec<VerifyingKey>, PlatformError> {
        let published: SigningKeys = self.get("/.well-known/jwks.json").await?;
        // Keys of another kind are for other purposes.
        Ok(published.keys.iter().filter_map(VerifyingKey::from_jwk).collect())
    }

    /// Entries of the change stream after number `after`, at most `limit` (1 to 500).
    ///
    /// # Errors
    /// [`PlatformError`].
    pub async fn change_events(&self, after: u64, limit: u32) -> Result<ChangeEvents, PlatformError> {
        self.get(&format!("/v1/change-events?after={after}&limit={limit}")).await
    }

    /// The latest attributes of a customer who consented.
    ///
    /// # Errors
    /// [`PlatformError`]; `latest_attributes.none_newer`, `consent.none`, `upstream.unreachable`.
    pub async fn latest_attributes(
        &self,
        idempotency_key: &str,
        customer_id: &str,
    ) -> Result<LatestAttributes, PlatformError> {
        self.post(
            "/v1/latest-attributes",
            idempotency_key,
            &serde_json::json!({ "customer_id": customer_id }),
        )
        .await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, PlatformError> {
        self.call(path, |url| self.http.request(Method::GET, url)).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        idempotency_key: &str,
        body: &impl Serialize,
    ) -> Result<T, PlatformError> {
        self.call(path, |url| {
            self.http.request(Method::POST, url).header("idempotency-key", idempotency_key).json(body)
        })
        .await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        request: impl Fn(String) -> reqwest::RequestBuilder,
    ) -> Result<T, PlatformError> {
        let url = format!("{}{path}", self.origin);
        let token = self.access_token(None).await?;
        let response = send(request(url.clone()).bearer_auth(token.expose())).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return read(response).await;
        }
        let token = self.access_token(Some(&token)).await?;
        read(send(request(url).bearer_auth(token.expose())).await?).await
    }

    /// The cached token, unless it is about to expire or is the one that was just `refused`.
    async fn access_token(&self, refused: Option<&Secret<String>>) -> Result<Secret<String>, PlatformError> {
        // Held while asking: others wait for the one token instead of asking for one each.
        let mut cached = self.token.lock().await;
        let now = self.clock.now();
        if let Some(token) = cached.as_ref()
            && token.expires_at.since(now) > TOKEN_MARGIN
            && refused.is_none_or(|refused| refused.expose() != token.text.expose())
        {
            return Ok(token.text.clone());
        }
        *cached = None;
        let token = self.fetch_token(now).await?;
        let text = token.text.clone();
        *cached = Some(token);
        Ok(text)
    }

    async fn fetch_token(&self, now: UnixTime) -> Result<Token, PlatformError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            access_token: String,
            expires_in: i64,
        }
        let endpoint = format!("{}/v1/token", self.origin);
        let assertion = self
            .key
            .sign(&AssertionClaims {
                iss: self.relying_party_id.clone(),
                sub: self.relying_party_id.clone(),
                aud: endpoint.clone(),
                jti: random_body(&*self.random),
                iat: now.0,
                exp: now.plus(ASSERTION_LIFE).0,
            })
            .map_err(|_| PlatformError::Key)?;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
        ];
        let answer: Answer = read(send(self.http.post(endpoint).form(&form)).await?).await?;
        Ok(Token { text: Secret::new(answer.access_token), expires_at: now.plus(answer.expires_in) })
    }
}

async fn send(request: reqwest::RequestBuilder) -> Result<reqwest::Response, PlatformError> {
    request.send().await.map_err(|_| PlatformError::Unreachable)
}

async fn read<T: DeserializeOwned>(response: reqwest::Response) -> Result<T, PlatformError> {
    let status = response.status();
    let body = response.bytes().await.map_err(|_| PlatformError::Unreachable)?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|_| PlatformError::Unreachable);
    }
    let problem: ProblemDocument = serde_json::from_slice(&body).map_err(|_| PlatformError::Unreachable)?;
    let reason = Reason { code: problem.code, ja: problem.detail.ja, en: problem.detail.en };
    Err(PlatformError::Refused { status: status.as_u16(), reason: Box::new(reason) })
}

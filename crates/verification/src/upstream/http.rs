//! The upstream port over HTTP (`docs/spec/upstream.md`). Every answer is bounded in size and time.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_kernel::{Secret, UnixTime};
use musubi_pki::{AuthorityKind, CertKey, SerialNumber};
use musubi_platform::consent::ConsentId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{
    ConsentEvidence, ConsentTerm, LatestAttributes, PublishedList, SerialSuccession, Upstream, UpstreamError,
};

/// Largest JSON answer, in bytes.
const MAX_JSON: usize = 256 * 1024;
/// Largest revocation list, in bytes. The nation's full list is estimated at 1.5 GB at worst; a streaming
/// intake for that size is a capability of its own.
const MAX_LIST: usize = 256 * 1024 * 1024;
/// An authority that has not answered by then counts as unreachable.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Somebody waits at a counter for what OCSP says; the rule of outages is better than waiting longer.
const OCSP_TIMEOUT: Duration = Duration::from_secs(3);
/// A list may be large: this is how long its transfer may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(300);

/// Talks to an upstream server.
#[derive(Debug)]
pub struct HttpUpstream {
    client: reqwest::Client,
    origin: String,
    credential: Secret<String>,
}

impl HttpUpstream {
    /// A client of the upstream at `origin` (`scheme://host[:port]`).
    #[must_use]
    pub fn new(origin: String, credential: Secret<String>) -> Self {
        Self { client: musubi_httpkit::client::http_client(TIMEOUT), origin, credential }
    }

    async fn answer(&self, request: reqwest::RequestBuilder, limit: usize) -> Result<Vec<u8>, UpstreamError> {
        let mut response = request
            .bearer_auth(self.credential.expose())
            .send()
            .await
            .map_err(|_| UpstreamError::Unreachable)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| UpstreamError::Unreachable)? {
            if body.len() + chunk.len() > limit {
                return Err(UpstreamError::Malformed);
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(body);
        }
        if status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS {
            return Err(UpstreamError::Unreachable);
        }
        let refusal: Refusal = serde_json::from_slice(&body).map_err(|_| UpstreamError::Malformed)?;
        Err(UpstreamError::Refused { code: refusal.code })
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, UpstreamError> {
        let request = self.client.post(format!("{}{path}", self.origin)).json(body);
        let body = self.answer(request, MAX_JSON).await?;
        serde_json::from_slice(&body).map_err(|_| UpstreamError::Malformed)
    }
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
}

#[derive(Deserialize)]
struct Lists {
    lists: Vec<ListEntry>,
}

#[derive(Deserialize)]
struct ListEntry {
    authority: AuthorityKind,
    key_id: String,
    number: u64,
    path: String,
}

#[derive(Serialize)]
struct CertRef<'a> {
    authority: AuthorityKind,
    serial: &'a SerialNumber,
}

#[derive(Deserialize)]
struct Counterpart {
    authority: AuthorityKind,
    serial: SerialNumber,
}

#[derive(Deserialize)]
struct Succession {
    predecessors: Vec<SerialNumber>,
    current: SerialNumber,
}

#[derive(Serialize)]
struct ConsentBody<'a> {
    consent_id: &'a str,
    service_id: &'a str,
    document: &'a str,
    signature: String,
    certificate: String,
    items: &'a [String],
}

#[derive(Deserialize)]
struct Term {
    valid_from: UnixTime,
    valid_until: UnixTime,
}

#[derive(Serialize)]
struct LatestBody<'a> {
    consent_id: &'a str,
    service_id: &'a str,
    serial: &'a SerialNumber,
}

#[derive(Deserialize)]
struct Latest {
    attributes: BTreeMap<String, String>,
    serial: SerialNumber,
    fee_yen: u32,
}

/// `Ok(None)` where upstream says that it knows of nothing.
fn none_if<T>(answer: Result<T, UpstreamError>, codes: &[&str]) -> Result<Option<T>, UpstreamError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(UpstreamError::Refused { code }) if codes.contains(&code.as_str()) => Ok(None),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl Upstream for HttpUpstream {
    async fn revocation_lists(&self) -> Result<Vec<PublishedList>, UpstreamError> {
        let request = self.client.get(format!("{}/upstream/v1/revocation-lists", self.origin));
        let body = self.answer(request, MAX_JSON).await?;
        let lists: Lists = serde_json::from_slice(&body).map_err(|_| UpstreamError::Malformed)?;
        let well_formed = lists.lists.len() <= 64
            && lists.lists.iter().all(|list| {
                list.path.starts_with("/upstream/v1/revocation-lists/")
                    && list.path.len() <= 256
                    && list.key_id.len() <= 64
            });
        if !well_formed {
            return Err(UpstreamError::Malformed);
        }
        Ok(lists
            .lists
            .into_iter()
            .map(|ListEntry { authority, key_id, number, path }| PublishedList {
                authority,
                key_id,
                number,
                path,
            })
            .collect())
    }

    async fn fetch_list(&self, list: &PublishedList) -> Result<Vec<u8>, UpstreamError> {
        let request = self.client.get(format!("{}{}", self.origin, list.path)).timeout(LIST_TIMEOUT);
        self.answer(request, MAX_LIST).await
    }

    async fn counterpart(&self, key: &CertKey) -> Result<Option<SerialNumber>, UpstreamError> {
        let body = CertRef { authority: key.authority, serial: &key.serial };
        let answer: Result<Counterpart, _> = self.post("/upstream/v1/correspondence", &body).await;
        match none_if(answer, &["correspondence.none", "certificate.unknown"])? {
            Some(found) if found.authority != key.authority.counterpart() => Err(UpstreamError::Malformed),
            found => Ok(found.map(|f| f.serial)),
        }
    }

    async fn succession(&self, key: &CertKey) -> Result<Option<SerialSuccession>, UpstreamError> {
        let body = CertRef { authority: key.authority, serial: &key.serial };
        let answer: Result<Succession, _> = self.post("/upstream/v1/succession", &body).await;
        Ok(none_if(answer, &["certificate.unknown"])?
            .map(|Succession { predecessors, current }| SerialSuccession { predecessors, current }))
    }

    async fn ocsp(&self, authority: AuthorityKind, request: &[u8]) -> Result<Vec<u8>, UpstreamError> {
        let request = self
            .client
            .post(format!("{}/ocsp/{}", self.origin, authority.as_str()))
            .header("content-type", "application/ocsp-request")
            .timeout(OCSP_TIMEOUT)
            .body(request.to_vec());
        self.answer(request, musubi_pki::MAX_RESPONSE_BYTES).await
    }

    async fn register_consent(&self, evidence: &ConsentEvidence) -> Result<ConsentTerm, UpstreamError> {
        let body = ConsentBody {
            consent_id: evidence.consent_id.as_str(),
            service_id: &evidence.service_id,
            document: &evidence.document,
            signature: STANDARD.encode(&evidence.signature),
            certificate: STANDARD.encode(&evidence.certificate),
            items: &evidence.items,
        };
        let term: Term = self.post("/upstream/v1/consents", &body).await?;
        Ok(ConsentTerm { valid_from: term.valid_from, valid_until: term.valid_until })
    }

    async fn withdraw_consent(&self, consent: &ConsentId) -> Result<(), UpstreamError> {
        let path = format!("{}/upstream/v1/consents/{consent}/withdrawal", self.origin);
        self.answer(self.client.post(path).json(&serde_json::json!({})), MAX_JSON).await.map(drop)
    }

    async fn latest_attributes(
        &self,
        consent: &ConsentId,
        service_id: &str,
        serial: &SerialNumber,
    ) -> Result<LatestAttributes, UpstreamError> {
        let body = LatestBody { consent_id: consent.as_str(), service_id, serial };
        let latest: Latest = self.post("/upstream/v1/latest-attributes", &body).await?;
        Ok(LatestAttributes {
            attributes: latest.attributes.into_iter().collect(),
            serial: latest.serial,
            fee_yen: latest.fee_yen,
        })
    }
}

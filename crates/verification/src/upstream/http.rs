//! The upstream port over HTTP (`docs/spec/upstream.md`). Every answer is bounded in size and time.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_kernel::{Secret, UnixTime};
use musubi_pki::{AuthorityKind, CertKey, ListScope, SerialNumber};
use musubi_platform::consent::ConsentId;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, RANGE};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{
    ConsentEvidence, ConsentTerm, LatestAttributes, PublishedDelta, PublishedList, Receive, SerialSuccession,
    Upstream, UpstreamError, WithdrawnConsent, WithdrawnConsents,
};

/// Largest JSON answer, in bytes.
const MAX_JSON: usize = 256 * 1024;
/// Largest announcement of lists: both authorities, their generations and municipalities, with the delta lists of each.
const MAX_ANNOUNCEMENT: usize = 32 * 1024 * 1024;
/// Most lists in an announcement, and most delta lists to one of them.
const MAX_LISTS: usize = 20_000;
const MAX_DELTAS: usize = 64;
/// An authority that has not answered by then counts as unreachable.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A list may be large: this is how long its transfer may take, and how long nothing may come.
const LIST_TIMEOUT: Duration = Duration::from_secs(900);
const SILENCE: Duration = Duration::from_secs(20);
/// Somebody waits at a counter for what OCSP says; the rule of outages is better than waiting longer.
const OCSP_TIMEOUT: Duration = Duration::from_secs(3);

/// Talks to an upstream server.
#[derive(Debug)]
pub struct HttpUpstream {
    client: reqwest::Client,
    origin: String,
    credential: Secret<String>,
    lists: WhichLists,
}

/// Which revocation lists are taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhichLists {
    /// Those of all certificates of a generation.
    #[default]
    Full,
    /// Those of each municipality.
    Municipalities,
    /// Both.
    All,
}

impl WhichLists {
    fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Municipalities => "municipalities",
            Self::All => "all",
        }
    }
}

impl HttpUpstream {
    /// A client of the upstream at `origin` (`scheme://host[:port]`).
    #[must_use]
    pub fn new(origin: String, credential: Secret<String>) -> Self {
        let client = musubi_httpkit::client::http_client(TIMEOUT);
        Self { client, origin, credential, lists: WhichLists::default() }
    }

    /// The same, which takes in these lists.
    #[must_use]
    pub fn with_lists(self, lists: WhichLists) -> Self {
        Self { lists, ..self }
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
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
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
    bytes: Option<u64>,
    scope: Option<Scope>,
    #[serde(default)]
    deltas: Vec<DeltaEntry>,
}

/// Absent, or `"full"`: all certificates.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scope {
    Named(String),
    Municipality {
        /// DER of the directory name, base64.
        directory_name: String,
    },
}

#[derive(Deserialize)]
struct DeltaEntry {
    base_number: u64,
    number: u64,
    path: String,
}

fn is_list_path(path: &str) -> bool {
    path.starts_with("/upstream/v1/revocation-lists/") && path.len() <= 256
}

/// An announced list, if it is of the documented form.
fn published(entry: ListEntry) -> Option<PublishedList> {
    let scope = match entry.scope {
        None => ListScope::Full,
        Some(Scope::Named(name)) if name == "full" => ListScope::Full,
        Some(Scope::Named(_)) => return None,
        Some(Scope::Municipality { directory_name }) => {
            ListScope::Partition(STANDARD.decode(directory_name).ok().filter(|name| name.len() <= 1024)?)
        }
    };
    let well_formed = is_list_path(&entry.path)
        && entry.key_id.len() <= 64
        && entry.deltas.len() <= MAX_DELTAS
        && entry.deltas.iter().all(|delta| is_list_path(&delta.path));
    let delta = |DeltaEntry { base_number, number, path }| PublishedDelta { base_number, number, path };
    well_formed.then(|| PublishedList {
        authority: entry.authority,
        key_id: entry.key_id,
        number: entry.number,
        scope,
        path: entry.path,
        bytes: entry.bytes,
        deltas: entry.deltas.into_iter().map(delta).collect(),
    })
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
    next_issued_at: Option<UnixTime>,
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
struct WithdrawalsAsked<'a> {
    service_id: &'a str,
    since: UnixTime,
}

#[derive(Deserialize)]
struct Withdrawals {
    withdrawals: Vec<Withdrawal>,
    more: bool,
}

#[derive(Deserialize)]
struct Withdrawal {
    consent_id: String,
    withdrawn_at: UnixTime,
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

/// Whether a partial answer begins where it was asked to.
fn begins_at(response: &reqwest::Response, from: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
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
        let scope = self.lists.as_str();
        let request = self.client.get(format!("{}/upstream/v1/revocation-lists?scope={scope}", self.origin));
        let body = self.answer(request, MAX_ANNOUNCEMENT).await?;
        let lists: Lists = serde_json::from_slice(&body).map_err(|_| UpstreamError::Malformed)?;
        if lists.lists.len() > MAX_LISTS {
            return Err(UpstreamError::Malformed);
        }
        lists.lists.into_iter().map(published).collect::<Option<_>>().ok_or(UpstreamError::Malformed)
    }

    async fn fetch(&self, path: &str, into: &mut dyn Receive) -> Result<(), UpstreamError> {
        let from = into.received();
        let mut request = self
            .client
            .get(format!("{}{path}", self.origin))
            .timeout(LIST_TIMEOUT)
            .bearer_auth(self.credential.expose());
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let mut response = request.send().await.map_err(|_| UpstreamError::Unreachable)?;
        match response.status() {
            StatusCode::OK if from == 0 => {}
            StatusCode::PARTIAL_CONTENT if from > 0 && begins_at(&response, from) => {}
            // Begun anew by a server that knows no ranges, or already whole.
            status if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE => {
                return Err(UpstreamError::Malformed);
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Err(UpstreamError::Unreachable);
            }
            _ => return Err(UpstreamError::Malformed),
        }
        loop {
            match tokio::time::timeout(SILENCE, response.chunk()).await {
                Ok(Ok(Some(chunk))) => into.chunk(&chunk)?,
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(_)) | Err(_) => return Err(UpstreamError::CutOff),
            }
        }
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
        Ok(none_if(answer, &["certificate.unknown"])?.map(
            |Succession { predecessors, current, next_issued_at }| SerialSuccession {
                predecessors,
                current,
                next_issued_at,
            },
        ))
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

    async fn withdrawn_consents(
        &self,
        service_id: &str,
        since: UnixTime,
    ) -> Result<WithdrawnConsents, UpstreamError> {
        let body = WithdrawalsAsked { service_id, since };
        let told: Withdrawals = self.post("/upstream/v1/consents/withdrawals", &body).await?;
        let one = |told: Withdrawal| {
            // Of another operator's making: none of ours.
            let id = told.consent_id.parse().ok()?;
            Some(WithdrawnConsent { id, at: told.withdrawn_at })
        };
        Ok(WithdrawnConsents {
            withdrawn: told.withdrawals.into_iter().filter_map(one).collect(),
            more: told.more,
        })
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

//! A card of the simulated nation, over its HTTP endpoints (`/virtual/…` on the host `card.`). The card itself runs there,
//! against the nation's own database, so that there is one truth about counters and renewals; here is its cable.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::messages::Condition;

/// The longest answer of the nation that is read, in bytes; a list of residents is the longest.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// The longest message to or from the card, in bytes.
const MAX_RESPONSE_BYTES: usize = 65_535;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the nation may take, beside the delay that was asked for.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Which carrier is imitated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Profile {
    /// The plastic card.
    Plastic,
    /// The token of an Android phone.
    AndroidToken,
}

/// How long answers leave the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Chaining {
    /// As the real card does.
    Direct,
    /// With 61xx and 6Cxx.
    GetResponse,
}

/// A PIN that is blocked on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum BlockedPin {
    /// 利用者証明用, 4 digits.
    Authentication,
    /// 署名用, 6 to 16 letters and digits.
    Signature,
    /// 券面事項入力補助用, 4 digits.
    TextAttributes,
}

/// What is asked of a session.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NewSession {
    pub(crate) resident: String,
    pub(crate) profile: Profile,
    pub(crate) chaining: Chaining,
    pub(crate) delay_ms: u32,
    pub(crate) removed_at: Option<u32>,
    pub(crate) torn_at: Option<u32>,
}

/// A resident who has a card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Resident {
    /// The resident's identifier.
    #[serde(rename = "resident")]
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) note: String,
}

#[derive(Deserialize)]
struct Started {
    session: String,
    atr: String,
}

/// The nation.
#[derive(Debug, Clone)]
pub(crate) struct Nation {
    client: Client,
    origin: Url,
}

/// A card of the nation, for as long as the session lasts there.
#[derive(Debug, Clone)]
pub(crate) struct NationCard {
    nation: Nation,
    session: String,
    /// Answer to reset.
    pub(crate) atr: Vec<u8>,
}

/// What the reader does to the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Power {
    Off,
    On,
    Reset,
}

/// Why the card has not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NationError {
    /// It is no longer on the reader, or its power failed, as was asked for.
    Removed,
    /// The nation has forgotten the session: it was started again, or had too many.
    Forgotten,
    /// Anything else.
    Condition(Condition),
}

impl Nation {
    /// The nation at an origin such as `http://card.localhost:8080`. Not every system resolves `*.localhost`; it is this
    /// computer (RFC 6761 6.3).
    pub(crate) fn at(origin: &str, delay_ms: u32) -> Result<Self, Condition> {
        let unreachable = || Condition::NationUnreachable(origin.to_owned());
        let url = Url::parse(origin).map_err(|_| unreachable())?;
        let mut client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT + Duration::from_millis(delay_ms.into()));
        if let Some(host) = url.host_str().filter(|host| host.ends_with(".localhost")) {
            // Port 0: that of the URL.
            client = client.resolve(host, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        }
        Ok(Self { client: client.build().map_err(|_| unreachable())?, origin: url })
    }

    /// The residents who have cards, with notes in this language (`ja`, `en`).
    pub(crate) async fn residents(&self, language: &str) -> Result<Vec<Resident>, Condition> {
        let request = self.request(Method::GET, "virtual/cards")?;
        let response = self.send(request.header(reqwest::header::ACCEPT_LANGUAGE, language)).await?;
        match response.status() {
            StatusCode::OK => self.json(response).await,
            status => Err(refused(status)),
        }
    }

    /// Takes all tries of a PIN, until the town hall sets it again.
    pub(crate) async fn block(&self, resident: &Resident, pin: BlockedPin) -> Result<(), Condition> {
        let path = format!("virtual/cards/{}/block", resident.id);
        let request = self.request(Method::POST, &path)?.json(&serde_json::json!({ "pin": pin }));
        match self.send(request).await?.status() {
            StatusCode::NO_CONTENT => Ok(()),
            status => Err(refused(status)),
        }
    }

    /// Puts a resident's card on a reader there.
    pub(crate) async fn card(&self, new: &NewSession) -> Result<NationCard, Condition> {
        let response = self.send(self.request(Method::POST, "virtual/sessions")?.json(new)).await?;
        match response.status() {
            StatusCode::CREATED => {
                let started: Started = self.json(response).await?;
                let unreadable = || Condition::NationRefused("unreadable answer".to_owned());
                let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
                if !(1..=128).contains(&started.session.len()) || !started.session.chars().all(known) {
                    return Err(unreadable());
                }
                let atr = hex::decode(&started.atr).map_err(|_| unreadable())?;
                // ISO 7816-3 8.1: at most 32 bytes and the initial one.
                if !(2..=33).contains(&atr.len()) {
                    return Err(unreadable());
                }
                Ok(NationCard { nation: self.clone(), session: started.session, atr })
            }
            StatusCode::NOT_FOUND => Err(Condition::NoSuchResident),
            status => Err(refused(status)),
        }
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Condition> {
        let url = self.origin.join(path).map_err(|_| self.unreachable())?;
        Ok(self.client.request(method, url))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Condition> {
        request.send().await.map_err(|_| self.unreachable())
    }

    async fn json<T: serde::de::DeserializeOwned>(&self, response: Response) -> Result<T, Condition> {
        let body = self.body(response, MAX_ANSWER_BYTES).await?;
        serde_json::from_slice(&body).map_err(|_| Condition::NationRefused("unreadable answer".to_owned()))
    }

    async fn body(&self, mut response: Response, limit: usize) -> Result<Zeroizing<Vec<u8>>, Condition> {
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|_| self.unreachable())? {
            if body.len() + chunk.len() > limit {
                return Err(Condition::NationRefused("answer too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self) -> Condition {
        Condition::NationUnreachable(self.origin.origin().ascii_serialization())
    }
}

impl NationCard {
    /// Passes a command on and waits for the response.
    pub(crate) async fn transmit(&self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, NationError> {
        let request = self
            .request(Method::POST, "/apdu")?
            .header(reqwest::header::CONTENT_TYPE, "application/octet-stream")
            .body(command.to_vec());
        let response = self.nation.send(request).await?;
        match response.status() {
            StatusCode::OK => Ok(self.nation.body(response, MAX_RESPONSE_BYTES).await?),
            status => Err(NationError::of(status)),
        }
    }

    /// Switches the card's power.
    pub(crate) async fn power(&self, to: Power) -> Result<(), NationError> {
        #[derive(Serialize)]
        struct Body {
            to: Power,
        }
        let response = self.nation.send(self.request(Method::POST, "/power")?.json(&Body { to })).await?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(()),
            status => Err(NationError::of(status)),
        }
    }

    /// Takes the card away. What the nation says to it changes nothing here.
    pub(crate) async fn take_away(&self) {
        if let Ok(request) = self.request(Method::DELETE, "") {
            drop(self.nation.send(request.timeout(CONNECT_TIMEOUT)).await);
        }
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Condition> {
        self.nation.request(method, &format!("virtual/sessions/{}{path}", self.session))
    }
}

impl NationError {
    fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::GONE => Self::Removed,
            StatusCode::NOT_FOUND => Self::Forgotten,
            status => Self::Condition(refused(status)),
        }
    }
}

impl From<Condition> for NationError {
    fn from(condition: Condition) -> Self {
        Self::Condition(condition)
    }
}

fn refused(status: StatusCode) -> Condition {
    Condition::NationRefused(format!("HTTP {}", status.as_u16()))
}

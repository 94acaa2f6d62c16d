//! The routes below `/virtual` of the host `card.`: lists the residents who have cards, and passes commands on to a card.
//!
//! For programs, which send neither `Origin` nor Fetch Metadata. A browser sends one of them with every request that
//! changes something: one from another origin is refused, so that no page on the web drives the cards.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use musubi_card::PinReference;
use musubi_card::virtual_card::{ATR, Behaviour, Chaining, Faults, Profile};
use musubi_httpkit::page::PageLang;
use musubi_httpkit::problems::{REQUEST_MALFORMED, REQUEST_TOO_LARGE, REQUEST_UNSUPPORTED_MEDIA_TYPE};
use musubi_httpkit::{Json, Path, Problem, internal};
use serde::{Deserialize, Serialize};

use super::problems::{CARD_OFF, CARD_REMOVED, FOREIGN_PAGE, RESIDENT_UNKNOWN, SESSION_UNKNOWN};
use super::{NoResponse, Reader, Sessions};
use crate::{LifeError, NationError, ResidentId, World};

/// The longest command: header, extended Lc with 65,535 bytes, Le (ISO 7816-4 5.2).
const LONGEST_COMMAND: usize = 4 + 3 + 65_535 + 2;
/// The longest delay of an answer, in milliseconds.
const LONGEST_DELAY: u32 = 30_000;
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const BYTES: &str = "application/octet-stream";

#[derive(Clone)]
struct Site {
    world: World,
    sessions: Arc<Sessions>,
}

/// - `GET /virtual/cards` the residents who have cards
/// - `POST /virtual/cards/{resident}/block` blocks a PIN
/// - `POST /virtual/sessions` puts a card on a reader, `DELETE /virtual/sessions/{id}` takes it away
/// - `POST /virtual/sessions/{id}/apdu` a command, `POST /virtual/sessions/{id}/power` off, on, reset
pub(crate) fn router(world: World) -> Router {
    Router::new()
        .route("/virtual/cards", get(cards))
        .route("/virtual/cards/{resident}/block", post(block))
        .route("/virtual/sessions", post(begin))
        .route("/virtual/sessions/{id}", delete(end))
        .route("/virtual/sessions/{id}/apdu", post(apdu))
        .route("/virtual/sessions/{id}/power", post(power))
        .layer(from_fn(own_pages_and_programs))
        .with_state(Site { world, sessions: Arc::default() })
}

async fn own_pages_and_programs(request: Request, next: Next) -> Response {
    if !request.method().is_safe() && is_foreign(request.headers()) {
        return Problem::new(&FOREIGN_PAGE).into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

fn is_foreign(headers: &HeaderMap) -> bool {
    if headers.get(FETCH_SITE).is_some_and(|site| site != "same-origin") {
        return true;
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let own = |origin: &str| {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        matches!((authority, host), (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host))
    };
    !origin.to_str().is_ok_and(own)
}

#[derive(Serialize)]
struct Card {
    resident: String,
    name: String,
    note: &'static str,
}

async fn cards(State(site): State<Site>, PageLang(lang): PageLang) -> Result<Json<Vec<Card>>, Problem> {
    let residents = site.world.residents().await.map_err(|error| internal(&error))?;
    let card = |resident: crate::Resident| Card {
        resident: resident.id.as_str().to_owned(),
        name: resident.name,
        note: match lang {
            musubi_httpkit::page::Lang::Ja => resident.note.ja,
            musubi_httpkit::page::Lang::En => resident.note.en,
        },
    };
    Ok(Json(residents.into_iter().map(card).collect()))
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Pin {
    Authentication,
    Signature,
    TextAttributes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    pin: Pin,
}

async fn block(
    State(site): State<Site>,
    Path(resident): Path<ResidentId>,
    Json(Block { pin }): Json<Block>,
) -> Result<StatusCode, Problem> {
    let pin = match pin {
        Pin::Authentication => PinReference::Authentication,
        Pin::Signature => PinReference::Signature,
        Pin::TextAttributes => PinReference::TextAttributes,
    };
    match site.world.block(&resident, pin).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(LifeError::UnknownResident) => Err(Problem::new(&RESIDENT_UNKNOWN)),
        Err(error) => Err(internal(&error)),
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Carrier {
    #[default]
    Plastic,
    AndroidToken,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LongAnswers {
    #[default]
    Direct,
    GetResponse,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    resident: ResidentId,
    #[serde(default)]
    profile: Carrier,
    #[serde(default)]
    chaining: LongAnswers,
    #[serde(default)]
    delay_ms: u32,
    #[serde(default)]
    removed_at: Option<u32>,
    #[serde(default)]
    torn_at: Option<u32>,
}

#[derive(Serialize)]
struct Begun {
    session: String,
    /// Lower-case hex.
    atr: String,
}

async fn begin(
    State(site): State<Site>,
    Json(asked): Json<Begin>,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    if asked.delay_ms > LONGEST_DELAY || asked.removed_at == Some(0) || asked.torn_at == Some(0) {
        return Err(Problem::new(&REQUEST_MALFORMED));
    }
    let profile = match asked.profile {
        Carrier::Plastic => Profile::Plastic,
        Carrier::AndroidToken => Profile::AndroidToken,
    };
    let chaining = match asked.chaining {
        LongAnswers::Direct => Chaining::Direct,
        LongAnswers::GetResponse => Chaining::GetResponse,
    };
    let faults = Faults { delay_ms: asked.delay_ms, removed_at: asked.removed_at, torn_at: asked.torn_at };
    let reader = Reader::new(&site.world, asked.resident, profile, Behaviour { chaining, faults }).await;
    let reader = reader.map_err(|error| internal(&error))?.ok_or(&RESIDENT_UNKNOWN)?;
    let begun = Begun { session: site.sessions.keep(reader), atr: hex::encode(ATR) };
    Ok((StatusCode::CREATED, Json(begun)))
}

async fn end(State(site): State<Site>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    if site.sessions.end(&id) { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::new(&SESSION_UNKNOWN)) }
}

async fn apdu(
    State(site): State<Site>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media_type != Some(BYTES) {
        return Err(Problem::new(&REQUEST_UNSUPPORTED_MEDIA_TYPE));
    }
    let command = to_bytes(request.into_body(), LONGEST_COMMAND).await.map_err(|_| &REQUEST_TOO_LARGE)?;
    if command.is_empty() {
        return Err(Problem::new(&REQUEST_MALFORMED));
    }
    let reader = site.sessions.reader(&id).ok_or(&SESSION_UNKNOWN)?;
    let response = reader.transmit(command.to_vec()).await.map_err(no_response)?;
    tokio::time::sleep(Duration::from_millis(response.delay_ms.into())).await;
    Ok(([(header::CONTENT_TYPE, BYTES)], response.bytes).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum To {
    Off,
    On,
    Reset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Power {
    to: To,
}

async fn power(
    State(site): State<Site>,
    Path(id): Path<String>,
    Json(Power { to }): Json<Power>,
) -> Result<StatusCode, Problem> {
    let reader = site.sessions.reader(&id).ok_or(&SESSION_UNKNOWN)?;
    match to {
        To::Off => reader.power_off().await,
        To::On => reader.power_on().await.map_err(no_response)?,
        To::Reset => reader.reset().await.map_err(no_response)?,
    }
    Ok(StatusCode::NO_CONTENT)
}

fn no_response(why: NoResponse) -> Problem {
    match why {
        NoResponse::Removed => Problem::new(&CARD_REMOVED),
        NoResponse::Off => Problem::new(&CARD_OFF),
        NoResponse::Failed(error) => failed(&error),
    }
}

fn failed(error: &NationError) -> Problem {
    internal(error)
}

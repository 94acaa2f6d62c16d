//! `POST /window/state`: may this site ask, and is the card ready for what it asks? `POST /window/approve`: the holder lets
//! a site ask. Neither takes a PIN; the first touches the card only for a site that may ask.

use axum::extract::State;
use axum::http::HeaderMap;
use musubi_card::PinReference;
use musubi_card::client::{Card, CardError, Overview};
use musubi_card::transport::Transport;
use musubi_httpkit::page::PageLang;
use musubi_httpkit::{Json, Problem};
use musubi_kernel::UnixTime;
use musubi_pki::{Standing, UnverifiedCertificate};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::LIMIT;
use crate::conditions::{READY, condition_name};
use crate::reader::{Caller, Permission, Reader};
use crate::request::{CardRequest, Origin};
use crate::window::Window;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shown {
    origin: Origin,
    request: CardRequest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approved {
    origin: Origin,
}

/// What the window shows of a card before anybody enters a PIN.
struct Look {
    overview: Overview,
    /// Tries of the PIN of 券面事項入力補助AP, where the request needs that application.
    text_tries: Option<u8>,
    /// First and last second of the certificate that will answer, where anybody may read it.
    validity: Option<(UnixTime, UnixTime)>,
}

pub(crate) async fn state<R: Reader>(
    State(window): State<Window<R>>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Json(shown): Json<Shown, LIMIT>,
) -> Result<Json<Value>, Problem> {
    let caller = Caller { headers: &headers, lang };
    let asked = shown.request.asked_by(shown.origin)?;
    let permission = window.reader.permission(caller, asked.origin().as_str()).await;
    if permission != Permission::Granted {
        return Ok(Json(json!({ "permission": permission_name(permission) })));
    }
    let (needs_text, shows) = (asked.needs_text_attributes(), asked.shows_authentication_certificate());
    let look = window.reader.with_card(caller, move |card| look_at(card, needs_text, shows)).await;
    let validity = look.as_ref().ok().and_then(|look| validity(look.validity?, window.reader.now()));
    let condition = look.as_ref().map_or_else(condition_name, |_| READY);
    // Where no card answers, nobody holds it.
    let holder = match &look {
        Ok(_) => window.reader.holder(caller).await,
        Err(_) => None,
    };
    Ok(Json(json!({
        "permission": permission_name(permission),
        "condition": condition,
        "holder": holder.map(|holder| json!({ "name": holder.name, "counter": holder.counter })),
        "validity": validity,
        "overview": look.ok().map(|look| json!({
            "has_authentication": look.overview.has_authentication,
            "has_signature": look.overview.has_signature,
            "authentication_tries": look.overview.authentication_tries,
            "signature_tries": look.overview.signature_tries,
            "text_tries": look.text_tries,
        })),
    })))
}

pub(crate) async fn approve<R: Reader>(
    State(window): State<Window<R>>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Json(approved): Json<Approved>,
) -> Json<Value> {
    let caller = Caller { headers: &headers, lang };
    let permission = window.reader.approve(caller, approved.origin.as_str()).await;
    Json(json!({ "permission": permission_name(permission) }))
}

fn look_at<T: Transport>(card: &mut Card<T>, needs_text: bool, shows: bool) -> Result<Look, CardError> {
    let overview = card.overview()?;
    let validity = if shows && overview.has_authentication { validity_on(card) } else { None };
    let text_tries = if needs_text { Some(card.tries_left(PinReference::TextAttributes)?) } else { None };
    Ok(Look { overview, text_tries, validity })
}

/// A phone shows its certificate after the PIN only, and what is no certificate is the platform's to judge.
fn validity_on<T: Transport>(card: &mut Card<T>) -> Option<(UnixTime, UnixTime)> {
    let der = card.authentication_certificate().ok()?;
    let certificate = UnverifiedCertificate::parse(&der).ok()?;
    Some((certificate.not_before(), certificate.not_after()))
}

/// What the holder should know before the PIN: the certificate has expired, or can be renewed.
fn validity((not_before, not_after): (UnixTime, UnixTime), now: UnixTime) -> Option<Value> {
    let state = match Standing::of(not_before, not_after, now) {
        Standing::Expired => "expired",
        Standing::NearRenewal => "near_renewal",
        Standing::Valid | Standing::NotYetValid => return None,
    };
    Some(json!({ "state": state, "until": not_after.date_in_japan().to_string() }))
}

fn permission_name(permission: Permission) -> &'static str {
    match permission {
        Permission::Granted => "granted",
        Permission::PairingNeeded => "pairing_needed",
        Permission::ApprovalNeeded => "approval_needed",
    }
}

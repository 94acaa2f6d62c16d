//! `POST /window/answer`: the card's half. The window's script sends what it was asked and by whom; this checks
//! everything again, lets the card do it and answers. PINs are neither kept nor logged.

use axum::extract::State;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_card::client::{Attributes, CardError, LastTry};
use musubi_httpkit::page::PageLang;
use musubi_httpkit::{Json, Problem};
use musubi_kernel::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::conditions::refusal;
use crate::perform::{CardAnswer, Enrolment, Job, Secrets, perform};
use crate::problems::{APPROVAL_NEEDED, PAIRING_NEEDED};
use crate::reader::{Caller, Permission, Reader};
use crate::request::{CardRequest, Origin};
use crate::window::Window;

/// Largest body that is read, in bytes: a document of 32 KiB, whose every byte JSON may double, and the rest.
pub(crate) const LIMIT: usize = 96 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    origin: Origin,
    request: CardRequest,
    pin: Option<Secret<String>>,
    text_pin: Option<Secret<String>>,
    #[serde(default)]
    last_try: bool,
}

pub(crate) async fn answer<R: Reader>(
    State(window): State<Window<R>>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Json(body): Json<Body, LIMIT>,
) -> Result<Json<Value>, Problem> {
    let caller = Caller { headers: &headers, lang };
    let asked = body.request.asked_by(body.origin.clone())?;
    let job = Job::of(asked, Secrets { pin: body.pin, text_pin: body.text_pin })?;
    match window.reader.permission(caller, body.origin.as_str()).await {
        Permission::Granted => {}
        Permission::PairingNeeded => return Err(Problem::new(&PAIRING_NEEDED)),
        Permission::ApprovalNeeded => return Err(Problem::new(&APPROVAL_NEEDED)),
    }
    let last_try = if body.last_try { LastTry::Spend } else { LastTry::Keep };
    let answered = window
        .reader
        .with_card(caller, move |card| perform(card, &job, last_try))
        .await
        .and_then(|answer| wire(answer, &body.origin))
        .map_err(|error| refusal(&error))?;
    Ok(Json(answered))
}

fn wire(answer: CardAnswer, origin: &Origin) -> Result<Value, CardError> {
    Ok(match answer {
        CardAnswer::Signed { certificate, signature, presence } => {
            let mut value = json!({
                "certificate": STANDARD.encode(certificate),
                "signature": STANDARD.encode(signature),
                "origin": origin.as_str(),
            });
            if let (Some(members), Some(enrolment)) = (value.as_object_mut(), presence) {
                members.insert("presence".to_owned(), enrolment_wire(&enrolment));
            }
            value
        }
        CardAnswer::Attributes(attributes) => json!({
            "attributes": {
                "date_of_birth": date_wire(&attributes)?,
                "name": attributes.name,
                "address": attributes.address,
                "sex": match attributes.sex {
                    1 => "male",
                    2 => "female",
                    _ => "unknown",
                },
            },
        }),
    })
}

fn enrolment_wire(enrolment: &Enrolment) -> Value {
    json!({
        "key_record": STANDARD.encode(&enrolment.key_record),
        "card_certificate": STANDARD.encode(&enrolment.card_certificate),
        "signature": STANDARD.encode(&enrolment.signature),
    })
}

/// `19800217` as `1980-02-17`. A card may hold a date whose day is unknown, which is passed on as it stands.
fn date_wire(attributes: &Attributes) -> Result<String, CardError> {
    let text = attributes.date_of_birth.as_str();
    let parts = (text.get(..4), text.get(4..6), text.get(6..));
    match parts {
        (Some(year), Some(month), Some(day))
            if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Ok(format!("{year}-{month}-{day}"))
        }
        _ => Err(CardError::Malformed("date of birth")),
    }
}

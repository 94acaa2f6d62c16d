//! `POST /window/answer`: the card's half. The window's script sends what it was asked and by whom; this makes the
//! text anew, lets the card sign it and answers. The PIN is neither kept nor logged.

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_httpkit::problems::REQUEST_MALFORMED;
use musubi_httpkit::{Json, Problem};
use musubi_kernel::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problems::{CARD_NONE, CERTIFICATE_ABSENT, PIN_BLOCKED, PIN_WRONG};
use super::request::{CardRequest, Origin};
use super::{CardSite, OnReader};
use crate::pages::failed;
use crate::{CardAnswer, CardOperation, CardRefusal};

/// Largest body that is read, in bytes: a document of 32 KiB, whose every byte JSON may double, and the rest.
const LIMIT: usize = 96 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    origin: Origin,
    request: CardRequest,
    pin: Secret<String>,
}

pub(super) async fn answer(
    State(site): State<CardSite>,
    card: OnReader,
    Json(asked): Json<Asked, LIMIT>,
) -> Result<Json<Value>, Problem> {
    let message = asked.request.to_be_signed(&asked.origin)?;
    let operation = asked.request.operation();
    // What the card would not take for a PIN costs no try.
    if !is_pin(operation, asked.pin.expose()) {
        return Err(Problem::new(&REQUEST_MALFORMED));
    }
    let resident = card.0.ok_or(&CARD_NONE)?;
    let answered = site.world.answer(&resident, operation, &asked.pin, &message).await.map_err(refused)?;
    let response = match answered {
        CardAnswer::Signed { certificate, signature } => json!({
            "certificate": STANDARD.encode(certificate),
            "signature": STANDARD.encode(signature),
            "origin": asked.origin.as_str(),
        }),
        CardAnswer::Attributes(attributes) => json!({
            "attributes": {
                "name": attributes.name,
                "address": attributes.address,
                "date_of_birth": attributes.date_of_birth.to_string(),
                "sex": attributes.sex.as_str(),
            },
        }),
    };
    Ok(Json(response))
}

/// Four digits, or for the digital-signature key 6 to 16 of `A-Z0-9` (facts §4.2).
fn is_pin(operation: CardOperation, text: &str) -> bool {
    match operation {
        CardOperation::Authenticate | CardOperation::ReadAttributes => {
            text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit())
        }
        CardOperation::Sign => {
            (6..=16).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        }
    }
}

fn refused(refusal: CardRefusal) -> Problem {
    match refusal {
        CardRefusal::WrongPin { tries_left } => Problem::new(&PIN_WRONG).with("tries_left", tries_left),
        CardRefusal::Blocked => Problem::new(&PIN_BLOCKED),
        CardRefusal::CertificateAbsent => Problem::new(&CERTIFICATE_ABSENT),
        CardRefusal::PinForm => Problem::new(&REQUEST_MALFORMED),
        CardRefusal::Unknown => Problem::new(&CARD_NONE),
        CardRefusal::Failed(error) => failed(error),
    }
}

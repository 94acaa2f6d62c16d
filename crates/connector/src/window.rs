//! `GET /window`: the window in which a page asks the card. What is asked comes by message and stays in the
//! browser until the holder agrees; this page only brings the frame, the state of the card and the texts.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use musubi_httpkit::Problem;
use musubi_httpkit::page::{Html, PageLang, Shell, Tr, json_for_script};
use serde_json::{Value, json};

use super::{CardSite, OnReader, shell};
use crate::pages::views::{CardRows, Choice};
use crate::pages::{PagesConfig, TEXTS};
use crate::{DEMO_PASSWORD, DEMO_PIN, Resident};

/// Keys of the on-screen keyboards, in their order. `0` of the PIN's keypad stands in its last row.
const DIGITS: [char; 9] = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

#[derive(askama::Template)]
#[template(path = "card_window.html")]
struct WindowPage {
    shell: Shell,
    t: Tr,
    config: Arc<PagesConfig>,
    card: Option<CardRows>,
    choices: Vec<Choice>,
    digits: [char; 9],
    letters: Vec<char>,
    settings: String,
}

pub(super) async fn page(
    State(site): State<CardSite>,
    PageLang(lang): PageLang,
    card: OnReader,
) -> Result<Response, Problem> {
    let t = TEXTS.tr(lang);
    let resident = site.on_reader(&card).await?;
    let page = WindowPage {
        shell: shell(t),
        t,
        choices: if resident.is_none() { site.choices(lang).await? } else { Vec::new() },
        digits: DIGITS,
        letters: LETTERS.chars().collect(),
        settings: json_for_script(&settings(resident.as_ref(), t)),
        card: resident.map(|resident| CardRows::of(&resident, t)),
        config: site.config,
    };
    Ok(Html(page).into_response())
}

/// What the window's script needs to know.
fn settings(resident: Option<&Resident>, t: Tr) -> Value {
    let card = resident.map(|resident| {
        json!({
            "signature": resident.card.signature.is_some(),
            "authentication": resident.card.authentication.is_some(),
            "pin_tries": resident.card.pin_tries,
            "password_tries": resident.card.password_tries,
        })
    });
    json!({
        "card": card,
        "demo": { "pin": DEMO_PIN, "password": DEMO_PASSWORD },
        "texts": {
            "authenticate": {
                "title": t.get("window.authenticate"),
                "explanation": t.get("window.authenticate.what"),
                "submit": t.get("window.authenticate.submit"),
            },
            "sign_document": {
                "title": t.get("window.sign"),
                "explanation": t.get("window.sign.what"),
                "submit": t.get("window.sign.submit"),
            },
            "read_attributes": {
                "title": t.get("window.read"),
                "explanation": t.get("window.read.what"),
                "submit": t.get("window.read.submit"),
            },
            "pin": {
                "label": t.get("window.pin"),
                "support": t.get("window.pin.support"),
                "form": t.get("window.pin.form"),
                "wrong": t.get("window.pin.wrong"),
            },
            "password": {
                "label": t.get("window.password"),
                "support": t.get("window.password.support"),
                "form": t.get("window.password.form"),
                "wrong": t.get("window.password.wrong"),
            },
            "tries": t.get("window.tries"),
            "progress": t.get("window.progress"),
            "working": t.get("window.working"),
            "failed": t.get("window.failed"),
            "malformed": t.get("window.malformed"),
            "origin_mismatch": t.get("window.origin_mismatch"),
        },
    })
}

//! `GET /window`: the window in which a page asks the card. What is asked comes by message and stays in the
//! browser until the holder agrees; this page only brings the frame and the texts. It touches no card.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use musubi_httpkit::page::{Html, PageLang, Shell, Site, Tr, json_for_script};
use serde_json::{Map, Value, json};

use crate::TEXTS;
use crate::conditions::CONDITIONS;
use crate::reader::{Caller, CardChoice, Reader};

/// Keys of the on-screen keyboards, in their order. `0` of the PIN's keypad stands in its last row.
const DIGITS: [char; 9] = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// What differs between those who serve the window.
#[derive(Debug, Clone, Default)]
pub struct WindowConfig {
    /// In the simulated nation only.
    pub demo: Option<Demo>,
}

/// What only the simulated nation's window has.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The PIN of every card, which a button fills in.
    pub pin: &'static str,
    /// The signing password of every card, likewise.
    pub password: &'static str,
    /// Address of the demo's first page.
    pub start: String,
}

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Window<R> {
    pub(crate) reader: R,
    pub(crate) config: Arc<WindowConfig>,
}

#[derive(askama::Template)]
#[template(path = "card_window.html")]
struct WindowPage {
    shell: Shell,
    t: Tr,
    config: Arc<WindowConfig>,
    choices: Vec<CardChoice>,
    digits: [char; 9],
    letters: Vec<char>,
    settings: String,
}

pub(crate) async fn page<R: Reader>(
    State(window): State<Window<R>>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
) -> Response {
    let t = TEXTS.tr(lang);
    let choices = window.reader.choices(Caller { headers: &headers, lang }).await;
    let page = WindowPage {
        shell: Shell::new(Site::Card, t.get("window.site"), lang)
            .with_simulation(window.config.demo.is_some()),
        t,
        digits: DIGITS,
        letters: LETTERS.chars().collect(),
        settings: json_for_script(&settings(&window.config, !choices.is_empty(), t)),
        choices,
        config: window.config,
    };
    Html(page).into_response()
}

/// What the window's script needs to know.
fn settings(config: &WindowConfig, can_choose: bool, t: Tr) -> Value {
    let demo = config.demo.as_ref().map(|demo| json!({ "pin": demo.pin, "password": demo.password }));
    json!({
        "demo": demo,
        "texts": {
            "operations": {
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
                "prove_presence": {
                    "title": t.get("window.presence"),
                    "explanation": t.get("window.presence.what"),
                    "submit": t.get("window.presence.submit"),
                },
            },
            "validity": {
                "expired": {
                    "what": t.get("window.validity.expired"),
                    "next": t.get("window.validity.expired.next"),
                },
                "near_renewal": {
                    "what": t.get("window.validity.near_renewal"),
                    "next": t.get("window.validity.near_renewal.next"),
                },
            },
            "pins": {
                "authentication": {
                    "label": t.get("window.pin"),
                    "support": t.get("window.pin.support"),
                    "form": t.get("window.pin.form"),
                    "wrong": t.get("window.pin.wrong"),
                    "blocked": t.get("window.pin.blocked"),
                },
                "signature": {
                    "label": t.get("window.password"),
                    "support": t.get("window.password.support"),
                    "form": t.get("window.password.form"),
                    "wrong": t.get("window.password.wrong"),
                    "blocked": t.get("window.password.blocked"),
                },
                "text_attributes": {
                    "label": t.get("window.text_pin"),
                    "support": t.get("window.text_pin.support"),
                    "form": t.get("window.pin.form"),
                    "wrong": t.get("window.pin.wrong"),
                    "blocked": t.get("window.text_pin.blocked"),
                },
            },
            "conditions": conditions(can_choose, t),
            "absent": {
                "authentication": t.get("window.absent.authentication"),
                "signature": t.get("window.absent.signature"),
            },
            "tries": t.get("window.tries"),
            "progress": t.get("window.progress"),
            "working": t.get("window.working"),
            "pairing": t.get("window.pairing.form"),
            "pairing_wait": t.get("window.pairing.wait"),
            "last_try": t.get("window.last_try.tick"),
            "malformed": t.get("window.malformed"),
            "origin_mismatch": t.get("window.origin_mismatch"),
            "from_card": t.get("window.from_card"),
        },
    })
}

/// Title, explanation and next step of every condition at the reader, and of a server that does not answer.
fn conditions(can_choose: bool, t: Tr) -> Map<String, Value> {
    let mut texts: Map<String, Value> = CONDITIONS
        .iter()
        .map(|condition| condition.name)
        .chain(["unreachable"])
        .map(|name| {
            let text = |part: &str| t.get(&format!("window.condition.{name}{part}")).to_owned();
            (name.to_owned(), json!({ "title": text(""), "what": text(".what"), "next": text(".next") }))
        })
        .collect();
    if can_choose && let Some(no_card) = texts.get_mut("no_card").and_then(Value::as_object_mut) {
        no_card.insert("next".to_owned(), json!(t.get("window.choose")));
    }
    texts
}

#[cfg(test)]
mod tests {
    use crate::TEXTS;
    use crate::conditions::CONDITIONS;

    #[test]
    fn every_condition_has_a_title_an_explanation_and_a_next_step() {
        for name in CONDITIONS.iter().map(|condition| condition.name).chain(["unreachable"]) {
            for part in ["", ".what", ".next"] {
                let key = format!("window.condition.{name}{part}");
                assert!(TEXTS.has(&key), "{key}");
            }
        }
    }
}

//! The bank's pages. State changes only by POST from the bank's own pages ([`secure_pages`]).

mod account;
mod apply;
mod clerk;
mod lab;
mod reception;
mod sign_in;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use musubi_crypto::Sha256Digest;
use musubi_httpkit::page::{Html, Lang, MessagePage, Shell, Site, Tr, assets, secure_pages};
use musubi_kernel::UnixTime;

use super::{Bank, TEXTS};
use crate::platform_client::{Assurance, Freshness, Judged, Reason};
use crate::visit::{Fault, Visit, faults_as_pages, set_cookie};

/// Binds applications and sign-ins to the browser that began them.
const BROWSER_COOKIE: &str = "bank_browser";
/// The session.
const SESSION_COOKIE: &str = "bank_session";
/// The session of a visitor who was recognised by the card alone: no page but the slip reads it.
const RECEPTION_COOKIE: &str = "bank_reception";
/// Life of the browser's cookie, in seconds: an application can be looked at for a day.
const BROWSER_SECONDS: i64 = 86_400;

type Page = Result<Response, Fault>;

impl Bank {
    /// The bank's web site, for the host `bank.`.
    pub fn pages(&self) -> Router {
        let mut routes = Router::new()
            .route("/", get(home))
            .route("/apply", get(apply::form).post(apply::draft))
            .route("/apply/{id}", get(apply::show))
            .route("/apply/{id}/complete", get(apply::back).post(apply::complete))
            .route("/apply/{id}/retry", get(apply::back).post(apply::retry))
            .route("/apply/{id}/state.json", get(apply::state))
            .route("/sign-in", get(sign_in::start).post(sign_in::begin))
            .route("/sign-in/{id}", get(sign_in::show))
            .route("/sign-in/{id}/complete", get(sign_in::back).post(sign_in::complete))
            .route("/sign-in/{id}/retry", get(sign_in::back).post(sign_in::retry))
            .route("/sign-out", post(sign_in::end))
            .route("/reception", get(reception::start).post(reception::begin))
            .route("/reception/slip", get(reception::slip))
            .route("/reception/leave", post(reception::leave))
            .route("/clerk", get(clerk::show))
            .route("/account", get(account::show))
            .route("/account/changes.json", get(account::changes));
        if self.0.lab {
            routes = routes
                .route("/lab", get(lab::show))
                .route("/lab/tamper", get(lab::back).post(lab::tamper))
                .route("/lab/replay", get(lab::back).post(lab::replay))
                .route("/lab/presence", get(lab::back).post(lab::begin_presence))
                .route("/lab/presence/{id}", get(lab::presence));
        }
        let routes = routes
            .fallback(async || Fault::NotFound)
            .method_not_allowed_fallback(async || Fault::NotFound)
            .layer(from_fn(async |request, next| faults_as_pages(request, next, fault_page).await))
            .with_state(self.clone());
        secure_pages(routes.merge(assets()))
    }

    /// The browser's cookie hash, and the cookie to set if it has none yet.
    fn browser(&self, visit: &Visit) -> (Sha256Digest, Option<(axum::http::HeaderName, String)>) {
        match visit.cookie_hash(BROWSER_COOKIE) {
            Some(hash) => (hash, None),
            None => {
                let (value, hash) = self.fresh_cookie();
                (hash, Some(set_cookie(BROWSER_COOKIE, &value, BROWSER_SECONDS, &self.0.own_origin)))
            }
        }
    }
}

fn shell(lang: Lang) -> (Shell, Tr) {
    let t = TEXTS.tr(lang);
    (Shell::new(Site::Bank, t.get("bank.name"), lang), t)
}

fn fault_page(fault: Fault, lang: Lang) -> MessagePage {
    let (shell, t) = shell(lang);
    let (title, what, next) = match fault {
        Fault::NotFound => ("missing.title", "missing.what", "missing.next"),
        Fault::BadForm => ("bad_form.title", "bad_form.what", "bad_form.next"),
        Fault::Internal => ("internal.title", "internal.what", "internal.next"),
    };
    MessagePage::of(shell, t.get(title), t.get(what), t.get(next)).with_link("/", t.get("home.link"))
}

#[derive(Template)]
#[template(path = "bank/templates/home.html")]
struct HomePage {
    shell: Shell,
    t: Tr,
    signed_in: bool,
    lab: bool,
}

async fn home(State(bank): State<Bank>, visit: Visit) -> Page {
    let signed_in = match visit.cookie(SESSION_COOKIE) {
        Some(token) => bank.session(token, Assurance::PinAuthenticated).await?.is_some(),
        None => false,
    };
    let (shell, t) = shell(visit.lang);
    Ok(Html(HomePage { shell, t, signed_in, lab: bank.0.lab }).into_response())
}

/// Why something was refused, in the page's language.
struct RefusalText {
    code: String,
    what: String,
    next: String,
}

impl RefusalText {
    /// The verdict's reason, else the problem's, else words of our own.
    fn of(t: Tr, judged: Option<&Judged>, problem: Option<&Reason>) -> Self {
        match judged.and_then(|judged| judged.verdict.reason.as_ref()).or(problem) {
            Some(reason) => {
                let text = match t.lang() {
                    Lang::Ja => &reason.ja,
                    Lang::En => &reason.en,
                };
                Self { code: reason.code.clone(), what: text.what.clone(), next: text.next.clone() }
            }
            None => Self {
                code: "unreachable".to_owned(),
                what: t.get("unreachable.what").to_owned(),
                next: t.get("unreachable.next").to_owned(),
            },
        }
    }
}

/// A check of the verdict, in plain words.
struct CheckLine {
    name: String,
    outcome: &'static str,
    outcome_text: String,
    citation: String,
}

fn check_lines(t: Tr, judged: &Judged) -> Vec<CheckLine> {
    let line = |check: &crate::platform_client::Check| {
        let key = format!("check.{}", check.id);
        let (outcome, text) = match check.outcome.as_str() {
            "passed" => ("success", t.get("outcome.passed")),
            "failed" => ("error", t.get("outcome.failed")),
            "skipped" => ("info", t.get("outcome.skipped")),
            _ => ("warning", t.get("outcome.inconclusive")),
        };
        CheckLine {
            name: if TEXTS.has(&key) { t.get(&key).to_owned() } else { check.id.clone() },
            outcome,
            outcome_text: text.to_owned(),
            citation: check.citation.clone(),
        }
    };
    judged.verdict.checks.iter().map(line).collect()
}

/// How fresh the revocation evidence was, in plain words.
fn freshness_text(t: Tr, freshness: &Freshness) -> Option<String> {
    let made = freshness.this_update?;
    let age = age_text(t, freshness.age_seconds?);
    Some(t.with("freshness", &[("made", time_text(t, made)), ("age", age)]))
}

/// `2026-11-21 12:00 (Japan time)`.
fn time_text(t: Tr, at: UnixTime) -> String {
    t.with("time", &[("at", at.in_japan())])
}

/// A duration in its greatest unit.
fn age_text(t: Tr, seconds: i64) -> String {
    let (key, n) = match seconds.max(0) {
        s @ 0..60 => ("age.seconds", s),
        s @ 60..3600 => ("age.minutes", s / 60),
        s @ 3600..86_400 => ("age.hours", s / 3600),
        s => ("age.days", s / 86_400),
    };
    t.with(key, &[("n", n)])
}

/// `1,234,567`.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ages_read_well() {
        assert_eq!(
            [0, 999, 1000, 1_234_567, -1000].map(grouped),
            ["0", "999", "1,000", "1,234,567", "-1,000"]
        );
        let t = TEXTS.tr(Lang::En);
        assert_eq!(age_text(t, 59), "59 seconds");
        assert_eq!(age_text(t, 7200), "2 hours");
        assert_eq!(age_text(TEXTS.tr(Lang::Ja), 86_400 * 3), "3日");
    }
}

//! The clerk's page: is the change stream whole? It names no customer, so that the sample needs no sign-in of clerks.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse as _;
use musubi_feed::{ListInUse, Standing};
use musubi_httpkit::page::{Html, Shell, Tr};
use musubi_kernel::UnixTime;

use super::{Page, shell, time_text};
use crate::bank::Bank;
use crate::bank::stream::Trouble;
use crate::visit::Visit;

/// What the page says first.
struct Notice {
    tone: &'static str,
    code: &'static str,
    what: String,
    next: String,
}

#[derive(Template)]
#[template(path = "bank/templates/clerk.html")]
struct ClerkPage {
    shell: Shell,
    t: Tr,
    notice: Notice,
    sequence: u64,
    customers: Option<u64>,
    lists: Vec<(String, i64, String)>,
}

/// GET /clerk
pub(super) async fn show(State(bank): State<Bank>, visit: Visit) -> Page {
    let state = bank.stream_state().await?;
    let (shell, t) = shell(visit.lang);
    let page = ClerkPage {
        notice: notice(t, state.trouble, state.standing),
        sequence: state.sequence,
        customers: state.customers,
        lists: state.lists.iter().map(|list| line(t, list)).collect(),
        shell,
        t,
    };
    Ok(Html(page).into_response())
}

fn line(t: Tr, list: &ListInUse) -> (String, i64, String) {
    let kind = match list.authority.as_str() {
        "digital_signature" => t.get("certificate.digital_signature"),
        "user_authentication" => t.get("certificate.user_authentication"),
        _ => t.get("certificate.other"),
    };
    (kind.to_owned(), list.number, time_text(t, UnixTime(list.this_update)))
}

fn notice(t: Tr, trouble: Option<Trouble>, standing: Standing) -> Notice {
    let (tone, code, what, next) = match (trouble, standing) {
        (Some(Trouble::Stopped), _) | (_, Standing::Stopped(_)) => {
            ("error", "stopped", t.get("clerk.stopped").to_owned(), "clerk.stopped.next")
        }
        (Some(Trouble::Unverified), _) => {
            ("error", "unverified", t.get("clerk.unverified").to_owned(), "clerk.unverified.next")
        }
        (Some(Trouble::Incomplete), _) => {
            ("warning", "incomplete", t.get("clerk.incomplete").to_owned(), "clerk.incomplete.next")
        }
        (Some(Trouble::Heartbeat), _) => {
            ("warning", "heartbeat", t.get("clerk.heartbeat").to_owned(), "clerk.heartbeat.next")
        }
        (None, Standing::Complete { as_of }) => {
            let at = time_text(t, as_of);
            ("success", "complete", t.with("clerk.complete", &[("at", at)]), "clerk.complete.next")
        }
        (None, Standing::Behind { last, .. }) => {
            ("info", "behind", t.with("clerk.behind", &[("n", last)]), "clerk.behind.next")
        }
        (None, Standing::Unproven { .. }) => {
            ("warning", "unproven", t.get("clerk.unproven").to_owned(), "clerk.unproven.next")
        }
    };
    Notice { tone, code, what, next: t.get(next).to_owned() }
}

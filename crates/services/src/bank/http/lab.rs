//! Refusals on demand (demo only): a bank that cheats, an answer sent twice, presence where the PIN was asked for.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{AppendHeaders, IntoResponse as _};
use musubi_httpkit::page::{Html, Lang, Shell, Tr};

use super::{Page, shell, sign_in};
use crate::bank::Bank;
use crate::bank::sign_ins::Replay;
use crate::platform_client::Asked;
use crate::visit::{Visit, see_other};

#[derive(Template)]
#[template(path = "bank/templates/lab.html")]
struct LabPage {
    shell: Shell,
    t: Tr,
    armed: bool,
    replay: Option<ReplayText>,
}

struct ReplayText {
    tone: &'static str,
    code: Option<String>,
    what: String,
    next: String,
}

/// GET /lab
pub(super) async fn show(visit: Visit) -> Page {
    let (shell, t) = shell(visit.lang);
    Ok(Html(LabPage { shell, t, armed: false, replay: None }).into_response())
}

/// GET of what is only for POST.
pub(super) async fn back() -> Page {
    Ok(see_other("/lab".to_owned()))
}

/// POST /lab/tamper
pub(super) async fn tamper(State(bank): State<Bank>, visit: Visit) -> Page {
    bank.arm_tampering().await?;
    let (shell, t) = shell(visit.lang);
    Ok(Html(LabPage { shell, t, armed: true, replay: None }).into_response())
}

/// POST /lab/replay
pub(super) async fn replay(State(bank): State<Bank>, visit: Visit) -> Page {
    let (shell, t) = shell(visit.lang);
    let own = |tone, what, next| ReplayText {
        tone,
        code: None,
        what: t.get(what).to_owned(),
        next: t.get(next).to_owned(),
    };
    let replay = match bank.replay_last_sign_in().await? {
        Replay::NoneYet => own("info", "lab.replay.nothing", "lab.replay.nothing.next"),
        Replay::Unreachable => own("warning", "unreachable.what", "unreachable.next"),
        Replay::Judged => own("error", "lab.replay.judged", "lab.replay.judged.next"),
        Replay::Refused(reason) => {
            let text = match t.lang() {
                Lang::Ja => reason.ja,
                Lang::En => reason.en,
            };
            ReplayText { tone: "error", code: Some(reason.code), what: text.what, next: text.next }
        }
    };
    Ok(Html(LabPage { shell, t, armed: false, replay: Some(replay) }).into_response())
}

/// POST /lab/presence: a sign-in for which the platform asks for the PIN.
pub(super) async fn begin_presence(State(bank): State<Bank>, visit: Visit) -> Page {
    let (browser, cookie) = bank.browser(&visit);
    let id = bank.begin_sign_in(browser, Asked::Pin).await?;
    Ok((AppendHeaders(cookie), see_other(format!("/lab/presence/{id}"))).into_response())
}

/// GET /lab/presence/{id}: the page of that sign-in, but it asks the card for presence alone.
pub(super) async fn presence(State(bank): State<Bank>, visit: Visit, Path(id): Path<String>) -> Page {
    let mut record = sign_in::find(&bank, &visit, &id).await?;
    if let Some(operation) = record.card_request.as_mut().and_then(|request| request.get_mut("operation")) {
        *operation = "prove_presence".into();
    }
    Ok(sign_in::page(&bank, &visit, record, true))
}

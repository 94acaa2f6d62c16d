//! Signing in with the card instead of a password.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use musubi_httpkit::page::{CardOrigins, Html, Shell, Tr, json_for_script};

use super::{BROWSER_COOKIE, Page, RECEPTION_COOKIE, RefusalText, SESSION_COOKIE, shell};
use crate::bank::Bank;
use crate::bank::model::{LetIn, SignInId, SignInRecord, SignInState};
use crate::bank::service::{CardAnswer, RECEPTION_SECONDS, SESSION_SECONDS, has_lapsed};
use crate::platform_client::{Asked, Assurance, CheckAnswer};
use crate::visit::{Fault, PageForm, Visit, see_other, set_cookie};

#[derive(Template)]
#[template(path = "bank/templates/sign_in_start.html")]
struct StartPage {
    shell: Shell,
    t: Tr,
}

/// GET /sign-in
pub(super) async fn start(visit: Visit) -> Page {
    let (shell, t) = shell(visit.lang);
    Ok(Html(StartPage { shell, t }).into_response())
}

/// What the visitor ticked.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Begin {
    /// Not empty: the card is registered for the reception without PIN.
    enrol_presence: String,
}

/// POST /sign-in
pub(super) async fn begin(State(bank): State<Bank>, visit: Visit, PageForm(form): PageForm<Begin>) -> Page {
    let (browser, cookie) = bank.browser(&visit);
    let asked = if form.enrol_presence.is_empty() { Asked::Pin } else { Asked::PinEnrolling };
    let id = bank.begin_sign_in(browser, asked).await?;
    Ok((AppendHeaders(cookie), see_other(format!("/sign-in/{id}"))).into_response())
}

#[derive(Template)]
#[template(path = "bank/templates/sign_in.html")]
struct SignInPage {
    shell: Shell,
    t: Tr,
    id: SignInId,
    state: &'static str,
    asked: Asked,
    stranger: bool,
    /// Whether this page cheats: it asks the card for less than the platform asked for.
    cheats: bool,
    card: CardOrigins,
    card_request: String,
    refusal: RefusalText,
    /// Why the card was not enrolled although the customer is in.
    not_enrolled: Option<RefusalText>,
}

/// GET /sign-in/{id}
pub(super) async fn show(State(bank): State<Bank>, visit: Visit, Path(id): Path<String>) -> Page {
    let record = find(&bank, &visit, &id).await?;
    Ok(page(&bank, &visit, record, false))
}

/// The page of a sign-in; `cheats` is the lab's.
pub(super) fn page(bank: &Bank, visit: &Visit, record: SignInRecord, cheats: bool) -> Response {
    let (shell, t) = shell(visit.lang);
    let state = match record.state {
        SignInState::Open if has_lapsed(record.expires_at, bank.0.clock.now()) => SignInState::Lapsed,
        state => state,
    };
    let refusal = RefusalText::of(t, record.result.as_ref(), record.problem.as_ref());
    let not_enrolled = record.result.as_ref().and_then(|judged| judged.presence_refusal.as_ref());
    let page = SignInPage {
        t,
        not_enrolled: not_enrolled.map(|reason| RefusalText::of(t, None, Some(reason))),
        state: state.as_str(),
        // Refused although it passed: the card is good, but it is nobody's that we know.
        stranger: state == SignInState::Refused && is_passed(&record),
        asked: record.asked,
        cheats,
        card: bank.0.card.clone(),
        card_request: json_for_script(&record.card_request),
        refusal,
        id: record.id,
        shell,
    };
    Html(page).into_response()
}

impl SignInPage {
    fn is_presence(&self) -> bool {
        self.asked == Asked::Presence
    }

    fn is_enrolling(&self) -> bool {
        self.asked == Asked::PinEnrolling
    }

    fn title_key(&self) -> &'static str {
        if self.is_presence() { "reception.title" } else { "sign_in.title" }
    }
}

fn is_passed(record: &SignInRecord) -> bool {
    record.result.as_ref().is_some_and(|judged| judged.verdict.indication == "TOTAL-PASSED")
}

/// POST /sign-in/{id}/complete
pub(super) async fn complete(
    State(bank): State<Bank>,
    visit: Visit,
    Path(id): Path<String>,
    PageForm(answer): PageForm<CardAnswer>,
) -> Page {
    let record = find(&bank, &visit, &id).await?;
    if !answer.is_plausible() || answer.origin.is_empty() {
        return Err(Fault::BadForm);
    }
    let presence = match record.asked {
        Asked::PinEnrolling => Some(answer.presence().ok_or(Fault::BadForm)?),
        Asked::Pin | Asked::Presence => None,
    };
    let answer = CheckAnswer {
        certificate: &answer.certificate,
        signature: &answer.signature,
        origin: &answer.origin,
        presence: presence.as_ref(),
    };
    let session = bank.submit_sign_in(&record.id, answer).await?;
    Ok(onward(&bank, &record.id, session))
}

/// POST /sign-in/{id}/retry
pub(super) async fn retry(State(bank): State<Bank>, visit: Visit, Path(id): Path<String>) -> Page {
    let record = find(&bank, &visit, &id).await?;
    let session = bank.retry_sign_in(&record.id).await?;
    Ok(onward(&bank, &record.id, session))
}

/// GET of what is only for POST: somebody reloaded or switched the language there.
pub(super) async fn back(State(bank): State<Bank>, visit: Visit, Path(id): Path<String>) -> Page {
    let record = find(&bank, &visit, &id).await?;
    Ok(see_other(format!("/sign-in/{}", record.id)))
}

/// POST /sign-out
pub(super) async fn end(State(bank): State<Bank>, visit: Visit) -> Page {
    if let Some(token) = visit.cookie(SESSION_COOKIE) {
        bank.sign_out(token).await?;
    }
    let cookie = set_cookie(SESSION_COOKIE, "", 0, &bank.0.own_origin);
    Ok((AppendHeaders([cookie]), see_other("/".to_owned())).into_response())
}

fn onward(bank: &Bank, id: &SignInId, session: Option<LetIn>) -> Response {
    let stay = format!("/sign-in/{id}");
    let Some(LetIn { token, assurance, enrolment_refused }) = session else { return see_other(stay) };
    let (name, seconds, path) = match assurance {
        Assurance::PinAuthenticated => (SESSION_COOKIE, SESSION_SECONDS, "/account"),
        Assurance::CardPresent => (RECEPTION_COOKIE, RECEPTION_SECONDS, "/reception/slip"),
    };
    let cookie = set_cookie(name, &token, seconds, &bank.0.own_origin);
    let path = if enrolment_refused { stay } else { path.to_owned() };
    (AppendHeaders([cookie]), see_other(path)).into_response()
}

pub(super) async fn find(bank: &Bank, visit: &Visit, id: &str) -> Result<SignInRecord, Fault> {
    let id = id.parse().map_err(|_: musubi_kernel::IdError| Fault::NotFound)?;
    bank.sign_in(&id, visit.cookie_hash(BROWSER_COOKIE)).await?.ok_or(Fault::NotFound)
}

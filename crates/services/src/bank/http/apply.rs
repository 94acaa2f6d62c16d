//! Opening an account: the form, the text to be signed, what became of it.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse as _};
use musubi_httpkit::page::{CardOrigins, Html, Shell, Tr, json_for_script};

use super::{BROWSER_COOKIE, CheckLine, Page, RefusalText, check_lines, freshness_text, shell, time_text};
use crate::bank::Bank;
use crate::bank::model::{ApplicationId, ApplicationRecord, ApplicationState};
use crate::bank::service::has_lapsed;
use crate::bank::service::{
    ADDRESS_LIMIT, ApplyForm, CardAnswer, Fault as FieldFault, Field, NAME_LIMIT, check_form,
};
use crate::visit::{Fault, PageForm, Visit, see_other};

#[derive(Template)]
#[template(path = "bank/templates/apply.html")]
struct ApplyPage {
    shell: Shell,
    t: Tr,
    form: ApplyForm,
    faults: Vec<(Field, FieldFault)>,
    card: CardOrigins,
    card_request: String,
}

impl ApplyPage {
    fn new(bank: &Bank, visit: &Visit, form: ApplyForm, faults: Vec<(Field, FieldFault)>) -> Self {
        let (shell, t) = shell(visit.lang);
        let request = serde_json::json!({
            "version": 1,
            "operation": "read_attributes",
            "relying_party": { "id": bank.0.relying_party_id, "name": { "ja": "みほん銀行", "en": "Mihon Bank" } },
        });
        let card_request = json_for_script(&request);
        Self { shell, t, form, faults, card: bank.0.card.clone(), card_request }
    }

    fn fault(&self, field: Field) -> Option<&str> {
        self.faults.iter().find(|(wrong, _)| *wrong == field).map(|(_, fault)| self.t.get(fault.key()))
    }

    fn name_limit(&self) -> usize {
        NAME_LIMIT
    }

    fn address_limit(&self) -> usize {
        ADDRESS_LIMIT
    }
}

/// GET /apply
pub(super) async fn form(State(bank): State<Bank>, visit: Visit) -> Page {
    let form = ApplyForm { account_type: "ordinary".to_owned(), ..ApplyForm::default() };
    Ok(Html(ApplyPage::new(&bank, &visit, form, Vec::new())).into_response())
}

/// POST /apply
pub(super) async fn draft(
    State(bank): State<Bank>,
    visit: Visit,
    PageForm(form): PageForm<ApplyForm>,
) -> Page {
    let checked = match check_form(&form, bank.0.clock.now().date_in_japan()) {
        Ok(checked) => checked,
        Err(faults) => {
            let page = ApplyPage::new(&bank, &visit, form, faults);
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response());
        }
    };
    let (browser, cookie) = bank.browser(&visit);
    let id = bank.draft_application(checked, browser, shell(visit.lang).1).await?;
    Ok((AppendHeaders(cookie), see_other(format!("/apply/{id}"))).into_response())
}

/// What stands in the account that was opened.
struct Opened {
    account_number: String,
    customer_id: String,
    audit_index: Option<u64>,
    freshness: Option<String>,
}

#[derive(Template)]
#[template(path = "bank/templates/application.html")]
struct ApplicationPage {
    shell: Shell,
    t: Tr,
    id: ApplicationId,
    state: &'static str,
    card: CardOrigins,
    card_request: String,
    to_be_signed: String,
    expires: String,
    opened: Option<Opened>,
    refusal: RefusalText,
    checks: Vec<CheckLine>,
}

impl ApplicationPage {
    fn title_key(&self) -> &'static str {
        match self.state {
            "drafted" => "application.title.drafted",
            "open" => "application.title.open",
            "submitted" => "application.title.submitted",
            "accepted" => "application.title.accepted",
            "refused" => "application.title.refused",
            _ => "application.title.lapsed",
        }
    }

    fn step(&self) -> u8 {
        match self.state {
            "drafted" | "open" => 2,
            _ => 3,
        }
    }

    /// Whether the page looks by itself whether something has happened.
    fn is_waiting(&self) -> bool {
        matches!(self.state, "drafted" | "submitted")
    }

    fn passed(&self) -> usize {
        self.checks.iter().filter(|check| check.outcome == "success").count()
    }

    /// Checks that applied: a skipped one neither passed nor failed.
    fn applied(&self) -> usize {
        self.checks.iter().filter(|check| check.outcome != "info").count()
    }
}

/// GET /apply/{id}
pub(super) async fn show(State(bank): State<Bank>, visit: Visit, Path(id): Path<String>) -> Page {
    let record = find(&bank, &visit, &id).await?;
    let (shell, t) = shell(visit.lang);
    let opened = match record.state {
        ApplicationState::Accepted => bank.account(&record.customer_id).await?.map(|account| Opened {
            account_number: account.account_number,
            customer_id: account.customer_id,
            audit_index: record.result.as_ref().and_then(|r| r.audit.as_ref()).map(|audit| audit.index),
            freshness: record.result.as_ref().and_then(|r| freshness_text(t, r.verdict.freshness.as_ref()?)),
        }),
        _ => None,
    };
    let page = ApplicationPage {
        t,
        state: state_name(&bank, &record),
        card: bank.0.card.clone(),
        card_request: json_for_script(&record.card_request),
        to_be_signed: record.to_be_signed.clone().unwrap_or_default(),
        expires: record.expires_at.map(|at| time_text(t, at)).unwrap_or_default(),
        opened,
        refusal: RefusalText::of(t, record.result.as_ref(), record.problem.as_ref()),
        checks: record.result.as_ref().map(|r| check_lines(t, r)).unwrap_or_default(),
        id: record.id,
        shell,
    };
    Ok(Html(page).into_response())
}

/// POST /apply/{id}/complete
pub(super) async fn complete(
    State(bank): State<Bank>,
    visit: Visit,
    Path(id): Path<String>,
    PageForm(answer): PageForm<CardAnswer>,
) -> Page {
    let record = find(&bank, &visit, &id).await?;
    if !answer.is_plausible() {
        return Err(Fault::BadForm);
    }
    bank.submit_application(&record.id, &answer).await?;
    Ok(see_other(format!("/apply/{}", record.id)))
}

/// POST /apply/{id}/retry
pub(super) async fn retry(State(bank): State<Bank>, visit: Visit, Path(id): Path<String>) -> Page {
    let record = find(&bank, &visit, &id).await?;
    bank.retry_application(&record.id).await?;
    Ok(see_other(format!("/apply/{}", record.id)))
}

/// GET of what is only for POST: somebody reloaded or switched the language there.
pub(super) async fn back(State(bank): State<Bank>, visit: Visit, Path(id): Path<String>) -> Page {
    let record = find(&bank, &visit, &id).await?;
    Ok(see_other(format!("/apply/{}", record.id)))
}

/// GET /apply/{id}/state.json, for live.js.
pub(super) async fn state(State(bank): State<Bank>, visit: Visit, Path(id): Path<String>) -> Page {
    let record = find(&bank, &visit, &id).await?;
    Ok(Json(serde_json::json!({ "version": state_name(&bank, &record) })).into_response())
}

async fn find(bank: &Bank, visit: &Visit, id: &str) -> Result<ApplicationRecord, Fault> {
    let id = id.parse().map_err(|_: musubi_kernel::IdError| Fault::NotFound)?;
    bank.application(&id, visit.cookie_hash(BROWSER_COOKIE)).await?.ok_or(Fault::NotFound)
}

/// The state as the page shows it: an open one whose time ran out waits for nothing any more.
fn state_name(bank: &Bank, record: &ApplicationRecord) -> &'static str {
    match record.state {
        ApplicationState::Open if has_lapsed(record.expires_at, bank.0.clock.now()) => {
            ApplicationState::Lapsed.as_str()
        }
        state => state.as_str(),
    }
}

//! The customer's account: attributes on file, and what change checks brought.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use musubi_httpkit::page::{Html, Shell, Tr};

use super::{Page, SESSION_COOKIE, age_text, grouped, shell, time_text};
use crate::bank::Bank;
use crate::bank::changes::{CustomerFile, age};
use crate::bank::model::{AttributesVersion, BankEvent, LatestState};
use crate::platform_client::{Assurance, Attributes};
use crate::visit::{Fault, Visit, see_other};

/// One attribute that changed.
struct Difference {
    label: String,
    before: String,
    after: String,
}

/// An event of the timeline.
struct EventLine {
    kind_name: String,
    tone: &'static str,
    tag: &'static str,
    title: String,
    meaning: String,
    occurred: String,
    recorded: String,
    machine_time: String,
    evidence: Option<String>,
    latest: Option<String>,
    changes: Vec<Difference>,
}

#[derive(Template)]
#[template(path = "bank/templates/account.html")]
struct AccountPage {
    shell: Shell,
    t: Tr,
    version: String,
    customer_id: String,
    account_number: String,
    balance: String,
    opened: String,
    has_consent: bool,
    /// When the card was registered for the reception without PIN.
    presence: Option<String>,
    attributes: Vec<(String, String)>,
    as_of: String,
    events: Vec<EventLine>,
    polled: Option<String>,
    portal_origin: String,
}

/// GET /account
pub(super) async fn show(State(bank): State<Bank>, visit: Visit) -> Page {
    let Some(customer) = customer(&bank, &visit).await? else { return Ok(see_other("/sign-in".to_owned())) };
    let account = bank.account(&customer).await?.ok_or(Fault::NotFound)?;
    let file = bank.customer_file(&customer).await?;
    let current = file.attributes.first().ok_or(Fault::NotFound)?;
    let (shell, t) = shell(visit.lang);
    let polled = file.cursor.polled_at.map(|at| match file.cursor.list_made_at {
        Some(made) => {
            t.with("account.polled_list", &[("at", time_text(t, at)), ("age", age_text(t, age(made, at)))])
        }
        None => t.with("account.polled", &[("at", time_text(t, at))]),
    });
    let page = AccountPage {
        t,
        version: version(&file),
        customer_id: account.customer_id,
        account_number: account.account_number,
        balance: t.with("yen", &[("n", grouped(account.balance_yen))]),
        opened: time_text(t, account.opened_at),
        has_consent: account.has_consent,
        presence: account.presence_enrolled_at.map(|at| time_text(t, at)),
        attributes: labelled(t, &current.attributes),
        as_of: time_text(t, current.as_of),
        events: file.events.iter().map(|event| event_line(t, event, &file.attributes)).collect(),
        polled,
        portal_origin: bank.0.portal_origin.clone(),
        shell,
    };
    Ok(Html(page).into_response())
}

/// GET /account/changes.json, for live.js.
pub(super) async fn changes(State(bank): State<Bank>, visit: Visit) -> Page {
    let Some(customer) = customer(&bank, &visit).await? else {
        return Ok((StatusCode::UNAUTHORIZED, Json(serde_json::json!({}))).into_response());
    };
    let file = bank.customer_file(&customer).await?;
    Ok(Json(serde_json::json!({ "version": version(&file) })).into_response())
}

async fn customer(bank: &Bank, visit: &Visit) -> Result<Option<String>, Fault> {
    match visit.cookie(SESSION_COOKIE) {
        Some(token) => {
            let session = bank.session(token, Assurance::PinAuthenticated).await?;
            Ok(session.map(|session| session.customer_id))
        }
        None => Ok(None),
    }
}

/// Changes whenever the page would show something else about the customer.
fn version(file: &CustomerFile) -> String {
    let attributes = file.attributes.first().map_or(0, |version| version.version);
    let event = file.events.first().map_or(0, |event| event.sequence);
    let waiting = file.events.iter().filter(|event| event.latest == LatestState::Pending).count();
    format!("{attributes}-{event}-{waiting}")
}

fn labelled(t: Tr, attributes: &Attributes) -> Vec<(String, String)> {
    let sex = match attributes.sex.as_str() {
        "male" => t.get("sex.male"),
        "female" => t.get("sex.female"),
        _ => t.get("sex.unknown"),
    };
    [
        (t.get("field.name"), attributes.name.as_str()),
        (t.get("field.address"), &attributes.address),
        (t.get("field.date_of_birth"), &attributes.date_of_birth),
        (t.get("field.sex"), sex),
    ]
    .map(|(label, value)| (label.to_owned(), value.to_owned()))
    .to_vec()
}

fn event_line(t: Tr, event: &BankEvent, versions: &[AttributesVersion]) -> EventLine {
    let (tone, title, meaning) = match event.kind.as_str() {
        "attributes_changed" => ("info", "event.attributes_changed", "event.attributes_changed.meaning"),
        "renewed" => ("success", "event.renewed", "event.renewed.meaning"),
        "ended" => ("warning", "event.ended", "event.ended.meaning"),
        "held_or_compromised" => ("error", "event.held_or_compromised", "event.held_or_compromised.meaning"),
        _ => ("warning", "event.undetermined", "event.undetermined.meaning"),
    };
    let latest = match event.latest {
        LatestState::None if event.kind == "attributes_changed" => Some("latest.no_consent"),
        LatestState::None | LatestState::Received => None,
        LatestState::Pending => Some("latest.pending"),
        LatestState::Refused => Some("latest.refused"),
    };
    let evidence = event.list_made_at.map(|made| {
        let values = [
            ("number", event.list_number.clone().unwrap_or_else(|| "-".to_owned())),
            ("age", age_text(t, age(made, event.recorded_at))),
        ];
        t.with("event.evidence", &values)
    });
    let certificate = match event.certificate_kind.as_str() {
        "digital_signature" => t.get("certificate.digital_signature"),
        "user_authentication" => t.get("certificate.user_authentication"),
        _ => t.get("certificate.other"),
    };
    let tag = match tone {
        "info" => "event.tag.info",
        "success" => "event.tag.success",
        "error" => "event.tag.error",
        _ => "event.tag.warning",
    };
    EventLine {
        kind_name: event.kind.clone(),
        tone,
        tag: t.get(tag),
        title: t.get(title).to_owned(),
        meaning: t.with(meaning, &[("certificate", certificate)]),
        occurred: time_text(t, event.occurred_at),
        recorded: time_text(t, event.recorded_at),
        machine_time: event.occurred_at.rfc3339(),
        evidence,
        latest: latest.map(|key| t.get(key).to_owned()),
        changes: differences(t, event, versions),
    }
}

fn differences(t: Tr, event: &BankEvent, versions: &[AttributesVersion]) -> Vec<Difference> {
    let Some(after) = versions.iter().find(|version| version.event_sequence == Some(event.sequence)) else {
        return Vec::new();
    };
    let Some(before) = versions.iter().find(|version| version.version == after.version - 1) else {
        return Vec::new();
    };
    labelled(t, &before.attributes)
        .into_iter()
        .zip(labelled(t, &after.attributes))
        .filter(|((_, before), (_, after))| before != after)
        .map(|((label, before), (_, after))| Difference { label, before, after })
        .collect()
}

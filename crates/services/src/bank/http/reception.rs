//! The reception of a branch: who registered before checks in by holding the card out, without PIN (かざし利用). What
//! it opens is a slip that hardly names the customer; for the account there is the sign-in with PIN.

use askama::Template;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse as _};
use musubi_httpkit::page::{Html, Shell, Tr};

use super::{Page, RECEPTION_COOKIE, shell, time_text};
use crate::bank::Bank;
use crate::bank::service::{RECEPTION_SECONDS, masked_name, masked_number};
use crate::platform_client::{Asked, Assurance};
use crate::visit::{Fault, Visit, see_other, set_cookie};

#[derive(Template)]
#[template(path = "bank/templates/reception.html")]
struct ReceptionPage {
    shell: Shell,
    t: Tr,
}

/// GET /reception
pub(super) async fn start(visit: Visit) -> Page {
    let (shell, t) = shell(visit.lang);
    Ok(Html(ReceptionPage { shell, t }).into_response())
}

/// POST /reception
pub(super) async fn begin(State(bank): State<Bank>, visit: Visit) -> Page {
    let (browser, cookie) = bank.browser(&visit);
    let id = bank.begin_sign_in(browser, Asked::Presence).await?;
    Ok((AppendHeaders(cookie), see_other(format!("/sign-in/{id}"))).into_response())
}

#[derive(Template)]
#[template(path = "bank/templates/slip.html")]
struct SlipPage {
    shell: Shell,
    t: Tr,
    name: String,
    customer: String,
    received: String,
    until: String,
}

/// GET /reception/slip
pub(super) async fn slip(State(bank): State<Bank>, visit: Visit) -> Page {
    let session = match visit.cookie(RECEPTION_COOKIE) {
        Some(token) => bank.session(token, Assurance::CardPresent).await?,
        None => None,
    };
    let Some(session) = session else { return Ok(see_other("/reception".to_owned())) };
    let file = bank.customer_file(&session.customer_id).await?;
    let current = file.attributes.first().ok_or(Fault::NotFound)?;
    let (shell, t) = shell(visit.lang);
    let page = SlipPage {
        t,
        name: masked_name(&current.attributes.name),
        customer: masked_number(&session.customer_id),
        received: time_text(t, session.expires_at.plus(-RECEPTION_SECONDS)),
        until: time_text(t, session.expires_at),
        shell,
    };
    Ok(Html(page).into_response())
}

/// POST /reception/leave
pub(super) async fn leave(State(bank): State<Bank>, visit: Visit) -> Page {
    if let Some(token) = visit.cookie(RECEPTION_COOKIE) {
        bank.sign_out(token).await?;
    }
    let cookie = set_cookie(RECEPTION_COOKIE, "", 0, &bank.0.own_origin);
    Ok((AppendHeaders([cookie]), see_other("/reception".to_owned())).into_response())
}

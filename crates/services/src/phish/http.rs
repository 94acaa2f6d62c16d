//! The fraudulent site's pages; a banner on each says what it is.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use musubi_httpkit::page::{
    CardOrigins, Html, Lang, MessagePage, Shell, Site, Tr, assets, json_for_script, secure_pages,
};

use super::relay::{BankAnswer, Door};
use super::{Phish, TEXTS};
use crate::visit::{Fault, PageForm, Visit, faults_as_pages, see_other};

type Page = Result<Response, Fault>;

impl Phish {
    /// The fraudulent web site, for the host `phish.`.
    pub fn pages(&self) -> Router {
        let routes = Router::new()
            .route("/", get(home))
            .route("/sign-in", post(begin_sign_in))
            .route("/reception", post(begin_reception))
            .route("/sign-in/{id}", get(show))
            .route("/sign-in/{id}/complete", post(complete))
            .fallback(async || Fault::NotFound)
            .method_not_allowed_fallback(async || Fault::NotFound)
            .layer(from_fn(async |request, next| faults_as_pages(request, next, fault_page).await))
            .with_state(self.clone());
        secure_pages(routes.merge(assets()))
    }
}

fn shell(lang: Lang) -> (Shell, Tr) {
    let t = TEXTS.tr(lang);
    (Shell::new(Site::Phish, t.get("phish.name"), lang), t)
}

fn fault_page(fault: Fault, lang: Lang) -> MessagePage {
    let (shell, t) = shell(lang);
    let (title, what) = match fault {
        Fault::NotFound | Fault::BadForm => ("missing.title", "missing.what"),
        Fault::Internal => ("relay.title", "relay.what"),
    };
    MessagePage::of(shell, t.get(title), t.get(what), t.get("next")).with_link("/", t.get("home.link"))
}

#[derive(Template)]
#[template(path = "phish/templates/home.html")]
struct HomePage {
    shell: Shell,
    t: Tr,
}

#[derive(Template)]
#[template(path = "phish/templates/sign_in.html")]
struct SignInPage {
    shell: Shell,
    t: Tr,
    id: String,
    /// Whether the bank's check-in without PIN is relayed.
    is_reception: bool,
    card: CardOrigins,
    card_request: String,
}

#[derive(Template)]
#[template(path = "phish/templates/outcome.html")]
struct OutcomePage {
    shell: Shell,
    t: Tr,
    refusal: Option<(String, String)>,
}

/// GET /
async fn home(visit: Visit) -> Page {
    let (shell, t) = shell(visit.lang);
    Ok(Html(HomePage { shell, t }).into_response())
}

/// POST /sign-in
async fn begin_sign_in(State(phish): State<Phish>, visit: Visit) -> Page {
    begin(&phish, Door::SignIn, visit.lang).await
}

/// POST /reception
async fn begin_reception(State(phish): State<Phish>, visit: Visit) -> Page {
    begin(&phish, Door::Reception, visit.lang).await
}

async fn begin(phish: &Phish, door: Door, lang: Lang) -> Page {
    let relayed = phish.begin(door, lang).await?;
    Ok(see_other(format!("/sign-in/{}", relayed.id)))
}

/// GET /sign-in/{id}
async fn show(State(phish): State<Phish>, visit: Visit, Path(id): Path<String>) -> Page {
    let relayed = phish.relayed(&id).ok_or(Fault::NotFound)?;
    let (shell, t) = shell(visit.lang);
    let card_request = json_for_script(&relayed.card_request);
    let page = SignInPage {
        shell,
        t,
        id: relayed.id,
        is_reception: relayed.door == Door::Reception,
        card: phish.0.card.clone(),
        card_request,
    };
    Ok(Html(page).into_response())
}

/// What the card answered.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Answer {
    certificate: String,
    signature: String,
    origin: String,
}

/// POST /sign-in/{id}/complete
async fn complete(
    State(phish): State<Phish>,
    visit: Visit,
    Path(id): Path<String>,
    PageForm(answer): PageForm<Answer>,
) -> Page {
    let relayed = phish.relayed(&id).ok_or(Fault::NotFound)?;
    let fields = [
        ("certificate", answer.certificate.as_str()),
        ("signature", &answer.signature),
        ("origin", &answer.origin),
    ];
    let refusal = match phish.complete(&relayed, &fields, visit.lang).await? {
        BankAnswer::Refused { what, next } => Some((what, next)),
        BankAnswer::LetIn => None,
    };
    let (shell, t) = shell(visit.lang);
    Ok(Html(OutcomePage { shell, t, refusal }).into_response())
}

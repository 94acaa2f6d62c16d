//! What the pages show, made from stored records.

use askama::Template;
use musubi_httpkit::page::{CardOrigins, Lang, Shell, Site, Tr};
use musubi_pki::Environment;
use musubi_platform::audit::{AUDIT_EVENTS, AuditRecord};
use musubi_platform::consent::Consent;
use musubi_verification::presence::Enrolment;

use super::{Portal, TEXTS};

pub(super) fn shell(portal: &Portal, lang: Lang) -> Shell {
    let simulation = portal.0.verification.environment() == Environment::Test;
    Shell::new(Site::Portal, TEXTS.tr(lang).get("site.name"), lang).with_simulation(simulation)
}

/// Not signed in.
#[derive(Template)]
#[template(path = "portal_welcome.html")]
pub(super) struct WelcomePage {
    pub(super) shell: Shell,
    pub(super) t: Tr,
    pub(super) signed_out: bool,
}

/// Waits for the card.
#[derive(Template)]
#[template(path = "portal_sign_in.html")]
pub(super) struct SignInPage {
    pub(super) shell: Shell,
    pub(super) t: Tr,
    pub(super) id: String,
    pub(super) card: CardOrigins,
    pub(super) request: String,
}

/// A refusal.
#[derive(Template)]
#[template(path = "portal_refused.html")]
pub(super) struct RefusedPage {
    pub(super) shell: Shell,
    pub(super) t: Tr,
    pub(super) code: String,
    pub(super) what: String,
    pub(super) next: String,
}

/// Everything about the resident.
#[derive(Template)]
#[template(path = "portal_home.html")]
pub(super) struct HomePage {
    pub(super) shell: Shell,
    pub(super) t: Tr,
    pub(super) notice: Option<&'static str>,
    pub(super) uses: Vec<Use>,
    pub(super) more_before: Option<u64>,
    pub(super) links: Vec<LinkView>,
    pub(super) consents: Vec<ConsentView>,
    pub(super) presences: Vec<PresenceView>,
    pub(super) checkpoint_size: u64,
    pub(super) checkpoint_root: String,
}

/// One use of a certificate.
pub(super) struct Use {
    pub(super) index: u64,
    pub(super) at: String,
    pub(super) datetime: String,
    pub(super) what: String,
    pub(super) who: String,
    pub(super) result: String,
    pub(super) tone: &'static str,
    /// Whether it is a verdict that can be had as a bundle.
    pub(super) has_bundle: bool,
}

impl Use {
    pub(super) fn from_record(record: &AuditRecord, who: Option<&str>, t: Tr) -> Self {
        let kind = AUDIT_EVENTS.iter().find(|kind| kind.name == record.kind);
        let detail = record.detail().unwrap_or_default();
        let text =
            |name: &str| detail.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let (result, tone) = match (text("indication").as_str(), text("kind").as_str()) {
            ("TOTAL-PASSED", _) => (t.get("result.passed").to_owned(), "success"),
            ("", "") => (String::new(), "info"),
            ("", change) => (t.get(change_key(change)).to_owned(), "warning"),
            (_, _) => (reason_text(&text("reason"), t), "error"),
        };
        Self {
            index: record.index,
            at: record.at.in_japan(),
            datetime: record.at.rfc3339(),
            what: kind.map_or_else(|| record.kind.clone(), |kind| t.pick(kind.ja, kind.en).to_owned()),
            who: who.unwrap_or_default().to_owned(),
            result,
            tone,
            has_bundle: !text("bundle").is_empty(),
        }
    }
}

fn change_key(kind: &str) -> &'static str {
    match kind {
        "attributes_changed" => "change.attributes_changed",
        "renewed" => "change.renewed",
        "ended" => "change.ended",
        "held_or_compromised" => "change.held_or_compromised",
        _ => "change.undetermined",
    }
}

fn reason_text(code: &str, t: Tr) -> String {
    let texts = musubi_pki::ReasonCode::ALL.iter().find(|reason| reason.code().as_str() == code);
    texts.map_or_else(
        || t.get("result.refused").to_owned(),
        |reason| t.pick(reason.ja().what, reason.en().what).to_owned(),
    )
}

/// A company at which the resident is known.
pub(super) struct LinkView {
    pub(super) name: String,
    pub(super) customer_id: String,
}

/// A consent that the resident gave.
pub(super) struct ConsentView {
    pub(super) id: String,
    pub(super) to: String,
    pub(super) items: String,
    pub(super) given: String,
    pub(super) until: String,
    pub(super) withdrawn: Option<String>,
    pub(super) reminded: Option<String>,
}

impl ConsentView {
    pub(super) fn new(consent: &Consent, to: &str, t: Tr) -> Self {
        let items: Vec<&str> = consent
            .items
            .iter()
            .map(|item| match item.as_str() {
                "name" => t.get("item.name"),
                "address" => t.get("item.address"),
                "date_of_birth" => t.get("item.date_of_birth"),
                _ => t.get("item.sex"),
            })
            .collect();
        Self {
            id: consent.id.to_string(),
            to: to.to_owned(),
            items: items.join(t.pick("・", ", ")),
            given: consent.given_at.in_japan(),
            until: consent.valid_until.plus(-1).in_japan(),
            withdrawn: consent.withdrawn_at.map(musubi_kernel::UnixTime::in_japan),
            reminded: consent.reminded_at.map(musubi_kernel::UnixTime::in_japan),
        }
    }
}

/// A relying party at which the card is enrolled for use without PIN.
pub(super) struct PresenceView {
    /// The relying party's id.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) enrolled: String,
    pub(super) last_used: Option<String>,
}

impl PresenceView {
    pub(super) fn new(enrolment: &Enrolment, name: String) -> Self {
        Self {
            id: enrolment.relying_party.to_string(),
            name,
            enrolled: enrolment.enrolled_at.in_japan(),
            last_used: enrolment.last_used_at.map(musubi_kernel::UnixTime::in_japan),
        }
    }
}

/// One audit record with its proof.
#[derive(Template)]
#[template(path = "portal_record.html")]
pub(super) struct RecordPage {
    pub(super) shell: Shell,
    pub(super) t: Tr,
    pub(super) usage: Use,
    pub(super) record: String,
    pub(super) leaf: String,
    pub(super) proof: Vec<String>,
    pub(super) size: u64,
    pub(super) root: String,
    pub(super) proven: bool,
}

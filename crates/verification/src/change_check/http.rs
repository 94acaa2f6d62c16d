//! `/v1/change-checks`, `/v1/latest-attributes`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use musubi_httpkit::{PostedJson, Problem, ProblemDocument, internal};
use musubi_pki::{AuthorityKind, CertKey, SerialNumber};
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::idempotency::IdempotencyKey;
use musubi_platform::metering;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Error;
use super::checking::{self, Asked, words};
use super::{ChangeCheckId, service};
use crate::Verification;
use crate::freshness;
use crate::linking;
use crate::once::{Calling, Once};
use crate::outcome::{State as TransactionState, check_customer_id};
use crate::wire::FreshnessBody;

pub(crate) fn api() -> OpenApiRouter<Verification> {
    OpenApiRouter::new().routes(routes!(check)).routes(routes!(latest))
}

/// Whose certificates.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CustomerRef)]
struct CustomerBody {
    /// The relying party's own number for the person.
    #[schema(example = "c-1001")]
    customer_id: String,
}

/// The present status of a customer's certificates.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangeCheck)]
struct StatusBody {
    /// Identifier of this answer: what is said of it later names it.
    #[schema(value_type = String, example = "cc_00112233445566778899aabbccddeeff")]
    id: ChangeCheckId,
    /// `answered`. If a certificate is undetermined for want of evidence, under a freshness contract: `refused`, `held` (the
    /// change stream tells when it is known) or `provisional`.
    state: &'static str,
    /// Whether the relying party has chosen to go on although the evidence is older than its contract asks for. The
    /// certificates stay `undetermined`; `freshness` says how old.
    provisional: bool,
    /// The relying party's own number for the person.
    customer_id: String,
    /// The person's identifier for this relying party alone.
    subject: String,
    /// The newest certificate of each kind.
    certificates: Vec<CertificateBody>,
    /// Age of the oldest revocation list in use.
    #[schema(value_type = Option<FreshnessBody>)]
    freshness: Option<serde_json::Value>,
}

/// One certificate's status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CertificateStatus)]
struct CertificateBody {
    /// `digital_signature` or `user_authentication`.
    #[schema(value_type = String)]
    kind: AuthorityKind,
    /// `good`, `revoked`, `expired` or `undetermined`.
    state: &'static str,
    /// The kind of change if revoked.
    change: Option<&'static str>,
    /// Age of the oldest revocation list of its authority.
    #[schema(value_type = Option<FreshnessBody>)]
    freshness: Option<serde_json::Value>,
}

/// Checks now whether a customer's certificates changed.
#[utoipa::path(
    post, path = "/v1/change-checks", tag = "change check", operation_id = "make_change_check",
    params(("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`")),
    request_body = CustomerBody,
    responses(
        (status = 200, description = "The present status", body = StatusBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "No such customer", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn check(
    State(verification): State<Verification>,
    caller: Calling,
    key: IdempotencyKey,
    body: PostedJson<CustomerBody>,
) -> Result<Response, Problem> {
    check_customer_id(&body.value.customer_id).map_err(|_| Error::Field)?;
    let once = Once::new(&verification, &caller, key, "POST /v1/change-checks", body.sha256);
    let relying_party = &caller.relying_party.id;
    let random = verification.context().random.as_ref();
    let asked =
        Asked { id: ChangeCheckId::generate(random), customer_id: body.value.customer_id, awaited: None };
    let (tx, found) = loop {
        let mut tx = once.begin().await?;
        if let Some(answer) = once.replayed(&mut tx).await? {
            return Ok(answer);
        }
        let found = checking::find(&mut tx, &verification, relying_party, &asked, once.at()).await?;
        checking::follow(&mut tx, &verification, &asked, &found, once.at()).await.map_err(Error::from)?;
        metering::count(&mut tx, relying_party, "", metering::CHANGE_CHECK, 1, once.at())
            .await
            .map_err(Error::from)?;
        let event = AuditEvent {
            kind: audit::CHANGE_CHECK_MADE,
            relying_party: Some(relying_party.clone()),
            person: Some(found.link.person.clone()),
            detail: json!({
                "answer": asked.id,
                "state": found.state(),
                "states": found.status.certificates.iter().map(|c| words(c.state).0).collect::<Vec<_>>(),
                "list_number": found.status.freshness.and_then(|f| f.list_number),
            }),
        };
        audit::append(&mut tx, &event, random, once.at()).await.map_err(Error::from)?;
        // As with a completion: an answer follows from the lists that the log knows by then.
        if found.is_outdated(&mut tx, &verification).await.map_err(Error::from)? {
            once.judge_again(tx).await?;
        } else {
            break (tx, found);
        }
    };
    let certificates = found.status.certificates.iter().map(|certificate| {
        let (state, change) = words(certificate.state);
        CertificateBody {
            kind: certificate.key.authority,
            state,
            change,
            freshness: certificate.freshness.and_then(|f| serde_json::to_value(f).ok()),
        }
    });
    let answer = StatusBody {
        state: found.state(),
        provisional: found.state == TransactionState::Provisional,
        certificates: certificates.collect(),
        subject: verification.subject(relying_party, &found.link.person),
        freshness: found.status.freshness.and_then(|f| serde_json::to_value(f).ok()),
        id: asked.id,
        customer_id: found.link.customer_id,
    };
    once.finish(tx, 200, &answer, &answer).await
}

/// The latest basic attributes, as far as the resident consented.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LatestAttributes)]
struct LatestBody {
    /// The relying party's own number for the person.
    customer_id: String,
    /// Only the consented ones of `name`, `address`, `date_of_birth`, `sex`.
    attributes: BTreeMap<String, String>,
    /// When the authority provided them, RFC 3339.
    provided_at: String,
    /// Fee of this provision, in yen.
    fee_yen: u32,
}

/// What is remembered of a provision: the serial that was asked with, so that a lost answer can be had again.
#[derive(Serialize, Deserialize)]
struct KeptLatest {
    from_serial: SerialNumber,
}

/// Fetches the latest basic attributes (最新の基本4情報) from the authority, with the resident's consent.
/// They are passed on and not stored; the same Idempotency-Key fetches again what followed the same certificate. Each
/// provision has its record and its fee.
#[utoipa::path(
    post, path = "/v1/latest-attributes", tag = "change check", operation_id = "fetch_latest_attributes",
    params(("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`")),
    request_body = CustomerBody,
    responses(
        (status = 200, description = "The consented attributes", body = LatestBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 403, description = "No consent", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "No such customer, or nothing newer", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 503, description = "The authority cannot be reached", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn latest(
    State(verification): State<Verification>,
    caller: Calling,
    key: IdempotencyKey,
    body: PostedJson<CustomerBody>,
) -> Result<Response, Problem> {
    check_customer_id(&body.value.customer_id).map_err(|_| Error::Field)?;
    let once = Once::new(&verification, &caller, key, "POST /v1/latest-attributes", body.sha256);
    let relying_party = &caller.relying_party.id;
    let (link, granted, kept) = {
        let mut tx = verification.context().db.begin_read().await.map_err(Error::from)?;
        let kept = once.remembered_before(&mut tx).await?;
        let (link, granted) =
            service::link_and_consent(&mut tx, relying_party, &body.value.customer_id, once.at()).await?;
        (link, granted.ok_or(Error::NoConsent)?, kept)
    };
    let kept: Option<KeptLatest> = kept
        .map(|remembered| serde_json::from_str(&remembered.body))
        .transpose()
        .map_err(|e| internal(&e))?;
    let again = kept.is_some();
    let outcome =
        service::latest_attributes(&verification, link, &granted, kept.map(|kept| kept.from_serial)).await?;
    let answer = LatestBody {
        customer_id: outcome.link.customer_id.clone(),
        attributes: outcome.latest.attributes.iter().cloned().collect(),
        provided_at: once.at().rfc3339(),
        fee_yen: outcome.latest.fee_yen,
    };
    // Every provision is recorded, a repeated one too: the authority may have answered a newer change by now.
    let mut tx = once.begin().await?;
    let again = once.remembered(&mut tx).await?.is_some() || again;
    let new = CertKey { authority: AuthorityKind::DigitalSignature, serial: outcome.latest.serial.clone() };
    linking::remember(&mut tx, &new, &outcome.link.person, once.at()).await.map_err(Error::from)?;
    linking::set_attributes_serial(&mut tx, &outcome.link, &new.serial).await.map_err(Error::from)?;
    let purpose = freshness::purpose_of_customer(&mut tx, relying_party, &outcome.link.customer_id)
        .await
        .map_err(Error::from)?;
    let purpose = purpose.as_deref().unwrap_or_default();
    metering::count(&mut tx, relying_party, purpose, metering::LATEST_ATTRIBUTES, 1, once.at())
        .await
        .map_err(Error::from)?;
    let event = AuditEvent {
        kind: audit::LATEST_ATTRIBUTES_PROVIDED,
        relying_party: Some(relying_party.clone()),
        person: Some(outcome.link.person.clone()),
        detail: json!({
            "items": outcome.latest.attributes.iter().map(|(item, _)| item).collect::<Vec<_>>(),
            "consent": granted.id, "fee_yen": outcome.latest.fee_yen, "again": again,
        }),
    };
    audit::append(&mut tx, &event, verification.context().random.as_ref(), once.at())
        .await
        .map_err(Error::from)?;
    if again {
        tx.commit().await.map_err(Error::from)?;
        return Ok(crate::once::answer_again(200, &answer));
    }
    once.finish(tx, 200, &answer, &KeptLatest { from_serial: outcome.from_serial }).await
}

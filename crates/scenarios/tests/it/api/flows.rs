//! What a resident and a relying party do with one another, step by step, and what a refusal must look like.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_kernel::Secret;
use musubi_nation::{
    CardAnswer, CardOperation, DEMO_PASSWORD, DEMO_PIN, Dials, LifeEvent, Resident, ResidentId,
};
use musubi_verification::entitlement_check::to_be_signed;
use serde_json::{Value, json};

use super::fixture::{Answer, Client, Fixture};

/// What a card answered, as it travels: base64.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) certificate: String,
    pub(crate) signature: String,
}

/// A started identity proofing.
pub(crate) struct Proofing {
    pub(crate) id: String,
    pub(crate) document: String,
    pub(crate) application: Value,
}

/// A started entitlement check.
pub(crate) struct Check {
    pub(crate) id: String,
    pub(crate) nonce: String,
}

pub(crate) fn id(resident: &str) -> ResidentId {
    resident.parse().unwrap()
}

impl Fixture {
    pub(crate) async fn resident(&self, resident: &str) -> Resident {
        self.world.resident(&id(resident)).await.unwrap().unwrap()
    }

    /// An application with the resident's attributes as the municipality has them; with consent to the latest
    /// attributes unless `consent` is empty.
    pub(crate) async fn application(&self, resident: &str, consent: &[&str]) -> Value {
        let r = self.resident(resident).await;
        let consent = if consent.is_empty() { Value::Null } else { json!({ "items": consent }) };
        json!({
            "title": "普通預金口座の開設申込",
            "statements": ["口座の種類: 普通預金", "取引の目的: 生活費の決済"],
            "attributes": {
                "name": r.name, "address": r.address,
                "date_of_birth": r.date_of_birth.to_string(), "sex": r.sex.as_str(),
            },
            "latest_attributes_consent": consent,
        })
    }

    /// The resident's card signs, with the right PIN or password.
    pub(crate) async fn card(&self, resident: &str, operation: CardOperation, message: &str) -> Signed {
        let pin = match operation {
            CardOperation::Sign => DEMO_PASSWORD,
            CardOperation::Authenticate | CardOperation::ReadAttributes => DEMO_PIN,
        };
        let answer =
            self.world.answer(&id(resident), operation, &Secret::new(pin.into()), message.as_bytes()).await;
        match answer.unwrap() {
            CardAnswer::Signed { certificate, signature } => {
                Signed { certificate: STANDARD.encode(certificate), signature: STANDARD.encode(signature) }
            }
            CardAnswer::Attributes(_) => panic!("asked for a signature"),
        }
    }

    // -- identity proofing

    pub(crate) fn proofing_body(client: &Client, customer: &str, application: &Value) -> Value {
        json!({
            "customer_id": customer, "purpose": "account_opening", "origin": client.origin,
            "application": application,
        })
    }

    pub(crate) async fn start_proofing(
        &self,
        client: &Client,
        customer: &str,
        application: Value,
    ) -> Proofing {
        let body = Self::proofing_body(client, customer, &application);
        let answer = self.post(client, "/v1/identity-proofings", &body).await.expect(201);
        let (id, document) = (answer.str("id").to_owned(), answer.str("to_be_signed").to_owned());
        Proofing { id, document, application }
    }

    pub(crate) async fn complete_proofing(
        &self,
        client: &Client,
        proofing: &Proofing,
        application: &Value,
        signed: &Signed,
    ) -> Answer {
        let path = format!("/v1/identity-proofings/{}/completion", proofing.id);
        let answer = self.post(client, &path, &completion(application, signed)).await;
        if answer.status == 200 {
            self.assert_replays(&answer).await;
        }
        answer
    }

    /// A resident applies at a relying party, from start to answer.
    pub(crate) async fn apply(
        &self,
        client: &Client,
        customer: &str,
        resident: &str,
        consent: &[&str],
    ) -> Answer {
        let application = self.application(resident, consent).await;
        let proofing = self.start_proofing(client, customer, application).await;
        let signed = self.card(resident, CardOperation::Sign, &proofing.document).await;
        self.complete_proofing(client, &proofing, &proofing.application, &signed).await
    }

    /// A resident becomes a customer; answers the pairwise subject.
    pub(crate) async fn link(
        &self,
        client: &Client,
        customer: &str,
        resident: &str,
        consent: &[&str],
    ) -> String {
        let answer = self.apply(client, customer, resident, consent).await.expect(200);
        assert_eq!(answer.verdict(), PASSED, "{}", answer.text);
        answer.str("subject").to_owned()
    }

    // -- entitlement check

    pub(crate) async fn start_check(&self, client: &Client) -> Check {
        let answer =
            self.post(client, "/v1/entitlement-checks", &json!({ "purpose": "sign_in" })).await.expect(201);
        Check { id: answer.str("id").to_owned(), nonce: answer.str("nonce").to_owned() }
    }

    /// The card window at `origin` signs for this check.
    pub(crate) async fn answer_check(
        &self,
        client: &Client,
        check: &Check,
        resident: &str,
        origin: &str,
    ) -> Signed {
        let text = to_be_signed(origin, client.id.as_str(), "sign_in", &check.nonce);
        self.card(resident, CardOperation::Authenticate, &text).await
    }

    pub(crate) async fn complete_check(
        &self,
        client: &Client,
        check: &Check,
        signed: &Signed,
        origin: &str,
    ) -> Answer {
        let path = format!("/v1/entitlement-checks/{}/completion", check.id);
        let answer = self.post(client, &path, &check_completion(signed, origin)).await;
        if answer.status == 200 {
            self.assert_replays(&answer).await;
        }
        answer
    }

    /// A resident signs in at a relying party, from start to answer.
    pub(crate) async fn sign_in(&self, client: &Client, resident: &str) -> Answer {
        let check = self.start_check(client).await;
        let signed = self.answer_check(client, &check, resident, client.origin).await;
        self.complete_check(client, &check, &signed, client.origin).await
    }

    // -- change check

    pub(crate) async fn events(&self, client: &Client) -> Vec<Value> {
        let answer = self.get(client, "/v1/change-events?after=0&limit=500").await.expect(200);
        told(&answer)
    }

    pub(crate) async fn latest(&self, client: &Client, customer: &str) -> Answer {
        self.post(client, "/v1/latest-attributes", &json!({ "customer_id": customer })).await
    }

    /// `(kind, state, change)` of a customer's certificates.
    pub(crate) async fn states(&self, client: &Client, customer: &str) -> Vec<[String; 3]> {
        let body = json!({ "customer_id": customer });
        let answer = self.post(client, "/v1/change-checks", &body).await.expect(200);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let certificates = answer.body["certificates"].as_array().unwrap();
        certificates.iter().map(|c| [text(&c["kind"]), text(&c["state"]), text(&c["change"])]).collect()
    }

    // -- the nation

    pub(crate) async fn live(&self, resident: &str, event: LifeEvent) {
        self.world.live(&id(resident), event).await.unwrap();
    }

    /// Moves to Osaka.
    pub(crate) async fn moves(&self, resident: &str) {
        let event =
            LifeEvent::Move { municipality: "27102".into(), address: "都島本通１－２－３".into() };
        self.live(resident, event).await;
    }

    pub(crate) async fn unreachable(&self, on: bool) {
        let dials = Dials { authority_unreachable: on, ..self.world.dials() };
        self.world.set_dials(dials).await.unwrap();
    }

    pub(crate) async fn publication_stopped(&self, on: bool) {
        let dials = Dials { publication_stopped: on, ..self.world.dials() };
        self.world.set_dials(dials).await.unwrap();
    }

    // -- what a refusal leaves behind

    /// The verdict refused, the transaction is used up, and nothing happened but its audit record.
    pub(crate) async fn assert_refused(&self, before: &Before, answer: &Answer, verdict: [&str; 3]) {
        self.assert_only_recorded(before, answer, verdict, "refused").await;
        let read = self.get(before.client_of(self), &before.path).await.expect(200);
        assert_eq!((read.str("state"), read.verdict()), ("refused", verdict));
        assert_eq!(read.body["audit"], answer.body["audit"]);
    }

    /// It could not be judged yet: the transaction stays open, and nothing happened but its audit record.
    pub(crate) async fn assert_try_later(&self, before: &Before, answer: &Answer, reason: &str) {
        let verdict = ["INDETERMINATE", "TRY_LATER", reason];
        self.assert_only_recorded(before, answer, verdict, "open").await;
        let read = self.get(before.client_of(self), &before.path).await.expect(200);
        assert_eq!((read.str("state"), &read.body["verdict"]), ("open", &Value::Null));
    }

    async fn assert_only_recorded(&self, before: &Before, answer: &Answer, verdict: [&str; 3], state: &str) {
        assert_eq!((answer.status, answer.str("state")), (200, state), "{}", answer.text);
        assert_eq!(answer.verdict(), verdict, "{}", answer.text);
        for member in ["subject", "attributes", "consent_id"] {
            assert!(answer.body.get(member).is_none_or(Value::is_null), "{member}: {}", answer.text);
        }
        let reason = &answer.body["verdict"]["reason"];
        for text in [&reason["ja"]["what"], &reason["ja"]["next"]] {
            assert!(!text.as_str().unwrap().is_ascii());
        }
        for text in [&reason["en"]["what"], &reason["en"]["next"]] {
            assert!(text.as_str().is_some_and(|text| text.is_ascii() && text.len() > 10));
        }

        let mut expected = before.counts.clone();
        *expected.get_mut("audit_record").unwrap() += 1;
        *expected.get_mut("verdict_evidence").unwrap() += 1;
        *expected.get_mut("idempotency").unwrap() += 1;
        assert_eq!(without_nodes(self.counts().await), expected, "nothing but the record of the refusal");
        let record = self.audited().await.pop().unwrap();
        let detail = record.detail().unwrap();
        assert_eq!(record.kind, before.kind);
        assert_eq!(record.relying_party.as_ref().map(ToString::to_string), Some(before.client.clone()));
        let recorded = [&detail["indication"], &detail["sub_indication"], &detail["reason"]];
        assert_eq!(recorded.map(|value| value.as_str().unwrap_or_default()), verdict);
        assert_eq!(answer.body["audit"]["index"], record.index);
        assert_eq!(answer.body["audit"]["leaf_hash"], hex::encode(record.leaf_hash));
    }

    /// A picture of the database before the completion of a transaction.
    pub(crate) async fn before_proofing(&self, client: &Client, proofing: &Proofing) -> Before {
        let path = format!("/v1/identity-proofings/{}", proofing.id);
        self.before("identity_proofing.completed", client, path).await
    }

    /// A picture of the database before the completion of a transaction.
    pub(crate) async fn before_check(&self, client: &Client, check: &Check) -> Before {
        self.before("entitlement_check.completed", client, format!("/v1/entitlement-checks/{}", check.id))
            .await
    }

    /// A picture of the database before the completion of a transaction without PIN.
    pub(crate) async fn before_presence(&self, client: &Client, check: &Check) -> Before {
        self.before("presence.judged", client, format!("/v1/entitlement-checks/{}", check.id)).await
    }

    async fn before(&self, kind: &'static str, client: &Client, path: String) -> Before {
        Before { counts: without_nodes(self.counts().await), kind, client: client.id.to_string(), path }
    }
}

/// The database before a completion.
pub(crate) struct Before {
    counts: BTreeMap<String, i64>,
    kind: &'static str,
    client: String,
    path: String,
}

impl Before {
    fn client_of<'a>(&self, fixture: &'a Fixture) -> &'a Client {
        if fixture.bank.id.as_str() == self.client { &fixture.bank } else { &fixture.clinic }
    }
}

/// A Merkle tree's inner nodes come in bursts; they follow from the records.
fn without_nodes(mut counts: BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    counts.remove("audit_node");
    // A refusal is work, too: counted, and told to nobody.
    counts.remove("metering");
    counts
}

pub(crate) const PASSED: [&str; 3] = ["TOTAL-PASSED", "", ""];

pub(crate) fn completion(application: &Value, signed: &Signed) -> Value {
    json!({ "application": application, "certificate": signed.certificate, "signature": signed.signature })
}

pub(crate) fn check_completion(signed: &Signed, origin: &str) -> Value {
    json!({ "certificate": signed.certificate, "signature": signed.signature, "origin": origin })
}

/// The changes of a page, without corrections and consents: the members of each, with its number and its subject.
pub(crate) fn told(page: &Answer) -> Vec<Value> {
    let events = page.body["events"].as_array().unwrap();
    let changes = events.iter().filter(|event| event["event"] == "change" || event["event"] == "compromise");
    let flat = changes.map(|event| {
        let mut told = event["body"].clone();
        told["sequence"] = event["sequence"].clone();
        told["subject"] = event["subject"].clone();
        told["kind"] = told["change"].clone();
        told
    });
    flat.collect()
}

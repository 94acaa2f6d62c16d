//! Presence without PIN (かざし利用): enrolment by an authentication with PIN, use, and what must not pass.
//! Longer than 500 lines because all of it plays with the one enrolled card that is set up at its head.

use musubi_kernel::UnixTime;
use musubi_nation::CardOperation::Authenticate;
use musubi_nation::LifeEvent;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::{self, RelyingParty};
use musubi_verification::entitlement_check::{self, Asked, Assurance, Completion, Judged, to_be_signed};
use musubi_verification::outcome::TransactionError;
use musubi_verification::presence::{self, CardAuthorities};
use serde_json::{Value, json};

use super::fixture::{Answer, BANK, CLINIC, Client, DAY, Fixture, PHISH, fixtures};
use super::flows::{Check, PASSED, Signed, check_completion};
use super::presence_cards::{Key, certificate, enrolment_text, key_record, offer, presence_text, signed_by};

const MISAKI: &str = "aoki-misaki";
const KENICHI: &str = "sato-kenichi";
const CHECKS: &str = "/v1/entitlement-checks";
const NOT_ENROLLED: [&str; 3] = ["INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", "presence.not_enrolled"];
const NOT_PROVEN: [&str; 3] = ["TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "presence.not_proven"];
const TAMPERED: [&str; 3] = ["TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "signature.tampered"];

impl Fixture {
    async fn start_asking(&self, client: &Client, asked: Value) -> Check {
        let mut body = json!({ "purpose": "sign_in" });
        body.as_object_mut().unwrap().extend(asked.as_object().unwrap().clone());
        let answer = self.post(client, CHECKS, &body).await.expect(201);
        Check { id: answer.str("id").to_owned(), nonce: answer.str("nonce").to_owned() }
    }

    async fn start_presence(&self, client: &Client) -> Check {
        self.start_asking(client, json!({ "assurance": "card_present" })).await
    }

    async fn start_enrolment(&self, client: &Client) -> Check {
        self.start_asking(client, json!({ "enrol_presence": true })).await
    }

    async fn complete_with(&self, client: &Client, check: &Check, body: &Value) -> Answer {
        let answer = self.post(client, &format!("{CHECKS}/{}/completion", check.id), body).await;
        if answer.status == 200 {
            self.assert_replays(&answer).await;
        }
        answer
    }

    /// Signs in with PIN; the card with the free key `key` brings `record` and `certificate`.
    async fn enrol_with(
        &self,
        client: &Client,
        key: Key,
        record: &[u8],
        certificate: &[u8],
        signed_by_card: Key,
    ) -> Answer {
        self.enrol_as(MISAKI, client, key, record, certificate, signed_by_card).await
    }

    async fn enrol_as(
        &self,
        resident: &str,
        client: &Client,
        key: Key,
        record: &[u8],
        certificate: &[u8],
        signed_by_card: Key,
    ) -> Answer {
        let check = self.start_enrolment(client).await;
        let text = enrolment_text(key, client.origin, client.id.as_str(), &check.nonce);
        let signed = self.card(resident, Authenticate, &text).await;
        let mut body = check_completion(&signed, client.origin);
        body["presence"] = offer(record, certificate, signed_by(signed_by_card, &text));
        self.complete_with(client, &check, &body).await
    }

    pub(crate) async fn enrol(&self, client: &Client) -> Answer {
        let (record, certificate) = (key_record(Key::Card, Key::Issuer), certificate(Key::Authority));
        let answer = self.enrol_with(client, Key::Card, &record, &certificate, Key::Card).await;
        assert_eq!(answer.verdict(), PASSED, "{}", answer.text);
        assert_eq!(answer.body["presence_enrolled"], true, "{}", answer.text);
        answer
    }

    /// The certificate of the resident's card, as anybody reads it who has the card for a moment.
    async fn copied_certificate(&self, resident: &str) -> String {
        self.card(resident, Authenticate, "any text").await.certificate
    }

    /// What the card with this free key and certificate answers when it is held out at `origin`.
    fn held_out(client: &Client, check: &Check, key: Key, certificate: &str, origin: &str) -> Signed {
        let text = presence_text(origin, client.id.as_str(), &check.nonce, certificate);
        Signed { certificate: certificate.to_owned(), signature: signed_by(key, &text) }
    }

    async fn present(&self, client: &Client, key: Key) -> Answer {
        let (check, copy) = (self.start_presence(client).await, self.copied_certificate(MISAKI).await);
        let signed = Self::held_out(client, &check, key, &copy, client.origin);
        self.complete_check(client, &check, &signed, client.origin).await
    }

    async fn held_out_at_the_bank(&self) -> (Check, Signed) {
        let (check, copy) = (self.start_presence(&self.bank).await, self.copied_certificate(MISAKI).await);
        let signed = Self::held_out(&self.bank, &check, Key::Card, &copy, BANK);
        (check, signed)
    }

    /// What the service finds of an answer to the bank, before it writes anything.
    async fn judged(&self, check: &Check, signed: &Signed) -> Judged {
        let Signed { certificate, signature } = signed.clone();
        let completion = Completion { certificate, signature, origin: BANK.into(), presence: None };
        let bank = self.registration(&self.bank).await;
        let (verification, id) = (self.platform.verification(), check.id.parse().unwrap());
        let judged = entitlement_check::judge_completion(verification, &bank, &id, &completion, self.now());
        judged.await.unwrap()
    }

    async fn registration(&self, client: &Client) -> RelyingParty {
        let mut tx = self.platform.context().db.begin_read().await.unwrap();
        relying_party::by_id(&mut tx, &client.id).await.unwrap().unwrap()
    }

    async fn end_presence(&self, client: &Client) -> bool {
        let context = self.platform.context();
        let mut tx = context.db.begin().await.unwrap();
        let person = self.person(client).await;
        let ended = presence::end_presence(&mut tx, context, &person, &client.id, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        ended
    }

    async fn person(&self, client: &Client) -> PersonId {
        let records = self.audited().await;
        let concerned =
            records.into_iter().filter(|record| record.relying_party.as_ref() == Some(&client.id));
        concerned.filter_map(|record| record.person).next_back().unwrap()
    }

    async fn enrolments(&self, client: &Client) -> Vec<UnixTime> {
        let person = self.person(client).await;
        let mut tx = self.platform.context().db.begin_read().await.unwrap();
        let all = presence::enrolments_of(&mut tx, &person, self.now()).await.unwrap();
        all.into_iter().map(|enrolment| enrolment.enrolled_at).collect()
    }
}

#[tokio::test]
async fn a_card_is_enrolled_with_pin_and_then_held_out_without() {
    for fx in fixtures().await {
        let subject = fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        let enrolled = fx.enrol(&fx.bank).await;
        assert_eq!(enrolled.check("presence.offer"), "passed");
        assert_eq!((enrolled.str("assurance"), enrolled.str("customer_id")), ("pin_authenticated", "c-1"));
        let read = fx.get(&fx.bank, &format!("{CHECKS}/{}", enrolled.str("id"))).await.expect(200);
        assert_eq!(read.body, enrolled.body);

        let started =
            fx.post(&fx.bank, CHECKS, &json!({ "purpose": "sign_in", "assurance": "card_present" })).await;
        let (check, started) = (
            Check { id: started.str("id").to_owned(), nonce: started.str("nonce").to_owned() },
            started.expect(201),
        );
        assert_eq!(started.str("assurance"), "card_present");
        assert_eq!(
            started.body["card_request"],
            json!({
                "version": 1, "operation": "prove_presence", "nonce": check.nonce, "purpose": "sign_in",
                "relying_party": { "id": fx.bank.id, "name": { "ja": "みほん銀行", "en": "Mihon Bank" } },
            })
        );
        let copy = fx.copied_certificate(MISAKI).await;
        let signed = Fixture::held_out(&fx.bank, &check, Key::Card, &copy, BANK);
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        assert_eq!((answer.str("state"), answer.verdict()), ("accepted", PASSED), "{}", answer.text);
        assert_eq!((answer.str("assurance"), answer.str("customer_id")), ("card_present", "c-1"));
        assert_eq!(
            (answer.str("subject"), &answer.body["presence_enrolled"]),
            (subject.as_str(), &json!(false))
        );
        // Who looks for the holder's signature does not find it.
        assert_eq!(
            (answer.check("signature.value"), answer.check("presence.signature_value")),
            ("absent", "passed")
        );

        let again = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        assert_eq!(again.code(), (409, "nonce.replayed"));
        let kinds: Vec<String> = fx.audited().await.into_iter().rev().map(|record| record.kind).collect();
        assert_eq!(kinds[0], "presence.judged", "{}", fx.engine);
        assert!(kinds.iter().any(|kind| kind == "presence.enrolled"));
        let last = fx.audited().await.pop().unwrap();
        assert_eq!(last.detail().unwrap()["assurance"], "card_present");
        assert!(last.person.is_some(), "the resident reads it");
    }
}

#[tokio::test]
async fn the_request_to_enrol_says_so_and_nothing_else_changes() {
    let fx = Fixture::on_sqlite().await;
    let started =
        fx.post(&fx.bank, CHECKS, &json!({ "purpose": "sign_in", "enrol_presence": true })).await.expect(201);
    let request = &started.body["card_request"];
    assert_eq!((&request["operation"], &request["enrol_presence"]), (&json!("authenticate"), &json!(true)));
}

#[tokio::test]
async fn a_card_that_was_not_enrolled_here_is_refused() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        // Neither a sign-in with PIN alone nor the enrolment at another relying party counts.
        fx.sign_in(&fx.bank, MISAKI).await.expect(200);
        fx.enrol(&fx.clinic).await;
        let (check, copy) = (fx.start_presence(&fx.bank).await, fx.copied_certificate(MISAKI).await);
        let signed = Fixture::held_out(&fx.bank, &check, Key::Card, &copy, BANK);
        let before = fx.before_presence(&fx.bank, &check).await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        fx.assert_refused(&before, &answer, NOT_ENROLLED).await;
        assert_eq!(fx.present(&fx.clinic, Key::Card).await.verdict(), PASSED);
    }
}

#[tokio::test]
async fn a_presence_never_completes_a_check_with_pin_nor_the_reverse() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        fx.enrol(&fx.bank).await;
        let copy = fx.copied_certificate(MISAKI).await;

        let with_pin = fx.start_check(&fx.bank).await;
        let signed = Fixture::held_out(&fx.bank, &with_pin, Key::Card, &copy, BANK);
        let before = fx.before_check(&fx.bank, &with_pin).await;
        let answer = fx.complete_check(&fx.bank, &with_pin, &signed, BANK).await;
        fx.assert_refused(&before, &answer, TAMPERED).await;

        // The free key signs whatever it is told, the text of an authentication too.
        let with_pin = fx.start_check(&fx.bank).await;
        let text = to_be_signed(BANK, fx.bank.id.as_str(), "sign_in", &with_pin.nonce);
        let signed = Signed { certificate: copy.clone(), signature: signed_by(Key::Card, &text) };
        let before = fx.before_check(&fx.bank, &with_pin).await;
        let answer = fx.complete_check(&fx.bank, &with_pin, &signed, BANK).await;
        fx.assert_refused(&before, &answer, TAMPERED).await;

        let without = fx.start_presence(&fx.bank).await;
        let signed = fx.answer_check(&fx.bank, &without, MISAKI, BANK).await;
        let before = fx.before_presence(&fx.bank, &without).await;
        let answer = fx.complete_check(&fx.bank, &without, &signed, BANK).await;
        fx.assert_refused(&before, &answer, NOT_PROVEN).await;

        let without = fx.start_presence(&fx.bank).await;
        let text = presence_text(BANK, fx.bank.id.as_str(), &without.nonce, &copy);
        let signed = fx.card(MISAKI, Authenticate, &text).await;
        let answer = fx.complete_check(&fx.bank, &without, &signed, BANK).await;
        assert_eq!(answer.verdict(), NOT_PROVEN, "the holder's key over the text of a presence");
    }
}

#[tokio::test]
async fn a_copied_certificate_needs_the_enrolled_card() {
    for fx in fixtures().await {
        fx.enrol(&fx.bank).await;
        assert_eq!(fx.present(&fx.bank, Key::OtherCard).await.verdict(), NOT_PROVEN);
        // The enrolled card held out with somebody else's certificate.
        let (check, other) = (fx.start_presence(&fx.bank).await, fx.copied_certificate("sato-kenichi").await);
        let signed = Fixture::held_out(&fx.bank, &check, Key::Card, &other, BANK);
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        assert_eq!(answer.verdict(), NOT_ENROLLED);
        // Or an answer that names another certificate than the one handed in.
        let (check, copy) = (fx.start_presence(&fx.bank).await, fx.copied_certificate(MISAKI).await);
        let mut signed = Fixture::held_out(&fx.bank, &check, Key::Card, &other, BANK);
        signed.certificate = copy;
        assert_eq!(fx.complete_check(&fx.bank, &check, &signed, BANK).await.verdict(), NOT_PROVEN);
    }
}

#[tokio::test]
async fn a_presence_is_bound_to_origin_relying_party_and_nonce() {
    for fx in fixtures().await {
        fx.enrol(&fx.bank).await;
        fx.enrol(&fx.clinic).await;
        let copy = fx.copied_certificate(MISAKI).await;
        for (signed_for, claimed, verdict) in [
            (PHISH, PHISH, ["INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", "origin.wrong"]),
            (CLINIC, CLINIC, ["INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", "origin.wrong"]),
            (PHISH, BANK, NOT_PROVEN),
        ] {
            let check = fx.start_presence(&fx.bank).await;
            let signed = Fixture::held_out(&fx.bank, &check, Key::Card, &copy, signed_for);
            let before = fx.before_presence(&fx.bank, &check).await;
            let answer = fx.complete_check(&fx.bank, &check, &signed, claimed).await;
            fx.assert_refused(&before, &answer, verdict).await;
        }
        let (check, other) = (fx.start_presence(&fx.bank).await, fx.start_presence(&fx.bank).await);
        let of_another_nonce = Fixture::held_out(&fx.bank, &other, Key::Card, &copy, BANK);
        assert_eq!(fx.complete_check(&fx.bank, &check, &of_another_nonce, BANK).await.verdict(), NOT_PROVEN);
        let check = fx.start_presence(&fx.bank).await;
        let of_another_party = Fixture::held_out(&fx.clinic, &check, Key::Card, &copy, BANK);
        assert_eq!(fx.complete_check(&fx.bank, &check, &of_another_party, BANK).await.verdict(), NOT_PROVEN);
    }
}

#[tokio::test]
async fn a_revoked_certificate_ends_it_and_a_stale_list_delays_it() {
    for fx in fixtures().await {
        fx.enrol(&fx.bank).await;
        fx.publication_stopped(true).await;
        fx.advance(8 * DAY).await;
        let (check, copy) = (fx.start_presence(&fx.bank).await, fx.copied_certificate(MISAKI).await);
        let signed = Fixture::held_out(&fx.bank, &check, Key::Card, &copy, BANK);
        let before = fx.before_presence(&fx.bank, &check).await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        fx.assert_try_later(&before, &answer, "revocation_list.too_old").await;

        fx.publication_stopped(false).await;
        fx.live(MISAKI, LifeEvent::ReportTheft).await;
        fx.take_in().await;
        let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
        assert_eq!((answer.str("state"), answer.verdict()[2]), ("refused", "certificate.revoked"));
        assert!(
            fx.enrolments(&fx.bank).await.is_empty(),
            "an enrolment of a revoked certificate has no effect"
        );
    }
}

#[tokio::test]
async fn an_enrolment_of_a_held_certificate_stays_in_sight_so_that_it_can_be_ended() {
    for fx in fixtures().await {
        fx.enrol(&fx.bank).await;
        fx.live(MISAKI, LifeEvent::ReportLoss).await;
        fx.take_in().await;
        assert_eq!(fx.present(&fx.bank, Key::Card).await.verdict()[2], "certificate.held");
        assert_eq!(
            fx.enrolments(&fx.bank).await.len(),
            1,
            "a hold may be lifted, and the card be held out again"
        );
        assert!(fx.end_presence(&fx.bank).await);
    }
}

#[tokio::test]
async fn a_card_speaks_for_one_person_at_a_relying_party() {
    for fx in fixtures().await {
        fx.enrol(&fx.bank).await;
        fx.enrol(&fx.clinic).await;
        let misaki = fx.person(&fx.bank).await;
        // Somebody else authenticates with their own PIN and offers Misaki's card, which is at hand and signs.
        let (record, certificate) = (key_record(Key::Card, Key::Issuer), certificate(Key::Authority));
        let enrolled = fx.enrol_as(KENICHI, &fx.bank, Key::Card, &record, &certificate, Key::Card).await;
        assert_eq!(enrolled.body["presence_enrolled"], true, "{}", enrolled.text);
        assert_eq!(fx.present(&fx.bank, Key::Card).await.verdict(), NOT_ENROLLED, "{}", fx.engine);
        assert_eq!(fx.present(&fx.clinic, Key::Card).await.verdict(), PASSED, "another relying party");
        let ended: Vec<_> =
            fx.audited().await.into_iter().filter(|record| record.kind == "presence.displaced").collect();
        assert_eq!(ended.len(), 1, "one's own earlier enrolment is replaced in silence");
        assert_eq!(ended[0].person.as_ref(), Some(&misaki), "who lost the enrolment reads of it");
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_enrolled_anew() {
    for fx in fixtures().await {
        fx.enrol(&fx.bank).await;
        fx.live(MISAKI, LifeEvent::Renew).await;
        fx.take_in().await;
        assert_eq!(fx.present(&fx.bank, Key::Card).await.verdict(), NOT_ENROLLED);
        fx.enrol(&fx.bank).await;
        assert_eq!(fx.present(&fx.bank, Key::Card).await.verdict(), PASSED);
        assert_eq!(fx.enrolments(&fx.bank).await.len(), 1);
    }
}

#[tokio::test]
async fn what_is_not_genuine_is_not_enrolled_but_the_sign_in_stands() {
    for fx in fixtures().await {
        let (record, by_authority) = (key_record(Key::Card, Key::Issuer), certificate(Key::Authority));
        let changed = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            bytes
        };
        for (record, certificate, by, reason) in [
            (record.clone(), certificate(Key::Stranger), Key::Card, "presence.not_genuine"),
            (key_record(Key::Card, Key::Stranger), by_authority.clone(), Key::Card, "presence.not_genuine"),
            (changed(&record), by_authority.clone(), Key::Card, "presence.not_genuine"),
            (record.clone(), changed(&by_authority), Key::Card, "presence.not_genuine"),
            (record.clone(), b"none".to_vec(), Key::Card, "presence.not_genuine"),
            (record.clone(), by_authority.clone(), Key::OtherCard, "presence.not_proven"),
        ] {
            let answer = fx.enrol_with(&fx.bank, Key::Card, &record, &certificate, by).await;
            assert_eq!((answer.str("state"), answer.verdict()), ("accepted", PASSED), "{}", answer.text);
            assert_eq!(answer.body["presence_enrolled"], false);
            assert_eq!(answer.body["presence_refusal"]["code"], reason, "{}", answer.text);
            assert_eq!(answer.check("presence.offer"), "skipped");
            let read = fx.get(&fx.bank, &format!("{CHECKS}/{}", answer.str("id"))).await.expect(200);
            assert_eq!(read.body, answer.body);
        }
        assert_eq!(fx.present(&fx.bank, Key::Card).await.verdict(), NOT_ENROLLED);
        assert!(fx.audited().await.iter().all(|record| record.kind != "presence.enrolled"));
    }
}

#[tokio::test]
async fn a_card_window_that_brings_nothing_enrols_nothing() {
    let fx = Fixture::on_sqlite().await;
    let check = fx.start_enrolment(&fx.bank).await;
    let signed = fx.answer_check(&fx.bank, &check, MISAKI, BANK).await;
    let answer = fx.complete_check(&fx.bank, &check, &signed, BANK).await;
    assert_eq!((answer.verdict(), &answer.body["presence_enrolled"]), (PASSED, &json!(false)));
    assert_eq!(answer.body["presence_refusal"]["code"], "presence.not_offered");
}

#[tokio::test]
async fn what_the_card_signed_for_another_enrolment_enrols_nothing_here() {
    for fx in fixtures().await {
        let earlier = fx.start_enrolment(&fx.bank).await;
        let check = fx.start_enrolment(&fx.bank).await;
        let text = |origin, relying_party: &Client, check: &Check| {
            enrolment_text(Key::Card, origin, relying_party.id.as_str(), &check.nonce)
        };
        let here = text(BANK, &fx.bank, &check);
        let signed = fx.card(MISAKI, Authenticate, &here).await;
        for elsewhere in [
            text(BANK, &fx.bank, &earlier),
            text(BANK, &fx.clinic, &check),
            text(PHISH, &fx.bank, &check),
            to_be_signed(BANK, fx.bank.id.as_str(), "sign_in", &check.nonce),
        ] {
            // The holder's own answer is of this transaction; only the card's is not.
            let check = fx.start_enrolment(&fx.bank).await;
            let here = text(BANK, &fx.bank, &check);
            let mut body = check_completion(&fx.card(MISAKI, Authenticate, &here).await, BANK);
            let (record, certificate) = (key_record(Key::Card, Key::Issuer), certificate(Key::Authority));
            body["presence"] = offer(&record, &certificate, signed_by(Key::Card, &elsewhere));
            let answer = fx.complete_with(&fx.bank, &check, &body).await;
            assert_eq!(answer.verdict(), PASSED, "{}", answer.text);
            assert_eq!(answer.body["presence_refusal"]["code"], "presence.not_proven", "{}", answer.text);
        }
        // And the whole answer, the holder's with it, is good in its own transaction alone.
        let mut body = check_completion(&signed, BANK);
        let (record, certificate) = (key_record(Key::Card, Key::Issuer), certificate(Key::Authority));
        body["presence"] = offer(&record, &certificate, signed_by(Key::Card, &here));
        assert_eq!(fx.complete_with(&fx.bank, &earlier, &body).await.verdict(), TAMPERED);
        assert_eq!(fx.present(&fx.bank, Key::Card).await.verdict(), NOT_ENROLLED);
    }
}

#[tokio::test]
async fn the_key_that_the_holder_signed_for_is_the_one_that_is_enrolled() {
    for fx in fixtures().await {
        let check = fx.start_enrolment(&fx.bank).await;
        let text = enrolment_text(Key::Card, BANK, fx.bank.id.as_str(), &check.nonce);
        let signed = fx.card(MISAKI, Authenticate, &text).await;
        // The page exchanges the record for that of another, genuine card.
        let mut body = check_completion(&signed, BANK);
        let record = key_record(Key::OtherCard, Key::Issuer);
        body["presence"] = offer(&record, &certificate(Key::Authority), signed_by(Key::OtherCard, &text));
        let before = fx.before_check(&fx.bank, &check).await;
        let answer = fx.complete_with(&fx.bank, &check, &body).await;
        fx.assert_refused(&before, &answer, TAMPERED).await;
        // Or leaves it out, or brings one where the holder agreed to none.
        let check = fx.start_enrolment(&fx.bank).await;
        let text = enrolment_text(Key::Card, BANK, fx.bank.id.as_str(), &check.nonce);
        let signed = fx.card(MISAKI, Authenticate, &text).await;
        assert_eq!(fx.complete_check(&fx.bank, &check, &signed, BANK).await.verdict(), TAMPERED);
        let check = fx.start_enrolment(&fx.bank).await;
        let signed = fx.answer_check(&fx.bank, &check, MISAKI, BANK).await;
        let mut body = check_completion(&signed, BANK);
        body["presence"] = offer(&record, &certificate(Key::Authority), signed_by(Key::OtherCard, &text));
        assert_eq!(fx.complete_with(&fx.bank, &check, &body).await.verdict(), TAMPERED);
    }
}

#[tokio::test]
async fn fields_have_bounds_and_an_offer_comes_only_where_it_was_asked_for() {
    let fx = Fixture::on_sqlite().await;
    let both = json!({ "purpose": "sign_in", "assurance": "card_present", "enrol_presence": true });
    let answer = fx.post(&fx.bank, CHECKS, &both).await;
    assert_eq!((answer.code(), answer.str("field")), ((422, "request.field_invalid"), "enrol_presence"));
    for assurance in [json!("face"), json!(1), Value::Null] {
        let answer =
            fx.post(&fx.bank, CHECKS, &json!({ "purpose": "sign_in", "assurance": assurance })).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text);
    }
    let good = offer(&key_record(Key::Card, Key::Issuer), &certificate(Key::Authority), "AAAA".into());
    for check in [fx.start_check(&fx.bank).await, fx.start_presence(&fx.bank).await] {
        let signed = fx.answer_check(&fx.bank, &check, MISAKI, BANK).await;
        let mut body = check_completion(&signed, BANK);
        body["presence"] = good.clone();
        let answer = fx.complete_with(&fx.bank, &check, &body).await;
        assert_eq!((answer.code(), answer.str("field")), ((422, "request.field_invalid"), "presence"));
    }
    let check = fx.start_enrolment(&fx.bank).await;
    let signed = fx.answer_check(&fx.bank, &check, MISAKI, BANK).await;
    let before = fx.counts().await;
    for (member, value) in [
        ("key_record", String::new()),
        ("key_record", "not base64!".into()),
        ("key_record", "AAAA".into()),
        ("key_record", "A".repeat(4000)),
        ("card_certificate", String::new()),
        ("card_certificate", "A".repeat(4000)),
        ("signature", String::new()),
        ("signature", "A".repeat(2000)),
    ] {
        let mut body = check_completion(&signed, BANK);
        body["presence"] = good.clone();
        body["presence"][member] = json!(value);
        let answer = fx.complete_with(&fx.bank, &check, &body).await;
        let field = format!("presence.{member}");
        assert_eq!((answer.code(), answer.str("field")), ((422, "request.field_invalid"), field.as_str()));
    }
    assert_eq!(fx.counts().await, before);
}

#[tokio::test]
async fn the_resident_ends_it_and_reads_of_it() {
    for fx in fixtures().await {
        fx.enrol(&fx.bank).await;
        fx.enrol(&fx.clinic).await;
        assert_eq!(fx.enrolments(&fx.bank).await.len(), 2);
        assert!(fx.end_presence(&fx.bank).await);
        assert_eq!(fx.audited().await.pop().unwrap().kind, "presence.ended");
        let before = fx.counts().await;
        assert!(!fx.end_presence(&fx.bank).await, "there is none any more");
        assert_eq!(fx.counts().await, before);
        assert_eq!(fx.present(&fx.bank, Key::Card).await.verdict(), NOT_ENROLLED);
        assert_eq!(fx.present(&fx.clinic, Key::Card).await.verdict(), PASSED, "the other one stands");
        fx.enrol(&fx.bank).await;
        assert_eq!(fx.present(&fx.bank, Key::Card).await.verdict(), PASSED);
    }
}

#[tokio::test]
async fn an_enrolment_that_ended_while_it_was_judged_is_judged_again() {
    for fx in fixtures().await {
        fx.enrol(&fx.bank).await;
        let (check, signed) = fx.held_out_at_the_bank().await;
        let judged = fx.judged(&check, &signed).await;
        assert!(fx.end_presence(&fx.bank).await);
        let (verification, context) = (fx.platform.verification(), fx.platform.context());
        let mut tx = context.db.begin().await.unwrap();
        let outcome = entitlement_check::complete(&mut tx, verification, judged, fx.now()).await;
        assert!(matches!(outcome, Err(TransactionError::Outdated)), "{}", fx.engine);
        drop(tx);
        assert_eq!(fx.complete_check(&fx.bank, &check, &signed, BANK).await.verdict(), NOT_ENROLLED);
    }
}

#[tokio::test]
async fn without_an_authority_of_cards_there_is_no_use_without_pin() {
    let fx = Fixture::on_sqlite().await;
    let off = fx.platform.verification().clone().with_card_authorities(CardAuthorities::default());
    let context = fx.platform.context();
    for (assurance, enrol_presence, is_off) in [
        (Assurance::CardPresent, false, true),
        (Assurance::PinAuthenticated, true, true),
        (Assurance::PinAuthenticated, false, false),
    ] {
        let bank = fx.registration(&fx.bank).await;
        let mut tx = context.db.begin().await.unwrap();
        let asked = Asked { purpose: "sign_in".into(), assurance, enrol_presence };
        let started = entitlement_check::start_asking(&mut tx, &off, &bank, &asked, fx.now()).await;
        assert_eq!(matches!(started, Err(TransactionError::PresenceOff)), is_off);
    }
}

#[tokio::test]
async fn a_presence_authenticates_nobody() {
    for fx in fixtures().await {
        fx.enrol(&fx.bank).await;
        let (check, signed) = fx.held_out_at_the_bank().await;
        let judged = fx.judged(&check, &signed).await;
        let mut tx = fx.platform.context().db.begin().await.unwrap();
        let checked = entitlement_check::complete(&mut tx, fx.platform.verification(), judged, fx.now());
        let checked = checked.await.unwrap();
        assert!(
            checked.person().is_some() && checked.authenticated().is_none(),
            "no session follows from it"
        );
    }
}

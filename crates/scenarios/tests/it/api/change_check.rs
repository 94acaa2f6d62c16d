//! Change check (変更確認): events, present states, latest attributes.

use musubi_nation::LifeEvent;
use musubi_verification::{consent_keeping, linking};
use serde_json::{Value, json};

use super::fixture::{Client, DAY, Fixture, fixtures};
use super::flows::told;

const MISAKI: &str = "aoki-misaki";
const NEW_ADDRESS: &str = "大阪府大阪市都島区都島本通１－２－３";

#[tokio::test]
async fn a_move_is_one_event_for_each_relying_party_that_knows_the_person_and_none_for_others() {
    for fx in fixtures().await {
        let pharmacy = fx.register(("みほん薬局", "Mihon Pharmacy"), "https://pharmacy.example").await;
        let at_bank = fx.link(&fx.bank, "c-1", MISAKI, &["address"]).await;
        let at_clinic = fx.link(&fx.clinic, "p-1", MISAKI, &[]).await;
        fx.link(&pharmacy, "x-1", "sato-kenichi", &[]).await;
        assert_eq!(fx.take_in().await, 0, "nothing new is published");
        fx.advance(60).await;
        fx.moves(MISAKI).await;
        fx.api.clock.advance(60);
        assert_eq!(fx.take_in().await, 4);
        assert_eq!(fx.take_in().await, 0);

        // The bank's stream begins with the consent.
        for (client, customer, subject, latest, sequence) in
            [(&fx.bank, "c-1", &at_bank, "available", 2), (&fx.clinic, "p-1", &at_clinic, "no_consent", 1)]
        {
            let answer = fx.get(client, "/v1/change-events").await.expect(200);
            let events = told(&answer);
            let [event] = &events[..] else { panic!("{}", answer.text) };
            for (member, value) in [
                ("sequence", json!(sequence)),
                ("kind", json!("attributes_changed")),
                ("customer_id", json!(customer)),
                ("subject", json!(subject)),
                ("certificate_kind", json!("digital_signature")),
                ("occurred_at", json!(fx.now().plus(-60))),
                ("recorded_at", json!(fx.now())),
                ("latest_attributes", json!(latest)),
            ] {
                assert_eq!(event[member], value, "{}: {member}", fx.engine);
            }
            let evidence = &event["evidence"];
            assert_eq!(
                (&evidence["reason"], &evidence["list_number"]),
                (&json!("affiliationChanged"), &json!(2))
            );
            assert_eq!(answer.body["next"], sequence);
        }
        fx.renew_token(&pharmacy).await;
        let answer = fx.get(&pharmacy, "/v1/change-events").await.expect(200);
        assert_eq!((&answer.body["events"], &answer.body["next"]), (&json!([]), &json!(0)));
    }
}

#[tokio::test]
async fn sequences_have_no_gaps_and_pages_have_no_overlap() {
    for fx in fixtures().await {
        let residents = [MISAKI, "takahashi-naoki", "takahashi-yumiko", "inoue-sakura", "garcia-maria"];
        for (n, resident) in residents.iter().enumerate() {
            fx.link(&fx.bank, &format!("c-{n}"), resident, &[]).await;
        }
        fx.link(&fx.clinic, "p-1", residents[2], &[]).await;
        fx.advance(60).await;
        for resident in residents {
            fx.moves(resident).await;
        }
        fx.take_in().await;
        fx.live(residents[0], LifeEvent::ReportLoss).await;
        fx.take_in().await;

        let mut after = 0;
        let mut seen = Vec::new();
        for expected in [2, 2, 2, 0] {
            let page =
                fx.get(&fx.bank, &format!("/v1/change-events?after={after}&limit=2")).await.expect(200);
            let events = page.body["events"].as_array().unwrap().clone();
            assert_eq!(events.len(), expected, "{}", page.text);
            after = page.body["next"].as_i64().unwrap();
            seen.extend(told(&page));
        }
        let sequences: Vec<_> = seen.iter().map(|event| event["sequence"].as_i64().unwrap()).collect();
        assert_eq!((sequences, after), ((1..=6).collect(), 6));
        assert_eq!(seen[5]["certificate_kind"], "user_authentication");
        assert_eq!(seen[5]["kind"], "held_or_compromised");
        assert_eq!(fx.events(&fx.bank).await, seen);
        let sequences: Vec<_> = fx.events(&fx.clinic).await.iter().map(|e| e["sequence"].clone()).collect();
        assert_eq!(sequences, [1], "a sequence of its own");

        for query in ["after=-1", "limit=0", "limit=501", "after=x", "limit=1&limit=2", "offset=1"] {
            let answer = fx.get(&fx.bank, &format!("/v1/change-events?{query}")).await;
            assert_eq!(answer.code(), (400, "request.malformed"), "{query}");
        }
    }
}

#[tokio::test]
async fn every_life_event_shows_in_the_state_of_the_certificates_and_as_an_event() {
    let rename = || LifeEvent::Rename { name: "結城　美咲".into() };
    let good = [["digital_signature", "good", ""], ["user_authentication", "good", ""]];
    let signing = [["digital_signature", "revoked", "attributes_changed"], good[1]];
    let both =
        |change| [["digital_signature", "revoked", change], ["user_authentication", "revoked", change]];
    let expected = [
        (MISAKI, Some(LifeEvent::Renew), both("renewed")),
        // Until the authority was asked what followed.
        ("takahashi-naoki", Some(LifeEvent::LeaveOrDie), both("undetermined")),
        ("takahashi-yumiko", Some(LifeEvent::ReportLoss), both("held_or_compromised")),
        ("inoue-sakura", Some(LifeEvent::ReportTheft), both("held_or_compromised")),
        ("fujiwara-kaoru", Some(rename()), signing),
        ("ninomiya-ayumu", None, good),
    ];
    for fx in fixtures().await {
        for (n, (resident, event, _)) in expected.iter().enumerate() {
            fx.link(&fx.bank, &format!("c-{n}"), resident, &[]).await;
            fx.sign_in(&fx.bank, resident).await.expect(200);
            if let Some(event) = event {
                fx.live(resident, event.clone()).await;
            }
        }
        assert_eq!(fx.states(&fx.bank, "c-0").await, good, "as long as no list says otherwise");
        fx.take_in().await;
        let events = fx.events(&fx.bank).await;
        for (n, (resident, _, states)) in expected.iter().enumerate() {
            let customer = format!("c-{n}");
            assert_eq!(fx.states(&fx.bank, &customer).await, *states, "{resident}");
            let mut told: Vec<_> = events
                .iter()
                .filter(|event| event["customer_id"] == customer.as_str())
                .map(|event| {
                    [&event["certificate_kind"], &json!("revoked"), &event["kind"]]
                        .map(|v| v.as_str().unwrap().to_owned())
                })
                .collect();
            told.sort();
            let revoked: Vec<_> = states.iter().filter(|state| state[1] == "revoked").collect();
            assert_eq!(told.iter().collect::<Vec<_>>(), revoked, "{resident}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_told_is_undetermined_and_what_has_ended_is_expired() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        let unseen = [["digital_signature", "good", ""], ["user_authentication", "undetermined", ""]];
        assert_eq!(fx.states(&fx.bank, "c-1").await, unseen, "the other certificate was never seen");
        fx.sign_in(&fx.bank, MISAKI).await.expect(200);
        fx.link(&fx.bank, "c-2", "inoue-sakura", &[]).await;
        fx.live("inoue-sakura", LifeEvent::ReportTheft).await;
        fx.take_in().await;
        fx.publication_stopped(true).await;
        fx.advance(3 * DAY).await;
        let stale = [["digital_signature", "undetermined", ""], ["user_authentication", "undetermined", ""]];
        assert_eq!(fx.states(&fx.bank, "c-1").await, stale, "an old list does not say good");
        let revoked = ["digital_signature", "revoked", "held_or_compromised"];
        assert_eq!(
            fx.states(&fx.bank, "c-2").await[0],
            revoked,
            "but what it says of a revocation stays true"
        );
        fx.advance(6 * 366 * DAY).await;
        let ended = [["digital_signature", "expired", ""], ["user_authentication", "expired", ""]];
        assert_eq!(fx.states(&fx.bank, "c-1").await, ended);
        assert_eq!(fx.states(&fx.bank, "c-2").await[0], revoked, "revocation outweighs expiry");
    }
}

#[tokio::test]
async fn a_change_check_is_recorded_once_per_idempotency_key_and_knows_only_own_customers() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        let body = json!({ "customer_id": "c-1" });
        let first = fx.post_again(&fx.bank, "/v1/change-checks", "one", &body).await.expect(200);
        let again = fx.post_again(&fx.bank, "/v1/change-checks", "one", &body).await.expect(200);
        assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
        let made = fx.audited().await.iter().filter(|record| record.kind == "change_check.made").count();
        assert_eq!(made, 1);
        let before = fx.counts().await;
        for path in ["/v1/change-checks", "/v1/latest-attributes"] {
            assert_eq!(fx.post(&fx.clinic, path, &body).await.code(), (404, "link.unknown"));
            let unknown = json!({ "customer_id": "c-2" });
            assert_eq!(fx.post(&fx.bank, path, &unknown).await.code(), (404, "link.unknown"));
            for wrong in ["", "顧客", &"x".repeat(65), "a b"] {
                let answer = fx.post(&fx.bank, path, &json!({ "customer_id": wrong })).await;
                assert_eq!(
                    (answer.code(), answer.str("field")),
                    ((422, "request.field_invalid"), "customer_id")
                );
            }
        }
        assert_eq!(fx.counts().await, before);
    }
}

// -- latest attributes

#[tokio::test]
async fn with_consent_the_latest_attributes_come_and_only_the_consented_ones() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &["address"]).await;
        fx.link(&fx.clinic, "p-1", MISAKI, &["name", "sex"]).await;
        assert_eq!(fx.latest(&fx.bank, "c-1").await.code(), (404, "latest_attributes.none_newer"));
        fx.moves(MISAKI).await;
        fx.take_in().await;
        let body = json!({ "customer_id": "c-1" });
        let first = fx.post_again(&fx.bank, "/v1/latest-attributes", "one", &body).await.expect(200);
        assert_eq!(
            first.body,
            json!({
                "customer_id": "c-1", "attributes": { "address": NEW_ADDRESS }, "provided_at": fx.now(), "fee_yen": 20,
            })
        );
        // An answer that got lost can be had again with the same key; a new request finds nothing newer.
        let again = fx.post_again(&fx.bank, "/v1/latest-attributes", "one", &body).await.expect(200);
        assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
        let before = fx.counts().await;
        assert_eq!(fx.latest(&fx.bank, "c-1").await.code(), (404, "latest_attributes.none_newer"));
        assert_eq!(fx.counts().await, before);
        let answer = fx.latest(&fx.clinic, "p-1").await.expect(200);
        assert_eq!(answer.body["attributes"], json!({ "name": "青木　美咲", "sex": "female" }));
        let provided = fx.audited().await.iter().filter(|r| r.kind == "latest_attributes.provided").count();
        assert_eq!(provided, 3, "the repeated one has its record, too: the authority provided it again");
        assert!(!format!("{:?}", fx.audited().await).contains("都島"), "given, not kept");

        fx.live(MISAKI, LifeEvent::Rename { name: "結城　美咲".into() }).await;
        fx.take_in().await;
        assert_eq!(
            fx.latest(&fx.bank, "c-1").await.expect(200).body["attributes"],
            json!({ "address": NEW_ADDRESS })
        );
    }
}

#[tokio::test]
async fn without_consent_nothing_is_provided() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        fx.link(&fx.clinic, "p-1", MISAKI, &["name", "address", "date_of_birth", "sex"]).await;
        fx.moves(MISAKI).await;
        fx.take_in().await;
        let before = fx.counts().await;
        assert_eq!(
            fx.latest(&fx.bank, "c-1").await.code(),
            (403, "consent.none"),
            "consent is for one relying party"
        );
        assert_eq!(fx.counts().await, before);
        assert_eq!(fx.latest(&fx.clinic, "p-1").await.expect(200).body["attributes"]["address"], NEW_ADDRESS);
    }
}

async fn withdraw(fx: &Fixture, client: &Client, customer: &str, consent: &str) {
    let mut tx = fx.platform.context().db.begin_read().await.unwrap();
    let link = linking::link_of_customer(&mut tx, &client.id, customer).await.unwrap().unwrap();
    drop(tx);
    let consent = consent.parse().unwrap();
    consent_keeping::withdraw(fx.platform.verification(), &consent, &link.person, fx.now()).await.unwrap();
}

#[tokio::test]
async fn after_a_withdrawal_nothing_is_provided_not_even_again() {
    for fx in fixtures().await {
        let answer = fx.apply(&fx.bank, "c-1", MISAKI, &["address"]).await.expect(200);
        fx.moves(MISAKI).await;
        fx.take_in().await;
        let body = json!({ "customer_id": "c-1" });
        fx.post_again(&fx.bank, "/v1/latest-attributes", "one", &body).await.expect(200);
        withdraw(&fx, &fx.bank, "c-1", answer.str("consent_id")).await;
        let before = fx.counts().await;
        for key in ["one", "two"] {
            let refused = fx.post_again(&fx.bank, "/v1/latest-attributes", key, &body).await;
            assert_eq!(refused.code(), (403, "consent.none"), "{key}");
        }
        assert_eq!(fx.counts().await, before);
        let page = fx.get(&fx.bank, "/v1/change-events").await.expect(200);
        let last = page.body["events"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["event"], &last["body"]["change"]), (&json!("consent"), &json!("withdrawn")));
        let kinds: Vec<_> = fx.audited().await.into_iter().map(|record| record.kind).collect();
        assert_eq!(kinds.iter().filter(|kind| *kind == "consent.withdrawn").count(), 1);
    }
}

#[tokio::test]
async fn a_consent_ends_after_ten_years() {
    let fx = Fixture::on_sqlite().await;
    fx.link(&fx.bank, "c-1", MISAKI, &["address"]).await;
    fx.moves(MISAKI).await;
    fx.advance(10 * 365 * DAY).await;
    assert_eq!(
        fx.latest(&fx.bank, "c-1").await.code(),
        (404, "latest_attributes.none_newer"),
        "still a consent"
    );
    fx.advance(4 * DAY).await;
    assert_eq!(fx.latest(&fx.bank, "c-1").await.code(), (403, "consent.none"));
}

#[tokio::test]
async fn an_unreachable_authority_costs_nothing_and_the_same_key_works_afterwards() {
    for fx in fixtures().await {
        fx.link(&fx.bank, "c-1", MISAKI, &["address"]).await;
        fx.moves(MISAKI).await;
        fx.take_in().await;
        fx.unreachable(true).await;
        let before = fx.counts().await;
        let body = json!({ "customer_id": "c-1" });
        let answer = fx.post_again(&fx.bank, "/v1/latest-attributes", "one", &body).await;
        assert_eq!(answer.code(), (503, "upstream.unreachable"));
        assert_eq!(fx.counts().await, before);
        fx.unreachable(false).await;
        let answer = fx.post_again(&fx.bank, "/v1/latest-attributes", "one", &body).await.expect(200);
        assert_eq!(
            (answer.header("idempotency-replayed"), &answer.body["attributes"]["address"]),
            ("", &Value::from(NEW_ADDRESS))
        );
    }
}

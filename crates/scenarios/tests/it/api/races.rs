//! Many requests at once, and several platforms on one database: everything happens once, nothing is half done.

use std::sync::Arc;

use futures_util::future::join_all;
use musubi_kernel::Secret;
use musubi_nation::CardOperation::Sign;
use musubi_nation::LifeEvent;
use musubi_store::Db;
use musubi_store::testing::postgres_schema_url;
use musubi_verification::upstream::HttpUpstream;
use tempfile::TempDir;

use super::fixture::{Api, BANK, CLINIC, CREDENTIAL, Fixture, fixtures};
use super::flows::{PASSED, completion};

const MISAKI: &str = "aoki-misaki";

#[tokio::test]
async fn of_many_completions_at_once_one_is_judged_and_the_others_are_told_that_it_was() {
    for fx in fixtures().await {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &["name"]).await).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document).await;
        let completions =
            (0..6).map(|_| fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed));
        let answers = join_all(completions).await;
        let accepted = answers.iter().filter(|answer| answer.status == 200).count();
        let replayed = answers.iter().filter(|answer| answer.code() == (409, "nonce.replayed")).count();
        assert_eq!((accepted, replayed), (1, 5), "{}", fx.engine);
        let counts = fx.counts().await;
        assert_eq!((counts["link"], counts["consent"], counts["certificate"]), (1, 1, 2));
    }
}

#[tokio::test]
async fn of_many_repetitions_at_once_all_get_the_one_answer_and_one_gets_the_attributes() {
    for fx in fixtures().await {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document).await;
        let path = format!("/v1/identity-proofings/{}/completion", proofing.id);
        let body = completion(&proofing.application, &signed);
        let answers = join_all((0..6).map(|_| fx.post_again(&fx.bank, &path, "one", &body))).await;
        for answer in &answers {
            assert_eq!((answer.status, answer.verdict()), (200, PASSED), "{}", answer.text);
            assert_eq!(answer.body["audit"], answers[0].body["audit"]);
            assert_eq!(answer.body["attributes"].is_null(), answer.header("idempotency-replayed") == "true");
        }
        let first = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_empty()).count();
        assert_eq!(first, 1, "{}", fx.engine);
    }
}

#[tokio::test]
async fn a_card_that_is_first_seen_in_several_places_at_once_is_one_person() {
    for fx in fixtures().await {
        for (n, resident) in
            [MISAKI, "sato-kenichi", "takahashi-naoki", "inoue-sakura", "garcia-maria"].iter().enumerate()
        {
            let (at_bank, at_clinic) = (format!("c-{n}"), format!("p-{n}"));
            let application = fx.application(resident, &[]).await;
            let bank = fx.start_proofing(&fx.bank, &at_bank, application.clone()).await;
            let clinic = fx.start_proofing(&fx.clinic, &at_clinic, application.clone()).await;
            let (bank_check, clinic_check) =
                (fx.start_check(&fx.bank).await, fx.start_check(&fx.clinic).await);
            let bank_signed = fx.card(resident, Sign, &bank.document).await;
            let clinic_signed = fx.card(resident, Sign, &clinic.document).await;
            let bank_answered = fx.answer_check(&fx.bank, &bank_check, resident, BANK).await;
            let clinic_answered = fx.answer_check(&fx.clinic, &clinic_check, resident, CLINIC).await;
            let answers = tokio::join!(
                fx.complete_proofing(&fx.bank, &bank, &application, &bank_signed),
                fx.complete_proofing(&fx.clinic, &clinic, &application, &clinic_signed),
                fx.complete_check(&fx.bank, &bank_check, &bank_answered, BANK),
                fx.complete_check(&fx.clinic, &clinic_check, &clinic_answered, CLINIC),
            );
            for answer in [&answers.0, &answers.1, &answers.2, &answers.3] {
                assert_eq!(answer.verdict(), PASSED, "{} {resident}: {}", fx.engine, answer.text);
            }
            for (client, customer, first) in
                [(&fx.bank, &at_bank, &answers.0), (&fx.clinic, &at_clinic, &answers.1)]
            {
                let answer = fx.sign_in(client, resident).await;
                assert_eq!(answer.body["customer_id"], customer.as_str(), "{} {resident}", fx.engine);
                assert_eq!(answer.body["subject"], first.body["subject"]);
            }
        }
    }
}

#[tokio::test]
async fn customers_sign_in_and_prove_their_identity_while_a_list_that_names_them_is_taken_in() {
    for fx in fixtures().await {
        let residents = [MISAKI, "takahashi-naoki", "takahashi-yumiko", "inoue-sakura", "garcia-maria"];
        for (n, resident) in residents.iter().enumerate() {
            fx.link(&fx.bank, &format!("c-{n}"), resident, &[]).await;
            fx.sign_in(&fx.bank, resident).await.expect(200);
        }
        for resident in residents {
            fx.live(resident, LifeEvent::Renew).await;
        }
        let signing_in = join_all(residents.iter().map(|resident| fx.sign_in(&fx.bank, resident)));
        let proving = join_all(
            residents
                .iter()
                .enumerate()
                .map(async |(n, r)| fx.apply(&fx.bank, &format!("c-{n}"), r, &[]).await),
        );
        let (taken, signed_in, proved) = tokio::join!(fx.take_in(), signing_in, proving);
        assert_eq!(taken, 4);
        for (n, answer) in signed_in.iter().enumerate() {
            assert_eq!((answer.status, answer.str("customer_id")), (200, format!("c-{n}").as_str()));
        }
        for answer in &proved {
            assert_eq!((answer.status, answer.verdict()), (200, PASSED), "{}", answer.text);
        }
        let sequences: Vec<_> =
            fx.events(&fx.bank).await.iter().map(|e| e["sequence"].as_i64().unwrap()).collect();
        assert_eq!(sequences.len(), 10, "{}", fx.engine);
        assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    }
}

/// Two processes' worth of platform on one PostgreSQL database.
async fn two_platforms() -> Option<(Fixture, Api)> {
    let url = postgres_schema_url().await?;
    let connect = async || Db::connect_postgres(&url).await.unwrap();
    let fx =
        Fixture::around("PostgreSQL", connect().await, TempDir::new().unwrap(), |real| Arc::new(real)).await;
    let upstream =
        HttpUpstream::new(format!("http://authority.localhost:{}", fx.port), Secret::new(CREDENTIAL.into()));
    let second = Api::open(connect().await, &fx.world, fx.clock.clone(), Arc::new(upstream), 2).await;
    Some((fx, second))
}

fn numbers(api: &Api) -> Vec<u64> {
    api.platform.verification().lists().snapshot().iter().map(|list| list.number()).collect()
}

#[tokio::test]
async fn a_list_that_one_platform_took_in_is_seen_by_the_other_after_a_refresh() {
    let Some((fx, second)) = two_platforms().await else { return };
    assert_eq!((numbers(&fx), numbers(&second)), (vec![], vec![]));
    fx.take_in().await;
    assert_eq!((numbers(&fx), numbers(&second)), (vec![1; 4], vec![]));
    second.platform.verification().refresh().await.unwrap();
    assert_eq!(numbers(&second), [1; 4]);

    fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
    fx.moves(MISAKI).await;
    assert_eq!(second.take_in().await, 4);
    assert_eq!((numbers(&fx), numbers(&second)), (vec![1; 4], vec![2; 4]));
    fx.platform.verification().refresh().await.unwrap();
    assert_eq!(numbers(&fx), [2; 4]);
    assert_eq!(fx.take_in().await, 0);
    // The events, tokens and remembered answers are the database's, not a process's.
    assert_eq!(fx.events(&fx.bank).await.len(), 1);
    let events = second.get(&fx.bank, "/v1/change-events?after=0").await.expect(200);
    assert_eq!(super::flows::told(&events), fx.events(&fx.bank).await);
}

#[tokio::test]
async fn two_platforms_that_take_in_the_same_lists_at_once_record_each_change_once() {
    let Some((fx, second)) = two_platforms().await else { return };
    let both = tokio::join!(fx.take_in(), second.take_in());
    assert_eq!(both.0 + both.1, 4, "each list once");
    fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
    fx.link(&fx.clinic, "p-1", MISAKI, &[]).await;
    for round in 1..=3 {
        fx.moves(MISAKI).await;
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        let both = tokio::join!(fx.take_in(), second.take_in());
        assert_eq!(both.0 + both.1, 4, "each list once");
        for client in [&fx.bank, &fx.clinic] {
            assert_eq!(fx.events(client).await.len(), round);
        }
    }
}

#[tokio::test]
async fn one_answer_of_a_card_that_is_sent_to_two_platforms_is_good_once() {
    let Some((fx, second)) = two_platforms().await else { return };
    fx.take_in().await;
    second.platform.verification().refresh().await.unwrap();
    let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &["name"]).await).await;
    let signed = fx.card(MISAKI, Sign, &proofing.document).await;
    let (path, body) = (
        format!("/v1/identity-proofings/{}/completion", proofing.id),
        completion(&proofing.application, &signed),
    );
    let (one, other) = tokio::join!(
        fx.post_again(&fx.bank, &path, "at-the-first", &body),
        second.post_again(&fx.bank, &path, "at-the-second", &body),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text, other.text);
    let key = if one.status == 200 { "at-the-first" } else { "at-the-second" };
    for api in [&fx.api, &second] {
        let again = api.post_again(&fx.bank, &path, key, &body).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (200, "true"));
    }
    let check = fx.start_check(&fx.bank).await;
    let answered = fx.answer_check(&fx.bank, &check, MISAKI, BANK).await;
    let path = format!("/v1/entitlement-checks/{}/completion", check.id);
    let body = super::flows::check_completion(&answered, BANK);
    let answer = second.post(&fx.bank, &path, &body).await.expect(200);
    assert_eq!(answer.str("customer_id"), "c-1", "started at one platform, completed at the other");
}

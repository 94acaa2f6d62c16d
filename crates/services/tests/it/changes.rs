//! Change events and latest attributes.

use crate::platform::{Lie, Next, problem};
use crate::sign_in::signed_in;
use crate::{World, databases};

#[tokio::test]
async fn every_event_is_taken_in_once_in_whatever_number_they_come() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let mut world = World::new(db).await;
        let (mut browser, customer) = signed_in(&world).await;
        assert_eq!(world.bank.tick().await.unwrap().events, 0);
        for kind in ["renewed", "held_or_compromised", "ended", "undetermined", "something_new"] {
            world.platform.add_event(kind, &customer, "no_consent");
        }
        let before = browser.get("/account/changes.json").await.text;
        let other = crate::open_bank(&world.db, &world.platform, &world.clock, crate::BANK, 7).await;
        let (a, b) = tokio::join!(world.bank.tick(), other.tick());
        let mut taken = a.unwrap().events + b.unwrap().events;
        world.crash().await;
        taken += world.bank.tick().await.unwrap().events + world.bank.tick().await.unwrap().events;
        assert_eq!(taken, 5);
        assert_ne!(browser.get("/account/changes.json").await.text, before, "the open page learns of it");
        let page = browser.get("/account").await.text;
        assert_eq!(page.matches("<li data-kind=").count(), 5);
        assert!(
            page.contains("失効リスト第7号（そのとき2分前のもの）") && page.contains("紛失または不正使用")
        );
    }
}

#[tokio::test]
async fn an_event_that_refines_another_stands_in_its_place_and_in_nobody_elses() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (mut browser, customer) = signed_in(&world).await;
        world.platform.add_event("undetermined", "c-of-somebody-else", "no_consent");
        world.platform.add_event("undetermined", &customer, "no_consent");
        world.bank.tick().await.unwrap();
        assert!(browser.get("/account").await.text.contains("data-kind=\"undetermined\""));
        world.platform.add_refining("ended", &customer, 2);
        world.platform.add_refining("held_or_compromised", &customer, 1);
        world.bank.tick().await.unwrap();
        let page = browser.get("/account").await.text;
        assert!(page.contains("data-kind=\"ended\"") && !page.contains("data-kind=\"undetermined\""));
        let mut tx = world.db.begin_read().await.unwrap();
        let kept = tx.query("SELECT sequence FROM bank_event ORDER BY sequence", &[]).await.unwrap();
        let kept: Vec<i64> = kept.iter().map(|row| row.int("sequence").unwrap()).collect();
        assert_eq!(kept, [1, 3, 4]);
    }
}

#[tokio::test]
async fn a_move_brings_the_new_address_by_consent_and_keeps_the_old() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (mut browser, customer) = signed_in(&world).await;
        world.platform.add_event("attributes_changed", &customer, "available");
        world.platform.add_event("attributes_changed", &customer, "available");
        world.clock.advance(120);
        let tick = world.bank.tick().await.unwrap();
        assert_eq!((tick.events, tick.attributes_received), (2, 1));
        assert_eq!(world.platform.calls("/latest-attributes").len(), 1, "one answer serves both");
        world.bank.tick().await.unwrap();
        assert_eq!(world.platform.calls("/latest-attributes").len(), 1);
        let page = browser.get("/account").await.text;
        assert!(page.contains("<del>東京都結市１－１</del>") && page.contains("<ins>大阪府新市２－２</ins>"));
        assert!(page.contains("<dd>大阪府新市２－２</dd>") && !page.contains("<del>結城"));
        browser.lang = "en";
        assert!(browser.get("/account").await.text.contains("your details on file are updated"));
    }
}

#[tokio::test]
async fn latest_attributes_are_asked_for_until_they_come() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (mut browser, customer) = signed_in(&world).await;
        world.platform.add_event("attributes_changed", &customer, "available");
        world.platform.next("/latest-attributes", Next::Answer(503, problem("upstream.unreachable")));
        world.platform.next("/latest-attributes", Next::LoseAnswer);
        world.clock.advance(120);
        assert_eq!(world.bank.tick().await.unwrap().attributes_received, 0);
        assert!(browser.get("/account").await.text.contains("問い合わせています"));
        for received in [0, 1, 0] {
            world.clock.advance(5);
            assert_eq!(world.bank.tick().await.unwrap().attributes_received, received);
        }
        let keys: Vec<String> =
            world.platform.calls("/latest-attributes").into_iter().map(|c| c.key).collect();
        assert_ne!(keys[0], keys[1], "the platform said: not now");
        assert_eq!(keys[1], keys[2], "the answer was lost, not the work");
        assert_eq!(world.platform.done("/latest-attributes"), 2);
    }
}

#[tokio::test]
async fn none_newer_is_asked_again_later_under_a_new_key() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (_, customer) = signed_in(&world).await;
        world.platform.add_event("attributes_changed", &customer, "available");
        world.platform.next("/latest-attributes", Next::Answer(404, problem("latest_attributes.none_newer")));
        world.clock.advance(120);
        world.bank.tick().await.unwrap();
        world.clock.advance(5);
        world.bank.tick().await.unwrap();
        assert_eq!(world.platform.calls("/latest-attributes").len(), 1, "not every few seconds");
        world.clock.advance(5);
        assert_eq!(world.bank.tick().await.unwrap().attributes_received, 1);
        let keys: Vec<String> =
            world.platform.calls("/latest-attributes").into_iter().map(|c| c.key).collect();
        assert_ne!(keys[0], keys[1]);
    }
}

#[tokio::test]
async fn without_consent_nothing_is_asked_and_a_withdrawn_one_ends_the_asking() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (mut browser, customer) = signed_in(&world).await;
        world.clock.advance(120);
        world.platform.add_event("attributes_changed", &customer, "no_consent");
        world.bank.tick().await.unwrap();
        assert!(world.platform.calls("/latest-attributes").is_empty());
        assert!(browser.get("/account").await.text.contains("同意がないため"));
        world.platform.add_event("attributes_changed", &customer, "available");
        world.platform.next("/latest-attributes", Next::Answer(403, problem("consent.none")));
        world.bank.tick().await.unwrap();
        world.clock.advance(3600);
        world.bank.tick().await.unwrap();
        assert_eq!(world.platform.calls("/latest-attributes").len(), 1);
    }
}

#[tokio::test]
async fn a_customer_that_the_platform_does_not_know_is_asked_for_once() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (_, customer) = signed_in(&world).await;
        world.clock.advance(120);
        world.platform.add_event("attributes_changed", &customer, "available");
        world.platform.next("/latest-attributes", Next::Answer(404, problem("link.unknown")));
        for _ in 0..3 {
            world.bank.tick().await.unwrap();
            world.clock.advance(3600);
        }
        assert_eq!(world.platform.calls("/latest-attributes").len(), 1);
    }
}

#[tokio::test]
async fn a_platform_that_is_away_stops_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        world.platform.next("/completion", Next::Unavailable);
        crate::applications::apply(&mut world.browser()).await;
        world.platform.next("/change-events", Next::Unavailable);
        world.clock.advance(5);
        let tick = world.bank.tick().await.unwrap();
        assert_eq!((tick.events, tick.applications), (0, 1));
    }
}

async fn clerk_sees(world: &World) -> String {
    let page = world.browser().get("/clerk").await.text;
    let code = page.split("data-code=\"").nth(1).unwrap();
    code.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_clerk_sees_that_nothing_is_missing_or_since_when_it_is_not_known() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (_, customer) = signed_in(&world).await;
        assert_eq!(clerk_sees(&world).await, "unproven", "nothing was read yet");
        world.platform.add_event("renewed", &customer, "no_consent");
        world.bank.tick().await.unwrap();
        assert_eq!(clerk_sees(&world).await, "complete");
        let mut browser = world.browser();
        browser.lang = "en";
        assert!(browser.get("/clerk").await.text.contains("nothing is missing"));
        world.clock.advance(600);
        assert_eq!(clerk_sees(&world).await, "unproven");
    }
}

#[tokio::test]
async fn what_is_left_out_or_forged_is_not_taken_in_and_comes_right_with_the_truth() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (_, customer) = signed_in(&world).await;
        let mut taken = 0;
        for (lie, seen) in [(Lie::LeavesOut, "incomplete"), (Lie::Forges, "unverified")] {
            world.platform.add_event("renewed", &customer, "no_consent");
            world.platform.add_event("renewed", &customer, "no_consent");
            // The keys are fetched anew once, since the page may be signed with a new one.
            world.platform.lie(lie);
            assert_eq!(world.bank.tick().await.unwrap().events, 0, "{seen}");
            assert_eq!(clerk_sees(&world).await, seen);
            taken += world.bank.tick().await.unwrap().events;
            assert_eq!(clerk_sees(&world).await, "complete");
        }
        assert_eq!(taken, 4, "each once");
    }
}

#[tokio::test]
async fn a_heartbeat_that_goes_back_proves_nothing_and_the_entries_still_count() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let world = World::new(db).await;
        let (_, customer) = signed_in(&world).await;
        world.platform.add_event("renewed", &customer, "no_consent");
        world.bank.tick().await.unwrap();
        world.platform.add_event("renewed", &customer, "no_consent");
        world.platform.lie(Lie::Forgets);
        assert_eq!(world.bank.tick().await.unwrap().events, 1);
        assert_eq!(clerk_sees(&world).await, "heartbeat");
        world.bank.tick().await.unwrap();
        assert_eq!(clerk_sees(&world).await, "complete");
    }
}

#[tokio::test]
async fn two_signed_statements_that_contradict_each_other_stop_the_bank_also_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        let mut world = World::new(db).await;
        let (_, customer) = signed_in(&world).await;
        world.platform.add_event("renewed", &customer, "no_consent");
        world.bank.tick().await.unwrap();
        world.platform.add_event("renewed", &customer, "no_consent");
        world.platform.lie(Lie::Forks);
        assert_eq!(world.bank.tick().await.unwrap().events, 0);
        world.crash().await;
        let asked = world.platform.calls("/change-events").len();
        assert_eq!(world.bank.tick().await.unwrap().events, 0);
        assert_eq!(world.platform.calls("/change-events").len(), asked, "nothing is asked any more");
        assert_eq!(clerk_sees(&world).await, "stopped");
    }
}

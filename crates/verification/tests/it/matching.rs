//! Matching files: nothing is told before the resident's yes, and nothing of the attributes is kept.

use musubi_pki::{AuthorityKind, CertKey};
use musubi_platform::person::PersonId;
use musubi_verification::linking::remember;
use musubi_verification::watching::matching::search::{self, Found};
use musubi_verification::watching::matching::{self, AnswerError};
use serde_json::json;

use crate::support::authority::{Authority, HOLDER_NAME, Leaf, serial};
use crate::support::{Key, sign};
use crate::world::{World, base64, worlds};

fn line(customer: &str, name: &str) -> String {
    let line = json!({
        "customer_id": customer, "name": name, "address": "東京都清瀬市観布子南12丁目7番202号",
        "date_of_birth": "1980-02-17", "sex": "male",
    });
    format!("{line}\n")
}

async fn upload(world: &World, client: &crate::world::Client, file: String) -> Vec<String> {
    let start = json!({ "format": "ndjson", "purpose": "address_upkeep", "basis": "consent" });
    let id = world.begin(client, start).await;
    let answer = world.append(client, &id, 0, "?1", file).await;
    assert_eq!(answer.json()["state"], "complete", "{}", answer.text);
    world.results(client, &id, 0).await
}

/// A resident whose certificate is known: as after signing in to the portal.
async fn resident(world: &World) -> PersonId {
    let person = PersonId::generate(world.context().random.as_ref());
    let key = CertKey { authority: AuthorityKind::DigitalSignature, serial: serial() };
    let mut tx = world.context().db.begin().await.unwrap();
    remember(&mut tx, &key, &person, world.now()).await.unwrap();
    tx.commit().await.unwrap();
    person
}

async fn searched(world: &World, person: &PersonId, leaf: &Leaf) -> Found {
    let portal = &world.shop.registered;
    let mut tx = world.context().db.begin().await.unwrap();
    let begun = search::start(&mut tx, &world.verification, person, world.now()).await.unwrap();
    tx.commit().await.unwrap();
    let text = search::document(&world.verification, portal, &begun);
    assert!(text.contains("origin: https://portal.musubi.test\n"));
    let certificate = base64(&Authority::signature_second().issue(leaf));
    let signature = base64(&sign(Key::Holder, text.as_bytes()));
    let answer = (certificate.as_str(), signature.as_str());
    let at = world.now();
    let found = search::complete(&world.verification, portal, person, &begun.id, answer, at).await.unwrap();
    let again = search::complete(&world.verification, portal, person, &begun.id, answer, at).await;
    assert!(again.is_err(), "one use");
    found
}

#[tokio::test]
async fn only_the_residents_yes_links_watches_and_tells() {
    for world in worlds().await {
        let person = resident(&world).await;
        let file = [line("c-1", "黒桐 幹也"), line("c-2", "別の 人"), line("c-1", HOLDER_NAME)].concat();
        assert_eq!(
            upload(&world, &world.bank, file).await,
            ["1 c-1 awaiting_confirmation", "2 c-2 awaiting_confirmation", "3 c-1 duplicate_line"],
            "{}",
            world.engine()
        );
        assert!(world.told(&world.bank, 0).await.is_empty());
        assert!(matches!(searched(&world, &person, &Leaf::signature()).await, Found::Companies(1)));
        let (context, at) = (world.context(), world.now());
        let bank = &world.bank.registered.id;
        let mut tx = context.db.begin().await.unwrap();
        let offered = matching::offered(&mut tx, &person, at).await.unwrap();
        assert_eq!(offered.iter().map(|o| o.customer_id.as_str()).collect::<Vec<_>>(), ["c-1"]);
        let stranger = PersonId::generate(context.random.as_ref());
        for (who, customer) in [(&stranger, "c-1"), (&person, "c-2"), (&person, "c-3")] {
            let answer = matching::confirm(&mut tx, context, who, (bank, customer), at).await;
            assert!(matches!(answer, Err(AnswerError::Unknown)));
        }
        matching::confirm(&mut tx, context, &person, (bank, "c-1"), at).await.unwrap();
        let twice = matching::confirm(&mut tx, context, &person, (bank, "c-1"), at).await;
        assert!(matches!(twice, Err(AnswerError::Unknown)));
        tx.commit().await.unwrap();
        assert_eq!(world.counted(&world.bank).await, 1);
        let told = world.told(&world.bank, 0).await;
        assert_eq!((&told[0].1["change"], &told[0].1["customer_id"]), (&json!("confirmed"), &json!("c-1")));
        let read = world.call(&world.bank, "GET", "/v1/watched-customers/c-1", None).await.json();
        assert_eq!((&read["purpose"], &read["basis"]), (&json!("address_upkeep"), &json!("consent")));
        assert_eq!(world.audited(&person).await[..2], ["matching.confirmed", "matching.searched"]);
    }
}

#[tokio::test]
async fn a_no_is_remembered_and_the_relying_party_sees_no_difference() {
    for world in worlds().await {
        let person = resident(&world).await;
        let before = upload(&world, &world.bank, line("c-1", HOLDER_NAME)).await;
        searched(&world, &person, &Leaf::signature()).await;
        let (context, at, bank) = (world.context(), world.now(), &world.bank.registered.id);
        let mut tx = context.db.begin().await.unwrap();
        matching::refuse(&mut tx, context, &person, (bank, "c-1"), at).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(upload(&world, &world.bank, line("c-1", HOLDER_NAME)).await, before);
        assert!(matches!(searched(&world, &person, &Leaf::signature()).await, Found::Companies(0)));
        assert_eq!(world.counted(&world.bank).await, 0);
        assert!(world.told(&world.bank, 0).await.is_empty(), "{}", world.engine());
    }
}

#[tokio::test]
async fn attributes_cannot_be_guessed_through_one_customer_id_and_tags_end_after_a_year() {
    for world in worlds().await {
        let person = resident(&world).await;
        for guess in 0..5 {
            let name = format!("推測 {guess}");
            let results = upload(&world, &world.bank, line("c-1", &name)).await;
            assert_eq!(results, ["1 c-1 awaiting_confirmation"]);
        }
        let results = upload(&world, &world.bank, line("c-1", HOLDER_NAME)).await;
        assert_eq!(results, ["1 c-1 refused.matching.too_many_attempts"], "{}", world.engine());
        assert!(matches!(searched(&world, &person, &Leaf::signature()).await, Found::Companies(0)));
        upload(&world, &world.bank, line("c-2", HOLDER_NAME)).await;
        let mut tx = world.context().db.begin().await.unwrap();
        let later = world.now().plus(matching::KEPT);
        assert!(matching::delete_expired(&mut tx, later).await.unwrap() >= 2);
        tx.commit().await.unwrap();
        assert!(matches!(searched(&world, &person, &Leaf::signature()).await, Found::Companies(0)));
    }
}

#[tokio::test]
async fn a_substituted_character_or_somebody_elses_card_matches_nobody() {
    for world in worlds().await {
        let person = resident(&world).await;
        upload(&world, &world.bank, line("c-1", HOLDER_NAME)).await;
        let substituted = Leaf::signature().with_personal_data(|data| "10000".clone_into(&mut data[4].1));
        assert!(matches!(searched(&world, &person, &substituted).await, Found::Substituted));
        let stranger = PersonId::generate(world.context().random.as_ref());
        assert!(matches!(searched(&world, &stranger, &Leaf::signature()).await, Found::SomebodyElse));
        let mut tx = world.context().db.begin().await.unwrap();
        assert!(matching::offered(&mut tx, &stranger, world.now()).await.unwrap().is_empty());
    }
}

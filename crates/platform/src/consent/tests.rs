use musubi_store::StoreError;

use super::*;
use crate::test_support::{NOW, World, worlds};

async fn new_consent(world: &World) -> NewConsent {
    let random = &*world.context.random;
    NewConsent {
        id: ConsentId::generate(random),
        relying_party: world.client().await.id,
        person: PersonId::generate(random),
        items: vec![Item::Address, Item::Name, Item::Address],
        text_sha256: text_digest("同意します"),
        valid_from: NOW,
        valid_until: NOW.plus(1000),
    }
}

#[tokio::test]
async fn a_consent_counts_for_its_relying_party_within_its_time() {
    for world in worlds().await {
        let new = new_consent(&world).await;
        let mut tx = world.context.db.begin().await.unwrap();
        let given = grant(&mut tx, &new, &*world.context.random, NOW).await.unwrap();
        assert_eq!(given.items, [Item::Name, Item::Address], "in order, each once");
        for inside in [NOW, NOW.plus(999)] {
            let active = active_for(&mut tx, &new.relying_party, &new.person, inside).await.unwrap();
            assert_eq!(active.as_ref(), Some(&given));
        }
        for outside in [NOW.plus(-1), NOW.plus(1000)] {
            assert_eq!(active_for(&mut tx, &new.relying_party, &new.person, outside).await.unwrap(), None);
        }
        let stranger = PersonId::generate(&*world.context.random);
        let other_party = RelyingPartyId::generate(&*world.context.random);
        assert_eq!(active_for(&mut tx, &new.relying_party, &stranger, NOW).await.unwrap(), None);
        assert_eq!(active_for(&mut tx, &other_party, &new.person, NOW).await.unwrap(), None);
        assert_eq!(by_id(&mut tx, &given.id).await.unwrap(), Some(given));
        tx.commit().await.unwrap();
        assert_eq!(world.audited().await, ["relying_party.registered", "consent.granted"]);
    }
}

#[tokio::test]
async fn of_two_consents_the_later_counts_and_after_its_withdrawal_the_earlier() {
    for world in worlds().await {
        let random = &*world.context.random;
        let first = new_consent(&world).await;
        let second = NewConsent { id: ConsentId::generate(random), items: vec![Item::Sex], ..first.clone() };
        let mut tx = world.context.db.begin().await.unwrap();
        grant(&mut tx, &first, random, NOW).await.unwrap();
        grant(&mut tx, &second, random, NOW.plus(1)).await.unwrap();
        let active =
            active_for(&mut tx, &first.relying_party, &first.person, NOW.plus(1)).await.unwrap().unwrap();
        assert_eq!(active.id, second.id);
        withdraw(&mut tx, &second.id, &second.person, random, NOW.plus(2)).await.unwrap();
        let active =
            active_for(&mut tx, &first.relying_party, &first.person, NOW.plus(2)).await.unwrap().unwrap();
        assert_eq!(active.id, first.id);
        let all: Vec<_> =
            by_person(&mut tx, &first.person).await.unwrap().into_iter().map(|c| c.id).collect();
        assert_eq!(all, [second.id, first.id]);
    }
}

#[tokio::test]
async fn only_its_person_withdraws_a_consent_and_only_once() {
    for world in worlds().await {
        let random = &*world.context.random;
        let new = new_consent(&world).await;
        let mut tx = world.context.db.begin().await.unwrap();
        grant(&mut tx, &new, random, NOW).await.unwrap();
        let stranger = PersonId::generate(random);
        assert_eq!(withdraw(&mut tx, &new.id, &stranger, random, NOW).await.unwrap(), Withdrawal::Unknown);
        assert!(active_for(&mut tx, &new.relying_party, &new.person, NOW).await.unwrap().is_some());
        let withdrawn = withdraw(&mut tx, &new.id, &new.person, random, NOW.plus(5)).await.unwrap();
        assert!(matches!(&withdrawn, Withdrawal::Withdrawn(c) if c.withdrawn_at == Some(NOW.plus(5))));
        assert_eq!(active_for(&mut tx, &new.relying_party, &new.person, NOW.plus(5)).await.unwrap(), None);
        let again = withdraw(&mut tx, &new.id, &new.person, random, NOW.plus(9)).await.unwrap();
        assert!(matches!(&again, Withdrawal::AlreadyWithdrawn(c) if c.withdrawn_at == Some(NOW.plus(5))));
        tx.commit().await.unwrap();
        let expected = ["relying_party.registered", "consent.granted", "consent.withdrawn"];
        assert_eq!(world.audited().await, expected);
    }
}

#[tokio::test]
async fn a_consent_to_nothing_for_no_time_or_to_nobody_is_refused() {
    for world in worlds().await {
        let random = &*world.context.random;
        let good = new_consent(&world).await;
        let stranger = RelyingPartyId::generate(random);
        for bad in [
            NewConsent { items: vec![], ..good.clone() },
            NewConsent { valid_until: NOW, ..good.clone() },
            NewConsent { relying_party: stranger, ..good.clone() },
        ] {
            let mut tx = world.context.db.begin().await.unwrap();
            let refused = grant(&mut tx, &bad, random, NOW).await;
            assert!(matches!(refused, Err(StoreError::Constraint)), "{refused:?}");
        }
    }
}

#[test]
fn items_have_one_name_on_the_wire_and_in_the_database() {
    for item in Item::ALL {
        assert_eq!(serde_json::to_value(item).unwrap(), item.as_str());
        assert_eq!(item.as_str().parse(), Ok(item));
    }
    assert_eq!("my_number".parse::<Item>(), Err(ItemError));
}

//! Watching one by one.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, CertKey, SerialNumber};
use musubi_platform::person::PersonId;
use musubi_verification::linking::{Link, remember};
use musubi_verification::watching::{self, WatchError};
use serde_json::json;

use crate::world::{World, worlds};

fn ground(purpose: &str, basis: &str) -> serde_json::Value {
    json!({ "purpose": purpose, "basis": basis, "reference": "No. 7" })
}

async fn put(world: &World, customer: &str, body: serde_json::Value) -> crate::world::Answer {
    world.call(&world.bank, "PUT", &format!("/v1/watched-customers/{customer}"), Some(body)).await
}

#[tokio::test]
async fn beginning_changing_and_ending_are_counted_told_and_recorded() {
    for world in worlds().await {
        let persons = world.link(&world.bank, 1..4).await;
        let before = world.told(&world.bank, 0).await.len() as u64;
        assert_eq!(world.counted(&world.bank).await, 0);
        let answer = put(&world, "c-1", ground("benefit_payment", "law")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["outcome"]), (200, &json!("began")));
        assert_eq!(answer.json()["customer"]["basis"], "law");
        assert!(answer.json()["audit"]["index"].is_number());
        assert_eq!(world.counted(&world.bank).await, 1);
        // The same again changes nothing and tells nothing.
        let again = put(&world, "c-1", ground("benefit_payment", "law")).await;
        assert_eq!((&again.json()["outcome"], &again.json()["audit"]), (&json!("unchanged"), &json!(null)));
        let changed = put(&world, "c-1", ground("address_upkeep", "consent")).await;
        assert_eq!(changed.json()["outcome"], "changed");
        put(&world, "c-3", ground("benefit_payment", "contract")).await;
        assert_eq!(world.counted(&world.bank).await, 2);
        let read = world.call(&world.bank, "GET", "/v1/watched-customers/c-1", None).await;
        assert_eq!(read.json()["purpose"], "address_upkeep");
        let page = world.call(&world.bank, "GET", "/v1/watched-customers?limit=1", None).await.json();
        assert_eq!((&page["customers"][0]["customer_id"], &page["next"]), (&json!("c-1"), &json!("c-1")));
        let page = world.call(&world.bank, "GET", "/v1/watched-customers?after=c-1", None).await.json();
        assert_eq!((&page["customers"][0]["customer_id"], &page["next"]), (&json!("c-3"), &json!(null)));
        let ended = world.call(&world.bank, "DELETE", "/v1/watched-customers/c-1", None).await;
        assert_eq!(ended.status, 200, "{}", ended.text);
        assert_eq!(world.counted(&world.bank).await, 1);
        let again = world.call(&world.bank, "DELETE", "/v1/watched-customers/c-1", None).await;
        assert_eq!(again.code(), (404, "watch.none".into()));
        let read = world.call(&world.bank, "GET", "/v1/watched-customers/c-1", None).await;
        assert_eq!(read.code(), (404, "watch.none".into()));
        let told: Vec<_> = world
            .told(&world.bank, before)
            .await
            .into_iter()
            .map(|(kind, body)| format!("{kind} {} {}", body["change"], body["customer_id"]))
            .collect();
        assert_eq!(
            told,
            [
                r#"watch "began" "c-1""#,
                r#"watch "changed" "c-1""#,
                r#"watch "began" "c-3""#,
                r#"watch "ended" "c-1""#
            ],
            "{}",
            world.engine()
        );
        assert_eq!(
            world.audited(&persons[0]).await[..3],
            ["watching.ended", "watching.changed", "watching.begun"]
        );
    }
}

#[tokio::test]
async fn who_is_not_linked_here_cannot_be_watched_and_is_told_how_to_link() {
    for world in worlds().await {
        world.link(&world.shop, 9..10).await;
        for customer in ["c-9", "nobody"] {
            let answer = put(&world, customer, ground("benefit_payment", "law")).await;
            assert_eq!(answer.code(), (404, "watch.not_linked".into()));
            assert!(answer.text.contains("/v1/identity-proofings"));
        }
        world.link(&world.bank, 1..2).await;
        for (body, field) in [
            (json!({ "purpose": "marketing", "basis": "law", "reference": "x" }), "purpose"),
            (json!({ "purpose": "benefit_payment", "basis": "wish" }), "basis"),
            (json!({ "purpose": "benefit_payment", "basis": "identity_proofing" }), "basis"),
            (json!({ "purpose": "benefit_payment", "basis": "law" }), "reference"),
            (json!({ "purpose": "benefit_payment", "basis": "law", "reference": "a\nb" }), "reference"),
        ] {
            let answer = put(&world, "c-1", body).await;
            assert_eq!((answer.code().0, answer.json()["field"].as_str()), (422, Some(field)));
        }
        assert_eq!(world.counted(&world.bank).await, 0);
    }
}

#[tokio::test]
async fn an_objection_ends_what_rests_on_consent_and_nothing_else() {
    for world in worlds().await {
        let person = world.link(&world.bank, 1..2).await.remove(0);
        let (bank, context) = (&world.bank.registered.id, world.context());
        put(&world, "c-1", ground("address_upkeep", "law")).await;
        let mut tx = context.db.begin().await.unwrap();
        let refused = watching::object(&mut tx, context, bank, &person, world.now()).await;
        assert!(matches!(refused, Err(WatchError::NotWatched)));
        drop(tx);
        put(&world, "c-1", ground("address_upkeep", "consent")).await;
        let mut tx = context.db.begin().await.unwrap();
        watching::object(&mut tx, context, bank, &person, world.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(world.counted(&world.bank).await, 0);
        let told = world.told(&world.bank, 0).await;
        assert_eq!(told.last().unwrap().1["change"], "objected");
        let again = put(&world, "c-1", ground("address_upkeep", "consent")).await;
        assert_eq!(again.code(), (409, "watch.objected".into()));
        assert_eq!(put(&world, "c-1", ground("address_upkeep", "contract")).await.status, 200);
        world.call(&world.bank, "DELETE", "/v1/watched-customers/c-1", None).await;
        let mut tx = context.db.begin().await.unwrap();
        assert!(watching::take_back_objection(&mut tx, context, bank, &person, world.now()).await.unwrap());
        assert!(!watching::take_back_objection(&mut tx, context, bank, &person, world.now()).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(put(&world, "c-1", ground("address_upkeep", "consent")).await.status, 200);
        assert_eq!(world.counted(&world.bank).await, 1);
    }
}

#[tokio::test]
async fn a_proofed_customer_counts_once_however_often_they_are_proofed() {
    for world in worlds().await {
        let context = world.context();
        let person = PersonId::generate(context.random.as_ref());
        let serial = SerialNumber::from(77);
        let key = CertKey { authority: AuthorityKind::DigitalSignature, serial: serial.clone() };
        for customer_id in ["c-1", "c-1", "c-2"] {
            let link = Link {
                relying_party: world.bank.registered.id.clone(),
                person: person.clone(),
                customer_id: customer_id.into(),
                attributes_serial: serial.clone(),
            };
            let mut tx = context.db.begin().await.unwrap();
            remember(&mut tx, &key, &person, UnixTime(1)).await.unwrap();
            watching::save_proofed_link(&mut tx, context, &link, UnixTime(1)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(world.counted(&world.bank).await, 1, "{}", world.engine());
        }
        let page = world.call(&world.bank, "GET", "/v1/watched-customers", None).await.json();
        assert_eq!(page["customers"].as_array().unwrap().len(), 1);
        assert_eq!(page["customers"][0]["basis"], "identity_proofing");
    }
}

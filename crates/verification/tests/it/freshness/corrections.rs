//! Corrections: whoever was told "good" is told when later evidence says otherwise.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, CertKey, RevocationReason, SerialNumber};
use musubi_platform::change_stream;
use musubi_verification::change_check::Source;
use musubi_verification::freshness;
use musubi_verification::linking::Revocation;
use serde_json::{Value, json};

use super::support::{DAY, HOUR, NOW};
use super::world::{Revoked, worlds};

const WHY: RevocationReason = RevocationReason::KeyCompromise;

#[tokio::test]
async fn everyone_who_was_told_good_is_told_and_nobody_else() {
    for world in worlds().await {
        let (bank, clinic, other) = (world.client().await, world.client().await, world.client().await);
        world.publish(1, &[]);
        assert!(world.round().await);
        let before = world.sign_in(&bank, 1).await;
        world.advance(2 * HOUR);
        let at_bank = world.sign_in(&bank, 1).await;
        let at_clinic = world.sign_in(&clinic, 1).await;
        world.sign_in(&other, 2).await;
        // Revoked between the answers; the list comes after them.
        world.advance(HOUR);
        world.publish(2, &[Revoked(1, NOW.plus(HOUR), WHY)]);
        assert!(world.round().await);
        for (client, answer) in [(&bank, &at_bank), (&clinic, &at_clinic)] {
            let told = world.told(client, "correction").await;
            assert_eq!(told.len(), 1, "{told:?}");
            let body = &told[0];
            assert_eq!(body["answer"], answer.str("id"));
            assert_ne!(body["answer"], before.str("id"), "that one was right when it was given");
            assert_eq!(
                (&body["said"], &body["now"], &body["answer_kind"]),
                (&json!("good"), &json!("revoked"), &json!("entitlement_check"))
            );
            assert_eq!(body["occurred_at"], NOW.plus(HOUR).rfc3339());
            assert_eq!(body["evidence"]["list_number"], 2);
            // Nobody watches the holder there: no more is told than that it was revoked.
            assert_eq!((&body["change"], &body["evidence"]["reason"]), (&json!("not_told"), &Value::Null));
        }
        assert!(world.stream(&other).await.is_empty());
        let metered = counted(&world, &bank.id.to_string()).await;
        assert_eq!(metered, 1);
        let mut tx = world.context().db.begin_read().await.unwrap();
        let size = musubi_platform::audit::checkpoint(&mut tx).await.unwrap().size;
        let mut audited = 0;
        for index in 0..size {
            let record = musubi_platform::audit::record(&mut tx, index).await.unwrap().unwrap();
            audited += usize::from(record.kind == "answer.corrected");
        }
        assert_eq!(audited, 2);
    }
}

async fn counted(world: &super::world::World, relying_party: &str) -> i64 {
    let mut tx = world.context().db.begin_read().await.unwrap();
    let row = tx
        .query_one(
            "SELECT count FROM metering WHERE relying_party_id = $1 AND item = 'correction'",
            &[relying_party.into()],
        )
        .await
        .unwrap();
    row.int("count").unwrap()
}

#[tokio::test]
async fn a_customer_who_is_watched_is_named_with_the_kind_of_change() {
    for world in worlds().await {
        let client = world.client().await;
        world.publish(1, &[]);
        assert!(world.round().await);
        world.link(&client, 1, "c-1").await;
        world.advance(HOUR);
        world.change_check(&client, "c-1").await;
        world.publish(2, &[Revoked(1, NOW.plus(60), RevocationReason::AffiliationChanged)]);
        assert!(world.round().await);
        let told = world.told(&client, "correction").await;
        let checks: Vec<_> = told.iter().filter(|body| body["answer_kind"] == "change_check").collect();
        assert_eq!(checks.len(), 1, "the other certificate was only named by the authority: {told:?}");
        assert_eq!(
            (&checks[0]["customer_id"], &checks[0]["change"], &checks[0]["certificate_kind"]),
            (&json!("c-1"), &json!("attributes_changed"), &json!("digital_signature"))
        );
        assert_eq!(checks[0]["evidence"]["reason"], "affiliationChanged");
        assert_eq!(told.len(), 1, "the proofing was before the revocation");
        assert_eq!(
            world.told(&client, "change").await.len(),
            2,
            "and the change itself, of each certificate"
        );
    }
}

#[tokio::test]
async fn many_named_certificates_are_looked_for_at_once_and_each_answer_is_corrected_once() {
    for world in worlds().await {
        let client = world.client().await;
        world.publish(1, &[]);
        assert!(world.round().await);
        for serial in 1..=3 {
            world.sign_in(&client, serial).await;
        }
        let authority = AuthorityKind::UserAuthentication;
        let source = Source { authority, key_id: "00".into(), number: 9, this_update: world.now() };
        // Five thousand entries of which three were answered for, and one of those only later revoked.
        let named: Vec<Revocation> = (0..5_000_u32)
            .map(|n| Revocation {
                key: CertKey { authority, serial: SerialNumber::from(0x20_0000 + n) },
                at: if n == 3 { NOW.plus(DAY) } else { NOW.plus(-1) },
                reason: WHY,
            })
            .collect();
        let context = world.context();
        for expected in [2, 0] {
            let mut tx = context.db.begin().await.unwrap();
            let entries =
                freshness::corrections_for(&mut tx, context, &source, &named, world.now()).await.unwrap();
            assert_eq!(entries.len(), expected);
            change_stream::append_all(&mut tx, context, entries, world.now()).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(world.told(&client, "correction").await.len(), 2);
    }
}

#[tokio::test]
async fn an_answer_is_forgotten_when_nothing_can_contradict_it_any_more() {
    for world in worlds().await {
        let client = world.client().await;
        world.publish(1, &[]);
        assert!(world.round().await);
        world.sign_in(&client, 1).await;
        let context = world.context();
        let forgotten = async |kept: i64, at: UnixTime| {
            let mut tx = context.db.begin().await.unwrap();
            let count = freshness::forget(&mut tx, kept, at).await.unwrap();
            tx.commit().await.unwrap();
            count
        };
        let end = NOW.plus(1000 * DAY);
        assert_eq!(forgotten(freshness::ANSWERS_KEPT, end).await, 0, "the certificate is still in force");
        assert_eq!(forgotten(1000 * DAY, end).await, 0);
        assert_eq!(forgotten(freshness::ANSWERS_KEPT, end.plus(DAY + 1)).await, 1);
        world.sign_in(&client, 2).await;
        assert_eq!(forgotten(DAY, NOW.plus(DAY + 1)).await, 1, "or the operator keeps answers no longer");
    }
}

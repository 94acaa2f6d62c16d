//! The sequence, on both engines.

use musubi_feed::{CREDENTIAL_CHANGE, Event, VerifyingKey, open_entry};

use super::{NewEntry, after, append_all, customers_changed, head, stream_of};
use crate::metering::{FeeTable, Month, monthly_report};
use crate::test_support::{NOW, worlds};
use crate::{PersonId, RelyingPartyId};

fn entry(relying_party: &RelyingPartyId, customer: &str, person: Option<PersonId>) -> NewEntry {
    let body = serde_json::json!({ "change": "renewed", "customer_id": customer });
    let event = Event::about(CREDENTIAL_CHANGE, "pw_x".into(), body.as_object().unwrap().clone());
    NewEntry { relying_party: relying_party.clone(), person, event }
}

#[tokio::test]
async fn each_relying_party_has_its_own_gapless_chain_which_continues_over_transactions() {
    for world in worlds().await {
        let context = &world.context;
        let [bank, shop] = ["a", "b"].map(|digit| format!("rp_{}", digit.repeat(32)).parse().unwrap());
        let person = PersonId::generate(context.random.as_ref());
        let mut tx = context.db.begin().await.unwrap();
        let new = vec![
            entry(&shop, "s-1", None),
            entry(&bank, "b-1", Some(person.clone())),
            entry(&shop, "s-2", None),
        ];
        assert_eq!(append_all(&mut tx, context, new, NOW).await.unwrap(), [1, 1, 2]);
        customers_changed(&mut tx, context, &bank, 3).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = context.db.begin().await.unwrap();
        assert_eq!(append_all(&mut tx, context, vec![entry(&shop, "s-3", None)], NOW).await.unwrap(), [3]);
        customers_changed(&mut tx, context, &bank, -1).await.unwrap();
        let keys = [VerifyingKey::new(context.signing_key.public_key())];
        let stream = stream_of(context, &shop);
        let mut last = stream.start();
        for stored in after(&mut tx, &shop, 0, 100).await.unwrap() {
            let opened = open_entry(&stored.token, &stream, &keys).unwrap();
            assert_eq!((opened.previous, opened.position.sequence), (last.hash, last.sequence + 1));
            last = opened.position;
        }
        assert_eq!(last.sequence, 3);
        assert_eq!(head(&mut tx, context, &shop).await.unwrap().last, last);
        assert_eq!(head(&mut tx, context, &bank).await.unwrap().customers, 2);
        let report = monthly_report(&mut tx, &shop, Month::at(NOW), &FeeTable::default()).await.unwrap();
        let counted: Vec<_> = report.lines.iter().map(|line| (line.item.name, line.count)).collect();
        assert_eq!(counted, [("change_event", 3)], "what is told is counted");
        let of_bank = after(&mut tx, &bank, 0, 100).await.unwrap();
        assert_eq!(of_bank[0].person, Some(person));
        assert!(after(&mut tx, &bank, 1, 100).await.unwrap().is_empty());
        let mut heads = super::heads(&mut tx).await.unwrap();
        heads.sort();
        assert_eq!(heads, [(bank.clone(), 1), (shop.clone(), 3)]);
        let tokens = after(&mut tx, &shop, 0, 100).await.unwrap();
        let length: usize = tokens[1..].iter().map(|entry| entry.token.len()).sum();
        assert_eq!(super::size(&mut tx, &shop, 1, 3).await.unwrap(), length as u64);
        assert_eq!(super::size(&mut tx, &shop, 3, 3).await.unwrap(), 0);
        let nobody: RelyingPartyId = format!("rp_{}", "c".repeat(32)).parse().unwrap();
        let stream = stream_of(context, &nobody);
        assert_eq!(head(&mut tx, context, &nobody).await.unwrap().last, stream.start());
    }
}

use super::*;
use crate::test_support::{NOW, World, worlds};

async fn opened(world: &World) -> (PersonId, String) {
    let person = PersonId::generate(&*world.context.random);
    let mut tx = world.context.db.begin().await.unwrap();
    let token = open(&mut tx, &person, &*world.context.random, NOW).await.unwrap();
    tx.commit().await.unwrap();
    (person, token.expose().clone())
}

#[tokio::test]
async fn a_session_is_found_by_its_token_and_gone_when_closed() {
    for world in worlds().await {
        let db = &world.context.db;
        let (person, token) = opened(&world).await;
        assert_eq!(token.len(), 43);
        assert_eq!(find(db, &token, NOW).await.unwrap().unwrap().person, person);
        for wrong in ["", "x", &token[1..], &token.to_lowercase()] {
            assert_eq!(find(db, wrong, NOW).await.unwrap(), None);
        }
        let mut tx = db.begin().await.unwrap();
        assert_eq!(close(&mut tx, &token, &*world.context.random, NOW).await.unwrap(), Some(person));
        assert_eq!(close(&mut tx, &token, &*world.context.random, NOW).await.unwrap(), None);
        tx.commit().await.unwrap();
        assert_eq!(find(db, &token, NOW).await.unwrap(), None);
        assert_eq!(world.audited().await, ["session.opened", "session.closed"]);
    }
}

#[tokio::test]
async fn a_session_ends_after_30_minutes_unused_and_after_8_hours_in_any_case() {
    for world in worlds().await {
        let db = &world.context.db;
        let (_, unused) = opened(&world).await;
        assert!(find(db, &unused, NOW.plus(59)).await.unwrap().is_some(), "too soon to be written down");
        assert!(find(db, &unused, NOW.plus(MAX_IDLE)).await.unwrap().is_none());
        let (_, used) = opened(&world).await;
        let mut at = 0;
        while at < MAX_AGE - 1 {
            assert!(find(db, &used, NOW.plus(at)).await.unwrap().is_some(), "{at}");
            at = (at + MAX_IDLE - 1).min(MAX_AGE - 1);
        }
        assert!(find(db, &used, NOW.plus(MAX_AGE - 1)).await.unwrap().is_some());
        assert!(find(db, &used, NOW.plus(MAX_AGE)).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn the_database_never_holds_the_token() {
    for world in worlds().await {
        let (_, token) = opened(&world).await;
        let mut tx = world.context.db.begin_read().await.unwrap();
        let rows = tx.query("SELECT token_sha256, person FROM portal_session", &[]).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].blob("token_sha256").unwrap(), musubi_crypto::sha256(token.as_bytes()));
        let records = tx.query("SELECT record FROM audit_record", &[]).await.unwrap();
        assert!(records.iter().all(|row| !row.text("record").unwrap().contains(&token)));
    }
}

#[tokio::test]
async fn what_has_expired_is_purged_and_nothing_else() {
    for world in worlds().await {
        let (_, token) = opened(&world).await;
        let purge = async |at| {
            let mut tx = world.context.db.begin().await.unwrap();
            let gone = crate::purge_expired(&mut tx, at).await.unwrap();
            tx.commit().await.unwrap();
            gone
        };
        assert_eq!(purge(NOW.plus(MAX_IDLE - 1)).await, 0);
        assert!(find(&world.context.db, &token, NOW).await.unwrap().is_some());
        assert_eq!(purge(NOW.plus(MAX_IDLE)).await, 1);
        assert_eq!(find(&world.context.db, &token, NOW).await.unwrap(), None);
    }
}

//! The store on both engines: PostgreSQL where `MUSUBI_TEST_POSTGRES` names a server.

#![cfg(test)]

use std::path::Path;

use musubi_kernel::UnixTime;
use musubi_store::{Db, Migration, StoreError, Value};

const SCHEMA: &[Migration] = &[Migration {
    name: "probe/0001_table",
    sql: "CREATE TABLE probe (id {text} PRIMARY KEY, n {int}, b {blob}, note {text});",
}];

async fn databases(dir: &Path) -> Vec<Db> {
    let mut out = vec![Db::open_sqlite(&dir.join("probe.sqlite")).await.unwrap()];
    out.extend(musubi_store::testing::postgres_schema().await);
    out
}

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        db.migrate(SCHEMA, UnixTime(0)).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let insert = "INSERT INTO probe (id, n, b, note) VALUES ($1, $2, $3, $4)";
        tx.execute(insert, &["a".into(), 7_i64.into(), [1_u8; 32].into(), "結び".into()]).await.unwrap();
        tx.execute(insert, &["b".into(), Value::Int(None), Value::Blob(None), Value::Text(None)])
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.begin_read().await.unwrap();
        let rows = tx.query("SELECT id, n, b, note FROM probe ORDER BY id", &[]).await.unwrap();
        assert_eq!(rows[0].int("n").unwrap(), 7);
        assert_eq!(rows[0].blob("b").unwrap(), vec![1; 32]);
        assert_eq!(rows[0].text("note").unwrap(), "結び");
        assert_eq!(rows[1].int_opt("n").unwrap(), None);
        assert_eq!(rows[1].blob_opt("b").unwrap(), None);
        assert!(matches!(rows[0].int("note"), Err(StoreError::Column("note"))));
    }
}

#[tokio::test]
async fn a_dropped_transaction_changes_nothing_and_a_broken_constraint_is_told() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        db.migrate(SCHEMA, UnixTime(0)).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO probe (id) VALUES ($1)", &["a".into()]).await.unwrap();
        drop(tx);
        let mut tx = db.begin().await.unwrap();
        assert!(tx.query("SELECT id FROM probe", &[]).await.unwrap().is_empty());
        tx.execute("INSERT INTO probe (id) VALUES ($1)", &["a".into()]).await.unwrap();
        let twice = tx.execute("INSERT INTO probe (id) VALUES ($1)", &["a".into()]).await;
        assert!(matches!(twice, Err(StoreError::Constraint)), "{}", db.engine());
    }
}

#[tokio::test]
async fn a_migration_runs_once_and_a_changed_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        db.migrate(SCHEMA, UnixTime(0)).await.unwrap();
        db.migrate(SCHEMA, UnixTime(0)).await.unwrap();
        let changed = [Migration { name: SCHEMA[0].name, sql: "CREATE TABLE other (id {text})" }];
        assert!(matches!(db.migrate(&changed, UnixTime(0)).await, Err(StoreError::Migration(_))));
    }
}

#[tokio::test]
async fn row_counts_name_every_table() {
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        db.migrate(SCHEMA, UnixTime(0)).await.unwrap();
        let counts = musubi_store::testing::row_counts(&db).await.unwrap();
        assert_eq!(counts, [("probe".to_owned(), 0), ("schema_migration".to_owned(), 1)].into());
        let mut tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO probe (id) VALUES ('a'), ('b')", &[]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(musubi_store::testing::row_counts(&db).await.unwrap()["probe"], 2);
    }
}

#[tokio::test]
async fn many_rows_go_in_and_come_out_as_they_were_and_a_broken_constraint_is_told() {
    const PROBE: musubi_store::Target =
        musubi_store::Target { table: "probe", columns: &["id", "n", "b", "note"] };
    let dir = tempfile::tempdir().unwrap();
    for db in databases(dir.path()).await {
        db.migrate(SCHEMA, UnixTime(0)).await.unwrap();
        let row = |n: i64| {
            let note = (n % 3 != 0).then(|| format!("\\N\t結び\r\n{n}\\"));
            let blob = (n % 2 == 0).then(|| vec![0, 0x5C, u8::try_from(n % 256).unwrap()]);
            vec![format!("{n:05}").into(), n.into(), Value::Blob(blob), Value::Text(note)]
        };
        let mut tx = db.begin().await.unwrap();
        assert_eq!(tx.insert_many(PROBE, []).await.unwrap(), 0);
        assert_eq!(tx.insert_many(PROBE, (0..4_345).map(row)).await.unwrap(), 4_345);
        let mut seen = Vec::new();
        let select = "SELECT id, n, note FROM probe WHERE n >= $1 ORDER BY id";
        let count = tx
            .for_each(select, &[3_i64.into()], |row| {
                let note = if row.is_null(2)? { None } else { Some(row.text(2)?.to_owned()) };
                seen.push((row.text(0)?.to_owned(), row.int_opt(1)?, note));
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(count, 4_342);
        assert_eq!(seen[0], ("00003".into(), Some(3), None));
        assert_eq!(seen[1], ("00004".into(), Some(4), Some("\\N\t結び\r\n4\\".into())));
        let rows = tx.query("SELECT b FROM probe WHERE n = 10", &[]).await.unwrap();
        assert_eq!(rows[0].blob("b").unwrap(), [0, 0x5C, 10]);
        assert!(matches!(tx.insert_many(PROBE, [vec![1_i64.into()]]).await, Err(StoreError::Column(_))));
        tx.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let twice = tx.insert_many(PROBE, (4_340..4_350).map(row)).await;
        assert!(matches!(twice, Err(StoreError::Constraint)), "{}", db.engine());
    }
}

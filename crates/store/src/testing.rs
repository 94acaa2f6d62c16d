//! For tests of every crate: a private, empty schema on the PostgreSQL server that `MUSUBI_TEST_POSTGRES` names,
//! and a look at a whole database.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::{Db, StoreError};

/// Says on standard error, once, that something is not tested here, and why. Written past `cargo test`, which
/// swallows what passing tests print.
///
/// # Panics
/// Where `CI` is set: there nothing may be left out.
#[allow(clippy::panic, reason = "for tests only")]
pub fn left_out(what: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    assert!(std::env::var_os("CI").is_none(), "in CI nothing may be left out: {what}");
    if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned()) {
        drop(writeln!(std::io::stderr(), "left out: {what}"));
    }
}

/// A database whose tables nobody else sees. Where the variable is not set: `None`, and it is said.
///
/// # Panics
/// If the variable is set but the server does not answer: a test must not pass by leaving it out.
#[allow(clippy::expect_used, clippy::missing_panics_doc, reason = "for tests only")]
pub async fn postgres_schema() -> Option<Db> {
    Some(Db::connect_postgres(&postgres_schema_url().await?).await.expect("PostgreSQL answers"))
}

/// As [`postgres_schema`], but the address: for a server that is started as a process of its own.
///
/// # Panics
/// If the variable is set but the server does not answer.
#[allow(clippy::expect_used, reason = "for tests only")]
pub async fn postgres_schema_url() -> Option<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Ok(server) = std::env::var("MUSUBI_TEST_POSTGRES") else {
        left_out("PostgreSQL (MUSUBI_TEST_POSTGRES names no server)");
        return None;
    };
    let schema = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let db = Db::connect_postgres(&server).await.expect("PostgreSQL answers");
    let mut tx = db.begin().await.expect("PostgreSQL answers");
    let script = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
    Db::run_script(&mut tx, script).await.expect("the test user may create schemas");
    tx.commit().await.expect("PostgreSQL answers");
    db.close().await;
    let join = if server.contains('?') { '&' } else { '?' };
    Some(format!("{server}{join}options=-c%20search_path%3D{schema}"))
}

/// How many rows every table has: what a refused request must leave as it was.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn row_counts(db: &Db) -> Result<BTreeMap<String, i64>, StoreError> {
    let mut tx = db.begin_read().await?;
    let tables = if db.is_postgres() {
        "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = current_schema()"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    };
    let mut counts = Vec::new();
    for row in tx.query(tables, &[]).await? {
        let name = row.text("name")?;
        counts.push(format!("SELECT '{name}' AS name, count(*) AS rows FROM \"{name}\""));
    }
    let rows = Db::query_script(&mut tx, counts.join(" UNION ALL ")).await?;
    rows.iter().map(|row| Ok((row.text("name")?, row.int("rows")?))).collect()
}

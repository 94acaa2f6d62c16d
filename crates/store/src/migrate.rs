//! Migrations: each feature brings its own, by name; each runs once, in one transaction with its record.

use musubi_kernel::UnixTime;

use crate::{Db, StoreError};

/// One step of a feature's schema. A published step never changes.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Unique name: `feature/0001_what`.
    pub name: &'static str,
    /// SQL for both engines, with `{int}`, `{text}` (compared bytewise) and `{blob}` for the types.
    pub sql: &'static str,
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    name {text} PRIMARY KEY, sql {text} NOT NULL, applied_at {int} NOT NULL)";

impl Db {
    /// Applies those of `migrations` that are not yet applied, in their order.
    ///
    /// # Errors
    /// [`StoreError::Migration`] if an applied one has another text; otherwise [`StoreError::Database`].
    pub async fn migrate(&self, migrations: &[Migration], at: UnixTime) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        if self.is_postgres() {
            // Two processes may start at once: the second waits here.
            tx.query("SELECT 1 AS one FROM pg_advisory_xact_lock(7305808879)", &[]).await?;
        }
        Self::run_script(&mut tx, self.typed(CREATE)).await?;
        for migration in migrations {
            let applied = tx
                .query_opt("SELECT sql FROM schema_migration WHERE name = $1", &[migration.name.into()])
                .await?;
            match applied {
                Some(row) if row.text("sql")? == migration.sql => {}
                Some(_) => return Err(StoreError::Migration(migration.name.into())),
                None => {
                    Self::run_script(&mut tx, self.typed(migration.sql)).await?;
                    tx.execute(
                        "INSERT INTO schema_migration (name, sql, applied_at) VALUES ($1, $2, $3)",
                        &[migration.name.into(), migration.sql.into(), at.into()],
                    )
                    .await?;
                }
            }
        }
        tx.commit().await
    }

    fn typed(&self, sql: &str) -> String {
        let (int, text, blob) = if self.is_postgres() {
            ("BIGINT", "TEXT COLLATE \"C\"", "BYTEA")
        } else {
            ("INTEGER", "TEXT", "BLOB")
        };
        sql.replace("{int}", int).replace("{text}", text).replace("{blob}", blob)
    }
}

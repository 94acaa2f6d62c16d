//! SQLite and PostgreSQL behind one small interface: one SQL text, numbered parameters, three value types.
//!
//! The only crate that names the SQL driver. It knows no table but its own `schema_migration`; features keep
//! their text in `sql.rs` and `migrations/`. There is no query builder: a statement is a `&'static str`, so
//! that no input can become SQL.
//!
//! Values are 64-bit integers (also times in Unix seconds and truths as 0 and 1), texts (also JSON) and
//! bytes. Migrations write these types as `{int}`, `{text}` and `{blob}`.

mod bulk;
mod db;
mod migrate;
mod row;
pub mod testing;

pub use bulk::{RawRow, Target};
pub use db::{Db, Pool, Tx};
pub use migrate::Migration;
pub use row::{Row, Value};

/// Why the database did not answer as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached. The text is for the operator's log: it may name
    /// columns, never values.
    #[error("database: {0}")]
    Database(String),
    /// A uniqueness or another constraint does not hold.
    #[error("a constraint of the database does not hold")]
    Constraint,
    /// A column is missing or has another type than the code expects.
    #[error("column `{0}` is missing or of another type")]
    Column(&'static str),
    /// A value in the database is not one that this version writes.
    #[error("column `{0}` holds an unexpected value")]
    Corrupt(&'static str),
    /// The database was written by a newer or a different version.
    #[error(
        "migration `{0}` differs from the one that was applied; was the database made by another version?"
    )]
    Migration(String),
}

pub(crate) fn driver(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(e)
            if e.is_unique_violation() || e.is_check_violation() || e.is_foreign_key_violation() =>
        {
            StoreError::Constraint
        }
        // A driver's message may quote the offending row; only its code is kept.
        sqlx::Error::Database(e) => StoreError::Database(format!("error {}", e.code().unwrap_or_default())),
        other => StoreError::Database(other.to_string()),
    }
}

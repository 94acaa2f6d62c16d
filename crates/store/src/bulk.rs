//! Many rows at once: in by the database's bulk path, out as a stream. For what would take one round trip per row
//! otherwise. Knows no table: names and texts come from a feature's `sql.rs`.

use std::fmt::Write as _;

use futures_util::TryStreamExt as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, ValueRef as _};

use crate::db::{Inner, postgres_arguments, sqlite_arguments};
use crate::{StoreError, Tx, Value, driver};

/// SQLite takes at most 32,766 parameters in one statement; this many stay well below and are as fast.
const PARAMETERS: usize = 900;
/// COPY costs a fixed time (40 ms were measured over TCP), whatever it carries: it pays from this many values on.
const COPY_FROM: usize = 8_000;
/// Bytes of COPY data that are collected before they are sent.
const COPY_BUFFER: usize = 256 * 1024;

/// The table and columns that rows go to: `("change", &["authority", "serial"])`.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The table.
    pub table: &'static str,
    /// Its columns, in the order of the values.
    pub columns: &'static [&'static str],
}

/// A row as the driver has it: read by position, without a copy of what is not asked for.
#[derive(Debug)]
pub struct RawRow<'r>(Raw<'r>);

#[derive(Debug)]
enum Raw<'r> {
    Sqlite(&'r SqliteRow),
    Postgres(&'r PgRow),
}

impl RawRow<'_> {
    /// The text in the column at `index`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if there is none, or it is no text.
    pub fn text(&self, index: usize) -> Result<&str, StoreError> {
        match self.0 {
            Raw::Sqlite(row) => row.try_get(index),
            Raw::Postgres(row) => row.try_get(index),
        }
        .map_err(|_| StoreError::Corrupt("text"))
    }

    /// The integer in the column at `index`; `None` if it is null.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is no 64-bit integer.
    pub fn int_opt(&self, index: usize) -> Result<Option<i64>, StoreError> {
        match self.0 {
            Raw::Sqlite(row) => row.try_get(index),
            Raw::Postgres(row) => row.try_get(index),
        }
        .map_err(|_| StoreError::Corrupt("integer"))
    }

    /// Whether the column at `index` is null.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if there is no such column.
    pub fn is_null(&self, index: usize) -> Result<bool, StoreError> {
        match self.0 {
            Raw::Sqlite(row) => row.try_get_raw(index).map(|value| value.is_null()),
            Raw::Postgres(row) => row.try_get_raw(index).map(|value| value.is_null()),
        }
        .map_err(|_| StoreError::Corrupt("column"))
    }
}

impl Tx {
    /// Inserts rows: very many by COPY on PostgreSQL, otherwise by statements of many rows. Answers how many. Every row has one
    /// value for each column.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] if one does not hold, also that of an earlier row; otherwise [`StoreError`].
    pub async fn insert_many(
        &mut self,
        into: Target,
        rows: impl IntoIterator<Item = Vec<Value>> + Send,
    ) -> Result<u64, StoreError> {
        let rows: Vec<Vec<Value>> = rows.into_iter().collect();
        if rows.is_empty() {
            return Ok(0);
        }
        if rows.iter().any(|row| row.len() != into.columns.len()) {
            return Err(StoreError::Column("one for each value"));
        }
        let values = rows.len().saturating_mul(into.columns.len());
        if let Inner::Postgres(tx) = &mut self.0
            && values > COPY_FROM
        {
            let statement = format!("COPY {} ({}) FROM STDIN", into.table, into.columns.join(", "));
            let mut copy = tx.copy_in_raw(&statement).await.map_err(driver)?;
            let mut buffer = String::with_capacity(COPY_BUFFER + 4096);
            for row in &rows {
                copy_row(&mut buffer, row);
                if buffer.len() >= COPY_BUFFER {
                    copy.send(buffer.as_bytes()).await.map_err(driver)?;
                    buffer.clear();
                }
            }
            copy.send(buffer.as_bytes()).await.map_err(driver)?;
            return copy.finish().await.map_err(driver);
        }
        let mut inserted = 0;
        for some in rows.chunks((PARAMETERS / into.columns.len().max(1)).max(1)) {
            // Names of this program and numbers; the values are parameters.
            let statement = sqlx::AssertSqlSafe(insertion(into, some.len()));
            let values: Vec<Value> = some.iter().flatten().cloned().collect();
            inserted += match &mut self.0 {
                Inner::Sqlite(tx) => sqlx::query_with(statement, sqlite_arguments(&values)?)
                    .execute(&mut **tx)
                    .await
                    .map(|done| done.rows_affected()),
                Inner::Postgres(tx) => sqlx::query_with(statement, postgres_arguments(&values)?)
                    .execute(&mut **tx)
                    .await
                    .map(|done| done.rows_affected()),
            }
            .map_err(driver)?;
        }
        Ok(inserted)
    }

    /// Runs a query and gives its rows to `each` as they come, holding one at a time. Stops at the first error.
    ///
    /// # Errors
    /// [`StoreError`] of the database, or what `each` answers.
    pub async fn for_each<F>(
        &mut self,
        sql: &'static str,
        values: &[Value],
        mut each: F,
    ) -> Result<u64, StoreError>
    where
        F: FnMut(&RawRow<'_>) -> Result<(), StoreError> + Send,
    {
        let mut count = 0;
        match &mut self.0 {
            Inner::Sqlite(tx) => {
                let mut rows = sqlx::query_with(sql, sqlite_arguments(values)?).fetch(&mut **tx);
                while let Some(row) = rows.try_next().await.map_err(driver)? {
                    each(&RawRow(Raw::Sqlite(&row)))?;
                    count += 1;
                }
            }
            Inner::Postgres(tx) => {
                let mut rows = sqlx::query_with(sql, postgres_arguments(values)?).fetch(&mut **tx);
                while let Some(row) = rows.try_next().await.map_err(driver)? {
                    each(&RawRow(Raw::Postgres(&row)))?;
                    count += 1;
                }
            }
        }
        Ok(count)
    }
}

/// `INSERT` of so many rows, every value a parameter.
fn insertion(into: Target, rows: usize) -> String {
    let width = into.columns.len();
    let mut statement = format!("INSERT INTO {} ({}) VALUES ", into.table, into.columns.join(", "));
    for row in 0..rows {
        statement.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            let comma = if column == 0 { "" } else { ", " };
            let _ = write!(statement, "{comma}${}", row * width + column + 1);
        }
        statement.push(')');
    }
    statement
}

/// One line of COPY's text format, its specials escaped.
fn copy_row(line: &mut String, row: &[Value]) {
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            line.push('\t');
        }
        match value {
            Value::Int(Some(number)) => {
                let _ = write!(line, "{number}");
            }
            Value::Text(Some(text)) => {
                for character in text.chars() {
                    match character {
                        '\\' => line.push_str("\\\\"),
                        '\t' => line.push_str("\\t"),
                        '\n' => line.push_str("\\n"),
                        '\r' => line.push_str("\\r"),
                        other => line.push(other),
                    }
                }
            }
            Value::Blob(Some(bytes)) => {
                line.push_str("\\\\x");
                for byte in bytes {
                    let _ = write!(line, "{byte:02x}");
                }
            }
            Value::Int(None) | Value::Text(None) | Value::Blob(None) => line.push_str("\\N"),
        }
    }
    line.push('\n');
}

//! Connections and transactions.
//!
//! SQLite: one writer (a pool of writers would answer SQLITE_BUSY), readers beside it, write-ahead log,
//! `synchronous = FULL`, so that what was acknowledged survives a loss of power. PostgreSQL: a pool.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};

use crate::{Row, StoreError, Value, driver};

/// A database.
#[derive(Debug, Clone)]
pub struct Db(Engine);

#[derive(Debug, Clone)]
enum Engine {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// How busy the connections of one pool are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// `writer` and `readers` on SQLite, `all` on PostgreSQL.
    pub name: &'static str,
    /// Connections in use.
    pub used: u32,
    /// Open connections that nobody uses.
    pub idle: u32,
    /// The most that are opened.
    pub most: u32,
}

/// A transaction. Dropped without [`Tx::commit`], it changes nothing.
#[derive(Debug)]
pub struct Tx(pub(crate) Inner);

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl Db {
    /// Opens or creates an SQLite file.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the file cannot be opened.
    pub async fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(driver)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options.read_only(true))
            .await
            .map_err(driver)?;
        Ok(Self(Engine::Sqlite { writer, readers }))
    }

    /// Connects to PostgreSQL: `postgres://user@host/database`.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the address is wrong or the server does not answer.
    pub async fn connect_postgres(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).map_err(driver)?;
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options)
            .await
            .map_err(driver)?;
        Ok(Self(Engine::Postgres(pool)))
    }

    /// Opens `postgres://…` or `sqlite:PATH`.
    ///
    /// # Errors
    /// [`StoreError::Database`] if it is neither, or cannot be opened.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::connect_postgres(url).await
        } else if let Some(path) = url.strip_prefix("sqlite:") {
            Self::open_sqlite(Path::new(path)).await
        } else {
            Err(StoreError::Database("a database is `sqlite:PATH` or `postgres://…`".into()))
        }
    }

    /// Which engine this is, for the operator's eye.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match &self.0 {
            Engine::Sqlite { .. } => "SQLite",
            Engine::Postgres(_) => "PostgreSQL",
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.0, Engine::Postgres(_))
    }

    /// Begins a transaction that may write. On SQLite it holds the write lock from the start.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(Tx(match &self.0 {
            Engine::Sqlite { writer, .. } => {
                Inner::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await.map_err(driver)?)
            }
            Engine::Postgres(pool) => Inner::Postgres(pool.begin().await.map_err(driver)?),
        }))
    }

    /// Begins a transaction that only reads, beside a writer.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn begin_read(&self) -> Result<Tx, StoreError> {
        Ok(Tx(match &self.0 {
            Engine::Sqlite { readers, .. } => Inner::Sqlite(readers.begin().await.map_err(driver)?),
            Engine::Postgres(pool) => Inner::Postgres(pool.begin().await.map_err(driver)?),
        }))
    }

    /// How busy the connections are.
    #[must_use]
    pub fn pools(&self) -> Vec<Pool> {
        fn pool<D: sqlx::Database>(name: &'static str, pool: &sqlx::Pool<D>) -> Pool {
            let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            let used = pool.size().saturating_sub(idle);
            Pool { name, used, idle, most: pool.options().get_max_connections() }
        }
        match &self.0 {
            Engine::Sqlite { writer, readers } => vec![pool("writer", writer), pool("readers", readers)],
            Engine::Postgres(all) => vec![pool("all", all)],
        }
    }

    /// Closes all connections and waits for them.
    pub async fn close(&self) {
        match &self.0 {
            Engine::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Engine::Postgres(pool) => pool.close().await,
        }
    }

    /// As [`Tx::query`], for a text that names tables which only the database knows: see `testing`.
    pub(crate) async fn query_script(tx: &mut Tx, script: String) -> Result<Vec<Row>, StoreError> {
        let script = sqlx::AssertSqlSafe(script);
        match &mut tx.0 {
            Inner::Sqlite(t) => sqlx::query(script)
                .fetch_all(&mut **t)
                .await
                .map_err(driver)?
                .iter()
                .map(sqlite_row)
                .collect(),
            Inner::Postgres(t) => sqlx::query(script)
                .fetch_all(&mut **t)
                .await
                .map_err(driver)?
                .iter()
                .map(postgres_row)
                .collect(),
        }
    }

    pub(crate) async fn run_script(tx: &mut Tx, script: String) -> Result<(), StoreError> {
        // Only migrations come here: texts of this program, with type names filled in.
        let script = sqlx::AssertSqlSafe(script);
        match &mut tx.0 {
            Inner::Sqlite(t) => sqlx::raw_sql(script).execute(&mut **t).await.map(drop),
            Inner::Postgres(t) => sqlx::raw_sql(script).execute(&mut **t).await.map(drop),
        }
        .map_err(driver)
    }
}

impl Tx {
    /// Runs a statement; answers how many rows it touched.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] if a constraint does not hold; otherwise [`StoreError::Database`].
    pub async fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        match &mut self.0 {
            Inner::Sqlite(t) => sqlx::query_with(sql, sqlite_arguments(values)?)
                .execute(&mut **t)
                .await
                .map(|done| done.rows_affected()),
            Inner::Postgres(t) => sqlx::query_with(sql, postgres_arguments(values)?)
                .execute(&mut **t)
                .await
                .map(|done| done.rows_affected()),
        }
        .map_err(driver)
    }

    /// Runs a query; answers its rows.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn query(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        match &mut self.0 {
            Inner::Sqlite(t) => sqlx::query_with(sql, sqlite_arguments(values)?)
                .fetch_all(&mut **t)
                .await
                .map_err(driver)?
                .iter()
                .map(sqlite_row)
                .collect(),
            Inner::Postgres(t) => sqlx::query_with(sql, postgres_arguments(values)?)
                .fetch_all(&mut **t)
                .await
                .map_err(driver)?
                .iter()
                .map(postgres_row)
                .collect(),
        }
    }

    /// Runs a query for at most one row.
    ///
    /// # Errors
    /// As [`Tx::execute`]; [`StoreError::Corrupt`] if there are several rows.
    pub async fn query_opt(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        let mut rows = self.query(sql, values).await?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            _ => Err(StoreError::Corrupt("rows")),
        }
    }

    /// Runs a query for exactly one row.
    ///
    /// # Errors
    /// As [`Tx::query_opt`]; [`StoreError::Corrupt`] if there is none.
    pub async fn query_one(&mut self, sql: &'static str, values: &[Value]) -> Result<Row, StoreError> {
        self.query_opt(sql, values).await?.ok_or(StoreError::Corrupt("rows"))
    }

    /// Makes the transaction's changes last.
    ///
    /// # Errors
    /// [`StoreError::Database`]: nothing was changed, or, if the connection broke at this moment, unknown.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            Inner::Sqlite(t) => t.commit().await,
            Inner::Postgres(t) => t.commit().await,
        }
        .map_err(driver)
    }
}

pub(crate) fn sqlite_arguments(values: &[Value]) -> Result<SqliteArguments, StoreError> {
    use sqlx::Arguments as _;
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value.clone() {
            Value::Int(v) => arguments.add(v),
            Value::Text(v) => arguments.add(v),
            Value::Blob(v) => arguments.add(v),
        }
        .map_err(|e| StoreError::Database(e.to_string()))?;
    }
    Ok(arguments)
}

pub(crate) fn postgres_arguments(values: &[Value]) -> Result<PgArguments, StoreError> {
    use sqlx::Arguments as _;
    let mut arguments = PgArguments::default();
    for value in values {
        match value.clone() {
            Value::Int(v) => arguments.add(v),
            Value::Text(v) => arguments.add(v),
            Value::Blob(v) => arguments.add(v),
        }
        .map_err(|e| StoreError::Database(e.to_string()))?;
    }
    Ok(arguments)
}

fn sqlite_row(row: &SqliteRow) -> Result<Row, StoreError> {
    let mut out = Vec::with_capacity(row.columns().len());
    for (index, column) in row.columns().iter().enumerate() {
        let raw = row.try_get_raw(index).map_err(driver)?;
        let value = match raw.type_info().name() {
            "NULL" => Value::Text(None),
            "INTEGER" | "BOOLEAN" => Value::Int(row.try_get(index).map_err(driver)?),
            "BLOB" => Value::Blob(row.try_get(index).map_err(driver)?),
            _ => Value::Text(row.try_get(index).map_err(driver)?),
        };
        out.push((column.name().to_owned(), value));
    }
    Ok(Row(out))
}

fn postgres_row(row: &PgRow) -> Result<Row, StoreError> {
    let mut out = Vec::with_capacity(row.columns().len());
    for (index, column) in row.columns().iter().enumerate() {
        let raw = row.try_get_raw(index).map_err(driver)?;
        let value = match raw.type_info().name() {
            _ if raw.is_null() => Value::Text(None),
            "INT8" => Value::Int(row.try_get(index).map_err(driver)?),
            "INT4" => Value::Int(row.try_get::<Option<i32>, _>(index).map_err(driver)?.map(i64::from)),
            "BYTEA" => Value::Blob(row.try_get(index).map_err(driver)?),
            _ => Value::Text(row.try_get(index).map_err(driver)?),
        };
        out.push((column.name().to_owned(), value));
    }
    Ok(Row(out))
}

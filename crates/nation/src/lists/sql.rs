//! SQL of the published lists and of what each full list had.

use musubi_kernel::UnixTime;
use musubi_pki::AuthorityKind;
use musubi_store::{Row, Tx};

use crate::sql::{Result, RevokedRow, revoked_row};

/// A published list.
#[derive(Debug)]
pub(crate) struct ListRow {
    pub(crate) authority: AuthorityKind,
    pub(crate) generation: i64,
    pub(crate) number: i64,
    pub(crate) this_update: UnixTime,
    pub(crate) next_update: UnixTime,
}

/// Keeps a list in place of the one before. `scope`: empty for the full list, or a municipality's code.
pub(crate) async fn put_list(tx: &mut Tx, row: &ListRow, scope: &str, der: Vec<u8>) -> Result<()> {
    let sql = "INSERT INTO nation_list (authority, generation, scope, number, this_update, next_update, der)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (authority, generation, scope) DO UPDATE SET number = excluded.number,
        this_update = excluded.this_update, next_update = excluded.next_update, der = excluded.der";
    let values = [
        row.authority.as_str().into(),
        row.generation.into(),
        scope.into(),
        row.number.into(),
        row.this_update.into(),
        row.next_update.into(),
        der.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

const FULL_LISTS: &str = "SELECT authority, generation, number, this_update, next_update FROM nation_list
    WHERE scope = '' ORDER BY authority, generation";
const FULL_LIST: &str = "SELECT authority, generation, number, this_update, next_update FROM nation_list
    WHERE scope = '' AND authority = $1 AND generation = $2";
const LISTS: &str = "SELECT authority, generation, scope, number, this_update, next_update, der
    FROM nation_list WHERE scope = '' OR $1 <> 'full' ORDER BY authority, generation, scope";
const DELTAS: &str = "SELECT authority, generation, base_number, number, der FROM nation_delta
    ORDER BY authority, generation, number";

fn list_row(row: &Row) -> Result<ListRow> {
    Ok(ListRow {
        authority: row.parsed("authority")?,
        generation: row.int("generation")?,
        number: row.int("number")?,
        this_update: row.time("this_update")?,
        next_update: row.time("next_update")?,
    })
}

pub(crate) async fn full_lists(tx: &mut Tx) -> Result<Vec<ListRow>> {
    tx.query(FULL_LISTS, &[]).await?.iter().map(list_row).collect()
}

/// The newest full list of a generation.
pub(crate) async fn full_list(
    tx: &mut Tx,
    authority: AuthorityKind,
    generation: i64,
) -> Result<Option<ListRow>> {
    let values = [authority.as_str().into(), generation.into()];
    tx.query_opt(FULL_LIST, &values).await?.as_ref().map(list_row).transpose()
}

/// Which of the kept lists are read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept {
    /// The full ones.
    Full,
    /// Those of the municipalities, too.
    All,
}

/// The newest lists with their bytes and scopes: empty for a full list, or a municipality's code.
pub(crate) async fn lists(tx: &mut Tx, kept: Kept) -> Result<Vec<(ListRow, String, Vec<u8>)>> {
    let which = match kept {
        Kept::Full => "full",
        Kept::All => "all",
    };
    let row = |row: &Row| Ok((list_row(row)?, row.text("scope")?, row.blob("der")?));
    tx.query(LISTS, &[which.into()]).await?.iter().map(row).collect()
}

pub(crate) async fn list_der(
    tx: &mut Tx,
    authority: AuthorityKind,
    generation: i64,
    scope: &str,
) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT der FROM nation_list WHERE authority = $1 AND generation = $2 AND scope = $3";
    let values = [authority.as_str().into(), generation.into(), scope.into()];
    tx.query_opt(sql, &values).await?.map(|row| row.blob("der")).transpose()
}

// -- delta lists

/// A delta list between two full lists.
#[derive(Debug)]
pub(crate) struct DeltaRow {
    pub(crate) authority: AuthorityKind,
    pub(crate) generation: i64,
    pub(crate) base_number: i64,
    pub(crate) number: i64,
    pub(crate) der: Vec<u8>,
}

/// Keeps the delta list from the full list `base_number` to the one of `row`.
pub(crate) async fn put_delta(tx: &mut Tx, row: &ListRow, base_number: i64, der: Vec<u8>) -> Result<()> {
    let sql = "INSERT INTO nation_delta (authority, generation, base_number, number, der)
        VALUES ($1, $2, $3, $4, $5)";
    let values = [
        row.authority.as_str().into(),
        row.generation.into(),
        base_number.into(),
        row.number.into(),
        der.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Lets go of the delta lists of a generation with this number and below.
pub(crate) async fn drop_deltas(tx: &mut Tx, row: &ListRow, number: i64) -> Result<()> {
    let sql = "DELETE FROM nation_delta WHERE authority = $1 AND generation = $2 AND number <= $3";
    tx.execute(sql, &[row.authority.as_str().into(), row.generation.into(), number.into()]).await.map(drop)
}

/// All delta lists that are kept, oldest first.
pub(crate) async fn deltas(tx: &mut Tx) -> Result<Vec<DeltaRow>> {
    let row = |row: &Row| {
        Ok(DeltaRow {
            authority: row.parsed("authority")?,
            generation: row.int("generation")?,
            base_number: row.int("base_number")?,
            number: row.int("number")?,
            der: row.blob("der")?,
        })
    };
    tx.query(DELTAS, &[]).await?.iter().map(row).collect()
}

pub(crate) async fn delta_der(
    tx: &mut Tx,
    authority: AuthorityKind,
    generation: i64,
    (base_number, number): (i64, i64),
) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT der FROM nation_delta
        WHERE authority = $1 AND generation = $2 AND base_number = $3 AND number = $4";
    let values = [authority.as_str().into(), generation.into(), base_number.into(), number.into()];
    tx.query_opt(sql, &values).await?.map(|row| row.blob("der")).transpose()
}

// -- what a list had

/// What a list of `row`'s generation and time has and no full list before it had, by serial number.
pub(crate) async fn revoked_and_unlisted(tx: &mut Tx, row: &ListRow) -> Result<Vec<RevokedRow>> {
    let sql = "SELECT serial, municipality, revoked_at, reason FROM nation_certificate
        WHERE authority = $1 AND generation = $2 AND not_after >= $3 AND revoked_at IS NOT NULL
        AND listed_from IS NULL ORDER BY serial";
    let values = [row.authority.as_str().into(), row.generation.into(), row.this_update.into()];
    tx.query(sql, &values).await?.iter().map(revoked_row).collect()
}

/// What the list `before` had and the one of `row` has no longer, since its certificate has ended, by serial
/// number.
pub(crate) async fn listed_and_ended(
    tx: &mut Tx,
    before: &ListRow,
    row: &ListRow,
) -> Result<Vec<RevokedRow>> {
    let sql = "SELECT serial, municipality, revoked_at, reason FROM nation_certificate
        WHERE authority = $1 AND generation = $2 AND not_after >= $3 AND not_after < $4
        AND listed_from IS NOT NULL ORDER BY serial";
    let values = [
        row.authority.as_str().into(),
        row.generation.into(),
        before.this_update.into(),
        row.this_update.into(),
    ];
    tx.query(sql, &values).await?.iter().map(revoked_row).collect()
}

/// Notes that the full list of `row` has everything that it should have.
pub(crate) async fn mark_listed(tx: &mut Tx, row: &ListRow) -> Result<()> {
    let sql = "UPDATE nation_certificate SET listed_from = $4
        WHERE authority = $1 AND generation = $2 AND not_after >= $3 AND revoked_at IS NOT NULL
        AND listed_from IS NULL";
    let values =
        [row.authority.as_str().into(), row.generation.into(), row.this_update.into(), row.number.into()];
    tx.execute(sql, &values).await.map(drop)
}

//! The status store's only SQL.

use musubi_kernel::UnixTime;
use musubi_pki::{
    AuthorityKind, CertKey, ListScope, RevocationReason, SerialNumber, StatusChange, VerifiedRevocationList,
};
use musubi_store::{Row, StoreError, Target, Tx, Value};

use super::ListName;
use crate::linking::Revocation;

/// Bytes of a sealed list in one row: small beside any limit of either database.
pub(super) const PART: usize = 1 << 20;

const CHANGES: Target = Target {
    table: "status_change",
    columns: &["authority", "serial", "list_id", "before_at", "before_reason", "after_at", "after_reason"],
};
const PARTS: Target = Target { table: "sealed_list_part", columns: &["list_id", "part", "bytes"] };

/// The newest list of an authority, generation and scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) id: i64,
    pub(super) name: ListName,
    pub(super) number: u64,
    pub(super) this_update: UnixTime,
    pub(super) sealed_sha256: [u8; 32],
    pub(super) sealed_length: usize,
    /// Whether what follows from it is in the change stream, or will be without the list itself.
    followed: bool,
}

impl Head {
    /// Whether the list may be replaced by one of which only the changes are looked through.
    pub(super) fn is_followed(&self) -> bool {
        self.followed
    }
}

/// A list whose changes are not all in the change stream yet.
#[derive(Debug)]
pub(super) struct Unlooked {
    pub(super) id: i64,
    pub(super) name: ListName,
    pub(super) number: i64,
    pub(super) this_update: UnixTime,
    pub(super) through: Through,
    pub(super) up_to: String,
}

/// Where the changes of a list are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Through {
    /// The serial numbers whose status differs from the list before.
    Changes,
    /// All known certificates: there was no list before.
    All,
}

impl Through {
    fn as_str(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::All => "all",
        }
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How the database names a scope.
pub(super) fn scope_name(scope: &ListScope) -> String {
    scope.partition().map(|name| hex::encode(musubi_crypto::sha256(name))).unwrap_or_default()
}

const HEADS: &str = "SELECT id, authority, key_id, scope, number, this_update, sealed_sha256, sealed_length,
        looked_at, look_through FROM revocation_list WHERE is_current = 1 ORDER BY authority, key_id, scope";
const HEAD: &str = "SELECT id, authority, key_id, scope, number, this_update, sealed_sha256, sealed_length,
        looked_at, look_through FROM revocation_list WHERE is_current = 1 AND authority = $1 AND key_id = $2 AND scope = $3";

fn name(row: &Row) -> Result<ListName, StoreError> {
    Ok(ListName {
        authority: row.parsed("authority")?,
        key_id: row.text("key_id")?,
        scope: row.text("scope")?,
    })
}

fn head(row: &Row) -> Result<Head, StoreError> {
    let digest = hex::decode(row.text("sealed_sha256")?).ok().and_then(|bytes| bytes.try_into().ok());
    Ok(Head {
        id: row.int("id")?,
        name: name(row)?,
        number: u64::try_from(row.int("number")?).map_err(|_| StoreError::Corrupt("number"))?,
        this_update: row.time("this_update")?,
        sealed_sha256: digest.ok_or(StoreError::Corrupt("sealed_sha256"))?,
        sealed_length: usize::try_from(row.int("sealed_length")?)
            .map_err(|_| StoreError::Corrupt("sealed_length"))?,
        followed: row.int_opt("looked_at")?.is_some()
            || row.text("look_through")? == Through::Changes.as_str(),
    })
}

pub(super) async fn heads(tx: &mut Tx) -> Result<Vec<Head>, StoreError> {
    tx.query(HEADS, &[]).await?.iter().map(head).collect()
}

pub(super) async fn newest(tx: &mut Tx, list: &ListName) -> Result<Option<Head>, StoreError> {
    let values = [list.authority.as_str().into(), (&list.key_id).into(), (&list.scope).into()];
    tx.query_opt(HEAD, &values).await?.as_ref().map(head).transpose()
}

/// Number of the row that came last, whatever list it is: cheap to ask often.
pub(super) async fn last_id(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.query_one("SELECT COALESCE(MAX(id), 0) AS last FROM revocation_list", &[]).await?.int("last")
}

/// A list to be stored as the newest of its name.
pub(super) struct NewList<'a> {
    pub(super) name: &'a ListName,
    pub(super) list: &'a VerifiedRevocationList,
    pub(super) base_number: Option<u64>,
    pub(super) sealed_sha256: [u8; 32],
    pub(super) sealed_length: usize,
    pub(super) through: Through,
    pub(super) at: UnixTime,
}

/// Puts it in the place of `before`; answers its id.
pub(super) async fn insert(tx: &mut Tx, new: &NewList<'_>, before: Option<&Head>) -> Result<i64, StoreError> {
    if let Some(before) = before {
        tx.execute("UPDATE revocation_list SET is_current = 0 WHERE id = $1", &[before.id.into()]).await?;
        tx.execute("DELETE FROM sealed_list_part WHERE list_id = $1", &[before.id.into()]).await?;
    }
    let id = last_id(tx).await? + 1;
    let length = i64::try_from(new.sealed_length).map_err(|_| StoreError::Corrupt("sealed_length"))?;
    let values = [
        id.into(),
        new.name.authority.as_str().into(),
        (&new.name.key_id).into(),
        (&new.name.scope).into(),
        signed(new.list.number()).into(),
        new.base_number.map(signed).into(),
        new.list.this_update().into(),
        new.list.next_update().into(),
        hex::encode(new.list.sha256()).into(),
        signed(u64::try_from(new.list.len()).unwrap_or(u64::MAX)).into(),
        new.at.into(),
        hex::encode(new.sealed_sha256).into(),
        length.into(),
        new.through.as_str().into(),
    ];
    tx.execute(
        "INSERT INTO revocation_list (id, authority, key_id, scope, number, base_number, this_update, next_update,
                                      sha256, entries, taken_in_at, is_current, sealed_sha256, sealed_length,
                                      look_through)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $13, $14)",
        &values,
    )
    .await?;
    Ok(id)
}

pub(super) async fn insert_part(tx: &mut Tx, id: i64, part: usize, bytes: &[u8]) -> Result<(), StoreError> {
    let part = i64::try_from(part).map_err(|_| StoreError::Corrupt("part"))?;
    tx.insert_many(PARTS, [vec![id.into(), part.into(), bytes.into()]]).await.map(drop)
}

/// One part of a sealed list; `None` past the last, or if the list is no longer current.
pub(super) async fn part(tx: &mut Tx, id: i64, part: usize) -> Result<Option<Vec<u8>>, StoreError> {
    let part = i64::try_from(part).map_err(|_| StoreError::Corrupt("part"))?;
    tx.query_opt(
        "SELECT bytes FROM sealed_list_part WHERE list_id = $1 AND part = $2",
        &[id.into(), part.into()],
    )
    .await?
    .map(|row| row.blob("bytes"))
    .transpose()
}

pub(super) async fn insert_changes(
    tx: &mut Tx,
    authority: AuthorityKind,
    id: i64,
    changes: &[StatusChange],
) -> Result<u64, StoreError> {
    let fact = |fact: Option<(UnixTime, RevocationReason)>| -> [Value; 2] {
        [fact.map(|(at, _)| at).into(), fact.map(|(_, reason)| reason.as_str()).into()]
    };
    let row = |change: &StatusChange| {
        let mut row = vec![authority.as_str().into(), change.serial.to_string().into(), id.into()];
        row.extend(fact(change.before));
        row.extend(fact(change.after));
        row
    };
    tx.insert_many(CHANGES, changes.iter().map(row).collect::<Vec<_>>()).await
}

pub(super) async fn set_changed(tx: &mut Tx, id: i64, changed: u64) -> Result<(), StoreError> {
    tx.execute("UPDATE revocation_list SET changed = $2 WHERE id = $1", &[id.into(), signed(changed).into()])
        .await
        .map(drop)
}

/// The lists, oldest first, whose changes are not all in the change stream.
pub(super) async fn unlooked(tx: &mut Tx) -> Result<Vec<Unlooked>, StoreError> {
    tx.query(
        "SELECT id, authority, key_id, scope, number, this_update, look_through, looked_up_to FROM revocation_list
         WHERE looked_at IS NULL ORDER BY id",
        &[],
    )
    .await?
    .iter()
    .map(|row| {
        let through = match row.text("look_through")?.as_str() {
            "changes" => Through::Changes,
            "all" => Through::All,
            _ => return Err(StoreError::Corrupt("look_through")),
        };
        Ok(Unlooked {
            id: row.int("id")?,
            name: name(row)?,
            number: row.int("number")?,
            this_update: row.time("this_update")?,
            through,
            up_to: row.text_opt("looked_up_to")?.unwrap_or_default(),
        })
    })
    .collect()
}

/// Moves the place up to which a list was looked through; `false` if another process has moved it meanwhile.
pub(super) async fn looked_up_to(tx: &mut Tx, list: &Unlooked, up_to: &str) -> Result<bool, StoreError> {
    let moved = tx
        .execute(
            "UPDATE revocation_list SET looked_up_to = $3
             WHERE id = $1 AND COALESCE(looked_up_to, '') = $2 AND looked_at IS NULL",
            &[list.id.into(), (&list.up_to).into(), up_to.into()],
        )
        .await?;
    Ok(moved == 1)
}

pub(super) async fn looked(tx: &mut Tx, id: i64, at: UnixTime) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE revocation_list SET looked_at = $2 WHERE id = $1 AND looked_at IS NULL",
        &[id.into(), at.into()],
    )
    .await
    .map(drop)
}

/// A page of the serial numbers after `after` that a list newly names, or names otherwise, and the last one of the page;
/// `None` if there are no more.
pub(super) async fn changes_after(
    tx: &mut Tx,
    list: &Unlooked,
    after: &str,
    limit: u32,
) -> Result<Option<(Vec<Revocation>, String)>, StoreError> {
    let rows = tx
        .query(
            "SELECT serial, after_at, after_reason FROM status_change
             WHERE list_id = $1 AND serial > $2 ORDER BY serial LIMIT $3",
            &[list.id.into(), after.into(), limit.into()],
        )
        .await?;
    let Some(last) = rows.last().map(|row| row.text("serial")).transpose()? else { return Ok(None) };
    let mut named = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some(at) = row.int_opt("after_at")? {
            let key = CertKey { authority: list.name.authority, serial: row.parsed("serial")? };
            named.push(Revocation { key, at: UnixTime(at), reason: row.parsed("after_reason")? });
        }
    }
    Ok(Some((named, last)))
}

/// A page of the known certificates after serial number `after` that are not marked as revoked.
pub(super) async fn unmarked_after(
    tx: &mut Tx,
    authority: AuthorityKind,
    after: &str,
    limit: u32,
) -> Result<Vec<SerialNumber>, StoreError> {
    let mut serials = Vec::new();
    tx.for_each(
        "SELECT serial FROM certificate
         WHERE authority = $1 AND serial > $2 AND revoked_at IS NULL ORDER BY serial LIMIT $3",
        &[authority.as_str().into(), after.into(), limit.into()],
        |row| {
            serials.push(row.text(0)?.parse().map_err(|_| StoreError::Corrupt("serial"))?);
            Ok(())
        },
    )
    .await?;
    Ok(serials)
}

/// Whether certificates are still to be looked for.
pub(super) async fn any_to_check(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.query_opt("SELECT 1 AS one FROM certificate_to_check LIMIT 1", &[]).await?.is_some())
}

/// Takes some of the certificates that are still to be looked for.
pub(super) async fn take_to_check(tx: &mut Tx, limit: u32) -> Result<Vec<CertKey>, StoreError> {
    tx.query(
        "DELETE FROM certificate_to_check WHERE (authority, serial) IN
           (SELECT authority, serial FROM certificate_to_check ORDER BY authority, serial LIMIT $1)
         RETURNING authority, serial",
        &[limit.into()],
    )
    .await?
    .iter()
    .map(|row| Ok(CertKey { authority: row.parsed("authority")?, serial: row.parsed("serial")? }))
    .collect()
}

/// The newest list of a name that was made at or before `at`, if any was taken in: its number and `thisUpdate`.
pub(super) async fn list_at(
    tx: &mut Tx,
    list: &ListName,
    at: UnixTime,
) -> Result<Option<(i64, UnixTime)>, StoreError> {
    tx.query_opt(
        "SELECT number, this_update FROM revocation_list
         WHERE authority = $1 AND key_id = $2 AND scope = $3 AND this_update <= $4
         ORDER BY number DESC LIMIT 1",
        &[list.authority.as_str().into(), (&list.key_id).into(), (&list.scope).into(), at.into()],
    )
    .await?
    .map(|row| Ok((row.int("number")?, row.time("this_update")?)))
    .transpose()
}

/// What the lists before the first change after list `number` said of a serial number: `None` if no later list said
/// otherwise, so that the newest list's word stands.
pub(super) async fn before_change_after(
    tx: &mut Tx,
    list: &ListName,
    serial: &SerialNumber,
    number: i64,
) -> Result<Option<Option<(UnixTime, RevocationReason)>>, StoreError> {
    tx.query_opt(
        "SELECT change.before_at AS before_at, change.before_reason AS before_reason
         FROM status_change AS change JOIN revocation_list AS list ON list.id = change.list_id
         WHERE change.authority = $1 AND change.serial = $2
           AND list.key_id = $3 AND list.scope = $4 AND list.number > $5
         ORDER BY list.number LIMIT 1",
        &[
            list.authority.as_str().into(),
            serial.to_string().into(),
            (&list.key_id).into(),
            (&list.scope).into(),
            number.into(),
        ],
    )
    .await?
    .map(|row| match row.int_opt("before_at")? {
        Some(at) => Ok(Some((UnixTime(at), row.parsed("before_reason")?))),
        None => Ok(None),
    })
    .transpose()
}

/// The number of the first list of a name that was taken in and whose later lists are all archived with their changes.
pub(super) async fn archive_begins(tx: &mut Tx, list: &ListName) -> Result<Option<i64>, StoreError> {
    tx.query_one(
        "SELECT MAX(number) AS first FROM revocation_list
         WHERE authority = $1 AND key_id = $2 AND scope = $3 AND changed IS NULL",
        &[list.authority.as_str().into(), (&list.key_id).into(), (&list.scope).into()],
    )
    .await?
    .int_opt("first")
}

/// The newest list of each authority and generation, of all certificates, whose changes are all in the change stream.
///
/// # Errors
/// [`StoreError`].
pub async fn lists_in_use(tx: &mut Tx) -> Result<Vec<musubi_feed::ListInUse>, StoreError> {
    tx.query(
        "SELECT authority, key_id, number, this_update, next_update FROM revocation_list
         WHERE id IN (SELECT MAX(id) FROM revocation_list WHERE looked_at IS NOT NULL AND scope = ''
                      GROUP BY authority, key_id)
         ORDER BY authority, key_id",
        &[],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(musubi_feed::ListInUse {
            authority: row.text("authority")?,
            key_id: row.text("key_id")?,
            number: row.int("number")?,
            this_update: row.int("this_update")?,
            next_update: row.int("next_update")?,
        })
    })
    .collect()
}

/// A list whose sealed form cannot be used is taken in anew.
pub(super) async fn put_aside(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE revocation_list SET is_current = 0 WHERE id = $1", &[id.into()]).await.map(drop)
}

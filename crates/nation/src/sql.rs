//! SQL of the register: the nation as a whole, authorities, residents, certificates. Rows in, domain
//! types out. The cards' is in `card/sql.rs`, the lists' in `lists/sql.rs`, the consents' in `upstream/sql.rs`.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, DateOfBirth, RevocationReason, Sex};
use musubi_store::{Migration, Row, StoreError, Tx};

use crate::{Dials, ResidentId};

/// The schema.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { name: "nation/0001_nation", sql: include_str!("../migrations/0001_nation.sql") },
    Migration { name: "nation/0002_card_pin", sql: include_str!("../migrations/0002_card_pin.sql") },
    Migration { name: "nation/0003_delta_lists", sql: include_str!("../migrations/0003_delta_lists.sql") },
];

/// The nation as a whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    pub(crate) seed: u64,
    pub(crate) epoch: UnixTime,
    pub(crate) clock_offset: i64,
    pub(crate) dials: Dials,
}

/// A generation of an authority.
#[derive(Debug)]
pub(crate) struct GenerationRow {
    pub(crate) authority: AuthorityKind,
    pub(crate) generation: i64,
    pub(crate) serial: u32,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    pub(crate) certificate: Vec<u8>,
    pub(crate) responder_certificate: Vec<u8>,
}

/// A person in the register.
#[derive(Debug, Clone)]
pub(crate) struct ResidentRow {
    pub(crate) id: ResidentId,
    pub(crate) name: String,
    pub(crate) kana: String,
    pub(crate) address: String,
    pub(crate) municipality: String,
    pub(crate) date_of_birth: DateOfBirth,
    pub(crate) sex: Sex,
    pub(crate) left_at: Option<UnixTime>,
}

/// An issued certificate.
#[derive(Debug, Clone)]
pub(crate) struct CertificateRow {
    pub(crate) authority: AuthorityKind,
    pub(crate) serial: u32,
    pub(crate) generation: i64,
    pub(crate) resident_id: ResidentId,
    pub(crate) municipality: String,
    pub(crate) key_label: String,
    pub(crate) certificate: Vec<u8>,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    pub(crate) counterpart: Option<u32>,
    pub(crate) revoked: Option<(UnixTime, RevocationReason)>,
}

impl CertificateRow {
    /// Neither revoked nor outside its validity period.
    pub(crate) fn is_good(&self, at: UnixTime) -> bool {
        self.revoked.is_none() && self.not_before <= at && at <= self.not_after
    }
}

/// An entry of a revocation list.
#[derive(Debug)]
pub(crate) struct RevokedRow {
    pub(crate) serial: u32,
    pub(crate) municipality: String,
    pub(crate) revoked_at: UnixTime,
    pub(crate) reason: RevocationReason,
}

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

pub(crate) fn serial_of(row: &Row, column: &'static str) -> Result<u32> {
    u32::try_from(row.int(column)?).map_err(|_| StoreError::Corrupt(column))
}

// -- the nation as a whole

pub(crate) async fn state(tx: &mut Tx) -> Result<Option<State>> {
    let sql = "SELECT seed, epoch, clock_offset, authority_unreachable, publication_stopped FROM nation_state WHERE id = 1";
    let Some(row) = tx.query_opt(sql, &[]).await? else { return Ok(None) };
    Ok(Some(State {
        seed: row.int("seed")?.cast_unsigned(),
        epoch: row.time("epoch")?,
        clock_offset: row.int("clock_offset")?,
        dials: Dials {
            authority_unreachable: row.int("authority_unreachable")? != 0,
            publication_stopped: row.int("publication_stopped")? != 0,
        },
    }))
}

pub(crate) async fn insert_state(tx: &mut Tx, seed: u64, epoch: UnixTime) -> Result<()> {
    let sql =
        "INSERT INTO nation_state (id, seed, epoch, clock_offset, authority_unreachable, publication_stopped)
        VALUES (1, $1, $2, 0, 0, 0)";
    tx.execute(sql, &[seed.cast_signed().into(), epoch.into()]).await.map(drop)
}

/// Moves the clock on; answers its offset from the base clock in seconds.
pub(crate) async fn advance_clock(tx: &mut Tx, seconds: i64) -> Result<i64> {
    let sql = "UPDATE nation_state SET clock_offset = clock_offset + $1 WHERE id = 1 RETURNING clock_offset";
    tx.query_one(sql, &[seconds.into()]).await?.int("clock_offset")
}

pub(crate) async fn set_dials(tx: &mut Tx, dials: Dials) -> Result<()> {
    let sql = "UPDATE nation_state SET authority_unreachable = $1, publication_stopped = $2 WHERE id = 1";
    tx.execute(sql, &[dials.authority_unreachable.into(), dials.publication_stopped.into()]).await.map(drop)
}

// -- authorities

pub(crate) async fn insert_authority(tx: &mut Tx, authority: AuthorityKind, next_serial: u32) -> Result<()> {
    let sql = "INSERT INTO nation_authority (authority, next_serial) VALUES ($1, $2)";
    tx.execute(sql, &[authority.as_str().into(), next_serial.into()]).await.map(drop)
}

/// The authority's next serial number, used up with this call.
pub(crate) async fn take_serial(tx: &mut Tx, authority: AuthorityKind) -> Result<u32> {
    let sql = "UPDATE nation_authority SET next_serial = next_serial + 1 WHERE authority = $1
        RETURNING next_serial - 1 AS taken";
    serial_of(&tx.query_one(sql, &[authority.as_str().into()]).await?, "taken")
}

pub(crate) async fn insert_generation(tx: &mut Tx, row: &GenerationRow) -> Result<()> {
    let sql = "INSERT INTO nation_generation
        (authority, generation, serial, not_before, not_after, certificate, responder_certificate, list_number)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 0)";
    let values = [
        row.authority.as_str().into(),
        row.generation.into(),
        row.serial.into(),
        row.not_before.into(),
        row.not_after.into(),
        row.certificate.as_slice().into(),
        row.responder_certificate.as_slice().into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub(crate) async fn generations(tx: &mut Tx) -> Result<Vec<GenerationRow>> {
    let sql =
        "SELECT authority, generation, serial, not_before, not_after, certificate, responder_certificate
        FROM nation_generation ORDER BY authority, generation";
    let row = |row: &Row| {
        Ok(GenerationRow {
            authority: row.parsed("authority")?,
            generation: row.int("generation")?,
            serial: serial_of(row, "serial")?,
            not_before: row.time("not_before")?,
            not_after: row.time("not_after")?,
            certificate: row.blob("certificate")?,
            responder_certificate: row.blob("responder_certificate")?,
        })
    };
    tx.query(sql, &[]).await?.iter().map(row).collect()
}

/// The next CRLNumber of a generation, used up with this call.
pub(crate) async fn take_list_number(tx: &mut Tx, authority: AuthorityKind, generation: i64) -> Result<i64> {
    let sql = "UPDATE nation_generation SET list_number = list_number + 1
        WHERE authority = $1 AND generation = $2 RETURNING list_number";
    tx.query_one(sql, &[authority.as_str().into(), generation.into()]).await?.int("list_number")
}

// -- residents

const RESIDENT: &str = "SELECT id, name, kana, address, municipality, date_of_birth, sex, left_at
    FROM nation_resident WHERE id = $1";
const RESIDENTS: &str = "SELECT id, name, kana, address, municipality, date_of_birth, sex, left_at
    FROM nation_resident ORDER BY position";

fn resident_row(row: &Row) -> Result<ResidentRow> {
    let born = DateOfBirth::from_certificate(&row.text("date_of_birth")?);
    Ok(ResidentRow {
        id: row.parsed("id")?,
        name: row.text("name")?,
        kana: row.text("kana")?,
        address: row.text("address")?,
        municipality: row.text("municipality")?,
        date_of_birth: born.map_err(|_| StoreError::Corrupt("date_of_birth"))?,
        sex: row.parsed("sex")?,
        left_at: row.int_opt("left_at")?.map(UnixTime),
    })
}

pub(crate) async fn insert_resident(tx: &mut Tx, position: i64, row: &ResidentRow) -> Result<()> {
    let sql = "INSERT INTO nation_resident
        (id, position, name, kana, address, municipality, date_of_birth, sex, left_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = [
        row.id.as_str().into(),
        position.into(),
        (&row.name).into(),
        (&row.kana).into(),
        (&row.address).into(),
        (&row.municipality).into(),
        row.date_of_birth.to_certificate().into(),
        row.sex.as_str().into(),
        row.left_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub(crate) async fn resident(tx: &mut Tx, id: &ResidentId) -> Result<Option<ResidentRow>> {
    tx.query_opt(RESIDENT, &[id.as_str().into()]).await?.as_ref().map(resident_row).transpose()
}

pub(crate) async fn residents(tx: &mut Tx) -> Result<Vec<ResidentRow>> {
    tx.query(RESIDENTS, &[]).await?.iter().map(resident_row).collect()
}

pub(crate) async fn update_resident(tx: &mut Tx, row: &ResidentRow) -> Result<()> {
    let sql = "UPDATE nation_resident SET name = $2, kana = $3, address = $4, municipality = $5, left_at = $6
        WHERE id = $1";
    let values = [
        row.id.as_str().into(),
        (&row.name).into(),
        (&row.kana).into(),
        (&row.address).into(),
        (&row.municipality).into(),
        row.left_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

// -- certificates

const BY_SERIAL: &str =
    "SELECT authority, serial, generation, resident_id, municipality, key_label, certificate,
    not_before, not_after, counterpart, revoked_at, reason
    FROM nation_certificate WHERE authority = $1 AND serial = $2";
const BY_FINGERPRINT: &str = "SELECT authority, serial, generation, resident_id, municipality, key_label,
    certificate, not_before, not_after, counterpart, revoked_at, reason
    FROM nation_certificate WHERE fingerprint = $1";
const OF_RESIDENT: &str =
    "SELECT authority, serial, generation, resident_id, municipality, key_label, certificate,
    not_before, not_after, counterpart, revoked_at, reason
    FROM nation_certificate WHERE resident_id = $1 AND authority = $2 ORDER BY serial DESC";

fn certificate_row(row: &Row) -> Result<CertificateRow> {
    let revoked = match row.int_opt("revoked_at")? {
        Some(at) => Some((UnixTime(at), row.parsed("reason")?)),
        None => None,
    };
    Ok(CertificateRow {
        authority: row.parsed("authority")?,
        serial: serial_of(row, "serial")?,
        generation: row.int("generation")?,
        resident_id: row.parsed("resident_id")?,
        municipality: row.text("municipality")?,
        key_label: row.text("key_label")?,
        certificate: row.blob("certificate")?,
        not_before: row.time("not_before")?,
        not_after: row.time("not_after")?,
        counterpart: row.int_opt("counterpart")?.and_then(|n| u32::try_from(n).ok()),
        revoked,
    })
}

pub(crate) async fn insert_certificate(
    tx: &mut Tx,
    row: &CertificateRow,
    fingerprint: [u8; 32],
) -> Result<()> {
    let sql =
        "INSERT INTO nation_certificate (authority, serial, generation, resident_id, municipality, key_label,
        certificate, fingerprint, not_before, not_after, counterpart)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let values = [
        row.authority.as_str().into(),
        row.serial.into(),
        row.generation.into(),
        row.resident_id.as_str().into(),
        (&row.municipality).into(),
        (&row.key_label).into(),
        row.certificate.as_slice().into(),
        fingerprint.into(),
        row.not_before.into(),
        row.not_after.into(),
        row.counterpart.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub(crate) async fn certificate(
    tx: &mut Tx,
    authority: AuthorityKind,
    serial: u32,
) -> Result<Option<CertificateRow>> {
    let values = [authority.as_str().into(), serial.into()];
    tx.query_opt(BY_SERIAL, &values).await?.as_ref().map(certificate_row).transpose()
}

pub(crate) async fn certificate_with(tx: &mut Tx, fingerprint: [u8; 32]) -> Result<Option<CertificateRow>> {
    tx.query_opt(BY_FINGERPRINT, &[fingerprint.into()]).await?.as_ref().map(certificate_row).transpose()
}

/// A resident's certificates of one authority, newest first.
pub(crate) async fn certificates_of(
    tx: &mut Tx,
    id: &ResidentId,
    authority: AuthorityKind,
) -> Result<Vec<CertificateRow>> {
    let values = [id.as_str().into(), authority.as_str().into()];
    tx.query(OF_RESIDENT, &values).await?.iter().map(certificate_row).collect()
}

pub(crate) async fn set_counterpart(
    tx: &mut Tx,
    authority: AuthorityKind,
    serial: u32,
    counterpart: u32,
) -> Result<()> {
    let sql = "UPDATE nation_certificate SET counterpart = $3 WHERE authority = $1 AND serial = $2";
    tx.execute(sql, &[authority.as_str().into(), serial.into(), counterpart.into()]).await.map(drop)
}

/// Revokes a certificate that is not revoked; answers whether there was one.
pub(crate) async fn revoke(
    tx: &mut Tx,
    authority: AuthorityKind,
    serial: u32,
    at: UnixTime,
    reason: RevocationReason,
) -> Result<bool> {
    let sql = "UPDATE nation_certificate SET revoked_at = $3, reason = $4
        WHERE authority = $1 AND serial = $2 AND revoked_at IS NULL";
    let values = [authority.as_str().into(), serial.into(), at.into(), reason.as_str().into()];
    Ok(tx.execute(sql, &values).await? == 1)
}

/// What is revoked and not past its end, by serial number.
pub(crate) async fn revoked(
    tx: &mut Tx,
    authority: AuthorityKind,
    generation: i64,
    at: UnixTime,
) -> Result<Vec<RevokedRow>> {
    let sql = "SELECT serial, municipality, revoked_at, reason FROM nation_certificate
        WHERE authority = $1 AND generation = $2 AND not_after >= $3 AND revoked_at IS NOT NULL ORDER BY serial";
    let values = [authority.as_str().into(), generation.into(), at.into()];
    tx.query(sql, &values).await?.iter().map(revoked_row).collect()
}

pub(crate) fn revoked_row(row: &Row) -> Result<RevokedRow> {
    Ok(RevokedRow {
        serial: serial_of(row, "serial")?,
        municipality: row.text("municipality")?,
        revoked_at: row.time("revoked_at")?,
        reason: row.parsed("reason")?,
    })
}

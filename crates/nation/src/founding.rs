//! The nation's first day: authorities, residents and what happened before, in the order of time, so that
//! serial numbers rise with the dates. Everything follows from seed and epoch.

use musubi_crypto::sha256_parts;
use musubi_kernel::{Random as _, SeededRandom, UnixTime};
use musubi_pki::{AuthorityKind, RevocationReason};
use musubi_store::Tx;

use crate::authority::{Authorities, Generation};
use crate::card::sql::insert_card;
use crate::residents::{FOUNDERS, Founder, Origin, Past, founder};
use crate::sql::{self, ResidentRow};
use crate::{LifeError, NationError, life, municipality};

const DAY: i64 = 24 * 3600;
/// When the generations began, in days before the epoch. The older one ends three and a half years after it,
/// when all certificates that it issued have ended, too.
const GENERATIONS: [(i64, i64); 2] = [(1, 2400), (2, 550)];
/// The first serial number lies above this, as in reality (facts §8.1).
const SERIAL_FLOOR: u32 = 1 << 20;

enum Step {
    Generation(AuthorityKind, i64),
    Past(&'static Founder, Past),
}

/// Founds the nation in an empty database.
pub(crate) async fn found(tx: &mut Tx, seed: u64, epoch: UnixTime) -> Result<Authorities, NationError> {
    sql::insert_state(tx, seed, epoch).await?;
    for kind in AuthorityKind::ALL {
        sql::insert_authority(tx, kind, first_serial(seed, kind)).await?;
    }
    for (position, founder) in (0_i64..).zip(FOUNDERS) {
        sql::insert_resident(tx, position, &resident_of(founder, epoch)?).await?;
        let first = founder.past.first().map_or(0, |past| past.days_ago());
        insert_card(tx, &id_of(founder)?, epoch.plus(-first * DAY)).await?;
    }
    let mut authorities = Authorities { seed, generations: Vec::new() };
    for (at, step) in steps(epoch) {
        match step {
            Step::Generation(kind, number) => {
                authorities.generations.push(Generation::found(tx, seed, kind, number, at).await?);
            }
            Step::Past(founder, past) => happened(tx, &authorities, founder, past, at, epoch).await?,
        }
    }
    authorities.generations.sort_by_key(|g| (g.kind, g.number));
    Ok(authorities)
}

pub(crate) fn first_serial(seed: u64, kind: AuthorityKind) -> u32 {
    let source =
        SeededRandom::new(sha256_parts(&[b"serials\0", &seed.to_be_bytes(), kind.as_str().as_bytes()]));
    let mut bytes = [0; 4];
    source.fill(&mut bytes);
    SERIAL_FLOOR + u32::from_be_bytes(bytes) % (1 << 22)
}

/// All steps in the order of time. Each resident has their own minute of the day, so that no two share one.
fn steps(epoch: UnixTime) -> Vec<(UnixTime, Step)> {
    let mut steps = Vec::new();
    for kind in AuthorityKind::ALL {
        for (number, days_ago) in GENERATIONS {
            steps.push((epoch.plus(-days_ago * DAY), Step::Generation(kind, number)));
        }
    }
    for (position, founder) in (0_i64..).zip(FOUNDERS) {
        // Within one resident's past, a later step of the same day comes an hour later.
        for (order, past) in (0_i64..).zip(founder.past) {
            let minute = 3600 + position * 547 + order * 3600;
            steps.push((epoch.plus(minute - past.days_ago() * DAY), Step::Past(founder, *past)));
        }
    }
    steps.sort_by_key(|(at, _)| *at);
    steps
}

async fn happened(
    tx: &mut Tx,
    authorities: &Authorities,
    founder: &Founder,
    past: Past,
    at: UnixTime,
    epoch: UnixTime,
) -> Result<(), NationError> {
    let mut resident = resident_of(founder, epoch)?;
    match (past, founder.origin) {
        (Past::Issued { .. }, Origin::Genuine) => life::issue_all(tx, authorities, &resident, at).await,
        (Past::Issued { .. }, Origin::ForgedWithSerialsOf(victim)) => {
            forge(tx, authorities, &resident, victim, at).await
        }
        (Past::Revoked { reason, .. }, _) => ended(life::end_all(tx, &resident.id, reason, at).await),
        (Past::Left { .. }, _) => {
            let reason = RevocationReason::CessationOfOperation;
            ended(life::end_all(tx, &resident.id, reason, at).await)?;
            resident.left_at = Some(at);
            Ok(sql::update_resident(tx, &resident).await?)
        }
    }
}

async fn forge(
    tx: &mut Tx,
    authorities: &Authorities,
    resident: &ResidentRow,
    victim: &str,
    at: UnixTime,
) -> Result<(), NationError> {
    let victim = id_of(founder(victim).ok_or(NationError::Register("forgery"))?)?;
    for kind in AuthorityKind::ALL {
        let copied = sql::certificates_of(tx, &victim, kind).await?;
        let serial = copied.first().ok_or(NationError::Register("forgery"))?.serial;
        authorities.forge(tx, kind, resident, serial, at).await?;
    }
    Ok(())
}

/// A founder's past is written in this program: a refusal is its fault.
fn ended(outcome: Result<(), LifeError>) -> Result<(), NationError> {
    match outcome {
        Ok(()) => Ok(()),
        Err(LifeError::Nation(error)) => Err(error),
        Err(_) => Err(NationError::Register("a founder's past")),
    }
}

fn id_of(founder: &Founder) -> Result<crate::ResidentId, NationError> {
    founder.id.parse().map_err(|_| NationError::Register("a founder's identifier"))
}

fn resident_of(founder: &Founder, epoch: UnixTime) -> Result<ResidentRow, NationError> {
    let town = municipality(founder.municipality).ok_or(NationError::Register("municipality"))?;
    Ok(ResidentRow {
        id: id_of(founder)?,
        name: founder.name.to_owned(),
        kana: founder.kana.to_owned(),
        address: format!("{}{}", town.name, founder.street),
        municipality: founder.municipality.to_owned(),
        date_of_birth: founder.birth.date(epoch)?,
        sex: founder.sex,
        left_at: None,
    })
}

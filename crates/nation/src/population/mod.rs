//! A population of any size that lives: births, moves, marriages, losses, renewals, deaths, and what each leaves at
//! the authorities. In memory, without keys for residents, from a seed: the same history on every machine.
//!
//! [`Population::found`] gives residents whose certificates were issued over the five years before; the lists are
//! empty then and fill as the population lives. [`Population::live_until`] goes on, event by event in the order of
//! time, however the way is divided; [`Population::live_watched`] shows every [`Event`] with truth and evidence. What
//! the authorities would answer at the present instant: [`Population::correspondence`], [`Population::succession`],
//! [`Population::latest_attributes`], lists by [`Population::write_list`] and [`Population::write_delta`];
//! [`PopulationUpstream`] serves them over HTTP.
//!
//! Evidence is as untidy as reality ([`Rates`]): after a move some never get a new signing certificate, linkage comes
//! [`LINKAGE_LAG`] seconds after issue, some renewals are recorded as an end and an issue, some reasons are
//! unspecified. **Our own simplifications**: households do not move together; nobody comes back from abroad as the
//! same person; who gives a card back may get another later; a certificate renewed in the three months before its
//! end lasts to the fifth birthday after that end (facts §1.9); a lost card's holder is somebody's whom we do not
//! follow.
//!
//! Not here: private keys, certificates in DER, the judgement of anything. The small nation with cards that sign is
//! [`crate::World`].

mod attestation;
mod draws;
mod events;
mod life;
mod people;
mod publishing;
mod rates;
mod register;
mod upstream;

use std::collections::{BTreeMap, VecDeque};

use musubi_kernel::{Date, UnixTime};
use musubi_pki::AuthorityKind;

pub use attestation::{Latest, Succession};
pub use events::{Event, Happening, Issued, Revoked, TrueMeaning};
pub use publishing::ListOf;
pub use rates::Rates;
pub use register::Fate;
pub use upstream::{ConsentRefused, Partitions, PopulationUpstream};

pub(crate) use draws::Draws;

use life::Plan;
use people::Resident;
use register::Register;

/// Seconds from the issue of a certificate to its linkage: succession, correspondence, latest attributes. 90 minutes
/// by an operator's note (facts §3.2).
pub const LINKAGE_LAG: i64 = 90 * 60;

/// Most residents of a population.
pub const MOST_RESIDENTS: u32 = 200_000_000;

const DAY: i64 = 86_400;
const JST: i64 = 9 * 3600;

/// Why a population cannot be founded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FoundingError {
    /// None, or more than [`MOST_RESIDENTS`].
    #[error("a population has 1 to {MOST_RESIDENTS} residents")]
    Residents,
    /// Its certificates would lie outside 1980 to 2100.
    #[error("a population is founded between 1990 and 2060")]
    Epoch,
}

/// A population.
pub struct Population {
    seed: u64,
    rates: Rates,
    draws: Draws,
    residents: Vec<Resident>,
    registers: PerKind<Register>,
    now: UnixTime,
    /// The day whose happenings are planned.
    today: i32,
    /// What still happens today, in the order of time.
    plan: VecDeque<Plan>,
    /// What will happen on later days.
    agenda: BTreeMap<i32, Vec<life::Task>>,
    /// Alive and in the country; with a card.
    present: u32,
    cards: u32,
    tallies: BTreeMap<(i32, Happening), u64>,
}

impl std::fmt::Debug for Population {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Population")
            .field("residents", &self.residents.len())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// Both authorities.
const KINDS: [AuthorityKind; 2] = [AuthorityKind::DigitalSignature, AuthorityKind::UserAuthentication];

/// One thing for each authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerKind<T> {
    /// 署名用認証局, or its certificate.
    pub digital_signature: T,
    /// 利用者証明用認証局, or its certificate.
    pub user_authentication: T,
}

impl<T> PerKind<T> {
    /// The one of an authority.
    pub fn of(&self, kind: AuthorityKind) -> &T {
        match kind {
            AuthorityKind::DigitalSignature => &self.digital_signature,
            AuthorityKind::UserAuthentication => &self.user_authentication,
        }
    }

    fn of_mut(&mut self, kind: AuthorityKind) -> &mut T {
        match kind {
            AuthorityKind::DigitalSignature => &mut self.digital_signature,
            AuthorityKind::UserAuthentication => &mut self.user_authentication,
        }
    }

    fn map<U>(self, mut f: impl FnMut(AuthorityKind, T) -> U) -> PerKind<U> {
        PerKind {
            digital_signature: f(AuthorityKind::DigitalSignature, self.digital_signature),
            user_authentication: f(AuthorityKind::UserAuthentication, self.user_authentication),
        }
    }
}

/// The day in Japan of an instant, counted from 1970-01-01.
fn day_of(at: UnixTime) -> i32 {
    i32::try_from((at.0 + JST).div_euclid(DAY)).unwrap_or_default()
}

/// 00:00 JST of a day.
fn day_begins(day: i32) -> UnixTime {
    UnixTime(i64::from(day) * DAY - JST)
}

fn date_of(day: i32) -> Date {
    day_begins(day).date_in_japan()
}

impl Population {
    /// The present instant.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.now
    }

    /// The seed that everything follows from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The rates that it lives by.
    #[must_use]
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Residents alive and in the country.
    #[must_use]
    pub fn present(&self) -> u32 {
        self.present
    }

    /// Cards in use.
    #[must_use]
    pub fn cards(&self) -> u32 {
        self.cards
    }

    /// All residents that there ever were: their numbers are below this.
    #[must_use]
    pub fn residents(&self) -> u32 {
        u32::try_from(self.residents.len()).unwrap_or(u32::MAX)
    }

    /// Certificates that an authority ever issued, its own among them.
    #[must_use]
    pub fn certificates(&self, kind: AuthorityKind) -> usize {
        self.register(kind).len()
    }

    /// How often each thing has happened, by calendar year in Japan.
    #[must_use]
    pub fn tallies(&self) -> &BTreeMap<(i32, Happening), u64> {
        &self.tallies
    }

    /// Bytes of memory that residents, certificates and appointments take.
    #[must_use]
    pub fn memory(&self) -> usize {
        let agenda: usize =
            self.agenda.values().map(|tasks| tasks.capacity() * size_of::<life::Task>()).sum();
        let residents = self.residents.capacity() * size_of::<Resident>();
        residents + KINDS.map(|kind| self.register(kind).memory()).iter().sum::<usize>() + agenda
    }

    fn register(&self, kind: AuthorityKind) -> &Register {
        self.registers.of(kind)
    }

    fn resident(&self, number: u32) -> Option<&Resident> {
        self.residents.get(usize::try_from(number).ok()?)
    }

    fn resident_mut(&mut self, number: u32) -> Option<&mut Resident> {
        self.residents.get_mut(usize::try_from(number).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_japan() {
        let at = UnixTime::parse_rfc3339("2026-03-31T15:00:00Z").unwrap();
        assert_eq!(day_begins(day_of(at)), at);
        assert_eq!(day_of(at.plus(-1)), day_of(at) - 1);
        assert_eq!(date_of(day_of(at)).to_string(), "2026-04-01");
        assert_eq!(date_of(-1).to_string(), "1969-12-31");
    }
}

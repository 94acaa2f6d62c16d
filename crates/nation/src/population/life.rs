//! How a population is founded and lives: what happens on a day, to whom, and what follows from it.
//!
//! Longer than 500 lines because the happenings share one vocabulary (issue, revoke, schedule) and are read together.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, DateOfBirth, Era, RevocationReason};

use super::events::{Event, Happening, Issued, Revoked};
use super::people::{NO_CARD, Resident};
use super::rates::{AGES, MARRYING, MOBILITY, MORTALITY, MOVES_BY_MONTH, Rates, TOWNS, TRAVELLING, by_age};
use super::register::{Certificate, Generation, NONE, Register, YEAR_DAYS};
use super::{
    DAY, Draws, FoundingError, KINDS, LINKAGE_LAG, MOST_RESIDENTS, PerKind, Population, date_of, day_begins,
    day_of,
};
use crate::founding::first_serial;
use crate::profile::{age_at, authority_validity, birthday_after};

/// When generations begin, in days from the epoch: the first two as in the small nation, then one every 1,500 days.
const OLDEST: i32 = -2400;
const NEWEST: i32 = -550;
const GENERATION_INTERVAL: i32 = 1500;
/// Days before its end in which a certificate or a card can be renewed: three months.
const WINDOW: i32 = 90;
/// Counters are open from 8:30 to 17:15 in Japan.
const OPEN: (u32, u32) = (8 * 3600 + 1800, 17 * 3600 + 900);
/// Most tries to find somebody to whom a thing can happen.
const TRIES: u32 = 20_000;

/// What is to happen to somebody on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The certificate of this authority is renewed, if it is in the window.
    Renew(AuthorityKind),
    /// The certificate of this authority ended yesterday, if it was not renewed.
    Expire(AuthorityKind),
    /// A visit for a certificate that is missing.
    Visit,
    /// A first card, or another after a loss.
    Card,
    /// Somebody yet to be found.
    Anybody(Happening),
    /// The next generation of both authorities begins.
    Generation,
}

/// An appointment: 28 bits of the resident, four of what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task(u32);

const APPOINTMENTS: [What; 6] = [
    What::Renew(AuthorityKind::DigitalSignature),
    What::Renew(AuthorityKind::UserAuthentication),
    What::Expire(AuthorityKind::DigitalSignature),
    What::Expire(AuthorityKind::UserAuthentication),
    What::Visit,
    What::Card,
];

impl Task {
    fn new(resident: u32, what: What) -> Option<Self> {
        let number = APPOINTMENTS.iter().position(|known| *known == what)?;
        Some(Self((resident << 4) | u32::try_from(number).ok()?))
    }

    fn resident(self) -> u32 {
        self.0 >> 4
    }

    fn what(self) -> Option<What> {
        APPOINTMENTS.get(usize::try_from(self.0 & 15).ok()?).copied()
    }
}

const _: () = assert!(MOST_RESIDENTS < 1 << 28);

/// A thing of today.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Second of the day in Japan.
    second: u32,
    what: What,
    resident: u32,
}

// -- founding

/// A certificate of the time before the epoch: its second, the resident, its authority.
type Past = (u32, u32, AuthorityKind);

impl Population {
    /// Founds a population at an instant, with the rates of [`Rates::JAPAN`].
    ///
    /// # Errors
    /// [`FoundingError`].
    pub fn found(seed: u64, residents: u32, epoch: UnixTime) -> Result<Self, FoundingError> {
        Self::found_with(seed, residents, epoch, Rates::JAPAN)
    }

    /// Founds a population that lives by other rates. The first day that it lives is the one after the epoch's.
    ///
    /// # Errors
    /// [`FoundingError`].
    pub fn found_with(
        seed: u64,
        residents: u32,
        epoch: UnixTime,
        rates: Rates,
    ) -> Result<Self, FoundingError> {
        if !(1..=MOST_RESIDENTS).contains(&residents) {
            return Err(FoundingError::Residents);
        }
        if !(1990..2060).contains(&epoch.date_in_japan().year()) {
            return Err(FoundingError::Epoch);
        }
        let today = day_of(epoch);
        let mut population = Self {
            seed,
            rates,
            draws: Draws::new(seed, "population"),
            residents: Vec::with_capacity(usize::try_from(residents).unwrap_or_default()),
            registers: PerKind { digital_signature: (), user_authentication: () }
                .map(|kind, ()| Register::new(first_serial(seed, kind))),
            now: epoch,
            today,
            plan: std::collections::VecDeque::new(),
            agenda: std::collections::BTreeMap::new(),
            present: residents,
            cards: 0,
            tallies: std::collections::BTreeMap::new(),
        };
        let mut past = population.settle(residents);
        past.sort_unstable();
        population.issue_past(&past);
        Ok(population)
    }

    /// Makes the residents; answers who got which certificate when.
    fn settle(&mut self, residents: u32) -> Vec<Past> {
        let today = self.today;
        let mut past = Vec::new();
        for number in 0..residents {
            let decade = i32::try_from(self.draws.weighted(&AGES)).unwrap_or_default();
            let days = i32::try_from(self.draws.below(3652)).unwrap_or_default();
            let mut resident = self.somebody(today - decade * 3652 - days - 1);
            if self.draws.chance(self.rates.with_card) {
                self.equip(number, &mut resident, &mut past);
            }
            self.residents.push(resident);
        }
        past
    }

    fn somebody(&mut self, born: i32) -> Resident {
        let town = u8::try_from(self.draws.weighted(&TOWNS)).unwrap_or_default();
        Resident::new(born, town, self.draws.chance(0.51))
    }

    /// A card with certificates of the past five years that are good today.
    fn equip(&mut self, number: u32, resident: &mut Resident, past: &mut Vec<Past>) {
        let today = self.today;
        // Drawn again until the certificate is still good; a newborn's card is not older than the child.
        for _ in 0..32 {
            let day = today - i32::try_from(self.draws.between(1, 1826)).unwrap_or_default();
            let at = self.counter_time(day);
            let end = birthday(at, resident.born, 5);
            if day <= resident.born || end < today {
                continue;
            }
            // Half of the grown-ups' cards are in their second five years.
            let second = self.draws.chance(0.5) && resident.age(day) >= 23;
            resident.card_end = if second { end } else { card_end(at, resident.born) };
            self.cards += 1;
            past.push((packed(at), number, AuthorityKind::UserAuthentication));
            if is_grown(resident.born, at) && self.draws.chance(self.rates.with_signing) {
                // A quarter has changed attributes since, and a newer signing certificate.
                let signed = if self.draws.chance(0.25) {
                    let later = self.draws.below(u32::try_from(today - day).unwrap_or_default());
                    self.counter_time(day + i32::try_from(later).unwrap_or_default()).max(at)
                } else {
                    at
                };
                past.push((packed(signed), number, AuthorityKind::DigitalSignature));
            }
            return;
        }
    }

    /// Gives out the past's certificates in the order of time, with the generations between.
    fn issue_past(&mut self, past: &[Past]) {
        let mut generations =
            [OLDEST, NEWEST].map(|days| day_begins(self.today + days).plus(9 * 3600)).into_iter().peekable();
        for (second, number, kind) in past {
            let at = UnixTime((*second).into());
            while let Some(begun) = generations.next_if(|begun| *begun <= at) {
                self.begin_generation(begun);
            }
            let Some(mut resident) = self.resident(*number).copied() else { continue };
            self.issue(*number, &mut resident, *kind, at, at);
            if let Some(kept) = self.resident_mut(*number) {
                *kept = resident;
            }
        }
        for begun in generations {
            self.begin_generation(begun);
        }
    }

    fn begin_generation(&mut self, begun: UnixTime) {
        // The years of a population are those of the calendar: an authority has an end.
        let not_after = authority_validity(begun).map_or(begun, |validity| validity.not_after);
        for kind in KINDS {
            let register = self.registers.of_mut(kind);
            let number = i64::try_from(register.generations.len()).unwrap_or_default() + 1;
            let own = Certificate::new(NONE, begun, day_of(not_after), 0, NONE);
            let first = register.push(own);
            // Its responder's certificate.
            register.push(own);
            register.generations.push(Generation { number, begun, not_after, first });
        }
    }
}

fn packed(at: UnixTime) -> u32 {
    u32::try_from(at.0).unwrap_or_default()
}

/// The date of birth as the profile's rules take it.
fn born_on(born: i32) -> DateOfBirth {
    let date = date_of(born);
    let year = u16::try_from(date.year()).unwrap_or_default();
    DateOfBirth { era: Era::Unknown, year, month: date.month(), day: date.day() }
}

/// The day of the `count`th birthday after an instant.
fn birthday(at: UnixTime, born: i32, count: i32) -> i32 {
    birthday_after(at, born_on(born), count).map_or(i32::MIN, |date| day_of(date.starts_in_japan()))
}

/// The last day of a card issued at an instant.
fn card_end(at: UnixTime, born: i32) -> i32 {
    birthday(at, born, if age_at(born_on(born), at) < 18 { 5 } else { 10 })
}

/// Old enough for a signing certificate: 15.
fn is_grown(born: i32, at: UnixTime) -> bool {
    age_at(born_on(born), at) >= 15
}

// -- the course of days

impl Population {
    /// Lives on to an instant. The history is the same however the way there is divided.
    pub fn live_until(&mut self, at: UnixTime) {
        self.live_watched(at, &mut |_| ());
    }

    /// Lives on to an instant and shows every event on the way, in the order of time.
    pub fn live_watched(&mut self, at: UnixTime, watch: &mut dyn FnMut(&Event)) {
        loop {
            let begins = day_begins(self.today);
            while let Some(next) = self.plan.front().copied() {
                let when = begins.plus(next.second.into());
                if when > at {
                    self.now = self.now.max(at);
                    return;
                }
                self.plan.pop_front();
                if let Some(event) = self.happen(next, when) {
                    let year = date_of(self.today).year();
                    *self.tallies.entry((year, event.happening)).or_default() += 1;
                    watch(&event);
                }
            }
            if begins.plus(DAY) > at {
                self.now = self.now.max(at);
                return;
            }
            self.today += 1;
            self.plan_day();
        }
    }

    /// Draws what happens today.
    fn plan_day(&mut self) {
        let today = self.today;
        let mut plans: Vec<Plan> = Vec::new();
        let epoch_day =
            self.registers.digital_signature.generations.first().map_or(today, |g| day_of(g.begun)) - OLDEST;
        let since = today - epoch_day - NEWEST;
        if since > 0 && since % GENERATION_INTERVAL == 0 {
            plans.push(Plan { second: 3600, what: What::Generation, resident: NONE });
        }
        for task in self.agenda.remove(&today).unwrap_or_default() {
            let Some(what) = task.what() else { continue };
            let second = match what {
                What::Expire(_) => 0,
                _ => self.draws.between(OPEN.0, OPEN.1),
            };
            plans.push(Plan { second, what, resident: task.resident() });
        }
        for (happening, mean) in self.means() {
            for _ in 0..self.draws.count(mean) {
                let second = match happening {
                    Happening::Lost | Happening::Stolen | Happening::Leaked => self.draws.below(86_400),
                    _ => self.draws.between(OPEN.0, OPEN.1),
                };
                plans.push(Plan { second, what: What::Anybody(happening), resident: NONE });
            }
        }
        // Stable: of one second, what was planned first comes first.
        plans.sort_by_key(|plan| plan.second);
        self.plan = plans.into();
    }

    /// How often each thing is to be expected today. Offices are closed on Saturdays and Sundays.
    fn means(&self) -> [(Happening, f64); 15] {
        // 1970-01-01 was a Thursday.
        let open = if matches!((self.today + 4).rem_euclid(7), 0 | 6) { 0.0 } else { 7.0 / 5.0 };
        let month = usize::from(date_of(self.today).month()).saturating_sub(1);
        let season = f64::from(MOVES_BY_MONTH.get(month).copied().unwrap_or(1000)) / 1000.0;
        let (people, cards) = (f64::from(self.present) / YEAR_DAYS, f64::from(self.cards) / YEAR_DAYS);
        let without = people - cards;
        let r = &self.rates;
        [
            (Happening::Born, r.births * people * open),
            (Happening::Arrived, r.arrivals * people * open),
            (Happening::CardIssued, r.applications * without * open),
            (Happening::MovedWithin, r.moves_within * people * open * season),
            (Happening::MovedBetween, r.moves_between * people * open * season),
            (Happening::Married, r.marriages * people * open),
            (Happening::Renamed, r.renames * people * open),
            (Happening::RecordCorrected, r.corrections * people * open),
            (Happening::CardReplaced, r.damages * cards * open),
            (Happening::Lost, r.losses * cards),
            (Happening::Stolen, r.thefts * cards),
            (Happening::Leaked, r.leaks * cards),
            (Happening::Returned, r.returns * cards * open),
            (Happening::LeftTheCountry, r.departures * people * open),
            (Happening::Died, r.deaths * people * open),
        ]
    }

    fn counter_time(&mut self, day: i32) -> UnixTime {
        day_begins(day).plus(self.draws.between(OPEN.0, OPEN.1).into())
    }

    /// Makes an appointment.
    fn schedule(&mut self, day: i32, resident: u32, what: What) {
        if let Some(task) = Task::new(resident, what) {
            self.agenda.entry(day).or_default().push(task);
        }
    }

    /// Somebody whom a thing can befall, by age and by what it needs.
    fn find(&mut self, happening: Happening) -> Option<u32> {
        let today = self.today;
        let ages = match happening {
            Happening::MovedWithin | Happening::MovedBetween => Some(&MOBILITY),
            Happening::Married | Happening::Renamed => Some(&MARRYING),
            Happening::LeftTheCountry => Some(&TRAVELLING),
            Happening::Died => Some(&MORTALITY),
            _ => None,
        };
        let n = self.residents();
        for _ in 0..TRIES {
            let number = self.draws.below(n);
            let Some(resident) = self.resident(number).copied().filter(|r| r.present) else { continue };
            let fits = match happening {
                Happening::CardIssued => !resident.has_card(today),
                Happening::Lost
                | Happening::Stolen
                | Happening::Leaked
                | Happening::Returned
                | Happening::CardReplaced => resident.has_card(today),
                // Nineteen of twenty who take another name are women.
                Happening::Married => resident.female || self.draws.chance(0.05),
                _ => true,
            };
            let of_age = ages.is_none_or(|table| self.draws.below(1000) < by_age(table, resident.age(today)));
            if fits && of_age {
                return Some(number);
            }
        }
        None
    }
}

// -- what happens

/// An event in the making, with the resident as they are after it.
struct Making {
    number: u32,
    resident: Resident,
    at: UnixTime,
    event: Event,
}

impl Population {
    /// Lets a planned thing happen, unless nobody can be found for it or it no longer applies.
    fn happen(&mut self, plan: Plan, at: UnixTime) -> Option<Event> {
        match plan.what {
            What::Generation => {
                self.begin_generation(at);
                None
            }
            What::Anybody(happening @ (Happening::Born | Happening::Arrived)) => self.join(happening, at),
            What::Anybody(happening) => {
                let number = self.find(happening)?;
                self.befall(number, happening, at)
            }
            What::Renew(kind) => self.renew(plan.resident, kind, at),
            What::Expire(kind) => self.expire(plan.resident, kind, at),
            What::Visit => self.visit(plan.resident, at),
            What::Card => self.befall(plan.resident, Happening::CardIssued, at),
        }
    }

    fn begin(&self, number: u32, happening: Happening, at: UnixTime) -> Option<Making> {
        let resident = self.resident(number).copied().filter(|resident| resident.present)?;
        let event = Event {
            at,
            happened_at: at,
            resident: number,
            happening,
            revoked: PerKind::default(),
            issued: PerKind::default(),
        };
        Some(Making { number, resident, at, event })
    }

    fn finish(&mut self, making: Making) -> Option<Event> {
        let before = self.resident(making.number).copied();
        let had = before.is_some_and(|r| r.card_end != NO_CARD && r.present);
        let has = making.resident.card_end != NO_CARD && making.resident.present;
        self.cards = self.cards + u32::from(has) - u32::from(had).min(self.cards);
        self.present -= u32::from(before.is_some_and(|r| r.present) && !making.resident.present);
        *self.resident_mut(making.number)? = making.resident;
        Some(making.event)
    }

    fn join(&mut self, happening: Happening, at: UnixTime) -> Option<Event> {
        let number = self.residents();
        if number >= MOST_RESIDENTS {
            return None;
        }
        let today = self.today;
        let (born, share, days) = if happening == Happening::Born {
            (today - i32::try_from(self.draws.below(14)).ok()?, self.rates.newborns_with_card, (30, 700))
        } else {
            let age = i32::try_from(self.draws.weighted(&TRAVELLING)).ok()? * 1826;
            (today - age - i32::try_from(self.draws.below(1826)).ok()? - 1, self.rates.with_card, (1, 200))
        };
        let resident = self.somebody(born);
        if self.residents.len() == self.residents.capacity() {
            // Doubling would leave half of the memory unused.
            self.residents.reserve_exact(self.residents.len() / 16 + 1024);
        }
        self.residents.push(resident);
        self.present += 1;
        if self.draws.chance(share) {
            let wait = self.draws.between(days.0, days.1);
            self.schedule(today + i32::try_from(wait).ok()?, number, What::Card);
        }
        let mut making = self.begin(number, happening, at)?;
        if happening == Happening::Born {
            making.event.happened_at = day_begins(born).plus(self.draws.below(8 * 3600).into()).min(at);
        }
        self.finish(making)
    }

    /// Something that is not a renewal happens to somebody.
    fn befall(&mut self, number: u32, happening: Happening, at: UnixTime) -> Option<Event> {
        let mut making = self.begin(number, happening, at)?;
        match happening {
            Happening::MovedWithin | Happening::MovedBetween => {
                if happening == Happening::MovedBetween {
                    making.resident.town = self.other_town(making.resident.town);
                }
                making.resident.addresses = making.resident.addresses.wrapping_add(1);
                // 転入届・転居届: within 14 days (住民基本台帳法22条, 23条).
                making.event.happened_at = self.earlier(&making, 14);
                self.change_attributes(&mut making);
            }
            Happening::Married | Happening::Renamed => {
                making.resident.names = making.resident.names.wrapping_add(1);
                self.change_attributes(&mut making);
            }
            Happening::RecordCorrected => {
                making.resident.addresses = making.resident.addresses.wrapping_add(1);
                self.change_attributes(&mut making);
            }
            Happening::Lost | Happening::Stolen => {
                making.event.happened_at = self.earlier(&making, 3);
                self.revoke_all(&mut making);
                making.resident.card_end = NO_CARD;
                if self.draws.chance(self.rates.replaced) {
                    let days = i32::try_from(self.draws.between(10, 60)).ok()?;
                    self.schedule(self.today + days, number, What::Card);
                }
            }
            Happening::Leaked => self.leak(&mut making),
            Happening::CardReplaced => {
                self.revoke_all(&mut making);
                self.new_card(&mut making);
            }
            Happening::Returned => {
                self.revoke_all(&mut making);
                making.resident.card_end = NO_CARD;
            }
            Happening::LeftTheCountry | Happening::Died => {
                if happening == Happening::Died {
                    // 死亡届: within seven days (戸籍法86条).
                    making.event.happened_at = self.earlier(&making, 7);
                }
                self.revoke_all(&mut making);
                making.resident.present = false;
            }
            Happening::CardIssued => {
                if making.resident.has_card(self.today) {
                    return None;
                }
                if self.draws.chance(self.rates.not_handed_over) {
                    self.destroy_before_hand_over(&mut making);
                } else {
                    self.new_card(&mut making);
                }
            }
            _ => return None,
        }
        self.finish(making)
    }

    fn other_town(&mut self, town: u8) -> u8 {
        for _ in 0..64 {
            let other = u8::try_from(self.draws.weighted(&TOWNS)).unwrap_or_default();
            if other != town {
                return other;
            }
        }
        town
    }

    /// A time up to some days before the event, but not before what the person did last at a counter.
    fn earlier(&mut self, making: &Making, days: u32) -> UnixTime {
        let back = i64::from(self.draws.below(days * 86_400));
        let last = KINDS.into_iter().filter_map(|kind| {
            let certificate = self.register(kind).at(*making.resident.newest.of(kind))?;
            Some(certificate.fate().map_or(certificate.issued_at(), |fate| fate.at))
        });
        let last = last.max().unwrap_or(UnixTime(i64::MIN));
        making.at.plus(-back).max(last).min(making.at)
    }

    /// The attributes are others now: the signing certificate ends, and a new one is issued now, later or never. The
    /// certificate for user authentication names nobody and stays (facts §2.3).
    fn change_attributes(&mut self, making: &mut Making) {
        let kind = AuthorityKind::DigitalSignature;
        if !self.is_good(&making.resident, kind, making.at) {
            return;
        }
        let reason = self.recorded(making.event.happening);
        self.revoke(making, kind, reason);
        let visit = self.draws.unit();
        let later = self.rates.signing_at_once + self.rates.signing_later;
        if visit < self.rates.signing_at_once || making.event.happening == Happening::RecordCorrected {
            self.issue_in(making, kind, making.at);
        } else if visit < later {
            let days = 1 + self.draws.delay(self.rates.signing_later_days);
            self.schedule(self.today + days, making.number, What::Visit);
        }
    }

    /// A PIN or key has leaked: one of the certificates or both are revoked, and most get new ones at once.
    fn leak(&mut self, making: &mut Making) {
        let which = self.draws.below(3);
        let again = self.draws.chance(self.rates.replaced);
        for (number, kind) in (0..).zip(KINDS) {
            if (which == 2 || which == number) && self.is_good(&making.resident, kind, making.at) {
                let reason = self.recorded(making.event.happening);
                self.revoke(making, kind, reason);
                if again {
                    self.issue_in(making, kind, making.at);
                }
            }
        }
    }

    /// Certificates that were made and are destroyed: they take serial numbers, stand on the list at once, and belong
    /// to nobody's succession.
    fn destroy_before_hand_over(&mut self, making: &mut Making) {
        making.event.happening = Happening::NotHandedOver;
        let before = making.resident;
        self.new_card(making);
        for kind in KINDS {
            if making.resident.newest.of(kind) != before.newest.of(kind) {
                self.revoke(making, kind, RevocationReason::Unspecified);
            }
        }
        let unlinked = |_, issued: Option<Issued>| issued.map(|one| Issued { predecessor: None, ..one });
        making.event.issued = making.event.issued.map(unlinked);
        making.resident = before;
        let days = i32::try_from(self.draws.between(20, 90)).unwrap_or_default();
        self.schedule(self.today + days, making.number, What::Card);
    }

    /// A new card with all the certificates that the holder can have.
    fn new_card(&mut self, making: &mut Making) {
        let old_end = making.resident.card_end;
        let renewed = old_end != NO_CARD && (0..=WINDOW).contains(&(old_end - self.today));
        let from = if renewed { day_begins(old_end + 1).plus(-1) } else { making.at };
        making.resident.card_end = card_end(from, making.resident.born);
        let signing = is_grown(making.resident.born, making.at)
            && (making.event.revoked.digital_signature.is_some()
                || self.draws.chance(self.rates.with_signing));
        if signing {
            self.issue_in(making, AuthorityKind::DigitalSignature, from);
        }
        self.issue_in(making, AuthorityKind::UserAuthentication, from);
    }

    /// 更新: what is in the three months before its end, on the same card or, if that ends too, on a new one.
    fn renew(&mut self, number: u32, asked: AuthorityKind, at: UnixTime) -> Option<Event> {
        let mut making = self.begin(number, Happening::Renewed, at)?;
        let today = self.today;
        let ends_soon = |population: &Self, kind: AuthorityKind| {
            let certificate = population.register(kind).at(*making.resident.newest.of(kind));
            certificate.filter(|c| c.is_good(at) && c.last_day() - today <= WINDOW).map(Certificate::last_day)
        };
        let ends = KINDS.map(|kind| (kind, ends_soon(self, kind)));
        let end = ends.iter().find(|(kind, _)| *kind == asked).and_then(|(_, end)| *end)?;
        if !making.resident.has_card(today) {
            self.schedule(end + 1, number, What::Expire(asked));
            return None;
        }
        let reason = if self.draws.chance(self.rates.renewals_as_cessation) {
            RevocationReason::CessationOfOperation
        } else {
            self.recorded(Happening::Renewed)
        };
        if making.resident.card_end - today <= WINDOW {
            making.event.happening = Happening::CardRenewed;
            for kind in KINDS {
                if self.is_good(&making.resident, kind, at) {
                    self.revoke(&mut making, kind, reason);
                }
            }
            self.new_card(&mut making);
            return self.finish(making);
        }
        for (kind, end) in ends {
            if let Some(end) = end {
                self.revoke(&mut making, kind, reason);
                self.issue_in(&mut making, kind, day_begins(end + 1).plus(-1));
            }
        }
        // Who is at the counter gets the signing certificate that is missing, too.
        let signing = AuthorityKind::DigitalSignature;
        let missing =
            making.event.issued.digital_signature.is_none() && !self.is_good(&making.resident, signing, at);
        if missing && is_grown(making.resident.born, at) && self.draws.chance(self.rates.with_signing) {
            self.issue_in(&mut making, signing, at);
        }
        self.finish(making)
    }

    /// A certificate came to its end yesterday and was not renewed.
    fn expire(&mut self, number: u32, kind: AuthorityKind, at: UnixTime) -> Option<Event> {
        let making = self.begin(number, Happening::Expired, at)?;
        let certificate = self.register(kind).at(*making.resident.newest.of(kind))?;
        let ended = certificate.fate().is_none() && certificate.last_day() == self.today - 1;
        let mut making = ended.then_some(making)?;
        if making.resident.card_end != NO_CARD && making.resident.card_end < self.today {
            making.resident.card_end = NO_CARD;
        }
        self.finish(making)
    }

    /// A visit for certificates that are missing or have ended.
    fn visit(&mut self, number: u32, at: UnixTime) -> Option<Event> {
        let mut making = self.begin(number, Happening::CertificatesIssuedLate, at)?;
        if !making.resident.has_card(self.today) {
            return self.befall(number, Happening::CardIssued, at);
        }
        for kind in KINDS {
            let may = kind == AuthorityKind::UserAuthentication || is_grown(making.resident.born, at);
            let ever = *making.resident.newest.of(kind) != NONE;
            if may && ever && !self.is_good(&making.resident, kind, at) {
                self.issue_in(&mut making, kind, at);
            }
        }
        let issued = KINDS.iter().any(|kind| making.event.issued.of(*kind).is_some());
        if issued { self.finish(making) } else { None }
    }
}

// -- certificates

impl Population {
    fn is_good(&self, resident: &Resident, kind: AuthorityKind, at: UnixTime) -> bool {
        self.register(kind).at(*resident.newest.of(kind)).is_some_and(|certificate| certificate.is_good(at))
    }

    /// The reason that the authority records, which is sometimes none.
    fn recorded(&mut self, happening: Happening) -> RevocationReason {
        if self.draws.chance(self.rates.reasons_unspecified) {
            RevocationReason::Unspecified
        } else {
            happening.reason()
        }
    }

    fn revoke(&mut self, making: &mut Making, kind: AuthorityKind, reason: RevocationReason) {
        let place = *making.resident.newest.of(kind);
        let (at, happening) = (making.at, making.event.happening);
        let register = self.registers.of_mut(kind);
        register.revoke(place, at, reason, happening);
        *making.event.revoked.of_mut(kind) = Some(Revoked { serial: register.serial(place), reason });
    }

    fn revoke_all(&mut self, making: &mut Making) {
        let reason = self.recorded(making.event.happening);
        for kind in KINDS {
            if self.is_good(&making.resident, kind, making.at) {
                self.revoke(making, kind, reason);
            }
        }
    }

    fn issue_in(&mut self, making: &mut Making, kind: AuthorityKind, from: UnixTime) {
        let before = *making.resident.newest.of(kind);
        self.issue(making.number, &mut making.resident, kind, making.at, from);
        let register = self.register(kind);
        *making.event.issued.of_mut(kind) = Some(Issued {
            serial: register.serial(*making.resident.newest.of(kind)),
            predecessor: (before != NONE).then(|| register.serial(before)),
            linked_from: making.at.plus(LINKAGE_LAG),
        });
    }

    /// Issues a certificate that lasts to the fifth birthday after `from` (the end of the one that it renews, or the
    /// issue), not past the card or the authority, and makes the appointments that follow.
    fn issue(
        &mut self,
        number: u32,
        resident: &mut Resident,
        kind: AuthorityKind,
        at: UnixTime,
        from: UnixTime,
    ) {
        let authority_end = self.register(kind).issuing().map_or(i32::MAX, |g| day_of(g.not_after));
        let end = birthday(from, resident.born, 5).min(resident.card_end).min(authority_end);
        let newest = resident.newest.of_mut(kind);
        *newest = self.registers.of_mut(kind).push(Certificate::new(number, at, end, resident.town, *newest));
        let today = day_of(at);
        let decision = self.draws.unit();
        if decision < self.rates.renewed_in_time {
            let first = (end - WINDOW + 3).max(today + 1).max(self.today + 1);
            let span = u32::try_from(end - first).unwrap_or_default();
            let day = first + i32::try_from(self.draws.below(span + 1)).unwrap_or_default();
            self.schedule(day, number, What::Renew(kind));
            return;
        }
        if decision < self.rates.renewed_in_time + self.rates.renewed_late {
            let days = self.draws.delay(self.rates.renewed_late_days);
            self.schedule((end + 2 + days).max(self.today + 1), number, What::Visit);
        }
        self.schedule((end + 1).max(self.today + 1), number, What::Expire(kind));
    }
}

//! A population that lives: its history, its truth beside its evidence, its lists.

use std::collections::{BTreeMap, BTreeSet};

use musubi_kernel::UnixTime;
use musubi_nation::population::{
    Event, Happening, LINKAGE_LAG, ListOf, MOST_RESIDENTS, Population, TrueMeaning,
};
use musubi_nation::{DEFAULT_SEED, Entry, EntryWord, MUNICIPALITIES, Scope};
use musubi_pki::{
    AuthorityKind, ListScope, MAX_LIST_BYTES, RevocationReason, SerialNumber, TrustAnchors,
    VerifiedRevocationList,
};

use crate::openssl::openssl;
use crate::support::EPOCH;

const DAY: i64 = 86_400;
const SIGNING: AuthorityKind = AuthorityKind::DigitalSignature;

/// A population and everything that happened to it.
pub(crate) struct Lived {
    pub(crate) population: Population,
    pub(crate) events: Vec<Event>,
}

impl Lived {
    pub(crate) fn through(residents: u32, days: i64) -> Self {
        let mut population = Population::found(DEFAULT_SEED, residents, EPOCH).unwrap();
        let mut events = Vec::new();
        population.live_watched(EPOCH.plus(days * DAY), &mut |event| events.push(*event));
        Self { population, events }
    }

    fn of(&self, happening: Happening) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.happening == happening)
    }

    /// What was revoked until an instant and has not ended, by the events alone.
    fn revoked_by(&self, kind: AuthorityKind, at: UnixTime) -> BTreeMap<u64, (UnixTime, RevocationReason)> {
        self.events
            .iter()
            .filter(|event| event.at <= at)
            .filter_map(|event| Some((event.at, event.revoked.of(kind).as_ref()?)))
            .filter(|(_, revoked)| self.population.validity(kind, revoked.serial).unwrap().1 >= at)
            .map(|(when, revoked)| (revoked.serial.into(), (when, revoked.reason)))
            .collect()
    }

    fn listed(&self, kind: AuthorityKind, scope: Scope, at: UnixTime) -> Listed {
        // Also of the generation that has ended meanwhile.
        (1..=3)
            .flat_map(|generation| self.population.entries(kind, generation, scope, at))
            .map(listed)
            .collect()
    }
}

type Listed = BTreeMap<u64, (UnixTime, RevocationReason)>;

fn listed(entry: Entry) -> (u64, (UnixTime, RevocationReason)) {
    match entry.word {
        EntryWord::Revoked(reason) => (entry.serial, (entry.revoked_at, reason)),
        EntryWord::Removed => panic!("removeFromCRL in a complete list"),
    }
}

#[test]
fn the_same_seed_gives_the_same_history_however_the_way_is_divided() {
    let whole = Lived::through(4000, 400);
    let mut population = Population::found(DEFAULT_SEED, 4000, EPOCH).unwrap();
    let mut events = Vec::new();
    let mut at = EPOCH;
    for step in (1..).map(|n| n * 977 % 100_003) {
        at = at.plus(step).min(EPOCH.plus(400 * DAY));
        population.live_watched(at, &mut |event| events.push(*event));
        assert!(population.now() == at && events.last().is_none_or(|event| event.at <= at));
        if at == EPOCH.plus(400 * DAY) {
            break;
        }
    }
    assert!(events == whole.events && events.len() > 1000);
    let mut other = Population::found(DEFAULT_SEED + 1, 4000, EPOCH).unwrap();
    let mut others = Vec::new();
    other.live_watched(EPOCH.plus(30 * DAY), &mut |event| others.push(*event));
    assert_ne!(others[..20], events[..20]);
}

#[test]
fn a_population_has_residents_and_an_epoch_of_this_age() {
    for residents in [0, MOST_RESIDENTS + 1] {
        assert!(Population::found(1, residents, EPOCH).is_err());
    }
    for year in [1989, 2060] {
        assert!(Population::found(1, 1, UnixTime::from_utc(year, 6, 1, 0, 0, 0).unwrap()).is_err());
    }
    let mut alone = Population::found(1, 1, EPOCH).unwrap();
    alone.live_until(EPOCH.plus(4000 * DAY));
}

#[test]
fn nobody_gets_a_signing_certificate_before_fifteen() {
    let lived = Lived::through(20_000, 1200);
    let of_age = |resident: u32, at: UnixTime| {
        let born = lived.population.attributes(resident).unwrap().date_of_birth;
        let today = at.date_in_japan();
        (today.year() - 15, today.month(), today.day()) >= (i32::from(born.year), born.month, born.day)
    };
    let mut seen = 0;
    for event in &lived.events {
        if event.issued.digital_signature.is_some() {
            assert!(of_age(event.resident, event.at), "{event:?}");
            seen += 1;
        }
    }
    for (resident, serial) in lived.population.good_certificates(SIGNING) {
        assert!(of_age(resident, lived.population.validity(SIGNING, serial).unwrap().0));
        seen += 1;
    }
    assert!(seen > 15_000);
    let children = lived
        .population
        .good_certificates(AuthorityKind::UserAuthentication)
        .filter(|(resident, _)| !of_age(*resident, lived.population.now()))
        .count();
    assert!(children > 1000, "children have a certificate for user authentication: {children}");
}

#[test]
fn every_revocation_has_its_truth_and_every_list_what_is_revoked_and_has_not_ended() {
    let lived = Lived::through(8000, 2200);
    for kind in AuthorityKind::ALL {
        let mut revoked = BTreeSet::new();
        for event in &lived.events {
            let Some(evidence) = event.revoked.of(kind) else { continue };
            let fate = lived.population.fate(kind, evidence.serial).unwrap();
            assert_eq!((fate.at, fate.reason, fate.happening), (event.at, evidence.reason, event.happening));
            assert!(event.happening.meaning().is_some() && event.happened_at <= event.at);
            assert_eq!(lived.population.holder(kind, evidence.serial), Some(event.resident));
            assert!(revoked.insert(evidence.serial), "revoked twice");
        }
        for days in [0, 1, 200, 1000, 2000, 2199, 2200] {
            let at = EPOCH.plus(days * DAY);
            let expected: Listed = lived.revoked_by(kind, at);
            assert_eq!(lived.listed(kind, Scope::Full, at), expected, "{kind} after {days} days");
            let mut parts = Listed::new();
            for town in MUNICIPALITIES {
                let part = lived.listed(kind, Scope::Municipality(town), at);
                let count = parts.len() + part.len();
                parts.extend(part);
                assert_eq!(parts.len(), count, "municipalities share no certificate");
            }
            assert_eq!(parts, expected, "the municipalities together have everything");
        }
        assert!(revoked.len() > lived.revoked_by(kind, lived.population.now()).len(), "some have ended");
    }
}

#[test]
fn a_base_and_its_delta_are_the_next_full_list() {
    let lived = Lived::through(8000, 2200);
    for kind in AuthorityKind::ALL {
        for (from, to) in [(0, 0), (0, 1), (500, 501), (500, 700), (1600, 2200), (2199, 2200)] {
            let (from, to) = (EPOCH.plus(from * DAY), EPOCH.plus(to * DAY));
            for generation in lived.population.generations(kind) {
                let full = |at| -> Listed {
                    lived.population.entries(kind, generation, Scope::Full, at).map(listed).collect()
                };
                let mut list = full(from);
                let mut last = 0;
                for entry in lived.population.changes(kind, generation, Scope::Full, (from, to)) {
                    assert!(entry.serial > last, "in the order of serial numbers");
                    last = entry.serial;
                    if entry.word == EntryWord::Removed {
                        assert!(list.remove(&entry.serial).is_some(), "only what was listed is removed");
                    } else {
                        let (serial, said) = listed(entry);
                        assert!(list.insert(serial, said).is_none(), "only what was not listed is added");
                    }
                }
                assert_eq!(list, full(to));
            }
        }
    }
}

#[test]
fn things_happen_at_the_rates_of_the_table() {
    let mut population = Population::found(DEFAULT_SEED, 100_000, EPOCH).unwrap();
    let rates = population.rates().clone();
    let (mut people, mut cards) = (0.0, 0.0);
    let days = 3 * 365;
    for day in 1..=days {
        population.live_until(EPOCH.plus(day * DAY));
        people += f64::from(population.present()) / 365.25;
        cards += f64::from(population.cards()) / 365.25;
    }
    assert!((f64::from(population.present()) / 100_000.0 - 1.0).abs() < 0.05);
    assert!((0.7..0.9).contains(&(f64::from(population.cards()) / f64::from(population.present()))));
    let happened = |happening| -> f64 {
        population.tallies().iter().filter(|((_, h), _)| *h == happening).map(|(_, n)| *n as f64).sum()
    };
    for (happening, rate, per) in [
        (Happening::Born, rates.births, people),
        (Happening::Died, rates.deaths, people),
        (Happening::Arrived, rates.arrivals, people),
        (Happening::LeftTheCountry, rates.departures, people),
        (Happening::MovedWithin, rates.moves_within, people),
        (Happening::MovedBetween, rates.moves_between, people),
        (Happening::Married, rates.marriages, people),
        (Happening::Renamed, rates.renames, people),
        (Happening::RecordCorrected, rates.corrections, people),
        (Happening::Lost, rates.losses, cards),
        (Happening::Stolen, rates.thefts, cards),
        (Happening::Leaked, rates.leaks, cards),
        (Happening::Returned, rates.returns, cards),
        (Happening::CardReplaced, rates.damages, cards),
    ] {
        let (expected, counted) = (rate * per, happened(happening));
        // Three standard deviations of a Poisson count, and two of a hundred for the calendar.
        let tolerance = 3.0 * expected.sqrt() + 0.02 * expected;
        assert!((counted - expected).abs() < tolerance, "{happening:?}: {counted}, expected {expected}");
    }
    // Each certificate comes to its end after about four and a half years.
    let renewed = happened(Happening::Renewed) + happened(Happening::CardRenewed);
    let per_card = renewed / cards;
    assert!((0.12..0.32).contains(&per_card), "renewals per card and year: {per_card}");
}

#[test]
fn reality_is_untidy_in_every_documented_way() {
    let lived = Lived::through(60_000, 1500);
    let moved: Vec<&Event> = lived
        .events
        .iter()
        .filter(|event| event.happening.meaning() == Some(TrueMeaning::AttributesChanged))
        .filter(|event| event.revoked.digital_signature.is_some())
        .collect();
    for event in &moved {
        assert!(event.revoked.user_authentication.is_none(), "no attribute stands in it (facts 2.3)");
    }
    let share = |part: usize, whole: usize| part as f64 / whole as f64;
    let at_once = moved.iter().filter(|event| event.issued.digital_signature.is_some()).count();
    assert!((share(at_once, moved.len()) - 0.62).abs() < 0.03, "{at_once} of {}", moved.len());
    assert!(lived.of(Happening::CertificatesIssuedLate).count() > 100);
    let unspecified = |event: &&&Event| {
        event.revoked.digital_signature.is_some_and(|r| r.reason == RevocationReason::Unspecified)
    };
    assert!(moved.iter().filter(|event| unspecified(event)).count() > 5);
    let as_end = |happening| {
        let reason = |event: &&Event| {
            event
                .revoked
                .user_authentication
                .is_some_and(|r| r.reason == RevocationReason::CessationOfOperation)
        };
        share(lived.of(happening).filter(reason).count(), lived.of(happening).count())
    };
    assert!((0.01..0.04).contains(&as_end(Happening::CardRenewed)));
    assert!(as_end(Happening::Died) > 0.4, "of the old, too, most have a card");
    assert!(lived.of(Happening::NotHandedOver).count() > 5);
    assert!(lived.of(Happening::Expired).count() > 500);
    let late = lived.of(Happening::MovedBetween).filter(|e| e.happened_at < e.at.plus(-DAY)).count();
    assert!(share(late, lived.of(Happening::MovedBetween).count()) > 0.5, "registered some days later");
}

#[test]
fn serial_numbers_rise_with_time_through_all_generations() {
    let lived = Lived::through(3000, 1600);
    for kind in AuthorityKind::ALL {
        let mut last = 0;
        for event in &lived.events {
            if let Some(issued) = event.issued.of(kind) {
                assert!(
                    issued.serial > last && issued.serial - last <= 1 + 2 || last == 0,
                    "near-sequential"
                );
                last = issued.serial;
            }
        }
        assert_eq!(lived.population.generations(kind), [2, 3], "the first generation has ended");
    }
}

#[test]
fn a_certificate_lasts_to_a_birthday_or_to_its_cards_end() {
    let lived = Lived::through(6000, 1500);
    for kind in AuthorityKind::ALL {
        let mut longer = 0;
        for event in &lived.events {
            let Some(issued) = event.issued.of(kind) else { continue };
            let (from, to) = lived.population.validity(kind, issued.serial).unwrap();
            let born = lived.population.attributes(event.resident).unwrap().date_of_birth;
            let last = to.date_in_japan();
            assert_eq!(last.ends_in_japan(), to);
            assert!(
                (last.month(), last.day()) == (born.month, born.day) || (born.month, born.day) == (2, 29)
            );
            let years = last.year() - from.date_in_japan().year();
            assert!((0..=5).contains(&years) || years == 6, "{years}");
            assert!(to.since(from) < (5 * 366 + 92) * DAY, "a window of three months");
            if to.since(from) > 5 * 366 * DAY {
                longer += 1;
                assert_eq!(event.happening.meaning(), Some(TrueMeaning::Renewed), "{event:?}");
            }
        }
        assert!(longer > 50, "renewed in the window, to the fifth birthday after the old end: {longer}");
    }
}

#[test]
fn succession_and_correspondence_follow_the_person_ninety_minutes_after_issue() {
    let mut population = Population::found(DEFAULT_SEED, 20_000, EPOCH).unwrap();
    let mut checked = 0;
    for _ in 0..2000 {
        // One event at a time: the authorities are asked right after it, and again when it is linked.
        let mut events = Vec::new();
        population.live_watched(population.now().plus(1800), &mut |event| events.push(*event));
        let now = population.now();
        let recent = events.into_iter().filter(|event| event.happening != Happening::NotHandedOver);
        for event in recent {
            for kind in AuthorityKind::ALL {
                let Some(issued) = event.issued.of(kind) else { continue };
                assert_eq!(issued.linked_from, event.at.plus(LINKAGE_LAG));
                assert_eq!(population.correspondence(kind, issued.serial), None, "not linked yet");
                assert_eq!(population.holder(kind, issued.serial), Some(event.resident));
                let Some(old) = issued.predecessor else { continue };
                let before = population.succession(kind, old).unwrap();
                assert_ne!(before.current, issued.serial, "not linked yet");
                let after = population.succession(kind, issued.serial).unwrap();
                assert_eq!((after.current, after.predecessors.first()), (issued.serial, Some(&old)));
                checked += 1;
            }
        }
        assert!(now == population.now());
    }
    assert!(checked > 100);
    population.live_until(population.now().plus(LINKAGE_LAG));
    let pairs: Vec<(u32, u32)> = population.good_certificates(SIGNING).collect();
    assert!(pairs.len() > 10_000);
    for (resident, serial) in pairs {
        let other = population.correspondence(SIGNING, serial).unwrap();
        let kind = AuthorityKind::UserAuthentication;
        assert_eq!(population.holder(kind, other), Some(resident));
        let back = population.correspondence(kind, other).unwrap();
        assert_eq!(population.holder(SIGNING, back), Some(resident));
    }
}

#[test]
fn latest_attributes_are_there_when_a_newer_signing_certificate_is() {
    let mut population = Population::found(DEFAULT_SEED, 10_000, EPOCH).unwrap();
    let old: Vec<(u32, u32)> = population.good_certificates(SIGNING).collect();
    let before: Vec<_> = old.iter().map(|(r, _)| population.attributes(*r).unwrap()).collect();
    assert!(old.iter().all(|(_, serial)| population.latest_attributes(*serial).is_none()));
    let mut moved = BTreeMap::new();
    population.live_watched(EPOCH.plus(120 * DAY), &mut |event| {
        if event.happening == Happening::MovedBetween && event.revoked.digital_signature.is_some() {
            moved.entry(event.resident).or_insert(*event);
        }
    });
    population.live_until(population.now().plus(LINKAGE_LAG));
    let (mut known, mut unknown) = (0, 0);
    for ((resident, serial), before) in old.iter().zip(&before) {
        if !moved.contains_key(resident) {
            continue;
        }
        match population.latest_attributes(*serial) {
            None => unknown += 1,
            Some(latest) => {
                known += 1;
                assert!(latest.attributes.address != before.address && latest.serial > *serial);
                assert_eq!(population.holder(SIGNING, latest.serial), Some(*resident));
                assert_eq!(population.fate(SIGNING, latest.serial), None);
            }
        }
    }
    assert!(known > 40 && unknown > 10, "{known} known, {unknown} without a newer certificate");
}

#[test]
fn a_resident_takes_a_hundred_bytes_after_five_years() {
    let lived = Lived::through(40_000, 1826);
    let each = lived.population.memory() / 40_000;
    assert!(each <= 110, "{each} bytes per resident");
}

fn anchors(population: &Population) -> TrustAnchors {
    TrustAnchors::insecure_test_hierarchy(population.trust_anchors().unwrap()).unwrap()
}

#[test]
fn the_lists_verify_and_say_what_the_population_says() {
    let lived = Lived::through(3000, 900);
    let population = &lived.population;
    let anchors = anchors(population);
    let at = population.now();
    for authority in AuthorityKind::ALL {
        for generation in population.generations(authority) {
            for scope in [Scope::Full, Scope::Municipality(&MUNICIPALITIES[6])] {
                let list = ListOf { authority, generation, scope, number: 900, at };
                let mut der = Vec::new();
                let written = population.write_list(&mut der, &list).unwrap().unwrap();
                let verified =
                    VerifiedRevocationList::parse_and_verify(&der, &anchors, MAX_LIST_BYTES).unwrap();
                assert_eq!((written.bytes, &written.sha256), (der.len() as u64, verified.sha256()));
                assert_eq!(verified.authority(), authority);
                assert_eq!(verified.key_id(), population.key_id(authority, generation).unwrap());
                assert_eq!((verified.number(), verified.this_update()), (900, at));
                assert_eq!(*verified.scope() == ListScope::Full, scope == Scope::Full);
                assert_eq!(written.entries, verified.len() as u64);
                let expected: Vec<Entry> = population.entries(authority, generation, scope, at).collect();
                assert_eq!(expected.len(), verified.len());
                for entry in expected {
                    let serial = SerialNumber::from(u32::try_from(entry.serial).unwrap());
                    let word = format!("{:?}", verified.status_of(&serial));
                    let (_, (when, reason)) = listed(entry);
                    assert!(
                        word.contains(&format!("{when:?}")) && word.contains(&format!("{reason:?}")),
                        "{word}"
                    );
                }
            }
        }
        let list = ListOf { authority, generation: 9, scope: Scope::Full, number: 1, at };
        assert!(population.write_list(&mut Vec::new(), &list).unwrap().is_none(), "no such generation");
    }
}

#[test]
fn openssl_reads_the_full_list_and_the_delta() {
    let lived = Lived::through(3000, 2100);
    let population = &lived.population;
    let dir = tempfile::tempdir().unwrap();
    let (authority, generation) = (SIGNING, 2);
    let list = ListOf { authority, generation, scope: Scope::Full, number: 42, at: population.now() };
    let pem = |name: &str, label: &str, der: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, crate::support::pem(label, der)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // This generation alone: `openssl crl` takes the first authority with the name, and all have the same.
    let anchor = population.trust_anchors().unwrap().swap_remove(1).1;
    let anchor = pem("anchor.pem", "CERTIFICATE", &anchor);
    let read = |file: &str| openssl(&["crl", "-in", file, "-noout", "-text", "-CAfile", &anchor]);

    let mut full = Vec::new();
    let written = population.write_list(&mut full, &list).unwrap().unwrap();
    let (ok, text) = read(&pem("full.pem", "X509 CRL", &full));
    assert!(ok && text.contains("verify OK"), "{text}");
    assert_eq!(text.matches("Serial Number:").count() as u64, written.entries);
    assert!(text.contains("Affiliation Changed") && !text.contains("Delta CRL"));

    let mut delta = Vec::new();
    let base = (41, population.now().plus(-20 * DAY));
    let written = population.write_delta(&mut delta, &list, base).unwrap().unwrap();
    let (ok, text) = read(&pem("delta.pem", "X509 CRL", &delta));
    assert!(ok && text.contains("verify OK"), "{text}");
    assert_eq!(text.matches("Serial Number:").count() as u64, written.entries);
    assert!(text.contains("X509v3 Delta CRL Indicator: critical"), "{text}");
    let number = text.split("X509v3 CRL Number:").nth(1).unwrap().trim_start();
    let indicator = text.split("Delta CRL Indicator: critical").nth(1).unwrap().trim_start();
    assert!(number.starts_with("42") && indicator.starts_with("41"), "{text}");
    assert!(text.contains("Remove From CRL"), "{text}");
}

//! The register of one authority: every certificate that it ever issued, 20 bytes each, at the place of its serial
//! number. Serial numbers run on without gaps, over all generations; the authority's own certificates and its
//! responders' take some, as in reality (facts §1.3).

use std::ops::Range;

use musubi_kernel::UnixTime;
use musubi_pki::RevocationReason;

use super::events::Happening;
use super::{DAY, day_of};
use crate::list_writer::{Entry, EntryWord, Scope};
use crate::{MUNICIPALITIES, Municipality};

/// No certificate, or no holder.
pub(super) const NONE: u32 = u32::MAX;

/// A certificate. Times are seconds since 1970 in 32 bits, which last to 2106.
#[derive(Debug, Clone, Copy)]
pub(super) struct Certificate {
    /// The resident's number; [`NONE`] for the authority's own.
    pub(super) holder: u32,
    pub(super) issued: u32,
    /// 0 while not revoked.
    revoked: u32,
    /// Place of the holder's certificate before it; [`NONE`] if there is none.
    pub(super) predecessor: u32,
    /// Days from the day of issue to the last day, both in Japan.
    life: u16,
    /// Place in [`MUNICIPALITIES`].
    town: u8,
    /// Three bits of the reason, five of what happened.
    end: u8,
}

/// How a certificate ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    /// When it was revoked.
    pub at: UnixTime,
    /// The recorded reason: evidence.
    pub reason: RevocationReason,
    /// What happened: truth.
    pub happening: Happening,
}

impl Certificate {
    pub(super) fn new(holder: u32, issued: UnixTime, last_day: i32, town: u8, predecessor: u32) -> Self {
        let life = u16::try_from(last_day - day_of(issued)).unwrap_or_default();
        Self { holder, issued: packed(issued), revoked: 0, predecessor, life, town, end: 0 }
    }

    pub(super) fn issued_at(&self) -> UnixTime {
        UnixTime(self.issued.into())
    }

    /// The last day in Japan on which it is valid.
    pub(super) fn last_day(&self) -> i32 {
        day_of(self.issued_at()) + i32::from(self.life)
    }

    /// 23:59:59 JST of its last day.
    pub(super) fn not_after(&self) -> UnixTime {
        super::day_begins(self.last_day() + 1).plus(-1)
    }

    pub(super) fn municipality(&self) -> Option<&'static Municipality> {
        MUNICIPALITIES.get(usize::from(self.town))
    }

    pub(super) fn fate(&self) -> Option<Fate> {
        (self.revoked != 0).then(|| Fate {
            at: UnixTime(self.revoked.into()),
            reason: RevocationReason::from_code(self.end & 7).unwrap_or(RevocationReason::Unspecified),
            happening: Happening::numbered(self.end >> 3).unwrap_or(Happening::Expired),
        })
    }

    pub(super) fn is_good(&self, at: UnixTime) -> bool {
        self.revoked == 0 && self.issued_at() <= at && at <= self.not_after()
    }
}

fn packed(at: UnixTime) -> u32 {
    u32::try_from(at.0).unwrap_or_default()
}

/// A generation of the authority, and where its certificates are.
#[derive(Debug, Clone)]
pub(super) struct Generation {
    /// From 1.
    pub(super) number: i64,
    pub(super) begun: UnixTime,
    pub(super) not_after: UnixTime,
    /// Place of its own certificate, the first that it signs.
    pub(super) first: u32,
}

/// All certificates of one authority.
#[derive(Debug)]
pub(super) struct Register {
    first_serial: u32,
    certificates: Vec<Certificate>,
    pub(super) generations: Vec<Generation>,
}

impl Register {
    pub(super) fn new(first_serial: u32) -> Self {
        Self { first_serial, certificates: Vec::new(), generations: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.certificates.len()
    }

    /// Bytes of memory that the certificates take.
    pub(super) fn memory(&self) -> usize {
        self.certificates.capacity() * size_of::<Certificate>()
    }

    pub(super) fn serial(&self, place: u32) -> u32 {
        self.first_serial.saturating_add(place)
    }

    /// The place of a serial number that was given.
    pub(super) fn place(&self, serial: u32) -> Option<u32> {
        let place = serial.checked_sub(self.first_serial)?;
        self.at(place).is_some().then_some(place)
    }

    pub(super) fn at(&self, place: u32) -> Option<&Certificate> {
        self.certificates.get(usize::try_from(place).ok()?)
    }

    /// Adds a certificate; answers its place.
    pub(super) fn push(&mut self, certificate: Certificate) -> u32 {
        if self.certificates.len() == self.certificates.capacity() {
            // Doubling would leave half of the memory unused.
            self.certificates.reserve_exact(self.certificates.len() / 8 + 1024);
        }
        let place = u32::try_from(self.certificates.len()).unwrap_or(NONE);
        self.certificates.push(certificate);
        place
    }

    pub(super) fn revoke(&mut self, place: u32, at: UnixTime, reason: RevocationReason, why: Happening) {
        let found = usize::try_from(place).ok().and_then(|place| self.certificates.get_mut(place));
        if let Some(certificate) = found.filter(|certificate| certificate.revoked == 0) {
            certificate.revoked = packed(at);
            certificate.end = (reason.code() & 7) | (why.number() << 3);
        }
    }

    /// The generation that issues at a time: the newest that has begun.
    pub(super) fn issuing(&self) -> Option<&Generation> {
        self.generations.last()
    }

    /// Where a generation's certificates are.
    fn places(&self, number: i64) -> Range<usize> {
        let place = |g: &Generation| usize::try_from(g.first).unwrap_or_default();
        let begin = self.generations.iter().find(|g| g.number == number).map(place);
        let end = self.generations.iter().find(|g| g.number == number + 1).map(place);
        match begin {
            Some(begin) => begin..end.unwrap_or(self.certificates.len()),
            None => 0..0,
        }
    }

    /// What a generation's list of a past or present instant has: revoked until then, and not past its end.
    pub(super) fn entries(
        &self,
        number: i64,
        at: UnixTime,
        scope: Scope,
    ) -> impl Iterator<Item = Entry> + Clone + '_ {
        self.ended(number, scope)
            .filter(move |(certificate, fate, _)| fate.at <= at && at <= certificate.not_after())
            .map(|(_, fate, serial)| revoked(serial, fate))
    }

    /// What came onto a generation's list between two of its instants.
    pub(super) fn added(
        &self,
        number: i64,
        (from, to): (UnixTime, UnixTime),
        scope: Scope,
    ) -> impl Iterator<Item = Entry> + Clone + '_ {
        self.ended(number, scope)
            .filter(move |(certificate, fate, _)| {
                from < fate.at && fate.at <= to && to <= certificate.not_after()
            })
            .map(|(_, fate, serial)| revoked(serial, fate))
    }

    /// What left it, since the certificates came to their ends.
    pub(super) fn removed(
        &self,
        number: i64,
        (from, to): (UnixTime, UnixTime),
        scope: Scope,
    ) -> impl Iterator<Item = Entry> + Clone + '_ {
        self.ended(number, scope)
            .filter(move |(certificate, fate, _)| {
                let end = certificate.not_after();
                fate.at <= from && from <= end && end < to
            })
            .map(|(_, fate, serial)| Entry { word: EntryWord::Removed, ..revoked(serial, fate) })
    }

    fn ended(
        &self,
        number: i64,
        scope: Scope,
    ) -> impl Iterator<Item = (&Certificate, Fate, u64)> + Clone + '_ {
        let places = self.places(number);
        let first = u64::from(self.first_serial) + places.start as u64;
        let certificates = self.certificates.get(places).unwrap_or_default();
        (first..).zip(certificates).filter_map(move |(serial, certificate)| {
            let fate = certificate.fate()?;
            let within = match scope {
                Scope::Full => true,
                Scope::Municipality(town) => certificate.municipality() == Some(town),
            };
            within.then_some((certificate, fate, serial))
        })
    }

    /// The newest certificate of a chain that was issued before an instant; [`NONE`] if there is none.
    pub(super) fn newest_before(&self, mut place: u32, before: UnixTime) -> u32 {
        while let Some(certificate) = self.at(place) {
            if certificate.issued_at() < before {
                return place;
            }
            place = certificate.predecessor;
        }
        NONE
    }

    /// The certificate of a chain that follows `place`; [`NONE`] if none does.
    pub(super) fn successor(&self, newest: u32, place: u32) -> u32 {
        let mut later = newest;
        while let Some(certificate) = self.at(later) {
            if certificate.predecessor == place {
                return later;
            }
            later = certificate.predecessor;
        }
        NONE
    }

    /// The places of a chain from `place` on, newest first.
    pub(super) fn chain(&self, mut place: u32) -> Vec<u32> {
        let mut places = Vec::new();
        while let Some(certificate) = self.at(place) {
            places.push(place);
            place = certificate.predecessor;
        }
        places
    }
}

fn revoked(serial: u64, fate: Fate) -> Entry {
    Entry { serial, revoked_at: fate.at, word: EntryWord::Revoked(fate.reason) }
}

/// Days that a year has in the rates.
pub(super) const YEAR_DAYS: f64 = 365.25;

const _: () = assert!(size_of::<Certificate>() == 20 && DAY == 86_400);

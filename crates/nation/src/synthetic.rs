//! Revocation lists of the size of the nation, without a population: so many entries over so many serial numbers, the
//! list of the next day, and the delta list between the two. For benchmarks and for trials of a verifier: nobody's
//! certificates. Lists that mean something come from [`crate::population`].
//!
//! Nothing is kept per entry. The range of serial numbers is cut into cells of 64. How many of a cell are listed
//! follows from its weight (older certificates are likelier to be revoked, and batches differ); which ones, from a
//! permutation that the seed gives the cell. Reasons have realistic shares, times lie between issue and list. The
//! numbers of entries are exact.

use std::io;
use std::sync::Arc;

use musubi_crypto::SignError;
use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, RevocationReason};

use crate::keys::{NationKey, authority_label, derive};
use crate::list_writer::{Entry, EntryWord, ListHead, Scope, WriteError, Written, write_list};
use crate::lists::LIST_LIFETIME;
use crate::profile::{Issuer, authority_certificate, authority_validity};

const DAY: i64 = 86_400;
const CELL: u64 = 64;
/// Cells of one batch of certificates, whose fates are alike.
const BATCH: u64 = 16;
/// From the oldest certificate in the range to the newest.
const YEARS: i64 = 5 * 365 * DAY;
/// The number of the first list.
const NUMBER: u64 = 1000;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct SyntheticOrder {
    /// Everything random follows from it.
    pub seed: u64,
    /// Whose lists: the reasons differ (facts §2.3).
    pub authority: AuthorityKind,
    /// Entries of the first list.
    pub entries: u64,
    /// Serial numbers that have been given out, from [`SyntheticOrder::FIRST_SERIAL`] on.
    pub range: u64,
    /// Entries that are new on the next day's list.
    pub next: u64,
    /// Entries that are no longer on it, since their certificates have ended.
    pub expired: u64,
    /// How much batches differ, in hundredths: 0 spreads the entries evenly, 100 leaves some batches nearly empty and
    /// others nearly full.
    pub clustering: u8,
    /// thisUpdate of the first list.
    pub at: UnixTime,
}

impl SyntheticOrder {
    /// The first serial number of the range.
    pub const FIRST_SERIAL: u64 = 1 << 20;
    /// As many serial numbers as the real authorities have given out (facts §1.3).
    pub const NATION: u64 = 110_000_000;
}

/// Why an order cannot be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SyntheticError {
    /// More entries than serial numbers, or so many that the weights leave no room.
    #[error("so many entries do not fit among so many serial numbers with this clustering")]
    TooDense,
    /// A range of none, or of more than 32 bits hold.
    #[error("a range has 1 to 4,000,000,000 serial numbers")]
    Range,
    /// More than 100 hundredths.
    #[error("clustering is 0 to 100")]
    Clustering,
}

/// Which of the two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The first.
    First,
    /// The next day's.
    Next,
}

/// The lists of an order.
#[derive(Debug, Clone)]
pub struct SyntheticLists {
    order: SyntheticOrder,
    /// Sum of all cells' weights.
    weight: u128,
    key: Arc<NationKey>,
}

impl SyntheticLists {
    /// Prepares the lists: goes through the cells once or twice, a second or so for a nation.
    ///
    /// # Errors
    /// [`SyntheticError`].
    pub fn new(order: SyntheticOrder) -> Result<Self, SyntheticError> {
        if !(1..=4_000_000_000).contains(&order.range) {
            return Err(SyntheticError::Range);
        }
        if order.clustering > 100 {
            return Err(SyntheticError::Clustering);
        }
        if order.expired > order.entries {
            return Err(SyntheticError::TooDense);
        }
        let weight = (0..cells(&order)).map(|cell| u128::from(weight(&order, cell))).sum();
        let key =
            derive(order.seed, &authority_label(order.authority, 1)).map_err(|_| SyntheticError::Range)?;
        let lists = Self { order, weight, key };
        let mut given = Counts::default();
        for cell in lists.cells() {
            given.add(cell.counts);
        }
        let asked = Counts { listed: order.entries, added: order.next, removed: order.expired };
        if given == asked { Ok(lists) } else { Err(SyntheticError::TooDense) }
    }

    /// What was asked for.
    #[must_use]
    pub fn order(&self) -> &SyntheticOrder {
        &self.order
    }

    fn cells(&self) -> Cells {
        Cells { order: self.order, whole: self.weight, cell: 0, weight: 0, given: Counts::default() }
    }

    /// The entries of one of the lists, by serial number.
    pub fn entries(&self, version: Version) -> impl Iterator<Item = Entry> + Clone + use<> {
        let order = self.order;
        self.cells().flat_map(move |cell| {
            let mask = if version == Version::First { cell.first } else { cell.next };
            Bits(mask).map(move |bit| entry(&order, &cell, bit))
        })
    }

    /// The entries of the delta list.
    pub fn changes(&self) -> impl Iterator<Item = Entry> + Clone + use<> {
        let order = self.order;
        self.cells().flat_map(move |cell| {
            Bits(cell.first ^ cell.next).map(move |bit| {
                let entry = entry(&order, &cell, bit);
                let stays = cell.next >> bit & 1 == 1;
                if stays { entry } else { Entry { word: EntryWord::Removed, ..entry } }
            })
        })
    }

    /// CRLNumber of a list.
    #[must_use]
    pub fn number(&self, version: Version) -> u64 {
        NUMBER + u64::from(version == Version::Next)
    }

    /// thisUpdate of a list.
    #[must_use]
    pub fn this_update(&self, version: Version) -> UnixTime {
        self.order.at.plus(if version == Version::Next { DAY } else { 0 })
    }

    fn head(&self, version: Version, base: Option<u64>) -> ListHead {
        let this_update = self.this_update(version);
        ListHead {
            authority: self.order.authority,
            number: self.number(version),
            this_update,
            next_update: this_update.plus(LIST_LIFETIME),
            scope: Scope::Full,
            base,
        }
    }

    /// The authority's certificate, DER.
    ///
    /// # Errors
    /// [`SignError`]: a fault of this program.
    pub fn certificate(&self) -> Result<Vec<u8>, SignError> {
        let begun = self.order.at.plus(-YEARS - 100 * DAY);
        let validity = authority_validity(begun).map_err(|_| SignError)?;
        let key = &self.key;
        authority_certificate(
            &Issuer { kind: self.order.authority, serial: 1, key, key_id: key.key_id() },
            validity,
        )
    }

    /// Lower-case hex of the authority's key identifier.
    #[must_use]
    pub fn key_id(&self) -> String {
        hex::encode(self.key.key_id())
    }

    /// Writes one of the full lists, DER. `progress` is told the bytes written and those that there will be.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_full(
        &self,
        sink: &mut dyn io::Write,
        version: Version,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Written, WriteError> {
        write_list(sink, &self.key, &self.head(version, None), self.entries(version), progress)
    }

    /// Writes the delta list from the first list to the next.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_delta(&self, sink: &mut dyn io::Write) -> Result<Written, WriteError> {
        let head = self.head(Version::Next, Some(self.number(Version::First)));
        write_list(sink, &self.key, &head, self.changes(), &mut |_, _| ())
    }
}

/// Mixes bits (SplitMix64's finaliser). Not for secrets: nothing here is one.
fn mixed(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn cells(order: &SyntheticOrder) -> u64 {
    order.range.div_ceil(CELL)
}

/// Serial numbers of a cell: the last may have fewer.
fn size(order: &SyntheticOrder, cell: u64) -> u64 {
    (order.range - cell * CELL).min(CELL)
}

/// Age from 1.4 down to 0.6, times what its batch has: 1 on average, up to 3.
fn weight(order: &SyntheticOrder, cell: u64) -> u64 {
    let age = 1400 - 800 * cell / cells(order);
    let u = mixed(order.seed, cell / BATCH) >> 48;
    // Three times the square of a uniform number has the mean 1.
    let batch = 3 * ((u * u) >> 16);
    let clustering = u64::from(order.clustering);
    let factor = (100 - clustering) * 65_536 + clustering * batch;
    age * (factor / 100) / 64 * size(order, cell)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    listed: u64,
    added: u64,
    removed: u64,
}

impl Counts {
    fn add(&mut self, more: Self) {
        self.listed += more.listed;
        self.added += more.added;
        self.removed += more.removed;
    }
}

/// 64 serial numbers: which are on the first list, and which on the next.
#[derive(Debug, Clone, Copy)]
struct Cell {
    number: u64,
    first: u64,
    next: u64,
    counts: Counts,
}

#[derive(Debug, Clone)]
struct Cells {
    order: SyntheticOrder,
    whole: u128,
    cell: u64,
    weight: u128,
    given: Counts,
}

impl Iterator for Cells {
    type Item = Cell;

    fn next(&mut self) -> Option<Cell> {
        let number = self.cell;
        if number >= cells(&self.order) {
            return None;
        }
        self.cell += 1;
        self.weight += u128::from(weight(&self.order, number));
        // What is due by now, less what was given: a cell that is full passes the rest on.
        let due = |total: u64, given: u64| {
            let by_now = u128::from(total) * self.weight / self.whole.max(1);
            u64::try_from(by_now).unwrap_or(u64::MAX).saturating_sub(given)
        };
        let size = size(&self.order, number);
        let listed = due(self.order.entries, self.given.listed).min(size);
        let added = due(self.order.next, self.given.added).min(size - listed);
        let removed = due(self.order.expired, self.given.removed).min(listed);
        let counts = Counts { listed, added, removed };
        self.given.add(counts);
        let places = permutation(self.order.seed, number, size);
        let mask = |from: u64, to: u64| {
            let count = usize::try_from(to - from).unwrap_or_default();
            let skipped = usize::try_from(from).unwrap_or_default();
            places.iter().skip(skipped).take(count).fold(0_u64, |mask, place| mask | 1 << place)
        };
        Some(Cell { number, first: mask(0, listed), next: mask(removed, listed + added), counts })
    }
}

/// The places of a cell in an order of their own (Fisher and Yates); those of a short cell come first.
fn permutation(seed: u64, cell: u64, size: u64) -> [u8; 64] {
    let mut places: [u8; 64] = std::array::from_fn(|place| u8::try_from(place).unwrap_or_default());
    let mut random = mixed(seed ^ 0x6365_6C6C, cell);
    for last in (1..usize::try_from(size).unwrap_or_default()).rev() {
        random = mixed(random, last as u64);
        let other = (u128::from(random) * (last as u128 + 1)) >> 64;
        places.swap(last, usize::try_from(other).unwrap_or_default());
    }
    places
}

/// The bits that are set, from below.
#[derive(Debug, Clone)]
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let bit = self.0.trailing_zeros();
        (bit < 64).then(|| {
            self.0 &= self.0 - 1;
            bit
        })
    }
}

/// The entry of a serial number: what is on the first list was revoked before it, the rest within the next day.
fn entry(order: &SyntheticOrder, cell: &Cell, bit: u32) -> Entry {
    let offset = cell.number * CELL + u64::from(bit);
    let serial = SyntheticOrder::FIRST_SERIAL + offset;
    let random = mixed(order.seed ^ 0x656E_7472, serial);
    let within = |seconds: i64| (i64::try_from(random >> 32).unwrap_or_default() * seconds) >> 32;
    let revoked_at = if cell.first >> bit & 1 == 1 {
        // Issued evenly over the years, the newest two days before the list.
        let age =
            YEARS - YEARS / 1_000_000 * i64::try_from(offset * 1_000_000 / order.range).unwrap_or_default();
        order.at.plus(within(age + 2 * DAY) - age - 2 * DAY)
    } else {
        order.at.plus(1 + within(DAY - 1))
    };
    Entry { serial, revoked_at, word: EntryWord::Revoked(reason(order.authority, random % 1000)) }
}

/// Reasons in shares of a thousand: assumed, as in [`crate::population::Rates`].
fn reason(authority: AuthorityKind, thousandth: u64) -> RevocationReason {
    let shares = match authority {
        AuthorityKind::DigitalSignature => [480, 400, 80, 32, 4],
        AuthorityKind::UserAuthentication => [0, 780, 150, 60, 6],
    };
    let reasons = [
        RevocationReason::AffiliationChanged,
        RevocationReason::Superseded,
        RevocationReason::CessationOfOperation,
        RevocationReason::CertificateHold,
        RevocationReason::KeyCompromise,
    ];
    let mut left = thousandth;
    for (share, reason) in shares.into_iter().zip(reasons) {
        if left < share {
            return reason;
        }
        left -= share;
    }
    RevocationReason::Unspecified
}

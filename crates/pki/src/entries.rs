//! The entries of a revocation list in memory: 16 bytes each for serial numbers up to 64 bits, as the JPKI's
//! are, 32 bytes each for longer ones; sorted, so that looking one up is a binary search.

use musubi_kernel::UnixTime;

use crate::key::{RevocationReason, SerialNumber};

/// When and why a certificate was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryStatus {
    /// The list does not name the certificate.
    NotListed,
    /// The list names it.
    Listed {
        /// `revocationDate`.
        at: UnixTime,
        /// `reasonCode`; unspecified if the entry has none.
        reason: RevocationReason,
    },
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedEntry {
    /// The revoked certificate's serial number.
    pub serial: SerialNumber,
    /// `revocationDate`.
    pub at: UnixTime,
    /// `reasonCode`; unspecified if the entry has none.
    pub reason: RevocationReason,
}

/// Seconds in the upper 56 bits, the reason's code in the lower 8.
#[derive(Clone, Copy)]
struct Fact(i64);

impl Fact {
    fn new(at: UnixTime, reason: RevocationReason) -> Self {
        Self((at.0 << 8) | i64::from(reason.code()))
    }

    fn at(self) -> UnixTime {
        UnixTime(self.0 >> 8)
    }

    fn reason(self) -> RevocationReason {
        let [code, ..] = self.0.to_le_bytes();
        RevocationReason::from_code(code).unwrap_or(RevocationReason::Unspecified)
    }
}

/// Serial number in big-endian order, left-padded: bytewise order is numeric order.
#[derive(Clone, Copy)]
struct Row<S> {
    serial: S,
    fact: Fact,
}

/// The entries of one list.
#[derive(Clone, Default)]
pub(crate) struct Entries {
    short: Vec<Row<u64>>,
    long: Vec<Row<[u8; 20]>>,
}

/// A serial number occurs twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DuplicateSerial;

impl Entries {
    /// Makes room for this many entries with short serial numbers.
    pub(crate) fn with_capacity(entries: usize) -> Self {
        Self { short: Vec::with_capacity(entries), long: Vec::new() }
    }

    /// `serial` has 1 to 20 significant big-endian bytes.
    pub(crate) fn push(&mut self, serial: &[u8], at: UnixTime, reason: RevocationReason) {
        let fact = Fact::new(at, reason);
        match short(serial) {
            Some(serial) => self.short.push(Row { serial, fact }),
            None => self.long.push(Row { serial: long(serial), fact }),
        }
    }

    /// Sorts; to be called once, after the last entry.
    pub(crate) fn sorted(mut self) -> Result<Self, DuplicateSerial> {
        sort(&mut self.short)?;
        sort(&mut self.long)?;
        self.short.shrink_to_fit();
        self.long.shrink_to_fit();
        Ok(self)
    }

    pub(crate) fn len(&self) -> usize {
        self.short.len().saturating_add(self.long.len())
    }

    pub(crate) fn status_of(&self, serial: &SerialNumber) -> EntryStatus {
        let bytes = serial.as_be_bytes();
        let fact = match short(bytes) {
            Some(serial) => find(&self.short, &serial),
            None => find(&self.long, &long(bytes)),
        };
        fact.map_or(EntryStatus::NotListed, |f| EntryStatus::Listed { at: f.at(), reason: f.reason() })
    }

    /// Where an entry stands in the order of serial numbers, or would stand.
    pub(crate) fn position(&self, serial: &SerialNumber) -> Result<usize, usize> {
        let bytes = serial.as_be_bytes();
        match short(bytes) {
            Some(serial) => self.short.binary_search_by(|row| row.serial.cmp(&serial)),
            None => {
                let found = self.long.binary_search_by(|row| row.serial.cmp(&long(bytes)));
                let after_short = |at: usize| at.saturating_add(self.short.len());
                found.map(after_short).map_err(after_short)
            }
        }
    }

    /// The entry at a position in the order of serial numbers.
    pub(crate) fn at(&self, position: usize) -> Option<RevokedEntry> {
        match self.short.get(position) {
            Some(row) => entry(&row.serial.to_be_bytes(), row.fact),
            None => {
                let row = self.long.get(position.checked_sub(self.short.len())?)?;
                entry(&row.serial, row.fact)
            }
        }
    }

    /// In the order of serial numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = RevokedEntry> + '_ {
        let short = self.short.iter().filter_map(|row| entry(&row.serial.to_be_bytes(), row.fact));
        short.chain(self.long.iter().filter_map(|row| entry(&row.serial, row.fact)))
    }
}

fn entry(serial: &[u8], fact: Fact) -> Option<RevokedEntry> {
    let serial = SerialNumber::from_be_bytes(serial).ok()?;
    Some(RevokedEntry { serial, at: fact.at(), reason: fact.reason() })
}

fn sort<S: Ord + Copy>(rows: &mut [Row<S>]) -> Result<(), DuplicateSerial> {
    if !rows.is_sorted_by_key(|row| row.serial) {
        rows.sort_unstable_by_key(|row| row.serial);
    }
    let twice = rows.windows(2).any(|pair| matches!(pair, [a, b] if a.serial == b.serial));
    if twice { Err(DuplicateSerial) } else { Ok(()) }
}

fn find<S: Ord>(rows: &[Row<S>], serial: &S) -> Option<Fact> {
    let index = rows.binary_search_by(|row| row.serial.cmp(serial)).ok()?;
    rows.get(index).map(|row| row.fact)
}

fn short(serial: &[u8]) -> Option<u64> {
    let mut bytes = [0; 8];
    let from = bytes.len().checked_sub(serial.len())?;
    bytes.get_mut(from..)?.copy_from_slice(serial);
    Some(u64::from_be_bytes(bytes))
}

fn long(serial: &[u8]) -> [u8; 20] {
    let mut bytes = [0; 20];
    for (to, from) in bytes.iter_mut().rev().zip(serial.iter().rev()) {
        *to = *from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_16_bytes_and_a_long_one_32() {
        assert_eq!((size_of::<Row<u64>>(), size_of::<Row<[u8; 20]>>()), (16, 32));
    }

    #[test]
    fn entries_are_found_whatever_their_order_and_length() {
        let at = UnixTime(253_402_300_799);
        let serials: Vec<Vec<u8>> = vec![
            vec![9],
            vec![1, 0],
            vec![0xFF; 8],
            vec![1; 9],
            vec![0xFF; 20],
            vec![2, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        let mut entries = Entries::with_capacity(1);
        for serial in &serials {
            entries.push(serial, at, RevocationReason::AaCompromise);
        }
        let entries = entries.sorted().unwrap();
        for serial in &serials {
            let serial = SerialNumber::from_be_bytes(serial).unwrap();
            let listed = EntryStatus::Listed { at, reason: RevocationReason::AaCompromise };
            assert_eq!(entries.status_of(&serial), listed);
        }
        for absent in [&[8_u8][..], &[2, 0], &[1; 10], &[0xFF; 19]] {
            let serial = SerialNumber::from_be_bytes(absent).unwrap();
            assert_eq!(entries.status_of(&serial), EntryStatus::NotListed);
        }
        let order: Vec<String> = entries.iter().map(|e| e.serial.to_string()).collect();
        assert_eq!(order.len(), entries.len());
        assert_eq!(order.first().map(String::as_str), Some("09"));
        assert_eq!(order.last().map(String::len), Some(40));
    }

    #[test]
    fn a_serial_number_listed_twice_is_refused() {
        for serial in [&[7_u8][..], &[7; 20]] {
            let mut entries = Entries::default();
            entries.push(serial, UnixTime(1), RevocationReason::Superseded);
            entries.push(&[5], UnixTime(1), RevocationReason::Superseded);
            entries.push(serial, UnixTime(2), RevocationReason::KeyCompromise);
            assert!(entries.sorted().is_err());
        }
    }
}

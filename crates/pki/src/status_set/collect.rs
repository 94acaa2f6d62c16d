//! Collecting serial numbers in any order, in about as much memory as the set will take: a serial number of a dense
//! chunk is a bit at once, others wait in one vector that is looked through for dense chunks whenever it has doubled.

use std::collections::HashMap;

use super::{DENSE, Key};

/// A serial number came twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DuplicateSerial;

/// What a serial number that came before means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duplicates {
    /// The whole is refused.
    Refuse,
    /// Nothing more.
    Merge,
}

/// Waiting serial numbers are looked through when there are this many, or twice as many as remained the last time.
const FIRST_LOOK: usize = 1 << 18;

/// The members of 2^16 neighbouring serial numbers.
pub(super) type Bitmap = [u64; 1024];

pub(crate) struct Collector {
    duplicates: Duplicates,
    /// Serial numbers of no chunk in `chunks`, in the order in which they came.
    waiting: Vec<u64>,
    look_at: usize,
    chunks: HashMap<u64, usize>,
    bitmaps: Vec<Box<Bitmap>>,
    /// The chunk of the last serial number: most lists are in order.
    last: Option<(u64, usize)>,
    long: Vec<[u8; 20]>,
}

/// All of them, in order.
pub(super) struct Collected {
    /// Each chunk's key (the serial numbers' upper 48 bits) and members.
    pub(super) chunks: Vec<(u64, Box<Bitmap>)>,
    pub(super) sparse: Vec<u64>,
    pub(super) long: Vec<[u8; 20]>,
}

impl Collector {
    pub(crate) fn new(duplicates: Duplicates) -> Self {
        Self {
            duplicates,
            waiting: Vec::new(),
            look_at: FIRST_LOOK,
            chunks: HashMap::new(),
            bitmaps: Vec::new(),
            last: None,
            long: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, key: Key) -> Result<(), DuplicateSerial> {
        let serial = match key {
            Key::Short(serial) => serial,
            Key::Long(serial) => {
                self.long.push(serial);
                return Ok(());
            }
        };
        let chunk = serial >> 16;
        let index = match self.last {
            Some((last, index)) if last == chunk => Some(index),
            _ => self.chunks.get(&chunk).copied(),
        };
        let Some(index) = index else {
            self.waiting.push(serial);
            return if self.waiting.len() < self.look_at { Ok(()) } else { self.look_through() };
        };
        self.last = Some((chunk, index));
        let bitmap = self.bitmaps.get_mut(index);
        if bitmap.is_some_and(|bitmap| set(bitmap, serial)) || self.duplicates == Duplicates::Merge {
            Ok(())
        } else {
            Err(DuplicateSerial)
        }
    }

    /// Sorts what waits and makes bitmaps of what is dense.
    fn look_through(&mut self) -> Result<(), DuplicateSerial> {
        sort(&mut self.waiting, self.duplicates)?;
        let (mut read, mut kept) = (0, 0);
        while let Some(rest) = self.waiting.get(read..).filter(|rest| !rest.is_empty()) {
            let chunk = rest.first().map_or(0, |serial| serial >> 16);
            // A chunk has at most 2^16 members.
            let run = rest.get(..rest.len().min(1 << 16)).unwrap_or(rest);
            let length = run.partition_point(|serial| serial >> 16 == chunk).max(1);
            if length >= DENSE {
                let mut bitmap = Box::new([0; 1024]);
                for serial in rest.iter().take(length) {
                    set(&mut bitmap, *serial);
                }
                self.chunks.insert(chunk, self.bitmaps.len());
                self.bitmaps.push(bitmap);
            } else {
                self.waiting.copy_within(read..read + length, kept);
                kept += length;
            }
            read += length;
        }
        self.waiting.truncate(kept);
        self.look_at = FIRST_LOOK.max(kept.saturating_mul(2));
        Ok(())
    }

    pub(super) fn collected(mut self) -> Result<Collected, DuplicateSerial> {
        self.look_through()?;
        sort(&mut self.long, self.duplicates)?;
        let mut places: Vec<(u64, usize)> = self.chunks.into_iter().collect();
        places.sort_unstable();
        let mut bitmaps: Vec<Option<Box<Bitmap>>> = self.bitmaps.into_iter().map(Some).collect();
        let taken = places.into_iter().filter_map(|(key, at)| Some((key, bitmaps.get_mut(at)?.take()?)));
        Ok(Collected { chunks: taken.collect(), sparse: self.waiting, long: self.long })
    }
}

/// Whether the member is new.
#[inline]
fn set(bitmap: &mut Bitmap, serial: u64) -> bool {
    let (word, bit) = (super::narrow((serial >> 6) & 1023), 1 << (serial & 63));
    match bitmap.get_mut(word) {
        Some(word) => {
            let new = *word & bit == 0;
            *word |= bit;
            new
        }
        None => false,
    }
}

fn sort<T: Ord>(serials: &mut Vec<T>, duplicates: Duplicates) -> Result<(), DuplicateSerial> {
    if !serials.is_sorted() {
        serials.sort_unstable();
    }
    if serials.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        if duplicates == Duplicates::Refuse {
            return Err(DuplicateSerial);
        }
        serials.dedup();
    }
    Ok(())
}

//! Lists read from a source in passes: memory, digests, order, progress, and the end of it.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use musubi_kernel::UnixTime;
use musubi_pki::*;

use crate::support::authority::Authority;
use crate::support::lists::{List, entry};
use crate::support::{DAY, NOW, anchors};

/// A list of some megabytes, in no order.
fn large() -> Vec<u8> {
    let entries = (0..150_000_u32).map(|n| {
        let serial = 1 + n.wrapping_mul(7_919) % 150_000;
        let why = RevocationReason::JPKI[usize::try_from(serial % 7).unwrap()];
        entry(SerialNumber::from(serial).as_be_bytes(), NOW.plus(-i64::from(serial % 900) * DAY), why)
    });
    let mut list = List::of(&Authority::signature_second());
    list.entries = vec![entries.collect::<Vec<_>>().concat()];
    list.der()
}

/// What is asked of a source.
struct Watched<'a> {
    bytes: &'a [u8],
    largest: AtomicUsize,
    read: AtomicU64,
}

impl<'a> Watched<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, largest: AtomicUsize::new(0), read: AtomicU64::new(0) }
    }
}

impl Source for Watched<'_> {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), SourceError> {
        self.largest.fetch_max(into.len(), Relaxed);
        self.read.fetch_add(into.len() as u64, Relaxed);
        self.bytes.read_at(offset, into)
    }
}

fn read(source: &dyn Source, digests: Option<Digests>) -> Result<VerifiedRevocationList, CrlError> {
    let limit = MAX_LIST_BYTES as u64;
    VerifiedRevocationList::read_and_verify(source, digests, &anchors(), limit, &mut |_| {
        ControlFlow::Continue(())
    })
}

fn digests(bytes: &[u8], at_once: usize) -> Option<Digests> {
    let mut digester = Digester::new();
    for part in bytes.chunks(at_once) {
        digester.update(part);
    }
    digester.finish()
}

#[test]
fn a_large_list_is_read_in_small_pieces() {
    let der = large();
    let source = Watched::of(&der);
    let list = read(&source, None).unwrap();
    assert_eq!(list.len(), 150_000);
    assert!(source.largest.load(Relaxed) <= 4 << 20, "more than 4 MiB at once");
    // Once hashed whole, once the signed part, twice the entries, and the head.
    let passes = source.read.load(Relaxed) as f64 / der.len() as f64;
    assert!((3.9..4.1).contains(&passes), "{passes}");
    for serial in [1, 2, 77, 149_999, 150_000] {
        let at = NOW.plus(-i64::from(serial % 900) * DAY);
        let reason = RevocationReason::JPKI[usize::try_from(serial % 7).unwrap()];
        assert_eq!(list.status_of(&serial.into()), EntryStatus::Listed { at, reason });
    }
    assert_eq!(list.status_of(&150_001.into()), EntryStatus::NotListed);
    // 24 kB of bits and counters, 4 bytes for each fact, 1/4 byte of hashes, and little more.
    assert!(list.sealed().unwrap().len() < 150_000 * 46 / 10, "{}", list.sealed().unwrap().len());
}

#[test]
fn digests_that_were_made_on_the_way_spare_a_pass() {
    let der = large();
    for at_once in [1 << 20, 4093, 511] {
        let source = Watched::of(&der);
        let digests = digests(&der, at_once).unwrap();
        assert_eq!(*digests.sha256(), musubi_crypto::sha256(&der));
        let list = read(&source, Some(digests)).unwrap();
        assert_eq!(*list.sha256(), musubi_crypto::sha256(&der));
        let passes = source.read.load(Relaxed) as f64 / der.len() as f64;
        assert!((1.9..2.1).contains(&passes), "{passes}");
    }
    let small = List::of(&Authority::signature_second()).der();
    for at_once in [1, 7, 100, 10_000] {
        assert_eq!(read(&&small[..], digests(&small, at_once)).unwrap().len(), 0);
    }
}

#[test]
fn digests_of_other_bytes_are_refused() {
    let of = |number| List::of(&Authority::signature_second()).numbered(number).der();
    let other = digests(&of(1), 100);
    assert_eq!(read(&&of(2)[..], other).unwrap_err(), CrlError::BadSignature);
    let longer =
        List::of(&Authority::signature_second()).entry(entry(&[1], NOW, RevocationReason::Superseded));
    assert_eq!(read(&&longer.der()[..], other).unwrap_err(), CrlError::Source);
    for nothing in [&b""[..], b"0", &[0x30; 600], &[0x30, 0x80, 0, 0]] {
        assert!(digests(nothing, 7).is_none());
    }
    assert!(digests(&of(1)[..300], 7).is_none(), "a list that did not come to its end");
}

#[test]
fn nothing_is_hashed_or_read_for_a_stranger() {
    let stranger = Authority::of(AuthorityKind::DigitalSignature, crate::support::Key::Stranger, &[1], NOW);
    let mut list = List::of(&stranger);
    list.entries = (1..9000_u32)
        .map(|n| entry(SerialNumber::from(n).as_be_bytes(), NOW, RevocationReason::Superseded))
        .collect();
    let der = list.der();
    let source = Watched::of(&der);
    assert_eq!(read(&source, None).unwrap_err(), CrlError::UnknownIssuer);
    assert!(source.read.load(Relaxed) < 80_000);
}

#[test]
fn no_entry_is_read_before_the_signature_is_verified() {
    // The entries are no DER at all; nobody finds out.
    let mut list = List::of(&Authority::signature_second());
    list.entries = vec![vec![0xFF; 1000]];
    let mut der = list.der();
    assert_eq!(read(&&der[..], None).unwrap_err(), CrlError::Malformed);
    *der.last_mut().unwrap() ^= 1;
    assert_eq!(read(&&der[..], None).unwrap_err(), CrlError::BadSignature);
}

#[test]
fn progress_goes_forward_to_the_end_and_may_end_the_reading() {
    let der = large();
    let mut told = Vec::new();
    let limit = MAX_LIST_BYTES as u64;
    VerifiedRevocationList::read_and_verify(&&der[..], None, &anchors(), limit, &mut |progress| {
        told.push(progress);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(told.is_sorted_by_key(|progress| progress.done) && told.len() > 10);
    let total = told[0].total;
    assert!(told.iter().all(|progress| progress.total == total && progress.done <= total));
    assert_eq!(told.last().map(|progress| (progress.phase, progress.done)), Some((Phase::Tree, total)));
    for phase in [Phase::Digest, Phase::Serials, Phase::Facts, Phase::Tree] {
        assert!(told.iter().any(|progress| progress.phase == phase), "{phase:?}");
        let ended =
            VerifiedRevocationList::read_and_verify(&&der[..], None, &anchors(), limit, &mut |progress| {
                if progress.phase == phase { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
        assert_eq!(ended.unwrap_err(), CrlError::Cancelled, "{phase:?}");
    }
}

/// Gives other bytes the second time that a place is read, or none.
struct Fickle<'a> {
    bytes: &'a [u8],
    reads: AtomicUsize,
    from: usize,
    change: fn(&mut [u8]) -> Result<(), SourceError>,
}

impl Source for Fickle<'_> {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), SourceError> {
        self.bytes.read_at(offset, into)?;
        if self.reads.fetch_add(1, Relaxed) >= self.from { (self.change)(into) } else { Ok(()) }
    }
}

#[test]
fn a_source_that_fails_or_changes_gives_no_list() {
    let entries = (1..100_u32)
        .map(|n| entry(SerialNumber::from(n).as_be_bytes(), UnixTime(NOW.0), RevocationReason::Superseded));
    let der = entries.fold(List::of(&Authority::signature_second()), List::entry).der();
    let mut reads = 0;
    loop {
        let fails =
            Fickle { bytes: &der, reads: AtomicUsize::new(0), from: reads, change: |_| Err(SourceError) };
        match read(&fails, None) {
            Err(error) => assert_eq!(error, CrlError::Source),
            Ok(list) => break assert_eq!(list.len(), 99),
        }
        // The reason of every entry is another one.
        let other = |bytes: &mut [u8]| {
            bytes.iter_mut().filter(|byte| **byte == 4).for_each(|byte| *byte = 5);
            Ok(())
        };
        let changes = Fickle { bytes: &der, reads: AtomicUsize::new(0), from: reads, change: other };
        if let Ok(list) = read(&changes, None) {
            // The last pass alone cannot be held against anything: that is the caller's promise.
            assert_eq!(list.len(), 99);
        }
        reads += 1;
    }
    assert!(reads > 4);
}

//! Lists of the size of the nation: exact in number, whole in form, and the same for the same seed.

use std::collections::BTreeMap;
use std::io::Write;

use musubi_nation::synthetic::{SyntheticError, SyntheticLists, SyntheticOrder, Version};
use musubi_nation::{DEFAULT_SEED, Entry, EntryWord};
use musubi_pki::{AuthorityKind, MAX_LIST_BYTES, RevocationReason, TrustAnchors, VerifiedRevocationList};

use crate::openssl::openssl;
use crate::support::EPOCH;

fn order(entries: u64, range: u64) -> SyntheticOrder {
    SyntheticOrder {
        seed: DEFAULT_SEED,
        authority: AuthorityKind::DigitalSignature,
        entries,
        range,
        next: entries / 100,
        expired: entries / 500,
        clustering: 50,
        at: EPOCH,
    }
}

fn by_serial(entries: impl Iterator<Item = Entry>) -> BTreeMap<u64, Entry> {
    entries.map(|entry| (entry.serial, entry)).collect()
}

#[test]
fn the_numbers_of_entries_are_exact_and_the_delta_leads_from_one_list_to_the_next() {
    for clustering in [0, 50, 100] {
        for (entries, range) in [(0, 1), (1, 1000), (25_000, 110_000), (5000, 110_003), (63, 100)] {
            let order = SyntheticOrder { clustering, ..order(entries, range) };
            let lists = SyntheticLists::new(order).unwrap();
            let mut list = by_serial(lists.entries(Version::First));
            let next = by_serial(lists.entries(Version::Next));
            assert_eq!(list.len() as u64, entries);
            assert_eq!(next.len() as u64, entries + order.next - order.expired);
            let serials = SyntheticOrder::FIRST_SERIAL..SyntheticOrder::FIRST_SERIAL + range;
            assert!(list.keys().chain(next.keys()).all(|serial| serials.contains(serial)));
            assert!(list.values().all(|entry| entry.revoked_at <= EPOCH));
            let mut last = 0;
            for change in lists.changes() {
                assert!(change.serial > last);
                last = change.serial;
                if change.word == EntryWord::Removed {
                    assert!(list.remove(&change.serial).is_some());
                } else {
                    assert!(change.revoked_at > EPOCH && list.insert(change.serial, change).is_none());
                }
            }
            assert_eq!(list, next);
        }
    }
}

#[test]
fn orders_that_cannot_be_carried_out_are_refused() {
    let refused = |order| SyntheticLists::new(order).err();
    assert_eq!(refused(order(101, 100)), Some(SyntheticError::TooDense));
    assert_eq!(refused(SyntheticOrder { next: 60, ..order(50, 100) }), Some(SyntheticError::TooDense));
    assert_eq!(refused(SyntheticOrder { expired: 51, ..order(50, 100) }), Some(SyntheticError::TooDense));
    assert_eq!(refused(order(1, 0)), Some(SyntheticError::Range));
    assert_eq!(refused(order(1, 5_000_000_000)), Some(SyntheticError::Range));
    assert_eq!(refused(SyntheticOrder { clustering: 101, ..order(1, 10) }), Some(SyntheticError::Clustering));
}

#[test]
fn clustered_entries_lie_closer_together_and_a_seed_gives_one_list() {
    let neighbours = |clustering| {
        let lists = SyntheticLists::new(SyntheticOrder { clustering, ..order(20_000, 100_000) }).unwrap();
        let serials: Vec<u64> = lists.entries(Version::First).map(|entry| entry.serial).collect();
        serials.windows(2).filter(|pair| pair[1] == pair[0] + 1).count()
    };
    assert!(neighbours(100) > neighbours(0) * 5 / 4, "{} and {}", neighbours(100), neighbours(0));
    let first = |seed| {
        let lists = SyntheticLists::new(SyntheticOrder { seed, ..order(1000, 9000) }).unwrap();
        lists.entries(Version::First).map(|entry| (entry.serial, entry.revoked_at)).collect::<Vec<_>>()
    };
    assert_eq!(first(DEFAULT_SEED), first(DEFAULT_SEED));
    assert_ne!(first(DEFAULT_SEED), first(DEFAULT_SEED + 1));
}

#[test]
fn no_certificate_for_user_authentication_ends_by_a_change_of_attributes() {
    let reasons = |authority| {
        let lists = SyntheticLists::new(SyntheticOrder { authority, ..order(10_000, 40_000) }).unwrap();
        let changed = EntryWord::Revoked(RevocationReason::AffiliationChanged);
        lists.entries(Version::First).filter(|entry| entry.word == changed).count()
    };
    assert_eq!(reasons(AuthorityKind::UserAuthentication), 0);
    assert!((4500..5100).contains(&reasons(AuthorityKind::DigitalSignature)));
}

#[test]
fn the_lists_verify_and_the_delta_is_one_to_openssl() {
    let lists = SyntheticLists::new(order(3000, 13_000)).unwrap();
    let authority = lists.certificate().unwrap();
    let kind = AuthorityKind::DigitalSignature;
    let anchors = TrustAnchors::insecure_test_hierarchy(vec![(kind, authority.clone())]).unwrap();
    for version in [Version::First, Version::Next] {
        let mut der = Vec::new();
        let mut told = Vec::new();
        let written = lists.write_full(&mut der, version, &mut |done, all| told.push((done, all))).unwrap();
        let verified = VerifiedRevocationList::parse_and_verify(&der, &anchors, MAX_LIST_BYTES).unwrap();
        assert_eq!((verified.len() as u64, verified.sha256()), (written.entries, &written.sha256));
        assert_eq!(verified.number(), lists.number(version));
        assert_eq!(verified.key_id(), lists.key_id());
        assert_eq!(told.last(), Some(&(written.bytes, written.bytes)), "the end is told");
    }
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut delta = Vec::new();
    let written = lists.write_delta(&mut delta).unwrap();
    assert_eq!(written.entries, 36);
    let anchor = file("authority.pem", crate::support::pem("CERTIFICATE", &authority).as_bytes());
    let delta = file("delta.crl", &delta);
    let (ok, text) =
        openssl(&["crl", "-inform", "DER", "-in", &delta, "-noout", "-text", "-CAfile", &anchor]);
    assert!(ok && text.contains("verify OK") && text.contains("Delta CRL Indicator: critical"), "{text}");
    assert_eq!((text.matches("Serial Number:").count(), text.matches("Remove From CRL").count()), (36, 6));
}

/// A sink that counts, and remembers the largest piece.
#[derive(Default)]
struct Counter {
    bytes: u64,
    largest: usize,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes += bytes.len() as u64;
        self.largest = self.largest.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_list_is_written_in_pieces_whatever_its_size() {
    let lists = SyntheticLists::new(order(100_000, 450_000)).unwrap();
    let mut counter = Counter::default();
    let written = lists.write_full(&mut counter, Version::First, &mut |_, _| ()).unwrap();
    assert_eq!((counter.bytes, written.entries), (written.bytes, 100_000));
    assert!(written.bytes > 3_000_000 && counter.largest < 300_000, "{} at once", counter.largest);
}

#[test]
fn a_sink_that_is_full_ends_the_writing() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lists = SyntheticLists::new(order(10, 450)).unwrap();
    assert!(lists.write_full(&mut Full, Version::First, &mut |_, _| ()).is_err());
}

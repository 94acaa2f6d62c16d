//! Status sets: sealed bytes that are anything, and ones that were right before some were changed. What says that sealed
//! bytes are right is their digest; here each has its own, so that the structure is all that stands in the way.

use std::sync::{Arc, LazyLock};

use musubi_crypto::sha256;
use musubi_pki::{
    EntryStatus, ListCommitment, RevocationReason, Sealed, SerialNumber, SerialSet, StatusChange,
    VerifiedRevocationList,
};

use super::paths::{authority, jpki};
use super::support::NOW;
use super::support::lists::{List, entry};

/// More members than any input has, unless it lies: each of its dense ones takes a bit.
const MOST: usize = 64 * 1024 * 8 + 4096;

/// The input as sealed bytes; and as changes (place, of two octets, and octet) of a sealed list.
pub(super) fn sealed(input: &[u8]) {
    open(input);
    static LIST: LazyLock<Vec<u8>> = LazyLock::new(|| {
        // A dense chunk, sparse serial numbers and a long one.
        let serials = (0..1100_u32).map(|n| 0x20000 + n).chain([1, 77, 0x0100_0000]);
        let entries = serials
            .map(|serial| entry(SerialNumber::from(serial).as_be_bytes(), NOW, RevocationReason::Superseded));
        let list = entries.fold(List::of(authority()), List::entry);
        let list = list.entry(entry(&[0x7F; 20], NOW, RevocationReason::KeyCompromise));
        list.read().expect("a list").sealed().expect("all entries").to_vec()
    });
    let mut changed = LIST.clone();
    for change in input.chunks_exact(3).take(64) {
        if let [high, low, byte] = *change {
            let at = usize::from(u16::from_be_bytes([high, low])) % changed.len();
            changed[at] = byte;
        }
    }
    open(&changed);
}

fn open(bytes: &[u8]) {
    let shared: Sealed = Arc::new(bytes.to_vec());
    let asked = [1, 77, 78, 0x20000, 0x2044C, 0x0100_0000, u32::MAX].map(SerialNumber::from);
    let long = SerialNumber::from_be_bytes(&[0x7F; 20]).expect("a serial number");
    let asked = asked.iter().chain([&long]);
    if let Ok(set) = SerialSet::from_sealed(shared.clone(), &sha256(bytes)) {
        for serial in asked.clone() {
            let _ = (set.contains(serial), set.position(serial).map(|at| set.at(at)));
        }
        assert!(set.iter().take(MOST + 1).count() <= MOST, "a set without an end");
        assert!(set.shared_with(&set).take(MOST + 1).count() <= MOST);
    }
    if let Ok(list) = VerifiedRevocationList::from_sealed(shared, &sha256(bytes), jpki()) {
        for serial in asked {
            let listed = list.status_of(serial) != EntryStatus::NotListed;
            assert_eq!(list.contains(serial), listed);
            let (Some(commitment), Some(proof)) = (ListCommitment::of(&list), list.prove(serial)) else {
                continue;
            };
            let _ = VerifiedRevocationList::proven(&commitment, serial, &proof, jpki());
        }
        assert!(list.iter().take(MOST + 1).count() <= MOST, "a list without an end");
        assert_eq!(list.changes_since(&list).next(), None::<StatusChange>);
    }
}

//! What a list says of one certificate, proven without the list.

use musubi_crypto::merkle::{Levels, leaf_hash, range_proof};
use musubi_pki::*;

use crate::support::authority::{Authority, Leaf, partition_name};
use crate::support::lists::{List, entry};
use crate::support::{Case, DAY, HOUR, NOW, anchors};

fn listing(serials: impl IntoIterator<Item = u32>) -> VerifiedRevocationList {
    let mut list = List::of(&Authority::signature_second());
    for serial in serials {
        let why = RevocationReason::JPKI[usize::try_from(serial % 7).unwrap()];
        list = list.entry(entry(SerialNumber::from(serial).as_be_bytes(), NOW.plus(-DAY), why));
    }
    list.read().unwrap()
}

fn proven(
    commitment: &ListCommitment,
    serial: u32,
    proof: &StatusProof,
) -> Result<VerifiedRevocationList, UnprovenList> {
    VerifiedRevocationList::proven(commitment, &SerialNumber::from(serial), proof, &anchors())
}

#[test]
fn presence_and_absence_are_proven_for_every_serial_number_and_size() {
    for size in (0..20).chain([255, 256, 257, 258, 511, 513, 777]) {
        let list = listing((0..size).map(|n| 100 + 2 * n));
        let commitment = ListCommitment::of(&list).unwrap();
        assert_eq!((commitment.entries, commitment.sha256), (u64::from(size), *list.sha256()));
        for serial in (99..102 + 2 * size).step_by(if size > 20 { 37 } else { 1 }).chain([1, u32::MAX]) {
            let number = SerialNumber::from(serial);
            let proof = list.prove(&number).unwrap();
            let proven = proven(&commitment, serial, &proof).unwrap();
            assert_eq!(proven.status_of(&number), list.status_of(&number), "{serial} of {size}");
            assert_eq!((proven.len(), proven.number()), (list.len(), list.number()));
            assert_eq!(proven.iter().count(), 0);
            assert!(proven.prove(&number).is_none() && ListCommitment::of(&proven).is_none());
        }
    }
}

#[test]
fn serial_numbers_of_any_length_have_their_place() {
    let mut list = List::of(&Authority::signature_second());
    for serial in [&[5_u8][..], &[0x7F; 8], &[1; 9], &[0x7F; 20]] {
        list = list.entry(entry(serial, NOW.plus(-DAY), RevocationReason::Superseded));
    }
    let list = list.read().unwrap();
    let commitment = ListCommitment::of(&list).unwrap();
    for serial in
        [&[5_u8][..], &[0x7F; 8], &[1; 9], &[0x7F; 20], &[4], &[6], &[0x7F; 9], &[1; 8], &[0x7E; 20]]
    {
        let serial = SerialNumber::from_be_bytes(serial).unwrap();
        let proof = list.prove(&serial).unwrap();
        let proven = VerifiedRevocationList::proven(&commitment, &serial, &proof, &anchors()).unwrap();
        assert_eq!(proven.status_of(&serial), list.status_of(&serial), "{serial}");
    }
}

#[test]
fn a_proof_for_another_serial_number_proves_nothing() {
    let list = listing((0..300).map(|n| 100 + 2 * n));
    let commitment = ListCommitment::of(&list).unwrap();
    // 100 to 130 are the first leaf, 292 to 322 the seventh.
    let within = list.prove(&SerialNumber::from(301)).unwrap();
    assert_eq!((within.first, within.neighbours.len()), (96, 16));
    for other in [290, 291, 323, 324, 1] {
        assert_eq!(proven(&commitment, other, &within).unwrap_err(), UnprovenList::Proof, "{other}");
    }
    // Between two leaves both are needed, and prove nothing of what stands within either.
    let between = list.prove(&SerialNumber::from(323)).unwrap();
    assert_eq!((between.first, between.neighbours.len()), (96, 32));
    for other in [292, 301, 322, 324, 325, 354, 355] {
        assert_eq!(proven(&commitment, other, &between).unwrap_err(), UnprovenList::Proof, "{other}");
    }
    let present = list.prove(&SerialNumber::from(300)).unwrap();
    assert_eq!((present.first, present.neighbours.len()), (96, 16));
    assert_eq!(proven(&commitment, 324, &present).unwrap_err(), UnprovenList::Proof);
}

#[test]
fn two_entries_that_are_no_neighbours_do_not_prove_absence() {
    let list = listing((0..300).map(|n| 100 + 2 * n));
    let commitment = ListCommitment::of(&list).unwrap();
    let left = list.prove(&SerialNumber::from(299)).unwrap();
    let right = list.prove(&SerialNumber::from(303)).unwrap();
    // 300 is revoked; the neighbours of 299 and 303 stand on both sides of it.
    let without = |mut proof: StatusProof| {
        proof.neighbours.retain(|entry| entry.serial != SerialNumber::from(300));
        proof
    };
    let swapped = |mut proof: StatusProof| {
        proof.neighbours.swap(3, 4);
        proof
    };
    let shorter = |mut proof: StatusProof| {
        proof.neighbours.truncate(8);
        proof
    };
    let joined =
        StatusProof { neighbours: [&left.neighbours[..], &right.neighbours].concat(), ..left.clone() };
    for forged in [without(left.clone()), without(right), swapped(left.clone()), shorter(left), joined] {
        assert_eq!(proven(&commitment, 300, &forged).unwrap_err(), UnprovenList::Proof);
    }
    // The first and the last entry are edges only where they stand.
    let mut edge = list.prove(&SerialNumber::from(99)).unwrap();
    assert!(proven(&commitment, 99, &edge).is_ok());
    edge.first = 1;
    assert_eq!(proven(&commitment, 99, &edge).unwrap_err(), UnprovenList::Proof);
    let empty = StatusProof { first: 0, neighbours: Vec::new(), hashes: Vec::new() };
    assert_eq!(proven(&commitment, 99, &empty).unwrap_err(), UnprovenList::Proof);
}

#[test]
fn a_changed_proof_or_commitment_proves_nothing() {
    let list = listing((0..300).map(|n| 100 + 2 * n));
    let commitment = ListCommitment::of(&list).unwrap();
    for serial in [300_u32, 301] {
        let proof = list.prove(&SerialNumber::from(serial)).unwrap();
        for at in 0..proof.hashes.len() {
            let mut changed = proof.clone();
            changed.hashes[at][31] ^= 1;
            assert_eq!(proven(&commitment, serial, &changed).unwrap_err(), UnprovenList::Proof);
        }
        let mut changed = proof.clone();
        changed.neighbours[0].at = changed.neighbours[0].at.plus(1);
        assert_eq!(proven(&commitment, serial, &changed).unwrap_err(), UnprovenList::Proof);
        let mut changed = proof.clone();
        changed.neighbours[0].reason = RevocationReason::AaCompromise;
        assert_eq!(proven(&commitment, serial, &changed).unwrap_err(), UnprovenList::Proof);
        let other = ListCommitment { issuer: [9; 8], ..commitment.clone() };
        assert_eq!(proven(&other, serial, &proof).unwrap_err(), UnprovenList::UnknownIssuer);
        let other = ListCommitment { next_update: commitment.this_update, ..commitment.clone() };
        assert_eq!(proven(&other, serial, &proof).unwrap_err(), UnprovenList::TimesOutOfOrder);
    }
}

#[test]
fn a_list_proven_for_one_certificate_covers_no_other() {
    let case = Case::signature();
    let list = List::of(&Authority::signature_second()).verified();
    let other = SerialNumber::from(77);
    let proof = list.prove(&other).unwrap();
    let commitment = ListCommitment::of(&list).unwrap();
    let proven = VerifiedRevocationList::proven(&commitment, &other, &proof, &anchors()).unwrap();
    let certificate = UnverifiedCertificate::parse(&case.certificate).unwrap();
    assert!(list.covers(&certificate) && !proven.covers(&certificate));
    let evidence = Evidence {
        certificate: &case.certificate,
        expected_kind: case.kind,
        signature: &case.signature,
        signed_data: SignedData::Bytes(&case.document),
        expected_digest: case.digest,
        lists: &[std::sync::Arc::new(proven)],
        ocsp: &[],
    };
    let judgement = judge(&evidence, &anchors(), &case.policy, case.at);
    assert_eq!(judgement.verdict.sub_indication(), Some(SubIndication::TryLater));
    assert!(judgement.covering.is_empty());
}

#[test]
fn a_partition_stays_a_partition() {
    let authority = Authority::signature_second();
    let name = partition_name(AuthorityKind::DigitalSignature, "Kiyose-shi");
    let list = List::of(&authority).partition(&name).updates(NOW.plus(-HOUR), NOW.plus(DAY)).read().unwrap();
    let commitment = ListCommitment::of(&list).unwrap();
    assert_eq!(commitment.scope, ListScope::Partition(name));
    let serial = crate::support::authority::serial();
    let proof = list.prove(&serial).unwrap();
    let proven = VerifiedRevocationList::proven(&commitment, &serial, &proof, &anchors()).unwrap();
    let certificate = authority.issue(&Leaf::signature());
    let certificate = UnverifiedCertificate::parse(&certificate).unwrap();
    assert_eq!(proven.covers(&certificate), list.covers(&certificate));
}

/// The proof of a list of the earlier form, whose leaves have one entry each.
fn earlier(list: &VerifiedRevocationList, serial: u32) -> (ListCommitment, StatusProof) {
    let entries: Vec<RevokedEntry> = list.iter().collect();
    let record = |entry: &RevokedEntry| {
        let serial = entry.serial.as_be_bytes();
        let mut leaf = vec![0; 20 - serial.len()];
        leaf.extend(serial);
        leaf.extend(entry.at.0.to_be_bytes());
        leaf.push(entry.reason.code());
        leaf_hash(&leaf)
    };
    let levels = Levels::over(entries.iter().map(record).collect());
    let at = entries.partition_point(|entry| entry.serial.short() < Some(u64::from(serial)));
    let listed = entries.get(at).is_some_and(|entry| entry.serial == SerialNumber::from(serial));
    let (from, to) = if listed { (at, at + 1) } else { (at.saturating_sub(1), (at + 1).min(entries.len())) };
    let size = entries.len() as u64;
    let subtree = &mut |start, end| levels.subtree(start, end).unwrap();
    let hashes = range_proof(size, from as u64, (to - from) as u64, subtree);
    let proof = StatusProof { first: from as u64, neighbours: entries[from..to].to_vec(), hashes };
    (ListCommitment::in_leaves(list, 1).unwrap(), proof)
}

#[test]
fn proofs_of_the_earlier_form_are_still_verified() {
    for size in [0, 1, 2, 15, 16, 17, 300, 513] {
        let list = listing((0..size).map(|n| 100 + 2 * n));
        for serial in [1, 99, 100, 101, 102, 130, 131, 132, 98 + 2 * size, 99 + 2 * size, 5_000_000] {
            let (commitment, proof) = earlier(&list, serial);
            let number = SerialNumber::from(serial);
            let of_it = proven(&commitment, serial, &proof).unwrap();
            assert_eq!(of_it.status_of(&number), list.status_of(&number), "{serial} of {size}");
            assert!(proof.neighbours.len() <= 2);
            // The number of entries of a leaf is part of the commitment: a proof of one form is none of the other.
            let other = ListCommitment::of(&list).unwrap();
            if size > 2 {
                assert_ne!((other.entries_per_leaf, other.root), (1, commitment.root));
                assert_eq!(proven(&other, serial, &proof).unwrap_err(), UnprovenList::Proof);
                let proof = list.prove(&number).unwrap();
                assert_eq!(proven(&commitment, serial, &proof).unwrap_err(), UnprovenList::Proof);
            }
        }
    }
}

#[test]
fn leaves_have_one_or_sixteen_entries() {
    let list = listing((0..300).map(|n| 100 + 2 * n));
    let (commitment, proof) = (ListCommitment::of(&list).unwrap(), list.prove(&300.into()).unwrap());
    assert_eq!(ListCommitment::in_leaves(&list, 16), Some(commitment.clone()));
    for entries_per_leaf in [0, 2, 15, 17, 32, u64::MAX] {
        assert_eq!(ListCommitment::in_leaves(&list, entries_per_leaf), None);
        let other = ListCommitment { entries_per_leaf, ..commitment.clone() };
        assert_eq!(proven(&other, 300, &proof).unwrap_err(), UnprovenList::Proof);
    }
}

#[test]
fn the_hash_of_a_leaf_is_over_serial_number_time_and_reason() {
    let list = List::of(&Authority::signature_second());
    let list = list.entry(entry(&[0x1E, 0xE6, 0x07], NOW, RevocationReason::CertificateHold)).read().unwrap();
    let mut leaf = vec![0; 17];
    leaf.extend([0x1E, 0xE6, 0x07]);
    leaf.extend(NOW.0.to_be_bytes());
    leaf.push(6);
    assert_eq!(ListCommitment::of(&list).unwrap().root, leaf_hash(&leaf));
    let empty = List::of(&Authority::signature_second()).read().unwrap();
    assert_eq!(ListCommitment::of(&empty).unwrap().root, musubi_crypto::sha256(&[]));
}

//! What a list says of one certificate, proven without the list.

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
    let absent = list.prove(&SerialNumber::from(301)).unwrap();
    assert_eq!(absent.neighbours.len(), 2);
    for other in [299, 300, 302, 303, 1] {
        assert_eq!(proven(&commitment, other, &absent).unwrap_err(), UnprovenList::Proof, "{other}");
    }
    let present = list.prove(&SerialNumber::from(300)).unwrap();
    assert_eq!(present.neighbours.len(), 1);
    assert_eq!(proven(&commitment, 301, &present).unwrap_err(), UnprovenList::Proof);
}

#[test]
fn two_entries_that_are_no_neighbours_do_not_prove_absence() {
    let list = listing((0..300).map(|n| 100 + 2 * n));
    let commitment = ListCommitment::of(&list).unwrap();
    let left = list.prove(&SerialNumber::from(299)).unwrap();
    let right = list.prove(&SerialNumber::from(303)).unwrap();
    // 300 is revoked; the neighbours of 299 and 303 stand on both sides of it.
    let forged = StatusProof {
        first: left.first,
        neighbours: vec![left.neighbours[0].clone(), right.neighbours[1].clone()],
        hashes: left.hashes.clone(),
    };
    assert_eq!(proven(&commitment, 300, &forged).unwrap_err(), UnprovenList::Proof);
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

#[test]
fn the_hash_of_a_leaf_is_over_serial_number_time_and_reason() {
    let list = List::of(&Authority::signature_second());
    let list = list.entry(entry(&[0x1E, 0xE6, 0x07], NOW, RevocationReason::CertificateHold)).read().unwrap();
    let mut leaf = vec![0; 17];
    leaf.extend([0x1E, 0xE6, 0x07]);
    leaf.extend(NOW.0.to_be_bytes());
    leaf.push(6);
    assert_eq!(ListCommitment::of(&list).unwrap().root, musubi_crypto::merkle::leaf_hash(&leaf));
    let empty = List::of(&Authority::signature_second()).read().unwrap();
    assert_eq!(ListCommitment::of(&empty).unwrap().root, musubi_crypto::sha256(&[]));
}

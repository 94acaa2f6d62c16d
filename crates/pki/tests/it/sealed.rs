//! Lists in their sealed form: the same answers, and nothing but the recorded bytes.

use std::sync::Arc;

use musubi_crypto::{Sha256Digest, sha256};
use musubi_pki::*;

use crate::support::authority::*;
use crate::support::lists::{List, entry};
use crate::support::{Case, DAY, NOW, anchors};

fn list() -> List {
    let entries = (1..3000_u32).map(|n| {
        let why = RevocationReason::JPKI[usize::try_from(n % 7).unwrap()];
        entry(SerialNumber::from(2 * n).as_be_bytes(), NOW.plus(-i64::from(n % 900) * DAY), why)
    });
    let list = entries.fold(List::of(&Authority::signature_second()), List::entry);
    list.entry(entry(&[0x7F; 20], NOW, RevocationReason::Superseded)).entry(entry(
        &[0x7F; 8],
        NOW,
        RevocationReason::KeyCompromise,
    ))
}

fn opened(bytes: &[u8], digest: Sha256Digest) -> Result<VerifiedRevocationList, SealedError> {
    VerifiedRevocationList::from_sealed(Arc::new(bytes.to_vec()), &digest, &anchors())
}

#[test]
fn a_sealed_list_is_the_list() {
    let town = partition_name(AuthorityKind::DigitalSignature, "Kiyose-shi");
    for list in [list(), list().partition(&town), List::of(&Authority::authentication())] {
        let list = list.read().unwrap();
        let sealed = list.sealed().unwrap();
        assert_eq!(list.sealed_sha256(), Some(sha256(sealed)));
        let again = opened(sealed, sha256(sealed)).unwrap();
        assert_eq!(ListCommitment::of(&again), ListCommitment::of(&list));
        assert_eq!((again.authority(), again.key_id()), (list.authority(), list.key_id()));
        assert!(again.iter().eq(list.iter()));
        assert_eq!(again.sealed_sha256(), list.sealed_sha256());
        for serial in [1, 2, 3, 5998, 5999, 6000].map(SerialNumber::from) {
            assert_eq!(again.status_of(&serial), list.status_of(&serial));
            assert_eq!(again.contains(&serial), list.status_of(&serial) != EntryStatus::NotListed);
            assert_eq!(again.prove(&serial), list.prove(&serial));
        }
    }
}

#[test]
fn a_judgement_by_a_sealed_list_is_the_same() {
    let mut case = Case::signature();
    let serial = serial();
    let list = list().entry(entry(serial.as_be_bytes(), NOW.plus(-DAY), RevocationReason::CertificateHold));
    case.lists = vec![list.verified()];
    let verdict = case.judged().verdict;
    let sealed = case.lists[0].sealed().unwrap().to_vec();
    case.lists = vec![Arc::new(opened(&sealed, sha256(&sealed)).unwrap())];
    assert_eq!(case.judged().verdict, verdict);
}

#[test]
fn other_bytes_than_the_recorded_ones_are_refused() {
    let list = list().read().unwrap();
    let (bytes, digest) = (list.sealed().unwrap(), list.sealed_sha256().unwrap());
    for at in (0..bytes.len()).step_by(97).chain([0, 8, 16, 127, 128, bytes.len() - 1]) {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1;
        assert_eq!(opened(&changed, digest).unwrap_err(), SealedError::Digest);
    }
    for length in [0, 1, 127, 128, bytes.len() - 1] {
        assert_eq!(opened(&bytes[..length], digest).unwrap_err(), SealedError::Digest);
        // With a digest of its own it is no list either.
        assert_eq!(opened(&bytes[..length], sha256(&bytes[..length])).unwrap_err(), SealedError::Malformed);
    }
    let set = SerialSet::of([5.into()]).unwrap();
    assert_eq!(opened(set.sealed(), sha256(set.sealed())).unwrap_err(), SealedError::Malformed);
    let of_a_list = SerialSet::from_sealed(Arc::new(bytes.to_vec()), &digest);
    assert_eq!(of_a_list.unwrap_err(), SealedError::Malformed);
}

#[test]
fn a_sealed_list_of_an_issuer_that_is_trusted_no_more_is_refused() {
    let list = list().read().unwrap();
    let (bytes, digest) = (list.sealed().unwrap().to_vec(), list.sealed_sha256().unwrap());
    let others = [Authority::signature_first(), Authority::authentication()];
    let others = TrustAnchors::insecure_test_hierarchy(others.map(|a| (a.kind, a.certificate()))).unwrap();
    let refused = VerifiedRevocationList::from_sealed(Arc::new(bytes), &digest, &others).unwrap_err();
    assert_eq!(refused, SealedError::UnknownIssuer);
}

#[test]
fn a_list_known_by_a_proof_has_no_sealed_form_and_takes_no_delta() {
    let list = list().read().unwrap();
    let (commitment, proof) = (ListCommitment::of(&list).unwrap(), list.prove(&4.into()).unwrap());
    let proven = VerifiedRevocationList::proven(&commitment, &4.into(), &proof, &anchors()).unwrap();
    assert!(proven.sealed().is_none() && proven.sealed_sha256().is_none());
    assert!(proven.contains(&4.into()) && !proven.contains(&6.into()));
    assert_eq!(
        proven.statuses_of(&[4.into(), 6.into()]),
        [list.status_of(&4.into()), EntryStatus::NotListed]
    );
    assert_eq!((proven.changes_since(&list).count(), list.changes_since(&proven).count()), (0, 0));
}

#[test]
fn many_are_asked_as_one_is() {
    let list = list().read().unwrap();
    let numbers: Vec<u64> = (1..7000).chain([0x7F7F_7F7F_7F7F_7F7F, u64::MAX]).collect();
    let serials: Vec<SerialNumber> =
        numbers.iter().map(|n| SerialNumber::from_be_bytes(&n.to_be_bytes()).unwrap()).collect();
    let one_by_one: Vec<EntryStatus> = serials.iter().map(|serial| list.status_of(serial)).collect();
    assert_eq!(list.statuses_of(&serials), one_by_one);
    let mut found = Vec::new();
    list.contains_each(&numbers, |at, listed| found.push((at, listed)));
    let expected = one_by_one.iter().map(|status| *status != EntryStatus::NotListed).enumerate();
    assert!(found.into_iter().eq(expected));
}

#[test]
fn watched_certificates_that_are_listed_are_found_in_one_pass() {
    let list = list().read().unwrap();
    let long = SerialNumber::from_be_bytes(&[0x7F; 20]).unwrap();
    let watched =
        SerialSet::of((100..9000).step_by(3).map(SerialNumber::from).chain([long.clone()])).unwrap();
    let found: Vec<RevokedEntry> = list.listed_among(&watched).collect();
    let expected: Vec<RevokedEntry> = list.iter().filter(|entry| watched.contains(&entry.serial)).collect();
    assert_eq!(found, expected);
    assert!(found.len() > 900 && found.last().is_some_and(|entry| entry.serial == long));
    let other = SerialSet::of((1..9000).map(SerialNumber::from)).unwrap();
    assert!(watched.shared_with(&other).eq(watched.iter().filter(|serial| other.contains(serial))));
    let sealed: Sealed = Arc::new(watched.sealed().to_vec());
    let again = SerialSet::from_sealed(sealed.clone(), &sha256(watched.sealed())).unwrap();
    assert!(again.iter().eq(watched.iter()));
    assert_eq!(SerialSet::from_sealed(sealed, &[0; 32]).unwrap_err(), SealedError::Digest);
    assert!(!format!("{watched:?}").contains("64"), "no serial number in logs");
}

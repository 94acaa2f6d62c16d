//! Delta lists (RFC 5280 5.2.4): what they change, and what they are refused for.

use musubi_kernel::UnixTime;
use musubi_pki::*;

use crate::support::authority::*;
use crate::support::der::*;
use crate::support::lists::{List, entry, entry_with, reason};
use crate::support::{DAY, HOUR, NOW, anchors};

const REVOKED_AT: UnixTime = UnixTime(NOW.0 - 10 * DAY);

fn listing(serials: impl IntoIterator<Item = u32>, why: RevocationReason) -> List {
    let entries =
        serials.into_iter().map(|serial| entry(SerialNumber::from(serial).as_be_bytes(), REVOKED_AT, why));
    entries.fold(List::of(&Authority::signature_second()), List::entry)
}

fn delta(base: u8, number: u8) -> List {
    List::of(&Authority::signature_second()).numbered(number).with(
        oid_table::DELTA_CRL_INDICATOR,
        true,
        integer(&[base]),
    )
}

fn read(list: &List) -> Result<VerifiedDeltaList, CrlError> {
    VerifiedDeltaList::parse_and_verify(&list.der(), &anchors(), MAX_LIST_BYTES)
}

#[track_caller]
fn does_not_apply(base: &List, delta: &List) {
    let result = base.read().unwrap().apply_delta(&read(delta).unwrap());
    assert_eq!(result.unwrap_err(), CrlError::DeltaDoesNotApply);
}

#[test]
fn a_delta_adds_changes_and_removes() {
    let base = listing([10, 20, 30], RevocationReason::CertificateHold).numbered(5).read().unwrap();
    let delta = delta(5, 6)
        .updates(NOW, NOW.plus(2 * DAY))
        .entry(entry(&[20], NOW, RevocationReason::KeyCompromise))
        .entry(entry_with(&[30], NOW, &[reason(8)]))
        // Never listed, or no longer: nothing to remove.
        .entry(entry_with(&[31], NOW, &[reason(8)]))
        .entry(entry(&[0x7F; 20], NOW, RevocationReason::Superseded))
        .entry(entry(&[5], NOW, RevocationReason::Superseded));
    let delta_sha256 = musubi_crypto::sha256(&delta.der());
    let delta = read(&delta).unwrap();
    assert_eq!((delta.base_number(), delta.number(), delta.len(), delta.is_empty()), (5, 6, 5, false));
    assert_eq!(*delta.sha256(), delta_sha256);
    let list = base.apply_delta(&delta).unwrap();
    let listed = |at, reason| EntryStatus::Listed { at, reason };
    let hold = listed(REVOKED_AT, RevocationReason::CertificateHold);
    for (serial, status) in [
        (&[5][..], listed(NOW, RevocationReason::Superseded)),
        (&[10], hold),
        (&[20], listed(NOW, RevocationReason::KeyCompromise)),
        (&[30], EntryStatus::NotListed),
        (&[31], EntryStatus::NotListed),
        (&[0x7F; 20], listed(NOW, RevocationReason::Superseded)),
    ] {
        assert_eq!(list.status_of(&SerialNumber::from_be_bytes(serial).unwrap()), status);
    }
    assert_eq!((list.number(), list.len()), (6, 4));
    assert_eq!((list.this_update(), list.next_update()), (NOW, NOW.plus(2 * DAY)));
    assert_eq!(list.delta_origin(), Some(DeltaOrigin { base_number: 5, delta_sha256 }));
    assert_eq!(base.delta_origin(), None);
    assert!(list.sha256() != base.sha256() && list.sha256() != delta.sha256());
    // It is a list like any other: it can be sealed, proves what it says, and takes the next delta.
    let sealed: Sealed = std::sync::Arc::new(list.sealed().unwrap().to_vec());
    let again =
        VerifiedRevocationList::from_sealed(sealed, &list.sealed_sha256().unwrap(), &anchors()).unwrap();
    assert_eq!(again.delta_origin(), list.delta_origin());
    assert_eq!(ListCommitment::of(&again), ListCommitment::of(&list));
}

#[test]
fn base_and_delta_are_what_the_complete_list_is() {
    let serials = |keep: fn(&u32) -> bool| (1..4000).map(|n| 3 * n).filter(keep).collect::<Vec<_>>();
    let why = RevocationReason::Superseded;
    let base = listing(serials(|n| n % 7 != 0), why).numbered(1).read().unwrap();
    let complete = listing(serials(|n| n % 5 != 0), why).numbered(2).read().unwrap();
    let changes: Vec<StatusChange> = complete.changes_since(&base).collect();
    let entries = changes.iter().map(|change| match change.after {
        Some((at, reason)) => entry(change.serial.as_be_bytes(), at, reason),
        None => entry_with(change.serial.as_be_bytes(), NOW, &[reason(8)]),
    });
    let applied = base.apply_delta(&read(&entries.fold(delta(1, 2), List::entry)).unwrap()).unwrap();
    assert!(changes.len() > 1000 && complete.changes_since(&applied).next().is_none());
    assert!(applied.iter().eq(complete.iter()));
    let of = |list: &VerifiedRevocationList| ListCommitment::of(list).unwrap();
    assert_eq!((of(&applied).root, of(&applied).entries), (of(&complete).root, of(&complete).entries));
}

#[test]
fn a_delta_is_never_a_complete_list_nor_the_other_way_round() {
    assert_eq!(delta(1, 2).read().unwrap_err(), CrlError::DeltaUnsupported);
    let complete = listing([1], RevocationReason::Superseded);
    assert_eq!(read(&complete).unwrap_err(), CrlError::NotADelta);
    let oid = oid_table::DELTA_CRL_INDICATOR;
    assert_eq!(
        read(&complete.clone().with(oid, false, integer(&[1]))).unwrap_err(),
        CrlError::Extension { oid }
    );
    assert_eq!(read(&complete.with(oid, true, utf8("1"))).unwrap_err(), CrlError::Extension { oid });
}

#[test]
fn a_delta_goes_on_from_the_number_it_names_or_a_later_one() {
    let base = |number| listing([1], RevocationReason::Superseded).numbered(number);
    for (held, from, to) in [(5, 5, 6), (5, 4, 6), (5, 1, 100)] {
        let list = base(held).read().unwrap().apply_delta(&read(&delta(from, to)).unwrap()).unwrap();
        assert_eq!(list.number(), u64::from(to));
    }
    // A gap, the same list again, and a list that is newer than the delta.
    for (held, from, to) in [(5, 6, 7), (5, 5, 5), (5, 3, 4)] {
        does_not_apply(&base(held), &delta(from, to));
    }
    does_not_apply(&base(5), &delta(5, 6).updates(NOW.plus(-HOUR - 1), NOW.plus(DAY)));
}

#[test]
fn a_delta_is_of_the_same_key_and_scope() {
    let base = listing([1], RevocationReason::Superseded).numbered(5);
    let of = |authority: &Authority| List {
        authority: authority.clone(),
        ..delta(5, 6).with(oid_table::AUTHORITY_KEY_IDENTIFIER, false, authority.key_identifier())
    };
    assert!(base.read().unwrap().apply_delta(&read(&of(&Authority::signature_second())).unwrap()).is_ok());
    does_not_apply(&base, &of(&Authority::signature_first()));
    does_not_apply(&base, &of(&Authority::authentication()));
    let town = |name| partition_name(AuthorityKind::DigitalSignature, name);
    does_not_apply(&base, &delta(5, 6).partition(&town("Kiyose-shi")));
    does_not_apply(&base.clone().partition(&town("Kiyose-shi")), &delta(5, 6));
    does_not_apply(&base.clone().partition(&town("Kiyose-shi")), &delta(5, 6).partition(&town("Chiyoda-ku")));
    let (base, delta) = (base.partition(&town("Kiyose-shi")), delta(5, 6).partition(&town("Kiyose-shi")));
    assert!(base.read().unwrap().apply_delta(&read(&delta).unwrap()).is_ok());
}

#[test]
fn a_delta_is_read_as_strictly_as_a_list() {
    let stranger = Authority::of(AuthorityKind::DigitalSignature, crate::support::Key::Stranger, &[1], NOW);
    let foreign = List { authority: stranger.clone(), ..delta(1, 2) }.with(
        oid_table::AUTHORITY_KEY_IDENTIFIER,
        false,
        stranger.key_identifier(),
    );
    assert_eq!(read(&foreign).unwrap_err(), CrlError::UnknownIssuer);
    let twice = delta(1, 2).entry(entry(&[9], NOW, RevocationReason::Superseded)).entry(entry_with(
        &[9],
        NOW,
        &[reason(8)],
    ));
    assert_eq!(read(&twice).unwrap_err(), CrlError::DuplicateEntry);
    let unknown = delta(1, 2).entry(entry_with(&[9], NOW, &[reason(7)]));
    assert_eq!(read(&unknown).unwrap_err(), CrlError::Reason { code: 7 });
    let mut changed = delta(1, 2).der();
    *changed.last_mut().unwrap() ^= 1;
    let error = VerifiedDeltaList::parse_and_verify(&changed, &anchors(), MAX_LIST_BYTES).unwrap_err();
    assert_eq!(error, CrlError::BadSignature);
}

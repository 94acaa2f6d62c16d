//! Hostile lists: whatever arrives, nothing panics, and nothing that was changed counts.

use super::*;

fn revoking() -> Crl {
    Crl::new()
        .with(oid::AUTHORITY_KEY_IDENTIFIER, false, seq(&[&ctx_bytes(0, b"authority")]))
        .indirect()
        .listing(entry_of(&[2, 1, 5], NOW.plus(-DAY), &[]))
        .listing(entry(NOW.plus(-DAY), KEY_COMPROMISE))
}

#[test]
fn no_changed_byte_makes_a_revoked_certificate_good() {
    let list = revoking().der();
    let mut case = Case::new(&[]);
    for at in 0..list.len() {
        for bit in 0..8 {
            let mut changed = list.clone();
            changed[at] ^= 1 << bit;
            case.lists = vec![changed];
            assert!(matches!(case.status(), Status::Unknown(_)), "byte {at} bit {bit}");
        }
    }
}

#[test]
fn no_part_of_a_list_is_a_list() {
    let list = revoking().der();
    for length in 0..list.len() {
        assert_eq!(List::parse(&list[..length], list.len()).err(), Some(Unusable::Malformed));
    }
    let longer = [&list[..], &[0]].concat();
    assert_eq!(List::parse(&longer, longer.len()).err(), Some(Unusable::Malformed));
}

#[test]
fn entries_are_read_to_the_last_even_if_they_are_damaged_by_the_issuer() {
    let content = revoking().entries.concat();
    for length in 1..content.len() {
        let list = Crl { entries: vec![content[..length].to_vec()], ..revoking() };
        let status = Case::new(&[list]).status();
        assert!(!matches!(status, Status::Revoked { .. }), "{length}");
        // The first entry alone is a list in which the certificate is not named.
        assert_eq!(matches!(status, Status::Good { .. }), length == revoking().entries[0].len(), "{length}");
    }
}

#[test]
fn a_longer_list_than_allowed_is_not_read() {
    let list = Crl::new().der();
    assert_eq!(List::parse(&list, list.len() - 1).err(), Some(Unusable::TooMuchWork));
    assert!(List::parse(&list, list.len()).is_ok());
}

#[test]
fn an_unknown_critical_extension_makes_the_list_unusable_for_all() {
    let unknown = ObjectIdentifier::new_unwrap("1.2.3.4");
    let list = Crl::new().with(unknown, true, vec![5, 0]).listing(entry(NOW.plus(-DAY), KEY_COMPROMISE));
    Case::new(&[list]).is_unknown(Unusable::UnknownCritical);
    Case::new(&[Crl::new().with(unknown, false, vec![5, 0])]).is_good_by(0);
    let of_entry = |critical| {
        let other = entry_of(&[2, 1, 5], NOW.plus(-DAY), &[extension(unknown, critical, &[5, 0])]);
        Case::new(&[Crl::new().listing(entry(NOW.plus(-DAY), KEY_COMPROMISE)).listing(other)])
    };
    of_entry(true).is_unknown(Unusable::UnknownCritical);
    of_entry(false).is_revoked(NOW.plus(-DAY), RevocationReason::KeyCompromise);
}

#[test]
fn what_der_and_the_profile_do_not_allow_is_refused() {
    let at = NOW.plus(-DAY);
    let listing = |entry: Vec<u8>| Crl::new().listing(entry);
    let twice = |extension: Vec<u8>| entry_of(&[2, 1, 5], at, &[extension.clone(), extension]);
    for list in [
        // The certificate twice.
        listing(entry(at, SUPERSEDED)).listing(entry(at, SUPERSEDED)),
        // A serial number in more octets than it has, in none, in too many.
        listing(entry_of(&[2, 2, 0, 5], at, &[])),
        listing(entry_of(&[2, 0], at, &[])),
        listing(entry_of(&[&[2, 22][..], &[1; 22]].concat(), at, &[])),
        // Reasons that there are none, in the wrong type, in two octets, twice.
        listing(entry(at, 7)),
        listing(entry(at, 11)),
        listing(entry_of(&[2, 1, 5], at, &[extension(oid::REASON_CODE, false, &[2, 1, 1])])),
        listing(entry_of(&[2, 1, 5], at, &[extension(oid::REASON_CODE, false, &[0x0A, 2, 0, 1])])),
        listing(twice(reason_code(1))),
        // Extensions that are none; more after them.
        listing(seq(&[&[2, 1, 5], &utc_time(at), &seq(&[])])),
        listing(seq(&[&[2, 1, 5], &utc_time(at), &seq(&[&reason_code(1)]), &[5, 0]])),
        // No entries, but a list of them.
        Crl { entries: vec![Vec::new()], ..Crl::new() },
        // A period that ends before it begins.
        Crl::new().period(NOW, NOW),
        // A distribution point that says nothing, or says FALSE.
        Crl::new().point(&[]),
        Crl::new().point(&ctx_bytes(4, &[0])),
        // A number that is negative, or longer than 20 octets.
        Crl::new().with(oid::CRL_NUMBER, false, vec![2, 1, 0xFF]),
        Crl::new().with(oid::CRL_NUMBER, false, integer(&[1; 21])),
    ] {
        Case::new(&[list]).is_unknown(Unusable::Malformed);
    }
}

#[test]
fn the_algorithm_that_was_signed_is_the_algorithm_that_is_used() {
    let tbs = Crl::new().tbs();
    let outer = seq(&[&oid(oid::ECDSA_WITH_SHA256)]);
    let list = seq(&[&tbs, &outer, &bits(&signer(CA_KEY).sign(&tbs))]);
    Case { lists: vec![list], ..Case::new(&[]) }.is_unknown(Unusable::Malformed);
}

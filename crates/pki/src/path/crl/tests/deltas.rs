//! Delta lists (RFC 5280 5.2.4, 6.3.3 (c), (h) to (k)), and holds.

use super::*;

fn base() -> Crl {
    Crl::new().numbered(10)
}

/// A delta list to number 10, newer than the complete one.
fn delta() -> Crl {
    Crl::new().numbered(12).delta_to(10).period(NOW.plus(-60), NOW.plus(HOUR))
}

const AT: UnixTime = UnixTime(NOW.0 - DAY);

#[test]
fn a_delta_list_brings_its_base_up_to_date() {
    Case::new(&[base(), delta()]).is_good_by(1);
    Case::new(&[base(), delta().listing(entry(AT, KEY_COMPROMISE))])
        .is_revoked(AT, RevocationReason::KeyCompromise);
    Case::new(&[base().listing(entry(AT, SUPERSEDED)), delta()]).is_revoked(AT, RevocationReason::Superseded);
    // From hold to revoked for good.
    let at = NOW.plus(-HOUR);
    Case::new(&[base().listing(entry(AT, HOLD)), delta().listing(entry(at, KEY_COMPROMISE))])
        .is_revoked(at, RevocationReason::KeyCompromise);
}

#[test]
fn a_hold_is_revoked_until_a_delta_list_removes_it() {
    let held = base().listing(entry(AT, HOLD));
    Case::new(&[held.clone()]).is_revoked(AT, RevocationReason::CertificateHold);
    Case::new(&[held.clone(), delta()]).is_revoked(AT, RevocationReason::CertificateHold);
    Case::new(&[held.clone(), delta().listing(entry(AT, REMOVE))]).is_good_by(1);
    Case::new(&[held, delta().listing(entry(AT, HOLD))]).is_revoked(AT, RevocationReason::CertificateHold);
}

#[test]
fn remove_from_crl_ends_a_hold_and_nothing_else() {
    let revoked = base().listing(entry(AT, KEY_COMPROMISE));
    Case::new(&[revoked, delta().listing(entry(AT, REMOVE))]).is_revoked(AT, RevocationReason::KeyCompromise);
}

#[test]
fn remove_from_crl_has_no_place_in_a_complete_list() {
    Case::new(&[base().listing(entry(AT, REMOVE))]).is_unknown(Unusable::Malformed);
}

#[test]
fn a_delta_list_alone_revokes_but_does_not_clear() {
    Case::new(&[delta()]).is_unknown(Unusable::NotCovering);
    Case::new(&[delta().listing(entry(AT, REMOVE))]).is_unknown(Unusable::NotCovering);
    Case::new(&[delta().listing(entry(AT, SUPERSEDED))]).is_revoked(AT, RevocationReason::Superseded);
}

/// A base that is out of its period, so that everything depends on the delta list.
fn old_base() -> Crl {
    base().period(NOW.plus(-9 * DAY), NOW.plus(-8 * DAY))
}

#[test]
fn a_base_may_be_out_of_its_period_if_its_delta_list_is_not() {
    Case::new(&[old_base()]).is_unknown(Unusable::Stale);
    Case::new(&[old_base(), delta()]).is_good_by(1);
    Case::new(&[old_base(), delta().period(NOW.plus(-7 * DAY), NOW.plus(-6 * DAY))])
        .is_unknown(Unusable::Stale);
    Case::new(&[old_base().listing(entry(AT, SUPERSEDED)), delta()])
        .is_revoked(AT, RevocationReason::Superseded);
}

#[test]
fn a_delta_list_fits_only_the_bases_that_it_names() {
    Case::new(&[old_base().numbered(9), delta()]).is_unknown(Unusable::Stale);
    Case::new(&[old_base().numbered(11), delta()]).is_good_by(1);
    Case::new(&[old_base().numbered(12), delta()]).is_unknown(Unusable::Stale);
    let mut unnumbered = old_base();
    unnumbered.extensions.clear();
    Case::new(&[unnumbered, delta()]).is_unknown(Unusable::Stale);
    // Issued after its delta list: no base of it.
    let later = base().period(NOW.plus(-30), NOW.plus(-20));
    Case::new(&[later, delta()]).is_unknown(Unusable::Stale);
}

#[test]
fn numbers_are_compared_as_numbers() {
    let number = |bytes: &[u8]| integer(bytes);
    let old = old_base().with(oid::CRL_NUMBER, false, number(&[0xFF]));
    let new = delta().delta_to(10).with(oid::CRL_NUMBER, false, number(&[0x01, 0x00]));
    Case::new(&[old, new]).is_good_by(1);
}

#[test]
fn base_and_delta_list_have_one_scope_one_key_identifier_and_one_key() {
    let point = full_name(&directory(CA));
    let key_id = |id: &[u8]| seq(&[&ctx_bytes(0, id)]);
    let with_id = |list: Crl, id| list.with(oid::AUTHORITY_KEY_IDENTIFIER, false, key_id(id));
    Case::new(&[old_base().point(&point), delta().point(&point)]).is_good_by(1);
    Case::new(&[old_base(), delta().point(&point)]).is_unknown(Unusable::Stale);
    Case::new(&[old_base().point(&point), delta()]).is_unknown(Unusable::Stale);
    Case::new(&[with_id(old_base(), b"a"), with_id(delta(), b"a")]).is_good_by(1);
    Case::new(&[with_id(old_base(), b"a"), with_id(delta(), b"b")]).is_unknown(Unusable::Stale);
    Case::new(&[with_id(old_base(), b"a"), delta()]).is_unknown(Unusable::Stale);
    let new_generation = Certificate::of(CA, NEW_KEY);
    Case::new(&[old_base(), delta().by(CA, NEW_KEY)])
        .candidate(new_generation, true)
        .is_unknown(Unusable::NotCovering);
}

#[test]
fn a_forged_base_does_not_stand_in_the_way_of_the_real_one() {
    let forged = old_base().numbered(11).by(CA, STRANGER_KEY);
    Case::new(&[forged, old_base(), delta()]).is_good_by(2);
}

#[test]
fn a_newer_list_of_the_same_scope_ends_a_hold() {
    let held = base().listing(entry(AT, HOLD));
    let newer = base().numbered(11).period(NOW.plus(-60), NOW.plus(DAY));
    Case::new(&[held.clone(), newer.clone()]).is_good_by(1);
    Case::new(&[newer.clone(), held.clone()]).is_good_by(0);
    // Two lists of one second have an order by their numbers.
    Case::new(&[held.clone(), base().numbered(11)]).is_good_by(1);
    Case::new(&[held.clone(), base().numbered(9)]).is_revoked(AT, RevocationReason::CertificateHold);
    // Another scope does not know of the hold.
    Case::new(&[held.clone(), newer.clone().point(&full_name(&directory(CA)))])
        .is_revoked(AT, RevocationReason::CertificateHold);
    // An unsigned one says nothing.
    Case::new(&[held, newer.by(CA, STRANGER_KEY)]).is_revoked(AT, RevocationReason::CertificateHold);
}

#[test]
fn a_delta_list_needs_a_number() {
    let mut unnumbered = delta().listing(entry(AT, SUPERSEDED));
    unnumbered.extensions.retain(|(id, ..)| *id != oid::CRL_NUMBER);
    Case::new(&[unnumbered]).is_unknown(Unusable::Malformed);
}

//! Of which certificates and reasons a list speaks (RFC 5280 6.3.3 (b), (d), (e), (i), (j)).

use super::*;

#[test]
fn a_fresh_list_of_the_issuer_that_is_silent_is_good() {
    Case::new(&[Crl::new()]).is_good_by(0);
}

#[test]
fn without_a_list_nothing_is_known() {
    assert_eq!(Case::new(&[]).status(), Status::Unknown(Vec::new()));
}

#[test]
fn a_listed_certificate_is_revoked_with_date_and_reason() {
    let at = NOW.plus(-DAY);
    for reason in (0..=10).filter_map(RevocationReason::from_code) {
        Case::new(&[Crl::new().listing(entry(at, reason.code()))]).is_revoked(at, reason);
    }
    let bare = Crl::new().listing(entry_of(&[2, 1, 0x2A], at, &[]));
    Case::new(&[bare]).is_revoked(at, RevocationReason::Unspecified);
}

#[test]
fn a_revocation_wins_whatever_the_order_of_the_lists() {
    let at = NOW.plus(-DAY);
    let revoking = Crl::new().listing(entry(at, KEY_COMPROMISE));
    let silent = Crl::new().numbered(11).period(NOW.plus(-60), NOW.plus(DAY));
    Case::new(&[revoking.clone(), silent.clone()]).is_revoked(at, RevocationReason::KeyCompromise);
    Case::new(&[silent, revoking]).is_revoked(at, RevocationReason::KeyCompromise);
}

#[test]
fn only_the_exact_serial_number_is_meant() {
    let minus_one = Certificate { serial: vec![2, 1, 0xFF], ..Certificate::of("Holder", 7) };
    let listing = |serial: &[u8]| Crl::new().listing(entry_of(serial, NOW.plus(-DAY), &[]));
    Case::about(minus_one.clone(), &[listing(&[2, 2, 0, 0xFF])]).is_good_by(0);
    Case::about(minus_one, &[listing(&[2, 1, 0xFF])])
        .is_revoked(NOW.plus(-DAY), RevocationReason::Unspecified);
    let long = [&[2, 20, 0x7F][..], &[0xAB; 19]].concat();
    let long_certificate = Certificate { serial: long.clone(), ..Certificate::of("Holder", 7) };
    Case::about(long_certificate.clone(), &[listing(&[&[2, 20, 0x7F][..], &[0xAB; 18], &[0xAC]].concat())])
        .is_good_by(0);
    Case::about(long_certificate, &[listing(&long)])
        .is_revoked(NOW.plus(-DAY), RevocationReason::Unspecified);
}

#[test]
fn a_list_of_another_issuer_says_nothing() {
    let other = Crl::new().by(OTHER, CA_KEY).listing(entry(NOW.plus(-DAY), KEY_COMPROMISE));
    Case::new(&[other]).is_unknown(Unusable::NotCovering);
}

#[test]
fn names_that_differ_in_case_and_spaces_are_the_same_issuer() {
    Case::new(&[Crl::new().by("  AUTHORITY ", CA_KEY)]).is_good_by(0);
}

#[test]
fn version_1_is_read_but_has_no_extensions() {
    let version_1 = Crl { version: Vec::new(), extensions: Vec::new(), ..Crl::new() };
    Case::new(&[version_1.clone()]).is_good_by(0);
    let listing = version_1.clone().listing(entry_of(&[2, 1, 0x2A], NOW.plus(-DAY), &[]));
    Case::new(&[listing]).is_revoked(NOW.plus(-DAY), RevocationReason::Unspecified);
    Case::new(&[version_1.clone().numbered(1)]).is_unknown(Unusable::Malformed);
    Case::new(&[version_1.listing(entry(NOW.plus(-DAY), HOLD))]).is_unknown(Unusable::Malformed);
    Case::new(&[Crl { version: integer(&[2]), ..Crl::new() }]).is_unknown(Unusable::Malformed);
}

#[test]
fn a_partition_counts_only_where_a_distribution_point_leads_to_it() {
    let at = |text: &str| Certificate::of("Holder", 7).points(&[full_name(&directory(text))]);
    let partition = Crl::new().point(&full_name(&directory("North")));
    Case::about(at("North"), &[partition.clone()]).is_good_by(0);
    Case::about(at("South"), &[partition.clone()]).is_unknown(Unusable::NotCovering);
    Case::new(&[partition]).is_unknown(Unusable::NotCovering);
    // A list without a point of its own is for every certificate of its issuer.
    Case::about(at("South"), &[Crl::new()]).is_good_by(0);
    // One of several names is enough.
    let several = Crl::new().point(&full_name(&[directory("East"), directory("South")].concat()));
    Case::about(at("South"), &[several]).is_good_by(0);
}

#[test]
fn a_relative_name_is_appended_to_the_name_of_the_lists_issuer() {
    let whole = name(&[(oid::COUNTRY_NAME, "JP"), (oid::COMMON_NAME, CA), (oid::COMMON_NAME, "North")]);
    let relative = relative_name("North");
    let full = full_name(&ctx(4, &whole));
    for (of_certificate, of_list) in [(&relative, &full), (&full, &relative), (&relative, &relative)] {
        let certificate = Certificate::of("Holder", 7).points(&[of_certificate.clone()]);
        Case::about(certificate, &[Crl::new().point(of_list)]).is_good_by(0);
    }
    let other = Certificate::of("Holder", 7).points(&[relative_name("South")]);
    Case::about(other, &[Crl::new().point(&relative)]).is_unknown(Unusable::NotCovering);
}

#[test]
fn a_list_for_one_kind_of_certificate_says_nothing_of_others() {
    let holder = Certificate::of("Holder", 7);
    let authority = Certificate::of("Holder", 7).authority();
    let only = |field| Crl::new().point(&ctx_bytes(field, TRUE));
    Case::about(holder.clone(), &[only(1)]).is_good_by(0);
    Case::about(authority.clone(), &[only(1)]).is_unknown(Unusable::NotCovering);
    Case::about(holder.clone(), &[only(2)]).is_unknown(Unusable::NotCovering);
    Case::about(authority.clone(), &[only(2)]).is_good_by(0);
    Case::about(holder.clone(), &[only(5)]).is_unknown(Unusable::NotCovering);
    Case::about(authority, &[only(5)]).is_unknown(Unusable::NotCovering);
    let two = Crl::new().point(&[ctx_bytes(1, TRUE), ctx_bytes(2, TRUE)].concat());
    Case::about(holder, &[two]).is_unknown(Unusable::Malformed);
}

#[test]
fn lists_for_some_reasons_add_up_to_all_or_to_nothing() {
    let compromise = Crl::new().point(&reason_flags(3, &[1, 2]));
    let others = Crl::new().point(&reason_flags(3, &[3, 4, 5, 6, 7, 8]));
    let fewer = Crl::new().point(&reason_flags(3, &[3, 4, 5, 6, 7]));
    Case::new(&[compromise.clone()]).is_unknown(Unusable::SomeReasonsOnly);
    Case::new(&[compromise.clone(), fewer]).is_unknown(Unusable::SomeReasonsOnly);
    Case::new(&[compromise.clone(), others.clone()]).is_good_by(1);
    let at = NOW.plus(-DAY);
    let revoking = compromise.listing(entry(at, KEY_COMPROMISE));
    Case::new(&[revoking.clone()]).is_revoked(at, RevocationReason::KeyCompromise);
    Case::new(&[others, revoking]).is_revoked(at, RevocationReason::KeyCompromise);
}

#[test]
fn a_distribution_point_for_some_reasons_limits_what_its_list_says() {
    let point = |reasons: &[u8]| [full_name(&directory("North")), reason_flags(1, reasons)].concat();
    let list = Crl::new().point(&full_name(&directory("North")));
    let some = Certificate::of("Holder", 7).points(&[point(&[1, 2])]);
    Case::about(some, &[list.clone()]).is_unknown(Unusable::SomeReasonsOnly);
    let all = Certificate::of("Holder", 7).points(&[point(&[1, 2]), point(&[3, 4, 5, 6, 7, 8])]);
    Case::about(all, &[list]).is_good_by(0);
}

/// The certificate whose lists another issuer signs, and that issuer.
fn delegated(points: &[u8]) -> Case {
    let certificate = Certificate::of("Holder", 7).points(&[[points, &ctx(2, &directory(OTHER))].concat()]);
    Case::about(certificate, &[]).candidate(Certificate::of(OTHER, OTHER_KEY), true)
}

fn with_list(case: &Case, list: &Crl) -> Case {
    Case { lists: vec![list.der()], ..case.clone() }
}

#[test]
fn an_indirect_list_counts_for_whoever_delegated_to_its_issuer() {
    let list = Crl::new().by(OTHER, OTHER_KEY);
    with_list(&delegated(&[]), &list.clone().indirect()).is_good_by(0);
    // Without its own statement to be indirect it is about its issuer's certificates.
    with_list(&delegated(&[]), &list).is_unknown(Unusable::NotCovering);
    // Nobody delegated to it.
    let nobody = Case::new(&[list.indirect()]).candidate(Certificate::of(OTHER, OTHER_KEY), true);
    nobody.is_unknown(Unusable::NotCovering);
}

#[test]
fn the_name_of_an_indirect_lists_point_may_be_that_of_its_issuer() {
    let list = |text: &str| {
        Crl::new().by(OTHER, OTHER_KEY).point(&[full_name(&directory(text)), ctx_bytes(4, TRUE)].concat())
    };
    with_list(&delegated(&[]), &list(OTHER)).is_good_by(0);
    with_list(&delegated(&[]), &list("North")).is_unknown(Unusable::NotCovering);
    with_list(&delegated(&full_name(&directory("North"))), &list("North")).is_good_by(0);
    with_list(&delegated(&relative_name("North")), &list("North")).is_unknown(Unusable::NotCovering);
}

#[test]
fn entries_of_an_indirect_list_belong_to_the_issuer_last_named() {
    let at = NOW.plus(-DAY);
    let serial = [2, 1, 0x2A];
    let list = Crl::new().by(OTHER, OTHER_KEY).indirect();
    // Of the list's own issuer, until another is named.
    let own = list.clone().listing(entry(at, SUPERSEDED));
    with_list(&delegated(&[]), &own).is_good_by(0);
    let named_at_it = own.clone().listing(entry_of(&serial, at, &[reason_code(1), certificate_issuer(CA)]));
    with_list(&delegated(&[]), &named_at_it).is_revoked(at, RevocationReason::KeyCompromise);
    let named_before = own
        .clone()
        .listing(entry_of(&[2, 1, 5], at, &[certificate_issuer(CA)]))
        .listing(entry_of(&[2, 1, 6], at, &[]))
        .listing(entry(at, SUPERSEDED));
    with_list(&delegated(&[]), &named_before).is_revoked(at, RevocationReason::Superseded);
    let named_away = own
        .listing(entry_of(&[2, 1, 5], at, &[certificate_issuer(CA)]))
        .listing(entry_of(&[2, 1, 6], at, &[certificate_issuer("Third")]))
        .listing(entry(at, SUPERSEDED));
    with_list(&delegated(&[]), &named_away).is_good_by(0);
}

#[test]
fn a_direct_list_names_no_other_issuer() {
    let list = Crl::new().listing(entry_of(&[2, 1, 5], NOW.plus(-DAY), &[certificate_issuer(OTHER)]));
    Case::new(&[list]).is_unknown(Unusable::Malformed);
}

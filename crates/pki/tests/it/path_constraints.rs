//! What certificates of a path say of each other: basic constraints, key usage, policies, name constraints, critical
//! extensions. PKITS has the ordinary cases; here stand those that it has not.

use const_oid::ObjectIdentifier;
use musubi_pki::oid;
use musubi_pki::{ReasonCode, SubIndication};

use crate::path_support::*;
use crate::support::der::*;

fn ca() -> Cert {
    Cert::authority("CA", 2)
}

fn leaf() -> Cert {
    Cert::leaf("Leaf", 3)
}

#[test]
fn an_authority_of_a_version_that_cannot_say_so_is_none() {
    let mut old = Cert::leaf("CA", 2);
    old.version = 1;
    PathCase::chain(leaf(), old).breaks("path.basic_constraints");
    // A leaf may be as old.
    let mut old = leaf();
    old.version = 1;
    PathCase::chain(old, ca()).passes();
}

#[test]
fn self_issued_authorities_do_not_count_for_the_path_length() {
    let case = |top: Cert| {
        let renewed = Cert::authority("CA", 4).by("CA", 2);
        PathCase::of(&leaf().by("CA", 4), &[renewed, top.by("Root", 1)], &[Cert::authority("Root", 1)])
    };
    case(ca().with_path_length(0)).passes();
    let other = |top: Cert| {
        let below = Cert::authority("Other", 4).by("CA", 2);
        PathCase::of(&leaf().by("Other", 4), &[below, top.by("Root", 1)], &[Cert::authority("Root", 1)])
    };
    other(ca().with_path_length(0)).breaks("path.basic_constraints");
    other(ca().with_path_length(1)).passes();
}

#[test]
fn critical_extensions_that_are_not_understood_are_refused_anywhere() {
    let unknown = ObjectIdentifier::new_unwrap("1.2.392.200149.9.9");
    let with = |certificate: Cert, critical| certificate.with(unknown, critical, vec![5, 0]);
    PathCase::chain(with(leaf(), false), with(ca(), false)).passes();
    PathCase::chain(with(leaf(), true), ca()).breaks("path.critical_extensions");
    PathCase::chain(leaf(), with(ca(), true)).breaks("path.critical_extensions");
}

#[test]
fn an_empty_issuer_name_chains_to_nothing() {
    let mut nameless = Cert::authority("Root", 1);
    nameless.subject = seq(&[]);
    let mut below = leaf();
    below.issuer = seq(&[]);
    below.signed_with = 1;
    PathCase::of(&below, &[], &[nameless]).breaks("path.names");
}

fn policy(n: usize) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(&format!("1.3.6.1.4.1.99999.{n}"))
}

fn policies(ids: impl IntoIterator<Item = ObjectIdentifier>) -> Vec<u8> {
    let list: Vec<u8> = ids.into_iter().flat_map(|id| seq(&[&oid(id)])).collect();
    seq(&[&list])
}

fn mappings(pairs: impl IntoIterator<Item = (usize, usize)>) -> Vec<u8> {
    let list: Vec<u8> =
        pairs.into_iter().flat_map(|(from, to)| seq(&[&oid(policy(from)), &oid(policy(to))])).collect();
    seq(&[&list])
}

#[test]
fn the_user_constrained_policies_are_told() {
    let under = |ids: &[usize]| policies(ids.iter().map(|n| policy(*n)));
    let mut case = PathCase::chain(
        leaf().with(oid::CERTIFICATE_POLICIES, false, under(&[2, 3])),
        ca().with(oid::CERTIFICATE_POLICIES, false, under(&[1, 3, 4])).with(
            oid::POLICY_MAPPINGS,
            true,
            mappings([(1, 2), (4, 5)]),
        ),
    );
    assert_eq!(case.passes().policies, [policy(1), policy(3)]);
    case.policy.initial_policy_set = vec![policy(1), policy(9)];
    case.policy.explicit_policy = true;
    assert_eq!(case.passes().policies, [policy(1)]);
    case.policy.initial_policy_set = vec![policy(2)];
    assert!(case.breaks("path.policies").policies.is_empty());
    case.policy.initial_policy_set = vec![policy(1)];
    case.policy.inhibit_policy_mapping = true;
    case.breaks("path.policies");
}

#[test]
fn any_policy_of_every_certificate_stands_for_each_policy_that_is_asked_for() {
    let any =
        |certificate: Cert| certificate.with(oid::CERTIFICATE_POLICIES, false, policies([oid::ANY_POLICY]));
    let mut case = PathCase::chain(any(leaf()), any(ca()));
    assert_eq!(case.passes().policies, [oid::ANY_POLICY]);
    case.policy.initial_policy_set = vec![policy(1)];
    case.policy.explicit_policy = true;
    assert_eq!(case.passes().policies, [policy(1)]);
    case.policy.inhibit_any_policy = true;
    case.breaks("path.policies");
}

/// Authorities that map every policy to every other, as the tree of RFC 5280 could not bear (CVE-2023-0464).
fn policy_bomb(layers: u16, width: usize) -> PathCase {
    let all = || policies((0..width).map(policy));
    let pairs: Vec<(usize, usize)> =
        (0..width).flat_map(|from| (0..width).map(move |to| (from, to))).collect();
    let mut chain = Vec::new();
    for n in 0..layers {
        let issuer =
            if n + 1 == layers { ("Root".to_owned(), 1) } else { (format!("CA {}", n + 1), 101 + n) };
        chain.push(
            Cert::authority(&format!("CA {n}"), 100 + n)
                .by(&issuer.0, issuer.1)
                .with(oid::CERTIFICATE_POLICIES, true, all())
                .with(oid::POLICY_MAPPINGS, true, mappings(pairs.iter().copied())),
        );
    }
    let leaf = leaf().by("CA 0", 100).with(oid::CERTIFICATE_POLICIES, true, all());
    PathCase::of(&leaf, &chain, &[Cert::authority("Root", 1)])
}

#[test]
fn a_policy_tree_that_would_explode_is_a_small_graph() {
    let mut case = policy_bomb(12, 20);
    case.policy.explicit_policy = true;
    let judgement = case.passes();
    assert_eq!(judgement.policies.len(), 20);
    // 12 levels of at most 20 nodes with 20 parents each, looked at three times.
    assert!(judgement.work.policy_and_name_steps < 25_000, "{:?}", judgement.work);
}

#[test]
fn policy_processing_ends_within_the_budget() {
    let mut case = policy_bomb(12, 20);
    case.policy.budget.max_policy_and_name_steps = 5_000;
    let judgement =
        case.fails(SubIndication::CertificateChainGeneralFailure, ReasonCode::TooComplex, &["path.budget"]);
    assert!(judgement.work.policy_and_name_steps <= 5_000);
}

// -- name constraints

/// `nameConstraints` with these bases, `GeneralName`s in DER.
fn constraints(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
    let trees = |number, bases: &[Vec<u8>]| {
        if bases.is_empty() {
            Vec::new()
        } else {
            ctx(number, &bases.iter().flat_map(|base| seq(&[base])).collect::<Vec<u8>>())
        }
    };
    seq(&[&trees(0, permitted), &trees(1, excluded)])
}

fn dns(name: &str) -> Vec<u8> {
    ctx_bytes(2, name.as_bytes())
}

fn mail(name: &str) -> Vec<u8> {
    ctx_bytes(1, name.as_bytes())
}

fn uri(name: &str) -> Vec<u8> {
    ctx_bytes(6, name.as_bytes())
}

fn ip(bytes: &[u8]) -> Vec<u8> {
    ctx_bytes(7, bytes)
}

fn directory(name: &[u8]) -> Vec<u8> {
    ctx(4, name)
}

fn other(id: &str, text: &str) -> Vec<u8> {
    ctx(0, &[oid_text(id), ctx(0, &utf8(text))].concat())
}

/// A leaf with this name under an authority with these constraints.
fn case(permitted: &[Vec<u8>], excluded: &[Vec<u8>], name: &[u8]) -> PathCase {
    let authority = ca().with(oid::NAME_CONSTRAINTS, true, constraints(permitted, excluded));
    PathCase::chain(leaf().named(&[name.to_vec()]), authority)
}

/// Every name of the first list passes, every one of the second is refused.
#[track_caller]
fn permits(permitted: &[Vec<u8>], excluded: &[Vec<u8>], passing: &[Vec<u8>], refused: &[Vec<u8>]) {
    for name in passing {
        case(permitted, excluded, name).passes();
    }
    for name in refused {
        case(permitted, excluded, name).breaks("path.name_constraints");
    }
}

#[test]
fn dns_names_stand_under_their_domain() {
    let passing = ["example.jp", "EXAMPLE.jp", "www.example.jp", "a.b.example.jp", "*.example.jp"].map(dns);
    let refused =
        ["example.com", "badexample.jp", "jp", "", "www..example.jp", "*.jp", "w*.example.jp"].map(dns);
    permits(&[dns("example.jp")], &[], &passing, &refused);
    // With a leading dot only what is under it is permitted, and itself is excluded too.
    permits(&[dns(".example.jp")], &[], &[dns("www.example.jp")], &[dns("example.jp")]);
    permits(&[], &[dns(".example.jp")], &[dns("example.com")], &[dns("example.jp"), dns("www.example.jp")]);
    permits(&[dns("")], &[], &[dns("example.com")], &[]);
}

#[test]
fn a_wildcard_that_could_stand_for_an_excluded_host_is_refused() {
    permits(
        &[],
        &[dns("secret.example.jp")],
        &[dns("*.example.com"), dns("www.example.jp"), dns("*.www.example.jp")],
        &[dns("*.example.jp"), dns("*.secret.example.jp"), dns("secret.example.jp")],
    );
}

#[test]
fn mail_addresses_are_of_a_mailbox_a_host_or_a_domain() {
    permits(
        &[mail("a@example.jp")],
        &[],
        &[mail("a@EXAMPLE.jp")],
        &["A@example.jp", "b@example.jp"].map(mail),
    );
    permits(
        &[mail("example.jp")],
        &[],
        &[mail("a@example.jp")],
        &["a@www.example.jp", "a@", "example.jp"].map(mail),
    );
    permits(&[mail(".example.jp")], &[], &[mail("a@www.example.jp")], &[mail("a@example.jp")]);
    // What excludes a mailbox excludes it in any case.
    permits(&[], &[mail("a@example.jp")], &[mail("b@example.jp")], &[mail("A@example.jp")]);
}

#[test]
fn a_mail_address_in_the_subject_counts_as_one() {
    let authority = ca().with(oid::NAME_CONSTRAINTS, true, constraints(&[mail("example.jp")], &[]));
    let with_address = |address: &str| {
        let mut leaf = leaf();
        let value = tlv(0x16, address.as_bytes());
        leaf.subject = seq(&[&tlv(0x31, &seq(&[&oid(oid::EMAIL_ADDRESS), &value]))]);
        PathCase::chain(leaf, authority.clone())
    };
    with_address("a@example.jp").passes();
    with_address("a@example.com").breaks("path.name_constraints");
}

#[test]
fn uris_are_compared_by_their_host_and_one_without_a_name_for_it_is_refused() {
    let passing = ["https://example.jp/x", "https://u:p@EXAMPLE.jp:8443?x", "ftp://example.jp#x"].map(uri);
    let refused = [
        "https://www.example.jp/",
        "urn:example.jp",
        "https://192.0.2.1/",
        "https://[2001:db8::1]/",
        "mailto:a@example.jp",
        "https:///x",
    ]
    .map(uri);
    permits(&[uri("example.jp")], &[], &passing, &refused);
    permits(&[uri(".example.jp")], &[], &[uri("https://www.example.jp/")], &[uri("https://example.jp/")]);
    permits(
        &[],
        &[uri("example.jp")],
        &[uri("https://example.com/")],
        &[uri("https://example.jp/"), uri("urn:x")],
    );
}

#[test]
fn addresses_are_compared_under_their_mask() {
    let v4 = ip(&[192, 0, 2, 0, 255, 255, 255, 128]);
    let v6 = ip(&[[0x20, 1, 0xD, 0xB8].as_slice(), &[0; 12], &[255; 4], &[0; 12]].concat());
    let six = |last: u8| ip(&[[0x20, 1, 0xD, 0xB8].as_slice(), &[0; 11], &[last]].concat());
    permits(
        std::slice::from_ref(&v4),
        &[],
        &[ip(&[192, 0, 2, 127])],
        &[ip(&[192, 0, 2, 128]), six(1), ip(&[192, 0, 2]), ip(&[])],
    );
    permits(&[v4, v6.clone()], &[], &[ip(&[192, 0, 2, 1]), six(9)], &[ip(&[10, 0, 0, 1])]);
    permits(&[], &[v6], &[ip(&[192, 0, 2, 1])], &[six(9)]);
    // A mask with holes, or of another length, is not understood.
    for wrong in [&[192, 0, 2, 0, 255, 0, 255, 0][..], &[192, 0, 2, 0, 255, 253, 0, 0], &[192, 0, 2, 0], &[]]
    {
        permits(&[], &[ip(wrong)], &[], &[ip(&[10, 0, 0, 1])]);
    }
}

#[test]
fn directory_names_stand_under_their_prefix_whatever_their_encoding() {
    let rdn =
        |tag: u8, text: &str| tlv(0x31, &seq(&[&oid(oid::ORGANIZATION_NAME), &tlv(tag, text.as_bytes())]));
    let unit = tlv(0x31, &seq(&[&oid(oid::ORGANIZATIONAL_UNIT_NAME), &utf8("Unit")]));
    let authority = ca().with(
        oid::NAME_CONSTRAINTS,
        true,
        constraints(&[directory(&seq(&[&rdn(0x0C, "Kiyose  City")]))], &[]),
    );
    let with_subject = |subject: Vec<u8>| {
        let mut leaf = leaf();
        leaf.subject = subject;
        PathCase::chain(leaf, authority.clone())
    };
    with_subject(seq(&[&rdn(0x13, "KIYOSE CITY"), &unit])).passes();
    with_subject(seq(&[&rdn(0x0C, "Kiyose City")])).passes();
    with_subject(seq(&[&unit, &rdn(0x0C, "Kiyose City")])).breaks("path.name_constraints");
    with_subject(seq(&[&rdn(0x0C, "KiyoseCity")])).breaks("path.name_constraints");
    // No subject, hence no name of this form.
    with_subject(seq(&[])).passes();
}

#[test]
fn an_excluded_directory_name_is_not_escaped_by_writing_it_otherwise() {
    let rdn = |tag: u8, text: &[u8]| tlv(0x31, &seq(&[&oid(oid::ORGANIZATION_NAME), &tlv(tag, text)]));
    let under = |base: &str, subject: Vec<u8>| {
        let base = directory(&seq(&[&rdn(0x0C, base.as_bytes())]));
        let authority = ca().with(oid::NAME_CONSTRAINTS, true, constraints(&[], &[base]));
        let mut leaf = leaf();
        leaf.subject = seq(&[&subject]);
        PathCase::chain(leaf, authority)
    };
    let utf_8 = |text: &str| rdn(0x0C, text.as_bytes());
    for same in [
        rdn(0x13, b"CITY"),
        // BMPString, TeletexString, VisibleString, GeneralString.
        rdn(0x1E, b"\0C\0i\0t\0y"),
        rdn(0x14, b"city"),
        rdn(0x1A, b"City"),
        rdn(0x1B, b"City"),
        // RFC 4518 2.2 and 2.3: what is mapped to nothing, and compatibility forms.
        utf_8("Ci\u{AD}ty"),
        utf_8("Ci\u{200D}ty"),
        utf_8("Ci\u{1}ty"),
        utf_8("Ｃity"),
    ] {
        under("City", same).breaks("path.name_constraints");
    }
    under("City", utf_8("Town")).passes();
    // Composed and decomposed; a capital that is two letters; T.61.
    under("Caf\u{E9}", utf_8("Cafe\u{301}")).breaks("path.name_constraints");
    under("Stra\u{DF}e", utf_8("STRASSE")).breaks("path.name_constraints");
    under("Caf\u{E9}", rdn(0x14, b"Caf\xC2e")).breaks("path.name_constraints");
    under("清瀬市", utf_8("清瀬市")).breaks("path.name_constraints");
    // What nothing maps to other letters is another name.
    under("City", utf_8("清瀬市")).passes();
    under("東村山市", utf_8("清瀬市")).passes();
    // Whatever differs before decides.
    let other_country = tlv(0x31, &seq(&[&oid(oid::COUNTRY_NAME), &tlv(0x13, b"JP")]));
    under("City", [other_country, utf_8("Ｃity")].concat()).passes();
}

#[test]
fn international_mail_addresses_are_not_free_of_constraints_on_mail_addresses() {
    // SmtpUTF8Mailbox (RFC 9598 6): not compared here, hence refused.
    let mailbox = other("1.3.6.1.5.5.7.8.9", "清瀬@example.com");
    permits(&[mail("example.jp")], &[], &[other("1.2.3", "x")], std::slice::from_ref(&mailbox));
    permits(&[], &[mail("example.com")], &[other("1.2.3", "x")], std::slice::from_ref(&mailbox));
    permits(&[dns("example.jp")], &[], &[mailbox], &[]);
}

#[test]
fn names_of_a_form_without_a_constraint_are_free() {
    permits(
        &[dns("example.jp")],
        &[mail("example.jp")],
        &[uri("urn:x"), ip(&[10, 0, 0, 1]), other("1.2.3", "x")],
        &[],
    );
}

#[test]
fn other_names_are_compared_byte_by_byte_and_in_doubt_refused() {
    let (same, different, of_another_kind) = (other("1.2.3", "x"), other("1.2.3", "y"), other("1.2.4", "x"));
    permits(
        std::slice::from_ref(&same),
        &[],
        std::slice::from_ref(&same),
        &[different.clone(), of_another_kind.clone()],
    );
    permits(&[], std::slice::from_ref(&same), &[of_another_kind], &[same.clone(), different]);
}

#[test]
fn registered_ids_are_permitted_as_they_are_and_excluded_with_what_is_under_them() {
    let id = |text: &str| ctx_bytes(8, ObjectIdentifier::new_unwrap(text).as_bytes());
    permits(&[id("1.2.392.1")], &[], &[id("1.2.392.1")], &[id("1.2.392.1.5"), id("1.2.392")]);
    permits(
        &[],
        &[id("1.2.392.1")],
        &[id("1.2.392.2"), id("1.2.392")],
        &[id("1.2.392.1"), id("1.2.392.1.5")],
    );
}

#[test]
fn constraints_on_forms_that_nothing_here_compares_refuse_names_of_that_form() {
    let (x400, edi) = (ctx(3, &[]), ctx(5, &[]));
    permits(std::slice::from_ref(&x400), &[], &[dns("example.jp")], std::slice::from_ref(&x400));
    permits(&[], std::slice::from_ref(&edi), &[x400], std::slice::from_ref(&edi));
}

#[test]
fn malformed_constraints_and_bounds_of_depth_are_refused() {
    let base = dns("example.jp");
    let with = |value: Vec<u8>| {
        let authority = ca().with(oid::NAME_CONSTRAINTS, true, value);
        PathCase::chain(leaf().named(&[dns("www.example.jp")]), authority)
    };
    with(seq(&[&ctx(0, &seq(&[&base]))])).passes();
    for wrong in [
        seq(&[]),
        seq(&[&ctx(0, &[])]),
        seq(&[&ctx(0, &seq(&[&base, &ctx_bytes(0, &[0])]))]),
        seq(&[&ctx(0, &seq(&[&base, &ctx_bytes(0, &[1])]))]),
        seq(&[&ctx(0, &seq(&[&base, &ctx_bytes(1, &[5])]))]),
        vec![5, 0],
    ] {
        with(wrong).breaks("path.name_constraints");
    }
}

#[test]
fn constraints_of_several_authorities_all_hold_and_self_issued_ones_are_free_of_them() {
    let top = ca().with(oid::NAME_CONSTRAINTS, true, constraints(&[dns("example.jp")], &[]));
    let below = Cert::authority("Below", 4).by("CA", 2).with(
        oid::NAME_CONSTRAINTS,
        true,
        constraints(&[dns("www.example.jp")], &[]),
    );
    let case = |name: &str| {
        let leaf = leaf().by("Below", 4).named(&[dns(name)]);
        PathCase::of(&leaf, &[below.clone(), top.clone().by("Root", 1)], &[Cert::authority("Root", 1)])
    };
    case("a.www.example.jp").passes();
    case("example.jp").breaks("path.name_constraints");
    // A renewed authority carries a name that the leaf could not have.
    let renewed = Cert::authority("CA", 4).by("CA", 2).named(&[dns("example.com")]);
    let leaf = |name| leaf().by("CA", 4).named(&[dns(name)]);
    let case = |name| {
        let above = [renewed.clone(), top.clone().by("Root", 1)];
        PathCase::of(&leaf(name), &above, &[Cert::authority("Root", 1)])
    };
    case("example.jp").passes();
    case("example.com").breaks("path.name_constraints");
}

#[test]
fn huge_sets_of_constraints_and_names_end_within_the_budget() {
    // 16 KiB of constraints times 16 KiB of names, three times over.
    let bases: Vec<Vec<u8>> = (0..900).map(|n| dns(&format!("{n}.x"))).collect();
    let names: Vec<Vec<u8>> = (0..1_200).map(|n| dns(&format!("{n}.y"))).collect();
    let authority = ca().with(oid::NAME_CONSTRAINTS, true, constraints(&[], &bases));
    let case = PathCase::chain(leaf().named(&names), authority);
    let judgement =
        case.fails(SubIndication::CertificateChainGeneralFailure, ReasonCode::TooComplex, &["path.budget"]);
    assert!(judgement.work.policy_and_name_steps <= case.policy.budget.max_policy_and_name_steps);
}

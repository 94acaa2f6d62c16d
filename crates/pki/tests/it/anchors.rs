//! What may be a trust anchor.

use musubi_crypto::sha256;
use musubi_pki::*;

use crate::support::authority::{Authority, authority_name};
use crate::support::der::{extension, octets};
use crate::support::{DAY, Key, NOW};

#[test]
fn the_production_roots_are_the_published_ones() {
    let anchors = TrustAnchors::production().unwrap();
    assert_eq!(anchors.environment(), Environment::Production);
    let expected = [
        (
            "0d034cbb34d0714f45e45a1cafd8fd143fab54a7",
            "19645405A1FE14377434BD55957628AC4038557C542403A2243F21C706FC9355",
            "2025-10-19T14:59:59Z",
        ),
        (
            "4de017de4b7f473dcd867a62d38b134ace83558a",
            "79679C33E4CC9319440F1AD120A597FF1844E2EF217063ADB176966FD5E6FBEB",
            "2029-09-14T14:59:59Z",
        ),
        (
            "d21ea55895617e93adbf966b941ab4edf653f08f",
            "D227F6CDE11D35C5252178F106F843D24651944975413B539FA2FB68DBFA365F",
            "2033-07-15T14:59:59Z",
        ),
        (
            "9567951b5ca70d84a0fff1d85a87f1aab1340385",
            "4DCFC4CA0AAF9FB2A3081B3F0C991C320B3ACC008667A341EEAEC5AF1D58CA7D",
            "2025-10-19T14:59:59Z",
        ),
        (
            "8cd5586a891485e559379b7e29d410cfd28b3593",
            "0D98DE47FC11B7F67126874B7028B6026A803D2638D6EDFE53176953961FADE6",
            "2029-09-14T14:59:59Z",
        ),
        (
            "1ac100f596a3bc8c4b3df195e32699249e9e308a",
            "64114F29620C24ED2631D46476A040E7EE740D956089C00B036A6A8118C322B5",
            "2033-07-15T14:59:59Z",
        ),
    ];
    assert_eq!(anchors.anchors().len(), expected.len());
    for (anchor, (key_id, fingerprint, not_after)) in anchors.anchors().iter().zip(expected) {
        assert_eq!(anchor.key_id(), key_id);
        assert_eq!(hex::encode_upper(sha256(anchor.der())), fingerprint);
        assert_eq!(anchor.not_after().rfc3339(), not_after);
        assert_eq!(anchors.by_key_id(anchor.kind(), &key_id.to_uppercase()).unwrap().der(), anchor.der());
    }
    // All generations of a kind have one name.
    for kind in AuthorityKind::ALL {
        let mut names: Vec<&[u8]> =
            anchors.anchors().iter().filter(|a| a.kind() == kind).map(|a| a.name()).collect();
        names.dedup();
        assert_eq!(names.len(), 1);
    }
}

fn as_anchor(authority: &Authority) -> Result<TrustAnchors, AnchorError> {
    TrustAnchors::insecure_test_hierarchy([(authority.kind, authority.certificate())])
}

#[test]
fn only_authorities_of_the_test_hierarchy_can_be_test_anchors() {
    let good = Authority::signature_second();
    assert!(as_anchor(&good).is_ok());

    let changed = |change: fn(&mut Authority)| {
        let mut authority = good.clone();
        change(&mut authority);
        as_anchor(&authority).unwrap_err()
    };
    assert_eq!(changed(|a| a.is_ca = false), AnchorError::NotAnAuthority);
    assert_eq!(changed(|a| a.key_usage = None), AnchorError::NotAnAuthority);
    assert_eq!(changed(|a| a.key_usage = Some(vec![0x02, 0x04])), AnchorError::NotAnAuthority);
    assert_eq!(changed(|a| a.key_usage = Some(vec![0x01, 0x86])), AnchorError::NotAnAuthority);
    assert_eq!(changed(|a| a.subject_key_id = false), AnchorError::NotAnAuthority);
    let unknown = extension("2.5.29.30".parse().unwrap(), true, &octets(b"?"));
    let mut constrained = good.clone();
    constrained.extra.push(unknown);
    assert_eq!(as_anchor(&constrained).unwrap_err(), AnchorError::NotAnAuthority);
    assert_eq!(changed(|a| a.signed_with = Key::Stranger), AnchorError::NotSelfSigned);
    let issuer = authority_name(AuthorityKind::UserAuthentication, "JPKI-TEST");
    let mut subordinate = good.clone();
    subordinate.issuer = Some(issuer);
    assert_eq!(as_anchor(&subordinate).unwrap_err(), AnchorError::NotSelfSigned);
    // Another organization's name, or the other authority's.
    assert_eq!(changed(|a| a.name = authority_name(a.kind, "JPKI")), AnchorError::Name);
    assert_eq!(changed(|a| a.name = authority_name(a.kind.counterpart(), "JPKI-TEST")), AnchorError::Name);
}

#[test]
fn production_roots_cannot_be_test_anchors() {
    for anchor in TrustAnchors::production().unwrap().anchors() {
        let error =
            TrustAnchors::insecure_test_hierarchy([(anchor.kind(), anchor.der().to_vec())]).unwrap_err();
        assert_eq!(error, AnchorError::Name);
    }
}

#[test]
fn anchors_are_given_once_and_there_is_at_least_one() {
    assert_eq!(TrustAnchors::insecure_test_hierarchy([]).unwrap_err(), AnchorError::None);
    let one = Authority::authentication();
    let again = Authority::of(one.kind, one.key, &[9], NOW.plus(-DAY));
    for second in [&one, &again] {
        let both = [(one.kind, one.certificate()), (second.kind, second.certificate())];
        assert_eq!(TrustAnchors::insecure_test_hierarchy(both).unwrap_err(), AnchorError::Duplicate);
    }
    let cut = one.certificate()[..100].to_vec();
    let error = TrustAnchors::insecure_test_hierarchy([(one.kind, cut)]).unwrap_err();
    assert_eq!(error, AnchorError::Parse(ParseError::Malformed));
}

//! What is said of a certificate without a network. Only what is genuine, valid, covered and not on a fresh list passes.

use musubi_crypto::Ed25519Signer;
use musubi_kernel::UnixTime;
use musubi_pki::offline_filter::OfflineFinding::*;
use musubi_pki::offline_filter::*;
use musubi_pki::*;

use crate::support::authority::{Authority, Leaf, serial};
use crate::support::der::{name, utc_time};
use crate::support::{DAY, HOUR, Key, NOW, anchors};

fn filter_of(authority: &Authority, listed: &[u32]) -> OfflineFilter {
    let head = FilterHead {
        issuer: musubi_crypto::sha256(&authority.certificate()),
        list_sha256: [7; 32],
        list_number: 300,
        this_update: NOW.plus(-HOUR),
        next_update: NOW.plus(DAY),
    };
    let coverage = Coverage::of([(SerialNumber::from(0x10_0000), SerialNumber::from(0x20_0000))]);
    let listed = listed.iter().map(|serial| SerialNumber::from(*serial));
    OfflineFilter::build(&head, &coverage, listed, &Ed25519Signer::from_seed(&[1; 32]).unwrap()).unwrap()
}

fn second() -> Authority {
    Authority::signature_second()
}

#[track_caller]
fn found(certificate: &[u8], filter: &OfflineFilter, max_age: Option<i64>, at: UnixTime) -> OfflineFinding {
    let report = check_offline(certificate, &anchors(), filter, max_age, at).unwrap();
    assert_eq!(report.freshness.list_number, Some(300));
    assert_eq!(report.finding.indication() == Indication::TotalPassed, report.finding == NotListed);
    report.finding
}

#[test]
fn a_genuine_valid_certificate_that_is_not_on_the_list_passes_and_the_age_is_said() {
    let report =
        check_offline(&second().issue(&Leaf::signature()), &anchors(), &filter_of(&second(), &[]), None, NOW)
            .unwrap();
    assert_eq!((report.finding, report.authority), (NotListed, Some(AuthorityKind::DigitalSignature)));
    assert_eq!((report.freshness.age_seconds, report.finding.sub_indication()), (HOUR, None));
}

#[test]
fn a_listed_certificate_is_revoked_however_old_the_filter() {
    let filter = filter_of(&second(), &[0x1E_E607]);
    let certificate = second().issue(&Leaf::signature());
    for at in [NOW, NOW.plus(300 * DAY), NOW.plus(2000 * DAY)] {
        assert_eq!(found(&certificate, &filter, Some(1), at), Listed);
    }
    assert_eq!(Listed.sub_indication(), Some(SubIndication::Revoked));
}

#[test]
fn what_is_too_old_not_covered_or_of_another_time_is_never_good() {
    let certificate = second().issue(&Leaf::signature());
    let filter = filter_of(&second(), &[]);
    assert_eq!(found(&certificate, &filter, None, NOW.plus(DAY)), NotListed);
    assert_eq!(found(&certificate, &filter, None, NOW.plus(DAY + 1)), TooOld);
    assert_eq!(found(&certificate, &filter, Some(HOUR), NOW), NotListed);
    assert_eq!(found(&certificate, &filter, Some(HOUR - 1), NOW), TooOld);
    // The list was issued an hour ago; a clock that lies two hours behind would make every list fresh for ever.
    assert_eq!(found(&certificate, &filter, None, NOW.plus(-2 * HOUR)), ClockBehind);
    let validity = |from: i64, to: i64| {
        let mut leaf = Leaf::signature();
        leaf.validity = [utc_time(NOW.plus(from)), utc_time(NOW.plus(to))];
        second().issue(&leaf)
    };
    assert_eq!(found(&validity(-DAY, -1), &filter, None, NOW), Expired);
    assert_eq!(found(&validity(1, DAY), &filter, None, NOW), NotYetValid);
    assert_eq!(found(&validity(-HOUR + 1, DAY), &filter, None, NOW), IssuedLater);
    let mut beyond = Leaf::signature();
    beyond.serial = crate::support::der::integer(&[0x20, 0x00, 0x01]);
    assert_eq!(found(&second().issue(&beyond), &filter, None, NOW), NotCovered);
}

#[test]
fn a_filter_of_another_generation_or_authority_says_nothing() {
    let certificate = second().issue(&Leaf::signature());
    for other in [Authority::signature_first(), Authority::authentication()] {
        // Even if the very serial number is on its list: it is another certificate's.
        for listed in [&[][..], &[0x1E_E607]] {
            assert_eq!(found(&certificate, &filter_of(&other, listed), None, NOW), OtherAuthority);
        }
    }
}

#[test]
fn what_the_authority_did_not_issue_is_not_looked_up() {
    let filter = filter_of(&second(), &[0x1E_E607]);
    let forged = Authority { key: Key::Stranger, ..second() };
    let mut leaf = Leaf::signature();
    leaf.authority_key_id = Some(second().key_identifier());
    assert_eq!(found(&forged.issue(&leaf), &filter, None, NOW), BadSignature);
    assert_eq!(found(&forged.issue(&Leaf::signature()), &filter, None, NOW), UnknownIssuer);
    leaf.issuer = Some(name(&[(musubi_pki::oid::COUNTRY_NAME, "JP")]));
    assert_eq!(found(&second().issue(&leaf), &filter, None, NOW), UnknownIssuer);
    assert!(check_offline(b"no certificate", &anchors(), &filter, None, NOW).is_err());
}

#[test]
fn an_authoritys_own_certificate_is_no_residents() {
    assert_eq!(found(&second().certificate(), &filter_of(&second(), &[]), None, NOW), OtherProfile);
    let mut other = Leaf::authentication();
    other.authority_key_id = Some(second().key_identifier());
    assert_eq!(found(&second().issue(&other), &filter_of(&second(), &[]), None, NOW), OtherProfile);
    assert_eq!(serial(), SerialNumber::from(0x1E_E607));
}

//! What the leaf's key may be used for, names of servers, and times.

use musubi_kernel::UnixTime;
use musubi_pki::oid;
use musubi_pki::path::*;
use musubi_pki::{ReasonCode, SubIndication};

use crate::path_support::*;
use crate::support::der::*;
use crate::support::{DAY, NOW};

fn ca() -> Cert {
    Cert::authority("CA", 2)
}

fn leaf() -> Cert {
    Cert::leaf("Leaf", 3)
}

#[test]
fn one_of_the_key_usages_asked_for_is_enough_and_none_is_not() {
    let asked = Purpose {
        any_key_usage: vec![KeyUsage::DigitalSignature, KeyUsage::ContentCommitment],
        ..Purpose::default()
    };
    let case = |leaf: Cert| PathCase { purpose: asked.clone(), ..PathCase::chain(leaf, ca()) };
    let with = |usage: &[u8]| leaf().with(oid::KEY_USAGE, true, tlv(3, usage));
    case(with(&[7, 0x80])).passes();
    case(with(&[6, 0x40])).passes();
    case(with(&[5, 0x20])).breaks("path.key_usage");
    // Without the extension nothing is forbidden.
    case(leaf()).passes();
}

#[test]
fn every_key_usage_of_those_that_are_all_asked_for_is_needed() {
    let asked = Purpose {
        all_key_usage: vec![KeyUsage::DigitalSignature, KeyUsage::KeyEncipherment],
        ..Purpose::default()
    };
    let case = |leaf: Cert| PathCase { purpose: asked.clone(), ..PathCase::chain(leaf, ca()) };
    let with = |usage: &[u8]| leaf().with(oid::KEY_USAGE, true, tlv(3, usage));
    case(with(&[5, 0xA0])).passes();
    case(with(&[7, 0x80])).breaks("path.key_usage");
    case(with(&[5, 0x20])).breaks("path.key_usage");
    case(leaf()).passes();
    let both = Purpose { any_key_usage: vec![KeyUsage::ContentCommitment], ..asked.clone() };
    PathCase { purpose: both, ..PathCase::chain(with(&[5, 0xA0]), ca()) }.breaks("path.key_usage");
}

#[test]
fn key_usages_are_known_by_the_names_of_their_standards() {
    for (name, usage) in [
        ("digitalSignature", KeyUsage::DigitalSignature),
        ("nonRepudiation", KeyUsage::ContentCommitment),
        ("contentCommitment", KeyUsage::ContentCommitment),
        ("cRLSign", KeyUsage::CrlSign),
        ("decipherOnly", KeyUsage::DecipherOnly),
    ] {
        assert_eq!(KeyUsage::from_name(name), Some(usage));
    }
    assert!(["", "crlSign", "digital_signature", "digitalSignature "].map(KeyUsage::from_name) == [None; 4]);
}

#[test]
fn purposes_that_are_named_are_kept_to() {
    let asked = Purpose { extended_key_usage: vec![oid::CLIENT_AUTH], ..Purpose::default() };
    let case = |leaf: Cert| PathCase { purpose: asked.clone(), ..PathCase::chain(leaf, ca()) };
    case(leaf()).passes();
    case(leaf().with_purposes(false, &[oid::SERVER_AUTH, oid::CLIENT_AUTH])).passes();
    case(leaf().with_purposes(false, &[oid::ANY_EXTENDED_KEY_USAGE])).passes();
    case(leaf().with_purposes(false, &[oid::SERVER_AUTH])).breaks("path.extended_key_usage");
}

#[test]
fn a_time_stamping_certificate_names_this_purpose_alone_and_critically() {
    let asked = Purpose {
        extended_key_usage: vec![oid::TIME_STAMPING],
        only_this_purpose: true,
        ..Purpose::default()
    };
    let case = |leaf: Cert, ca| PathCase { purpose: asked.clone(), ..PathCase::chain(leaf, ca) };
    let right = leaf().with_purposes(true, &[oid::TIME_STAMPING]);
    case(right.clone(), ca()).passes();
    for wrong in [
        leaf(),
        leaf().with_purposes(false, &[oid::TIME_STAMPING]),
        leaf().with_purposes(true, &[oid::TIME_STAMPING, oid::CLIENT_AUTH]),
        leaf().with_purposes(true, &[oid::ANY_EXTENDED_KEY_USAGE]),
    ] {
        case(wrong, ca()).breaks("path.extended_key_usage");
    }
    // Any purpose is not this one; an authority that names purposes must name it or any.
    let by_any = Purpose { only_this_purpose: false, ..asked.clone() };
    let any = leaf().with_purposes(true, &[oid::ANY_EXTENDED_KEY_USAGE]);
    PathCase { purpose: by_any, ..PathCase::chain(any, ca()) }.breaks("path.extended_key_usage");
    case(right.clone(), ca().with_purposes(false, &[oid::TIME_STAMPING])).passes();
    case(right.clone(), ca().with_purposes(false, &[oid::ANY_EXTENDED_KEY_USAGE])).passes();
    case(right, ca().with_purposes(false, &[oid::SERVER_AUTH])).breaks("path.extended_key_usage");
}

#[test]
fn an_authority_that_names_purposes_issues_servers_only_if_they_are_among_them() {
    let case = |ca: Cert, purpose| {
        let asked = Purpose { extended_key_usage: vec![purpose], ..Purpose::default() };
        PathCase { purpose: asked, ..PathCase::chain(leaf(), ca) }
    };
    let for_mail = ca().with_purposes(false, &[const_oid::ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4")]);
    case(for_mail.clone(), oid::SERVER_AUTH).breaks("path.extended_key_usage");
    case(for_mail, oid::CLIENT_AUTH).passes();
    case(ca().with_purposes(false, &[oid::SERVER_AUTH]), oid::SERVER_AUTH).passes();
}

#[test]
fn a_server_has_its_name_as_a_dns_name_or_address_and_nowhere_else() {
    let case = |names: &[Vec<u8>], asked: &str| {
        let mut case = PathCase::chain(leaf().named(names), ca());
        case.purpose.server_name = Some(asked.to_owned());
        case
    };
    let dns = |name: &str| ctx_bytes(2, name.as_bytes());
    for (presented, asked) in [
        ("example.jp", "example.jp"),
        ("example.jp", "EXAMPLE.jp."),
        ("*.example.jp", "www.example.jp"),
        ("xn--wgv71a119e.jp", "xn--wgv71a119e.jp"),
    ] {
        case(&[dns("other.jp"), dns(presented)], asked).passes();
    }
    for (presented, asked) in [
        ("example.jp", "www.example.jp"),
        ("*.example.jp", "example.jp"),
        ("*.example.jp", "a.www.example.jp"),
        ("w*.example.jp", "www.example.jp"),
        ("www.*.jp", "www.example.jp"),
        ("*", "localhost"),
        ("*.jp", "example.jp"),
        ("*.example.jp", ".example.jp"),
        ("example.jp.", "example.jp"),
        ("192.0.2.1", "192.0.2.1"),
        ("*.0.2.1", "192.0.2.1"),
        ("", ""),
        ("*.example.jp", "*.example.jp"),
    ] {
        case(&[dns(presented)], asked).breaks("path.server_name");
    }
    // An address is one octet by octet, and no name.
    let address = |octets: &[u8]| ctx_bytes(7, octets);
    case(&[address(&[192, 0, 2, 1])], "192.0.2.1").passes();
    case(&[address(&[0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])], "2001:db8::1").passes();
    case(&[address(&[192, 0, 2, 2])], "192.0.2.1").breaks("path.server_name");
    case(&[address(&[192, 0, 2, 1, 255, 255, 255, 255])], "192.0.2.1").breaks("path.server_name");
    // The common name is no server's name.
    let mut by_subject = PathCase::chain(Cert::leaf("example.jp", 3), ca());
    by_subject.purpose.server_name = Some("example.jp".to_owned());
    by_subject.breaks("path.server_name");
}

fn days(n: i64) -> UnixTime {
    NOW.plus(n * DAY)
}

/// A leaf and an authority with these validity periods, in days around the time of judgement.
fn periods(leaf_period: (i64, i64), authority_period: (i64, i64)) -> PathCase {
    let certificate = |certificate: Cert, (from, to): (i64, i64)| certificate.valid(from, to);
    let root = Cert::authority("Root", 1).valid(-1_000, 1_000);
    PathCase::of(
        &certificate(leaf(), leaf_period).by("CA", 2),
        &[certificate(ca(), authority_period).by("Root", 1)],
        &[root],
    )
}

#[test]
fn the_first_and_the_last_second_are_within_the_period() {
    let mut case = periods((-10, 10), (-10, 10));
    for at in [days(-10), days(10)] {
        case.times = Times::at(at);
        case.passes();
    }
    for at in [days(-10).plus(-1), days(10).plus(1)] {
        case.times = Times::at(at);
        assert_eq!(failed(&case.judged().verdict), ["path.validity"]);
    }
}

#[test]
fn an_expired_certificate_without_proof_of_existence_is_indeterminate() {
    let mut case = periods((-20, -10), (-100, 100));
    let expired = ReasonCode::CertificateExpired;
    case.fails(SubIndication::OutOfBoundsNoPoe, expired, &["path.validity"]);
    // The signature is proven to be older.
    case.times.existed_at = Some(days(-15));
    case.passes();
    case.times.existed_at = Some(days(-5));
    case.fails(SubIndication::OutOfBoundsNoPoe, expired, &["path.validity"]);
    // It is certainly younger.
    case.times = Times { not_signed_before: Some(days(-5)), ..Times::at(NOW) };
    case.fails(SubIndication::Expired, expired, &["path.validity"]);
    case.times.not_signed_before = Some(days(-15));
    case.fails(SubIndication::OutOfBoundsNoPoe, expired, &["path.validity"]);
}

#[test]
fn a_signature_from_before_the_period_fails_for_good_and_an_authoritys_period_makes_the_path_fail() {
    let not_yet = ReasonCode::CertificateNotYetValid;
    periods((10, 20), (-100, 100)).fails(SubIndication::NotYetValid, not_yet, &["path.validity"]);
    let general = SubIndication::CertificateChainGeneralFailure;
    periods((-100, 100), (10, 20)).fails(general, not_yet, &["path.validity"]);
    let expired = ReasonCode::CertificateExpired;
    periods((-100, 100), (-20, -10)).fails(SubIndication::OutOfBoundsNoPoe, expired, &["path.validity"]);
}

#[test]
fn a_proven_time_after_the_judgement_changes_nothing() {
    let mut case = periods((-20, -10), (-100, 100));
    case.times.existed_at = Some(days(100));
    case.fails(SubIndication::OutOfBoundsNoPoe, ReasonCode::CertificateExpired, &["path.validity"]);
}

#[test]
fn certificates_from_before_1970_are_read() {
    let mut old = PathCase::chain(leaf(), ca());
    // notBefore 1950-01-01, the earliest that UTCTime can say.
    let from = NOW.plus(-100 * DAY);
    let at = |der: &[u8]| der.windows(15).position(|w| w == utc_time(from)).unwrap();
    let place = at(&old.leaf);
    old.leaf[place + 2..place + 15].copy_from_slice(b"500101000000Z");
    // The signature no longer fits, and nothing else is wrong.
    assert_eq!(failed(&old.judged().verdict), ["path.signatures"]);
    let certificate = PathCertificate::parse(&old.leaf).unwrap();
    assert_eq!(certificate.not_before.rfc3339(), "1950-01-01T00:00:00Z");
    for wrong in [
        b"500231000000Z",
        b"500101240000Z",
        b"5001010000 0Z",
        b"500101000060Z",
        b"50010100000Z0",
        b"+00101000000Z",
    ] {
        old.leaf[place + 2..place + 15].copy_from_slice(wrong);
        assert!(PathCertificate::parse(&old.leaf).is_err(), "{wrong:?}");
    }
}

#[test]
fn the_dates_of_the_certificate_in_question_are_not_shown() {
    let judgement = periods((-20, -10), (-100, 100)).judged();
    let check = judgement.verdict.check("path.validity").unwrap();
    assert!(check.evidence("not_after").is_none() && check.evidence("position").is_some());
}

//! Which revocation lists are accepted, and which certificates they cover.

use musubi_crypto::sha256;
use musubi_kernel::UnixTime;
use musubi_pki::*;

use crate::support::authority::*;
use crate::support::der::*;
use crate::support::lists::{List, entry, entry_with, reason};
use crate::support::{DAY, HOUR, Key, NOW, anchors};

fn list() -> List {
    List::of(&Authority::signature_second())
}

#[track_caller]
fn refused(list: &List, expected: CrlError) {
    assert_eq!(list.read().unwrap_err(), expected);
}

const REVOKED_AT: UnixTime = UnixTime(NOW.0 - 10 * DAY);

#[test]
fn a_list_says_what_it_lists() {
    let mut list = list();
    for (serial, why) in (1_u8..).zip(RevocationReason::JPKI) {
        list = list.entry(entry(&[0x10, serial], REVOKED_AT, why));
    }
    list = list.entry(entry_with(&[0x05], REVOKED_AT, &[]));
    list = list.entry(entry(&[0x7F; 20], REVOKED_AT, RevocationReason::KeyCompromise));
    let read = list.read().unwrap();
    assert_eq!(read.authority(), AuthorityKind::DigitalSignature);
    assert_eq!(read.key_id(), hex::encode(key_id(Key::SignatureSecond)));
    assert_eq!((read.number(), read.len()), (300, 9));
    assert_eq!((read.this_update(), read.next_update()), (NOW.plus(-HOUR), NOW.plus(DAY)));
    assert_eq!(*read.scope(), ListScope::Full);
    assert_eq!(*read.sha256(), sha256(&list.der()));
    for (serial, reason) in (0x1001_u32..).zip(RevocationReason::JPKI) {
        let listed = EntryStatus::Listed { at: REVOKED_AT, reason };
        assert_eq!(read.status_of(&SerialNumber::from(serial)), listed);
    }
    let unspecified = EntryStatus::Listed { at: REVOKED_AT, reason: RevocationReason::Unspecified };
    assert_eq!(read.status_of(&SerialNumber::from(5)), unspecified);
    assert_eq!(read.status_of(&SerialNumber::from(6)), EntryStatus::NotListed);
    let serials: Vec<String> = read.iter().map(|e| e.serial.to_string()).collect();
    assert_eq!((serials[0].as_str(), serials[1].as_str(), serials.len()), ("05", "1001", 9));
}

#[test]
fn an_empty_list_is_a_list() {
    let read = list().read().unwrap();
    assert!(read.is_empty());
    // But its absent entries are absent, not an empty sequence.
    let mut spelled_out = list();
    spelled_out.next_update.extend(seq(&[]));
    refused(&spelled_out, CrlError::Malformed);
}

#[test]
fn version_times_and_number_are_mandatory() {
    let mut old = list();
    old.version = Vec::new();
    refused(&old, CrlError::Version);
    old.version = integer(&[0]);
    refused(&old, CrlError::Version);
    let mut endless = list();
    endless.next_update = Vec::new();
    refused(&endless, CrlError::NextUpdateMissing);
    endless.entries.push(entry(&[1], REVOKED_AT, RevocationReason::Superseded));
    refused(&endless, CrlError::NextUpdateMissing);
    refused(&list().updates(NOW, NOW), CrlError::TimesOutOfOrder);
    refused(&list().updates(NOW, NOW.plus(-1)), CrlError::TimesOutOfOrder);
    refused(&list().without(oid_table::CRL_NUMBER), CrlError::Number);
    refused(&list().with(oid_table::CRL_NUMBER, false, integer(&[1; 9])), CrlError::Number);
    refused(&list().with(oid_table::CRL_NUMBER, false, tlv(2, &[0x80])), CrlError::Number);
    let bare = list().without(oid_table::CRL_NUMBER).without(oid_table::AUTHORITY_KEY_IDENTIFIER);
    refused(&bare, CrlError::Number);
}

#[test]
fn a_list_is_signed_by_the_generation_that_it_names() {
    let (first, second) = (Authority::signature_first(), Authority::signature_second());
    for authority in [&first, &second, &Authority::authentication()] {
        let read = List::of(authority).read().unwrap();
        assert_eq!(
            (read.authority(), read.key_id()),
            (authority.kind, hex::encode(key_id(authority.key)).as_str())
        );
        // Without a key identifier the signature alone tells.
        let nameless = List::of(authority).without(oid_table::AUTHORITY_KEY_IDENTIFIER).read().unwrap();
        assert_eq!(nameless.key_id(), read.key_id());
    }
    let aki = oid_table::AUTHORITY_KEY_IDENTIFIER;
    refused(&List::of(&second).with(aki, false, first.key_identifier()), CrlError::BadSignature);
    let stranger = Authority::of(first.kind, Key::Stranger, &[1], NOW);
    refused(&List::of(&stranger), CrlError::UnknownIssuer);
    refused(&List::of(&stranger).with(aki, false, second.key_identifier()), CrlError::BadSignature);
    refused(&List::of(&stranger).without(aki), CrlError::BadSignature);
    let renamed = Authority { name: authority_name(first.kind, "JPKI"), ..second.clone() };
    refused(&List::of(&renamed), CrlError::UnknownIssuer);
    // Under the production roots nothing of the test hierarchy is a list.
    let production = TrustAnchors::production().unwrap();
    let error =
        VerifiedRevocationList::parse_and_verify(&list().der(), &production, MAX_LIST_BYTES).unwrap_err();
    assert_eq!(error, CrlError::UnknownIssuer);
}

#[test]
fn signature_algorithms_are_consistent_and_known() {
    let sha1 = seq(&[&oid_text("1.2.840.113549.1.1.5"), &[5, 0]]);
    let mut weak = list();
    weak.algorithm = sha1.clone();
    refused(&weak, CrlError::UnsupportedAlgorithm { oid: "1.2.840.113549.1.1.5".parse().unwrap() });
    let mut inconsistent = list();
    inconsistent.outer_algorithm = Some(sha1);
    refused(&inconsistent, CrlError::SignatureAlgorithm);
    let mut without_null = list();
    without_null.algorithm = seq(&[&oid(oid_table::SHA256_WITH_RSA)]);
    refused(&without_null, CrlError::SignatureAlgorithm);
}

#[test]
fn extensions_that_narrow_a_list_or_are_unknown_refuse_it() {
    let directory = ctx(4, &partition_name(AuthorityKind::DigitalSignature, "Kiyose-shi"));
    let name = ctx(0, &ctx(0, &directory));
    let with = |fields: &[&[u8]]| list().distribution_point(true, &fields.concat());
    for (number, expected) in [
        (1, CrlError::OnlyContainsUnsupported),
        (2, CrlError::OnlyContainsUnsupported),
        (3, CrlError::OnlySomeReasonsUnsupported),
        (4, CrlError::IndirectUnsupported),
        (5, CrlError::OnlyContainsUnsupported),
    ] {
        refused(&with(&[&name, &ctx_bytes(number, &[0xFF])]), expected);
        refused(&with(&[&ctx_bytes(number, &[0xFF])]), expected);
    }
    let idp = oid_table::ISSUING_DISTRIBUTION_POINT;
    refused(&with(&[&name, &ctx_bytes(6, &[0xFF])]), CrlError::Extension { oid: idp });
    refused(&with(&[&name, &name]), CrlError::Extension { oid: idp });
    refused(&list().distribution_point(false, &name), CrlError::DistributionPointUnsupported);
    refused(&with(&[]), CrlError::DistributionPointUnsupported);
    let url = ctx_bytes(6, b"http://crl.example/");
    refused(&with(&[&ctx(0, &ctx(0, &url))]), CrlError::DistributionPointUnsupported);
    refused(&with(&[&ctx(0, &ctx(0, &[directory, url].concat()))]), CrlError::DistributionPointUnsupported);
    refused(&with(&[&ctx(0, &ctx(1, &[]))]), CrlError::DistributionPointUnsupported);

    for critical in [true, false] {
        let delta = list().with(oid_table::DELTA_CRL_INDICATOR, critical, integer(&[1]));
        refused(&delta, CrlError::DeltaUnsupported);
    }
    let private = "1.2.3.4".parse().unwrap();
    refused(&list().with(private, true, seq(&[])), CrlError::UnknownCriticalExtension { oid: private });
    assert!(list().with(private, false, seq(&[])).read().is_ok());
    let mut twice = list();
    twice.extensions.push(twice.extensions[1].clone());
    refused(&twice, CrlError::DuplicateExtension { oid: oid_table::CRL_NUMBER });
    let aki = oid_table::AUTHORITY_KEY_IDENTIFIER;
    refused(&list().with(aki, false, utf8("x")), CrlError::Extension { oid: aki });
}

#[test]
fn entries_are_well_formed() {
    refused(&list().entry(entry_with(&[9], REVOKED_AT, &[reason(8)])), CrlError::RemoveFromCrl);
    refused(&list().entry(entry_with(&[9], REVOKED_AT, &[reason(7)])), CrlError::Reason { code: 7 });
    refused(&list().entry(entry_with(&[9], REVOKED_AT, &[reason(11)])), CrlError::Reason { code: 11 });
    let id = oid_table::REASON_CODE;
    refused(
        &list().entry(entry_with(&[9], REVOKED_AT, &[reason(1), reason(1)])),
        CrlError::DuplicateExtension { oid: id },
    );
    for value in [tlv(0x0A, &[]), tlv(0x0A, &[0, 1]), tlv(0x02, &[1])] {
        let entry = entry_with(&[9], REVOKED_AT, &[extension(id, false, &value)]);
        refused(&list().entry(entry), CrlError::Extension { oid: id });
    }
    // certificateIssuer: an entry of an indirect list.
    let issuer = "2.5.29.29".parse().unwrap();
    let indirect = entry_with(&[9], REVOKED_AT, &[extension(issuer, true, &seq(&[]))]);
    refused(&list().entry(indirect), CrlError::UnknownCriticalEntryExtension { oid: issuer });
    let invalidity = extension("2.5.29.24".parse().unwrap(), false, &generalized_time(NOW));
    assert!(list().entry(entry_with(&[9], REVOKED_AT, &[invalidity, reason(1)])).read().is_ok());
    for serial in [tlv(2, &[]), tlv(2, &[0]), tlv(2, &[0xFF]), tlv(2, &[0, 1]), integer(&[1; 21])] {
        refused(&list().entry(seq(&[&serial, &utc_time(REVOKED_AT)])), CrlError::Malformed);
    }
    refused(&list().entry(seq(&[&integer(&[1])])), CrlError::Malformed);
    refused(&list().entry(seq(&[&integer(&[1]), &generalized_time(REVOKED_AT)])), CrlError::Malformed);
    refused(&list().entry(seq(&[&integer(&[1]), &utc_time(REVOKED_AT), &seq(&[])])), CrlError::Malformed);
    refused(&list().entry(utf8("x")), CrlError::Malformed);
}

#[test]
fn nobody_is_listed_twice() {
    let one = |why| entry(&[0x1E, 0xE6, 0x07], REVOKED_AT, why);
    let twice = list()
        .entry(one(RevocationReason::CertificateHold))
        .entry(entry(&[1], REVOKED_AT, RevocationReason::Superseded))
        .entry(one(RevocationReason::KeyCompromise));
    refused(&twice, CrlError::DuplicateEntry);
}

#[test]
fn a_list_has_a_largest_size_and_nothing_after_it() {
    let der = list().der();
    let read = |der: &[u8], limit| VerifiedRevocationList::parse_and_verify(der, &anchors(), limit);
    assert!(read(&der, der.len()).is_ok());
    let expected = CrlError::TooLarge { length: der.len(), limit: der.len() - 1 };
    assert_eq!(read(&der, der.len() - 1).unwrap_err(), expected);
    assert_eq!(read(&[&der[..], &[0]].concat(), MAX_LIST_BYTES).unwrap_err(), CrlError::Malformed);
    assert_eq!(read(&[], MAX_LIST_BYTES).unwrap_err(), CrlError::Malformed);
}

#[test]
fn a_list_covers_the_certificates_of_its_generation_and_partition() {
    let kind = AuthorityKind::DigitalSignature;
    let (first, second) = (Authority::signature_first(), Authority::signature_second());
    let der = second.issue(&Leaf::signature());
    let certificate = UnverifiedCertificate::parse(&der).unwrap();
    let covers = |list: List| list.read().unwrap().covers(&certificate);
    assert!(covers(List::of(&second)));
    assert!(!covers(List::of(&first)));
    assert!(!covers(List::of(&Authority::authentication())));
    assert!(covers(List::of(&second).partition(&partition_name(kind, "Kiyose-shi"))));
    assert!(!covers(List::of(&second).partition(&partition_name(kind, "Higashimurayama-shi"))));
    assert!(!covers(List::of(&first).partition(&partition_name(kind, "Kiyose-shi"))));
    let partition = List::of(&second).partition(&partition_name(kind, "Kiyose-shi")).read().unwrap();
    assert_eq!(partition.scope().partition(), Some(&partition_name(kind, "Kiyose-shi")[..]));
    assert!(!format!("{partition:?}").contains("Kiyose"));
}

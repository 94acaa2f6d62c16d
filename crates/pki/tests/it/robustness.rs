//! Broken input: nothing panics, nothing passes.

use musubi_pki::*;
use proptest::prelude::*;

use crate::real_certificates::{AUTHENTICATION, SIGNATURE, judged, test_roots};
use crate::support::authority::{Authority, Leaf};
use crate::support::lists::{List, entry};
use crate::support::{Case, NOW, anchors};

/// Reads everything that can be read of it.
fn look_at(der: &[u8]) {
    if let Ok(certificate) = UnverifiedCertificate::parse(der) {
        let _ = (
            certificate.claimed_profile(),
            certificate.claimed_attributes(),
            certificate.public_key().is_ok(),
        );
        let _ = certificate.subject().texts(oid::COMMON_NAME);
    }
}

#[test]
fn no_cut_certificate_is_read() {
    for der in [SIGNATURE, AUTHENTICATION] {
        for length in 0..der.len() {
            assert!(UnverifiedCertificate::parse(&der[..length]).is_err(), "{length}");
        }
    }
}

#[test]
fn no_certificate_with_a_changed_byte_has_a_chain() {
    let roots = test_roots();
    for (der, kind) in
        [(SIGNATURE, AuthorityKind::DigitalSignature), (AUTHENTICATION, AuthorityKind::UserAuthentication)]
    {
        let mut changed = der.to_vec();
        for place in 0..der.len() {
            for mask in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF] {
                changed[place] ^= mask;
                look_at(&changed);
                let judgement = judged(&changed, kind, &roots);
                assert!(judgement.issued.is_none(), "byte {place}, mask {mask:02X}");
                assert!(judgement.certificate.is_none());
                changed[place] ^= mask;
            }
        }
        assert_eq!(changed, der);
    }
}

#[test]
fn no_changed_bit_of_good_evidence_passes() {
    let anchors = anchors();
    let mut case = Case::authentication();
    assert!(case.judged_by(&anchors).verdict.is_passed());
    for part in 0..3 {
        let length = [case.certificate.len(), case.signature.len(), case.document.len()][part];
        for place in 0..length {
            let flip = |case: &mut Case| {
                let bytes = [&mut case.certificate, &mut case.signature, &mut case.document];
                bytes.into_iter().nth(part).unwrap()[place] ^= 1 << (place % 8);
            };
            flip(&mut case);
            assert!(!case.judged_by(&anchors).verdict.is_passed(), "part {part}, byte {place}");
            flip(&mut case);
        }
    }
}

#[test]
fn no_list_with_a_changed_byte_is_verified() {
    let anchors = anchors();
    let mut list = List::of(&Authority::signature_second());
    for serial in 1..5 {
        list = list.entry(entry(&[serial], NOW, RevocationReason::Superseded));
    }
    let mut der = list.der();
    for place in 0..der.len() {
        assert!(VerifiedRevocationList::parse_and_verify(&der[..place], &anchors, MAX_LIST_BYTES).is_err());
        for mask in [0x01, 0x10, 0x80, 0xFF] {
            der[place] ^= mask;
            assert!(VerifiedRevocationList::parse_and_verify(&der, &anchors, MAX_LIST_BYTES).is_err());
            der[place] ^= mask;
        }
    }
}

#[test]
fn lengths_that_lie_and_deep_nesting_are_refused() {
    let anchors = anchors();
    for lie in [
        &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF][..],
        &[0x30, 0x80, 0, 0],
        &[0x30, 0x85, 1, 0, 0, 0, 0],
        &[0x30, 0x81, 0x7F],
        &[0x30],
        &[0xBF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0],
    ] {
        assert!(UnverifiedCertificate::parse(lie).is_err());
        assert!(VerifiedRevocationList::parse_and_verify(lie, &anchors, MAX_LIST_BYTES).is_err());
    }
    let nested: Vec<u8> = std::iter::repeat_n([0x30, 0x80], 4000).flatten().collect();
    assert!(UnverifiedCertificate::parse(&nested).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_no_certificate_and_no_list(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(UnverifiedCertificate::parse(&bytes).is_err());
        let production = TrustAnchors::production().unwrap();
        prop_assert!(VerifiedRevocationList::parse_and_verify(&bytes, &production, 1000).is_err());
    }

    #[test]
    fn scrambled_certificates_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut der = SIGNATURE.to_vec();
        for (place, value) in changes {
            let place = place.index(der.len());
            der[place] = value;
        }
        look_at(&der);
        look_at(&der[cut.index(der.len())..]);
    }

    /// Personal data of any text: read back as they were written, or refused.
    #[test]
    fn personal_data_survive_or_are_refused(name in "\\PC{0,12}", mask in "[01]{0,12}", birth in "[0-9]{9}", sex in "\\PC") {
        let leaf = Leaf::signature().with_personal_data(|data| {
            data[0].1 = name.clone();
            data[1].1 = birth.clone();
            data[2].1 = sex.clone();
            data[4].1 = mask.clone();
        });
        let der = Authority::signature_second().issue(&leaf);
        if let Ok(attributes) = UnverifiedCertificate::parse(&der).unwrap().claimed_attributes() {
            prop_assert_eq!(attributes.name, name);
            prop_assert_eq!(attributes.name_substitutes.len(), mask.len());
            prop_assert_eq!(attributes.date_of_birth.to_certificate(), birth);
        }
    }
}

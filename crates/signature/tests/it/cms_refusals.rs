//! What CMS refuses: every tampered copy breaks the rule that is named, or its value no longer verifies.

use musubi_crypto::DigestAlgorithm;
use musubi_pki::SubIndication::{
    CryptoConstraintsFailure, FormatFailure, HashFailure, NoSigningCertificateFound,
};
use musubi_pki::asn1;
use musubi_signature::Signed;
use musubi_signature::cms::find;

use crate::cms_message::{
    CONTENT_TYPE, MESSAGE_DIGEST, Message, SIGNING_TIME, SignerParts, after, attribute, broken, oid, only,
    pki, signer, tlv, verifies,
};

#[test]
fn a_message_that_is_put_together_again_is_the_same() {
    for name in ["rsa-attached", "cades-lta", "noattr"] {
        only(&Message::of(name), |found| {
            assert_eq!(broken(found), []);
            assert!(verifies(found));
        });
    }
}

/// jpki/myna GHSA-58hw-cg5m-88rp: the certificate was taken from the message, not from the signer identifier.
#[test]
fn ghsa_58hw_cg5m_88rp_the_signer_identifier_is_enforced() {
    let other = Message::of("p256");
    for name in ["rsa-attached", "noattr", "keyid"] {
        let mut message = Message::of(name);
        message.certificates.extend(other.certificates.clone());
        message.signers[0].id = other.signers[0].id.clone();
        message.signers[0].version = vec![2, 1, 1];
        only(&message, |found| {
            assert_eq!(signer(found), Some(pki("signer-p256").as_slice()), "the one that is named");
            assert!(!verifies(found), "its key did not sign");
        });
        // The named certificate is not there: the signing one is not taken instead.
        message.certificates.retain(|c| *c != pki("signer-p256"));
        only(&message, |found| {
            assert_eq!(signer(found), None);
            assert_eq!(broken(found), [("cms.signer_identifier", NoSigningCertificateFound)]);
        });
    }
}

#[test]
fn a_certificate_in_the_place_of_the_referenced_one_is_a_substitution() {
    // The reference is signed, the identifier is not: the reference wins.
    let mut message = Message::of("cades-attached");
    message.certificates.push(pki("signer-p256"));
    message.signers[0].id = Message::of("p256").signers[0].id.clone();
    only(&message, |found| {
        assert_eq!(signer(found), Some(pki("signer-rsa").as_slice()));
        assert_eq!(broken(found), [("cms.signer_identifier", NoSigningCertificateFound)]);
    });
    // Another certificate under the same identifier.
    let mut message = Message::of("cades-attached");
    let own = message.certificates.iter().position(|c| *c == pki("signer-rsa")).unwrap();
    let last = message.certificates[own].len() - 1;
    message.certificates[own][last] ^= 1;
    only(&message, |found| {
        assert_eq!(broken(found), [("cades.signing_certificate", NoSigningCertificateFound)]);
    });
    // With both at hand the one that is referenced to is taken.
    message.certificates.push(pki("signer-rsa"));
    only(&message, |found| {
        assert_eq!(broken(found), []);
        assert_eq!(signer(found), Some(pki("signer-rsa").as_slice()));
    });
}

#[test]
fn two_certificates_under_one_identifier_are_not_told_apart_without_a_reference() {
    let mut message = Message::of("rsa-attached");
    let mut twin = pki("signer-rsa");
    let last = twin.len() - 1;
    twin[last] ^= 1;
    message.certificates.push(twin);
    only(&message, |found| {
        assert_eq!(broken(found), [("cms.signer_identifier", NoSigningCertificateFound)]);
    });
    // The same certificate twice is one.
    let mut message = Message::of("rsa-attached");
    message.certificates.push(pki("signer-rsa"));
    only(&message, |found| assert_eq!(broken(found), []));
}

const SIGNING_CERTIFICATE: &str = "1.2.840.113549.1.9.16.2.12";
const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";

/// `SigningCertificate` or `SigningCertificateV2` with one reference.
fn reference(algorithm: &[u8], hash: &[u8], issuer_serial: &[u8]) -> Vec<u8> {
    let id = tlv(0x30, &[algorithm, &tlv(0x04, hash), issuer_serial].concat());
    tlv(0x30, &tlv(0x30, &id))
}

#[test]
fn every_reference_must_be_to_the_same_certificate_by_digest_issuer_and_serial_number() {
    let rsa = pki("signer-rsa");
    let sha1 = DigestAlgorithm::Sha1.digest(&[&rsa]);
    let sha256 = DigestAlgorithm::Sha256.digest(&[&rsa]);
    let sha512 = DigestAlgorithm::Sha512.digest(&[&rsa]);
    let own = Message::of("rsa-attached").signers[0].id.clone();
    let issuer_serial = |id: &[u8]| {
        // IssuerSerial has GeneralNames where IssuerAndSerialNumber has a Name.
        let (name, serial) = asn1::whole(id, |outer| {
            outer.inside(der::Tag::Sequence, |pair| {
                Ok::<_, asn1::Malformed>((pair.name()?.to_vec(), pair.any()?.raw.to_vec()))
            })
        })
        .unwrap();
        tlv(0x30, &[tlv(0x30, &tlv(0xA4, &name)), serial].concat())
    };
    let with = |attributes: Vec<Vec<u8>>| {
        after("rsa-attached", |signer| signer.sign_attributes(|list| list.extend(attributes)))
    };
    let v1 = |value| attribute(SIGNING_CERTIFICATE, &[value]);
    let v2 = |value| attribute(SIGNING_CERTIFICATE_V2, &[value]);
    let algorithm = |id: &str| tlv(0x30, &oid(id));
    let refused = [("cades.signing_certificate", NoSigningCertificateFound)];
    let malformed = [("cades.signing_certificate", FormatFailure)];

    assert_eq!(with(vec![v2(reference(&[], sha256.as_ref(), &[]))]), []);
    assert_eq!(with(vec![v1(reference(&[], sha1.as_ref(), &[]))]), []);
    let sha512_id = algorithm("2.16.840.1.101.3.4.2.3");
    assert_eq!(with(vec![v2(reference(&sha512_id, sha512.as_ref(), &issuer_serial(&own)))]), []);
    let both = vec![v1(reference(&[], sha1.as_ref(), &[])), v2(reference(&[], sha256.as_ref(), &[]))];
    assert_eq!(with(both), []);

    let stranger = issuer_serial(&Message::of("p256").signers[0].id);
    assert_eq!(with(vec![v2(reference(&[], sha256.as_ref(), &stranger))]), refused);
    let wrong_v1 = DigestAlgorithm::Sha1.digest(&[b"another"]);
    let both = vec![v1(reference(&[], wrong_v1.as_ref(), &[])), v2(reference(&[], sha256.as_ref(), &[]))];
    assert_eq!(with(both), refused);
    // MD5.
    let md5 = algorithm("1.2.840.113549.2.5");
    assert_eq!(with(vec![v2(reference(&md5, &[0; 16], &[]))]), refused);
    assert_eq!(with(vec![v2(tlv(0x30, &tlv(0x30, &[])))]), malformed);
    assert_eq!(with(vec![v2(vec![5, 0])]), malformed);
}

#[test]
fn signed_attributes_that_are_not_der_are_refused() {
    let refused = [("cms.signed_attributes", FormatFailure)];
    let reversed = |signer: &mut SignerParts| signer.signed.as_mut().unwrap().reverse();
    assert_eq!(after("rsa-attached", reversed), refused);
    assert_eq!(after("rsa-attached", |s| s.signed = Some(Vec::new())), refused);
    assert_eq!(after("rsa-attached", |s| s.sign_attributes(|list| list.push(vec![5, 0]))), refused);
    // An indefinite length, and a length with a needless zero, are BER.
    let attributes = Message::of("rsa-attached").signers[0].signed.clone().unwrap().concat();
    let indefinite = [vec![0xA0, 0x80], attributes.clone(), vec![0, 0]].concat();
    let length = attributes.len();
    let long = [vec![0xA0, 0x83, 0, (length >> 8) as u8, length as u8], attributes].concat();
    for wrong in [indefinite, long] {
        assert_eq!(after("rsa-attached", |s| s.signed_raw = Some(wrong)), refused);
    }
}

#[test]
fn an_attribute_that_stands_twice_or_has_two_values_is_refused() {
    let refused = [("cms.signed_attributes", FormatFailure)];
    for id in [CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME] {
        let twice = |s: &mut SignerParts| {
            let at = s.position(id);
            s.sign_attributes(|list| list.push(list[at].clone()));
        };
        assert_eq!(after("rsa-attached", twice), refused, "{id}");
        let two_values = |s: &mut SignerParts| {
            let at = s.position(id);
            s.sign_attributes(|list| {
                let value = tlv(0x04, &[1]);
                list[at] = attribute(id, &[value.clone(), tlv(0x04, &[2])]);
            });
        };
        assert_eq!(after("rsa-attached", two_values), refused, "{id}");
    }
    // Also one that is not known.
    let unknown = || attribute("1.2.3.4.5", &[vec![5, 0]]);
    let twice = |s: &mut SignerParts| s.sign_attributes(|list| list.extend([unknown(), unknown()]));
    assert_eq!(after("rsa-attached", twice), refused);
    let once = |s: &mut SignerParts| s.sign_attributes(|list| list.push(unknown()));
    assert_eq!(after("rsa-attached", once), []);
}

#[test]
fn the_type_and_the_digest_of_the_content_must_be_signed() {
    let without = |id: &'static str| {
        after("rsa-attached", |s| {
            let at = s.position(id);
            s.sign_attributes(|list| drop(list.remove(at)));
        })
    };
    assert_eq!(without(CONTENT_TYPE), [("cms.content_type", FormatFailure)]);
    assert_eq!(without(MESSAGE_DIGEST), [("cms.message_digest", FormatFailure)]);
    assert_eq!(without(SIGNING_TIME), []);

    let mut message = Message::of("rsa-attached");
    message.content_type = oid("1.2.840.113549.1.9.16.1.4");
    only(&message, |found| assert_eq!(broken(found), [("cms.content_type", FormatFailure)]));
    let mut message = Message::of("rsa-attached");
    let last = message.content.as_ref().unwrap().len() - 1;
    message.content.as_mut().unwrap()[last] ^= 1;
    only(&message, |found| assert_eq!(broken(found), [("cms.message_digest", HashFailure)]));
}

#[test]
fn content_of_another_type_needs_signed_attributes() {
    let mut message = Message::of("noattr");
    message.content_type = oid("1.2.840.113549.1.9.16.1.4");
    only(&message, |found| assert_eq!(broken(found), [("cms.signed_attributes", FormatFailure)]));
}

/// Strenzke: the signed attributes of a good signature, shown as the content of one without signed attributes.
#[test]
fn signed_attributes_shown_as_content_are_refused() {
    let mut message = Message::of("rsa-attached");
    let attributes = message.signers[0].signed.take().unwrap();
    let set = tlv(0x31, &attributes.concat());
    // In one piece, and in two.
    let (first, second) = set.split_at(1);
    let pieces = tlv(0x24, &[tlv(0x04, first), tlv(0x04, second)].concat());
    for content in [tlv(0x04, &set), pieces] {
        message.content = Some(content);
        only(&message, |found| {
            assert!(verifies(found), "the value is good: only the rule stands in the way");
            assert_eq!(broken(found), [("cms.content_is_no_attributes", FormatFailure)]);
        });
    }
}

#[test]
fn a_signature_over_content_that_is_a_set_of_something_else_is_none_over_attributes() {
    let mut message = Message::of("noattr");
    message.content = Some(tlv(0x04, &tlv(0x31, &tlv(0x04, b"not an attribute"))));
    only(&message, |found| {
        assert_eq!(broken(found), []);
        assert!(!verifies(found));
    });
}

const RSA: &str = "1.2.840.113549.1.1.1";
const SHA256_RSA: &str = "1.2.840.113549.1.1.11";
const SHA512: &str = "2.16.840.1.101.3.4.2.3";

#[test]
fn a_digest_that_does_not_belong_to_the_signature_algorithm_is_refused() {
    let null = [5, 0].to_vec();
    let set = |s: &mut SignerParts, id: &str, parameters: &[u8]| {
        s.algorithm = tlv(0x30, &[oid(id), parameters.to_vec()].concat());
    };
    // Absent parameters of RSA are accepted (RFC 5754 3.2).
    assert_eq!(after("rsa-attached", |s| set(s, SHA256_RSA, &[])), []);
    assert_eq!(after("rsa-attached", |s| set(s, SHA256_RSA, &null)), []);
    assert_eq!(after("rsa-attached", |s| set(s, RSA, &null)), []);
    let refused = [("cms.algorithms", FormatFailure)];
    assert_eq!(after("rsa-attached", |s| set(s, "1.2.840.113549.1.1.13", &null)), refused);
    assert_eq!(after("rsa-attached", |s| set(s, SHA256_RSA, &[4, 0])), refused);
    assert_eq!(after("p256", |s| set(s, "1.2.840.10045.4.3.2", &null)), refused);
    assert_eq!(after("p256", |s| set(s, "1.2.840.10045.4.3.3", &[])), refused);
    let unknown = [("cms.algorithms", CryptoConstraintsFailure)];
    // id-ecPublicKey, with a curve; ecdsa-with-SHA1; SHA3-256 with RSA.
    assert_eq!(after("p256", |s| set(s, "1.2.840.10045.2.1", &oid("1.2.840.10045.3.1.7"))), unknown);
    assert_eq!(after("p256", |s| set(s, "1.2.840.10045.4.1", &[])), unknown);
    assert_eq!(after("rsa-attached", |s| set(s, "2.16.840.1.101.3.4.3.14", &null)), unknown);
    let md5 = after("rsa-attached", |s| s.digest = tlv(0x30, &oid("1.2.840.113549.2.5")));
    assert_eq!(md5, [unknown[0], ("cms.message_digest", CryptoConstraintsFailure)]);
    // RFC 8419 3: Ed25519 with signed attributes goes with SHA-512.
    let sha256 = |s: &mut SignerParts| s.digest = tlv(0x30, &oid("2.16.840.1.101.3.4.2.1"));
    assert_eq!(after("cades-ed25519", sha256), [refused[0], ("cms.message_digest", HashFailure)]);
}

#[test]
fn the_protected_algorithms_must_be_those_outside() {
    let digest = Message::of("rsa-attached").signers[0].digest.clone();
    let algorithm = Message::of("rsa-attached").signers[0].algorithm.clone();
    let protection = |digest: &[u8], algorithm: &[u8]| {
        let implicit = [&[0xA1], algorithm.get(1..).unwrap_or_default()].concat();
        let value = tlv(0x30, &[digest, &implicit].concat());
        after("rsa-attached", |s| {
            s.sign_attributes(|list| {
                list.push(attribute("1.2.840.113549.1.9.52", &[value]));
            });
        })
    };
    assert_eq!(protection(&digest, &algorithm), []);
    let refused = [("cms.algorithm_protection", FormatFailure)];
    assert_eq!(protection(&tlv(0x30, &oid(SHA512)), &algorithm), refused);
    assert_eq!(protection(&digest, &tlv(0x30, &[oid(SHA256_RSA), vec![5, 0]].concat())), refused);
    assert_eq!(protection(&digest, &[]), refused);
}

#[test]
fn a_version_that_does_not_go_with_the_identifier_is_refused() {
    let refused = [("cms.signer_info", FormatFailure)];
    assert_eq!(after("rsa-attached", |s| s.version = vec![2, 1, 3]), refused);
    assert_eq!(after("keyid", |s| s.version = vec![2, 1, 1]), refused);
}

#[test]
fn an_unreadable_signer_is_still_accounted_for() {
    let mut message = Message::of("two-signers");
    message.signers[0].signature = vec![5, 0];
    let cms = message.write();
    let found = find(&cms, None).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(broken(&found[0]), [("cms.signer_info", FormatFailure)]);
    assert!(!verifies(&found[0]));
    assert_eq!(broken(&found[1]), []);
}

#[test]
fn what_is_signed_is_what_stands_in_the_file() {
    let message = Message::of("rsa-attached");
    let attributes = message.signers[0].signed.clone().unwrap().concat();
    only(&message, |found| {
        let Signed::Bytes(bytes) = &found.value.signed else { panic!("not bytes") };
        assert_eq!(bytes.as_ref(), tlv(0x31, &attributes));
    });
}

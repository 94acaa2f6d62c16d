//! Unsigned attributes, which anyone can change: counter-signatures, values for the long term, archive time-stamps.

use musubi_crypto::DigestAlgorithm;
use musubi_pki::SubIndication::{FormatFailure, HashFailure};
use musubi_pki::asn1;
use musubi_signature::cms::find;
use musubi_signature::{Covered, Extent, Level, NotASignature, TimestampKind};

use crate::cms_message::{
    CONTENT_TYPE, MESSAGE_DIGEST, Message, SignerParts, after, attribute, broken, fixture, oid, only, pki,
    signer, stamps, tlv,
};

const SHA512: &str = "2.16.840.1.101.3.4.2.3";

#[test]
fn malformed_unsigned_attributes_and_values_break_a_rule_of_their_own() {
    let unsigned = |list: Vec<Vec<u8>>| after("rsa-attached", |s| s.unsigned = list);
    assert_eq!(unsigned(vec![vec![5, 0]]), [("cms.unsigned_attributes", FormatFailure)]);
    let refused = [("cms.validation_data", FormatFailure)];
    for id in ["1.2.840.113549.1.9.16.2.23", "1.2.840.113549.1.9.16.2.24"] {
        assert_eq!(unsigned(vec![attribute(id, &[vec![4, 0]])]), refused, "{id}");
    }
    assert_eq!(unsigned(vec![attribute("1.2.3.4.5", &[vec![4, 0]])]), []);
}

#[test]
fn values_of_attributes_are_handed_out() {
    let mut message = Message::of("rsa-attached");
    let (crl, ocsp) = (fixture("pki/intermediate.crl"), fixture("pki/signer-rsa.ocsp"));
    let certificates = tlv(0x30, &pki("root"));
    let revocation = tlv(0x30, &[tlv(0xA0, &tlv(0x30, &crl)), tlv(0xA1, &tlv(0x30, &ocsp))].concat());
    message.signers[0].unsigned = vec![
        attribute("1.2.840.113549.1.9.16.2.23", &[certificates]),
        attribute("1.2.840.113549.1.9.16.2.24", std::slice::from_ref(&revocation)),
    ];
    only(&message, |found| {
        assert_eq!(broken(found), []);
        assert!(found.certificates.iter().any(|c| *c == pki("root")));
        assert_eq!((found.crls[0].as_ref(), found.ocsp[0].as_ref()), (&*crl, &*ocsp));
    });
    // Adobe's signed attribute of the same form.
    let mut message = Message::of("rsa-attached");
    message.signers[0].sign_attributes(|list| {
        list.push(attribute("1.2.840.113583.1.1.8", &[revocation]));
    });
    only(&message, |found| assert_eq!((found.crls.len(), found.ocsp.len()), (1, 1)));
}

const COUNTER_SIGNATURE: &str = "1.2.840.113549.1.9.6";

/// A counter-signer over this signature value; its own value is of no interest.
fn counter_signer(over: &[u8]) -> SignerParts {
    let mut signer = Message::of("p256").signers[0].clone();
    let at = signer.position(CONTENT_TYPE);
    let digest = DigestAlgorithm::Sha256.digest(&[over]);
    signer.sign_attributes(|list| drop(list.remove(at)));
    let at = signer.position(MESSAGE_DIGEST);
    signer.sign_attributes(|list| list[at] = attribute(MESSAGE_DIGEST, &[tlv(0x04, digest.as_ref())]));
    signer
}

/// The value of an element.
fn octets(element: &[u8]) -> &[u8] {
    asn1::whole(element, |e| Ok::<_, asn1::Malformed>(e.any()?.value)).unwrap()
}

#[test]
fn a_counter_signature_is_a_signature_of_the_signature() {
    let mut message = Message::of("rsa-attached");
    message.certificates.extend(Message::of("p256").certificates);
    let good = counter_signer(octets(&message.signers[0].signature));
    let mut with_type = good.clone();
    with_type.sign_attributes(|list| {
        list.push(attribute(CONTENT_TYPE, &[oid("1.2.840.113549.1.7.1")]));
    });
    let elsewhere = counter_signer(b"another signature");
    message.signers[0].unsigned =
        vec![attribute(COUNTER_SIGNATURE, &[good.write(), with_type.write(), elsewhere.write()])];
    let cms = message.write();
    let found = find(&cms, None).unwrap();
    assert_eq!(found.len(), 4);
    assert_eq!(broken(&found[1]), []);
    assert_eq!(found[1].location, "signer 1, counter-signature 1");
    assert_eq!(found[1].extent, Extent::Part("the signature value of signer 1".to_owned()));
    assert_eq!(signer(&found[1]), Some(pki("signer-p256").as_slice()));
    assert_eq!(broken(&found[2]), [("cms.content_type", FormatFailure)]);
    assert_eq!(broken(&found[3]), [("cms.message_digest", HashFailure)]);
}

#[test]
fn counter_signatures_of_counter_signatures_have_an_end() {
    let nested = |levels: usize| {
        let mut message = Message::of("rsa-attached");
        let base = message.signers[0].clone();
        let inner = (0..levels).fold(base.write(), |inner, _| {
            let mut signer = base.clone();
            signer.unsigned = vec![attribute(COUNTER_SIGNATURE, &[inner])];
            signer.write()
        });
        message.signers[0].unsigned = vec![attribute(COUNTER_SIGNATURE, &[inner])];
        find(&message.write(), None).map(|found| found.len())
    };
    assert_eq!(nested(3), Ok(5));
    assert!(matches!(nested(4), Err(NotASignature::TooMuch { .. })));
}

#[test]
fn an_archive_time_stamp_whose_index_names_what_is_gone_covers_nothing() {
    let archived = |change: &dyn Fn(&mut Message)| {
        let mut message = Message::of("cades-lta");
        change(&mut message);
        only(&message, |found| {
            let stamp = found.timestamps.iter().find(|t| t.kind == TimestampKind::Archive).unwrap();
            (matches!(stamp.covered, Covered::Parts(_)), stamps(stamp), found.level)
        })
    };
    assert_eq!(archived(&|_| ()), (true, true, Level::Lta));
    // What is added later is not covered, and does no harm.
    assert_eq!(archived(&|m| m.certificates.push(pki("stranger"))), (true, true, Level::Lta));
    let added = || attribute("1.2.3.4.5", &[vec![5, 0]]);
    assert_eq!(archived(&|m| m.signers[0].unsigned.push(added())), (true, true, Level::Lta));
    // What is taken away is missed.
    assert_eq!(archived(&|m| drop(m.revocation.pop())), (false, false, Level::Lt));
    let intermediate = pki("intermediate");
    let without = |m: &mut Message| m.certificates.retain(|c| *c != intermediate);
    assert_eq!(archived(&without), (false, false, Level::Lt));
    assert_eq!(archived(&|m| drop(m.signers[0].unsigned.remove(0))), (false, false, Level::B));
    // Another signature under the same index.
    let other = |m: &mut Message| m.signers[0].signature[20] ^= 1;
    assert_eq!(archived(&other), (true, false, Level::Lta));
}

#[test]
fn time_stamps_that_prove_nothing_are_reported_as_such() {
    let mut message = Message::of("cades-t");
    let token = message.signers[0].unsigned[0].clone();
    let value = &octets(&token)[oid("1.2.840.113549.1.9.16.2.14").len()..];
    for id in ["1.2.840.113549.1.9.16.2.48", "1.2.840.113549.1.9.16.2.27", "1.2.840.113549.1.9.16.2.25"] {
        message.signers[0].unsigned = vec![tlv(0x30, &[&oid(id), value].concat())];
        only(&message, |found| {
            assert_eq!(found.timestamps[0].kind, TimestampKind::Other);
            assert!(matches!(found.timestamps[0].covered, Covered::Unusable(_)));
            assert_eq!(found.level, Level::B);
        });
    }
}

/// The archive time-stamp of the fixture with these unsigned attributes in the place of its index.
fn indexed(attributes: Vec<Vec<u8>>) -> Message {
    let mut message = Message::of("cades-lta");
    let at = message.signers[0].unsigned.len() - 1;
    let id = oid("1.2.840.113549.1.7.2");
    let attribute_bytes = message.signers[0].unsigned[at].clone();
    // The token is the only value of the attribute.
    let start = attribute_bytes.windows(id.len()).position(|w| w == id).unwrap() - 4;
    let mut token = Message::read(&attribute_bytes[start..]).unwrap();
    token.signers[0].unsigned = attributes;
    message.signers[0].unsigned[at] = attribute("0.4.0.1733.2.4", &[token.write()]);
    message
}

#[test]
fn the_index_of_an_archive_time_stamp_is_one_and_made_with_its_digest() {
    const FIRST: &str = "0.4.0.1733.2.5";
    const SECOND: &str = "0.4.0.19122.1.4";
    const THIRD: &str = "0.4.0.19122.1.5";
    let covered = |attributes: Vec<Vec<u8>>| {
        only(&indexed(attributes), |found| {
            let stamp = found.timestamps.iter().find(|t| t.kind == TimestampKind::Archive).unwrap();
            match &stamp.covered {
                Covered::Parts(parts) => Ok(parts.last().unwrap().to_vec()),
                Covered::Unusable(why) => Err(*why),
            }
        })
    };
    let list = |digests: &[Vec<u8>]| {
        tlv(0x30, &digests.iter().flat_map(|digest| tlv(0x04, digest)).collect::<Vec<u8>>())
    };
    let sha256 = |bytes: &[u8]| DigestAlgorithm::Sha256.digest(&[bytes]).as_ref().to_vec();
    let index = |algorithm: &[u8], certificates: &[Vec<u8>], attributes: &[Vec<u8>]| {
        tlv(0x30, &[algorithm, &list(certificates), &list(&[]), &list(attributes)].concat())
    };
    let of_sha256 = tlv(0x30, &oid("2.16.840.1.101.3.4.2.1"));
    let of_sha512 = tlv(0x30, &oid(SHA512));
    let certificates = [sha256(&pki("intermediate"))];
    let stamp = Message::of("cades-lta").signers[0].unsigned[0].clone();

    let third = index(&of_sha256, &certificates, &[]);
    assert_eq!(covered(vec![attribute(THIRD, std::slice::from_ref(&third))]), Ok(third.clone()));
    // The first form names whole attributes, and SHA-256 may be left out of it.
    for algorithm in [&[], of_sha256.as_slice()] {
        let first = index(algorithm, &certificates, &[sha256(&stamp)]);
        assert_eq!(covered(vec![attribute(FIRST, std::slice::from_ref(&first))]), Ok(first));
    }
    let gone = Err("the ats-hash-index names something that is not there");
    assert_eq!(covered(vec![attribute(THIRD, &[index(&of_sha256, &[], &[sha256(&stamp)])])]), gone);
    assert_eq!(covered(vec![attribute(THIRD, &[index(&of_sha256, &[sha256(b"gone")], &[])])]), gone);
    let other = Err("the ats-hash-index has another digest algorithm");
    assert_eq!(covered(vec![attribute(THIRD, &[index(&of_sha512, &[], &[])])]), other);
    let malformed = Err("the ats-hash-index is malformed");
    assert_eq!(covered(vec![attribute(THIRD, &[index(&[], &certificates, &[])])]), malformed);
    let not_one = Err("not exactly one ats-hash-index");
    assert_eq!(covered(vec![]), not_one);
    assert_eq!(covered(vec![attribute(SECOND, std::slice::from_ref(&third))]), not_one);
    assert_eq!(covered(vec![attribute(THIRD, &[third.clone(), third])]), not_one);
}

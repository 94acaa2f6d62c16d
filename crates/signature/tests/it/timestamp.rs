//! Time-stamps as OpenSSL and pyHanko make them, and what is refused of them.

use musubi_crypto::DigestAlgorithm;
use musubi_kernel::UnixTime;
use musubi_pki::SubIndication::{FormatFailure, HashFailure, NoSigningCertificateFound};
use musubi_signature::timestamp::{Token, find};
use musubi_signature::{Extent, NotASignature};

use crate::cms_message::{
    MESSAGE_DIGEST, Message, attribute, broken, content, fixture, kept, oid, signer, tlv, verifies,
};

fn file(name: &str) -> Vec<u8> {
    fixture(&format!("timestamp/{name}"))
}

fn token() -> Message {
    Message::read(&file("sha256.token")).unwrap()
}

#[test]
fn a_token_says_what_was_stamped_and_when() {
    let bytes = file("sha256.token");
    let Token { found, info } = Token::parse(&bytes).unwrap();
    assert_eq!(broken(&found), []);
    assert!(verifies(&found));
    assert_eq!(signer(&found), Some(fixture("pki/tsa.der").as_slice()));
    for rule in ["timestamp.signing_certificate", "timestamp.tst_info", "timestamp.tsa", "cms.one_signer"] {
        assert!(kept(&found, rule), "{rule}");
    }
    assert_eq!(info.imprint, DigestAlgorithm::Sha256.digest(&[&content()]));
    assert_eq!(info.policy.to_string(), "1.2.392.200149.1.1");
    assert_eq!(info.accuracy_ms, Some(1_501));
    assert!(info.ordering);
    assert!(info.nonce.is_some_and(|n| n.len() >= 8));
    assert!(!info.serial.is_empty());
    assert!(info.gen_time > UnixTime::parse_rfc3339("2026-01-01T00:00:00Z").unwrap());
}

#[test]
fn responses_and_tokens_are_documents_over_other_files() {
    let content = content();
    for name in ["sha256.token", "sha256.tsr", "sha512.tsr", "sha1.tsr", "ess-sha1.tsr"] {
        let bytes = file(name);
        let found = find(&bytes, Some(&content)).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(broken(&found[0]), [], "{name}");
        assert!(verifies(&found[0]), "{name}");
        assert!(kept(&found[0], "timestamp.imprint"));
        assert_eq!(found[0].extent, Extent::Detached);
        let other = find(&bytes, Some(b"another document")).unwrap();
        assert_eq!(broken(&other[0]), [("timestamp.imprint", HashFailure)]);
    }
    assert_eq!(find(&file("sha256.tsr"), None).unwrap_err(), NotASignature::ContentMissing);
}

#[test]
fn a_weak_imprint_is_told_so_that_a_policy_can_refuse_it() {
    let (bytes, content) = (file("sha1.tsr"), content());
    let found = find(&bytes, Some(&content)).unwrap();
    assert_eq!(found[0].digests, [DigestAlgorithm::Sha256, DigestAlgorithm::Sha1]);
}

#[test]
fn a_response_that_grants_nothing_is_no_time_stamp() {
    assert_eq!(find(&file("refused.tsr"), Some(&content())).unwrap_err(), NotASignature::NoSignature);
    // A token beside a refusal does not count.
    let granted = file("sha256.tsr");
    let at = granted.windows(5).position(|w| w == [0x30, 3, 2, 1, 0]).unwrap();
    let mut refused = granted.clone();
    refused[at + 4] = 2;
    assert_eq!(find(&refused, Some(&content())).unwrap_err(), NotASignature::NoSignature);
}

#[test]
fn a_token_without_certificates_needs_the_authority_s_from_elsewhere() {
    let (bytes, content) = (file("without-certificates.tsr"), content());
    let found = find(&bytes, Some(&content)).unwrap();
    assert_eq!(signer(&found[0]), None);
    let missing = NoSigningCertificateFound;
    let expected = ["cms.signer_identifier", "timestamp.signing_certificate", "timestamp.tsa"];
    assert_eq!(broken(&found[0]), expected.map(|id| (id, missing)));
}

#[test]
fn a_token_has_one_signer() {
    let mut message = token();
    message.signers.push(message.signers[0].clone());
    let bytes = message.write();
    assert_eq!(broken(&Token::parse(&bytes).unwrap().found), [("cms.one_signer", FormatFailure)]);
}

#[test]
fn a_token_refers_to_its_certificate() {
    let mut message = token();
    let at = message.signers[0].position("1.2.840.113549.1.9.16.2.47");
    message.signers[0].sign_attributes(|list| drop(list.remove(at)));
    let bytes = message.write();
    let refused = [("timestamp.signing_certificate", NoSigningCertificateFound)];
    assert_eq!(broken(&Token::parse(&bytes).unwrap().found), refused);

    let mut message = token();
    let own = message.certificates.iter().position(|c| *c == fixture("pki/tsa.der")).unwrap();
    let last = message.certificates[own].len() - 1;
    message.certificates[own][last] ^= 1;
    let bytes = message.write();
    assert_eq!(broken(&Token::parse(&bytes).unwrap().found), refused);
}

#[test]
fn other_content_is_no_token() {
    let cms = fixture("cms/rsa-attached.p7");
    assert_eq!(Token::parse(&cms).unwrap_err(), NotASignature::Malformed("not a time-stamp token"));
    let mut message = token();
    message.content = None;
    assert!(Token::parse(&message.write()).is_err());
    for name in ["sha256.tsr", "sha256.token"] {
        let trailing = [file(name), vec![0]].concat();
        assert!(find(&trailing, Some(&content())).is_err(), "{name}");
    }
}

/// The token with another `TSTInfo`, its digest made right.
fn with_info(info: Vec<u8>) -> Vec<u8> {
    let mut message = token();
    let digest = DigestAlgorithm::Sha256.digest(&[&info]);
    message.content = Some(tlv(0x04, &info));
    let at = message.signers[0].position(MESSAGE_DIGEST);
    message.signers[0]
        .sign_attributes(|list| list[at] = attribute(MESSAGE_DIGEST, &[tlv(0x04, digest.as_ref())]));
    message.write()
}

/// A `TSTInfo` of these parts: version, time, and all that follows it.
fn info(version: u8, time: &str, rest: &[Vec<u8>]) -> Vec<u8> {
    let imprint = tlv(0x30, &[tlv(0x30, &oid("2.16.840.1.101.3.4.2.1")), tlv(0x04, &[7; 32])].concat());
    let parts = [
        tlv(0x02, &[version]),
        oid("1.2.3"),
        imprint,
        tlv(0x02, &[5]),
        tlv(0x18, time.as_bytes()),
        rest.concat(),
    ];
    tlv(0x30, &parts.concat())
}

const TIME: &str = "20261101120000Z";

#[test]
fn the_time_is_read_to_the_second_and_strictly() {
    let at = |time: &str| Token::parse(&with_info(info(1, time, &[]))).map(|t| t.info.gen_time.rfc3339());
    assert_eq!(at(TIME).as_deref(), Ok("2026-11-01T12:00:00Z"));
    assert_eq!(at("20261101120000.999Z").as_deref(), Ok("2026-11-01T12:00:00Z"));
    let wrong =
        ["20261101120000", "20261101120000+0900", "202611011200Z", "20261101120000.Z", "20261101120000.10Z"];
    for time in wrong.into_iter().chain(["20260230120000Z", "20261101120060Z", "2026110112000 Z"]) {
        assert!(at(time).is_err(), "{time}");
    }
}

#[test]
fn optional_parts_are_read() {
    let parse = |rest: &[Vec<u8>]| Token::parse(&with_info(info(1, TIME, rest))).map(|t| t.info);
    let plain = parse(&[]).unwrap();
    assert_eq!((plain.accuracy_ms, plain.ordering, plain.nonce), (None, false, None));
    let accuracy = |parts: &[Vec<u8>]| parse(&[tlv(0x30, &parts.concat())]).map(|i| i.accuracy_ms);
    assert_eq!(accuracy(&[tlv(0x02, &[2])]), Ok(Some(2_000)));
    assert_eq!(accuracy(&[tlv(0x80, &[1, 0xF4]), tlv(0x81, &[1])]), Ok(Some(501)));
    assert_eq!(accuracy(&[]), Ok(Some(0)));
    assert!(accuracy(&[tlv(0x80, &[3, 0xE8])]).is_err(), "1000 milliseconds are a second");
    let info = parse(&[tlv(0x01, &[0xFF]), tlv(0x02, &[0, 0xFF])]).unwrap();
    assert_eq!((info.ordering, info.nonce), (true, Some(vec![0, 0xFF])));
    assert!(parse(&[tlv(0x02, &[1; 65])]).is_err());
    assert!(parse(&[vec![5, 0]]).is_err());
}

#[test]
fn another_version_a_critical_extension_or_another_authority_break_a_rule() {
    let parse = |info: Vec<u8>| {
        let bytes = with_info(info);
        broken(&Token::parse(&bytes).unwrap().found)
    };
    assert_eq!(parse(info(1, TIME, &[])), []);
    let refused = [("timestamp.tst_info", FormatFailure)];
    assert_eq!(parse(info(2, TIME, &[])), refused);
    let extension = |critical: &[u8]| {
        let parts = [oid("1.2.3.4"), critical.to_vec(), tlv(0x04, &[])].concat();
        info(1, TIME, &[tlv(0xA1, &tlv(0x30, &parts))])
    };
    assert_eq!(parse(extension(&[])), []);
    assert_eq!(parse(extension(&[1, 1, 0xFF])), refused);
    // directoryName: an empty name is not the authority's.
    let named = info(1, TIME, &[tlv(0xA0, &tlv(0xA4, &tlv(0x30, &[])))]);
    assert_eq!(parse(named), [("timestamp.tsa", NoSigningCertificateFound)]);
}

#[test]
fn an_imprint_of_an_unknown_algorithm_cannot_be_judged() {
    let imprint = tlv(0x30, &[tlv(0x30, &oid("1.2.840.113549.2.5")), tlv(0x04, &[7; 16])].concat());
    let parts =
        [tlv(0x02, &[1]), oid("1.2.3"), imprint, tlv(0x02, &[5]), tlv(0x18, TIME.as_bytes())].concat();
    let unknown = NotASignature::Malformed("the algorithm of the imprint is not known");
    assert_eq!(Token::parse(&with_info(tlv(0x30, &parts))).unwrap_err(), unknown);
}
